/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jobs.c - which Jobs are in a pool: by their own keys, or their CronJob's.
 */
#include "common/cache/cache.h"

struct zl_ref *zl_cache_find_cronjob(struct zl_cache *cache, const struct zl_job *job)
{
    const struct zl_controller_ref *owner = &job->meta.controller;
    if (job->opted_out || !zl_kind_is(&ZL_KIND_CRONJOB, owner)) {
        return NULL;
    }
    return zl_cache_find_controller(cache, job->meta.namespace_, owner);
}

int64_t zl_cache_starting_deadline_s(struct zl_cache *cache, const struct zl_job *job)
{
    ZL_AUTO_REF struct zl_ref *ref = zl_cache_find_cronjob(cache, job);
    const struct zl_cronjob *cronjob = ref != NULL ? zl_ref_object(ref) : NULL;
    return cronjob != NULL ? cronjob->starting_deadline_s : -1;
}

char *zl_cache_pool_of_job(struct zl_cache *cache, const struct zl_job *job)
{
    return zl_cache_pool_of(cache, &ZL_KIND_JOB, job);
}

/* Those without a pool of their own, of a CronJob in the pool. */
static void list_jobs_of(struct zl_cache *cache, const struct zl_cronjob *cronjob,
                         struct zl_refs *out)
{
    ZL_AUTO_REFS struct zl_refs jobs = {0};
    zl_cache_list_by(cache, ZL_CACHED_JOBS, ZL_BY_OWNER, cronjob->meta.namespace_,
                     cronjob->meta.uid, &jobs);
    for (size_t i = 0; i < jobs.count; i++) {
        const struct zl_job *job = zl_ref_object(jobs.items[i]);
        if (job->pool == NULL && !job->opted_out) {
            zl_refs_add(out, zl_ref_hold(jobs.items[i]));
        }
    }
}

void zl_cache_list_jobs(struct zl_cache *cache, const char *namespace_, const char *pool,
                        struct zl_refs *out)
{
    ZL_AUTO_REFS struct zl_refs cronjobs = {0};
    zl_cache_list_by(cache, ZL_CACHED_JOBS, ZL_BY_POOL, namespace_, pool, out);
    zl_cache_list_by(cache, ZL_CACHED_CRONJOBS, ZL_BY_POOL, namespace_, pool, &cronjobs);
    for (size_t i = 0; i < cronjobs.count; i++) {
        list_jobs_of(cache, zl_ref_object(cronjobs.items[i]), out);
    }
}
