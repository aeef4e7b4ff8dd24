/* SPDX-License-Identifier: Apache-2.0 */
/* Leaders that stay not Ready, and who follows them: the whole plan, row by row. */
#include "test/unit/rollout_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct plan_row SICK_ROWS[] = {
    {"not Ready for a moment",
     {.none = true, .unready_s = 14},
     "wake newest-waits ReplicaSet/rs-new; again 1000; idle 1000"},
    {"not Ready for the lease duration",
     {.none = true, .unready_s = 15},
     "lease not-ready: holder=- deposed=uid-a if still-unready; wake seat-free Deployment/web; "
     "delete-pod led-before web-a if holder-same; again 30000; idle never"},
    {"while a successor starts: the proven revision is asked first",
     {.unready_s = 15, .unready = true},
     "lease not-ready: holder=- deposed=uid-a if still-unready; wake seat-free Deployment/web; "
     "delete-pod led-before web-a if holder-same; again 30000; idle 590000"},
    {"while one starts, and nothing is proven",
     {.unready_s = 15, .unready = true, .unproven = true},
     "reserve-token if taker-lives still-unready lease-same; lease not-ready: holder=web-s "
     "successor=- deposed=uid-a; delete-pod led-before web-a if holder-same; again 9240"},
    {"the successor is Ready: a handover like another",
     {.unready_s = 15},
     "reserve-token if taker-lives lease-same; lease handed-over: holder=web-s successor=- "
     "deposed=uid-a ready=uid-s proven=rs-new; delete-pod led-before web-a if holder-same; again "
     "9240"},
    {"the successor is Ready, not for long: better than this",
     {.unready_s = 15, .min_ready_s = 60},
     "reserve-token if taker-lives lease-same; lease handed-over: holder=web-s successor=- "
     "deposed=uid-a ready=uid-s proven=rs-new; delete-pod led-before web-a if holder-same; again "
     "9240"},
    {"the successor is Ready, the Deployment paused: better than this",
     {.unready_s = 15, .paused = true},
     "reserve-token if taker-lives still-unready lease-same; lease not-ready: holder=web-s "
     "successor=- deposed=uid-a ready=uid-s proven=rs-new; delete-pod led-before web-a if "
     "holder-same; again 9240"},
    {"a stale successor is no heir",
     {.unready_s = 15, .newest = NEXT, .unproven = true},
     "lease not-ready: holder=- deposed=uid-a,uid-s if still-unready; wake seat-free "
     "Deployment/web; delete-pod successor-stale web-s if leads-not; delete-pod led-before web-a "
     "if holder-same; again 30000; idle never"},
    {"it was, but somebody deleted the Lease that said so",
     {.none = true, .starting = true, .status_knows = true, .unready_s = 15},
     "lease not-ready: holder=- deposed=uid-a if still-unready; wake seat-free Deployment/web; "
     "delete-pod led-before web-a if holder-same; again 30000; idle never"},
    {"one that was never Ready is still starting",
     {.none = true, .unready_s = 599, .starting = true},
     "wake newest-waits ReplicaSet/rs-new; again 1000; idle 1000"},
    {"and has until the progress deadline",
     {.none = true, .unready_s = 600, .starting = true},
     "lease not-ready: holder=- deposed=uid-a if still-unready; wake seat-free Deployment/web; "
     "delete-pod led-before web-a if holder-same; again 30000; idle never"},
    {"of its own Deployment",
     {.none = true, .unready_s = 60, .starting = true, .deadline_s = 60},
     "lease not-ready: holder=- deposed=uid-a if still-unready; wake seat-free Deployment/web; "
     "delete-pod led-before web-a if holder-same; again 30000; idle never"},
    {"a StatefulSet's that starts has a Deployment's default",
     {.none = true, .outdated = true, .unready_s = 599, .starting = true, .deadline_s = 60},
     "delete-pod leader-outdated web-a if leads; again 1000"},
    {"and no longer",
     {.none = true, .outdated = true, .unready_s = 600, .starting = true},
     "lease not-ready: holder=- deposed=uid-a if still-unready; wake seat-free StatefulSet/web; "
     "delete-pod led-before web-a if holder-same; again 30000; idle never"},
    {"with one replica nobody is replaced",
     {.none = true, .unready_s = 9999, .single = true},
     "again 9240"},
    {"but beside those of another workload",
     {.none = true, .unready_s = 9999, .single = true, .beside = true},
     "lease not-ready: holder=- deposed=uid-a if still-unready; wake seat-free Deployment/web; "
     "wake seat-free Deployment/web-s; delete-pod led-before web-a if holder-same; again 30000; "
     "idle never"},
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
     "again 9240"},
    {"not Ready any more, within its grace",
     {LEAVING, .unready_s = 20, .terminating_s = 20},
     "again 9240"},
    {"its grace is over, not so the lease duration",
     {LEAVING, .unready_s = 44, .terminating_s = 44},
     "again 1000"},
    {"grace and lease duration are over, and it runs on a Ready node: looked at again later",
     {LEAVING, .unready_s = 45, .terminating_s = 45, .runs_on = true},
     "tell runs-on LeaderPolicy/web; again 9240"},
    {"for however long",
     {LEAVING, .unready_s = 9999, .terminating_s = 9999, .runs_on = true},
     "tell runs-on LeaderPolicy/web; again 9240"},
    {"it may not run any more, which happened to be asked a moment too early",
     {LEAVING, .unready_s = 14, .terminating_s = 45, .runs_on = true},
     "again 1000"},
    {"with a Ready successor beside it the seat moves all the same: a handover like another",
     {.seat = LEADER_LEAVING, .grace_s = 30, .unready_s = 45, .terminating_s = 45, .runs_on = true},
     "reserve-token if taker-lives lease-same; lease handed-over: holder=web-s successor=- "
     "deposed=uid-a ready=uid-s proven=rs-new; again 9240"},
    {"grace and lease duration are over, and nothing of it can run",
     {LEAVING, .unready_s = 45, .terminating_s = 45},
     "lease not-ready: holder=- deposed=uid-a if still-unready; wake seat-free Deployment/web; "
     "again 30000; idle never"},
    {"it served long beyond its grace, and stopped a moment ago",
     {LEAVING, .unready_s = 14, .terminating_s = 9999},
     "again 1000"},
    {"not Ready for long when it was deleted",
     {LEAVING, .unready_s = 9999, .terminating_s = 44},
     "again 1000"},
    {"never Ready: it will not be any more, so no progress deadline counts",
     {LEAVING, .starting = true, .unready_s = 45, .terminating_s = 45},
     "lease not-ready: holder=- deposed=uid-a if still-unready; wake seat-free Deployment/web; "
     "again 30000; idle never"},
    {"without grace",
     {.none = true, .seat = LEADER_LEAVING, .unready_s = 15, .terminating_s = 15},
     "lease not-ready: holder=- deposed=uid-a if still-unready; wake seat-free Deployment/web; "
     "again 30000; idle never"},
};

static void test_leader_on_its_way_out_keeps_the_seat_as_long_as_it_may_run(void **state)
{
    (void)state;
    CHECK(LEAVING_ROWS);
}

static const struct plan_row VACANT_ROWS[] = {
    {"a Ready successor",
     {.seat = VACANT},
     "reserve-token if taker-lives lease-same; lease elected: holder=web-s successor=- ready=uid-s "
     "proven=rs-new; again 9240"},
    {"minReadySeconds are no reason to have no leader",
     {.seat = VACANT, .min_ready_s = 60},
     "reserve-token if taker-lives lease-same; lease elected: holder=web-s successor=- ready=uid-s "
     "proven=rs-new; again 9240"},
    {"one that starts waits for the proven revision",
     {.seat = VACANT, .unready = true},
     "wake seat-free Deployment/web; again 30000; idle 590000"},
    {"one that starts, nothing proven: it leads at once",
     {.seat = VACANT, .unready = true, .unproven = true},
     "reserve-token if taker-lives lease-same; lease elected: holder=web-s successor=-; again "
     "9240"},
    {"one that leaves is no heir",
     {.seat = VACANT, .deleting = true, .unproven = true},
     "wake seat-free Deployment/web; again 15000; idle 15000"},
    {"rolled on meanwhile",
     {.seat = VACANT, .newest = NEXT},
     "lease rollout: deposed=uid-s; wake seat-free Deployment/web; delete-pod successor-stale "
     "web-s if leads-not; again 30000; idle never"},
    {"not Ready before the deadline",
     {.seat = VACANT, .unready = true, .age_s = 600},
     "lease rollout: deposed=uid-s failed=rs-new; wake seat-free Deployment/web; delete-pod "
     "successor-failed web-s if leads-not; again 30000; idle never"},
    {"its revision failed",
     {.seat = VACANT, .failed = rs_new, .unproven = true},
     "lease rollout: deposed=uid-s; wake seat-free Deployment/web; delete-pod successor-failed "
     "web-s if leads-not; again 30000; idle never"},
    {"one that finished is no heir",
     {.seat = VACANT, .finished = true, .unproven = true},
     "lease rollout: successor=-; wake seat-free Deployment/web; again 30000; idle never"},
    {"it never came",
     {.seat = VACANT, .missing = true, .age_s = 5},
     "lease rollout: successor=-; wake seat-free Deployment/web; again 30000; idle never"},
    {"it may still come",
     {.seat = VACANT, .missing = true, .age_s = 4},
     "wake seat-free Deployment/web; again 1000; idle 1000"},
    {"the leader died, the successor is Ready",
     {.seat = DEAD},
     "reserve-token if taker-lives lease-same; lease elected: holder=web-s successor=- ready=uid-s "
     "proven=rs-new; again 9240"},
    {"the leader died, the successor starts",
     {.seat = DEAD, .unready = true},
     "lease leader-gone: holder=-; wake seat-free Deployment/web; again 30000; idle 590000"},
    {"who lost the seat does not regain it, and goes",
     {.seat = VACANT, .none = true, .deposed = true},
     "wake seat-free Deployment/web; delete-pod led-before web-a if holder-same; again 30000; idle "
     "never"},
    {"nor when the leader after it died",
     {.seat = DEAD, .unready = true, .deposed = true},
     "lease leader-gone: holder=- deposed=uid-a; wake seat-free Deployment/web; delete-pod "
     "led-before web-a if holder-same; again 30000; idle 590000"},
    {"one replica is wanted now: who lost the seat is a pod like others",
     {.seat = VACANT, .none = true, .deposed = true, .single = true},
     "lease rollout: deposed=-"},
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
    expect_plan("A lives", &scene,
                "reserve-token if taker-lives lease-same; lease elected: holder=web-a; again 9240");
}

/* The scene's seat is vacant and S is Ready, but nobody of us emptied it: fencing token 3, lost a while ago. */
static void set_lost(struct scene *scene, const struct knobs *knobs, int64_t lost_ms)
{
    set_scene(scene, knobs);
    scene->policy.status.fencing_token = 3;
    scene->view.last_token = scene->view.known_token = 3;
    scene->policy.status.holder_token = 3;
    scene->lease.released_token = 0;
    scene->view.lost_ms = lost_ms;
}

static void test_lost_lease_is_taken_when_a_claim_would_have_settled(void **state)
{
    (void)state;
    static const char TAKEN[] = "reserve-token if taker-lives lease-same; lease elected: "
                                "holder=web-s successor=- ready=uid-s proven=rs-new; again 9240";
    struct scene scene;
    set_lost(&scene, &(struct knobs){.seat = VACANT}, 4999);
    expect_plan("a claim may be under way", &scene, "again 1");

    scene.view.lost_ms = 5000;
    expect_plan("it would have settled", &scene, TAKEN);

    scene.view.lost_ms = 0;
    scene.policy.status.holder_uid = scene.successor.meta.uid;
    expect_plan("S led last, for sure", &scene, TAKEN);
    scene.policy.status.holder_token = 2;
    expect_plan("another leader came after it", &scene, "again 5000");

    scene.policy.status.fencing_token = 0;
    scene.view.last_token = scene.view.known_token = 0;
    expect_plan("nobody ever led", &scene, TAKEN);

    set_lost(&scene, &(struct knobs){.seat = VACANT}, 0);
    scene.lease.released_token = 3;
    expect_plan("we emptied it", &scene, TAKEN);
}

static void test_token_goes_past_those_that_a_lost_lease_may_have_given(void **state)
{
    (void)state;
    struct scene scene;
    ZL_AUTO_STEPS struct zl_steps steps;
    set_lost(&scene, &(struct knobs){.seat = VACANT}, 5000);
    scene.view.known_token = 7; /* seen in a Lease that somebody deleted */
    zl_steps_begin(&steps, &scene.view);
    zl_plan_scale_down(&scene.view, &steps);
    assert_int_equal(steps.next->fencing_token, 9);
    zl_steps_set_token(&steps, 12); /* LeaderPolicy status knew a larger one */
    assert_int_equal(steps.after.lease->fencing_token, 12);
}

static bool is_surplus(const struct scene *scene, const struct zl_pod *pod)
{
    ZL_AUTO_STEPS struct zl_steps steps;
    bool found = false;
    zl_steps_begin(&steps, &scene->view);
    zl_plan_surplus(&steps);
    for (size_t i = 0; i < steps.count; i++) {
        found = found || steps.items[i].of.pod == pod;
    }
    return found;
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
        scene.members[0] =
            (struct zl_member){.pod = &scene.leader, .gatekept = !rows[i].knobs.single};
        scene.members[1] =
            (struct zl_member){.pod = &scene.successor, .gatekept = !rows[i].knobs.single};
        scene.view.member_count = 2;
        if (is_surplus(&scene, &scene.leader) != rows[i].leader ||
            is_surplus(&scene, &scene.successor) != rows[i].successor) {
            fail_msg("row %zu", i);
        }
        scene.leader.meta.deleting = true;
        assert_false(is_surplus(&scene, &scene.leader));
    }
}

static void test_standby_forgets_the_rollout(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct knobs knobs;
        bool claimed; /* and the pod was not seen yet */
        const char *steps;
    } rows[] = {
        {"a successor", {0}, false, "lease rollout: successor=-; again 9240"},
        {"nothing to forget", {.none = true}, false, "again 9240"},
        {"deposed pods",
         {.none = true, .deposed = true},
         false,
         "lease rollout: deposed=-; again 9240"},
        {"the leader is not Ready",
         {.unready_s = 1},
         false,
         "record-token 3; lease elected: holder=web-s successor=- ready=uid-s proven=rs-new; again "
         "9240"},
        {"nobody is Ready", {.seat = VACANT, .unready = true}, false, "lease rollout: successor=-"},
        {"the leader died, and nobody is Ready",
         {.seat = DEAD, .unready = true},
         false,
         "lease leader-gone: holder=- successor=-"},
        {"a renewal would confirm the claim", {.seat = DEAD}, true, "again 5000"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scene scene;
        ZL_AUTO_STEPS struct zl_steps steps;
        set_scene(&scene, &rows[i].knobs);
        scene.view.elects_all = true;
        scene.lease.provisional = rows[i].claimed;
        zl_steps_begin(&steps, &scene.view);
        zl_plan_standby(&scene.view, &steps);
        expect_trace(rows[i].name, &steps, rows[i].steps);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_leader_that_stays_not_ready_loses_the_seat),
        cmocka_unit_test(test_leader_on_its_way_out_keeps_the_seat_as_long_as_it_may_run),
        cmocka_unit_test(test_empty_seat_goes_to_the_successor_that_may_have_it),
        cmocka_unit_test(test_any_other_living_pod_still_comes_before_a_new_one),
        cmocka_unit_test(test_lost_lease_is_taken_when_a_claim_would_have_settled),
        cmocka_unit_test(test_token_goes_past_those_that_a_lost_lease_may_have_given),
        cmocka_unit_test(test_surplus_is_neither_leader_nor_successor_and_deposed_pods_always),
        cmocka_unit_test(test_standby_forgets_the_rollout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
