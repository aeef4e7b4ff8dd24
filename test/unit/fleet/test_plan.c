/* SPDX-License-Identifier: Apache-2.0 */
/* Stages, spread, windows, retries and rounds: what keeps a cluster back, and what does not. */
#include "common/fleet/plan.h"

#include "test/unit/fleet_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { NOW_S = 1800000000 }; /* Fri 2027-01-15 08:00 UTC */

static struct zl_fleet_scene scene;

static int open_scene(void **state)
{
    (void)state;
    zl_scene_open(&scene);
    scene.ledger.n = 3;
    scene.now.server_s = NOW_S;
    scene.now.wall_s = 7; /* an arbiter's own clock decides nothing here */
    ZL_FLEET_TEXT(scene.members[ZL_SCENE_A].labels, "region=eu,tier=canary");
    ZL_FLEET_TEXT(scene.members[ZL_SCENE_B].labels, "region=eu,tier=prod");
    ZL_FLEET_TEXT(scene.members[ZL_SCENE_C].labels, "region=us");
    return 0;
}

static int close_scene(void **state)
{
    (void)state;
    zl_scene_close(&scene);
    return 0;
}

/* Canaries, then prod, then the rest. */
static void give_stages(void)
{
    scene.ledger.plan.stage_count = 2;
    ZL_FLEET_TEXT(scene.ledger.plan.stages[0].match, "tier=canary");
    ZL_FLEET_TEXT(scene.ledger.plan.stages[1].match, "tier=prod");
}

static void all_wait(void)
{
    for (int i = 0; i < ZL_SCENE_CLUSTERS; i++) {
        zl_scene_wait(&scene, i, ZL_SCENE_CLUSTERS - i); /* the canary last */
    }
}

static bool has_slot(const char *name)
{
    return zl_fleet_entry_of(&scene.ledger, name) != NULL;
}

/* CLUSTER had a turn in this round, which ended so; it wants nothing more. */
static void had_turn(int cluster, bool well)
{
    struct zl_fleet_turn *turn = &scene.turns[cluster];
    turn->state = ZL_FLEET_IDLE;
    turn->turns = 1;
    turn->done = well;
    turn->token = turn->ended_token = 5 + cluster;
    turn->outcome = well ? ZL_FLEET_DONE : ZL_FLEET_FAILED;
    scene.ledger.last_token = scene.ledger.last_token > 9 ? scene.ledger.last_token : 9;
    zl_scene_ask(&scene, cluster, ZL_FLEET_NOTHING, 0, 0);
    zl_fleet_entry_remove(&scene.ledger, scene.clusters[cluster].name);
}

/* --- labels --- */

static void test_a_match_needs_each_of_its_labels(void **state)
{
    (void)state;
    static const struct {
        const char *labels, *match;
        bool fits;
    } cases[] = {{"a=1,b=2", "", true},        {"", "", true},
                 {"", "a=1", false},           {"a=1,b=2", "b=2", true},
                 {"a=1,b=2", "b=2,a=1", true}, {"a=1,b=2", "a=1,c=3", false},
                 {"a=1", "a=11", false},       {"a=11", "a=1", false},
                 {"aa=1", "a=1", false},       {"a=", "a=", true}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(zl_fleet_labels_match(cases[i].labels, cases[i].match), cases[i].fits);
    }
}

static void test_labels_that_cannot_be_meant_are_refused_with_the_reason(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why;
    } cases[] = {{"a=1,topology.kubernetes.io/zone=eu-1", NULL},
                 {"", NULL},
                 {"a=", NULL},
                 {"a", "say name=value"},
                 {"=1", "say name=value"},
                 {"a=1,", "behind the last comma"},
                 {"a=1,,b=2", "say name=value"},
                 {"a=1,a=2", "twice"},
                 {"-a=1", "a name is"},
                 {"a=b c", "a value is"},
                 {"a=1=2", "a value is"},
                 {"a=a123456789012345678901234567890123456789012345678901234567890123", "a value"},
                 {"a=1234567890,b=1234567890,c=1234567890", "more than 31 characters"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct zl_error err = {0};
        size_t size = i + 1 == sizeof cases / sizeof cases[0] ? 32 : ZL_FLEET_LABELS_MAX;
        enum zl_status status = zl_fleet_labels_check(cases[i].text, size, &err);
        assert_int_equal(status == ZL_OK, cases[i].why == NULL);
        if (cases[i].why != NULL && strstr(err.message, cases[i].why) == NULL) {
            fail_msg("%s: %s", cases[i].text, err.message);
        }
    }
}

static void test_a_label_that_is_not_there_has_no_value(void **state)
{
    (void)state;
    char out[ZL_FLEET_MATCH_MAX];
    zl_fleet_label_of("aregion=x,region=eu", "region", out);
    assert_string_equal(out, "region=eu");
    zl_fleet_label_of("aregion=x", "region", out);
    assert_string_equal(out, "region=");
}

/* --- windows --- */

static void test_a_window_is_of_the_day_that_it_begins_on(void **state)
{
    (void)state;
    enum { MON = 1, THU = 8, FRI = 16, SAT = 32, H = 60 };
    static const struct {
        struct zl_fleet_window window;
        int64_t at_s;
        bool open;
    } cases[] = {
        {{.from_min = 8 * H, .to_min = 9 * H}, NOW_S, true},
        {{.from_min = 8 * H, .to_min = 9 * H}, NOW_S - 1, false},
        {{.from_min = 8 * H, .to_min = 9 * H}, NOW_S + 3599, true},
        {{.from_min = 8 * H, .to_min = 9 * H}, NOW_S + 3600, false},
        {{.days = FRI, .from_min = 8 * H, .to_min = 9 * H}, NOW_S, true},
        {{.days = THU | SAT, .from_min = 8 * H, .to_min = 9 * H}, NOW_S, false},
        {{.days = MON, .from_min = 8 * H, .to_min = 9 * H}, NOW_S + 3 * 86400, true},
        {{.days = THU, .from_min = 22 * H, .to_min = 10 * H}, NOW_S, true}, /* since last night */
        {{.days = FRI, .from_min = 22 * H, .to_min = 10 * H}, NOW_S, false},
        {{.days = FRI, .from_min = 22 * H, .to_min = 10 * H}, NOW_S + 14 * 3600, true},
        {{.from_min = 0, .to_min = ZL_FLEET_DAY_MIN}, NOW_S, true},
        {{.from_min = 0, .to_min = 0}, NOW_S, true}, /* all day */
        {{.from_min = 10 * H, .to_min = 11 * H, .offset_min = 2 * H}, NOW_S, true},
        {{.days = THU, .from_min = 23 * H, .to_min = 0, .offset_min = -9 * H}, NOW_S, true}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct zl_fleet_windows windows = {.items = {cases[i].window}, .count = 1};
        if (zl_fleet_windows_are_open(&windows, cases[i].at_s) != cases[i].open) {
            fail_msg("window %zu", i);
        }
    }
    struct zl_fleet_windows both = {.items = {cases[1].window, cases[12].window}, .count = 2};
    assert_true(zl_fleet_windows_are_open(&both, NOW_S)); /* one is enough */
    both.count = 0;
    assert_true(zl_fleet_windows_are_open(&both, NOW_S));
}

static void test_outside_its_windows_a_cluster_is_passed_over_and_keeps_its_place(void **state)
{
    (void)state;
    scene.ledger.n = 1;
    zl_scene_wait(&scene, ZL_SCENE_A, 1);
    zl_scene_wait(&scene, ZL_SCENE_B, 2);
    struct zl_fleet_windows *windows = &scene.requests[ZL_SCENE_A].spec.windows;
    windows->count = 1;
    windows->items[0] = (struct zl_fleet_window){.from_min = 1, .to_min = 2};
    assert_string_equal(zl_scene_steps(&scene), "offered told place");
    assert_true(has_slot("b"));
    assert_string_equal(scene.turns[ZL_SCENE_A].why, "none of its windows is open");
    assert_int_equal(scene.turns[ZL_SCENE_A].ticket, 1);
    zl_fleet_entry_remove(&scene.ledger, "b");
    had_turn(ZL_SCENE_B, true);
    scene.now.server_s += 16 * 3600 + 60; /* 00:01 */
    assert_string_equal(zl_scene_steps(&scene), "offered told");
    assert_true(has_slot("a"));
}

/* --- stages --- */

static void test_the_canary_goes_first_whoever_came_first(void **state)
{
    (void)state;
    give_stages();
    all_wait();
    assert_string_equal(zl_scene_steps(&scene), "stage-opened offered told place place");
    assert_int_equal(scene.ledger.active_count, 1);
    assert_true(has_slot("a"));
    assert_non_null(strstr(scene.turns[ZL_SCENE_B].why, "its stage is not open"));
    assert_int_equal(scene.turns[ZL_SCENE_B].ticket, 2);
}

static void test_a_stage_opens_when_all_of_the_one_before_had_their_turn_and_it_soaked(void **state)
{
    (void)state;
    give_stages();
    all_wait();
    scene.ledger.plan.stages[0].soak_ms = 60000;
    (void)zl_scene_steps(&scene);
    had_turn(ZL_SCENE_A, true);
    assert_string_equal(zl_scene_step(&scene), "stage");
    assert_int_equal(scene.ledger.progress.over_s, NOW_S);
    assert_string_equal(zl_scene_steps(&scene), "place"); /* c's reason is as it was */
    assert_string_equal(scene.turns[ZL_SCENE_B].why,
                        "its stage opens when the one before has soaked");
    scene.now.server_s += 59;
    assert_string_equal(zl_scene_steps(&scene), "");
    scene.now.server_s += 1;
    assert_string_equal(zl_scene_steps(&scene), "stage-opened offered told");
    assert_true(has_slot("b"));
    assert_false(has_slot("c"));
    had_turn(ZL_SCENE_B, true);
    assert_string_equal(zl_scene_steps(&scene), "stage stage-opened offered told");
    assert_true(has_slot("c")); /* the rest */
    assert_int_equal(scene.ledger.progress.open, 3);
    had_turn(ZL_SCENE_C, true);
    assert_string_equal(zl_scene_steps(&scene), "");
}

static void test_a_canary_that_comes_back_before_the_soak_is_over_takes_its_turn_first(void **state)
{
    (void)state;
    give_stages();
    all_wait();
    ZL_FLEET_TEXT(scene.members[ZL_SCENE_C].labels, "tier=canary");
    scene.ledger.plan.stages[0].soak_ms = 60000;
    scene.clusters[ZL_SCENE_C].silent_ms = 10000000; /* absent: it keeps nothing closed */
    (void)zl_scene_steps(&scene);
    assert_false(has_slot("c"));
    had_turn(ZL_SCENE_A, true);
    (void)zl_scene_steps(&scene);
    assert_int_equal(scene.ledger.progress.over_s, NOW_S);
    scene.clusters[ZL_SCENE_C].silent_ms = 0;
    assert_string_equal(zl_scene_step(&scene), "stage");
    assert_int_equal(scene.ledger.progress.over_s, 0);
    (void)zl_scene_steps(&scene);
    assert_true(has_slot("c"));
    scene.now.server_s += 3600;
    assert_string_equal(zl_scene_steps(&scene), "");
    assert_false(has_slot("b"));
}

static void test_a_new_arbiter_soaks_no_stage_anew_for_a_canary_that_is_gone(void **state)
{
    (void)state;
    give_stages();
    all_wait();
    ZL_FLEET_TEXT(scene.members[ZL_SCENE_C].labels, "tier=canary");
    scene.ledger.plan.stages[0].soak_ms = 60000;
    scene.ledger.progress = (struct zl_fleet_progress){.open = 1, .over_s = NOW_S, .round = "cve"};
    had_turn(ZL_SCENE_A, true);
    scene.clusters[ZL_SCENE_C].beaten = false; /* it was absent; who is new cannot know */
    scene.view.unbroken_ms = 1000;
    (void)zl_scene_steps(&scene);
    assert_int_equal(scene.ledger.progress.over_s, NOW_S);
    scene.now.server_s += 60;
    (void)zl_scene_steps(&scene);
    assert_int_equal(scene.ledger.progress.open, 1); /* nor whether it lives */
    scene.clusters[ZL_SCENE_C].silent_ms = 180001;
    (void)zl_scene_steps(&scene);
    assert_int_equal(scene.ledger.progress.open, 2);
}

static void test_a_stage_is_not_over_while_nobody_of_it_was_done(void **state)
{
    (void)state;
    give_stages();
    zl_scene_wait(&scene, ZL_SCENE_B, 1);
    scene.clusters[ZL_SCENE_A].member = NULL; /* no canary has joined */
    scene.clusters[ZL_SCENE_A].request = NULL;
    scene.clusters[ZL_SCENE_A].turn = NULL;
    assert_string_equal(zl_scene_steps(&scene), "stage-opened place");
    assert_false(has_slot("b"));
    zl_fleet_open_stage(&scene.ledger); /* a person: zen-lead fleet approve --force */
    assert_string_equal(zl_scene_steps(&scene), "offered told");
    assert_true(has_slot("b"));
}

static void test_a_failed_canary_keeps_the_next_stage_closed_until_one_is_done(void **state)
{
    (void)state;
    give_stages();
    all_wait();
    scene.ledger.max_failures = -1; /* no failure pauses */
    (void)zl_scene_steps(&scene);
    had_turn(ZL_SCENE_A, false);
    (void)zl_scene_steps(&scene);
    assert_int_equal(scene.ledger.progress.open, 1);
    assert_int_equal(scene.ledger.progress.over_s, 0);
    had_turn(ZL_SCENE_A, true);
    (void)zl_scene_steps(&scene);
    assert_int_equal(scene.ledger.progress.open, 2);
}

static void test_a_stage_with_approval_is_opened_by_a_person_alone(void **state)
{
    (void)state;
    give_stages();
    all_wait();
    scene.ledger.plan.stages[1].approval = true;
    (void)zl_scene_steps(&scene);
    had_turn(ZL_SCENE_A, true);
    assert_string_equal(zl_scene_steps(&scene), "stage place");
    assert_string_equal(scene.turns[ZL_SCENE_B].why,
                        "its stage waits for approval: zen-lead fleet approve");
    scene.now.server_s += 1000000;
    assert_string_equal(zl_scene_steps(&scene), "");
    zl_fleet_open_stage(&scene.ledger);
    assert_string_equal(zl_scene_steps(&scene), "offered told");
    assert_true(has_slot("b"));
}

static void test_the_first_stage_can_wait_for_approval_too(void **state)
{
    (void)state;
    give_stages();
    all_wait();
    scene.ledger.plan.stages[0].approval = true;
    assert_string_equal(zl_scene_step(&scene), "stage");
    (void)zl_scene_steps(&scene);
    assert_int_equal(scene.ledger.active_count, 0);
    assert_non_null(strstr(scene.turns[ZL_SCENE_A].why, "approval"));
    zl_fleet_open_stage(&scene.ledger);
    (void)zl_scene_steps(&scene);
    assert_true(has_slot("a"));
}

static void test_no_more_of_a_stage_act_than_its_max(void **state)
{
    (void)state;
    all_wait();
    scene.ledger.plan.stage_count = 1; /* "": all clusters */
    scene.ledger.plan.stages[0].max = 2;
    assert_string_equal(zl_scene_steps(&scene), "stage-opened offered told told place");
    assert_int_equal(scene.ledger.active_count, 2);
    assert_string_equal(scene.turns[ZL_SCENE_A].why, "as many of its stage act as may");
}

static void test_another_round_begins_with_the_first_stage_and_new_numbers(void **state)
{
    (void)state;
    give_stages();
    scene.ledger.counts = (struct zl_fleet_counts){.done = 3, .failed = 1};
    had_turn(ZL_SCENE_A, true);
    (void)zl_scene_steps(&scene);
    assert_int_equal(scene.ledger.progress.open, 2);
    zl_fleet_begin_round(&scene.ledger, "cve-2");
    all_wait();
    scene.ledger.n = 1;
    assert_string_equal(zl_scene_step(&scene), "stage-opened");
    assert_int_equal(scene.ledger.progress.open, 1);
    assert_string_equal(scene.ledger.progress.round, "cve-2");
    assert_int_equal(scene.ledger.counts.done, 0);
    (void)zl_scene_steps(&scene);
    assert_true(has_slot("a")); /* although it had a turn in the round before */
}

static void test_a_turn_of_the_round_before_is_not_counted_in_this_one(void **state)
{
    (void)state;
    zl_scene_slot(&scene, ZL_SCENE_A, 5, true);
    zl_scene_slot(&scene, ZL_SCENE_B, 6, true);
    zl_fleet_begin_round(&scene.ledger, "cve-2");
    zl_scene_report(&scene, ZL_SCENE_A, 5, ZL_FLEET_DONE);
    zl_scene_report(&scene, ZL_SCENE_B, 6, ZL_FLEET_FAILED);
    (void)zl_scene_steps(&scene);
    assert_int_equal(scene.ledger.counts.done, 0);
    assert_int_equal(scene.ledger.counts.failed, 0);
    assert_int_equal(scene.ledger.history_count, 2);
    assert_int_not_equal(scene.ledger.pause.id, 0); /* it is a failure all the same */
}

static void test_the_plan_is_the_strictest_that_clusters_say(void **state)
{
    (void)state;
    static const struct zl_fleet_plan plans[] = {
        /* each stricter than the next one */
        {.stages = {{.match = "a=1"}, {.match = "b=1"}}, .stage_count = 2},
        {.stages = {{.match = "a=1"}}, .stage_count = 1, .spread = {.key = "k", .max = 3}},
        {.stages = {{.match = "a=1"}}, .stage_count = 1},
        {.spread = {.key = "k", .max = 1}},
        {.spread = {.key = "k", .max = 2}},
        {.stage_count = 0}};
    for (size_t i = 0; i + 1 < sizeof plans / sizeof plans[0]; i++) {
        assert_true(zl_fleet_plan_is_stricter(&plans[i], &plans[i + 1]));
        assert_false(zl_fleet_plan_is_stricter(&plans[i + 1], &plans[i]));
        assert_false(zl_fleet_plan_is_same(&plans[i], &plans[i + 1]));
        assert_true(zl_fleet_plan_is_same(&plans[i], &plans[i]));
    }
    scene.ledger.set = false;
    for (int i = 0; i < ZL_SCENE_CLUSTERS; i++) {
        scene.requests[i].spec =
            (struct zl_fleet_spec){.n = 1, .limit_ms = 60000, .round = "cve", .plan = plans[2 + i]};
    }
    scene.ledger.progress = (struct zl_fleet_progress){.open = 3, .round = "cve"};
    assert_string_equal(zl_scene_step(&scene), "spec");
    assert_true(scene.ledger.spec_differs);
    assert_true(zl_fleet_plan_is_same(&scene.ledger.plan, &plans[2]));
    assert_int_equal(scene.ledger.progress.open, 0); /* other stages: from the first one on */
}

/* --- spread --- */

static void test_spread_bounds_those_with_the_same_value_and_passes_over_nobody_else(void **state)
{
    (void)state;
    ZL_FLEET_TEXT(scene.ledger.plan.spread.key, "region");
    scene.ledger.plan.spread.max = 1;
    zl_scene_wait(&scene, ZL_SCENE_A, 1);
    zl_scene_wait(&scene, ZL_SCENE_B, 2);
    zl_scene_wait(&scene, ZL_SCENE_C, 3);
    assert_string_equal(zl_scene_steps(&scene), "offered told told place");
    assert_true(has_slot("a"));
    assert_true(has_slot("c"));
    assert_string_equal(zl_fleet_entry_of(&scene.ledger, "a")->spread, "region=eu");
    assert_string_equal(scene.turns[ZL_SCENE_B].why, "as many as may act where it is: spread");
    assert_int_equal(scene.turns[ZL_SCENE_B].ticket, 2);
    had_turn(ZL_SCENE_C, true);
    scene.ledger.n = 1; /* no slot is free: the reason stays, and is not written anew */
    assert_string_equal(zl_scene_steps(&scene), "");
    had_turn(ZL_SCENE_A, true);
    assert_string_equal(zl_scene_steps(&scene), "offered told");
    assert_true(has_slot("b"));
}

/* --- retry --- */

static void test_retry_takes_a_failed_turn_off_and_ends_the_back_off_of_the_skipped(void **state)
{
    (void)state;
    scene.ledger.n = 0;
    had_turn(ZL_SCENE_A, false);
    had_turn(ZL_SCENE_B, true);
    zl_scene_wait(&scene, ZL_SCENE_C, 1);
    scene.turns[ZL_SCENE_C].token = scene.turns[ZL_SCENE_C].ended_token = 4;
    zl_scene_ask(&scene, ZL_SCENE_C, ZL_FLEET_WANT, 4, 9);
    scene.turns[ZL_SCENE_C].declines = 5;
    (void)zl_scene_steps(&scene);
    scene.ledger.retry_token = scene.ledger.last_token; /* zen-lead fleet retry */
    assert_string_equal(zl_scene_step(&scene), "retry");
    assert_string_equal(zl_scene_step(&scene), "retry");
    assert_int_equal(scene.turns[ZL_SCENE_A].turns, 0);
    assert_int_equal(scene.turns[ZL_SCENE_A].retried, 5);
    assert_int_equal(scene.turns[ZL_SCENE_B].turns, 1);
    assert_int_equal(scene.turns[ZL_SCENE_C].declines, 0);
    (void)zl_scene_steps(&scene);
    assert_int_equal(scene.turns[ZL_SCENE_A].turns, 0); /* once */
}

static void test_a_failure_after_the_retry_waits_for_the_next_one(void **state)
{
    (void)state;
    scene.ledger.n = 0;
    scene.ledger.retry_token = 4;
    had_turn(ZL_SCENE_A, false);
    assert_string_equal(zl_scene_steps(&scene), "");
    scene.ledger.retry_token = 9;
    ZL_FLEET_TEXT(scene.turns[ZL_SCENE_A].round, "another");
    assert_string_equal(zl_scene_steps(&scene), ""); /* and one of another round for none */
}

#define RULE(test) cmocka_unit_test_setup_teardown(test, open_scene, close_scene)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_match_needs_each_of_its_labels),
        cmocka_unit_test(test_labels_that_cannot_be_meant_are_refused_with_the_reason),
        cmocka_unit_test(test_a_label_that_is_not_there_has_no_value),
        cmocka_unit_test(test_a_window_is_of_the_day_that_it_begins_on),
        RULE(test_outside_its_windows_a_cluster_is_passed_over_and_keeps_its_place),
        RULE(test_the_canary_goes_first_whoever_came_first),
        RULE(test_a_stage_opens_when_all_of_the_one_before_had_their_turn_and_it_soaked),
        RULE(test_a_canary_that_comes_back_before_the_soak_is_over_takes_its_turn_first),
        RULE(test_a_new_arbiter_soaks_no_stage_anew_for_a_canary_that_is_gone),
        RULE(test_a_stage_is_not_over_while_nobody_of_it_was_done),
        RULE(test_a_failed_canary_keeps_the_next_stage_closed_until_one_is_done),
        RULE(test_a_stage_with_approval_is_opened_by_a_person_alone),
        RULE(test_the_first_stage_can_wait_for_approval_too),
        RULE(test_no_more_of_a_stage_act_than_its_max),
        RULE(test_another_round_begins_with_the_first_stage_and_new_numbers),
        RULE(test_a_turn_of_the_round_before_is_not_counted_in_this_one),
        RULE(test_the_plan_is_the_strictest_that_clusters_say),
        RULE(test_spread_bounds_those_with_the_same_value_and_passes_over_nobody_else),
        RULE(test_retry_takes_a_failed_turn_off_and_ends_the_back_off_of_the_skipped),
        RULE(test_a_failure_after_the_retry_waits_for_the_next_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
