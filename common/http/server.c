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
#define ROUTE_LIST_MAX ZL_KIB

struct zl_http_server {
    struct MHD_Daemon *daemon;
    struct zl_reaper *reaper;
    const struct zl_http_route *routes;
    void *ctx;
    struct zl_key_slot *keys; /* NULL: plain HTTP */
    size_t body_max_bytes;
    uint16_t port;
    atomic_bool stopping;
};

/* One request, from its headers to the end of its answer. */
struct exchange {
    const struct zl_http_route *route; /* NULL when refused */
    int refusal;                       /* 0, 404, 405, 413 */
    bool unread;                       /* refused without reading the body */
    struct zl_buf body;
};

/* --- what is answered ----------------------------------------------------------------------- */

void zl_http_respond_text(struct zl_http_response *response, int status, const char *text)
{
    free(response->body);
    response->status = status;
    response->content_type = "text/plain; charset=utf-8";
    response->body = zl_strdup(text);
    response->body_length = strlen(text);
}

static const struct zl_http_route *find_route(const struct zl_http_server *server,
                                              const char *method, const char *path)
{
    const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;
    for (const struct zl_http_route *route = server->routes; route->path != NULL; route++) {
        if (strcmp(route->path, path) == 0 && strcmp(route->method, wanted) == 0) {
            return route;
        }
    }
    return NULL;
}

/* "GET, HEAD" for Allow; "" when nothing is served at PATH. */
static char *methods_of(const struct zl_http_server *server, const char *path)
{
    struct zl_buf list;
    zl_buf_init(&list, ROUTE_LIST_MAX);
    for (const struct zl_http_route *route = server->routes; route->path != NULL; route++) {
        if (strcmp(route->path, path) != 0) {
            continue;
        }
        zl_buf_printf(&list, "%s%s%s", list.length == 0 ? "" : ", ", route->method,
                      strcmp(route->method, "GET") == 0 ? ", HEAD" : "");
    }
    return zl_buf_take(&list);
}

static void respond_not_found(const struct zl_http_server *server,
                              struct zl_http_response *response)
{
    ZL_AUTO_BUF struct zl_buf text;
    zl_buf_init(&text, ROUTE_LIST_MAX);
    zl_buf_add_text(&text, "404: nothing is served at this path; there is");
    for (const struct zl_http_route *route = server->routes; route->path != NULL; route++) {
        zl_buf_printf(&text, "%s %s %s", route == server->routes ? "" : ",", route->method,
                      route->path);
    }
    zl_buf_add_text(&text, "\n");
    zl_http_respond_text(response, 404, text.data);
}

static void respond_refusal(const struct zl_http_server *server, int refusal, const char *allow,
                            struct zl_http_response *response)
{
    if (refusal == 404) {
        respond_not_found(server, response);
        return;
    }
    ZL_AUTO_FREE char *text =
        refusal == 405
            ? zl_asprintf("405: this path serves %s\n", allow)
            : zl_asprintf("413: the body is larger than %zu bytes\n", server->body_max_bytes);
    zl_http_respond_text(response, refusal, text);
}

/* Takes the body of RESPONSE. */
static enum MHD_Result send_response(const struct zl_http_server *server,
                                     struct MHD_Connection *connection,
                                     struct zl_http_response *response, const char *allow)
{
    if (response->body == NULL) {
        zl_http_respond_text(response, response->status, "");
    }
    struct MHD_Response *message = MHD_create_response_from_buffer(
        response->body_length, response->body, MHD_RESPMEM_MUST_FREE);
    if (message == NULL) {
        free(response->body);
        return MHD_NO;
    }
    MHD_add_response_header(message, MHD_HTTP_HEADER_CONTENT_TYPE, response->content_type);
    MHD_add_response_header(message, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(message, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    if (allow != NULL) {
        MHD_add_response_header(message, MHD_HTTP_HEADER_ALLOW, allow);
    }
    if (atomic_load(&server->stopping)) {
        MHD_add_response_header(message, MHD_HTTP_HEADER_CONNECTION, "close");
    }
    enum MHD_Result result = MHD_queue_response(connection, (unsigned)response->status, message);
    MHD_destroy_response(message);
    return result;
}

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
           (uint64_t)length > server->body_max_bytes;
}

static enum MHD_Result finish(struct zl_http_server *server, struct exchange *exchange,
                              struct MHD_Connection *connection, const char *path,
                              const char *method)
{
    struct zl_http_response response = {.status = 200, .content_type = "text/plain; charset=utf-8"};
    ZL_AUTO_FREE char *allow = exchange->refusal == 405 ? methods_of(server, path) : NULL;
    if (exchange->refusal != 0) {
        respond_refusal(server, exchange->refusal, allow, &response);
    } else {
        const struct zl_http_request request = {
            .method = method,
            .path = path,
            .content_type = header_of(connection, MHD_HTTP_HEADER_CONTENT_TYPE),
            .body = exchange->body.data == NULL ? "" : exchange->body.data,
            .body_length = exchange->body.length,
        };
        zl_reaper_enter(server->reaper, entry_of(connection), ZL_REAPER_HANDLING);
        exchange->route->handle(server->ctx, &request, &response);
    }
    zl_reaper_enter(server->reaper, entry_of(connection), ZL_REAPER_ANSWERING);
    return send_response(server, connection, &response, allow);
}

/* The headers have been read. A body declared too large is refused here, before a byte of it. */
static enum MHD_Result begin(struct zl_http_server *server, struct MHD_Connection *connection,
                             const char *path, const char *method, struct exchange **out)
{
    struct exchange *exchange = zl_alloc(sizeof *exchange);
    *out = exchange;
    zl_buf_init(&exchange->body, server->body_max_bytes);
    exchange->route = find_route(server, method, path);
    exchange->unread = declares_too_much(server, connection);
    if (exchange->route == NULL) {
        ZL_AUTO_FREE char *methods = methods_of(server, path);
        exchange->refusal = methods[0] == '\0' ? 404 : 405;
    } else if (exchange->unread) {
        exchange->refusal = 413;
    }
    zl_reaper_enter(server->reaper, entry_of(connection), ZL_REAPER_BODY);
    return exchange->unread ? finish(server, exchange, connection, path, method) : MHD_YES;
}

static void take_body(struct exchange *exchange, const char *bytes, size_t length)
{
    if (exchange->refusal != 0 || zl_buf_add(&exchange->body, bytes, length)) {
        return;
    }
    exchange->refusal =
        413; /* a chunked body: answered when it ends, within the request's deadline */
    zl_buf_clear(&exchange->body);
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
    take_body(exchange, upload, *upload_length);
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
    zl_buf_clear(&exchange->body);
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
    /* the TLS options come last: for plain HTTP the list ends before them */
    return MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, server, MHD_OPTION_EXTERNAL_LOGGER, log_line, NULL,
        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)options->connections_max, MHD_OPTION_THREAD_STACK_SIZE,
        (size_t)THREAD_STACK_BYTES, MHD_OPTION_NOTIFY_CONNECTION, on_connection, server,
        MHD_OPTION_NOTIFY_COMPLETED, on_request_done, server, MHD_OPTION_UNESCAPE_CALLBACK,
        keep_escapes, NULL,
        options->keys != NULL ? MHD_OPTION_HTTPS_CERT_CALLBACK2 : MHD_OPTION_END, zl_key_slot_show,
        MHD_OPTION_HTTPS_PRIORITIES, options->tls_priorities, MHD_OPTION_END);
}

static enum zl_status check_options(const struct zl_http_options *options, struct zl_error *err)
{
    if (options->connections_max < 1 || options->connections_max > INT_MAX ||
        options->body_max_bytes < 0 || options->request_timeout_ms < 1 ||
        options->idle_timeout_ms < 1) {
        return zl_error_set(err, ZL_E_INVALID,
                            "the HTTP server's limits and timeouts must be positive");
    }
    return ZL_OK;
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
    server->routes = options->routes;
    server->ctx = options->ctx;
    server->keys = options->keys;
    server->body_max_bytes = (size_t)options->body_max_bytes;
    server->port = zl_http_local_port(fd);
    server->reaper = zl_reaper_start(options->request_timeout_ms, options->idle_timeout_ms);
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

void zl_http_server_stop(struct zl_http_server *server, int64_t drain_ms)
{
    if (server == NULL) {
        return;
    }
    atomic_store(&server->stopping, true);
    int fd = MHD_quiesce_daemon(server->daemon);
    if (!zl_reaper_wait_quiet(server->reaper, drain_ms)) {
        ZL_LOG_WARN("http server stopped with requests under way", ZL_I64("drainMs", drain_ms));
    }
    MHD_stop_daemon(server->daemon); /* joins: a handler that still runs is waited for */
    close(fd);
    zl_reaper_stop(server->reaper);
    free(server);
}
