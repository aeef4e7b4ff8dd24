/* SPDX-License-Identifier: Apache-2.0 */
/*
 * membership.c - does the pod that the Lease names still belong to the pool? Its workload may have moved to
 * another pool or left it, or someone wrote a stranger into the Lease. Such a pod may live for years, and
 * as long as it counts as the leader, nobody else gets in.
 *
 * The cache alone cannot tell: it may lag behind the owner of a new pod. So the owners are read live.
 */
#include "controller/view/gather.h"

#include "common/cache/live.h"

static enum zl_status read_object(const struct zl_sources *sources,
                                  const struct zl_kube_resource *resource, const char *namespace_,
                                  const char *name, const struct zl_json_shape *shape,
                                  struct cJSON **out, struct zl_error *err)
{
    const struct zl_kube_target target = {
        .resource = resource, .namespace_ = namespace_, .name = name, .shape = shape};
    return zl_kube_get(sources->client, &target, out, err);
}

/* *INSIDE: OWNER, of KIND, joins the pool. Gone, or another under its name: ZL_E_NOT_FOUND. */
static enum zl_status workload_joins(const struct zl_sources *sources, const struct zl_kind *kind,
                                     const struct zl_controller_ref *owner,
                                     const struct zl_view *view, bool *inside, struct zl_error *err)
{
    ZL_AUTO_JSON struct cJSON *json = NULL;
    void *object = NULL;
    if (!zl_kind_is(kind, owner)) {
        *inside = false;
        return ZL_OK;
    }
    enum zl_status status = read_object(sources, &kind->resource, view->namespace_, owner->name,
                                        kind->shape, &json, err);
    if (status == ZL_OK) {
        status = kind->decode(kind, json, &object, err);
    }
    if (status != ZL_OK) {
        return status;
    }
    *inside = zl_same_string(kind->pool(object), view->name);
    bool replaced = !zl_same_string(zl_kind_meta(object)->uid, owner->uid);
    kind->free_object(object);
    return replaced
               ? zl_error_set(err, ZL_E_NOT_FOUND, "%s %s was replaced", owner->kind, owner->name)
               : ZL_OK;
}

/* OWNER, a CronJob, in the version that the server has; ZL_E_NOT_FOUND: it is not there, or another one is. */
static enum zl_status read_cronjob(const struct zl_sources *sources, const char *namespace_,
                                   const struct zl_controller_ref *owner, struct zl_cronjob **out,
                                   struct zl_error *err)
{
    const struct zl_kind *kind = &ZL_KIND_CRONJOB;
    ZL_AUTO_JSON struct cJSON *json = NULL;
    enum zl_status status =
        read_object(sources, &kind->resource, namespace_, owner->name, kind->shape, &json, err);
    if (status == ZL_E_NOT_FOUND) {
        status = read_object(sources, kind->alternative, namespace_, owner->name, kind->shape,
                             &json, err);
    }
    if (status == ZL_OK) {
        status = zl_cronjob_decode(json, out, err);
    }
    bool replaced = status == ZL_OK && !zl_same_string((*out)->meta.uid, owner->uid);
    return replaced ? zl_error_set(err, ZL_E_NOT_FOUND, "CronJob %s was replaced", owner->name)
                    : status;
}

enum zl_status zl_view_read_pool_of_job(const struct zl_sources *sources, const struct zl_job *job,
                                        char **pool, struct zl_error *err)
{
    struct zl_cronjob *cronjob = NULL;
    if (!ZL_KIND_JOB.asks_maker(job)) {
        *pool = zl_strdup(job->pool);
        return ZL_OK;
    }
    enum zl_status status =
        read_cronjob(sources, job->meta.namespace_, &job->meta.controller, &cronjob, err);
    if (status == ZL_OK) {
        *pool = zl_strdup(cronjob->pool);
    }
    zl_cronjob_free(cronjob);
    return status == ZL_E_NOT_FOUND ? ZL_OK : status;
}

/* As workload_joins. */
static enum zl_status job_joins(const struct zl_sources *sources,
                                const struct zl_controller_ref *owner, const struct zl_view *view,
                                bool *inside, struct zl_error *err)
{
    struct zl_job *job = NULL;
    enum zl_status status =
        zl_job_read(sources->client, view->namespace_, owner->name, 0, &job, err);
    if (status != ZL_OK) {
        return status;
    }
    bool gone = job == NULL || !zl_same_string(job->meta.uid, owner->uid);
    if (!gone) {
        ZL_AUTO_FREE char *pool = NULL;
        status = zl_view_read_pool_of_job(sources, job, &pool, err);
        *inside = zl_same_string(pool, view->name);
    }
    zl_job_free(job);
    if (status != ZL_OK) {
        return status;
    }
    return gone ? zl_error_set(err, ZL_E_NOT_FOUND, "Job %s does not exist any more", owner->name)
                : ZL_OK;
}

/* As workload_joins, for a pod's controller. */
static enum zl_status owner_joins(const struct zl_sources *sources,
                                  const struct zl_controller_ref *owner,
                                  const struct zl_gathered *gathered, bool *inside,
                                  struct zl_error *err)
{
    const struct zl_view *view = &gathered->view;
    const struct zl_kind *kind = zl_kind_of_pods(owner);
    ZL_AUTO_JSON struct cJSON *object = NULL;
    struct zl_meta between;
    *inside = false;
    if (kind == NULL) {
        return ZL_OK;
    }
    if (kind->takes_turns) {
        /* Where their pods are no members Jobs lead nothing. */
        return gathered->with_jobs ? job_joins(sources, owner, view, inside, err) : ZL_OK;
    }
    if (kind->between == NULL) {
        return workload_joins(sources, kind, owner, view, inside, err);
    }
    enum zl_status status = read_object(sources, &kind->between->resource, view->namespace_,
                                        owner->name, ZL_OBJECT_SHAPE, &object, err);
    if (status == ZL_OK) {
        status = zl_meta_decode(object, &between, err);
    }
    if (status != ZL_OK) {
        return status;
    }
    status = workload_joins(sources, kind, &between.controller, view, inside, err);
    zl_meta_clear(&between);
    return status;
}

enum zl_status zl_view_expel_stranger(const struct zl_sources *sources,
                                      struct zl_gathered *gathered, struct zl_error *err)
{
    struct zl_view *view = &gathered->view;
    const struct zl_pod *pod = view->holder_pod;
    bool inside = false;
    if (pod == NULL || zl_view_knows_holder(view)) {
        return ZL_OK;
    }
    if (pod->meta.controller.uid == NULL && view->lease->turn_uid != NULL) {
        return ZL_OK; /* its Job was deleted without it: it executes to its end all the same */
    }
    enum zl_status status = owner_joins(sources, &pod->meta.controller, gathered, &inside, err);
    if (status == ZL_E_NOT_FOUND) {
        return ZL_OK; /* its owner is gone: the pod follows, and keeps the seat until then */
    }
    if (status == ZL_OK && !inside) {
        view->holder = ZL_HOLDER_OUTSIDE; /* it leads here no more, alive as it is */
        view->holder_pod = NULL;
    }
    return status;
}
