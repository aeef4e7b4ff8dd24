/* SPDX-License-Identifier: Apache-2.0 */
/*
 * retries.h - counts what is tried again, zen_lead_retry_attempts_total{operation}, and what succeeds then,
 * zen_lead_retry_success_after_retry_total{operation}.
 *
 * Threads: any.
 */
#ifndef ZL_KUBE_RETRIES_H
#define ZL_KUBE_RETRIES_H

#include "common/base/metrics.h"

extern const struct zl_metric *const ZL_RETRY_METRICS[];
/* OPERATION: a constant of the program, see docs/metrics.md. */
void zl_retry_count(const char *operation);
/* It had failed, and does not any more: once for all its attempts. */
void zl_retry_succeeded(const char *operation);

#endif
