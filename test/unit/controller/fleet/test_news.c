/* SPDX-License-Identifier: Apache-2.0 */
/* What Events tell of a cluster's turn and of its fleet, and what metrics show of both. */
#include "controller/fleet/news.h"

#include "common/base/memory.h"
#include "controller/fleet/arbiter_metrics.h"
#include "controller/fleet/member_metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct zl_fleet_heard heard;
static struct zl_fleet_agent agent;
static struct zl_fleet_ledger ledger;
static struct zl_fleet_item items[ZL_FLEET_NEWS_MAX];

static int start(void **state)
{
    (void)state;
    memset(&heard, 0, sizeof heard);
    memset(&agent, 0, sizeof agent);
    memset(&ledger, 0, sizeof ledger);
    zl_fleet_agent_begin(&agent, "p", NULL);
    return 0;
}

/* There is one item: REASON, and its message has TEXT. */
static void tells(const char *reason, bool warning, const char *text)
{
    size_t count = zl_fleet_news(&heard, &agent, &ledger, 1000, items);
    if (count != 1) {
        fail_msg("%zu items in the place of %s", count, reason);
    }
    assert_string_equal(items[0].reason, reason);
    assert_int_equal(items[0].warning, warning);
    if (strstr(items[0].message, text) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", items[0].message, text);
    }
    assert_int_equal(zl_fleet_news(&heard, &agent, &ledger, 1000, items), 0); /* once */
}

static void tells_nothing(void)
{
    assert_int_equal(zl_fleet_news(&heard, &agent, &ledger, 1000, items), 0);
}

static void end(int64_t token, enum zl_fleet_outcome outcome)
{
    agent.turn.state = ZL_FLEET_IDLE;
    agent.turn.ended_token = token;
    agent.turn.outcome = outcome;
}

static void test_a_turn_is_told_from_its_offer_to_its_end(void **state)
{
    (void)state;
    tells_nothing();
    agent.turn.state = ZL_FLEET_OFFERED;
    agent.turn.token = 7;
    tells("TurnOffered", false, "turn 7");
    agent.turn.state = ZL_FLEET_ACTIVE;
    agent.turn.answers = 5;
    agent.turn.limit_ms = 60000;
    tells_nothing(); /* it answers nothing of this process: it may not act */
    agent.sent[0].nonce = 5;
    agent.sent[0].boot_ms = 1000;
    tells("TurnBegan", false, "lasts 57 s at most");
    end(7, ZL_FLEET_DONE);
    tells("TurnDone", false, "turn 7 is done");
}

static void test_a_failure_is_told_with_its_reason_and_taken_back_when_it_was_none(void **state)
{
    (void)state;
    agent.turn.token = 7;
    tells_nothing();
    agent.request.report =
        (struct zl_fleet_report){.token = 7, .outcome = ZL_FLEET_FAILED, .reason = "no space"};
    end(7, ZL_FLEET_FAILED);
    tells("TurnFailed", true, "no space");
    end(9, ZL_FLEET_EXPIRED);
    tells("TurnFailed", true, "time ran out");
    end(9, ZL_FLEET_DONE_LATE);
    tells("TurnDone", false, "taken back");
    end(11, ZL_FLEET_RELEASED);
    tells("TurnReleased", false, "turn 11");
}

static void test_what_ended_before_this_process_began_is_no_news(void **state)
{
    (void)state;
    end(7, ZL_FLEET_FAILED);
    tells_nothing();
}

static void test_a_pause_is_told_with_who_and_why_and_each_once(void **state)
{
    (void)state;
    zl_fleet_pause(&ledger, "ann", "error rate", 1);
    tells("FleetPaused", true, "by ann (1): error rate");
    zl_fleet_pause(&ledger, "the arbiter", "", 2); /* another failure */
    tells("FleetPaused", true, "(2): no reason was given");
    assert_true(zl_fleet_resume(&ledger, 2));
    tells("FleetResumed", false, "resumed");
}

static void expect(const char *line)
{
    struct zl_buf out;
    zl_buf_init(&out, 100000);
    zl_metrics_write(&out);
    ZL_AUTO_FREE char *text = zl_buf_take(&out);
    if (strstr(text, line) == NULL) {
        fail_msg("no line %s in:\n%s", line, text);
    }
}

static void test_the_acting_arbiter_shows_its_fleets_and_one_that_stands_by_none(void **state)
{
    (void)state;
    static const struct zl_metric *const *const lists[] = {ZL_ARBITER_METRICS, NULL};
    struct zl_fleet_turn waits = {.state = ZL_FLEET_WAITING}, acts = {.state = ZL_FLEET_ACTIVE};
    struct zl_fleet_member member = {.period_ms = 60000};
    struct zl_fleet_cluster clusters[] = {
        {.name = "a", .turn = &acts, .member = &member},
        {.name = "b", .turn = &waits, .member = &member, .silent_ms = 180001},
        {.name = "c", .member = NULL}}; /* it was told nothing: nobody misses it */
    struct zl_fleet_view view = {.pool = "p", .ledger = &ledger, .clusters = clusters, .count = 3};
    static const enum zl_fleet_outcome ended[] = {ZL_FLEET_FAILED, ZL_FLEET_NO_OUTCOME,
                                                  ZL_FLEET_EXPIRED, ZL_FLEET_DONE};
    ledger.n = 5;
    zl_fleet_pause(&ledger, "ann", "", 1);
    zl_metrics_register_all(lists);
    struct zl_arbiter_gauges *gauges = zl_arbiter_gauges_new();
    zl_arbiter_gauges_add(gauges, &view);
    zl_arbiter_gauges_show(gauges, "zen-fleet", true);
    for (size_t i = 0; i < sizeof ended / sizeof ended[0]; i++) {
        zl_arbiter_count_turn(ended[i]);
    }
    expect("zen_lead_fleet_arbiter_is_leader{namespace=\"zen-fleet\"} 1\n");
    expect("zen_lead_fleet_clusters{pool=\"p\",state=\"active\"} 1\n");
    expect("zen_lead_fleet_clusters{pool=\"p\",state=\"waiting\"} 1\n");
    expect("zen_lead_fleet_clusters{pool=\"p\",state=\"idle\"} 1\n");
    expect("zen_lead_fleet_clusters_absent{pool=\"p\"} 1\n");
    expect("zen_lead_fleet_max_active{pool=\"p\"} 5\n");
    expect("zen_lead_fleet_paused{pool=\"p\"} 1\n");
    expect("zen_lead_fleet_turns_total{result=\"failed\"} 2\n");
    expect("zen_lead_fleet_turns_total{result=\"done\"} 1\n");
    expect("zen_lead_fleet_turns_total{result=\"late\"} 0\n");
    zl_arbiter_gauges_show(zl_arbiter_gauges_new(), "zen-fleet", false);
    expect("zen_lead_fleet_arbiter_is_leader{namespace=\"zen-fleet\"} 0\n");
    assert_true(zl_metric_value(lists[0][1], "p", "active") == 0);
    zl_metrics_reset();
}

static void test_a_cluster_shows_its_phase_place_and_what_nobody_answers(void **state)
{
    (void)state;
    static const struct zl_metric *const *const lists[] = {ZL_MEMBER_METRICS, NULL};
    zl_metrics_register_all(lists);
    agent.turn.state = ZL_FLEET_WAITING;
    agent.turn.position = 3;
    ledger.spec_differs = true;
    struct zl_member_gauges *gauges = zl_member_gauges_new();
    zl_member_gauges_add(gauges, &agent, "Waiting", &ledger, 2500, 1000);
    zl_member_gauges_show(gauges, "east", true);
    expect("zen_lead_fleet_hub_reached{cluster=\"east\"} 1\n");
    expect("zen_lead_fleet_phase{pool=\"p\",phase=\"Waiting\"} 1\n");
    expect("zen_lead_fleet_phase{pool=\"p\",phase=\"Active\"} 0\n");
    expect("zen_lead_fleet_position{pool=\"p\"} 3\n");
    expect("zen_lead_fleet_unanswered_seconds{pool=\"p\"} 2.5\n");
    expect("zen_lead_fleet_seen_paused{pool=\"p\"} 0\n");
    expect("zen_lead_fleet_seen_spec_differs{pool=\"p\"} 1\n");
    zl_metrics_reset();
}

static void test_what_is_asked_is_open_until_the_turn_answers_it(void **state)
{
    (void)state;
    static const struct {
        enum zl_fleet_verb verb;
        enum zl_fleet_state state;
        int64_t answers;
        bool open;
    } cases[] = {
        {ZL_FLEET_NOTHING, ZL_FLEET_IDLE, 0, false},
        {ZL_FLEET_WANT, ZL_FLEET_IDLE, 0, true},
        {ZL_FLEET_WANT, ZL_FLEET_WAITING, 0, false}, /* a place is an answer */
        {ZL_FLEET_ACCEPT, ZL_FLEET_OFFERED, 0, true},
        {ZL_FLEET_ACCEPT, ZL_FLEET_WAITING, 0, false}, /* it was withdrawn */
        {ZL_FLEET_ACCEPT, ZL_FLEET_ACTIVE, 5, false},
        {ZL_FLEET_RESUME, ZL_FLEET_ACTIVE, 4, true},
        {ZL_FLEET_RESUME, ZL_FLEET_ACTIVE, 5, false},
        {ZL_FLEET_DECLINE, ZL_FLEET_OFFERED, 0, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        agent.request.verb = cases[i].verb;
        agent.request.nonce = 5;
        agent.request.token = agent.turn.token = 7;
        agent.turn.state = cases[i].state;
        agent.turn.answers = cases[i].answers;
        if (zl_fleet_is_unanswered(&agent) != cases[i].open) {
            fail_msg("case %zu", i);
        }
    }
    agent.request.verb = ZL_FLEET_NOTHING;
    agent.request.report = (struct zl_fleet_report){.token = 7, .outcome = ZL_FLEET_DONE};
    assert_true(zl_fleet_is_unanswered(&agent));
    agent.turn.ended_token = 7;
    agent.turn.outcome = ZL_FLEET_DONE;
    assert_false(zl_fleet_is_unanswered(&agent));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_turn_is_told_from_its_offer_to_its_end, start),
        cmocka_unit_test_setup(
            test_a_failure_is_told_with_its_reason_and_taken_back_when_it_was_none, start),
        cmocka_unit_test_setup(test_what_ended_before_this_process_began_is_no_news, start),
        cmocka_unit_test_setup(test_a_pause_is_told_with_who_and_why_and_each_once, start),
        cmocka_unit_test_setup(test_the_acting_arbiter_shows_its_fleets_and_one_that_stands_by_none,
                               start),
        cmocka_unit_test_setup(test_a_cluster_shows_its_phase_place_and_what_nobody_answers, start),
        cmocka_unit_test_setup(test_what_is_asked_is_open_until_the_turn_answers_it, start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
