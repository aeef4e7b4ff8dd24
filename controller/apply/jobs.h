/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jobs.h - carries out what plan_guard.c decided about the Jobs of a pool. The parts of a reconcile (reconciler.h).
 *
 * Threads: as zl_reconcile_pool.
 */
#ifndef ZL_CONTROLLER_APPLY_JOBS_H
#define ZL_CONTROLLER_APPLY_JOBS_H

#include "common/base/metrics.h"
#include "controller/reconcile/reconciler.h"
#include "controller/state_guard/plan_jobs.h"

/* Fill in whether the turn is over and since when its Job retries; asks the API server about a Job that the cache lacks. */
enum zl_status zl_look_at_turn(struct zl_reconciler *reconciler, struct zl_pool *pool,
                               struct zl_error *err) ZL_MUST_CHECK;

/*
 * Resume and wake the Job whose turn is next, queue those that wait, remove those that may not run. One that fails does not
 * keep the others waiting: the first failure is returned, when all have been tried.
 *
 * @param plan    what was carried out before
 * @param result  its requeue is lowered to the next time that something is to be done
 */
enum zl_status zl_guide_jobs(struct zl_reconciler *reconciler, struct zl_pool *pool,
                             const struct zl_plan *plan, struct zl_result *result,
                             struct zl_error *err) ZL_MUST_CHECK;

/* The pool guards no Jobs (any more): none of them waits for a turn that never comes. */
enum zl_status zl_let_go_jobs(struct zl_reconciler *reconciler, const struct zl_pool *pool,
                              struct zl_error *err) ZL_MUST_CHECK;
/* The same for one Job, if it is queued and nobody guards it: its label was taken off, or its CronJob's. */
enum zl_status zl_let_go_job(struct zl_reconciler *reconciler, const char *namespace_,
                             const char *name, struct zl_error *err) ZL_MUST_CHECK;

/* The Lease that was BEFORE has been swapped: count the turn that ended with it, if one did. */
void zl_count_turn(const struct zl_pool *pool, const struct zl_lease *before,
                   const struct zl_lease *after);
/* By Events: a turn has begun; Jobs are in a pool that does not let them run. */
void zl_tell_of_jobs(struct zl_reconciler *reconciler, const struct zl_pool *pool,
                     const struct zl_policy_status *after);

extern const struct zl_metric *const ZL_JOB_METRICS[];

/* --- what happens to one Job (guard_job.c) --- */

/* QUEUE, SUSPEND or RESUME JOB by one merge patch. RESUME wakes it as well. */
enum zl_status zl_patch_job(struct zl_reconciler *reconciler, const struct zl_job *job,
                            enum zl_job_action action, struct zl_error *err) ZL_MUST_CHECK;
/* Make the Job's controller sync it at once. */
enum zl_status zl_wake_job(struct zl_reconciler *reconciler, const struct zl_job *job,
                           struct zl_error *err) ZL_MUST_CHECK;
/* Delete TURN's Job, if the API server agrees that it may not run, and tell its CronJob's user. */
enum zl_status zl_remove_job(struct zl_reconciler *reconciler, const struct zl_pool *pool,
                             const struct zl_turn *turn, struct zl_error *err) ZL_MUST_CHECK;
/* An Event about JOB. */
void zl_emit_job_event(struct zl_reconciler *reconciler, const struct zl_meta *job, bool warning,
                       const char *reason, const char *message);

#endif
