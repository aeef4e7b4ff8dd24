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

const struct zl_metric *const ZL_RETRY_METRICS[] = {&RETRIES, NULL};

void zl_retry_count(const char *operation)
{
    zl_metric_add(&RETRIES, operation, NULL, 1);
}
