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

/* *INSIDE: OWNER, of KIND, joins POOL. Gone, or another under its name: ZL_E_NOT_FOUND. */
static enum zl_status workload_joins(struct zl_reconciler *reconciler, const struct zl_kind *kind,
                                     const struct zl_controller_ref *owner,
                                     const struct zl_policy *policy, bool *inside,
                                     struct zl_error *err)
{
    ZL_AUTO_JSON struct cJSON *json = NULL;
    void *object = NULL;
    if (!zl_kind_is(kind, owner)) {
        *inside = false;
        return ZL_OK;
    }
    enum zl_status status =
        read_object(reconciler, &kind->resource, policy->meta.namespace_, owner->name, &json, err);
    if (status == ZL_OK) {
        status = kind->decode(kind, json, &object, err);
    }
    if (status != ZL_OK) {
        return status;
    }
    *inside = zl_same_string(kind->pool(object), policy->meta.name);
    bool replaced = !zl_same_string(zl_kind_meta(object)->uid, owner->uid);
    kind->free_object(object);
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
    const struct zl_kind *kind = zl_kind_of_pods(owner);
    ZL_AUTO_JSON struct cJSON *object = NULL;
    struct zl_meta between;
    *inside = false;
    if (kind == NULL) {
        return ZL_OK;
    }
    if (kind->takes_turns) {
        return job_joins(reconciler, owner, policy, inside, err);
    }
    if (kind->between == NULL) {
        return workload_joins(reconciler, kind, owner, policy, inside, err);
    }
    enum zl_status status = read_object(reconciler, &kind->between->resource,
                                        policy->meta.namespace_, owner->name, &object, err);
    if (status == ZL_OK) {
        status = zl_meta_decode(object, &between, err);
    }
    if (status != ZL_OK) {
        return status;
    }
    status = workload_joins(reconciler, kind, &between.controller, policy, inside, err);
    zl_meta_clear(&between);
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
