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
    bool custom_identity;     /* identityStrategy: custom */
    bool standby;             /* followerMode: standby; else scaleDown */
    bool recreate;            /* rollout: Recreate; else Handover */
    bool role_label;          /* podRoleLabel: true */
    struct zl_policy_status status;
};

enum zl_status zl_policy_decode(const struct cJSON *object, struct zl_policy **out,
                                struct zl_error *err) ZL_MUST_CHECK;
void zl_policy_free(void *policy); /* a struct zl_policy; fits zl_ref_new */

/*
 * Was POD_UID the last leader, according to the status: it is named there, and no token was given since (TOKEN
 * is the last that was)? Then a Lease that was lost is its.
 */
bool zl_policy_led_last(const struct zl_policy *policy, const char *pod_uid, int64_t token);

#endif
