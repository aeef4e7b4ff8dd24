/* SPDX-License-Identifier: Apache-2.0 */
/* What a cluster asks for, and when it may act. */
#include "common/base/backoff.h"
#include "common/fleet/member.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { LIMIT_MS = 60000, MARGIN_MS = 3000 };

static struct zl_fleet_agent agent;
static struct zl_fleet_intent intent;
static struct zl_fleet_turn turn;
static int64_t nonces, now_ms;

static int begin(void **state)
{
    (void)state;
    zl_fleet_agent_begin(&agent, "pool", NULL);
    intent = (struct zl_fleet_intent){.wants = true, .is_ready = true};
    turn = (struct zl_fleet_turn){.pool = "pool"};
    nonces = 100;
    now_ms = 1000000;
    return 0;
}

/* It sees `turn`, and says what it asks for. */
static const char *next(void)
{
    bool forgotten = zl_fleet_agent_is_forgotten(&agent, &turn, now_ms);
    zl_fleet_agent_see(&agent, &turn);
    (void)zl_fleet_member_next(&agent, &intent, forgotten, ++nonces, now_ms);
    return zl_fleet_verb_name(agent.request.verb);
}

static void tell(enum zl_fleet_state state, int64_t token, int64_t gen, int64_t answers)
{
    turn.state = state;
    turn.token = token;
    turn.gen = gen;
    turn.answers = answers;
    turn.limit_ms = LIMIT_MS;
}

/* It has accepted the offer 5, and the turn is its. */
static void activate(void)
{
    tell(ZL_FLEET_OFFERED, 5, 0, 0);
    assert_string_equal(next(), "accept");
    tell(ZL_FLEET_ACTIVE, 5, 1, agent.request.nonce);
    assert_string_equal(next(), "accept");
}

static void test_it_asks_once_and_names_the_turn_that_it_follows(void **state)
{
    (void)state;
    turn.ended_token = 3;
    assert_string_equal(next(), "want");
    assert_int_equal(agent.request.token, 3);
    int64_t nonce = agent.request.nonce;
    assert_string_equal(next(), "want");
    assert_int_equal(agent.request.nonce, nonce);
    intent.wants = false;
    assert_string_equal(next(), "");
    intent.wants = true; /* another want has another nonce */
    assert_string_equal(next(), "want");
    assert_int_not_equal(agent.request.nonce, nonce);
}

static void test_it_never_acts_on_an_offer(void **state)
{
    (void)state;
    tell(ZL_FLEET_OFFERED, 5, 0, 0);
    assert_string_equal(next(), "accept");
    turn.answers = agent.request.nonce;
    zl_fleet_agent_see(&agent, &turn);
    assert_false(zl_fleet_may_act(&agent, now_ms, NULL));
}

static void test_it_acts_from_before_it_asked_until_the_limit_less_the_margin(void **state)
{
    (void)state;
    int64_t until_ms = 0, asked_ms = now_ms;
    tell(ZL_FLEET_OFFERED, 5, 0, 0);
    assert_string_equal(next(), "accept");
    now_ms += 20000; /* the answer took long */
    tell(ZL_FLEET_ACTIVE, 5, 1, agent.request.nonce);
    assert_string_equal(next(), "accept");
    assert_true(zl_fleet_may_act(&agent, now_ms, &until_ms));
    assert_int_equal(until_ms, asked_ms + LIMIT_MS - MARGIN_MS);
    assert_true(zl_fleet_may_act(&agent, until_ms - 1, NULL));
    assert_false(zl_fleet_may_act(&agent, until_ms, NULL));
}

static void test_the_margin_is_a_twentieth_and_at_most_ten_seconds(void **state)
{
    (void)state;
    assert_int_equal(zl_fleet_margin_ms(60000), 3000);
    assert_int_equal(zl_fleet_margin_ms(1800000), 10000);
    assert_int_equal(zl_fleet_grace_ms(10000), 1000);
    assert_int_equal(zl_fleet_grace_ms(1800000), 36000);
}

static void test_it_does_not_act_on_the_answer_to_another_process(void **state)
{
    (void)state;
    activate();
    struct zl_fleet_request own = agent.request;
    zl_fleet_agent_begin(&agent, "pool", &own);
    assert_string_equal(next(), "resume");
    assert_int_equal(agent.request.token, 5);
    assert_false(zl_fleet_may_act(&agent, now_ms, NULL));
    int64_t nonce = agent.request.nonce;
    assert_string_equal(next(), "resume");
    assert_int_equal(agent.request.nonce, nonce);
    tell(ZL_FLEET_ACTIVE, 5, 2, nonce);
    turn.limit_ms = 30000; /* the rest */
    next();
    int64_t until_ms = 0;
    assert_true(zl_fleet_may_act(&agent, now_ms, &until_ms));
    assert_int_equal(until_ms, now_ms + 30000 - 1500);
}

static void test_an_unready_cluster_declines_before_its_turn_and_then_wants_again(void **state)
{
    (void)state;
    intent.is_ready = false;
    intent.not_ready = "Job rotate is suspended";
    assert_string_equal(next(), "want");
    tell(ZL_FLEET_OFFERED, 5, 0, 0);
    assert_string_equal(next(), "decline");
    assert_string_equal(agent.request.reason, "Job rotate is suspended");
    tell(ZL_FLEET_WAITING, 5, 0, 0);
    assert_string_equal(next(), "decline");
    intent.is_ready = true;
    assert_string_equal(next(), "want");
}

static void test_an_unready_cluster_that_has_its_place_keeps_no_slot_by_an_offer(void **state)
{
    (void)state;
    intent.is_ready = false;
    intent.not_ready = "disk is full";
    assert_string_equal(next(), "want"); /* for a place */
    tell(ZL_FLEET_WAITING, 0, 0, 0);
    turn.ticket = 1;
    assert_string_equal(next(), "decline");
    assert_string_equal(agent.request.reason, "disk is full");
    int64_t asked = agent.request.nonce;
    assert_string_equal(next(), "decline");
    assert_int_equal(agent.request.nonce, asked); /* once */
    intent.not_ready = "somebody is at it";
    assert_string_equal(next(), "decline");
    assert_string_equal(agent.request.reason, "somebody is at it");
    assert_int_equal(agent.request.nonce, asked);
    intent.is_ready = true;
    assert_string_equal(next(), "want");
    tell(ZL_FLEET_OFFERED, 5, 0, 0);
    assert_string_equal(next(), "accept");
}

static void test_a_report_ends_acting_at_once_and_the_want_waits_behind_it(void **state)
{
    (void)state;
    activate();
    intent.outcome = ZL_FLEET_DONE;
    intent.outcome_token = 5;
    assert_string_equal(next(), "");
    assert_int_equal(agent.request.report.token, 5);
    assert_false(zl_fleet_may_act(&agent, now_ms, NULL));
    assert_string_equal(next(), "");
    tell(ZL_FLEET_IDLE, 5, 1, turn.answers);
    turn.ended_token = 5;
    turn.outcome = ZL_FLEET_EXPIRED; /* it was taken for a failure: not answered yet */
    assert_string_equal(next(), "");
    turn.outcome = ZL_FLEET_DONE_LATE;
    assert_string_equal(next(), "want");
    assert_int_equal(agent.request.token, 5);
    assert_int_equal(agent.request.report.token, 5); /* it stays, for a hub that is restored */
}

static void test_a_new_process_keeps_the_report_and_does_not_resume_what_is_done(void **state)
{
    (void)state;
    activate();
    intent.outcome = ZL_FLEET_DONE;
    intent.outcome_token = 5;
    next();
    struct zl_fleet_request own = agent.request;
    intent.outcome = ZL_FLEET_NO_OUTCOME;
    intent.wants = false;
    zl_fleet_agent_begin(&agent, "pool", &own);
    assert_string_equal(next(), "");
    assert_int_equal(agent.request.report.outcome, ZL_FLEET_DONE);
    assert_false(zl_fleet_may_act(&agent, now_ms, NULL));
}

static void test_a_turn_that_nothing_is_left_for_is_released(void **state)
{
    (void)state;
    activate();
    intent.wants = false;
    assert_string_equal(next(), "");
    assert_int_equal(agent.request.report.outcome, ZL_FLEET_RELEASED);
    assert_int_equal(agent.request.report.token, 5);
}

static void test_an_extension_is_asked_for_once_in_a_generation(void **state)
{
    (void)state;
    activate();
    intent.extends = true;
    assert_string_equal(next(), "extend");
    int64_t nonce = agent.request.nonce;
    assert_true(zl_fleet_may_act(&agent, now_ms, NULL)); /* by what it had */
    next();
    assert_int_equal(agent.request.nonce, nonce);
    tell(ZL_FLEET_ACTIVE, 5, 2, nonce);
    next();
    assert_true(zl_fleet_may_act(&agent, now_ms + LIMIT_MS - MARGIN_MS - 1, NULL));
}

static void test_what_a_restored_hub_forgot_is_claimed_with_what_is_left(void **state)
{
    (void)state;
    activate();
    now_ms += 20000;
    struct zl_fleet_turn active = turn;
    turn = (struct zl_fleet_turn){.pool = "pool", .state = ZL_FLEET_IDLE, .token = 3};
    turn.ended_token = 3;
    assert_string_equal(next(), "claim");
    assert_true(zl_fleet_may_act(&agent, now_ms, NULL));
    assert_int_equal(agent.request.token, 5);
    assert_int_equal(agent.request.gen, 1);
    assert_int_equal(agent.request.rest_ms, LIMIT_MS - 20000);
    assert_int_equal(agent.request.seen_token, 5);
    active.gen = 2;
    active.answers = agent.request.nonce;
    active.limit_ms = LIMIT_MS - 20000;
    turn = active;
    next();
    assert_true(zl_fleet_may_act(&agent, now_ms, NULL));
    now_ms += LIMIT_MS;
    assert_false(zl_fleet_may_act(&agent, now_ms, NULL));
}

static void test_an_older_hub_is_noticed_by_the_own_lease_alone(void **state)
{
    (void)state;
    struct zl_fleet_member found = {.beat = 7, .cluster_uid = "u"};
    assert_false(zl_fleet_hub_is_older(0, "u", NULL)); /* nothing was written yet */
    assert_true(zl_fleet_hub_is_older(7, "u", NULL));
    assert_false(zl_fleet_hub_is_older(7, "u", &found));
    assert_true(zl_fleet_hub_is_older(8, "u", &found));
    assert_false(zl_fleet_hub_is_older(8, "v", &found)); /* a duplicate wrote it */
}

/* A thousand clusters that lose their hub at one moment: no second of the next minute has to bear many of them. */
static void test_wrong_5_reconnects_are_spread_over_a_minute(void **state)
{
    (void)state;
    int64_t of_second[64] = {0};
    uint64_t random = 1;
    for (int i = 0; i < 1000; i++) {
        random ^= random << 13; /* xorshift64 */
        random ^= random >> 7;
        random ^= random << 17;
        int64_t delay_ms =
            zl_spread_ms(ZL_FLEET_RECONNECT_LEAST_MS, ZL_FLEET_RECONNECT_MAX_MS, random);
        assert_in_range(delay_ms, 1000, 60000);
        of_second[delay_ms / 1000]++;
    }
    for (int second = 1; second < 60; second++) {
        assert_in_range(of_second[second], 1, 50);
    }
}

#define CASE(test) cmocka_unit_test_setup(test, begin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_it_asks_once_and_names_the_turn_that_it_follows),
        CASE(test_it_never_acts_on_an_offer),
        CASE(test_it_acts_from_before_it_asked_until_the_limit_less_the_margin),
        CASE(test_the_margin_is_a_twentieth_and_at_most_ten_seconds),
        CASE(test_it_does_not_act_on_the_answer_to_another_process),
        CASE(test_an_unready_cluster_declines_before_its_turn_and_then_wants_again),
        CASE(test_an_unready_cluster_that_has_its_place_keeps_no_slot_by_an_offer),
        CASE(test_a_report_ends_acting_at_once_and_the_want_waits_behind_it),
        CASE(test_a_new_process_keeps_the_report_and_does_not_resume_what_is_done),
        CASE(test_a_turn_that_nothing_is_left_for_is_released),
        CASE(test_an_extension_is_asked_for_once_in_a_generation),
        CASE(test_what_a_restored_hub_forgot_is_claimed_with_what_is_left),
        CASE(test_an_older_hub_is_noticed_by_the_own_lease_alone),
        CASE(test_wrong_5_reconnects_are_spread_over_a_minute),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
