/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/gatekeeper/decide.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct zl_job JOB = {.meta = {.name = (char[]){"a"}, .uid = (char[]){"uid-a"}},
                                  .parallelism = 1};
static const struct zl_policy SCALE_DOWN = {.lease_duration_s = 15};
static const struct zl_policy STANDBY = {.lease_duration_s = 15, .standby = true};

#define MEMORY .job = &JOB, .policy = &SCALE_DOWN
#define LIVE MEMORY, .live = true
#define WAITS .standing = ZL_STANDING_WAITING

struct row {
    const char *name;
    struct zl_facts facts;
    enum zl_step step;
    enum zl_outcome outcome;
};

static const struct row ROWS[] = {
    {"no policy", {.job = &JOB}, ZL_STEP_ANSWER, ZL_OUTCOME_POLICY_MISSING},
    {"standby guards nothing",
     {.job = &JOB, .policy = &STANDBY, .seat = ZL_SEAT_HELD, .led = true},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_STANDBY},
    {"static pod", {MEMORY, .is_static = true}, ZL_STEP_ANSWER, ZL_OUTCOME_STATIC_POD},
    {"a Deployment is in the pool, too",
     {MEMORY, .led = true, .seat = ZL_SEAT_EMPTY},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_LED_POOL},

    /* From memory: a steady holder is an answer, but not to the Job whose turn it is. */
    {"memory: another executes",
     {MEMORY, .seat = ZL_SEAT_HELD, .turn = ZL_TURN_ANOTHERS},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_TURN_TAKEN},
    {"memory: held outside any turn",
     {MEMORY, .seat = ZL_SEAT_HELD},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_TURN_TAKEN},
    {"memory: its own Job executes, whose last pod may have ended",
     {MEMORY, .seat = ZL_SEAT_HELD, .turn = ZL_TURN_OWN},
     ZL_STEP_READ,
     ZL_OUTCOME_TURN_PENDING},
    {"memory: who executes is on its way out",
     {MEMORY, .seat = ZL_SEAT_HELD, .turn = ZL_TURN_ANOTHERS, .holder_terminating = true},
     ZL_STEP_READ,
     ZL_OUTCOME_TURN_PENDING},
    {"memory: this very pod executes",
     {MEMORY, .seat = ZL_SEAT_HELD, .is_holder = true},
     ZL_STEP_READ,
     ZL_OUTCOME_TURN_PENDING},
    {"memory: next in the queue is never enough",
     {MEMORY, .seat = ZL_SEAT_EMPTY, WAITS, .is_next = true},
     ZL_STEP_READ,
     ZL_OUTCOME_TURN_PENDING},
    {"memory: abandoned within another's turn",
     {MEMORY, .seat = ZL_SEAT_ABANDONED, .turn = ZL_TURN_ANOTHERS},
     ZL_STEP_READ,
     ZL_OUTCOME_TURN_PENDING},

    /* Live: the seat is not free. */
    {"live: another pod executes",
     {LIVE, .seat = ZL_SEAT_HELD, WAITS, .is_next = true},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_TURN_TAKEN},
    {"live: another pod of its Job executes",
     {LIVE, .seat = ZL_SEAT_HELD, .turn = ZL_TURN_OWN},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_TURN_TAKEN},
    {"live: this very pod executes (the API server asked twice)",
     {LIVE, .seat = ZL_SEAT_UNKNOWN, .is_holder = true},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_IS_LEADER},
    {"live: a young claim",
     {LIVE, .seat = ZL_SEAT_PROVISIONAL, .turn = ZL_TURN_OWN},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_TURN_PENDING},
    {"live: emptied by somebody, and a claim may be under way",
     {LIVE, .seat = ZL_SEAT_EMPTY, .claim_in_flight = true, WAITS, .is_next = true},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_TURN_PENDING},
    {"live: not known even live",
     {LIVE, .seat = ZL_SEAT_UNKNOWN, .is_next = true},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_UNREACHABLE},

    /* Live: a free seat. */
    {"live: next in the queue",
     {LIVE, .seat = ZL_SEAT_EMPTY, WAITS, .is_next = true},
     ZL_STEP_CLAIM,
     ZL_OUTCOME_CLAIMED},
    {"live: not next", {LIVE, .seat = ZL_SEAT_EMPTY, WAITS}, ZL_STEP_ANSWER, ZL_OUTCOME_QUEUED},
    {"live: no Lease, next",
     {LIVE, .seat = ZL_SEAT_ABSENT, WAITS, .is_next = true},
     ZL_STEP_CLAIM,
     ZL_OUTCOME_CLAIMED},
    {"live: the executing pod is dead, its Job is over, and this one is next",
     {LIVE, .seat = ZL_SEAT_ABANDONED, WAITS, .is_next = true},
     ZL_STEP_CLAIM,
     ZL_OUTCOME_CLAIMED},
    {"live: the executing pod is dead, and its Job wants another one",
     {LIVE, .seat = ZL_SEAT_ABANDONED, .turn = ZL_TURN_ANOTHERS, WAITS, .is_next = true},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_TURN_TAKEN},
    {"live: and this is that other one",
     {LIVE, .seat = ZL_SEAT_ABANDONED, .turn = ZL_TURN_OWN, .standing = ZL_STANDING_EXECUTING},
     ZL_STEP_CLAIM,
     ZL_OUTCOME_CLAIMED},
    {"live: its own turn, but it is over",
     {LIVE, .seat = ZL_SEAT_ABANDONED, .turn = ZL_TURN_OWN, .standing = ZL_STANDING_OVER},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_JOB_OVER},
    {"live: suspended by its user",
     {LIVE, .seat = ZL_SEAT_EMPTY, .standing = ZL_STANDING_PAUSED},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_JOB_OVER},
    {"live: another Job has its scheduled time",
     {LIVE, .seat = ZL_SEAT_EMPTY, .standing = ZL_STANDING_DUPLICATE},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_TICK_USED},
    {"live: it came too late",
     {LIVE, .seat = ZL_SEAT_EMPTY, .standing = ZL_STANDING_MISSED},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_TICK_MISSED},

    /* Live: a pod runs that the Lease does not name. */
    {"live: a pod slipped in: it executes",
     {LIVE, .seat = ZL_SEAT_EMPTY, .other_pod_lives = true, WAITS, .is_next = true},
     ZL_STEP_ADOPT,
     ZL_OUTCOME_TURN_ADOPTED},
    {"live: within its Job's turn: it executes",
     {LIVE, .seat = ZL_SEAT_ABANDONED, .turn = ZL_TURN_ANOTHERS, .other_pod_lives = true,
      .other_has_turn = true},
     ZL_STEP_ADOPT,
     ZL_OUTCOME_TURN_ADOPTED},
    {"live: within another's turn: nobody starts beside it",
     {LIVE, .seat = ZL_SEAT_ABANDONED, .turn = ZL_TURN_OWN, .other_pod_lives = true},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_TURN_TAKEN},
    {"live: it led last, so no claim is under way",
     {LIVE, .seat = ZL_SEAT_ABSENT, .claim_in_flight = true, .other_pod_lives = true,
      .other_led = true},
     ZL_STEP_ADOPT,
     ZL_OUTCOME_TURN_ADOPTED},
};

static void test_decide_turn_follows_the_table(void **state)
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

/* Every combination of the facts that are looked up. */
enum { FACTS_END = 128, TURNS = 3, STANDINGS = 6 };

static struct zl_facts facts_of(int seat, int turn, int standing, int bits)
{
    return (struct zl_facts){.job = &JOB,
                             .policy = &SCALE_DOWN,
                             .seat = (enum zl_seat)seat,
                             .turn = (enum zl_whose_turn)turn,
                             .standing = (enum zl_standing)standing,
                             .holder_terminating = (bits & 1) != 0,
                             .is_holder = (bits & 2) != 0,
                             .claim_in_flight = (bits & 4) != 0,
                             .other_pod_lives = (bits & 8) != 0,
                             .other_has_turn = (bits & 16) != 0,
                             .other_led = (bits & 32) != 0,
                             .is_next = (bits & 64) != 0};
}

static void check_rules(struct zl_facts facts)
{
    /* Memory alone never lets a pod execute, nor starts a write. */
    struct zl_decision remembered = zl_decide(&facts);
    assert_false(zl_outcome_allows(remembered.outcome));
    assert_true(remembered.step == ZL_STEP_ANSWER || remembered.step == ZL_STEP_READ);

    /* Live: a free seat, no live pod beside it, and the Job's own turn; or it is nobody's, and this one is next. */
    facts.live = true;
    struct zl_decision decision = zl_decide(&facts);
    bool vacant = facts.seat == ZL_SEAT_ABSENT || facts.seat == ZL_SEAT_EMPTY ||
                  facts.seat == ZL_SEAT_ABANDONED;
    bool pending = facts.claim_in_flight && !facts.other_led && facts.seat != ZL_SEAT_ABANDONED;
    bool entitled = facts.turn != ZL_TURN_ANOTHERS &&
                    (facts.standing == ZL_STANDING_EXECUTING ||
                     (facts.standing == ZL_STANDING_WAITING && facts.is_next));
    bool claims = decision.step == ZL_STEP_CLAIM;
    bool adopts = decision.step == ZL_STEP_ADOPT;
    assert_true(decision.step != ZL_STEP_SUCCEED);
    assert_true(zl_outcome_allows(decision.outcome) == (claims || facts.is_holder));
    if (claims) {
        assert_true(vacant && !pending && entitled && !facts.other_pod_lives && !facts.is_holder);
    }
    if (adopts) {
        assert_true(vacant && !pending && facts.other_pod_lives &&
                    (facts.turn == ZL_TURN_NOBODYS || facts.other_has_turn));
    }
}

static void test_a_pod_executes_by_the_seat_and_its_turn_alone(void **state)
{
    (void)state;
    for (int seat = ZL_SEAT_ABSENT; seat <= ZL_SEAT_ABANDONED; seat++) {
        for (int turn = 0; turn < TURNS; turn++) {
            for (int bits = 0; bits < FACTS_END * STANDINGS; bits++) {
                check_rules(facts_of(seat, turn, bits / FACTS_END, bits % FACTS_END));
            }
        }
    }
}

static void test_a_lease_in_memory_tells_whose_turn_it_is(void **state)
{
    (void)state;
    const struct zl_lease nobodys = {0};
    const struct zl_lease own = {.turn_job = (char[]){"a"}, .turn_uid = (char[]){"uid-a"}};
    /* The name alone is not enough: somebody made a new Job of that name. */
    const struct zl_lease namesakes = {.turn_job = (char[]){"a"}, .turn_uid = (char[]){"uid-b"}};
    assert_int_equal(zl_turn_by_memory(&JOB, NULL), ZL_TURN_NOBODYS);
    assert_int_equal(zl_turn_by_memory(&JOB, &nobodys), ZL_TURN_NOBODYS);
    assert_int_equal(zl_turn_by_memory(&JOB, &own), ZL_TURN_OWN);
    assert_int_equal(zl_turn_by_memory(&JOB, &namesakes), ZL_TURN_ANOTHERS);
    assert_int_equal(zl_turn_by_memory(NULL, &own), ZL_TURN_ANOTHERS);
}

/* What a Job waits for changes, its text does not: the Events about its pods stay one. */
static void test_a_waiting_job_reads_one_text(void **state)
{
    (void)state;
    static const enum zl_outcome WAITING[] = {ZL_OUTCOME_TURN_PENDING, ZL_OUTCOME_TURN_ADOPTED,
                                              ZL_OUTCOME_TURN_LOST, ZL_OUTCOME_QUEUED};
    ZL_AUTO_FREE char *taken = zl_outcome_message(ZL_OUTCOME_TURN_TAKEN, "nightly");
    for (size_t i = 0; i < sizeof WAITING / sizeof WAITING[0]; i++) {
        ZL_AUTO_FREE char *message = zl_outcome_message(WAITING[i], "nightly");
        assert_string_equal(message, taken);
    }
    assert_non_null(strstr(taken, "in pool \"nightly\""));
}

static void test_a_deployment_waits_for_a_job_and_is_told_so(void **state)
{
    (void)state;
    const struct zl_workload three = {.replicas = 3, .pool = (char[]){"web"}};
    struct zl_facts facts = {
        .workload = &three, .policy = &SCALE_DOWN, .seat = ZL_SEAT_HELD, .held_by_job = true};
    assert_int_equal(zl_decide(&facts).outcome, ZL_OUTCOME_JOB_EXECUTES);
    facts.live = true;
    facts.may_lead = true;
    assert_int_equal(zl_decide(&facts).outcome, ZL_OUTCOME_JOB_EXECUTES);
    facts.seat = ZL_SEAT_PROVISIONAL;
    assert_int_equal(zl_decide(&facts).outcome, ZL_OUTCOME_JOB_EXECUTES);
    /* Its pod has ended. No other pod of a Job starts in this pool, so the turn is worth nothing. */
    facts.seat = ZL_SEAT_ABANDONED;
    assert_int_equal(zl_decide(&facts).step, ZL_STEP_CLAIM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decide_turn_follows_the_table),
        cmocka_unit_test(test_a_pod_executes_by_the_seat_and_its_turn_alone),
        cmocka_unit_test(test_a_lease_in_memory_tells_whose_turn_it_is),
        cmocka_unit_test(test_a_waiting_job_reads_one_text),
        cmocka_unit_test(test_a_deployment_waits_for_a_job_and_is_told_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
