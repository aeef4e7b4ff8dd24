/* SPDX-License-Identifier: Apache-2.0 */
/*
 * review_secret.h - what is written into the Secret with the path of reviews (common/objects/review_path.h).
 *
 * Threads: pure.
 */
#ifndef ZL_CONTROLLER_GATE_REVIEW_SECRET_H
#define ZL_CONTROLLER_GATE_REVIEW_SECRET_H

#include "common/base/json.h"
#include "controller/gate/token_plan.h"

/*
 * The Secret that PLAN asks for, new. The caller frees.
 *
 * @param token          where PLAN names none
 * @param now_us         wall clock: when the token was renewed
 * @param configuration  zen-lead-pods, which owns it, so that it goes with that whoever uninstalls
 */
struct cJSON *zl_review_secret_new(const struct zl_token_plan *plan, const char *token,
                                   int64_t now_us, const struct cJSON *configuration);
/* The same as a merge patch that is refused where OLD is not what is there any more. */
struct cJSON *zl_review_secret_patch(const struct zl_token_plan *plan, const char *token,
                                     int64_t now_us, const struct cJSON *old);

#endif
