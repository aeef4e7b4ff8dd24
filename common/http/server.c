/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.c - libmicrohttpd with the rules of server.h.
 *
 * One thread per connection, because a handler may wait for the API server. The life of a request:
 *
 *   on_connection(started) -> on_request(begin) -> on_request(body)* -> on_request(finish)
 *     -> handler -> answer -> on_request_done -> next request, or on_connection(closed)
 *
 * main must ignore SIGPIPE: GnuTLS writes to sockets that a peer may have closed.
 */
#include "common/http/server.h"

#include "common/base/budget.h"
#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/parse.h"
#include "common/http/server_internal.h"

#include <limits.h>
#include <microhttpd.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * A handler parses JSON (cJSON recurses two frames of about 200 bytes per level, 128 levels: 50 KiB)
 * and may open a TLS connection (getaddrinfo and OpenSSL: under 100 KiB). Twice that with room for
 * the larger frames of sanitizer builds. Address space only: untouched pages cost nothing.
 */
#define THREAD_STACK_BYTES (512 * ZL_KIB)

/* How long the rest of a refused body is thrown away so that the peer can read why. */
#define LINGER_MS 1000
/* Connections that have been told to leave, and whose threads have not done so: the reaper keeps the limit. */
#define LEAVING_MAX 128
/* So that not every packet of a body asks for a larger share. */
#define SHARE_STEP (16 * ZL_KIB)
/* Nobody asks any more when for so long nobody has: a kube-proxy that is late still leads here. */
#define CALM_MS 500

struct zl_http_server {
    struct MHD_Daemon *daemon;
    struct zl_reaper *reaper;
    struct zl_http_served served;
    struct zl_key_slot *keys; /* NULL: plain HTTP */
    bool asks_clients;        /* for a certificate */
    const char *client_name;  /* that it has to have; NULL: any */
    uint16_t port;
    atomic_bool leaving; /* each answer is the last one on its connection */
};

/* One request, from its headers to the end of its answer. */
struct exchange {
    const struct zl_http_route *route; /* NULL when refused */
    int refusal;                       /* 0, 403, 404, 405, 413, 429 */
    bool unread;                       /* refused without reading the body */
    struct zl_buf body;
    struct zl_json_pruner *pruner; /* of the body; NULL: all of it is kept */
    bool is_cut;                   /* more was to be kept of it than may be */
    bool is_broken;                /* no JSON: the rest is not looked at */
    size_t received;               /* bytes of the body */
    size_t share;                  /* of the budget */
};

/* --- the life of a request ------------------------------------------------------------------ */

static struct zl_reaper_entry *entry_of(struct MHD_Connection *connection)
{
    return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

static int socket_of(struct MHD_Connection *connection)
{
    return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}

static const char *header_of(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static bool declares_too_much(const struct zl_http_server *server,
                              struct MHD_Connection *connection)
{
    const char *text = header_of(connection, MHD_HTTP_HEADER_CONTENT_LENGTH);
    int64_t length;
    if (text == NULL) {
        return false;
    }
    return zl_parse_i64(text, 0, INT64_MAX, &length, NULL) != ZL_OK ||
           (uint64_t)length > server->served.body_max_bytes;
}

/* --- bodies ------------------------------------------------------------------------------- */

static void give_back(struct exchange *exchange)
{
    if (exchange->share > 0) {
        zl_budget_give(zl_budget_of_request(exchange->share), exchange->share);
        exchange->share = 0;
    }
}

static void drop_body(struct exchange *exchange)
{
    zl_buf_clear(&exchange->body);
    zl_json_pruner_free(ZL_STEAL(&exchange->pruner));
    give_back(exchange);
}

/* The share that what is kept so far needs, and its tree. */
static bool charge(struct exchange *exchange)
{
    size_t needed =
        zl_budget_of_tree(exchange->body.length + zl_json_pruner_kept(exchange->pruner));
    needed = (needed + SHARE_STEP - 1) / SHARE_STEP * SHARE_STEP;
    if (needed <= exchange->share) {
        return true;
    }
    give_back(exchange);
    exchange->share = zl_budget_try(zl_budget_of_request(needed), needed) ? needed : 0;
    return exchange->share > 0;
}

static enum zl_status keep(void *ctx, const struct zl_json_kept *kept, struct zl_error *err)
{
    struct exchange *exchange = ctx;
    if (kept->cut || !zl_buf_add(&exchange->body, kept->text, kept->length)) {
        exchange->is_cut = true;
        exchange->refusal = 413;
    }
    (void)err;
    return ZL_OK;
}

static void prune_body(struct exchange *exchange, const char *bytes, size_t length)
{
    if (exchange->is_broken) {
        return;
    }
    exchange->is_broken = zl_json_pruner_feed(exchange->pruner, bytes, length, NULL) != ZL_OK;
    if (exchange->refusal == 0 && !charge(exchange)) {
        exchange->refusal = 429;
    }
}

/* A refusal in the middle of a body is answered when that ends, within the request's deadline. */
static void take_body(struct zl_http_server *server, struct exchange *exchange, const char *bytes,
                      size_t length)
{
    exchange->received += length;
    if (exchange->refusal != 0) {
        return;
    }
    if (exchange->received > server->served.body_max_bytes) {
        exchange->refusal = 413;
    } else if (exchange->pruner != NULL) {
        prune_body(exchange, bytes, length);
    } else {
        (void)zl_buf_add(&exchange->body, bytes, length); /* there is room, see above */
    }
    if (exchange->refusal != 0) {
        drop_body(exchange);
    }
}

/* A body with a shape that ended too early, or was no JSON, stays broken: whoever parses it says why. */
static void end_body(struct exchange *exchange)
{
    if (exchange->pruner == NULL || exchange->refusal != 0) {
        return;
    }
    if (exchange->is_broken || zl_json_pruner_end(exchange->pruner, NULL) != ZL_OK) {
        const char *rest = zl_json_pruner_rest(exchange->pruner);
        (void)zl_buf_add_text(&exchange->body, rest[0] != '\0' ? rest : ",");
    }
}

/* --- from the first byte to the answer ------------------------------------------------------ */

static enum MHD_Result finish(struct zl_http_server *server, struct exchange *exchange,
                              struct MHD_Connection *connection, const char *path,
                              const char *method)
{
    struct zl_http_response response = {.status = 200, .content_type = "text/plain; charset=utf-8"};
    end_body(exchange);
    ZL_AUTO_FREE char *allow =
        exchange->refusal == 405 ? zl_http_methods_of(&server->served, path) : NULL;
    if (exchange->refusal != 0) {
        zl_http_refuse(&server->served, exchange->refusal, exchange->is_cut, allow, &response);
    } else {
        const struct zl_http_request request = {
            .method = method,
            .path = path,
            .content_type = header_of(connection, MHD_HTTP_HEADER_CONTENT_TYPE),
            .host = header_of(connection, MHD_HTTP_HEADER_HOST),
            .zen_lead = header_of(connection, "zen-lead"),
            .fleet_lock = header_of(connection, "fleet-lock-protocol"),
            .body = exchange->body.data == NULL ? "" : exchange->body.data,
            .body_length = exchange->body.length,
        };
        zl_reaper_enter(server->reaper, entry_of(connection), ZL_REAPER_HANDLING);
        exchange->route->handle(server->served.ctx, &request, &response);
    }
    drop_body(exchange);
    if (response.stream.next == NULL) { /* a stream has all the time in the world */
        zl_reaper_enter(server->reaper, entry_of(connection), ZL_REAPER_ANSWERING);
    }
    return zl_http_send(connection, &response, allow, atomic_load(&server->leaving));
}

/*
 * Probes come without a certificate. Who has none and asks for something else is not even told whether there is such a path.
 */
static bool may_use(const struct zl_http_server *server, struct MHD_Connection *connection,
                    const char *method)
{
    return !server->asks_clients || strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0 ||
           zl_client_is_known(
               MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION)->tls_session,
               server->client_name);
}

/* The headers have been read. A body declared too large is refused here, before a byte of it. */
static enum MHD_Result begin(struct zl_http_server *server, struct MHD_Connection *connection,
                             const char *path, const char *method, struct exchange **out)
{
    struct exchange *exchange = zl_alloc(sizeof *exchange);
    *out = exchange;
    zl_buf_init(&exchange->body, server->served.body_max_bytes);
    exchange->unread = declares_too_much(server, connection);
    bool may = may_use(server, connection, method);
    exchange->route = may ? zl_http_find_route(&server->served, method, path) : NULL;
    if (!may) {
        exchange->refusal = 403;
    } else if (exchange->route == NULL) {
        ZL_AUTO_FREE char *methods = zl_http_methods_of(&server->served, path);
        exchange->refusal = methods[0] == '\0' ? 404 : 405;
    } else if (exchange->unread) {
        exchange->refusal = 413;
    }
    if (exchange->refusal == 0 && exchange->route->shape != NULL) {
        exchange->pruner =
            zl_json_pruner_new(exchange->route->shape, ZL_BODY_KEPT_MAX, keep, exchange);
    }
    zl_reaper_enter(server->reaper, entry_of(connection), ZL_REAPER_BODY);
    return exchange->unread ? finish(server, exchange, connection, path, method) : MHD_YES;
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_length, void **slot)
{
    (void)version;
    struct zl_http_server *server = ctx;
    struct exchange *exchange = *slot;
    if (exchange == NULL) {
        enum MHD_Result result = begin(server, connection, path, method, &exchange);
        *slot = exchange;
        return result;
    }
    if (*upload_length == 0) {
        return finish(server, exchange, connection, path, method);
    }
    take_body(server, exchange, upload, *upload_length);
    *upload_length = 0;
    return MHD_YES;
}

/*
 * Closing a socket that has unread bytes makes the kernel send a reset, which can destroy the answer
 * on its way. So end our direction, and throw away what still comes until the peer closes too.
 */
static void linger(int fd)
{
    char scrap[16 * 1024];
    int64_t until_ms = zl_clock_ms() + LINGER_MS;
    shutdown(fd, SHUT_WR);
    for (;;) {
        int64_t left_ms = until_ms - zl_clock_ms();
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        if (left_ms <= 0 || poll(&ready, 1, (int)left_ms) <= 0) {
            return;
        }
        if (recv(fd, scrap, sizeof scrap, MSG_DONTWAIT) <= 0) {
            return;
        }
    }
}

static void on_request_done(void *ctx, struct MHD_Connection *connection, void **slot,
                            enum MHD_RequestTerminationCode why)
{
    struct zl_http_server *server = ctx;
    struct exchange *exchange = *slot;
    if (exchange == NULL) {
        return;
    }
    *slot = NULL;
    if (exchange->unread && why == MHD_REQUEST_TERMINATED_COMPLETED_OK) {
        linger(socket_of(connection));
    }
    zl_reaper_enter(server->reaper, entry_of(connection), ZL_REAPER_IDLE);
    drop_body(exchange);
    free(exchange);
}

/*
 * Sessions have no context of their own but this pointer; libmicrohttpd uses it for pre-shared keys alone,
 * and has set it when it tells of the connection, before the handshake.
 */
static void name_slot(const struct zl_http_server *server, struct MHD_Connection *connection)
{
    if (server->keys != NULL) {
        gnutls_session_set_ptr(
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION)->tls_session,
            server->keys);
    }
}

/* "Closed" comes before the close of the socket, as zl_reaper_add asks. */
static void on_connection(void *ctx, struct MHD_Connection *connection, void **slot,
                          enum MHD_ConnectionNotificationCode what)
{
    struct zl_http_server *server = ctx;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        name_slot(server, connection);
        *slot = zl_reaper_add(server->reaper, socket_of(connection));
    } else if (*slot != NULL) {
        zl_reaper_remove(server->reaper, *slot);
    }
}

/* Paths are compared as they were sent: "%00" must not cut one short. */
static size_t keep_escapes(void *ctx, struct MHD_Connection *connection, char *text)
{
    (void)ctx, (void)connection;
    return strlen(text);
}

static void log_line(void *ctx, const char *format, va_list arguments) ZL_PRINTF(2, 0);
static void log_line(void *ctx, const char *format, va_list arguments)
{
    (void)ctx;
    char text[256];
    vsnprintf(text, sizeof text, format, arguments);
    text[strcspn(text, "\n")] = '\0';
    ZL_LOG_DEBUG("http server", ZL_STR("detail", text));
}

/* --- start and stop ------------------------------------------------------------------------- */

static struct MHD_Daemon *start_daemon(struct zl_http_server *server,
                                       const struct zl_http_options *options, int fd)
{
    unsigned flags = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL_INTERNAL_THREAD | MHD_USE_ITC |
                     MHD_USE_ERROR_LOG;
    if (options->keys != NULL) {
        flags |= MHD_USE_TLS;
    }
    const unsigned limit = (unsigned)(options->connections_max + LEAVING_MAX);
    /* the TLS options come last: for plain HTTP the list ends before them */
    return MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, server, MHD_OPTION_EXTERNAL_LOGGER, log_line, NULL,
        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, limit,
        MHD_OPTION_THREAD_STACK_SIZE, (size_t)THREAD_STACK_BYTES, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, server, MHD_OPTION_NOTIFY_COMPLETED, on_request_done, server,
        MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL,
        options->keys != NULL ? MHD_OPTION_HTTPS_CERT_CALLBACK2 : MHD_OPTION_END, zl_key_slot_show,
        MHD_OPTION_HTTPS_PRIORITIES, options->tls_priorities,
        options->client_ca != NULL ? MHD_OPTION_HTTPS_MEM_TRUST : MHD_OPTION_END,
        options->client_ca, MHD_OPTION_END);
}

static enum zl_status check_options(const struct zl_http_options *options, struct zl_error *err)
{
    if (options->connections_max < 1 || options->connections_max > INT_MAX - LEAVING_MAX ||
        options->body_max_bytes < 0 || options->request_timeout_ms < 1 ||
        options->idle_timeout_ms < 1) {
        return zl_error_set(err, ZL_E_INVALID,
                            "the HTTP server's limits and timeouts must be positive");
    }
    return options->client_ca != NULL ? zl_client_ca_check(options->client_ca, err) : ZL_OK;
}

enum zl_status zl_http_server_start(const struct zl_http_options *options,
                                    struct zl_http_server **out, struct zl_error *err)
{
    int fd = -1;
    enum zl_status status = check_options(options, err);
    if (status == ZL_OK) {
        status = zl_http_listen(options->address, options->port, &fd, err);
    }
    if (status != ZL_OK) {
        return status;
    }
    struct zl_http_server *server = zl_alloc(sizeof *server);
    server->served.routes = options->routes;
    server->served.ctx = options->ctx;
    server->keys = options->keys;
    server->asks_clients = options->client_ca != NULL;
    server->client_name = options->client_name;
    server->served.body_max_bytes = (size_t)options->body_max_bytes;
    server->port = zl_http_local_port(fd);
    const struct zl_reaper_limits limits = {.request_timeout_ms = options->request_timeout_ms,
                                            .idle_timeout_ms = options->idle_timeout_ms,
                                            .connections_max = (size_t)options->connections_max};
    server->reaper = zl_reaper_start(&limits);
    server->daemon = start_daemon(server, options, fd);
    if (server->daemon == NULL) {
        zl_reaper_stop(server->reaper); /* FD: libmicrohttpd has closed it */
        free(server);
        return zl_error_set(err, ZL_E_INVALID,
                            "the HTTP server refused to start on port %d: the process may not have "
                            "more threads, or its TLS library does not know the ciphers asked for "
                            "(log level debug shows which)",
                            (int)options->port);
    }
    *out = server;
    return ZL_OK;
}

uint16_t zl_http_server_port(const struct zl_http_server *server)
{
    return server->port;
}

void zl_http_server_leave(struct zl_http_server *server)
{
    atomic_store(&server->leaving, true);
}

void zl_http_server_stop(struct zl_http_server *server, int64_t drain_ms)
{
    if (server == NULL) {
        return;
    }
    const int64_t until_ms = zl_clock_ms() + drain_ms;
    zl_http_server_leave(server);
    zl_reaper_wait_calm(server->reaper, CALM_MS, drain_ms / 2);
    int fd = MHD_quiesce_daemon(server->daemon);
    if (!zl_reaper_wait_quiet(server->reaper, drain_ms > 0 ? zl_clock_left_ms(until_ms) : 0)) {
        ZL_LOG_WARN("http server stopped with requests under way", ZL_I64("drainMs", drain_ms));
    }
    MHD_stop_daemon(server->daemon); /* joins: a handler that still runs is waited for */
    close(fd);
    zl_reaper_stop(server->reaper);
    free(server);
}
