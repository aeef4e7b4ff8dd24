/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.h - a small HTTP server on libmicrohttpd: TLS, a table of routes, hard limits.
 *
 *   - one thread per connection: a handler that waits for the API server delays only its own caller
 *   - a request that is not complete within request_timeout_ms is cut (slow-loris), an idle keep-alive
 *     connection lives idle_timeout_ms (longer than Go's 90 s, so that the API server closes first)
 *   - a body over body_max_bytes is answered 413, an unknown path 404, a wrong method 405 with Allow
 *
 * Threads: handlers run concurrently on connection threads of 512 KiB stack. main ignores SIGPIPE.
 */
#ifndef ZL_HTTP_SERVER_H
#define ZL_HTTP_SERVER_H

#include "common/base/memory.h"
#include "common/http/key_pair.h"

#include <stdbool.h>
#include <stdint.h>

struct zl_http_request {
    const char *method;
    const char *path;         /* without query */
    const char *content_type; /* as sent, NULL if absent */
    const char *body;         /* NUL-terminated; "" when empty */
    size_t body_length;
};

struct zl_http_response {
    int status;               /* preset to 200 */
    const char *content_type; /* constant; preset to "text/plain; charset=utf-8" */
    char *body;               /* malloc'ed, taken by the server; NULL: empty */
    size_t body_length;
};

struct zl_http_route {
    const char *method; /* "GET" also serves HEAD */
    const char *path;
    void (*handle)(void *ctx, const struct zl_http_request *request,
                   struct zl_http_response *response);
};

struct zl_http_options {
    const char *address;      /* numeric IPv4 or IPv6 to bind; NULL: all addresses, both families */
    int64_t port;             /* 0: a free one, see zl_http_server_port */
    struct zl_key_slot *keys; /* NULL: plain HTTP. Borrowed until the stop; may be empty at first:
                                   every handshake then fails. */
    const char *tls_priorities; /* of zl_tls_priorities; borrowed for the call */
    int64_t connections_max;
    int64_t body_max_bytes;
    int64_t request_timeout_ms, idle_timeout_ms;
    const struct zl_http_route *routes; /* ends with path NULL */
    void *ctx;
};

struct zl_http_server; /* opaque */

/* ZL_E_INVALID with address, port and cure: in use, no permission. */
enum zl_status zl_http_server_start(const struct zl_http_options *options,
                                    struct zl_http_server **out,
                                    struct zl_error *err) ZL_MUST_CHECK;
uint16_t zl_http_server_port(const struct zl_http_server *server);
/*
 * Stop accepting, wait up to DRAIN_MS for requests in flight, close everything, free. A handler that
 * runs even longer is waited for; SERVER may be NULL.
 */
void zl_http_server_stop(struct zl_http_server *server, int64_t drain_ms);

/* The exposition of common/base/metrics.h. */
void zl_http_respond_metrics(struct zl_http_response *response);
/* Set status, type and a copy of TEXT. */
void zl_http_respond_text(struct zl_http_response *response, int status, const char *text);

#endif
