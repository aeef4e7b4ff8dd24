/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.h - the controller's HTTP server: GET /healthz, /readyz and /metrics, and FleetLock where it is asked for, without TLS.
 *
 * Threads: start and stop from main; handlers run on the server's threads.
 */
#ifndef ZL_CONTROLLER_MANAGER_SERVER_H
#define ZL_CONTROLLER_MANAGER_SERVER_H

#include "common/base/metrics.h"
#include "common/http/server.h"
#include "common/kube/workqueue.h"
#include "controller/gate/armer.h"
#include "controller/manager/health.h"

/* All borrowed until zl_controller_server_stop. */
struct zl_controller_server_spec {
    const char *address; /* NULL: all */
    int64_t port;
    struct zl_cache *cache; /* NULL: nothing of a cluster is looked at, nor ARMER and QUEUE */
    struct zl_armer *armer;
    struct zl_workqueue *queue;
    struct zl_health (*election)(void *ctx); /* its part of the health; from any thread */
    char *(*complaint)(void *ctx); /* what else is wrong; NULL: nothing. The caller frees */
    /* Answers FleetLock's two requests, from any thread; NULL: they are not served. */
    void (*fleet_lock)(void *ctx, const struct zl_http_request *request,
                       struct zl_http_response *response);
    void *ctx;
};

struct zl_controller_server; /* opaque */
enum zl_status zl_controller_server_start(const struct zl_controller_server_spec *spec,
                                          struct zl_controller_server **out,
                                          struct zl_error *err) ZL_MUST_CHECK;
void zl_controller_server_stop(struct zl_controller_server *server); /* NULL is fine */
extern const struct zl_metric *const ZL_QUEUE_METRICS[];

#endif
