/* SPDX-License-Identifier: Apache-2.0 */
/*
 * route.h - makes one route true: its Service and EndpointSlices, in the order that matters.
 *
 * The EndpointSlices come first (traffic), then what people read: Events, the Service's annotations. An
 * object of the wanted name that belongs to somebody else is never touched.
 *
 * Threads: as reconciler.h; one route is written by one worker at a time.
 */
#ifndef ZL_CONTROLLER_APPLY_ROUTE_H
#define ZL_CONTROLLER_APPLY_ROUTE_H

#include "common/base/metrics.h"
#include "controller/reconcile/reconciler.h"
#include "controller/traffic_director/route.h"

struct zl_route_report {
    bool changed; /* an EndpointSlice was written */
    bool
        conflict; /* an object of that name, which the cache does not follow, is not ours: look again */
    bool was_led; /* the slices led to a pod before */
    bool routed;  /* traffic reaches a Ready leader */
    bool swept;   /* endpoints of others were looked for: look once more soon */
};

/*
 * A route is written in two steps, so that of several all traffic moves before anything else is said. ROUTE is borrowed
 * until zl_route_job_free.
 */
struct zl_route_job; /* opaque */
struct zl_route_job *zl_route_job_new(struct zl_reconciler *reconciler,
                                      const struct zl_route *route);
/* First: the EndpointSlices, and a Service where there is none yet. */
enum zl_status zl_route_write_slices(struct zl_route_job *job, struct zl_error *err) ZL_MUST_CHECK;
/* Then, only if that has succeeded: Events, and the Service as it should be. */
enum zl_status zl_route_finish(struct zl_route_job *job, struct zl_error *err) ZL_MUST_CHECK;
const struct zl_route_report *zl_route_job_report(const struct zl_route_job *job);
void zl_route_job_free(struct zl_route_job *job);

/* Whose objects are to be removed: those of one annotated Service, or of one pool. */
struct zl_route_owner {
    const char *namespace_;
    const char *source; /* the Service; used when POOL is NULL */
    const char *pool;
};
/* Remove its objects, but for leader Services named in KEEP and their slices. */
enum zl_status zl_route_clean(struct zl_reconciler *reconciler, const struct zl_route_owner *owner,
                              const char *const *keep, size_t keep_count,
                              struct zl_error *err) ZL_MUST_CHECK;

/*
 * Somebody gave SERVICE, a leader Service, a selector: Kubernetes then wrote EndpointSlices and Endpoints
 * for it, and leaves them when the selector goes. Remove them, or traffic still reaches every pod.
 */
enum zl_status zl_route_sweep(struct zl_reconciler *reconciler, const struct zl_service *service,
                              struct zl_error *err) ZL_MUST_CHECK;

/* An Event about the route's owner. */
void zl_route_tell(struct zl_reconciler *reconciler, const struct zl_route *route, bool warning,
                   const char *reason, const char *message);
extern const struct zl_metric *const ZL_ROUTE_METRICS[];

#endif
