/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judge.h - is the pool's seat taken? The one judgement that webhook and controller share.
 *
 * Threads: pure.
 */
#ifndef ZL_SEAT_JUDGE_H
#define ZL_SEAT_JUDGE_H

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
    ZL_SEAT_ABSENT, /* no Lease: no proof of anything */
    ZL_SEAT_EMPTY, /* names nobody: may be claimed, but after a wait if others emptied it (zl_lease_is_lost) */
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
 * For how long does LEASE's provisional claim count without its pod, for a pod that OWNER (uid of its controller; NULL: not
 * known) asks for? CLAIM_TIMEOUT_MS, but ZL_CLAIM_RETRY_MS when the same controller asks again: it makes one pod, and more
 * only when that one is made, and it tries again only when its request has ended. What is left to wait for is an API
 * server that goes on with a request whose connection is gone (docs/tuning.md).
 */
#define ZL_CLAIM_RETRY_MS 5000
int64_t zl_claim_patience_ms(const struct zl_lease *lease, const char *owner,
                             int64_t claim_timeout_ms);

#endif
