/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stranger.c - zl-stranger: somebody who has the network and nothing else, and keeps connections.
 *
 * Opens --connections to one port and does with each what --manner says. One that is closed is opened again at once, so
 * that a server that makes room has to go on making it. Ends by a signal; the last line says how many stood and how often
 * one was closed. One thread; nothing blocks.
 */
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/base/options.h"
#include "common/base/parse.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 4096
/* Of one look: 200 a second. More would be a test of how many handshakes two processors can do. */
#define OPEN_MAX 4
#define LOOK_MS 20
#define DRIP_MS 500

struct config {
    int64_t port, connections, addresses;
    const char *host, *from, *manner;
    bool tls;
};

static const struct zl_option OPTIONS[] = {
    {"host", NULL, ZL_OPTION_TEXT, "127.0.0.1", 0, 0, NULL, offsetof(struct config, host),
     "ADDRESS", "Whom to bother: an IPv4 address."},
    {"port", NULL, ZL_OPTION_I64, "8080", 1, 65535, NULL, offsetof(struct config, port), "PORT",
     "And its port."},
    {"connections", NULL, ZL_OPTION_I64, "600", 1, CONNECTIONS_MAX, NULL,
     offsetof(struct config, connections), "N", "How many to keep."},
    {"addresses", NULL, ZL_OPTION_I64, "1", 1, 250, NULL, offsetof(struct config, addresses), "N",
     "From how many addresses they come, evenly: the ones after --from."},
    {"from", NULL, ZL_OPTION_TEXT, "127.0.66.0", 0, 0, NULL, offsetof(struct config, from),
     "ADDRESS", "This machine has the addresses after it."},
    {"manner", NULL, ZL_OPTION_CHOICE, "silent", 0, 0, "silent|idle|head|body",
     offsetof(struct config, manner), "MANNER",
     "silent: not a byte. idle: one GET, and its connection is kept. head: a head without end, "
     "byte "
     "by byte. body: the same of a body of 1 MB."},
    {"tls", NULL, ZL_OPTION_BOOL, "false", 0, 0, NULL, offsetof(struct config, tls), NULL,
     "With a handshake; the certificate is not looked at."},
    {0},
};

static const struct zl_program PROGRAM = {
    .name = "zl-stranger",
    .summary = "Keeps connections to one port, and says little on them.",
    .options = OPTIONS,
};

struct connection {
    int fd; /* -1: none */
    SSL *ssl;
    bool stands; /* connected, and the handshake is over */
    size_t said; /* bytes of the text */
    int64_t drip_ms;
};

struct stranger {
    const struct config *config;
    SSL_CTX *tls;
    uint32_t from, to; /* addresses, as the host has numbers */
    const char *text;
    size_t at_once; /* of the text; the rest drips */
    int64_t closed, stood_most;
    struct connection connections[CONNECTIONS_MAX];
};

static volatile sig_atomic_t over;

static void on_signal(int number)
{
    (void)number;
    over = 1;
}

static void drop(struct stranger *stranger, struct connection *connection)
{
    SSL_free(connection->ssl);
    if (connection->fd >= 0) {
        close(connection->fd);
        stranger->closed++;
    }
    *connection = (struct connection){.fd = -1};
}

/* Number INDEX, from the address whose turn it is. */
static void dial(struct stranger *stranger, struct connection *connection, int64_t index)
{
    const uint32_t host = (uint32_t)(1 + index % stranger->config->addresses);
    struct sockaddr_in from = {.sin_family = AF_INET};
    struct sockaddr_in to = {.sin_family = AF_INET};
    from.sin_addr.s_addr = htonl(stranger->from + host);
    to.sin_addr.s_addr = htonl(stranger->to);
    to.sin_port = htons((uint16_t)stranger->config->port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return;
    }
    *connection = (struct connection){.fd = fd};
    if (bind(fd, (const struct sockaddr *)&from, sizeof from) != 0 ||
        (connect(fd, (const struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS)) {
        drop(stranger, connection);
        return;
    }
    if (stranger->tls != NULL) {
        connection->ssl = SSL_new(stranger->tls);
        SSL_set_fd(connection->ssl, fd);
    }
}

static bool is_connected(int fd)
{
    int error = 0;
    socklen_t length = sizeof error;
    struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};
    return poll(&poll_fd, 1, 0) == 1 &&
           getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error == 0;
}

/* The bytes that were taken; 0: later; -1: the connection is over. */
static ssize_t say(const struct connection *connection, const char *text, size_t length)
{
    if (connection->ssl != NULL) {
        int written = SSL_write(connection->ssl, text, (int)length);
        int error = written > 0 ? SSL_ERROR_NONE : SSL_get_error(connection->ssl, written);
        return written > 0                                                     ? written
               : error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ ? 0
                                                                               : -1;
    }
    ssize_t written = send(connection->fd, text, length, MSG_NOSIGNAL);
    return written >= 0 ? written : errno == EAGAIN ? 0 : -1;
}

static bool is_closed(const struct connection *connection)
{
    char bytes[1024];
    if (connection->ssl != NULL) {
        int count = SSL_read(connection->ssl, bytes, sizeof bytes);
        return count <= 0 && SSL_get_error(connection->ssl, count) != SSL_ERROR_WANT_READ;
    }
    ssize_t count = recv(connection->fd, bytes, sizeof bytes, 0);
    return count == 0 || (count < 0 && errno != EAGAIN);
}

static bool shake_hands(struct connection *connection)
{
    if (connection->ssl == NULL) {
        connection->stands = true;
        return true;
    }
    int result = SSL_connect(connection->ssl);
    int error = SSL_get_error(connection->ssl, result);
    connection->stands = result == 1;
    return result == 1 || error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

/* False: it is over. */
static bool go_on(const struct stranger *stranger, struct connection *connection, int64_t now_ms)
{
    if (!connection->stands) {
        return !is_connected(connection->fd) || shake_hands(connection);
    }
    if (is_closed(connection)) {
        return false;
    }
    size_t length = strlen(stranger->text);
    size_t count = connection->said < stranger->at_once ? stranger->at_once - connection->said : 1;
    if (stranger->at_once == length ? connection->said >= length : now_ms < connection->drip_ms) {
        return true;
    }
    size_t at = connection->said < length ? connection->said : length - 1;
    ssize_t said = say(connection, stranger->text + at, count);
    connection->said += said > 0 ? (size_t)said : 0;
    connection->drip_ms = now_ms + DRIP_MS;
    return said >= 0;
}

static void look(struct stranger *stranger)
{
    int opened = 0;
    int64_t stand = 0;
    int64_t now_ms = zl_clock_ms();
    for (int64_t i = 0; i < stranger->config->connections; i++) {
        struct connection *connection = &stranger->connections[i];
        if (connection->fd >= 0 && !go_on(stranger, connection, now_ms)) {
            drop(stranger, connection);
        }
        if (connection->fd < 0 && opened < OPEN_MAX) {
            dial(stranger, connection, i);
            opened++;
        }
        stand += connection->stands ? 1 : 0;
    }
    stranger->stood_most = stand > stranger->stood_most ? stand : stranger->stood_most;
}

static bool read_address(const char *text, uint32_t *out)
{
    struct in_addr address;
    if (inet_pton(AF_INET, text, &address) != 1) {
        (void)fprintf(stderr, "zl-stranger: %s is no IPv4 address\n", text);
        return false;
    }
    *out = ntohl(address.s_addr);
    return true;
}

static void choose_text(struct stranger *stranger)
{
    const char *manner = stranger->config->manner;
    stranger->text = "";
    if (zl_same_string(manner, "idle")) {
        stranger->text = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
        stranger->at_once = strlen(stranger->text);
    } else if (zl_same_string(manner, "head")) {
        stranger->text = "GET /healthz HTTP/1.1\r\nX-Long: a";
        stranger->at_once = strlen(stranger->text) - 1;
    } else if (zl_same_string(manner, "body")) {
        stranger->text =
            "POST /warn-workload HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
            "Content-Length: 1000000\r\n\r\n ";
        stranger->at_once = strlen(stranger->text) - 1;
    }
}

int main(int argc, char **argv)
{
    static struct config config;
    static struct stranger stranger = {.config = &config};
    zl_options_parse_or_exit(&PROGRAM, argc, argv, &config);
    if (!read_address(config.host, &stranger.to) || !read_address(config.from, &stranger.from)) {
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTERM, on_signal);
    signal(SIGINT, on_signal);
    choose_text(&stranger);
    stranger.tls = config.tls ? SSL_CTX_new(TLS_client_method()) : NULL;
    for (int64_t i = 0; i < CONNECTIONS_MAX; i++) {
        stranger.connections[i].fd = -1;
    }
    while (!over) {
        look(&stranger);
        poll(NULL, 0, LOOK_MS);
    }
    printf("%lld stood at most, %lld were closed\n", (long long)stranger.stood_most,
           (long long)stranger.closed);
    SSL_CTX_free(stranger.tls);
    return 0;
}
