/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan_jobs.h - what must happen to a guarded pool, whose Jobs take turns (common/seat/turns.h). The Lease's part
 * is a struct zl_plan like any other pool's; this adds what becomes of each Job.
 *
 * Threads: pure.
 */
#ifndef ZL_CONTROLLER_STATE_GUARD_PLAN_JOBS_H
#define ZL_CONTROLLER_STATE_GUARD_PLAN_JOBS_H

#include "controller/leader/plan.h"

/* Does the pool guard Jobs: a scaleDown pool of Jobs and CronJobs alone? */
bool zl_is_guarded(const struct zl_pool_facts *facts);

/* The Lease's part for a guarded pool, added to the empty PLAN. */
void zl_plan_guard(const struct zl_pool_facts *facts, enum zl_seat seat, struct zl_plan *plan);

/* Does the Lease name a turn that goes on? */
bool zl_turn_goes_on(const struct zl_pool_facts *facts);

/*
 * Whose pod may take the seat now; it is resumed and woken. NULL: nobody's, or the seat is not free. With the
 * Lease as it is after the plan was carried out.
 */
const struct zl_turn *zl_guard_next(const struct zl_pool_facts *facts);

/*
 * Milliseconds for which the Job of the turn is not woken, because its last pod failed: its own back-off, 10 s
 * doubling to 6 minutes (the Job API's), would be cut short.
 */
int64_t zl_guard_retry_ms(const struct zl_pool_facts *facts);

enum zl_job_action {
    ZL_JOB_KEEP,
    ZL_JOB_QUEUE,   /* tell it that it waits, and suspend it */
    ZL_JOB_SUSPEND, /* somebody resumed it while it waits */
    ZL_JOB_RESUME,  /* it waits no more */
    ZL_JOB_REMOVE,  /* its scheduled time is another Job's, or over */
};

/*
 * What becomes of one Job.
 *
 * @param next         as zl_guard_next says
 * @param can_suspend  the server has spec.suspend, as far as is known
 */
enum zl_job_action zl_plan_job(const struct zl_pool_facts *facts, const struct zl_turn *turn,
                               const struct zl_turn *next, bool can_suspend);

/* Milliseconds until a waiting Job will have missed its deadline, and is to go; 0: none will. */
int64_t zl_guard_deadline_ms(const struct zl_pool_facts *facts);

/*
 * The parts of a guarded pool's status that differ from other pools' (guard_status.c).
 *
 * @param lease, leader, out  as zl_plan_status
 */
void zl_guard_status(const struct zl_pool_facts *facts, const struct zl_lease *lease,
                     const struct zl_pod *leader, struct zl_policy_status *out);
/* Jobs and CronJobs in status.workloads, with STRATEGY. */
void zl_guard_list_workloads(const struct zl_pool_facts *facts, const char *strategy,
                             struct zl_policy_status *out);

#endif
