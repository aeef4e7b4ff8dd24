/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool.h - one pool as the cache shows it: the facts that a plan is made from, and who belongs to it.
 *
 * Threads: a struct zl_pool belongs to one reconcile; the cache behind it is shared.
 */
#ifndef ZL_CONTROLLER_VIEW_POOL_H
#define ZL_CONTROLLER_VIEW_POOL_H

#include "common/cache/cache.h"
#include "controller/leader/role.h"

/* Everything is borrowed from the references at the end. */
struct zl_pool {
    struct zl_pool_facts facts; /* policy NULL: there is no LeaderPolicy of that name */
    struct zl_ref *policy_ref, *lease_ref, *holder_ref, *successor_ref, *deployment_ref;
    struct zl_refs workload_refs, pod_refs, replicaset_refs, job_refs, cronjob_refs;
    struct zl_refs
        retired; /* what was borrowed before it was looked up anew: a plan may point to it */
    const struct zl_workload **workloads;
    const struct zl_cronjob **cronjobs;
    struct zl_member *members;
    enum zl_role_labels role_labels; /* what became of them in this reconcile */
};

/* Make POD a member if it lives and its workload is in POOL, or, unless POOL is standby, its Job. */
void zl_pool_add_member(struct zl_cache *cache, struct zl_pool *pool, const char *name,
                        const struct zl_pod *pod);

/* From the cache alone: no API call. FACTS.holder is UNKNOWN when the holder's pod is not cached. */
void zl_pool_gather(struct zl_cache *cache, const char *namespace_, const char *name,
                    struct zl_pool *out);
void zl_pool_clear(struct zl_pool *pool);

/* Its Jobs, CronJobs and their pods; a part of zl_pool_gather (pool_jobs.c). */
void zl_pool_gather_jobs(struct zl_cache *cache, const char *namespace_, const char *name,
                         struct zl_pool *out);
/* Judge the turns by Lease and members as they are known now (pool_jobs.c). */
void zl_pool_judge_turns(struct zl_pool *pool);

/* Use LEASE (taken; NULL: none) instead of the cached one, and judge its holder from the cache. */
void zl_pool_use_lease(struct zl_cache *cache, struct zl_pool *pool, struct zl_lease *lease);
/* Say what stands under the holder's name according to the API server (taken; NULL: nothing). */
void zl_pool_use_holder(struct zl_pool *pool, struct zl_pod *pod);
/* Is the holder's pod one of the pool's live pods, as far as the cache knows? */
bool zl_pool_knows_holder(const struct zl_pool *pool);
/* Empty *SLOT, but keep what it holds until the pool is cleared. */
void zl_pool_retire(struct zl_pool *pool, struct zl_ref **slot);
/* Say that POD (taken) stands under the successor's name, according to the API server. */
void zl_pool_use_successor(struct zl_pool *pool, struct zl_pod *pod);
/*
 * The members as the API server has them now instead of the cached ones (pool_live.c).
 */
enum zl_status zl_pool_read_members(struct zl_kube_client *client, struct zl_cache *cache,
                                    struct zl_pool *pool, struct zl_error *err) ZL_MUST_CHECK;
/*
 * Fill FACTS.successor_pod (unless used above), .deployment, .rollout and .leader_outdated from the cache, by
 * the Lease and the holder as they are known now (pool_rollout.c).
 */
void zl_pool_gather_rollout(struct zl_cache *cache, struct zl_pool *pool);
/* Its workload is in another pool or in none: it leads here no more, alive as it is. */
void zl_pool_expel_holder(struct zl_pool *pool);

/*
 * The workload in a pool that OWNER (a pod's controller) leads to; NULL when there is none. The caller
 * drops the reference.
 */
struct zl_ref *zl_pool_workload_of(struct zl_cache *cache, const char *namespace_,
                                   const struct zl_controller_ref *owner);

#endif
