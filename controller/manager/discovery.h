/* SPDX-License-Identifier: Apache-2.0 */
/*
 * discovery.h - what the API server has: EndpointSlices in a version, pools once the CRD of LeaderPolicy is installed. What is there
 * begins to be watched, what is not may come: it is asked for again.
 *
 * Threads: start and stop from one; it has one of its own.
 */
#ifndef ZL_CONTROLLER_MANAGER_DISCOVERY_H
#define ZL_CONTROLLER_MANAGER_DISCOVERY_H

#include "controller/reconcile/context.h"

/* Borrowed until zl_discovery_stop. */
struct zl_discovery_spec {
    struct zl_kube_client *client;
    struct zl_context
        *context; /* its cache and armer are started, its writer learns the version of slices */
    bool routing_only;        /* pools are not asked for */
    bool fills_configuration; /* the webhook's; else it is somebody else's to keep */
    void (*answered)(
        void *ctx); /* on its thread, after each round in which the server said what it has */
    void *ctx;
};

struct zl_discovery; /* opaque */

struct zl_discovery *zl_discovery_start(const struct zl_discovery_spec *spec);
/* Waits for a request that is under way, and frees. NULL: nothing to do. */
void zl_discovery_stop(struct zl_discovery *discovery);

#endif
