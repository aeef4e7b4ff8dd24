/* SPDX-License-Identifier: Apache-2.0 */
#include "client/doctor/certificate.h"

#include "common/base/memory.h"

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <time.h>

static void free_certificate(X509 **certificate)
{
    X509_free(*certificate);
}
#define AUTO_X509 ZL_CLEANUP(free_certificate)

static X509 *read_first(const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    BIO_free(bio);
    return certificate;
}

/* All certificates of PEM into STORE. @return how many */
static int read_all(const char *pem, X509_STORE *store)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    int count = 0;
    for (X509 *one = PEM_read_bio_X509(bio, NULL, NULL, NULL); one != NULL;
         one = PEM_read_bio_X509(bio, NULL, NULL, NULL)) {
        count += X509_STORE_add_cert(store, one) == 1;
        X509_free(one);
    }
    BIO_free(bio);
    return count;
}

static enum zl_status verify(X509_STORE *store, X509 *certificate, struct zl_error *err)
{
    X509_STORE_CTX *look = X509_STORE_CTX_new();
    enum zl_status status = ZL_OK;
    /* The time is ZL0306's; a bundle may hold a CA that is no root, as Go's verifier allows. */
    X509_STORE_set_flags(store, X509_V_FLAG_NO_CHECK_TIME | X509_V_FLAG_PARTIAL_CHAIN);
    if (look == NULL || X509_STORE_CTX_init(look, store, certificate, NULL) != 1 ||
        X509_verify_cert(look) != 1) {
        const int reason = look != NULL ? X509_STORE_CTX_get_error(look) : X509_V_ERR_OUT_OF_MEM;
        status = zl_error_set(err, ZL_E_INVALID, "%s", X509_verify_cert_error_string(reason));
    }
    X509_STORE_CTX_free(look);
    return status;
}

enum zl_status zl_certificate_verify(const char *ca_pem, const char *cert_pem, struct zl_error *err)
{
    AUTO_X509 X509 *certificate = read_first(cert_pem);
    if (certificate == NULL) {
        return zl_error_set(err, ZL_E_INVALID, "tls.crt is no certificate");
    }
    X509_STORE *store = X509_STORE_new();
    const enum zl_status status =
        read_all(ca_pem, store) == 0
            ? zl_error_set(err, ZL_E_INVALID, "caBundle holds no certificate")
            : verify(store, certificate, err);
    X509_STORE_free(store);
    return status;
}

bool zl_certificate_end(const char *pem, int64_t *end_s)
{
    AUTO_X509 X509 *certificate = read_first(pem);
    struct tm end = {0};
    if (certificate == NULL || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) != 1) {
        return false;
    }
    *end_s = timegm(&end);
    return true;
}
