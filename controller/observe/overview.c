/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/observe/overview.h"

#include "common/base/clock.h"
#include "common/base/metrics.h"
#include "common/cache/indexes.h"
#include "common/objects/names.h"
#include "controller/reconcile/strategy.h"
#include "controller/view/family.h"
#include "controller/view/gather.h"

/* Each says whom it is about by namespace and either pool or Service; the other one is empty. */
static const struct zl_metric DURATION = {
    .name = "zen_lead_leader_duration_seconds",
    .type = ZL_METRIC_GAUGE,
    .help = "For how long the present leader of a pool or of an annotated Service has led; absent "
            "while "
            "nobody does.",
    .label1 = "namespace",
    .label2 = "pool",
    .label3 = "service",
};
static const struct zl_metric POD_AGE = {
    .name = "zen_lead_leader_pod_age_seconds",
    .type = ZL_METRIC_GAUGE,
    .help = "How old the leader's pod is; absent while nobody leads.",
    .label1 = "namespace",
    .label2 = "pool",
    .label3 = "service",
};
static const struct zl_metric STABLE = {
    .name = "zen_lead_leader_stable",
    .type = ZL_METRIC_GAUGE,
    .help =
        "1: a Ready pod leads, or there is nothing to elect. 0: somebody should lead and does not.",
    .label1 = "namespace",
    .label2 = "pool",
    .label3 = "service",
};
static const struct zl_metric AVAILABLE = {
    .name = "zen_lead_pods_available",
    .type = ZL_METRIC_GAUGE,
    .help = "Ready pods of a pool or behind an annotated Service, the leader included.",
    .label1 = "namespace",
    .label2 = "pool",
    .label3 = "service",
};
static const struct zl_metric WITHOUT_ENDPOINTS = {
    .name = "zen_lead_leader_service_without_endpoints",
    .type = ZL_METRIC_GAUGE,
    .help = "1: this leader Service should lead to a pod and leads nowhere. Of a pool with several "
            "workloads, those that do not lead should not.",
    .label1 = "namespace",
    .label2 = "pool",
    .label3 = "service",
};
static const struct zl_metric SERVICES = {
    .name = "zen_lead_leader_services_total",
    .type = ZL_METRIC_UNTYPED,
    .help = "Leader Services that there are now.",
};
static const struct zl_metric SLICES = {
    .name = "zen_lead_endpointslices_total",
    .type = ZL_METRIC_UNTYPED,
    .help = "EndpointSlices of leader Services that there are now.",
};

/* What is being measured. */
struct overview {
    struct zl_cache *cache;
    struct zl_samples *duration, *pod_age, *stable, *available, *without_endpoints;
    int64_t now_us;
};

const struct zl_metric *const ZL_OVERVIEW_METRICS[] = {
    &DURATION, &POD_AGE, &STABLE, &AVAILABLE, &WITHOUT_ENDPOINTS, &SERVICES, &SLICES, NULL};

static double seconds_since(int64_t then_us, int64_t now_us)
{
    return now_us > then_us ? (double)(now_us - then_us) / 1e6 : 0; /* another machine's clock */
}

/* --- leader Services --- */

static bool leads_somewhere(struct zl_cache *cache, const char *namespace_, const char *service)
{
    for (int family = 0; family < ZL_FAMILY_COUNT; family++) {
        ZL_AUTO_FREE char *name = zl_route_slice_name(service, (enum zl_family)family);
        ZL_AUTO_REF struct zl_ref *ref = zl_cache_find(cache, ZL_CACHED_SLICES, namespace_, name);
        if (ref != NULL && zl_slice_is_routed(zl_ref_object(ref))) {
            return true;
        }
    }
    return false;
}

/* One of a pool, which is there only if its ports are known. */
static void look_at_pool_service(struct overview *overview, const struct zl_view *view,
                                 char *taken_name, bool should_lead)
{
    ZL_AUTO_FREE char *name = taken_name;
    const struct zl_meta *policy = &view->policy->meta;
    ZL_AUTO_REF struct zl_ref *ref =
        zl_cache_find(overview->cache, ZL_CACHED_SERVICES, policy->namespace_, name);
    if (ref == NULL) {
        return;
    }
    bool nowhere = should_lead && !leads_somewhere(overview->cache, policy->namespace_, name);
    zl_samples_add(overview->without_endpoints, policy->namespace_, policy->name, name, nowhere);
}

static void look_at_pool_services(struct overview *overview, const struct zl_view *view)
{
    ZL_AUTO_REF struct zl_ref *ref =
        view->holder_pod != NULL
            ? zl_pool_workload_of(overview->cache, view->policy->meta.namespace_,
                                  &view->holder_pod->meta.controller)
            : NULL;
    const struct zl_workload *leads = ref != NULL ? zl_ref_object(ref) : NULL;
    for (size_t i = 0; i < view->workload_count; i++) {
        const struct zl_workload *workload = view->workloads[i];
        bool alone = !view->elects_all && !zl_view_refuses(view, workload);
        bool should_lead =
            workload->replicas > 0 &&
            (leads == NULL || alone || zl_same_string(leads->meta.uid, workload->meta.uid));
        look_at_pool_service(overview, view, zl_workload_leader_name(workload), should_lead);
    }
    /* With nothing to elect it leads to the only pod there is, if there is only one workload. */
    bool should_lead = leads != NULL || view->elects_all || zl_view_is_gatekept(view);
    look_at_pool_service(
        overview, view, zl_asprintf("%s" ZL_DIRECTOR_SUFFIX, view->policy->meta.name), should_lead);
}

/* --- pools --- */

static bool wants_pods(const struct zl_view *view)
{
    for (size_t i = 0; i < view->workload_count; i++) {
        if (view->workloads[i]->replicas > 0) {
            return true;
        }
    }
    return false;
}

static bool is_stable(const struct zl_strategy *strategy, const struct zl_view *view)
{
    struct zl_policy_status status = {0};
    zl_strategy_status(strategy, view, &status);
    bool stable = zl_same_string(status.conditions[ZL_CONDITION_READY].status, "True");
    zl_policy_status_clear(&status);
    return stable;
}

static void look_at_members(struct overview *overview, const struct zl_view *view)
{
    const struct zl_lease *lease = view->lease;
    size_t ready = 0;
    for (size_t i = 0; i < view->member_count; i++) {
        ready += view->members[i].pod->ready;
    }
    if (zl_lease_is_held(lease) && !lease->provisional && view->holder_pod != NULL &&
        lease->acquire_us > 0) {
        zl_samples_add(overview->duration, view->namespace_, view->name, NULL,
                       seconds_since(lease->acquire_us, overview->now_us));
    }
    if (view->holder_pod != NULL && view->holder_pod->meta.created_us > 0) {
        zl_samples_add(overview->pod_age, view->namespace_, view->name, NULL,
                       seconds_since(view->holder_pod->meta.created_us, overview->now_us));
    }
    zl_samples_add(overview->available, view->namespace_, view->name, NULL, (double)ready);
}

/* A pool whose workloads are all scaled to zero, or that nobody has joined, has nobody who should lead. */
static void look_at_pool(struct overview *overview, const struct zl_policy *policy)
{
    const char *namespace_ = policy->meta.namespace_;
    const char *name = policy->meta.name;
    ZL_AUTO_GATHERED struct zl_gathered known;
    struct zl_view *view = &known.view;
    zl_view_gather_cached(overview->cache, namespace_, name, &known);
    if (view->policy == NULL || !wants_pods(view)) {
        return;
    }
    const struct zl_strategy *strategy = zl_strategy_for(view);
    view->elects_all = strategy->elects_all;
    view->now_us = overview->now_us;
    zl_view_remember(overview->cache, &known, strategy->looks);
    look_at_members(overview, view);
    zl_samples_add(overview->stable, namespace_, name, NULL, is_stable(strategy, view));
    look_at_pool_services(overview, view);
}

/* --- annotated Services --- */

static size_t count_ready(struct zl_cache *cache, const struct zl_service *source)
{
    ZL_AUTO_REFS struct zl_refs pods = {0};
    size_t ready = 0;
    zl_cache_list_selected(cache, source->meta.namespace_, source->selector, &pods);
    for (size_t i = 0; i < pods.count; i++) {
        const struct zl_pod *pod = zl_ref_object(pods.items[i]);
        ready += pod->ready;
    }
    return ready;
}

/* Of the pod that SERVICE, a leader Service, says it leads to. */
static void look_at_leader_pod(struct overview *overview, const struct zl_service *source,
                               const struct zl_service *service)
{
    const char *namespace_ = source->meta.namespace_;
    ZL_AUTO_REF struct zl_ref *ref =
        service->leader_pod != NULL
            ? zl_cache_find(overview->cache, ZL_CACHED_PODS, namespace_, service->leader_pod)
            : NULL;
    const struct zl_pod *pod = ref != NULL ? zl_ref_object(ref) : NULL;
    if (pod != NULL && zl_same_string(pod->meta.uid, service->leader_uid) &&
        pod->meta.created_us > 0) {
        zl_samples_add(overview->pod_age, namespace_, NULL, source->meta.name,
                       seconds_since(pod->meta.created_us, overview->now_us));
    }
}

static void look_at_service(struct overview *overview, const struct zl_service *source)
{
    const char *namespace_ = source->meta.namespace_;
    ZL_AUTO_FREE char *name = zl_service_leader_name(source);
    ZL_AUTO_REF struct zl_ref *ref =
        zl_cache_find(overview->cache, ZL_CACHED_SERVICES, namespace_, name);
    const struct zl_service *service = ref != NULL ? zl_ref_object(ref) : NULL;
    bool led =
        service != NULL && service->ours && leads_somewhere(overview->cache, namespace_, name);
    int64_t since_us = 0;
    if (led) {
        look_at_leader_pod(overview, source, service);
    }
    if (led && service->leader_uid != NULL &&
        zl_time_parse(service->leader_switch_time, &since_us)) {
        zl_samples_add(overview->duration, namespace_, NULL, source->meta.name,
                       seconds_since(since_us, overview->now_us));
    }
    zl_samples_add(overview->stable, namespace_, NULL, source->meta.name, led);
    zl_samples_add(overview->available, namespace_, NULL, source->meta.name,
                   (double)count_ready(overview->cache, source));
    zl_samples_add(overview->without_endpoints, namespace_, NULL, name, !led);
}

static void look_at_services(struct overview *overview)
{
    ZL_AUTO_REFS struct zl_refs services = {0};
    size_t ours = 0;
    zl_cache_list(overview->cache, ZL_CACHED_SERVICES, NULL, &services);
    for (size_t i = 0; i < services.count; i++) {
        const struct zl_service *service = zl_ref_object(services.items[i]);
        ours += service->ours;
        if (service->opted_in && !service->meta.deleting) {
            look_at_service(overview, service);
        }
    }
    struct zl_informer *slices = zl_cache_informer(overview->cache, ZL_CACHED_SLICES);
    zl_metric_set(&SERVICES, NULL, NULL, (double)ours);
    zl_metric_set(&SLICES, NULL, NULL,
                  slices != NULL ? (double)zl_store_count(zl_informer_store(slices)) : 0);
}

static void look_at_pools(struct overview *overview)
{
    ZL_AUTO_REFS struct zl_refs policies = {0};
    zl_cache_list(overview->cache, ZL_CACHED_POLICIES, NULL, &policies);
    for (size_t i = 0; i < policies.count; i++) {
        const struct zl_policy *policy = zl_ref_object(policies.items[i]);
        if (!policy->meta.deleting) {
            look_at_pool(overview, policy);
        }
    }
}

void zl_overview_show(struct zl_cache *cache, bool acting)
{
    const char *lagging = NULL;
    struct overview overview = {.cache = cache,
                                .duration = zl_samples_new(),
                                .pod_age = zl_samples_new(),
                                .stable = zl_samples_new(),
                                .available = zl_samples_new(),
                                .without_endpoints = zl_samples_new(),
                                .now_us = zl_clock_wall_us()};
    if (acting && zl_cache_is_synced(cache, NULL, &lagging)) {
        look_at_pools(&overview);
        look_at_services(&overview);
    } else {
        zl_metric_set(&SERVICES, NULL, NULL, 0);
        zl_metric_set(&SLICES, NULL, NULL, 0);
    }
    zl_metric_replace(&DURATION, overview.duration);
    zl_metric_replace(&POD_AGE, overview.pod_age);
    zl_metric_replace(&STABLE, overview.stable);
    zl_metric_replace(&AVAILABLE, overview.available);
    zl_metric_replace(&WITHOUT_ENDPOINTS, overview.without_endpoints);
}
