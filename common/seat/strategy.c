/* SPDX-License-Identifier: Apache-2.0 */
#include "common/seat/strategy.h"

enum zl_strategy_kind zl_strategy_of(const struct zl_policy *policy, bool has_pods, bool stand_by,
                                     bool has_turns)
{
    if (policy == NULL) {
        return ZL_STRATEGY_ABSENT;
    }
    if (policy->standby || (has_pods && stand_by && !has_turns)) {
        return ZL_STRATEGY_STANDBY;
    }
    return !has_pods && has_turns ? ZL_STRATEGY_TURNS : ZL_STRATEGY_SCALE_DOWN;
}
