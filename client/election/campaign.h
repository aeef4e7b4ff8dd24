/* SPDX-License-Identifier: Apache-2.0 */
/*
 * campaign.h - one candidacy for a Lease: the elector of common/kube, and a watch that tells it at once when the Lease
 * is released. Where watching is forbidden, the elector's own tries have to do.
 *
 * Threads: two of its own, the elector's and the watch's. HELD, LOST come from the first.
 */
#ifndef ZL_CLIENT_CAMPAIGN_H
#define ZL_CLIENT_CAMPAIGN_H

#include "common/kube/client.h"

struct zl_campaign_spec {
    const char *namespace_, *lease, *identity;
    int64_t lease_ms, renew_ms, retry_ms; /* 0: 15, 10 and 2 s */
    /*
     * The Lease is ours: now, and after each renewal. BOOT_MS: of zl_clock_boot_ms before that request left; ours alone until
     * lease_ms later. TOKEN: the fencing token, larger than that of any holder before.
     */
    void (*held)(void *ctx, int64_t boot_ms, int64_t token);
    void (*lost)(void *ctx);                         /* not after zl_campaign_stop */
    void (*observed)(void *ctx, const char *holder); /* it changed; "": nobody. May be NULL */
    void *ctx;
};

struct zl_campaign; /* opaque */

/* CLIENT must outlive it; SPEC's strings are copied. ZL_E_INVALID: the durations leave no room for each other. */
enum zl_status zl_campaign_start(struct zl_kube_client *client, const struct zl_campaign_spec *spec,
                                 struct zl_campaign **out, struct zl_error *err) ZL_MUST_CHECK;
/* Releases the Lease if it is ours, ends both threads, frees. Blocks for up to one API call. NULL is fine. */
void zl_campaign_stop(struct zl_campaign *campaign);

/*
 * Can LEASE be contended for: is it absent, or one without spec.strategy? One request.
 *
 * @return ZL_OK; ZL_E_INVALID: Coordinated Leader Election chooses its holder; the request's failure
 */
enum zl_status zl_campaign_check(struct zl_kube_client *client, const char *namespace_,
                                 const char *lease, struct zl_error *err) ZL_MUST_CHECK;

#endif
