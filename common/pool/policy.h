/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy.h - LeaderPolicy (coordination.kube-zen.io/v1alpha1): the pool's settings and its status.
 *
 * Threads: pure; a decoded policy is read-only.
 */
#ifndef ZL_POOL_POLICY_H
#define ZL_POOL_POLICY_H

#include "common/pool/objects.h"

#define ZL_STRATEGY_TRAFFIC_DIRECTOR "TrafficDirector"

struct zl_status_workload {
    char *kind, *name, *strategy;
};

/* .status. Text is NULL where the field is absent. Times are RFC 3339 text, written as they were read. */
struct zl_policy_status {
    char *phase; /* "Electing" or "Stable" */
    char *holder_name, *holder_uid, *holder_namespace;
    char *holder_start_time;              /* when it became the leader */
    int64_t holder_token;                 /* its fencing token; 0: not said */
    char *successor_name, *successor_uid; /* during a handover: the pod that is to take over */
    int64_t candidates;                   /* live pods of the pool's workloads */
    int64_t blocked;                      /* replicas that are wanted and refused */
    int64_t fencing_token;                /* never falls; 0: no leader yet */
    int64_t lease_transitions;            /* changes of leader */
    char *last_transition_time;
    int64_t observed_generation;
    struct zl_status_workload *workloads;
    size_t workload_count;
    /* condition Ready; NULL status: absent */
    char *ready_status, *ready_reason, *ready_message, *ready_since;
};

struct zl_policy {
    struct zl_meta meta;
    int64_t lease_duration_s, renew_deadline_s, retry_period_s;
    bool custom_identity; /* identityStrategy: custom */
    bool standby;         /* followerMode: standby; else scaleDown */
    bool recreate;        /* rollout: Recreate; else Handover */
    struct zl_policy_status status;
};

enum zl_status zl_policy_decode(const struct cJSON *object, struct zl_policy **out,
                                struct zl_error *err) ZL_MUST_CHECK;
void zl_policy_free(void *policy); /* a struct zl_policy; fits zl_ref_new */

/*
 * Was POD_UID the last leader, according to the status: it is named there, and no token was given since? Then
 * a Lease that was lost is its.
 */
bool zl_policy_led_last(const struct zl_policy *policy, const char *pod_uid);

void zl_policy_status_clear(struct zl_policy_status *status);
/* The status as JSON, in one fixed order, so that equal texts are equal statuses. */
struct cJSON *zl_policy_status_encode(const struct zl_policy_status *status);
bool zl_policy_status_same(const struct zl_policy_status *left,
                           const struct zl_policy_status *right);

#endif
