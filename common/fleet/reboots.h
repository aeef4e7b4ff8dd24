/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reboots.h - which nodes of a group reboot now: what FleetLock asks, and no more than a number at once.
 *
 * The protocol is FleetLock's, version 1, as CoreOS's updater speaks it: a node asks before it reboots until it is told yes, and says when
 * it is back. A slot has no limit of time: a node that does not come back keeps its slot, so that a bad update stops after it.
 *
 * Threads: pure.
 */
#ifndef ZL_FLEET_REBOOTS_H
#define ZL_FLEET_REBOOTS_H

#include "common/base/error.h"
#include "common/fleet/fleet.h"

#define ZL_FLEET_NODE_MAX 160 /* of a node's id, with the NUL */

struct zl_fleet_node {
    char id[ZL_FLEET_NODE_MAX];
    int64_t since_s; /* by the wall clock of who wrote it; for people */
};

/* All zero: nobody reboots. */
struct zl_fleet_reboots {
    struct zl_fleet_node *nodes; /* owned */
    size_t count;
};

/* TEXT: NULL is an empty one; of the Lease's annotation. The caller clears OUT. */
enum zl_status zl_fleet_reboots_decode(const char *text, struct zl_fleet_reboots *out,
                                       struct zl_error *err) ZL_MUST_CHECK;
char *zl_fleet_reboots_encode(const struct zl_fleet_reboots *reboots); /* the caller frees */
void zl_fleet_reboots_clear(struct zl_fleet_reboots *reboots);

enum zl_fleet_reboot {
    ZL_FLEET_REBOOT_FULL,  /* as many as may have a slot, and this node has none */
    ZL_FLEET_REBOOT_HAS,   /* it has one already */
    ZL_FLEET_REBOOT_TAKEN, /* it has one now: REBOOTS was changed */
};

/* May the node ID reboot, when SLOTS may at once? */
enum zl_fleet_reboot zl_fleet_reboots_take(struct zl_fleet_reboots *reboots, const char *id,
                                           int64_t slots, int64_t now_s);
/* It is back. @return false: it had no slot, and nothing was changed */
bool zl_fleet_reboots_give(struct zl_fleet_reboots *reboots, const char *id);

#endif
