/* SPDX-License-Identifier: Apache-2.0 */
/*
 * key_pair.h - certificate and private key of a TLS server, and the slot from which handshakes take them.
 *
 * A server shows what is in its slot. Another pair may be put there at any time: handshakes from then
 * on show the new one, connections that stand go on with the old one, which goes with the last of them.
 */
#ifndef ZL_HTTP_KEY_PAIR_H
#define ZL_HTTP_KEY_PAIR_H

#include "common/base/error.h"

#include <stdbool.h>
#include <stdint.h>

/* Of the first certificate of a pair; both in seconds since 1970. */
struct zl_validity {
    int64_t not_before_s, not_after_s;
};

struct zl_key_pair; /* opaque, immutable */

/*
 * Certificate (its chain may follow) and key from PEM text.
 *
 * @param out  zl_key_pair_free
 * @return ZL_E_INVALID when either cannot be read or the key is not that of the certificate
 */
enum zl_status zl_key_pair_parse(const char *cert_pem, const char *key_pem,
                                 struct zl_key_pair **out, struct zl_error *err) ZL_MUST_CHECK;
void zl_key_pair_free(struct zl_key_pair *pair); /* may be NULL */
struct zl_validity zl_key_pair_validity(const struct zl_key_pair *pair);

/* --- what time makes of it: pure ------------------------------------------------------------ */

enum zl_validity_state {
    ZL_VALIDITY_GOOD,
    ZL_VALIDITY_ENDING, /* valid, but should have been renewed by now */
    ZL_VALIDITY_EXPIRED,
    ZL_VALIDITY_NOT_YET, /* valid later: the clock of who issued it is ahead of ours */
};

/*
 * ENDING is the last tenth of its life, and at most the last week: cert-manager renews after two thirds,
 * zen-lead-certs 30 days before the end.
 */
enum zl_validity_state zl_validity_judge(const struct zl_validity *validity, int64_t now_s);
/* May FOUND replace SERVING (NULL: nothing)? Not when SERVING is valid now and FOUND is not. */
bool zl_validity_may_replace(const struct zl_validity *serving, const struct zl_validity *found,
                             int64_t now_s);

/* --- the slot ------------------------------------------------------------------------------- */

struct zl_key_slot; /* opaque. Threads: any; a lock that is held for no I/O */

struct zl_key_slot *zl_key_slot_new(void);
/* After the servers that use it have stopped; may be NULL. */
void zl_key_slot_free(struct zl_key_slot *slot);
void zl_key_slot_put(struct zl_key_slot *slot, struct zl_key_pair *taken);

#endif
