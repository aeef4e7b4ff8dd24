/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role_label.h - the label zen-lead/role on the pods of a pool whose LeaderPolicy asks for it (podRoleLabel: true): its
 * values, and the condition that says how the pods stand with it. Who gets which: leader/role.h.
 *
 * Threads: pure.
 */
#ifndef ZL_CONTROLLER_APPLY_ROLE_LABEL_H
#define ZL_CONTROLLER_APPLY_ROLE_LABEL_H

#include "common/objects/policy.h"

enum zl_role {
    ZL_ROLE_NONE, /* the label is to be taken off */
    ZL_ROLE_LEADER,
    ZL_ROLE_FOLLOWER,
};

/*
 * How a pool's pods stand with their labels. What was written is remembered by the condition in LeaderPolicy
 * status: without it, a label of that name is somebody else's.
 */
enum zl_role_labels {
    ZL_ROLE_LABELS_OFF,       /* not wanted, and none of ours is left */
    ZL_ROLE_LABELS_WRITTEN,   /* every pod carries its role */
    ZL_ROLE_LABELS_FORBIDDEN, /* we may not patch pods */
    ZL_ROLE_LABELS_REFUSED,   /* we may, but somebody's admission policy refuses it */
    ZL_ROLE_LABELS_UNKNOWN,   /* a write failed for another reason, and will be tried again */
};

/* Does POD say ROLE already? With NONE: it says neither of the two. */
bool zl_role_is_written(const struct zl_pod *pod, enum zl_role role);
/* The label's value; NULL for NONE. */
const char *zl_role_name(enum zl_role role);
/* Condition PodRoleLabels, empty before; dated by BEFORE. Stays empty with OFF. */
void zl_roles_condition(enum zl_role_labels labels, const struct zl_condition *before,
                        const char *now, struct zl_condition *out);

#endif
