/* SPDX-License-Identifier: Apache-2.0 */
/*
 * strategy.h - how a pool is led: chosen once for each look at it, by the same rule in webhook and controller.
 *
 * Threads: pure.
 */
#ifndef ZL_SEAT_STRATEGY_H
#define ZL_SEAT_STRATEGY_H

#include "common/objects/policy.h"

enum zl_strategy_kind {
    ZL_STRATEGY_ABSENT,     /* no LeaderPolicy: nothing is gatekept, nothing is routed */
    ZL_STRATEGY_STANDBY,    /* all pods run, the Lease says which one gets traffic */
    ZL_STRATEGY_SCALE_DOWN, /* one pod runs, the others are refused */
    ZL_STRATEGY_TURNS,      /* Jobs alone: one executes, the others wait */
    ZL_STRATEGY_COUNT,
};

/*
 * Pods of which none is ever refused stand by, whatever the LeaderPolicy says; beside Jobs, which would then all
 * execute at once, what it says holds.
 *
 * @param policy     NULL: there is none
 * @param has_pods   a workload is in the pool whose pods lead: Jobs are refused beside them
 * @param stand_by   and no pod of any such workload is ever refused, by its Kind (zl_kind.wanted)
 * @param has_turns  a Job or CronJob is in the pool, or its Lease still names a Job's turn
 */
enum zl_strategy_kind zl_strategy_of(const struct zl_policy *policy, bool has_pods, bool stand_by,
                                     bool has_turns);

#endif
