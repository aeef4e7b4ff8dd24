/* SPDX-License-Identifier: Apache-2.0 */
/*
 * status.c - LeaderPolicy status, written if it differs.
 */
#include "controller/apply/internal.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/objects/definition.h"
#include "controller/observe/definition_note.h"

static void tell_of_role_labels(const struct zl_applying *applying)
{
    const struct zl_policy *policy = applying->view->policy;
    const struct zl_condition *was = &policy->status.conditions[ZL_CONDITION_POD_ROLE_LABELS];
    const struct zl_condition *is =
        &applying->steps->status.conditions[ZL_CONDITION_POD_ROLE_LABELS];
    if (!zl_same_string(was->status, is->status) && zl_same_string(is->status, "False")) {
        const struct zl_step step = {.why = ZL_WHY_LABELS_FORBIDDEN,
                                     .subject = zl_subject_policy(applying->view),
                                     .words.detail = is->message};
        zl_tell(applying->writer, &step);
    }
}

/* Does the API server keep what was written? Said once, and in condition Compatible of each pool. */
static void note_definition(const struct zl_applying *applying, const struct cJSON *patch,
                            const struct cJSON *answer)
{
    ZL_AUTO_FREE char *dropped = zl_definition_dropped(patch, answer);
    if (zl_definition_note_set(applying->writer->definition, patch, dropped)) {
        ZL_AUTO_FREE char *cure = zl_definition_complaint(dropped);
        ZL_LOG_WARN("what is written is not kept", ZL_STR("field", dropped), ZL_STR("cure", cure));
    }
}

enum zl_status zl_apply_status(struct zl_applying *applying, const struct zl_step *step,
                               struct zl_error *err)
{
    (void)step;
    const struct zl_policy *policy = applying->view->policy;
    struct zl_policy_status *status = &applying->steps->status;
    char now[ZL_TIME_TEXT_MAX];
    zl_time_format(applying->view->now_us, now);
    /* The one part that only the steps before this one know. */
    zl_roles_condition(applying->steps->labels,
                       &policy->status.conditions[ZL_CONDITION_POD_ROLE_LABELS], now,
                       &status->conditions[ZL_CONDITION_POD_ROLE_LABELS]);
    if (zl_policy_status_same(&policy->status, status)) {
        return ZL_OK;
    }
    const struct zl_kube_target target = {.resource = &ZL_KUBE_LEADERPOLICIES,
                                          .namespace_ = policy->meta.namespace_,
                                          .name = policy->meta.name,
                                          .subresource = "status",
                                          .shape = ZL_POLICY_SHAPE};
    ZL_AUTO_JSON struct cJSON *answer = NULL;
    ZL_AUTO_JSON struct cJSON *patch = zl_json_object();
    zl_json_set_text(zl_json_child(patch, "metadata"), "resourceVersion",
                     policy->meta.resource_version);
    zl_json_set(patch, "status", zl_policy_status_encode(status));
    enum zl_status written =
        zl_kube_patch(applying->writer->client, &target, ZL_KUBE_PATCH_MERGE, patch, &answer, err);
    if (written == ZL_OK) {
        note_definition(applying, patch, answer);
        tell_of_role_labels(applying);
    }
    return written == ZL_E_NOT_FOUND ? ZL_OK : written; /* the policy was deleted meanwhile */
}
