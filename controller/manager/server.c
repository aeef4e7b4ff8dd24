/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/manager/server.h"

#include "common/base/metrics.h"
#include "common/cache/health.h"
#include "common/http/server.h"
#include "common/kube/informer_health.h"
#include "controller/observe/overview.h"

static const struct zl_metric QUEUE_DEPTH = {
    .name = "zen_lead_workqueue_depth",
    .type = ZL_METRIC_GAUGE,
    .help = "Pools and Services that wait for a worker.",
};
static const struct zl_metric QUEUE_WAIT = {
    .name = "zen_lead_workqueue_oldest_wait_seconds",
    .type = ZL_METRIC_GAUGE,
    .help = "For how long the first pool or Service in the queue has waited for a worker.",
};
static const struct zl_metric QUEUE_WORK = {
    .name = "zen_lead_workqueue_longest_running_seconds",
    .type = ZL_METRIC_GAUGE,
    .help = "The longest that a worker has been at what it is doing now.",
};
static const struct zl_metric RENEWALS_DUE = {
    .name = "zen_lead_renewals_waiting",
    .type = ZL_METRIC_GAUGE,
    .help = "Leases whose renewal is due and waits until nothing more urgent does.",
};
static const struct zl_metric RENEWALS_LATE = {
    .name = "zen_lead_renewals_oldest_wait_seconds",
    .type = ZL_METRIC_GAUGE,
    .help = "For how long the first of them has waited. Some seconds are the API server's pace; "
            "more than the lease "
            "duration makes Leases look expired, which nobody takes for a leader's end.",
};
struct zl_controller_server {
    struct zl_controller_server_spec spec;
    struct zl_http_server *http;
};

const struct zl_metric *const ZL_QUEUE_METRICS[] = {&QUEUE_DEPTH,  &QUEUE_WAIT,    &QUEUE_WORK,
                                                    &RENEWALS_DUE, &RENEWALS_LATE, NULL};

/* Answer 503 with the reason, or "ok" for NULL. */
static void respond_health(struct zl_http_response *response, const char *what, char *taken_reason)
{
    ZL_AUTO_FREE char *reason = taken_reason;
    ZL_AUTO_FREE char *text = zl_asprintf("not %s: %s\n", what, reason != NULL ? reason : "");
    zl_http_respond_text(response, reason != NULL ? 503 : 200, reason != NULL ? text : "ok\n");
}

static void handle_healthz(void *ctx, const struct zl_http_request *request,
                           struct zl_http_response *response)
{
    const struct zl_controller_server *server = ctx;
    struct zl_health health = server->spec.election(server->spec.ctx);
    (void)request;
    respond_health(response, "alive", zl_not_alive_because(&health));
}

static void handle_readyz(void *ctx, const struct zl_http_request *request,
                          struct zl_http_response *response)
{
    const struct zl_controller_server *server = ctx;
    struct zl_health health = server->spec.election(server->spec.ctx);
    ZL_AUTO_FREE char *cache = NULL;
    ZL_AUTO_FREE char *arming = NULL;
    ZL_AUTO_FREE char *fleet = server->spec.complaint(server->spec.ctx);
    struct zl_informer *configuration = NULL;
    (void)request;
    if (server->spec.cache != NULL) {
        cache = zl_cache_complaint(server->spec.cache);
        configuration = zl_armer_informer(server->spec.armer);
    }
    if (configuration != NULL) {
        struct zl_informer_health watch = zl_informer_health(configuration);
        arming = zl_informer_complaint(zl_informer_name(configuration), &watch);
    }
    health.cache = cache;
    health.configuration = arming;
    health.fleet = fleet;
    respond_health(response, "ready", zl_not_ready_because(&health));
}

static void measure(void *ctx)
{
    const struct zl_controller_server *server = ctx;
    if (server->spec.cache == NULL) {
        return;
    }
    struct zl_workqueue_load load = {0}; /* a candidate looks at nothing */
    bool acting = server->spec.election(server->spec.ctx).acting;
    struct zl_informer *configuration = zl_armer_informer(server->spec.armer);
    if (acting) {
        load = zl_workqueue_load(server->spec.queue);
    }
    zl_metric_set(&QUEUE_DEPTH, NULL, NULL, (double)load.depth);
    zl_metric_set(&QUEUE_WAIT, NULL, NULL, (double)load.waiting_ms / 1000.0);
    zl_metric_set(&QUEUE_WORK, NULL, NULL, (double)load.working_ms / 1000.0);
    zl_metric_set(&RENEWALS_DUE, NULL, NULL, (double)load.idle_depth);
    zl_metric_set(&RENEWALS_LATE, NULL, NULL, (double)load.idle_waiting_ms / 1000.0);
    zl_cache_show_metrics(server->spec.cache);
    if (configuration != NULL) {
        zl_informer_show_metrics(configuration);
    }
    zl_overview_show(server->spec.cache, acting);
}

static void handle_metrics(void *ctx, const struct zl_http_request *request,
                           struct zl_http_response *response)
{
    (void)request;
    zl_http_respond_metrics(response, measure, ctx);
}

static void handle_fleet_lock(void *ctx, const struct zl_http_request *request,
                              struct zl_http_response *response)
{
    const struct zl_controller_server *server = ctx;
    server->spec.fleet_lock(server->spec.ctx, request, response);
}

enum { LOCK_ROUTES = 2 };
static const struct zl_http_route ROUTES[] = {
    /* LOCK_ROUTES that are served on demand, and what always is. */
    {"POST", "/v1/pre-reboot", handle_fleet_lock, NULL, NULL},
    {"POST", "/v1/steady-state", handle_fleet_lock, NULL, NULL},
    {"GET", "/healthz", handle_healthz, NULL, NULL},
    {"GET", "/readyz", handle_readyz, NULL, NULL},
    {"GET", "/metrics", handle_metrics, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

enum zl_status zl_controller_server_start(const struct zl_controller_server_spec *spec,
                                          struct zl_controller_server **out, struct zl_error *err)
{
    struct zl_controller_server *server = zl_alloc(sizeof *server);
    server->spec = *spec;
    const struct zl_http_options options = {
        .address = spec->address,
        .port = spec->port,
        .connections_max = ZL_HTTP_PROBES_CONNECTIONS_MAX,
        .body_max_bytes = 1024,
        .request_timeout_ms = 10000,
        .idle_timeout_ms = ZL_HTTP_PROBES_IDLE_MS,
        .routes = spec->fleet_lock != NULL ? ROUTES : ROUTES + LOCK_ROUTES,
        .ctx = server,
    };
    enum zl_status status = zl_http_server_start(&options, &server->http, err);
    if (status != ZL_OK) {
        free(server);
        return status;
    }
    *out = server;
    return ZL_OK;
}

void zl_controller_server_stop(struct zl_controller_server *server)
{
    if (server != NULL) {
        zl_http_server_stop(server->http, 0);
        free(server);
    }
}
