/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/traffic_director/pool_routes.h"

#include "common/objects/names.h"
#include "common/seat/rank.h"
#include "controller/leader/choose.h"

#include <string.h>

enum { SETTLE_MS = 20 }; /* Services of a new namespace are being listed */

/* --- whom traffic may be led to --- */

/* Nobody elects among the pods of a pool that wants one: whoever is Ready is meant. */
static const struct zl_pod *only_pod(const struct zl_view *view, const struct zl_workload *workload)
{
    const struct zl_pod *best = NULL;
    for (size_t i = 0; i < view->member_count; i++) {
        const struct zl_pod *pod = view->members[i].pod;
        if (view->members[i].workload == workload && zl_can_lead(pod) &&
            (best == NULL || zl_pod_precedes(pod, best))) {
            best = pod;
        }
    }
    return best;
}

static const struct zl_pod *pool_leader(const struct zl_view *view)
{
    bool alone = !view->elects_all && view->workload_count == 1 &&
                 !zl_view_refuses(view, view->workloads[0]);
    const struct zl_pod *only = alone ? only_pod(view, view->workloads[0]) : NULL;
    const struct zl_pod *holder = view->holder_pod;
    /* A Lease of a time with more replicas still names the pod that a rolling update has replaced. */
    bool replaced = only != NULL && holder != NULL && zl_is_leaving(holder);
    if (zl_lease_is_held(view->lease) && !replaced) {
        return view->lease->provisional ? NULL : holder;
    }
    return only;
}

void zl_plan_targets(const struct zl_view *after, struct zl_traffic_view *traffic)
{
    const struct zl_pod *leader = pool_leader(after);
    if (leader != NULL && (zl_can_lead(leader) || zl_is_leaving(leader))) {
        traffic->leader.pod = leader;
    }
    for (size_t i = 0; i < after->workload_count; i++) {
        if (!after->elects_all && !zl_view_refuses(after, after->workloads[i])) {
            traffic->own[i].pod = only_pod(after, after->workloads[i]);
        }
    }
}

/* --- routes --- */

/*
 * Of the Services that select TARGET's pod: the one that is named like the workload, else the first
 * by name.
 */
static const struct zl_service *lender_of(const struct zl_traffic_target *target)
{
    const char *workload = target->workload != NULL ? target->workload->meta.name : NULL;
    const struct zl_service *best = NULL;
    for (size_t i = 0; i < target->lender_count; i++) {
        const struct zl_service *service = target->lenders[i];
        if (service->external || service->meta.deleting) {
            continue;
        }
        bool namesake = zl_same_string(service->meta.name, workload);
        bool beaten =
            best != NULL && (zl_same_string(best->meta.name, workload) ||
                             (!namesake && strcmp(best->meta.name, service->meta.name) < 0));
        if (!beaten) {
            best = service;
        }
    }
    return best;
}

static void lead_to(struct zl_route *route, const struct zl_traffic_target *target)
{
    route->leader = target->pod;
    route->from = lender_of(target);
}

static void route_workload(const struct zl_view *after, const struct zl_traffic_view *traffic,
                           size_t index, struct zl_route *route)
{
    const struct zl_workload *workload = after->workloads[index];
    const struct zl_traffic_target *leader = &traffic->leader;
    bool leads =
        leader->workload != NULL && strcmp(leader->workload->meta.uid, workload->meta.uid) == 0;
    *route = (struct zl_route){.namespace_ = after->namespace_,
                               .name = route->name,
                               .owner = zl_subject_of_kind(workload->kind, &workload->meta),
                               .second_owner = zl_subject_policy(after),
                               .pool = workload->pool,
                               .template_pod = workload->template_pod};
    /* With nobody leading its Service is there all the same, so that its name resolves, and leads nowhere. */
    const struct zl_traffic_target *own =
        traffic->own[index].pod != NULL ? &traffic->own[index] : &traffic->templates[index];
    lead_to(route, leads ? leader : own);
}

static void route_director(const struct zl_view *after, const struct zl_traffic_view *traffic,
                           struct zl_route *route)
{
    *route = (struct zl_route){.namespace_ = after->namespace_,
                               .name = route->name,
                               .owner = zl_subject_policy(after),
                               .pool = after->name};
    if (traffic->leader.pod != NULL || traffic->director_is_stored) {
        lead_to(route, &traffic->leader); /* with nobody leading, the ports of the last one stay */
        return;
    }
    size_t first = 0;
    for (size_t i = 1; i < after->workload_count; i++) {
        if (strcmp(after->workloads[i]->meta.name, after->workloads[first]->meta.name) < 0) {
            first = i;
        }
    }
    route->template_pod = after->workloads[first]->template_pod;
    lead_to(route, &traffic->templates[first]);
}

static void add_route(struct zl_steps *steps, const struct zl_route *route, bool pool_is_led)
{
    struct zl_step step = {.kind = ZL_STEP_SLICES,
                           .why = pool_is_led ? ZL_WHY_LEADS : ZL_WHY_NO_LEADER,
                           .subject = route->owner,
                           .of.route = route};
    if (!zl_service_name_is_valid(route->name)) {
        step.kind = ZL_STEP_TELL;
        step.why = ZL_WHY_BAD_NAME;
        step.words.detail = route->name;
        zl_steps_add(steps, &step);
        return;
    }
    zl_steps_add(steps, &step);
    step.kind = ZL_STEP_SERVICE;
    zl_steps_add(steps, &step);
}

static void clean(struct zl_steps *steps, const char *const *keep, size_t keep_count)
{
    const struct zl_step step = {
        .kind = ZL_STEP_CLEAN_ROUTES,
        .why = ZL_WHY_NOT_WANTED,
        .of.clean = {.source = {.namespace_ = steps->after.namespace_, .pool = steps->after.name},
                     .keep = keep,
                     .keep_count = keep_count}};
    zl_steps_add(steps, &step);
}

/*
 * A workload that is deleted and made again (kubectl replace --force), or moves, leaves its pool for a moment: the address that
 * clients know stays meanwhile.
 */
static bool keeps_director(const struct zl_traffic_view *traffic, struct zl_steps *steps)
{
    const struct zl_view *after = &steps->after;
    int64_t left_ms = ZL_DESERTED_MS - after->deserted_ms;
    if (!traffic->director_is_stored || left_ms <= 0) {
        return false;
    }
    zl_steps_look_again(steps, left_ms);
    return true;
}

void zl_plan_pool_routes(const struct zl_traffic_view *traffic, struct zl_steps *steps)
{
    const struct zl_view *after = &steps->after;
    size_t count = after->workload_count;
    const struct zl_traffic_target *leader = &traffic->leader;
    bool pool_is_led = leader->pod != NULL && leader->pod->ready;
    if (after->policy == NULL || (count == 0 && !keeps_director(traffic, steps))) {
        clean(steps, NULL, 0);
        return;
    }
    if (leader->pod != NULL && lender_of(leader) == NULL && !traffic->services_settled) {
        /* Who lends the ports may be on the list that is under way. */
        zl_steps_look_again(steps, SETTLE_MS);
        return;
    }
    struct zl_route *routes = zl_steps_keep(steps, zl_alloc((count + 1) * sizeof *routes));
    const char **names = zl_steps_keep(steps, zl_alloc((count + 1) * sizeof *names));
    for (size_t i = 0; i <= count; i++) {
        char *name = i < count ? zl_workload_leader_name(after->workloads[i])
                               : zl_asprintf("%s" ZL_DIRECTOR_SUFFIX, after->name);
        routes[i].name = names[i] = zl_steps_keep(steps, name);
        if (i < count) {
            route_workload(after, traffic, i, &routes[i]);
        } else {
            route_director(after, traffic, &routes[i]);
        }
        add_route(steps, &routes[i], pool_is_led);
    }
    clean(steps, names, count + 1);
}
