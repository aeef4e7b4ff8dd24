/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report_store.h - a cluster's own LeaderPolicy of a fleet, for work that is no Job: its turn, and the annotations by which it
 * asks and reports.
 *
 * Threads: any; the functions block on the API server.
 */
#ifndef ZL_FLEET_REPORT_STORE_H
#define ZL_FLEET_REPORT_STORE_H

#include "common/fleet/fleet.h"
#include "common/kube/client.h"

struct zl_fleet_place {
    char *name;    /* of the LeaderPolicy; owned */
    int64_t token; /* of the turn in which the cluster may act; 0: it has none */
    char phase[ZL_FLEET_NAME_MAX];
};

/* The LeaderPolicy of POOL in NAMESPACE_. ZL_E_NOT_FOUND: there is none. The caller frees OUT's name. */
enum zl_status zl_fleet_place_find(struct zl_kube_client *client, const char *namespace_,
                                   const char *pool, struct zl_fleet_place *out,
                                   struct zl_error *err) ZL_MUST_CHECK;
/* Write both annotations; NULL takes one off. */
enum zl_status zl_fleet_place_annotate(struct zl_kube_client *client, const char *namespace_,
                                       const char *name, const char *want, const char *report,
                                       struct zl_error *err) ZL_MUST_CHECK;

#endif
