/* SPDX-License-Identifier: Apache-2.0 */
/*
 * job.c - what was gatekept once and is no more: it waits for nothing that comes.
 */
#include "controller/reconcile/reconcile.h"

#include "controller/state_guard/plan_jobs.h"

struct zl_result zl_reconcile_job(struct zl_context *context, const char *namespace_,
                                  const char *name, struct zl_error *err)
{
    static const struct zl_view no_pool = {0};
    struct zl_cache *cache = context->sources.cache;
    ZL_AUTO_STEPS struct zl_steps steps = {0};
    ZL_AUTO_REF struct zl_ref *ref = zl_cache_find(cache, ZL_CACHED_JOBS, namespace_, name);
    const struct zl_job *job = ref != NULL ? zl_ref_object(ref) : NULL;
    ZL_AUTO_FREE char *pool = job != NULL ? zl_cache_pool_of_job(cache, job) : NULL;
    zl_steps_begin(&steps, &no_pool);
    /* In a pool it is the pool's reconcile that knows. */
    if (job != NULL && pool == NULL) {
        zl_plan_let_go_job(job, &steps);
    }
    return zl_apply(&context->writer, &steps, err);
}

struct zl_result zl_reconcile_freed(struct zl_context *context, const char *namespace_,
                                    const char *name, struct zl_error *err)
{
    return (struct zl_result){.status = zl_wake_freed(&context->writer, namespace_, name, err)};
}
