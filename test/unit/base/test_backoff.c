/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/backoff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_backoff_doubles_until_the_maximum(void **state)
{
    (void)state;
    static const struct {
        int64_t attempt, first_ms, max_ms, expected_ms;
    } cases[] = {
        {0, 5, 30000, 5},
        {1, 5, 30000, 10},
        {12, 5, 30000, 20480},
        {13, 5, 30000, 30000},
        {0, 800, 5000, 800},
        {2, 800, 5000, 3200},
        {3, 800, 5000, 5000},
        {5, 10000, 360000, 320000},
        {6, 10000, 360000, 360000},
        {-1, 5, 30000, 5},
        {INT64_MIN, 5, 30000, 5},
        {INT64_MAX, 5, 30000, 30000},
        {4, 1000, 16000, 16000}, /* the maximum itself */
        {0, 7, 7, 7},
        {0, 9, 7, 7},
        {3, 9, 7, 7},
        {10, 0, 30000, 0},
        {INT64_MAX, 0, 30000, 0},
        {62, 1, INT64_MAX, INT64_C(1) << 62},
        {63, 1, INT64_MAX, INT64_MAX}, /* 2^63 would not fit */
        {1, INT64_MAX - 1, INT64_MAX, INT64_MAX},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t got_ms = zl_backoff_ms(cases[i].attempt, cases[i].first_ms, cases[i].max_ms);
        if (got_ms != cases[i].expected_ms) {
            fail_msg("case %zu: %lld", i, (long long)got_ms);
        }
    }
}

static void test_a_spread_delay_is_any_of_those_between_both(void **state)
{
    (void)state;
    assert_int_equal(zl_spread_ms(1000, 60000, 0), 1000);
    assert_int_equal(zl_spread_ms(1000, 60000, 59000), 60000);
    assert_int_equal(zl_spread_ms(1000, 60000, 59001), 1000);
    assert_in_range(zl_spread_ms(1000, 60000, UINT64_MAX), 1000, 60000);
    assert_int_equal(zl_spread_ms(7, 7, UINT64_MAX), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_backoff_doubles_until_the_maximum),
        cmocka_unit_test(test_a_spread_delay_is_any_of_those_between_both),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
