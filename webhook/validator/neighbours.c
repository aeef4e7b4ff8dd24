/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/validator/neighbours.h"

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/objects/budget.h"
#include "common/objects/labels.h"

#include <string.h>

enum { TASK_MAX_BYTES = 65536 };

static const struct zl_json_shape CONTAINER[] = {
    {.name = "image"}, {.name = "command"}, {.name = "args"}, {.name = NULL}};
static const struct zl_json_shape POD_SPEC[] = {{.name = "containers", .members = CONTAINER},
                                                {.name = NULL}};
static const struct zl_json_shape POD[] = {{.name = "metadata", .members = ZL_POOL_KEYS_SHAPE},
                                           {.name = "spec", .members = POD_SPEC},
                                           {.name = NULL}};
static const struct zl_json_shape JOB_SPEC[] = {{.name = "template", .members = POD},
                                                {.name = NULL}};
static const struct zl_json_shape JOB[] = {{.name = "metadata", .members = ZL_POOL_KEYS_SHAPE},
                                           {.name = "spec", .members = JOB_SPEC},
                                           {.name = NULL}};
static const struct zl_json_shape SPEC[] = {{.name = "jobTemplate", .members = JOB},
                                            {.name = NULL}};
static const struct zl_json_shape METADATA[] = {{.name = "name"}, {.members = ZL_POOL_KEYS_SHAPE}};
static const struct zl_json_shape CRONJOB[] = {
    {.name = "metadata", .members = METADATA}, {.name = "spec", .members = SPEC}, {.name = NULL}};

/* What the parts look for, and say. */
struct looking {
    const struct zl_kind *kind;
    const struct cJSON *object;
    const char *name, *pool;
    int64_t replicas;
    char *labels; /* of its pods, packed */
    char *task;   /* of a CronJob */
    struct zl_findings *findings;
    bool said; /* one of a sort is enough */
    int64_t deadline_ms;
};

/* --- other people's objects --- */

static enum zl_status judge_budget(void *ctx, const struct cJSON *object, struct zl_error *err)
{
    struct looking *looking = ctx;
    (void)err;
    if (!looking->said && zl_budget_forbids(object, looking->labels, looking->replicas)) {
        ZL_AUTO_FREE char *text =
            zl_budget_complaint(object, looking->kind->name, looking->name, looking->replicas);
        zl_findings_warn(looking->findings, "spec.replicas", "%s", text);
        looking->said = true;
    }
    return ZL_OK;
}

static enum zl_status judge_autoscaler(void *ctx, const struct cJSON *object, struct zl_error *err)
{
    struct looking *looking = ctx;
    (void)err;
    if (!looking->said && zl_autoscaler_scales(object, looking->kind->name, looking->name)) {
        ZL_AUTO_FREE char *text =
            zl_autoscaler_complaint(object, looking->kind->name, looking->name);
        zl_findings_warn(looking->findings, "spec.replicas", "%s", text);
        looking->said = true;
    }
    return ZL_OK;
}

static void add_list(const struct cJSON *list, struct zl_buf *out)
{
    for (const struct cJSON *item = zl_json_first(list); item != NULL; item = zl_json_next(item)) {
        (void)zl_buf_printf(out, " %s", zl_json_value_text(item));
    }
}

char *zl_task_of_cronjob(const struct cJSON *cronjob)
{
    const struct cJSON *pod = zl_json_at(cronjob, "spec", "jobTemplate", "spec", "template", NULL);
    const struct cJSON *container = zl_json_first(zl_json_at(pod, "spec", "containers", NULL));
    struct zl_buf task;
    zl_buf_init(&task, TASK_MAX_BYTES);
    for (; container != NULL; container = zl_json_next(container)) {
        const char *image = zl_json_text(container, "image", NULL);
        (void)zl_buf_printf(&task, "%s:", image != NULL ? image : "");
        add_list(zl_json_at(container, "command", NULL), &task);
        (void)zl_buf_add_text(&task, ";");
        add_list(zl_json_at(container, "args", NULL), &task);
        (void)zl_buf_add_text(&task, "\n");
    }
    return zl_buf_take(&task);
}

static enum zl_status judge_cronjob(void *ctx, const struct cJSON *object, struct zl_error *err)
{
    struct looking *looking = ctx;
    const char *name = zl_json_text(object, "metadata", "name", NULL);
    ZL_AUTO_FREE char *task = zl_task_of_cronjob(object);
    (void)err;
    if (!looking->said && !zl_same_string(name, looking->name) &&
        zl_same_string(looking->kind->pool_in_json(object), looking->pool) &&
        strcmp(task, looking->task) != 0) {
        zl_findings_warn(
            looking->findings, "spec.jobTemplate",
            "CronJob \"" ZL_SHOWN "\" of pool \"" ZL_SHOWN "\" runs something else, and "
            "of each scheduled time only one Job of the pool runs: its others are dropped; "
            "set spec.ticks: Each in the LeaderPolicy for different tasks that must not "
            "overlap",
            name, looking->pool);
        looking->said = true;
    }
    return ZL_OK;
}

/* The first of the VERSIONS (NULL ends them) that the server has. */
static void
look_at(const struct zl_gatekeeper *gatekeeper, const char *namespace_,
        const struct zl_kube_resource *const *versions, const struct zl_json_shape *shape,
        enum zl_status (*judge)(void *ctx, const struct cJSON *object, struct zl_error *err),
        struct looking *looking)
{
    const struct zl_kube_selector all = {0};
    struct zl_error err = {0};
    enum zl_status status = ZL_E_NOT_FOUND;
    looking->said = false;
    for (; *versions != NULL && status == ZL_E_NOT_FOUND; versions++) {
        const struct zl_kube_target target = {.resource = *versions,
                                              .namespace_ = namespace_,
                                              .deadline_ms = looking->deadline_ms,
                                              .shape = shape};
        status = zl_kube_list(gatekeeper->client, &target, &all, judge, looking, NULL, &err);
    }
}

static void look_beside_pods(const struct zl_gatekeeper *gatekeeper, const struct zl_review *review,
                             struct looking *looking)
{
    static const struct zl_kube_resource *const budgets[] = {&ZL_KUBE_BUDGETS,
                                                             &ZL_KUBE_BUDGETS_V1BETA1, NULL};
    static const struct zl_kube_resource *const autoscalers[] = {&ZL_KUBE_AUTOSCALERS, NULL};
    const struct cJSON *template = zl_json_at_path(looking->object, looking->kind->pod_template);
    looking->labels = zl_labels_pack(zl_json_at(template, "metadata", "labels", NULL));
    look_at(gatekeeper, review->namespace_, budgets, ZL_BUDGET_SHAPE, judge_budget, looking);
    look_at(gatekeeper, review->namespace_, autoscalers, ZL_AUTOSCALER_SHAPE, judge_autoscaler,
            looking);
    free(looking->labels);
}

static void look_beside_cronjob(const struct zl_gatekeeper *gatekeeper,
                                const struct zl_review *review, struct looking *looking)
{
    const struct zl_kube_resource *const cronjobs[] = {&looking->kind->resource,
                                                       looking->kind->alternative, NULL};
    looking->task = zl_task_of_cronjob(looking->object);
    look_at(gatekeeper, review->namespace_, cronjobs, CRONJOB, judge_cronjob, looking);
    free(looking->task);
}

void zl_warn_of_neighbours(const struct zl_gatekeeper *gatekeeper, const struct zl_review *review,
                           const struct zl_kind *kind, const struct zl_policy *policy,
                           struct zl_findings *findings)
{
    struct looking looking = {.kind = kind,
                              .object = review->object,
                              .name = zl_json_text(review->object, "metadata", "name", NULL),
                              .pool = policy->meta.name,
                              .replicas = zl_json_i64(review->object, 1, "spec", "replicas", NULL),
                              .findings = findings,
                              .deadline_ms = zl_clock_ms() + ZL_NEIGHBOURS_MS};
    zl_warn_of_volumes(kind, review->object, policy, findings);
    if (looking.name == NULL || policy->standby) {
        return;
    }
    if (kind->wanted != NULL && looking.replicas > 1) {
        look_beside_pods(gatekeeper, review, &looking);
    } else if (kind == &ZL_KIND_CRONJOB && !policy->each_tick) {
        look_beside_cronjob(gatekeeper, review, &looking);
    }
}
