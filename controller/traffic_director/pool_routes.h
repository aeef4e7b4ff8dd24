/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool_routes.h - where the leader Services of a pool lead: "<workload>-leader" of each workload and "<pool>-director".
 *
 * Threads: pure.
 */
#ifndef ZL_CONTROLLER_TRAFFIC_DIRECTOR_POOL_ROUTES_H
#define ZL_CONTROLLER_TRAFFIC_DIRECTOR_POOL_ROUTES_H

#include "controller/apply/steps.h"
#include "controller/view/traffic.h"

/* Say in TRAFFIC which pods may get traffic after the Lease is written: these are looked at next. */
void zl_plan_targets(const struct zl_view *after, struct zl_traffic_view *traffic);
/* The routes' steps; a pool without LeaderPolicy or workloads loses its Services. */
void zl_plan_pool_routes(const struct zl_traffic_view *traffic, struct zl_steps *steps);

#endif
