/* SPDX-License-Identifier: Apache-2.0 */
#include "common/seat/rollout.h"

#include <string.h>

/* Two without a number yet were made a moment ago: the younger one is newer. */
static bool is_newer(const struct zl_replicaset *left, const struct zl_replicaset *right)
{
    if (left->revision != right->revision) {
        return left->revision > right->revision;
    }
    if (left->meta.created_us != right->meta.created_us) {
        return left->meta.created_us > right->meta.created_us;
    }
    return strcmp(left->meta.name, right->meta.name) > 0;
}

struct zl_rollout zl_rollout_of(const struct zl_replicaset *const *replicasets, size_t count,
                                const char *deployment_uid, const struct zl_lease *lease)
{
    struct zl_rollout rollout = {0};
    for (size_t i = 0; i < count; i++) {
        const struct zl_replicaset *replicaset = replicasets[i];
        if (!zl_same_string(replicaset->meta.controller.uid, deployment_uid)) {
            continue;
        }
        if (rollout.newest == NULL || is_newer(replicaset, rollout.newest)) {
            rollout.newest = replicaset;
        }
        if (lease != NULL && lease->ready_revision != NULL && replicaset->replicas > 0 &&
            !replicaset->meta.deleting &&
            strcmp(replicaset->meta.uid, lease->ready_revision) == 0) {
            rollout.proven = replicaset;
        }
    }
    return rollout;
}

bool zl_rollout_may_lead(const struct zl_rollout *rollout, const struct zl_policy *policy,
                         const char *revision)
{
    const struct zl_replicaset *chosen = rollout->newest;
    if (!policy->recreate && rollout->proven != NULL) {
        chosen = rollout->proven;
    }
    if (chosen == NULL || chosen->replicas <= 0) {
        return true; /* the one that ought to lead wants no pods */
    }
    return zl_same_string(chosen->meta.uid, revision);
}

bool zl_rollout_may_succeed(const struct zl_rollout *rollout, const struct zl_policy *policy,
                            const struct zl_workload *deployment, const struct zl_lease *lease,
                            const char *revision, const char *holder_revision)
{
    if (policy->standby || policy->recreate || deployment->recreates || deployment->paused ||
        deployment->kind->rollout != ZL_ROLLOUT_HANDOVER ||
        !zl_refuses_followers(deployment, rollout->others)) {
        return false;
    }
    if (rollout->newest == NULL || rollout->newest->replicas <= 0 ||
        !zl_same_string(rollout->newest->meta.uid, revision)) {
        return false;
    }
    return lease != NULL && !zl_same_string(lease->failed_revision, revision) &&
           !zl_same_string(holder_revision, revision);
}
