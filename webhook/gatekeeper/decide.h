/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decide.h - the gatekeeper's decision for a pod CREATE: two pure functions over plain facts.
 *
 * What memory knows (memory.c) can deny, let a pod through that is in no pool, or ask for a live look. Only what was seen on
 * the API server for this very request (live.c) lets a pod of a pool in, or leads to a claim.
 *
 * Threads: pure.
 */
#ifndef ZL_WEBHOOK_GATEKEEPER_DECIDE_H
#define ZL_WEBHOOK_GATEKEEPER_DECIDE_H

#include "common/kinds/kind.h"
#include "common/seat/judge.h"
#include "common/seat/strategy.h"
#include "common/seat/turns.h"

/* In a guarded pool: whose turn does the Lease say it is? */
enum zl_whose_turn {
    ZL_TURN_NOBODYS, /* or of a Job that is over */
    ZL_TURN_OWN,     /* of the pod's own Job */
    ZL_TURN_ANOTHERS,
};

/* What memory knows of a pod and its pool; everything may be a moment old. */
struct zl_known {
    bool is_static;  /* mirror of a static pod: it says so itself */
    bool is_blind;   /* nothing has been watched for a while: it denies nothing */
    bool owner_gone; /* its workload or Job does not exist any more */
    const struct zl_workload *workload; /* the pod's workload, if it joins a pool; else NULL */
    const struct zl_job *job;           /* the same for its Job; at most one of the two is set */
    int64_t others;                     /* with WORKLOAD: as zl_memory_others */
    const char *pool;                   /* that one's; NULL: none */
    const struct zl_policy *policy;     /* the pool's LeaderPolicy; NULL: there is none */
    enum zl_strategy_kind strategy;     /* how the pool is led */
    /* The seat; only with SCALE_DOWN and TURNS. */
    enum zl_seat seat;
    bool holder_terminating;      /* the holder's pod is on its way out */
    bool is_holder, is_successor; /* the Lease names this very pod (same uid) */
    bool may_succeed;             /* its revision may start beside the leader: worth asking */
    bool held_by_job;             /* the Lease names a Job's turn */
    enum zl_whose_turn turn;      /* of a Job's pod */
};

/* A rollout (common/seat/rollout.h), for a workload's pod. */
struct zl_revision_seen {
    bool may_lead;        /* the pod's revision may fill an empty seat */
    bool vacant_long;     /* ... and for longer than a lease nobody came who may */
    bool may_succeed;     /* the pod's revision may start beside the leader */
    bool is_successor;    /* the Lease already names this very pod as successor */
    bool successor_lives; /* the one place beside the leader is taken */
    bool proven; /* a proven revision wants pods: the successor waits, and is not to be adopted */
};

/* A queue (common/seat/turns.h), for a Job's pod and a seat that is free. */
struct zl_queue_seen {
    enum zl_whose_turn turn;
    bool other_has_turn;       /* the live pod that the Lease does not name is of the turn's Job */
    enum zl_standing standing; /* the pod's Job among the others */
    bool is_next;              /* its turn comes next */
};

/* What the API server said for this request, but for what names memory. */
struct zl_seen {
    bool nameless;   /* the review lacks the pod's name or uid */
    bool owner_gone; /* as in zl_known; so are the next five */
    const struct zl_workload *workload;
    int64_t others;
    const struct zl_job *job;
    const char *pool;
    const struct zl_policy *policy;
    /*
     * Only where one pod is wanted, and one leads and lives: that of a workload that left or wants none any more, or one that the pod's
     * own ReplicaSet has and keeps.
     */
    bool another_leads;
    /* That a Deployment is in a Job's pool, too, memory tells: no selector can ask for a membership. */
    enum zl_strategy_kind strategy;
    bool memory_lags; /* the first lists are not in: which workloads share the pool nobody knows */
    /* The seat; only when zl_needs_seat. */
    const struct zl_lease *lease; /* NULL: there is none */
    /* No Lease can be swapped safely yet: then what follows does not count. Never in a dry run. */
    bool unprepared;
    enum zl_seat seat;
    bool holder_terminating, is_holder, held_by_job; /* as in zl_known */
    /* No Lease, or somebody emptied it, and the pod of a claim may still be on its way into the store. */
    bool claim_in_flight;
    const struct zl_pod *other; /* lives in the pool, and the Lease does not name it; NULL: none */
    bool other_led;             /* ... and it led last: no claim came after it */
    struct zl_revision_seen revision;
    struct zl_queue_seen queue;
};

enum zl_step {
    ZL_STEP_ANSWER,  /* OUTCOME is final */
    ZL_STEP_LOOK,    /* memory cannot tell: look at the API server */
    ZL_STEP_PREPARE, /* store a Lease that says that nobody ever led, then look again */
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
    ZL_OUTCOME_UNDECIDED,
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
    ZL_OUTCOME_FLEET_WAITS,
    ZL_OUTCOME_COUNT,
};

struct zl_decision {
    enum zl_step step;
    enum zl_outcome outcome;
};

/* ANSWER or LOOK. */
struct zl_decision zl_decide_known(const struct zl_known *known);
/*
 * What a review ends with when it FAILED. Unreachable is an API server that did not answer in time, had no time, or did not
 * let us ask; that alone --on-api-error=allow is about (ALLOWS). Anything else leaves the pod outside.
 */
enum zl_outcome zl_outcome_of_failure(enum zl_status failed, bool allows);
/* Anything but LOOK. */
struct zl_decision zl_decide_seen(const struct zl_seen *seen);
/* Does the answer depend on who holds the seat? Owner, policy and strategy, which are looked at first, may settle it. */
bool zl_needs_seat(const struct zl_seen *seen);

/* The same for a Job's pod in a pool whose turns count (decide_job.c); the functions above call them. */
struct zl_decision zl_decide_turn_known(const struct zl_known *known);
struct zl_decision zl_decide_turn_seen(const struct zl_seen *seen);
/* Whose turn is it as far as JOB (NULL: none) and LEASE (NULL: none) tell? The turn's Job may be over by now. */
static inline enum zl_whose_turn zl_turn_of(const struct zl_job *job, const struct zl_lease *lease)
{
    if (lease == NULL || lease->turn_uid == NULL) {
        return ZL_TURN_NOBODYS;
    }
    return job != NULL && zl_same_string(lease->turn_uid, job->meta.uid) ? ZL_TURN_OWN
                                                                         : ZL_TURN_ANOTHERS;
}

static inline struct zl_decision zl_then(enum zl_step step, enum zl_outcome outcome)
{
    return (struct zl_decision){.step = step, .outcome = outcome};
}

static inline struct zl_decision zl_answer(enum zl_outcome outcome)
{
    return zl_then(ZL_STEP_ANSWER, outcome);
}

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
