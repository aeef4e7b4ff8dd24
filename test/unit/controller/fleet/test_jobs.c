/* SPDX-License-Identifier: Apache-2.0 */
/* What Jobs and other work say of their cluster's turn, and what is done to them. */
#include "controller/fleet/jobs.h"

#include "common/base/json.h"
#include "common/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { NOW_MS = 1000000, LIMIT_MS = 60000, JOBS_MAX = 3 };

static struct zl_fleet_agent agent;
static struct zl_fleet_job jobs[JOBS_MAX];
static struct zl_fleet_outside outside;
static bool settled;
static char names[JOBS_MAX][2] = {"a", "b", "c"};

static int begin(void **state)
{
    (void)state;
    zl_fleet_agent_begin(&agent, "pool", NULL);
    memset(jobs, 0, sizeof jobs);
    memset(&outside, 0, sizeof outside);
    settled = true;
    for (int i = 0; i < JOBS_MAX; i++) {
        jobs[i] = (struct zl_fleet_job){.held = true, .suspended = true};
        jobs[i].meta.name = names[i];
        jobs[i].meta.created_us = i;
    }
    return 0;
}

/* It is this cluster's turn TOKEN, by a request of this process. */
static void activate(int64_t token)
{
    agent.turn = (struct zl_fleet_turn){
        .state = ZL_FLEET_ACTIVE, .token = token, .gen = 1, .answers = 77, .limit_ms = LIMIT_MS};
    agent.sent[0].nonce = 77;
    agent.sent[0].boot_ms = NOW_MS;
}

static struct zl_fleet_job_plan plan_of(size_t count, int64_t started)
{
    const struct zl_fleet_job *list[JOBS_MAX];
    for (size_t i = 0; i < count; i++) {
        list[i] = &jobs[count - 1 - i]; /* their order does not matter */
    }
    return zl_fleet_jobs_plan(list, count, &outside, &agent, started, settled, NOW_MS);
}

static void test_a_job_is_held_unless_it_was_started_or_its_user_holds_it(void **state)
{
    (void)state;
    struct zl_fleet_job job = {.suspended = false};
    assert_true(zl_fleet_job_must_be_held(&job));
    job.held = true; /* somebody resumed it */
    assert_true(zl_fleet_job_must_be_held(&job));
    job.suspended = true;
    assert_false(zl_fleet_job_must_be_held(&job));
    job = (struct zl_fleet_job){.turn = 5};
    assert_false(zl_fleet_job_must_be_held(&job));
    job = (struct zl_fleet_job){.finished = true};
    assert_false(zl_fleet_job_must_be_held(&job));
}

static void read_outside(const char *want, const char *report)
{
    struct zl_error err = {0};
    ZL_AUTO_JSON struct cJSON *annotations = zl_json_object();
    if (want != NULL) {
        zl_json_set_text(annotations, "zen-lead.io/fleet-want", want);
    }
    if (report != NULL) {
        zl_json_set_text(annotations, "zen-lead.io/fleet-report", report);
    }
    if (zl_fleet_outside_read(annotations, &outside, &err) != ZL_OK) {
        fail_msg("%s", err.message);
    }
}

static void test_work_that_is_no_job_asks_and_reports_by_annotations(void **state)
{
    (void)state;
    read_outside("true", NULL);
    assert_true(plan_of(0, 0).intent.wants);
    activate(5);
    struct zl_fleet_job_plan plan = plan_of(1, 0);
    assert_true(plan.intent.wants);
    assert_null(plan.start); /* the turn is not the Job's */
    assert_int_equal(plan.intent.outcome, ZL_FLEET_NO_OUTCOME);
    read_outside("true", "5 failed  no space");
    plan = plan_of(0, 0);
    assert_false(plan.intent.wants); /* the want beside a report is over */
    assert_int_equal(plan.intent.outcome, ZL_FLEET_FAILED);
    assert_int_equal(plan.intent.outcome_token, 5);
    assert_string_equal(plan.intent.reason, "no space");
    agent.request.report = (struct zl_fleet_report){.token = 5, .outcome = ZL_FLEET_FAILED};
    assert_int_equal(plan_of(0, 0).intent.outcome, ZL_FLEET_NO_OUTCOME); /* once */
    read_outside(NULL, "4 done");                                        /* of an older turn */
    agent.request.report.token = 0;
    assert_int_equal(plan_of(0, 0).intent.outcome, ZL_FLEET_NO_OUTCOME);
}

static void test_a_failure_that_goes_again_ends_no_want_that_stands(void **state)
{
    (void)state;
    read_outside("true", "5 failed");
    agent.turn = (struct zl_fleet_turn){.token = 5, .ended_token = 5, .outcome = ZL_FLEET_FAILED};
    agent.request.report = (struct zl_fleet_report){.token = 5, .outcome = ZL_FLEET_FAILED};
    assert_false(plan_of(0, 0).intent.wants);
    agent.turn.retried = 5; /* zen-lead fleet retry */
    assert_true(plan_of(0, 0).intent.wants);
    activate(6);
    agent.turn.retried = 5;
    assert_true(plan_of(1, 0).intent.wants);
    assert_null(plan_of(1, 0).start);
    read_outside("true", "6 failed");
    assert_false(plan_of(0, 0).intent.wants); /* once */
    read_outside(NULL, "5 failed");
    assert_false(plan_of(0, 0).intent.wants); /* nobody wants it */
    read_outside("true", "5 done");
    assert_false(plan_of(0, 0).intent.wants);
}

static void read_answer(const char *accept, const char *decline, bool manual)
{
    struct zl_error err = {0};
    ZL_AUTO_JSON struct cJSON *annotations = zl_json_object();
    zl_json_set_text(annotations, "zen-lead.io/fleet-want", "true");
    if (accept != NULL) {
        zl_json_set_text(annotations, "zen-lead.io/fleet-accept", accept);
    }
    if (decline != NULL) {
        zl_json_set_text(annotations, "zen-lead.io/fleet-decline", decline);
    }
    if (zl_fleet_outside_read(annotations, &outside, &err) != ZL_OK) {
        fail_msg("%s", err.message);
    }
    outside.manual = manual;
}

static void test_a_turn_is_taken_when_it_is_accepted_and_not_while_it_is_declined(void **state)
{
    (void)state;
    static const struct {
        const char *accept, *decline;
        bool manual, is_ready;
    } cases[] = {{NULL, NULL, false, true},  {NULL, NULL, true, false},
                 {"5", NULL, true, true},    {"4", NULL, true, false},
                 {"5", "full", true, false}, {NULL, "full", false, false},
                 {"4", NULL, false, true}};
    agent.turn.ended_token = agent.turn.token = 5;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        read_answer(cases[i].accept, cases[i].decline, cases[i].manual);
        const struct zl_fleet_intent intent = plan_of(0, 0).intent;
        assert_true(intent.wants); /* it keeps its place */
        assert_int_equal(intent.is_ready, cases[i].is_ready);
        assert_int_equal(intent.not_ready == NULL, cases[i].is_ready);
    }
    struct zl_error err = {0};
    ZL_AUTO_JSON struct cJSON *annotations = zl_json_object();
    zl_json_set_text(annotations, "zen-lead.io/fleet-accept", "yes");
    assert_int_equal(zl_fleet_outside_read(annotations, &outside, &err), ZL_E_INVALID);
    assert_non_null(strstr(err.message, "status.lastToken"));
}

static void test_a_turn_is_extended_by_name_and_generation(void **state)
{
    (void)state;
    struct zl_error err = {0};
    static const char *const bad[] = {"", "5", "5 ", "5 x", "x 1", "0 1", "5 0"};
    ZL_AUTO_JSON struct cJSON *annotations = zl_json_object();
    zl_json_set_text(annotations, "zen-lead.io/fleet-extend", "5 2");
    assert_int_equal(zl_fleet_outside_read(annotations, &outside, &err), ZL_OK);
    activate(5);
    agent.turn.gen = 1;
    assert_false(plan_of(0, 0).intent.extends);
    agent.turn.gen = 2;
    assert_true(plan_of(0, 0).intent.extends);
    agent.turn.gen = 3; /* it got it */
    assert_false(plan_of(0, 0).intent.extends);
    activate(6);
    agent.turn.gen = 2;
    assert_false(plan_of(0, 0).intent.extends);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ZL_AUTO_JSON struct cJSON *wrong = zl_json_object();
        zl_json_set_text(wrong, "zen-lead.io/fleet-extend", bad[i]);
        assert_int_equal(zl_fleet_outside_read(wrong, &outside, &err), ZL_E_INVALID);
        assert_non_null(strstr(err.message, "TOKEN GENERATION"));
    }
}

static void test_the_job_of_an_extended_turn_has_more_time_unless_its_own_was_smaller(void **state)
{
    (void)state;
    activate(5);
    int64_t until_ms = 0;
    assert_true(zl_fleet_may_act(&agent, NOW_MS, &until_ms));
    const int64_t rest_s = (until_ms - NOW_MS) / 1000;
    const struct {
        struct zl_fleet_job job;
        int64_t longer_s;
    } cases[] = {{{.deadline_s = rest_s}, 0}, /* as it was started */
                 {{.deadline_s = rest_s + 100, .started_us = 1000000}, 0},
                 {{.deadline_s = rest_s - 30}, rest_s},
                 {{.deadline_s = rest_s - 30, .started_us = 1000000}, rest_s + 100},
                 {{.deadline_s = rest_s - 30, .own_deadline = true}, 0},
                 {{.deadline_s = rest_s - 30, .finished = true}, 0},
                 {{.deadline_s = 1}, 0}, /* it was stopped */
                 {{.deadline_s = 0}, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t longer_s = zl_fleet_job_longer_s(&cases[i].job, &agent, NOW_MS, 101000000);
        if (longer_s != cases[i].longer_s) {
            fail_msg("%zu: %lld", i, (long long)longer_s);
        }
    }
    const struct zl_fleet_job late = {.deadline_s = 2};
    assert_int_equal(zl_fleet_job_longer_s(&late, &agent, until_ms, 101000000), 0);
}

static void test_work_that_was_done_late_takes_the_failure_back(void **state)
{
    (void)state;
    agent.turn = (struct zl_fleet_turn){.token = 5, .ended_token = 5, .outcome = ZL_FLEET_EXPIRED};
    read_outside(NULL, "5 failed");
    assert_int_equal(plan_of(0, 0).intent.outcome, ZL_FLEET_NO_OUTCOME);
    read_outside(NULL, "5 done");
    assert_int_equal(plan_of(0, 0).intent.outcome, ZL_FLEET_DONE);
}

static void test_a_report_that_cannot_be_meant_says_what_can(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "done", "5", "5 ok", "x done", "0 done", "5 doneish"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct zl_error err = {0};
        ZL_AUTO_JSON struct cJSON *annotations = zl_json_object();
        zl_json_set_text(annotations, "zen-lead.io/fleet-report", bad[i]);
        if (zl_fleet_outside_read(annotations, &outside, &err) != ZL_E_INVALID ||
            strstr(err.message, "\"TOKEN done\"") == NULL) {
            fail_msg("\"%s\": %s", bad[i], err.message);
        }
        assert_int_equal(outside.report.token, 0);
    }
}

static void test_a_waiting_job_wants_a_turn_and_is_not_started_without_one(void **state)
{
    (void)state;
    struct zl_fleet_job_plan plan = plan_of(1, 0);
    assert_true(plan.intent.wants);
    assert_null(plan.start);
    jobs[0].held = false; /* its user suspended it */
    assert_false(plan_of(1, 0).intent.wants);
    assert_false(plan_of(0, 0).intent.wants);
}

static void test_the_oldest_starts_with_the_smaller_of_its_deadline_and_the_turn(void **state)
{
    (void)state;
    activate(5);
    struct zl_fleet_job_plan plan = plan_of(3, 0);
    assert_ptr_equal(plan.start, &jobs[0]);
    assert_int_equal(plan.token, 5);
    assert_int_equal(plan.deadline_s, 57); /* less the margin */
    jobs[0].deadline_s = 20;
    assert_int_equal(plan_of(3, 0).deadline_s, 20);
    jobs[0].suspended = false; /* pods of it may still run */
    assert_ptr_equal(plan_of(3, 0).start, &jobs[1]);
}

static void test_one_job_in_one_turn(void **state)
{
    (void)state;
    activate(5);
    jobs[0].turn = 5;
    struct zl_fleet_job_plan plan = plan_of(3, 5);
    assert_null(plan.start);
    assert_true(plan.intent.wants);
    assert_int_equal(plan.intent.outcome, ZL_FLEET_NO_OUTCOME);
}

static void test_nothing_starts_on_an_offer_or_when_the_time_is_over(void **state)
{
    (void)state;
    activate(5);
    agent.turn.state = ZL_FLEET_OFFERED;
    assert_null(plan_of(1, 0).start);
    activate(5);
    agent.sent[0].boot_ms = NOW_MS - LIMIT_MS;
    assert_null(plan_of(1, 0).start);
}

static void test_complete_is_done_failed_is_failed_deleted_is_released(void **state)
{
    (void)state;
    static char why[] = "it reached its backoff limit";
    activate(5);
    jobs[0].turn = 5;
    jobs[0].finished = true;
    struct zl_fleet_job_plan plan = plan_of(1, 5);
    assert_int_equal(plan.intent.outcome, ZL_FLEET_DONE);
    assert_int_equal(plan.intent.outcome_token, 5);
    jobs[0].failed = true;
    jobs[0].why = why;
    plan = plan_of(1, 5);
    assert_int_equal(plan.intent.outcome, ZL_FLEET_FAILED);
    assert_string_equal(plan.intent.reason, why);
    plan = plan_of(0, 5);
    assert_int_equal(plan.intent.outcome, ZL_FLEET_RELEASED);
    assert_int_equal(plan.intent.outcome_token, 5);
}

static void test_a_watch_that_is_behind_shows_no_deletion(void **state)
{
    (void)state;
    activate(5);
    settled = false;
    struct zl_fleet_job_plan plan = plan_of(1, 5);
    assert_int_equal(plan.intent.outcome, ZL_FLEET_NO_OUTCOME);
    assert_true(plan.intent.wants);
    assert_null(plan.start); /* nor is another one started */
}

static void test_an_end_is_reported_once_and_a_late_success_too(void **state)
{
    (void)state;
    activate(5);
    jobs[0].turn = 5;
    jobs[0].finished = true;
    agent.request.report = (struct zl_fleet_report){.token = 5, .outcome = ZL_FLEET_DONE};
    assert_int_equal(plan_of(1, 5).intent.outcome, ZL_FLEET_NO_OUTCOME);
    agent.request.report = (struct zl_fleet_report){0};
    agent.turn.state = ZL_FLEET_IDLE;
    agent.turn.ended_token = 5;
    agent.turn.outcome = ZL_FLEET_EXPIRED;
    assert_int_equal(plan_of(1, 5).intent.outcome, ZL_FLEET_DONE);
    agent.turn.outcome = ZL_FLEET_DONE_LATE;
    assert_int_equal(plan_of(1, 5).intent.outcome, ZL_FLEET_NO_OUTCOME);
}

static void test_a_job_that_outlasts_its_turn_is_stopped_once(void **state)
{
    (void)state;
    activate(5);
    jobs[0].turn = 5;
    assert_null(plan_of(1, 5).stop);
    agent.sent[0].boot_ms = NOW_MS - LIMIT_MS; /* by this process' own clock */
    assert_ptr_equal(plan_of(1, 5).stop, &jobs[0]);
    agent.sent[0].nonce = 78; /* a new process does not know yet */
    assert_null(plan_of(1, 5).stop);
    agent.turn.ended_token = 5; /* by the hub */
    assert_ptr_equal(plan_of(1, 5).stop, &jobs[0]);
    jobs[0].deadline_s = 1; /* it was told */
    assert_null(plan_of(1, 5).stop);
}

static void test_a_number_that_somebody_wrote_is_no_turn(void **state)
{
    (void)state;
    activate(5);
    jobs[0].turn = 9000;
    jobs[0].finished = true;
    struct zl_fleet_job_plan plan = plan_of(2, 0);
    assert_int_equal(plan.intent.outcome, ZL_FLEET_NO_OUTCOME);
    assert_ptr_equal(plan.start, &jobs[1]);
}

/* Before 1.22: a hold that was written is all that there is, and the deadline of a Job counts from its creation. */
static void test_without_suspend_a_held_job_is_started_with_the_time_that_went_by(void **state)
{
    (void)state;
    struct zl_fleet_job job = {.held = true, .cannot_suspend = true, .started_us = 30 * 1000000};
    job.meta.name = names[0];
    assert_false(zl_fleet_job_must_be_held(&job)); /* not again and again */
    jobs[0] = job;
    activate(5);
    assert_ptr_equal(plan_of(1, 0).start, &jobs[0]);
    ZL_AUTO_JSON struct cJSON *patch =
        zl_fleet_job_start_patch(&job, 5, 60, false, INT64_C(100) * 1000000);
    assert_int_equal(zl_json_i64(patch, 0, "spec", "activeDeadlineSeconds", NULL), 130);
    job.held = false;
    assert_true(zl_fleet_job_must_be_held(&job));
    job.suspended = true; /* its clock stands still */
    ZL_AUTO_JSON struct cJSON *other =
        zl_fleet_job_start_patch(&job, 5, 60, false, INT64_C(100) * 1000000);
    assert_int_equal(zl_json_i64(other, 0, "spec", "activeDeadlineSeconds", NULL), 60);
}

#define CASE(test) cmocka_unit_test_setup(test, begin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(
            test_without_suspend_a_held_job_is_started_with_the_time_that_went_by, begin),
        CASE(test_a_job_is_held_unless_it_was_started_or_its_user_holds_it),
        CASE(test_a_waiting_job_wants_a_turn_and_is_not_started_without_one),
        CASE(test_work_that_is_no_job_asks_and_reports_by_annotations),
        CASE(test_a_failure_that_goes_again_ends_no_want_that_stands),
        CASE(test_a_turn_is_taken_when_it_is_accepted_and_not_while_it_is_declined),
        CASE(test_a_turn_is_extended_by_name_and_generation),
        CASE(test_the_job_of_an_extended_turn_has_more_time_unless_its_own_was_smaller),
        CASE(test_work_that_was_done_late_takes_the_failure_back),
        CASE(test_a_report_that_cannot_be_meant_says_what_can),
        CASE(test_the_oldest_starts_with_the_smaller_of_its_deadline_and_the_turn),
        CASE(test_one_job_in_one_turn),
        CASE(test_nothing_starts_on_an_offer_or_when_the_time_is_over),
        CASE(test_complete_is_done_failed_is_failed_deleted_is_released),
        CASE(test_a_watch_that_is_behind_shows_no_deletion),
        CASE(test_an_end_is_reported_once_and_a_late_success_too),
        CASE(test_a_job_that_outlasts_its_turn_is_stopped_once),
        CASE(test_a_number_that_somebody_wrote_is_no_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
