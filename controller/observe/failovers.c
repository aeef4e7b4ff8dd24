/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/observe/failovers.h"

#include "common/base/clock.h"
#include "common/base/hash.h"
#include "common/base/metrics.h"
#include "controller/leader/choose.h"

#include <pthread.h>
#include <string.h>

#define UNSEEN "unknown"
static const char *const NAMES[ZL_LOSS_COUNT + 2] = {
    [ZL_LOSS_NONE] = "handover",
    [ZL_LOSS_NOT_READY] = "notReady",
    [ZL_LOSS_TERMINATING] = "terminating",
    [ZL_LOSS_FINISHED] = "finished",
    [ZL_LOSS_NO_IP] = "noIP",
    [ZL_LOSS_GONE] = "gone",
    [ZL_LOSS_COUNT] = UNSEEN,
    NULL,
};
static const struct zl_metric FAILOVERS = {
    .name = "zen_lead_failover_count_total",
    .type = ZL_METRIC_COUNTER,
    .help = "Times that traffic went from one leader to another, by what became of the first "
            "(notReady, "
            "terminating, finished, noIP, gone, handover, unknown).",
    .label1 = "reason",
    .zeros = NAMES,
};
/* From milliseconds, where another pod is Ready, to minutes, where one has to start. */
static const double FAILOVER_BUCKETS[] = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5,
                                          5,     10,   30,    60,   120, 300,  600, 0};
static const struct zl_metric FAILOVER_SECONDS = {
    .name = "zen_lead_failover_latency_seconds",
    .type = ZL_METRIC_HISTOGRAM,
    .help = "From the event that showed the leader lost to traffic that reaches the next one, by "
            "reason.",
    .label1 = "reason",
    .buckets = FAILOVER_BUCKETS,
};

enum {
    KEEP_MS = 3600000, /* a pod that takes longer to replace is no matter of latency any more */
    PURGE_EVERY = 64,  /* additions */
};

struct entry {
    char *key;
    enum zl_loss loss;
    char *uid; /* of a vacancy */
    int64_t since_ms;
    UT_hash_handle hh;
};

struct zl_failovers {
    pthread_mutex_t lock;
    struct entry *losses;    /* by uid */
    struct entry *vacancies; /* by "namespace/service" */
    int additions;
};

const struct zl_metric *const ZL_FAILOVER_METRICS[] = {&FAILOVERS, &FAILOVER_SECONDS, NULL};

enum zl_loss zl_loss_of(const struct zl_pod *pod)
{
    if (pod == NULL) {
        return ZL_LOSS_GONE;
    }
    if (pod->finished) {
        return ZL_LOSS_FINISHED;
    }
    if (pod->meta.deleting) {
        return ZL_LOSS_TERMINATING;
    }
    if (!pod->ready) {
        return ZL_LOSS_NOT_READY;
    }
    return zl_can_lead(pod) ? ZL_LOSS_NONE : ZL_LOSS_NO_IP;
}

static struct entry *find(struct entry *entries, const char *key)
{
    struct entry *found = NULL;
    HASH_FIND_STR(entries, key, found);
    return found;
}

static void drop(struct entry **entries, struct entry *entry)
{
    HASH_DELETE(hh, *entries, entry);
    free(entry->key);
    free(entry->uid);
    free(entry);
}

static void purge(struct entry **entries, int64_t before_ms)
{
    struct entry *entry = NULL;
    struct entry *next = NULL;
    HASH_ITER(hh, *entries, entry, next)
    {
        if (entry->since_ms < before_ms) {
            drop(entries, entry);
        }
    }
}

static struct entry *add(struct zl_failovers *failovers, struct entry **entries, const char *key,
                         int64_t now_ms)
{
    if (++failovers->additions % PURGE_EVERY == 0) {
        purge(&failovers->losses, now_ms - KEEP_MS);
        purge(&failovers->vacancies, now_ms - KEEP_MS);
    }
    struct entry *entry = zl_alloc(sizeof *entry);
    entry->key = zl_strdup(key);
    entry->since_ms = now_ms;
    HASH_ADD_KEYPTR(hh, *entries, entry->key, strlen(entry->key), entry);
    return entry;
}

struct zl_failovers *zl_failovers_new(void)
{
    struct zl_failovers *failovers = zl_alloc(sizeof *failovers);
    pthread_mutex_init(&failovers->lock, NULL);
    return failovers;
}

void zl_failovers_free(struct zl_failovers *failovers)
{
    if (failovers == NULL) {
        return;
    }
    purge(&failovers->losses, INT64_MAX);
    purge(&failovers->vacancies, INT64_MAX);
    pthread_mutex_destroy(&failovers->lock);
    free(failovers);
}

void zl_failovers_note(struct zl_failovers *failovers, const char *uid, enum zl_loss loss,
                       int64_t now_ms)
{
    pthread_mutex_lock(&failovers->lock);
    struct entry *entry = find(failovers->losses, uid);
    if (loss == ZL_LOSS_NONE && entry != NULL) {
        drop(&failovers->losses, entry);
    } else if (loss != ZL_LOSS_NONE && entry == NULL) {
        add(failovers, &failovers->losses, uid, now_ms)->loss = loss;
    }
    pthread_mutex_unlock(&failovers->lock);
}

void zl_failovers_see(struct zl_failovers *failovers, struct zl_cache *cache,
                      const struct zl_pod *before, const struct zl_pod *after)
{
    const struct zl_pod *pod = before != NULL ? before : after;
    if (pod == NULL) {
        return;
    }
    bool same = after != NULL && zl_same_string(after->meta.uid, pod->meta.uid);
    enum zl_loss loss = zl_loss_of(same ? after : NULL);
    if (loss == ZL_LOSS_NONE || zl_cache_count_by(cache, ZL_CACHED_SLICES, ZL_BY_POD,
                                                  pod->meta.namespace_, pod->meta.name) > 0) {
        zl_failovers_note(failovers, pod->meta.uid, loss, zl_clock_ms());
    }
}

void zl_failovers_vacate(struct zl_failovers *failovers, const char *namespace_,
                         const char *service, const char *uid, int64_t now_ms)
{
    ZL_AUTO_FREE char *key = zl_asprintf("%s/%s", namespace_, service);
    pthread_mutex_lock(&failovers->lock);
    struct entry *entry = find(failovers->vacancies, key);
    if (entry == NULL) {
        entry = add(failovers, &failovers->vacancies, key, now_ms);
    }
    entry->since_ms = now_ms;
    zl_replace_string(&entry->uid, uid);
    pthread_mutex_unlock(&failovers->lock);
}

char *zl_failovers_fill(struct zl_failovers *failovers, const char *namespace_, const char *service)
{
    ZL_AUTO_FREE char *key = zl_asprintf("%s/%s", namespace_, service);
    char *uid = NULL;
    pthread_mutex_lock(&failovers->lock);
    struct entry *entry = find(failovers->vacancies, key);
    if (entry != NULL) {
        uid = ZL_STEAL(&entry->uid);
        drop(&failovers->vacancies, entry);
    }
    pthread_mutex_unlock(&failovers->lock);
    return uid;
}

static enum zl_loss find_loss(struct zl_failovers *failovers, const char *uid, int64_t *since_ms)
{
    pthread_mutex_lock(&failovers->lock);
    const struct entry *entry = find(failovers->losses, uid);
    enum zl_loss loss = entry != NULL ? entry->loss : ZL_LOSS_NONE;
    *since_ms = entry != NULL ? entry->since_ms : 0;
    pthread_mutex_unlock(&failovers->lock);
    return loss;
}

void zl_failovers_count(struct zl_failovers *failovers, const char *old_uid)
{
    int64_t since_ms = 0;
    enum zl_loss loss = find_loss(failovers, old_uid, &since_ms);
    zl_metric_add(&FAILOVERS, NAMES[loss], NULL, 1);
    if (loss != ZL_LOSS_NONE) {
        zl_metric_observe(&FAILOVER_SECONDS, NAMES[loss], NULL,
                          (double)(zl_clock_ms() - since_ms) / 1e3);
    }
}

void zl_failovers_count_unseen(int64_t lost_us)
{
    int64_t took_us = zl_clock_wall_us() - lost_us;
    zl_metric_add(&FAILOVERS, UNSEEN, NULL, 1);
    zl_metric_observe(&FAILOVER_SECONDS, UNSEEN, NULL, took_us > 0 ? (double)took_us / 1e6 : 0);
}
