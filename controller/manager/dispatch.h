/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dispatch.h - one key of the work queue: who reconciles it, and what the queue hears of the result.
 *
 * Threads: any worker's; the queue gives no key to two of them at once.
 */
#ifndef ZL_CONTROLLER_MANAGER_DISPATCH_H
#define ZL_CONTROLLER_MANAGER_DISPATCH_H

#include "common/base/metrics.h"
#include "common/kube/workqueue.h"
#include "controller/reconcile/context.h"

/* Borrowed. */
struct zl_dispatch {
    struct zl_context *context;
    struct zl_workqueue *queue;
};

/* Blocks for as long as the requests take. KEY, of LANE, stays taken: the caller says zl_workqueue_done. */
void zl_dispatch(const struct zl_dispatch *dispatch, const char *key, enum zl_lane lane);

extern const struct zl_metric *const ZL_DISPATCH_METRICS[];

#endif
