/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker.c - zl-fleet-worker: what has to be done in each cluster of a fleet, again and again, as users do it who have no Job.
 *
 * It asks for a turn by the LeaderPolicy's annotation, works while status.turn says so, by the cluster's own clock, and
 * reports. Each beginning and end is stamped before anything follows from it. Most work is done in time; some fails, some
 * is given back, and some does not end before its time is over.
 *
 * Clusters are namespaces of one API server. SIGUSR1: from now on all work is done in time.
 *
 * Threads: one watches, one works.
 */
#include "common/base/clock.h"
#include "common/base/hash.h"
#include "common/base/log.h"
#include "common/base/monitor.h"
#include "common/base/options.h"
#include "common/base/parse.h"
#include "common/kube/client.h"
#include "common/objects/names.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { CLUSTERS_MAX = 256, TICK_MS = 10, AGAIN_MS = 200, WATCH_S = 3600 };

struct config {
    const char *kubeconfig, *policy, *stamps, *offsets;
    int64_t rate, mono0_ns, wall0_ns, seed, work_ms, pause_ms;
    int64_t fail, release, overrun; /* of 1000 */
};

#define NUMBER(name, field, fallback, most, what, help)                                            \
    {                                                                                              \
        name, NULL, ZL_OPTION_I64, fallback, 0, most, NULL, offsetof(struct config, field), what,  \
            help                                                                                   \
    }
#define TEXT(name, field, what, help)                                                              \
    {                                                                                              \
        name, NULL, ZL_OPTION_TEXT, NULL, 0, 0, NULL, offsetof(struct config, field), what, help   \
    }
static const struct zl_option OPTIONS[] = {
    TEXT("kubeconfig", kubeconfig, "FILE", "The API server that has the clusters' namespaces."),
    TEXT("policy", policy, "NAME", "The LeaderPolicy in each of them."),
    TEXT("stamps", stamps, "FILE", "The checker's named pipe."),
    TEXT("offsets", offsets, "FILE", "Lines \"CLUSTER SECONDS\": how wrong its wall clock is."),
    NUMBER("rate", rate, "1", 100, "N", "How many times as fast the clusters' clocks go."),
    NUMBER("mono0-ns", mono0_ns, "0", INT64_MAX, "NS", "CLOCK_MONOTONIC of their beginning."),
    NUMBER("wall0-ns", wall0_ns, "0", INT64_MAX, "NS", "Their wall clock then."),
    NUMBER("seed", seed, "1", INT64_MAX, "N", "Decides what becomes of which work."),
    NUMBER("work-ms", work_ms, "500", 600000, "MS", "How long work takes: half to one and a half."),
    NUMBER("pause-ms", pause_ms, "300", 600000, "MS", "Between two wants, about."),
    NUMBER("fail", fail, "50", 1000, "N", "Of 1000, how many fail."),
    NUMBER("release", release, "30", 1000, "N", "Of 1000, how many give the turn back."),
    NUMBER("overrun", overrun, "20", 1000, "N", "Of 1000, how many outlast their time."),
    {0},
};

static const struct zl_program PROGRAM = {
    .name = "zl-fleet-worker",
    .summary = "The work of a fleet's clusters: for the fleet's chaos run.",
    .options = OPTIONS,
};

struct cluster {
    char name[64];
    int64_t offset_s;
    /* As the watch shows it; guarded by the monitor. */
    bool wants;
    char phase[16];
    int64_t token, until_wall_us;
    /* The worker's own. */
    int64_t act, end_ms, until_ms, over; /* over: the last token that it has reported */
    const char *outcome;                 /* of ACT */
    const char *report;                  /* still to be written, of OVER; NULL: nothing */
    int64_t again_ms;
};

struct worker {
    const struct config *config;
    struct zl_kube_client *client;
    int stamps;
    struct zl_monitor monitor;
    struct cluster clusters[CLUSTERS_MAX];
    size_t count;
};

static atomic_bool calm;

static void on_calm(int signal_)
{
    (void)signal_;
    atomic_store(&calm, true);
}

/* --- watching --- */

static struct cluster *cluster_of(struct worker *worker, const char *name)
{
    for (size_t i = 0; name != NULL && i < worker->count; i++) {
        if (strcmp(worker->clusters[i].name, name) == 0) {
            return &worker->clusters[i];
        }
    }
    return NULL;
}

static enum zl_status see(void *ctx, const struct cJSON *object, struct zl_error *err)
{
    struct worker *worker = ctx;
    struct cluster *cluster =
        cluster_of(worker, zl_json_text(object, "metadata", "namespace", NULL));
    const char *want = zl_json_text(object, "metadata", "annotations", ZL_KEY_FLEET_WANT, NULL);
    const char *report = zl_json_text(object, "metadata", "annotations", ZL_KEY_FLEET_REPORT, NULL);
    const char *phase = zl_json_text(object, "status", "phase", NULL);
    int64_t until_us = 0;
    (void)err;
    if (cluster == NULL) {
        return ZL_OK;
    }
    bool dated = zl_time_parse(zl_json_text(object, "status", "turn", "until", NULL), &until_us);
    zl_monitor_lock(&worker->monitor);
    cluster->wants = want != NULL && strcmp(want, "true") == 0 && report == NULL;
    (void)snprintf(cluster->phase, sizeof cluster->phase, "%s", phase != NULL ? phase : "");
    cluster->token = dated ? zl_json_i64(object, 0, "status", "turn", "token", NULL) : 0;
    cluster->until_wall_us = until_us;
    zl_monitor_wake_all(&worker->monitor);
    zl_monitor_unlock(&worker->monitor);
    return ZL_OK;
}

static enum zl_status on_event(void *ctx, const char *type, const struct cJSON *object,
                               struct zl_error *err)
{
    if (strcmp(type, "ERROR") == 0) {
        return zl_kube_status_decode(object, 0, err);
    }
    return strcmp(type, "BOOKMARK") == 0 ? ZL_OK : see(ctx, object, err);
}

static void *watch(void *arg)
{
    struct worker *worker = arg;
    struct zl_kube_stop *stop = zl_kube_stop_new();
    const struct zl_kube_target target = {.resource = &ZL_KUBE_FLEETPOLICIES};
    for (;;) {
        struct zl_error err = {0};
        ZL_AUTO_FREE char *version = NULL;
        if (zl_kube_list(worker->client, &target, NULL, see, worker, &version, &err) != ZL_OK ||
            zl_kube_watch(worker->client, &target, NULL, version, WATCH_S, stop, on_event, NULL,
                          worker, &err) != ZL_OK) {
            ZL_LOG_WARN("the watch ended", ZL_ERR(&err));
            (void)usleep(AGAIN_MS * 1000);
        }
    }
    return NULL;
}

/* --- working --- */

/* A pipe takes short lines whole. */
static void stamp(const struct worker *worker, const char *text)
{
    if (write(worker->stamps, text, strlen(text)) != (ssize_t)strlen(text)) {
        ZL_LOG_ERROR("a stamp was not written", ZL_STR("stamp", text));
        abort();
    }
}

static bool patch(const struct worker *worker, const struct cluster *cluster, const char *want,
                  const char *report)
{
    struct zl_error err = {0};
    ZL_AUTO_JSON struct cJSON *change = zl_json_object();
    struct cJSON *annotations = zl_json_child(zl_json_child(change, "metadata"), "annotations");
    zl_json_set_text(annotations, ZL_KEY_FLEET_WANT, want);
    zl_json_set_text(annotations, ZL_KEY_FLEET_REPORT, report);
    const struct zl_kube_target target = {.resource = &ZL_KUBE_FLEETPOLICIES,
                                          .namespace_ = cluster->name,
                                          .name = worker->config->policy};
    if (zl_kube_patch(worker->client, &target, ZL_KUBE_PATCH_MERGE, change, NULL, &err) != ZL_OK) {
        ZL_LOG_WARN("not written", ZL_STR("cluster", cluster->name), ZL_ERR(&err));
        return false;
    }
    return true;
}

/* When UNTIL of the cluster's wall clock is, by ours. */
static int64_t until_ms(const struct worker *worker, const struct cluster *cluster)
{
    int64_t gone_ns =
        cluster->until_wall_us * 1000 - cluster->offset_s * 1000000000 - worker->config->wall0_ns;
    return (worker->config->mono0_ns + gone_ns / worker->config->rate) / 1000000;
}

/* Of 0..999: of the token and the seed, so that a seed's work is the same again. */
static int64_t dice(const struct worker *worker, const struct cluster *cluster, int64_t token)
{
    uint64_t mix = (uint64_t)(token ^ worker->config->seed * 2654435761) +
                   zl_hash(cluster->name, strlen(cluster->name));
    mix = (mix ^ (mix >> 17)) * 0x9E3779B97F4A7C15u;
    return (int64_t)((mix >> 40) % 1000);
}

static void begin(const struct worker *worker, struct cluster *cluster, const struct cluster *shown,
                  int64_t now_ms)
{
    const struct config *config = worker->config;
    int64_t rolled = dice(worker, cluster, shown->token);
    int64_t until = until_ms(worker, shown);
    int64_t work_ms = config->work_ms / 2 + config->work_ms * rolled / 1000;
    cluster->outcome = "done";
    if (!atomic_load(&calm)) {
        cluster->outcome = rolled < config->fail                     ? "failed"
                           : rolled < config->fail + config->release ? "released"
                                                                     : "done";
        work_ms = rolled >= 1000 - config->overrun ? INT64_C(1) << 40 : work_ms;
    }
    cluster->act = shown->token;
    cluster->until_ms = until;
    cluster->end_ms = now_ms + work_ms < until ? now_ms + work_ms : until;
    ZL_AUTO_FREE char *text = zl_asprintf("begins %s %" PRId64 " %" PRId64 " %" PRId64 "\n",
                                          cluster->name, cluster->act, now_ms, until);
    stamp(worker, text);
}

static void end(const struct worker *worker, struct cluster *cluster, bool stopped, int64_t now_ms)
{
    const char *outcome = stopped ? "stopped" : cluster->outcome;
    int64_t at_ms = now_ms < cluster->until_ms ? now_ms : cluster->until_ms;
    ZL_AUTO_FREE char *text = zl_asprintf("ends %s %" PRId64 " %" PRId64 " %s\n", cluster->name,
                                          cluster->act, at_ms, outcome);
    stamp(worker, text);
    if (!stopped) {
        cluster->over = cluster->act;
        cluster->report = outcome;
    }
    cluster->act = 0;
}

static void write_report(const struct worker *worker, struct cluster *cluster, int64_t now_ms)
{
    ZL_AUTO_FREE char *text = zl_asprintf("%" PRId64 " %s", cluster->over, cluster->report);
    if (patch(worker, cluster, "false", text)) {
        cluster->report = NULL;
    }
    cluster->again_ms = now_ms + worker->config->pause_ms;
}

/* SHOWN: a copy of what the watch shows. */
static void work_in(const struct worker *worker, struct cluster *cluster,
                    const struct cluster *shown, int64_t now_ms)
{
    bool in_turn = shown->token != 0 && strcmp(shown->phase, "Active") == 0;
    if (cluster->act != 0) {
        bool over = now_ms >= cluster->end_ms;
        if (over || !in_turn || shown->token != cluster->act) {
            end(worker, cluster, !over || cluster->end_ms == cluster->until_ms, now_ms);
        }
    } else if (cluster->report != NULL) {
        if (now_ms >= cluster->again_ms) {
            write_report(worker, cluster, now_ms);
        }
    } else if (in_turn && shown->token > cluster->over && now_ms < until_ms(worker, shown)) {
        begin(worker, cluster, shown, now_ms);
    } else if (!shown->wants && strcmp(shown->phase, "Idle") == 0 && now_ms >= cluster->again_ms) {
        (void)patch(worker, cluster, "true", NULL);
        cluster->again_ms = now_ms + AGAIN_MS;
    }
}

static void work(struct worker *worker)
{
    for (;;) {
        int64_t deadline_ms = zl_clock_ms() + TICK_MS;
        for (size_t i = 0; i < worker->count; i++) {
            zl_monitor_lock(&worker->monitor);
            const struct cluster shown = worker->clusters[i];
            zl_monitor_unlock(&worker->monitor);
            work_in(worker, &worker->clusters[i], &shown, zl_clock_ms());
        }
        zl_monitor_lock(&worker->monitor);
        (void)zl_monitor_wait(&worker->monitor, deadline_ms);
        zl_monitor_unlock(&worker->monitor);
    }
}

static bool read_offsets(struct worker *worker)
{
    FILE *file = worker->config->offsets != NULL ? fopen(worker->config->offsets, "re") : NULL;
    struct cluster *cluster = worker->clusters;
    while (file != NULL && worker->count < CLUSTERS_MAX &&
           fscanf(file, "%63s %" SCNd64, cluster->name, &cluster->offset_s) == 2) {
        worker->count++;
        cluster++;
    }
    if (file != NULL) {
        fclose(file);
    }
    return worker->count > 0;
}

int main(int argc, char **argv)
{
    static struct worker worker;
    struct config config = {0};
    struct zl_error err = {0};
    struct zl_kube_config where = {0};
    const struct sigaction action = {.sa_handler = on_calm, .sa_flags = SA_RESTART};
    zl_options_parse_or_exit(&PROGRAM, argc, argv, &config);
    zl_kube_init();
    worker.config = &config;
    zl_monitor_init(&worker.monitor);
    (void)sigaction(SIGUSR1, &action, NULL);
    worker.stamps = config.stamps != NULL ? open(config.stamps, O_WRONLY | O_CLOEXEC) : -1;
    if (worker.stamps < 0 || !read_offsets(&worker) ||
        zl_kube_config_load(config.kubeconfig, NULL, &where, &err) != ZL_OK ||
        zl_kube_client_new(&where, "zl-fleet-worker/" ZL_VERSION, &worker.client, &err) != ZL_OK) {
        ZL_LOG_ERROR("--kubeconfig, --policy, --stamps and --offsets are needed", ZL_ERR(&err));
        return 1;
    }
    zl_kube_config_clear(&where);
    (void)zl_thread_start("watch", watch, &worker);
    work(&worker);
    return 0;
}
