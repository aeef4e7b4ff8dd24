/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/gatekeeper/decide.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct zl_workload THREE = {.replicas = 3, .pool = (char[]){"web"}};
static const struct zl_workload ONE = {.replicas = 1, .pool = (char[]){"web"}};
static const struct zl_policy SCALE_DOWN = {.lease_duration_s = 15};
static const struct zl_policy STANDBY = {.lease_duration_s = 15, .standby = true};

#define MEMORY .workload = &THREE, .policy = &SCALE_DOWN
#define LIVE MEMORY, .live = true

struct row {
    const char *name;
    struct zl_facts facts;
    enum zl_step step;
    enum zl_outcome outcome;
};

static const struct row ROWS[] = {
    {"no pool", {.policy = &SCALE_DOWN}, ZL_STEP_ANSWER, ZL_OUTCOME_NOT_IN_POOL},
    {"static pod",
     {.workload = &THREE, .policy = &SCALE_DOWN, .is_static = true},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_STATIC_POD},
    {"no policy", {.workload = &THREE}, ZL_STEP_ANSWER, ZL_OUTCOME_POLICY_MISSING},
    {"one replica",
     {.workload = &ONE, .policy = &SCALE_DOWN, .seat = ZL_SEAT_HELD},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_SINGLE_REPLICA},
    {"standby",
     {.workload = &THREE, .policy = &STANDBY, .seat = ZL_SEAT_HELD},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_STANDBY},

    /* From memory: only a steady holder is an answer. */
    {"memory: held",
     {.workload = &THREE, .policy = &SCALE_DOWN, .seat = ZL_SEAT_HELD},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_FOLLOWER},
    {"memory: holder terminating",
     {.workload = &THREE, .policy = &SCALE_DOWN, .seat = ZL_SEAT_HELD, .holder_terminating = true},
     ZL_STEP_READ,
     ZL_OUTCOME_CLAIM_PENDING},
    {"memory: this very pod holds it",
     {.workload = &THREE, .policy = &SCALE_DOWN, .seat = ZL_SEAT_HELD, .is_holder = true},
     ZL_STEP_READ,
     ZL_OUTCOME_CLAIM_PENDING},
    {"memory: holder unknown",
     {.workload = &THREE, .policy = &SCALE_DOWN, .seat = ZL_SEAT_UNKNOWN},
     ZL_STEP_READ,
     ZL_OUTCOME_CLAIM_PENDING},
    {"memory: empty is never enough to let a pod in",
     {.workload = &THREE, .policy = &SCALE_DOWN, .seat = ZL_SEAT_EMPTY},
     ZL_STEP_READ,
     ZL_OUTCOME_CLAIM_PENDING},
    {"memory: absent",
     {.workload = &THREE, .policy = &SCALE_DOWN, .seat = ZL_SEAT_ABSENT},
     ZL_STEP_READ,
     ZL_OUTCOME_CLAIM_PENDING},
    {"memory: abandoned",
     {.workload = &THREE, .policy = &SCALE_DOWN, .seat = ZL_SEAT_ABANDONED},
     ZL_STEP_READ,
     ZL_OUTCOME_CLAIM_PENDING},

    /* Live. */
    {"live: held",
     {.workload = &THREE, .policy = &SCALE_DOWN, .live = true, .seat = ZL_SEAT_HELD},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_FOLLOWER},
    {"live: this very pod holds it (the API server asked twice)",
     {.workload = &THREE,
      .policy = &SCALE_DOWN,
      .live = true,
      .seat = ZL_SEAT_UNKNOWN,
      .is_holder = true},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_IS_LEADER},
    {"live: a young claim of another pod",
     {.workload = &THREE, .policy = &SCALE_DOWN, .live = true, .seat = ZL_SEAT_PROVISIONAL},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_CLAIM_PENDING},
    {"live: released",
     {.workload = &THREE,
      .policy = &SCALE_DOWN,
      .live = true,
      .seat = ZL_SEAT_EMPTY,
      .may_lead = true},
     ZL_STEP_CLAIM,
     ZL_OUTCOME_CLAIMED},
    {"live: emptied by hand while a pod runs",
     {.workload = &THREE,
      .policy = &SCALE_DOWN,
      .live = true,
      .seat = ZL_SEAT_EMPTY,
      .other_pod_lives = true},
     ZL_STEP_ADOPT,
     ZL_OUTCOME_ADOPTED},
    {"live: holder is dead",
     {.workload = &THREE,
      .policy = &SCALE_DOWN,
      .live = true,
      .seat = ZL_SEAT_ABANDONED,
      .may_lead = true},
     ZL_STEP_CLAIM,
     ZL_OUTCOME_CLAIMED},
    {"live: holder is dead, another pod slipped past earlier",
     {.workload = &THREE,
      .policy = &SCALE_DOWN,
      .live = true,
      .seat = ZL_SEAT_ABANDONED,
      .other_pod_lives = true},
     ZL_STEP_ADOPT,
     ZL_OUTCOME_ADOPTED},
    {"live: no Lease and nothing runs",
     {.workload = &THREE,
      .policy = &SCALE_DOWN,
      .live = true,
      .seat = ZL_SEAT_ABSENT,
      .may_lead = true},
     ZL_STEP_CLAIM,
     ZL_OUTCOME_CLAIMED},
    {"live: no Lease, but a pod runs",
     {.workload = &THREE,
      .policy = &SCALE_DOWN,
      .live = true,
      .seat = ZL_SEAT_ABSENT,
      .other_pod_lives = true},
     ZL_STEP_ADOPT,
     ZL_OUTCOME_ADOPTED},
    {"live: no Lease, but a claim was seen a moment ago",
     {.workload = &THREE,
      .policy = &SCALE_DOWN,
      .live = true,
      .seat = ZL_SEAT_ABSENT,
      .claim_in_flight = true},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_CLAIM_PENDING},
    {"live: emptied by somebody, and a claim may be under way",
     {.workload = &THREE,
      .policy = &SCALE_DOWN,
      .live = true,
      .seat = ZL_SEAT_EMPTY,
      .may_lead = true,
      .claim_in_flight = true},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_CLAIM_PENDING},
    {"live: not known even live",
     {.workload = &THREE, .policy = &SCALE_DOWN, .live = true, .seat = ZL_SEAT_UNKNOWN},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_UNREACHABLE},

    /* A rollout, from memory: what may be a successor is worth asking for, no more. */
    {"memory: held, but the pod may be a successor",
     {MEMORY, .seat = ZL_SEAT_HELD, .may_succeed = true},
     ZL_STEP_READ,
     ZL_OUTCOME_CLAIM_PENDING},
    {"memory: this very pod is the successor",
     {MEMORY, .seat = ZL_SEAT_HELD, .is_successor = true},
     ZL_STEP_READ,
     ZL_OUTCOME_CLAIM_PENDING},

    /* A rollout, live: beside a leader. */
    {"live: the place beside the leader is free",
     {LIVE, .seat = ZL_SEAT_HELD, .may_succeed = true, .may_lead = true},
     ZL_STEP_SUCCEED,
     ZL_OUTCOME_SUCCESSOR},
    {"live: the place is taken",
     {LIVE, .seat = ZL_SEAT_HELD, .may_succeed = true, .successor_lives = true},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_FOLLOWER},
    {"live: the leader is on its way out: wait for its seat",
     {LIVE, .seat = ZL_SEAT_HELD, .may_succeed = true, .holder_terminating = true},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_FOLLOWER},
    {"live: may lead, but somebody does",
     {LIVE, .seat = ZL_SEAT_HELD, .may_lead = true},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_FOLLOWER},
    {"live: this very pod is the successor (the API server asked twice)",
     {LIVE, .seat = ZL_SEAT_HELD, .is_successor = true, .successor_lives = true},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_SUCCESSOR},
    {"live: the successor is reviewed again while the seat is vacant",
     {LIVE, .seat = ZL_SEAT_ABANDONED, .is_successor = true, .other_pod_lives = true},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_SUCCESSOR},
    {"live: the leader comes before the successor",
     {LIVE, .seat = ZL_SEAT_HELD, .is_holder = true, .is_successor = true},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_IS_LEADER},
    {"live: a claim that is not settled has nobody beside it",
     {LIVE, .seat = ZL_SEAT_PROVISIONAL, .may_succeed = true, .may_lead = true},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_CLAIM_PENDING},

    /* A rollout, live: an empty seat. */
    {"live: vacant, and another revision is the proven one",
     {LIVE, .seat = ZL_SEAT_EMPTY},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_OTHER_REVISION},
    {"live: abandoned, and another revision is the proven one",
     {LIVE, .seat = ZL_SEAT_ABANDONED},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_OTHER_REVISION},
    {"live: no Lease, and another revision ought to lead",
     {LIVE, .seat = ZL_SEAT_ABSENT},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_OTHER_REVISION},
    {"live: vacant for long, and the revision that ought to lead sends nobody",
     {LIVE, .seat = ZL_SEAT_EMPTY, .vacant_long = true},
     ZL_STEP_CLAIM,
     ZL_OUTCOME_CLAIMED},
    {"live: vacant for long, but a successor starts",
     {LIVE, .seat = ZL_SEAT_EMPTY, .vacant_long = true, .successor_lives = true},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_OTHER_REVISION},
    {"live: vacant for long, not proven: still no more than a successor",
     {LIVE, .seat = ZL_SEAT_EMPTY, .vacant_long = true, .may_succeed = true},
     ZL_STEP_SUCCEED,
     ZL_OUTCOME_SUCCESSOR},
    {"live: vacant for long, and another pod lives",
     {LIVE, .seat = ZL_SEAT_EMPTY, .vacant_long = true, .other_pod_lives = true},
     ZL_STEP_ADOPT,
     ZL_OUTCOME_ADOPTED},
    {"live: vacant, not proven: it may start as a successor",
     {LIVE, .seat = ZL_SEAT_EMPTY, .may_succeed = true},
     ZL_STEP_SUCCEED,
     ZL_OUTCOME_SUCCESSOR},
    {"live: vacant, not proven, and the place is taken",
     {LIVE, .seat = ZL_SEAT_EMPTY, .may_succeed = true, .successor_lives = true},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_OTHER_REVISION},
    {"live: vacant, and both are allowed: the seat, not the place",
     {LIVE, .seat = ZL_SEAT_ABANDONED, .may_lead = true, .may_succeed = true},
     ZL_STEP_CLAIM,
     ZL_OUTCOME_CLAIMED},
    {"live: vacant, the proven revision leads while a successor waits",
     {LIVE, .seat = ZL_SEAT_EMPTY, .may_lead = true, .successor_lives = true},
     ZL_STEP_CLAIM,
     ZL_OUTCOME_CLAIMED},
    {"live: vacant, but a pod runs: no revision comes before it",
     {LIVE, .seat = ZL_SEAT_EMPTY, .may_lead = true, .may_succeed = true, .other_pod_lives = true},
     ZL_STEP_ADOPT,
     ZL_OUTCOME_ADOPTED},
};

static void test_decide_follows_the_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        struct zl_decision decision = zl_decide(&ROWS[i].facts);
        if (decision.step != ROWS[i].step || decision.outcome != ROWS[i].outcome) {
            fail_msg("%s: step %d outcome %s", ROWS[i].name, (int)decision.step,
                     zl_outcome_name(decision.outcome));
        }
    }
}

/* Every combination of the facts that are looked up: BITS 0 to FACTS_END - 1. */
enum { FACTS_END = 512 };

static struct zl_facts facts_of(enum zl_seat seat, int bits)
{
    return (struct zl_facts){.workload = &THREE,
                             .policy = &SCALE_DOWN,
                             .seat = seat,
                             .holder_terminating = (bits & 1) != 0,
                             .is_holder = (bits & 2) != 0,
                             .claim_in_flight = (bits & 4) != 0,
                             .other_pod_lives = (bits & 8) != 0,
                             .may_lead = (bits & 16) != 0,
                             .may_succeed = (bits & 32) != 0,
                             .is_successor = (bits & 64) != 0,
                             .successor_lives = (bits & 128) != 0,
                             .vacant_long = (bits & 256) != 0};
}

/* The one rule behind the table: memory alone never lets a gatekept pod in, nor starts a write. */
static void test_decide_from_memory_never_admits_a_gatekept_pod(void **state)
{
    (void)state;
    for (int seat = ZL_SEAT_ABSENT; seat <= ZL_SEAT_ABANDONED; seat++) {
        for (int bits = 0; bits < FACTS_END; bits++) {
            const struct zl_facts facts = facts_of((enum zl_seat)seat, bits);
            struct zl_decision decision = zl_decide(&facts);
            assert_false(zl_outcome_allows(decision.outcome));
            assert_true(decision.step == ZL_STEP_ANSWER || decision.step == ZL_STEP_READ);
        }
    }
}

/* And live: one seat, one place beside it, and whoever is let in has one of the two in the Lease. */
static void test_decide_live_admits_only_by_the_seat_or_the_place(void **state)
{
    (void)state;
    for (int seat = ZL_SEAT_ABSENT; seat <= ZL_SEAT_ABANDONED; seat++) {
        bool vacant = seat == ZL_SEAT_ABSENT || seat == ZL_SEAT_EMPTY || seat == ZL_SEAT_ABANDONED;
        for (int bits = 0; bits < FACTS_END; bits++) {
            struct zl_facts facts = facts_of((enum zl_seat)seat, bits);
            facts.live = true;
            struct zl_decision decision = zl_decide(&facts);
            bool claims = decision.step == ZL_STEP_CLAIM;
            bool succeeds = decision.step == ZL_STEP_SUCCEED;
            bool named = facts.is_holder || facts.is_successor;
            bool pending = facts.claim_in_flight && seat != ZL_SEAT_ABANDONED;
            bool entitled = facts.may_lead ||
                            (facts.vacant_long && !facts.successor_lives && !facts.may_succeed);
            if ((claims && (!vacant || pending || !entitled || facts.other_pod_lives || named)) ||
                (succeeds && (!facts.may_succeed || facts.successor_lives || named ||
                              (!vacant && seat != ZL_SEAT_HELD))) ||
                (decision.step == ZL_STEP_ADOPT && (!vacant || !facts.other_pod_lives)) ||
                zl_outcome_allows(decision.outcome) != (claims || succeeds || named)) {
                fail_msg("seat %d facts %#x: step %d outcome %s", seat, (unsigned)bits,
                         (int)decision.step, zl_outcome_name(decision.outcome));
            }
        }
    }
}

static void test_messages_name_the_pool_and_nothing_that_varies(void **state)
{
    (void)state;
    for (int outcome = 0; outcome < ZL_OUTCOME_COUNT; outcome++) {
        ZL_AUTO_FREE char *message = zl_outcome_message((enum zl_outcome)outcome, "web");
        assert_non_null(zl_outcome_name((enum zl_outcome)outcome));
        if (!zl_outcome_allows((enum zl_outcome)outcome)) {
            assert_non_null(message);
        }
        if (message != NULL) {
            assert_null(strchr(message, '%'));
            assert_int_equal(strncmp(message, "zen-lead: ", 10), 0);
        }
    }
    ZL_AUTO_FREE char *follower = zl_outcome_message(ZL_OUTCOME_FOLLOWER, "web");
    assert_non_null(strstr(follower, "pool \"web\" has a leader"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decide_follows_the_table),
        cmocka_unit_test(test_decide_from_memory_never_admits_a_gatekept_pod),
        cmocka_unit_test(test_decide_live_admits_only_by_the_seat_or_the_place),
        cmocka_unit_test(test_messages_name_the_pool_and_nothing_that_varies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
