/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/server.h"

#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/parse.h"
#include "common/cache/health.h"
#include "common/http/key_watch.h"
#include "common/http/server.h"
#include "common/http/tls_priorities.h"
#include "common/objects/review_path.h"
#include "webhook/review/shapes.h"
#include "webhook/review_door.h"
#include "webhook/validator/validator.h"

#include <string.h>

enum {
    REQUEST_TIMEOUT_MS = 10000,
    IDLE_TIMEOUT_MS = 120000, /* Go's client closes idle connections after 90 s: it must be first */
    METRICS_BODY_MAX = 1024,
};

struct zl_webhook_server {
    const struct zl_gatekeeper *gatekeeper;
    struct zl_review_door *door;
    struct zl_key_slot *keys;
    struct zl_key_watch *key_watch; /* of keys */
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

/* Whoever sends a review of a pod may claim a seat: only the API server knows where to. */
static bool serves_reviews_of_pods(void *ctx, const char *path)
{
    const struct zl_webhook_server *server = ctx;
    return zl_review_door_opens(server->door, path);
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

/*
 * Ready is who can answer the API server now. Files that were replaced by something worse are only warned of:
 * the certificate before still serves, and all replicas read the same Secret.
 */
static void handle_readyz(void *ctx, const struct zl_http_request *request,
                          struct zl_http_response *response)
{
    struct zl_webhook_server *server = ctx;
    ZL_AUTO_FREE char *complaint = zl_cache_complaint(server->gatekeeper->cache);
    if (complaint == NULL) {
        complaint = zl_review_door_complaint(server->door);
    }
    struct zl_key_watch_state keys;
    zl_key_watch_state(server->key_watch, &keys);
    (void)request;
    if (atomic_load(&server->leaving)) {
        zl_http_respond_text(response, 503, "not ready: shutting down\n");
    } else if (!keys.is_usable) {
        ZL_AUTO_FREE char *text = zl_asprintf("not ready: certificate: %s\n", keys.message);
        zl_http_respond_text(response, 503, text);
    } else if (complaint != NULL) {
        ZL_AUTO_FREE char *text = zl_asprintf("not ready: %s\n", complaint);
        zl_http_respond_text(response, 503, text);
    } else if (keys.message[0] != '\0') {
        ZL_AUTO_FREE char *text = zl_asprintf("ok\nwarning: certificate: %s\n", keys.message);
        zl_http_respond_text(response, 200, text);
    } else {
        zl_http_respond_text(response, 200, "ok\n");
    }
}

static void measure(void *ctx)
{
    const struct zl_webhook_server *server = ctx;
    zl_cache_show_metrics(server->gatekeeper->cache);
}

static void handle_metrics(void *ctx, const struct zl_http_request *request,
                           struct zl_http_response *response)
{
    (void)request;
    zl_http_respond_metrics(response, measure, ctx);
}

static const struct zl_http_route REVIEW_ROUTES[] = {
    {"POST", ZL_REVIEW_PATH_PLAIN, handle_validate, ZL_REVIEW_OF_POD, serves_reviews_of_pods},
    {"POST", "/validate-leaderpolicy", handle_validate_policy, ZL_REVIEW_OF_POLICY, NULL},
    {"POST", "/warn-workload", handle_warn_workload, ZL_REVIEW_OF_WORKLOAD, NULL},
    {"GET", "/healthz", handle_healthz, NULL, NULL},
    {"GET", "/readyz", handle_readyz, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static const struct zl_http_route METRIC_ROUTES[] = {
    {"GET", "/healthz", handle_healthz, NULL, NULL},
    {"GET", "/readyz", handle_readyz, NULL, NULL},
    {"GET", "/metrics", handle_metrics, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

/* OUT stays NULL where nobody is asked for a certificate. A name without CAs would be a door that only looks shut. */
static enum zl_status read_client_ca(const struct zl_webhook_config *config, char **out,
                                     struct zl_error *err)
{
    if (config->client_ca_file == NULL) {
        return config->client_name == NULL
                   ? ZL_OK
                   : zl_error_set(err, ZL_E_INVALID,
                                  "--client-name is checked only with it: name the file of the "
                                  "CAs, or leave out the name");
    }
    return zl_file_read(config->client_ca_file, out, NULL, err);
}

static enum zl_status start_reviews(const struct zl_webhook_config *config,
                                    struct zl_webhook_server *server, struct zl_error *err)
{
    ZL_AUTO_FREE char *priorities = NULL;
    ZL_AUTO_FREE char *client_ca = NULL;
    enum zl_status status =
        zl_tls_priorities(config->tls_min_version, config->tls_cipher_suites, &priorities, err);
    if (status != ZL_OK) {
        return zl_error_wrap(err, status, "--tls-min-version, --tls-cipher-suites");
    }
    status = read_client_ca(config, &client_ca, err);
    if (status != ZL_OK) {
        return zl_error_wrap(err, status, "--client-ca-file");
    }
    const struct zl_http_options options = {
        .address = config->listen_address,
        .port = config->port,
        .keys = server->keys,
        .tls_priorities = priorities,
        .client_ca = client_ca,
        .client_name = config->client_name,
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
    server->door = zl_review_door_start(gatekeeper->client, zl_cache_thread(gatekeeper->cache),
                                        config->namespace_);
    const struct zl_http_options options = {
        .address = config->listen_address,
        .port = config->metrics_port,
        .connections_max = ZL_HTTP_PROBES_CONNECTIONS_MAX,
        .body_max_bytes = METRICS_BODY_MAX,
        .request_timeout_ms = REQUEST_TIMEOUT_MS,
        .idle_timeout_ms = ZL_HTTP_PROBES_IDLE_MS,
        .routes = METRIC_ROUTES,
        .ctx = server,
    };
    server->keys = zl_key_slot_new();
    server->key_watch = zl_key_watch_start(config->cert_file, config->key_file, server->keys);
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
    if (server->reviews != NULL) {
        zl_http_server_leave(server->reviews);
    }
}

void zl_webhook_server_stop(struct zl_webhook_server *server, int64_t drain_ms)
{
    if (server->reviews != NULL) {
        zl_http_server_stop(server->reviews, drain_ms);
    }
    if (server->metrics != NULL) {
        zl_http_server_stop(server->metrics, 0);
    }
    zl_key_watch_stop(server->key_watch);
    zl_key_slot_free(server->keys);
    zl_review_door_free(server->door);
    free(server);
}
