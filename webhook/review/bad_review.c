/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/review/bad_review.h"

#include "common/base/log.h"
#include "common/base/metrics.h"

static const struct zl_metric BAD_REVIEWS = {
    .name = "zen_lead_admission_bad_reviews_total",
    .type = ZL_METRIC_COUNTER,
    .help = "Request bodies that were not a valid AdmissionReview.",
};

const struct zl_metric *const ZL_BAD_REVIEW_METRICS[] = {&BAD_REVIEWS, NULL};

char *zl_bad_review_answer(const struct zl_review *review, const struct zl_error *err,
                           int *http_status)
{
    zl_metric_add(&BAD_REVIEWS, NULL, NULL, 1);
    ZL_LOG_WARN("bad AdmissionReview", ZL_ERR(err));
    if (review->uid == NULL) {
        *http_status = 400;
        return zl_asprintf("not a valid AdmissionReview: %s\n", err->message);
    }
    struct zl_review_answer answer = {.code = 400, .reason = "BadRequest", .message = err->message};
    return zl_review_encode(review->uid, &answer);
}
