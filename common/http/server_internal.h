/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server_internal.h - the parts that server.c is made of. Nobody else includes this.
 */
#ifndef ZL_HTTP_SERVER_INTERNAL_H
#define ZL_HTTP_SERVER_INTERNAL_H

#include "common/base/memory.h"
#include "common/http/server.h"

#include <gnutls/abstract.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

/* --- answer.c ------------------------------------------------------------------------------- */

/* As in struct zl_http_options. Borrowed. */
struct zl_http_served {
    const struct zl_http_route *routes;
    void *ctx;
    size_t body_max_bytes;
};

/* NULL: nothing is served there by METHOD; HEAD is served where GET is. */
const struct zl_http_route *zl_http_find_route(const struct zl_http_served *served,
                                               const char *method, const char *path);
/* "GET, HEAD" for Allow; "" when nothing is served at PATH. The caller frees. */
char *zl_http_methods_of(const struct zl_http_served *served, const char *path);
/*
 * Fill RESPONSE with the text of a REFUSAL: 403, 404, 405, 413 or 429.
 *
 * @param is_cut  413: what is kept is too large, not what was sent
 * @param allow   405: zl_http_methods_of
 */
void zl_http_refuse(const struct zl_http_served *served, int refusal, bool is_cut,
                    const char *allow, struct zl_http_response *response);
struct zl_http_sending {
    const char *allow; /* NULL: no such field */
    bool is_page;      /* somebody may look at it, or keep it: of GET and HEAD */
    bool closes;       /* the connection is not for another request */
};
/* Takes RESPONSE's body or stream. */
enum MHD_Result zl_http_send(struct MHD_Connection *connection, struct zl_http_response *response,
                             const struct zl_http_sending *how);

/* --- listen.c ------------------------------------------------------------------------------- */

/*
 * A listening socket. ADDRESS a path: a unix socket. ADDRESS NULL: all addresses, one socket for both families; IPv4 alone
 * where the kernel has no IPv6. ZL_E_INVALID names address, port and cure.
 */
enum zl_status zl_http_listen(const char *address, int64_t port, int *fd,
                              struct zl_error *err) ZL_MUST_CHECK;
uint16_t zl_http_local_port(int fd);

/* --- key_pair.c, key_slot.c ----------------------------------------------------------------- */

struct zl_key_pair;

/* One more holder, who calls zl_key_pair_free. */
struct zl_key_pair *zl_key_pair_hold(struct zl_key_pair *pair);
/* Borrowed, as long as PAIR is held; any number of sessions may use them at once. */
void zl_key_pair_show(struct zl_key_pair *pair, gnutls_pcert_st **certificates, unsigned *count,
                      gnutls_privkey_t *key);

/* What a session's pointer leads to. When the session shows nothing any more, the PAIR (NULL: it never did) is freed. */
struct zl_key_shown {
    struct zl_key_slot *slot;
    struct zl_key_pair *pair;
};
/* For MHD_OPTION_HTTPS_CERT_CALLBACK2. */
gnutls_certificate_retrieve_function3 zl_key_slot_show;

/* --- tls_answer.c --------------------------------------------------------------------------- */

/* Collect what is written to SESSION from now on. For answers that fit into one record, whose body is there. */
void zl_tls_hold_answer(gnutls_session_t session);
/* Send it. Waits until the kernel has taken it, or FD is shut down. */
void zl_tls_send_answer(gnutls_session_t session, int fd);

/* --- client_certificate.c ------------------------------------------------------------------- */

/* ZL_E_INVALID: PEM has no certificate, or one that cannot be read. */
enum zl_status zl_client_ca_check(const char *pem, struct zl_error *err) ZL_MUST_CHECK;
/*
 * Has the peer of SESSION shown a certificate for clients that its CAs issued, with NAME as common name (NULL: any)? On the
 * thread of the session.
 */
bool zl_client_is_known(gnutls_session_t session, const char *name);

/* --- reaper.c ------------------------------------------------------------------------------- */

/*
 * The deadlines of connections. libmicrohttpd knows only a time of inactivity, which a peer that
 * sends one byte now and then never reaches; so every deadline is kept here, in one place.
 *
 *   accept -> HEAD -> BODY -> HANDLING -> ANSWERING -> IDLE
 *              ^                                        |
 *              +-------- first byte of the next --------+
 *
 * HEAD and BODY together end after request_timeout_ms, and so does ANSWERING; IDLE ends after
 * idle_timeout_ms; HANDLING never: the handler has deadlines of its own. A connection whose time
 * is up is shut down; its own thread sees the end of the stream and cleans up.
 *
 * A server that is full takes a new connection all the same, and another one leaves at once. Each address has a share of the
 * server: as much as the others. Who leaves, in this order, and among its likes of the address that has most, the oldest:
 *   1. who has sent no request, and is not just about to; of an address with more than its share, then of any
 *   2. who is IDLE, then who came a moment ago, of an address with more than its share; then the same of any
 *   3. who sends or takes its bytes slowly; of an address with more than its share, then of any
 * One that is HANDLING never leaves. So whoever opens many connections, or sends slowly, or asks for nothing, makes room for who
 * asks. All reviews may come from one address (a proxy): while there is room nobody leaves.
 *
 * Threads: any; one lock, held for no blocking call.
 */
enum zl_reaper_phase {
    ZL_REAPER_HEAD, /* the TLS handshake included */
    ZL_REAPER_BODY,
    ZL_REAPER_HANDLING,
    ZL_REAPER_ANSWERING,
    ZL_REAPER_IDLE,
};

struct zl_reaper;       /* opaque */
struct zl_reaper_entry; /* opaque: one connection */

/* What the reaper keeps to. */
struct zl_reaper_limits {
    int64_t request_timeout_ms, idle_timeout_ms;
    size_t connections_max; /* then, with one more, another one leaves */
};
struct zl_reaper *zl_reaper_start(const struct zl_reaper_limits *limits);
/* After the last zl_reaper_remove. */
void zl_reaper_stop(struct zl_reaper *reaper);

/*
 * FD must stay open until zl_reaper_remove has returned: what is shut down is then never a reused number. If there are too
 * many, one is shut down: FD itself when no other one may leave.
 */
struct zl_reaper_entry *zl_reaper_add(struct zl_reaper *reaper, int fd);
void zl_reaper_remove(struct zl_reaper *reaper, struct zl_reaper_entry *entry);
void zl_reaper_enter(struct zl_reaper *reaper, struct zl_reaper_entry *entry,
                     enum zl_reaper_phase phase);
/* Wait until for CALM_MS no connection has come and no request has begun or ended, at most TIMEOUT_MS. */
void zl_reaper_wait_calm(struct zl_reaper *reaper, int64_t calm_ms, int64_t timeout_ms);
/* Wait until no connection has a request under way; false when TIMEOUT_MS passed before that. */
bool zl_reaper_wait_quiet(struct zl_reaper *reaper, int64_t timeout_ms);

#endif
