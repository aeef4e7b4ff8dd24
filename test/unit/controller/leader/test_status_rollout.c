/* SPDX-License-Identifier: Apache-2.0 */
/* Condition RolledOut, and what a workload's row in LeaderPolicy status says of its revisions. */
#include "controller/leader/status.h"

#include "test/unit/rollout_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static char old_name[] = "web-1", new_name[] = "web-2", before_true[] = "True", second[] = "2",
            third[] = "3";

/* The status of SCENE, in one line: condition, reason; leading/waiting revision, generation. */
static char *status_of(struct scene *scene)
{
    struct zl_policy_status status = {0};
    zl_status_list_workloads(&scene->view, ZL_STRATEGY_TRAFFIC_DIRECTOR, &status);
    zl_status_fill_rollout(&scene->view, &status);
    const struct zl_condition *condition = &status.conditions[ZL_CONDITION_ROLLED_OUT];
    const struct zl_status_workload *row = &status.workloads[0];
    char *text =
        zl_asprintf("%s %s; %s/%s %lld", condition->status != NULL ? condition->status : "-",
                    condition->reason != NULL ? condition->reason : "-",
                    row->leading_revision != NULL ? row->leading_revision : "-",
                    row->waiting_revision != NULL ? row->waiting_revision : "-",
                    (long long)row->observed_generation);
    zl_policy_status_clear(&status);
    return text;
}

/* Names and generations, which a plan does not need. */
static void name_revisions(struct scene *scene, bool observed)
{
    scene->deployment.meta.generation = 7;
    scene->deployment.observed = observed;
    scene->deployment.revision = second;
    scene->old.meta.name = old_name;
    scene->newest.meta.name = new_name;
    scene->leader.meta.controller.name =
        zl_same_string(scene->leader.meta.controller.uid, rs_new) ? new_name : old_name;
}

static void test_the_newest_revision_leads_or_it_is_said_why_not(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct knobs knobs;
        bool unobserved;
        const char *wanted;
    } rows[] = {
        {"the newest leads",
         {.leader_new = true, .none = true},
         false,
         "True NewestLeads; web-2/- 7"},
        {"changed a moment ago",
         {.leader_new = true, .none = true},
         true,
         "False NotObserved; web-2/- 0"},
        {"handover under way", {.ready_s = 1}, false, "False NewRevisionWaits; web-1/web-2 7"},
        {"nobody was admitted yet", {.none = true}, false, "False NewRevisionWaits; web-1/web-2 7"},
        {"it failed",
         {.none = true, .failed = rs_new},
         false,
         "False HandoverFailed; web-1/web-2 7"},
        {"an older one failed",
         {.none = true, .failed = rs_next},
         false,
         "False NewRevisionWaits; web-1/web-2 7"},
        {"not Ready",
         {.leader_new = true, .none = true, .unready_s = 3},
         false,
         "False LeaderNotReady; web-2/- 7"},
        {"no leader, as ever", {.seat = VACANT, .none = true}, false, "- -; -/- 7"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scene scene;
        set_scene(&scene, &rows[i].knobs);
        name_revisions(&scene, !rows[i].unobserved);
        ZL_AUTO_FREE char *text = status_of(&scene);
        if (strcmp(text, rows[i].wanted) != 0) {
            fail_msg("%s: \"%s\", wanted \"%s\"", rows[i].name, text, rows[i].wanted);
        }
    }
}

static void test_a_cache_that_lags_behind_does_not_open_the_gate(void **state)
{
    (void)state;
    struct scene scene;
    set_scene(&scene, &(struct knobs){.leader_new = true, .none = true});
    name_revisions(&scene, true);
    scene.deployment.revision = third; /* its ReplicaSet has not been seen yet */
    ZL_AUTO_FREE char *text = status_of(&scene);
    assert_string_equal(text, "False NotObserved; web-2/- 7");
}

static void test_a_leader_that_is_lost_is_not_rolled_out(void **state)
{
    (void)state;
    struct scene scene;
    set_scene(&scene, &(struct knobs){.seat = VACANT, .none = true});
    name_revisions(&scene, true);
    scene.policy.status.conditions[ZL_CONDITION_ROLLED_OUT].status = before_true;
    ZL_AUTO_FREE char *text = status_of(&scene);
    assert_string_equal(text, "False NoLeader; -/- 7");
}

static void test_a_stateful_set_says_it_by_its_controller_revisions(void **state)
{
    (void)state;
    static const struct {
        bool outdated;
        const char *wanted;
    } rows[] = {{true, "False NewRevisionWaits; web-1/web-2 7"},
                {false, "True NewestLeads; web-2/- 7"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scene scene;
        const struct zl_revision newest = {.meta = {.name = new_name}, .number = 2};
        set_scene(&scene, &(struct knobs){.outdated = true, .none = true});
        name_revisions(&scene, true);
        scene.view.deployment = NULL;
        scene.deployment.revision = new_name;
        scene.view.stateful_set = &scene.deployment;
        scene.view.newest = &newest;
        scene.view.leader_outdated = rows[i].outdated;
        scene.leader.revision = rows[i].outdated ? old_name : new_name;
        ZL_AUTO_FREE char *text = status_of(&scene);
        assert_string_equal(text, rows[i].wanted);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_newest_revision_leads_or_it_is_said_why_not),
        cmocka_unit_test(test_a_cache_that_lags_behind_does_not_open_the_gate),
        cmocka_unit_test(test_a_leader_that_is_lost_is_not_rolled_out),
        cmocka_unit_test(test_a_stateful_set_says_it_by_its_controller_revisions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
