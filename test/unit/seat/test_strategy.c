/* SPDX-License-Identifier: Apache-2.0 */
#include "common/seat/strategy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct zl_policy SCALE_DOWN = {.standby = false};
static const struct zl_policy STANDBY = {.standby = true};

static void test_how_a_pool_is_led(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const struct zl_policy *policy;
        bool has_pods, stand_by, has_turns;
        enum zl_strategy_kind strategy;
    } rows[] = {
        {"no policy", NULL, true, false, false, ZL_STRATEGY_ABSENT},
        {"standby", &STANDBY, true, false, false, ZL_STRATEGY_STANDBY},
        {"Jobs in a standby pool", &STANDBY, false, true, true, ZL_STRATEGY_STANDBY},
        {"pods", &SCALE_DOWN, true, false, false, ZL_STRATEGY_SCALE_DOWN},
        {"nothing at all", &SCALE_DOWN, false, true, false, ZL_STRATEGY_SCALE_DOWN},
        {"Jobs", &SCALE_DOWN, false, true, true, ZL_STRATEGY_TURNS},
        {"pods and Jobs", &SCALE_DOWN, true, false, true, ZL_STRATEGY_SCALE_DOWN},
        {"pods that are never refused", &SCALE_DOWN, true, true, false, ZL_STRATEGY_STANDBY},
        {"those and Jobs", &SCALE_DOWN, true, true, true, ZL_STRATEGY_SCALE_DOWN},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        enum zl_strategy_kind strategy =
            zl_strategy_of(rows[i].policy, rows[i].has_pods, rows[i].stand_by, rows[i].has_turns);
        if (strategy != rows[i].strategy) {
            fail_msg("%s: %d, not %d", rows[i].name, (int)strategy, (int)rows[i].strategy);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_how_a_pool_is_led),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
