/* SPDX-License-Identifier: Apache-2.0 */
#include "client/lib/internal.h"

#include "common/base/clock.h"
#include "common/base/log.h"

#include <stdarg.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define TIMEOUT_MS 2000
#define NS_PER_S INT64_C(1000000000)
/* What the first header had of struct zenlead_options. */
#define OPTIONS_LEAST offsetof(struct zenlead_options, turn_changed)

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void init_once(void)
{
    zl_log_set_level(ZL_LOG_LEVEL_NONE); /* this copy of it belongs to the library alone */
    zl_kube_init();
}

int zl_lead_refuse(struct zenlead_error *error, enum zenlead_status status, const char *format, ...)
{
    if (error != NULL) {
        va_list args;
        va_start(args, format);
        error->status = status;
        (void)vsnprintf(error->message, sizeof error->message, format, args);
        va_end(args);
    }
    return status;
}

int zl_lead_fail(struct zenlead_error *error, enum zl_status status, const char *message)
{
    enum zenlead_status code = ZENLEAD_E_API;
    if (status == ZL_E_INVALID || status == ZL_E_NOT_FOUND) {
        code = ZENLEAD_E_INVALID;
    } else if (status == ZL_E_DENIED) {
        code = ZENLEAD_E_DENIED;
    }
    return zl_lead_refuse(error, code, "%s", message);
}

/* GIVEN, else the environment's; the caller frees. */
static char *choose(const char *given, const char *variable)
{
    const char *text = given != NULL ? given : getenv(variable);
    return text != NULL && *text != '\0' ? zl_strdup(text) : NULL;
}

int zenlead_open(const struct zenlead_options *options, zenlead **out, struct zenlead_error *error)
{
    struct zenlead_options all = ZENLEAD_OPTIONS_INIT;
    if (options !=
        NULL) { /* of a program that was compiled against an earlier header they end sooner */
        memcpy(&all, options, options->size < sizeof all ? options->size : sizeof all);
    }
    options = &all;
    if (options->size < OPTIONS_LEAST || options->timeout_ms < 0) {
        return zl_lead_refuse(error, ZENLEAD_E_INVALID,
                              "options: begin with ZENLEAD_OPTIONS_INIT; no negative time-out");
    }
    zenlead *handle = zl_alloc(sizeof *handle);
    handle->kubeconfig = zl_strdup(options->kubeconfig);
    handle->context = zl_strdup(options->context);
    handle->namespace_ = choose(options->namespace_, "POD_NAMESPACE");
    handle->pod = choose(options->pod, "POD_NAME");
    if (handle->pod == NULL && getenv("KUBERNETES_SERVICE_HOST") != NULL) {
        handle->pod = choose(NULL, "HOSTNAME"); /* elsewhere it is a machine's */
    }
    handle->pod_uid = choose(options->pod_uid, "POD_UID");
    handle->timeout_ms = options->timeout_ms > 0 ? options->timeout_ms : TIMEOUT_MS;
    handle->changed = options->changed;
    handle->turn_changed = options->turn_changed;
    handle->ctx = options->ctx;
    handle->news = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&handle->lock, NULL);
    *out = handle;
    return ZENLEAD_OK;
}

/* What is asked still, nobody waits for. */
static void cancel(zenlead *handle)
{
    pthread_mutex_lock(&handle->lock);
    handle->closing = true;
    if (handle->client != NULL) {
        zl_kube_client_cancel(handle->client);
    }
    pthread_mutex_unlock(&handle->lock);
}

void zenlead_close(zenlead *handle)
{
    if (handle == NULL) {
        return;
    }
    zl_lead_locks_free(handle);
    cancel(handle);
    struct zl_lead_pool *pool = atomic_load(&handle->pools);
    while (pool != NULL) {
        struct zl_lead_pool *next = pool->next;
        zl_lead_pool_free(pool);
        pool = next;
    }
    zl_lead_turns_free(handle);
    zl_kube_client_free(handle->client);
    if (handle->news >= 0) {
        (void)close(handle->news);
    }
    pthread_mutex_destroy(&handle->lock);
    free(handle->kubeconfig);
    free(handle->context);
    free(handle->namespace_);
    free(handle->pod);
    free(handle->pod_uid);
    free(handle->where);
    free(handle);
}

static enum zl_status make_client(zenlead *handle, struct zl_error *err)
{
    struct zl_kube_config config = {0};
    if (handle->closing) {
        return zl_error_set(err, ZL_E_STOPPED, "the handle is being closed");
    }
    (void)pthread_once(&once, init_once);
    enum zl_status status = zl_kube_config_load(handle->kubeconfig, handle->context, &config, err);
    if (status == ZL_OK) {
        zl_replace_string(&handle->where,
                          handle->namespace_ != NULL ? handle->namespace_ : config.namespace_);
        status = zl_kube_client_new(&config, "libzenlead/" ZL_VERSION, &handle->client, err);
    }
    zl_kube_config_clear(&config);
    return status;
}

enum zl_status zl_lead_client(zenlead *handle, struct zl_kube_client **out, struct zl_error *err)
{
    pthread_mutex_lock(&handle->lock);
    const enum zl_status status = handle->client != NULL ? ZL_OK : make_client(handle, err);
    *out = handle->client;
    pthread_mutex_unlock(&handle->lock);
    return status;
}

int64_t zl_lead_boot_ns(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

static struct zl_lead_pool *find(zenlead *handle, const char *name)
{
    struct zl_lead_pool *pool = atomic_load_explicit(&handle->pools, memory_order_acquire);
    while (pool != NULL && strcmp(pool->name, name) != 0) {
        pool = pool->next;
    }
    return pool;
}

static struct zl_lead_pool *find_or_follow(zenlead *handle, const char *name)
{
    struct zl_lead_pool *pool = find(handle, name);
    if (pool == NULL) {
        pthread_mutex_lock(&handle->lock);
        pool = find(handle, name);
        if (pool == NULL) {
            pool = zl_lead_follow(handle, name);
            pool->next = atomic_load(&handle->pools);
            atomic_store_explicit(&handle->pools, pool, memory_order_release);
        }
        pthread_mutex_unlock(&handle->lock);
    }
    return pool;
}

/* With the pool's lock held: what it knows is known still. */
static bool is_valid(const struct zl_lead_pool *pool)
{
    return pool->answer.role != ZENLEAD_UNKNOWN && zl_lead_boot_ns() < pool->answer.valid_until_ns;
}

static int explain(const struct zl_lead_pool *pool, const char *name, struct zenlead_answer *answer,
                   struct zenlead_error *error)
{
    const struct zl_error *failure = &pool->failure;
    answer->reason =
        pool->answer.role != ZENLEAD_UNKNOWN ? ZENLEAD_REASON_STALE : ZENLEAD_REASON_API_ERROR;
    if (failure->status != ZL_OK) {
        return zl_lead_fail(error, failure->status, failure->message);
    }
    return zl_lead_refuse(error, ZENLEAD_E_TIMEOUT, "pool %s: not known in time", name);
}

int zenlead_ask(zenlead *handle, const char *pool_name, int timeout_ms,
                struct zenlead_answer *answer, struct zenlead_error *error)
{
    struct zenlead_answer ignored = ZENLEAD_ANSWER_INIT;
    answer = answer != NULL ? answer : &ignored;
    if (handle == NULL || pool_name == NULL || *pool_name == '\0' || timeout_ms < 0) {
        return zl_lead_refuse(error, ZENLEAD_E_INVALID,
                              "zenlead_ask needs a handle, a pool's name and a time-out");
    }
    const int64_t deadline_ms = zl_clock_ms() + timeout_ms;
    struct zl_lead_pool *pool = find_or_follow(handle, pool_name);
    int status = ZENLEAD_OK;
    *answer = (struct zenlead_answer)ZENLEAD_ANSWER_INIT;
    zl_monitor_lock(&pool->monitor);
    while (!is_valid(pool) && zl_monitor_wait(&pool->monitor, deadline_ms)) {
        ;
    }
    if (is_valid(pool)) {
        *answer = pool->answer;
    } else {
        status = explain(pool, pool_name, answer, error);
    }
    zl_monitor_unlock(&pool->monitor);
    return status;
}

int zenlead_fd(const zenlead *handle)
{
    return handle != NULL ? handle->news : -1;
}

/* With the pool's news, if there are any. The callback comes without the lock: it may ask. */
static void tell(struct zl_lead_pool *pool)
{
    zl_monitor_lock(&pool->monitor);
    const bool news = pool->answer.role != ZENLEAD_UNKNOWN &&
                      (!pool->is_told || zl_lead_differs(&pool->answer, &pool->told));
    pool->told = pool->answer;
    pool->is_told = pool->is_told || news;
    const struct zenlead_answer answer = pool->answer;
    zl_monitor_unlock(&pool->monitor);
    if (news && pool->handle->changed != NULL) {
        pool->handle->changed(pool->handle->ctx, pool->name, &answer);
    }
}

int zenlead_dispatch(zenlead *handle, struct zenlead_error *error)
{
    eventfd_t ignored = 0;
    if (handle == NULL) {
        return zl_lead_refuse(error, ZENLEAD_E_INVALID, "zenlead_dispatch needs a handle");
    }
    (void)eventfd_read(handle->news,
                       &ignored); /* before the look: what comes later is news again */
    struct zl_lead_pool *pool = atomic_load_explicit(&handle->pools, memory_order_acquire);
    for (; pool != NULL; pool = pool->next) {
        tell(pool);
    }
    zl_lead_turns_tell(handle);
    return ZENLEAD_OK;
}

/* Wait for the first look at the pool, whatever comes of it. */
static void await_first(struct zl_lead_pool *pool)
{
    const int64_t deadline_ms = zl_clock_ms() + pool->handle->timeout_ms;
    zl_monitor_lock(&pool->monitor);
    while (!pool->answered && zl_monitor_wait(&pool->monitor, deadline_ms)) {
        ;
    }
    zl_monitor_unlock(&pool->monitor);
}

bool zenlead_is_leader(zenlead *handle, const char *pool_name)
{
    if (handle == NULL || pool_name == NULL || *pool_name == '\0') {
        return false;
    }
    struct zl_lead_pool *pool = find(handle, pool_name);
    if (pool == NULL) {
        pool = find_or_follow(handle, pool_name);
        await_first(pool);
    }
    return zl_lead_boot_ns() < atomic_load_explicit(&pool->leader_until_ns, memory_order_acquire);
}
