/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.h - the controller's HTTP server: GET /healthz, /readyz and /metrics, without TLS.
 *
 * Threads: start and stop from main; handlers run on the server's threads.
 */
#ifndef ZL_CONTROLLER_MANAGER_SERVER_H
#define ZL_CONTROLLER_MANAGER_SERVER_H

#include "common/base/metrics.h"
#include "common/kube/workqueue.h"
#include "controller/gate/armer.h"
#include "controller/manager/health.h"

/* All borrowed until zl_controller_server_stop. */
struct zl_controller_server_spec {
    const char *address; /* NULL: all */
    int64_t port;
    struct zl_cache *cache;
    struct zl_armer *armer;
    struct zl_workqueue *queue;
    struct zl_health (*election)(void *ctx); /* its part of the health; from any thread */
    void *ctx;
};

struct zl_controller_server; /* opaque */
enum zl_status zl_controller_server_start(const struct zl_controller_server_spec *spec,
                                          struct zl_controller_server **out,
                                          struct zl_error *err) ZL_MUST_CHECK;
void zl_controller_server_stop(struct zl_controller_server *server); /* NULL is fine */
extern const struct zl_metric *const ZL_QUEUE_METRICS[];

#endif
