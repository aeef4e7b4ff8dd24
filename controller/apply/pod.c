/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pod.c - pods that go, and the label zen-lead/role. The one place that patches pods, and only for a
 * LeaderPolicy that asks for it.
 */
#include "controller/apply/internal.h"

#include "common/base/log.h"
#include "common/objects/names.h"

#include <string.h>

enum { LOOK_AGAIN_MS = 30000 };

const struct zl_metric ZL_SURPLUS_DELETED = {
    .name = "zen_lead_surplus_pods_deleted_total",
    .type = ZL_METRIC_COUNTER,
    .help = "Pods of a scaleDown pool that ran beside its leader and were deleted.",
};

enum zl_status zl_apply_delete_pod(struct zl_applying *applying, const struct zl_step *step,
                                   struct zl_error *err)
{
    const struct zl_meta *pod = &step->of.pod->meta;
    bool deleted = false;
    enum zl_status status = zl_delete_object(applying->writer, &ZL_KUBE_PODS, pod, &deleted, err);
    if (status != ZL_OK || !deleted) {
        return status;
    }
    bool surplus = step->why == ZL_WHY_SURPLUS || step->why == ZL_WHY_SURPLUS_OF_JOB ||
                   step->why == ZL_WHY_DEPOSED;
    if (surplus) {
        zl_metric_add(&ZL_SURPLUS_DELETED, NULL, NULL, 1);
    }
    const struct zl_lease *lease = applying->view->lease;
    ZL_LOG_INFO(zl_reason_of(step->why)->log, ZL_STR("namespace", pod->namespace_),
                ZL_STR("pod", pod->name), ZL_STR("pool", applying->view->name),
                ZL_STR("leader", lease->holder_pod));
    zl_tell(applying->writer, step);
    return ZL_OK;
}

/* --- the label --- */

/* A compare-and-swap: the pod of that name may be another one by now. */
static enum zl_status write_role(const struct zl_writer *writer, const struct zl_pod *pod,
                                 enum zl_role role, struct zl_error *err)
{
    const struct zl_kube_target target = {
        .resource = &ZL_KUBE_PODS, .namespace_ = pod->meta.namespace_, .name = pod->meta.name};
    ZL_AUTO_JSON struct cJSON *patch = zl_json_object();
    struct cJSON *metadata = zl_json_child(patch, "metadata");
    struct cJSON *labels = zl_json_child(metadata, "labels");

    zl_json_set_text(metadata, "resourceVersion", pod->meta.resource_version);
    if (role == ZL_ROLE_NONE) {
        zl_json_set_null(labels, ZL_KEY_ROLE);
    } else {
        zl_json_set_text(labels, ZL_KEY_ROLE, zl_role_name(role));
    }
    return zl_kube_patch(writer->client, &target, ZL_KUBE_PATCH_MERGE, patch, NULL, err);
}

/* Once: the condition, which stands from now on, names the cure; the API server's words are here. */
static void log_denial(const struct zl_policy *policy, const struct zl_error *err)
{
    const struct zl_condition *before = &policy->status.conditions[ZL_CONDITION_POD_ROLE_LABELS];
    if (!zl_same_string(before->status, "False")) {
        ZL_LOG_WARN(zl_reason_of(ZL_WHY_LABELS_FORBIDDEN)->log,
                    ZL_STR("namespace", policy->meta.namespace_), ZL_STR("pool", policy->meta.name),
                    ZL_ERR(err));
    }
}

/* 403 is said by RBAC and by whoever judges the request after it. RBAC alone names the verb. */
static bool is_missing_right(const struct zl_error *err)
{
    return strstr(err->message, " cannot patch resource ") != NULL;
}

enum zl_status zl_apply_label(struct zl_applying *applying, const struct zl_step *step,
                              struct zl_error *err)
{
    const struct zl_pod *pod = step->of.label.pod;
    enum zl_role role = step->of.label.role;
    enum zl_status status = write_role(applying->writer, pod, role, err);
    if (status == ZL_OK) {
        ZL_LOG_INFO(zl_reason_of(step->why)->log, ZL_STR("namespace", pod->meta.namespace_),
                    ZL_STR("pod", pod->meta.name), ZL_STR("role", zl_role_name(role)));
    }
    if (status == ZL_OK || status == ZL_E_NOT_FOUND) {
        return ZL_OK;
    }
    if (status != ZL_E_DENIED) {
        applying->steps->labels = ZL_ROLE_LABELS_UNKNOWN;
        return status;
    }
    /* No failure, but the other labels have to wait as after one. */
    log_denial(applying->view->policy, err);
    applying->failed |= ZL_STEP_BIT(ZL_STEP_LABEL_POD);
    applying->steps->labels =
        is_missing_right(err) ? ZL_ROLE_LABELS_FORBIDDEN : ZL_ROLE_LABELS_REFUSED;
    zl_steps_look_again(applying->steps, LOOK_AGAIN_MS); /* no event tells of a new role binding */
    return ZL_OK;
}
