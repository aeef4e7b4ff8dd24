/* SPDX-License-Identifier: Apache-2.0 */
/*
 * names.h - the names that a serving certificate is for.
 *
 * Threads: pure.
 */
#ifndef ZL_CERTS_NAMES_H
#define ZL_CERTS_NAMES_H

#include "common/base/memory.h"

/* A client never looks past a few names, and every handshake carries all of them. */
#define ZL_NAMES_MAX 100

struct zl_names {
    char *dns[ZL_NAMES_MAX];
    size_t dns_count;
    char *ip[ZL_NAMES_MAX];
    size_t ip_count;
};

/*
 * Collect names. SERVICE in NAMESPACE_ gives the four under which a cluster knows it: NAME, NAME.NS,
 * NAME.NS.svc (the one the API server asks for) and NAME.NS.svc.cluster.local. Repeated names count
 * once.
 *
 * Refuses: no name at all, wildcards, what is not a lower-case DNS name or an IP address, more than
 * ZL_NAMES_MAX of a kind.
 *
 * @param service     or NULL; then NAMESPACE_ is not read
 * @param dns_list    further names, separated by commas; may be NULL
 * @param ip_list     IPv4 and IPv6 addresses, separated by commas; may be NULL
 * @param out         overwritten; the caller clears it, also after a failure
 */
enum zl_status zl_names_collect(const char *service, const char *namespace_, const char *dns_list,
                                const char *ip_list, struct zl_names *out,
                                struct zl_error *err) ZL_MUST_CHECK;
void zl_names_clear(struct zl_names *names);
#define ZL_AUTO_NAMES ZL_CLEANUP(zl_names_clear)

#endif
