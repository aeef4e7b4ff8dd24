/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy.c - zl-chaos-proxy: passes TCP on, and does it badly on command. TLS goes through untouched.
 *
 * Commands come as lines by a named pipe:
 *   heal       pass everything on again
 *   cut        reset every connection; new ones are taken
 *   cut-one    reset the oldest connection
 *   refuse     reset every connection, and each new one, until heal
 *   stall      pass not one byte on, either way, until heal; connections stay open
 *   swallow    of connections that are open now: take every byte and pass none on, for ever; neither side hears of it
 *   delay MS   pass each byte on so much later, until heal
 * Each is answered by a line on standard output that says how many connections it hit.
 *
 * One thread, one poll.
 */
#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/base/options.h"
#include "common/base/parse.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAIRS_MAX 512
#define CHUNK_BYTES 16384
#define CHUNKS_MAX 64 /* of one direction, waiting: beyond that it is not read */
#define FOREVER_MS 3600000

struct config {
    int64_t port, target_port;
    const char *control;
};

static const struct zl_option OPTIONS[] = {
    {"port", NULL, ZL_OPTION_I64, NULL, 1, 65535, NULL, offsetof(struct config, port), "PORT",
     "Where to listen, on 127.0.0.1."},
    {"target-port", NULL, ZL_OPTION_I64, NULL, 1, 65535, NULL, offsetof(struct config, target_port),
     "PORT", "Where to pass connections on to, on 127.0.0.1."},
    {"control", NULL, ZL_OPTION_TEXT, NULL, 0, 0, NULL, offsetof(struct config, control), "FILE",
     "The named pipe with the commands; made when it is not there."},
    {0},
};

static const struct zl_program PROGRAM = {
    .name = "zl-chaos-proxy",
    .summary = "A TCP proxy that cuts, stalls and delays: for the chaos run.",
    .options = OPTIONS,
    .epilogue = "Commands: heal, cut, cut-one, refuse, stall, swallow, delay MS.\n",
};

struct chunk {
    struct chunk *next;
    int64_t due_ms;
    size_t length, sent;
    char bytes[CHUNK_BYTES];
};

/* What came in on one side and goes out on the other. */
struct flow {
    struct chunk *first, *last;
    size_t count;
    bool ended;  /* nothing more will come in */
    bool closed; /* and that was passed on */
};

struct pair {
    int fds[2];           /* client, server; -1, -1: not in use */
    struct flow flows[2]; /* flows[i] comes from fds[i] */
    uint64_t number;
    bool swallowed; /* what comes in goes nowhere; only the client's end of it ends it */
};

struct proxy {
    const struct config *config;
    int listener, control;
    struct pair pairs[PAIRS_MAX];
    uint64_t next_number;
    bool stalled, refusing;
    int64_t delay_ms;
    char line[64];
    size_t line_length;
};

static void drop_flow(struct flow *flow)
{
    while (flow->first != NULL) {
        struct chunk *chunk = flow->first;
        flow->first = chunk->next;
        free(chunk);
    }
    *flow = (struct flow){0};
}

/* ABRUPT: with a reset, as when the network or the other end is gone. */
static void close_socket(int fd, bool abrupt)
{
    const struct linger reset = {.l_onoff = 1, .l_linger = 0};
    if (abrupt) {
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    }
    close(fd);
}

static void close_pair(struct pair *pair, bool abrupt)
{
    for (int i = 0; i < 2; i++) {
        close_socket(pair->fds[i], abrupt);
        pair->fds[i] = -1;
        drop_flow(&pair->flows[i]);
    }
}

/* --- connections --- */

static struct sockaddr_in loopback(int64_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static struct pair *free_pair(struct proxy *proxy)
{
    for (size_t i = 0; i < PAIRS_MAX; i++) {
        if (proxy->pairs[i].fds[0] < 0) {
            return &proxy->pairs[i];
        }
    }
    return NULL;
}

static void accept_one(struct proxy *proxy)
{
    const int on = 1;
    struct pair *pair = free_pair(proxy);
    int client = accept4(proxy->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (client < 0) {
        return;
    }
    const struct sockaddr_in target = loopback(proxy->config->target_port);
    int server = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool connected =
        server >= 0 && (connect(server, (const struct sockaddr *)&target, sizeof target) == 0 ||
                        errno == EINPROGRESS);
    if (pair == NULL || proxy->refusing || !connected) {
        close_socket(client, true);
        if (server >= 0) {
            close(server);
        }
        return;
    }
    (void)setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    *pair = (struct pair){.fds = {client, server}, .number = ++proxy->next_number};
}

/* false: the connection is broken */
static bool take_in(const struct proxy *proxy, struct pair *pair, int side)
{
    struct flow *flow = &pair->flows[side];
    struct chunk *chunk = zl_alloc(sizeof *chunk);
    ssize_t got = read(pair->fds[side], chunk->bytes, sizeof chunk->bytes);
    if (got <= 0) {
        free(chunk);
        bool nothing_yet = got < 0 && (errno == EAGAIN || errno == EINTR);
        flow->ended = got == 0 || (pair->swallowed && !nothing_yet);
        return flow->ended || nothing_yet;
    }
    if (pair->swallowed) {
        free(chunk);
        return true;
    }
    chunk->length = (size_t)got;
    chunk->due_ms = zl_clock_ms() + proxy->delay_ms;
    *(flow->first != NULL ? &flow->last->next : &flow->first) = chunk;
    flow->last = chunk;
    flow->count++;
    return true;
}

static bool pass_on(struct pair *pair, int side, int64_t now_ms)
{
    struct flow *flow = &pair->flows[side];
    int out = pair->fds[!side];
    while (flow->first != NULL && flow->first->due_ms <= now_ms) {
        struct chunk *chunk = flow->first;
        ssize_t sent =
            send(out, chunk->bytes + chunk->sent, chunk->length - chunk->sent, MSG_NOSIGNAL);
        if (sent < 0) {
            return errno == EAGAIN || errno == EINTR || errno == ENOTCONN;
        }
        chunk->sent += (size_t)sent;
        if (chunk->sent < chunk->length) {
            return true;
        }
        flow->first = chunk->next;
        flow->count--;
        free(chunk);
    }
    if (flow->ended && !flow->closed && flow->first == NULL) {
        flow->closed = true;
        (void)shutdown(out, SHUT_WR);
    }
    return true;
}

static void serve_pair(const struct proxy *proxy, struct pair *pair, const struct pollfd *polled)
{
    int64_t now_ms = zl_clock_ms();
    for (int side = 0; side < 2; side++) {
        bool readable = (polled[side].revents & (POLLIN | POLLHUP | POLLERR)) != 0;
        if (readable && !pair->flows[side].ended && pair->flows[side].count < CHUNKS_MAX &&
            !take_in(proxy, pair, side)) {
            close_pair(pair, true);
            return;
        }
    }
    if (pair->swallowed) {
        if (pair->flows[0].ended) {
            close_pair(pair, false);
        }
    } else if (!pass_on(pair, 0, now_ms) || !pass_on(pair, 1, now_ms)) {
        close_pair(pair, true);
    } else if (pair->flows[0].closed && pair->flows[1].closed) {
        close_pair(pair, false);
    }
}

/* --- commands --- */

static unsigned cut(struct proxy *proxy, bool only_oldest)
{
    struct pair *oldest = NULL;
    unsigned count = 0;
    for (size_t i = 0; i < PAIRS_MAX; i++) {
        struct pair *pair = &proxy->pairs[i];
        if (pair->fds[0] < 0) {
            continue;
        }
        if (!only_oldest) {
            close_pair(pair, true);
            count++;
        } else if (oldest == NULL || pair->number < oldest->number) {
            oldest = pair;
        }
    }
    if (oldest != NULL) {
        close_pair(oldest, true);
        count = 1;
    }
    return count;
}

static void swallow(struct proxy *proxy)
{
    for (size_t i = 0; i < PAIRS_MAX; i++) {
        struct pair *pair = &proxy->pairs[i];
        if (pair->fds[0] >= 0) {
            drop_flow(&pair->flows[0]);
            drop_flow(&pair->flows[1]);
            pair->swallowed = true;
        }
    }
}

static unsigned count_open(const struct proxy *proxy)
{
    unsigned count = 0;
    for (size_t i = 0; i < PAIRS_MAX; i++) {
        count += proxy->pairs[i].fds[0] >= 0;
    }
    return count;
}

static void command(struct proxy *proxy, const char *line)
{
    unsigned hit = count_open(proxy);
    if (strcmp(line, "heal") == 0) {
        proxy->stalled = proxy->refusing = false;
        proxy->delay_ms = 0;
    } else if (strcmp(line, "cut") == 0) {
        hit = cut(proxy, false);
    } else if (strcmp(line, "cut-one") == 0) {
        hit = cut(proxy, true);
    } else if (strcmp(line, "refuse") == 0) {
        proxy->refusing = true;
        hit = cut(proxy, false);
    } else if (strcmp(line, "stall") == 0) {
        proxy->stalled = true;
    } else if (strcmp(line, "swallow") == 0) {
        swallow(proxy);
    } else if (strncmp(line, "delay ", 6) != 0 ||
               zl_parse_i64(line + 6, 0, 60000, &proxy->delay_ms, NULL) != ZL_OK) {
        printf("unknown command: %s\n", line);
        return;
    }
    printf("%s: %u connections\n", line, hit);
}

static void read_commands(struct proxy *proxy)
{
    char bytes[256];
    ssize_t got = read(proxy->control, bytes, sizeof bytes);
    for (ssize_t i = 0; i < got; i++) {
        if (bytes[i] == '\n') {
            proxy->line[proxy->line_length] = '\0';
            proxy->line_length = 0;
            command(proxy, proxy->line);
        } else if (proxy->line_length + 1 < sizeof proxy->line) {
            proxy->line[proxy->line_length++] = bytes[i];
        }
    }
}

/* --- the loop --- */

static short events_of(const struct pair *pair, int side, int64_t now_ms, int64_t *wake_ms)
{
    const struct flow *in = &pair->flows[side];
    const struct flow *out = &pair->flows[!side];
    short events = 0;
    if (!in->ended && in->count < CHUNKS_MAX) {
        events |= POLLIN;
    }
    if (out->first != NULL) {
        int64_t left_ms = out->first->due_ms - now_ms;
        if (left_ms <= 0) {
            events |= POLLOUT;
        } else if (left_ms < *wake_ms) {
            *wake_ms = left_ms;
        }
    }
    return events;
}

static void turn(struct proxy *proxy)
{
    static struct pollfd polled[2 + 2 * PAIRS_MAX];
    int64_t now_ms = zl_clock_ms();
    int64_t wake_ms = FOREVER_MS;
    polled[0] = (struct pollfd){.fd = proxy->control, .events = POLLIN};
    polled[1] = (struct pollfd){.fd = proxy->stalled ? -1 : proxy->listener, .events = POLLIN};
    for (size_t i = 0; i < PAIRS_MAX; i++) {
        const struct pair *pair = &proxy->pairs[i];
        for (int side = 0; side < 2; side++) {
            struct pollfd *poll_ = &polled[2 + 2 * i + (size_t)side];
            *poll_ = (struct pollfd){.fd = -1};
            if (pair->fds[side] >= 0 && !proxy->stalled) {
                poll_->events = events_of(pair, side, now_ms, &wake_ms);
                /* A side that has ended would be reported for ever. */
                poll_->fd = poll_->events != 0 ? pair->fds[side] : -1;
            }
        }
    }
    if (poll(polled, 2 + 2 * PAIRS_MAX, (int)wake_ms) < 0) {
        return;
    }
    for (size_t i = 0; i < PAIRS_MAX; i++) {
        if (proxy->pairs[i].fds[0] >= 0 && !proxy->stalled) {
            serve_pair(proxy, &proxy->pairs[i], &polled[2 + 2 * i]);
        }
    }
    if (polled[1].revents != 0) {
        accept_one(proxy);
    }
    if (polled[0].revents != 0) {
        read_commands(proxy);
    }
}

static int fail(const char *what)
{
    fprintf(stderr, "zl-chaos-proxy: %s: %s\n", what, strerror(errno));
    return 1;
}

int main(int argc, char **argv)
{
    static struct proxy proxy;
    struct config config = {0};
    zl_options_parse_or_exit(&PROGRAM, argc, argv, &config);
    const int on = 1;
    const struct sockaddr_in address = loopback(config.port);
    proxy.config = &config;
    for (size_t i = 0; i < PAIRS_MAX; i++) {
        proxy.pairs[i].fds[0] = proxy.pairs[i].fds[1] = -1;
    }
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    proxy.listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    (void)setsockopt(proxy.listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(proxy.listener, (const struct sockaddr *)&address, sizeof address) != 0 ||
        listen(proxy.listener, 128) != 0) {
        return fail("listening");
    }
    if (config.control == NULL || (mkfifo(config.control, 0600) != 0 && errno != EEXIST)) {
        return fail("--control");
    }
    /* For writing as well: so it never ends, whoever comes and goes. */
    proxy.control = open(config.control, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (proxy.control < 0) {
        return fail(config.control);
    }
    for (;;) {
        turn(&proxy);
    }
}
