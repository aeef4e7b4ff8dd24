/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan.h - what must happen to one pool now: a pure function from what is known to what to do.
 *
 * Threads: pure.
 */
#ifndef ZL_CONTROLLER_LEADER_PLAN_H
#define ZL_CONTROLLER_LEADER_PLAN_H

#include "common/seat/judge.h"
#include "common/seat/rollout.h"
#include "common/seat/turns.h"

/* A live pod of the pool: it exists, phase neither Failed nor Succeeded. */
struct zl_member {
    const struct zl_pod *pod;
    bool gatekept; /* its workload wants more than one replica: only the leader may run */
    const struct zl_job *job; /* whose it is; NULL: a Deployment's or StatefulSet's */
};

/* The Jobs and CronJobs of a pool (plan_guard.h). */
struct zl_guard_facts {
    struct zl_turn *turns; /* all of its Jobs, judged and in order */
    size_t turn_count;
    const struct zl_cronjob *const *cronjobs;
    size_t cronjob_count;
    /* The Job that the Lease's turn names is complete, failed, gone, paused, or left the pool. */
    bool turn_over;
    bool are_current;    /* the Jobs were seen after the last write to one of them */
    int64_t retrying_ms; /* how long ago its last pod was first seen Failed; 0: it was not */
};

struct zl_pool_facts {
    const struct zl_policy *policy;
    const struct zl_lease *lease;    /* NULL: there is none */
    enum zl_holder holder;           /* never UNKNOWN when the Lease is held */
    const struct zl_pod *holder_pod; /* NULL: not there */
    int64_t claim_age_ms, claim_timeout_ms;
    int64_t lost_ms;    /* how long the Lease has been seen absent, or emptied by others */
    int64_t last_token; /* the last fencing token that was given, as far as is known */
    /* How long the holder's pod has been seen not Ready, and on its way out; 0: it is not. */
    int64_t unready_ms, terminating_ms;
    /* Of the Deployment that the leader belongs to, or with an empty seat the successor. */
    const struct zl_workload *deployment; /* NULL: neither, or a StatefulSet */
    struct zl_rollout rollout;
    bool leader_outdated;               /* a StatefulSet's leader that is to get a newer revision */
    const struct zl_pod *successor_pod; /* NULL: the Lease names none, or its pod is not there */
    int64_t successor_age_ms;           /* since its admission was first seen */
    int64_t successor_terminating_ms;   /* how long it has been seen on its way out */
    bool successor_revision_known; /* its ReplicaSet is among those that ROLLOUT is made from */
    const struct zl_workload *const *workloads;
    size_t workload_count;
    struct zl_guard_facts guard;
    const struct zl_member *members; /* pods of Jobs only where Jobs are refused or take turns */
    size_t member_count;
    bool being_listed; /* pods of the namespace may be missing that have been there for long */
    bool
        members_are_current; /* the pods were seen after the Lease was written: who is missing is gone */
    int64_t now_us;          /* wall clock, for what is written */
};

enum zl_lease_action {
    ZL_LEASE_KEEP,
    ZL_LEASE_RENEW,   /* the holder lives: renew, confirm its claim, repair what was edited */
    ZL_LEASE_TAKE,    /* give the seat to TAKER */
    ZL_LEASE_RELEASE, /* empty it: the next pod may claim */
};

/* Why a pod is taken away by plan. */
enum zl_removal {
    ZL_REMOVE_NONE,
    ZL_REMOVE_FAILED_SUCCESSOR, /* not Ready before the progress deadline */
    ZL_REMOVE_STALE_SUCCESSOR, /* its revision is not the newest any more, or no handover is wanted */
    ZL_REMOVE_OUTDATED_LEADER, /* a newer revision waits, and only one pod may run */
};

struct zl_plan {
    enum zl_lease_action action;
    const struct zl_pod *taker; /* with TAKE */
    bool claim_expired;         /* with RELEASE or TAKE: the claimed pod never appeared */
    bool depose;                /* with RELEASE or TAKE: the holder lives, and never leads again */
    bool unready;               /* with DEPOSE: because it was not Ready for too long */
    bool drop_successor;        /* its pod is gone: make the place free */
    bool depose_successor;      /* it lives, and must never lead */
    bool fail_revision;         /* the successor's revision gets no other successor */
    bool forgive_revision;      /* the one that failed is not the newest any more */
    bool forget_rollout; /* nothing is gatekept: successor and deposed pods are pods like others */
    bool prove;          /* the holder is Ready: remember that, and its revision */
    enum zl_removal removal; /* delete REMOVED, which is the leader or the successor */
    const struct zl_pod *removed;
    bool seat_free;      /* nobody leads, and a workload waits to be let in: wake it */
    bool wake_newest;    /* the place beside the leader is free, and the newest revision waits */
    bool wake_blocked;   /* nobody is blocked any more, but some owners still back off */
    bool delete_surplus; /* gatekept members other than the leader must go */
    int64_t requeue_after_ms; /* look again then */
};

/* Does any workload of the pool want more than one replica, or do Jobs take turns? */
bool zl_is_gatekept(const struct zl_pool_facts *facts);
/* Is POD one of a Job? */
bool zl_is_of_job(const struct zl_pod *pod);

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

/* --- the parts of a plan for a scaleDown pool (plan_rollout.c); each changes PLAN --- */

/* Whoever holds the seat was not Ready for too long, or does not get out: true when PLAN takes it away. */
bool zl_plan_sick_leader(const struct zl_pool_facts *facts, struct zl_plan *plan);
/* The successor is Ready: true when PLAN moves the seat to it. */
bool zl_plan_handover(const struct zl_pool_facts *facts, struct zl_plan *plan);
/* With nobody in the seat: the successor, if it is to have it now. */
const struct zl_pod *zl_plan_heir(const struct zl_pool_facts *facts);
/* What becomes of the successor, and of a leader of an old revision, when neither of the above is true. */
void zl_plan_rollout(const struct zl_pool_facts *facts, enum zl_seat seat, struct zl_plan *plan);
/* Lower the time at which PLAN looks again to MS (0 and less: at once). */
void zl_plan_look_again(struct zl_plan *plan, int64_t ms);
/* The holder lives: renew when it is time, or when somebody edited the Lease. */
void zl_plan_renewal(const struct zl_pool_facts *facts, struct zl_plan *plan);
/*
 * The Lease was lost, and the pod of the claim that it may have carried may still be on its way into the
 * store: nobody is taken yet, but for TAKER (may be NULL) if it was the leader for sure.
 */
bool zl_plan_must_wait(const struct zl_pool_facts *facts, const struct zl_pod *taker);

/*
 * Milliseconds to wait before waking the owners of a free seat for the ATTEMPT-th time (0, 1, ...): at
 * once after a release, then 1 s doubling to 30 s. Their own back-off grows to 16 minutes.
 */
int64_t zl_wake_delay_ms(int attempt);

#endif
