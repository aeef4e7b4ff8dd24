/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/gatekeeper/memory.h"

#include <string.h>

void zl_memory_clear(struct zl_memory *memory)
{
    zl_ref_drop(memory->owner_ref);
    zl_ref_drop(memory->policy_ref);
    free(memory->job_pool);
    memset(memory, 0, sizeof *memory);
}

/* --- whose pod is it? ----------------------------------------------------------------------------- */

static bool has_jobs(const struct zl_gatekeeper *gatekeeper, const char *namespace_)
{
    ZL_AUTO_REFS struct zl_refs members = {0};
    zl_cache_list(gatekeeper->cache, ZL_CACHED_CRONJOBS, namespace_, &members);
    zl_cache_list(gatekeeper->cache, ZL_CACHED_JOBS, namespace_, &members);
    return members.count > 0;
}

int64_t zl_memory_others(const struct zl_gatekeeper *gatekeeper, const char *namespace_,
                         const struct zl_workload *workload)
{
    return zl_refuses_followers(workload, 0)
               ? 0
               : zl_cache_wanted_by_others(gatekeeper->cache, namespace_, workload->pool,
                                           workload->meta.uid);
}

static enum zl_status recall_job(const struct zl_gatekeeper *gatekeeper,
                                 const struct zl_request *request, struct zl_memory *memory,
                                 struct zl_error *err)
{
    struct zl_known *known = &memory->known;
    enum zl_status status =
        zl_owners_job_of(gatekeeper->owners, request->namespace_, request->owner,
                         request->deadline_ms, &memory->owner_ref, &memory->job_pool, err);
    if (status == ZL_E_NOT_FOUND) { /* it matters where there are pools of Jobs */
        known->owner_gone = memory->job_pool != NULL || has_jobs(gatekeeper, request->namespace_);
        return ZL_OK;
    }
    if (memory->owner_ref != NULL) {
        known->job = zl_ref_object(memory->owner_ref);
        known->pool = memory->job_pool;
    }
    return status;
}

static enum zl_status recall_workload(const struct zl_gatekeeper *gatekeeper,
                                      const struct zl_request *request, struct zl_memory *memory,
                                      struct zl_error *err)
{
    struct zl_known *known = &memory->known;
    enum zl_status status =
        zl_owners_workload_of(gatekeeper->owners, request->namespace_, request->owner,
                              request->labels, request->deadline_ms, &memory->owner_ref, err);
    if (status == ZL_E_NOT_FOUND) {
        known->owner_gone = true;
        return ZL_OK;
    }
    if (memory->owner_ref != NULL) {
        known->workload = zl_ref_object(memory->owner_ref);
        known->pool = known->workload->pool;
        known->others = zl_memory_others(gatekeeper, request->namespace_, known->workload);
    }
    return status;
}

/* The kinds by which memory denies. */
static bool is_blind(const struct zl_gatekeeper *gatekeeper, const char *namespace_)
{
    for (int kind = ZL_CACHED_POLICIES; kind <= ZL_CACHED_PODS; kind++) {
        if (zl_cache_not_watching_ms(gatekeeper->cache, (enum zl_cached)kind, namespace_) >
            ZL_BLIND_MS) {
            return true;
        }
    }
    return false;
}

/* --- how is the pool led, and who leads? ---------------------------------------------------------- */

enum zl_strategy_kind zl_memory_strategy(const struct zl_gatekeeper *gatekeeper,
                                         const char *namespace_, const char *pool,
                                         const struct zl_policy *policy, bool of_job)
{
    bool has_pods =
        !of_job || zl_cache_count_members(gatekeeper->cache, namespace_, pool, false) > 0;
    return zl_strategy_of(policy, has_pods, false, of_job);
}

/* Is it worth asking the API server whether the pod may be the successor of HOLDER, who leads? */
static bool may_succeed(const struct zl_gatekeeper *gatekeeper, const struct zl_request *request,
                        const struct zl_known *known, const struct zl_lease *lease,
                        const struct zl_pod *holder)
{
    const struct zl_workload *workload = known->workload;
    struct zl_error ignored = {0};
    ZL_AUTO_REF struct zl_ref *ref = NULL;
    if (workload == NULL || !zl_request_rolls_out(request, workload) || known->policy->recreate ||
        workload->recreates || lease->turn_uid != NULL ||
        zl_same_string(holder->meta.controller.uid, request->owner->uid) ||
        zl_same_string(lease->failed_revision, request->owner->uid)) {
        return false;
    }
    /* Beside the leader of another workload there is no successor. Not known: ask. */
    enum zl_status status =
        zl_owners_workload_of(gatekeeper->owners, request->namespace_, &holder->meta.controller,
                              holder->labels, request->deadline_ms, &ref, &ignored);
    if (status != ZL_OK || ref == NULL) {
        return true;
    }
    const struct zl_workload *leading = zl_ref_object(ref);
    return zl_same_string(leading->meta.uid, workload->meta.uid);
}

static void recall_seat(const struct zl_gatekeeper *gatekeeper, const struct zl_request *request,
                        struct zl_known *known)
{
    ZL_AUTO_REF struct zl_ref *lease_ref =
        zl_cache_find_lease(gatekeeper->cache, request->namespace_, known->pool);
    const struct zl_lease *lease = lease_ref != NULL ? zl_ref_object(lease_ref) : NULL;
    enum zl_holder holder = ZL_HOLDER_UNKNOWN;
    if (zl_lease_is_held(lease) && lease->holder_pod != NULL) {
        ZL_AUTO_REF struct zl_ref *pod_ref = zl_cache_find(gatekeeper->cache, ZL_CACHED_PODS,
                                                           request->namespace_, lease->holder_pod);
        if (pod_ref != NULL) {
            const struct zl_pod *pod = zl_ref_object(pod_ref);
            holder = zl_holder_of(lease, pod);
            known->may_succeed = may_succeed(gatekeeper, request, known, lease, pod);
        }
    }
    known->seat = zl_seat_judge(lease, holder, 0, gatekeeper->claim_timeout_ms);
    known->holder_terminating = holder == ZL_HOLDER_TERMINATING;
    known->is_holder = request->pod_uid != NULL && zl_lease_is_held_by(lease, request->pod_uid);
    known->is_successor =
        request->pod_uid != NULL && zl_lease_is_succeeded_by(lease, request->pod_uid);
    known->held_by_job = zl_turn_of(NULL, lease) != ZL_TURN_NOBODYS;
    known->turn = zl_turn_of(known->job, lease);
}

enum zl_status zl_memory_recall(const struct zl_gatekeeper *gatekeeper,
                                const struct zl_request *request, struct zl_memory *out,
                                struct zl_error *err)
{
    struct zl_known *known = &out->known;
    bool of_job = zl_controller_ref_is_job(request->owner);
    known->is_static = request->is_static;
    enum zl_status status = of_job ? recall_job(gatekeeper, request, out, err)
                                   : recall_workload(gatekeeper, request, out, err);
    if (status != ZL_OK || known->pool == NULL) {
        return status;
    }
    known->is_blind = is_blind(gatekeeper, request->namespace_);
    out->policy_ref =
        zl_cache_find(gatekeeper->cache, ZL_CACHED_POLICIES, request->namespace_, known->pool);
    known->policy = out->policy_ref != NULL ? zl_ref_object(out->policy_ref) : NULL;
    known->strategy =
        zl_memory_strategy(gatekeeper, request->namespace_, known->pool, known->policy, of_job);
    if (known->policy != NULL && known->strategy != ZL_STRATEGY_STANDBY) {
        recall_seat(gatekeeper, request, known);
    }
    return ZL_OK;
}
