/* SPDX-License-Identifier: Apache-2.0 */
#include "certs/material.h"

#include "certs/ca.h"
#include "certs/pem.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

/* So long a certificate may be served after the one that replaces it was made: kubelet brings Secrets in minutes. */
#define FRESH_S (25 * 60 * 60)
/* CAs that are trusted beside ours: a Secret that is lost again and again shall not grow the configuration. */
#define KEPT_MAX 8

const char *const zl_part_names[ZL_PART_COUNT] = {
    [ZL_PART_CA_CERT] = "ca.crt",
    [ZL_PART_CA_KEY] = "ca.key",
    [ZL_PART_KEY] = "tls.key",
    [ZL_PART_CERT] = "tls.crt",
};

void zl_material_clear(struct zl_material *material)
{
    for (size_t i = 0; i < ZL_PART_COUNT; i++) {
        free(material->pem[i]);
    }
    *material = (struct zl_material){0};
}

static bool lasts_until(const X509 *certificate, int64_t second)
{
    time_t until = (time_t)second;
    return X509_cmp_time(X509_get0_notAfter(certificate), &until) > 0;
}

static bool fits(const X509 *certificate, const EVP_PKEY *key)
{
    bool same = X509_check_private_key(certificate, key) == 1;
    ERR_clear_error();
    return same;
}

/* Strictly, as a client would: purpose, time, key identifiers; the CA alone is trusted. */
static bool is_signed_by(X509 *certificate, X509 *ca, int64_t now_s)
{
    X509_STORE *trusted = X509_STORE_new();
    X509_STORE_CTX *check = X509_STORE_CTX_new();
    bool valid = trusted != NULL && check != NULL && X509_STORE_add_cert(trusted, ca) == 1 &&
                 X509_STORE_CTX_init(check, trusted, certificate, NULL) == 1 &&
                 X509_STORE_CTX_set_purpose(check, X509_PURPOSE_SSL_SERVER) == 1;
    if (valid) {
        X509_STORE_CTX_set_time(check, 0, (time_t)now_s);
        X509_STORE_CTX_set_flags(check, X509_V_FLAG_X509_STRICT);
        valid = X509_verify_cert(check) == 1;
    }
    X509_STORE_CTX_free(check);
    X509_STORE_free(trusted);
    ERR_clear_error();
    return valid;
}

/* The first wanted name that CERTIFICATE lacks, or NULL. */
static const char *missing_name(X509 *certificate, const struct zl_names *names)
{
    for (size_t i = 0; i < names->dns_count; i++) {
        if (X509_check_host(certificate, names->dns[i], 0, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT,
                            NULL) != 1) {
            return names->dns[i];
        }
    }
    for (size_t i = 0; i < names->ip_count; i++) {
        if (X509_check_ip_asc(certificate, names->ip[i], 0) != 1) {
            return names->ip[i];
        }
    }
    return NULL;
}

static bool says(char reason[ZL_REASON_MAX], const char *text)
{
    snprintf(reason, ZL_REASON_MAX, "%s", text);
    return false;
}

/* true, or REASON says what is wrong with the serving certificate. */
static bool is_good(const struct zl_material *material, const struct zl_renewal *renewal,
                    char reason[ZL_REASON_MAX])
{
    if (material->pem[ZL_PART_CERT] == NULL) {
        return says(reason, "there is no certificate yet");
    }
    ZL_AUTO_X509 X509 *certificate = zl_pem_certificate(material->pem[ZL_PART_CERT]);
    ZL_AUTO_KEY EVP_PKEY *key = zl_pem_key(material->pem[ZL_PART_KEY]);
    ZL_AUTO_X509 X509 *ca = zl_pem_certificate(material->pem[ZL_PART_CA_CERT]);
    if (certificate == NULL || key == NULL || ca == NULL) {
        return says(reason, "tls.crt, tls.key or ca.crt is missing or not readable");
    }
    if (!fits(certificate, key)) {
        return says(reason, "tls.key is not the key of tls.crt");
    }
    int64_t needed_until_s = renewal->now_s + renewal->renew_before_s;
    if (!lasts_until(certificate, needed_until_s) || !lasts_until(ca, needed_until_s)) {
        return says(reason, "it expires soon");
    }
    if (!is_signed_by(certificate, ca, renewal->now_s)) {
        return says(reason, "tls.crt is not a serving certificate signed by ca.crt");
    }
    const char *missing = missing_name(certificate, renewal->names);
    if (missing != NULL) {
        snprintf(reason, ZL_REASON_MAX, "it is not for the name %.100s", missing);
        return false;
    }
    return true;
}

static bool ca_can_sign(const struct zl_material *material, const struct zl_renewal *renewal)
{
    ZL_AUTO_X509 X509 *ca = zl_pem_certificate(material->pem[ZL_PART_CA_CERT]);
    ZL_AUTO_KEY EVP_PKEY *key = zl_pem_key(material->pem[ZL_PART_CA_KEY]);
    return ca != NULL && key != NULL && X509_check_ca(ca) == 1 && fits(ca, key) &&
           lasts_until(ca, renewal->now_s + renewal->renew_before_s);
}

/* NEW_CA, followed by the one that it replaces while that is valid. */
static char *bundle(const char *new_ca, const char *old_bundle, int64_t now_s)
{
    ZL_AUTO_X509 X509 *old = zl_pem_certificate(old_bundle);
    if (old == NULL || !lasts_until(old, now_s)) {
        return zl_strdup(new_ca);
    }
    ZL_AUTO_FREE char *old_ca = zl_pem_print_certificate(old);
    return zl_asprintf("%s%s", new_ca, old_ca != NULL ? old_ca : "");
}

static enum zl_status renew_ca(const struct zl_material *old, const struct zl_renewal *renewal,
                               struct zl_material *out, struct zl_error *err)
{
    if (ca_can_sign(old, renewal)) {
        out->pem[ZL_PART_CA_CERT] = zl_strdup(old->pem[ZL_PART_CA_CERT]);
        out->pem[ZL_PART_CA_KEY] = zl_strdup(old->pem[ZL_PART_CA_KEY]);
        return ZL_OK;
    }
    ZL_AUTO_FREE char *ca = NULL;
    enum zl_status status = zl_ca_create(renewal->now_s, renewal->now_s + renewal->ca_validity_s,
                                         &ca, &out->pem[ZL_PART_CA_KEY], err);
    if (status == ZL_OK) {
        out->pem[ZL_PART_CA_CERT] = bundle(ca, old->pem[ZL_PART_CA_CERT], renewal->now_s);
    }
    return status;
}

enum zl_status zl_material_renew(const struct zl_material *old, const struct zl_renewal *renewal,
                                 struct zl_material *out, struct zl_renewed *what,
                                 struct zl_error *err)
{
    *out = (struct zl_material){0};
    *what = (struct zl_renewed){.reason = "it is valid for every name asked for"};
    bool good = is_good(old, renewal, what->reason);
    if (good && !renewal->force) {
        for (size_t i = 0; i < ZL_PART_COUNT; i++) {
            out->pem[i] = zl_strdup(old->pem[i]);
        }
        return ZL_OK;
    }
    if (good) {
        says(what->reason, "--force was given");
    }
    what->changed = true;
    enum zl_status status = renew_ca(old, renewal, out, err);
    if (status != ZL_OK) {
        return status;
    }
    return zl_ca_issue(out->pem[ZL_PART_CA_CERT], out->pem[ZL_PART_CA_KEY], renewal->names,
                       renewal->now_s, renewal->now_s + renewal->validity_s,
                       &out->pem[ZL_PART_CERT], &out->pem[ZL_PART_KEY], err);
}

/* Is it younger than a day? The clock that dated it was ours, and it is dated an hour back. */
static bool is_fresh(const char *cert, int64_t now_s)
{
    ZL_AUTO_X509 X509 *certificate = zl_pem_certificate(cert);
    time_t yesterday = (time_t)(now_s - FRESH_S);
    return certificate != NULL && X509_cmp_time(X509_get0_notBefore(certificate), &yesterday) > 0;
}

/* By the name that zl_ca_create gives: in a bundle that somebody shares with us, others' CAs are theirs. */
static bool is_of_ours(X509 *ca)
{
    char name[64] = "";
    (void)X509_NAME_get_text_by_NID(X509_get_subject_name(ca), NID_commonName, name, sizeof name);
    return strcmp(name, ZL_CA_NAME) == 0 && X509_check_ca(ca) == 1;
}

static bool is_in(const char *pem, const char *bundle)
{
    return bundle != NULL && strstr(bundle, pem) != NULL;
}

/* The certificate at PLACE as we print it, if it is one to be kept beside TRUST; the caller frees. */
static char *read_kept(const char *place, const struct zl_change *change, const char *trust)
{
    ZL_AUTO_X509 X509 *ca = zl_pem_certificate(place);
    if (ca == NULL || !is_of_ours(ca) || !lasts_until(ca, change->now_s)) {
        return NULL;
    }
    ZL_AUTO_FREE char *pem = zl_pem_print_certificate(ca);
    if (pem == NULL || is_in(pem, trust) || is_in(pem, change->before->pem[ZL_PART_CA_CERT])) {
        return NULL;
    }
    return ZL_STEAL(&pem);
}

char *zl_trust_keep(const struct zl_change *change, const char *bundle, size_t *kept)
{
    static const char begin[] = "-----BEGIN CERTIFICATE-----";
    char *trust = zl_strdup(change->after->pem[ZL_PART_CA_CERT]);
    *kept = 0;
    if (bundle == NULL || !is_fresh(change->after->pem[ZL_PART_CERT], change->now_s)) {
        return trust;
    }
    const char *place = strstr(bundle, begin);
    for (; place != NULL && *kept < KEPT_MAX; place = strstr(place + 1, begin)) {
        ZL_AUTO_FREE char *pem = read_kept(place, change, trust);
        if (pem != NULL) {
            char *longer = zl_asprintf("%s%s", trust, pem);
            free(trust);
            trust = longer;
            ++*kept;
        }
    }
    return trust;
}
