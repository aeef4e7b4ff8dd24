/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/view/look_traffic.h"

#include "common/base/clock.h"
#include "common/cache/indexes.h"
#include "common/objects/names.h"
#include "controller/view/family.h"
#include "controller/view/workload_of.h"

#include <string.h>

/* --- a pool's --- */

void zl_traffic_begin(struct zl_traffic_gathered *gathered, const struct zl_view *after)
{
    struct zl_traffic_view *view = &gathered->view;
    view->count = after->workload_count;
    view->own = zl_alloc((view->count + 1) * sizeof *view->own);
    view->templates = zl_alloc((view->count + 1) * sizeof *view->templates);
    for (size_t i = 0; i < view->count; i++) {
        view->own[i].workload = after->workloads[i];
        view->templates[i].workload = after->workloads[i];
    }
}

static void find_lenders(struct zl_cache *cache, const char *namespace_, const char *labels,
                         struct zl_refs *refs, struct zl_traffic_target *target)
{
    size_t first = refs->count;
    zl_cache_list_selecting(cache, namespace_, labels, refs);
    target->lenders = zl_alloc((refs->count - first + 1) * sizeof(struct zl_service *));
    for (size_t i = first; i < refs->count; i++) {
        target->lenders[target->lender_count++] = zl_ref_object(refs->items[i]);
    }
}

/* The leader's pod need not be a member: its workload may be another pool's by now, or not cached yet. */
static void find_workload(struct zl_cache *cache, struct zl_refs *refs,
                          struct zl_traffic_target *leader)
{
    struct zl_ref *ref =
        zl_pool_workload_of(cache, leader->pod->meta.namespace_, &leader->pod->meta.controller);
    if (ref != NULL) {
        leader->workload = zl_ref_object(ref);
        zl_refs_add(refs, ref);
    }
}

void zl_traffic_look(struct zl_cache *cache, const struct zl_view *after,
                     struct zl_traffic_gathered *gathered)
{
    struct zl_traffic_view *view = &gathered->view;
    ZL_AUTO_FREE char *director = zl_asprintf("%s" ZL_DIRECTOR_SUFFIX, after->name);
    ZL_AUTO_REF struct zl_ref *stored =
        zl_cache_find(cache, ZL_CACHED_SERVICES, after->namespace_, director);
    view->director_is_stored =
        stored != NULL && ((const struct zl_service *)zl_ref_object(stored))->ours;
    if (view->leader.pod != NULL) {
        find_workload(cache, &gathered->refs, &view->leader);
        find_lenders(cache, after->namespace_, view->leader.pod->labels, &gathered->refs,
                     &view->leader);
    }
    for (size_t i = 0; i < view->count; i++) {
        struct zl_traffic_target *own = &view->own[i];
        const struct zl_pod *template_pod = own->workload->template_pod;
        if (own->pod != NULL) {
            find_lenders(cache, after->namespace_, own->pod->labels, &gathered->refs, own);
        }
        if (template_pod != NULL) {
            find_lenders(cache, after->namespace_, template_pod->labels, &gathered->refs,
                         &view->templates[i]);
        }
    }
    view->services_settled = zl_cache_is_settled(cache, ZL_CACHED_SERVICES, after->namespace_);
}

void zl_traffic_clear(struct zl_traffic_gathered *gathered)
{
    struct zl_traffic_view *view = &gathered->view;
    free(view->leader.lenders);
    for (size_t i = 0; i < view->count; i++) {
        free(view->own[i].lenders);
        free(view->templates[i].lenders);
    }
    free(view->own);
    free(view->templates);
    zl_refs_clear(&gathered->refs);
    memset(gathered, 0, sizeof *gathered);
}

/* --- an annotated Service's --- */

static void gather_pods(const struct zl_sources *sources, struct zl_service_gathered *out)
{
    const struct zl_service *source = out->view.source;
    int64_t now_ms = zl_clock_ms();
    zl_cache_list_selected(sources->cache, source->meta.namespace_, source->selector,
                           &out->pod_refs);
    out->pods = zl_alloc((out->pod_refs.count + 1) * sizeof(struct zl_pod *));
    out->view.ready_ms = out->ready_ms =
        zl_alloc((out->pod_refs.count + 1) * sizeof *out->ready_ms);
    for (size_t i = 0; i < out->pod_refs.count; i++) {
        const struct zl_pod *pod = zl_ref_object(out->pod_refs.items[i]);
        if (!pod->finished) {
            out->ready_ms[out->view.pod_count] =
                zl_ready_clock_ms(sources->ready_clock, pod, now_ms);
            out->pods[out->view.pod_count++] = pod;
        }
    }
    out->view.pods = out->pods;
}

/* Who leads now, and where: the slices say so; only where there is none does the annotation. */
static void find_current(struct zl_cache *cache, struct zl_service_gathered *out)
{
    const char *namespace_ = out->view.source->meta.namespace_;
    bool sliced = false;
    for (int family = 0; family < ZL_FAMILY_COUNT; family++) {
        ZL_AUTO_FREE char *slice_name = zl_route_slice_name(out->name, (enum zl_family)family);
        ZL_AUTO_REF struct zl_ref *ref =
            zl_cache_find(cache, ZL_CACHED_SLICES, namespace_, slice_name);
        if (ref == NULL) {
            continue;
        }
        const struct zl_slice *slice = zl_ref_object(ref);
        sliced = true;
        if (slice->target_uid != NULL) {
            out->current_uid = zl_strdup(slice->target_uid);
            out->current_node = zl_strdup(slice->node);
            return;
        }
    }
    ZL_AUTO_REF struct zl_ref *ref =
        sliced ? NULL : zl_cache_find(cache, ZL_CACHED_SERVICES, namespace_, out->name);
    if (ref != NULL) {
        const struct zl_service *service = zl_ref_object(ref);
        out->current_uid = zl_strdup(service->leader_uid);
    }
}

/* For how long the current leader has been not Ready; its pods are gathered. */
static int64_t unready_for(const struct zl_sources *sources, const struct zl_service_view *view)
{
    const char *unready_uid = NULL;
    for (size_t i = 0; view->source->failover_delay_ms > 0 && i < view->pod_count; i++) {
        if (zl_same_string(view->pods[i]->meta.uid, view->current_uid) && !view->pods[i]->ready) {
            unready_uid = view->current_uid;
        }
    }
    return zl_since(sources->sinces, view->source->meta.namespace_, view->source->meta.name,
                    ZL_TOPIC_SERVICE_UNREADY, unready_uid, zl_clock_ms());
}

static char *find_holder(struct zl_cache *cache, const struct zl_service *source)
{
    if (source->joined_pool == NULL) {
        return NULL;
    }
    ZL_AUTO_REF struct zl_ref *ref =
        zl_cache_find_lease(cache, source->meta.namespace_, source->joined_pool);
    const struct zl_lease *lease = ref != NULL ? zl_ref_object(ref) : NULL;
    return zl_lease_is_held(lease) ? zl_strdup(lease->holder_uid) : NULL;
}

void zl_service_gather(const struct zl_sources *sources, const char *namespace_, const char *name,
                       struct zl_service_gathered *out)
{
    struct zl_service_view *view = &out->view;
    struct zl_cache *cache = sources->cache;
    memset(out, 0, sizeof *out);
    out->source_ref = zl_cache_find(cache, ZL_CACHED_SERVICES, namespace_, name);
    if (out->source_ref == NULL) {
        return;
    }
    view->source = zl_ref_object(out->source_ref);
    if (!view->source->opted_in || view->source->meta.deleting) {
        return;
    }
    view->name = out->name = zl_service_leader_name(view->source);
    find_current(cache, out);
    view->current_uid = out->current_uid;
    view->current_node = out->current_node;
    view->holder_uid = out->holder_uid = find_holder(cache, view->source);
    /* Asked before looking: a list that arrives in between is seen below. */
    view->settled = zl_cache_is_settled(cache, ZL_CACHED_PODS, namespace_);
    gather_pods(sources, out);
    view->unready_ms = unready_for(sources, view);
}

void zl_service_gathered_clear(struct zl_service_gathered *gathered)
{
    zl_ref_drop(gathered->source_ref);
    zl_refs_clear(&gathered->pod_refs);
    free(gathered->pods);
    free(gathered->ready_ms);
    free(gathered->name);
    free(gathered->current_uid);
    free(gathered->current_node);
    free(gathered->holder_uid);
    memset(gathered, 0, sizeof *gathered);
}
