/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire.h - an HTTP/1.1 client on 127.0.0.1 that may misbehave byte by byte, and a key pair for its server.
 *
 * Threads: one wire, one thread.
 */
#ifndef ZL_TEST_WIRE_H
#define ZL_TEST_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ssl_st;

/* An open connection; fd is -1 when there is none. */
struct zl_wire {
    int fd;
    struct ssl_st *tls; /* NULL: plain */
};

struct zl_wire_answer {
    int status;      /* 0: the peer closed without an answer */
    char head[2048]; /* status line and headers */
    char body[4096]; /* the first bytes */
    size_t body_length;
};

/* Connect and, with TLS_VERSION (TLS1_2_VERSION, ...), shake hands; fd is -1 when that is refused. */
struct zl_wire zl_wire_open(uint16_t port, int tls_version);
/* The same from another address than the usual one: 127.0.0.HOST. */
struct zl_wire zl_wire_open_from(uint8_t host, uint16_t port, int tls_version);
/* As a client that has a certificate. */
struct zl_wire zl_wire_open_as(const char *cert_pem, const char *key_pem, uint16_t port,
                               int tls_version);
void zl_wire_close(struct zl_wire *wire);
/* Which certificate the server showed, as text; the caller frees. */
char *zl_wire_fingerprint(const struct zl_wire *wire);
/* The same of a PEM text. */
char *zl_pem_fingerprint(const char *cert_pem);
/* Everything, or false when the peer closed. Never raises SIGPIPE. */
bool zl_wire_send(struct zl_wire *wire, const void *bytes, size_t length);
bool zl_wire_send_text(struct zl_wire *wire, const char *text);
/* LENGTH times '0', as chunks with the last one when CHUNKED; stops early when the peer closes. */
void zl_wire_send_zeros(struct zl_wire *wire, size_t length, bool chunked);
/* One answer of a server that sends Content-Length; HEAD: no body follows. */
struct zl_wire_answer zl_wire_receive(struct zl_wire *wire, bool head);
/* True when the peer has closed; waits up to WAIT_MS for that. What comes before is thrown away. */
bool zl_wire_is_closed(struct zl_wire *wire, int wait_ms);

/* A fresh self-signed certificate on CURVE ("P-256") and its key as PEM; the caller frees both. Valid for an hour. */
void zl_self_signed(const char *curve, char **cert_pem, char **key_pem);
/* The same on P-256, valid from FROM_S to UNTIL_S, in seconds from now. */
void zl_self_signed_for(long from_s, long until_s, char **cert_pem, char **key_pem);

#endif
