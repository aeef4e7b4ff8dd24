/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server_internal.h - the parts that server.c is made of. Nobody else includes this.
 */
#ifndef ZL_HTTP_SERVER_INTERNAL_H
#define ZL_HTTP_SERVER_INTERNAL_H

#include "common/base/memory.h"

#include <gnutls/abstract.h>
#include <stdbool.h>
#include <stdint.h>

/* --- listen.c ------------------------------------------------------------------------------- */

/*
 * A listening TCP socket. ADDRESS NULL: all addresses, one socket for both families; IPv4 alone
 * where the kernel has no IPv6. ZL_E_INVALID names address, port and cure.
 */
enum zl_status zl_http_listen(const char *address, int64_t port, int *fd,
                              struct zl_error *err) ZL_MUST_CHECK;
uint16_t zl_http_local_port(int fd);

/* --- key_pair.c, key_slot.c ----------------------------------------------------------------- */

struct zl_key_pair;

/* Copies for one session, of gnutls_malloc; false when the TLS library has no memory for them. */
bool zl_key_pair_copy(const struct zl_key_pair *pair, gnutls_pcert_st **certificates,
                      unsigned *count, gnutls_privkey_t *key);
/* For MHD_OPTION_HTTPS_CERT_CALLBACK2. The session's pointer is the slot. */
gnutls_certificate_retrieve_function3 zl_key_slot_show;

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

struct zl_reaper *zl_reaper_start(int64_t request_timeout_ms, int64_t idle_timeout_ms);
/* After the last zl_reaper_remove. */
void zl_reaper_stop(struct zl_reaper *reaper);

/* FD must stay open until zl_reaper_remove has returned: what is shut down is then never a reused number. */
struct zl_reaper_entry *zl_reaper_add(struct zl_reaper *reaper, int fd);
void zl_reaper_remove(struct zl_reaper *reaper, struct zl_reaper_entry *entry);
void zl_reaper_enter(struct zl_reaper *reaper, struct zl_reaper_entry *entry,
                     enum zl_reaper_phase phase);
/* Wait until no connection has a request under way; false when TIMEOUT_MS passed before that. */
bool zl_reaper_wait_quiet(struct zl_reaper *reaper, int64_t timeout_ms);

#endif
