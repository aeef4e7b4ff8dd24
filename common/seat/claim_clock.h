/* SPDX-License-Identifier: Apache-2.0 */
/*
 * claim_clock.h - since when has a claim, a successor or a lost Lease been seen, by our own monotonic clock?
 *
 * It remembers pools, not Leases: whoever feeds it from a watch does so for pools that exist alone, and tells it
 * of a pool's end (common/cache/claims.h). What it remembers is bounded besides (limits.h); what was dropped begins
 * at age 0: a claim never looks older than it is, nor a loss.
 *
 * Threads: a claim clock is shared by any number of threads.
 */
#ifndef ZL_SEAT_CLAIM_CLOCK_H
#define ZL_SEAT_CLAIM_CLOCK_H

#include "common/seat/lease.h"

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
 * The pool is gone. Its last claim alone is still known for as long as a claim may take (ZL_CLAIM_TIMEOUT_MAX_S):
 * should the pool be made again at once, that pod may be on its way into the store.
 */
void zl_claim_clock_forget(struct zl_claim_clock *clock, const char *namespace_, const char *pool,
                           int64_t now_ms);

/* How much is remembered at NOW_MS. */
struct zl_claim_count {
    size_t claims; /* of pools that were not forgotten */
    size_t gone;   /* last claims of pools that were, ZL_GONE_REMEMBERED_MAX at the most */
    size_t ages;   /* pools with a successor or without a leader */
};
struct zl_claim_count zl_claim_clock_count(struct zl_claim_clock *clock, int64_t now_ms);

#endif
