/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seat.h - is the pool's seat taken? The one judgement that webhook and controller share.
 *
 * Threads: zl_seat_judge is pure; a claim clock is shared by any number of threads.
 */
#ifndef ZL_SEAT_SEAT_H
#define ZL_SEAT_SEAT_H

#include "common/seat/lease.h"

/* What is known of the pod that the Lease names. */
enum zl_holder {
    ZL_HOLDER_UNKNOWN,     /* not looked up, or not in the cache */
    ZL_HOLDER_ALIVE,       /* exists with that uid and can run */
    ZL_HOLDER_TERMINATING, /* the same, deletionTimestamp set: it may still be working */
    ZL_HOLDER_FINISHED,    /* phase Failed or Succeeded */
    ZL_HOLDER_OUTSIDE,     /* the same, but its workload is not in the pool (any more) */
    ZL_HOLDER_GONE,        /* no pod of that name, or one with another uid */
};

/* POD: what stands under the holder's name now, NULL if nothing does (and that was looked up). */
enum zl_holder zl_holder_of(const struct zl_lease *lease, const struct zl_pod *pod);

enum zl_seat {
    ZL_SEAT_ABSENT,      /* no Lease: no proof of anything */
    ZL_SEAT_EMPTY,       /* released deliberately: may be claimed */
    ZL_SEAT_UNKNOWN,     /* named, but its pod is not known: look it up */
    ZL_SEAT_HELD,        /* its pod exists */
    ZL_SEAT_PROVISIONAL, /* claimed a moment ago, the API server may still be storing the pod */
    ZL_SEAT_ABANDONED,   /* its pod is gone or finished: may be taken over */
};

/*
 * Judge the seat. Expiry of the Lease plays no part: the controller renews for the pod, so an expired
 * Lease says that the controller is down, not that the leader is.
 *
 * @param lease             NULL: there is none
 * @param claim_age_ms      since this claim was first observed by our own monotonic clock
 * @param claim_timeout_ms  how long a claim counts without its pod
 */
enum zl_seat zl_seat_judge(const struct zl_lease *lease, enum zl_holder holder,
                           int64_t claim_age_ms, int64_t claim_timeout_ms);

/*
 * When was a claim first observed? Clocks of machines differ, so age is measured here, from the first
 * time that this process saw that holder with that fencing token.
 */
struct zl_claim_clock; /* opaque */
struct zl_claim_clock *zl_claim_clock_new(void);
void zl_claim_clock_free(struct zl_claim_clock *clock);

/* Note LEASE (held or not; NULL is ignored) as seen at NOW_MS; returns the age of its claim, 0 if new or not held. */
int64_t zl_claim_clock_observe(struct zl_claim_clock *clock, const struct zl_lease *lease,
                               int64_t now_ms);

/* As zl_claim_clock_observe, for LEASE's successor: the age of its admission, 0 if new or there is none. */
int64_t zl_claim_clock_observe_successor(struct zl_claim_clock *clock, const struct zl_lease *lease,
                                         int64_t now_ms);

/*
 * The Lease is absent, or empty, while the fencing token stands at TOKEN: for how long, since
 * this process first saw that? A claim that was under way then is over after a claim timeout.
 */
int64_t zl_claim_clock_observe_loss(struct zl_claim_clock *clock, const char *namespace_,
                                    const char *pool, int64_t token, int64_t now_ms);

/* The last claim that was observed for a pool, whatever became of its Lease. */
struct zl_last_claim {
    int64_t age_ms;        /* -1: none was observed */
    int64_t fencing_token; /* 0: none; the largest that was seen */
    bool provisional;      /* it was never seen confirmed */
};
struct zl_last_claim zl_claim_clock_last(struct zl_claim_clock *clock, const char *namespace_,
                                         const char *pool, int64_t now_ms);

/*
 * Whose pod is the best leader among POD's peers: not terminating before terminating, Ready before not
 * Ready, longest Ready, then oldest, then by name.
 *
 * @return true when LEFT is to be preferred to RIGHT
 */
bool zl_pod_precedes(const struct zl_pod *left, const struct zl_pod *right);

#endif
