/* SPDX-License-Identifier: Apache-2.0 */
/*
 * history.h - what the cluster's objects say, one change after the other in the order in which etcd stored them, and
 * whether zen-lead's promises held at each of them. Knows none of zen-lead's code: it judges from raw facts.
 *
 * The promises, for each pool whose policy says scaleDown:
 *   - never two believers. A pod believes from the instant at which it exists and the Lease names it, until it is gone,
 *     Failed or Succeeded, deposed (annotation of the Lease), or its workload leaves the pool.
 *   - no pod appears that no Lease ever named (it slipped past the gatekeeper), and none whose claim has been given to
 *     somebody else (a late commit); unless a door was open: the driver says so (zl_history_open), or the objects do (no
 *     policy, one replica, a workload that has just joined).
 *   - a deposed pod never gets the seat back.
 * for a pool whose members are Jobs the first two, and:
 *   - a turn is not interrupted: while the Job that the Lease's annotation "turn" names is not over (there, not being deleted,
 *     neither Complete nor Failed), the Lease names no other Job, and no pod of another one. A lost Lease ends a turn.
 *   Its pods execute until they are gone or finished, whatever becomes of their Job; they are never deposed.
 * and for every pool:
 *   - the fencing token: falls neither in the Lease nor in LeaderPolicy status, and each new holder's is larger than
 *     every one before. That includes a Lease that is deleted and made again.
 *   - once faults stop: soon a leader that is Ready, alone in a scaleDown pool, confirmed and in status; or, where Jobs take
 *     turns, soon one that is over, until all are (zl_history_look).
 *
 * Threads: none of its own; one history, one thread.
 */
#ifndef ZL_TEST_CHAOS_HISTORY_H
#define ZL_TEST_CHAOS_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

enum zl_fact_kind {
    ZL_FACT_POLICY,
    ZL_FACT_WORKLOAD, /* Deployment or StatefulSet */
    ZL_FACT_JOB,
    ZL_FACT_REPLICASET,
    ZL_FACT_POD,
    ZL_FACT_LEASE,
};

/* One object as it was stored, or (deleted) as it was last. Strings are borrowed from whoever made it; NULL: absent. */
struct zl_fact {
    enum zl_fact_kind kind;
    bool deleted;
    uint64_t revision;
    int64_t at_ms; /* when the checker heard of it, monotonic */
    const char *name;
    const char *uid;
    const char *owner_uid; /* of a pod or ReplicaSet: its controller */
    const char
        *pool; /* of a workload: the pool that it joins; of a Lease: the pool that it belongs to */
    /* pod; a Job is FINISHED when it is Complete or Failed */
    bool finished, ready, terminating;
    /* workload, ReplicaSet */
    int64_t replicas;
    int64_t deployment_revision; /* of a ReplicaSet; the newest one's is the largest; 0: none */
    /* policy */
    bool standby;
    bool recreate;          /* rollout: Recreate: the newest revision alone may lead */
    const char *status_uid; /* the holder in status */
    /* Lease */
    const char *holder_uid;
    const char *successor_uid;
    const char *deposed;  /* uids, separated by commas */
    const char *turn_uid; /* the Job whose turn it is */
    bool provisional;
    int64_t token; /* Lease and policy; 0: none */
};

enum zl_violation {
    ZL_TWO_LEADERS,
    ZL_SLIPPED_PAST,
    ZL_LATE_COMMIT,
    ZL_DEPOSED_LEADS,
    ZL_TURN_INTERRUPTED,
    ZL_TOKEN_FELL,
    ZL_TOKEN_SHARED, /* one token, two holders; or a new holder without a larger one */
    ZL_NOT_SETTLED,  /* reported by the checker, when a bound has passed */
    ZL_VIOLATIONS,
};
const char *zl_violation_name(enum zl_violation violation);

struct zl_history; /* opaque */

/* VIOLATED is called for each violation as it is found; TEXT is borrowed. */
struct zl_history *zl_history_new(void (*violated)(void *ctx, enum zl_violation violation,
                                                   const char *text),
                                  void *ctx);
void zl_history_free(struct zl_history *history);

/* Facts come by ascending revision. What is needed of FACT is copied. */
void zl_history_apply(struct zl_history *history, const struct zl_fact *fact);

enum zl_door {
    ZL_DOOR_OPEN, /* the gatekeeper is not asked: anything may slip in */
    ZL_DOOR_SLOW, /* the API server was held up: a pod may be stored long after its claim, when that was given away */
};

/*
 * A door is open, in the pool (NULL: in all): from FROM_MS until zl_history_close, and GRACE_MS longer. What slips in
 * meanwhile is no violation, but must be gone when the pool has settled. May be told after facts of that time were heard
 * of, but before they are applied.
 */
void zl_history_open(struct zl_history *history, enum zl_door kind, const char *pool,
                     int64_t from_ms);
void zl_history_close(struct zl_history *history, enum zl_door kind, const char *pool,
                      int64_t to_ms, int64_t grace_ms);

/* A calm begins: nobody disturbs any more, and every pool must settle within BOUND_MS. */
void zl_history_calm(struct zl_history *history, int64_t now_ms, int64_t bound_ms);

/*
 * What kube-controller-manager itself says of the ReplicaSet or Job NAME: WAITS, it waits until it has seen the pods that it created
 * or deleted (its "expectations") and creates none before, whoever wakes it; or it goes on. Of pods that came and went
 * while its watch was broken it never hears; then it waits for five minutes (pkg/controller/controller_utils.go,
 * ExpectationsTimeout; kubernetes/kubernetes issue 129795).
 *
 * A pool that has nobody to lead it, because it said so in this calm of each ReplicaSet that ought to send a pod (with rollout:
 * Recreate the newest ones), and whose workloads have all such a one, has that much longer; and the ordinary bound once one
 * of them goes on. The same for a pool of Jobs, whose first one waits so and of which no pod lives.
 */
void zl_history_expects(struct zl_history *history, const char *name, bool waits, int64_t now_ms);

enum zl_calm {
    ZL_CALM_LASTS,
    ZL_CALM_SETTLED, /* every pool, for a second */
    ZL_CALM_OVERDUE,
};
/*
 * Is every pool as it should be when nobody disturbs it? To be asked again and again while a calm lasts.
 *
 * @param reason  receives what one pool lacks, the one whose time is up before others; the caller frees; NULL: nothing
 */
enum zl_calm zl_history_look(struct zl_history *history, int64_t now_ms, char **reason);

/* What happened to a pool so far. */
struct zl_pool_record {
    const char *pool; /* borrowed */
    uint64_t changes; /* of leader, the first one not counted */
    uint64_t pods;    /* that ever lived */
    uint64_t excused; /* pods that came in through an open door */
    uint64_t held;    /* calms in which it needed longer than the bound: zl_history_expects */
    int64_t
        longest_ms; /* without a Ready leader, since there was one for the first time; Jobs: none executes, but some wait */
    int64_t token;
};
/*
 * The record of pool number INDEX at NOW_MS (a gap that lasts still counts).
 *
 * @return false when there are not so many
 */
bool zl_history_record(const struct zl_history *history, unsigned index, int64_t now_ms,
                       struct zl_pool_record *out);

#endif
