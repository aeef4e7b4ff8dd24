/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_status.h - the status of a LeaderPolicy: what zen-lead sees and does in a pool.
 *
 * Threads: pure; a decoded status is read-only.
 */
#ifndef ZL_OBJECTS_POLICY_STATUS_H
#define ZL_OBJECTS_POLICY_STATUS_H

#include "common/objects/ticks.h"

#include <stdbool.h>

#define ZL_STRATEGY_TRAFFIC_DIRECTOR "TrafficDirector"
#define ZL_STRATEGY_STATE_GUARD "StateGuard"
#define ZL_STRATEGY_NONE                                                                           \
    "None" /* a Job beside a Deployment is refused, in a standby pool it just runs */

/* As many waiting Jobs are listed; how many there are says WAITING. */
#define ZL_QUEUE_MAX 32

struct zl_status_workload {
    char *kind, *name, *strategy;
    int64_t observed_generation; /* the metadata.generation that this is about; 0: not said */
    /* Names of ReplicaSets or ControllerRevisions, of the workload that leads; NULL: not said, or none waits. */
    char *leading_revision, *waiting_revision;
};

/* A Job that executes or waits. */
struct zl_status_job {
    char *name, *uid;
    char *since; /* it executes, or waits, since then */
};

enum zl_condition_type {
    ZL_CONDITION_READY,            /* a Ready pod leads */
    ZL_CONDITION_GATEKEEPER_ARMED, /* the API server asks the webhook about the namespace's pods */
    ZL_CONDITION_POD_ROLE_LABELS,  /* with podRoleLabel: true: every pod carries its role */
    ZL_CONDITION_COMPATIBLE, /* nothing else in the namespace works against the pool; absent until something does */
    ZL_CONDITION_ROLLED_OUT, /* the newest revision leads; absent where zen-lead knows no revisions */
    /* As other builds have them; the first two of ours say more. */
    ZL_CONDITION_LEADER_ELECTED,
    ZL_CONDITION_CANDIDATES_AVAILABLE,
    ZL_CONDITION_COUNT,
};

struct zl_condition {
    char *status; /* "True" or "False"; NULL: the condition is absent */
    char *reason, *message;
    char *since; /* lastTransitionTime: when STATUS changed last */
};

/* .status. Text is NULL where the field is absent. Times are RFC 3339 text, written as they were read. */
struct zl_policy_status {
    char *phase; /* "Electing" or "Stable" */
    char *holder_name, *holder_uid, *holder_namespace;
    char *holder_start_time; /* when it became the leader */
    char *holder_ready_time; /* when it was first seen Ready; NULL: it is still starting */
    int64_t holder_token;    /* its fencing token; 0: not said */
    char *successor_name, *successor_uid; /* during a handover: the pod that is to take over */
    int64_t candidates;                   /* live pods of the pool's workloads */
    int64_t blocked;                      /* replicas that are wanted and refused */
    int64_t fencing_token;                /* never falls; 0: no leader yet */
    int64_t lease_transitions;            /* changes of leader */
    char *last_transition_time;
    int64_t observed_generation;
    struct zl_status_workload *workloads;
    size_t workload_count;
    /* Of a guarded pool (turns.h). */
    struct zl_status_job executing; /* NAME NULL: nobody's turn */
    struct zl_status_job *queue;    /* who waits, the next first; at most ZL_QUEUE_MAX */
    size_t queue_count;
    int64_t waiting; /* how many wait */
    struct zl_ticks
        ticks; /* scheduled times that were used up; copied on by whoever writes a status */
    struct zl_condition conditions[ZL_CONDITION_COUNT];
};

/* Of JSON's .status (NULL: there is none); *OUT must be empty. */
void zl_policy_status_decode(const struct cJSON *json, struct zl_policy_status *out);
void zl_policy_status_clear(struct zl_policy_status *status);
/* The status as JSON, in one fixed order, so that equal texts are equal statuses. */
struct cJSON *zl_policy_status_encode(const struct zl_policy_status *status);
/* Fill the empty CONDITION but for its time. */
void zl_condition_set(struct zl_condition *condition, bool holds, const char *reason,
                      const char *message);
/* Its time moves to NOW (RFC 3339) only when its status is not that of BEFORE. */
void zl_condition_date(struct zl_condition *condition, const struct zl_condition *before,
                       const char *now);
/* COPY becomes what CONDITION is; it must be empty. */
void zl_condition_copy(struct zl_condition *copy, const struct zl_condition *condition);

bool zl_policy_status_same(const struct zl_policy_status *left,
                           const struct zl_policy_status *right);

#endif
