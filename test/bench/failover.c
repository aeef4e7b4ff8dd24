/* SPDX-License-Identifier: Apache-2.0 */
/*
 * failover.c - zl-bench: lets leaders fail, one after the other, and prints how long each contender took.
 *
 * Two threads watch pods and EndpointSlices and note the time of arrival on one clock. A failover begins with the
 * first event in which the leader's pod no longer serves, and ends for a contender with the first revision of its slice
 * in which that pod is no ready endpoint (and, for a leader's slice, another one is).
 */
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/options.h"
#include "test/bench/bench.h"

#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PODS_MAX 16
#define NAME_BYTES 254
#define COUNT_MAX 1000
#define SETTLE_MS 60000

enum contender { ZEN_LEAD, KUBERNETES, LIMIT, CONTENDERS };

struct config {
    const char *kubeconfig;
    const char *namespace_;
    const char *app;
    const char *leader_service;
    const char *cause;
    const char *save;
    int64_t count;
    int64_t pods;
    int64_t trial_s;
    bool limit;
    bool kubernetes;
};

struct slice {
    size_t count;
    char ready[PODS_MAX][NAME_BYTES];
};

struct bench {
    const struct config *config;
    struct zl_kube_client *client;
    const struct zl_kube_resource *slices;
    char *services[CONTENDERS]; /* NULL: does not take part */

    pthread_mutex_t lock;
    pthread_cond_t changed;
    char serving[PODS_MAX][NAME_BYTES];
    char known[PODS_MAX * 4][NAME_BYTES]; /* pods that exist, in any state */
    struct slice now[CONTENDERS];
    int64_t changed_ms;
    char victim[NAME_BYTES]; /* "": no failover under way */
    int64_t began_us;
    int64_t ended_us[CONTENDERS];
};

static const struct zl_option OPTIONS[] = {
    {"kubeconfig", NULL, ZL_OPTION_TEXT, NULL, 0, 0, NULL, offsetof(struct config, kubeconfig),
     "FILE", "The cluster. Default: as kubectl finds it."},
    {"namespace", NULL, ZL_OPTION_TEXT, "default", 0, 0, NULL, offsetof(struct config, namespace_),
     "NAME", "Where the pods are."},
    {"app", NULL, ZL_OPTION_TEXT, "bench", 0, 0, NULL, offsetof(struct config, app), "LABEL",
     "The pods' label app, and the name of the ordinary Service over them."},
    {"leader-service", NULL, ZL_OPTION_TEXT, "bench-leader", 0, 0, NULL,
     offsetof(struct config, leader_service), "NAME", "zen-lead's Service over them."},
    {"cause", NULL, ZL_OPTION_CHOICE, "not-ready", 0, 0, "not-ready|deleted|failed|node-gone",
     offsetof(struct config, cause), "CAUSE", "How leaders fail."},
    {"save", NULL, ZL_OPTION_TEXT, NULL, 0, 0, NULL, offsetof(struct config, save), "FILE",
     "Append one line per failover: cause and microseconds of each contender."},
    {"count", NULL, ZL_OPTION_I64, "50", 1, COUNT_MAX, NULL, offsetof(struct config, count), "N",
     "Failovers."},
    {"pods", NULL, ZL_OPTION_I64, "3", 1, PODS_MAX, NULL, offsetof(struct config, pods), "N",
     "Pods that serve before each failover; 1 where only a leader is let in."},
    {"trial-seconds", NULL, ZL_OPTION_I64, "10", 1, 3600, NULL, offsetof(struct config, trial_s),
     "N", "After which a failover that is not over has failed."},
    {"limit", NULL, ZL_OPTION_BOOL, "true", 0, 0, NULL, offsetof(struct config, limit), NULL,
     "zl-limit takes part."},
    {"kubernetes", NULL, ZL_OPTION_BOOL, "true", 0, 0, NULL, offsetof(struct config, kubernetes),
     NULL, "Kubernetes' own EndpointSlice of the ordinary Service takes part."},
    {0},
};

static const struct zl_program PROGRAM = {
    .name = "zl-bench",
    .summary = "Measures failover: from the pod's watch event to the new EndpointSlice.",
    .options = OPTIONS,
};

/* --- what the watches say --- */

static int find_name(char (*names)[NAME_BYTES], int count, const char *name)
{
    for (int i = 0; i < count; i++) {
        if (zl_same_string(names[i], name)) {
            return i;
        }
    }
    return -1;
}

static void set_member(char (*names)[NAME_BYTES], int count, const char *name, bool member)
{
    int slot = find_name(names, count, name);
    if (!member && slot >= 0) {
        names[slot][0] = '\0';
    } else if (member && slot < 0 && (slot = find_name(names, count, "")) >= 0) {
        snprintf(names[slot], NAME_BYTES, "%s", name);
    }
}

static enum zl_status on_pod(void *ctx, const char *type, const struct cJSON *pod,
                             struct zl_error *err)
{
    (void)err;
    int64_t arrived_us = zl_bench_now_us();
    struct bench *bench = ctx;
    const char *name = zl_json_text(pod, "metadata", "name", NULL);
    if (name == NULL || zl_same_string(type, "BOOKMARK")) {
        return ZL_OK;
    }
    bool exists = !zl_same_string(type, "DELETED");
    bool serves = exists && zl_bench_pod_serves(pod);
    pthread_mutex_lock(&bench->lock);
    set_member(bench->serving, PODS_MAX, name, serves);
    set_member(bench->known, PODS_MAX * 4, name, exists);
    if (!serves && bench->began_us == 0 && zl_same_string(name, bench->victim)) {
        bench->began_us = arrived_us;
    }
    bench->changed_ms = zl_clock_ms();
    pthread_cond_broadcast(&bench->changed);
    pthread_mutex_unlock(&bench->lock);
    return ZL_OK;
}

static bool serves_in(const struct slice *slice, const char *name)
{
    for (size_t i = 0; i < slice->count; i++) {
        if (zl_same_string(slice->ready[i], name)) {
            return true;
        }
    }
    return false;
}

static void read_slice(const struct cJSON *object, struct slice *out)
{
    *out = (struct slice){0};
    const struct cJSON *endpoints = zl_json_at(object, "endpoints", NULL);
    for (const struct cJSON *e = zl_json_first(endpoints); e != NULL; e = zl_json_next(e)) {
        const char *name = zl_json_text(e, "targetRef", "name", NULL);
        if (name != NULL && zl_json_bool(e, true, "conditions", "ready", NULL) &&
            out->count < PODS_MAX) {
            snprintf(out->ready[out->count++], NAME_BYTES, "%s", name);
        }
    }
}

static enum zl_status on_slice(void *ctx, const char *type, const struct cJSON *object,
                               struct zl_error *err)
{
    (void)err;
    int64_t arrived_us = zl_bench_now_us();
    struct bench *bench = ctx;
    const char *service =
        zl_json_text(object, "metadata", "labels", "kubernetes.io/service-name", NULL);
    if (service == NULL || zl_same_string(type, "BOOKMARK")) {
        return ZL_OK;
    }
    pthread_mutex_lock(&bench->lock);
    for (int c = 0; c < CONTENDERS; c++) {
        if (!zl_same_string(service, bench->services[c])) {
            continue;
        }
        struct slice *slice = &bench->now[c];
        read_slice(object, slice);
        bench->changed_ms = zl_clock_ms();
        if (bench->victim[0] != '\0' && bench->ended_us[c] == 0 &&
            !serves_in(slice, bench->victim) && slice->count > 0) {
            bench->ended_us[c] = arrived_us;
        }
    }
    pthread_cond_broadcast(&bench->changed);
    pthread_mutex_unlock(&bench->lock);
    return ZL_OK;
}

struct watcher {
    struct bench *bench;
    struct zl_kube_target target;
    const char *label;
    enum zl_status (*event)(void *ctx, const char *type, const struct cJSON *object,
                            struct zl_error *err);
};

static enum zl_status on_listed(void *ctx, const struct cJSON *object, struct zl_error *err)
{
    const struct watcher *watcher = ctx;
    return watcher->event(watcher->bench, "ADDED", object, err);
}

/* The benchmark takes minutes and the watch an hour: its end is a failure. */
static void *watch(void *ctx)
{
    struct watcher *watcher = ctx;
    struct zl_kube_client *client = watcher->bench->client;
    const struct zl_kube_selector selector = {.label = watcher->label};
    struct zl_error err = {0};
    ZL_AUTO_FREE char *version = NULL;
    struct zl_kube_stop *stop = zl_kube_stop_new();
    enum zl_status status =
        zl_kube_list(client, &watcher->target, &selector, on_listed, watcher, &version, &err);
    if (status == ZL_OK) {
        status = zl_kube_watch(client, &watcher->target, &selector, version, 3600, stop,
                               watcher->event, NULL, watcher->bench, &err);
    }
    ZL_LOG_ERROR("a watch ended", ZL_ERR(&err));
    exit(1);
}

/* --- one failover --- */

/* All pods serve, each contender agrees, and nothing has moved for a moment. With the lock held. */
static bool is_settled(struct bench *bench)
{
    int serving = 0;
    int known = 0;
    for (int i = 0; i < PODS_MAX * 4; i++) {
        serving += i < PODS_MAX && bench->serving[i][0] != '\0';
        known += bench->known[i][0] != '\0';
    }
    if (serving != bench->config->pods || known != serving ||
        zl_clock_ms() - bench->changed_ms < 200) {
        return false;
    }
    for (int c = 0; c < CONTENDERS; c++) {
        size_t wanted = c == KUBERNETES ? (size_t)serving : 1;
        if (bench->services[c] != NULL && bench->now[c].count != wanted) {
            return false;
        }
    }
    return true;
}

static bool all_ended(struct bench *bench)
{
    for (int c = 0; c < CONTENDERS; c++) {
        if (bench->services[c] != NULL && bench->ended_us[c] == 0) {
            return false;
        }
    }
    return bench->began_us != 0;
}

/* Wait with the lock held until DONE, looking at least every 50 ms. */
static bool await(struct bench *bench, bool (*done)(struct bench *bench), int64_t timeout_ms)
{
    int64_t deadline_ms = zl_clock_ms() + timeout_ms;
    while (!done(bench)) {
        if (zl_clock_ms() > deadline_ms) {
            return false;
        }
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += 50 * 1000000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&bench->changed, &bench->lock, &until);
    }
    return true;
}

/* VALUE NULL takes the annotation away. */
static enum zl_status annotate(struct bench *bench, const char *pod, const char *key,
                               const char *value, struct zl_error *err)
{
    ZL_AUTO_JSON struct cJSON *patch = zl_json_object();
    zl_json_set_text(zl_json_child(zl_json_child(patch, "metadata"), "annotations"), key, value);
    const struct zl_kube_target target = {
        .resource = &ZL_KUBE_PODS, .namespace_ = bench->config->namespace_, .name = pod};
    return zl_kube_patch(bench->client, &target, ZL_KUBE_PATCH_MERGE, patch, NULL, err);
}

static enum zl_status delete_pod(struct bench *bench, const char *pod, struct zl_error *err)
{
    const struct zl_kube_target target = {
        .resource = &ZL_KUBE_PODS, .namespace_ = bench->config->namespace_, .name = pod};
    return zl_kube_delete(bench->client, &target, NULL, err);
}

static enum zl_status break_pod(struct bench *bench, const char *pod, struct zl_error *err)
{
    const char *cause = bench->config->cause;
    if (zl_same_string(cause, "not-ready")) {
        return annotate(bench, pod, "zl-test/ready", "false", err);
    }
    if (zl_same_string(cause, "failed")) {
        return annotate(bench, pod, "zl-test/fail-after-ms", "1", err);
    }
    return delete_pod(bench, pod, err);
}

static enum zl_status clean_up(struct bench *bench, const char *pod, struct zl_error *err)
{
    const char *cause = bench->config->cause;
    if (zl_same_string(cause, "not-ready")) {
        return annotate(bench, pod, "zl-test/ready", NULL, err);
    }
    if (zl_same_string(cause, "failed")) {
        return delete_pod(bench, pod, err);
    }
    return zl_same_string(cause, "node-gone") ? annotate(bench, pod, "zl-test/stuck", NULL, err)
                                              : ZL_OK;
}

static enum zl_status arm(struct bench *bench, char victim[NAME_BYTES], struct zl_error *err)
{
    pthread_mutex_lock(&bench->lock);
    bool settled = await(bench, is_settled, SETTLE_MS);
    snprintf(victim, NAME_BYTES, "%s", bench->now[ZEN_LEAD].ready[0]);
    pthread_mutex_unlock(&bench->lock);
    if (!settled) {
        return zl_error_set(err, ZL_E_TRANSIENT, "no quiet state within %d s", SETTLE_MS / 1000);
    }
    if (zl_same_string(bench->config->cause, "node-gone")) {
        enum zl_status status = annotate(bench, victim, "zl-test/stuck", "true", err);
        if (status != ZL_OK) {
            return status;
        }
    }
    pthread_mutex_lock(&bench->lock);
    snprintf(bench->victim, NAME_BYTES, "%s", victim);
    bench->began_us = 0;
    memset(bench->ended_us, 0, sizeof bench->ended_us);
    pthread_mutex_unlock(&bench->lock);
    return ZL_OK;
}

static enum zl_status fail_over(struct bench *bench, int64_t took_us[CONTENDERS],
                                struct zl_error *err)
{
    char victim[NAME_BYTES];
    enum zl_status status = arm(bench, victim, err);
    if (status == ZL_OK) {
        status = break_pod(bench, victim, err);
    }
    if (status != ZL_OK) {
        return status;
    }
    pthread_mutex_lock(&bench->lock);
    bool done = await(bench, all_ended, bench->config->trial_s * 1000);
    for (int c = 0; c < CONTENDERS; c++) {
        took_us[c] = bench->ended_us[c] - bench->began_us;
    }
    bench->victim[0] = '\0';
    pthread_mutex_unlock(&bench->lock);
    if (!done) {
        return zl_error_set(err, ZL_E_TRANSIENT, "%s: not everybody followed within %lld s", victim,
                            (long long)bench->config->trial_s);
    }
    return clean_up(bench, victim, err);
}

/* --- the numbers --- */

static void print_row(const char *cause, const char *who, int64_t *took_us, int64_t count)
{
    const struct zl_bench_times times = zl_bench_sum_up(took_us, (size_t)count);
    printf("%-10s %-12s %5lld %9.2f %9.2f %9.2f\n", cause, who, (long long)count, times.p50_ms,
           times.p99_ms, times.max_ms);
}

static void save(const struct config *config, const int64_t took_us[CONTENDERS])
{
    FILE *file = config->save == NULL ? NULL : fopen(config->save, "a");
    if (file != NULL) {
        fprintf(file, "%s %lld %lld %lld\n", config->cause, (long long)took_us[ZEN_LEAD],
                (long long)took_us[KUBERNETES], (long long)took_us[LIMIT]);
        fclose(file);
    }
}

static enum zl_status run(struct bench *bench, struct zl_error *err)
{
    static int64_t took_us[CONTENDERS][COUNT_MAX];
    static const char *const names[CONTENDERS] = {"zen-lead", "Kubernetes", "limit"};
    int64_t count = bench->config->count;
    for (int64_t i = 0; i < count; i++) {
        int64_t one[CONTENDERS] = {0};
        enum zl_status status = fail_over(bench, one, err);
        if (status != ZL_OK) {
            return status;
        }
        for (int c = 0; c < CONTENDERS; c++) {
            took_us[c][i] = one[c];
        }
        save(bench->config, one);
    }
    for (int c = 0; c < CONTENDERS; c++) {
        if (bench->services[c] != NULL) {
            print_row(bench->config->cause, names[c], took_us[c], count);
        }
    }
    return ZL_OK;
}

static enum zl_status start(struct bench *bench, struct zl_error *err)
{
    static struct watcher watchers[2];
    const struct config *config = bench->config;
    enum zl_status status = zl_bench_connect(config->kubeconfig, &bench->client, err);
    if (status != ZL_OK) {
        return status;
    }
    bench->slices = zl_bench_slices(bench->client);
    bench->services[ZEN_LEAD] = zl_strdup(config->leader_service);
    bench->services[KUBERNETES] = zl_strdup(config->kubernetes ? config->app : NULL);
    bench->services[LIMIT] = zl_strdup(config->limit ? ZL_BENCH_LIMIT : NULL);
    pthread_mutex_init(&bench->lock, NULL);
    pthread_cond_init(&bench->changed, NULL);
    watchers[0] = (struct watcher){bench,
                                   {.resource = &ZL_KUBE_PODS, .namespace_ = config->namespace_},
                                   zl_asprintf("app=%s", config->app),
                                   on_pod};
    watchers[1] = (struct watcher){bench,
                                   {.resource = bench->slices, .namespace_ = config->namespace_},
                                   zl_asprintf("kubernetes.io/service-name in (%s,%s,%s)",
                                               config->leader_service, config->app, ZL_BENCH_LIMIT),
                                   on_slice};
    for (int i = 0; i < 2; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, watch, &watchers[i]) != 0) {
            return zl_error_set(err, ZL_E_TRANSIENT, "no thread");
        }
    }
    return ZL_OK;
}

int main(int argc, char **argv)
{
    static struct config config;
    static struct bench bench = {.config = &config};
    struct zl_error err = {0};
    zl_options_parse_or_exit(&PROGRAM, argc, argv, &config);
    zl_kube_init();
    if (start(&bench, &err) != ZL_OK || run(&bench, &err) != ZL_OK) {
        ZL_LOG_ERROR("failed", ZL_ERR(&err));
        return 1;
    }
    return 0;
}
