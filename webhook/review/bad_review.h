/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bad_review.h - the answer to what is no valid AdmissionReview, on every path of the server.
 *
 * Threads: any.
 */
#ifndef ZL_WEBHOOK_REVIEW_BAD_REVIEW_H
#define ZL_WEBHOOK_REVIEW_BAD_REVIEW_H

#include "common/base/metrics.h"
#include "webhook/review/admission_review.h"

/*
 * @param review       what zl_review_decode left after its failure ERR
 * @param http_status  becomes 400 when not even a uid could be read; else it stays, and the answer is a
 *                     refusal with code 400
 * @return the caller frees
 */
char *zl_bad_review_answer(const struct zl_review *review, const struct zl_error *err,
                           int *http_status);

extern const struct zl_metric *const ZL_BAD_REVIEW_METRICS[];

#endif
