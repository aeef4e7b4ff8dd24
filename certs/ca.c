/* SPDX-License-Identifier: Apache-2.0 */
#include "certs/ca.h"

#include "certs/pem.h"
#include "common/base/buf.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/x509v3.h>

#define CLOCK_SKEW_S 3600
/* 20 octets at most (RFC 5280) and positive: 159 bits. */
#define SERIAL_BITS 159
/* The bound of a common name (RFC 5280, ub-common-name). */
#define COMMON_NAME_MAX 64
/* 200 names of at most 253 characters and their prefixes. */
#define SUBJECT_ALT_MAX (64ul * 1024)

struct extension {
    int nid;
    const char *value;
};

static bool set_serial(X509 *certificate)
{
    BIGNUM *number = BN_new();
    bool done = number != NULL &&
                BN_rand(number, SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
                BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;
    BN_free(number);
    return done;
}

static bool set_subject(X509 *certificate, const char *common_name)
{
    X509_NAME *subject = X509_get_subject_name(certificate);
    int length = (int)strnlen(common_name, COMMON_NAME_MAX);
    const unsigned char *organization = (const unsigned char *)"zen-lead";
    return X509_NAME_add_entry_by_NID(subject, NID_organizationName, MBSTRING_UTF8, organization,
                                      -1, -1, 0) == 1 &&
           X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8,
                                      (const unsigned char *)common_name, length, -1, 0) == 1;
}

/* EXTENSIONS end with nid 0. The key identifiers among them are computed from both certificates. */
static bool add_extensions(X509 *certificate, X509 *issuer, const struct extension *extensions)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    for (; extensions->nid != 0; extensions++) {
        X509_EXTENSION *extension =
            X509V3_EXT_conf_nid(NULL, &context, extensions->nid, extensions->value);
        bool added = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
        X509_EXTENSION_free(extension);
        if (!added) {
            return false;
        }
    }
    return true;
}

/* All but issuer name, extensions and signature. */
static X509 *blank(EVP_PKEY *key, const char *common_name, int64_t now_s, int64_t until_s)
{
    X509 *certificate = X509_new();
    if (certificate != NULL && X509_set_version(certificate, X509_VERSION_3) == 1 &&
        set_serial(certificate) && set_subject(certificate, common_name) &&
        ASN1_TIME_set(X509_getm_notBefore(certificate), now_s - CLOCK_SKEW_S) != NULL &&
        ASN1_TIME_set(X509_getm_notAfter(certificate), until_s) != NULL &&
        X509_set_pubkey(certificate, key) == 1) {
        return certificate;
    }
    X509_free(certificate);
    return NULL;
}

static enum zl_status print(X509 *certificate, EVP_PKEY *key, char **cert_out, char **key_out,
                            struct zl_error *err)
{
    ZL_AUTO_FREE char *cert_pem = zl_pem_print_certificate(certificate);
    ZL_AUTO_FREE char *key_pem = zl_pem_print_key(key);
    if (cert_pem == NULL || key_pem == NULL) {
        return zl_pem_failure(err, "writing a certificate as PEM");
    }
    *cert_out = ZL_STEAL(&cert_pem);
    *key_out = ZL_STEAL(&key_pem);
    return ZL_OK;
}

enum zl_status zl_ca_create(int64_t now_s, int64_t until_s, char **cert, char **key,
                            struct zl_error *err)
{
    static const struct extension extensions[] = {
        {NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
        {NID_key_usage, "critical,keyCertSign,cRLSign"},
        {NID_subject_key_identifier, "hash"},
        {0, NULL},
    };
    ZL_AUTO_KEY EVP_PKEY *pair = EVP_EC_gen("P-256");
    ZL_AUTO_X509 X509 *ca = pair != NULL ? blank(pair, ZL_CA_NAME, now_s, until_s) : NULL;
    if (ca == NULL || X509_set_issuer_name(ca, X509_get_subject_name(ca)) != 1 ||
        !add_extensions(ca, ca, extensions) || X509_sign(ca, pair, EVP_sha256()) == 0) {
        return zl_pem_failure(err, "making the CA");
    }
    return print(ca, pair, cert, key, err);
}

static char *subject_alt(const struct zl_names *names)
{
    ZL_AUTO_BUF struct zl_buf text;
    zl_buf_init(&text, SUBJECT_ALT_MAX);
    bool fits = true;
    for (size_t i = 0; i < names->dns_count; i++) {
        fits = fits && zl_buf_printf(&text, "%sDNS:%s", i > 0 ? "," : "", names->dns[i]);
    }
    for (size_t i = 0; i < names->ip_count; i++) {
        fits = fits && zl_buf_printf(&text, "%sIP:%s", text.length > 0 ? "," : "", names->ip[i]);
    }
    return fits ? zl_buf_take(&text) : NULL;
}

static int64_t not_after_s(const X509 *certificate)
{
    struct tm until = {0};
    return ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &until) == 1 ? (int64_t)timegm(&until)
                                                                         : 0;
}

static bool sign_for(X509 *certificate, X509 *ca, EVP_PKEY *ca_key, const struct zl_names *names)
{
    ZL_AUTO_FREE char *alt = subject_alt(names);
    if (alt == NULL) {
        return false;
    }
    const struct extension extensions[] = {
        {NID_basic_constraints, "critical,CA:FALSE"},
        {NID_key_usage, "critical,digitalSignature"},
        {NID_ext_key_usage, "serverAuth"},
        {NID_subject_key_identifier, "hash"},
        {NID_authority_key_identifier, "keyid:always"},
        {NID_subject_alt_name, alt},
        {0, NULL},
    };
    return X509_set_issuer_name(certificate, X509_get_subject_name(ca)) == 1 &&
           add_extensions(certificate, ca, extensions) &&
           X509_sign(certificate, ca_key, EVP_sha256()) != 0;
}

enum zl_status zl_ca_issue(const char *ca_cert, const char *ca_key, const struct zl_names *names,
                           int64_t now_s, int64_t until_s, char **cert, char **key,
                           struct zl_error *err)
{
    ZL_AUTO_X509 X509 *ca = zl_pem_certificate(ca_cert);
    ZL_AUTO_KEY EVP_PKEY *signer = zl_pem_key(ca_key);
    if (ca == NULL || signer == NULL || X509_check_private_key(ca, signer) != 1) {
        return zl_error_set(err, ZL_E_INVALID, "the CA is not readable or not of its key");
    }
    if (until_s > not_after_s(ca)) {
        until_s = not_after_s(ca);
    }
    const char *first = names->dns_count > 0 ? names->dns[0] : names->ip[0];
    ZL_AUTO_KEY EVP_PKEY *pair = EVP_EC_gen("P-256");
    ZL_AUTO_X509 X509 *leaf = pair != NULL ? blank(pair, first, now_s, until_s) : NULL;
    if (leaf == NULL || !sign_for(leaf, ca, signer, names)) {
        return zl_pem_failure(err, "making the serving certificate");
    }
    return print(leaf, pair, cert, key, err);
}
