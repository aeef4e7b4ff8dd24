/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/gatekeeper/decide.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct zl_job JOB = {.meta = {.name = (char[]){"a"}, .uid = (char[]){"uid-a"}},
                                  .parallelism = 1};
static const struct zl_pod OTHER = {.ready = true};

#define MEMORY .job = &JOB, .strategy = ZL_STRATEGY_TURNS
#define LIVE MEMORY
#define WAITS .queue.standing = ZL_STANDING_WAITING

static const struct known_row {
    const char *name;
    struct zl_known known;
    enum zl_step step;
    enum zl_outcome outcome;
} KNOWN[] = {
    {"no policy", {.job = &JOB}, ZL_STEP_LOOK, ZL_OUTCOME_CLAIM_PENDING},
    {"standby guards nothing, says memory",
     {.job = &JOB, .strategy = ZL_STRATEGY_STANDBY, .seat = ZL_SEAT_HELD},
     ZL_STEP_LOOK,
     ZL_OUTCOME_CLAIM_PENDING},
    {"its Job is gone", {.owner_gone = true}, ZL_STEP_ANSWER, ZL_OUTCOME_OWNER_GONE},
    {"static pod", {MEMORY, .is_static = true}, ZL_STEP_ANSWER, ZL_OUTCOME_STATIC_POD},
    {"a Deployment is in the pool, too",
     {.job = &JOB, .strategy = ZL_STRATEGY_SCALE_DOWN, .seat = ZL_SEAT_EMPTY},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_LED_POOL},

    /* From memory: a steady holder is an answer, but not to the Job whose turn it is. */
    {"another executes",
     {MEMORY, .seat = ZL_SEAT_HELD, .turn = ZL_TURN_ANOTHERS},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_TURN_TAKEN},
    {"held outside any turn",
     {MEMORY, .seat = ZL_SEAT_HELD},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_TURN_TAKEN},
    {"its own Job executes, whose last pod may have ended",
     {MEMORY, .seat = ZL_SEAT_HELD, .turn = ZL_TURN_OWN},
     ZL_STEP_LOOK,
     ZL_OUTCOME_TURN_PENDING},
    {"who executes is on its way out",
     {MEMORY, .seat = ZL_SEAT_HELD, .turn = ZL_TURN_ANOTHERS, .holder_terminating = true},
     ZL_STEP_LOOK,
     ZL_OUTCOME_TURN_PENDING},
    {"this very pod executes",
     {MEMORY, .seat = ZL_SEAT_HELD, .is_holder = true},
     ZL_STEP_LOOK,
     ZL_OUTCOME_TURN_PENDING},
    {"next in the queue is never enough",
     {MEMORY, .seat = ZL_SEAT_EMPTY},
     ZL_STEP_LOOK,
     ZL_OUTCOME_TURN_PENDING},
    {"abandoned within another's turn",
     {MEMORY, .seat = ZL_SEAT_ABANDONED, .turn = ZL_TURN_ANOTHERS},
     ZL_STEP_LOOK,
     ZL_OUTCOME_TURN_PENDING},
};

static const struct seen_row {
    const char *name;
    struct zl_seen seen;
    enum zl_step step;
    enum zl_outcome outcome;
} SEEN[] = {
    {"no policy", {.job = &JOB}, ZL_STEP_ANSWER, ZL_OUTCOME_POLICY_MISSING},
    {"standby guards nothing",
     {.job = &JOB, .strategy = ZL_STRATEGY_STANDBY},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_STANDBY},
    {"its Job is gone", {.owner_gone = true}, ZL_STEP_ANSWER, ZL_OUTCOME_OWNER_GONE},
    {"a Deployment is in the pool, too",
     {.job = &JOB,
      .strategy = ZL_STRATEGY_SCALE_DOWN,
      .seat = ZL_SEAT_EMPTY,
      WAITS,
      .queue.is_next = true},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_LED_POOL},
    {"a pod without name or uid",
     {LIVE, .nameless = true, .seat = ZL_SEAT_EMPTY, WAITS, .queue.is_next = true},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_NAMELESS},
    {"no Lease that can be swapped",
     {LIVE, .unprepared = true, WAITS, .queue.is_next = true},
     ZL_STEP_PREPARE,
     ZL_OUTCOME_CLAIM_PENDING},

    /* Live: the seat is not free. */
    {"another pod executes",
     {LIVE, .seat = ZL_SEAT_HELD, WAITS, .queue.is_next = true},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_TURN_TAKEN},
    {"another pod of its Job executes",
     {LIVE, .seat = ZL_SEAT_HELD, .queue.turn = ZL_TURN_OWN},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_TURN_TAKEN},
    {"this very pod executes (the API server asked twice)",
     {LIVE, .seat = ZL_SEAT_UNKNOWN, .is_holder = true},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_IS_LEADER},
    {"a young claim",
     {LIVE, .seat = ZL_SEAT_PROVISIONAL, .queue.turn = ZL_TURN_OWN},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_TURN_PENDING},
    {"emptied by somebody, and a claim may be under way",
     {LIVE, .seat = ZL_SEAT_EMPTY, .claim_in_flight = true, WAITS, .queue.is_next = true},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_TURN_PENDING},
    {"not known even live",
     {LIVE, .seat = ZL_SEAT_UNKNOWN, .queue.is_next = true},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_UNREACHABLE},

    /* Live: a free seat. */
    {"next in the queue",
     {LIVE, .seat = ZL_SEAT_EMPTY, WAITS, .queue.is_next = true},
     ZL_STEP_CLAIM,
     ZL_OUTCOME_CLAIMED},
    {"not next", {LIVE, .seat = ZL_SEAT_EMPTY, WAITS}, ZL_STEP_ANSWER, ZL_OUTCOME_QUEUED},
    {"no Lease, next",
     {LIVE, .seat = ZL_SEAT_ABSENT, WAITS, .queue.is_next = true},
     ZL_STEP_CLAIM,
     ZL_OUTCOME_CLAIMED},
    {"the executing pod is dead, its Job is over, and this one is next",
     {LIVE, .seat = ZL_SEAT_ABANDONED, WAITS, .queue.is_next = true},
     ZL_STEP_CLAIM,
     ZL_OUTCOME_CLAIMED},
    {"the executing pod is dead, and its Job wants another one",
     {LIVE, .seat = ZL_SEAT_ABANDONED, .queue.turn = ZL_TURN_ANOTHERS, WAITS,
      .queue.is_next = true},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_TURN_TAKEN},
    {"and this is that other one",
     {LIVE, .seat = ZL_SEAT_ABANDONED, .queue.turn = ZL_TURN_OWN,
      .queue.standing = ZL_STANDING_EXECUTING},
     ZL_STEP_CLAIM,
     ZL_OUTCOME_CLAIMED},
    {"its own turn, but it is over",
     {LIVE, .seat = ZL_SEAT_ABANDONED, .queue.turn = ZL_TURN_OWN,
      .queue.standing = ZL_STANDING_OVER},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_JOB_OVER},
    {"suspended by its user",
     {LIVE, .seat = ZL_SEAT_EMPTY, .queue.standing = ZL_STANDING_PAUSED},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_JOB_OVER},
    {"another Job has its scheduled time",
     {LIVE, .seat = ZL_SEAT_EMPTY, .queue.standing = ZL_STANDING_DUPLICATE},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_TICK_USED},
    {"it came too late",
     {LIVE, .seat = ZL_SEAT_EMPTY, .queue.standing = ZL_STANDING_MISSED},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_TICK_MISSED},

    /* Live: a pod runs that the Lease does not name. */
    {"a pod slipped in: it executes",
     {LIVE, .seat = ZL_SEAT_EMPTY, .other = &OTHER, WAITS, .queue.is_next = true},
     ZL_STEP_ADOPT,
     ZL_OUTCOME_TURN_ADOPTED},
    {"within its Job's turn: it executes",
     {LIVE, .seat = ZL_SEAT_ABANDONED, .queue.turn = ZL_TURN_ANOTHERS, .other = &OTHER,
      .queue.other_has_turn = true},
     ZL_STEP_ADOPT,
     ZL_OUTCOME_TURN_ADOPTED},
    {"within another's turn: nobody starts beside it",
     {LIVE, .seat = ZL_SEAT_ABANDONED, .queue.turn = ZL_TURN_OWN, .other = &OTHER},
     ZL_STEP_ANSWER,
     ZL_OUTCOME_TURN_TAKEN},
    {"it led last, so no claim is under way",
     {LIVE, .seat = ZL_SEAT_ABSENT, .claim_in_flight = true, .other = &OTHER, .other_led = true},
     ZL_STEP_ADOPT,
     ZL_OUTCOME_TURN_ADOPTED},
};

static void check(const char *name, struct zl_decision decision, enum zl_step step,
                  enum zl_outcome outcome)
{
    if (decision.step != step || decision.outcome != outcome) {
        fail_msg("%s: step %d outcome %s", name, (int)decision.step,
                 zl_outcome_name(decision.outcome));
    }
}

static void test_what_memory_knows_of_a_turn_follows_the_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof KNOWN / sizeof KNOWN[0]; i++) {
        check(KNOWN[i].name, zl_decide_known(&KNOWN[i].known), KNOWN[i].step, KNOWN[i].outcome);
    }
}

static void test_what_was_seen_of_a_turn_follows_the_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof SEEN / sizeof SEEN[0]; i++) {
        check(SEEN[i].name, zl_decide_seen(&SEEN[i].seen), SEEN[i].step, SEEN[i].outcome);
    }
}

/* Every combination of the facts that are looked up. */
enum { FACTS_END = 128, TURNS = 3, STANDINGS = 6 };

/* Memory alone never lets a pod execute, nor starts a write. */
static void check_known(int seat, int turn, int bits)
{
    const struct zl_known known = {.job = &JOB,
                                   .strategy =
                                       (bits & 4) != 0 ? ZL_STRATEGY_SCALE_DOWN : ZL_STRATEGY_TURNS,
                                   .seat = (enum zl_seat)seat,
                                   .turn = (enum zl_whose_turn)turn,
                                   .holder_terminating = (bits & 1) != 0,
                                   .is_holder = (bits & 2) != 0};
    struct zl_decision remembered = zl_decide_known(&known);
    assert_false(zl_outcome_allows(remembered.outcome));
    assert_true(remembered.step == ZL_STEP_ANSWER || remembered.step == ZL_STEP_LOOK);
}

static struct zl_seen seen_of(int seat, int turn, int standing, int bits)
{
    return (struct zl_seen){LIVE,
                            .seat = (enum zl_seat)seat,
                            .holder_terminating = (bits & 1) != 0,
                            .is_holder = (bits & 2) != 0,
                            .claim_in_flight = (bits & 4) != 0,
                            .other = (bits & 8) != 0 ? &OTHER : NULL,
                            .other_led = (bits & 32) != 0,
                            .queue = {.turn = (enum zl_whose_turn)turn,
                                      .standing = (enum zl_standing)standing,
                                      .other_has_turn = (bits & 16) != 0,
                                      .is_next = (bits & 64) != 0}};
}

/* Live: a free seat, no live pod beside it, and the Job's own turn; or it is nobody's, and this one is next. */
static void check_seen(const struct zl_seen *seen)
{
    const struct zl_queue_seen *queue = &seen->queue;
    struct zl_decision decision = zl_decide_seen(seen);
    bool vacant = seen->seat == ZL_SEAT_ABSENT || seen->seat == ZL_SEAT_EMPTY ||
                  seen->seat == ZL_SEAT_ABANDONED;
    bool pending = seen->claim_in_flight && !seen->other_led && seen->seat != ZL_SEAT_ABANDONED;
    bool entitled = queue->turn != ZL_TURN_ANOTHERS &&
                    (queue->standing == ZL_STANDING_EXECUTING ||
                     (queue->standing == ZL_STANDING_WAITING && queue->is_next));
    bool claims = decision.step == ZL_STEP_CLAIM;
    bool adopts = decision.step == ZL_STEP_ADOPT;
    assert_true(decision.step != ZL_STEP_SUCCEED);
    assert_true(zl_outcome_allows(decision.outcome) == (claims || seen->is_holder));
    if (claims) {
        assert_true(vacant && !pending && entitled && seen->other == NULL && !seen->is_holder);
    }
    if (adopts) {
        assert_true(vacant && !pending && seen->other != NULL &&
                    (queue->turn == ZL_TURN_NOBODYS || queue->other_has_turn));
    }
}

static void test_a_pod_executes_by_the_seat_and_its_turn_alone(void **state)
{
    (void)state;
    for (int seat = ZL_SEAT_ABSENT; seat <= ZL_SEAT_ABANDONED; seat++) {
        for (int turn = 0; turn < TURNS; turn++) {
            for (int bits = 0; bits < FACTS_END * STANDINGS; bits++) {
                const struct zl_seen seen = seen_of(seat, turn, bits / FACTS_END, bits % FACTS_END);
                check_known(seat, turn, bits);
                check_seen(&seen);
            }
        }
    }
}

static void test_a_lease_tells_whose_turn_it_is(void **state)
{
    (void)state;
    const struct zl_lease nobodys = {0};
    const struct zl_lease own = {.turn_job = (char[]){"a"}, .turn_uid = (char[]){"uid-a"}};
    /* The name alone is not enough: somebody made a new Job of that name. */
    const struct zl_lease namesakes = {.turn_job = (char[]){"a"}, .turn_uid = (char[]){"uid-b"}};
    assert_int_equal(zl_turn_of(&JOB, NULL), ZL_TURN_NOBODYS);
    assert_int_equal(zl_turn_of(&JOB, &nobodys), ZL_TURN_NOBODYS);
    assert_int_equal(zl_turn_of(&JOB, &own), ZL_TURN_OWN);
    assert_int_equal(zl_turn_of(&JOB, &namesakes), ZL_TURN_ANOTHERS);
    assert_int_equal(zl_turn_of(NULL, &own), ZL_TURN_ANOTHERS);
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
    const struct zl_workload three = {
        .kind = &ZL_KIND_DEPLOYMENT, .replicas = 3, .pool = (char[]){"web"}};
    const struct zl_known known = {.workload = &three,
                                   .strategy = ZL_STRATEGY_SCALE_DOWN,
                                   .seat = ZL_SEAT_HELD,
                                   .held_by_job = true};
    assert_int_equal(zl_decide_known(&known).outcome, ZL_OUTCOME_JOB_EXECUTES);
    struct zl_seen seen = {.workload = &three,
                           .strategy = ZL_STRATEGY_SCALE_DOWN,
                           .seat = ZL_SEAT_HELD,
                           .held_by_job = true,
                           .revision.may_lead = true};
    assert_int_equal(zl_decide_seen(&seen).outcome, ZL_OUTCOME_JOB_EXECUTES);
    seen.seat = ZL_SEAT_PROVISIONAL;
    assert_int_equal(zl_decide_seen(&seen).outcome, ZL_OUTCOME_JOB_EXECUTES);
    /* Its pod has ended. No other pod of a Job starts in this pool, so the turn is worth nothing. */
    seen.seat = ZL_SEAT_ABANDONED;
    assert_int_equal(zl_decide_seen(&seen).step, ZL_STEP_CLAIM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_memory_knows_of_a_turn_follows_the_table),
        cmocka_unit_test(test_what_was_seen_of_a_turn_follows_the_table),
        cmocka_unit_test(test_a_pod_executes_by_the_seat_and_its_turn_alone),
        cmocka_unit_test(test_a_lease_tells_whose_turn_it_is),
        cmocka_unit_test(test_a_waiting_job_reads_one_text),
        cmocka_unit_test(test_a_deployment_waits_for_a_job_and_is_told_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
