/* SPDX-License-Identifier: Apache-2.0 */
/* Each row of the table of transitions, and each thing that the first design had wrong. */
#include "common/base/memory.h"
#include "common/fleet/codec.h"
#include "common/fleet/next_internal.h"
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

static const char *why_of_a(void)
{
    return zl_fleet_why(&scene.ledger, &scene.clusters[ZL_SCENE_A], &scene.now);
}

static void test_want_reserves_its_ticket_in_the_ledger_before_it_is_told(void **state)
{
    (void)state;
    zl_scene_slot(&scene, ZL_SCENE_C, 5, true); /* so that nothing is offered */
    zl_scene_ask(&scene, ZL_SCENE_A, ZL_FLEET_WANT, 0, 7);
    assert_string_equal(zl_scene_step(&scene), "tickets");
    assert_int_equal(scene.ledger.next_ticket, 11);
    assert_int_equal(scene.turns[ZL_SCENE_A].state, ZL_FLEET_IDLE);
    assert_string_equal(zl_scene_step(&scene), "ticket-told");
    assert_int_equal(scene.turns[ZL_SCENE_A].ticket, 10);
    assert_int_equal(scene.turns[ZL_SCENE_A].state, ZL_FLEET_WAITING);
    assert_int_equal(scene.turns[ZL_SCENE_A].position, 1);
    assert_string_equal(zl_scene_steps(&scene), "");
}

static void test_want_of_a_turn_that_has_ended_is_no_new_one(void **state)
{
    (void)state;
    scene.turns[ZL_SCENE_A].ended_token = 5;
    scene.ledger.last_token = 5;
    zl_scene_ask(&scene, ZL_SCENE_A, ZL_FLEET_WANT, 4, 7);
    assert_string_equal(zl_scene_steps(&scene), "");
    zl_scene_ask(&scene, ZL_SCENE_A, ZL_FLEET_WANT, 5, 8);
    assert_string_equal(zl_scene_next(&scene), "tickets");
}

static void test_tickets_are_given_in_the_order_in_which_they_were_wanted(void **state)
{
    (void)state;
    static const int64_t wanted_ms[ZL_SCENE_CLUSTERS] = {100, 300, 300};
    scene.ledger.n = 0;
    for (int i = 0; i < ZL_SCENE_CLUSTERS; i++) {
        zl_scene_ask(&scene, i, ZL_FLEET_WANT, 0, 40 + i);
        scene.clusters[i].wanted_ms = wanted_ms[i];
    }
    assert_string_equal(zl_scene_step(&scene), "tickets");
    assert_int_equal(scene.ledger.ticket_count, ZL_SCENE_CLUSTERS);
    for (int i = 0; i < ZL_SCENE_CLUSTERS; i++) {
        assert_string_equal(zl_scene_step(&scene), "ticket-told");
    }
    assert_int_equal(scene.turns[ZL_SCENE_B].ticket, 10);
    assert_int_equal(scene.turns[ZL_SCENE_C].ticket, 11);
    assert_int_equal(scene.turns[ZL_SCENE_A].ticket, 12);
}

/* Where thousands come at once, it takes minutes until all of them have one. */
static void test_a_free_slot_does_not_wait_for_the_tickets_of_who_has_just_come(void **state)
{
    (void)state;
    zl_scene_wait(&scene, ZL_SCENE_C, 1);
    zl_scene_ask(&scene, ZL_SCENE_A, ZL_FLEET_WANT, 0, 40);
    assert_string_equal(zl_scene_step(&scene), "offered");
    assert_string_equal(scene.ledger.active[0].cluster, "c");
    assert_string_equal(zl_scene_steps(&scene), "told tickets ticket-told");
}

static void test_offer_goes_to_the_fewest_turns_then_the_oldest_ticket(void **state)
{
    (void)state;
    zl_scene_wait(&scene, ZL_SCENE_A, 1);
    zl_scene_wait(&scene, ZL_SCENE_B, 3);
    zl_scene_wait(&scene, ZL_SCENE_C, 2);
    scene.turns[ZL_SCENE_A].turns = 1;
    assert_string_equal(zl_scene_step(&scene), "offered");
    assert_int_equal(scene.ledger.active_count, 1);
    assert_string_equal(scene.ledger.active[0].cluster, "c");
    assert_false(scene.ledger.active[0].active);
    assert_string_equal(scene.ledger.queue[0], "b");
    assert_string_equal(scene.ledger.queue[1], "a");
    assert_int_equal(scene.turns[ZL_SCENE_C].state, ZL_FLEET_WAITING); /* not told yet */
    assert_string_equal(zl_scene_step(&scene), "told");
    assert_int_equal(scene.turns[ZL_SCENE_C].state, ZL_FLEET_OFFERED);
    assert_int_equal(scene.turns[ZL_SCENE_C].token, scene.ledger.last_token);
}

static void test_turns_of_another_round_do_not_count(void **state)
{
    (void)state;
    zl_scene_wait(&scene, ZL_SCENE_A, 1);
    zl_scene_wait(&scene, ZL_SCENE_B, 2);
    scene.turns[ZL_SCENE_A].turns = 3;
    ZL_FLEET_TEXT(scene.turns[ZL_SCENE_A].round, "last year's");
    zl_scene_step(&scene);
    assert_string_equal(scene.ledger.active[0].cluster, "a");
}

static void test_I1_nothing_is_offered_beyond_n_in_a_pause_or_on_a_restored_hub(void **state)
{
    (void)state;
    zl_scene_wait(&scene, ZL_SCENE_A, 1);
    scene.ledger.n = 0;
    assert_string_equal(zl_scene_steps(&scene), "");
    scene.ledger.n = 1;
    scene.ledger.pause.id = 1;
    assert_string_equal(zl_scene_steps(&scene), "");
    scene.ledger.pause.id = 0;
    scene.ledger.restored_serial = 1;
    scene.ledger.hold_ms = 1000;
    assert_string_equal(zl_scene_steps(&scene), "");
    scene.view.restored_ms = 1000;
    assert_string_equal(zl_scene_step(&scene), "restored-over");
    assert_string_equal(zl_scene_step(&scene), "offered");
}

static void test_I1_fewer_slots_than_turns_end_no_turn(void **state)
{
    (void)state;
    scene.ledger.n = 1;
    zl_scene_slot(&scene, ZL_SCENE_A, 5, true);
    zl_scene_slot(&scene, ZL_SCENE_B, 6, true);
    zl_scene_wait(&scene, ZL_SCENE_C, 9);
    assert_string_equal(zl_scene_steps(&scene), "");
}

static void fill(char *text, size_t size, char c)
{
    memset(text, c, size - 1);
    text[size - 1] = '\0';
}

/* As much as stands in a ledger beside its turns. */
static void fill_rest(struct zl_fleet_ledger *ledger)
{
    ledger->failed_count = ZL_FLEET_SHOWN_MAX;
    for (size_t i = 0; i < ZL_FLEET_SHOWN_MAX; i++) {
        ledger->failed[i] = ZL_FLEET_NUMBER_MAX;
    }
    free(ledger->tickets);
    ledger->ticket_count = ZL_FLEET_TICKETS_MAX;
    ledger->tickets = zl_alloc(ledger->ticket_count * sizeof *ledger->tickets);
    for (size_t i = 0; i < ledger->ticket_count; i++) {
        ledger->tickets[i] =
            (struct zl_fleet_ticket){.ticket = ZL_FLEET_NUMBER_MAX, .nonce = ZL_FLEET_NUMBER_MAX};
        fill(ledger->tickets[i].cluster, ZL_FLEET_NAME_MAX, 'c');
    }
    ledger->pause = (struct zl_fleet_pause){.id = ZL_FLEET_NUMBER_MAX, .since_s = 1};
    fill(ledger->pause.by, sizeof ledger->pause.by, 'b');
    fill(ledger->pause.reason, sizeof ledger->pause.reason, 'r');
}

/* N may be 2000, and an annotation has 256 KiB: a swap that is too large would end nobody's turn any more. */
static void test_nothing_is_offered_for_which_the_ledger_has_no_room(void **state)
{
    (void)state;
    struct zl_fleet_ledger *ledger = &scene.ledger;
    ledger->n = ZL_FLEET_N_MAX;
    fill(ledger->round, sizeof ledger->round, 'r');
    zl_scene_wait(&scene, ZL_SCENE_A, 1);
    zl_scene_wait(&scene, ZL_SCENE_B, 2);
    /* As short as an offer; one of a cluster that is not there would be withdrawn. */
    struct zl_fleet_entry entry = {.active = true,
                                   .token = ZL_FLEET_NUMBER_MAX / 2,
                                   .limit_ms = ZL_FLEET_LIMIT_MAX_MS,
                                   .stage = 7};
    fill(entry.cluster, sizeof entry.cluster, 'c');
    fill(entry.round, sizeof entry.round, 'r');
    fill(entry.spread, sizeof entry.spread, 's');
    while (zl_fleet_room(ledger) > 1) {
        zl_fleet_entry_add(ledger, &entry);
    }
    assert_in_range(ledger->active_count, 300, ZL_FLEET_N_MAX - 1);
    assert_string_equal(zl_scene_step(&scene), "offered"); /* to one of the two */
    assert_non_null(zl_fleet_entry_of(ledger, "a"));
    while (zl_fleet_room(ledger) > 0) {
        zl_fleet_entry_add(ledger, &entry);
    }
    (void)zl_scene_steps(&scene);
    assert_int_equal(scene.turns[ZL_SCENE_A].state, ZL_FLEET_OFFERED);
    assert_int_equal(scene.turns[ZL_SCENE_B].state, ZL_FLEET_WAITING);
    assert_string_equal(scene.turns[ZL_SCENE_B].why, ZL_FLEET_WHY_LEDGER_FULL);
    for (size_t i = 0; i < ledger->active_count; i++) { /* all accept, and it goes on for long */
        struct zl_fleet_entry *grown = &ledger->active[i];
        grown->gen = 1000000;
        grown->answers = ZL_FLEET_NUMBER_MAX;
        grown->elapsed_ms = ZL_FLEET_LIMIT_MAX_MS;
        grown->extensions = 1000000;
        fill(grown->uid, sizeof grown->uid, 'u');
    }
    fill_rest(ledger);
    assert_in_range(zl_fleet_ledger_least(ledger), 1, ZL_FLEET_JSON_MAX);
}

static void test_accept_makes_the_offer_active_with_its_nonce_then_tells(void **state)
{
    (void)state;
    zl_scene_slot(&scene, ZL_SCENE_A, 5, false);
    zl_scene_ask(&scene, ZL_SCENE_A, ZL_FLEET_ACCEPT, 5, 77);
    assert_string_equal(zl_scene_step(&scene), "accepted");
    const struct zl_fleet_entry *entry = &scene.ledger.active[0];
    assert_true(entry->active);
    assert_int_equal(entry->gen, 1);
    assert_int_equal(entry->answers, 77);
    assert_int_equal(entry->elapsed_ms, 0);
    assert_string_equal(entry->uid, "ua");
    assert_int_equal(scene.turns[ZL_SCENE_A].state, ZL_FLEET_OFFERED);
    assert_string_equal(zl_scene_step(&scene), "told");
    assert_int_equal(scene.turns[ZL_SCENE_A].state, ZL_FLEET_ACTIVE);
    assert_int_equal(scene.turns[ZL_SCENE_A].answers, 77);
}

static void test_accept_of_another_offer_or_in_a_pause_is_none(void **state)
{
    (void)state;
    zl_scene_slot(&scene, ZL_SCENE_A, 5, false);
    zl_scene_ask(&scene, ZL_SCENE_A, ZL_FLEET_ACCEPT, 4, 77);
    assert_string_equal(zl_scene_steps(&scene), "");
    zl_scene_ask(&scene, ZL_SCENE_A, ZL_FLEET_ACCEPT, 5, 77);
    scene.ledger.pause.id = 1;
    assert_string_equal(zl_scene_step(&scene), "offers-withdrawn");
    assert_int_equal(scene.ledger.active_count, 0);
    assert_string_equal(zl_scene_step(&scene), "offer-over");
    assert_int_equal(scene.turns[ZL_SCENE_A].state, ZL_FLEET_WAITING);
    assert_int_equal(scene.turns[ZL_SCENE_A].declines, 0); /* a pause is not its fault */
}

static void test_decline_and_silence_keep_the_ticket_and_wait_longer_each_time(void **state)
{
    (void)state;
    zl_scene_slot(&scene, ZL_SCENE_A, 5, false);
    scene.clusters[ZL_SCENE_A].entry_ms = ZL_FLEET_OFFER_MS - 1;
    assert_string_equal(zl_scene_steps(&scene), "");
    scene.clusters[ZL_SCENE_A].entry_ms = ZL_FLEET_OFFER_MS;
    assert_string_equal(zl_scene_step(&scene), "offer-unanswered");
    assert_string_equal(zl_scene_step(&scene), "offer-over");
    assert_int_equal(scene.turns[ZL_SCENE_A].state, ZL_FLEET_WAITING);
    assert_int_equal(scene.turns[ZL_SCENE_A].ticket, 1);
    assert_int_equal(scene.turns[ZL_SCENE_A].declines, 1);
    static const struct {
        int64_t declines, wait_ms;
    } waits[] = {{1, 30000}, {2, 60000}, {3, 120000}, {5, 480000}, {6, 600000}, {99, 600000}};
    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
        scene.turns[ZL_SCENE_A].declines = waits[i].declines;
        scene.clusters[ZL_SCENE_A].refused_ms = waits[i].wait_ms - 1;
        assert_non_null(why_of_a());
        scene.clusters[ZL_SCENE_A].refused_ms = waits[i].wait_ms;
        assert_null(why_of_a());
    }
    zl_scene_ask(&scene, ZL_SCENE_A, ZL_FLEET_DECLINE, 5, 8);
    assert_string_equal(why_of_a(), "it declined");
}

static void test_silence_does_not_count_while_the_hub_was_away(void **state)
{
    (void)state;
    zl_scene_slot(&scene, ZL_SCENE_A, 5, false);
    scene.clusters[ZL_SCENE_A].entry_ms = 500000;
    scene.view.unbroken_ms = ZL_FLEET_OFFER_MS - 1;
    assert_string_equal(zl_scene_steps(&scene), "");
}

static void test_released_offer_counts_no_turn_and_raises_the_ended_token(void **state)
{
    (void)state;
    zl_scene_slot(&scene, ZL_SCENE_A, 5, false);
    zl_scene_ask(&scene, ZL_SCENE_A, ZL_FLEET_NOTHING, 0, 0);
    assert_string_equal(zl_scene_steps(&scene), "offer-released released");
    assert_int_equal(scene.turns[ZL_SCENE_A].state, ZL_FLEET_IDLE);
    assert_int_equal(scene.turns[ZL_SCENE_A].ended_token, 5);
    assert_int_equal(scene.turns[ZL_SCENE_A].turns, 0);
    assert_int_equal(scene.ledger.counts.released, 0);
}

static void test_report_for_an_offer_ends_it_without_a_failure(void **state)
{
    (void)state;
    zl_scene_slot(&scene, ZL_SCENE_A, 5, false);
    zl_scene_report(&scene, ZL_SCENE_A, 5, ZL_FLEET_FAILED);
    assert_string_equal(zl_scene_steps(&scene), "offer-released unknown-answered");
    assert_int_equal(scene.turns[ZL_SCENE_A].ended_token, 5);
    assert_int_equal(scene.ledger.pause.id, 0);
}

static void test_released_while_waiting_leaves_the_queue(void **state)
{
    (void)state;
    scene.ledger.n = 0;
    zl_scene_wait(&scene, ZL_SCENE_A, 1);
    zl_scene_ask(&scene, ZL_SCENE_A, ZL_FLEET_NOTHING, 0, 0);
    assert_string_equal(zl_scene_steps(&scene), "released");
    assert_int_equal(scene.turns[ZL_SCENE_A].state, ZL_FLEET_IDLE);
}

static void test_done_is_told_first_and_completed_once(void **state)
{
    (void)state;
    zl_scene_slot(&scene, ZL_SCENE_A, 5, true);
    zl_scene_report(&scene, ZL_SCENE_A, 5, ZL_FLEET_DONE);
    zl_scene_ask(&scene, ZL_SCENE_A, ZL_FLEET_NOTHING, 0, 0);
    assert_string_equal(zl_scene_step(&scene), "report");
    assert_int_equal(scene.turns[ZL_SCENE_A].ended_token, 5);
    assert_int_equal(scene.turns[ZL_SCENE_A].outcome, ZL_FLEET_DONE);
    assert_int_equal(scene.turns[ZL_SCENE_A].turns, 1);
    assert_int_equal(scene.ledger.active_count, 1); /* an arbiter may die here */
    assert_string_equal(zl_scene_steps(&scene), "complete");
    assert_int_equal(scene.ledger.active_count, 0);
    assert_int_equal(scene.ledger.counts.done, 1);
    assert_int_equal(scene.ledger.failed_count, 0);
    assert_int_equal(scene.ledger.history[0].outcome, ZL_FLEET_DONE);
}

static void test_I5_a_failure_counts_and_pauses_in_the_swap_that_ends_it(void **state)
{
    (void)state;
    scene.ledger.n = 3;
    zl_scene_slot(&scene, ZL_SCENE_A, 5, true);
    zl_scene_slot(&scene, ZL_SCENE_B, 6, false);
    zl_scene_report(&scene, ZL_SCENE_A, 5, ZL_FLEET_FAILED);
    ZL_FLEET_TEXT(scene.requests[ZL_SCENE_A].report.reason, "Job rotate failed");
    assert_string_equal(zl_scene_step(&scene), "report");
    assert_string_equal(zl_scene_step(&scene), "complete");
    assert_int_equal(scene.ledger.failed[0], 5);
    assert_int_equal(scene.ledger.pause.id, 1);
    assert_string_equal(scene.ledger.pause.reason, "a Job rotate failed");
    assert_int_equal(scene.ledger.active_count, 0); /* the offer to b went with the same swap */
}

static void test_failures_pause_only_beyond_max_failures(void **state)
{
    (void)state;
    scene.ledger.max_failures = 1;
    zl_scene_slot(&scene, ZL_SCENE_A, 5, true);
    zl_scene_report(&scene, ZL_SCENE_A, 5, ZL_FLEET_FAILED);
    zl_scene_ask(&scene, ZL_SCENE_A, ZL_FLEET_NOTHING, 0, 0);
    assert_string_equal(zl_scene_steps(&scene), "report complete");
    assert_int_equal(scene.ledger.pause.id, 0);
    zl_scene_slot(&scene, ZL_SCENE_B, 6, true);
    zl_scene_report(&scene, ZL_SCENE_B, 6, ZL_FLEET_FAILED);
    zl_scene_ask(&scene, ZL_SCENE_B, ZL_FLEET_NOTHING, 0, 0);
    assert_string_equal(zl_scene_steps(&scene), "report complete");
    assert_int_equal(scene.ledger.pause.id, 1);
    scene.ledger.max_failures = -1;
}

static void test_one_more_failure_gives_the_pause_a_new_id(void **state)
{
    (void)state;
    scene.ledger.n = 2;
    zl_scene_slot(&scene, ZL_SCENE_A, 5, true);
    zl_scene_slot(&scene, ZL_SCENE_B, 6, true);
    zl_scene_report(&scene, ZL_SCENE_A, 5, ZL_FLEET_FAILED);
    assert_string_equal(zl_scene_steps(&scene), "report complete");
    int64_t seen = scene.ledger.pause.id;
    zl_scene_report(&scene, ZL_SCENE_B, 6, ZL_FLEET_FAILED);
    assert_string_equal(zl_scene_steps(&scene), "report complete");
    /* who resumes what he has read about does not resume what he has not */
    assert_false(zl_fleet_resume(&scene.ledger, seen));
    assert_int_equal(scene.ledger.failed_count, 2);
    assert_true(zl_fleet_resume(&scene.ledger, scene.ledger.pause.id));
    assert_int_equal(scene.ledger.failed_count, 0);
}

static void test_expired_after_limit_and_grace_is_a_failure(void **state)
{
    (void)state;
    struct zl_fleet_entry *entry = zl_scene_slot(&scene, ZL_SCENE_A, 5, true);
    entry->elapsed_ms = ZL_SCENE_LIMIT_MS + 1200;
    scene.clusters[ZL_SCENE_A].entry_ms = ZL_SCENE_LIMIT_MS + 1199;
    assert_string_equal(zl_scene_steps(&scene), "");
    scene.clusters[ZL_SCENE_A].entry_ms = ZL_SCENE_LIMIT_MS + 1200;
    assert_string_equal(zl_scene_steps(&scene), "expired complete");
}

static void test_a_slot_whose_leases_were_deleted_is_told_again_and_expires(void **state)
{
    (void)state;
    struct zl_fleet_entry *entry = zl_scene_slot(&scene, ZL_SCENE_A, 5, true);
    entry->elapsed_ms = scene.clusters[ZL_SCENE_A].entry_ms = 10000000;
    scene.clusters[ZL_SCENE_A].turn = NULL;
    scene.clusters[ZL_SCENE_A].member = NULL;
    scene.clusters[ZL_SCENE_A].request = NULL;
    memset(&scene.turns[ZL_SCENE_A], 0, sizeof scene.turns[ZL_SCENE_A]);
    assert_string_equal(zl_scene_step(&scene), "told");
    scene.clusters[ZL_SCENE_A].turn = &scene.turns[ZL_SCENE_A]; /* what was stored */
    assert_string_equal(zl_scene_steps(&scene), "expired complete");
    assert_int_equal(scene.ledger.active_count, 0);
}

static void test_wrong_1_a_turn_expires_only_after_an_unbroken_watch(void **state)
{
    (void)state;
    struct zl_fleet_entry *entry = zl_scene_slot(&scene, ZL_SCENE_A, 5, true);
    entry->elapsed_ms = ZL_SCENE_LIMIT_MS + 1200;
    scene.clusters[ZL_SCENE_A].entry_ms = 10000000;
    scene.view.unbroken_ms = ZL_FLEET_UNBROKEN_MS - 1;
    assert_string_equal(zl_scene_steps(&scene), "");
    scene.view.unbroken_ms = ZL_FLEET_UNBROKEN_MS;
    assert_string_equal(zl_scene_next(&scene), "expired");
}

static void test_wrong_1_a_late_done_takes_the_failure_back_once_and_the_pause_stays(void **state)
{
    (void)state;
    struct zl_fleet_entry *entry = zl_scene_slot(&scene, ZL_SCENE_A, 5, true);
    entry->elapsed_ms = scene.clusters[ZL_SCENE_A].entry_ms = 10000000;
    zl_scene_ask(&scene, ZL_SCENE_A, ZL_FLEET_NOTHING, 0, 0);
    assert_string_equal(zl_scene_steps(&scene), "expired complete");
    assert_int_equal(scene.ledger.failed_count, 1);
    zl_scene_report(&scene, ZL_SCENE_A, 5, ZL_FLEET_DONE);
    assert_string_equal(zl_scene_step(&scene),
                        "done-late"); /* the ledger; an arbiter may die here */
    assert_int_equal(scene.ledger.failed_count, 0);
    assert_int_equal(scene.turns[ZL_SCENE_A].outcome, ZL_FLEET_EXPIRED);
    assert_string_equal(zl_scene_step(&scene), "done-late");
    assert_int_equal(scene.turns[ZL_SCENE_A].outcome, ZL_FLEET_DONE_LATE);
    assert_string_equal(zl_scene_steps(&scene), "");
    assert_int_equal(scene.ledger.counts.late, 1);
    assert_int_equal(scene.ledger.pause.id, 1);
}

static void test_wrong_2_what_has_gone_by_is_written_down_every_tenth(void **state)
{
    (void)state;
    zl_scene_slot(&scene, ZL_SCENE_A, 5, true);
    scene.clusters[ZL_SCENE_A].entry_ms = 5999;
    assert_string_equal(zl_scene_steps(&scene), "");
    scene.clusters[ZL_SCENE_A].entry_ms = 6000;
    assert_string_equal(zl_scene_steps(&scene), "elapsed");
    assert_int_equal(scene.ledger.active[0].elapsed_ms, 6000);
    assert_int_equal(scene.ledger.active[0].gen, 1);
}

static void test_wrong_3_a_cold_arbiter_offers_when_all_that_live_have_beaten(void **state)
{
    (void)state;
    zl_scene_wait(&scene, ZL_SCENE_A, 1);
    scene.view.unbroken_ms = 1000;
    scene.clusters[ZL_SCENE_B].beaten = false;
    assert_string_equal(zl_scene_steps(&scene), "");
    scene.clusters[ZL_SCENE_B].silent_ms = 181000; /* absent: it is not waited for */
    assert_string_equal(zl_scene_next(&scene), "offered");
    scene.clusters[ZL_SCENE_B].silent_ms = 0;
    scene.view.unbroken_ms = ZL_FLEET_COLD_MS;
    assert_string_equal(zl_scene_next(&scene), "offered");
}

static void test_wrong_4_absent_after_three_periods_and_its_ticket_is_kept(void **state)
{
    (void)state;
    zl_scene_wait(&scene, ZL_SCENE_A, 1);
    zl_scene_wait(&scene, ZL_SCENE_B, 2);
    scene.clusters[ZL_SCENE_A].silent_ms = 180001;
    zl_scene_step(&scene);
    assert_string_equal(scene.ledger.active[0].cluster, "b");
    assert_string_equal(zl_scene_steps(&scene), "told place");
    assert_non_null(strstr(scene.turns[ZL_SCENE_A].why, "absent"));
    assert_int_equal(scene.turns[ZL_SCENE_A].ticket, 1);
}

static void test_wrong_6_what_is_told_comes_from_the_ledger_not_from_a_later_request(void **state)
{
    (void)state;
    zl_scene_slot(&scene, ZL_SCENE_A, 5, false);
    zl_scene_ask(&scene, ZL_SCENE_A, ZL_FLEET_ACCEPT, 5, 77);
    assert_string_equal(zl_scene_step(&scene), "accepted");
    zl_scene_ask(&scene, ZL_SCENE_A, ZL_FLEET_ACCEPT, 5, 78); /* its process is new */
    assert_string_equal(zl_scene_step(&scene), "told");
    assert_int_equal(scene.turns[ZL_SCENE_A].answers, 77);
}

static void test_wrong_7_only_the_very_generation_that_timed_out_is_ended(void **state)
{
    (void)state;
    struct zl_fleet_entry *entry = zl_scene_slot(&scene, ZL_SCENE_A, 5, true);
    entry->elapsed_ms = scene.clusters[ZL_SCENE_A].entry_ms = 10000000;
    scene.turns[ZL_SCENE_A].gen = 2; /* another arbiter extended it */
    assert_string_equal(zl_scene_steps(&scene), "");
}

static void test_what_is_told_never_goes_backwards(void **state)
{
    (void)state;
    zl_scene_slot(&scene, ZL_SCENE_A, 5, true);
    scene.turns[ZL_SCENE_A].gen = 3;
    assert_string_equal(zl_scene_steps(&scene), "");
    scene.turns[ZL_SCENE_A].token = 5;
    scene.turns[ZL_SCENE_A].gen = 1;
    scene.turns[ZL_SCENE_A].answers = 1; /* somebody edited it */
    assert_string_equal(zl_scene_steps(&scene), "told");
}

static void test_wrong_8_resume_has_the_rest_of_the_limit_once_for_each_nonce(void **state)
{
    (void)state;
    struct zl_fleet_entry *entry = zl_scene_slot(&scene, ZL_SCENE_A, 5, true);
    entry->elapsed_ms = 18000;
    scene.clusters[ZL_SCENE_A].entry_ms = 20000;
    zl_scene_ask(&scene, ZL_SCENE_A, ZL_FLEET_RESUME, 5, 900);
    assert_string_equal(zl_scene_step(&scene), "resumed");
    entry = &scene.ledger.active[0];
    assert_int_equal(entry->gen, 2);
    assert_int_equal(entry->limit_ms, 40000);
    assert_int_equal(entry->elapsed_ms, 0);
    assert_int_equal(entry->answers, 900);
    scene.clusters[ZL_SCENE_A].entry_ms = 0;
    assert_string_equal(zl_scene_steps(&scene), "told");
}

static void test_resume_of_another_cluster_or_of_a_turn_that_is_over_is_refused(void **state)
{
    (void)state;
    zl_scene_slot(&scene, ZL_SCENE_A, 5, true);
    zl_scene_ask(&scene, ZL_SCENE_A, ZL_FLEET_RESUME, 5, 900);
    ZL_FLEET_TEXT(scene.members[ZL_SCENE_A].cluster_uid, "another");
    assert_string_equal(zl_scene_steps(&scene), "");
    zl_scene_report(&scene, ZL_SCENE_A, 5, ZL_FLEET_DONE); /* nor may it report */
    assert_string_equal(zl_scene_steps(&scene), "");
    zl_scene_report(&scene, ZL_SCENE_A, 0, ZL_FLEET_NO_OUTCOME);
    ZL_FLEET_TEXT(scene.members[ZL_SCENE_A].cluster_uid, "ua");
    scene.clusters[ZL_SCENE_A].entry_ms = ZL_SCENE_LIMIT_MS;
    scene.ledger.active[0].elapsed_ms = ZL_SCENE_LIMIT_MS;
    assert_string_equal(zl_scene_steps(&scene), "");
}

static void test_extend_is_bounded_and_never_ends_before_what_it_follows(void **state)
{
    (void)state;
    zl_scene_slot(&scene, ZL_SCENE_A, 5, true);
    zl_scene_ask(&scene, ZL_SCENE_A, ZL_FLEET_EXTEND, 5, 900);
    assert_string_equal(zl_scene_steps(&scene), ""); /* maxExtensions is 0 */
    scene.ledger.max_extensions = 1;
    scene.ledger.limit_ms = 1000; /* it was lowered meanwhile */
    scene.clusters[ZL_SCENE_A].entry_ms = 100;
    assert_string_equal(zl_scene_step(&scene), "extended");
    assert_int_equal(scene.ledger.active[0].limit_ms, ZL_SCENE_LIMIT_MS - 100);
    assert_string_equal(zl_scene_step(&scene), "told");
    zl_scene_ask(&scene, ZL_SCENE_A, ZL_FLEET_EXTEND, 5, 901);
    assert_string_equal(zl_scene_steps(&scene), "");
}

static void test_a_report_for_a_token_that_nobody_knows_is_answered(void **state)
{
    (void)state;
    scene.ledger.last_token = 9;
    zl_scene_report(&scene, ZL_SCENE_A, 8, ZL_FLEET_DONE);
    assert_string_equal(zl_scene_steps(&scene), "unknown-answered");
    assert_int_equal(scene.turns[ZL_SCENE_A].ended_token, 8);
    zl_scene_report(&scene, ZL_SCENE_B, 7, ZL_FLEET_FAILED);
    assert_string_equal(zl_scene_steps(&scene), "unknown-failed unknown-answered");
    assert_int_equal(scene.ledger.pause.id, 1);
}

static void test_I3_tokens_grow_with_time_and_above_all_that_was_seen(void **state)
{
    (void)state;
    scene.ledger.last_token = 3;
    zl_scene_wait(&scene, ZL_SCENE_A, 1);
    scene.now.wall_s = 1800000000;
    zl_scene_step(&scene);
    assert_int_equal(scene.ledger.last_token, INT64_C(1800000000) * 65536);
    zl_fleet_entry_remove(&scene.ledger, "a");
    scene.now.wall_s = 1; /* a clock that was set back */
    zl_scene_step(&scene);
    assert_int_equal(scene.ledger.last_token, INT64_C(1800000000) * 65536 + 1);
    zl_fleet_entry_remove(&scene.ledger, "a");
    scene.now = (struct zl_fleet_now){.wall_s = INT64_C(1) << 36, .server_s = 1900000000};
    zl_scene_step(&scene);
    assert_int_equal(scene.ledger.last_token, INT64_C(1900086400) * 65536);
}

static void test_duplicate_members_get_no_offer(void **state)
{
    (void)state;
    zl_scene_wait(&scene, ZL_SCENE_A, 1);
    scene.clusters[ZL_SCENE_A].duplicate = true;
    assert_string_equal(zl_scene_steps(&scene), "place");
    assert_string_equal(scene.turns[ZL_SCENE_A].why, "two clusters use this name");
}

static void test_restored_hub_holds_for_the_longest_limit_that_anyone_knows(void **state)
{
    (void)state;
    scene.ledger.last_token = 9;
    scene.requests[ZL_SCENE_B].seen_token = 30;
    scene.requests[ZL_SCENE_B].spec = (struct zl_fleet_spec){.n = 1, .limit_ms = 600000};
    zl_scene_wait(&scene, ZL_SCENE_A, 1);
    assert_string_equal(zl_scene_step(&scene), "restored");
    assert_int_equal(scene.ledger.last_token, 30);
    assert_int_equal(scene.ledger.hold_ms, 612000);
    assert_int_equal(scene.ledger.restored_serial, 1);
}

/* The arbiter that gave it is gone, its clock was ahead, and no member that is heard has seen it. */
static void test_I3_restored_a_token_that_nobody_remembers_is_not_given_again(void **state)
{
    (void)state;
    scene.ledger.last_token = 3;
    zl_scene_wait(&scene, ZL_SCENE_A, 1);
    scene.now = (struct zl_fleet_now){.wall_s = INT64_C(1) << 36, .server_s = 1900000000};
    zl_scene_step(&scene);
    const int64_t forgotten = scene.ledger.last_token;
    zl_fleet_entry_remove(&scene.ledger, "a");
    scene.ledger.last_token = 3;
    scene.view.older = true;
    scene.now = (struct zl_fleet_now){.wall_s = 7, .server_s = 1900000060};
    assert_string_equal(zl_scene_step(&scene), "restored");
    assert_true(scene.ledger.last_token > forgotten);
    assert_true(scene.ledger.last_token < (INT64_C(1900000061) + 86400) * 65536);
}

static void test_restored_is_witnessed_by_any_member_and_each_is_heard_once(void **state)
{
    (void)state;
    scene.members[ZL_SCENE_C].mark = 4711;
    assert_string_equal(zl_scene_step(&scene), "restored");
    assert_string_equal(zl_scene_step(&scene), "witness-heard");
    assert_int_equal(scene.turns[ZL_SCENE_C].witnessed, 4711);
    scene.view.restored_ms = scene.ledger.hold_ms;
    assert_string_equal(zl_scene_steps(&scene), "restored-over");
    assert_int_equal(scene.ledger.restored_serial, 0);
    scene.view.older = true; /* and by this arbiter itself */
    assert_string_equal(zl_scene_step(&scene), "restored");
}

static void test_restored_claims_are_adopted_beyond_n_and_replace_older_entries(void **state)
{
    (void)state;
    zl_scene_slot(&scene, ZL_SCENE_A, 5, true);
    zl_scene_slot(&scene, ZL_SCENE_B, 6, true);
    scene.ledger.restored_serial = 1;
    scene.ledger.hold_ms = 60000;
    scene.ledger.last_token = 9;
    zl_scene_ask(&scene, ZL_SCENE_A, ZL_FLEET_CLAIM, 9, 900);
    scene.requests[ZL_SCENE_A].gen = 2;
    scene.requests[ZL_SCENE_A].rest_ms = 33000;
    assert_string_equal(zl_scene_step(&scene), "adopted");
    const struct zl_fleet_entry *entry = zl_fleet_entry_of(&scene.ledger, "a");
    assert_int_equal(entry->token, 9);
    assert_int_equal(entry->gen, 3);
    assert_int_equal(entry->limit_ms, 33000);
    assert_int_equal(scene.ledger.active_count, 2);
    assert_string_equal(zl_scene_steps(&scene), "told");
}

static void test_restored_nothing_expires(void **state)
{
    (void)state;
    struct zl_fleet_entry *entry = zl_scene_slot(&scene, ZL_SCENE_A, 5, true);
    entry->elapsed_ms = scene.clusters[ZL_SCENE_A].entry_ms = 10000000;
    scene.ledger.restored_serial = 1;
    scene.ledger.hold_ms = 60000;
    assert_string_equal(zl_scene_steps(&scene), "");
}

static void test_the_strictest_spec_counts_until_a_person_sets_it(void **state)
{
    (void)state;
    scene.ledger.set = false;
    static const struct zl_fleet_spec specs[] = {
        {.n = 5, .limit_ms = 1800000, .max_failures = -1, .round = "cve"},
        {.n = 3, .limit_ms = 3600000, .max_failures = 0, .round = "cve"},
        {.n = 9, .limit_ms = 1900000, .max_failures = 2, .round = "new"}};
    for (int i = 0; i < ZL_SCENE_CLUSTERS; i++) {
        scene.requests[i].spec = specs[i];
    }
    assert_string_equal(zl_scene_steps(&scene), "spec");
    assert_int_equal(scene.ledger.n, 3);
    assert_int_equal(scene.ledger.limit_ms, 1800000);
    assert_int_equal(scene.ledger.max_failures, 0);
    assert_true(scene.ledger.spec_differs);
    assert_string_equal(scene.ledger.round, "cve");
    scene.requests[ZL_SCENE_A].spec = specs[2]; /* the roll-out goes on: most name the new round */
    assert_string_equal(zl_scene_steps(&scene), "spec");
    assert_string_equal(scene.ledger.round, "new");
    scene.ledger.set = true;
    scene.ledger.n = 8;
    assert_string_equal(zl_scene_steps(&scene), "");
}

static void test_the_ledger_is_opened_by_what_the_clusters_say(void **state)
{
    (void)state;
    scene.view.ledger = NULL;
    assert_string_equal(zl_scene_next(&scene), ""); /* nobody says anything */
    scene.requests[ZL_SCENE_A].spec =
        (struct zl_fleet_spec){.n = 5, .limit_ms = 1800000, .round = "cve"};
    zl_fleet_ledger_clear(&scene.ledger);
    assert_string_equal(zl_scene_step(&scene), "opened");
    assert_int_equal(scene.ledger.n, 5);
    assert_int_equal(scene.ledger.next_ticket, 1);
}

static void test_places_are_told_when_they_halve_not_at_each_hand_over(void **state)
{
    (void)state;
    scene.ledger.n = 0;
    zl_scene_wait(&scene, ZL_SCENE_A, 1);
    zl_scene_wait(&scene, ZL_SCENE_B, 2);
    zl_scene_wait(&scene, ZL_SCENE_C, 3);
    scene.turns[ZL_SCENE_B].position = 3;
    scene.turns[ZL_SCENE_C].position = 5;
    assert_string_equal(zl_scene_steps(&scene), "");
    scene.turns[ZL_SCENE_C].position = 6;
    assert_string_equal(zl_scene_steps(&scene), "place");
    assert_int_equal(scene.turns[ZL_SCENE_C].position, 3);
}

#define RULE(test) cmocka_unit_test_setup_teardown(test, open_scene, close_scene)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(test_want_reserves_its_ticket_in_the_ledger_before_it_is_told),
        RULE(test_tickets_are_given_in_the_order_in_which_they_were_wanted),
        RULE(test_a_free_slot_does_not_wait_for_the_tickets_of_who_has_just_come),
        RULE(test_want_of_a_turn_that_has_ended_is_no_new_one),
        RULE(test_offer_goes_to_the_fewest_turns_then_the_oldest_ticket),
        RULE(test_turns_of_another_round_do_not_count),
        RULE(test_I1_nothing_is_offered_beyond_n_in_a_pause_or_on_a_restored_hub),
        RULE(test_I1_fewer_slots_than_turns_end_no_turn),
        RULE(test_nothing_is_offered_for_which_the_ledger_has_no_room),
        RULE(test_accept_makes_the_offer_active_with_its_nonce_then_tells),
        RULE(test_accept_of_another_offer_or_in_a_pause_is_none),
        RULE(test_decline_and_silence_keep_the_ticket_and_wait_longer_each_time),
        RULE(test_silence_does_not_count_while_the_hub_was_away),
        RULE(test_released_offer_counts_no_turn_and_raises_the_ended_token),
        RULE(test_report_for_an_offer_ends_it_without_a_failure),
        RULE(test_released_while_waiting_leaves_the_queue),
        RULE(test_done_is_told_first_and_completed_once),
        RULE(test_I5_a_failure_counts_and_pauses_in_the_swap_that_ends_it),
        RULE(test_failures_pause_only_beyond_max_failures),
        RULE(test_one_more_failure_gives_the_pause_a_new_id),
        RULE(test_expired_after_limit_and_grace_is_a_failure),
        RULE(test_a_slot_whose_leases_were_deleted_is_told_again_and_expires),
        RULE(test_wrong_1_a_turn_expires_only_after_an_unbroken_watch),
        RULE(test_wrong_1_a_late_done_takes_the_failure_back_once_and_the_pause_stays),
        RULE(test_wrong_2_what_has_gone_by_is_written_down_every_tenth),
        RULE(test_wrong_3_a_cold_arbiter_offers_when_all_that_live_have_beaten),
        RULE(test_wrong_4_absent_after_three_periods_and_its_ticket_is_kept),
        RULE(test_wrong_6_what_is_told_comes_from_the_ledger_not_from_a_later_request),
        RULE(test_wrong_7_only_the_very_generation_that_timed_out_is_ended),
        RULE(test_what_is_told_never_goes_backwards),
        RULE(test_wrong_8_resume_has_the_rest_of_the_limit_once_for_each_nonce),
        RULE(test_resume_of_another_cluster_or_of_a_turn_that_is_over_is_refused),
        RULE(test_extend_is_bounded_and_never_ends_before_what_it_follows),
        RULE(test_a_report_for_a_token_that_nobody_knows_is_answered),
        RULE(test_I3_tokens_grow_with_time_and_above_all_that_was_seen),
        RULE(test_duplicate_members_get_no_offer),
        RULE(test_restored_hub_holds_for_the_longest_limit_that_anyone_knows),
        RULE(test_I3_restored_a_token_that_nobody_remembers_is_not_given_again),
        RULE(test_restored_is_witnessed_by_any_member_and_each_is_heard_once),
        RULE(test_restored_claims_are_adopted_beyond_n_and_replace_older_entries),
        RULE(test_restored_nothing_expires),
        RULE(test_the_strictest_spec_counts_until_a_person_sets_it),
        RULE(test_the_ledger_is_opened_by_what_the_clusters_say),
        RULE(test_places_are_told_when_they_halve_not_at_each_hand_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
