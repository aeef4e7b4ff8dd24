/* SPDX-License-Identifier: Apache-2.0 */
/*
 * absent.c - a pool that is named by workloads and has no LeaderPolicy, or has it no longer.
 */
#include "controller/apply/jobs.h"
#include "controller/traffic_director/service_route.h"

#include "common/base/clock.h"
#include "common/objects/names.h"

static void tell_user_of(struct zl_reconciler *reconciler, const char *name,
                         const struct zl_kind *kind, const struct zl_meta *meta)
{
    const struct zl_event_object object = {.api_version = kind->api_version,
                                           .kind = kind->name,
                                           .namespace_ = meta->namespace_,
                                           .name = meta->name,
                                           .uid = meta->uid};
    zl_events_emit(reconciler->events, &object, true, "LeaderPolicyNotFound",
                   "LeaderPolicy \"%s\" does not exist in namespace \"%s\", so nothing is "
                   "gatekept; create it or remove " ZL_KEY_POOL,
                   name, meta->namespace_);
}

/* No LeaderPolicy: nothing is gatekept, and whoever labelled the workload should hear of it. */
static void tell_policy_is_missing(struct zl_reconciler *reconciler, const char *name,
                                   const struct zl_pool *pool)
{
    const struct zl_guard_facts *guard = &pool->facts.guard;
    for (size_t i = 0; i < pool->facts.workload_count; i++) {
        const struct zl_workload *workload = pool->facts.workloads[i];
        tell_user_of(reconciler, name, workload->kind, &workload->meta);
    }
    for (size_t i = 0; i < guard->cronjob_count; i++) {
        tell_user_of(reconciler, name, &ZL_KIND_CRONJOB, &guard->cronjobs[i]->meta);
    }
    for (size_t i = 0; i < guard->turn_count; i++) {
        const struct zl_job *job = guard->turns[i].job;
        if (guard->turns[i].standing != ZL_STANDING_OVER &&
            !zl_kind_is(&ZL_KIND_CRONJOB, &job->meta.controller)) {
            tell_user_of(reconciler, name, &ZL_KIND_JOB, &job->meta);
        }
    }
}

struct zl_result zl_reconcile_absent_pool(struct zl_reconciler *reconciler,
                                          const struct zl_pool *pool, const char *namespace_,
                                          const char *name, struct zl_error *err)
{
    struct zl_result result = {.status = ZL_OK};
    tell_policy_is_missing(reconciler, name, pool);
    zl_wakes_forget(reconciler->wakes, namespace_, name);
    zl_since_forget(reconciler->sinces, namespace_, name);
    zl_claim_clock_forget(reconciler->clock, namespace_, name, zl_clock_ms());
    result.status = zl_reconcile_pool_routes(reconciler, pool, namespace_, name, &result, err);
    if (result.status == ZL_OK) {
        result.status = zl_let_go_jobs(reconciler, pool, err);
    }
    return result;
}
