/* SPDX-License-Identifier: Apache-2.0 */
/*
 * retries.h - counts what is tried again: zen_lead_retry_attempts_total{operation}.
 *
 * Threads: any.
 */
#ifndef ZL_KUBE_RETRIES_H
#define ZL_KUBE_RETRIES_H

void zl_retry_register_metrics(void);
/* OPERATION: a constant of the program, see docs/metrics.md. */
void zl_retry_count(const char *operation);

#endif
