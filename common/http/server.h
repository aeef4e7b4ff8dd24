/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.h - a small HTTP server on libmicrohttpd: TLS, a table of routes, hard limits.
 *
 *   - one thread per connection: a handler that waits for the API server delays only its own caller
 *   - a request that is not complete within request_timeout_ms is cut (slow-loris), an idle keep-alive
 *     connection lives idle_timeout_ms (longer than Go's 90 s, so that the API server closes first)
 *   - one connection more than connections_max makes room for itself: server_internal.h says which one leaves
 *   - a body over body_max_bytes is answered 413, and so is one of which a shape names more than ZL_BODY_KEPT_MAX; an
 *     unknown path 404, a wrong method 405 with Allow
 *   - what is kept of bodies that have a shape, and the trees that handlers make of it, share the process's budget: a
 *     body for which that has no room is answered 429
 *
 * Threads: handlers run concurrently on connection threads of 512 KiB stack. main ignores SIGPIPE.
 */
#ifndef ZL_HTTP_SERVER_H
#define ZL_HTTP_SERVER_H

#include "common/base/json_prune.h"
#include "common/base/memory.h"
#include "common/base/metrics.h"
#include "common/http/key_pair.h"

#include <stdbool.h>
#include <stdint.h>

struct zl_http_request {
    const char *method;
    const char *path;         /* without query */
    const char *content_type; /* as sent, NULL if absent */
    const char *host;         /* the same */
    const char *zen_lead;   /* the same: a header that no page of another origin can send unasked */
    const char *fleet_lock; /* the same: "fleet-lock-protocol" */
    const char *
        body; /* what was kept of it; NUL-terminated; "" when empty; what was no JSON is none here */
    size_t body_length;
};

/*
 * A body that is made while it is sent, on the connection's thread, for as long as the peer listens. Before
 * zl_http_server_stop its owner makes NEXT return.
 */
struct zl_http_stream {
    /* Up to MAX bytes into OUT: may block. @return how many, at least one; -1: that was all */
    long (*next)(void *ctx, char *out, size_t max);
    void (*end)(void *ctx); /* once, whoever ended it */
    void *ctx;
};

/* A text that a stream sends in pieces. TEXT NULL: all of it was sent; owned. */
struct zl_http_text {
    char *text;
    size_t sent;
};

struct zl_http_header {
    const char *name, *value; /* constant */
};

struct zl_http_response {
    int status;                           /* preset to 200 */
    const char *content_type;             /* constant; preset to "text/plain; charset=utf-8" */
    const struct zl_http_header *headers; /* more of them, ends with name NULL; constant or NULL */
    char *body;                           /* malloc'ed, taken by the server; NULL: empty */
    size_t body_length;
    struct zl_http_stream stream; /* instead of BODY; NEXT NULL: none */
};

struct zl_http_route {
    const char *method; /* "GET" also serves HEAD */
    const char *path;
    void (*handle)(void *ctx, const struct zl_http_request *request,
                   struct zl_http_response *response);
    /* A body that is JSON, of which only these members are kept, as they come in. NULL: all of a body is. */
    const struct zl_json_shape *shape;
    /*
     * Is it served at PATH? PATH above is not looked at then, and no answer names it: who does not know the path learns
     * nothing. Before a byte of the body is read. NULL: at its path alone.
     */
    bool (*serves)(void *ctx, const char *path);
};

struct zl_http_options {
    /* Numeric IPv4 or IPv6 to bind; a path: a unix socket, mode 0660; NULL: all addresses, both families. */
    const char *address;
    int64_t port;               /* 0: a free one, see zl_http_server_port */
    struct zl_key_slot *keys;   /* NULL: plain HTTP. Borrowed until the stop; may be empty at first:
                                   every handshake then fails. */
    const char *tls_priorities; /* of zl_tls_priorities; borrowed for the call */
    /*
     * Who may use routes other than GET: whoever shows a certificate for clients that one of these CAs (PEM) issued, and whose
     * common name is CLIENT_NAME (NULL: any). Others are answered 403, before a byte of the body is read. CLIENT_CA NULL: anybody may.
     * Only with KEYS. Borrowed for the call; CLIENT_NAME until the stop.
     */
    const char *client_ca, *client_name;
    int64_t connections_max;
    int64_t body_max_bytes;
    int64_t request_timeout_ms, idle_timeout_ms;
    const struct zl_http_route *routes; /* ends with path NULL */
    void *ctx;
};

/*
 * A port for probes and metrics. Kubelet opens a connection for each probe and Prometheus one for each scrape if it must, so
 * nobody needs one that is idle for longer.
 */
#define ZL_HTTP_PROBES_CONNECTIONS_MAX 64
#define ZL_HTTP_PROBES_IDLE_MS 5000

extern const struct zl_metric *const ZL_HTTP_METRICS[];

struct zl_http_server; /* opaque */

/* ZL_E_INVALID with address, port and cure: in use, no permission. */
enum zl_status zl_http_server_start(const struct zl_http_options *options,
                                    struct zl_http_server **out,
                                    struct zl_error *err) ZL_MUST_CHECK;
uint16_t zl_http_server_port(const struct zl_http_server *server); /* 0: a unix socket */
/*
 * From now on each answer says "Connection: close"; all else goes on, new connections too. A peer with kept connections has let go of
 * those that it uses when the server stops: what it sends on one just while that is closed gets no answer, and Go repeats no POST.
 */
void zl_http_server_leave(struct zl_http_server *server);
/*
 * Serve on for up to half of DRAIN_MS while anybody still asks, then stop accepting, wait for what is left of DRAIN_MS for requests in
 * flight, close everything, free. A handler that runs even longer is waited for; SERVER may be NULL.
 */
void zl_http_server_stop(struct zl_http_server *server, int64_t drain_ms);

/*
 * The exposition of common/base/metrics.h, after MEASURE has set what is measured at the scrape; or 503 while several others are
 * being answered: probes on the same port are not to wait for them.
 */
void zl_http_respond_metrics(struct zl_http_response *response, void (*measure)(void *ctx),
                             void *ctx);
/*
 * Is HOST, a request's header (NULL: none), this machine by one of its own names for the loopback, whatever the port? A page in somebody's
 * browser that lets its own name resolve to 127.0.0.1 sends that name: who serves the loopback alone refuses it.
 */
bool zl_http_host_is_local(const char *host);
/* Is it not? Then it was answered with 403. */
bool zl_http_refuses_host(const struct zl_http_request *request, struct zl_http_response *response);
/* Set status, type and a copy of TEXT. */
void zl_http_respond_text(struct zl_http_response *response, int status, const char *text);
/* Set status and type; TAKEN is the response's from now on. */
void zl_http_respond_json(struct zl_http_response *response, int status, char *taken);
/* For zl_http_stream.next: up to MAX bytes of what is left into OUT. @return how many */
long zl_http_text_send(struct zl_http_text *text, char *out, size_t max);

#endif
