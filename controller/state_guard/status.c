/* SPDX-License-Identifier: Apache-2.0 */
/*
 * status.c - LeaderPolicy status of a guarded pool: who executes, who waits.
 */
#include "controller/state_guard/plan_jobs.h"

#include "common/base/clock.h"

#include <string.h>

/* A pool may have any number of finished and waiting Jobs; the status has a bounded size. */
enum { JOBS_LISTED_MAX = 32 };

static void add_workload(const char *kind, const char *name, const char *strategy,
                         struct zl_policy_status *out)
{
    out->workloads = zl_realloc(out->workloads, out->workload_count + 1, sizeof *out->workloads);
    out->workloads[out->workload_count++] = (struct zl_status_workload){
        .kind = zl_strdup(kind), .name = zl_strdup(name), .strategy = zl_strdup(strategy)};
}

void zl_status_list_jobs(const struct zl_view *view, const char *strategy,
                         struct zl_policy_status *out)
{
    const struct zl_jobs_view *jobs = &view->jobs;
    int listed = 0;
    for (size_t i = 0; i < jobs->cronjob_count; i++) {
        add_workload(ZL_KIND_CRONJOB.name, jobs->cronjobs[i]->meta.name, strategy, out);
    }
    for (size_t i = 0; i < jobs->turn_count && listed < JOBS_LISTED_MAX; i++) {
        const struct zl_job *job = jobs->turns[i].job;
        bool scheduled = zl_kind_is(&ZL_KIND_CRONJOB, &job->meta.controller);
        if (jobs->turns[i].standing != ZL_STANDING_OVER && !scheduled) {
            add_workload(ZL_KIND_JOB.name, job->meta.name, strategy, out);
            listed++;
        }
    }
}

static char *time_text(int64_t wall_us)
{
    char text[ZL_TIME_TEXT_MAX];
    zl_time_format(wall_us, text);
    return zl_strdup(text);
}

/*
 * From the moment that the pod of the turn's claim was seen; then for all of the turn, between two
 * pods too.
 */
static void fill_executing(const struct zl_view *view, const struct zl_lease *lease,
                           struct zl_policy_status *out)
{
    const struct zl_status_job *before = &view->policy->status.executing;
    if (lease == NULL || lease->turn_uid == NULL) {
        return;
    }
    bool same = zl_same_string(before->uid, lease->turn_uid);
    bool confirmed = zl_lease_is_held(lease) && !lease->provisional;
    if (!same && !confirmed) {
        return;
    }
    out->executing.name = zl_strdup(lease->turn_job);
    out->executing.uid = zl_strdup(lease->turn_uid);
    out->executing.since =
        same && before->since != NULL ? zl_strdup(before->since) : time_text(lease->acquire_us);
}

static void add_waiting(const struct zl_job *job, struct zl_policy_status *out)
{
    if (out->queue_count < ZL_QUEUE_MAX) {
        out->queue[out->queue_count++] =
            (struct zl_status_job){.name = zl_strdup(job->meta.name),
                                   .uid = zl_strdup(job->meta.uid),
                                   .since = time_text(job->meta.created_us)};
    }
    out->waiting++;
}

/* The next one first: it may have overtaken others, because it runs already. */
static void fill_queue(const struct zl_jobs_view *jobs, struct zl_policy_status *out)
{
    const struct zl_turn *next = zl_turns_next(jobs->turns, jobs->turn_count);
    out->queue = zl_alloc(ZL_QUEUE_MAX * sizeof *out->queue);
    if (next != NULL) {
        add_waiting(next->job, out);
    }
    for (size_t i = 0; i < jobs->turn_count; i++) {
        const struct zl_turn *turn = &jobs->turns[i];
        if (turn->standing == ZL_STANDING_WAITING && turn != next) {
            add_waiting(turn->job, out);
        }
        out->candidates += turn->standing != ZL_STANDING_OVER;
    }
    out->blocked = out->waiting;
}

/* The executing pod, while it lives. */
static bool fill_pod(const struct zl_view *view, const struct zl_lease *lease,
                     const struct zl_pod *leader, struct zl_policy_status *out)
{
    if (leader == NULL || leader->finished || !zl_lease_is_held(lease) || lease->provisional) {
        return false;
    }
    out->holder_name = zl_strdup(lease->holder_pod);
    out->holder_uid = zl_strdup(lease->holder_uid);
    out->holder_namespace = zl_strdup(view->policy->meta.namespace_);
    out->holder_token = lease->fencing_token;
    if (lease->acquire_us != 0) {
        out->holder_start_time = time_text(lease->acquire_us);
    }
    return true;
}

static void fill_ready(const struct zl_lease *lease, bool executes, struct zl_policy_status *out)
{
    struct zl_condition *ready = &out->conditions[ZL_CONDITION_READY];
    ZL_AUTO_FREE char *message = NULL;
    bool has_turn = lease != NULL && lease->turn_uid != NULL;
    if (executes && has_turn) {
        message = zl_asprintf("Job %s executes", lease->turn_job);
        zl_condition_set(ready, true, "JobExecuting", message);
    } else if (executes) {
        message = zl_asprintf("pod %s of no Job still holds the seat: a Deployment or another "
                              "workload that stays was in this pool",
                              lease->holder_pod);
        zl_condition_set(ready, false, "TurnPending", message);
    } else if (has_turn) {
        message = zl_asprintf("it is the turn of Job %s, and no pod of it is there: see its Events",
                              lease->turn_job);
        zl_condition_set(ready, false, "TurnPending", message);
    } else if (out->waiting > 0) {
        message = zl_asprintf("the next turn is Job %s's: its pod is awaited", out->queue[0].name);
        zl_condition_set(ready, false, "TurnPending", message);
    } else {
        zl_condition_set(ready, true, "Idle", "no Job of this pool executes or waits");
    }
}

void zl_status_turns(const struct zl_view *after, struct zl_policy_status *out)
{
    bool executes = fill_pod(after, after->lease, after->holder_pod, out);
    fill_executing(after, after->lease, out);
    fill_queue(&after->jobs, out);
    out->phase = zl_strdup(executes || out->waiting == 0 ? "Stable" : "Electing");
    fill_ready(after->lease, executes, out);
}

/* --- Events --- */

void zl_tell_of_turn(struct zl_steps *steps)
{
    const struct zl_policy *policy = steps->after.policy;
    const struct zl_status_job *executing = &steps->status.executing;
    const struct zl_lease *lease = steps->after.lease;
    if (executing->uid == NULL || lease == NULL ||
        zl_same_string(policy->status.executing.uid, executing->uid)) {
        return;
    }
    const struct zl_step step = {.kind = ZL_STEP_TELL,
                                 .why = ZL_WHY_TURN_STARTED,
                                 .subject = {.api_version = ZL_KIND_JOB.api_version,
                                             .kind = ZL_KIND_JOB.name,
                                             .namespace_ = policy->meta.namespace_,
                                             .name = executing->name,
                                             .uid = executing->uid},
                                 .words = {.pool = policy->meta.name,
                                           .pod = lease->holder_pod,
                                           .number = lease->fencing_token}};
    zl_steps_add(steps, &step);
}

static const struct zl_meta *meta_of(const struct zl_jobs_view *jobs, const struct zl_kind *kind,
                                     const char *name)
{
    for (size_t i = 0; kind == &ZL_KIND_JOB && i < jobs->turn_count; i++) {
        if (zl_same_string(jobs->turns[i].job->meta.name, name)) {
            return &jobs->turns[i].job->meta;
        }
    }
    for (size_t i = 0; kind == &ZL_KIND_CRONJOB && i < jobs->cronjob_count; i++) {
        if (zl_same_string(jobs->cronjobs[i]->meta.name, name)) {
            return &jobs->cronjobs[i]->meta;
        }
    }
    return NULL;
}

static bool was_listed(const struct zl_policy_status *before,
                       const struct zl_status_workload *workload)
{
    for (size_t i = 0; i < before->workload_count; i++) {
        const struct zl_status_workload *other = &before->workloads[i];
        if (zl_same_string(other->kind, workload->kind) &&
            zl_same_string(other->name, workload->name)) {
            return zl_same_string(other->strategy, workload->strategy);
        }
    }
    return false;
}

/* The status that lists a Job beside a Deployment for the first time is when its user is told. */
void zl_tell_of_refused_jobs(struct zl_steps *steps)
{
    const struct zl_policy *policy = steps->after.policy;
    for (size_t i = 0; i < steps->status.workload_count; i++) {
        const struct zl_status_workload *workload = &steps->status.workloads[i];
        const struct zl_kind *kind = zl_kind_named(workload->kind);
        const struct zl_meta *meta = meta_of(&steps->after.jobs, kind, workload->name);
        if (meta == NULL || was_listed(&policy->status, workload)) {
            continue;
        }
        const struct zl_step step = {.kind = ZL_STEP_TELL,
                                     .why = ZL_WHY_POOL_IS_LED,
                                     .subject = zl_subject_of_kind(kind, meta),
                                     .words = {.pool = policy->meta.name}};
        zl_steps_add(steps, &step);
    }
}
