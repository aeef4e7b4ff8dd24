/* SPDX-License-Identifier: Apache-2.0 */
/*
 * key_pair.c - do certificate and key parse, and belong together? libmicrohttpd would only say no.
 */
#include "common/http/server_internal.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

/* Without this OpenSSL asks for the password of an encrypted key on the terminal. */
static int refuse_password(char *out, int size, int writing, void *ctx)
{
    (void)out, (void)size, (void)writing, (void)ctx;
    return -1;
}

static X509 *read_certificate(const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509 *certificate = PEM_read_bio_X509(bio, NULL, refuse_password, NULL);
    BIO_free(bio);
    return certificate;
}

static EVP_PKEY *read_key(const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, refuse_password, NULL);
    BIO_free(bio);
    return key;
}

static enum zl_status check(X509 *certificate, EVP_PKEY *key, struct zl_error *err)
{
    if (certificate == NULL) {
        return zl_error_set(err, ZL_E_INVALID,
                            "the TLS certificate is not PEM text with a BEGIN CERTIFICATE block");
    }
    if (key == NULL) {
        return zl_error_set(err, ZL_E_INVALID,
                            "the TLS key is not PEM text with an unencrypted private key");
    }
    if (X509_check_private_key(certificate, key) != 1) {
        return zl_error_set(err, ZL_E_INVALID,
                            "the TLS key does not belong to the certificate: "
                            "tls.crt and tls.key must come from the same issue");
    }
    return ZL_OK;
}

enum zl_status zl_http_check_key_pair(const char *cert_pem, const char *key_pem,
                                      struct zl_error *err)
{
    X509 *certificate = read_certificate(cert_pem);
    EVP_PKEY *key = read_key(key_pem);
    enum zl_status status = check(certificate, key, err);
    X509_free(certificate);
    EVP_PKEY_free(key);
    ERR_clear_error(); /* else the next user of OpenSSL on this thread reads our failure */
    return status;
}
