/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/apply/role_label.h"

#include "common/objects/labels.h"
#include "common/objects/names.h"

/* As in labels.h: the literal's own NUL is the second one. */
#define LEADER_LABEL ZL_KEY_ROLE "=" ZL_ROLE_NAME_LEADER "\0"
#define FOLLOWER_LABEL ZL_KEY_ROLE "=" ZL_ROLE_NAME_FOLLOWER "\0"

bool zl_role_is_written(const struct zl_pod *pod, enum zl_role role)
{
    bool leader = zl_labels_match(pod->labels, LEADER_LABEL);
    bool follower = zl_labels_match(pod->labels, FOLLOWER_LABEL);
    switch (role) {
    case ZL_ROLE_LEADER:
        return leader;
    case ZL_ROLE_FOLLOWER:
        return follower;
    case ZL_ROLE_NONE:
        break;
    }
    return !leader && !follower;
}

const char *zl_role_name(enum zl_role role)
{
    switch (role) {
    case ZL_ROLE_LEADER:
        return ZL_ROLE_NAME_LEADER;
    case ZL_ROLE_FOLLOWER:
        return ZL_ROLE_NAME_FOLLOWER;
    case ZL_ROLE_NONE:
        break;
    }
    return NULL;
}

void zl_roles_condition(enum zl_role_labels labels, const struct zl_condition *before,
                        const char *now, struct zl_condition *out)
{
    switch (labels) {
    case ZL_ROLE_LABELS_OFF:
        return;
    case ZL_ROLE_LABELS_UNKNOWN:
        if (before->status != NULL) {
            zl_condition_copy(out, before);
        }
        return;
    case ZL_ROLE_LABELS_WRITTEN:
        zl_condition_set(out, true, "Labelled",
                         "every pod of the pool carries its role in the label " ZL_KEY_ROLE);
        break;
    case ZL_ROLE_LABELS_REFUSED:
        zl_condition_set(
            out, false, "Refused",
            "an admission webhook or policy of the cluster refuses the label " ZL_KEY_ROLE
            ", so it is not kept: let the controller patch that label of pods, or set "
            "spec.podRoleLabel: false; the controller's log has its words");
        break;
    case ZL_ROLE_LABELS_FORBIDDEN:
        zl_condition_set(out, false, "Forbidden",
                         "the controller may not patch pods, so the label " ZL_KEY_ROLE
                         " is not kept: apply manifests/pod-role-label, or set "
                         "spec.podRoleLabel: false and take the label off by hand");
        break;
    }
    zl_condition_date(out, before, now);
}
