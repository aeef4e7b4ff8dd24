/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/traffic_director/internal.h"

#include "common/base/clock.h"
#include "common/cache/indexes.h"
#include "common/objects/names.h"
#include "controller/leader/choose.h"

#include <string.h>

enum {
    SWEEP_MS = 1000,
    CONFLICT_MS = 5000, /* somebody else's object may go without an event to us */
};

static const struct zl_metric STICKY_HITS = {
    .name = "zen_lead_sticky_leader_hits_total",
    .type = ZL_METRIC_COUNTER,
    .help = "Looks at an annotated Service with a leader that found that it may go on.",
};
static const struct zl_metric STICKY_MISSES = {
    .name = "zen_lead_sticky_leader_misses_total",
    .type = ZL_METRIC_COUNTER,
    .help = "Looks at an annotated Service with a leader that found that it may not.",
};

const struct zl_metric *const ZL_SERVICE_METRICS[] = {&STICKY_HITS, &STICKY_MISSES, NULL};

static void count_sticky(const struct zl_service *source, const char *current,
                         const struct zl_pod *leader)
{
    if (source->sticky && current != NULL) {
        bool stays =
            leader != NULL && zl_can_lead(leader) && zl_same_string(current, leader->meta.uid);
        zl_metric_add(stays ? &STICKY_HITS : &STICKY_MISSES, NULL, NULL, 1);
    }
}

void zl_requeue_within(struct zl_result *result, int64_t delay_ms)
{
    if (delay_ms > 0 && (result->requeue_after_ms == 0 || delay_ms < result->requeue_after_ms)) {
        result->requeue_after_ms = delay_ms;
    }
}

void zl_requeue_for(const struct zl_route_report *report, struct zl_result *result)
{
    if (report->conflict) {
        zl_requeue_within(result, CONFLICT_MS);
    }
    if (report->swept) {
        zl_requeue_within(result, SWEEP_MS);
    }
}

bool zl_is_leaving(const struct zl_pod *pod)
{
    return pod->meta.deleting && !pod->finished && pod->ips[0] != NULL;
}

char *zl_zone_of(struct zl_reconciler *reconciler, const struct zl_pod *pod)
{
    ZL_AUTO_REF struct zl_ref *ref =
        pod != NULL && pod->node != NULL
            ? zl_cache_find(reconciler->cache, ZL_CACHED_NODES, "", pod->node)
            : NULL;
    if (ref == NULL) {
        return NULL;
    }
    const struct zl_node *node = zl_ref_object(ref);
    return zl_strdup(node->zone);
}

struct zl_controller_ref zl_route_owned_by(const char *api_version, const char *kind,
                                           const struct zl_meta *meta)
{
    return (struct zl_controller_ref){.api_version = zl_strdup(api_version),
                                      .kind = zl_strdup(kind),
                                      .name = zl_strdup(meta->name),
                                      .uid = zl_strdup(meta->uid)};
}

/* --- an annotated Service --- */

/* The pods behind one Service. */
struct backends {
    struct zl_refs refs;
    const struct zl_pod **pods;
    size_t count;
};

static void gather(struct zl_reconciler *reconciler, const struct zl_service *source,
                   struct backends *out)
{
    zl_cache_list_selected(reconciler->cache, source->meta.namespace_, source->selector,
                           &out->refs);
    out->pods = zl_alloc((out->refs.count + 1) * sizeof(struct zl_pod *));
    for (size_t i = 0; i < out->refs.count; i++) {
        const struct zl_pod *pod = zl_ref_object(out->refs.items[i]);
        if (!pod->finished) {
            out->pods[out->count++] = pod;
        }
    }
}

static void drop(struct backends *backends)
{
    free(backends->pods);
    zl_refs_clear(&backends->refs);
}

static const struct zl_pod *find_pod(const struct backends *backends, const char *uid)
{
    for (size_t i = 0; uid != NULL && i < backends->count; i++) {
        if (zl_same_string(backends->pods[i]->meta.uid, uid)) {
            return backends->pods[i];
        }
    }
    return NULL;
}

/* Who leads now: the slices say so; only where there is none does the annotation. The caller frees. */
static char *current_uid(struct zl_reconciler *reconciler, const char *namespace_, const char *name)
{
    bool sliced = false;
    for (int family = 0; family < ZL_FAMILY_COUNT; family++) {
        ZL_AUTO_FREE char *slice_name = zl_route_slice_name(name, (enum zl_family)family);
        ZL_AUTO_REF struct zl_ref *ref =
            zl_cache_find(reconciler->cache, ZL_CACHED_SLICES, namespace_, slice_name);
        if (ref == NULL) {
            continue;
        }
        const struct zl_slice *slice = zl_ref_object(ref);
        sliced = true;
        if (slice->target_uid != NULL) {
            return zl_strdup(slice->target_uid);
        }
    }
    ZL_AUTO_REF struct zl_ref *ref =
        sliced ? NULL : zl_cache_find(reconciler->cache, ZL_CACHED_SERVICES, namespace_, name);
    if (ref == NULL) {
        return NULL;
    }
    const struct zl_service *service = zl_ref_object(ref);
    return zl_strdup(service->leader_uid);
}

/* The Service has joined a pool that has a leader among its pods: nothing is left to choose. */
static const struct zl_pod *leader_of_pool(struct zl_reconciler *reconciler,
                                           const struct zl_service *source,
                                           const struct backends *backends)
{
    if (source->joined_pool == NULL) {
        return NULL;
    }
    ZL_AUTO_REF struct zl_ref *ref =
        zl_cache_find_lease(reconciler->cache, source->meta.namespace_, source->joined_pool);
    const struct zl_lease *lease = ref != NULL ? zl_ref_object(ref) : NULL;
    return lease != NULL && zl_lease_is_held(lease) ? find_pod(backends, lease->holder_uid) : NULL;
}

static const struct zl_pod *choose(struct zl_reconciler *reconciler,
                                   const struct zl_service *source, const struct backends *backends,
                                   const char *current, struct zl_result *result)
{
    const struct zl_choice_rules rules = {.sticky = source->sticky,
                                          .min_ready_ms = source->min_ready_ms};
    const struct zl_pod *holder = leader_of_pool(reconciler, source, backends);
    if (holder != NULL) {
        return zl_can_lead(holder) || zl_is_leaving(holder) ? holder : NULL;
    }
    struct zl_choice choice =
        zl_choose_leader(backends->pods, backends->count, current, &rules, zl_clock_wall_us());
    zl_requeue_within(result, choice.recheck_ms);
    if (choice.leader != NULL) {
        return choice.leader;
    }
    const struct zl_pod *last = find_pod(backends, current);
    return last != NULL && zl_is_leaving(last) ? last : NULL;
}

/* What makes it impossible to route; the caller frees, NULL: nothing. */
static char *find_fault(const struct zl_service *source, const char *leader_name)
{
    if (source->external) {
        return zl_strdup("a Service of type ExternalName has no pods to choose a leader from");
    }
    if (source->selector == NULL) {
        return zl_strdup("the Service has no selector, so there are no pods to choose from");
    }
    if (zl_same_string(source->meta.name, leader_name)) {
        return zl_strdup(ZL_KEY_LEADER_SERVICE " names the Service itself; choose another name");
    }
    if (!zl_service_name_is_valid(leader_name)) {
        return zl_asprintf("\"%s\" cannot be the name of a Service (at most 63 of a-z, 0-9 and "
                           "'-', beginning with a letter); set " ZL_KEY_LEADER_SERVICE,
                           leader_name);
    }
    return NULL;
}

static void tell_of_nobody(struct zl_reconciler *reconciler, const struct zl_route *route,
                           const struct backends *backends)
{
    if (backends->count == 0) {
        zl_route_tell(reconciler, route, true, "NoPodsFound",
                      "the selector matches no pod: the leader Service leads nowhere");
    } else {
        zl_route_tell(reconciler, route, true, "NoReadyPods",
                      "no pod is Ready (long enough) to lead: the leader Service leads nowhere");
    }
}

static enum zl_status route_service(struct zl_reconciler *reconciler,
                                    const struct zl_service *source, struct zl_route *route,
                                    struct zl_result *result, struct zl_error *err)
{
    struct backends backends = {0};
    enum zl_status status = ZL_OK;
    ZL_AUTO_FREE char *current = current_uid(reconciler, route->namespace_, route->name);

    /* Asked before looking: a list that arrives in between is seen below. */
    bool settled = zl_cache_is_settled(reconciler->cache, ZL_CACHED_PODS);
    gather(reconciler, source, &backends);
    route->leader = choose(reconciler, source, &backends, current, result);
    bool moves = route->leader == NULL || !zl_same_string(current, route->leader->meta.uid);
    bool unsure = route->leader == NULL ||
                  (moves && (!source->sticky || find_pod(&backends, current) == NULL));
    if (unsure && !settled) {
        result->requeue_after_ms = ZL_SETTLE_MS;
    } else {
        ZL_AUTO_FREE char *zone = zl_zone_of(reconciler, route->leader);
        count_sticky(source, current, route->leader);
        route->zone = zone;
        struct zl_route_job *job = zl_route_job_new(reconciler, route);
        const struct zl_route_report *report = zl_route_job_report(job);
        status = zl_route_write_slices(job, err);
        if (status == ZL_OK) {
            status = zl_route_finish(job, err);
        }
        if (report->changed && (route->leader == NULL || !route->leader->ready)) {
            tell_of_nobody(reconciler, route, &backends);
        }
        zl_requeue_for(report, result);
        zl_route_job_free(job);
        route->zone = NULL;
    }
    route->leader = NULL;
    drop(&backends);
    return status;
}

static enum zl_status keep_service(struct zl_reconciler *reconciler,
                                   const struct zl_service *source, struct zl_result *result,
                                   struct zl_error *err)
{
    ZL_AUTO_FREE char *name = zl_service_leader_name(source);
    ZL_AUTO_FREE char *fault = find_fault(source, name);
    const struct zl_route_owner whose = {.namespace_ = source->meta.namespace_,
                                         .source = source->meta.name};
    const char *keep[] = {name};
    struct zl_controller_ref owner = zl_route_owned_by("v1", "Service", &source->meta);
    struct zl_route route = {
        .namespace_ = source->meta.namespace_, .name = name, .owner = &owner, .from = source};
    enum zl_status status = ZL_OK;

    if (fault != NULL) {
        zl_route_tell(reconciler, &route, true, "InvalidService", fault);
    } else {
        if (source->bad_min_ready != NULL) {
            zl_route_tell(reconciler, &route, true, "InvalidService",
                          ZL_KEY_MIN_READY " is not a duration such as \"10s\"; it is ignored");
        }
        status = route_service(reconciler, source, &route, result, err);
    }
    if (status == ZL_OK) {
        status = zl_route_clean(reconciler, &whose, keep, fault == NULL ? 1 : 0, err);
    }
    zl_controller_ref_clear(&owner);
    return status;
}

struct zl_result zl_reconcile_service(struct zl_reconciler *reconciler, const char *namespace_,
                                      const char *name, struct zl_error *err)
{
    struct zl_result result = {.status = ZL_OK};
    const struct zl_route_owner whose = {.namespace_ = namespace_, .source = name};
    ZL_AUTO_REF struct zl_ref *ref =
        zl_cache_find(reconciler->cache, ZL_CACHED_SERVICES, namespace_, name);
    const struct zl_service *source = ref != NULL ? zl_ref_object(ref) : NULL;

    if (source == NULL || !source->opted_in) {
        result.status = zl_route_clean(reconciler, &whose, NULL, 0, err);
    } else if (!source->meta.deleting) {
        result.status = keep_service(reconciler, source, &result, err);
    }
    return result;
}
