/* SPDX-License-Identifier: Apache-2.0 */
/*
 * live.c - a pool's members read from the API server, for the one decision that its cache may not make.
 */
#include "controller/view/gather.h"

struct reading {
    struct zl_cache *cache;
    struct zl_gathered *gathered;
};

static enum zl_status add_pod(void *ctx, const struct cJSON *object, struct zl_error *err)
{
    const struct reading *reading = ctx;
    struct zl_pod *pod = NULL;
    enum zl_status status = zl_pod_decode(object, &pod, err);
    if (status == ZL_OK) {
        zl_refs_add(&reading->gathered->retired, zl_ref_new(pod, zl_pod_free));
        zl_view_add_member(reading->cache, reading->gathered, pod);
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

enum zl_status zl_view_read_members(const struct zl_sources *sources, struct zl_gathered *gathered,
                                    struct zl_error *err)
{
    struct reading reading = {.cache = sources->cache, .gathered = gathered};
    struct zl_view *view = &gathered->view;
    const struct zl_kube_target target = {.resource = &ZL_KUBE_PODS,
                                          .namespace_ = view->namespace_};
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
    zl_view_judge_turns(view, view->lease, view->jobs.turns);
    return status;
}
