/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan_jobs.h - what must be done for a pool whose Jobs take turns (common/seat/turns.h): the Lease, and each Job.
 *
 * Threads: pure.
 */
#ifndef ZL_CONTROLLER_STATE_GUARD_PLAN_JOBS_H
#define ZL_CONTROLLER_STATE_GUARD_PLAN_JOBS_H

#include "controller/apply/steps.h"

void zl_plan_turns(const struct zl_view *view, struct zl_steps *steps);
/* The pool guards no Jobs (any more): none of them waits for a turn that never comes. */
void zl_plan_let_go(const struct zl_view *view, struct zl_steps *steps);
/* The same for one Job that is in no pool, if it waits. */
void zl_plan_let_go_job(const struct zl_job *job, struct zl_steps *steps);

/* Does the Lease name a turn that goes on? */
bool zl_turn_goes_on(const struct zl_view *view);

/*
 * Whose pod may take the seat now; it is resumed and woken. NULL: nobody's, or the seat is not free.
 *
 * @param after  with the Lease as it is after the plan's was written
 */
const struct zl_turn *zl_turns_called(const struct zl_view *after);

/*
 * Milliseconds for which the Job of the turn is not woken, because its last pod failed: its own back-off, 10 s
 * doubling to 6 minutes (the Job API's), would be cut short.
 */
int64_t zl_turn_retry_ms(const struct zl_view *after);

/* Milliseconds until a waiting Job will have missed its deadline, and is to go; 0: none will. */
int64_t zl_turns_deadline_ms(const struct zl_view *after);

/* Its part of LeaderPolicy status (status.c): who executes, who waits. OUT: as zl_status_standby. */
void zl_status_turns(const struct zl_view *after, struct zl_policy_status *out);
/* Jobs and CronJobs in status.workloads, with STRATEGY. */
void zl_status_list_jobs(const struct zl_view *after, const char *strategy,
                         struct zl_policy_status *out);

/* By Events, when the status that STEPS write is written: a turn has begun. */
void zl_tell_of_turn(struct zl_steps *steps);
/* The same, where another strategy leads the pool: Jobs are in it that it does not let run. */
void zl_tell_of_refused_jobs(struct zl_steps *steps);

#endif
