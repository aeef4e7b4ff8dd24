/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arbiter.h - decides on the hub which clusters may act: carries out what zl_fleet_next says, for each pool.
 *
 * Its view is one watch of the hub's Leases and its own writes. Replicas elect one by a Lease, so that they do not
 * disturb each other; what is right does not rest on that: every write is a compare-and-swap, and a deposed one loses its.
 * All replicas watch, so that one that takes over knows how long everything has lasted.
 *
 * Threads: one of its own, an informer's and an elector's. zl_arbiter_stop from any other.
 */
#ifndef ZL_CONTROLLER_FLEET_ARBITER_H
#define ZL_CONTROLLER_FLEET_ARBITER_H

#include "common/kube/client.h"

struct zl_arbiter; /* opaque */

/* HUB must outlive it. */
struct zl_arbiter *zl_arbiter_start(struct zl_kube_client *hub, const char *namespace_,
                                    const char *identity);
/* What is wrong with what it sees of the hub, for a person; NULL: nothing. The caller frees. From any thread. */
char *zl_arbiter_complaint(const struct zl_arbiter *arbiter);
void zl_arbiter_stop(struct zl_arbiter *arbiter); /* gives the Lease back, frees; NULL is fine */

#endif
