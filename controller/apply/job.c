/* SPDX-License-Identifier: Apache-2.0 */
/*
 * job.c - what happens to one Job of a guarded pool, and what is told about it.
 */
#include "controller/apply/jobs.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/cache/live.h"
#include "common/objects/names.h"
#include "common/seat/lease_store.h"

#include <string.h>

static const struct zl_metric TURNS = {
    .name = "zen_lead_turns_total",
    .type = ZL_METRIC_COUNTER,
    .help =
        "Turns of Jobs in guarded pools that ended, by what became of the Job (complete, failed, "
        "gone, paused).",
    .label1 = "result",
    .zeros = (const char *const[]){"complete", "failed", "gone", "paused", NULL},
};
static const struct zl_metric REMOVED = {
    .name = "zen_lead_jobs_removed_total",
    .type = ZL_METRIC_COUNTER,
    .help = "Jobs of CronJobs that were deleted before they ran, because their scheduled time was "
            "another Job's (duplicate) or startingDeadlineSeconds had passed (missed).",
    .label1 = "reason",
    .zeros = (const char *const[]){"duplicate", "missed", NULL},
};

const struct zl_metric *const ZL_JOB_METRICS[] = {&TURNS, &REMOVED, NULL};

/* --- Events --- */

void zl_emit_job_event(struct zl_reconciler *reconciler, const struct zl_meta *job, bool warning,
                       const char *reason, const char *message)
{
    const struct zl_event_object object = {.api_version = ZL_KIND_JOB.api_version,
                                           .kind = ZL_KIND_JOB.name,
                                           .namespace_ = job->namespace_,
                                           .name = job->name,
                                           .uid = job->uid};
    zl_events_emit(reconciler->events, &object, warning, reason, "%s", message);
}

static const struct zl_meta *meta_of(const struct zl_guard_facts *guard, const char *kind,
                                     const char *name)
{
    bool of_job = zl_same_string(kind, ZL_KIND_JOB.name);
    for (size_t i = 0; of_job && i < guard->turn_count; i++) {
        if (zl_same_string(guard->turns[i].job->meta.name, name)) {
            return &guard->turns[i].job->meta;
        }
    }
    for (size_t i = 0; !of_job && i < guard->cronjob_count; i++) {
        if (zl_same_string(guard->cronjobs[i]->meta.name, name)) {
            return &guard->cronjobs[i]->meta;
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
static void tell_of_refusal(struct zl_reconciler *reconciler, const struct zl_pool *pool,
                            const struct zl_policy_status *after)
{
    const struct zl_policy *policy = pool->facts.policy;
    for (size_t i = 0; i < after->workload_count; i++) {
        const struct zl_status_workload *workload = &after->workloads[i];
        const struct zl_meta *meta = meta_of(&pool->facts.guard, workload->kind, workload->name);
        if (strcmp(workload->strategy, ZL_STRATEGY_NONE) != 0 || meta == NULL ||
            was_listed(&policy->status, workload)) {
            continue;
        }
        const struct zl_event_object object = {.api_version = ZL_KIND_JOB.api_version,
                                               .kind = workload->kind,
                                               .namespace_ = meta->namespace_,
                                               .name = meta->name,
                                               .uid = meta->uid};
        zl_events_emit(
            reconciler->events, &object, true, "PoolIsLed",
            "pool %s is led by a Deployment or StatefulSet: its seat is theirs and pods of "
            "Jobs are refused; give Jobs a LeaderPolicy of their own",
            policy->meta.name);
    }
}

void zl_tell_of_jobs(struct zl_reconciler *reconciler, const struct zl_pool *pool,
                     const struct zl_policy_status *after)
{
    const struct zl_policy *policy = pool->facts.policy;
    const struct zl_lease *lease = pool->facts.lease;
    if (!zl_is_guarded(&pool->facts) && !policy->standby) {
        tell_of_refusal(reconciler, pool, after);
        return;
    }
    if (after->executing.uid == NULL || lease == NULL ||
        zl_same_string(policy->status.executing.uid, after->executing.uid)) {
        return;
    }
    const struct zl_meta job = {.namespace_ = policy->meta.namespace_,
                                .name = after->executing.name,
                                .uid = after->executing.uid};
    ZL_AUTO_FREE char *message =
        zl_asprintf("it is its turn in pool %s: pod %s executes, fencing token %lld",
                    policy->meta.name, lease->holder_pod, (long long)lease->fencing_token);
    zl_emit_job_event(reconciler, &job, false, "TurnStarted", message);
}

void zl_count_turn(const struct zl_pool *pool, const struct zl_lease *before,
                   const struct zl_lease *after)
{
    if (before == NULL || before->turn_uid == NULL ||
        zl_same_string(before->turn_uid, after->turn_uid)) {
        return;
    }
    const struct zl_guard_facts *guard = &pool->facts.guard;
    const struct zl_turn *turn = zl_turns_find(guard->turns, guard->turn_count, before->turn_uid);
    const char *result = "gone";
    if (turn != NULL && turn->job->finished) {
        result = turn->job->failed ? "failed" : "complete";
    } else if (turn != NULL && zl_job_is_paused(turn->job)) {
        result = "paused";
    }
    zl_metric_add(&TURNS, result, NULL, 1);
    ZL_LOG_INFO("turn ended", ZL_STR("namespace", before->namespace_), ZL_STR("pool", before->pool),
                ZL_STR("job", before->turn_job), ZL_STR("result", result));
}

/* --- patches --- */

static void note_written(struct zl_reconciler *reconciler, const struct cJSON *answer)
{
    uint64_t version =
        zl_resource_version_number(zl_json_text(answer, "metadata", "resourceVersion", NULL));
    uint64_t known = atomic_load(&reconciler->job_written);
    while (version > known &&
           !atomic_compare_exchange_weak(&reconciler->job_written, &known, version)) {
        ;
    }
}

/* Also remembers whether the server knows spec.suspend (1.22 and later): before, it drops the field. */
static enum zl_status send(struct zl_reconciler *reconciler, const struct zl_job *job,
                           struct cJSON *patch, bool suspends, struct zl_error *err)
{
    ZL_AUTO_JSON struct cJSON *answer = NULL;
    const struct zl_kube_target target = {.resource = &ZL_KIND_JOB.resource,
                                          .namespace_ = job->meta.namespace_,
                                          .name = job->meta.name};
    /* Another Job under this name is refused: a uid cannot be changed. */
    zl_json_set_text(zl_json_child(patch, "metadata"), "uid", job->meta.uid);
    enum zl_status status =
        zl_kube_patch(reconciler->client, &target, ZL_KUBE_PATCH_MERGE, patch, &answer, err);
    note_written(reconciler, answer);
    if (status == ZL_OK && suspends && !zl_json_bool(answer, false, "spec", "suspend", NULL) &&
        !atomic_exchange(&reconciler->cannot_suspend, true)) {
        ZL_LOG_INFO("the API server has no spec.suspend for Jobs: they wait by being refused");
    }
    return status == ZL_E_NOT_FOUND ? ZL_OK : status;
}

enum zl_status zl_patch_job(struct zl_reconciler *reconciler, const struct zl_job *job,
                            enum zl_job_action action, struct zl_error *err)
{
    ZL_AUTO_JSON struct cJSON *patch = zl_json_object();
    struct cJSON *annotations = zl_json_child(zl_json_child(patch, "metadata"), "annotations");
    bool suspends = action != ZL_JOB_RESUME && !atomic_load(&reconciler->cannot_suspend);
    if (action == ZL_JOB_QUEUE) {
        char now[ZL_TIME_TEXT_MAX];
        zl_time_format(zl_clock_wall_us(), now);
        zl_json_set_text(annotations, ZL_KEY_QUEUED, now);
    } else if (action == ZL_JOB_RESUME) {
        zl_json_set_null(annotations, ZL_KEY_QUEUED);
        zl_annotate_wake(patch);
    }
    if (suspends || (action == ZL_JOB_RESUME && job->suspended)) {
        zl_json_set_bool(zl_json_child(patch, "spec"), "suspend", suspends);
    }
    enum zl_status status = send(reconciler, job, patch, suspends, err);
    if (status == ZL_OK) {
        ZL_LOG_INFO(action == ZL_JOB_RESUME ? "Job resumed" : "Job queued",
                    ZL_STR("namespace", job->meta.namespace_), ZL_STR("job", job->meta.name));
    }
    return status;
}

enum zl_status zl_wake_job(struct zl_reconciler *reconciler, const struct zl_job *job,
                           struct zl_error *err)
{
    ZL_AUTO_JSON struct cJSON *patch = zl_json_object();
    zl_annotate_wake(patch);
    enum zl_status status = send(reconciler, job, patch, false, err);
    if (status == ZL_OK) {
        zl_count_wake(&ZL_KIND_JOB.resource, &job->meta);
    }
    return status;
}

/* --- removal --- */

/* *TAKEN: the Job RIVAL is there and has TURN's scheduled time, or had it. */
static enum zl_status look_at_rival(struct zl_reconciler *reconciler, const struct zl_turn *turn,
                                    bool *taken, struct zl_error *err)
{
    struct zl_job *rival = NULL;
    if (turn->rival == NULL) {
        return ZL_OK;
    }
    enum zl_status status =
        zl_job_read(reconciler->client, turn->job->meta.namespace_, turn->rival, 0, &rival, err);
    if (rival == NULL) {
        return status;
    }
    bool may_run = !rival->meta.deleting && !zl_job_is_paused(rival);
    *taken = strcmp(rival->meta.uid, turn->job->meta.uid) != 0 &&
             rival->tick_s == turn->job->tick_s && (rival->finished || may_run);
    zl_job_free(rival);
    return ZL_OK;
}

/* *AGREED: by what the API server has now, TURN's Job has no turn and gets none. */
static enum zl_status confirm_removal(struct zl_reconciler *reconciler, const struct zl_pool *pool,
                                      const struct zl_turn *turn, bool *agreed,
                                      struct zl_error *err)
{
    const struct zl_meta *meta = &pool->facts.policy->meta;
    const struct zl_job *job = turn->job;
    const struct zl_kube_target target = {
        .resource = &ZL_KUBE_LEADERPOLICIES, .namespace_ = meta->namespace_, .name = meta->name};
    ZL_AUTO_JSON struct cJSON *object = NULL;
    struct zl_policy *policy = NULL;
    struct zl_lease *lease = NULL;
    enum zl_status status = zl_kube_get(reconciler->client, &target, &object, err);
    if (status == ZL_OK) {
        status = zl_policy_decode(object, &policy, err);
    }
    if (status == ZL_OK) {
        status = zl_lease_read(reconciler->client, meta->namespace_, meta->name, 0, &lease, err);
    }
    if (status == ZL_OK) {
        const struct zl_ticks *ticks = &policy->status.ticks;
        bool its_own = zl_ticks_find(ticks, job->tick_s) != NULL &&
                       zl_ticks_allow(ticks, job->tick_s, job->meta.uid);
        bool has_turn = lease != NULL && zl_same_string(lease->turn_uid, job->meta.uid);
        *agreed = turn->standing == ZL_STANDING_MISSED ||
                  !zl_ticks_allow(ticks, job->tick_s, job->meta.uid);
        if (!*agreed) {
            status = look_at_rival(reconciler, turn, agreed, err);
        }
        *agreed = *agreed && !its_own && !has_turn;
    }
    zl_lease_free(lease);
    zl_policy_free(policy);
    return status;
}

static void tell_of_removal(struct zl_reconciler *reconciler, const struct zl_pool *pool,
                            const struct zl_turn *turn)
{
    const struct zl_controller_ref *owner = &turn->job->meta.controller;
    const char *name = turn->job->meta.name;
    const char *policy = pool->facts.policy->meta.name;
    char tick[ZL_TIME_TEXT_MAX];
    const struct zl_event_object object = {.api_version = owner->api_version,
                                           .kind = owner->kind,
                                           .namespace_ = turn->job->meta.namespace_,
                                           .name = owner->name,
                                           .uid = owner->uid};
    zl_time_format(turn->job->tick_s * INT64_C(1000000), tick);
    if (turn->standing == ZL_STANDING_MISSED) {
        zl_events_emit(reconciler->events, &object, true, "TickMissed",
                       "Job %s of %s was removed: its turn in pool %s did not come within "
                       "startingDeadlineSeconds (%lld)",
                       name, tick, policy, (long long)turn->starting_deadline_s);
    } else if (turn->rival != NULL) {
        zl_events_emit(reconciler->events, &object, false, "TickSkipped",
                       "Job %s of %s was removed: Job %s has that time in pool %s", name, tick,
                       turn->rival, policy);
    } else {
        zl_events_emit(reconciler->events, &object, false, "TickSkipped",
                       "Job %s of %s was removed: so long ago that nobody knows whether that time "
                       "was used up in pool %s",
                       name, tick, policy);
    }
}

enum zl_status zl_remove_job(struct zl_reconciler *reconciler, const struct zl_pool *pool,
                             const struct zl_turn *turn, struct zl_error *err)
{
    const struct zl_meta *meta = &turn->job->meta;
    const char *reason = turn->standing == ZL_STANDING_MISSED ? "missed" : "duplicate";
    bool agreed = false;
    enum zl_status status = confirm_removal(reconciler, pool, turn, &agreed, err);
    if (status != ZL_OK) {
        return status;
    }
    if (!agreed) {
        return zl_error_set(err, ZL_E_CONFLICT, "whether Job %s may run is newer than the cache",
                            meta->name);
    }
    const struct zl_kube_target target = {
        .resource = &ZL_KIND_JOB.resource, .namespace_ = meta->namespace_, .name = meta->name};
    const struct zl_kube_delete_options options = {.uid = meta->uid, .grace_period_s = -1};
    status = zl_kube_delete(reconciler->client, &target, &options, err);
    if (status == ZL_OK) {
        zl_metric_add(&REMOVED, reason, NULL, 1);
        ZL_LOG_INFO("Job removed", ZL_STR("namespace", meta->namespace_), ZL_STR("job", meta->name),
                    ZL_STR("pool", pool->facts.policy->meta.name), ZL_STR("reason", reason));
        tell_of_removal(reconciler, pool, turn);
    }
    return status == ZL_E_NOT_FOUND || status == ZL_E_CONFLICT ? ZL_OK : status;
}
