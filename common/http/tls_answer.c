/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls_answer.c - an answer as one record of TLS.
 *
 * libmicrohttpd writes head and body apart, each into a record of its own: two encryptions and two writes here, two reads and two
 * decryptions there. GnuTLS collects what is written to a corked session, and libmicrohttpd, which takes that for sent, tells when it
 * has written all; then it is sent as a whole, on the connection's own thread, which may wait.
 */
#include "common/http/server_internal.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

enum { LOOK_AGAIN_MS = 1000 };

void zl_tls_hold_answer(gnutls_session_t session)
{
    gnutls_record_cork(session);
}

void zl_tls_send_answer(gnutls_session_t session, int fd)
{
    /* libmicrohttpd corks the socket at the first head, and leaves it so: what comes after would wait 200 ms. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_CORK, &(int){0}, sizeof(int));
    int sent = 0;
    while ((sent = gnutls_record_uncork(session, 0)) == GNUTLS_E_AGAIN ||
           sent == GNUTLS_E_INTERRUPTED) {
        /* A peer that takes nothing is shut down by the reaper. */
        struct pollfd ready = {.fd = fd, .events = POLLOUT};
        (void)poll(&ready, 1, LOOK_AGAIN_MS);
    }
}
