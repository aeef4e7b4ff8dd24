/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peer.h - a scripted HTTP/1.1 peer on 127.0.0.1 for faults that a real API server won't produce on
 * demand: cuts, half lines, 409, 410, 429, silence.
 *
 * Threads: one thread per connection calls SERVE for each request; SERVE answers by the functions below.
 */
#ifndef ZL_TEST_PEER_H
#define ZL_TEST_PEER_H

#include <stddef.h>
#include <stdint.h>

struct zl_peer;      /* opaque */
struct zl_peer_call; /* one request; opaque, valid during SERVE */

struct zl_peer *zl_peer_start(void (*serve)(void *ctx, struct zl_peer_call *call), void *ctx);
void zl_peer_stop(struct zl_peer *peer); /* cuts all connections, joins all threads, frees */
uint16_t zl_peer_port(const struct zl_peer *peer);
char *zl_peer_url(const struct zl_peer *peer); /* "http://127.0.0.1:PORT", caller frees */
/* Writes a kubeconfig file that leads here, namespace "shop". Its path; the caller unlinks it, and frees. */
char *zl_peer_kubeconfig(const struct zl_peer *peer);
int zl_peer_calls(struct zl_peer *peer);       /* requests so far */
int zl_peer_connections(struct zl_peer *peer); /* that are open */

const char *zl_peer_method(const struct zl_peer_call *call);
const char *zl_peer_path(const struct zl_peer_call *call); /* with query */
const char *zl_peer_body(const struct zl_peer_call *call);
/* value of a request header, NULL if absent; NAME compared without case */
const char *zl_peer_header(const struct zl_peer_call *call, const char *name);
int zl_peer_number(const struct zl_peer_call *call); /* 1 for the peer's first request, ... */

/* A whole answer with Content-Length. EXTRA: header lines that end with \r\n, or NULL. */
void zl_peer_answer(struct zl_peer_call *call, int status, const char *extra, const char *body);
/* A chunked answer in pieces: begin, any number of pieces, then end or cut. */
void zl_peer_begin(struct zl_peer_call *call, int status);
void zl_peer_piece(struct zl_peer_call *call, const char *bytes, size_t length);
void zl_peer_end(struct zl_peer_call *call);
/* Close the connection here and now. */
void zl_peer_cut(struct zl_peer_call *call);
/* Hold the connection open without a byte until the client or zl_peer_stop closes it. */
void zl_peer_hold(struct zl_peer_call *call);

#endif
