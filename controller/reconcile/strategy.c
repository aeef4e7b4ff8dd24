/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/reconcile/strategy.h"

#include "common/seat/strategy.h"
#include "controller/leader/plan.h"
#include "controller/leader/role.h"
#include "controller/leader/status.h"
#include "controller/state_guard/plan_jobs.h"
#include "controller/view/looks.h"

static void plan_absent(const struct zl_view *view, struct zl_steps *steps);

static void plan_standby(const struct zl_view *view, struct zl_steps *steps)
{
    zl_plan_standby(view, steps);
    zl_plan_let_go(view, steps);
}

static void plan_scale_down(const struct zl_view *view, struct zl_steps *steps)
{
    zl_plan_scale_down(view, steps);
    zl_plan_let_go(view, steps);
}

static const struct zl_strategy STRATEGIES[ZL_STRATEGY_COUNT] = {
    [ZL_STRATEGY_ABSENT] = {.name = "absent", .plan = plan_absent},
    [ZL_STRATEGY_STANDBY] = {.name = "standby",
                             .looks = ZL_LOOK_HOLDER | ZL_LOOK_TRUSTS_CACHE | ZL_LOOK_ROLLOUT,
                             .elects_all = true,
                             .workloads = ZL_STRATEGY_TRAFFIC_DIRECTOR,
                             .jobs = ZL_STRATEGY_NONE,
                             .plan = plan_standby,
                             .status = zl_status_standby},
    [ZL_STRATEGY_SCALE_DOWN] = {.name = "scale_down",
                                .looks =
                                    ZL_LOOK_JOBS | ZL_LOOK_LOSS | ZL_LOOK_HOLDER | ZL_LOOK_ROLLOUT,
                                .workloads = ZL_STRATEGY_TRAFFIC_DIRECTOR,
                                .jobs = ZL_STRATEGY_NONE,
                                .plan = plan_scale_down,
                                .status = zl_status_scale_down,
                                .tell = zl_tell_of_refused_jobs},
    [ZL_STRATEGY_TURNS] = {.name = "turns",
                           .looks = ZL_LOOK_JOBS | ZL_LOOK_LOSS | ZL_LOOK_HOLDER | ZL_LOOK_TURN,
                           .jobs = ZL_STRATEGY_STATE_GUARD,
                           .plan = zl_plan_turns,
                           .status = zl_status_turns,
                           .tell = zl_tell_of_turn},
};

const struct zl_strategy *zl_strategy_for(const struct zl_view *view)
{
    bool has_jobs = view->jobs.turn_count > 0 || view->jobs.cronjob_count > 0;
    bool has_turn = view->lease != NULL && view->lease->turn_uid != NULL;
    bool stand_by = zl_stand_by(view->workloads, view->workload_count);
    return &STRATEGIES[zl_strategy_of(view->policy, view->workload_count > 0, stand_by,
                                      has_jobs || has_turn)];
}

/* --- the pool that is named by workloads and has no LeaderPolicy, or has it no longer --- */

static void tell_user(struct zl_steps *steps, const struct zl_kind *kind,
                      const struct zl_meta *meta)
{
    const struct zl_step step = {
        .kind = ZL_STEP_TELL,
        .why = ZL_WHY_NO_POLICY,
        .subject = zl_subject_of_kind(kind, meta),
        .words = {.pool = steps->after.name, .detail = steps->after.namespace_}};
    zl_steps_add(steps, &step);
}

/* Nothing is gatekept, and whoever labelled the workload should hear of it. */
static void plan_absent(const struct zl_view *view, struct zl_steps *steps)
{
    const struct zl_jobs_view *jobs = &view->jobs;
    for (size_t i = 0; i < view->workload_count; i++) {
        const struct zl_workload *workload = view->workloads[i];
        tell_user(steps, workload->kind, &workload->meta);
    }
    for (size_t i = 0; i < jobs->cronjob_count; i++) {
        tell_user(steps, &ZL_KIND_CRONJOB, &jobs->cronjobs[i]->meta);
    }
    for (size_t i = 0; i < jobs->turn_count; i++) {
        const struct zl_job *job = jobs->turns[i].job;
        if (jobs->turns[i].standing != ZL_STANDING_OVER &&
            !zl_kind_is(&ZL_KIND_CRONJOB, &job->meta.controller)) {
            tell_user(steps, &ZL_KIND_JOB, &job->meta);
        }
    }
    zl_plan_let_go(view, steps);
}

/* --- what all have --- */

void zl_strategy_status(const struct zl_strategy *strategy, const struct zl_view *after,
                        struct zl_policy_status *out)
{
    zl_status_begin(after, out);
    if (strategy->workloads != NULL) {
        zl_status_list_workloads(after, strategy->workloads, out);
    }
    zl_status_list_jobs(after, strategy->jobs, out);
    strategy->status(after, out);
    zl_status_end(after, out);
}

/* Some seconds after the last wake, when nothing is urgent. */
static void plan_unmarking(struct zl_steps *steps)
{
    const struct zl_view *after = &steps->after;
    bool led = zl_lease_is_held(after->lease) && !after->lease->provisional;
    for (size_t i = 0; led && i < after->marked_count; i++) {
        const struct zl_step step = {.kind = ZL_STEP_UNMARK,
                                     .why = ZL_WHY_NOBODY_WAITS,
                                     .of.owner.workload = after->marked[i]};
        zl_steps_add(steps, &step);
    }
}

void zl_strategy_plan(const struct zl_strategy *strategy, const struct zl_view *view,
                      struct zl_steps *steps)
{
    strategy->plan(view, steps);
    if (strategy->status == NULL || zl_steps_only_create(steps)) {
        return;
    }
    const struct zl_step step = {.kind = ZL_STEP_STATUS, .why = ZL_WHY_STATUS};
    zl_plan_roles(steps);
    if (!view->defers_renewal) {
        plan_unmarking(steps);
    }
    zl_strategy_status(strategy, &steps->after, &steps->status);
    zl_steps_add(steps, &step);
    zl_tell_of_status(steps);
    if (strategy->tell != NULL) {
        strategy->tell(steps);
    }
}
