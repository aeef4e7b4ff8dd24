/* SPDX-License-Identifier: Apache-2.0 */
/*
 * job.c - what happens to one Job of a guarded pool.
 */
#include "controller/apply/internal.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/objects/names.h"

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

void zl_count_turn(const struct zl_jobs_view *jobs, const struct zl_lease *before,
                   const struct zl_lease *after)
{
    if (before == NULL || before->turn_uid == NULL ||
        zl_same_string(before->turn_uid, after->turn_uid)) {
        return;
    }
    const struct zl_turn *turn = zl_turns_find(jobs->turns, jobs->turn_count, before->turn_uid);
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

static void note_written(const struct zl_writer *writer, const struct zl_job *job,
                         const struct cJSON *answer)
{
    uint64_t version =
        zl_resource_version_number(zl_json_text(answer, "metadata", "resourceVersion", NULL));
    if (version > 0) {
        zl_job_notes_wrote(writer->job_notes, job->meta.namespace_, version);
    }
}

/* Also remembers whether the server knows spec.suspend (1.22 and later): before, it drops the field. */
static enum zl_status send(const struct zl_writer *writer, const struct zl_job *job,
                           struct cJSON *patch, bool suspends, struct zl_error *err)
{
    ZL_AUTO_JSON struct cJSON *answer = NULL;
    const struct zl_kube_target target = {.resource = &ZL_KIND_JOB.resource,
                                          .namespace_ = job->meta.namespace_,
                                          .name = job->meta.name,
                                          .shape = ZL_JOB_SHAPE};
    /* Another Job under this name is refused: a uid cannot be changed. */
    zl_json_set_text(zl_json_child(patch, "metadata"), "uid", job->meta.uid);
    enum zl_status status =
        zl_kube_patch(writer->client, &target, ZL_KUBE_PATCH_MERGE, patch, &answer, err);
    note_written(writer, job, answer);
    if (status == ZL_OK && suspends && !zl_json_bool(answer, false, "spec", "suspend", NULL) &&
        !atomic_exchange(&writer->job_notes->cannot_suspend, true)) {
        ZL_LOG_INFO("the API server has no spec.suspend for Jobs: they wait by being refused");
    }
    return status == ZL_E_NOT_FOUND ? ZL_OK : status;
}

static void log_patch(const struct zl_step *step, const struct zl_job *job)
{
    ZL_LOG_INFO(zl_reason_of(step->why)->log, ZL_STR("namespace", job->meta.namespace_),
                ZL_STR("job", job->meta.name));
}

/* It waits no more, and is woken as well. */
enum zl_status zl_apply_resume(struct zl_applying *applying, const struct zl_step *step,
                               struct zl_error *err)
{
    const struct zl_job *job = step->of.job;
    ZL_AUTO_JSON struct cJSON *patch = zl_json_object();
    struct cJSON *annotations = zl_json_child(zl_json_child(patch, "metadata"), "annotations");
    zl_json_set_null(annotations, ZL_KEY_QUEUED);
    zl_json_set_null(annotations, ZL_KEY_RESUMPTIONS);
    zl_annotate_wake(patch);
    /* The cache may not show yet that we suspended it a moment ago: with the mark gone nobody would resume it. */
    bool can_suspend = !atomic_load(&applying->writer->job_notes->cannot_suspend);
    if (!job->scheduled && (job->suspended || can_suspend)) {
        zl_json_set_bool(zl_json_child(patch, "spec"), "suspend", false);
    }
    enum zl_status status = send(applying->writer, job, patch, false, err);
    if (status == ZL_OK) {
        log_patch(step, job);
    }
    return status;
}

/* QUEUE_JOB: it is told that it waits, and suspended where the server can; SUSPEND_JOB: that alone. */
enum zl_status zl_apply_wait(struct zl_applying *applying, const struct zl_step *step,
                             struct zl_error *err)
{
    const struct zl_job *job = step->of.turn->job;
    bool suspends = !atomic_load(&applying->writer->job_notes->cannot_suspend) &&
                    zl_job_is_ours_to_suspend(job);
    ZL_AUTO_JSON struct cJSON *patch = zl_json_object();
    struct cJSON *annotations = zl_json_child(zl_json_child(patch, "metadata"), "annotations");
    if (step->kind == ZL_STEP_QUEUE_JOB) {
        char now[ZL_TIME_TEXT_MAX];
        zl_time_format(zl_clock_wall_us(), now);
        zl_json_set_text(annotations, ZL_KEY_QUEUED, now);
    } else {
        ZL_AUTO_FREE char *times = zl_asprintf("%lld", (long long)job->resumptions + 1);
        zl_json_set_text(annotations, ZL_KEY_RESUMPTIONS, times);
    }
    if (suspends) {
        zl_json_set_bool(zl_json_child(patch, "spec"), "suspend", true);
    }
    enum zl_status status = send(applying->writer, job, patch, suspends, err);
    if (status == ZL_OK) {
        log_patch(step, job);
        zl_tell(applying->writer, step);
    }
    return status;
}

enum zl_status zl_wake_job(const struct zl_writer *writer, const struct zl_job *job,
                           struct zl_error *err)
{
    ZL_AUTO_JSON struct cJSON *patch = zl_json_object();
    zl_annotate_wake(patch);
    enum zl_status status = send(writer, job, patch, false, err);
    if (status == ZL_OK) {
        zl_count_wake(&ZL_KIND_JOB.resource, &job->meta);
    }
    return status;
}

/* --- removal --- */

enum zl_status zl_apply_delete_job(struct zl_applying *applying, const struct zl_step *step,
                                   struct zl_error *err)
{
    const struct zl_meta *meta = &step->of.turn->job->meta;
    const struct zl_reason *reason = zl_reason_of(step->why);
    bool deleted = false;
    enum zl_status status =
        zl_delete_object(applying->writer, &ZL_KIND_JOB.resource, meta, &deleted, err);
    if (deleted) {
        zl_metric_add(&REMOVED, reason->label, NULL, 1);
        ZL_LOG_INFO(reason->log, ZL_STR("namespace", meta->namespace_), ZL_STR("job", meta->name),
                    ZL_STR("pool", applying->view->name), ZL_STR("reason", reason->label));
        zl_tell(applying->writer, step);
    }
    return status;
}
