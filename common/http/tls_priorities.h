/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls_priorities.h - which TLS versions and cipher suites a server speaks, in GnuTLS' terms.
 *
 * What is offered at all has forward secrecy and an AEAD cipher: six suites of TLS 1.2 and the three of
 * TLS 1.3, which every supported API server speaks. Names are IANA's, as for kube-apiserver.
 *
 * Threads: pure.
 */
#ifndef ZL_HTTP_TLS_PRIORITIES_H
#define ZL_HTTP_TLS_PRIORITIES_H

#include "common/base/memory.h"

/*
 * @param min_version  "1.2", "1.3", or as kube-apiserver spells them: "VersionTLS12", "VersionTLS13"
 * @param suites       names separated by commas; NULL or "": all that MIN_VERSION leaves. Names of TLS 1.3
 *                     may be missing: then its suites are those with the ciphers that are named for 1.2
 * @param out          the caller frees
 * @return ZL_E_INVALID with the suite and the cure
 */
enum zl_status zl_tls_priorities(const char *min_version, const char *suites, char **out,
                                 struct zl_error *err) ZL_MUST_CHECK;

#endif
