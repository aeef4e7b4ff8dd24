/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fleet_job.h - a pod of a Job that waits for its cluster's turn in a fleet is refused.
 *
 * The controller holds such Jobs suspended; this is what keeps a Job's first pods out until it has seen the Job, those of a Job
 * that somebody resumed by hand, and all of them where the API server does not know spec.suspend.
 *
 * Threads: any.
 */
#ifndef ZL_WEBHOOK_GATEKEEPER_FLEET_JOB_H
#define ZL_WEBHOOK_GATEKEEPER_FLEET_JOB_H

#include "webhook/gatekeeper/gatekeeper.h"

/*
 * Must the pod of REQUEST wait? It is read live: the Job, and of one that waits its namespace's LeaderPolicies.
 *
 * @param pool  receives the fleet's name when it must; the caller frees
 */
enum zl_status zl_fleet_job_waits(const struct zl_gatekeeper *gatekeeper,
                                  const struct zl_request *request, bool *waits, char **pool,
                                  struct zl_error *err) ZL_MUST_CHECK;

#endif
