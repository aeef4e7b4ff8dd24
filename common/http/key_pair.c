/* SPDX-License-Identifier: Apache-2.0 */
#include "common/http/key_pair.h"

#include "common/base/limits.h"
#include "common/base/memory.h"
#include "common/http/server_internal.h"

#include <gnutls/x509.h>
#include <stdatomic.h>

#define KEY_ID_MAX 64
#define DAY_S INT64_C(86400)

struct zl_key_pair {
    atomic_uint holders; /* whoever made it, and each session that shows it */
    gnutls_x509_crt_t chain[ZL_CERT_CHAIN_MAX];
    unsigned count;
    gnutls_x509_privkey_t key;
    /* The same for handshakes, which any number of threads may do with them at once. */
    gnutls_pcert_st shown[ZL_CERT_CHAIN_MAX];
    unsigned shown_count;
    gnutls_privkey_t signing; /* with KEY, borrowed */
};

static gnutls_datum_t datum(const char *text)
{
    return (gnutls_datum_t){.data = (unsigned char *)(uintptr_t)text,
                            .size = (unsigned)strlen(text)};
}

static enum zl_status read_chain(const char *pem, struct zl_key_pair *pair, struct zl_error *err)
{
    const gnutls_datum_t text = datum(pem);
    unsigned count = ZL_CERT_CHAIN_MAX;
    int result = gnutls_x509_crt_list_import(pair->chain, &count, &text, GNUTLS_X509_FMT_PEM,
                                             GNUTLS_X509_CRT_LIST_IMPORT_FAIL_IF_EXCEED);
    if (result > 0) {
        pair->count = (unsigned)result;
        return ZL_OK;
    }
    if (result == GNUTLS_E_SHORT_MEMORY_BUFFER) {
        return zl_error_set(err, ZL_E_INVALID,
                            "the TLS certificate is a chain of more than %d certificates: leave "
                            "the issuers' root certificates out",
                            ZL_CERT_CHAIN_MAX);
    }
    return zl_error_set(err, ZL_E_INVALID,
                        "the TLS certificate is not PEM text with a BEGIN CERTIFICATE block");
}

static enum zl_status read_key(const char *pem, struct zl_key_pair *pair, struct zl_error *err)
{
    const gnutls_datum_t text = datum(pem);
    gnutls_x509_privkey_init(&pair->key);
    int result =
        gnutls_x509_privkey_import2(pair->key, &text, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN);
    if (result == 0) {
        return ZL_OK;
    }
    return zl_error_set(err, ZL_E_INVALID,
                        "the TLS key is not PEM text with an unencrypted private key: %s",
                        gnutls_strerror(result));
}

static enum zl_status check_match(const struct zl_key_pair *pair, struct zl_error *err)
{
    unsigned char of_certificate[KEY_ID_MAX], of_key[KEY_ID_MAX];
    size_t certificate_length = sizeof of_certificate, key_length = sizeof of_key;
    const unsigned flags = GNUTLS_KEYID_USE_SHA256;
    if (gnutls_x509_crt_get_key_id(pair->chain[0], flags, of_certificate, &certificate_length) ==
            0 &&
        gnutls_x509_privkey_get_key_id(pair->key, flags, of_key, &key_length) == 0 &&
        certificate_length == key_length && memcmp(of_certificate, of_key, key_length) == 0) {
        return ZL_OK;
    }
    return zl_error_set(err, ZL_E_INVALID,
                        "the TLS key does not belong to the certificate: "
                        "tls.crt and tls.key must come from the same issue");
}

static enum zl_status prepare(struct zl_key_pair *pair, struct zl_error *err)
{
    while (pair->shown_count < pair->count &&
           gnutls_pcert_import_x509(&pair->shown[pair->shown_count], pair->chain[pair->shown_count],
                                    0) == 0) {
        pair->shown_count++;
    }
    if (pair->shown_count == pair->count && gnutls_privkey_init(&pair->signing) == 0 &&
        gnutls_privkey_import_x509(pair->signing, pair->key, 0) == 0) {
        return ZL_OK;
    }
    return zl_error_set(err, ZL_E_INVALID,
                        "the TLS library cannot show this certificate or sign with its key");
}

enum zl_status zl_key_pair_parse(const char *cert_pem, const char *key_pem,
                                 struct zl_key_pair **out, struct zl_error *err)
{
    struct zl_key_pair *pair = zl_alloc(sizeof *pair);
    atomic_init(&pair->holders, 1);
    enum zl_status status = read_chain(cert_pem, pair, err);
    if (status == ZL_OK) {
        status = read_key(key_pem, pair, err);
    }
    if (status == ZL_OK) {
        status = check_match(pair, err);
    }
    if (status == ZL_OK) {
        status = prepare(pair, err);
    }
    if (status != ZL_OK) {
        zl_key_pair_free(pair);
        return status;
    }
    *out = pair;
    return ZL_OK;
}

void zl_key_pair_free(struct zl_key_pair *pair)
{
    if (pair == NULL || atomic_fetch_sub(&pair->holders, 1) != 1) {
        return;
    }
    for (unsigned i = 0; i < pair->shown_count; i++) {
        gnutls_pcert_deinit(&pair->shown[i]);
    }
    gnutls_privkey_deinit(pair->signing); /* NULL is fine */
    for (unsigned i = 0; i < pair->count; i++) {
        gnutls_x509_crt_deinit(pair->chain[i]);
    }
    gnutls_x509_privkey_deinit(pair->key); /* wipes it; NULL is fine */
    free(pair);
}

struct zl_validity zl_key_pair_validity(const struct zl_key_pair *pair)
{
    return (struct zl_validity){
        .not_before_s = (int64_t)gnutls_x509_crt_get_activation_time(pair->chain[0]),
        .not_after_s = (int64_t)gnutls_x509_crt_get_expiration_time(pair->chain[0]),
    };
}

enum zl_validity_state zl_validity_judge(const struct zl_validity *validity, int64_t now_s)
{
    if (now_s > validity->not_after_s) {
        return ZL_VALIDITY_EXPIRED;
    }
    if (now_s < validity->not_before_s) {
        return ZL_VALIDITY_NOT_YET;
    }
    int64_t warn_before_s = (validity->not_after_s - validity->not_before_s) / 10;
    if (warn_before_s > 7 * DAY_S) {
        warn_before_s = 7 * DAY_S;
    }
    return validity->not_after_s - now_s < warn_before_s ? ZL_VALIDITY_ENDING : ZL_VALIDITY_GOOD;
}

static bool is_valid(const struct zl_validity *validity, int64_t now_s)
{
    return now_s >= validity->not_before_s && now_s <= validity->not_after_s;
}

bool zl_validity_may_replace(const struct zl_validity *serving, const struct zl_validity *found,
                             int64_t now_s)
{
    return serving == NULL || !is_valid(serving, now_s) || is_valid(found, now_s);
}

/* --- for handshakes ------------------------------------------------------------------------- */

struct zl_key_pair *zl_key_pair_hold(struct zl_key_pair *pair)
{
    atomic_fetch_add(&pair->holders, 1);
    return pair;
}

void zl_key_pair_show(struct zl_key_pair *pair, gnutls_pcert_st **certificates, unsigned *count,
                      gnutls_privkey_t *key)
{
    *certificates = pair->shown;
    *count = pair->shown_count;
    *key = pair->signing;
}
