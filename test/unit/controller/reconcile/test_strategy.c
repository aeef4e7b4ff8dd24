/* SPDX-License-Identifier: Apache-2.0 */
/* Which strategy leads a pool, and what it says in LeaderPolicy status and by Events. */
#include "controller/reconcile/strategy.h"

#include "test/unit/controller/trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define NOW_S INT64_C(1767225600)

static char ns[] = "shop", pool[] = "web", uid_job[] = "uid-job", job_name[] = "load",
            cronjob_name[] = "nightly", uid_cronjob[] = "uid-nightly", identity[] = "web-a_uid-a",
            pod_a[] = "web-a", uid_a[] = "uid-a", none_[] = "None", job_kind[] = "Job";
static const struct zl_workload DEPLOYMENT = {.kind = &ZL_KIND_DEPLOYMENT,
                                              .meta = {.namespace_ = ns, .name = pool},
                                              .replicas = 3,
                                              .pool = pool};
static const struct zl_workload *const WORKLOADS[] = {&DEPLOYMENT};
static const struct zl_job JOB = {.meta = {.namespace_ = ns, .name = job_name, .uid = uid_job},
                                  .parallelism = 1};
static const struct zl_cronjob CRONJOB = {
    .meta = {.namespace_ = ns, .name = cronjob_name, .uid = uid_cronjob}};
static const struct zl_cronjob *const CRONJOBS[] = {&CRONJOB};

struct scene {
    struct zl_policy policy;
    struct zl_lease lease;
    struct zl_turn turn;
    struct zl_view view;
};

/* A pool with what LETTERS say: p policy, s standby, d Deployment, j Job, c CronJob, t a turn in the Lease. */
static void set_scene(const char *letters, struct scene *scene)
{
    memset(scene, 0, sizeof *scene);
    scene->policy = (struct zl_policy){.meta = {.namespace_ = ns, .name = pool},
                                       .lease_duration_s = 15,
                                       .standby = strchr(letters, 's') != NULL};
    scene->lease = (struct zl_lease){
        .namespace_ = ns, .pool = pool, .turn_job = job_name, .turn_uid = uid_job};
    scene->turn = (struct zl_turn){.job = &JOB, .standing = ZL_STANDING_WAITING};
    scene->view = (struct zl_view){.namespace_ = ns, .name = pool, .now_us = NOW_S * 1000000};
    scene->view.policy = strchr(letters, 'p') != NULL ? &scene->policy : NULL;
    scene->view.lease = strchr(letters, 't') != NULL ? &scene->lease : NULL;
    scene->view.workloads = WORKLOADS;
    scene->view.workload_count = strchr(letters, 'd') != NULL;
    scene->view.jobs = (struct zl_jobs_view){.turns = &scene->turn,
                                             .turn_count = strchr(letters, 'j') != NULL,
                                             .cronjobs = CRONJOBS,
                                             .cronjob_count = strchr(letters, 'c') != NULL,
                                             .are_current = true,
                                             .can_suspend = true};
}

static void test_one_table_says_how_a_pool_is_led(void **state)
{
    (void)state;
    static const struct {
        const char *letters, *name;
    } rows[] = {
        {"", "absent"},        {"dj", "absent"},  {"p", "scale_down"}, {"pd", "scale_down"},
        {"pdj", "scale_down"}, {"ps", "standby"}, {"psd", "standby"},  {"psj", "standby"},
        {"pst", "standby"},    {"pj", "turns"},   {"pc", "turns"},     {"pt", "turns"},
        {"pdt", "scale_down"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scene scene;
        set_scene(rows[i].letters, &scene);
        const char *name = zl_strategy_for(&scene.view)->name;
        if (strcmp(name, rows[i].name) != 0) {
            fail_msg("\"%s\": %s", rows[i].letters, name);
        }
    }
}

static void test_status_keeps_the_ticks_in_every_mode(void **state)
{
    (void)state;
    static const struct {
        const char *letters, *strategy, *reason;
    } rows[] = {{"pj", ZL_STRATEGY_STATE_GUARD, "TurnPending"},
                {"psj", ZL_STRATEGY_NONE, "JobsNotGuarded"},
                {"pdj", ZL_STRATEGY_TRAFFIC_DIRECTOR, "NoLeader"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scene scene;
        struct zl_policy_status status = {0};
        set_scene(rows[i].letters, &scene);
        zl_ticks_add(&scene.policy.status.ticks, NOW_S, "a", "uid");
        zl_strategy_status(zl_strategy_for(&scene.view), &scene.view, &status);
        assert_non_null(zl_ticks_find(&status.ticks, NOW_S));
        assert_string_equal(status.workloads[0].strategy, rows[i].strategy);
        assert_string_equal(status.conditions[ZL_CONDITION_READY].reason, rows[i].reason);
        if (status.workload_count > 1) { /* sorted: Deployment, Job */
            assert_string_equal(status.workloads[1].strategy, ZL_STRATEGY_NONE);
        }
        zl_policy_status_clear(&status);
        zl_ticks_clear(&scene.policy.status.ticks);
    }
}

static void expect(const char *name, struct scene *scene, const char *wanted)
{
    ZL_AUTO_STEPS struct zl_steps steps;
    const struct zl_strategy *strategy = zl_strategy_for(&scene->view);
    scene->view.elects_all = strategy->elects_all;
    zl_steps_begin(&steps, &scene->view);
    zl_strategy_plan(strategy, &scene->view, &steps);
    expect_trace(name, &steps, wanted);
}

static void test_pool_without_policy_tells_who_joined_it(void **state)
{
    (void)state;
    struct scene scene;
    struct zl_job waits = JOB;
    waits.queued = true;
    set_scene("djc", &scene);
    scene.turn.job = &waits;
    expect("and lets its Jobs go", &scene,
           "resume not-guarded load; tell no-policy Deployment/web; tell no-policy "
           "CronJob/nightly; tell no-policy Job/load");
    scene.turn.standing = ZL_STANDING_OVER;
    waits.finished = true;
    expect("a Job that is over hears of nothing", &scene,
           "tell no-policy Deployment/web; tell no-policy CronJob/nightly");
}

static void test_job_beside_a_deployment_is_told_once_that_it_is_refused(void **state)
{
    (void)state;
    struct scene scene;
    struct zl_status_workload listed = {.kind = job_kind, .name = job_name, .strategy = none_};
    set_scene("pdj", &scene);
    expect("listed for the first time", &scene, "tell pool-is-led Job/load; again 1000");
    scene.policy.status.workloads = &listed;
    scene.policy.status.workload_count = 1;
    expect("listed already", &scene, "again 1000");
    set_scene("psj", &scene);
    expect("a standby pool refuses nobody", &scene, "");
}

static void test_new_leader_is_told_when_the_status_says_so(void **state)
{
    (void)state;
    static const struct zl_pod leader = {
        .meta = {.namespace_ = ns, .name = pod_a, .uid = uid_a}, .ready = true, .serving = true};
    static const struct zl_member members[] = {
        {.pod = &leader, .workload = &DEPLOYMENT, .gatekept = true}};
    struct scene scene;
    char since[] = "2026-01-01T00:00:00Z", probing[] = "Probing", armed[] = "Armed",
         true_[] = "True", false_[] = "False", text[] = "...";
    struct zl_condition condition = {
        .status = false_, .reason = probing, .message = text, .since = since};
    set_scene("pdt", &scene);
    scene.lease = (struct zl_lease){.namespace_ = ns,
                                    .pool = pool,
                                    .holder_identity = identity,
                                    .holder_pod = pod_a,
                                    .holder_uid = uid_a,
                                    .ready_holder = uid_a,
                                    .fencing_token = 3,
                                    .duration_s = 15,
                                    .renew_us = NOW_S * 1000000};
    scene.view.holder = ZL_HOLDER_ALIVE;
    scene.view.holder_pod = &leader;
    scene.view.members = members;
    scene.view.member_count = 1;
    scene.view.armed = &condition;
    expect("and probing is no news", &scene, "tell leader-elected LeaderPolicy/web; again 1890");
    scene.policy.status.holder_uid = uid_a;
    condition.reason = armed;
    condition.status = true_;
    expect("it led before, and the namespace is armed", &scene,
           "tell armed LeaderPolicy/web; again 1890");
}

/* What works against a pool is a condition, and news once; the condition is absent as long as nothing ever did. */
static void test_what_works_against_a_pool_is_said(void **state)
{
    static char budget[] = "a budget", slice[] = "a slice", old_status[] = "False",
                old_reason[] = "BudgetForbidsEviction", since[] = "2026-01-01T00:00:00Z";
    static const struct {
        const char *name;
        struct zl_surroundings around;
        const char *before; /* message of a condition that stands; NULL: none */
        const char *status, *reason;
        bool told;
    } rows[] = {
        {"nothing, ever", {.looked = true}, NULL, NULL, NULL, false},
        {"a budget",
         {.looked = true, .budget = budget},
         NULL,
         "False",
         "BudgetForbidsEviction",
         true},
        {"the worst first",
         {.looked = true, .budget = budget, .slice = slice},
         NULL,
         "False",
         "ForeignEndpoints",
         true},
        {"still so: no news",
         {.looked = true, .budget = budget},
         budget,
         "False",
         "BudgetForbidsEviction",
         false},
        {"not looked at now: it stays", {0}, budget, "False", "BudgetForbidsEviction", false},
        {"gone", {.looked = true}, budget, "True", "NothingInTheWay", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scene scene;
        ZL_AUTO_STEPS struct zl_steps steps;
        set_scene("pd", &scene);
        struct zl_condition *before = &scene.policy.status.conditions[ZL_CONDITION_COMPATIBLE];
        if (rows[i].before != NULL) {
            *before = (struct zl_condition){
                .status = old_status, .reason = old_reason, .message = budget, .since = since};
        }
        scene.view.surroundings = rows[i].around;
        zl_steps_begin(&steps, &scene.view);
        zl_strategy_plan(zl_strategy_for(&scene.view), &scene.view, &steps);
        const struct zl_condition *is = &steps.status.conditions[ZL_CONDITION_COMPATIBLE];
        ZL_AUTO_FREE char *trace = trace_of(&steps);
        if (!zl_same_string(is->status, rows[i].status) ||
            !zl_same_string(is->reason, rows[i].reason) ||
            (strstr(trace, "tell incompatible") != NULL) != rows[i].told) {
            fail_msg("%s: %s %s, %s", rows[i].name, is->status, is->reason, trace);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_works_against_a_pool_is_said),
        cmocka_unit_test(test_one_table_says_how_a_pool_is_led),
        cmocka_unit_test(test_status_keeps_the_ticks_in_every_mode),
        cmocka_unit_test(test_pool_without_policy_tells_who_joined_it),
        cmocka_unit_test(test_job_beside_a_deployment_is_told_once_that_it_is_refused),
        cmocka_unit_test(test_new_leader_is_told_when_the_status_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
