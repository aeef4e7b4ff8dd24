/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_loop.c - libcurl's multi interface on epoll: what an event costs does not grow with the number of requests that
 * wait beside it.
 */
#include "common/base/clock.h"
#include "common/kube/client_loop_internal.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    EVENTS_AT_ONCE = 64,
    LOOK_LEAST_MS = 1000, /* from one look at the deadlines to the next */
    WAKE = ZL_SIDES,      /* beside the numbers of the two sides */
};

/* ---- libcurl's sockets and timer ------------------------------------------------------------- */

static uint64_t tag_of(size_t side, int fd)
{
    return ((uint64_t)side << 32) | (uint32_t)fd;
}

static int on_socket(CURL *handle, curl_socket_t fd, int what, void *ctx, void *socket_ctx)
{
    struct zl_kube_side *side = ctx;
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

curl_socket_t zl_kube_side_open(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct zl_kube_side *side = ctx;
    (void)purpose;
    const int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (fd < 0) {
        return CURL_SOCKET_BAD;
    }
    side->sockets = zl_realloc(side->sockets, side->socket_count + 1, sizeof *side->sockets);
    side->sockets[side->socket_count++] = fd;
    return fd;
}

int zl_kube_side_close(void *ctx, curl_socket_t fd)
{
    struct zl_kube_side *side = ctx;
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
    struct zl_kube_side *side = ctx;
    (void)multi;
    side->timer_ms = timeout_ms < 0 ? ZL_NEVER : zl_clock_ms() + timeout_ms;
    return 0;
}

static void open_side(struct zl_kube_loop *loop, struct zl_kube_side *side)
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
    if (side == &loop->sides[ZL_SIDE_LISTS]) {
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
    for (size_t i = 0; i < ZL_SIDES; i++) {
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
    for (size_t i = 0; i < ZL_SIDES; i++) {
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

/* ENDED may free any of them: after each the search begins anew. */
static void reap(struct zl_kube_side *side)
{
    int left = 0;
    const CURLMsg *message = NULL;
    while ((message = curl_multi_info_read(side->multi, &left)) != NULL) {
        struct zl_kube_exchange *exchange = NULL;
        if (message->msg == CURLMSG_DONE &&
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &exchange) == CURLE_OK) {
            zl_kube_exchange_finish(exchange, message->data.result);
        }
    }
}

static void look_at_deadlines(struct zl_kube_loop *loop)
{
    const int64_t now_ms = zl_clock_ms();
    if (now_ms < loop->look_ms) {
        return;
    }
    struct zl_kube_exchange *overdue = NULL;
    while ((overdue = zl_kube_exchange_find_overdue(loop, now_ms)) != NULL) {
        zl_kube_exchange_give_up(overdue);
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
    const struct zl_kube_side *side = &loop->sides[ZL_SIDE_LISTS];
    return side->exchanges == 0 && side->socket_count > 0 ? side->idle_ms + loop->open_ms
                                                          : ZL_NEVER;
}

static void close_idle(struct zl_kube_loop *loop)
{
    if (idle_until(loop) > zl_clock_ms()) {
        return;
    }
    struct zl_kube_side *side = &loop->sides[ZL_SIDE_LISTS];
    curl_multi_cleanup(side->multi);
    open_side(loop, side);
    zl_memory_give_back();
}

static int wait_ms(const struct zl_kube_loop *loop, int64_t until_ms)
{
    int64_t next_ms = until_ms < loop->look_ms ? until_ms : loop->look_ms;
    next_ms = idle_until(loop) < next_ms ? idle_until(loop) : next_ms;
    for (size_t i = 0; i < ZL_SIDES; i++) {
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
static void read_the_rest(struct zl_kube_side *side)
{
    const uint64_t heard = side->loop->heard;
    int running = 0;
    for (size_t i = 0; i < side->socket_count; i++) {
        curl_multi_socket_action(side->multi, side->sockets[i], CURL_CSELECT_IN, &running);
    }
    side->is_unread = side->loop->heard != heard;
}

static void run_side(struct zl_kube_side *side)
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
    const bool is_unread =
        loop->sides[ZL_SIDE_LISTS].is_unread || loop->sides[ZL_SIDE_WATCHES].is_unread;
    const int count =
        epoll_wait(loop->epoll_fd, events, EVENTS_AT_ONCE, is_unread ? 0 : wait_ms(loop, until_ms));
    for (int i = 0; i < count; i++) {
        handle_event(loop, &events[i]);
    }
    for (size_t i = 0; i < ZL_SIDES; i++) {
        run_side(&loop->sides[i]);
    }
    look_at_deadlines(loop);
    close_idle(loop);
}
