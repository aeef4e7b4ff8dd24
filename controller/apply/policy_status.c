/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/reconcile/reconciler.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "controller/apply/jobs.h"
#include "controller/gate/armer.h"

#include <string.h>

static void tell_of_leader(struct zl_reconciler *reconciler, const struct zl_policy *policy,
                           const struct zl_policy_status *after)
{
    if (after->executing.uid != NULL) {
        return; /* a Job's pod leads nobody: its user hears of the turn */
    }
    if (after->holder_uid == NULL || zl_same_string(policy->status.holder_uid, after->holder_uid) ||
        !zl_same_string(after->phase, "Stable")) {
        return;
    }
    ZL_AUTO_FREE char *message = zl_asprintf("pod %s leads, fencing token %lld", after->holder_name,
                                             (long long)after->fencing_token);
    zl_emit_policy_event(reconciler, policy, false, "LeaderElected", message);
}

/* Probing is a matter of milliseconds, and no news. */
static void tell_of_arming(struct zl_reconciler *reconciler, const struct zl_policy *policy,
                           const struct zl_policy_status *after)
{
    const struct zl_condition *was = &policy->status.conditions[ZL_CONDITION_GATEKEEPER_ARMED];
    const struct zl_condition *is = &after->conditions[ZL_CONDITION_GATEKEEPER_ARMED];
    if (zl_same_string(was->reason, is->reason) || zl_same_string(is->reason, "Probing")) {
        return;
    }
    bool armed = strcmp(is->status, "True") == 0;
    zl_emit_policy_event(reconciler, policy, !armed,
                         armed ? "GatekeeperArmed" : "GatekeeperNotArmed", is->message);
}

static void tell_of_role_labels(struct zl_reconciler *reconciler, const struct zl_policy *policy,
                                const struct zl_policy_status *after)
{
    const struct zl_condition *was = &policy->status.conditions[ZL_CONDITION_POD_ROLE_LABELS];
    const struct zl_condition *is = &after->conditions[ZL_CONDITION_POD_ROLE_LABELS];
    if (!zl_same_string(was->status, is->status) && zl_same_string(is->status, "False")) {
        zl_emit_policy_event(reconciler, policy, true, "PodRoleLabelForbidden", is->message);
    }
}

enum zl_status zl_write_status(struct zl_reconciler *reconciler, const struct zl_pool *pool,
                               struct zl_error *err)
{
    const struct zl_policy *policy = pool->facts.policy;
    struct zl_policy_status after = {0};
    char now[ZL_TIME_TEXT_MAX];
    enum zl_status status = ZL_OK;

    zl_plan_status(&pool->facts, pool->facts.lease, pool->facts.holder_pod, &after);
    zl_time_format(pool->facts.now_us, now);
    zl_armer_condition(reconciler->armer, policy->meta.namespace_,
                       &policy->status.conditions[ZL_CONDITION_GATEKEEPER_ARMED], now,
                       &after.conditions[ZL_CONDITION_GATEKEEPER_ARMED]);
    zl_roles_condition(pool->role_labels, &policy->status.conditions[ZL_CONDITION_POD_ROLE_LABELS],
                       now, &after.conditions[ZL_CONDITION_POD_ROLE_LABELS]);
    if (!zl_policy_status_same(&policy->status, &after)) {
        const struct zl_kube_target target = {.resource = &ZL_KUBE_LEADERPOLICIES,
                                              .namespace_ = policy->meta.namespace_,
                                              .name = policy->meta.name,
                                              .subresource = "status"};
        ZL_AUTO_JSON struct cJSON *patch = zl_json_object();
        zl_json_set_text(zl_json_child(patch, "metadata"), "resourceVersion",
                         policy->meta.resource_version);
        zl_json_set(patch, "status", zl_policy_status_encode(&after));
        status = zl_kube_patch(reconciler->client, &target, ZL_KUBE_PATCH_MERGE, patch, NULL, err);
        if (status == ZL_OK) {
            tell_of_leader(reconciler, policy, &after);
            tell_of_arming(reconciler, policy, &after);
            zl_tell_of_jobs(reconciler, pool, &after);
            tell_of_role_labels(reconciler, policy, &after);
        } else if (status == ZL_E_NOT_FOUND) {
            status = ZL_OK; /* the policy was deleted meanwhile */
        }
    }
    zl_policy_status_clear(&after);
    return status;
}
