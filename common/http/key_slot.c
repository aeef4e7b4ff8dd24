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
 * Each session gets a copy that GnuTLS frees with the session (GNUTLS_CERT_RETR_DEINIT_ALL): a handshake
 * that is under way when the slot changes signs with the key of the certificate that it showed.
 */
int zl_key_slot_show(gnutls_session_t session, const struct gnutls_cert_retr_st *info,
                     gnutls_pcert_st **certificates, unsigned *count, gnutls_ocsp_data_st **ocsp,
                     unsigned *ocsp_count, gnutls_privkey_t *key, unsigned *flags)
{
    (void)info;
    struct zl_key_slot *slot = gnutls_session_get_ptr(session);
    *ocsp = NULL;
    *ocsp_count = 0;
    *flags = GNUTLS_CERT_RETR_DEINIT_ALL;
    pthread_mutex_lock(&slot->lock);
    bool copied = slot->pair != NULL && zl_key_pair_copy(slot->pair, certificates, count, key);
    pthread_mutex_unlock(&slot->lock);
    return copied ? 0 : -1;
}
