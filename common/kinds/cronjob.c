/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cronjob.c - makes Jobs, which take turns in its pool unless their own keys say otherwise.
 */
#include "common/kinds/kind.h"
#include "common/objects/job.h"

#include <assert.h>
#include <stddef.h>

static_assert(offsetof(struct zl_cronjob, meta) == 0, "zl_meta first");

/* Before Kubernetes 1.21. */
static const struct zl_kube_resource V1BETA1 = {"batch", "v1beta1", "cronjobs", "CronJob", false};

static enum zl_status decode(const struct zl_kind *kind, const struct cJSON *object, void **out,
                             struct zl_error *err)
{
    struct zl_cronjob *cronjob = NULL;
    enum zl_status status = zl_cronjob_decode(object, &cronjob, err);
    (void)kind;
    *out = cronjob;
    return status;
}

static const char *pool(const void *object)
{
    return ((const struct zl_cronjob *)object)->pool;
}

const struct zl_kind ZL_KIND_CRONJOB = {
    .index = ZL_KIND_INDEX_CRONJOB,
    .name = "CronJob",
    .abbreviation = "cj",
    .resource = {"batch", "v1", "cronjobs", "CronJob", false},
    .alternative = &V1BETA1,
    .api_version = "batch/v1",
    .pod_template = "spec.jobTemplate.spec.template",
    .job_template = "spec.jobTemplate",
    .shape = ZL_CRONJOB_SHAPE,
    .decode = decode,
    .free_object = zl_cronjob_free,
    .pool_in_json = zl_pool_of_cronjob,
    .pool = pool,
    .takes_turns = true,
};
