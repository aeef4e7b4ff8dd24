/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role.h - which role the label zen-lead/role gives each pod of a pool whose LeaderPolicy asks for it
 * (podRoleLabel: true).
 *
 * The label follows the Lease: it is written after everything that a failover waits for, so a reader who must
 * not err reads the Lease. For a moment two pods may say leader, or none.
 *
 * Threads: pure.
 */
#ifndef ZL_CONTROLLER_LEADER_ROLE_H
#define ZL_CONTROLLER_LEADER_ROLE_H

#include "controller/leader/plan.h"

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
    ZL_ROLE_LABELS_UNKNOWN,   /* a write failed for another reason, and will be tried again */
};

/* Is there anything to do for FACTS' pool: are labels wanted, or were they? */
bool zl_roles_matter(const struct zl_pool_facts *facts);
enum zl_role zl_role_of(const struct zl_member *member, const struct zl_pool_facts *facts);
/* Does POD say ROLE already? With NONE: it says neither of the two. */
bool zl_role_is_written(const struct zl_pod *pod, enum zl_role role);
/* The label's value; NULL for NONE. */
const char *zl_role_name(enum zl_role role);
/* Condition PodRoleLabels, empty before; dated by BEFORE. Stays empty with OFF. */
void zl_roles_condition(enum zl_role_labels labels, const struct zl_condition *before,
                        const char *now, struct zl_condition *out);

#endif
