/* SPDX-License-Identifier: Apache-2.0 */
/*
 * validator.h - reviews of LeaderPolicies and of what joins a pool: from an AdmissionReview to its answer.
 *
 * A LeaderPolicy with errors is refused as the API server itself refuses (422, Invalid, all causes at once).
 * Workloads and Services only get warnings, whatever happens here.
 *
 * Threads: any number of reviews at once.
 */
#ifndef ZL_WEBHOOK_VALIDATOR_VALIDATOR_H
#define ZL_WEBHOOK_VALIDATOR_VALIDATOR_H

#include "common/base/metrics.h"
#include "webhook/gatekeeper/gatekeeper.h"

/* As zl_gatekeeper_answer. */
char *zl_validator_answer_policy(const struct zl_gatekeeper *gatekeeper, const char *body,
                                 size_t length, int *http_status);
/*
 * As zl_gatekeeper_answer, with one API call at most: a LeaderPolicy that memory does not know is read live,
 * because "kubectl apply" often creates it a moment before the workload.
 */
char *zl_validator_answer_workload(const struct zl_gatekeeper *gatekeeper, const char *body,
                                   size_t length, int *http_status);

extern const struct zl_metric *const ZL_VALIDATOR_METRICS[];

#endif
