/* SPDX-License-Identifier: Apache-2.0 */
/*
 * neighbours.h - warnings about what stands around a workload that joins a pool: budgets, autoscalers, other CronJobs.
 *
 * Threads: any number of reviews at once. Blocks on the API server for ZL_NEIGHBOURS_MS in all, pages and
 * versions included; what cannot be read is not warned of.
 */
#ifndef ZL_WEBHOOK_VALIDATOR_NEIGHBOURS_H
#define ZL_WEBHOOK_VALIDATOR_NEIGHBOURS_H

#include "common/validation/workload.h"
#include "webhook/gatekeeper/gatekeeper.h"

enum { ZL_NEIGHBOURS_MS = 800 };

/* Of the object of REVIEW, of KIND, that joins the pool of POLICY. */
void zl_warn_of_neighbours(const struct zl_gatekeeper *gatekeeper, const struct zl_review *review,
                           const struct zl_kind *kind, const struct zl_policy *policy,
                           struct zl_findings *findings);

/* --- a part of it, pure --- */

/*
 * What a CronJob runs, as text: image, command and arguments of its containers. Copies of one task in several zones have the same,
 * wherever their pods run. The caller frees.
 */
char *zl_task_of_cronjob(const struct cJSON *cronjob);

#endif
