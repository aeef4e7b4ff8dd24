/* SPDX-License-Identifier: Apache-2.0 */
/*
 * job.c - its pods wait for its turn. It joins the pool that its own keys name, else its CronJob's.
 */
#include "common/objects/job.h"
#include "common/kinds/kind.h"

#include <assert.h>
#include <stddef.h>

static_assert(offsetof(struct zl_job, meta) == 0, "zl_meta first");

static enum zl_status decode(const struct zl_kind *kind, const struct cJSON *object, void **out,
                             struct zl_error *err)
{
    struct zl_job *job = NULL;
    enum zl_status status = zl_job_decode(object, &job, err);
    (void)kind;
    *out = job;
    return status;
}

static const char *pool(const void *object)
{
    return ((const struct zl_job *)object)->pool;
}

static bool asks_cronjob(const void *object)
{
    const struct zl_job *job = object;
    const struct zl_controller_ref *owner = &job->meta.controller;
    return job->pool == NULL && !job->opted_out && zl_kind_is(&ZL_KIND_CRONJOB, owner) &&
           owner->name != NULL && owner->uid != NULL;
}

/* It is followed until it is let go, in whatever pool it is. */
static bool is_queued(const void *object)
{
    return ((const struct zl_job *)object)->queued;
}

const struct zl_kind ZL_KIND_JOB = {
    .index = ZL_KIND_INDEX_JOB,
    .name = "Job",
    .resource = {"batch", "v1", "jobs", "Job", false},
    .api_version = "batch/v1",
    .pod_template = "spec.template",
    .shape = ZL_JOB_SHAPE,
    .decode = decode,
    .free_object = zl_job_free,
    .pool_in_json = zl_pool_of_object,
    .pool = pool,
    .maker = &ZL_KIND_CRONJOB,
    .asks_maker = asks_cronjob,
    .is_marked = is_queued,
    .takes_turns = true,
    .woken = &ZL_KIND_JOB.resource,
};
