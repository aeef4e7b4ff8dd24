/* SPDX-License-Identifier: Apache-2.0 */
/*
 * strategy.h - how a pool is led. Chosen once for each look, from one table; nobody asks again.
 *
 * Threads: pure.
 */
#ifndef ZL_CONTROLLER_RECONCILE_STRATEGY_H
#define ZL_CONTROLLER_RECONCILE_STRATEGY_H

#include "controller/apply/steps.h"

/*
 * Which row serves a pool is common/seat/strategy.h's rule, that the webhook knows as well; so the rows have no predicate of
 * their own.
 */
struct zl_strategy {
    const char *name;
    unsigned looks;        /* enum zl_looks: what must be known beyond the cache */
    bool elects_all;       /* as zl_view.elects_all */
    const char *workloads; /* status.workloads[].strategy of Deployments and StatefulSets */
    const char *jobs;      /* the same of Jobs and CronJobs */
    void (*plan)(const struct zl_view *view, struct zl_steps *steps);
    /* Its parts of LeaderPolicy status; NULL: none is written. */
    void (*status)(const struct zl_view *after, struct zl_policy_status *out);
    /* Told when that is written. */
    void (*tell)(struct zl_steps *steps);
};

const struct zl_strategy *zl_strategy_for(const struct zl_view *view);

/* The whole status of the pool once the Lease is written. OUT: zeroed; zl_policy_status_clear. */
void zl_strategy_status(const struct zl_strategy *strategy, const struct zl_view *after,
                        struct zl_policy_status *out);
/* All steps but those of routes, which need one more look. STEPS: zl_steps_begin. */
void zl_strategy_plan(const struct zl_strategy *strategy, const struct zl_view *view,
                      struct zl_steps *steps);

#endif
