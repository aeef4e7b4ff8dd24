/* SPDX-License-Identifier: Apache-2.0 */
/* Who goes beside the leader, and when: the old leader of a handover runs on for a while, everybody else goes at once. */
#include "test/unit/rollout_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static char only_a[] = "uid-a", a_and_s[] = "uid-a,uid-s";
static char pod_t[] = "web-t", uid_t_[] = "uid-t", identity_t[] = "web-t_uid-t";
static char identity_s[] = "web-s_uid-s", ns[] = "shop";

/* SCENE once A has handed over to S, and LeaderPolicy status says so. */
static void set_handed_over(struct scene *scene, int64_t grace_s)
{
    set_scene(scene, &(struct knobs){.grace_period_s = grace_s});
    scene->lease.holder_identity = identity_s;
    scene->lease.holder_pod = scene->successor.meta.name;
    scene->lease.holder_uid = scene->lease.ready_holder = scene->successor.meta.uid;
    scene->lease.ready_revision = rs_new;
    scene->lease.successor_pod = scene->lease.successor_uid = NULL;
    scene->lease.deposed = only_a;
    scene->policy.status.holder_uid = scene->successor.meta.uid;
    scene->view.holder_pod = &scene->successor;
    scene->view.successor_pod = NULL;
    scene->view.successor_age_ms = 0;
}

static void test_old_leader_runs_on_from_the_handover_on(void **state)
{
    (void)state;
    static const struct plan_row rows[] = {
        {"the handover itself",
         {.grace_period_s = 2},
         "reserve-token if taker-lives lease-same; lease handed-over: holder=web-s successor=- "
         "deposed=uid-a ready=uid-s proven=rs-new; again 2000"},
        {"no time is given",
         {.grace_period_s = 0},
         "reserve-token if taker-lives lease-same; lease handed-over: holder=web-s successor=- "
         "deposed=uid-a ready=uid-s proven=rs-new; delete-pod led-before web-a if holder-same; "
         "again 9240"},
        {"the old leader is not Ready: it could not answer",
         {.grace_period_s = 2, .unready_s = 1},
         "reserve-token if taker-lives lease-same; lease handed-over: holder=web-s successor=- "
         "deposed=uid-a ready=uid-s proven=rs-new; delete-pod led-before web-a if holder-same; "
         "again 9240"},
        {"it leaves already",
         {.grace_period_s = 2, .seat = LEADER_LEAVING, .serves = true},
         "reserve-token if taker-lives lease-same; lease handed-over: holder=web-s successor=- "
         "deposed=uid-a ready=uid-s proven=rs-new; again 9240"},
        {"it loses the seat because it stays not Ready",
         {.grace_period_s = 2, .none = true, .unready_s = 15},
         "lease not-ready: holder=- deposed=uid-a if still-unready; wake seat-free Deployment/web; "
         "delete-pod led-before web-a if holder-same; again 30000; idle never"},
        {"a successor that failed",
         {.grace_period_s = 2, .unready = true, .age_s = 600},
         "lease rollout: deposed=uid-s failed=rs-new; delete-pod successor-failed web-s if "
         "leads-not; again 9240"},
        {"one that is stale, and Ready",
         {.grace_period_s = 2, .newest = NEXT},
         "lease rollout: deposed=uid-s; delete-pod successor-stale web-s if leads-not; again 9240"},
    };
    CHECK(rows);
}

#define GOES "delete-pod led-before web-a if holder-same; again 9240"

static void test_old_leader_goes_when_proxies_have_had_their_time(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t grace_s, routed_ms, leads_ms;
        const char *steps;
    } rows[] = {
        {"the routes have just moved", 2, 0, 300, "again 2000"},
        {"half of it", 2, 999, 1200, "again 1001"},
        {"all but a moment", 2, 1999, 2300, "again 1"},
        {"over", 2, 2000, 2300, GOES},
        {"a look that comes late", 2, 90000, 90000, GOES},
        {"a longer time than to the next renewal", 60, 1000, 1000, "again 9240"},
        {"its end", 60, 57000, 57000, "again 3000"},
        {"no time is given any more", 0, 0, 0, GOES},
        {"the routes cannot be written: for as long as a leader may be not Ready", 2, 0, 16000,
         "again 1000"},
        {"and no longer", 2, 0, 17000, GOES},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scene scene;
        set_handed_over(&scene, rows[i].grace_s);
        scene.view.routed_ms = rows[i].routed_ms;
        scene.view.claim_age_ms = rows[i].leads_ms;
        expect_plan(rows[i].name, &scene, rows[i].steps);
    }
}

/* What becomes of the old leader is the same whatever becomes of the new one, but for a seat that is empty. */
static void test_old_leader_is_not_needed_again(void **state)
{
    (void)state;
    struct scene scene;
    set_handed_over(&scene, 2);
    scene.successor.ready = scene.successor.serving = false;
    scene.view.unready_ms = 1;
    expect_plan("the new leader is not Ready", &scene, "again 2000");

    set_handed_over(&scene, 2);
    scene.successor.ready = scene.successor.serving = false;
    scene.view.unready_ms = 15000;
    expect_plan("the new leader has lost the seat", &scene,
                "lease not-ready: holder=- deposed=uid-a,uid-s if still-unready; wake seat-free "
                "Deployment/web; delete-pod deposed web-a if holder-same; delete-pod led-before "
                "web-s if holder-same; again 30000; idle never");

    set_handed_over(&scene, 2);
    scene.lease.renew_us -= 6000000;
    expect_plan("a renewal comes between", &scene, "lease renewal:; again 2000");

    set_handed_over(&scene, 2);
    scene.leader.ready = false;
    expect_plan("it is not Ready any more", &scene, GOES);

    set_handed_over(&scene, 2);
    scene.leader.meta.deleting = true;
    expect_plan("somebody deleted it", &scene, "again 9240");
}

static void test_who_did_not_hand_over_goes_at_once(void **state)
{
    (void)state;
    static const struct zl_workload other = {
        .meta = {.namespace_ = ns, .name = pod_t}, .kind = &ZL_KIND_DEPLOYMENT, .replicas = 3};
    struct scene scene;
    set_handed_over(&scene, 2);
    scene.lease.deposed = NULL;
    expect_plan("it slipped past the gatekeeper", &scene,
                "delete-pod surplus web-a if holder-same; again 9240");

    set_handed_over(&scene, 2);
    scene.leader.meta.controller.uid = rs_new;
    expect_plan("of the leader's own revision: the Lease was lost", &scene,
                "delete-pod surplus web-a if holder-same; again 9240");

    set_handed_over(&scene, 2);
    scene.members[0].workload = &other;
    expect_plan("of another workload", &scene,
                "delete-pod surplus web-a if holder-same; again 9240");
}

/* Once more before the old leader is gone: both have their time, from the last handover on. */
static void test_second_handover_starts_the_time_anew(void **state)
{
    (void)state;
    struct scene scene;
    struct zl_member members[3];
    set_handed_over(&scene, 2);
    struct zl_pod third = scene.successor;
    third.meta.name = pod_t;
    third.meta.uid = uid_t_;
    third.meta.controller.uid = rs_next;
    for (int i = 0; i < 2; i++) {
        members[i] = scene.members[i];
    }
    members[2] =
        (struct zl_member){.pod = &third, .workload = scene.members[0].workload, .gatekept = true};
    scene.view.members = members;
    scene.view.member_count = 3;
    scene.newest.meta.uid = rs_next;
    scene.lease.successor_pod = pod_t;
    scene.lease.successor_uid = uid_t_;
    scene.view.successor_pod = &third;
    scene.view.successor_revision_known = true;
    scene.view.routed_ms = scene.view.claim_age_ms = 1900;
    expect_plan("S hands over to T", &scene,
                "reserve-token if taker-lives lease-same; lease handed-over: holder=web-t "
                "successor=- deposed=uid-a,uid-s ready=uid-t proven=rs-next; again 2000");

    scene.lease.holder_identity = identity_t;
    scene.lease.holder_pod = pod_t;
    scene.lease.holder_uid = scene.lease.ready_holder = uid_t_;
    scene.lease.ready_revision = rs_next;
    scene.lease.successor_pod = scene.lease.successor_uid = NULL;
    scene.lease.deposed = a_and_s;
    scene.policy.status.holder_uid = uid_t_;
    scene.view.holder_pod = &third;
    scene.view.successor_pod = NULL;
    scene.view.routed_ms = 2000;
    expect_plan("and both are done", &scene,
                "delete-pod led-before web-a if holder-same; delete-pod led-before web-s if "
                "holder-same; again 9240");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_old_leader_runs_on_from_the_handover_on),
        cmocka_unit_test(test_old_leader_goes_when_proxies_have_had_their_time),
        cmocka_unit_test(test_old_leader_is_not_needed_again),
        cmocka_unit_test(test_who_did_not_hand_over_goes_at_once),
        cmocka_unit_test(test_second_handover_starts_the_time_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
