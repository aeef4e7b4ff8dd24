/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decide.h - the gatekeeper's decision for a pod CREATE: a pure function over plain facts.
 *
 * The caller gathers facts from memory first; a decision of ZL_STEP_READ asks for the same facts read
 * live from the API server. Only live facts lead to a claim.
 *
 * Threads: pure.
 */
#ifndef ZL_WEBHOOK_GATEKEEPER_DECIDE_H
#define ZL_WEBHOOK_GATEKEEPER_DECIDE_H

#include "common/seat/judge.h"
#include "common/seat/turns.h"

/* In a guarded pool: whose turn does the Lease say it is? */
enum zl_whose_turn {
    ZL_TURN_NOBODYS, /* or of a Job that is over */
    ZL_TURN_OWN,     /* of the pod's own Job */
    ZL_TURN_ANOTHERS,
};

struct zl_facts {
    bool is_static;                     /* mirror of a static pod */
    const struct zl_workload *workload; /* the pod's workload, if it joins a pool; else NULL */
    const struct zl_job *job;           /* the same for its Job; at most one of the two is set */
    const struct zl_policy *policy;     /* the pool's LeaderPolicy; NULL: there is none */
    bool live; /* what follows was read from the API server for this request */
    enum zl_seat seat;
    bool holder_terminating; /* the holder's pod is on its way out */
    bool is_holder;          /* the Lease already names this very pod (same uid) */
    /* No Lease, or somebody emptied it, and the pod of a claim may still be on its way into the store. */
    bool claim_in_flight;
    bool other_pod_lives; /* a live pod of the pool exists that the Lease does not name */
    bool other_led;       /* ... and it led last: no claim came after it */
    /* Rollout (common/seat/rollout.h). From memory, MAY_SUCCEED says no more than that it is worth asking. */
    bool may_lead;        /* the pod's revision may fill an empty seat */
    bool vacant_long;     /* ... and for longer than a lease nobody came who may */
    bool may_succeed;     /* the pod's revision may start beside the leader */
    bool is_successor;    /* the Lease already names this very pod as successor */
    bool successor_lives; /* the one place beside the leader is taken */
    bool held_by_job;     /* ... HELD or PROVISIONAL is a Job's turn */
    /* Of a Job's pod (guard.c). From memory, TURN is known as far as it is its own. */
    bool led; /* a Deployment or StatefulSet is in the pool, too */
    enum zl_whose_turn turn;
    bool other_has_turn;       /* the live pod that the Lease does not name is of the turn's Job */
    enum zl_standing standing; /* the pod's Job among the others */
    bool is_next;              /* its turn comes next */
};

enum zl_step {
    ZL_STEP_ANSWER,  /* OUTCOME is final */
    ZL_STEP_READ,    /* memory cannot tell: read live */
    ZL_STEP_CLAIM,   /* take the seat for this pod; OUTCOME holds if the swap succeeds */
    ZL_STEP_SUCCEED, /* record this pod as the successor; OUTCOME holds if the swap succeeds */
    ZL_STEP_ADOPT,   /* give the seat to the live pod; OUTCOME holds in any case */
};

enum zl_outcome {
    ZL_OUTCOME_NOT_A_POD_CREATE,
    ZL_OUTCOME_NOT_IN_POOL,
    ZL_OUTCOME_STATIC_POD,
    ZL_OUTCOME_POLICY_MISSING,
    ZL_OUTCOME_SINGLE_REPLICA,
    ZL_OUTCOME_STANDBY,
    ZL_OUTCOME_IS_LEADER,
    ZL_OUTCOME_CLAIMED,
    ZL_OUTCOME_SUCCESSOR,
    ZL_OUTCOME_ALLOWED_UNREACHABLE,
    ZL_OUTCOME_FOLLOWER,
    ZL_OUTCOME_CLAIM_PENDING,
    ZL_OUTCOME_ADOPTED,
    ZL_OUTCOME_OTHER_REVISION,
    ZL_OUTCOME_CLAIM_LOST,
    ZL_OUTCOME_UNREACHABLE,
    ZL_OUTCOME_NAMELESS,
    ZL_OUTCOME_JOB_EXECUTES,
    /* Of a Job's pod. */
    ZL_OUTCOME_TURN_TAKEN,
    ZL_OUTCOME_TURN_PENDING,
    ZL_OUTCOME_TURN_ADOPTED,
    ZL_OUTCOME_TURN_LOST,
    ZL_OUTCOME_QUEUED,
    ZL_OUTCOME_TICK_USED,
    ZL_OUTCOME_TICK_MISSED,
    ZL_OUTCOME_JOB_OVER,
    ZL_OUTCOME_OWNER_GONE,
    ZL_OUTCOME_LED_POOL,
    ZL_OUTCOME_COUNT,
};

struct zl_decision {
    enum zl_step step;
    enum zl_outcome outcome;
};

struct zl_decision zl_decide(const struct zl_facts *facts);
/* For a Job's pod in a pool that has a LeaderPolicy and blocks (guard.c); zl_decide calls it. */
struct zl_decision zl_decide_turn(const struct zl_facts *facts);
/* As far as JOB (NULL: none) and a remembered LEASE (NULL: none) tell. */
enum zl_whose_turn zl_turn_by_memory(const struct zl_job *job, const struct zl_lease *lease);

bool zl_outcome_allows(enum zl_outcome outcome);
const char *zl_outcome_name(enum zl_outcome outcome); /* for metrics and logs: "follower" */
/*
 * What the user reads: constant per pool, because Events aggregate on equal text. NULL for outcomes
 * that allow without a word. For POLICY_MISSING it is the warning.
 *
 * @param pool  the pool's name
 * @return the caller frees
 */
char *zl_outcome_message(enum zl_outcome outcome, const char *pool);

#endif
