/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/view/gather.h"

#include "common/base/clock.h"
#include "common/cache/indexes.h"
#include "controller/view/surroundings.h"

#include <string.h>

static bool is_marked(struct zl_cache *cache, const struct zl_workload *workload)
{
    ZL_AUTO_REFS struct zl_refs replicasets = {0};
    bool marked = false;
    if (workload->kind->between == NULL) {
        return false;
    }
    zl_cache_list_by(cache, ZL_CACHED_REPLICASETS, ZL_BY_OWNER, workload->meta.namespace_,
                     workload->meta.uid, &replicasets);
    for (size_t i = 0; i < replicasets.count; i++) {
        marked =
            marked || ((const struct zl_replicaset *)zl_ref_object(replicasets.items[i]))->marked;
    }
    return marked;
}

static void gather_marked(struct zl_cache *cache, struct zl_gathered *out)
{
    out->marked = zl_alloc((out->view.workload_count + 1) * sizeof(struct zl_workload *));
    for (size_t i = 0; i < out->view.workload_count; i++) {
        if (is_marked(cache, out->workloads[i])) {
            out->marked[out->view.marked_count++] = out->workloads[i];
        }
    }
    out->view.marked = out->marked;
}

static void gather_workloads(struct zl_cache *cache, struct zl_gathered *out)
{
    zl_cache_list_workloads(cache, out->namespace_, out->name, &out->workload_refs);
    size_t count = out->workload_refs.count;
    out->workloads = zl_alloc((count + 1) * sizeof(struct zl_workload *));
    for (size_t i = 0; i < count; i++) {
        out->workloads[i] = zl_ref_object(out->workload_refs.items[i]);
        zl_cache_list_pods_of(cache, out->workloads[i], &out->pod_refs);
    }
    out->view.workloads = out->workloads;
    out->view.workload_count = count;
    gather_marked(cache, out);
}

/* Never before their informer was started and has its first list: a server that says 404 for our group may serve it in a moment. */
static bool have_listed_policies(struct zl_cache *cache)
{
    struct zl_informer *informer = zl_cache_informer(cache, ZL_CACHED_POLICIES);
    return informer != NULL && zl_informer_is_synced(informer);
}

void zl_view_gather_cached(struct zl_cache *cache, const char *namespace_, const char *name,
                           struct zl_gathered *out)
{
    struct zl_view *view = &out->view;
    memset(out, 0, sizeof *out);
    view->namespace_ = out->namespace_ = zl_strdup(namespace_);
    view->name = out->name = zl_strdup(name);
    view->now_us = zl_clock_wall_us();
    /* Asked before looking: a list that arrives in between is seen below. */
    view->policies_known = have_listed_policies(cache);
    out->policy_ref = zl_cache_find(cache, ZL_CACHED_POLICIES, namespace_, name);
    view->policy = out->policy_ref != NULL ? zl_ref_object(out->policy_ref) : NULL;
    out->lease_ref = zl_cache_find_lease(cache, namespace_, name);
    view->lease = out->lease_ref != NULL ? zl_ref_object(out->lease_ref) : NULL;
    gather_workloads(cache, out);
    zl_view_gather_jobs(cache, out);
}

/* --- members --- */

static void add_member(struct zl_gathered *gathered, struct zl_member member)
{
    size_t count = gathered->view.member_count;
    gathered->members = zl_realloc(gathered->members, count + 1, sizeof *gathered->members);
    gathered->members[count] = member;
    gathered->view.members = gathered->members;
    gathered->view.member_count = count + 1;
}

static void add_pod_of_job(struct zl_gathered *gathered, const struct zl_pod *pod)
{
    const struct zl_turn *turn = zl_view_turn_of(&gathered->view, pod);
    if (turn != NULL && !pod->finished && gathered->with_jobs) {
        add_member(gathered, (struct zl_member){.pod = pod, .job = turn->job, .gatekept = true});
    }
}

/* As the view has it: another version of it may have come into the cache since. */
static const struct zl_workload *listed_workload(const struct zl_gathered *gathered,
                                                 const char *uid)
{
    for (size_t i = 0; i < gathered->view.workload_count; i++) {
        if (strcmp(gathered->workloads[i]->meta.uid, uid) == 0) {
            return gathered->workloads[i];
        }
    }
    return NULL;
}

void zl_view_add_member_of(struct zl_gathered *gathered, const struct zl_pod *pod,
                           const struct zl_workload *workload)
{
    if (!pod->finished) {
        add_member(gathered,
                   (struct zl_member){.pod = pod,
                                      .workload = workload,
                                      .gatekept = zl_view_refuses(&gathered->view, workload)});
    }
}

void zl_view_add_member(struct zl_cache *cache, struct zl_gathered *gathered,
                        const struct zl_pod *pod)
{
    if (zl_is_of_job(pod)) {
        add_pod_of_job(gathered, pod);
        return;
    }
    ZL_AUTO_REF struct zl_ref *ref =
        zl_pool_workload_of(cache, pod->meta.namespace_, &pod->meta.controller);
    const struct zl_workload *workload = ref != NULL ? zl_ref_object(ref) : NULL;
    if (workload == NULL || !zl_same_string(workload->pool, gathered->name)) {
        return;
    }
    workload = listed_workload(gathered, workload->meta.uid);
    if (workload != NULL) {
        zl_view_add_member_of(gathered, pod, workload);
    }
}

/* --- the holder --- */

static void judge_holder(struct zl_cache *cache, struct zl_gathered *gathered)
{
    struct zl_view *view = &gathered->view;
    const struct zl_lease *lease = view->lease;
    view->holder_pod = NULL;
    view->holder = ZL_HOLDER_UNKNOWN;
    if (!zl_lease_is_held(lease) || lease->holder_pod == NULL) {
        return;
    }
    gathered->holder_ref =
        zl_cache_find(cache, ZL_CACHED_PODS, lease->namespace_, lease->holder_pod);
    if (gathered->holder_ref == NULL) {
        return;
    }
    const struct zl_pod *pod = zl_ref_object(gathered->holder_ref);
    enum zl_holder holder = zl_holder_of(lease, pod);
    /* Another uid in the cache may only mean that the Lease is newer than the cache. */
    if (holder == ZL_HOLDER_GONE) {
        return;
    }
    view->holder = holder;
    view->holder_pod = pod;
}

void zl_view_remember(struct zl_cache *cache, struct zl_gathered *gathered, unsigned looks)
{
    gathered->with_jobs = (looks & ZL_LOOK_JOBS) != 0;
    for (size_t i = 0; i < gathered->pod_refs.count; i++) {
        zl_view_add_member(cache, gathered, zl_ref_object(gathered->pod_refs.items[i]));
    }
    judge_holder(cache, gathered);
    zl_view_judge_turns(&gathered->view, gathered->view.lease, gathered->view.jobs.turns);
}

/* --- the end --- */

void zl_view_retire(struct zl_gathered *gathered, struct zl_ref **slot)
{
    if (*slot != NULL) {
        zl_refs_add(&gathered->retired, ZL_STEAL(slot));
    }
}

void zl_gathered_clear(struct zl_gathered *gathered)
{
    zl_ref_drop(gathered->policy_ref);
    zl_ref_drop(gathered->lease_ref);
    zl_ref_drop(gathered->holder_ref);
    zl_ref_drop(gathered->successor_ref);
    zl_ref_drop(gathered->deployment_ref);
    zl_ref_drop(gathered->revision_ref);
    zl_refs_clear(&gathered->workload_refs);
    zl_refs_clear(&gathered->pod_refs);
    zl_refs_clear(&gathered->replicaset_refs);
    zl_refs_clear(&gathered->job_refs);
    zl_refs_clear(&gathered->cronjob_refs);
    zl_refs_clear(&gathered->retired);
    zl_policy_status_clear(&gathered->looked_up);
    zl_surroundings_clear(&gathered->surroundings);
    free(gathered->definition_complaint);
    free(gathered->workloads);
    free(gathered->marked);
    free(gathered->cronjobs);
    free(gathered->view.jobs.turns);
    free(gathered->members);
    free(gathered->namespace_);
    free(gathered->name);
    memset(gathered, 0, sizeof *gathered);
}
