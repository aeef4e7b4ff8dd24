/* SPDX-License-Identifier: Apache-2.0 */
/* Handover, and revisions that are replaced: the whole plan, row by row. */
#include "test/unit/rollout_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct plan_row HANDOVER_ROWS[] = {
    {"Ready", {0}, TAKE, DEPOSE | SURPLUS, 0, 5000},
    {"not Ready yet", {.unready = true}, KEEP, SURPLUS, 0, 5000},
    {"the progress deadline is near", {.unready = true, .age_s = 598}, KEEP, SURPLUS, 0, 2000},
    {"Ready for less than minReadySeconds", {.min_ready_s = 7}, KEEP, SURPLUS, 0, 2000},
    {"Ready for minReadySeconds", {.min_ready_s = 5}, TAKE, DEPOSE | SURPLUS, 0, 5000},
    {"a kubelet's clock is ahead", {.min_ready_s = 3, .ready_s = -100}, KEEP, SURPLUS, 0, 3000},
    {"a clock ahead means nothing without minReadySeconds",
     {.ready_s = -100},
     TAKE,
     DEPOSE | SURPLUS,
     0,
     5000},
    {"paused", {.paused = true}, KEEP, SURPLUS, 0, 5000},
    {"no revision is known (yet)", {.newest = UNKNOWN}, TAKE, DEPOSE | SURPLUS, 0, 5000},
    {"another revision failed before", {.failed = rs_other}, TAKE, DEPOSE | SURPLUS, 0, 5000},
    {"even to the successor of a leader that leaves",
     {.seat = LEADER_LEAVING, .serves = true},
     TAKE,
     DEPOSE | SURPLUS,
     0,
     5000},
    {"a leader that cannot serve is not worth waiting beside",
     {.min_ready_s = 60, .unready_s = 1},
     TAKE,
     DEPOSE | SURPLUS,
     0,
     5000},
    {"nor one that leaves",
     {.min_ready_s = 60, .seat = LEADER_LEAVING, .serves = true},
     TAKE,
     DEPOSE | SURPLUS,
     0,
     5000},
    {"the ReplicaSets in memory are older than the successor",
     {.newest = OLD, .lagging = true},
     TAKE,
     DEPOSE | SURPLUS,
     0,
     5000},
    {"a successor on its way out", {.deleting = true}, KEEP, SURPLUS, 0, 5000},
};

static void test_seat_moves_to_a_successor_that_is_ready_long_enough(void **state)
{
    (void)state;
    CHECK(HANDOVER_ROWS);
}

static void test_readiness_of_unknown_age_is_long_enough(void **state)
{
    (void)state;
    struct scene scene;
    set_scene(&scene, &(struct knobs){.min_ready_s = 30});
    assert_int_equal(zl_plan_pool(&scene.facts).action, KEEP);
    scene.successor.ready_since_us = 0;
    assert_ptr_equal(zl_plan_pool(&scene.facts).taker, &scene.successor);
}

static const struct plan_row SUCCESSOR_ROWS[] = {
    {"not Ready before the deadline",
     {.unready = true, .age_s = 600},
     RENEW,
     FAIL | OUST | SURPLUS,
     ZL_REMOVE_FAILED_SUCCESSOR,
     5000},
    {"by the Deployment's own deadline",
     {.unready = true, .age_s = 60, .deadline_s = 60},
     RENEW,
     FAIL | OUST | SURPLUS,
     ZL_REMOVE_FAILED_SUCCESSOR,
     5000},
    {"Ready, and waits longer than the deadline",
     {.min_ready_s = 1000, .age_s = 600},
     KEEP,
     SURPLUS,
     0,
     5000},
    {"paused: no deadline",
     {.unready = true, .paused = true, .age_s = 9999},
     KEEP,
     SURPLUS,
     0,
     5000},
    {"deleted by somebody: its revision has not failed",
     {.deleting = true, .age_s = 9999},
     KEEP,
     SURPLUS,
     0,
     5000},
    {"its revision failed: removed even if Ready by now",
     {.failed = rs_new},
     RENEW,
     OUST | SURPLUS,
     ZL_REMOVE_FAILED_SUCCESSOR,
     5000},
    {"its revision failed, and it is on its way out",
     {.failed = rs_new, .deleting = true},
     RENEW,
     OUST | SURPLUS,
     0,
     5000},
    {"rolled back meanwhile",
     {.newest = OLD},
     RENEW,
     OUST | SURPLUS,
     ZL_REMOVE_STALE_SUCCESSOR,
     5000},
    {"rolled on meanwhile",
     {.newest = NEXT},
     RENEW,
     OUST | SURPLUS,
     ZL_REMOVE_STALE_SUCCESSOR,
     5000},
    {"rolled on after it failed: forgiven",
     {.newest = NEXT, .failed = rs_new},
     RENEW,
     FORGIVE | OUST | SURPLUS,
     ZL_REMOVE_FAILED_SUCCESSOR,
     5000},
    {"the Deployment recreates now",
     {.recreates = true},
     RENEW,
     OUST | SURPLUS,
     ZL_REMOVE_STALE_SUCCESSOR,
     5000},
    {"rollout: Recreate now: the successor goes, then the leader",
     {.recreate = true},
     RENEW,
     OUST | SURPLUS,
     ZL_REMOVE_STALE_SUCCESSOR,
     5000},
    {"and then the successor: nobody may be beside a leader",
     {.recreate = true, .seat = LEADER_LEAVING, .serves = true},
     RENEW,
     OUST | SURPLUS,
     ZL_REMOVE_STALE_SUCCESSOR,
     5000},
    {"one replica is wanted now: a pod like others",
     {.single = true},
     RENEW,
     FORGET | SURPLUS,
     0,
     5000},
    {"one replica is wanted now, but another workload is gatekept",
     {.single = true, .beside = true},
     RENEW,
     OUST | SURPLUS,
     ZL_REMOVE_STALE_SUCCESSOR,
     5000},
    {"of the leader's own revision",
     {.leader_new = true},
     RENEW,
     PROVE | OUST | SURPLUS,
     ZL_REMOVE_STALE_SUCCESSOR,
     5000},
    {"the leader is of another workload by now",
     {.elsewhere = true},
     RENEW,
     OUST | SURPLUS,
     ZL_REMOVE_STALE_SUCCESSOR,
     5000},
    {"and its revision failed: by whose deadline is not known any more",
     {.elsewhere = true, .failed = rs_new},
     RENEW,
     OUST | SURPLUS,
     ZL_REMOVE_STALE_SUCCESSOR,
     5000},
    {"deposed already", {.ousted = true}, KEEP, SURPLUS, ZL_REMOVE_STALE_SUCCESSOR, 5000},
    {"on its way out, within grace and lease duration",
     {.deleting = true, .leaving_grace_s = 30, .leaving_s = 44},
     KEEP,
     SURPLUS,
     0,
     1000},
    {"it takes its time, and serves",
     {.deleting = true, .goes_on = true, .leaving_s = 9999},
     KEEP,
     SURPLUS,
     0,
     5000},
    {"it does not get out: its node is lost",
     {.deleting = true, .leaving_grace_s = 30, .leaving_s = 45},
     RENEW,
     DROP | OUST | WAKE | SURPLUS,
     0,
     5000},
    {"finished", {.finished = true}, RENEW, DROP | WAKE | SURPLUS, 0, 5000},
    {"admitted a moment ago, not there yet", {.missing = true, .age_s = 4}, KEEP, SURPLUS, 0, 1000},
    {"admitted, and never came",
     {.missing = true, .age_s = 5},
     RENEW,
     DROP | WAKE | SURPLUS,
     0,
     5000},
    {"gone, and its revision failed: no other one is woken",
     {.missing = true, .age_s = 5, .failed = rs_new},
     RENEW,
     DROP | SURPLUS,
     0,
     5000},
};

static void test_successor_that_cannot_take_over_is_removed(void **state)
{
    (void)state;
    CHECK(SUCCESSOR_ROWS);
}

static const struct plan_row REVISION_ROWS[] = {
    {"the newest revision waits: woken", {.none = true}, KEEP, WAKE | SURPLUS, 0, 5000},
    {"the newest wants no pods", {.none = true, .newest = NEW_WANTS_NONE}, KEEP, SURPLUS, 0, 5000},
    {"the leader is of the newest", {.none = true, .newest = OLD}, KEEP, SURPLUS, 0, 5000},
    {"no revision is known", {.none = true, .newest = UNKNOWN}, KEEP, SURPLUS, 0, 5000},
    {"paused", {.none = true, .paused = true}, KEEP, SURPLUS, 0, 5000},
    {"it failed", {.none = true, .failed = rs_new}, KEEP, SURPLUS, 0, 5000},
    {"another one failed: forgiven",
     {.none = true, .failed = rs_other},
     RENEW,
     FORGIVE | WAKE | SURPLUS,
     0,
     5000},
    {"one failed, none is known: remembered",
     {.none = true, .newest = UNKNOWN, .failed = rs_other},
     KEEP,
     SURPLUS,
     0,
     5000},
    {"one replica", {.none = true, .single = true}, KEEP, SURPLUS, 0, 5000},
    {"the Deployment recreates: it needs no help",
     {.none = true, .recreates = true},
     KEEP,
     SURPLUS,
     0,
     5000},
    {"rollout: Recreate: the leader goes first",
     {.none = true, .recreate = true},
     KEEP,
     SURPLUS,
     ZL_REMOVE_OUTDATED_LEADER,
     5000},
    {"Recreate, paused", {.none = true, .recreate = true, .paused = true}, KEEP, SURPLUS, 0, 5000},
    {"Recreate, the newest wants no pods",
     {.none = true, .recreate = true, .newest = NEW_WANTS_NONE},
     KEEP,
     SURPLUS,
     0,
     5000},
    {"Recreate, and the leader goes already",
     {.none = true, .recreate = true, .seat = LEADER_LEAVING, .serves = true},
     KEEP,
     SURPLUS,
     0,
     5000},
    {"a StatefulSet's leader of an old revision",
     {.none = true, .outdated = true},
     KEEP,
     SURPLUS,
     ZL_REMOVE_OUTDATED_LEADER,
     5000},
    {"a StatefulSet's that goes already",
     {.none = true, .outdated = true, .seat = LEADER_LEAVING, .serves = true},
     KEEP,
     SURPLUS,
     0,
     5000},
    {"Ready for the first time: proven",
     {.none = true, .starting = true},
     RENEW,
     PROVE | WAKE | SURPLUS,
     0,
     5000},
    {"another revision of the same pod: proven",
     {.none = true, .leader_new = true},
     RENEW,
     PROVE | SURPLUS,
     0,
     5000},
    {"not Ready yet: not proven",
     {.none = true, .starting = true, .unready_s = 1},
     KEEP,
     WAKE | SURPLUS,
     0,
     5000},
    {"one replica: nothing is proven",
     {.none = true, .starting = true, .single = true},
     KEEP,
     SURPLUS,
     0,
     5000},
    {"one replica beside another workload: nothing is proven",
     {.none = true, .starting = true, .single = true, .beside = true},
     KEEP,
     SURPLUS,
     0,
     5000},
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
        zl_plan_status(&scene.facts, &scene.lease, &scene.leader, &status);
        assert_true(zl_same_string(status.successor_name, rows[i].name));
        assert_true(zl_same_string(status.successor_uid, rows[i].uid));
        zl_policy_status_clear(&status);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seat_moves_to_a_successor_that_is_ready_long_enough),
        cmocka_unit_test(test_readiness_of_unknown_age_is_long_enough),
        cmocka_unit_test(test_successor_that_cannot_take_over_is_removed),
        cmocka_unit_test(test_leader_of_an_old_revision_is_replaced_as_the_pool_says),
        cmocka_unit_test(test_status_names_the_successor_that_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
