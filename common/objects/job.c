/* SPDX-License-Identifier: Apache-2.0 */
#include "common/objects/job.h"

#include "common/base/clock.h"
#include "common/base/parse.h"
#include "common/base/since.h"
#include "common/objects/names.h"
#include "common/objects/selectors.h"

#include <string.h>

enum { MINUTE_S = 60 };

/* In a Job's name: minutes do not come near this number of seconds before the year 3871. */
#define SECONDS_FROM INT64_C(1000000000)

static const struct zl_json_shape LABELS[] = {
    {.name = ZL_KEY_POOL}, {.name = ZL_KEY_KUEUE}, {.name = NULL}};
static const struct zl_json_shape ANNOTATIONS[] = {{.name = ZL_KEY_POOL},
                                                   {.name = ZL_KEY_JOIN},
                                                   {.name = ZL_KEY_QUEUED},
                                                   {.name = ZL_KEY_INSTANTIATE},
                                                   {.name = ZL_KEY_SCHEDULED},
                                                   {.name = ZL_KEY_RESUMPTIONS},
                                                   {.name = NULL}};
static const struct zl_json_shape METADATA[] = {{.name = "labels", .members = LABELS},
                                                {.name = "annotations", .members = ANNOTATIONS},
                                                {.members = ZL_META_SHAPE}};
static const struct zl_json_shape TEMPLATE[] = {{.name = "metadata", .members = ZL_POOL_KEYS_SHAPE},
                                                {.name = NULL}};
static const struct zl_json_shape SPEC[] = {{.name = "template", .members = TEMPLATE},
                                            {.name = "suspend"},
                                            {.name = "managedBy"},
                                            {.name = "parallelism"},
                                            {.name = "manualSelector"},
                                            {.name = "selector"},
                                            {.name = NULL}};
static const struct zl_json_shape CONDITION[] = {
    {.name = "type"}, {.name = "status"}, {.name = NULL}};
static const struct zl_json_shape STATUS[] = {
    {.name = "failed"}, {.name = "conditions", .members = CONDITION}, {.name = NULL}};
const struct zl_json_shape ZL_JOB_SHAPE[] = {{.name = "metadata", .members = METADATA},
                                             {.name = "spec", .members = SPEC},
                                             {.name = "status", .members = STATUS},
                                             {.name = NULL}};

static const struct zl_json_shape JOB_SPEC[] = {{.name = "template", .members = TEMPLATE},
                                                {.name = NULL}};
static const struct zl_json_shape JOB_TEMPLATE[] = {
    {.name = "metadata", .members = ZL_POOL_KEYS_SHAPE},
    {.name = "spec", .members = JOB_SPEC},
    {.name = NULL}};
static const struct zl_json_shape CRONJOB_SPEC[] = {
    {.name = "suspend"},
    {.name = "startingDeadlineSeconds"},
    {.name = "jobTemplate", .members = JOB_TEMPLATE},
    {.name = NULL}};
const struct zl_json_shape ZL_CRONJOB_SHAPE[] = {{.name = "metadata", .members = METADATA},
                                                 {.name = "spec", .members = CRONJOB_SPEC},
                                                 {.name = NULL}};

static const struct cJSON *template_of(const struct cJSON *object)
{
    return zl_json_at(object, "spec", "template", "metadata", NULL);
}

static void decode_conditions(const struct cJSON *object, struct zl_job *job)
{
    const struct cJSON *condition = zl_json_first(zl_json_at(object, "status", "conditions", NULL));
    for (; condition != NULL; condition = zl_json_next(condition)) {
        const char *type = zl_json_text(condition, "type", NULL);
        bool holds = zl_same_string(zl_json_text(condition, "status", NULL), "True");
        job->failed = job->failed || (holds && zl_same_string(type, "Failed"));
        job->finished = job->finished || job->failed || (holds && zl_same_string(type, "Complete"));
    }
}

/*
 * The CronJob that it was made from. kubectl create job --from=cronjob/x names it as owner, but not as controller.
 */
static void adopt_cronjob(const struct cJSON *object, struct zl_meta *meta)
{
    const struct cJSON *owner =
        zl_json_first(zl_json_at(object, "metadata", "ownerReferences", NULL));
    for (; owner != NULL && meta->controller.kind == NULL; owner = zl_json_next(owner)) {
        if (zl_same_string(zl_json_text(owner, "kind", NULL), "CronJob")) {
            zl_owner_ref_decode(owner, &meta->controller);
        }
    }
}

/* "<cronjob>-<number>" */
static int64_t tick_from_name(const struct zl_meta *meta)
{
    const char *cronjob = meta->controller.name;
    size_t length = cronjob != NULL ? strlen(cronjob) : 0;
    int64_t number = 0;
    if (length == 0 || strncmp(meta->name, cronjob, length) != 0 || meta->name[length] != '-' ||
        zl_parse_i64(meta->name + length + 1, 1, INT64_MAX / MINUTE_S, &number, NULL) != ZL_OK) {
        return 0;
    }
    return number >= SECONDS_FROM ? number : number * MINUTE_S;
}

static int64_t decode_tick(const struct cJSON *object, const struct zl_meta *meta)
{
    const struct cJSON *annotations = zl_json_at(object, "metadata", "annotations", NULL);
    int64_t scheduled_us = 0;
    /* kubectl create job --from=cronjob/x: somebody wants it now, whatever was scheduled. */
    if (!zl_same_string(meta->controller.kind, "CronJob") ||
        zl_json_text(annotations, ZL_KEY_INSTANTIATE, NULL) != NULL) {
        return 0;
    }
    if (zl_time_parse(zl_json_text(annotations, ZL_KEY_SCHEDULED, NULL), &scheduled_us)) {
        return scheduled_us / 1000000;
    }
    return tick_from_name(meta);
}

/* Who else decides about the Job. */
static void decode_others(const struct cJSON *object, struct zl_job *job)
{
    const struct cJSON *metadata = zl_json_at(object, "metadata", NULL);
    const char *managed_by = zl_json_text(object, "spec", "managedBy", NULL);
    const char *resumptions = zl_json_text(metadata, "annotations", ZL_KEY_RESUMPTIONS, NULL);
    job->elsewhere = managed_by != NULL && strcmp(managed_by, "kubernetes.io/job-controller") != 0;
    job->scheduled = zl_json_text(metadata, "labels", ZL_KEY_KUEUE, NULL) != NULL;
    if (resumptions == NULL ||
        zl_parse_i64(resumptions, 0, INT32_MAX, &job->resumptions, NULL) != ZL_OK) {
        job->resumptions = 0;
    }
}

enum zl_status zl_job_decode(const struct cJSON *object, struct zl_job **out, struct zl_error *err)
{
    struct zl_job *job = zl_alloc(sizeof *job);
    enum zl_status status = zl_meta_decode(object, &job->meta, err);
    if (status != ZL_OK) {
        zl_job_free(job);
        return status;
    }
    const struct cJSON *metadata = zl_json_at(object, "metadata", NULL);
    job->pool = zl_id_remembered(zl_pool_of_object(object));
    job->opted_out = zl_opts_out(metadata, template_of(object));
    job->suspended = zl_json_bool(object, false, "spec", "suspend", NULL);
    job->queued = zl_json_text(metadata, "annotations", ZL_KEY_QUEUED, NULL) != NULL;
    decode_others(object, job);
    job->parallelism = zl_json_i64(object, 1, "spec", "parallelism", NULL);
    job->failures = zl_json_i64(object, 0, "status", "failed", NULL);
    job->tick_s = decode_tick(object, &job->meta);
    adopt_cronjob(object, &job->meta); /* which gave it no tick */
    if (zl_json_bool(object, false, "spec", "manualSelector", NULL)) {
        job->own_selector = zl_selector_text(zl_json_at(object, "spec", "selector", NULL));
    }
    decode_conditions(object, job);
    *out = job;
    return ZL_OK;
}

void zl_job_free(void *object)
{
    struct zl_job *job = object;
    if (job == NULL) {
        return;
    }
    zl_meta_clear(&job->meta);
    free(job->pool);
    free(job->own_selector);
    free(job);
}

const char *zl_pool_of_cronjob(const struct cJSON *object)
{
    const struct cJSON *metadata = zl_json_at(object, "metadata", NULL);
    const struct cJSON *job = zl_json_at(object, "spec", "jobTemplate", "metadata", NULL);
    const struct cJSON *pod =
        zl_json_at(object, "spec", "jobTemplate", "spec", "template", "metadata", NULL);
    if (zl_opts_out(job, pod)) {
        return NULL;
    }
    const char *pool = zl_pool_of(metadata, pod);
    return pool != NULL || zl_opts_out(metadata, pod) ? pool : zl_pool_of(job, pod);
}

enum zl_status zl_cronjob_decode(const struct cJSON *object, struct zl_cronjob **out,
                                 struct zl_error *err)
{
    struct zl_cronjob *cronjob = zl_alloc(sizeof *cronjob);
    enum zl_status status = zl_meta_decode(object, &cronjob->meta, err);
    if (status != ZL_OK) {
        zl_cronjob_free(cronjob);
        return status;
    }
    cronjob->pool = zl_id_remembered(zl_pool_of_cronjob(object));
    cronjob->suspended = zl_json_bool(object, false, "spec", "suspend", NULL);
    cronjob->starting_deadline_s = zl_json_i64(object, -1, "spec", "startingDeadlineSeconds", NULL);
    *out = cronjob;
    return ZL_OK;
}

void zl_cronjob_free(void *object)
{
    struct zl_cronjob *cronjob = object;
    if (cronjob == NULL) {
        return;
    }
    zl_meta_clear(&cronjob->meta);
    free(cronjob->pool);
    free(cronjob);
}
