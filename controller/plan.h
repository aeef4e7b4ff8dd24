/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan.h - what must happen to one pool now: a pure function from what is known to what to do.
 *
 * Threads: pure.
 */
#ifndef ZL_CONTROLLER_PLAN_H
#define ZL_CONTROLLER_PLAN_H

#include "common/pool/seat.h"

/* A live pod of the pool: it exists, phase neither Failed nor Succeeded. */
struct zl_member {
    const struct zl_pod *pod;
    bool gatekept; /* its workload wants more than one replica: only the leader may run */
};

struct zl_pool_facts {
    const struct zl_policy *policy;
    const struct zl_lease *lease;    /* NULL: there is none */
    enum zl_holder holder;           /* never UNKNOWN when the Lease is held */
    const struct zl_pod *holder_pod; /* NULL: not there */
    int64_t claim_age_ms, claim_timeout_ms;
    const struct zl_workload *const *workloads;
    size_t workload_count;
    const struct zl_member *members;
    size_t member_count;
    int64_t now_us; /* wall clock, for what is written */
};

enum zl_lease_action {
    ZL_LEASE_KEEP,
    ZL_LEASE_RENEW,   /* the holder lives: renew, confirm its claim, repair what was edited */
    ZL_LEASE_TAKE,    /* give the seat to TAKER */
    ZL_LEASE_RELEASE, /* empty it: the next pod may claim */
};

struct zl_plan {
    enum zl_lease_action action;
    const struct zl_pod *taker; /* with TAKE */
    bool claim_expired;         /* with RELEASE or TAKE: the claimed pod never appeared */
    bool seat_free;             /* nobody leads, and a workload waits to be let in: wake it */
    bool delete_surplus;        /* gatekept members other than the leader must go */
    int64_t requeue_after_ms;   /* look again then */
};

struct zl_plan zl_plan_pool(const struct zl_pool_facts *facts);

/*
 * The pool's status after the plan was carried out.
 *
 * @param lease   the Lease as it is now, NULL if none
 * @param leader  the holder's pod if it is known, else NULL
 * @param out     zeroed by the caller; zl_policy_status_clear
 */
void zl_plan_status(const struct zl_pool_facts *facts, const struct zl_lease *lease,
                    const struct zl_pod *leader, struct zl_policy_status *out);

/* Is MEMBER one that must go, given who leads now? */
bool zl_is_surplus(const struct zl_member *member, const struct zl_lease *lease);

/*
 * Milliseconds to wait before waking the owners of a free seat for the ATTEMPT-th time (0, 1, ...): at
 * once after a release, then 1 s doubling to 30 s. Their own back-off grows to 16 minutes.
 */
int64_t zl_wake_delay_ms(int attempt);

#endif
