/* SPDX-License-Identifier: Apache-2.0 */
/*
 * revisions.c - the rollout's part of a decision: which revision is the pod of, and is the one place beside
 * the leader free?
 */
#include "webhook/gatekeeper/gatekeeper.h"

#include "common/base/clock.h"
#include "common/cache/live.h"
#include "common/seat/claim_clock.h"
#include "common/seat/rollout.h"

#include <string.h>

/* A StatefulSet's pods have names that stay: it replaces them one by one, and has no successor. */
static bool rolls_out(const struct zl_request *request)
{
    return request->facts.workload->kind == ZL_WORKLOAD_DEPLOYMENT &&
           zl_same_string(request->owner->kind, "ReplicaSet") && request->owner->uid != NULL;
}

bool zl_may_succeed_by_memory(const struct zl_gatekeeper *gatekeeper,
                              const struct zl_request *request, const struct zl_lease *lease,
                              const struct zl_pod *holder)
{
    const struct zl_policy *policy = request->facts.policy;
    const struct zl_workload *workload = request->facts.workload;
    struct zl_error ignored = {0};
    ZL_AUTO_REF struct zl_ref *ref = NULL;
    if (!rolls_out(request) || policy->recreate || workload->recreates || lease->turn_uid != NULL ||
        zl_same_string(holder->meta.controller.uid, request->owner->uid) ||
        zl_same_string(lease->failed_revision, request->owner->uid)) {
        return false;
    }
    /* Beside the leader of another workload there is no successor. Not known: ask. */
    enum zl_status status =
        zl_owners_workload_of(gatekeeper->owners, request->namespace_, &holder->meta.controller,
                              request->deadline_ms, &ref, &ignored);
    if (status != ZL_OK || ref == NULL) {
        return true;
    }
    const struct zl_workload *leading = zl_ref_object(ref);
    return zl_same_string(leading->meta.uid, workload->meta.uid);
}

/* Is the place beside the leader taken: by a pod that lives, or may still be on its way into the store? */
static enum zl_status view_successor(const struct zl_gatekeeper *gatekeeper,
                                     const struct zl_request *request, const struct zl_lease *lease,
                                     bool *lives, struct zl_error *err)
{
    struct zl_pod *pod = NULL;
    *lives = false;
    if (lease == NULL || lease->successor_uid == NULL) {
        return ZL_OK;
    }
    int64_t age_ms = zl_claim_clock_observe_successor(gatekeeper->clock, lease, zl_clock_ms());
    enum zl_status status =
        zl_pod_read(gatekeeper->client, request->namespace_, lease->successor_pod,
                    zl_clock_left_ms(request->deadline_ms), &pod, err);
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

static enum zl_status view_revisions(const struct zl_gatekeeper *gatekeeper,
                                     struct zl_request *request, const struct zl_lease *lease,
                                     const char *holder_revision, bool *proven,
                                     struct zl_error *err)
{
    struct zl_facts *facts = &request->facts;
    const struct zl_workload *workload = facts->workload;
    struct zl_replicasets replicasets = {0};
    enum zl_status status =
        zl_replicasets_read(gatekeeper->client, request->namespace_, workload->selector,
                            zl_clock_left_ms(request->deadline_ms), &replicasets, err);
    if (status == ZL_OK) {
        struct zl_rollout rollout =
            zl_rollout_of((const struct zl_replicaset *const *)replicasets.items, replicasets.count,
                          workload->meta.uid, lease);
        const char *revision = request->owner->uid;
        bool beside = holder_revision == NULL || is_own(&replicasets, workload, holder_revision);
        *proven = rollout.proven != NULL;
        facts->may_lead = zl_rollout_may_lead(&rollout, facts->policy, revision);
        facts->may_succeed = beside && zl_rollout_may_succeed(&rollout, facts->policy, workload,
                                                              lease, revision, holder_revision);
    }
    zl_replicasets_clear(&replicasets);
    return status;
}

/*
 * Has nobody who may lead come for a lease duration, since the seat was released? Owners can fall silent: a
 * ReplicaSet's controller that missed an event waits for five minutes, deaf to any wake.
 */
static bool has_been_vacant_long(const struct zl_gatekeeper *gatekeeper,
                                 const struct zl_request *request, const struct zl_lease *lease)
{
    return zl_lease_was_released(lease) && !request->facts.policy->recreate &&
           !zl_same_string(lease->failed_revision, request->owner->uid) &&
           zl_claim_clock_observe_loss(gatekeeper->clock, lease->namespace_, lease->pool,
                                       lease->fencing_token, zl_clock_ms()) >=
               request->facts.policy->lease_duration_s * 1000;
}

enum zl_status zl_view_rollout(const struct zl_gatekeeper *gatekeeper, struct zl_request *request,
                               const struct zl_lease *lease, const struct zl_pod *holder,
                               enum zl_seat seat, bool *out_proven, struct zl_error *err)
{
    struct zl_facts *facts = &request->facts;
    bool held = seat == ZL_SEAT_HELD;
    const char *own = request->owner->uid;
    const char *holder_revision = held && holder != NULL ? holder->meta.controller.uid : NULL;

    *out_proven = false;
    facts->may_lead = true;
    facts->vacant_long = false;
    facts->may_succeed = false;
    facts->successor_lives = false;
    facts->is_successor = zl_lease_is_succeeded_by(lease, request->pod_uid);
    if (!rolls_out(request) || facts->is_holder || facts->is_successor ||
        seat == ZL_SEAT_PROVISIONAL || seat == ZL_SEAT_UNKNOWN ||
        (held && (facts->policy->recreate || zl_same_string(holder_revision, own)))) {
        return ZL_OK; /* the answer does not depend on it */
    }
    if (!held && !facts->policy->recreate && lease != NULL &&
        zl_same_string(lease->ready_revision, own)) {
        *out_proven = true; /* it wants pods: this is one */
        return ZL_OK;
    }
    enum zl_status status =
        view_revisions(gatekeeper, request, lease, holder_revision, out_proven, err);
    if (status == ZL_OK && (facts->may_succeed || !facts->may_lead)) {
        status = view_successor(gatekeeper, request, lease, &facts->successor_lives, err);
    }
    facts->vacant_long = has_been_vacant_long(gatekeeper, request, lease);
    return status;
}
