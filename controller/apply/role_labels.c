/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role_labels.c - write the label zen-lead/role on the pods of a pool. The one place that patches pods, and
 * only for a LeaderPolicy that asks for it; see role.h.
 */
#include "controller/leader/role.h"
#include "controller/reconcile/reconciler.h"

#include "common/base/log.h"
#include "common/objects/names.h"

enum { LOOK_AGAIN_MS = 30000 };

/* A compare-and-swap: the pod of that name may be another one by now. */
static enum zl_status write_role(struct zl_reconciler *reconciler, const struct zl_pod *pod,
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
    enum zl_status status =
        zl_kube_patch(reconciler->client, &target, ZL_KUBE_PATCH_MERGE, patch, NULL, err);
    if (status == ZL_E_NOT_FOUND) {
        return ZL_OK;
    }
    if (status == ZL_OK) {
        ZL_LOG_INFO("pod labelled with its role", ZL_STR("namespace", pod->meta.namespace_),
                    ZL_STR("pod", pod->meta.name), ZL_STR("role", zl_role_name(role)));
    }
    return status;
}

/* Once: the condition, which stands from now on, names the cure; the API server's words are here. */
static void tell_of_denial(const struct zl_policy *policy, const struct zl_error *err)
{
    const struct zl_condition *before = &policy->status.conditions[ZL_CONDITION_POD_ROLE_LABELS];
    if (!zl_same_string(before->status, "False")) {
        ZL_LOG_WARN("pods cannot be labelled with their roles",
                    ZL_STR("namespace", policy->meta.namespace_), ZL_STR("pool", policy->meta.name),
                    ZL_ERR(err));
    }
}

enum zl_status zl_label_roles(struct zl_reconciler *reconciler, struct zl_pool *pool,
                              struct zl_result *result, struct zl_error *err)
{
    const struct zl_pool_facts *facts = &pool->facts;
    pool->role_labels = ZL_ROLE_LABELS_OFF;
    if (!zl_roles_matter(facts)) {
        return ZL_OK;
    }
    enum zl_status status = ZL_OK;
    /* Who leads no more first: two that say so are worse than none. */
    for (int pass = 0; pass < 2 && status == ZL_OK; pass++) {
        for (size_t i = 0; i < facts->member_count && status == ZL_OK; i++) {
            const struct zl_pod *pod = facts->members[i].pod;
            enum zl_role role = zl_role_of(&facts->members[i], facts);
            if ((role == ZL_ROLE_LEADER) == (pass == 1) && !zl_role_is_written(pod, role)) {
                status = write_role(reconciler, pod, role, err);
            }
        }
    }
    if (status == ZL_OK) {
        pool->role_labels = facts->policy->role_label ? ZL_ROLE_LABELS_WRITTEN : ZL_ROLE_LABELS_OFF;
    } else if (status == ZL_E_DENIED) {
        tell_of_denial(facts->policy, err);
        pool->role_labels = ZL_ROLE_LABELS_FORBIDDEN;
        if (result->requeue_after_ms == 0 || result->requeue_after_ms > LOOK_AGAIN_MS) {
            result->requeue_after_ms = LOOK_AGAIN_MS; /* no event tells of a new role binding */
        }
        return ZL_OK;
    } else {
        pool->role_labels = ZL_ROLE_LABELS_UNKNOWN;
    }
    return status;
}
