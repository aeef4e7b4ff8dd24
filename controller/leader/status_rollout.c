/* SPDX-License-Identifier: Apache-2.0 */
/*
 * status_rollout.c - which revision of the leader's workload leads, which one waits, and why: what a pipeline waits for.
 */
#include "controller/leader/status.h"

#include "common/base/clock.h"

/* What is known of the leader's workload; borrowed from the view. */
struct progress {
    const struct zl_workload *workload; /* NULL: there is no leader, or no revision is known */
    const char *leading;                /* name of the leader's revision; NULL: not known */
    const char *newest;                 /* name */
    bool is_newest;                     /* that one leads */
    bool failed;                        /* it was not Ready in time */
    bool lags; /* NEWEST is not, or not yet, what the workload's own controller takes for it */
};

/* ReplicaSets come by another watch than their Deployment, which may be ahead. */
static bool deployment_lags(const struct zl_workload *deployment,
                            const struct zl_replicaset *newest)
{
    ZL_AUTO_FREE char *number = zl_asprintf("%lld", (long long)newest->revision);
    return !deployment->observed || !zl_same_string(deployment->revision, number);
}

/* Before 1.24 it has no word to say while its pods are refused: then its revisions alone tell. */
static bool stateful_set_lags(const struct zl_workload *set, const struct zl_revision *newest)
{
    return set->observed && set->revision != NULL &&
           !zl_same_string(set->revision, newest->meta.name);
}

static struct progress progress_of(const struct zl_view *view)
{
    const struct zl_pod *leader = view->holder_pod;
    const struct zl_replicaset *newest = view->rollout.newest;
    if (leader == NULL || view->lease == NULL || view->lease->provisional) {
        return (struct progress){0};
    }
    if (newest != NULL) {
        return (struct progress){
            .workload = view->deployment,
            .leading = leader->meta.controller.name,
            .newest = newest->meta.name,
            .is_newest = zl_same_string(leader->meta.controller.uid, newest->meta.uid),
            .failed = zl_same_string(view->lease->failed_revision, newest->meta.uid),
            .lags = deployment_lags(view->deployment, newest)};
    }
    if (view->stateful_set != NULL && view->newest != NULL) {
        return (struct progress){.workload = view->stateful_set,
                                 .leading = leader->revision,
                                 .newest = view->newest->meta.name,
                                 .is_newest = !view->leader_outdated,
                                 .lags = stateful_set_lags(view->stateful_set, view->newest)};
    }
    return (struct progress){0};
}

/* WORKLOAD's row in OUT. */
static struct zl_status_workload *row_of(const struct zl_workload *workload,
                                         struct zl_policy_status *out)
{
    for (size_t i = 0; i < out->workload_count; i++) {
        struct zl_status_workload *row = &out->workloads[i];
        if (zl_same_string(row->kind, workload->kind->name) &&
            zl_same_string(row->name, workload->meta.name)) {
            return row;
        }
    }
    return NULL;
}

static void fill_workload(const struct progress *progress, struct zl_policy_status *out)
{
    struct zl_status_workload *row = row_of(progress->workload, out);
    if (row != NULL) {
        row->leading_revision = zl_strdup(progress->leading);
        row->waiting_revision = progress->is_newest ? NULL : zl_strdup(progress->newest);
    }
}

/* Every workload of which it is known that its own controller has seen what was asked for last. */
static void fill_generations(const struct zl_view *view, struct zl_policy_status *out)
{
    for (size_t i = 0; i < view->workload_count; i++) {
        const struct zl_workload *workload = view->workloads[i];
        struct zl_status_workload *row = workload->observed ? row_of(workload, out) : NULL;
        if (row != NULL) {
            row->observed_generation = workload->meta.generation;
        }
    }
}

static void set(struct zl_condition *condition, const struct zl_view *view,
                const struct progress *progress)
{
    const struct zl_workload *workload = progress->workload;
    const char *kind = workload->kind->name, *name = workload->meta.name;
    ZL_AUTO_FREE char *message = NULL;
    const char *reason = "NewestLeads";
    if (progress->lags) {
        reason = "NotObserved";
        message =
            zl_asprintf("%s %s was changed, and Kubernetes has not looked at it yet", kind, name);
    } else if (progress->failed) {
        reason = "HandoverFailed";
        message = zl_asprintf("%s of %s %s was not Ready before the progress deadline: %s leads "
                              "on; correct the template, or undo the rollout",
                              progress->newest, kind, name, progress->leading);
    } else if (!progress->is_newest) {
        reason = "NewRevisionWaits";
        message = zl_asprintf("%s of %s %s waits, %s leads", progress->newest, kind, name,
                              progress->leading);
    } else if (!view->holder_pod->ready) {
        reason = "LeaderNotReady";
        message = zl_asprintf("%s of %s %s leads, and is not Ready", progress->newest, kind, name);
    } else {
        message = zl_asprintf("%s of %s %s leads", progress->newest, kind, name);
        zl_condition_set(condition, true, reason, message);
        return;
    }
    zl_condition_set(condition, false, reason, message);
}

void zl_status_fill_rollout(const struct zl_view *after, struct zl_policy_status *out)
{
    const struct zl_condition *before = &after->policy->status.conditions[ZL_CONDITION_ROLLED_OUT];
    struct zl_condition *condition = &out->conditions[ZL_CONDITION_ROLLED_OUT];
    struct progress progress = progress_of(after);
    char now[ZL_TIME_TEXT_MAX];
    fill_generations(after, out);
    if (progress.workload != NULL) {
        fill_workload(&progress, out);
        set(condition, after, &progress);
    } else if (before->status != NULL && after->workload_count > 0) {
        zl_condition_set(condition, false, "NoLeader", "no pod leads");
    } else {
        return; /* no revisions are known here: Jobs, a DaemonSet, one that never led */
    }
    zl_time_format(after->now_us, now);
    zl_condition_date(condition, before, now);
}
