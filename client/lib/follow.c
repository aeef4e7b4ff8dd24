/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pool is followed by a watch on its Lease, which says at once that something changed, and by a read after each change
 * and every few seconds: only of a read we know when it left, so only a read makes an answer valid.
 */
#include "client/lib/internal.h"

#include "common/base/clock.h"
#include "common/objects/names.h"

#include <sys/eventfd.h>

#define WATCH_S 5
#define AGAIN_MS 1000
/* Without the right to watch. */
#define POLL_MS 2000
#define READ_MS 5000

bool zl_lead_differs(const struct zenlead_answer *left, const struct zenlead_answer *right)
{
    return left->role != right->role || left->token != right->token ||
           strcmp(left->holder, right->holder) != 0;
}

static void publish(struct zl_lead_pool *pool, const struct zenlead_answer *answer)
{
    zl_monitor_lock(&pool->monitor);
    const bool news = zl_lead_differs(&pool->answer, answer);
    pool->answer = *answer;
    pool->failure = (struct zl_error){0};
    pool->answered = true;
    atomic_store_explicit(&pool->leader_until_ns,
                          answer->role == ZENLEAD_LEADER ? answer->valid_until_ns : 0,
                          memory_order_release);
    zl_monitor_wake_all(&pool->monitor);
    zl_monitor_unlock(&pool->monitor);
    if (news) {
        (void)eventfd_write(pool->handle->news, 1);
    }
}

/* What was known stays, as long as it is valid. */
static void publish_failure(struct zl_lead_pool *pool, const struct zl_error *failure)
{
    zl_monitor_lock(&pool->monitor);
    pool->failure = *failure;
    pool->answered = true;
    zl_monitor_wake_all(&pool->monitor);
    zl_monitor_unlock(&pool->monitor);
}

/* Is there a zen-lead in this cluster? Everybody may ask what an API server serves. */
static enum zl_status look_for_installation(struct zl_kube_client *client, bool *out,
                                            struct zl_error *err)
{
    ZL_AUTO_JSON struct cJSON *list = NULL;
    *out = false;
    const enum zl_status status =
        zl_kube_get_path(client, "/apis/" ZL_POLICY_API_VERSION, &list, err);
    if (status == ZL_E_NOT_FOUND) {
        return ZL_OK;
    }
    const struct cJSON *resource = zl_json_first(zl_json_at(list, "resources", NULL));
    for (; resource != NULL && !*out; resource = zl_json_next(resource)) {
        *out = zl_same_string(zl_json_text(resource, "name", NULL), "leaderpolicies");
    }
    return status;
}

static enum zl_status read_lease(struct zl_lead_pool *pool, struct zl_kube_client *client,
                                 struct zl_lease **out, struct zl_error *err)
{
    const struct zl_kube_target target = {.resource = &ZL_KUBE_LEASES,
                                          .namespace_ = pool->handle->where,
                                          .name = pool->lease,
                                          .deadline_ms = zl_clock_ms() + READ_MS};
    ZL_AUTO_JSON struct cJSON *object = NULL;
    const enum zl_status status = zl_kube_get(client, &target, &object, err);
    if (status != ZL_OK) {
        return status;
    }
    zl_replace_string(&pool->version, zl_json_text(object, "metadata", "resourceVersion", NULL));
    return zl_lease_decode(object, out, err);
}

static void look(struct zl_lead_pool *pool)
{
    struct zl_error err = {0};
    struct zl_kube_client *client = NULL;
    struct zl_lease *lease = NULL;
    struct zl_lead_facts facts = {.pod = pool->handle->pod,
                                  .pod_uid = pool->handle->pod_uid,
                                  .installed = true,
                                  .asked_ms = zl_clock_boot_ms()};
    enum zl_status status = zl_lead_client(pool->handle, &client, &err);
    if (status != ZL_OK) {
        publish_failure(pool, &err);
        return;
    }
    zl_replace_string(&pool->version, NULL);
    status = read_lease(pool, client, &lease, &err);
    if (lease != NULL) {
        zl_lead_note_renewal(&pool->renewal, lease, facts.asked_ms, zl_clock_wall_us());
        facts.renewed_ms = pool->renewal.renewed_ms;
    }
    facts.lease = lease;
    struct zenlead_answer answer;
    zl_lead_judge(&facts, &answer);
    /* Nobody leads, or we may not know: is that because nothing here elects a leader? */
    const bool none = status == ZL_OK && (answer.reason == ZENLEAD_REASON_NO_HOLDER ||
                                          answer.reason == ZENLEAD_REASON_EXPIRED);
    if (none || status == ZL_E_NOT_FOUND || status == ZL_E_DENIED) {
        struct zl_error other = {0};
        const enum zl_status found = look_for_installation(client, &facts.installed, &other);
        if (found == ZL_OK && (status != ZL_E_DENIED || !facts.installed)) {
            status = ZL_OK;
            zl_lead_judge(&facts, &answer);
        } else if (found != ZL_OK && status != ZL_E_DENIED) {
            status = found;
            err = other;
        }
    }
    if (status == ZL_OK) {
        publish(pool, &answer);
    } else {
        publish_failure(pool, &err);
    }
    zl_lease_free(lease);
}

static enum zl_status on_event(void *ctx, const char *type, const struct cJSON *object,
                               struct zl_error *err)
{
    struct zl_lead_pool *pool = ctx;
    (void)err;
    (void)object;
    if (strcmp(type, "BOOKMARK") != 0 && !zl_lease_watch_is_over(pool->watch)) {
        look(pool);
    }
    return ZL_OK;
}

static enum zl_status watch(struct zl_lead_pool *pool)
{
    struct zl_error err = {0};
    struct zl_kube_client *client = NULL;
    const enum zl_status status = zl_lead_client(pool->handle, &client, &err);
    if (status != ZL_OK) {
        return status;
    }
    zl_lease_watch_go_on_from(pool->watch, pool->version);
    return zl_lease_watch_once(pool->watch, client, pool->handle->where, &err);
}

static void *follow(void *arg)
{
    struct zl_lead_pool *pool = arg;
    int64_t next_ms = 0;
    do {
        look(pool);
        const enum zl_status status = watch(pool);
        const int64_t rest_ms = status == ZL_OK ? 0 : status == ZL_E_DENIED ? POLL_MS : AGAIN_MS;
        next_ms = zl_clock_ms() + rest_ms;
    } while (zl_lease_watch_rest(pool->watch, next_ms));
    return NULL;
}

struct zl_lead_pool *zl_lead_follow(zenlead *handle, const char *name)
{
    struct zl_lead_pool *pool = zl_alloc(sizeof *pool);
    pool->handle = handle;
    pool->name = zl_strdup(name);
    pool->lease = zl_lease_name(name);
    zl_monitor_init(&pool->monitor);
    if (handle->pod == NULL) {
        const struct zenlead_answer answer = {.size = sizeof answer,
                                              .role = ZENLEAD_LEADER,
                                              .reason = ZENLEAD_REASON_NO_POD,
                                              .valid_until_ns = INT64_MAX};
        publish(pool, &answer);
        return pool;
    }
    const struct zl_lease_watch_spec spec = {
        .lease = pool->lease, .watch_s = WATCH_S, .event = on_event, .ctx = pool};
    pool->watch = zl_lease_watch_new(&spec);
    pool->thread = zl_thread_start("zenlead", follow, pool);
    return pool;
}

void zl_lead_pool_free(struct zl_lead_pool *pool)
{
    if (pool->watch != NULL) {
        zl_lease_watch_end(pool->watch);
        pthread_join(pool->thread, NULL);
        zl_lease_watch_free(pool->watch);
    }
    zl_monitor_clear(&pool->monitor);
    free(pool->version);
    free(pool->lease);
    free(pool->name);
    free(pool);
}
