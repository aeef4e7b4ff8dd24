/* SPDX-License-Identifier: Apache-2.0 */
/*
 * membership.c - does the pod that the Lease names still belong to the pool? Its workload may have moved to
 * another pool or left it, or someone wrote a stranger into the Lease. Such a pod may live for years, and
 * as long as it counts as the leader, nobody else gets in.
 *
 * The cache alone cannot tell: it may lag behind the owner of a new pod. So the owners are read live.
 */
#include "controller/reconcile/reconciler.h"

#include "common/cache/live.h"

static enum zl_status read_object(struct zl_reconciler *reconciler,
                                  const struct zl_kube_resource *resource, const char *namespace_,
                                  const char *name, struct cJSON **out, struct zl_error *err)
{
    const struct zl_kube_target target = {
        .resource = resource, .namespace_ = namespace_, .name = name};
    return zl_kube_get(reconciler->client, &target, out, err);
}

/* *INSIDE: OWNER joins POOL. Gone, or another under its name: ZL_E_NOT_FOUND. */
static enum zl_status workload_joins(struct zl_reconciler *reconciler,
                                     const struct zl_controller_ref *owner,
                                     const struct zl_policy *policy, bool *inside,
                                     struct zl_error *err)
{
    ZL_AUTO_JSON struct cJSON *object = NULL;
    struct zl_workload *workload = NULL;
    bool stateful = zl_same_string(owner->kind, "StatefulSet");
    if (!stateful && !zl_same_string(owner->kind, "Deployment")) {
        *inside = false;
        return ZL_OK;
    }
    enum zl_status status =
        read_object(reconciler, stateful ? &ZL_KUBE_STATEFULSETS : &ZL_KUBE_DEPLOYMENTS,
                    policy->meta.namespace_, owner->name, &object, err);
    if (status == ZL_OK) {
        status = zl_workload_decode(stateful ? ZL_WORKLOAD_STATEFULSET : ZL_WORKLOAD_DEPLOYMENT,
                                    object, &workload, err);
    }
    if (status != ZL_OK) {
        return status;
    }
    *inside = zl_same_string(workload->pool, policy->meta.name);
    bool replaced = !zl_same_string(workload->meta.uid, owner->uid);
    zl_workload_free(workload);
    return replaced
               ? zl_error_set(err, ZL_E_NOT_FOUND, "%s %s was replaced", owner->kind, owner->name)
               : ZL_OK;
}

/* As workload_joins. In a standby pool Jobs lead nothing. */
static enum zl_status job_joins(struct zl_reconciler *reconciler,
                                const struct zl_controller_ref *owner,
                                const struct zl_policy *policy, bool *inside, struct zl_error *err)
{
    struct zl_job *job = NULL;
    enum zl_status status =
        zl_job_read(reconciler->client, policy->meta.namespace_, owner->name, 0, &job, err);
    if (status != ZL_OK) {
        return status;
    }
    bool gone = job == NULL || !zl_same_string(job->meta.uid, owner->uid);
    if (!gone) {
        ZL_AUTO_FREE char *pool = zl_cache_pool_of_job(reconciler->cache, job);
        *inside = !policy->standby && zl_same_string(pool, policy->meta.name);
    }
    zl_job_free(job);
    return gone ? zl_error_set(err, ZL_E_NOT_FOUND, "Job %s does not exist any more", owner->name)
                : ZL_OK;
}

/* As workload_joins, for a pod's controller. */
static enum zl_status owner_joins(struct zl_reconciler *reconciler,
                                  const struct zl_controller_ref *owner,
                                  const struct zl_policy *policy, bool *inside,
                                  struct zl_error *err)
{
    ZL_AUTO_JSON struct cJSON *object = NULL;
    struct zl_meta replicaset;
    if (zl_same_string(owner->kind, "Job")) {
        return job_joins(reconciler, owner, policy, inside, err);
    }
    if (!zl_same_string(owner->kind, "ReplicaSet")) {
        return workload_joins(reconciler, owner, policy, inside, err);
    }
    enum zl_status status = read_object(reconciler, &ZL_KUBE_REPLICASETS, policy->meta.namespace_,
                                        owner->name, &object, err);
    if (status == ZL_OK) {
        status = zl_meta_decode(object, &replicaset, err);
    }
    if (status != ZL_OK) {
        return status;
    }
    status = workload_joins(reconciler, &replicaset.controller, policy, inside, err);
    zl_meta_clear(&replicaset);
    return status;
}

enum zl_status zl_check_membership(struct zl_reconciler *reconciler, struct zl_pool *pool,
                                   struct zl_error *err)
{
    const struct zl_pod *pod = pool->facts.holder_pod;
    bool inside = false;
    if (pod == NULL || zl_pool_knows_holder(pool)) {
        return ZL_OK;
    }
    if (pod->meta.controller.uid == NULL && pool->facts.lease->turn_uid != NULL) {
        return ZL_OK; /* its Job was deleted without it: it executes to its end all the same */
    }
    enum zl_status status =
        owner_joins(reconciler, &pod->meta.controller, pool->facts.policy, &inside, err);
    if (status == ZL_E_NOT_FOUND) {
        return ZL_OK; /* its owner is gone: the pod follows, and keeps the seat until then */
    }
    if (status == ZL_OK && !inside) {
        zl_pool_expel_holder(pool);
    }
    return status;
}
