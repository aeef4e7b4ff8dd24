/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request.h - somebody asks for another leader: an annotation on the pool's Lease, written by the command line and read and
 * cleared by the controller alone, in the swap that answers it.
 *
 *     {"to":"web-b_<uid>","token":17,"until":"2026-01-02T03:04:05Z","by":"alice"}
 *
 * It is about one leader, the one of TOKEN: when the seat has changed hands, or UNTIL has passed, it is void. It decides
 * nothing by itself: whoever gets the seat is chosen by the controller's own rules.
 *
 * Threads: pure.
 */
#ifndef ZL_SEAT_REQUEST_H
#define ZL_SEAT_REQUEST_H

#include "common/seat/lease.h"

struct zl_request {
    char *pod, *uid;  /* who shall lead; NULL: whoever is next */
    int64_t token;    /* of the leader that shall go */
    int64_t until_us; /* wall clock */
    char *user;       /* who asked, as they named themselves */
};
void zl_request_clear(struct zl_request *request);
#define ZL_AUTO_REQUEST_OF_LEASE ZL_CLEANUP(zl_request_clear)

/* Of LEASE (may be NULL); *OUT must be empty. false: there is none, or none that can be read. */
bool zl_request_decode(const struct zl_lease *lease, struct zl_request *out);
/* The annotation's text; the caller frees. */
char *zl_request_encode(const struct zl_request *request);

#endif
