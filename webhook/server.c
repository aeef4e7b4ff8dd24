/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/server.h"

#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/parse.h"
#include "common/http/server.h"
#include "common/pool/cache_health.h"
#include "webhook/validator.h"

#include <string.h>

enum {
    REQUEST_TIMEOUT_MS = 10000,
    IDLE_TIMEOUT_MS = 120000, /* Go's client closes idle connections after 90 s: it must be first */
    METRICS_CONNECTIONS_MAX = 32,
    METRICS_BODY_MAX = 1024,
};

struct zl_webhook_server {
    const struct zl_gatekeeper *gatekeeper;
    struct zl_http_server *reviews, *metrics;
    atomic_bool leaving;
};

/* A review's body to the answer's; as zl_gatekeeper_answer. */
typedef char *answer_fn(const struct zl_gatekeeper *gatekeeper, const char *body, size_t length,
                        int *http_status);

static bool is_json(const char *content_type)
{
    size_t length = strlen("application/json");
    return content_type != NULL && strncasecmp(content_type, "application/json", length) == 0 &&
           (content_type[length] == '\0' || content_type[length] == ';');
}

static void review(const struct zl_webhook_server *server, answer_fn *answer,
                   const struct zl_http_request *request, struct zl_http_response *response)
{
    if (!is_json(request->content_type)) {
        zl_http_respond_text(response, 415, "Content-Type must be application/json\n");
        return;
    }
    response->body =
        answer(server->gatekeeper, request->body, request->body_length, &response->status);
    response->body_length = strlen(response->body);
    if (response->status == 200) {
        response->content_type = "application/json";
    }
}

static void handle_validate(void *ctx, const struct zl_http_request *request,
                            struct zl_http_response *response)
{
    review(ctx, zl_gatekeeper_answer, request, response);
}

static void handle_validate_policy(void *ctx, const struct zl_http_request *request,
                                   struct zl_http_response *response)
{
    review(ctx, zl_validator_answer_policy, request, response);
}

static void handle_warn_workload(void *ctx, const struct zl_http_request *request,
                                 struct zl_http_response *response)
{
    review(ctx, zl_validator_answer_workload, request, response);
}

static void handle_healthz(void *ctx, const struct zl_http_request *request,
                           struct zl_http_response *response)
{
    (void)ctx;
    (void)request;
    zl_http_respond_text(response, 200, "ok\n");
}

static void handle_readyz(void *ctx, const struct zl_http_request *request,
                          struct zl_http_response *response)
{
    struct zl_webhook_server *server = ctx;
    ZL_AUTO_FREE char *complaint = zl_cache_complaint(server->gatekeeper->cache);
    (void)request;
    if (atomic_load(&server->leaving)) {
        zl_http_respond_text(response, 503, "not ready: shutting down\n");
    } else if (complaint != NULL) {
        ZL_AUTO_FREE char *text = zl_asprintf("not ready: %s\n", complaint);
        zl_http_respond_text(response, 503, text);
    } else {
        zl_http_respond_text(response, 200, "ok\n");
    }
}

static void handle_metrics(void *ctx, const struct zl_http_request *request,
                           struct zl_http_response *response)
{
    const struct zl_webhook_server *server = ctx;
    (void)request;
    zl_cache_show_metrics(server->gatekeeper->cache);
    zl_http_respond_metrics(response);
}

static const struct zl_http_route REVIEW_ROUTES[] = {
    {"POST", "/validate", handle_validate},
    {"POST", "/validate-leaderpolicy", handle_validate_policy},
    {"POST", "/warn-workload", handle_warn_workload},
    {"GET", "/healthz", handle_healthz},
    {"GET", "/readyz", handle_readyz},
    {NULL, NULL, NULL},
};

static const struct zl_http_route METRIC_ROUTES[] = {
    {"GET", "/healthz", handle_healthz},
    {"GET", "/readyz", handle_readyz},
    {"GET", "/metrics", handle_metrics},
    {NULL, NULL, NULL},
};

static enum zl_status start_reviews(const struct zl_webhook_config *config,
                                    struct zl_webhook_server *server, struct zl_error *err)
{
    ZL_AUTO_FREE char *cert = NULL;
    ZL_AUTO_FREE char *key = NULL;
    enum zl_status status = zl_file_read(config->cert_file, &cert, NULL, err);
    if (status != ZL_OK) {
        return zl_error_wrap(err, status, "--cert-file");
    }
    status = zl_file_read(config->key_file, &key, NULL, err);
    if (status != ZL_OK) {
        return zl_error_wrap(err, status, "--key-file");
    }
    const struct zl_http_options options = {
        .address = config->listen_address,
        .port = config->port,
        .cert_pem = cert,
        .key_pem = key,
        .connections_max = config->connections_max,
        .body_max_bytes = ZL_ADMISSION_BODY_MAX,
        .request_timeout_ms = REQUEST_TIMEOUT_MS,
        .idle_timeout_ms = IDLE_TIMEOUT_MS,
        .routes = REVIEW_ROUTES,
        .ctx = server,
    };
    return zl_http_server_start(&options, &server->reviews, err);
}

enum zl_status zl_webhook_server_start(const struct zl_webhook_config *config,
                                       const struct zl_gatekeeper *gatekeeper,
                                       struct zl_webhook_server **out, struct zl_error *err)
{
    struct zl_webhook_server *server = zl_alloc(sizeof *server);
    server->gatekeeper = gatekeeper;
    const struct zl_http_options options = {
        .address = config->listen_address,
        .port = config->metrics_port,
        .connections_max = METRICS_CONNECTIONS_MAX,
        .body_max_bytes = METRICS_BODY_MAX,
        .request_timeout_ms = REQUEST_TIMEOUT_MS,
        .idle_timeout_ms = IDLE_TIMEOUT_MS,
        .routes = METRIC_ROUTES,
        .ctx = server,
    };
    enum zl_status status = start_reviews(config, server, err);
    if (status == ZL_OK) {
        status = zl_http_server_start(&options, &server->metrics, err);
    }
    if (status != ZL_OK) {
        zl_webhook_server_stop(server, 0);
        return status;
    }
    ZL_LOG_INFO("listening", ZL_I64("port", zl_http_server_port(server->reviews)),
                ZL_I64("metricsPort", zl_http_server_port(server->metrics)));
    *out = server;
    return ZL_OK;
}

void zl_webhook_server_leave(struct zl_webhook_server *server)
{
    atomic_store(&server->leaving, true);
}

void zl_webhook_server_stop(struct zl_webhook_server *server, int64_t drain_ms)
{
    if (server->reviews != NULL) {
        zl_http_server_stop(server->reviews, drain_ms);
    }
    if (server->metrics != NULL) {
        zl_http_server_stop(server->metrics, 0);
    }
    free(server);
}
