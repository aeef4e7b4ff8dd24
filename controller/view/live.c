/* SPDX-License-Identifier: Apache-2.0 */
/*
 * live.c - a pool's members read from the API server, for the one decision that its cache may not make.
 */
#include "controller/view/gather.h"

struct reading {
    const struct zl_sources *sources;
    struct zl_gathered *gathered;
    struct zl_refs pods; /* struct zl_pod */
};

static enum zl_status add_pod(void *ctx, const struct cJSON *object, struct zl_error *err)
{
    struct reading *reading = ctx;
    struct zl_pod *pod = NULL;
    enum zl_status status = zl_pod_decode(object, &pod, err);
    if (status == ZL_OK) {
        zl_refs_add(&reading->pods, zl_ref_new(pod, zl_pod_free));
    }
    return status;
}

/* No label is sure to be on the pods of a Job (manualSelector), so all are asked for. */
static enum zl_status add_pod_of_job(void *ctx, const struct cJSON *object, struct zl_error *err)
{
    struct zl_controller_ref owner = {0};
    zl_controller_ref_decode(zl_json_at(object, "metadata", NULL), &owner);
    bool of_job = zl_kind_is_of_turns(&owner);
    zl_controller_ref_clear(&owner);
    return of_job ? add_pod(ctx, object, err) : ZL_OK;
}

/*
 * What stands between POD and its workload, for a cache that has not seen it: a ReplicaSet that is a moment old. One that is
 * gone makes its pod nobody's.
 */
static enum zl_status find_workload(const struct zl_sources *sources,
                                    const struct zl_gathered *gathered, const struct zl_pod *pod,
                                    const struct zl_workload **out, struct zl_error *err)
{
    const struct zl_kind *kind = zl_kind_of_pods(&pod->meta.controller);
    struct zl_replicaset *between = NULL;
    ZL_AUTO_JSON struct cJSON *object = NULL;
    ZL_AUTO_REF struct zl_ref *cached =
        zl_pool_workload_of(sources->cache, pod->meta.namespace_, &pod->meta.controller);
    if (cached != NULL || kind == NULL || kind->between == NULL) {
        return ZL_OK;
    }
    const struct zl_kube_target target = {.resource = &kind->between->resource,
                                          .namespace_ = pod->meta.namespace_,
                                          .name = pod->meta.controller.name,
                                          .shape = ZL_REPLICASET_SHAPE};
    enum zl_status status = zl_kube_get(sources->client, &target, &object, err);
    if (status == ZL_OK) {
        status = zl_replicaset_decode(object, &between, err);
    }
    for (size_t i = 0; status == ZL_OK && i < gathered->view.workload_count; i++) {
        if (zl_same_string(gathered->workloads[i]->meta.uid, between->meta.controller.uid)) {
            *out = gathered->workloads[i];
        }
    }
    zl_replicaset_free(between);
    return status == ZL_E_NOT_FOUND ? ZL_OK : status;
}

static enum zl_status add_members(struct reading *reading, struct zl_error *err)
{
    struct zl_gathered *gathered = reading->gathered;
    enum zl_status status = ZL_OK;
    for (size_t i = 0; status == ZL_OK && i < reading->pods.count; i++) {
        const struct zl_pod *pod = zl_ref_object(reading->pods.items[i]);
        const struct zl_workload *workload = NULL;
        zl_refs_add(&gathered->retired, zl_ref_hold(reading->pods.items[i]));
        status = find_workload(reading->sources, gathered, pod, &workload, err);
        if (workload != NULL) {
            zl_view_add_member_of(gathered, pod, workload);
        } else {
            zl_view_add_member(reading->sources->cache, gathered, pod);
        }
    }
    return status;
}

enum zl_status zl_view_read_members(const struct zl_sources *sources, struct zl_gathered *gathered,
                                    struct zl_error *err)
{
    struct reading reading = {.sources = sources, .gathered = gathered};
    struct zl_view *view = &gathered->view;
    const struct zl_kube_target target = {
        .resource = &ZL_KUBE_PODS, .namespace_ = view->namespace_, .shape = ZL_POD_SHAPE};
    enum zl_status status = ZL_OK;
    view->member_count = 0;
    for (size_t i = 0; status == ZL_OK && i < view->workload_count; i++) {
        const struct zl_kube_selector pods = {.label = view->workloads[i]->selector};
        status = zl_kube_list(sources->client, &target, &pods, add_pod, &reading, NULL, err);
    }
    if (status == ZL_OK && view->jobs.turn_count > 0) {
        const struct zl_kube_selector all = {0};
        status = zl_kube_list(sources->client, &target, &all, add_pod_of_job, &reading, NULL, err);
    }
    if (status == ZL_OK) {
        status = add_members(&reading, err);
    }
    zl_refs_clear(&reading.pods);
    zl_view_judge_turns(view, view->lease, view->jobs.turns);
    return status;
}
