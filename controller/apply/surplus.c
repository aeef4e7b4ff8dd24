/* SPDX-License-Identifier: Apache-2.0 */
/*
 * surplus.c - delete the pods that slipped past the gatekeeper (created while the webhook was down, or
 * running when their workload was labelled), and leaders that lost their seat.
 */
#include "controller/reconcile/reconciler.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/seat/lease_store.h"

const struct zl_metric ZL_SURPLUS_DELETED = {
    .name = "zen_lead_surplus_pods_deleted_total",
    .type = ZL_METRIC_COUNTER,
    .help = "Pods of a scaleDown pool that ran beside its leader and were deleted.",
};

static bool has_surplus(const struct zl_pool_facts *facts)
{
    for (size_t i = 0; i < facts->member_count; i++) {
        if (zl_is_surplus(&facts->members[i], facts->lease)) {
            return true;
        }
    }
    return false;
}

enum zl_status zl_delete_pod(struct zl_reconciler *reconciler, const struct zl_pod *pod,
                             bool *deleted, struct zl_error *err)
{
    const struct zl_kube_target target = {
        .resource = &ZL_KUBE_PODS, .namespace_ = pod->meta.namespace_, .name = pod->meta.name};
    const struct zl_kube_delete_options options = {.uid = pod->meta.uid, .grace_period_s = -1};
    enum zl_status status = zl_kube_delete(reconciler->client, &target, &options, err);
    *deleted = status == ZL_OK;
    if (status == ZL_E_NOT_FOUND || status == ZL_E_CONFLICT) {
        return ZL_OK; /* gone, or another pod under its name */
    }
    return status;
}

static enum zl_status delete_surplus_pod(struct zl_reconciler *reconciler,
                                         const struct zl_pool *pool, const struct zl_pod *pod,
                                         struct zl_error *err)
{
    const char *policy = pool->facts.policy->meta.name;
    bool deleted = false;
    enum zl_status status = zl_delete_pod(reconciler, pod, &deleted, err);
    if (status != ZL_OK || !deleted) {
        return status;
    }
    if (zl_same_string(pool->facts.policy->status.holder_uid, pod->meta.uid)) {
        ZL_LOG_INFO("former leader deleted", ZL_STR("namespace", pod->meta.namespace_),
                    ZL_STR("pod", pod->meta.name), ZL_STR("pool", policy));
        return ZL_OK; /* the Event that deposed it said so */
    }
    zl_metric_add(&ZL_SURPLUS_DELETED, NULL, NULL, 1);
    ZL_LOG_INFO("surplus pod deleted", ZL_STR("namespace", pod->meta.namespace_),
                ZL_STR("pod", pod->meta.name), ZL_STR("pool", policy),
                ZL_STR("leader", pool->facts.lease->holder_pod));
    const char *leader = pool->facts.lease->holder_pod;
    ZL_AUTO_FREE char *message =
        leader != NULL && zl_is_of_job(pod)
            ? zl_asprintf("deleted pod %s of a Job: it ran beside pod %s, whose turn it is",
                          pod->meta.name, leader)
        : leader != NULL
            ? zl_asprintf("deleted pod %s: it ran beside the leader %s (followerMode: scaleDown)",
                          pod->meta.name, leader)
            : zl_asprintf("deleted pod %s: it lost the seat for good", pod->meta.name);
    zl_emit_policy_event(reconciler, pool->facts.policy, false, "SurplusPodDeleted", message);
    return ZL_OK;
}

enum zl_status zl_delete_surplus(struct zl_reconciler *reconciler, const struct zl_pool *pool,
                                 struct zl_error *err)
{
    const struct zl_pool_facts *facts = &pool->facts;
    struct zl_lease *live = NULL;
    if (!has_surplus(facts)) {
        return ZL_OK;
    }

    /*
     * The cached Lease may be older than the cached pods: a pod that looks surplus could be the new leader.
     * Its claim was written before the pod was, so a Lease that is read now, after the pod was seen, knows.
     */
    enum zl_status status = zl_lease_read(reconciler->client, facts->policy->meta.namespace_,
                                          facts->policy->meta.name, 0, &live, err);
    bool agreed = status == ZL_OK && live != NULL && facts->lease != NULL &&
                  zl_lease_is_held(live) == zl_lease_is_held(facts->lease) &&
                  zl_same_string(live->holder_uid, facts->lease->holder_uid);
    for (size_t i = 0; agreed && status == ZL_OK && i < facts->member_count; i++) {
        if (zl_is_surplus(&facts->members[i], live)) {
            status = delete_surplus_pod(reconciler, pool, facts->members[i].pod, err);
        }
    }
    zl_lease_free(live);
    if (status == ZL_OK && !agreed) {
        return zl_error_set(err, ZL_E_CONFLICT, "the Lease is newer than the cache");
    }
    return status;
}
