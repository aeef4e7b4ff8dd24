/* SPDX-License-Identifier: Apache-2.0 */
/* What a person may do to a fleet. */
#include "client/fleet/edit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define AS_IT_IS .n = -2, .limit_ms = -2, .max_failures = -2

static struct zl_fleet_ledger ledger;
static struct zl_error err;

static int begin(void **state)
{
    (void)state;
    ledger = (struct zl_fleet_ledger){.n = 5, .limit_ms = 60000, .round = "cve"};
    return 0;
}

static int end(void **state)
{
    (void)state;
    zl_fleet_ledger_clear(&ledger);
    return 0;
}

static enum zl_status apply(struct zl_fleet_edit edit)
{
    return zl_fleet_edit_apply(&edit, &ledger, &err);
}

static void test_pause_withdraws_offers_and_leaves_turns_alone(void **state)
{
    (void)state;
    struct zl_fleet_entry entry = {.cluster = "a", .token = 1, .active = true};
    zl_fleet_entry_add(&ledger, &entry);
    entry = (struct zl_fleet_entry){.cluster = "b", .token = 2};
    zl_fleet_entry_add(&ledger, &entry);
    assert_int_equal(apply((struct zl_fleet_edit){
                         .action = ZL_EDIT_PAUSE, .by = "ann", .reason = "lunch", .now_s = 9}),
                     ZL_OK);
    assert_int_equal(ledger.pause.id, 1);
    assert_string_equal(ledger.pause.by, "ann");
    assert_int_equal(ledger.active_count, 1);
    assert_string_equal(ledger.active[0].cluster, "a");
}

static void test_resume_names_the_pause_that_stands(void **state)
{
    (void)state;
    assert_int_equal(apply((struct zl_fleet_edit){.action = ZL_EDIT_RESUME, .pause_id = 1}),
                     ZL_E_INVALID);
    zl_fleet_pause(&ledger, "zen-lead", "a failed", 9);
    zl_fleet_pause(&ledger, "zen-lead", "b failed", 9);
    assert_int_equal(apply((struct zl_fleet_edit){.action = ZL_EDIT_RESUME, .pause_id = 1}),
                     ZL_E_INVALID);
    assert_non_null(strstr(err.message, "b failed"));
    assert_non_null(strstr(err.message, "--id 2"));
    assert_int_equal(ledger.pause.id, 2);
    assert_int_equal(apply((struct zl_fleet_edit){.action = ZL_EDIT_RESUME, .pause_id = 2}), ZL_OK);
    assert_int_equal(ledger.pause.id, 0);
}

static void test_the_hold_after_a_restore_is_ended_by_its_own_word(void **state)
{
    (void)state;
    const struct zl_fleet_edit edit = {.action = ZL_EDIT_RESUME, .after_restore = true};
    assert_int_equal(apply(edit), ZL_E_INVALID);
    ledger.restored_serial = 3;
    assert_int_equal(apply(edit), ZL_OK);
    assert_int_equal(ledger.restored_serial, 0);
}

static void test_set_changes_what_is_named_and_nothing_else(void **state)
{
    (void)state;
    struct zl_fleet_edit edit = {.action = ZL_EDIT_SET, AS_IT_IS};
    assert_int_equal(apply(edit), ZL_E_INVALID);
    edit.n = 2;
    assert_int_equal(apply(edit), ZL_OK);
    assert_int_equal(ledger.n, 2);
    assert_int_equal(ledger.limit_ms, 60000);
    assert_string_equal(ledger.round, "cve");
    assert_true(ledger.set);
    edit.limit_ms = 999;
    assert_int_equal(apply(edit), ZL_E_INVALID);
    edit = (struct zl_fleet_edit){.action = ZL_EDIT_SET, AS_IT_IS, .by_clusters = true};
    assert_int_equal(apply(edit), ZL_OK);
    assert_false(ledger.set);
}

static void test_actions_are_known_by_name(void **state)
{
    (void)state;
    assert_int_equal(zl_fleet_action_named("set"), ZL_EDIT_SET);
    assert_int_equal(zl_fleet_action_named("stop"), ZL_EDIT_ACTIONS);
    assert_false(zl_fleet_action_writes(ZL_EDIT_HISTORY));
    assert_true(zl_fleet_action_writes(ZL_EDIT_PAUSE));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_pause_withdraws_offers_and_leaves_turns_alone),
        CASE(test_resume_names_the_pause_that_stands),
        CASE(test_the_hold_after_a_restore_is_ended_by_its_own_word),
        CASE(test_set_changes_what_is_named_and_nothing_else),
        CASE(test_actions_are_known_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
