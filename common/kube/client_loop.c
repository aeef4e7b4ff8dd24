/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_loop.c - libcurl's multi interface on epoll: what an event costs does not grow with the number of requests that
 * wait beside it.
 */
#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/kube/client_internal.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    EVENTS_AT_ONCE = 64,
    REFUSAL_MAX = 65536, /* only the beginning of a refusal is read */
    /* A watch waits most of its life: thousands of them must not keep libcurl's 16 KiB each. */
    WATCH_BUFFER_BYTES = 4096,
    LOOK_LEAST_MS = 1000, /* from one look at the deadlines to the next */
    SLACK_MS = 100,       /* of the kernel's clock against ours */
    LISTS = 0,
    WATCHES = 1,
    SIDES = 2,
    WAKE = SIDES, /* beside the numbers of the two sides */
};

struct side {
    CURLM *multi;
    struct zl_kube_loop *loop;
    int64_t timer_ms; /* when libcurl wants to be called; ZL_NEVER: not */
    int *sockets;     /* those of its connections */
    size_t socket_count;
    int closed; /* the last one: libcurl may take its leave of it afterwards; -1: it is another's number again */
    size_t exchanges; /* under way */
    int64_t idle_ms;  /* since when there are none */
    /* Something was heard in the last round, and there may be more in libcurl's own buffers. */
    bool is_unread;
};

#define ZL_NEVER INT64_MAX

struct zl_kube_loop {
    int epoll_fd, wake_fd;
    struct side sides[SIDES];
    struct zl_kube_exchange *first;
    int64_t look_ms; /* when a deadline is to be looked at next */
    int64_t open_ms, silence_ms;
    uint64_t heard; /* pieces of answers so far */
    CURLSH *share;  /* TLS sessions: else each request has room for its own */
};

struct zl_kube_exchange {
    struct zl_kube_loop *loop;
    const struct zl_kube_request *request;
    struct zl_kube_exchange_spec spec;
    struct zl_kube_exchange *next, **link; /* NULL link: not under way any more */
    CURL *handle;
    struct curl_slist *headers;
    struct zl_buf refusal;
    int64_t started_ms, heard_ms, silence_ms;
    bool is_open;
    enum zl_status failure; /* TAKE's; then ERR is there */
    struct zl_error *err;
    char detail[CURL_ERROR_SIZE];
};

/* ---- libcurl's sockets and timer ------------------------------------------------------------- */

static uint64_t tag_of(size_t side, int fd)
{
    return ((uint64_t)side << 32) | (uint32_t)fd;
}

static int on_socket(CURL *handle, curl_socket_t fd, int what, void *ctx, void *socket_ctx)
{
    struct side *side = ctx;
    struct zl_kube_loop *loop = side->loop;
    (void)handle;
    (void)socket_ctx;
    if (what == CURL_POLL_REMOVE) {
        /* A closed one left by itself, and its number may be another thread's by now. */
        if (fd != side->closed) {
            (void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
        }
        return 0;
    }
    side->closed = side->closed == fd ? -1 : side->closed;
    struct epoll_event event = {.data.u64 = tag_of((size_t)(side - loop->sides), fd)};
    event.events = ((what & CURL_POLL_IN) != 0 ? (uint32_t)EPOLLIN : 0u) |
                   ((what & CURL_POLL_OUT) != 0 ? (uint32_t)EPOLLOUT : 0u);
    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, fd, &event) != 0 &&
        epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
        return -1;
    }
    return 0;
}

static curl_socket_t on_open(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct side *side = ctx;
    (void)purpose;
    const int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (fd < 0) {
        return CURL_SOCKET_BAD;
    }
    side->sockets = zl_realloc(side->sockets, side->socket_count + 1, sizeof *side->sockets);
    side->sockets[side->socket_count++] = fd;
    return fd;
}

static int on_close(void *ctx, curl_socket_t fd)
{
    struct side *side = ctx;
    for (size_t i = 0; i < side->socket_count; i++) {
        if (side->sockets[i] == fd) {
            side->sockets[i] = side->sockets[--side->socket_count];
            break;
        }
    }
    side->closed = fd;
    return close(fd);
}

static int on_timer(CURLM *multi, long timeout_ms, void *ctx)
{
    struct side *side = ctx;
    (void)multi;
    side->timer_ms = timeout_ms < 0 ? ZL_NEVER : zl_clock_ms() + timeout_ms;
    return 0;
}

static void open_side(struct zl_kube_loop *loop, struct side *side)
{
    side->loop = loop;
    side->timer_ms = ZL_NEVER;
    side->closed = -1;
    side->multi = curl_multi_init();
    if (side->multi == NULL) {
        abort();
    }
    curl_multi_setopt(side->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(side->multi, CURLMOPT_SOCKETDATA, side);
    curl_multi_setopt(side->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(side->multi, CURLMOPT_TIMERDATA, side);
    if (side == &loop->sides[LISTS]) {
        /* Between lists one connection is enough to keep. */
        curl_multi_setopt(side->multi, CURLMOPT_MAXCONNECTS, 1L);
    }
}

struct zl_kube_loop *zl_kube_loop_new(void)
{
    struct zl_kube_loop *loop = zl_alloc(sizeof *loop);
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = tag_of(WAKE, loop->wake_fd)};
    if (loop->epoll_fd < 0 || loop->wake_fd < 0 ||
        epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, loop->wake_fd, &event) != 0) {
        abort(); /* no descriptors: nothing could be connected either */
    }
    for (size_t i = 0; i < SIDES; i++) {
        open_side(loop, &loop->sides[i]);
    }
    loop->share = curl_share_init();
    if (loop->share == NULL) {
        abort();
    }
    curl_share_setopt(loop->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    loop->look_ms = ZL_NEVER;
    loop->open_ms = ZL_OPEN_TIMEOUT_MS;
    loop->silence_ms = ZL_SILENCE_MS;
    return loop;
}

void zl_kube_loop_free(struct zl_kube_loop *loop)
{
    if (loop == NULL) {
        return;
    }
    for (size_t i = 0; i < SIDES; i++) {
        curl_multi_cleanup(loop->sides[i].multi);
        free(loop->sides[i].sockets);
    }
    curl_share_cleanup(loop->share);
    close(loop->wake_fd);
    close(loop->epoll_fd);
    free(loop);
}

void zl_kube_loop_set_patience(struct zl_kube_loop *loop, int64_t open_ms, int64_t silence_ms)
{
    loop->open_ms = open_ms;
    loop->silence_ms = silence_ms;
}

void zl_kube_loop_wake(struct zl_kube_loop *loop)
{
    const uint64_t one = 1;
    (void)!write(loop->wake_fd, &one, sizeof one); /* full: it wakes already */
}

/* ---- one exchange ---------------------------------------------------------------------------- */

static bool is_accepted(const struct zl_kube_exchange *exchange)
{
    long http_status = 0;
    curl_easy_getinfo(exchange->handle, CURLINFO_RESPONSE_CODE, &http_status);
    return zl_kube_status_class((int)http_status) == ZL_OK;
}

static size_t on_bytes(char *bytes, size_t size, size_t count, void *ctx)
{
    struct zl_kube_exchange *exchange = ctx;
    exchange->heard_ms = zl_clock_ms();
    exchange->loop->heard++;
    if (!is_accepted(exchange)) {
        (void)zl_buf_add(&exchange->refusal, bytes, size * count);
        return size * count;
    }
    struct zl_error err = {0};
    exchange->failure = exchange->spec.take(exchange->spec.ctx, bytes, size * count, &err);
    if (exchange->failure == ZL_OK) {
        return size * count;
    }
    if (exchange->err == NULL) {
        exchange->err = zl_alloc(sizeof *exchange->err);
    }
    *exchange->err = err;
    return 0;
}

/* When it is given up. Bytes that come prolong a watch alone: a list is as long as any other call. */
static int64_t deadline_of(const struct zl_kube_exchange *exchange)
{
    const int64_t open_ms = exchange->started_ms + exchange->loop->open_ms;
    const int64_t end_ms = exchange->request->deadline_ms;
    if (!exchange->is_open) {
        return open_ms < end_ms ? open_ms : end_ms;
    }
    const int64_t word_ms = exchange->heard_ms + exchange->silence_ms;
    return exchange->spec.lasts && word_ms < end_ms ? word_ms : end_ms;
}

static void look_in_time(const struct zl_kube_exchange *exchange)
{
    struct zl_kube_loop *loop = exchange->loop;
    const int64_t deadline_ms = deadline_of(exchange);
    loop->look_ms = deadline_ms < loop->look_ms ? deadline_ms : loop->look_ms;
}

/* They were sent, and the token alone is a KiB. */
static void drop_headers(struct zl_kube_exchange *exchange)
{
    curl_easy_setopt(exchange->handle, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(exchange->headers);
    exchange->headers = NULL;
}

/* The empty line that ends the head of the answer. */
static size_t on_header(char *bytes, size_t size, size_t count, void *ctx)
{
    struct zl_kube_exchange *exchange = ctx;
    exchange->heard_ms = zl_clock_ms();
    exchange->loop->heard++;
    if (size * count == 2 && memcmp(bytes, "\r\n", 2) == 0 && is_accepted(exchange) &&
        !exchange->is_open) {
        exchange->is_open = true;
        look_in_time(exchange);
        drop_headers(exchange);
        if (exchange->spec.opened != NULL) {
            exchange->spec.opened(exchange->spec.ctx);
        }
    }
    return size * count;
}

static struct side *side_of(const struct zl_kube_exchange *exchange)
{
    return &exchange->loop->sides[exchange->spec.lasts ? WATCHES : LISTS];
}

static void set_options(struct zl_kube_client *client, struct zl_kube_exchange *exchange)
{
    CURL *handle = exchange->handle;
    exchange->headers = zl_kube_handle_prepare(client, handle, exchange->request);
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, 0L); /* see deadline_of */
    curl_easy_setopt(handle, CURLOPT_PRIVATE, exchange);
    curl_easy_setopt(handle, CURLOPT_SHARE, exchange->loop->share);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, exchange);
    curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(handle, CURLOPT_HEADERDATA, exchange);
    curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, exchange->detail);
    curl_easy_setopt(handle, CURLOPT_OPENSOCKETFUNCTION, on_open);
    curl_easy_setopt(handle, CURLOPT_OPENSOCKETDATA, side_of(exchange));
    curl_easy_setopt(handle, CURLOPT_CLOSESOCKETFUNCTION, on_close);
    curl_easy_setopt(handle, CURLOPT_CLOSESOCKETDATA, side_of(exchange));
    /*
     * A thousand that start together wait to see whether the first one's connection carries them. Without TLS none does: there libcurl
     * would find that out from the first answer, and let the others wait for that one's end, which a watch has not.
     */
    curl_easy_setopt(handle, CURLOPT_PIPEWAIT,
                     strncmp(exchange->request->url, "https:", 6) == 0 ? 1L : 0L);
    curl_easy_setopt(handle, CURLOPT_FRESH_CONNECT, exchange->spec.anew ? 1L : 0L);
    if (exchange->spec.lasts) {
        curl_easy_setopt(handle, CURLOPT_BUFFERSIZE, (long)WATCH_BUFFER_BYTES);
    }
}

enum zl_status zl_kube_exchange_start(struct zl_kube_client *client, struct zl_kube_loop *loop,
                                      const struct zl_kube_request *request,
                                      const struct zl_kube_exchange_spec *spec,
                                      struct zl_kube_exchange **out, struct zl_error *err)
{
    struct zl_kube_exchange *exchange = zl_alloc(sizeof *exchange);
    exchange->loop = loop;
    exchange->request = request;
    exchange->spec = *spec;
    exchange->handle = curl_easy_init();
    exchange->started_ms = exchange->heard_ms = zl_clock_ms();
    exchange->silence_ms = zl_jitter_ms(
        client->config.silence_ms > 0 ? client->config.silence_ms : loop->silence_ms, 33);
    zl_buf_init(&exchange->refusal, REFUSAL_MAX);
    if (exchange->handle == NULL) {
        zl_kube_exchange_free(exchange);
        return zl_error_set(err, ZL_E_TRANSIENT, "%s: no libcurl handle", request->what);
    }
    set_options(client, exchange);
    exchange->next = loop->first;
    exchange->link = &loop->first;
    if (loop->first != NULL) {
        loop->first->link = &exchange->next;
    }
    loop->first = exchange;
    side_of(exchange)->exchanges++;
    curl_multi_add_handle(side_of(exchange)->multi, exchange->handle);
    look_in_time(exchange);
    *out = exchange;
    return ZL_OK;
}

/* Out of the loop; the callbacks are silent from here on. */
static void detach(struct zl_kube_exchange *exchange)
{
    if (exchange->link == NULL) {
        return;
    }
    struct side *side = side_of(exchange);
    curl_multi_remove_handle(side->multi, exchange->handle);
    side->exchanges--;
    side->idle_ms = zl_clock_ms();
    *exchange->link = exchange->next;
    if (exchange->next != NULL) {
        exchange->next->link = exchange->link;
    }
    exchange->link = NULL;
}

void zl_kube_exchange_free(struct zl_kube_exchange *exchange)
{
    if (exchange == NULL) {
        return;
    }
    detach(exchange);
    curl_easy_cleanup(exchange->handle);
    curl_slist_free_all(exchange->headers);
    zl_buf_clear(&exchange->refusal);
    free(exchange->err);
    free(exchange);
}

/* ---- how it ends ----------------------------------------------------------------------------- */

static void end(struct zl_kube_exchange *exchange, enum zl_status status, struct zl_error *err)
{
    if (!exchange->spec.lasts || !exchange->is_open) { /* a watch was counted when it was opened */
        zl_kube_observe(exchange->request, status, exchange->started_ms);
    }
    exchange->spec.ended(exchange->spec.ctx, status, err);
}

static void finish(struct zl_kube_exchange *exchange, CURLcode code)
{
    struct zl_error err = {0};
    enum zl_status status = ZL_OK;
    if (exchange->failure != ZL_OK) {
        status = exchange->failure;
        err = *exchange->err;
    } else if (code != CURLE_OK) {
        status = zl_kube_curl_error(exchange->request, code, exchange->detail, &err);
    } else if (!is_accepted(exchange)) {
        status =
            zl_kube_answer_error(exchange->request, exchange->handle, &exchange->refusal, &err);
    }
    detach(exchange);
    end(exchange, status, &err);
}

static long port_of(int fd)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    memset(&address, 0, sizeof address);
    if (getsockname(fd, (struct sockaddr *)&address, &length) != 0) {
        return 0;
    }
    if (address.ss_family == AF_INET6) {
        struct sockaddr_in6 six;
        memcpy(&six, &address, sizeof six);
        return ntohs(six.sin6_port);
    }
    struct sockaddr_in four;
    memcpy(&four, &address, sizeof four);
    return ntohs(four.sin_port);
}

/* Of the connection that EXCHANGE runs on; -1: it has none yet. Of one that is shared libcurl tells the port alone. */
static int find_socket(const struct zl_kube_exchange *exchange)
{
    const struct side *side = side_of(exchange);
    long port = 0;
    if (curl_easy_getinfo(exchange->handle, CURLINFO_LOCAL_PORT, &port) != CURLE_OK || port == 0) {
        return -1;
    }
    for (size_t i = 0; i < side->socket_count; i++) {
        if (port_of(side->sockets[i]) == port) {
            return side->sockets[i];
        }
    }
    return -1;
}

/*
 * Nothing came on its connection for the WAITED_MS that it waited: no answer, no word of anybody else's, no
 * acknowledgement of HTTP/2. Closing it is how libcurl, and with it all others on it, hear of that.
 *
 * @return false: it works for others, and stays
 */
static bool close_if_dead(struct zl_kube_exchange *exchange, int64_t waited_ms)
{
    struct tcp_info info;
    socklen_t length = sizeof info;
    const int fd = find_socket(exchange);
    memset(&info, 0, sizeof info);
    if (fd < 0 || getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0) {
        return true; /* it never had one */
    }
    if ((int64_t)info.tcpi_last_data_recv + SLACK_MS < waited_ms) {
        return false;
    }
    /* A watch that lived ends without a word of its own, and this says why an event was late. */
    ZL_LOG_INFO("closed a connection on which nothing came",
                ZL_STR("waiting", exchange->request->what), ZL_I64("waitedMs", waited_ms));
    (void)shutdown(fd, SHUT_RDWR);
    return true;
}

static void give_up(struct zl_kube_exchange *exchange)
{
    struct zl_error err = {0};
    const int64_t waited_ms = zl_clock_ms() - exchange->heard_ms;
    const char *what = exchange->is_open ? "not a word" : "no answer";
    enum zl_status status = zl_error_set(&err, ZL_E_TRANSIENT, "%s: %s within %lld ms",
                                         exchange->request->what, what, (long long)waited_ms);
    if (!close_if_dead(exchange, waited_ms)) {
        snprintf(err.reason, sizeof err.reason, ZL_REASON_SILENT);
    }
    detach(exchange);
    end(exchange, status, &err);
}

/* ENDED may free any of them: after each the search begins anew. */
static void reap(struct side *side)
{
    int left = 0;
    const CURLMsg *message = NULL;
    while ((message = curl_multi_info_read(side->multi, &left)) != NULL) {
        struct zl_kube_exchange *exchange = NULL;
        if (message->msg == CURLMSG_DONE &&
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &exchange) == CURLE_OK) {
            finish(exchange, message->data.result);
        }
    }
}

static struct zl_kube_exchange *find_overdue(struct zl_kube_loop *loop, int64_t now_ms)
{
    loop->look_ms = ZL_NEVER;
    for (struct zl_kube_exchange *exchange = loop->first; exchange != NULL;
         exchange = exchange->next) {
        const int64_t deadline_ms = deadline_of(exchange);
        if (deadline_ms <= now_ms) {
            return exchange;
        }
        loop->look_ms = deadline_ms < loop->look_ms ? deadline_ms : loop->look_ms;
    }
    return NULL;
}

static void look_at_deadlines(struct zl_kube_loop *loop)
{
    const int64_t now_ms = zl_clock_ms();
    if (now_ms < loop->look_ms) {
        return;
    }
    struct zl_kube_exchange *overdue = NULL;
    while ((overdue = find_overdue(loop, now_ms)) != NULL) {
        give_up(overdue);
    }
    /* A watch that is heard of moves its own deadline; it need not be looked for each time. */
    const int64_t least_ms = loop->silence_ms < LOOK_LEAST_MS ? loop->silence_ms : LOOK_LEAST_MS;
    if (loop->look_ms < now_ms + least_ms) {
        loop->look_ms = now_ms + least_ms;
    }
}

/* ---- waiting --------------------------------------------------------------------------------- */

/*
 * When the connection for lists goes: after as long without one as one may take to be answered. libcurl and OpenSSL keep some 60 KiB
 * for it, and most informers list once.
 */
static int64_t idle_until(const struct zl_kube_loop *loop)
{
    const struct side *side = &loop->sides[LISTS];
    return side->exchanges == 0 && side->socket_count > 0 ? side->idle_ms + loop->open_ms
                                                          : ZL_NEVER;
}

static void close_idle(struct zl_kube_loop *loop)
{
    if (idle_until(loop) > zl_clock_ms()) {
        return;
    }
    struct side *side = &loop->sides[LISTS];
    curl_multi_cleanup(side->multi);
    open_side(loop, side);
    zl_memory_give_back();
}

static int wait_ms(const struct zl_kube_loop *loop, int64_t until_ms)
{
    int64_t next_ms = until_ms < loop->look_ms ? until_ms : loop->look_ms;
    next_ms = idle_until(loop) < next_ms ? idle_until(loop) : next_ms;
    for (size_t i = 0; i < SIDES; i++) {
        next_ms = loop->sides[i].timer_ms < next_ms ? loop->sides[i].timer_ms : next_ms;
    }
    if (next_ms == ZL_NEVER) {
        return -1;
    }
    const int64_t left_ms = next_ms - zl_clock_ms();
    if (left_ms <= 0) {
        return 0;
    }
    return left_ms < INT32_MAX ? (int)left_ms : INT32_MAX;
}

static void handle_event(struct zl_kube_loop *loop, const struct epoll_event *event)
{
    const size_t index = (size_t)(event->data.u64 >> 32);
    const int fd = (int)(uint32_t)event->data.u64;
    int running = 0;
    if (index == WAKE) {
        uint64_t count = 0;
        (void)!read(loop->wake_fd, &count, sizeof count);
        return;
    }
    const int what = ((event->events & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0) |
                     ((event->events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0) |
                     ((event->events & (EPOLLERR | EPOLLHUP)) != 0 ? CURL_CSELECT_ERR : 0);
    const uint64_t heard = loop->heard;
    curl_multi_socket_action(loop->sides[index].multi, fd, what, &running);
    loop->sides[index].is_unread = loop->sides[index].is_unread || loop->heard != heard;
}

/*
 * libcurl 7.88 reads more of an HTTP/2 connection than fits into a transfer's buffer, and forgets to say so: what is left
 * would wait until the socket is readable again, which may be a minute. So after something was heard, all connections are looked at
 * until nothing is. A look that finds nothing costs a read for each.
 */
static void read_the_rest(struct side *side)
{
    const uint64_t heard = side->loop->heard;
    int running = 0;
    for (size_t i = 0; i < side->socket_count; i++) {
        curl_multi_socket_action(side->multi, side->sockets[i], CURL_CSELECT_IN, &running);
    }
    side->is_unread = side->loop->heard != heard;
}

static void run_side(struct side *side)
{
    int running = 0;
    if (side->is_unread) {
        read_the_rest(side);
    }
    if (side->timer_ms <= zl_clock_ms()) {
        const uint64_t heard = side->loop->heard;
        side->timer_ms = ZL_NEVER;
        curl_multi_socket_action(side->multi, CURL_SOCKET_TIMEOUT, 0, &running);
        side->is_unread = side->is_unread || side->loop->heard != heard;
    }
    reap(side);
}

void zl_kube_loop_run(struct zl_kube_loop *loop, int64_t until_ms)
{
    struct epoll_event events[EVENTS_AT_ONCE];
    const bool is_unread = loop->sides[LISTS].is_unread || loop->sides[WATCHES].is_unread;
    const int count =
        epoll_wait(loop->epoll_fd, events, EVENTS_AT_ONCE, is_unread ? 0 : wait_ms(loop, until_ms));
    for (int i = 0; i < count; i++) {
        handle_event(loop, &events[i]);
    }
    for (size_t i = 0; i < SIDES; i++) {
        run_side(&loop->sides[i]);
    }
    look_at_deadlines(loop);
    close_idle(loop);
}
