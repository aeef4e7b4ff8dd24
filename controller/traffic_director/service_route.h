/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service_route.h - where the leader Service of an annotated Service leads.
 *
 * Threads: pure.
 */
#ifndef ZL_CONTROLLER_TRAFFIC_DIRECTOR_SERVICE_ROUTE_H
#define ZL_CONTROLLER_TRAFFIC_DIRECTOR_SERVICE_ROUTE_H

#include "controller/apply/steps.h"
#include "controller/view/traffic.h"

/* VIEW's source has opted in, and stays. */
void zl_plan_service(const struct zl_service_view *view, struct zl_steps *steps);
/* It has not (any more), or there is none: what was made for it goes. */
void zl_plan_no_service(const char *namespace_, const char *name, struct zl_steps *steps);

#endif
