/* SPDX-License-Identifier: Apache-2.0 */
/*
 * route.h - one write of a route, from what is stored to what is wanted; for the files that do it.
 *
 * The EndpointSlices come first (slices.c: traffic), then what people read: Events, the Service's annotations (service.c). An
 * object of the wanted name that belongs to somebody else is never touched.
 *
 * Threads: as apply.h; one route is written by one worker at a time.
 */
#ifndef ZL_CONTROLLER_APPLY_ROUTE_H
#define ZL_CONTROLLER_APPLY_ROUTE_H

#include "controller/apply/internal.h"

struct zl_route_write {
    struct zl_route_write *next; /* of the same run */
    const struct zl_writer *writer;
    const struct zl_route *planned;
    struct zl_route route; /* as planned, and the zone of its leader's node */
    char *zone;
    struct zl_ref *stored_ref;       /* holds STORED, unless FOUND does */
    struct zl_service *found;        /* made or read live: the cache did not know it */
    const struct zl_service *stored; /* NULL: there is none */
    struct zl_service *service;      /* wanted */
    char *was_uid;                   /* whom the slices led to; NULL: nobody */
    bool created;                    /* FOUND was made in this run */
    bool failed;     /* the slices are not as they should be: nothing is said of them */
    bool changed;    /* an EndpointSlice was written */
    bool conflict;   /* an object that no event of ours will tell of is in the way: look again */
    bool was_led;    /* the slices led to a pod before */
    bool routed;     /* traffic reaches a Ready leader */
    bool swept;      /* endpoints of others were looked for: look once more soon */
    bool unresolved; /* a named port that the leader lacks */
    bool had_slices; /* they were written before, and none is there */
    bool recreated;
    bool blocked; /* an object of that name is not ours */
    bool refused; /* nothing to route, or the name is somebody else's */
};

/* --- route.c --- */

/*
 * May the leader Service that is stored be written: is it the owner's, or ours without one? It lost its owner: by
 * kubectl delete --cascade=orphan, by a backup that brought it back, or because the owner was made again under its name.
 */
bool zl_route_may_write(const struct zl_route_write *write, const struct zl_service *service);
/* The same of a slice of ours (by its label), whose owner is that Service, or was the route's before 0.3. */
bool zl_route_may_write_slice(const struct zl_route_write *write, const struct zl_slice *slice);
void zl_route_tell(const struct zl_route_write *write, bool warning, const char *reason,
                   const char *message);
void zl_route_tell_of_conflict(struct zl_route_write *write, const char *kind, const char *name);
/* A port is missing: counted, and told. */
void zl_route_tell_of_ports(const struct zl_route_write *write, const char *message);

/* --- slices.c --- */

/* The EndpointSlices, once the Service is there. */
enum zl_status zl_slices_write(struct zl_route_write *write, struct zl_error *err) ZL_MUST_CHECK;
extern const struct zl_metric ZL_SLICE_WRITES, ZL_SLICE_ERRORS;

/* --- service.c --- */

/* Make it, or find out what is there under its name already. */
enum zl_status zl_service_create(struct zl_route_write *write, struct zl_error *err) ZL_MUST_CHECK;
/* Events about who leads, then the Service as it should be. */
enum zl_status zl_service_finish(struct zl_route_write *write, struct zl_error *err) ZL_MUST_CHECK;

/* --- sweep.c --- */

/*
 * Somebody gave SERVICE, a leader Service, a selector: Kubernetes then wrote EndpointSlices and Endpoints
 * for it, and leaves them when the selector goes. Remove them, or traffic still reaches every pod.
 */
enum zl_status zl_route_sweep(const struct zl_writer *writer, const struct zl_service *service,
                              struct zl_error *err) ZL_MUST_CHECK;

#endif
