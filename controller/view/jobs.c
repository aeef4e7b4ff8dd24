/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jobs.c - what the cache shows of a pool's Jobs and CronJobs.
 */
#include "controller/view/gather.h"

static void gather_cronjobs(struct zl_cache *cache, struct zl_gathered *out)
{
    zl_cache_list_by(cache, ZL_CACHED_CRONJOBS, ZL_BY_POOL, out->namespace_, out->name,
                     &out->cronjob_refs);
    size_t count = out->cronjob_refs.count;
    out->cronjobs = zl_alloc((count + 1) * sizeof(struct zl_cronjob *));
    for (size_t i = 0; i < count; i++) {
        out->cronjobs[i] = zl_ref_object(out->cronjob_refs.items[i]);
    }
    out->view.jobs.cronjobs = out->cronjobs;
    out->view.jobs.cronjob_count = count;
}

void zl_view_gather_jobs(struct zl_cache *cache, struct zl_gathered *gathered)
{
    struct zl_jobs_view *jobs = &gathered->view.jobs;
    gather_cronjobs(cache, gathered);
    zl_cache_list_jobs(cache, gathered->namespace_, gathered->name, &gathered->job_refs);
    jobs->turn_count = gathered->job_refs.count;
    jobs->turns = zl_alloc((jobs->turn_count + 1) * sizeof *jobs->turns);
    for (size_t i = 0; i < jobs->turn_count; i++) {
        const struct zl_job *job = zl_ref_object(gathered->job_refs.items[i]);
        jobs->turns[i] = (struct zl_turn){
            .job = job, .starting_deadline_s = zl_cache_starting_deadline_s(cache, job)};
        zl_cache_list_by(cache, ZL_CACHED_PODS, ZL_BY_OWNER, gathered->namespace_, job->meta.uid,
                         &gathered->pod_refs);
    }
}
