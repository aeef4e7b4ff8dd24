/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service_route.h - traffic follows the leader: of an annotated Service, and of a pool.
 *
 * Decided from the cache alone; the API server is asked only where an object that should not be there is.
 *
 * Threads: as reconciler.h.
 */
#ifndef ZL_CONTROLLER_TRAFFIC_DIRECTOR_SERVICE_ROUTE_H
#define ZL_CONTROLLER_TRAFFIC_DIRECTOR_SERVICE_ROUTE_H

#include "common/base/metrics.h"
#include "controller/reconcile/reconciler.h"

extern const struct zl_metric *const ZL_SERVICE_METRICS[];
/* Service NAME, whether it has opted in (still) or not. */
struct zl_result zl_reconcile_service(struct zl_reconciler *reconciler, const char *namespace_,
                                      const char *name, struct zl_error *err);

/*
 * "<workload>-leader" of each workload and "<pool>-director", after the pool's Lease was decided. A
 * pool without LeaderPolicy loses them.
 *
 * @param result  its requeue is lowered when something is to be looked at again
 */
enum zl_status zl_reconcile_pool_routes(struct zl_reconciler *reconciler,
                                        const struct zl_pool *pool, const char *namespace_,
                                        const char *name, struct zl_result *result,
                                        struct zl_error *err) ZL_MUST_CHECK;

#endif
