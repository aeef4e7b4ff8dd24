/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sidecar.c - zl-sidecar-bench: how long a sidecar takes to answer at a steady rate, how long after the API server's event its own
 * watchers hear of a new leader, and what libzenlead's zenlead_is_leader costs.
 *
 * Requests are due by a clock, each connection's one after the other, and a time counts from when its request was due: one
 * that waits for a slow one before it counts as slow too.
 */
#include "client/lib/zenlead.h"
#include "common/base/log.h"
#include "common/base/monitor.h"
#include "common/base/options.h"
#include "test/bench/bench.h"

#include <inttypes.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS 8
#define ANSWER_MAX 4096
#define LOOPS 1000000
#define EVENT_PATIENCE_MS 10000
#define APART_MS 100

struct config {
    const char *kubeconfig, *namespace_, *pool;
    int64_t port, rate, seconds, changes;
};

static const struct zl_option OPTIONS[] = {
    {"kubeconfig", NULL, ZL_OPTION_TEXT, NULL, 0, 0, NULL, offsetof(struct config, kubeconfig),
     "FILE", "The cluster. Default: as kubectl finds it."},
    {"namespace", NULL, ZL_OPTION_TEXT, "default", 0, 0, NULL, offsetof(struct config, namespace_),
     "NAME", "Of the pool's Lease."},
    {"pool", NULL, ZL_OPTION_TEXT, "bench", 0, 0, NULL, offsetof(struct config, pool), "NAME",
     "The pool that the sidecar follows."},
    {"port", NULL, ZL_OPTION_I64, "4040", 1, 65535, NULL, offsetof(struct config, port), "PORT",
     "The sidecar's, on 127.0.0.1."},
    {"rate", NULL, ZL_OPTION_I64, "1000", 1, 100000, NULL, offsetof(struct config, rate), "N",
     "Requests in a second."},
    {"seconds", NULL, ZL_OPTION_I64, "10", 1, 600, NULL, offsetof(struct config, seconds), "N",
     "How long."},
    {"changes", NULL, ZL_OPTION_I64, "50", 1, 1000, NULL, offsetof(struct config, changes), "N",
     "How many new leaders."},
    {0},
};

static const struct zl_program PROGRAM = {
    .name = "zl-sidecar-bench",
    .summary = "Load and events for zen-lead sidecar. Writes the pool's Lease itself.",
    .options = OPTIONS,
};

static void give_up(const char *what)
{
    (void)fprintf(stderr, "zl-sidecar-bench: %s\n", what);
    exit(1);
}

/* TIMES_US is sorted by this. */
static void print_times(const char *what, int64_t *times_us, size_t count)
{
    if (count == 0) {
        give_up("nothing was measured");
    }
    const struct zl_bench_times times = zl_bench_sum_up(times_us, count);
    (void)printf("%-28s %7zu %9.3f %9.3f %9.3f\n", what, count, times.p50_ms, times.p99_ms,
                 times.max_ms);
}

/* --- HTTP, as little of it as will do ----------------------------------------------------------- */

static int dial(int64_t port)
{
    const int fd = zl_bench_dial(port);
    if (fd < 0) {
        give_up("nobody listens there");
    }
    return fd;
}

static void send_request(int fd, const char *pool, const char *suffix)
{
    char text[512];
    const int length = snprintf(
        text, sizeof text, "GET /v1/pools/%s%s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", pool, suffix);
    if (send(fd, text, (size_t)length, MSG_NOSIGNAL) != length) {
        give_up("the sidecar does not take a request");
    }
}

/* One answer with its body, which is no longer than one piece here. */
static void take_answer(int fd)
{
    char text[ANSWER_MAX];
    size_t length = 0;
    for (;;) {
        const ssize_t got = recv(fd, text + length, sizeof text - 1 - length, 0);
        if (got <= 0) {
            give_up("the sidecar closed the connection");
        }
        length += (size_t)got;
        text[length] = '\0';
        const char *body = strstr(text, "\r\n\r\n");
        if (body != NULL && strchr(body, '}') != NULL) {
            break;
        }
    }
    if (strncmp(text, "HTTP/1.1 200", 12) != 0 || strstr(text, "\"validForMs\"") == NULL) {
        give_up(text);
    }
}

/* --- load ----------------------------------------------------------------------------------------- */

struct client {
    const struct config *config;
    pthread_t thread;
    int64_t first_us, apart_us;
    int64_t *times_us;
    size_t count;
};

static void *run_client(void *arg)
{
    struct client *client = arg;
    const int fd = dial(client->config->port);
    for (size_t i = 0; i < client->count; i++) {
        const int64_t due_us = client->first_us + (int64_t)i * client->apart_us;
        zl_bench_sleep_until(due_us);
        /* A clock that wakes us late is not the sidecar's fault; an answer that was late is. */
        const int64_t now_us = zl_bench_now_us();
        const bool was_behind = i > 0 && client->times_us[i - 1] > client->apart_us;
        send_request(fd, client->config->pool, "");
        take_answer(fd);
        client->times_us[i] = zl_bench_now_us() - (was_behind ? due_us : now_us);
    }
    (void)close(fd);
    return NULL;
}

static void load(const struct config *config)
{
    struct client clients[CONNECTIONS];
    const size_t each = (size_t)(config->rate * config->seconds) / CONNECTIONS;
    int64_t *all = zl_alloc(each * CONNECTIONS * sizeof *all);
    for (int i = 0; i < CONNECTIONS; i++) {
        const int64_t apart_us = INT64_C(1000000) * CONNECTIONS / config->rate;
        clients[i] =
            (struct client){.config = config,
                            .first_us = zl_bench_now_us() + 100000 + i * apart_us / CONNECTIONS,
                            .apart_us = apart_us,
                            .times_us = all + (size_t)i * each,
                            .count = each};
        clients[i].thread = zl_thread_start("client", run_client, &clients[i]);
    }
    for (int i = 0; i < CONNECTIONS; i++) {
        pthread_join(clients[i].thread, NULL);
    }
    print_times("an answer", all, each * CONNECTIONS);
    free(all);
}

/* --- events --------------------------------------------------------------------------------------- */

struct news {
    struct zl_kube_client *client;
    const struct config *config;
    char *lease;
    struct zl_kube_stop *stop;
    struct zl_monitor monitor;  /* guards the rest */
    int64_t token;              /* that is waited for */
    int64_t api_us, sidecar_us; /* when it was there; 0: not yet */
};

static void note(struct news *news, int64_t token, int64_t *at_us)
{
    const int64_t now_us = zl_bench_now_us();
    zl_monitor_lock(&news->monitor);
    if (token == news->token && *at_us == 0) {
        *at_us = now_us;
        zl_monitor_wake_all(&news->monitor);
    }
    zl_monitor_unlock(&news->monitor);
}

static enum zl_status on_event(void *ctx, const char *type, const struct cJSON *object,
                               struct zl_error *err)
{
    struct news *news = ctx;
    const char *token =
        zl_json_text(object, "metadata", "annotations", "zen-lead.io/fencing-token", NULL);
    (void)type;
    (void)err;
    if (token != NULL) {
        note(news, strtoll(token, NULL, 10), &news->api_us);
    }
    return ZL_OK;
}

static void *watch_api(void *arg)
{
    struct news *news = arg;
    struct zl_error err = {0};
    const struct zl_kube_target target = {.resource = &ZL_KUBE_LEASES,
                                          .namespace_ = news->config->namespace_};
    ZL_AUTO_FREE char *one = zl_asprintf("metadata.name=%s", news->lease);
    const struct zl_kube_selector selector = {.field = one};
    if (zl_kube_watch(news->client, &target, &selector, NULL, 3600, news->stop, on_event, NULL,
                      news, &err) != ZL_E_STOPPED) {
        give_up(err.message);
    }
    return NULL;
}

static void *watch_sidecar(void *arg)
{
    struct news *news = arg;
    const int fd = dial(news->config->port);
    char line[ANSWER_MAX];
    FILE *in = fdopen(fd, "r");
    send_request(fd, news->config->pool, "/watch");
    while (in != NULL && fgets(line, sizeof line, in) != NULL) {
        const char *token = strstr(line, "\"token\":");
        if (token != NULL) {
            note(news, strtoll(token + strlen("\"token\":"), NULL, 10), &news->sidecar_us);
        }
    }
    return NULL; /* the sidecar ended, or the process does */
}

/* The Lease as a controller writes it when pod bench-TOKEN comes to lead. */
static void write_lease(const struct news *news, int64_t token, bool create)
{
    struct zl_error err = {0};
    const struct zl_kube_target target = {.resource = &ZL_KUBE_LEASES,
                                          .namespace_ = news->config->namespace_,
                                          .name = create ? NULL : news->lease};
    ZL_AUTO_FREE char *text = zl_asprintf(
        "{\"apiVersion\":\"coordination.k8s.io/"
        "v1\",\"kind\":\"Lease\",\"metadata\":{\"name\":\"%s\","
        "\"annotations\":{\"zen-lead.io/holder-pod\":\"bench-%" PRId64
        "\",\"zen-lead.io/holder-uid\":\"uid-%" PRId64 "\",\"zen-lead.io/fencing-token\":\"%" PRId64
        "\"}},\"spec\":{\"holderIdentity\":\"bench-%" PRId64
        "_uid\",\"leaseDurationSeconds\":3600,\"renewTime\":\"2030-01-01T00:00:00.%06" PRId64
        "Z\"}}",
        news->lease, token, token, token, token, token);
    ZL_AUTO_JSON struct cJSON *object = NULL;
    if (zl_json_parse(text, strlen(text), &object, &err) != ZL_OK ||
        (create ? zl_kube_create(news->client, &target, object, NULL, &err)
                : zl_kube_patch(news->client, &target, ZL_KUBE_PATCH_MERGE, object, NULL, &err)) !=
            ZL_OK) {
        give_up(err.message);
    }
}

static void expect_news(struct news *news, int64_t token)
{
    zl_monitor_lock(&news->monitor);
    news->token = token;
    news->api_us = news->sidecar_us = 0;
    zl_monitor_unlock(&news->monitor);
}

/* @return by how much the sidecar's event came after the API server's */
static int64_t await_news(struct news *news)
{
    const int64_t until_ms = zl_bench_now_us() / 1000 + EVENT_PATIENCE_MS;
    zl_monitor_lock(&news->monitor);
    while ((news->api_us == 0 || news->sidecar_us == 0) &&
           zl_monitor_wait(&news->monitor, until_ms)) {
        ;
    }
    const int64_t behind_us = news->sidecar_us - news->api_us;
    const bool heard = news->api_us != 0 && news->sidecar_us != 0;
    zl_monitor_unlock(&news->monitor);
    if (!heard) {
        give_up("an event did not come");
    }
    return behind_us;
}

static void follow_changes(struct news *news)
{
    const int64_t changes = news->config->changes;
    int64_t *times_us = zl_alloc((size_t)changes * sizeof *times_us);
    expect_news(news, 1); /* with it both watches begin */
    const pthread_t api = zl_thread_start("api", watch_api, news);
    (void)zl_thread_start("sidecar", watch_sidecar, news);
    (void)await_news(news);
    for (int64_t i = 0; i < changes; i++) {
        expect_news(news, i + 2);
        write_lease(news, i + 2, false);
        times_us[i] = await_news(news);
        zl_bench_sleep_until(zl_bench_now_us() + APART_MS * 1000);
    }
    zl_kube_stop_set(news->stop);
    pthread_join(api, NULL);
    print_times("an event, behind the API's", times_us, (size_t)changes);
    free(times_us);
}

/* --- libzenlead ------------------------------------------------------------------------------------ */

static int64_t processor_ns(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void call_library(const struct config *config)
{
    struct zenlead_options options = ZENLEAD_OPTIONS_INIT;
    zenlead *handle = NULL;
    options.kubeconfig = config->kubeconfig;
    options.namespace_ = config->namespace_;
    options.pod = "bench-1";
    if (zenlead_open(&options, &handle, NULL) != ZENLEAD_OK) {
        give_up("zenlead_open");
    }
    (void)zenlead_is_leader(handle, config->pool); /* the first call asks */
    const int64_t began_ns = processor_ns();
    volatile bool leads = false;
    for (int i = 0; i < LOOPS; i++) {
        leads = zenlead_is_leader(handle, config->pool);
    }
    (void)leads;
    (void)printf("zenlead_is_leader: %" PRId64 " ns a call, of %d\n",
                 (processor_ns() - began_ns) / LOOPS, LOOPS);
    zenlead_close(handle);
}

int main(int argc, char **argv)
{
    struct config config = {0};
    struct zl_error err = {0};
    struct news news = {.config = &config};
    zl_options_parse_or_exit(&PROGRAM, argc, argv, &config);
    zl_log_set_level(ZL_LOG_LEVEL_NONE);
    zl_kube_init();
    if (zl_bench_connect(config.kubeconfig, &news.client, &err) != ZL_OK) {
        give_up(err.message);
    }
    news.lease = zl_asprintf("zen-lead-%s", config.pool);
    news.stop = zl_kube_stop_new();
    zl_monitor_init(&news.monitor);
    write_lease(&news, 1, true);
    (void)printf("%-28s %7s %9s %9s %9s\n", "", "n", "p50 ms", "p99 ms", "max ms");
    load(&config);
    follow_changes(&news);
    call_library(&config);
    return 0; /* the thread that reads the sidecar's events goes with the process */
}
