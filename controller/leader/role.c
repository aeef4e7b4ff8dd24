/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/leader/role.h"

bool zl_roles_matter(const struct zl_view *view)
{
    return view->policy->role_label ||
           view->policy->status.conditions[ZL_CONDITION_POD_ROLE_LABELS].status != NULL;
}

enum zl_role zl_role_of(const struct zl_member *member, const struct zl_view *view)
{
    if (!view->policy->role_label) {
        return ZL_ROLE_NONE;
    }
    if (zl_lease_is_held(view->lease)) {
        bool leads =
            !view->lease->provisional && zl_lease_is_held_by(view->lease, member->pod->meta.uid);
        return leads ? ZL_ROLE_LEADER : ZL_ROLE_FOLLOWER;
    }
    /* The pod of a pool that wants one: nobody elects, and traffic goes to it. */
    bool alone = !view->elects_all && !member->gatekept && !member->pod->meta.deleting;
    return alone ? ZL_ROLE_LEADER : ZL_ROLE_FOLLOWER;
}

void zl_plan_roles(struct zl_steps *steps)
{
    const struct zl_view *view = &steps->after;
    if (!zl_roles_matter(view)) {
        return;
    }
    steps->labels = view->policy->role_label ? ZL_ROLE_LABELS_WRITTEN : ZL_ROLE_LABELS_OFF;
    /* Who leads no more first: two that say so are worse than none. */
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < view->member_count; i++) {
            const struct zl_pod *pod = view->members[i].pod;
            enum zl_role role = zl_role_of(&view->members[i], view);
            if ((role == ZL_ROLE_LEADER) == (pass == 1) && !zl_role_is_written(pod, role)) {
                const struct zl_step step = {.kind = ZL_STEP_LABEL_POD,
                                             .why = ZL_WHY_ROLE,
                                             .of.label = {.pod = pod, .role = role}};
                zl_steps_add(steps, &step);
            }
        }
    }
}
