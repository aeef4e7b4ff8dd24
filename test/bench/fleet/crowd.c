/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crowd.c - zl-crowd: a great many clusters of one fleet in one process, to see what an arbiter does with them.
 *
 * Each of them asks for, answers and reports what common/fleet/member.h says, in a Lease of its own that it writes at each beat
 * and whenever it has something to say, as a member does. What is simulated: one watch tells all of them their turns, nobody
 * has a cluster behind it, and a turn's work is to wait.
 *
 * It prints when all are in the queue, measures for a while, and prints what was seen.
 */
#include "common/base/backoff.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/options.h"
#include "common/fleet/hub_store.h"
#include "common/fleet/member.h"
#include "common/kube/informer.h"
#include "common/kube/workqueue.h"
#include "test/bench/bench.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { WORKERS = 16, RETRY_MS = 1000, TIMES_MAX = 100000 };

struct config {
    const char *kubeconfig, *namespace_, *pool;
    int64_t count, n, work_ms, join_s, seconds, timeout_s;
};

static const struct zl_option OPTIONS[] = {
    {"kubeconfig", NULL, ZL_OPTION_TEXT, NULL, 0, 0, NULL, offsetof(struct config, kubeconfig),
     "FILE", "The hub. Default: as kubectl finds it."},
    {"namespace", NULL, ZL_OPTION_TEXT, ZL_FLEET_NAMESPACE, 0, 0, NULL,
     offsetof(struct config, namespace_), "NAME", "Where the fleet's Leases are."},
    {"pool", NULL, ZL_OPTION_TEXT, "crowd", 0, 0, NULL, offsetof(struct config, pool), "NAME",
     "The fleet's pool."},
    {"count", NULL, ZL_OPTION_I64, "50", 1, 100000, NULL, offsetof(struct config, count), "N",
     "Clusters."},
    {"concurrent", NULL, ZL_OPTION_I64, "5", 1, ZL_FLEET_N_MAX, NULL, offsetof(struct config, n),
     "N", "How many of them at once."},
    {"work-ms", NULL, ZL_OPTION_I64, "1000", 1, 3600000, NULL, offsetof(struct config, work_ms),
     "MILLISECONDS", "What a turn takes."},
    {"join-seconds", NULL, ZL_OPTION_I64, "5", 1, 3600, NULL, offsetof(struct config, join_s),
     "SECONDS", "Within which all of them come."},
    {"seconds", NULL, ZL_OPTION_I64, "60", 1, 86400, NULL, offsetof(struct config, seconds),
     "SECONDS", "For which is measured, from when all are in the queue."},
    {"timeout-seconds", NULL, ZL_OPTION_I64, "900", 1, 86400, NULL,
     offsetof(struct config, timeout_s), "SECONDS", "Until all are in the queue, at most."},
    {0},
};

static const struct zl_program PROGRAM = {
    .name = "zl-crowd",
    .summary = "Many clusters of a fleet in one process, for make bench-fleet.",
    .options = OPTIONS,
};

struct cluster {
    char name[32], turn_name[40], member_name[40], uid[ZL_FLEET_UID_MAX];
    struct zl_fleet_agent agent;
    struct zl_hub_lease *own; /* NULL: not read or not there */
    int64_t beat, next_beat_ms;
    int64_t token, work_until_ms; /* the turn that it is at */
    bool dirty, reads, told;
};

static struct crowd {
    struct config config;
    struct zl_kube_client *hub;
    struct zl_informer *turns;
    struct zl_workqueue *queue;
    struct cluster *clusters;
    atomic_llong told, begun, writes, beats, lost;
    pthread_mutex_t lock; /* of the rest */
    int64_t ends_us[ZL_FLEET_N_MAX * 2];
    size_t end_count;
    int64_t times_us[TIMES_MAX];
    size_t time_count;
    int64_t turns_done;
} crowd = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* --- what is measured: from a turn's end that was stored to the next one's beginning --- */

static void note_end(void)
{
    pthread_mutex_lock(&crowd.lock);
    crowd.turns_done++;
    if (crowd.end_count < sizeof crowd.ends_us / sizeof crowd.ends_us[0]) {
        crowd.ends_us[crowd.end_count++] = zl_bench_now_us();
    }
    pthread_mutex_unlock(&crowd.lock);
}

static void note_begin(void)
{
    atomic_fetch_add(&crowd.begun, 1);
    pthread_mutex_lock(&crowd.lock);
    if (crowd.end_count > 0 && crowd.time_count < TIMES_MAX) {
        crowd.times_us[crowd.time_count++] = zl_bench_now_us() - crowd.ends_us[0];
        memmove(&crowd.ends_us[0], &crowd.ends_us[1], --crowd.end_count * sizeof crowd.ends_us[0]);
    }
    pthread_mutex_unlock(&crowd.lock);
}

static void begin_to_measure(void)
{
    pthread_mutex_lock(&crowd.lock);
    crowd.time_count = 0;
    crowd.turns_done = 0;
    pthread_mutex_unlock(&crowd.lock);
    atomic_store(&crowd.writes, 0);
    atomic_store(&crowd.beats, 0);
    atomic_store(&crowd.lost, 0);
}

/* --- one cluster --- */

static void see_turn(struct cluster *cluster)
{
    ZL_AUTO_REF struct zl_ref *ref =
        zl_store_find(zl_informer_store(crowd.turns), crowd.config.namespace_, cluster->turn_name);
    const struct zl_hub_lease *lease = ref != NULL ? zl_ref_object(ref) : NULL;
    if (lease == NULL || lease->broken) {
        return;
    }
    zl_fleet_agent_see(&cluster->agent, zl_fleet_turn_of(&lease->turns, crowd.config.pool));
    if (!cluster->told && cluster->agent.turn.ticket > 0) {
        cluster->told = true;
        atomic_fetch_add(&crowd.told, 1);
    }
}

/* It wants a turn at all times, and does its work in each. */
static struct zl_fleet_intent intent_of(struct cluster *cluster, int64_t now_ms)
{
    struct zl_fleet_intent intent = {.wants = true, .is_ready = true};
    if (zl_fleet_may_act(&cluster->agent, now_ms, NULL) &&
        cluster->token != cluster->agent.turn.token) {
        cluster->token = cluster->agent.turn.token;
        cluster->work_until_ms = now_ms + crowd.config.work_ms;
        note_begin();
    }
    if (cluster->work_until_ms != 0 && now_ms >= cluster->work_until_ms) {
        intent.outcome = ZL_FLEET_DONE;
        intent.outcome_token = cluster->token;
    }
    return intent;
}

static bool read_own(struct cluster *cluster)
{
    struct zl_error err = {0};
    struct zl_hub_lease *found = NULL;
    if (zl_hub_lease_read(crowd.hub, crowd.config.namespace_, cluster->member_name, &found, &err) !=
        ZL_OK) {
        return false;
    }
    zl_hub_lease_free(cluster->own);
    cluster->own = found;
    cluster->reads = false;
    return true;
}

static bool write_own(struct cluster *cluster, int64_t now_ms, int64_t period_ms)
{
    struct zl_error err = {0};
    struct zl_hub_lease *stored = NULL;
    struct zl_fleet_member own = {.beat = cluster->beat + 1, .period_ms = period_ms};
    ZL_FLEET_TEXT(own.cluster_uid, cluster->uid);
    zl_fleet_request_put(&own, &cluster->agent.request);
    ZL_AUTO_FREE char *text = zl_fleet_member_encode(&own);
    zl_fleet_member_clear(&own);
    if (zl_hub_lease_put(crowd.hub, crowd.config.namespace_, cluster->member_name, cluster->own,
                         text, true, &stored, &err) != ZL_OK) {
        cluster->reads = true;
        atomic_fetch_add(&crowd.lost, 1);
        return false;
    }
    zl_hub_lease_free(cluster->own);
    cluster->own = stored;
    cluster->beat++;
    atomic_fetch_add(&crowd.writes, 1);
    atomic_fetch_add(&crowd.beats, cluster->dirty ? 0 : 1);
    cluster->dirty = false;
    cluster->next_beat_ms = now_ms + period_ms - zl_spread_ms(0, period_ms / 10, zl_random());
    return true;
}

/* @return milliseconds until it has something to do by itself */
static int64_t look_at(struct cluster *cluster)
{
    int64_t now_ms = zl_clock_boot_ms();
    see_turn(cluster);
    const struct zl_fleet_intent intent = intent_of(cluster, now_ms);
    const bool ends = intent.outcome != ZL_FLEET_NO_OUTCOME;
    const int64_t nonce = 1 + (int64_t)(zl_random() % (uint64_t)(ZL_FLEET_NUMBER_MAX - 1));
    cluster->dirty |= zl_fleet_member_next(&cluster->agent, &intent, false, nonce, now_ms);
    const int64_t period_ms = zl_fleet_beat_ms(cluster->agent.turn.state == ZL_FLEET_ACTIVE, 0);
    if (cluster->dirty || now_ms >= cluster->next_beat_ms) {
        if ((cluster->reads && !read_own(cluster)) || !write_own(cluster, now_ms, period_ms)) {
            return RETRY_MS;
        }
        if (ends) {
            cluster->work_until_ms = 0;
            note_end();
        }
    }
    int64_t due_ms = cluster->next_beat_ms;
    if (cluster->work_until_ms != 0 && cluster->work_until_ms < due_ms) {
        due_ms = cluster->work_until_ms;
    }
    now_ms = zl_clock_boot_ms();
    return due_ms > now_ms ? due_ms - now_ms : 1;
}

/* --- all of them --- */

static struct cluster *find(const char *name)
{
    int64_t number = 0;
    return sscanf(name, "crowd-%" SCNd64, &number) == 1 && number >= 0 &&
                   number < crowd.config.count
               ? &crowd.clusters[number]
               : NULL;
}

static void *work(void *unused)
{
    for (;;) {
        ZL_AUTO_FREE char *name = zl_workqueue_get(crowd.queue, NULL);
        if (name == NULL) {
            return unused;
        }
        zl_workqueue_add_after(crowd.queue, name, look_at(find(name)));
        zl_workqueue_done(crowd.queue, name);
    }
}

static enum zl_status decode(void *ctx, const struct cJSON *object, void **out,
                             struct zl_error *err)
{
    struct zl_hub_lease *lease = NULL;
    (void)ctx;
    enum zl_status status = zl_hub_lease_decode(object, &lease, err);
    if (lease != NULL && lease->kind != ZL_HUB_TURN) {
        zl_hub_lease_free(lease);
        lease = NULL;
    }
    *out = lease;
    return status;
}

static void changed(void *ctx, const void *old_object, const void *new_object)
{
    const struct zl_hub_lease *lease = new_object != NULL ? new_object : old_object;
    (void)ctx;
    if (find(lease->of) != NULL) {
        zl_workqueue_add(crowd.queue, lease->of);
    }
}

static void make_clusters(void)
{
    const struct config *config = &crowd.config;
    crowd.clusters = zl_alloc((size_t)config->count * sizeof *crowd.clusters);
    for (int64_t i = 0; i < config->count; i++) {
        struct cluster *cluster = &crowd.clusters[i];
        snprintf(cluster->name, sizeof cluster->name, "crowd-%05" PRId64, i);
        snprintf(cluster->turn_name, sizeof cluster->turn_name, ZL_FLEET_TURN_PREFIX "%s",
                 cluster->name);
        snprintf(cluster->member_name, sizeof cluster->member_name, ZL_FLEET_MEMBER_PREFIX "%s",
                 cluster->name);
        snprintf(cluster->uid, sizeof cluster->uid, "00000000-0000-4000-8000-%012" PRId64, i);
        zl_fleet_agent_begin(&cluster->agent, config->pool, NULL);
        cluster->agent.request.spec =
            (struct zl_fleet_spec){.n = config->n, .limit_ms = 600000, .max_failures = -1};
        ZL_FLEET_TEXT(cluster->agent.request.spec.round, "CVE-2015-12345-remediation");
        zl_workqueue_add_after(crowd.queue, cluster->name,
                               zl_spread_ms(1, config->join_s * 1000, zl_random()));
    }
}

/* All have a place, and as many act as may: an arbiter that has just begun waits until all that live were heard. */
static bool await_queue(void)
{
    const int64_t began_us = zl_bench_now_us();
    int64_t queued_us = 0, acting_us = 0;
    while (queued_us == 0 || acting_us == 0) {
        if (queued_us == 0 && atomic_load(&crowd.told) >= crowd.config.count) {
            queued_us = zl_bench_now_us();
        }
        if (acting_us == 0 && atomic_load(&crowd.begun) >= crowd.config.n) {
            acting_us = zl_bench_now_us();
        }
        if (zl_bench_now_us() - began_us > crowd.config.timeout_s * 1000000) {
            fprintf(stderr,
                    "zl-crowd: after %" PRId64 " s %lld of %" PRId64
                    " have a place, and %lld have begun a turn\n",
                    crowd.config.timeout_s, (long long)atomic_load(&crowd.told), crowd.config.count,
                    (long long)atomic_load(&crowd.begun));
            return false;
        }
        zl_bench_sleep_until(zl_bench_now_us() + 10000);
    }
    printf("queued seconds=%.1f acting_s=%.1f writes=%lld lost=%lld\n",
           (double)(queued_us - began_us) / 1e6, (double)(acting_us - began_us) / 1e6,
           (long long)atomic_load(&crowd.writes), (long long)atomic_load(&crowd.lost));
    fflush(stdout);
    return true;
}

static void tell(void)
{
    pthread_mutex_lock(&crowd.lock);
    struct zl_bench_times times = {0};
    if (crowd.time_count > 0) {
        times = zl_bench_sum_up(crowd.times_us, crowd.time_count);
    }
    const double seconds = (double)crowd.config.seconds;
    printf("measured seconds=%.0f turns=%" PRId64 " handover_p50_ms=%.1f handover_p99_ms=%.1f "
           "writes_per_s=%.1f beats_per_s=%.1f lost=%lld\n",
           seconds, crowd.turns_done, times.p50_ms, times.p99_ms,
           (double)atomic_load(&crowd.writes) / seconds,
           (double)atomic_load(&crowd.beats) / seconds, (long long)atomic_load(&crowd.lost));
    pthread_mutex_unlock(&crowd.lock);
}

int main(int argc, char **argv)
{
    struct zl_error err = {0};
    pthread_t threads[WORKERS];
    zl_options_parse_or_exit(&PROGRAM, argc, argv, &crowd.config);
    zl_kube_init();
    if (zl_bench_connect(crowd.config.kubeconfig, &crowd.hub, &err) != ZL_OK) {
        ZL_LOG_ERROR("stopped", ZL_ERR(&err));
        return 1;
    }
    const struct zl_informer_spec spec = {.resource = &ZL_KUBE_LEASES,
                                          .namespace_ = crowd.config.namespace_,
                                          .shape = ZL_HUB_LEASE_SHAPE,
                                          .decode = decode,
                                          .free_object = zl_hub_lease_free,
                                          .on_change = changed};
    crowd.queue = zl_workqueue_new(RETRY_MS);
    make_clusters();
    crowd.turns = zl_informer_new(crowd.hub, &spec);
    zl_informer_start(crowd.turns);
    for (int i = 0; i < WORKERS; i++) {
        pthread_create(&threads[i], NULL, work, NULL);
    }
    bool queued = await_queue();
    if (queued) {
        begin_to_measure();
        zl_bench_sleep_until(zl_bench_now_us() + crowd.config.seconds * 1000000);
        tell();
    }
    fflush(stdout);
    _Exit(queued ? 0 : 1); /* nobody waits for thousands of clusters to leave one by one */
}
