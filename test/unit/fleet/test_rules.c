/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of the protocol beside the table of transitions (test_next.c) and the plan (test_plan.c); docs/model.md lists them all. */
#include "common/fleet/member.h"

#include "test/unit/fleet_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct zl_fleet_scene scene;

static int open_scene(void **state)
{
    (void)state;
    zl_scene_open(&scene);
    return 0;
}

static int close_scene(void **state)
{
    (void)state;
    zl_scene_close(&scene);
    return 0;
}

static void test_a_crash_before_a_ticket_is_told_loses_its_number_and_no_order(void **state)
{
    (void)state;
    zl_scene_slot(&scene, ZL_SCENE_C, 5, true);
    zl_scene_ask(&scene, ZL_SCENE_A, ZL_FLEET_WANT, 0, 7);
    assert_string_equal(zl_scene_step(&scene), "tickets"); /* 10; and nobody tells it */
    zl_scene_ask(&scene, ZL_SCENE_A, ZL_FLEET_NOTHING, 0, 0);
    zl_scene_ask(&scene, ZL_SCENE_B, ZL_FLEET_WANT, 0, 8);
    assert_string_equal(zl_scene_steps(&scene), "tickets ticket-told");
    assert_int_equal(scene.turns[ZL_SCENE_B].ticket, 11);
    zl_scene_ask(&scene, ZL_SCENE_A, ZL_FLEET_WANT, 0, 9);
    assert_string_equal(zl_scene_steps(&scene), "tickets ticket-told");
    assert_int_equal(scene.turns[ZL_SCENE_A].ticket, 12); /* behind b, who was told first */
}

static void test_a_turn_that_is_given_back_counts_as_a_turn_and_no_failure(void **state)
{
    (void)state;
    zl_scene_slot(&scene, ZL_SCENE_A, 5, true);
    zl_scene_report(&scene, ZL_SCENE_A, 5, ZL_FLEET_RELEASED);
    zl_scene_ask(&scene, ZL_SCENE_A, ZL_FLEET_NOTHING, 0, 0);
    assert_string_equal(zl_scene_steps(&scene), "report complete");
    assert_int_equal(scene.turns[ZL_SCENE_A].turns, 1);
    assert_int_equal(scene.turns[ZL_SCENE_A].done, 0);
    assert_int_equal(scene.ledger.counts.released, 1);
    assert_int_equal(scene.ledger.counts.failed, 0);
    assert_int_equal(scene.ledger.pause.id, 0);
}

static void test_a_turn_counts_in_the_round_in_which_it_was_offered(void **state)
{
    (void)state;
    zl_scene_slot(&scene, ZL_SCENE_A, 5, true);
    scene.turns[ZL_SCENE_A].turns = 4;
    ZL_FLEET_TEXT(scene.turns[ZL_SCENE_A].round, "the one before");
    ZL_FLEET_TEXT(scene.ledger.round, "the next one");
    zl_scene_report(&scene, ZL_SCENE_A, 5, ZL_FLEET_DONE);
    (void)zl_scene_step(&scene);
    assert_string_equal(scene.turns[ZL_SCENE_A].round, "cve");
    assert_int_equal(scene.turns[ZL_SCENE_A].turns, 1);
}

static void test_a_late_done_of_another_cluster_takes_nothing_back(void **state)
{
    (void)state;
    struct zl_fleet_entry *entry = zl_scene_slot(&scene, ZL_SCENE_A, 5, true);
    entry->elapsed_ms = scene.clusters[ZL_SCENE_A].entry_ms = 10000000;
    zl_scene_ask(&scene, ZL_SCENE_A, ZL_FLEET_NOTHING, 0, 0);
    (void)zl_scene_steps(&scene);
    zl_scene_report(&scene, ZL_SCENE_A, 5, ZL_FLEET_DONE);
    ZL_FLEET_TEXT(scene.members[ZL_SCENE_A].cluster_uid, "another");
    assert_string_equal(zl_scene_steps(&scene), "");
    assert_int_equal(scene.ledger.failed_count, 1);
}

static void
test_I2_the_arbiter_waits_longer_than_the_limit_and_the_cluster_stops_before(void **state)
{
    (void)state;
    static const struct {
        int64_t limit_ms, grace_ms, margin_ms;
    } cases[] = {{1000, 1000, 50},      {50000, 1000, 2500},     {60000, 1200, 3000},
                 {200000, 4000, 10000}, {1800000, 36000, 10000}, {604800000, 12096000, 10000}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(zl_fleet_grace_ms(cases[i].limit_ms), cases[i].grace_ms);
        assert_int_equal(zl_fleet_margin_ms(cases[i].limit_ms), cases[i].margin_ms);
        /* together more than what clocks that differ by 1 % are apart by then */
        assert_true(cases[i].grace_ms + cases[i].margin_ms > cases[i].limit_ms / 50);
    }
}

static void test_I2_what_has_gone_by_is_zero_in_each_swap_that_makes_a_generation(void **state)
{
    (void)state;
    static const enum zl_fleet_verb verbs[] = {ZL_FLEET_RESUME, ZL_FLEET_EXTEND};
    scene.ledger.max_extensions = 9;
    zl_scene_slot(&scene, ZL_SCENE_A, 5, true);
    for (int i = 0; i < 2; i++) {
        scene.ledger.active[0].elapsed_ms = scene.clusters[ZL_SCENE_A].entry_ms = 9000;
        zl_scene_ask(&scene, ZL_SCENE_A, verbs[i], 5, 900 + i);
        (void)zl_scene_step(&scene);
        assert_int_equal(scene.ledger.active[0].gen, 2 + i);
        assert_int_equal(scene.ledger.active[0].elapsed_ms, 0);
        scene.clusters[ZL_SCENE_A].entry_ms = 0;
        (void)zl_scene_steps(&scene);
    }
}

static void test_I3_no_token_is_given_that_json_does_not_keep(void **state)
{
    (void)state;
    zl_scene_wait(&scene, ZL_SCENE_A, 1);
    scene.ledger.last_token = ZL_FLEET_NUMBER_MAX - ZL_FLEET_N_MAX;
    assert_string_equal(zl_scene_steps(&scene), "");
    scene.ledger.last_token--;
    assert_string_equal(zl_scene_step(&scene), "offered");
    assert_true(scene.ledger.last_token <= ZL_FLEET_NUMBER_MAX);
}

static void test_I3_a_clock_that_is_wrong_uses_up_no_tokens_and_stops_nothing(void **state)
{
    (void)state;
    static const struct {
        int64_t wall_s, server_s, seconds; /* of the token; 0: the next number */
    } cases[] = {{1000000, 1000000, 1000000},
                 {INT64_C(1) << 40, 1000000, 1086400}, /* this machine's is far ahead */
                 {5, INT64_C(1) << 36, 86405},         /* the server's is */
                 {1000000, 1000600, 1000600}, /* this machine's is behind, as after its restart */
                 {1000000, 0, 1000000},       /* the server was not heard */
                 {-5, 0, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        zl_scene_wait(&scene, ZL_SCENE_A, 1);
        scene.ledger.last_token = 3;
        scene.now = (struct zl_fleet_now){.wall_s = cases[i].wall_s, .server_s = cases[i].server_s};
        assert_string_equal(zl_scene_step(&scene), "offered");
        int64_t wanted = cases[i].seconds > 0 ? cases[i].seconds * 65536 : 4;
        assert_int_equal(scene.ledger.last_token, wanted);
        zl_fleet_entry_remove(&scene.ledger, "a");
    }
    /* a token that a wrong clock has made is only followed by the next number */
    scene.ledger.last_token = (INT64_C(1) << 52);
    scene.now = (struct zl_fleet_now){.wall_s = 1000000, .server_s = 1000000};
    assert_string_equal(zl_scene_step(&scene), "offered");
    assert_int_equal(scene.ledger.last_token, (INT64_C(1) << 52) + 1);
}

static void test_I4_nobody_is_passed_over_but_for_a_reason_of_its_own_which_why_states(void **state)
{
    (void)state;
    struct zl_fleet_cluster *a = &scene.clusters[ZL_SCENE_A];
    struct zl_fleet_request *request = &scene.requests[ZL_SCENE_A];
    zl_scene_wait(&scene, ZL_SCENE_A, 1);
    assert_null(zl_fleet_why(&scene.ledger, a, &scene.now));
    const struct zl_fleet_request asks = *request;
    const struct zl_fleet_cluster lives = *a;
    const struct zl_fleet_turn waits = scene.turns[ZL_SCENE_A];
    for (int i = 0; i < 7; i++) {
        static const char *const whys[] = {"absent",     "two clusters",    "declined",   "no turn",
                                           "its report", "came to nothing", "its windows"};
        *request = asks;
        *a = lives;
        scene.turns[ZL_SCENE_A] = waits;
        a->silent_ms = i == 0 ? 180001 : 0;
        a->duplicate = i == 1;
        request->verb = i == 2 ? ZL_FLEET_DECLINE : i == 3 ? ZL_FLEET_RESUME : ZL_FLEET_WANT;
        request->report.outcome = i == 4 ? ZL_FLEET_DONE : ZL_FLEET_NO_OUTCOME;
        request->report.token = i == 4 ? 9 : 0;
        scene.turns[ZL_SCENE_A].declines = i == 5;
        request->spec.windows.count = i == 6;
        request->spec.windows.items[0] = (struct zl_fleet_window){.from_min = 1, .to_min = 2};
        const char *why = zl_fleet_why(&scene.ledger, a, &scene.now);
        if (why == NULL || strstr(why, whys[i]) == NULL) {
            fail_msg("%d: \"%s\", not \"%s\"", i, why != NULL ? why : "", whys[i]);
        }
    }
}

static void
test_I4_who_is_eligible_is_offered_its_turn_before_all_with_a_larger_ticket(void **state)
{
    (void)state;
    for (int first = 0; first < ZL_SCENE_CLUSTERS; first++) {
        for (int i = 0; i < ZL_SCENE_CLUSTERS; i++) {
            zl_scene_wait(&scene, i, 1 + (i + ZL_SCENE_CLUSTERS - first) % ZL_SCENE_CLUSTERS);
        }
        assert_string_equal(zl_scene_step(&scene), "offered");
        assert_string_equal(scene.ledger.active[0].cluster, scene.clusters[first].name);
        zl_fleet_entry_remove(&scene.ledger, scene.clusters[first].name);
    }
}

static void test_I5_only_what_is_neither_done_nor_given_back_is_a_failure(void **state)
{
    (void)state;
    static const struct {
        enum zl_fleet_outcome outcome;
        bool fails;
    } cases[] = {{ZL_FLEET_DONE, false},
                 {ZL_FLEET_RELEASED, false},
                 {ZL_FLEET_FAILED, true},
                 {ZL_FLEET_EXPIRED, true},
                 {ZL_FLEET_DONE_LATE, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t token = 5 + (int64_t)i;
        zl_scene_slot(&scene, ZL_SCENE_A, token, true);
        scene.turns[ZL_SCENE_A].ended_token = token; /* an arbiter died after this write */
        scene.turns[ZL_SCENE_A].outcome = cases[i].outcome;
        assert_string_equal(zl_scene_step(&scene), "complete");
        assert_int_equal(zl_fleet_has_failed(&scene.ledger, token), cases[i].fails);
    }
}

static void test_wrong_1_a_crash_between_the_writes_of_a_late_done_takes_it_back_once(void **state)
{
    (void)state;
    zl_scene_slot(&scene, ZL_SCENE_A, 5, true);
    zl_fleet_entry_remove(&scene.ledger, "a");
    scene.turns[ZL_SCENE_A].state = ZL_FLEET_IDLE;
    scene.turns[ZL_SCENE_A].ended_token = 5;
    scene.turns[ZL_SCENE_A].outcome = ZL_FLEET_EXPIRED;
    scene.ledger.failed[0] = 4; /* another's; 5 was taken back already */
    scene.ledger.failed_count = 1;
    scene.ledger.counts.failed = 1;
    zl_scene_ask(&scene, ZL_SCENE_A, ZL_FLEET_NOTHING, 0, 0);
    zl_scene_report(&scene, ZL_SCENE_A, 5, ZL_FLEET_DONE);
    assert_string_equal(zl_scene_steps(&scene), "done-late");
    assert_int_equal(scene.ledger.failed_count, 1);
    assert_int_equal(scene.ledger.counts.failed, 1);
    assert_int_equal(scene.turns[ZL_SCENE_A].outcome, ZL_FLEET_DONE_LATE);
}

static void test_wrong_3_a_standby_that_has_watched_takes_over_at_once(void **state)
{
    (void)state;
    zl_scene_wait(&scene, ZL_SCENE_A, 1);
    scene.clusters[ZL_SCENE_B].beaten = false;
    scene.view.unbroken_ms = ZL_FLEET_COLD_MS;
    assert_string_equal(zl_scene_next(&scene), "offered");
}

static void
test_wrong_4_a_cluster_beats_each_minute_and_four_times_as_often_while_it_acts(void **state)
{
    (void)state;
    static const struct {
        bool acts;
        int64_t asked_ms, period_ms;
    } cases[] = {{false, 0, 60000},      {true, 0, 15000},   {false, 5000, 5000},
                 {false, 600000, 60000}, {true, 5000, 5000}, {true, 30000, 15000}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(zl_fleet_beat_ms(cases[i].acts, cases[i].asked_ms), cases[i].period_ms);
    }
}

static void test_an_extension_of_another_cluster_under_the_same_name_is_refused(void **state)
{
    (void)state;
    scene.ledger.max_extensions = 9;
    zl_scene_slot(&scene, ZL_SCENE_A, 5, true);
    zl_scene_ask(&scene, ZL_SCENE_A, ZL_FLEET_EXTEND, 5, 900);
    ZL_FLEET_TEXT(scene.members[ZL_SCENE_A].cluster_uid, "another");
    assert_string_equal(zl_scene_steps(&scene), "");
    ZL_FLEET_TEXT(scene.members[ZL_SCENE_A].cluster_uid, "ua");
    scene.clusters[ZL_SCENE_A].duplicate = true; /* both live: which one speaks is not known */
    assert_string_equal(zl_scene_steps(&scene), "");
}

static void test_a_cluster_that_leaves_or_joins_stops_nobody_elses_round(void **state)
{
    (void)state;
    zl_scene_wait(&scene, ZL_SCENE_B, 2);
    zl_scene_wait(&scene, ZL_SCENE_C, 3);
    scene.clusters[ZL_SCENE_A].turn = NULL; /* its Leases were deleted */
    scene.clusters[ZL_SCENE_A].member = NULL;
    scene.clusters[ZL_SCENE_A].request = NULL;
    (void)zl_scene_steps(&scene);
    assert_string_equal(scene.ledger.active[0].cluster, "b");
    zl_fleet_entry_remove(&scene.ledger, "b");
    scene.turns[ZL_SCENE_B].ended_token = scene.turns[ZL_SCENE_B].token;
    scene.turns[ZL_SCENE_B].state = ZL_FLEET_IDLE;
    scene.turns[ZL_SCENE_B].turns = 1;
    zl_scene_ask(&scene, ZL_SCENE_B, ZL_FLEET_WANT, scene.turns[ZL_SCENE_B].ended_token, 77);
    (void)zl_scene_steps(&scene);
    assert_string_equal(scene.ledger.active[0].cluster, "c"); /* b had its turn in this round */
}

#define RULE(test) cmocka_unit_test_setup_teardown(test, open_scene, close_scene)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(test_a_crash_before_a_ticket_is_told_loses_its_number_and_no_order),
        RULE(test_a_turn_that_is_given_back_counts_as_a_turn_and_no_failure),
        RULE(test_a_turn_counts_in_the_round_in_which_it_was_offered),
        RULE(test_a_late_done_of_another_cluster_takes_nothing_back),
        RULE(test_I2_the_arbiter_waits_longer_than_the_limit_and_the_cluster_stops_before),
        RULE(test_I2_what_has_gone_by_is_zero_in_each_swap_that_makes_a_generation),
        RULE(test_I3_no_token_is_given_that_json_does_not_keep),
        RULE(test_I3_a_clock_that_is_wrong_uses_up_no_tokens_and_stops_nothing),
        RULE(test_I4_nobody_is_passed_over_but_for_a_reason_of_its_own_which_why_states),
        RULE(test_I4_who_is_eligible_is_offered_its_turn_before_all_with_a_larger_ticket),
        RULE(test_I5_only_what_is_neither_done_nor_given_back_is_a_failure),
        RULE(test_wrong_1_a_crash_between_the_writes_of_a_late_done_takes_it_back_once),
        RULE(test_wrong_3_a_standby_that_has_watched_takes_over_at_once),
        RULE(test_wrong_4_a_cluster_beats_each_minute_and_four_times_as_often_while_it_acts),
        RULE(test_an_extension_of_another_cluster_under_the_same_name_is_refused),
        RULE(test_a_cluster_that_leaves_or_joins_stops_nobody_elses_round),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
