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
#include "common/http/key_pair.h"
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
/* A record has room for 16 KiB, and a head is shorter than the rest. */
#define ONE_RECORD (12 * ZL_KIB)
/* Of a body's memory, for the next one on its connection. */
#define KEPT_FOR_NEXT (4 * ZL_KIB)
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
    bool is_cut;                       /* more was to be kept of it than may be */
    bool is_broken;                    /* no JSON: the rest is not looked at */
    size_t received;                   /* bytes of the body */
    size_t share;                      /* of the budget */
    bool is_held;                      /* the answer, until it is whole */
};

/*
 * A connection has a thread of its own, and one request after another. What a small body took is kept for the next one: to ask
 * for it each time is where threads meet.
 */
struct connection {
    struct zl_reaper_entry *entry;
    struct zl_key_shown keys;
    struct exchange exchange;
    struct zl_buf body;
    struct zl_json_pruner *pruner;     /* NULL: all of the body is kept */
    const struct zl_json_shape *shape; /* of the pruner */
};

/* --- the life of a request ------------------------------------------------------------------ */

static struct connection *connection_of(struct MHD_Connection *mhd)
{
    return MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

static int socket_of(struct MHD_Connection *connection)
{
    return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}

static gnutls_session_t session_of(struct MHD_Connection *mhd)
{
    return MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION)->tls_session;
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

static void drop_pruner(struct connection *connection)
{
    zl_json_pruner_free(ZL_STEAL(&connection->pruner));
    connection->shape = NULL;
}

static void drop_body(struct connection *connection)
{
    if (connection->body.capacity > KEPT_FOR_NEXT) {
        zl_buf_clear(&connection->body);
    } else {
        zl_buf_reset(&connection->body);
    }
    if (!zl_json_pruner_is_between(connection->pruner)) {
        drop_pruner(connection);
    }
    give_back(&connection->exchange);
}

/* The share that what is kept so far needs, and its tree. */
static bool charge(struct connection *connection)
{
    struct exchange *exchange = &connection->exchange;
    size_t needed =
        zl_budget_of_tree(connection->body.length + zl_json_pruner_kept(connection->pruner));
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
    struct connection *connection = ctx;
    if (kept->cut || !zl_buf_add(&connection->body, kept->text, kept->length)) {
        connection->exchange.is_cut = true;
        connection->exchange.refusal = 413;
    }
    (void)err;
    return ZL_OK;
}

static void have_pruner(struct connection *connection, const struct zl_json_shape *shape)
{
    if (shape != connection->shape) {
        drop_pruner(connection);
    }
    if (shape != NULL && connection->pruner == NULL) {
        connection->pruner = zl_json_pruner_new(shape, ZL_BODY_KEPT_MAX, keep, connection);
        connection->shape = shape;
    }
}

static void prune_body(struct connection *connection, const char *bytes, size_t length)
{
    struct exchange *exchange = &connection->exchange;
    if (exchange->is_broken) {
        return;
    }
    exchange->is_broken = zl_json_pruner_feed(connection->pruner, bytes, length, NULL) != ZL_OK;
    if (exchange->refusal == 0 && !charge(connection)) {
        exchange->refusal = 429;
    }
}

/* A refusal in the middle of a body is answered when that ends, within the request's deadline. */
static void take_body(const struct zl_http_server *server, struct connection *connection,
                      const char *bytes, size_t length)
{
    struct exchange *exchange = &connection->exchange;
    exchange->received += length;
    if (exchange->refusal != 0) {
        return;
    }
    if (exchange->received > server->served.body_max_bytes) {
        exchange->refusal = 413;
    } else if (connection->pruner != NULL) {
        prune_body(connection, bytes, length);
    } else {
        (void)zl_buf_add(&connection->body, bytes, length); /* there is room, see above */
    }
    if (exchange->refusal != 0) {
        drop_pruner(connection);
        drop_body(connection);
    }
}

/* A body with a shape that ended too early, or was no JSON, stays broken: whoever parses it says why. */
static void end_body(struct connection *connection)
{
    if (connection->pruner == NULL || connection->exchange.refusal != 0) {
        return;
    }
    if (connection->exchange.is_broken || zl_json_pruner_end(connection->pruner, NULL) != ZL_OK) {
        const char *rest = zl_json_pruner_rest(connection->pruner);
        (void)zl_buf_add_text(&connection->body, rest[0] != '\0' ? rest : ",");
        drop_pruner(connection);
    }
}

/* --- from the first byte to the answer ------------------------------------------------------ */

static enum MHD_Result finish(struct zl_http_server *server, struct MHD_Connection *mhd,
                              const char *path, const char *method)
{
    struct connection *connection = connection_of(mhd);
    const struct exchange *exchange = &connection->exchange;
    struct zl_http_response response = {.status = 200, .content_type = "text/plain; charset=utf-8"};
    end_body(connection);
    ZL_AUTO_FREE char *allow =
        exchange->refusal == 405 ? zl_http_methods_of(&server->served, path) : NULL;
    if (exchange->refusal != 0) {
        zl_http_refuse(&server->served, exchange->refusal, exchange->is_cut, allow, &response);
    } else {
        const struct zl_http_request request = {
            .method = method,
            .path = path,
            .content_type = header_of(mhd, MHD_HTTP_HEADER_CONTENT_TYPE),
            .host = header_of(mhd, MHD_HTTP_HEADER_HOST),
            .zen_lead = header_of(mhd, "zen-lead"),
            .fleet_lock = header_of(mhd, "fleet-lock-protocol"),
            .body = connection->body.data == NULL ? "" : connection->body.data,
            .body_length = connection->body.length,
        };
        zl_reaper_enter(server->reaper, connection->entry, ZL_REAPER_HANDLING);
        exchange->route->handle(server->served.ctx, &request, &response);
    }
    drop_body(connection);
    if (response.stream.next == NULL) { /* a stream has all the time in the world */
        zl_reaper_enter(server->reaper, connection->entry, ZL_REAPER_ANSWERING);
    }
    if (server->keys != NULL && response.stream.next == NULL &&
        response.body_length <= ONE_RECORD) {
        connection->exchange.is_held = true;
        zl_tls_hold_answer(session_of(mhd));
    }
    const struct zl_http_sending how = {.allow = allow,
                                        .is_page = strcmp(method, "POST") != 0,
                                        .closes = atomic_load(&server->leaving)};
    return zl_http_send(mhd, &response, &how);
}

/*
 * Probes come without a certificate. Who has none and asks for something else is not even told whether there is such a path.
 */
static bool may_use(const struct zl_http_server *server, struct MHD_Connection *connection,
                    const char *method)
{
    return !server->asks_clients || strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0 ||
           zl_client_is_known(session_of(connection), server->client_name);
}

/* The headers have been read. A body declared too large is refused here, before a byte of it. */
static enum MHD_Result begin(struct zl_http_server *server, struct MHD_Connection *mhd,
                             const char *path, const char *method)
{
    struct connection *connection = connection_of(mhd);
    struct exchange *exchange = &connection->exchange;
    *exchange = (struct exchange){.unread = declares_too_much(server, mhd)};
    bool may = may_use(server, mhd, method);
    exchange->route = may ? zl_http_find_route(&server->served, method, path) : NULL;
    if (!may) {
        exchange->refusal = 403;
    } else if (exchange->route == NULL) {
        ZL_AUTO_FREE char *methods = zl_http_methods_of(&server->served, path);
        exchange->refusal = methods[0] == '\0' ? 404 : 405;
    } else if (exchange->unread) {
        exchange->refusal = 413;
    }
    have_pruner(connection, exchange->refusal == 0 ? exchange->route->shape : NULL);
    zl_reaper_enter(server->reaper, connection->entry, ZL_REAPER_BODY);
    return exchange->unread ? finish(server, mhd, path, method) : MHD_YES;
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *mhd, const char *path,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_length, void **slot)
{
    (void)version;
    struct zl_http_server *server = ctx;
    if (*slot == NULL) {
        *slot = connection_of(mhd);
        return begin(server, mhd, path, method);
    }
    if (*upload_length == 0) {
        return finish(server, mhd, path, method);
    }
    take_body(server, connection_of(mhd), upload, *upload_length);
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

static void on_request_done(void *ctx, struct MHD_Connection *mhd, void **slot,
                            enum MHD_RequestTerminationCode why)
{
    struct zl_http_server *server = ctx;
    struct connection *connection = *slot;
    if (connection == NULL) {
        return;
    }
    *slot = NULL;
    if (connection->exchange.is_held && why == MHD_REQUEST_TERMINATED_COMPLETED_OK) {
        zl_tls_send_answer(session_of(mhd), socket_of(mhd));
    }
    if (connection->exchange.unread && why == MHD_REQUEST_TERMINATED_COMPLETED_OK) {
        linger(socket_of(mhd));
    }
    zl_reaper_enter(server->reaper, connection->entry, ZL_REAPER_IDLE);
    drop_body(connection);
}

/*
 * Sessions have no context of their own but this pointer; libmicrohttpd uses it for pre-shared keys alone,
 * and has set it when it tells of the connection, before the handshake.
 */
static void name_slot(const struct zl_http_server *server, struct MHD_Connection *mhd,
                      struct connection *connection)
{
    if (server->keys != NULL) {
        connection->keys.slot = server->keys;
        gnutls_session_set_ptr(session_of(mhd), &connection->keys);
    }
}

/* "Closed" comes before the close of the socket, as zl_reaper_add asks. */
static void on_connection(void *ctx, struct MHD_Connection *mhd, void **slot,
                          enum MHD_ConnectionNotificationCode what)
{
    struct zl_http_server *server = ctx;
    struct connection *connection = *slot;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        connection = zl_alloc(sizeof *connection);
        name_slot(server, mhd, connection);
        zl_buf_init(&connection->body, server->served.body_max_bytes);
        connection->entry = zl_reaper_add(server->reaper, socket_of(mhd));
        *slot = connection;
    } else if (connection != NULL) {
        zl_reaper_remove(server->reaper, connection->entry);
        drop_pruner(connection);
        zl_buf_clear(&connection->body);
        zl_key_pair_free(connection->keys.pair);
        free(connection);
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
