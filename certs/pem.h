/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pem.h - OpenSSL objects as PEM text, owned on the line of their declaration.
 *
 * Threads: pure (OpenSSL's error queue belongs to the thread).
 */
#ifndef ZL_CERTS_PEM_H
#define ZL_CERTS_PEM_H

#include "common/base/memory.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

/* The first certificate of TEXT; NULL when TEXT is NULL or holds none. X509_free. */
X509 *zl_pem_certificate(const char *text);
/* The unencrypted private key in TEXT; NULL when TEXT is NULL or holds none. EVP_PKEY_free. */
EVP_PKEY *zl_pem_key(const char *text);

/* The caller frees; NULL only when OpenSSL fails. */
char *zl_pem_print_certificate(X509 *certificate);
char *zl_pem_print_key(EVP_PKEY *key); /* PKCS #8 */

/* ERR says WHAT failed and why OpenSSL thinks so; its error queue is empty afterwards. */
enum zl_status zl_pem_failure(struct zl_error *err, const char *what);

void zl_x509_cleanup(X509 **certificate);
void zl_key_cleanup(EVP_PKEY **key);
#define ZL_AUTO_X509 ZL_CLEANUP(zl_x509_cleanup)
#define ZL_AUTO_KEY ZL_CLEANUP(zl_key_cleanup)

#endif
