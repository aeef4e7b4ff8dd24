/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy.h - LeaderPolicy (coordination.kube-zen.io/v1alpha1): the pool's settings and its status.
 *
 * Threads: pure; a decoded policy is read-only.
 */
#ifndef ZL_OBJECTS_POLICY_H
#define ZL_OBJECTS_POLICY_H

#include "common/objects/pod.h"
#include "common/objects/policy_status.h"

struct zl_policy {
    struct zl_meta meta;
    /* The spec; what each field is called, may be and is by default: policy_fields.h. */
    int64_t lease_duration_s, retry_period_s;
    int64_t renew_deadline_s; /* must stand between the two; nothing is done with it */
    int64_t handover_grace_s; /* from a handover to the old leader's deletion; 0: at once */
    bool custom_identity;     /* identityStrategy: custom */
    bool standby;             /* followerMode: standby; else scaleDown */
    bool recreate;            /* rollout: Recreate; else Handover */
    bool role_label;          /* podRoleLabel: true */
    bool each_tick;           /* ticks: Each; else Once */
    struct zl_policy_status status;
};

/* The scheduled times that are used up; NULL: none ever is (ticks: Each). */
static inline const struct zl_ticks *zl_policy_ticks(const struct zl_policy *policy)
{
    return policy->each_tick ? NULL : &policy->status.ticks;
}

extern const struct zl_json_shape ZL_POLICY_SHAPE[];
enum zl_status zl_policy_decode(const struct cJSON *object, struct zl_policy **out,
                                struct zl_error *err) ZL_MUST_CHECK;
void zl_policy_free(void *policy); /* a struct zl_policy; fits zl_ref_new */

/*
 * Can a LeaderPolicy have this name? A pool of another name is in an annotation alone, and has none. Nor may it be called
 * as the Lease by which replicas of the controller elect one: that is no pool's.
 */
bool zl_pool_name_is_valid(const char *name);
bool zl_pool_name_is_reserved(const char *name);

/*
 * Was POD_UID the last leader, according to the status: it is named there, and no token was given since (TOKEN
 * is the last that was)? Then a Lease that was lost is its.
 */
bool zl_policy_led_last(const struct zl_policy *policy, const char *pod_uid, int64_t token);

#endif
