/* SPDX-License-Identifier: Apache-2.0 */
/*
 * certificate.h - would the API server trust that certificate, and until when is it valid?
 *
 * Threads: pure.
 */
#ifndef ZL_CLIENT_DOCTOR_CERTIFICATE_H
#define ZL_CLIENT_DOCTOR_CERTIFICATE_H

#include "common/base/error.h"

#include <stdbool.h>

/*
 * Does one of the certificates CA_PEM stand behind the first of CERT_PEM, whatever the time is?
 *
 * @return ZL_OK; ZL_E_INVALID: it does not, or one of the two is no PEM; ERR says which
 */
enum zl_status zl_certificate_verify(const char *ca_pem, const char *cert_pem,
                                     struct zl_error *err) ZL_MUST_CHECK;
/* When the first certificate of PEM ends, seconds since 1970. false: it is no certificate. */
bool zl_certificate_end(const char *pem, int64_t *end_s);

#endif
