/* SPDX-License-Identifier: Apache-2.0 */
#include "common/kube/retries.h"

#include "common/base/metrics.h"

static const struct zl_metric RETRIES = {
    .name = "zen_lead_retry_attempts_total",
    .type = ZL_METRIC_COUNTER,
    .help = "What was tried again after it failed or lost a race, by operation (reconcile, claim, "
            "list, watch, election).",
    .label1 = "operation",
};

static const struct zl_metric SUCCESSES = {
    .name = "zen_lead_retry_success_after_retry_total",
    .type = ZL_METRIC_COUNTER,
    .help = "What succeeded after it had failed, however often, by operation (reconcile, list, "
            "watch).",
    .label1 = "operation",
};

const struct zl_metric *const ZL_RETRY_METRICS[] = {&RETRIES, &SUCCESSES, NULL};

void zl_retry_count(const char *operation)
{
    zl_metric_add(&RETRIES, operation, NULL, 1);
}

void zl_retry_succeeded(const char *operation)
{
    zl_metric_add(&SUCCESSES, operation, NULL, 1);
}
