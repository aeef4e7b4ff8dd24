/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_loop_internal.h - what the two files of a loop share: client_loop.c waits for sockets, timers and deadlines,
 * client_exchange.c is one request from its start to its end.
 *
 * Threads: one loop and its exchanges, one thread.
 */
#ifndef ZL_KUBE_CLIENT_LOOP_INTERNAL_H
#define ZL_KUBE_CLIENT_LOOP_INTERNAL_H

#include "common/kube/client_internal.h"

enum {
    ZL_SIDE_LISTS = 0,
    ZL_SIDE_WATCHES = 1,
    ZL_SIDES = 2,
};

#define ZL_NEVER INT64_MAX

struct zl_kube_side {
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

struct zl_kube_loop {
    int epoll_fd, wake_fd;
    struct zl_kube_side sides[ZL_SIDES];
    struct zl_kube_exchange *first;
    int64_t look_ms; /* when a deadline is to be looked at next */
    int64_t open_ms, silence_ms;
    uint64_t heard; /* pieces of answers so far */
    CURLSH *share;  /* TLS sessions: else each request has room for its own */
};

/* --- client_loop.c: for libcurl, of a connection of the side that CTX is --- */

curl_socket_t zl_kube_side_open(void *ctx, curlsocktype purpose, struct curl_sockaddr *address);
int zl_kube_side_close(void *ctx, curl_socket_t fd);

/* --- client_exchange.c --- */

/* libcurl is done with it. Its ENDED may free any exchange. */
void zl_kube_exchange_finish(struct zl_kube_exchange *exchange, CURLcode code);
/* Its time is over. Likewise. */
void zl_kube_exchange_give_up(struct zl_kube_exchange *exchange);
/* The first of the loop's that is overdue; else NULL, and LOOK_MS is when one will be. */
struct zl_kube_exchange *zl_kube_exchange_find_overdue(struct zl_kube_loop *loop, int64_t now_ms);

#endif
