/* SPDX-License-Identifier: Apache-2.0 */
/*
 * token_store.h - the fencing token's second home: LeaderPolicy status. Whoever deletes the Lease takes its token
 * away; this one stays for the pool's life.
 *
 * In a scaleDown pool a token is reserved here before the Lease is swapped: so no two leaders have the same
 * one, whatever becomes of the Lease, and a status that says 0 proves that nobody was ever let in. In a
 * standby pool, where traffic waits, the Lease goes first; it is at most one ahead, because the token that
 * it gave before is recorded first. A Lease that was lost therefore goes on at ZL_TOKEN_SKIP more.
 *
 * A definition of another release that drops what was written (common/objects/definition.h) is ZL_E_DENIED: nobody is let in
 * with a token or a tick that could be given again.
 *
 * DEADLINE_MS is that of struct zl_kube_target, for all rounds together.
 *
 * Threads: any; each blocks on the API server.
 */
#ifndef ZL_SEAT_TOKEN_STORE_H
#define ZL_SEAT_TOKEN_STORE_H

#include "common/kube/client.h"
#include "common/objects/policy.h"

/* Live GET of the status' token; TOKEN stays as it is after a failure. */
enum zl_status zl_token_read(struct zl_kube_client *client, const struct zl_policy *policy,
                             int64_t deadline_ms, int64_t *token,
                             struct zl_error *err) ZL_MUST_CHECK;

/* Raise the status' token to at least TOKEN. */
enum zl_status zl_token_record(struct zl_kube_client *client, const struct zl_policy *policy,
                               int64_t token, int64_t deadline_ms,
                               struct zl_error *err) ZL_MUST_CHECK;

/*
 * Raise the status' token by compare-and-swap past what it was and past ABOVE.
 *
 * @param token  receives the new one: nobody else got it, nor ever will
 * @return ZL_E_CONFLICT when others were faster several times; ZL_E_NOT_FOUND: the policy is gone
 */
enum zl_status zl_token_reserve(struct zl_kube_client *client, const struct zl_policy *policy,
                                int64_t above, int64_t deadline_ms, int64_t *token,
                                struct zl_error *err) ZL_MUST_CHECK;

/*
 * The same for a Job with a scheduled time: the swap that reserves the token notes that JOB has used the tick up.
 *
 * @return ZL_E_INVALID, and nothing is written, when the tick is another Job's already
 */
enum zl_status zl_token_reserve_tick(struct zl_kube_client *client, const struct zl_policy *policy,
                                     int64_t above, const struct zl_tick *tick, int64_t deadline_ms,
                                     int64_t *token, struct zl_error *err) ZL_MUST_CHECK;

#endif
