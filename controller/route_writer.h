/* SPDX-License-Identifier: Apache-2.0 */
/*
 * route_writer.h - makes one route true: its Service and EndpointSlices, in the order that matters.
 *
 * The EndpointSlices come first (traffic), then what people read: the Service's annotations, Events. An
 * object of the wanted name that belongs to somebody else is never touched.
 *
 * Threads: as reconciler.h; one route is written by one worker at a time.
 */
#ifndef ZL_CONTROLLER_ROUTE_WRITER_H
#define ZL_CONTROLLER_ROUTE_WRITER_H

#include "controller/reconciler.h"
#include "controller/route.h"

struct zl_route_report {
    bool changed;  /* an EndpointSlice was written */
    bool conflict; /* an object of that name is not ours */
    bool routed;   /* traffic reaches a Ready leader */
    bool swept;    /* endpoints of others were looked for: look once more soon */
};

enum zl_status zl_route_write(struct zl_reconciler *reconciler, const struct zl_route *route,
                              struct zl_route_report *report, struct zl_error *err) ZL_MUST_CHECK;

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
void zl_route_register_metrics(void);

#endif
