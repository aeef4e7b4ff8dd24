/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role.h - which role the label zen-lead/role gives each pod of a pool.
 *
 * The label follows the Lease: it is written after everything that a failover waits for, so a reader who must
 * not err reads the Lease. For a moment two pods may say leader, or none.
 *
 * Threads: pure.
 */
#ifndef ZL_CONTROLLER_LEADER_ROLE_H
#define ZL_CONTROLLER_LEADER_ROLE_H

#include "controller/apply/steps.h"

/* Is there anything to do for the pool: are labels wanted, or were they? */
bool zl_roles_matter(const struct zl_view *view);
enum zl_role zl_role_of(const struct zl_member *member, const struct zl_view *view);
/* A step for each member whose label is not what it should be after the Lease is written. */
void zl_plan_roles(struct zl_steps *steps);

#endif
