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

static enum zl_status apply(zl_fleet_edit_fn *act, struct zl_fleet_edit edit)
{
    return act(&edit, &ledger, &err);
}

static void test_pause_withdraws_offers_and_leaves_turns_alone(void **state)
{
    (void)state;
    struct zl_fleet_entry entry = {.cluster = "a", .token = 1, .active = true};
    zl_fleet_entry_add(&ledger, &entry);
    entry = (struct zl_fleet_entry){.cluster = "b", .token = 2};
    zl_fleet_entry_add(&ledger, &entry);
    assert_int_equal(apply(zl_fleet_edit_pause,
                           (struct zl_fleet_edit){.by = "ann", .reason = "lunch", .now_s = 9}),
                     ZL_OK);
    assert_int_equal(ledger.pause.id, 1);
    assert_string_equal(ledger.pause.by, "ann");
    assert_int_equal(ledger.active_count, 1);
    assert_string_equal(ledger.active[0].cluster, "a");
}

static void test_resume_names_the_pause_that_stands(void **state)
{
    (void)state;
    assert_int_equal(apply(zl_fleet_edit_resume, (struct zl_fleet_edit){.pause_id = 1}),
                     ZL_E_INVALID);
    zl_fleet_pause(&ledger, "zen-lead", "a failed", 9);
    zl_fleet_pause(&ledger, "zen-lead", "b failed", 9);
    assert_int_equal(apply(zl_fleet_edit_resume, (struct zl_fleet_edit){.pause_id = 1}),
                     ZL_E_INVALID);
    assert_non_null(strstr(err.message, "b failed"));
    assert_non_null(strstr(err.message, "--id 2"));
    assert_int_equal(ledger.pause.id, 2);
    assert_int_equal(apply(zl_fleet_edit_resume, (struct zl_fleet_edit){.pause_id = 2}), ZL_OK);
    assert_int_equal(ledger.pause.id, 0);
}

static void test_the_hold_after_a_restore_is_ended_by_its_own_word(void **state)
{
    (void)state;
    const struct zl_fleet_edit edit = {.after_restore = true};
    assert_int_equal(apply(zl_fleet_edit_resume, edit), ZL_E_INVALID);
    ledger.restored_serial = 3;
    assert_int_equal(apply(zl_fleet_edit_resume, edit), ZL_OK);
    assert_int_equal(ledger.restored_serial, 0);
}

static void test_set_changes_what_is_named_and_nothing_else(void **state)
{
    (void)state;
    struct zl_fleet_edit edit = {AS_IT_IS};
    assert_int_equal(apply(zl_fleet_edit_set, edit), ZL_E_INVALID);
    edit.n = 2;
    assert_int_equal(apply(zl_fleet_edit_set, edit), ZL_OK);
    assert_int_equal(ledger.n, 2);
    assert_int_equal(ledger.limit_ms, 60000);
    assert_string_equal(ledger.round, "cve");
    assert_true(ledger.set);
    edit.limit_ms = 999;
    assert_int_equal(apply(zl_fleet_edit_set, edit), ZL_E_INVALID);
    edit = (struct zl_fleet_edit){AS_IT_IS, .by_clusters = true};
    assert_int_equal(apply(zl_fleet_edit_set, edit), ZL_OK);
    assert_false(ledger.set);
}

static enum zl_status approve(int64_t now_s, bool force)
{
    return apply(zl_fleet_edit_approve, (struct zl_fleet_edit){.now_s = now_s, .force = force});
}

static void test_approve_opens_the_next_stage_when_the_one_before_is_over_and_soaked(void **state)
{
    (void)state;
    assert_int_equal(approve(1000, true), ZL_E_INVALID);
    assert_non_null(strstr(err.message, "no stages"));
    ledger.plan.stage_count = 2;
    ledger.plan.stages[0].soak_ms = 60000;
    assert_int_equal(approve(1000, true), ZL_E_INVALID);
    assert_non_null(strstr(err.message, "try again")); /* of another round is nothing open yet */
    ledger.progress = (struct zl_fleet_progress){.open = 1, .round = "cve"};
    assert_int_equal(approve(1000, false), ZL_E_INVALID);
    assert_non_null(strstr(err.message, "stage 1 is not over"));
    ledger.progress.over_s = 1000;
    assert_int_equal(approve(1059, false), ZL_E_INVALID);
    assert_non_null(strstr(err.message, "soaks until 1970-01-01T00:17:40"));
    assert_int_equal(approve(1060, false), ZL_OK);
    assert_int_equal(ledger.progress.open, 2);
    assert_int_equal(ledger.progress.over_s, 0);
    assert_int_equal(approve(1060, true), ZL_OK);
    assert_int_equal(ledger.progress.open, 3);
    assert_int_equal(approve(1060, true), ZL_E_INVALID);
    assert_non_null(strstr(err.message, "all stages are open"));
}

static void test_approve_opens_a_first_stage_that_waits_for_it(void **state)
{
    (void)state;
    ledger.plan.stage_count = 1;
    ledger.plan.stages[0].approval = true;
    ledger.progress = (struct zl_fleet_progress){.round = "cve"};
    assert_int_equal(approve(1000, false), ZL_OK);
    assert_int_equal(ledger.progress.open, 1);
}

static void test_retry_is_of_what_has_ended_by_now(void **state)
{
    (void)state;
    assert_int_equal(apply(zl_fleet_edit_retry, (struct zl_fleet_edit){0}), ZL_E_INVALID);
    ledger.last_token = 9;
    assert_int_equal(apply(zl_fleet_edit_retry, (struct zl_fleet_edit){0}), ZL_OK);
    assert_int_equal(ledger.retry_token, 9);
}

static void test_another_round_counts_anew_and_the_same_one_goes_on(void **state)
{
    (void)state;
    ledger.counts = (struct zl_fleet_counts){.waiting = 4, .done = 3, .failed = 2};
    ledger.progress = (struct zl_fleet_progress){.open = 2, .round = "cve"};
    struct zl_fleet_edit edit = {AS_IT_IS, .round = "cve"};
    assert_int_equal(apply(zl_fleet_edit_set, edit), ZL_OK);
    assert_int_equal(ledger.counts.done, 3);
    edit.round = "cve-2";
    assert_int_equal(apply(zl_fleet_edit_set, edit), ZL_OK);
    assert_int_equal(ledger.counts.done, 0);
    assert_int_equal(ledger.counts.failed, 0);
    assert_int_equal(ledger.counts.waiting, 4);
    assert_int_equal(ledger.progress.open, 0);
}

static void test_status_shows_stages_and_who_failed_last(void **state)
{
    (void)state;
    char text[2048] = "";
    struct zl_fleet_ending history[] = {
        {.cluster = "a", .round = "cve", .token = 1, .outcome = ZL_FLEET_FAILED},
        {.cluster = "b", .round = "cve", .token = 2, .outcome = ZL_FLEET_EXPIRED},
        {.cluster = "c", .round = "old", .token = 3, .outcome = ZL_FLEET_FAILED},
        {.cluster = "a", .round = "cve", .token = 4, .outcome = ZL_FLEET_DONE}};
    FILE *out = fmemopen(text, sizeof text, "w");
    ledger.plan = (struct zl_fleet_plan){
        .stages = {{.match = "tier=canary"}, {.match = "tier=prod", .approval = true}},
        .stage_count = 2};
    ledger.progress = (struct zl_fleet_progress){.open = 1, .over_s = 5, .round = "cve"};
    ledger.history = history;
    ledger.history_count = sizeof history / sizeof history[0];
    ledger.retry_token = 2;
    zl_fleet_print_status("p", &ledger, out);
    (void)fclose(out);
    ledger.history = NULL;
    ledger.history_count = 0;
    assert_non_null(strstr(text, "Stage 1  over     tier=canary\n"
                                 "Stage 2  closed   tier=prod, waits for approval\n"
                                 "Stage 3  closed   the rest\n"));
    assert_non_null(strstr(text, "Expired  b "));
    assert_non_null(strstr(text, "token 2, to go again\n"));
    assert_null(strstr(text, "Failed   a "));
    assert_null(strstr(text, "Failed   c "));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_pause_withdraws_offers_and_leaves_turns_alone),
        CASE(test_resume_names_the_pause_that_stands),
        CASE(test_the_hold_after_a_restore_is_ended_by_its_own_word),
        CASE(test_set_changes_what_is_named_and_nothing_else),
        CASE(test_approve_opens_the_next_stage_when_the_one_before_is_over_and_soaked),
        CASE(test_approve_opens_a_first_stage_that_waits_for_it),
        CASE(test_retry_is_of_what_has_ended_by_now),
        CASE(test_another_round_counts_anew_and_the_same_one_goes_on),
        CASE(test_status_shows_stages_and_who_failed_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
