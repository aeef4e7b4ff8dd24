/* SPDX-License-Identifier: Apache-2.0 */
/*
 * look_traffic.h - fills what traffic_director/ decides from, by the cache alone.
 *
 * Threads: what is gathered belongs to one reconcile.
 */
#ifndef ZL_CONTROLLER_VIEW_LOOK_TRAFFIC_H
#define ZL_CONTROLLER_VIEW_LOOK_TRAFFIC_H

#include "common/cache/cache.h"
#include "controller/view/sources.h"
#include "controller/view/traffic.h"

/* A zl_traffic_view, and what it borrows from. {0} is a valid start. */
struct zl_traffic_gathered {
    struct zl_traffic_view view;
    struct zl_refs refs;
};
/* Room for the targets of AFTER's workloads, nobody in them; first. */
void zl_traffic_begin(struct zl_traffic_gathered *gathered, const struct zl_view *after);
/* The lenders of the pods that were put in, and of nobody. */
void zl_traffic_look(struct zl_cache *cache, const struct zl_view *after,
                     struct zl_traffic_gathered *gathered);
void zl_traffic_clear(struct zl_traffic_gathered *gathered);
#define ZL_AUTO_TRAFFIC ZL_CLEANUP(zl_traffic_clear)

/* A zl_service_view, and what it borrows from. */
struct zl_service_gathered {
    struct zl_service_view view; /* source NULL: there is no such Service */
    struct zl_ref *source_ref;
    struct zl_refs pod_refs;
    const struct zl_pod **pods;
    int64_t *ready_ms;
    char *name, *current_uid, *current_node, *holder_uid;
};
/* @param out  zeroed by this function */
void zl_service_gather(const struct zl_sources *sources, const char *namespace_, const char *name,
                       struct zl_service_gathered *out);
void zl_service_gathered_clear(struct zl_service_gathered *gathered);
#define ZL_AUTO_SERVICE ZL_CLEANUP(zl_service_gathered_clear)

#endif
