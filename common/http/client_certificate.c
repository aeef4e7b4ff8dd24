/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_certificate.c - is the peer of a TLS session one of those whom we answer?
 *
 * libmicrohttpd asks for a certificate when it has a list of CAs, and serves a peer that has none all the same: who may
 * do what is decided for each request, because probes come without.
 */
#include "common/http/server_internal.h"

#include <gnutls/x509.h>
#include <string.h>

enum { NAME_MAX_BYTES = 256 };

enum zl_status zl_client_ca_check(const char *pem, struct zl_error *err)
{
    const gnutls_datum_t text = {.data = (unsigned char *)(uintptr_t)pem,
                                 .size = (unsigned)strlen(pem)};
    gnutls_x509_crt_t *certificates = NULL;
    unsigned count = 0;
    int status = gnutls_x509_crt_list_import2(&certificates, &count, &text, GNUTLS_X509_FMT_PEM, 0);
    for (unsigned i = 0; status >= 0 && i < count; i++) {
        gnutls_x509_crt_deinit(certificates[i]);
    }
    gnutls_free(certificates);
    if (status < 0 || count == 0) {
        return zl_error_set(err, ZL_E_INVALID,
                            "the CAs of clients (--client-ca-file) are no certificates in PEM: %s",
                            gnutls_strerror(status));
    }
    return ZL_OK;
}

/* The first common name of the certificate that the peer showed. */
static bool has_name(gnutls_session_t session, const char *name)
{
    unsigned count = 0;
    const gnutls_datum_t *chain = gnutls_certificate_get_peers(session, &count);
    gnutls_x509_crt_t certificate;
    char common_name[NAME_MAX_BYTES] = "";
    size_t size = sizeof common_name;
    if (chain == NULL || count == 0 || gnutls_x509_crt_init(&certificate) < 0) {
        return false;
    }
    bool has = gnutls_x509_crt_import(certificate, &chain[0], GNUTLS_X509_FMT_DER) >= 0 &&
               gnutls_x509_crt_get_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, 0,
                                             common_name, &size) >= 0 &&
               size == strlen(name) && memcmp(common_name, name, size) == 0;
    gnutls_x509_crt_deinit(certificate);
    return has;
}

bool zl_client_is_known(gnutls_session_t session, const char *name)
{
    unsigned problems = 0;
    gnutls_typed_vdata_st for_clients = {.type = GNUTLS_DT_KEY_PURPOSE_OID,
                                         .data =
                                             (unsigned char *)(uintptr_t)GNUTLS_KP_TLS_WWW_CLIENT,
                                         .size = 0};
    return gnutls_certificate_verify_peers(session, &for_clients, 1, &problems) >= 0 &&
           problems == 0 && (name == NULL || has_name(session, name));
}
