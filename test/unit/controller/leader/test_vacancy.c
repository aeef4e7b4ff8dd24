/* SPDX-License-Identifier: Apache-2.0 */
/* Leaders that stay not Ready, and who follows them: the whole plan, row by row. */
#include "test/unit/rollout_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct plan_row SICK_ROWS[] = {
    {"not Ready for a moment", {.none = true, .unready_s = 14}, KEEP, WAKE | SURPLUS, 0, 1000},
    {"not Ready for the lease duration",
     {.none = true, .unready_s = 15},
     RELEASE,
     DEPOSE | UNREADY | FREE | SURPLUS,
     0,
     0},
    {"while a successor starts: the proven revision is asked first",
     {.unready_s = 15, .unready = true},
     RELEASE,
     DEPOSE | UNREADY | FREE | SURPLUS,
     0,
     590000},
    {"while one starts, and nothing is proven",
     {.unready_s = 15, .unready = true, .unproven = true},
     TAKE,
     DEPOSE | UNREADY | SURPLUS,
     0,
     5000},
    {"the successor is Ready: a handover like another",
     {.unready_s = 15},
     TAKE,
     DEPOSE | SURPLUS,
     0,
     5000},
    {"the successor is Ready, not for long: better than this",
     {.unready_s = 15, .min_ready_s = 60},
     TAKE,
     DEPOSE | SURPLUS,
     0,
     5000},
    {"the successor is Ready, the Deployment paused: better than this",
     {.unready_s = 15, .paused = true},
     TAKE,
     DEPOSE | UNREADY | SURPLUS,
     0,
     5000},
    {"a stale successor is no heir",
     {.unready_s = 15, .newest = NEXT, .unproven = true},
     RELEASE,
     DEPOSE | UNREADY | OUST | FREE | SURPLUS,
     ZL_REMOVE_STALE_SUCCESSOR,
     0},
    {"it was, but somebody deleted the Lease that said so",
     {.none = true, .starting = true, .status_knows = true, .unready_s = 15},
     RELEASE,
     DEPOSE | UNREADY | FREE | SURPLUS,
     0,
     0},
    {"one that was never Ready is still starting",
     {.none = true, .unready_s = 599, .starting = true},
     KEEP,
     WAKE | SURPLUS,
     0,
     1000},
    {"and has until the progress deadline",
     {.none = true, .unready_s = 600, .starting = true},
     RELEASE,
     DEPOSE | UNREADY | FREE | SURPLUS,
     0,
     0},
    {"of its own Deployment",
     {.none = true, .unready_s = 60, .starting = true, .deadline_s = 60},
     RELEASE,
     DEPOSE | UNREADY | FREE | SURPLUS,
     0,
     0},
    {"a StatefulSet's that starts has a Deployment's default",
     {.none = true, .outdated = true, .unready_s = 599, .starting = true, .deadline_s = 60},
     KEEP,
     SURPLUS,
     ZL_REMOVE_OUTDATED_LEADER,
     1000},
    {"and no longer",
     {.none = true, .outdated = true, .unready_s = 600, .starting = true},
     RELEASE,
     DEPOSE | UNREADY | FREE | SURPLUS,
     0,
     0},
    {"with one replica nobody is replaced",
     {.none = true, .unready_s = 9999, .single = true},
     KEEP,
     SURPLUS,
     0,
     5000},
    {"not even beside another workload",
     {.none = true, .unready_s = 9999, .single = true, .beside = true},
     KEEP,
     SURPLUS,
     0,
     5000},
};

static void test_leader_that_stays_not_ready_loses_the_seat(void **state)
{
    (void)state;
    CHECK(SICK_ROWS);
}

#define LEAVING .none = true, .seat = LEADER_LEAVING, .grace_s = 30
static const struct plan_row LEAVING_ROWS[] = {
    {"it serves to the end",
     {LEAVING, .serves = true, .unready_s = 9999, .terminating_s = 9999},
     KEEP,
     SURPLUS,
     0,
     5000},
    {"not Ready any more, within its grace",
     {LEAVING, .unready_s = 20, .terminating_s = 20},
     KEEP,
     SURPLUS,
     0,
     5000},
    {"its grace is over, not so the lease duration",
     {LEAVING, .unready_s = 44, .terminating_s = 44},
     KEEP,
     SURPLUS,
     0,
     1000},
    {"grace and lease duration are over: its node is lost",
     {LEAVING, .unready_s = 45, .terminating_s = 45},
     RELEASE,
     DEPOSE | UNREADY | FREE | SURPLUS,
     0,
     0},
    {"it served long beyond its grace, and stopped a moment ago",
     {LEAVING, .unready_s = 14, .terminating_s = 9999},
     KEEP,
     SURPLUS,
     0,
     1000},
    {"not Ready for long when it was deleted",
     {LEAVING, .unready_s = 9999, .terminating_s = 44},
     KEEP,
     SURPLUS,
     0,
     1000},
    {"never Ready: it will not be any more, so no progress deadline counts",
     {LEAVING, .starting = true, .unready_s = 45, .terminating_s = 45},
     RELEASE,
     DEPOSE | UNREADY | FREE | SURPLUS,
     0,
     0},
    {"without grace",
     {.none = true, .seat = LEADER_LEAVING, .unready_s = 15, .terminating_s = 15},
     RELEASE,
     DEPOSE | UNREADY | FREE | SURPLUS,
     0,
     0},
};

static void test_leader_on_its_way_out_keeps_the_seat_until_its_node_is_lost(void **state)
{
    (void)state;
    CHECK(LEAVING_ROWS);
}

static const struct plan_row VACANT_ROWS[] = {
    {"a Ready successor", {.seat = VACANT}, TAKE, SURPLUS, 0, 5000},
    {"minReadySeconds are no reason to have no leader",
     {.seat = VACANT, .min_ready_s = 60},
     TAKE,
     SURPLUS,
     0,
     5000},
    {"one that starts waits for the proven revision",
     {.seat = VACANT, .unready = true},
     KEEP,
     FREE,
     0,
     590000},
    {"one that starts, nothing proven: it leads at once",
     {.seat = VACANT, .unready = true, .unproven = true},
     TAKE,
     SURPLUS,
     0,
     5000},
    {"one that leaves is no heir",
     {.seat = VACANT, .deleting = true, .unproven = true},
     KEEP,
     FREE,
     0,
     15000},
    {"rolled on meanwhile",
     {.seat = VACANT, .newest = NEXT},
     RENEW,
     OUST | FREE,
     ZL_REMOVE_STALE_SUCCESSOR,
     0},
    {"not Ready before the deadline",
     {.seat = VACANT, .unready = true, .age_s = 600},
     RENEW,
     FAIL | OUST | FREE,
     ZL_REMOVE_FAILED_SUCCESSOR,
     0},
    {"its revision failed",
     {.seat = VACANT, .failed = rs_new, .unproven = true},
     RENEW,
     OUST | FREE,
     ZL_REMOVE_FAILED_SUCCESSOR,
     0},
    {"one that finished is no heir",
     {.seat = VACANT, .finished = true, .unproven = true},
     RENEW,
     DROP | FREE,
     0,
     0},
    {"it never came", {.seat = VACANT, .missing = true, .age_s = 5}, RENEW, DROP | FREE, 0, 0},
    {"it may still come", {.seat = VACANT, .missing = true, .age_s = 4}, KEEP, FREE, 0, 1000},
    {"the leader died, the successor is Ready", {.seat = DEAD}, TAKE, SURPLUS, 0, 5000},
    {"the leader died, the successor starts",
     {.seat = DEAD, .unready = true},
     RELEASE,
     FREE,
     0,
     590000},
    {"who lost the seat does not regain it, and goes",
     {.seat = VACANT, .none = true, .deposed = true},
     KEEP,
     FREE | SURPLUS,
     0,
     0},
    {"nor when the leader after it died",
     {.seat = DEAD, .unready = true, .deposed = true},
     RELEASE,
     FREE | SURPLUS,
     0,
     590000},
    {"one replica is wanted now: who lost the seat is a pod like others",
     {.seat = VACANT, .none = true, .deposed = true, .single = true},
     RENEW,
     FORGET | SURPLUS,
     0,
     0},
};

static void test_empty_seat_goes_to_the_successor_that_may_have_it(void **state)
{
    (void)state;
    CHECK(VACANT_ROWS);
}

static void test_any_other_living_pod_still_comes_before_a_new_one(void **state)
{
    (void)state;
    struct scene scene;
    set_scene(&scene, &(struct knobs){.seat = VACANT, .unready = true, .deposed = true});
    scene.lease.deposed = NULL; /* A did not lose the seat: somebody emptied it */
    struct zl_plan plan = zl_plan_pool(&scene.facts);
    assert_int_equal(plan.action, TAKE);
    assert_ptr_equal(plan.taker, &scene.leader);
}

/* The scene's seat is vacant and S is Ready, but nobody of us emptied it: fencing token 3, lost a while ago. */
static void set_lost(struct scene *scene, const struct knobs *knobs, int64_t lost_ms)
{
    set_scene(scene, knobs);
    scene->policy.status.fencing_token = 3;
    scene->facts.last_token = 3;
    scene->policy.status.holder_token = 3;
    scene->lease.released_token = 0;
    scene->facts.lost_ms = lost_ms;
}

static void test_lost_lease_is_taken_when_a_claim_would_have_settled(void **state)
{
    (void)state;
    struct scene scene;
    set_lost(&scene, &(struct knobs){.seat = VACANT}, 4999);
    struct zl_plan plan = zl_plan_pool(&scene.facts);
    assert_int_equal(plan.action, KEEP);
    assert_int_equal(plan.requeue_after_ms, 1);
    assert_int_equal(flags_of(&plan), 0);

    scene.facts.lost_ms = 5000;
    plan = zl_plan_pool(&scene.facts);
    assert_int_equal(plan.action, TAKE);
    assert_ptr_equal(plan.taker, &scene.successor);

    scene.facts.lost_ms = 0;
    scene.policy.status.holder_uid = scene.successor.meta.uid; /* it led last, for sure */
    assert_int_equal(zl_plan_pool(&scene.facts).action, TAKE);
    scene.policy.status.holder_token = 2; /* another leader came after it */
    assert_int_equal(zl_plan_pool(&scene.facts).action, KEEP);

    scene.policy.status.fencing_token = 0; /* nobody ever led */
    scene.facts.last_token = 0;
    assert_int_equal(zl_plan_pool(&scene.facts).action, TAKE);

    set_lost(&scene, &(struct knobs){.seat = VACANT}, 0);
    scene.lease.released_token = 3; /* we emptied it */
    assert_int_equal(zl_plan_pool(&scene.facts).action, TAKE);
}

static void test_surplus_is_neither_leader_nor_successor_and_deposed_pods_always(void **state)
{
    (void)state;
    struct {
        struct knobs knobs;
        bool leader, successor; /* are they surplus? */
    } rows[] = {
        {{0}, false, false},
        {{.none = true}, false, true},
        {{.seat = VACANT, .deposed = true}, true, false},
        {{.seat = VACANT, .deposed = true, .single = true}, false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scene scene;
        set_scene(&scene, &rows[i].knobs);
        const struct zl_member leader = {.pod = &scene.leader, .gatekept = !rows[i].knobs.single};
        const struct zl_member successor = {.pod = &scene.successor,
                                            .gatekept = !rows[i].knobs.single};
        if (zl_is_surplus(&leader, &scene.lease) != rows[i].leader ||
            zl_is_surplus(&successor, &scene.lease) != rows[i].successor) {
            fail_msg("row %zu", i);
        }
        scene.leader.meta.deleting = true;
        assert_false(zl_is_surplus(&leader, &scene.lease));
    }
}

static void test_standby_forgets_the_rollout(void **state)
{
    (void)state;
    struct {
        struct knobs knobs;
        bool claimed; /* and the pod was not seen yet */
        enum zl_lease_action action;
        bool forget;
    } rows[] = {
        {{0}, false, RENEW, true},
        {{.none = true}, false, KEEP, false},
        {{.none = true, .deposed = true}, false, RENEW, true},
        {{.unready_s = 1}, false, TAKE, true},
        {{.seat = VACANT, .unready = true}, false, RENEW, true},
        {{.seat = DEAD, .unready = true}, false, RELEASE, true},
        {{.seat = DEAD}, true, KEEP, false}, /* a renewal would confirm the claim */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scene scene;
        set_scene(&scene, &rows[i].knobs);
        scene.policy.standby = true;
        scene.lease.provisional = rows[i].claimed;
        struct zl_plan plan = zl_plan_pool(&scene.facts);
        if (plan.action != rows[i].action || plan.forget_rollout != rows[i].forget ||
            plan.removal != ZL_REMOVE_NONE || plan.depose || plan.delete_surplus) {
            fail_msg("row %zu: action %d flags %d", i, (int)plan.action, flags_of(&plan));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_leader_that_stays_not_ready_loses_the_seat),
        cmocka_unit_test(test_leader_on_its_way_out_keeps_the_seat_until_its_node_is_lost),
        cmocka_unit_test(test_empty_seat_goes_to_the_successor_that_may_have_it),
        cmocka_unit_test(test_any_other_living_pod_still_comes_before_a_new_one),
        cmocka_unit_test(test_lost_lease_is_taken_when_a_claim_would_have_settled),
        cmocka_unit_test(test_surplus_is_neither_leader_nor_successor_and_deposed_pods_always),
        cmocka_unit_test(test_standby_forgets_the_rollout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
