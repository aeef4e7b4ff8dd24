/* SPDX-License-Identifier: Apache-2.0 */
#include "test/unit/peer.h"

#include "common/base/buf.h"
#include "common/base/parse.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>

#define REQUEST_MAX (16ul << 20)

struct connection {
    struct zl_peer *peer;
    struct connection *next;
    pthread_t thread;
    int fd; /* -1 once closed; guarded by the peer's lock */
};

struct zl_peer {
    void (*serve)(void *ctx, struct zl_peer_call *call);
    void *ctx;
    int listener;
    uint16_t port;
    pthread_t acceptor;
    pthread_mutex_t lock; /* everything below */
    struct connection *connections;
    bool stopping;
    int calls;
};

struct zl_peer_call {
    int fd;
    int number;
    char *head; /* the request's head; its lines are cut apart by NULs */
    size_t head_length;
    const char *method;
    const char *path;
    const char *headers; /* first header line */
    char *body;
    bool answered; /* something was sent, or the connection was held or cut */
    bool broken;   /* the connection cannot carry another request */
};

static void fail(const char *what)
{
    perror(what);
    abort();
}

static bool send_all(struct zl_peer_call *call, const char *bytes, size_t length)
{
    call->answered = true;
    while (length > 0 && !call->broken) {
        ssize_t sent = send(call->fd, bytes, length, MSG_NOSIGNAL);
        if (sent <= 0) {
            call->broken = true;
            break;
        }
        bytes += sent;
        length -= (size_t)sent;
    }
    return !call->broken;
}

const char *zl_peer_method(const struct zl_peer_call *call)
{
    return call->method;
}

const char *zl_peer_path(const struct zl_peer_call *call)
{
    return call->path;
}

const char *zl_peer_body(const struct zl_peer_call *call)
{
    return call->body;
}

int zl_peer_number(const struct zl_peer_call *call)
{
    return call->number;
}

const char *zl_peer_header(const struct zl_peer_call *call, const char *name)
{
    const char *end = call->head + call->head_length;
    size_t length = strlen(name);
    for (const char *line = call->headers; line < end; line += strlen(line) + 1) {
        if (strncasecmp(line, name, length) == 0 && line[length] == ':') {
            return line + length + 1 + strspn(line + length + 1, " ");
        }
    }
    return NULL;
}

void zl_peer_answer(struct zl_peer_call *call, int status, const char *extra, const char *body)
{
    ZL_AUTO_FREE char *text =
        zl_asprintf("HTTP/1.1 %d Scripted\r\nContent-Type: application/json\r\n"
                    "Content-Length: %zu\r\n%s\r\n%s",
                    status, strlen(body), extra ? extra : "", body);
    send_all(call, text, strlen(text));
}

void zl_peer_begin(struct zl_peer_call *call, int status)
{
    ZL_AUTO_FREE char *text =
        zl_asprintf("HTTP/1.1 %d Scripted\r\nContent-Type: application/json\r\n"
                    "Transfer-Encoding: chunked\r\n\r\n",
                    status);
    send_all(call, text, strlen(text));
}

void zl_peer_piece(struct zl_peer_call *call, const char *bytes, size_t length)
{
    ZL_AUTO_FREE char *size = zl_asprintf("%zx\r\n", length);
    if (length > 0 && send_all(call, size, strlen(size)) && send_all(call, bytes, length)) {
        send_all(call, "\r\n", 2);
    }
}

void zl_peer_end(struct zl_peer_call *call)
{
    send_all(call, "0\r\n\r\n", 5);
}

void zl_peer_cut(struct zl_peer_call *call)
{
    call->answered = true;
    call->broken = true;
    shutdown(call->fd, SHUT_RDWR);
}

void zl_peer_hold(struct zl_peer_call *call)
{
    char byte;
    call->answered = true;
    call->broken = true;
    while (recv(call->fd, &byte, 1, 0) > 0) {
    }
}

/* Read until IN holds at least WANTED bytes; false at the end of the connection. */
static bool fill(int fd, struct zl_buf *in, size_t wanted)
{
    char bytes[16384];
    while (in->length < wanted) {
        ssize_t got = recv(fd, bytes, sizeof bytes, 0);
        if (got <= 0 || !zl_buf_add(in, bytes, (size_t)got)) {
            return false;
        }
    }
    return true;
}

static bool read_head(int fd, struct zl_buf *in, struct zl_peer_call *call)
{
    const char *end = NULL;
    while (in->length == 0 || (end = memmem(in->data, in->length, "\r\n\r\n", 4)) == NULL) {
        if (!fill(fd, in, in->length + 1)) {
            return false;
        }
    }
    call->head_length = (size_t)(end - in->data) + 2;
    call->head = zl_strndup(in->data, call->head_length);
    zl_buf_drop(in, call->head_length + 2);
    for (char *at = call->head; *at != '\0'; at++) {
        if (at[0] == '\r' && at[1] == '\n') {
            *at++ = '\0'; /* two NULs end a line: an empty one follows, which matches no name */
            *at = '\0';
        }
    }
    return true;
}

/* "GET /path HTTP/1.1" becomes method and path. */
static bool split_request_line(struct zl_peer_call *call)
{
    call->headers = call->head + strlen(call->head) + 2;
    char *space = strchr(call->head, ' ');
    if (space == NULL) {
        return false;
    }
    *space = '\0';
    call->method = call->head;
    call->path = space + 1;
    char *version = strchr(space + 1, ' ');
    if (version == NULL) {
        return false;
    }
    *version = '\0';
    return true;
}

static bool read_call(int fd, struct zl_buf *in, struct zl_peer_call *call)
{
    if (!read_head(fd, in, call) || !split_request_line(call)) {
        return false;
    }
    int64_t length = 0;
    const char *text = zl_peer_header(call, "Content-Length");
    if (text != NULL && zl_parse_i64(text, 0, REQUEST_MAX / 2, &length, NULL) != ZL_OK) {
        return false;
    }
    if (zl_peer_header(call, "Expect") != NULL) {
        send_all(call, "HTTP/1.1 100 Continue\r\n\r\n", 25);
        call->answered = false;
    }
    if (!fill(fd, in, (size_t)length)) {
        return false;
    }
    call->body = zl_strndup(in->data ? in->data : "", (size_t)length);
    zl_buf_drop(in, (size_t)length);
    return true;
}

/* One request and its answer; false when the connection is over. */
static bool serve_one(struct zl_peer *peer, int fd, struct zl_buf *in)
{
    struct zl_peer_call call = {.fd = fd};
    bool alive = read_call(fd, in, &call);
    if (alive) {
        pthread_mutex_lock(&peer->lock);
        call.number = ++peer->calls;
        pthread_mutex_unlock(&peer->lock);
        peer->serve(peer->ctx, &call);
        alive = call.answered && !call.broken;
    }
    free(call.head);
    free(call.body);
    return alive;
}

static void *run_connection(void *argument)
{
    struct connection *connection = argument;
    struct zl_peer *peer = connection->peer;
    struct zl_buf in;
    zl_buf_init(&in, REQUEST_MAX);
    int fd = connection->fd;
    while (serve_one(peer, fd, &in)) {
    }
    zl_buf_clear(&in);
    pthread_mutex_lock(&peer->lock);
    connection->fd = -1;
    close(fd);
    pthread_mutex_unlock(&peer->lock);
    return NULL;
}

static void add_connection(struct zl_peer *peer, int fd)
{
    struct connection *connection = zl_alloc(sizeof *connection);
    connection->peer = peer;
    connection->fd = fd;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    pthread_mutex_lock(&peer->lock);
    if (peer->stopping ||
        pthread_create(&connection->thread, NULL, run_connection, connection) != 0) {
        close(fd);
        free(connection);
    } else {
        connection->next = peer->connections;
        peer->connections = connection;
    }
    pthread_mutex_unlock(&peer->lock);
}

static void *run_acceptor(void *argument)
{
    struct zl_peer *peer = argument;
    for (;;) {
        int fd = accept4(peer->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0) {
            return NULL; /* zl_peer_stop shut the listener down */
        }
        add_connection(peer, fd);
    }
}

struct zl_peer *zl_peer_start(void (*serve)(void *ctx, struct zl_peer_call *call), void *ctx)
{
    struct zl_peer *peer = zl_alloc(sizeof *peer);
    peer->serve = serve;
    peer->ctx = ctx;
    pthread_mutex_init(&peer->lock, NULL);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    peer->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (peer->listener < 0 || bind(peer->listener, (struct sockaddr *)&address, length) != 0 ||
        listen(peer->listener, 64) != 0 ||
        getsockname(peer->listener, (struct sockaddr *)&address, &length) != 0) {
        fail("the peer's listener");
    }
    peer->port = ntohs(address.sin_port);
    if (pthread_create(&peer->acceptor, NULL, run_acceptor, peer) != 0) {
        fail("the peer's thread");
    }
    return peer;
}

void zl_peer_stop(struct zl_peer *peer)
{
    if (peer == NULL) {
        return;
    }
    pthread_mutex_lock(&peer->lock);
    peer->stopping = true;
    for (struct connection *each = peer->connections; each != NULL; each = each->next) {
        if (each->fd >= 0) {
            shutdown(each->fd, SHUT_RDWR);
        }
    }
    pthread_mutex_unlock(&peer->lock);
    shutdown(peer->listener, SHUT_RDWR);
    pthread_join(peer->acceptor, NULL);
    close(peer->listener);
    while (peer->connections != NULL) {
        struct connection *each = peer->connections;
        peer->connections = each->next;
        pthread_join(each->thread, NULL);
        free(each);
    }
    pthread_mutex_destroy(&peer->lock);
    free(peer);
}

uint16_t zl_peer_port(const struct zl_peer *peer)
{
    return peer->port;
}

char *zl_peer_url(const struct zl_peer *peer)
{
    return zl_asprintf("http://127.0.0.1:%u", (unsigned)peer->port);
}

char *zl_peer_kubeconfig(const struct zl_peer *peer)
{
    char path[] = "/tmp/zl-peer.XXXXXX";
    const int fd = mkstemp(path);
    ZL_AUTO_FREE char *url = zl_peer_url(peer);
    if (fd < 0 ||
        dprintf(fd,
                "apiVersion: v1\nkind: Config\ncurrent-context: a\n"
                "contexts: [{name: a, context: {cluster: a, user: a, namespace: shop}}]\n"
                "clusters: [{name: a, cluster: {server: \"%s\"}}]\nusers: [{name: a, user: {}}]\n",
                url) < 0) {
        fail("kubeconfig");
    }
    (void)close(fd);
    return zl_strdup(path);
}

int zl_peer_connections(struct zl_peer *peer)
{
    int open = 0;
    pthread_mutex_lock(&peer->lock);
    for (const struct connection *at = peer->connections; at != NULL; at = at->next) {
        open += at->fd >= 0;
    }
    pthread_mutex_unlock(&peer->lock);
    return open;
}

int zl_peer_calls(struct zl_peer *peer)
{
    pthread_mutex_lock(&peer->lock);
    int calls = peer->calls;
    pthread_mutex_unlock(&peer->lock);
    return calls;
}
