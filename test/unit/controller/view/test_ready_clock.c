/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/view/ready_clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static char uid_a[] = "uid-a", uid_b[] = "uid-b";
#define MINUTE_US INT64_C(60000000)

static struct zl_pod pod(char *uid, bool ready, int64_t changed_us)
{
    return (struct zl_pod){.meta.uid = uid, .serving = ready, .ready_changed_us = changed_us};
}

/* Case 12: whatever the node's clock says, it counts from when we saw the pod Ready. */
static void test_a_node_clock_is_compared_with_itself_alone(void **state)
{
    static const int64_t clocks_us[] = {0, 10 * MINUTE_US, -10 * MINUTE_US};
    (void)state;
    for (size_t i = 0; i < sizeof clocks_us / sizeof clocks_us[0]; i++) {
        struct zl_ready_clock *clock = zl_ready_clock_new();
        const struct zl_pod starting = pod(uid_a, false, 1), ready = pod(uid_a, true, clocks_us[i]);
        zl_ready_clock_see(clock, NULL, &starting, 1000);
        assert_int_equal(zl_ready_clock_ms(clock, &starting, 2000), 0);
        zl_ready_clock_see(clock, &starting, &ready, 5000);
        zl_ready_clock_see(clock, &ready, &ready, 6000); /* something else of it changed */
        assert_int_equal(zl_ready_clock_ms(clock, &ready, 5000), 0);
        assert_int_equal(zl_ready_clock_ms(clock, &ready, 9000), 4000);
        zl_ready_clock_free(clock);
    }
}

static void test_another_spell_begins_anew_also_when_the_end_of_the_first_was_not_seen(void **state)
{
    (void)state;
    struct zl_ready_clock *clock = zl_ready_clock_new();
    const struct zl_pod first = pod(uid_a, true, 1), second = pod(uid_a, true, 2),
                        other = pod(uid_b, true, 2), leaving = pod(uid_b, false, 3);
    zl_ready_clock_see(clock, NULL, &first, 1000);
    /* The look comes before the event: nothing is known of that spell yet. */
    assert_int_equal(zl_ready_clock_ms(clock, &second, 4000), 0);
    zl_ready_clock_see(clock, &first, &second, 4000);
    assert_int_equal(zl_ready_clock_ms(clock, &second, 5000), 1000);
    /* Another pod under the same name, that goes again. */
    zl_ready_clock_see(clock, &second, &other, 6000);
    assert_int_equal(zl_ready_clock_ms(clock, &second, 9000), 0);
    assert_int_equal(zl_ready_clock_ms(clock, &other, 9000), 3000);
    zl_ready_clock_see(clock, &other, &leaving, 9000);
    assert_int_equal(zl_ready_clock_ms(clock, &other, 9500), 0);
    zl_ready_clock_see(clock, &leaving, NULL, 9600);
    zl_ready_clock_free(clock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_node_clock_is_compared_with_itself_alone),
        cmocka_unit_test(
            test_another_spell_begins_anew_also_when_the_end_of_the_first_was_not_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
