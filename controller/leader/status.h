/* SPDX-License-Identifier: Apache-2.0 */
/*
 * status.h - LeaderPolicy status: what every pool's has, and what those of Deployments and StatefulSets have.
 *
 * Threads: pure.
 */
#ifndef ZL_CONTROLLER_LEADER_STATUS_H
#define ZL_CONTROLLER_LEADER_STATUS_H

#include "controller/apply/steps.h"

/*
 * The parts of one strategy, after the Lease is written. OUT has what zl_status_begin says, and the workloads of which the
 * strategy's row says whose they are.
 */
void zl_status_standby(const struct zl_view *after, struct zl_policy_status *out);
void zl_status_scale_down(const struct zl_view *after, struct zl_policy_status *out);

/* Tokens, transitions, ticks; before the strategy's parts. OUT: zeroed; zl_policy_status_clear. */
void zl_status_begin(const struct zl_view *after, struct zl_policy_status *out);
/* List the Deployments and StatefulSets with STRATEGY. */
void zl_status_list_workloads(const struct zl_view *after, const char *strategy,
                              struct zl_policy_status *out);
/* Order, times, the condition of the gatekeeper; after the strategy's parts. */
void zl_status_end(const struct zl_view *after, struct zl_policy_status *out);

/* Which revision leads and which waits, for pipelines; of zl_status_end. */
void zl_status_fill_rollout(const struct zl_view *after, struct zl_policy_status *out);

/* What the status that STEPS write brings, told by Events when it is written. */
void zl_tell_of_status(struct zl_steps *steps);

#endif
