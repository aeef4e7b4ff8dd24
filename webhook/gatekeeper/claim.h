/* SPDX-License-Identifier: Apache-2.0 */
/*
 * claim.h - the webhook's only writes: the Lease's first record, the reservation of a fencing token, and the
 * compare-and-swap of the Lease that names a leader or a successor.
 *
 * Threads: any number of reviews at once; of those that try for one seat, one succeeds.
 */
#ifndef ZL_WEBHOOK_GATEKEEPER_CLAIM_H
#define ZL_WEBHOOK_GATEKEEPER_CLAIM_H

#include "webhook/gatekeeper/live.h"

enum zl_attempt {
    ZL_ATTEMPT_WON, /* it is written; in a dry run, nothing is */
    ZL_ATTEMPT_LOOK_AGAIN, /* what was seen is so no longer: prepared, or somebody wrote first, if only a renewal */
    ZL_ATTEMPT_FAILED, /* ERR says why; a write may have been stored or not */
};

/* Do what was decided of LOOK: STEP is PREPARE, CLAIM, SUCCEED or ADOPT. */
enum zl_attempt zl_claim_attempt(const struct zl_gatekeeper *gatekeeper,
                                 const struct zl_request *request, const struct zl_look *look,
                                 enum zl_step step, struct zl_error *err) ZL_MUST_CHECK;

extern const struct zl_metric *const ZL_CLAIM_METRICS[];

#endif
