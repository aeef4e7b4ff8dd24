/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/gatekeeper/decide.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct zl_workload THREE = {
    .kind = &ZL_KIND_DEPLOYMENT, .replicas = 3, .pool = (char[]){"web"}};
static const struct zl_workload ONE = {
    .kind = &ZL_KIND_DEPLOYMENT, .replicas = 1, .pool = (char[]){"web"}};
static const struct zl_pod OTHER = {.ready = true};

#define MEMORY .workload = &THREE, .strategy = ZL_STRATEGY_SCALE_DOWN
#define LIVE MEMORY

static const struct known_row {
    const char *name;
    struct zl_known known;
    enum zl_step step;
    enum zl_outcome outcome;
} KNOWN[] = {
    {"no pool", {.strategy = ZL_STRATEGY_SCALE_DOWN}, ZL_STEP_ANSWER, ZL_OUTCOME_NOT_IN_POOL},
    {"its workload is gone", {.owner_gone = true}, ZL_STEP_ANSWER, ZL_OUTCOME_OWNER_GONE},
    {"static pod", {MEMORY, .is_static = true}, ZL_STEP_ANSWER, ZL_OUTCOME_STATIC_POD},

    /* What lets a pod of a pool in is looked at, whoever holds the seat. */
    {"no policy", {.workload = &THREE}, ZL_STEP_LOOK, ZL_OUTCOME_CLAIM_PENDING},
    {"one replica",
     {.workload = &ONE, .strategy = ZL_STRATEGY_SCALE_DOWN, .seat = ZL_SEAT_HELD},
     ZL_STEP_LOOK,
     ZL_OUTCOME_CLAIM_PENDING},
    {"standby",
     {.workload = &THREE, .strategy = ZL_STRATEGY_STANDBY, .seat = ZL_SEAT_HELD},
     ZL_STEP_LOOK,
     ZL_OUTCOME_CLAIM_PENDING},

    /* From memory: only a steady holder is an answer. */
    {"held", {MEMORY, .seat = ZL_SEAT_HELD}, ZL_STEP_ANSWER, ZL_OUTCOME_FOLLOWER},
    {"holder terminating",
     {MEMORY, .seat = ZL_SEAT_HELD, .holder_terminating = true},
     ZL_STEP_LOOK,
     ZL_OUTCOME_CLAIM_PENDING},
    {"this very pod holds it",
     {MEMORY, .seat = ZL_SEAT_HELD, .is_holder = true},
     ZL_STEP_LOOK,
     ZL_OUTCOME_CLAIM_PENDING},
    {"held, but nobody watched for a while",
     {MEMORY, .seat = ZL_SEAT_HELD, .is_blind = true},
     ZL_STEP_LOOK,
     ZL_OUTCOME_CLAIM_PENDING},
    {"holder unknown", {MEMORY, .seat = ZL_SEAT_UNKNOWN}, ZL_STEP_LOOK, ZL_OUTCOME_CLAIM_PENDING},
    {"empty is never enough to let a pod in",
     {MEMORY, .seat = ZL_SEAT_EMPTY},
     ZL_STEP_LOOK,
     ZL_OUTCOME_CLAIM_PENDING},
    {"absent", {MEMORY, .seat = ZL_SEAT_ABSENT}, ZL_STEP_LOOK, ZL_OUTCOME_CLAIM_PENDING},
    {"abandoned", {MEMORY, .seat = ZL_SEAT_ABANDONED}, ZL_STEP_LOOK, ZL_OUTCOME_CLAIM_PENDING},

    /* A rollout, from memory: what may be a successor is worth asking for, no more. */
    {"held, but the pod may be a successor",
     {MEMORY, .seat = ZL_SEAT_HELD, .may_succeed = true},
     ZL_STEP_LOOK,
     ZL_OUTCOME_CLAIM_PENDING},
    {"this very pod is the successor",
     {MEMORY, .seat = ZL_SEAT_HELD, .is_successor = true},
     ZL_STEP_LOOK,
     ZL_OUTCOME_CLAIM_PENDING},
};

static const struct seen_row {
    const char *name;
    struct zl_seen seen;
    enum zl_step step;
    enum zl_outcome outcome;
} SEEN[] = {

    /* Settled before anybody asks who holds the seat. */
    {"it has left its pool",
     {.strategy = ZL_STRATEGY_SCALE_DOWN},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_NOT_IN_POOL},
    {"its workload is gone", {.owner_gone = true}, ZL_STEP_ANSWER, ZL_OUTCOME_OWNER_GONE},
    {"no policy", {.workload = &THREE}, ZL_STEP_ANSWER, ZL_OUTCOME_POLICY_MISSING},
    {"one replica",
     {.workload = &ONE, .strategy = ZL_STRATEGY_SCALE_DOWN},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_SINGLE_REPLICA},
    {"one replica, and another pod leads and stays",
     {.workload = &ONE, .strategy = ZL_STRATEGY_SCALE_DOWN, .another_leads = true},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_FOLLOWER},
    {"one replica, and one of another workload: a pair",
     {.workload = &ONE, .others = 1, .strategy = ZL_STRATEGY_SCALE_DOWN, .seat = ZL_SEAT_HELD},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_FOLLOWER},
    {"standby",
     {.workload = &THREE, .strategy = ZL_STRATEGY_STANDBY},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_STANDBY},
    {"one replica, and the pod has no name",
     {.workload = &ONE, .strategy = ZL_STRATEGY_SCALE_DOWN, .nameless = true},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_SINGLE_REPLICA},
    {"a pod without name or uid",
     {LIVE, .nameless = true, .seat = ZL_SEAT_EMPTY, .revision.may_lead = true},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_NAMELESS},
    {"memory may not know the workload that leads",
     {LIVE, .memory_lags = true, .seat = ZL_SEAT_EMPTY, .revision.may_lead = true},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_UNREACHABLE},
    {"no Lease that can be swapped",
     {LIVE, .unprepared = true, .revision.may_lead = true},
     ZL_STEP_PREPARE,
     ZL_OUTCOME_CLAIM_PENDING},
    {"nor one for a successor",
     {LIVE, .unprepared = true, .seat = ZL_SEAT_EMPTY, .revision.is_successor = true},
     ZL_STEP_PREPARE,
     ZL_OUTCOME_CLAIM_PENDING},

    /* Live. */
    {"held", {LIVE, .seat = ZL_SEAT_HELD}, ZL_STEP_ANSWER, ZL_OUTCOME_FOLLOWER},
    {"this very pod holds it (the API server asked twice)",
     {LIVE, .seat = ZL_SEAT_UNKNOWN, .is_holder = true},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_IS_LEADER},
    {"a young claim of another pod",
     {LIVE, .seat = ZL_SEAT_PROVISIONAL},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_CLAIM_PENDING},
    {"released",
     {LIVE, .seat = ZL_SEAT_EMPTY, .revision.may_lead = true},
     ZL_STEP_CLAIM,
     ZL_OUTCOME_CLAIMED},
    {"emptied by hand while a pod runs",
     {LIVE, .seat = ZL_SEAT_EMPTY, .other = &OTHER},
     ZL_STEP_ADOPT,
     ZL_OUTCOME_ADOPTED},
    {"holder is dead",
     {LIVE, .seat = ZL_SEAT_ABANDONED, .revision.may_lead = true},
     ZL_STEP_CLAIM,
     ZL_OUTCOME_CLAIMED},
    {"holder is dead, another pod slipped past earlier",
     {LIVE, .seat = ZL_SEAT_ABANDONED, .other = &OTHER},
     ZL_STEP_ADOPT,
     ZL_OUTCOME_ADOPTED},
    {"no Lease and nothing runs",
     {LIVE, .seat = ZL_SEAT_ABSENT, .revision.may_lead = true},
     ZL_STEP_CLAIM,
     ZL_OUTCOME_CLAIMED},
    {"no Lease, but a pod runs",
     {LIVE, .seat = ZL_SEAT_ABSENT, .other = &OTHER},
     ZL_STEP_ADOPT,
     ZL_OUTCOME_ADOPTED},
    {"no Lease, but a claim was seen a moment ago",
     {LIVE, .seat = ZL_SEAT_ABSENT, .claim_in_flight = true},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_CLAIM_PENDING},
    {"emptied by somebody, and a claim may be under way",
     {LIVE, .seat = ZL_SEAT_EMPTY, .revision.may_lead = true, .claim_in_flight = true},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_CLAIM_PENDING},
    {"not known even live",
     {LIVE, .seat = ZL_SEAT_UNKNOWN},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_UNREACHABLE},

    /* A rollout, live: beside a leader. */
    {"the place beside the leader is free",
     {LIVE, .seat = ZL_SEAT_HELD, .revision.may_succeed = true, .revision.may_lead = true},
     ZL_STEP_SUCCEED,
     ZL_OUTCOME_SUCCESSOR},
    {"the place is taken",
     {LIVE, .seat = ZL_SEAT_HELD, .revision.may_succeed = true, .revision.successor_lives = true},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_FOLLOWER},
    {"the leader is on its way out: wait for its seat",
     {LIVE, .seat = ZL_SEAT_HELD, .revision.may_succeed = true, .holder_terminating = true},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_FOLLOWER},
    {"may lead, but somebody does",
     {LIVE, .seat = ZL_SEAT_HELD, .revision.may_lead = true},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_FOLLOWER},
    {"this very pod is the successor (the API server asked twice)",
     {LIVE, .seat = ZL_SEAT_HELD, .revision.is_successor = true, .revision.successor_lives = true},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_SUCCESSOR},
    {"the successor is reviewed again while the seat is vacant",
     {LIVE, .seat = ZL_SEAT_ABANDONED, .revision.is_successor = true, .other = &OTHER},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_SUCCESSOR},
    {"the leader comes before the successor",
     {LIVE, .seat = ZL_SEAT_HELD, .is_holder = true, .revision.is_successor = true},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_IS_LEADER},
    {"a claim that is not settled has nobody beside it",
     {LIVE, .seat = ZL_SEAT_PROVISIONAL, .revision.may_succeed = true, .revision.may_lead = true},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_CLAIM_PENDING},

    /* A rollout, live: an empty seat. */
    {"vacant, and another revision is the proven one",
     {LIVE, .seat = ZL_SEAT_EMPTY},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_OTHER_REVISION},
    {"abandoned, and another revision is the proven one",
     {LIVE, .seat = ZL_SEAT_ABANDONED},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_OTHER_REVISION},
    {"no Lease, and another revision ought to lead",
     {LIVE, .seat = ZL_SEAT_ABSENT},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_OTHER_REVISION},
    {"vacant for long, and the revision that ought to lead sends nobody",
     {LIVE, .seat = ZL_SEAT_EMPTY, .revision.vacant_long = true},
     ZL_STEP_CLAIM,
     ZL_OUTCOME_CLAIMED},
    {"vacant for long, but a successor starts",
     {LIVE, .seat = ZL_SEAT_EMPTY, .revision.vacant_long = true, .revision.successor_lives = true},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_OTHER_REVISION},
    {"vacant for long, not proven: still no more than a successor",
     {LIVE, .seat = ZL_SEAT_EMPTY, .revision.vacant_long = true, .revision.may_succeed = true},
     ZL_STEP_SUCCEED,
     ZL_OUTCOME_SUCCESSOR},
    {"vacant for long, and another pod lives",
     {LIVE, .seat = ZL_SEAT_EMPTY, .revision.vacant_long = true, .other = &OTHER},
     ZL_STEP_ADOPT,
     ZL_OUTCOME_ADOPTED},
    {"vacant, not proven: it may start as a successor",
     {LIVE, .seat = ZL_SEAT_EMPTY, .revision.may_succeed = true},
     ZL_STEP_SUCCEED,
     ZL_OUTCOME_SUCCESSOR},
    {"vacant, not proven, and the place is taken",
     {LIVE, .seat = ZL_SEAT_EMPTY, .revision.may_succeed = true, .revision.successor_lives = true},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_OTHER_REVISION},
    {"vacant, and both are allowed: the seat, not the place",
     {LIVE, .seat = ZL_SEAT_ABANDONED, .revision.may_lead = true, .revision.may_succeed = true},
     ZL_STEP_CLAIM,
     ZL_OUTCOME_CLAIMED},
    {"vacant, the proven revision leads while a successor waits",
     {LIVE, .seat = ZL_SEAT_EMPTY, .revision.may_lead = true, .revision.successor_lives = true},
     ZL_STEP_CLAIM,
     ZL_OUTCOME_CLAIMED},
    {"vacant, but a pod runs: no revision comes before it",
     {LIVE, .seat = ZL_SEAT_EMPTY, .revision.may_lead = true, .revision.may_succeed = true,
      .other = &OTHER},
     ZL_STEP_ADOPT,
     ZL_OUTCOME_ADOPTED},
};

static void check(const char *name, struct zl_decision decision, enum zl_step step,
                  enum zl_outcome outcome)
{
    if (decision.step != step || decision.outcome != outcome) {
        fail_msg("%s: step %d outcome %s", name, (int)decision.step,
                 zl_outcome_name(decision.outcome));
    }
}

static void test_decide_known_follows_the_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof KNOWN / sizeof KNOWN[0]; i++) {
        check(KNOWN[i].name, zl_decide_known(&KNOWN[i].known), KNOWN[i].step, KNOWN[i].outcome);
    }
}

static void test_decide_seen_follows_the_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof SEEN / sizeof SEEN[0]; i++) {
        check(SEEN[i].name, zl_decide_seen(&SEEN[i].seen), SEEN[i].step, SEEN[i].outcome);
    }
}

/* Every combination of what memory may say: BITS 0 to KNOWN_END - 1, strategies and seats. */
enum { KNOWN_END = 128 };

/* The one rule behind the table: memory alone never lets a gatekept pod in, nor starts a write. */
static void test_memory_never_admits_a_gatekept_pod(void **state)
{
    (void)state;
    for (int at = 0; at < KNOWN_END * ZL_STRATEGY_COUNT * (ZL_SEAT_ABANDONED + 1); at++) {
        int bits = at % KNOWN_END, rest = at / KNOWN_END;
        const struct zl_known known = {.workload = (bits & 1) != 0 ? &ONE : &THREE,
                                       .strategy =
                                           (enum zl_strategy_kind)(rest % ZL_STRATEGY_COUNT),
                                       .seat = (enum zl_seat)(rest / ZL_STRATEGY_COUNT),
                                       .holder_terminating = (bits & 2) != 0,
                                       .is_holder = (bits & 4) != 0,
                                       .is_successor = (bits & 8) != 0,
                                       .may_succeed = (bits & 16) != 0,
                                       .held_by_job = (bits & 32) != 0,
                                       .owner_gone = (bits & 64) != 0};
        struct zl_decision decision = zl_decide_known(&known);
        assert_false(zl_outcome_allows(decision.outcome));
        assert_true(decision.step == ZL_STEP_ANSWER || decision.step == ZL_STEP_LOOK);
    }
}

/* Every combination of the facts that are looked up: BITS 0 to FACTS_END - 1. */
enum { FACTS_END = 512 };

static struct zl_seen seen_of(enum zl_seat seat, int bits)
{
    return (struct zl_seen){LIVE,
                            .seat = seat,
                            .holder_terminating = (bits & 1) != 0,
                            .is_holder = (bits & 2) != 0,
                            .claim_in_flight = (bits & 4) != 0,
                            .other = (bits & 8) != 0 ? &OTHER : NULL,
                            .revision = {.may_lead = (bits & 16) != 0,
                                         .may_succeed = (bits & 32) != 0,
                                         .is_successor = (bits & 64) != 0,
                                         .successor_lives = (bits & 128) != 0,
                                         .vacant_long = (bits & 256) != 0}};
}

/* And live: one seat, one place beside it, and whoever is let in has one of the two in the Lease. */
static void test_decide_seen_admits_only_by_the_seat_or_the_place(void **state)
{
    (void)state;
    for (int seat = ZL_SEAT_ABSENT; seat <= ZL_SEAT_ABANDONED; seat++) {
        bool vacant = seat == ZL_SEAT_ABSENT || seat == ZL_SEAT_EMPTY || seat == ZL_SEAT_ABANDONED;
        for (int bits = 0; bits < FACTS_END; bits++) {
            struct zl_seen seen = seen_of((enum zl_seat)seat, bits);
            const struct zl_revision_seen *revision = &seen.revision;
            struct zl_decision decision = zl_decide_seen(&seen);
            bool claims = decision.step == ZL_STEP_CLAIM;
            bool succeeds = decision.step == ZL_STEP_SUCCEED;
            bool named = seen.is_holder || revision->is_successor;
            bool pending = seen.claim_in_flight && seat != ZL_SEAT_ABANDONED;
            bool entitled =
                revision->may_lead ||
                (revision->vacant_long && !revision->successor_lives && !revision->may_succeed);
            if ((claims && (!vacant || pending || !entitled || seen.other != NULL || named)) ||
                (succeeds && (!revision->may_succeed || revision->successor_lives || named ||
                              (!vacant && seat != ZL_SEAT_HELD))) ||
                (decision.step == ZL_STEP_ADOPT && (!vacant || seen.other == NULL)) ||
                zl_outcome_allows(decision.outcome) != (claims || succeeds || named)) {
                fail_msg("seat %d facts %#x: step %d outcome %s", seat, (unsigned)bits,
                         (int)decision.step, zl_outcome_name(decision.outcome));
            }
            /* Nothing of it counts before there is a Lease that can be swapped. */
            seen.unprepared = true;
            assert_int_equal(zl_decide_seen(&seen).step, ZL_STEP_PREPARE);
        }
    }
}

static void test_unreachable_is_only_an_api_server_that_could_not_be_asked(void **state)
{
    static const struct {
        enum zl_status status;
        bool unreachable;
    } rows[] = {
        {ZL_E_TRANSIENT, true},  {ZL_E_THROTTLED, true}, {ZL_E_DENIED, true},
        {ZL_E_INVALID, false},   {ZL_E_CONFLICT, false}, {ZL_E_NOT_FOUND, false},
        {ZL_E_TOO_LARGE, false}, {ZL_E_GONE, false},     {ZL_E_STOPPED, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const enum zl_status status = rows[i].status;
        assert_int_equal(zl_outcome_of_failure(status, false),
                         rows[i].unreachable ? ZL_OUTCOME_UNREACHABLE : ZL_OUTCOME_UNDECIDED);
        assert_int_equal(zl_outcome_of_failure(status, true), rows[i].unreachable
                                                                  ? ZL_OUTCOME_ALLOWED_UNREACHABLE
                                                                  : ZL_OUTCOME_UNDECIDED);
    }
    assert_false(zl_outcome_allows(ZL_OUTCOME_UNDECIDED));
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
        cmocka_unit_test(test_decide_known_follows_the_table),
        cmocka_unit_test(test_decide_seen_follows_the_table),
        cmocka_unit_test(test_memory_never_admits_a_gatekept_pod),
        cmocka_unit_test(test_decide_seen_admits_only_by_the_seat_or_the_place),
        cmocka_unit_test(test_unreachable_is_only_an_api_server_that_could_not_be_asked),
        cmocka_unit_test(test_messages_name_the_pool_and_nothing_that_varies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
