/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/view/pool.h"

#include "common/base/clock.h"
#include "common/cache/indexes.h"

#include <string.h>

struct zl_ref *zl_pool_workload_of(struct zl_cache *cache, const char *namespace_,
                                   const struct zl_controller_ref *owner)
{
    const struct zl_kind *kind = zl_kind_of_pods(owner);
    return kind != NULL && !kind->takes_turns ? zl_cache_find_owner(cache, namespace_, owner)
                                              : NULL;
}

static void gather_workloads(struct zl_cache *cache, const char *namespace_, const char *name,
                             struct zl_pool *out)
{
    zl_cache_list_workloads(cache, namespace_, name, &out->workload_refs);
    size_t count = out->workload_refs.count;
    out->workloads = zl_alloc((count + 1) * sizeof(struct zl_workload *));
    for (size_t i = 0; i < count; i++) {
        out->workloads[i] = zl_ref_object(out->workload_refs.items[i]);
    }
    out->facts.workloads = out->workloads;
    out->facts.workload_count = count;
}

static void add_member(struct zl_pool *pool, const struct zl_pod *pod, const struct zl_job *job,
                       bool gatekept)
{
    size_t count = pool->facts.member_count;
    pool->members = zl_realloc(pool->members, count + 1, sizeof *pool->members);
    pool->members[count] = (struct zl_member){.pod = pod, .job = job, .gatekept = gatekept};
    pool->facts.members = pool->members;
    pool->facts.member_count = count + 1;
}

/* In a standby pool Jobs run as they like, and lead nothing. */
static void add_pod_of_job(struct zl_pool *pool, const struct zl_pod *pod)
{
    const struct zl_guard_facts *guard = &pool->facts.guard;
    const struct zl_turn *turn =
        zl_turns_find(guard->turns, guard->turn_count, pod->meta.controller.uid);
    if (turn != NULL && !pod->finished && pool->facts.policy != NULL &&
        !pool->facts.policy->standby) {
        add_member(pool, pod, turn->job, true);
    }
}

void zl_pool_add_member(struct zl_cache *cache, struct zl_pool *pool, const char *name,
                        const struct zl_pod *pod)
{
    if (zl_is_of_job(pod)) {
        add_pod_of_job(pool, pod);
        return;
    }
    ZL_AUTO_REF struct zl_ref *ref =
        zl_pool_workload_of(cache, pod->meta.namespace_, &pod->meta.controller);
    const struct zl_workload *workload = ref != NULL ? zl_ref_object(ref) : NULL;
    if (workload == NULL || pod->finished || !zl_same_string(workload->pool, name)) {
        return;
    }
    add_member(pool, pod, NULL, zl_refuses_followers(workload));
}

static void gather_members(struct zl_cache *cache, const char *name, struct zl_pool *out)
{
    for (size_t i = 0; i < out->facts.workload_count; i++) {
        zl_cache_list_pods_of(cache, out->workloads[i], &out->pod_refs);
    }
    for (size_t i = 0; i < out->pod_refs.count; i++) {
        zl_pool_add_member(cache, out, name, zl_ref_object(out->pod_refs.items[i]));
    }
}

void zl_pool_retire(struct zl_pool *pool, struct zl_ref **slot)
{
    if (*slot != NULL) {
        zl_refs_add(&pool->retired, ZL_STEAL(slot));
    }
}

static void judge_holder(struct zl_cache *cache, struct zl_pool *pool)
{
    const struct zl_lease *lease = pool->facts.lease;
    zl_pool_retire(pool, &pool->holder_ref);
    pool->facts.holder_pod = NULL;
    pool->facts.holder = ZL_HOLDER_UNKNOWN;
    if (!zl_lease_is_held(lease) || lease->holder_pod == NULL) {
        return;
    }
    pool->holder_ref = zl_cache_find(cache, ZL_CACHED_PODS, lease->namespace_, lease->holder_pod);
    if (pool->holder_ref == NULL) {
        return;
    }
    const struct zl_pod *pod = zl_ref_object(pool->holder_ref);
    enum zl_holder holder = zl_holder_of(lease, pod);
    /* Another uid in the cache may only mean that the Lease is newer than the cache. */
    if (holder == ZL_HOLDER_GONE) {
        return;
    }
    pool->facts.holder = holder;
    pool->facts.holder_pod = pod;
}

void zl_pool_gather(struct zl_cache *cache, const char *namespace_, const char *name,
                    struct zl_pool *out)
{
    memset(out, 0, sizeof *out);
    out->facts.now_us = zl_clock_wall_us();
    out->policy_ref = zl_cache_find(cache, ZL_CACHED_POLICIES, namespace_, name);
    out->facts.policy = out->policy_ref != NULL ? zl_ref_object(out->policy_ref) : NULL;
    out->lease_ref = zl_cache_find_lease(cache, namespace_, name);
    out->facts.lease = out->lease_ref != NULL ? zl_ref_object(out->lease_ref) : NULL;
    gather_workloads(cache, namespace_, name, out);
    zl_pool_gather_jobs(cache, namespace_, name, out);
    gather_members(cache, name, out);
    judge_holder(cache, out);
    zl_pool_judge_turns(out);
}

void zl_pool_use_lease(struct zl_cache *cache, struct zl_pool *pool, struct zl_lease *lease)
{
    zl_pool_retire(pool, &pool->lease_ref);
    pool->lease_ref = lease != NULL ? zl_ref_new(lease, zl_lease_free) : NULL;
    pool->facts.lease = lease;
    judge_holder(cache, pool);
    zl_pool_judge_turns(pool);
}

void zl_pool_use_holder(struct zl_pool *pool, struct zl_pod *pod)
{
    zl_pool_retire(pool, &pool->holder_ref);
    pool->holder_ref = pod != NULL ? zl_ref_new(pod, zl_pod_free) : NULL;
    pool->facts.holder = zl_holder_of(pool->facts.lease, pod);
    pool->facts.holder_pod =
        pool->facts.holder == ZL_HOLDER_ALIVE || pool->facts.holder == ZL_HOLDER_TERMINATING ? pod
                                                                                             : NULL;
}

bool zl_pool_knows_holder(const struct zl_pool *pool)
{
    for (size_t i = 0; i < pool->facts.member_count; i++) {
        if (zl_lease_is_held_by(pool->facts.lease, pool->facts.members[i].pod->meta.uid)) {
            return true;
        }
    }
    return false;
}

void zl_pool_expel_holder(struct zl_pool *pool)
{
    pool->facts.holder = ZL_HOLDER_OUTSIDE;
    pool->facts.holder_pod = NULL;
}

void zl_pool_clear(struct zl_pool *pool)
{
    zl_ref_drop(pool->policy_ref);
    zl_ref_drop(pool->lease_ref);
    zl_ref_drop(pool->holder_ref);
    zl_ref_drop(pool->successor_ref);
    zl_ref_drop(pool->deployment_ref);
    zl_refs_clear(&pool->workload_refs);
    zl_refs_clear(&pool->pod_refs);
    zl_refs_clear(&pool->replicaset_refs);
    zl_refs_clear(&pool->job_refs);
    zl_refs_clear(&pool->cronjob_refs);
    zl_refs_clear(&pool->retired);
    free(pool->workloads);
    free(pool->cronjobs);
    free(pool->facts.guard.turns);
    free(pool->members);
    memset(pool, 0, sizeof *pool);
}
