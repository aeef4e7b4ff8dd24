/* SPDX-License-Identifier: Apache-2.0 */
/* Which Events are told, over made-up time. */
#include "common/kube/event_allowance.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define MINUTE_MS ((int64_t)60 * 1000)
#define START_MS 1000

static int set_up(void **state)
{
    *state = zl_event_allowances_new(4, 4);
    return 0;
}

static int tear_down(void **state)
{
    zl_event_allowances_free(*state);
    return 0;
}

/* How often KEY is told when it is looked at each ten seconds, from FROM to TO. */
static int count_told(struct zl_event_allowances *allowances, const char *key, int64_t from_min,
                      int64_t to_min)
{
    int told = 0;
    for (int64_t at_ms = from_min * MINUTE_MS; at_ms < to_min * MINUTE_MS; at_ms += 10000) {
        told += zl_event_may_remind(allowances, key, 1, START_MS + at_ms);
    }
    return told;
}

static void test_what_happens_is_told_25_times_and_then_once_in_five_minutes(void **state)
{
    int told = 0;
    for (int i = 0; i < 100; i++) {
        told += zl_event_may_tell(*state, "a", START_MS);
    }
    assert_int_equal(told, 25);
    assert_true(zl_event_may_tell(*state, "b", START_MS));
    assert_false(zl_event_may_tell(*state, "a", START_MS + 5 * MINUTE_MS - 1));
    assert_true(zl_event_may_tell(*state, "a", START_MS + 5 * MINUTE_MS));
    assert_false(zl_event_may_tell(*state, "a", START_MS + 5 * MINUTE_MS));
}

/* At 0, 5, 15, 35, 75, 115, ... minutes. */
static void test_what_stands_is_told_less_and_less_often(void **state)
{
    static const int64_t at_min[] = {0, 5, 15, 35, 75, 115, 155};
    for (size_t i = 0; i + 1 < sizeof at_min / sizeof *at_min; i++) {
        assert_true(zl_event_may_remind(*state, "a", 1, START_MS + at_min[i] * MINUTE_MS));
        assert_int_equal(0, count_told(*state, "a", at_min[i], at_min[i + 1]));
    }
}

static void test_what_stands_in_a_day_is_told_39_times(void **state)
{
    assert_int_equal(39, count_told(*state, "a", 0, (int64_t)24 * 60));
}

static void test_what_was_gone_for_long_is_told_as_new(void **state)
{
    assert_int_equal(4, count_told(*state, "a", 0, 40)); /* silent for 40 minutes from minute 35 */
    assert_true(zl_event_may_remind(*state, "a", 1, START_MS + 115 * MINUTE_MS));
    assert_false(zl_event_may_remind(*state, "a", 1, START_MS + 120 * MINUTE_MS - 1));
    assert_true(zl_event_may_remind(*state, "a", 1, START_MS + 120 * MINUTE_MS));
}

/* Who edits the object and has not mended it is told so, but not for ever. */
static void test_what_stands_in_another_edition_is_told_again(void **state)
{
    int told = 0;
    assert_true(zl_event_may_remind(*state, "a", 1, START_MS));
    for (uint64_t edition = 2; edition < 100; edition++) {
        told += zl_event_may_remind(*state, "a", edition, START_MS + 1000);
        assert_false(zl_event_may_remind(*state, "a", edition, START_MS + 1000));
    }
    assert_int_equal(told, 3);
    assert_false(zl_event_may_remind(*state, "a", 100, START_MS + MINUTE_MS - 1));
    assert_true(zl_event_may_remind(*state, "a", 100, START_MS + MINUTE_MS));
    assert_false(zl_event_may_remind(*state, "a", 100, START_MS + 6 * MINUTE_MS - 1));
    assert_true(zl_event_may_remind(*state, "a", 100, START_MS + 6 * MINUTE_MS));
}

static void test_reminders_take_nothing_from_what_happens(void **state)
{
    assert_true(zl_event_may_remind(*state, "a", 1, START_MS));
    for (int i = 0; i < 25; i++) {
        assert_true(zl_event_may_tell(*state, "a", START_MS));
    }
}

/* More keys than are remembered: each is new at each look, and all together are bounded. */
static void test_of_all_keys_600_are_told_at_once_and_fifty_a_second(void **state)
{
    int told = 0;
    for (int i = 0; i < 5000; i++) {
        char key[16];
        snprintf(key, sizeof key, "%d", i);
        told += zl_event_may_remind(*state, key, 1, START_MS);
    }
    assert_int_equal(told, 600);
    assert_false(zl_event_may_remind(*state, "late", 1, START_MS + 19));
    assert_true(zl_event_may_remind(*state, "late", 1, START_MS + 20));
    for (int i = 0; i < 5000; i++) {
        char key[16];
        snprintf(key, sizeof key, "%d", i);
        told += zl_event_may_remind(*state, key, 1, START_MS + 10000 + i);
    }
    /* Fifty for each of the ten seconds before, and while they are asked for. */
    assert_in_range(told, 600 + 499 + 249, 600 + 499 + 251);
}

/* What was held back is told when there is room, and its silence begins then. */
static void test_what_had_no_room_is_told_later(void **state)
{
    for (int i = 0; i < 600; i++) {
        char key[16];
        snprintf(key, sizeof key, "%d", i);
        assert_true(zl_event_may_remind(*state, key, 1, START_MS));
    }
    assert_false(zl_event_may_remind(*state, "late", 1, START_MS));
    assert_true(zl_event_may_remind(*state, "late", 1, START_MS + MINUTE_MS));
    assert_false(zl_event_may_remind(*state, "late", 1, START_MS + 6 * MINUTE_MS - 1));
    assert_true(zl_event_may_remind(*state, "late", 1, START_MS + 6 * MINUTE_MS));
}

/* Those of whom nobody asks any more are not kept for ever. */
static void test_as_many_are_remembered_as_are_told(void **state)
{
    struct zl_event_allowances *many = zl_event_allowances_new(4, 1000);
    (void)state;
    for (int i = 0; i < 1000; i++) {
        char key[16];
        snprintf(key, sizeof key, "%d", i);
        (void)zl_event_may_remind(many, key, 1, START_MS);
    }
    for (int look = 1; look < 30;
         look++) { /* each is known at the next look: nothing is told again */
        for (int i = 0; i < 600; i++) {
            char key[16];
            snprintf(key, sizeof key, "%d", i);
            assert_false(zl_event_may_remind(many, key, 1, START_MS + look * 10000));
        }
    }
    zl_event_allowances_free(many);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(test_what_happens_is_told_25_times_and_then_once_in_five_minutes),
        CASE(test_what_stands_is_told_less_and_less_often),
        CASE(test_what_stands_in_a_day_is_told_39_times),
        CASE(test_what_was_gone_for_long_is_told_as_new),
        CASE(test_what_stands_in_another_edition_is_told_again),
        CASE(test_reminders_take_nothing_from_what_happens),
        CASE(test_of_all_keys_600_are_told_at_once_and_fifty_a_second),
        CASE(test_what_had_no_room_is_told_later),
        CASE(test_as_many_are_remembered_as_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
