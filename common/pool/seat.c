/* SPDX-License-Identifier: Apache-2.0 */
#include "common/pool/seat.h"

#include "common/base/hash.h"

#include <pthread.h>
#include <string.h>

enum zl_holder zl_holder_of(const struct zl_lease *lease, const struct zl_pod *pod)
{
    if (pod == NULL) {
        return ZL_HOLDER_GONE;
    }
    /* A holder written by hand without a uid can only be compared by name. */
    if (lease->holder_uid != NULL && strcmp(lease->holder_uid, pod->meta.uid) != 0) {
        return ZL_HOLDER_GONE;
    }
    if (pod->finished) {
        return ZL_HOLDER_FINISHED;
    }
    return pod->meta.deleting ? ZL_HOLDER_TERMINATING : ZL_HOLDER_ALIVE;
}

enum zl_seat zl_seat_judge(const struct zl_lease *lease, enum zl_holder holder,
                           int64_t claim_age_ms, int64_t claim_timeout_ms)
{
    if (lease == NULL) {
        return ZL_SEAT_ABSENT;
    }
    if (!zl_lease_is_held(lease)) {
        return ZL_SEAT_EMPTY;
    }
    switch (holder) {
    case ZL_HOLDER_ALIVE:
    case ZL_HOLDER_TERMINATING:
        return ZL_SEAT_HELD;
    case ZL_HOLDER_FINISHED:
        return ZL_SEAT_ABANDONED;
    case ZL_HOLDER_GONE:
        return lease->provisional && claim_age_ms < claim_timeout_ms ? ZL_SEAT_PROVISIONAL
                                                                     : ZL_SEAT_ABANDONED;
    case ZL_HOLDER_UNKNOWN:
        break;
    }
    return ZL_SEAT_UNKNOWN;
}

bool zl_pod_precedes(const struct zl_pod *left, const struct zl_pod *right)
{
    if (left->meta.deleting != right->meta.deleting) {
        return right->meta.deleting;
    }
    if (left->ready != right->ready) {
        return left->ready;
    }
    if (left->ready_since_us != right->ready_since_us) {
        return left->ready_since_us < right->ready_since_us;
    }
    if (left->meta.created_us != right->meta.created_us) {
        return left->meta.created_us < right->meta.created_us;
    }
    return strcmp(left->meta.name, right->meta.name) < 0;
}

/* One per pool that was ever seen led: bounded by the number of LeaderPolicies. */
struct sighting {
    char *key; /* "namespace/pool" */
    char *holder_uid;
    int64_t fencing_token;
    int64_t largest_token;
    int64_t first_seen_ms;
    bool provisional;
    UT_hash_handle hh;
};

struct zl_claim_clock {
    pthread_mutex_t lock;
    struct sighting *sightings;
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
    struct sighting *sighting, *next;
    HASH_ITER(hh, clock->sightings, sighting, next)
    {
        HASH_DEL(clock->sightings, sighting);
        free(sighting->key);
        free(sighting->holder_uid);
        free(sighting);
    }
    pthread_mutex_destroy(&clock->lock);
    free(clock);
}

static struct sighting *find_sighting(struct zl_claim_clock *clock, const char *namespace_,
                                      const char *pool, bool create)
{
    struct sighting *sighting;
    ZL_AUTO_FREE char *key = zl_asprintf("%s/%s", namespace_, pool);
    HASH_FIND_STR(clock->sightings, key, sighting);
    if (sighting == NULL && create) {
        sighting = zl_alloc(sizeof *sighting);
        sighting->key = ZL_STEAL(&key);
        HASH_ADD_KEYPTR(hh, clock->sightings, sighting->key, strlen(sighting->key), sighting);
    }
    return sighting;
}

int64_t zl_claim_clock_observe(struct zl_claim_clock *clock, const struct zl_lease *lease,
                               int64_t now_ms)
{
    int64_t age_ms = 0;
    if (!zl_lease_is_held(lease)) {
        return 0;
    }

    pthread_mutex_lock(&clock->lock);
    struct sighting *sighting = find_sighting(clock, lease->namespace_, lease->pool, true);
    bool same = sighting->fencing_token == lease->fencing_token &&
                zl_same_string(sighting->holder_uid, lease->holder_uid);
    if (same) {
        age_ms = now_ms - sighting->first_seen_ms;
        sighting->provisional = sighting->provisional && lease->provisional;
    } else {
        zl_replace_string(&sighting->holder_uid, lease->holder_uid);
        sighting->fencing_token = lease->fencing_token;
        sighting->first_seen_ms = now_ms;
        sighting->provisional = lease->provisional;
        if (lease->fencing_token > sighting->largest_token) {
            sighting->largest_token = lease->fencing_token;
        }
    }
    pthread_mutex_unlock(&clock->lock);
    return age_ms;
}

struct zl_last_claim zl_claim_clock_last(struct zl_claim_clock *clock, const char *namespace_,
                                         const char *pool, int64_t now_ms)
{
    struct zl_last_claim last = {.age_ms = -1};
    pthread_mutex_lock(&clock->lock);
    const struct sighting *sighting = find_sighting(clock, namespace_, pool, false);
    if (sighting != NULL) {
        last.age_ms = now_ms - sighting->first_seen_ms;
        last.fencing_token = sighting->largest_token;
        last.provisional = sighting->provisional;
    }
    pthread_mutex_unlock(&clock->lock);
    return last;
}
