/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/reconcile_route.h"

#include "common/base/clock.h"
#include "common/pool/labels.h"
#include "common/pool/names.h"
#include "controller/choose.h"
#include "controller/route_writer.h"

#include <string.h>

enum {
    SETTLE_MS = 20, /* pods of a new namespace are being listed */
    SWEEP_MS = 1000,
    CONFLICT_MS = 5000, /* somebody else's object may go without an event to us */
};

static void requeue_within(struct zl_result *result, int64_t delay_ms)
{
    if (delay_ms > 0 && (result->requeue_after_ms == 0 || delay_ms < result->requeue_after_ms)) {
        result->requeue_after_ms = delay_ms;
    }
}

static void requeue_for(const struct zl_route_report *report, struct zl_result *result)
{
    if (report->conflict) {
        requeue_within(result, CONFLICT_MS);
    }
    if (report->swept) {
        requeue_within(result, SWEEP_MS);
    }
}

/* A leader on its way out that nobody replaces yet is shown as what it is. */
static bool is_leaving(const struct zl_pod *pod)
{
    return pod->meta.deleting && !pod->finished && pod->ips[0] != NULL;
}

/* The caller frees; NULL: not known. */
static char *zone_of(struct zl_reconciler *reconciler, const struct zl_pod *pod)
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
    zl_cache_list(reconciler->cache, ZL_CACHED_PODS, source->meta.namespace_, &out->refs);
    out->pods = zl_alloc((out->refs.count + 1) * sizeof(struct zl_pod *));
    for (size_t i = 0; i < out->refs.count; i++) {
        const struct zl_pod *pod = zl_ref_object(out->refs.items[i]);
        if (!pod->finished && zl_labels_match(pod->labels, source->selector)) {
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
        return zl_can_lead(holder) || is_leaving(holder) ? holder : NULL;
    }
    struct zl_choice choice =
        zl_choose_leader(backends->pods, backends->count, current, &rules, zl_clock_wall_us());
    requeue_within(result, choice.recheck_ms);
    if (choice.leader != NULL) {
        return choice.leader;
    }
    const struct zl_pod *last = find_pod(backends, current);
    return last != NULL && is_leaving(last) ? last : NULL;
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

static struct zl_owner owner_of(const char *api_version, const char *kind,
                                const struct zl_meta *meta, char *room[2])
{
    room[0] = zl_strdup(api_version);
    room[1] = zl_strdup(kind);
    return (struct zl_owner){
        .api_version = room[0], .kind = room[1], .name = meta->name, .uid = meta->uid};
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
    struct zl_route_report report = {0};
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
        result->requeue_after_ms = SETTLE_MS;
    } else {
        ZL_AUTO_FREE char *zone = zone_of(reconciler, route->leader);
        route->zone = zone;
        status = zl_route_write(reconciler, route, &report, err);
        route->zone = NULL;
        if (report.changed && (route->leader == NULL || !route->leader->ready)) {
            tell_of_nobody(reconciler, route, &backends);
        }
        requeue_for(&report, result);
    }
    route->leader = NULL;
    drop(&backends);
    return status;
}

static enum zl_status keep_service(struct zl_reconciler *reconciler,
                                   const struct zl_service *source, struct zl_result *result,
                                   struct zl_error *err)
{
    ZL_AUTO_FREE char *name = source->wanted_name != NULL
                                  ? zl_strdup(source->wanted_name)
                                  : zl_asprintf("%s" ZL_LEADER_SUFFIX, source->meta.name);
    ZL_AUTO_FREE char *fault = find_fault(source, name);
    const struct zl_route_owner whose = {.namespace_ = source->meta.namespace_,
                                         .source = source->meta.name};
    const char *keep[] = {name};
    char *room[2];
    const struct zl_owner owner = owner_of("v1", "Service", &source->meta, room);
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
    free(room[0]);
    free(room[1]);
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

/* --- a pool --- */

/* Who leads, as far as traffic goes, and what is known of it. */
struct led {
    const struct zl_pod *pod; /* NULL: nobody */
    const struct zl_workload *workload;
    struct zl_ref *workload_ref, *from_ref;
};

/* Of the Services that select the leader: the one that is named like the workload, else the first by name. */
static struct zl_ref *find_lender(struct zl_reconciler *reconciler, const struct zl_pod *leader,
                                  const char *workload)
{
    ZL_AUTO_REFS struct zl_refs all = {0};
    struct zl_ref *best_ref = NULL;
    zl_cache_list(reconciler->cache, ZL_CACHED_SERVICES, leader->meta.namespace_, &all);
    for (size_t i = 0; i < all.count; i++) {
        const struct zl_service *service = zl_ref_object(all.items[i]);
        const struct zl_service *best = best_ref != NULL ? zl_ref_object(best_ref) : NULL;
        if (service->ours || service->external || service->meta.deleting ||
            !zl_labels_match(leader->labels, service->selector)) {
            continue;
        }
        bool namesake = zl_same_string(service->meta.name, workload);
        bool beaten =
            best != NULL && (zl_same_string(best->meta.name, workload) ||
                             (!namesake && strcmp(best->meta.name, service->meta.name) < 0));
        if (!beaten) {
            best_ref = all.items[i];
        }
    }
    return best_ref != NULL ? zl_ref_hold(best_ref) : NULL;
}

static struct led who_leads(struct zl_reconciler *reconciler, const struct zl_pod *pod)
{
    struct led led = {0};
    if (pod == NULL || (!zl_can_lead(pod) && !is_leaving(pod))) {
        return led;
    }
    led.pod = pod;
    led.workload_ref =
        zl_pool_workload_of(reconciler->cache, pod->meta.namespace_, &pod->meta.controller);
    led.workload = led.workload_ref != NULL ? zl_ref_object(led.workload_ref) : NULL;
    led.from_ref =
        find_lender(reconciler, pod, led.workload != NULL ? led.workload->meta.name : NULL);
    return led;
}

static void forget(struct led *led)
{
    zl_ref_drop(led->workload_ref);
    zl_ref_drop(led->from_ref);
}

/* Nobody elects among the pods of a workload that wants one: whoever is Ready is meant. */
static const struct zl_pod *only_pod(struct zl_reconciler *reconciler, const struct zl_pool *pool,
                                     const struct zl_workload *workload)
{
    const struct zl_pod *best = NULL;
    for (size_t i = 0; i < pool->facts.member_count; i++) {
        const struct zl_pod *pod = pool->facts.members[i].pod;
        ZL_AUTO_REF struct zl_ref *ref =
            zl_pool_workload_of(reconciler->cache, pod->meta.namespace_, &pod->meta.controller);
        const struct zl_workload *owner = ref != NULL ? zl_ref_object(ref) : NULL;
        if (owner != NULL && strcmp(owner->meta.uid, workload->meta.uid) == 0 && zl_can_lead(pod) &&
            (best == NULL || zl_pod_precedes(pod, best))) {
            best = pod;
        }
    }
    return best;
}

static enum zl_status write_pool_route(struct zl_reconciler *reconciler, struct zl_route *route,
                                       const struct led *led, struct zl_result *result,
                                       struct zl_error *err)
{
    struct zl_route_report report = {0};
    if (!zl_service_name_is_valid(route->name)) {
        ZL_AUTO_FREE char *message = zl_asprintf("\"%s\" cannot be the name of a Service: nothing "
                                                 "is routed",
                                                 route->name);
        zl_route_tell(reconciler, route, true, "InvalidService", message);
        return ZL_OK;
    }
    ZL_AUTO_FREE char *zone = zone_of(reconciler, led->pod);
    route->leader = led->pod;
    route->from = led->from_ref != NULL ? zl_ref_object(led->from_ref) : NULL;
    route->zone = zone;
    enum zl_status status = zl_route_write(reconciler, route, &report, err);
    if (report.changed && (led->pod == NULL || !led->pod->ready)) {
        zl_route_tell(reconciler, route, true, "NoReadyPods",
                      "no Ready pod leads: the leader Service leads nowhere");
    }
    requeue_for(&report, result);
    return status;
}

static enum zl_status route_workload(struct zl_reconciler *reconciler, const struct zl_pool *pool,
                                     const struct zl_workload *workload, const struct led *leader,
                                     const char *name, struct zl_result *result,
                                     struct zl_error *err)
{
    char *room[2];
    const struct zl_owner owner =
        owner_of("apps/v1", zl_workload_kind_name(workload->kind), &workload->meta, room);
    struct zl_route route = {.namespace_ = workload->meta.namespace_,
                             .name = name,
                             .owner = &owner,
                             .pool = workload->pool};
    struct led nobody = {0};
    struct led own = {0};
    const struct led *led = leader;
    bool leads =
        leader->workload != NULL && strcmp(leader->workload->meta.uid, workload->meta.uid) == 0;
    if (!leads && !pool->facts.policy->standby && workload->replicas <= 1) {
        own = who_leads(reconciler, only_pod(reconciler, pool, workload));
        led = &own;
    } else if (!leads) {
        led = &nobody;
    }
    enum zl_status status = write_pool_route(reconciler, &route, led, result, err);
    forget(&own);
    free(room[0]);
    free(room[1]);
    return status;
}

static enum zl_status route_director(struct zl_reconciler *reconciler, const struct zl_pool *pool,
                                     const struct led *leader, const char *name,
                                     struct zl_result *result, struct zl_error *err)
{
    const struct zl_meta *policy = &pool->facts.policy->meta;
    char *room[2];
    const struct zl_owner owner = owner_of(ZL_POLICY_API_VERSION, ZL_POLICY_KIND, policy, room);
    struct zl_route route = {
        .namespace_ = policy->namespace_, .name = name, .owner = &owner, .pool = policy->name};
    enum zl_status status = write_pool_route(reconciler, &route, leader, result, err);
    free(room[0]);
    free(room[1]);
    return status;
}

static const struct zl_pod *pool_leader(struct zl_reconciler *reconciler,
                                        const struct zl_pool *pool)
{
    const struct zl_pool_facts *facts = &pool->facts;
    if (zl_lease_is_held(facts->lease)) {
        return facts->lease->provisional ? NULL : facts->holder_pod;
    }
    bool alone =
        !facts->policy->standby && facts->workload_count == 1 && facts->workloads[0]->replicas <= 1;
    return alone ? only_pod(reconciler, pool, facts->workloads[0]) : NULL;
}

enum zl_status zl_reconcile_pool_routes(struct zl_reconciler *reconciler,
                                        const struct zl_pool *pool, const char *namespace_,
                                        const char *name, struct zl_result *result,
                                        struct zl_error *err)
{
    const struct zl_route_owner whose = {.namespace_ = namespace_, .pool = name};
    const struct zl_pool_facts *facts = &pool->facts;
    if (reconciler->slices == NULL) {
        return ZL_OK; /* a server without EndpointSlices */
    }
    if (facts->policy == NULL) {
        return zl_route_clean(reconciler, &whose, NULL, 0, err);
    }
    size_t count = facts->workload_count;
    struct led leader = who_leads(reconciler, pool_leader(reconciler, pool));
    if (leader.pod != NULL && leader.from_ref == NULL &&
        !zl_cache_is_settled(reconciler->cache, ZL_CACHED_SERVICES)) {
        /* Who lends the ports may be on the list that is under way. */
        requeue_within(result, SETTLE_MS);
        forget(&leader);
        return ZL_OK;
    }
    char **names = zl_alloc((count + 1) * sizeof *names);
    enum zl_status status = ZL_OK;
    for (size_t i = 0; i < count; i++) {
        names[i] = zl_asprintf("%s" ZL_LEADER_SUFFIX, facts->workloads[i]->meta.name);
        if (status == ZL_OK) {
            status = route_workload(reconciler, pool, facts->workloads[i], &leader, names[i],
                                    result, err);
        }
    }
    names[count] = zl_asprintf("%s" ZL_DIRECTOR_SUFFIX, name);
    if (status == ZL_OK && count > 0) {
        status = route_director(reconciler, pool, &leader, names[count], result, err);
    }
    if (status == ZL_OK) {
        status = zl_route_clean(reconciler, &whose, (const char *const *)names,
                                count > 0 ? count + 1 : 0, err);
    }
    for (size_t i = 0; i <= count; i++) {
        free(names[i]);
    }
    free(names);
    forget(&leader);
    return status;
}
