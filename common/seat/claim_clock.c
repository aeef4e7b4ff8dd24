/* SPDX-License-Identifier: Apache-2.0 */
#include "common/seat/claim_clock.h"

#include "common/base/hash.h"

#include <pthread.h>
#include <string.h>

/* One per pool that was ever seen led: bounded by the number of LeaderPolicies. */
struct claim_record {
    char *key; /* "namespace/pool" */
    char *holder_uid;
    int64_t fencing_token;
    int64_t largest_token;
    int64_t first_seen_ms;
    bool claimed; /* the above and PROVISIONAL are of a claim that was observed */
    bool provisional;
    char *successor_uid;
    int64_t successor_seen_ms;
    bool lost; /* the Lease was seen absent or emptied, at LOST_TOKEN */
    int64_t lost_token, lost_ms;
    UT_hash_handle hh;
};

struct zl_claim_clock {
    pthread_mutex_t lock;
    struct claim_record *records;
};

struct zl_claim_clock *zl_claim_clock_new(void)
{
    struct zl_claim_clock *clock = zl_alloc(sizeof *clock);
    pthread_mutex_init(&clock->lock, NULL);
    return clock;
}

void zl_claim_clock_free(struct zl_claim_clock *clock)
{
    if (clock == NULL) {
        return;
    }
    struct claim_record *record, *next;
    HASH_ITER(hh, clock->records, record, next)
    {
        HASH_DEL(clock->records, record);
        free(record->key);
        free(record->holder_uid);
        free(record->successor_uid);
        free(record);
    }
    pthread_mutex_destroy(&clock->lock);
    free(clock);
}

static struct claim_record *find_record(struct zl_claim_clock *clock, const char *namespace_,
                                        const char *pool, bool create)
{
    struct claim_record *record;
    ZL_AUTO_FREE char *key = zl_asprintf("%s/%s", namespace_, pool);
    HASH_FIND_STR(clock->records, key, record);
    if (record == NULL && create) {
        record = zl_alloc(sizeof *record);
        record->key = ZL_STEAL(&key);
        HASH_ADD_KEYPTR(hh, clock->records, record->key, strlen(record->key), record);
    }
    return record;
}

int64_t zl_claim_clock_observe(struct zl_claim_clock *clock, const struct zl_lease *lease,
                               int64_t now_ms)
{
    int64_t age_ms = 0;
    if (!zl_lease_is_held(lease)) {
        return 0;
    }

    pthread_mutex_lock(&clock->lock);
    struct claim_record *record = find_record(clock, lease->namespace_, lease->pool, true);
    record->lost = false;
    bool same = record->claimed && record->fencing_token == lease->fencing_token &&
                zl_same_string(record->holder_uid, lease->holder_uid);
    if (same) {
        age_ms = now_ms - record->first_seen_ms;
        record->provisional = record->provisional && lease->provisional;
    } else {
        zl_replace_string(&record->holder_uid, lease->holder_uid);
        record->fencing_token = lease->fencing_token;
        record->first_seen_ms = now_ms;
        record->claimed = true;
        record->provisional = lease->provisional;
        if (lease->fencing_token > record->largest_token) {
            record->largest_token = lease->fencing_token;
        }
    }
    pthread_mutex_unlock(&clock->lock);
    return age_ms;
}

int64_t zl_claim_clock_observe_successor(struct zl_claim_clock *clock, const struct zl_lease *lease,
                                         int64_t now_ms)
{
    int64_t age_ms = 0;
    if (lease == NULL || lease->successor_uid == NULL) {
        return 0;
    }
    pthread_mutex_lock(&clock->lock);
    struct claim_record *record = find_record(clock, lease->namespace_, lease->pool, true);
    if (zl_same_string(record->successor_uid, lease->successor_uid)) {
        age_ms = now_ms - record->successor_seen_ms;
    } else {
        zl_replace_string(&record->successor_uid, lease->successor_uid);
        record->successor_seen_ms = now_ms;
    }
    pthread_mutex_unlock(&clock->lock);
    return age_ms;
}

int64_t zl_claim_clock_observe_loss(struct zl_claim_clock *clock, const char *namespace_,
                                    const char *pool, int64_t token, int64_t now_ms)
{
    pthread_mutex_lock(&clock->lock);
    struct claim_record *record = find_record(clock, namespace_, pool, true);
    if (!record->lost || record->lost_token != token) {
        record->lost = true;
        record->lost_token = token;
        record->lost_ms = now_ms;
    }
    int64_t age_ms = now_ms - record->lost_ms;
    pthread_mutex_unlock(&clock->lock);
    return age_ms;
}

struct zl_last_claim zl_claim_clock_last(struct zl_claim_clock *clock, const char *namespace_,
                                         const char *pool, int64_t now_ms)
{
    struct zl_last_claim last = {.age_ms = -1};
    pthread_mutex_lock(&clock->lock);
    const struct claim_record *record = find_record(clock, namespace_, pool, false);
    if (record != NULL && record->claimed) {
        last.age_ms = now_ms - record->first_seen_ms;
        last.fencing_token = record->largest_token;
        last.provisional = record->provisional;
    }
    pthread_mutex_unlock(&clock->lock);
    return last;
}
