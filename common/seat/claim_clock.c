/* SPDX-License-Identifier: Apache-2.0 */
#include "common/seat/claim_clock.h"

#include "common/base/hash.h"
#include "common/base/limits.h"
#include "common/base/monitor.h"
#include "common/base/since.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* The last claim of a pool. */
struct claim_record {
    char *key;        /* "namespace/pool" */
    char *holder_uid; /* as zl_id_remembered */
    int64_t fencing_token;
    int64_t largest_token;
    int64_t first_seen_ms;
    bool provisional;
    int64_t gone_ms; /* in GONE: when its pool was forgotten */
    UT_hash_handle hh;
};

struct zl_claim_clock {
    pthread_mutex_t lock;
    /*
     * Of pools that exist; the one that was observed longest ago is the first. Bounded for the pools that were
     * forgotten while a review of them was under way.
     */
    struct claim_record *records;
    /* Of pools that were forgotten, in that order: the pod of such a claim may still be on its way into the store. */
    struct claim_record *gone;
    struct zl_sinces *sinces; /* successors and vacancies */
};

struct zl_claim_clock *zl_claim_clock_new(void)
{
    struct zl_claim_clock *clock = zl_alloc(sizeof *clock);
    zl_short_lock_init(&clock->lock);
    clock->sinces = zl_sinces_new(ZL_KEYS_REMEMBERED_MAX);
    return clock;
}

static void add_last(struct claim_record **records, struct claim_record *record)
{
    HASH_ADD_KEYPTR(hh, *records, record->key, strlen(record->key), record);
}

static void remove_record(struct claim_record **records, struct claim_record *record)
{
    HASH_DELETE(hh, *records, record);
    free(record->key);
    free(record->holder_uid);
    free(record);
}

static void remove_all(struct claim_record **records)
{
    struct claim_record *record, *next;
    HASH_ITER(hh, *records, record, next)
    remove_record(records, record);
}

void zl_claim_clock_free(struct zl_claim_clock *clock)
{
    if (clock == NULL) {
        return;
    }
    remove_all(&clock->records);
    remove_all(&clock->gone);
    zl_sinces_free(clock->sinces);
    pthread_mutex_destroy(&clock->lock);
    free(clock);
}

/* Drop the claims of pools that were forgotten when no claim of them can be under way any more. */
static void purge(struct zl_claim_clock *clock, int64_t now_ms)
{
    const int64_t before_ms = now_ms - ZL_CLAIM_TIMEOUT_MAX_S * 1000;
    while (clock->gone != NULL && (clock->gone->gone_ms <= before_ms ||
                                   HASH_COUNT(clock->gone) > ZL_GONE_REMEMBERED_MAX)) {
        remove_record(&clock->gone, clock->gone);
    }
}

static struct claim_record *find_in(struct claim_record *records, const char *namespace_,
                                    const char *pool)
{
    struct claim_record *record;
    ZL_AUTO_FREE char *key = zl_asprintf("%s/%s", namespace_, pool);
    HASH_FIND_STR(records, key, record);
    return record;
}

/* The record of a pool that is observed now, as the last of the line; a new one names nobody yet. */
static struct claim_record *touch_record(struct zl_claim_clock *clock, const char *namespace_,
                                         const char *pool)
{
    struct claim_record *record = find_in(clock->records, namespace_, pool);
    if (record != NULL) {
        HASH_DELETE(hh, clock->records, record);
    } else if ((record = find_in(clock->gone, namespace_, pool)) != NULL) {
        HASH_DELETE(hh, clock->gone, record);
    } else {
        record = zl_alloc(sizeof *record);
        record->key = zl_asprintf("%s/%s", namespace_, pool);
        record->first_seen_ms = -1;
    }
    if (HASH_COUNT(clock->records) >= ZL_KEYS_REMEMBERED_MAX) {
        remove_record(&clock->records, clock->records);
    }
    add_last(&clock->records, record);
    return record;
}

static int64_t age_of(const struct claim_record *record, int64_t now_ms)
{
    return now_ms > record->first_seen_ms ? now_ms - record->first_seen_ms : 0;
}

static void begin_claim(struct claim_record *record, const struct zl_lease *lease, const char *uid,
                        int64_t now_ms)
{
    zl_replace_string(&record->holder_uid, uid);
    record->fencing_token = lease->fencing_token;
    record->first_seen_ms = now_ms;
    record->provisional = lease->provisional;
    if (lease->fencing_token > record->largest_token) {
        record->largest_token = lease->fencing_token;
    }
}

int64_t zl_claim_clock_observe(struct zl_claim_clock *clock, const struct zl_lease *lease,
                               int64_t now_ms)
{
    if (!zl_lease_is_held(lease)) {
        return 0;
    }
    (void)zl_since(clock->sinces, lease->namespace_, lease->pool, ZL_TOPIC_VACANT, NULL, now_ms);
    ZL_AUTO_FREE char *uid = zl_id_remembered(lease->holder_uid);
    pthread_mutex_lock(&clock->lock);
    purge(clock, now_ms);
    struct claim_record *record = touch_record(clock, lease->namespace_, lease->pool);
    bool same = record->first_seen_ms >= 0 && record->fencing_token == lease->fencing_token &&
                zl_same_string(record->holder_uid, uid);
    if (same) {
        record->provisional = record->provisional && lease->provisional;
    } else {
        begin_claim(record, lease, uid, now_ms);
    }
    int64_t age_ms = age_of(record, now_ms);
    pthread_mutex_unlock(&clock->lock);
    return age_ms;
}

int64_t zl_claim_clock_observe_successor(struct zl_claim_clock *clock, const struct zl_lease *lease,
                                         int64_t now_ms)
{
    return lease != NULL ? zl_since(clock->sinces, lease->namespace_, lease->pool,
                                    ZL_TOPIC_SUCCESSOR, lease->successor_uid, now_ms)
                         : 0;
}

int64_t zl_claim_clock_observe_loss(struct zl_claim_clock *clock, const char *namespace_,
                                    const char *pool, int64_t token, int64_t now_ms)
{
    char id[24];
    snprintf(id, sizeof id, "%" PRId64, token);
    return zl_since(clock->sinces, namespace_, pool, ZL_TOPIC_VACANT, id, now_ms);
}

struct zl_last_claim zl_claim_clock_last(struct zl_claim_clock *clock, const char *namespace_,
                                         const char *pool, int64_t now_ms)
{
    struct zl_last_claim last = {.age_ms = -1};
    pthread_mutex_lock(&clock->lock);
    const struct claim_record *record = find_in(clock->records, namespace_, pool);
    if (record == NULL) {
        record = find_in(clock->gone, namespace_, pool);
    }
    if (record != NULL) {
        last.age_ms = age_of(record, now_ms);
        last.fencing_token = record->largest_token;
        last.provisional = record->provisional;
    }
    pthread_mutex_unlock(&clock->lock);
    return last;
}

void zl_claim_clock_forget(struct zl_claim_clock *clock, const char *namespace_, const char *pool,
                           int64_t now_ms)
{
    zl_since_forget(clock->sinces, namespace_, pool);
    pthread_mutex_lock(&clock->lock);
    struct claim_record *record = find_in(clock->records, namespace_, pool);
    if (record != NULL) {
        HASH_DELETE(hh, clock->records, record);
        record->gone_ms = now_ms;
        add_last(&clock->gone, record);
    }
    purge(clock, now_ms);
    pthread_mutex_unlock(&clock->lock);
}

struct zl_claim_count zl_claim_clock_count(struct zl_claim_clock *clock, int64_t now_ms)
{
    pthread_mutex_lock(&clock->lock);
    purge(clock, now_ms);
    struct zl_claim_count count = {.claims = HASH_COUNT(clock->records),
                                   .gone = HASH_COUNT(clock->gone)};
    pthread_mutex_unlock(&clock->lock);
    count.ages = zl_sinces_count(clock->sinces);
    return count;
}
