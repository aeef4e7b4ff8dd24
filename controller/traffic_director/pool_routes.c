/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/traffic_director/internal.h"

#include "common/cache/indexes.h"
#include "common/objects/names.h"
#include "common/seat/rank.h"
#include "controller/leader/choose.h"

#include <string.h>

/* Who leads, as far as traffic goes, and what is known of it. */
struct led {
    const struct zl_pod *pod; /* NULL: nobody */
    const struct zl_workload *workload;
    struct zl_ref *workload_ref, *from_ref;
};

/* Of the Services that select POD: the one that is named like the workload, else the first by name. */
static struct zl_ref *find_lender(struct zl_reconciler *reconciler, const char *namespace_,
                                  const struct zl_pod *pod, const char *workload)
{
    ZL_AUTO_REFS struct zl_refs all = {0};
    struct zl_ref *best_ref = NULL;
    zl_cache_list_selecting(reconciler->cache, namespace_, pod->labels, &all);
    for (size_t i = 0; i < all.count; i++) {
        const struct zl_service *service = zl_ref_object(all.items[i]);
        const struct zl_service *best = best_ref != NULL ? zl_ref_object(best_ref) : NULL;
        if (service->external || service->meta.deleting) {
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
    if (pod == NULL || (!zl_can_lead(pod) && !zl_is_leaving(pod))) {
        return led;
    }
    led.pod = pod;
    led.workload_ref =
        zl_pool_workload_of(reconciler->cache, pod->meta.namespace_, &pod->meta.controller);
    led.workload = led.workload_ref != NULL ? zl_ref_object(led.workload_ref) : NULL;
    led.from_ref = find_lender(reconciler, pod->meta.namespace_, pod,
                               led.workload != NULL ? led.workload->meta.name : NULL);
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

static const struct zl_pod *pool_leader(struct zl_reconciler *reconciler,
                                        const struct zl_pool *pool)
{
    const struct zl_pool_facts *facts = &pool->facts;
    if (zl_lease_is_held(facts->lease)) {
        return facts->lease->provisional ? NULL : facts->holder_pod;
    }
    bool alone = !facts->policy->standby && facts->workload_count == 1 &&
                 !zl_refuses_followers(facts->workloads[0]);
    return alone ? only_pod(reconciler, pool, facts->workloads[0]) : NULL;
}

/* One leader Service of the pool. */
struct pool_route {
    struct zl_route route;
    struct zl_controller_ref owner;
    struct led own; /* what of it is not the pool leader's */
    char *zone;
    struct zl_route_job *job; /* NULL: the name is impossible */
    enum zl_status status;
};

static void lead_to(struct zl_reconciler *reconciler, struct pool_route *item,
                    const struct led *led)
{
    item->zone = zl_zone_of(reconciler, led->pod);
    item->route.zone = item->zone;
    item->route.leader = led->pod;
    item->route.from = led->from_ref != NULL ? zl_ref_object(led->from_ref) : NULL;
}

/* Nobody of WORKLOAD leads: its Service is there all the same, so that its name resolves, and leads nowhere. */
static struct led nobody_of(struct zl_reconciler *reconciler, const struct zl_workload *workload)
{
    return (struct led){.from_ref = find_lender(reconciler, workload->meta.namespace_,
                                                workload->template_pod, workload->meta.name)};
}

static void plan_workload(struct zl_reconciler *reconciler, const struct zl_pool *pool,
                          const struct zl_workload *workload, const struct led *leader,
                          const char *name, struct pool_route *item)
{
    bool leads =
        leader->workload != NULL && strcmp(leader->workload->meta.uid, workload->meta.uid) == 0;
    item->owner =
        zl_route_owned_by(workload->kind->api_version, workload->kind->name, &workload->meta);
    item->route = (struct zl_route){.namespace_ = workload->meta.namespace_,
                                    .name = name,
                                    .owner = &item->owner,
                                    .pool = workload->pool,
                                    .template_pod = workload->template_pod};
    if (leads) {
        lead_to(reconciler, item, leader);
        return;
    }
    if (!pool->facts.policy->standby && !zl_refuses_followers(workload)) {
        item->own = who_leads(reconciler, only_pod(reconciler, pool, workload));
    }
    if (item->own.pod == NULL) {
        item->own = nobody_of(reconciler, workload);
    }
    lead_to(reconciler, item, &item->own);
}

static void plan_director(struct zl_reconciler *reconciler, const struct zl_pool *pool,
                          const struct led *leader, const char *name, struct pool_route *item)
{
    const struct zl_meta *policy = &pool->facts.policy->meta;
    item->owner = zl_route_owned_by(ZL_POLICY_API_VERSION, ZL_POLICY_KIND, policy);
    item->route = (struct zl_route){.namespace_ = policy->namespace_,
                                    .name = name,
                                    .owner = &item->owner,
                                    .pool = policy->name};
    ZL_AUTO_REF struct zl_ref *stored =
        zl_cache_find(reconciler->cache, ZL_CACHED_SERVICES, policy->namespace_, name);
    if (leader->pod != NULL || stored != NULL) {
        lead_to(reconciler, item, leader); /* with nobody leading, the ports of the last one stay */
        return;
    }
    const struct zl_workload *first = pool->facts.workloads[0];
    for (size_t i = 1; i < pool->facts.workload_count; i++) {
        if (strcmp(pool->facts.workloads[i]->meta.name, first->meta.name) < 0) {
            first = pool->facts.workloads[i];
        }
    }
    item->route.template_pod = first->template_pod;
    item->own = nobody_of(reconciler, first);
    lead_to(reconciler, item, &item->own);
}

static void write_slices(struct zl_reconciler *reconciler, struct pool_route *item,
                         struct zl_error *err)
{
    const struct zl_route *route = &item->route;
    if (!zl_service_name_is_valid(route->name)) {
        ZL_AUTO_FREE char *message =
            zl_asprintf("\"%s\" cannot be the name of a Service: nothing is routed", route->name);
        zl_route_tell(reconciler, route, true, "InvalidService", message);
        return;
    }
    item->job = zl_route_job_new(reconciler, route);
    item->status = zl_route_write_slices(item->job, err);
}

static void finish(struct zl_reconciler *reconciler, struct pool_route *item, bool pool_is_led,
                   struct zl_result *result, struct zl_error *err)
{
    if (item->job == NULL) {
        return;
    }
    const struct zl_route_report *report = zl_route_job_report(item->job);
    if (item->status == ZL_OK) {
        item->status = zl_route_finish(item->job, err);
    }
    if (report->changed && report->was_led && !pool_is_led && !report->routed) {
        zl_route_tell(reconciler, &item->route, true, "NoReadyPods",
                      "no Ready pod leads: the leader Service leads nowhere");
    }
    zl_requeue_for(report, result);
}

/* All traffic first, whatever becomes of the neighbours; returns the first failure, with *ERR. */
static enum zl_status write_routes(struct zl_reconciler *reconciler, struct pool_route *items,
                                   size_t count, const struct led *leader, struct zl_result *result,
                                   struct zl_error *err)
{
    enum zl_status first = ZL_OK;
    for (size_t i = 0; i < count; i++) {
        struct zl_error other = {0};
        write_slices(reconciler, &items[i], first == ZL_OK ? err : &other);
        first = first == ZL_OK ? items[i].status : first;
    }
    for (size_t i = 0; i < count; i++) {
        struct zl_error other = {0};
        finish(reconciler, &items[i], leader->pod != NULL && leader->pod->ready, result,
               first == ZL_OK ? err : &other);
        first = first == ZL_OK ? items[i].status : first;
    }
    return first;
}

static void clear_route(struct pool_route *item)
{
    zl_route_job_free(item->job);
    forget(&item->own);
    zl_controller_ref_clear(&item->owner);
    free(item->zone);
}

enum zl_status zl_reconcile_pool_routes(struct zl_reconciler *reconciler,
                                        const struct zl_pool *pool, const char *namespace_,
                                        const char *name, struct zl_result *result,
                                        struct zl_error *err)
{
    const struct zl_route_owner whose = {.namespace_ = namespace_, .pool = name};
    const struct zl_pool_facts *facts = &pool->facts;
    size_t count = facts->workload_count;
    if (reconciler->slices == NULL) {
        return ZL_OK; /* a server without EndpointSlices */
    }
    if (facts->policy == NULL || count == 0) {
        return zl_route_clean(reconciler, &whose, NULL, 0, err);
    }
    struct led leader = who_leads(reconciler, pool_leader(reconciler, pool));
    if (leader.pod != NULL && leader.from_ref == NULL &&
        !zl_cache_is_settled(reconciler->cache, ZL_CACHED_SERVICES)) {
        /* Who lends the ports may be on the list that is under way. */
        zl_requeue_within(result, ZL_SETTLE_MS);
        forget(&leader);
        return ZL_OK;
    }
    struct pool_route *items = zl_alloc((count + 1) * sizeof *items);
    char **names = zl_alloc((count + 1) * sizeof *names);
    for (size_t i = 0; i < count; i++) {
        names[i] = zl_asprintf("%s" ZL_LEADER_SUFFIX, facts->workloads[i]->meta.name);
        plan_workload(reconciler, pool, facts->workloads[i], &leader, names[i], &items[i]);
    }
    names[count] = zl_asprintf("%s" ZL_DIRECTOR_SUFFIX, name);
    plan_director(reconciler, pool, &leader, names[count], &items[count]);
    enum zl_status status = write_routes(reconciler, items, count + 1, &leader, result, err);
    if (status == ZL_OK) {
        status = zl_route_clean(reconciler, &whose, (const char *const *)names, count + 1, err);
    }
    for (size_t i = 0; i <= count; i++) {
        clear_route(&items[i]);
        free(names[i]);
    }
    free(items);
    free(names);
    forget(&leader);
    return status;
}
