/* SPDX-License-Identifier: Apache-2.0 */
/*
 * status.c - LeaderPolicy status of a guarded pool: who executes, who waits.
 */
#include "controller/state_guard/plan_jobs.h"

#include "common/base/clock.h"

/* A pool may have any number of finished and waiting Jobs; the status has a bounded size. */
enum { JOBS_LISTED_MAX = 32 };

static void add_workload(const char *kind, const char *name, const char *strategy,
                         struct zl_policy_status *out)
{
    out->workloads = zl_realloc(out->workloads, out->workload_count + 1, sizeof *out->workloads);
    out->workloads[out->workload_count++] = (struct zl_status_workload){
        .kind = zl_strdup(kind), .name = zl_strdup(name), .strategy = zl_strdup(strategy)};
}

void zl_guard_list_workloads(const struct zl_pool_facts *facts, const char *strategy,
                             struct zl_policy_status *out)
{
    const struct zl_guard_facts *guard = &facts->guard;
    int listed = 0;
    for (size_t i = 0; i < guard->cronjob_count; i++) {
        add_workload(ZL_KIND_CRONJOB.name, guard->cronjobs[i]->meta.name, strategy, out);
    }
    for (size_t i = 0; i < guard->turn_count && listed < JOBS_LISTED_MAX; i++) {
        const struct zl_job *job = guard->turns[i].job;
        bool scheduled = zl_kind_is(&ZL_KIND_CRONJOB, &job->meta.controller);
        if (guard->turns[i].standing != ZL_STANDING_OVER && !scheduled) {
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

/* From the moment that the pod of the turn's claim was seen; then for all of the turn, between two pods too. */
static void fill_executing(const struct zl_pool_facts *facts, const struct zl_lease *lease,
                           struct zl_policy_status *out)
{
    const struct zl_status_job *before = &facts->policy->status.executing;
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
static void fill_queue(const struct zl_guard_facts *guard, struct zl_policy_status *out)
{
    const struct zl_turn *next = zl_turns_next(guard->turns, guard->turn_count);
    out->queue = zl_alloc(ZL_QUEUE_MAX * sizeof *out->queue);
    if (next != NULL) {
        add_waiting(next->job, out);
    }
    for (size_t i = 0; i < guard->turn_count; i++) {
        const struct zl_turn *turn = &guard->turns[i];
        if (turn->standing == ZL_STANDING_WAITING && turn != next) {
            add_waiting(turn->job, out);
        }
        out->candidates += turn->standing != ZL_STANDING_OVER;
    }
    out->blocked = out->waiting;
}

/* The executing pod, while it lives. */
static bool fill_pod(const struct zl_pool_facts *facts, const struct zl_lease *lease,
                     const struct zl_pod *leader, struct zl_policy_status *out)
{
    if (leader == NULL || leader->finished || !zl_lease_is_held(lease) || lease->provisional) {
        return false;
    }
    out->holder_name = zl_strdup(lease->holder_pod);
    out->holder_uid = zl_strdup(lease->holder_uid);
    out->holder_namespace = zl_strdup(facts->policy->meta.namespace_);
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
        message = zl_asprintf("pod %s of no Job still holds the seat: a Deployment or StatefulSet "
                              "was in this pool",
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

void zl_guard_status(const struct zl_pool_facts *facts, const struct zl_lease *lease,
                     const struct zl_pod *leader, struct zl_policy_status *out)
{
    bool executes = fill_pod(facts, lease, leader, out);
    fill_executing(facts, lease, out);
    fill_queue(&facts->guard, out);
    zl_guard_list_workloads(facts, ZL_STRATEGY_STATE_GUARD, out);
    out->phase = zl_strdup(executes || out->waiting == 0 ? "Stable" : "Electing");
    fill_ready(lease, executes, out);
}
