/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reconcile.h - makes one object true: look, choose the strategy, plan, apply.
 *
 * Threads: different objects at once; the work queue never runs one twice at the same time.
 */
#ifndef ZL_CONTROLLER_RECONCILE_RECONCILE_H
#define ZL_CONTROLLER_RECONCILE_RECONCILE_H

#include "controller/reconcile/context.h"

/*
 * Lease, routes, owners woken, surplus pods deleted, status, Events; also of a pool that has no LeaderPolicy (any more).
 *
 * @param renews  the Lease is renewed when it is time; else result.idle_after_ms says when
 */
struct zl_result zl_reconcile_pool(struct zl_context *context, const char *namespace_,
                                   const char *name, bool renews, struct zl_error *err);
/*
 * Service NAME, whether it has opted in (still) or not.
 *
 * @param idle  nothing is urgent: other people's endpoints are looked for as well
 */
struct zl_result zl_reconcile_service(struct zl_context *context, const char *namespace_,
                                      const char *name, bool idle, struct zl_error *err);
/* A Job that waits, and that perhaps nobody guards any more: its label was taken off, or its CronJob's. */
struct zl_result zl_reconcile_job(struct zl_context *context, const char *namespace_,
                                  const char *name, struct zl_error *err);
/* A workload that nobody gatekeeps any more; NAME: "Deployment/web". */
struct zl_result zl_reconcile_freed(struct zl_context *context, const char *namespace_,
                                    const char *name, struct zl_error *err);

extern const struct zl_metric *const ZL_SERVICE_METRICS[];

#endif
