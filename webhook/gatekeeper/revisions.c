/* SPDX-License-Identifier: Apache-2.0 */
/*
 * revisions.c - the rollout's part of a decision: which revision is the pod of, and is the one place beside
 * the leader free?
 */
#include "webhook/gatekeeper/live.h"

#include "common/cache/live.h"
#include "common/seat/rollout.h"

#include <string.h>

/* Is the place beside the leader taken: by a pod that lives, or may still be on its way into the store? */
static enum zl_status look_at_successor(const struct zl_gatekeeper *gatekeeper,
                                        const struct zl_request *request,
                                        const struct zl_lease *lease, bool *lives,
                                        struct zl_error *err)
{
    struct zl_pod *pod = NULL;
    *lives = false;
    if (lease == NULL || lease->successor_uid == NULL) {
        return ZL_OK;
    }
    int64_t age_ms = zl_claim_clock_observe_successor(gatekeeper->clock, lease, zl_clock_ms());
    enum zl_status status = zl_pod_read(gatekeeper->client, request->namespace_,
                                        lease->successor_pod, request->deadline_ms, &pod, err);
    if (status == ZL_OK) {
        bool there = pod != NULL && strcmp(pod->meta.uid, lease->successor_uid) == 0;
        *lives = there ? !pod->finished : age_ms < gatekeeper->claim_timeout_ms;
    }
    zl_pod_free(pod);
    return status;
}

/* Is REVISION one of WORKLOAD's? */
static bool is_own(const struct zl_replicasets *replicasets, const struct zl_workload *workload,
                   const char *revision)
{
    for (size_t i = 0; i < replicasets->count; i++) {
        const struct zl_meta *meta = &replicasets->items[i]->meta;
        if (zl_same_string(meta->uid, revision) &&
            zl_same_string(meta->controller.uid, workload->meta.uid)) {
            return true;
        }
    }
    return false;
}

static enum zl_status compare_revisions(const struct zl_gatekeeper *gatekeeper,
                                        const struct zl_request *request,
                                        const struct zl_look *look, const char *holder_revision,
                                        struct zl_revision_seen *out, struct zl_error *err)
{
    const struct zl_seen *seen = &look->seen;
    const struct zl_workload *workload = seen->workload;
    struct zl_replicasets replicasets = {0};
    enum zl_status status =
        zl_replicasets_read(gatekeeper->client, request->namespace_, workload->selector,
                            request->deadline_ms, &replicasets, err);
    if (status == ZL_OK) {
        struct zl_rollout rollout =
            zl_rollout_of((const struct zl_replicaset *const *)replicasets.items, replicasets.count,
                          workload->meta.uid, look->lease);
        const char *revision = request->owner->uid;
        rollout.others = seen->others;
        bool beside = holder_revision == NULL || is_own(&replicasets, workload, holder_revision);
        out->proven = rollout.proven != NULL;
        out->may_lead = zl_rollout_may_lead(&rollout, seen->policy, revision);
        out->may_succeed = beside && zl_rollout_may_succeed(&rollout, seen->policy, workload,
                                                            look->lease, revision, holder_revision);
    }
    zl_replicasets_clear(&replicasets);
    return status;
}

/*
 * Has nobody who may lead come for a lease duration, since the seat was released? Owners can fall silent: a
 * ReplicaSet's controller that missed an event waits for five minutes, deaf to any wake.
 */
static bool has_been_vacant_long(const struct zl_gatekeeper *gatekeeper,
                                 const struct zl_request *request, const struct zl_look *look)
{
    const struct zl_lease *lease = look->lease;
    const struct zl_policy *policy = look->seen.policy;
    return zl_lease_was_released(lease) && !policy->recreate &&
           !zl_same_string(lease->failed_revision, request->owner->uid) &&
           zl_claim_clock_observe_loss(gatekeeper->clock, lease->namespace_, lease->pool,
                                       lease->fencing_token,
                                       zl_clock_ms()) >= policy->lease_duration_s * 1000;
}

enum zl_status zl_look_at_revisions(const struct zl_gatekeeper *gatekeeper,
                                    const struct zl_request *request, const struct zl_look *look,
                                    struct zl_revision_seen *out, struct zl_error *err)
{
    const struct zl_seen *seen = &look->seen;
    const struct zl_lease *lease = look->lease;
    bool held = seen->seat == ZL_SEAT_HELD, recreate = seen->policy->recreate;
    const char *own = request->owner->uid;
    const char *holder_revision =
        held && look->holder != NULL ? look->holder->meta.controller.uid : NULL;

    *out = (struct zl_revision_seen){
        .may_lead = true, .is_successor = zl_lease_is_succeeded_by(lease, request->pod_uid)};
    if (!zl_request_rolls_out(request, seen->workload) || seen->is_holder || out->is_successor ||
        seen->seat == ZL_SEAT_PROVISIONAL || seen->seat == ZL_SEAT_UNKNOWN ||
        (held && (recreate || zl_same_string(holder_revision, own)))) {
        return ZL_OK; /* the answer does not depend on it */
    }
    if (!held && !recreate && lease != NULL && zl_same_string(lease->ready_revision, own)) {
        out->proven = true; /* it wants pods: this is one */
        return ZL_OK;
    }
    enum zl_status status = compare_revisions(gatekeeper, request, look, holder_revision, out, err);
    if (status == ZL_OK && (out->may_succeed || !out->may_lead)) {
        status = look_at_successor(gatekeeper, request, lease, &out->successor_lives, err);
    }
    out->vacant_long = has_been_vacant_long(gatekeeper, request, look);
    return status;
}
