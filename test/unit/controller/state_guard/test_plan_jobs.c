/* SPDX-License-Identifier: Apache-2.0 */
/* A guarded pool: what becomes of its Lease and of its Jobs, row by row. */
#include "controller/leader/plan.h"
#include "controller/leader/status.h"
#include "controller/state_guard/plan_jobs.h"
#include "test/unit/controller/trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define NOW_S INT64_C(1767225600)
#define SECOND_US INT64_C(1000000)

enum { JOBS = 3, PODS = 2, TICK_AGE_S = 60 };

static char ns[] = "shop", pool_name[] = "batch", nobody[] = "", version[] = "1",
            kind_job[] = "Job", kind_cronjob[] = "CronJob";
/* Jobs a, b, c in order of creation; pods 0 and 1, of whichever Job a row says. */
static char job_names[JOBS][2] = {"a", "b", "c"}, pod_names[PODS][4] = {"p-0", "p-1"};
static char identities[PODS][8] = {"p-0_p-0", "p-1_p-1"};

enum lease { NONE, RELEASED, LOST, HELD }; /* HELD: by pod 0 */
enum holder { GONE, ALIVE, LEAVING, FINISHED, FAILED, OUTSIDE };

/* One Job of a row. */
struct job_row {
    bool over, paused, deleting, queued, suspended, ticks;
    bool scheduled;      /* Kueue's */
    int64_t resumptions; /* by somebody else */
    int64_t failures;
    int64_t deadline_s; /* startingDeadlineSeconds; 0: none */
};

struct row {
    const char *title;
    enum lease lease;
    enum holder holder;
    const char *turn; /* whose, by the Lease; NULL: nobody's */
    const char *runs; /* whose pods 0, 1 are, and live: "a" or "ab"; NULL: none lives */
    struct job_row jobs[JOBS];
    int count;
    bool provisional, young; /* the claim: not confirmed; younger than the claim timeout */
    bool given;              /* a token was given */
    bool led_last;           /* pod 1 was the last leader */
    const char *used_by;     /* who has the tick of T */
    bool cannot_suspend;
    int64_t retrying_ms;

    const char *steps; /* wanted: all of them, and nothing else (controller/trace.h) */
};

struct scene {
    struct zl_policy policy;
    struct zl_lease lease;
    struct zl_job jobs[JOBS];
    struct zl_pod pods[PODS];
    struct zl_turn turns[JOBS];
    struct zl_member members[PODS];
    struct zl_view view;
};

static struct zl_job job_of(const struct job_row *row, int index)
{
    struct zl_job job = {.meta = {.namespace_ = ns,
                                  .name = job_names[index],
                                  .uid = job_names[index],
                                  .created_us = index + 1,
                                  .deleting = row->deleting},
                         .finished = row->over,
                         .suspended = row->suspended || row->paused,
                         .queued = row->queued,
                         .scheduled = row->scheduled,
                         .resumptions = row->resumptions,
                         .parallelism = 1,
                         .failures = row->failures};
    if (row->ticks) {
        job.meta.controller.kind = kind_cronjob;
        job.tick_s = NOW_S - TICK_AGE_S;
    }
    return job;
}

static void set_lease(const struct row *row, struct scene *scene)
{
    struct zl_lease *lease = &scene->lease;
    *lease = (struct zl_lease){.namespace_ = ns,
                               .pool = pool_name,
                               .resource_version = version,
                               .holder_identity = nobody,
                               .fencing_token = 3,
                               .released_token = row->lease == RELEASED ? 3 : -1,
                               .duration_s = 15,
                               .provisional = row->provisional,
                               .acquire_us = (NOW_S - 30) * SECOND_US,
                               .renew_us = NOW_S * SECOND_US};
    if (row->lease == HELD) {
        lease->holder_identity = identities[0];
        lease->holder_pod = pod_names[0];
        lease->holder_uid = pod_names[0];
    }
    for (int i = 0; i < JOBS && row->turn != NULL; i++) {
        if (strcmp(row->turn, job_names[i]) == 0) {
            lease->turn_job = lease->turn_uid = job_names[i];
        }
    }
    scene->view.lease = row->lease == NONE ? NULL : lease;
}

static void add_pods(const struct row *row, struct scene *scene)
{
    static const enum zl_holder holders[] = {
        [GONE] = ZL_HOLDER_GONE,           [ALIVE] = ZL_HOLDER_ALIVE,
        [LEAVING] = ZL_HOLDER_TERMINATING, [FINISHED] = ZL_HOLDER_FINISHED,
        [FAILED] = ZL_HOLDER_FINISHED,     [OUTSIDE] = ZL_HOLDER_OUTSIDE};
    for (int i = 0; i < PODS; i++) {
        struct zl_pod *pod = &scene->pods[i];
        char of = row->runs != NULL && strlen(row->runs) > (size_t)i ? row->runs[i] : '-';
        *pod = (struct zl_pod){
            .meta = {.namespace_ = ns, .name = pod_names[i], .uid = pod_names[i], .created_us = i}};
        for (int j = 0; j < JOBS; j++) {
            if (of == job_names[j][0]) {
                pod->meta.controller = (struct zl_controller_ref){
                    .kind = kind_job, .name = job_names[j], .uid = job_names[j]};
                scene->members[scene->view.member_count++] =
                    (struct zl_member){.pod = pod, .gatekept = true, .job = &scene->jobs[j]};
            }
        }
    }
    scene->view.holder = row->lease == HELD ? holders[row->holder] : ZL_HOLDER_UNKNOWN;
    scene->view.holder_pod = NULL;
    if (row->lease == HELD && row->holder != GONE && row->holder != OUTSIDE) {
        struct zl_pod *pod = &scene->pods[0];
        pod->meta.deleting = row->holder == LEAVING;
        pod->finished = row->holder == FINISHED || row->holder == FAILED;
        pod->failed = row->holder == FAILED;
        scene->view.holder_pod = pod;
    }
}

static void judge(const struct row *row, struct scene *scene)
{
    struct zl_jobs_view *jobs = &scene->view.jobs;
    for (int i = 0; i < row->count; i++) {
        const struct job_row *job = &row->jobs[i];
        scene->jobs[i] = job_of(job, i);
        scene->turns[i] =
            (struct zl_turn){.job = &scene->jobs[i],
                             .starting_deadline_s = job->deadline_s > 0 ? job->deadline_s : -1};
    }
    jobs->turns = scene->turns;
    jobs->turn_count = (size_t)row->count;
    jobs->retrying_ms = row->retrying_ms;
    jobs->are_current = true;
    jobs->can_suspend = !row->cannot_suspend;
    add_pods(row, scene);
    for (size_t i = 0; i < scene->view.member_count; i++) {
        for (int j = 0; j < row->count; j++) {
            scene->turns[j].runs |= scene->members[i].job == scene->turns[j].job;
        }
    }
    struct zl_ticks ticks = {0};
    if (row->used_by != NULL) {
        zl_ticks_add(&ticks, NOW_S - TICK_AGE_S, row->used_by, row->used_by);
    }
    const char *turn = scene->view.lease != NULL ? scene->view.lease->turn_uid : NULL;
    zl_turns_judge(scene->turns, jobs->turn_count, turn, &ticks, NOW_S);
    zl_ticks_copy(&ticks, &scene->policy.status.ticks);
    zl_ticks_clear(&ticks);
    const struct zl_turn *executing = zl_turns_find(scene->turns, jobs->turn_count, turn);
    jobs->turn_over = executing == NULL || executing->standing != ZL_STANDING_EXECUTING;
}

static void set_scene(const struct row *row, struct scene *scene)
{
    memset(scene, 0, sizeof *scene);
    scene->policy = (struct zl_policy){
        .meta = {.namespace_ = ns, .name = pool_name}, .lease_duration_s = 15, .retry_period_s = 2};
    scene->policy.status.fencing_token = row->given ? 3 : 0;
    if (row->led_last) {
        scene->policy.status.holder_uid = pod_names[1];
        scene->policy.status.holder_token = 3;
    }
    scene->view = (struct zl_view){.namespace_ = ns,
                                   .name = pool_name,
                                   .policy = &scene->policy,
                                   .claim_timeout_ms = 5000,
                                   .claim_age_ms = row->young ? 1000 : 5000,
                                   .lost_ms = row->young ? 1000 : 5000,
                                   .last_token = row->given ? 3 : 0,
                                   .known_token = row->given ? 3 : 0,
                                   .members = scene->members,
                                   .wake = {.runs = true, .attempts = 9},
                                   .now_us = NOW_S * SECOND_US};
    set_lease(row, scene);
    judge(row, scene);
}

static const char *same_or(const char *text)
{
    return text != NULL ? text : "none";
}

static void check(const struct row *row)
{
    struct scene scene;
    ZL_AUTO_STEPS struct zl_steps steps;
    set_scene(row, &scene);
    zl_steps_begin(&steps, &scene.view);
    zl_plan_turns(&scene.view, &steps);
    expect_trace(row->title, &steps, row->steps);
    zl_ticks_clear(&scene.policy.status.ticks);
}

#define CHECK(rows)                                                                                \
    for (size_t i_ = 0; i_ < sizeof(rows) / sizeof(rows)[0]; i_++) {                               \
        check(&(rows)[i_]);                                                                        \
    }
#define QUEUED                                                                                     \
    {                                                                                              \
        .queued = true, .suspended = true                                                          \
    }

static const struct row FREE_ROWS[] = {
    {.title = "no Lease yet: the first may come, the others wait",
     .count = 3,
     .steps = "wake its-turn Job/a; queue waits b if turn-same; queue waits c if turn-same; again "
              "30000"},
    {.title = "released: the first is resumed",
     .lease = RELEASED,
     .jobs = {QUEUED, QUEUED, QUEUED},
     .count = 3,
     .steps = "resume its-turn a; again 30000"},
    {.title = "where Jobs cannot be suspended they carry the mark alone",
     .lease = RELEASED,
     .jobs = {{.queued = true}, {.queued = true}, {0}},
     .count = 3,
     .cannot_suspend = true,
     .steps = "resume its-turn a; queue waits c if turn-same; again 30000"},
    {.title = "a waiting Job that somebody resumed is suspended again",
     .lease = RELEASED,
     .jobs = {QUEUED, {.queued = true}},
     .count = 2,
     .steps = "resume its-turn a; suspend resumed-too-early b if turn-same; again 30000"},
    {.title = "one that had its turn while no controller ran loses the mark; one that is deleted "
              "is left alone",
     .lease = RELEASED,
     .jobs = {{.over = true, .queued = true}, {.deleting = true, .queued = true}, QUEUED},
     .count = 3,
     .steps = "resume its-turn c; resume had-its-turn a; again 30000"},
    {.title = "suspended by its user, a Job is passed over and left alone",
     .lease = RELEASED,
     .jobs = {{.paused = true}, QUEUED},
     .count = 2,
     .steps = "resume its-turn b; again 30000"},
    {.title = "the Lease was lost a moment ago: nobody is called",
     .lease = LOST,
     .given = true,
     .young = true,
     .jobs = {QUEUED, {0}},
     .count = 2,
     .steps = "queue waits b if turn-same; again 4000"},
    {.title = "... nor is who runs taken: it may not be the one; and it is not suspended",
     .lease = LOST,
     .given = true,
     .young = true,
     .runs = "b",
     .count = 2,
     .steps = "queue waits a if turn-same; again 4000"},
    {.title = "... taken when nothing can be on its way any more",
     .lease = LOST,
     .given = true,
     .runs = "b",
     .count = 2,
     .steps = "reserve-token if taker-lives lease-same; lease elected: holder=p-0 turn=b; queue "
              "waits a if turn-same; again 9240"},
    {.title = "... nor when it was deleted",
     .given = true,
     .young = true,
     .jobs = {QUEUED},
     .count = 1,
     .steps = "again 4000"},
    {.title = "lost for the claim timeout: the first may come",
     .lease = LOST,
     .given = true,
     .jobs = {QUEUED},
     .count = 1,
     .steps = "resume its-turn a; again 30000"},
    {.title = "lost, and the last that executed still runs: it is its seat at once",
     .lease = LOST,
     .given = true,
     .young = true,
     .led_last = true,
     .runs = "ab",
     .count = 2,
     .steps = "reserve-token if taker-lives lease-same; lease elected: holder=p-1 turn=b; queue "
              "waits a if turn-same; delete-pod surplus-of-job p-0 if holder-same; again 9240"},
    {.title = "nobody admitted it, but it runs: it is adopted",
     .lease = RELEASED,
     .runs = "b",
     .count = 2,
     .steps = "reserve-token if taker-lives lease-same; lease elected: holder=p-0 turn=b; queue "
              "waits a if turn-same; again 9240"},
    {.title = "of two that run, the first Job's",
     .lease = RELEASED,
     .runs = "ca",
     .count = 3,
     .steps = "reserve-token if taker-lives lease-same; lease elected: holder=p-1 turn=a; queue "
              "waits b if turn-same; queue waits c if turn-same; delete-pod surplus-of-job p-0 if "
              "holder-same; again 9240"},
    {.title = "a Job that is over, and whose pod lives: nobody starts beside it",
     .lease = RELEASED,
     .runs = "a",
     .jobs = {{.over = true}, QUEUED},
     .count = 2,
     .steps =
         "reserve-token if taker-lives lease-same; lease elected: holder=p-0 turn=a; again 9240"},
    {.title = "one that wants its turn is preferred to that",
     .lease = RELEASED,
     .runs = "ab",
     .jobs = {{.over = true}, {0}},
     .count = 2,
     .steps = "reserve-token if taker-lives lease-same; lease elected: holder=p-1 turn=b; "
              "delete-pod surplus-of-job p-0 if holder-same; again 9240"},
    {.title = "somebody emptied the Lease within a turn: it goes on",
     .lease = LOST,
     .turn = "b",
     .count = 2,
     .steps = "wake its-turn Job/b; queue waits a if turn-same; again 30000"},
    {.title = "... and it is over: the turn is taken off the Lease",
     .lease = LOST,
     .turn = "a",
     .jobs = {{.over = true}, QUEUED},
     .count = 2,
     .steps = "lease turn-over: turn=-; resume its-turn b; again 30000"},
};

static void test_free_seat_goes_to_who_runs_or_calls_the_next(void **state)
{
    (void)state;
    CHECK(FREE_ROWS);
}

#define SEAT .lease = HELD, .given = true
static const struct row TURN_ROWS[] = {
    {.title = "one executes, the others are told once",
     SEAT,
     .holder = ALIVE,
     .turn = "a",
     .runs = "a",
     .jobs = {{0}, {0}, QUEUED},
     .count = 3,
     .steps = "queue waits b if turn-same; again 9240"},
    {.title = "it executes although it was queued: let go",
     SEAT,
     .holder = ALIVE,
     .turn = "a",
     .runs = "a",
     .jobs = {QUEUED},
     .count = 1,
     .steps = "resume had-its-turn a; again 9240"},
    {.title = "the claim is confirmed when its pod is seen",
     SEAT,
     .holder = ALIVE,
     .provisional = true,
     .turn = "a",
     .runs = "a",
     .count = 1,
     .steps = "lease renewal:; again 9240"},
    {.title = "a turn that somebody edited is put right",
     SEAT,
     .holder = ALIVE,
     .turn = "b",
     .runs = "a",
     .jobs = {QUEUED, {0}},
     .count = 2,
     .steps =
         "lease renewal: turn=a; resume had-its-turn a; queue waits b if turn-same; again 9240"},
    {.title = "the pod of a claim is on its way",
     SEAT,
     .provisional = true,
     .young = true,
     .turn = "a",
     .jobs = {{0}, {0}},
     .count = 2,
     .steps = "queue waits b if turn-same; again 4000"},
    {.title = "it never came: the turn goes on, its Job is woken",
     SEAT,
     .provisional = true,
     .turn = "a",
     .jobs = {{0}, QUEUED},
     .count = 2,
     .steps = "wake its-turn Job/a; again 30000"},
    {.title = "between two pods of a Job: nobody else",
     SEAT,
     .holder = FINISHED,
     .turn = "b",
     .jobs = {QUEUED, {0}},
     .count = 2,
     .steps = "wake its-turn Job/b; again 30000"},
    {.title = "... its second pod slipped in: the seat is its",
     SEAT,
     .holder = FINISHED,
     .turn = "b",
     .runs = "-b",
     .jobs = {QUEUED, {0}},
     .count = 2,
     .steps = "reserve-token if taker-lives lease-same; lease elected: holder=p-1; again 9240"},
    {.title = "... another Job's pod slipped in: it is surplus",
     SEAT,
     .holder = FINISHED,
     .turn = "b",
     .runs = "-a",
     .jobs = {{0}, {0}},
     .count = 2,
     .steps = "wake its-turn Job/b; queue waits a if turn-same; delete-pod surplus-of-job p-1 if "
              "holder-same; again 30000"},
    {.title = "complete: the seat is released and the next resumed at once",
     SEAT,
     .holder = FINISHED,
     .turn = "a",
     .jobs = {{.over = true}, QUEUED, QUEUED},
     .count = 3,
     .steps = "lease turn-over: holder=- turn=-; resume its-turn b; again 30000"},
    {.title = "over, but its pod lives: the turn does not end",
     SEAT,
     .holder = ALIVE,
     .turn = "a",
     .runs = "a",
     .jobs = {{.over = true}, QUEUED},
     .count = 2,
     .steps = "again 9240"},
    {.title = "over, and its pod is on its way out, on a lost node perhaps: nor here",
     SEAT,
     .holder = LEAVING,
     .turn = "a",
     .runs = "a",
     .jobs = {{.over = true}, QUEUED},
     .count = 2,
     .steps = "again 9240"},
    {.title = "deleted, and its pod is gone",
     SEAT,
     .turn = "a",
     .jobs = {{.deleting = true}, QUEUED},
     .count = 2,
     .steps = "lease turn-over: holder=- turn=-; resume its-turn b; again 30000"},
    {.title = "its user suspends it in its turn: the turn ends, and it waits for another",
     SEAT,
     .turn = "a",
     .jobs = {{.paused = true}, QUEUED},
     .count = 2,
     .steps = "lease turn-over: holder=- turn=-; resume its-turn b; again 30000"},
    {.title = "a Deployment's pod that left",
     SEAT,
     .holder = OUTSIDE,
     .jobs = {QUEUED},
     .count = 1,
     .steps = "lease leader-outside: holder=-; resume its-turn a; again 30000"},
    {.title = "a pod that ran beside the turn that ended is given the seat",
     SEAT,
     .holder = FINISHED,
     .turn = "a",
     .runs = "-c",
     .jobs = {{.over = true}, QUEUED, {0}},
     .count = 3,
     .steps =
         "reserve-token if taker-lives lease-same; lease elected: holder=p-1 turn=c; again 9240"},
};

static void test_turn_lasts_until_its_job_is_over_and_its_pod_gone(void **state)
{
    (void)state;
    CHECK(TURN_ROWS);
}

#define TICK                                                                                       \
    {                                                                                              \
        .ticks = true                                                                              \
    }
static const struct row TICK_ROWS[] = {
    {.title = "one Job for each tick, the other is removed",
     .lease = RELEASED,
     .jobs = {TICK, TICK},
     .count = 2,
     .steps = "wake its-turn Job/a; delete-job duplicate b if no-turn; again 30000"},
    {.title = "while the first executes, too",
     SEAT,
     .holder = ALIVE,
     .turn = "a",
     .runs = "a",
     .used_by = "a",
     .jobs = {TICK, TICK},
     .count = 2,
     .steps = "delete-job duplicate b if no-turn; again 9240"},
    {.title = "one that slipped in for a tick that is used up gets no turn",
     .lease = RELEASED,
     .used_by = "gone",
     .runs = "a",
     .jobs = {TICK, QUEUED},
     .count = 2,
     .steps = "delete-job duplicate a if no-turn"},
    {.title = "its deadline passed long enough ago",
     .lease = RELEASED,
     .jobs = {{.ticks = true, .deadline_s = TICK_AGE_S - 6}, QUEUED},
     .count = 2,
     .steps = "resume its-turn b; delete-job missed a if no-turn; again 1"},
    {.title = "it passed a moment ago: a claim may be under way",
     .lease = RELEASED,
     .jobs = {{.ticks = true, .deadline_s = TICK_AGE_S - 5}, QUEUED},
     .count = 2,
     .steps = "resume its-turn b; again 1000"},
    {.title = "in time",
     .lease = RELEASED,
     .jobs = {{.ticks = true, .deadline_s = TICK_AGE_S}, QUEUED},
     .count = 2,
     .steps = "wake its-turn Job/a; again 6000"},
};

static void test_tick_is_one_jobs_alone(void **state)
{
    (void)state;
    CHECK(TICK_ROWS);
}

static void test_overdue_job_is_looked_at_in_time(void **state)
{
    (void)state;
    const struct row row = {.lease = RELEASED,
                            .jobs = {{.ticks = true, .deadline_s = TICK_AGE_S + 10}, TICK, QUEUED},
                            .count = 3};
    struct scene scene;
    set_scene(&row, &scene);
    assert_int_equal(zl_turns_deadline_ms(&scene.view), 11000 + 5000);
    scene.turns[0].starting_deadline_s = -1;
    assert_int_equal(zl_turns_deadline_ms(&scene.view), 0);
}

static void test_failed_pod_is_retried_at_the_jobs_own_pace(void **state)
{
    (void)state;
    const struct {
        enum holder holder;
        int64_t failures, retrying_ms, wanted_ms;
    } rows[] = {
        {FAILED, 1, 0, 10000}, {FAILED, 2, 0, 20000},   {FAILED, 2, 15000, 5000},
        {FAILED, 2, 20000, 0}, {FAILED, 30, 0, 360000}, {FAILED, 0, 0, 10000},
        {FINISHED, 3, 0, 0},   {GONE, 3, 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row row = {SEAT,        .holder = rows[i].holder,
                                .turn = "a", .jobs = {{.failures = rows[i].failures}},
                                .count = 1,  .retrying_ms = rows[i].retrying_ms};
        struct scene scene;
        set_scene(&row, &scene);
        int64_t got_ms = zl_turn_retry_ms(&scene.view);
        if (got_ms != rows[i].wanted_ms) {
            fail_msg("row %zu: %lld ms", i, (long long)got_ms);
        }
    }
}

/* --- status --- */

static void fill_status(const struct zl_view *view, struct zl_policy_status *out)
{
    zl_status_begin(view, out);
    zl_status_list_jobs(view, ZL_STRATEGY_STATE_GUARD, out);
    zl_status_turns(view, out);
    zl_status_end(view, out);
}

static void test_status_says_who_executes_and_who_waits(void **state)
{
    (void)state;
    const struct row row = {SEAT, .holder = ALIVE, .turn = "b", .runs = "b", .count = 3};
    struct scene scene;
    struct zl_policy_status status = {0};
    set_scene(&row, &scene);
    fill_status(&scene.view, &status);
    assert_string_equal(status.executing.name, "b");
    assert_string_equal(status.executing.since, "2025-12-31T23:59:30Z");
    assert_int_equal(status.waiting, 2);
    assert_int_equal(status.blocked, 2);
    assert_int_equal(status.candidates, 3);
    assert_int_equal(status.queue_count, 2);
    assert_string_equal(status.queue[0].name, "a");
    assert_string_equal(status.queue[1].name, "c");
    assert_string_equal(status.phase, "Stable");
    assert_string_equal(status.holder_name, "p-0");
    assert_string_equal(status.conditions[ZL_CONDITION_READY].reason, "JobExecuting");
    assert_int_equal(status.workload_count, 3);
    assert_string_equal(status.workloads[0].kind, "Job");
    assert_string_equal(status.workloads[0].strategy, ZL_STRATEGY_STATE_GUARD);
    zl_policy_status_clear(&status);
}

static void test_status_between_turns(void **state)
{
    (void)state;
    static const struct {
        struct row row;
        const char *executing, *phase, *reason;
        bool before; /* the status said already that A executes */
    } rows[] = {
        {{.lease = RELEASED, .count = 1}, NULL, "Electing", "TurnPending", false},
        {{.lease = RELEASED, .jobs = {{.over = true}}, .count = 1}, NULL, "Stable", "Idle", true},
        {{SEAT, .provisional = true, .young = true, .turn = "a", .count = 2},
         NULL,
         "Electing",
         "TurnPending",
         false},
        {{SEAT, .provisional = true, .young = true, .turn = "a", .count = 2},
         "a",
         "Electing",
         "TurnPending",
         true},
        {{SEAT, .holder = FINISHED, .turn = "a", .count = 1}, "a", "Stable", "TurnPending", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scene scene;
        struct zl_policy_status status = {0};
        set_scene(&rows[i].row, &scene);
        if (rows[i].before) {
            scene.policy.status.executing =
                (struct zl_status_job){.name = job_names[0], .uid = job_names[0]};
        }
        fill_status(&scene.view, &status);
        const char *reason = status.conditions[ZL_CONDITION_READY].reason;
        if (!zl_same_string(status.executing.name, rows[i].executing) ||
            strcmp(status.phase, rows[i].phase) != 0 || strcmp(reason, rows[i].reason) != 0) {
            fail_msg("row %zu: executing %s, %s, %s", i, same_or(status.executing.name),
                     status.phase, reason);
        }
        assert_null(status.holder_name);
        zl_policy_status_clear(&status);
    }
}

static void test_pod_that_slipped_in_beside_a_claim_waits_for_the_claim(void **state)
{
    (void)state;
    const struct row row = {.title = "not judged before the claim is settled",
                            SEAT,
                            .provisional = true,
                            .young = true,
                            .turn = "a",
                            .runs = "-b",
                            .jobs = {{0}, QUEUED},
                            .count = 2,
                            .steps = "again 4000"};
    check(&row);
}

static void test_what_was_written_a_moment_ago_is_not_written_again(void **state)
{
    (void)state;
    const struct row row = {SEAT, .holder = ALIVE, .turn = "a", .runs = "a", .count = 3};
    struct scene scene;
    ZL_AUTO_STEPS struct zl_steps steps;
    set_scene(&row, &scene);
    scene.view.jobs.are_current = false;
    zl_steps_begin(&steps, &scene.view);
    zl_plan_turns(&scene.view, &steps);
    expect_trace("the cache is behind", &steps, "again 20");
}

static void test_pods_that_nobody_leads_are_named_only_once_a_lease_is_there(void **state)
{
    (void)state;
    const struct row row = {.title = "made empty: creating is no compare-and-swap",
                            .runs = "b",
                            .count = 2,
                            .steps = "lease no-lease:; again 1"};
    check(&row);
}

/* --- beside a Deployment --- */

static void test_deployment_beside_an_executing_job_waits(void **state)
{
    (void)state;
    static const struct zl_workload deployment = {.kind = &ZL_KIND_DEPLOYMENT,
                                                  .meta = {.namespace_ = ns, .name = pool_name},
                                                  .replicas = 3,
                                                  .pool = pool_name};
    static const struct zl_workload *const workloads[] = {&deployment};
    const struct row row = {SEAT, .holder = ALIVE, .turn = "a", .runs = "a", .count = 1};
    struct scene scene;
    ZL_AUTO_STEPS struct zl_steps steps;
    ZL_AUTO_STEPS struct zl_steps later;
    set_scene(&row, &scene);
    scene.view.workloads = workloads;
    scene.view.workload_count = 1;
    scene.view.unready_ms = 9999999; /* a Job's pod is never Ready for anybody */
    zl_steps_begin(&steps, &scene.view);
    zl_plan_scale_down(&scene.view, &steps);
    expect_trace("it executes", &steps, "again 9240");
    struct zl_policy_status status = {0};
    zl_status_scale_down(&scene.view, &status);
    assert_int_equal(status.blocked, 3);
    assert_int_equal(status.candidates, 0);
    zl_policy_status_clear(&status);
    scene.view.holder = ZL_HOLDER_FINISHED;
    scene.view.member_count = 0;
    zl_steps_begin(&later, &scene.view);
    zl_plan_scale_down(&scene.view, &later);
    expect_trace("it is over", &later,
                 "lease turn-over: holder=- turn=-; wake seat-free Deployment/batch; again 30000");
}

/* Finding 6: whoever resumes what waits is told twice, and then left alone: the webhook still refuses the pods. */
static const struct row CONTEST_ROWS[] = {
    {.title = "resumed while it waits: suspended again",
     .lease = HELD,
     .holder = ALIVE,
     .turn = "a",
     .runs = "a",
     .given = true,
     .jobs = {{0}, {.queued = true, .resumptions = 1}},
     .count = 2,
     .steps = "suspend resumed-too-early b if turn-same; again 9240"},
    {.title = "resumed once more: left so, and said",
     .lease = HELD,
     .holder = ALIVE,
     .turn = "a",
     .runs = "a",
     .given = true,
     .jobs = {{0}, {.queued = true, .resumptions = 2}},
     .count = 2,
     .steps = "tell contested Job/b; again 9240"},
    {.title = "Kueue's is queued, and never suspended",
     .lease = HELD,
     .holder = ALIVE,
     .turn = "a",
     .runs = "a",
     .given = true,
     .jobs = {{0}, {.queued = true, .scheduled = true}},
     .count = 2,
     .steps = "again 9240"},
    {.title = "its turn: called like any other",
     .lease = RELEASED,
     .given = true,
     .jobs = {{.over = true}, {.queued = true, .resumptions = 2}},
     .count = 2,
     .steps = "resume its-turn b; tell contested Job/b; again 30000"},
};

static void test_other_suspenders_are_not_fought(void **state)
{
    (void)state;
    CHECK(CONTEST_ROWS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_other_suspenders_are_not_fought),
        cmocka_unit_test(test_free_seat_goes_to_who_runs_or_calls_the_next),
        cmocka_unit_test(test_turn_lasts_until_its_job_is_over_and_its_pod_gone),
        cmocka_unit_test(test_tick_is_one_jobs_alone),
        cmocka_unit_test(test_overdue_job_is_looked_at_in_time),
        cmocka_unit_test(test_failed_pod_is_retried_at_the_jobs_own_pace),
        cmocka_unit_test(test_status_says_who_executes_and_who_waits),
        cmocka_unit_test(test_status_between_turns),
        cmocka_unit_test(test_pod_that_slipped_in_beside_a_claim_waits_for_the_claim),
        cmocka_unit_test(test_what_was_written_a_moment_ago_is_not_written_again),
        cmocka_unit_test(test_pods_that_nobody_leads_are_named_only_once_a_lease_is_there),
        cmocka_unit_test(test_deployment_beside_an_executing_job_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
