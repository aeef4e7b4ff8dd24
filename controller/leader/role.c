/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/leader/role.h"

#include "common/objects/labels.h"
#include "common/objects/names.h"

/* As in labels.h: the literal's own NUL is the second one. */
#define LEADER_LABEL ZL_KEY_ROLE "=" ZL_ROLE_NAME_LEADER "\0"
#define FOLLOWER_LABEL ZL_KEY_ROLE "=" ZL_ROLE_NAME_FOLLOWER "\0"

bool zl_roles_matter(const struct zl_pool_facts *facts)
{
    return facts->policy->role_label ||
           facts->policy->status.conditions[ZL_CONDITION_POD_ROLE_LABELS].status != NULL;
}

enum zl_role zl_role_of(const struct zl_member *member, const struct zl_pool_facts *facts)
{
    if (!facts->policy->role_label) {
        return ZL_ROLE_NONE;
    }
    if (zl_lease_is_held(facts->lease)) {
        bool leads =
            !facts->lease->provisional && zl_lease_is_held_by(facts->lease, member->pod->meta.uid);
        return leads ? ZL_ROLE_LEADER : ZL_ROLE_FOLLOWER;
    }
    /* The pod of a workload that wants one: nobody elects, and traffic goes to it. */
    bool alone = !facts->policy->standby && !member->gatekept && !member->pod->meta.deleting;
    return alone ? ZL_ROLE_LEADER : ZL_ROLE_FOLLOWER;
}

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
    case ZL_ROLE_LABELS_FORBIDDEN:
        zl_condition_set(out, false, "Forbidden",
                         "the controller may not patch pods, so the label " ZL_KEY_ROLE
                         " is not kept: apply manifests/pod-role-label, or set "
                         "spec.podRoleLabel: false and take the label off by hand");
        break;
    }
    zl_condition_date(out, before, now);
}
