/* SPDX-License-Identifier: Apache-2.0 */
#include "certs/pem.h"

#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

static void bio_cleanup(BIO **bio)
{
    BIO_free(*bio);
}
#define AUTO_BIO ZL_CLEANUP(bio_cleanup)

/* Without a callback OpenSSL would ask the terminal for the password of an encrypted key. */
static int no_password(char *buffer, int size, int writing, void *context)
{
    (void)buffer;
    (void)size;
    (void)writing;
    (void)context;
    return -1;
}

static BIO *reader(const char *text)
{
    if (text == NULL || strlen(text) > INT_MAX) {
        return NULL;
    }
    return BIO_new_mem_buf(text, (int)strlen(text));
}

X509 *zl_pem_certificate(const char *text)
{
    AUTO_BIO BIO *bio = reader(text);
    X509 *certificate = bio != NULL ? PEM_read_bio_X509(bio, NULL, no_password, NULL) : NULL;
    ERR_clear_error();
    return certificate;
}

EVP_PKEY *zl_pem_key(const char *text)
{
    AUTO_BIO BIO *bio = reader(text);
    EVP_PKEY *key = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;
    ERR_clear_error();
    return key;
}

static char *written(BIO *bio)
{
    char *bytes = NULL;
    long length = BIO_get_mem_data(bio, &bytes);
    return length > 0 ? zl_strndup(bytes, (size_t)length) : NULL;
}

char *zl_pem_print_certificate(X509 *certificate)
{
    AUTO_BIO BIO *bio = BIO_new(BIO_s_mem());
    return bio != NULL && PEM_write_bio_X509(bio, certificate) == 1 ? written(bio) : NULL;
}

char *zl_pem_print_key(EVP_PKEY *key)
{
    AUTO_BIO BIO *bio = BIO_new(BIO_s_secmem());
    if (bio == NULL || PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1) {
        return NULL;
    }
    return written(bio);
}

enum zl_status zl_pem_failure(struct zl_error *err, const char *what)
{
    char reason[160] = "no reason given";
    unsigned long code = ERR_peek_last_error();
    if (code != 0) {
        ERR_error_string_n(code, reason, sizeof reason);
    }
    ERR_clear_error();
    return zl_error_set(err, ZL_E_INVALID, "%s: OpenSSL says %s", what, reason);
}

void zl_x509_cleanup(X509 **certificate)
{
    X509_free(*certificate);
}

void zl_key_cleanup(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}
