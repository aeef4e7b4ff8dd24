/* SPDX-License-Identifier: Apache-2.0 */
/*
 * key_slot.c - what a server's handshakes show; see key_pair.h.
 */
#include "common/base/memory.h"
#include "common/http/key_pair.h"
#include "common/http/server_internal.h"

#include <pthread.h>

struct zl_key_slot {
    pthread_mutex_t lock;
    struct zl_key_pair *pair; /* NULL: every handshake fails */
};

struct zl_key_slot *zl_key_slot_new(void)
{
    struct zl_key_slot *slot = zl_alloc(sizeof *slot);
    pthread_mutex_init(&slot->lock, NULL);
    return slot;
}

void zl_key_slot_free(struct zl_key_slot *slot)
{
    if (slot == NULL) {
        return;
    }
    zl_key_pair_free(slot->pair);
    pthread_mutex_destroy(&slot->lock);
    free(slot);
}

void zl_key_slot_put(struct zl_key_slot *slot, struct zl_key_pair *taken)
{
    pthread_mutex_lock(&slot->lock);
    struct zl_key_pair *old = slot->pair;
    slot->pair = taken;
    pthread_mutex_unlock(&slot->lock);
    zl_key_pair_free(old);
}

/*
 * A session holds the pair that it showed until its end: a handshake that is under way when the slot changes signs with the key
 * of its certificate. GnuTLS frees nothing (no GNUTLS_CERT_RETR_DEINIT_ALL).
 */
int zl_key_slot_show(gnutls_session_t session, const struct gnutls_cert_retr_st *info,
                     gnutls_pcert_st **certificates, unsigned *count, gnutls_ocsp_data_st **ocsp,
                     unsigned *ocsp_count, gnutls_privkey_t *key, unsigned *flags)
{
    (void)info;
    struct zl_key_shown *shown = gnutls_session_get_ptr(session);
    struct zl_key_slot *slot = shown->slot;
    *ocsp = NULL;
    *ocsp_count = 0;
    *flags = 0;
    pthread_mutex_lock(&slot->lock);
    struct zl_key_pair *pair = slot->pair != NULL ? zl_key_pair_hold(slot->pair) : NULL;
    pthread_mutex_unlock(&slot->lock);
    zl_key_pair_free(shown->pair);
    shown->pair = pair;
    if (pair == NULL) {
        return -1;
    }
    zl_key_pair_show(pair, certificates, count, key);
    return 0;
}
