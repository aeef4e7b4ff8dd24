/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ca.h - a certificate authority of one level: ECDSA P-256, SHA-256, X.509 v3.
 *
 * Certificates are valid from one hour before NOW_S, because the clocks of a cluster's nodes differ.
 *
 * Threads: pure.
 */
#ifndef ZL_CERTS_CA_H
#define ZL_CERTS_CA_H

#include "certs/names.h"

#include <stdint.h>

/* The common name of our CAs. */
#define ZL_CA_NAME "zen-lead-ca"

/*
 * Make a self-signed CA that may sign serving certificates but no further CA.
 *
 * @param now_s    seconds since 1970
 * @param until_s  last second of its validity
 * @param cert     PEM, the caller frees
 * @param key      PEM (PKCS #8, unencrypted), the caller frees
 * @return ZL_OK, or ZL_E_INVALID with OpenSSL's reason
 */
enum zl_status zl_ca_create(int64_t now_s, int64_t until_s, char **cert, char **key,
                            struct zl_error *err) ZL_MUST_CHECK;

/*
 * Make a key and a serving certificate for NAMES, signed by the CA. It never outlives the CA.
 *
 * @param ca_cert  PEM; of several certificates the first is meant
 * @return ZL_OK; ZL_E_INVALID when the CA is not readable or does not fit its key
 */
enum zl_status zl_ca_issue(const char *ca_cert, const char *ca_key, const struct zl_names *names,
                           int64_t now_s, int64_t until_s, char **cert, char **key,
                           struct zl_error *err) ZL_MUST_CHECK;

#endif
