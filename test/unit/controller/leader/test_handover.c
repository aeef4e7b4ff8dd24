/* SPDX-License-Identifier: Apache-2.0 */
/* Handover, and revisions that are replaced: the whole plan, row by row. */
#include "controller/leader/status.h"
#include "test/unit/rollout_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct plan_row HANDOVER_ROWS[] = {
    {"Ready",
     {0},
     "reserve-token if taker-lives lease-same; lease handed-over: holder=web-s successor=- "
     "deposed=uid-a ready=uid-s proven=rs-new; delete-pod led-before web-a if holder-same; again "
     "9240"},
    {"not Ready yet", {.unready = true}, "again 9240"},
    {"the progress deadline is near", {.unready = true, .age_s = 598}, "again 2000"},
    {"Ready for less than minReadySeconds", {.min_ready_s = 7}, "again 2000"},
    {"Ready for minReadySeconds",
     {.min_ready_s = 5},
     "reserve-token if taker-lives lease-same; lease handed-over: holder=web-s successor=- "
     "deposed=uid-a ready=uid-s proven=rs-new; delete-pod led-before web-a if holder-same; again "
     "9240"},
    {"a kubelet's clock is ahead", {.min_ready_s = 3, .ready_s = -100}, "again 3000"},
    {"a clock ahead means nothing without minReadySeconds",
     {.ready_s = -100},
     "reserve-token if taker-lives lease-same; lease handed-over: holder=web-s successor=- "
     "deposed=uid-a ready=uid-s proven=rs-new; delete-pod led-before web-a if holder-same; again "
     "9240"},
    {"paused", {.paused = true}, "again 9240"},
    {"no revision is known (yet)",
     {.newest = UNKNOWN},
     "reserve-token if taker-lives lease-same; lease handed-over: holder=web-s successor=- "
     "deposed=uid-a ready=uid-s proven=rs-new; delete-pod led-before web-a if holder-same; again "
     "9240"},
    {"another revision failed before",
     {.failed = rs_other},
     "reserve-token if taker-lives lease-same; lease handed-over: holder=web-s successor=- "
     "deposed=uid-a ready=uid-s proven=rs-new; delete-pod led-before web-a if holder-same; again "
     "9240"},
    {"even to the successor of a leader that leaves",
     {.seat = LEADER_LEAVING, .serves = true},
     "reserve-token if taker-lives lease-same; lease handed-over: holder=web-s successor=- "
     "deposed=uid-a ready=uid-s proven=rs-new; again 9240"},
    {"a leader that cannot serve is not worth waiting beside",
     {.min_ready_s = 60, .unready_s = 1},
     "reserve-token if taker-lives lease-same; lease handed-over: holder=web-s successor=- "
     "deposed=uid-a ready=uid-s proven=rs-new; delete-pod led-before web-a if holder-same; again "
     "9240"},
    {"nor one that leaves",
     {.min_ready_s = 60, .seat = LEADER_LEAVING, .serves = true},
     "reserve-token if taker-lives lease-same; lease handed-over: holder=web-s successor=- "
     "deposed=uid-a ready=uid-s proven=rs-new; again 9240"},
    {"the ReplicaSets in memory are older than the successor",
     {.newest = OLD, .lagging = true},
     "reserve-token if taker-lives lease-same; lease handed-over: holder=web-s successor=- "
     "deposed=uid-a ready=uid-s proven=rs-new; delete-pod led-before web-a if holder-same; again "
     "9240"},
    {"a successor on its way out", {.deleting = true}, "again 9240"},
};

static void test_seat_moves_to_a_successor_that_is_ready_long_enough(void **state)
{
    (void)state;
    CHECK(HANDOVER_ROWS);
}

/* Its node's clock says since when; ours, for how long. */
static void test_for_how_long_it_has_been_ready_is_what_we_saw(void **state)
{
    (void)state;
    struct scene scene;
    set_scene(&scene, &(struct knobs){.min_ready_s = 30});
    expect_plan("Ready for 5 s", &scene, "again 9240");
    scene.successor.ready_since_us = 1; /* 1970: its clock is behind */
    expect_plan("its clock is behind", &scene, "again 9240");
    scene.view.successor_ready_ms = 30000;
    scene.successor.ready_since_us = INT64_MAX; /* ahead */
    expect_plan("its clock is ahead", &scene,
                "reserve-token if taker-lives lease-same; lease handed-over: holder=web-s "
                "successor=- deposed=uid-a ready=uid-s proven=rs-new; delete-pod led-before web-a "
                "if holder-same; again 9240");
}

static const struct plan_row SUCCESSOR_ROWS[] = {
    {"not Ready before the deadline",
     {.unready = true, .age_s = 600},
     "lease rollout: deposed=uid-s failed=rs-new; delete-pod successor-failed web-s if leads-not; "
     "again 9240"},
    {"by the Deployment's own deadline",
     {.unready = true, .age_s = 60, .deadline_s = 60},
     "lease rollout: deposed=uid-s failed=rs-new; delete-pod successor-failed web-s if leads-not; "
     "again 9240"},
    {"Ready, and waits longer than the deadline",
     {.min_ready_s = 1000, .age_s = 600},
     "again 9240"},
    {"paused: no deadline", {.unready = true, .paused = true, .age_s = 9999}, "again 9240"},
    {"deleted by somebody: its revision has not failed",
     {.deleting = true, .age_s = 9999},
     "again 9240"},
    {"its revision failed: removed even if Ready by now",
     {.failed = rs_new},
     "lease rollout: deposed=uid-s; delete-pod successor-failed web-s if leads-not; again 9240"},
    {"its revision failed, and it is on its way out",
     {.failed = rs_new, .deleting = true},
     "lease rollout: deposed=uid-s; again 9240"},
    {"rolled back meanwhile",
     {.newest = OLD},
     "lease rollout: deposed=uid-s; delete-pod successor-stale web-s if leads-not; again 9240"},
    {"rolled on meanwhile",
     {.newest = NEXT},
     "lease rollout: deposed=uid-s; delete-pod successor-stale web-s if leads-not; again 9240"},
    {"rolled on after it failed: forgiven",
     {.newest = NEXT, .failed = rs_new},
     "lease rollout: deposed=uid-s failed=-; delete-pod successor-failed web-s if leads-not; again "
     "9240"},
    {"the Deployment recreates now",
     {.recreates = true},
     "lease rollout: deposed=uid-s; delete-pod successor-stale web-s if leads-not; again 9240"},
    {"rollout: Recreate now: the successor goes, then the leader",
     {.recreate = true},
     "lease rollout: deposed=uid-s; delete-pod successor-stale web-s if leads-not; again 9240"},
    {"and then the successor: nobody may be beside a leader",
     {.recreate = true, .seat = LEADER_LEAVING, .serves = true},
     "lease rollout: deposed=uid-s; delete-pod successor-stale web-s if leads-not; again 9240"},
    {"one replica is wanted now: a pod like others",
     {.single = true},
     "lease rollout: successor=-; again 9240"},
    {"one replica is wanted now, beside those of another workload: together they are gatekept",
     {.single = true, .beside = true},
     "reserve-token if taker-lives lease-same; lease handed-over: holder=web-s successor=- "
     "deposed=uid-a ready=uid-s proven=rs-new; delete-pod led-before web-a if holder-same; again "
     "9240"},
    {"of the leader's own revision",
     {.leader_new = true},
     "lease rollout: deposed=uid-s proven=rs-new; delete-pod successor-stale web-s if leads-not; "
     "again 9240"},
    {"the leader is of another workload by now",
     {.elsewhere = true},
     "lease rollout: deposed=uid-s; delete-pod successor-stale web-s if leads-not; again 9240"},
    {"and its revision failed: by whose deadline is not known any more",
     {.elsewhere = true, .failed = rs_new},
     "lease rollout: deposed=uid-s; delete-pod successor-stale web-s if leads-not; again 9240"},
    {"deposed already",
     {.ousted = true},
     "delete-pod successor-stale web-s if leads-not; again 9240"},
    {"on its way out, within grace and lease duration",
     {.deleting = true, .leaving_grace_s = 30, .leaving_s = 44},
     "again 1000"},
    {"it takes its time, and serves",
     {.deleting = true, .goes_on = true, .leaving_s = 9999},
     "again 9240"},
    {"it does not get out, and runs on a Ready node",
     {.deleting = true, .leaving_grace_s = 30, .leaving_s = 45, .stays_on = true},
     "tell runs-on LeaderPolicy/web; again 9240"},
    {"it does not get out, and nothing of it can run",
     {.deleting = true, .leaving_grace_s = 30, .leaving_s = 45},
     "lease rollout: successor=- deposed=uid-s; wake newest-waits ReplicaSet/rs-new; again 9240; "
     "idle 9240"},
    {"finished",
     {.finished = true},
     "lease rollout: successor=-; wake newest-waits ReplicaSet/rs-new; again 9240; idle 9240"},
    {"admitted a moment ago, not there yet", {.missing = true, .age_s = 4}, "again 1000"},
    {"admitted, and never came",
     {.missing = true, .age_s = 5},
     "lease rollout: successor=-; wake newest-waits ReplicaSet/rs-new; again 9240; idle 9240"},
    {"gone, and its revision failed: no other one is woken",
     {.missing = true, .age_s = 5, .failed = rs_new},
     "lease rollout: successor=-; again 9240"},
};

static void test_successor_that_cannot_take_over_is_removed(void **state)
{
    (void)state;
    CHECK(SUCCESSOR_ROWS);
}

static const struct plan_row REVISION_ROWS[] = {
    {"the newest revision waits: woken",
     {.none = true},
     "wake newest-waits ReplicaSet/rs-new; again 9240; idle 9240"},
    {"the newest wants no pods", {.none = true, .newest = NEW_WANTS_NONE}, "again 9240"},
    {"the leader is of the newest", {.none = true, .newest = OLD}, "again 9240"},
    {"no revision is known", {.none = true, .newest = UNKNOWN}, "again 9240"},
    {"paused", {.none = true, .paused = true}, "again 9240"},
    {"it failed", {.none = true, .failed = rs_new}, "again 9240"},
    {"another one failed: forgiven",
     {.none = true, .failed = rs_other},
     "lease rollout: failed=-; wake newest-waits ReplicaSet/rs-new; again 9240; idle 9240"},
    {"one failed, none is known: remembered",
     {.none = true, .newest = UNKNOWN, .failed = rs_other},
     "again 9240"},
    {"one replica", {.none = true, .single = true}, "again 9240"},
    {"the Deployment recreates: it needs no help", {.none = true, .recreates = true}, "again 9240"},
    {"rollout: Recreate: the leader goes first",
     {.none = true, .recreate = true},
     "delete-pod leader-outdated web-a if leads; again 9240"},
    {"Recreate, paused", {.none = true, .recreate = true, .paused = true}, "again 9240"},
    {"Recreate, the newest wants no pods",
     {.none = true, .recreate = true, .newest = NEW_WANTS_NONE},
     "again 9240"},
    {"Recreate, and the leader goes already",
     {.none = true, .recreate = true, .seat = LEADER_LEAVING, .serves = true},
     "again 9240"},
    {"a StatefulSet's leader of an old revision",
     {.none = true, .outdated = true},
     "delete-pod leader-outdated web-a if leads; again 9240"},
    {"a StatefulSet's that goes already",
     {.none = true, .outdated = true, .seat = LEADER_LEAVING, .serves = true},
     "again 9240"},
    {"Ready for the first time: proven",
     {.none = true, .starting = true},
     "lease rollout: ready=uid-a; wake newest-waits ReplicaSet/rs-new; again 9240; idle 9240"},
    {"another revision of the same pod: proven",
     {.none = true, .leader_new = true},
     "lease rollout: proven=rs-new; again 9240"},
    {"not Ready yet: not proven",
     {.none = true, .starting = true, .unready_s = 1},
     "wake newest-waits ReplicaSet/rs-new; again 9240; idle 9240"},
    {"one replica: nothing is proven",
     {.none = true, .starting = true, .single = true},
     "again 9240"},
    {"one replica beside those of another workload: it is proven like others",
     {.none = true, .starting = true, .single = true, .beside = true},
     "lease rollout: ready=uid-a; wake newest-waits ReplicaSet/rs-new; again 9240; idle 9240"},
};

static void test_leader_of_an_old_revision_is_replaced_as_the_pool_says(void **state)
{
    (void)state;
    CHECK(REVISION_ROWS);
}

static void test_status_names_the_successor_that_is_there(void **state)
{
    (void)state;
    struct {
        struct knobs knobs;
        const char *name, *uid;
    } rows[] = {
        {{0}, "web-s", "uid-s"}, {{.missing = true}, NULL, NULL}, {{.none = true}, NULL, NULL}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scene scene;
        struct zl_policy_status status = {0};
        set_scene(&scene, &rows[i].knobs);
        zl_status_scale_down(&scene.view, &status);
        assert_true(zl_same_string(status.successor_name, rows[i].name));
        assert_true(zl_same_string(status.successor_uid, rows[i].uid));
        zl_policy_status_clear(&status);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seat_moves_to_a_successor_that_is_ready_long_enough),
        cmocka_unit_test(test_for_how_long_it_has_been_ready_is_what_we_saw),
        cmocka_unit_test(test_successor_that_cannot_take_over_is_removed),
        cmocka_unit_test(test_leader_of_an_old_revision_is_replaced_as_the_pool_says),
        cmocka_unit_test(test_status_names_the_successor_that_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
