/* SPDX-License-Identifier: Apache-2.0 */
/*
 * internal.h - what annotated Services (reconcile_route.c) and pools (reconcile_pool_route.c) have
 * in common.
 *
 * Threads: as reconciler.h.
 */
#ifndef ZL_CONTROLLER_TRAFFIC_DIRECTOR_INTERNAL_H
#define ZL_CONTROLLER_TRAFFIC_DIRECTOR_INTERNAL_H

#include "controller/apply/route.h"
#include "controller/traffic_director/service_route.h"

enum { ZL_SETTLE_MS = 20 }; /* objects of a new namespace are being listed */

void zl_requeue_within(struct zl_result *result, int64_t delay_ms);
/* When the route that REPORT is about has to be looked at again. */
void zl_requeue_for(const struct zl_route_report *report, struct zl_result *result);

/* A leader on its way out that nobody replaces yet is shown as what it is. */
bool zl_is_leaving(const struct zl_pod *pod);
/* POD's zone; NULL: not known. The caller frees. */
char *zl_zone_of(struct zl_reconciler *reconciler, const struct zl_pod *pod);
/* The caller clears it. */
struct zl_controller_ref zl_route_owned_by(const char *api_version, const char *kind,
                                           const struct zl_meta *meta);

#endif
