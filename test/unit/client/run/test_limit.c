/* SPDX-License-Identifier: Apache-2.0 */
#include "client/run/limit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_a_command_is_asked_to_end_before_the_deadline_and_dies_at_it(void **state)
{
    static const struct {
        struct zl_limit limit;
        int64_t now_ms;
        enum zl_limit_action action;
        int64_t next_ms;
    } rows[] = {
        {{.deadline_ms = 10000, .grace_ms = 2000}, 0, ZL_LIMIT_WAIT, 8000},
        {{.deadline_ms = 10000, .grace_ms = 2000}, 7999, ZL_LIMIT_WAIT, 8000},
        {{.deadline_ms = 10000, .grace_ms = 2000}, 8000, ZL_LIMIT_TERM, 10000},
        {{.deadline_ms = 10000, .grace_ms = 2000}, 9999, ZL_LIMIT_TERM, 10000},
        {{.deadline_ms = 10000, .grace_ms = 2000}, 10000, ZL_LIMIT_KILL, 10000},
        {{.deadline_ms = 10000, .grace_ms = 2000}, 99999, ZL_LIMIT_KILL, 99999}, /* it slept */
        /* It was asked: a renewal that comes after all does not save it. */
        {{.deadline_ms = 19000, .grace_ms = 2000, .kill_ms = 10000}, 9000, ZL_LIMIT_WAIT, 10000},
        {{.deadline_ms = 19000, .grace_ms = 2000, .kill_ms = 10000}, 10000, ZL_LIMIT_KILL, 10000},
        {{.deadline_ms = 10000}, 9999, ZL_LIMIT_WAIT, 10000},
        {{.deadline_ms = 10000}, 10000, ZL_LIMIT_KILL, 10000},
        {{0}, 1, ZL_LIMIT_KILL, 1}, /* nobody ever said that it may run */
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t next_ms = -1;
        const enum zl_limit_action action =
            zl_limit_judge(&rows[i].limit, rows[i].now_ms, &next_ms);
        if (action != rows[i].action || next_ms != rows[i].next_ms) {
            fail_msg("row %zu: %d, next %lld", i, (int)action, (long long)next_ms);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_command_is_asked_to_end_before_the_deadline_and_dies_at_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
