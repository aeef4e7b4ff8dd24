/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lease_store.h - a pool's Lease on the API server: the live read, and the compare-and-swap that alone makes a leader.
 *
 * DEADLINE_MS is that of struct zl_kube_target.
 *
 * Threads: any; each blocks on the API server.
 */
#ifndef ZL_SEAT_LEASE_STORE_H
#define ZL_SEAT_LEASE_STORE_H

#include "common/kube/client.h"
#include "common/seat/lease.h"

/*
 * Live GET of POOL's Lease.
 *
 * @return ZL_OK with *OUT NULL when there is none
 */
enum zl_status zl_lease_read(struct zl_kube_client *client, const char *namespace_,
                             const char *pool, int64_t deadline_ms, struct zl_lease **out,
                             struct zl_error *err) ZL_MUST_CHECK;

/*
 * Compare-and-swap: store NEXT if the Lease is still at NEXT's resource_version (create it when that is
 * NULL). Fields, labels and annotations of others are kept (merge patch).
 *
 * @param policy  becomes the Lease's owner, so that it goes with the pool
 * @param stored  receives what was stored; the caller frees; may be NULL
 * @return ZL_OK, ZL_E_CONFLICT: someone else was first; ZL_E_TRANSIENT: it may have been stored or not
 */
enum zl_status zl_lease_swap(struct zl_kube_client *client, const struct zl_lease *next,
                             const struct zl_policy *policy, int64_t deadline_ms,
                             struct zl_lease **stored, struct zl_error *err) ZL_MUST_CHECK;

#endif
