/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jobs.c - what the cache shows of a pool's Jobs and CronJobs, and whose turn it is.
 */
#include "controller/view/pool.h"

#include "common/base/clock.h"

#include <string.h>

#define SECOND_US INT64_C(1000000)

static void gather_cronjobs(struct zl_cache *cache, const char *namespace_, const char *name,
                            struct zl_pool *out)
{
    zl_cache_list_by(cache, ZL_CACHED_CRONJOBS, ZL_BY_POOL, namespace_, name, &out->cronjob_refs);
    size_t count = out->cronjob_refs.count;
    out->cronjobs = zl_alloc((count + 1) * sizeof(struct zl_cronjob *));
    for (size_t i = 0; i < count; i++) {
        out->cronjobs[i] = zl_ref_object(out->cronjob_refs.items[i]);
    }
    out->facts.guard.cronjobs = out->cronjobs;
    out->facts.guard.cronjob_count = count;
}

void zl_pool_gather_jobs(struct zl_cache *cache, const char *namespace_, const char *name,
                         struct zl_pool *out)
{
    struct zl_guard_facts *guard = &out->facts.guard;
    gather_cronjobs(cache, namespace_, name, out);
    zl_cache_list_jobs(cache, namespace_, name, &out->job_refs);
    guard->turn_count = out->job_refs.count;
    guard->turns = zl_alloc((guard->turn_count + 1) * sizeof *guard->turns);
    for (size_t i = 0; i < guard->turn_count; i++) {
        const struct zl_job *job = zl_ref_object(out->job_refs.items[i]);
        guard->turns[i] = (struct zl_turn){
            .job = job, .starting_deadline_s = zl_cache_starting_deadline_s(cache, job)};
        zl_cache_list_by(cache, ZL_CACHED_PODS, ZL_BY_OWNER, namespace_, job->meta.uid,
                         &out->pod_refs);
    }
}

void zl_pool_judge_turns(struct zl_pool *pool)
{
    static const struct zl_ticks none = {0};
    struct zl_pool_facts *facts = &pool->facts;
    struct zl_guard_facts *guard = &facts->guard;
    for (size_t i = 0; i < guard->turn_count; i++) {
        guard->turns[i].runs = false;
        for (size_t j = 0; j < facts->member_count; j++) {
            if (facts->members[j].job == guard->turns[i].job) {
                guard->turns[i].runs = true;
            }
        }
    }
    zl_turns_judge(
        guard->turns, guard->turn_count, facts->lease != NULL ? facts->lease->turn_uid : NULL,
        facts->policy != NULL ? &facts->policy->status.ticks : &none, facts->now_us / SECOND_US);
}
