/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/leader/plan.h"
#include "controller/leader/status.h"
#include "controller/leader/wake.h"
#include "controller/view/wakes.h"
#include "test/unit/controller/trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define NOW_US 1767225600000000
#define SECOND_US 1000000

static char ns[] = "shop", pool[] = "web", uid_a[] = "uid-a", uid_b[] = "uid-b", uid_c[] = "uid-c";
static char pod_a[] = "web-a", pod_b[] = "web-b", pod_c[] = "web-c", identity_a[] = "web-a_uid-a";
static char ip[] = "10.0.0.1", nobody[] = "", version[] = "1";

static const struct zl_policy SCALE_DOWN = {
    .meta = {.namespace_ = ns, .name = pool}, .lease_duration_s = 15, .retry_period_s = 2};
static const struct zl_policy STANDBY = {.meta = {.namespace_ = ns, .name = pool},
                                         .lease_duration_s = 15,
                                         .retry_period_s = 2,
                                         .standby = true};
static const struct zl_workload THREE = {.meta = {.namespace_ = ns, .name = pool},
                                         .kind = &ZL_KIND_DEPLOYMENT,
                                         .replicas = 3,
                                         .pool = pool};
static const struct zl_workload ONE = {.meta = {.namespace_ = ns, .name = pool},
                                       .kind = &ZL_KIND_DEPLOYMENT,
                                       .replicas = 1,
                                       .pool = pool};

static const struct zl_pod A = {.meta = {.name = pod_a, .uid = uid_a, .created_us = 1},
                                .ready = true,
                                .ready_since_us = 5,
                                .ips = {ip}};
static const struct zl_pod A_NOT_READY = {.meta = {.name = pod_a, .uid = uid_a, .created_us = 1}};
static const struct zl_pod A_TERMINATING = {
    .meta = {.name = pod_a, .uid = uid_a, .created_us = 1, .deleting = true}};
static const struct zl_pod B = {.meta = {.name = pod_b, .uid = uid_b, .created_us = 2},
                                .ready = true,
                                .ready_since_us = 6,
                                .ips = {ip}};
static const struct zl_pod C = {.meta = {.name = pod_c, .uid = uid_c, .created_us = 3}};

static struct zl_lease lease_of_a(bool provisional, int64_t renewed_ago_s)
{
    return (struct zl_lease){.namespace_ = ns,
                             .pool = pool,
                             .resource_version = version,
                             .holder_identity = identity_a,
                             .holder_pod = pod_a,
                             .holder_uid = uid_a,
                             .provisional = provisional,
                             .ready_holder = uid_a,
                             .duration_s = 15,
                             .fencing_token = 3,
                             .acquire_us = NOW_US - 60 * (int64_t)SECOND_US,
                             .renew_us = NOW_US - renewed_ago_s * SECOND_US};
}

/* One pool of one workload with up to three live pods. */
struct scene {
    struct zl_view view;
    struct zl_member members[3];
    const struct zl_workload *workloads[1];
};

static void set_scene(struct scene *scene, const struct zl_policy *policy,
                      const struct zl_lease *lease, enum zl_holder holder)
{
    memset(scene, 0, sizeof *scene);
    scene->workloads[0] = &THREE;
    scene->view = (struct zl_view){.namespace_ = ns,
                                   .name = pool,
                                   .policy = policy,
                                   .lease = lease,
                                   .holder = holder,
                                   .claim_timeout_ms = 5000,
                                   .workloads = scene->workloads,
                                   .workload_count = 1,
                                   .members = scene->members,
                                   .wake = {.runs = true, .attempts = 9},
                                   .elects_all = policy->standby,
                                   .now_us = NOW_US};
}

static void add_pod(struct scene *scene, const struct zl_pod *pod)
{
    scene->members[scene->view.member_count++] =
        (struct zl_member){.pod = pod, .workload = &THREE, .gatekept = true};
}

static void expect(const char *name, const struct scene *scene, const char *wanted)
{
    ZL_AUTO_STEPS struct zl_steps steps;
    zl_steps_begin(&steps, &scene->view);
    if (scene->view.elects_all) {
        zl_plan_standby(&scene->view, &steps);
    } else {
        zl_plan_scale_down(&scene->view, &steps);
    }
    expect_trace(name, &steps, wanted);
}

static void test_living_holder_is_renewed_when_it_is_time(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t renewed_ago_s;
        bool provisional;
        const char *steps;
    } rows[] = {
        {"just renewed", 0, false, "again 9240"},
        {"not due yet", 2, false, "again 9240"},
        {"due", 13, false, "lease renewal:; again 9240"},
        {"long overdue", 900, false, "lease renewal:; again 9240"},
        {"a renewTime in the future", -3, false, "lease renewal:; again 9240"},
        {"the claim is confirmed at once", 0, true, "lease renewal:; again 9240"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scene scene;
        struct zl_lease lease = lease_of_a(rows[i].provisional, rows[i].renewed_ago_s);
        set_scene(&scene, &SCALE_DOWN, &lease, ZL_HOLDER_ALIVE);
        scene.view.holder_pod = &A;
        add_pod(&scene, &A);
        expect(rows[i].name, &scene, rows[i].steps);
    }
}

static void test_edited_lease_is_repaired_at_once(void **state)
{
    (void)state;
    struct scene scene;
    struct zl_policy policy = SCALE_DOWN;
    struct zl_lease lease = lease_of_a(false, 0);

    lease.wants_repair = true;
    set_scene(&scene, &SCALE_DOWN, &lease, ZL_HOLDER_ALIVE);
    expect("label or owner is missing", &scene, "lease renewal:; again 9240");

    lease = lease_of_a(false, 0);
    lease.holder_identity = pod_b;
    set_scene(&scene, &SCALE_DOWN, &lease, ZL_HOLDER_ALIVE);
    scene.view.holder_pod = &A;
    expect("who reads only the identity would follow another leader", &scene,
           "lease renewal:; again 9240");

    lease = lease_of_a(false, 0);
    policy.status.fencing_token = 9;
    set_scene(&scene, &policy, &lease, ZL_HOLDER_ALIVE);
    expect("the token was edited down", &scene, "lease renewal:; again 9240");
}

static void test_renewal_names_the_holder_anew(void **state)
{
    (void)state;
    struct zl_lease lease = lease_of_a(false, 0);
    lease.holder_identity = pod_a;
    lease.holder_uid = NULL; /* written by hand */
    const struct zl_candidate holder = zl_candidate_of(&A, &SCALE_DOWN);
    struct zl_lease *next = zl_lease_renewed(&lease, &SCALE_DOWN, &holder, NOW_US);
    assert_true(zl_lease_names(next, &holder));
    assert_true(zl_lease_is_held_by(next, uid_a));
    assert_int_equal(next->fencing_token, 3);
    zl_lease_free(next);
}

static void test_holder_outside_the_pool_loses_the_seat(void **state)
{
    (void)state;
    struct scene scene;
    struct zl_lease lease = lease_of_a(false, 0);
    set_scene(&scene, &SCALE_DOWN, &lease, ZL_HOLDER_OUTSIDE);
    expect("nobody else lives", &scene,
           "lease leader-outside: holder=-; wake seat-free Deployment/web; again 30000");
    add_pod(&scene, &B);
    expect("B lives", &scene,
           "reserve-token if taker-lives lease-same; lease elected: holder=web-b ready=uid-b; "
           "again 9240");
}

/* A namespace got its first LeaderPolicy, and B was listed before A, which has been Ready for longer. */
static void test_first_leader_is_not_elected_from_half_a_list(void **state)
{
    (void)state;
    struct zl_lease vacant = {.namespace_ = ns, .pool = pool, .resource_version = version};
    struct zl_lease led = lease_of_a(false, 0);
    struct {
        const char *name;
        const struct zl_policy *policy;
        const struct zl_lease *lease;
        int64_t last_token;
        bool being_listed;
        const char *steps;
    } rows[] = {
        {"scaleDown, half a list", &SCALE_DOWN, &vacant, 0, true, "again 100"},
        {"scaleDown", &SCALE_DOWN, &vacant, 0, false,
         "reserve-token if taker-lives lease-same; lease elected: holder=web-b ready=uid-b; again "
         "9240"},
        {"standby, half a list", &STANDBY, NULL, 0, true, "again 100"},
        {"standby", &STANDBY, NULL, 0, false,
         "lease elected: holder=web-b ready=uid-b; again 9240"},
        {"a failover waits for nothing", &SCALE_DOWN, &led, 0, true,
         "reserve-token if taker-lives lease-same; lease elected: holder=web-b ready=uid-b; again "
         "9240"},
        {"nor in standby", &STANDBY, &led, 3, true,
         "record-token 3; lease elected: holder=web-b ready=uid-b; again 9240"},
        {"nor when the Lease was lost", &STANDBY, NULL, 3, true,
         "lease elected: holder=web-b ready=uid-b; again 9240"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scene scene;
        set_scene(&scene, rows[i].policy, rows[i].lease, ZL_HOLDER_GONE);
        scene.view.last_token = scene.view.known_token = rows[i].last_token;
        scene.view.being_listed = rows[i].being_listed;
        add_pod(&scene, &B);
        expect(rows[i].name, &scene, rows[i].steps);
    }
}

static void test_young_claim_is_waited_for(void **state)
{
    (void)state;
    struct scene scene;
    struct zl_lease lease = lease_of_a(true, 0);
    set_scene(&scene, &SCALE_DOWN, &lease, ZL_HOLDER_GONE);
    scene.view.claim_age_ms = 1200;
    add_pod(&scene, &B); /* slipped past; not judged before the claim is settled */
    expect("1.2 s old", &scene, "again 3800");
}

static void test_old_claim_without_its_pod_is_released(void **state)
{
    (void)state;
    struct scene scene;
    struct zl_lease lease = lease_of_a(true, 6);
    set_scene(&scene, &SCALE_DOWN, &lease, ZL_HOLDER_GONE);
    scene.view.claim_age_ms = 5000;
    expect("5 s old", &scene,
           "lease claim-expired: holder=-; wake seat-free Deployment/web; again 30000");
    add_pod(&scene, &B);
    expect("5 s old, and B lives", &scene,
           "reserve-token if taker-lives lease-same; lease claim-expired: holder=web-b "
           "ready=uid-b; again 9240");
}

static void test_dead_leader_is_replaced_by_a_running_pod_else_released(void **state)
{
    (void)state;
    enum zl_holder dead[] = {ZL_HOLDER_GONE, ZL_HOLDER_FINISHED};
    for (size_t i = 0; i < 2; i++) {
        struct scene scene;
        struct zl_lease lease = lease_of_a(false, 0);
        set_scene(&scene, &SCALE_DOWN, &lease, dead[i]);
        expect("nobody lives", &scene,
               "lease leader-gone: holder=-; wake seat-free Deployment/web; again 30000");
        add_pod(&scene, &A_TERMINATING);
        expect("it may be a leader whose Lease was lost: before a new pod", &scene,
               "reserve-token if taker-lives lease-same; lease elected: holder=web-a; again 9240");
        add_pod(&scene, &C);
        add_pod(&scene, &B);
        expect("Ready before not Ready", &scene,
               "reserve-token if taker-lives lease-same; lease elected: holder=web-b ready=uid-b; "
               "delete-pod surplus web-c if holder-same; again 9240");
    }
}

static void test_terminating_leader_keeps_the_seat(void **state)
{
    (void)state;
    struct scene scene;
    struct zl_lease lease = lease_of_a(false, 0);
    set_scene(&scene, &SCALE_DOWN, &lease, ZL_HOLDER_TERMINATING);
    scene.view.holder_pod = &A_TERMINATING;
    add_pod(&scene, &A_TERMINATING);
    expect("on its way out", &scene, "again 9240");
}

static void test_deleted_lease_is_given_back_even_to_a_terminating_pod(void **state)
{
    (void)state;
    struct scene scene;
    struct zl_lease vacant = lease_of_a(false, 0);
    vacant.holder_identity = vacant.holder_pod = vacant.holder_uid = NULL;
    set_scene(&scene, &SCALE_DOWN, NULL, ZL_HOLDER_UNKNOWN);
    add_pod(&scene, &A_TERMINATING);
    expect("it is made anew first, empty", &scene, "lease no-lease:; again 1");

    set_scene(&scene, &SCALE_DOWN, &vacant, ZL_HOLDER_UNKNOWN);
    add_pod(&scene, &A_TERMINATING);
    expect("then given back", &scene,
           "reserve-token if taker-lives lease-same; lease elected: holder=web-a; again 9240");
    add_pod(&scene, &C);
    expect("but to one that stays", &scene,
           "reserve-token if taker-lives lease-same; lease elected: holder=web-c; again 9240");
}

static void test_free_seat_wakes_only_who_wants_pods(void **state)
{
    (void)state;
    struct scene scene;
    set_scene(&scene, &SCALE_DOWN, NULL, ZL_HOLDER_UNKNOWN);
    expect("three replicas", &scene, "wake seat-free Deployment/web; again 30000");
    scene.view.wake.due_in_ms = 700;
    expect("woken a moment ago", &scene, "again 700");
    scene.workloads[0] = &ONE;
    expect("one replica", &scene, "");
    scene.view.workload_count = 0;
    expect("no workload", &scene, "");
}

static void test_confirmed_leader_stops_the_wakes(void **state)
{
    (void)state;
    struct scene scene;
    struct zl_lease lease = lease_of_a(false, 0);
    for (int standby = 0; standby < 2; standby++) {
        ZL_AUTO_STEPS struct zl_steps steps;
        set_scene(&scene, standby == 1 ? &STANDBY : &SCALE_DOWN, &lease, ZL_HOLDER_ALIVE);
        scene.view.holder_pod = &A;
        add_pod(&scene, &A);
        zl_steps_begin(&steps, &scene.view);
        assert_true(steps.wake.runs);
        (standby == 1 ? zl_plan_standby : zl_plan_scale_down)(&scene.view, &steps);
        assert_false(steps.wake.runs);
    }
}

static void test_surplus_is_gatekept_running_and_not_the_leader(void **state)
{
    (void)state;
    struct zl_lease lease = lease_of_a(false, 0);
    struct zl_lease released = {.holder_identity = nobody};
    struct zl_pod static_pod = B;
    static_pod.is_static = true;
    struct {
        const char *name;
        struct zl_member member;
        const struct zl_lease *lease;
        const char *steps;
    } rows[] = {
        {"another pod",
         {.pod = &B, .gatekept = true},
         &lease,
         "delete-pod surplus web-b if holder-same"},
        {"the leader", {.pod = &A, .gatekept = true}, &lease, ""},
        {"of a workload that wants one", {.pod = &B, .gatekept = false}, &lease, ""},
        {"on its way out", {.pod = &A_TERMINATING, .gatekept = true}, &lease, ""},
        {"only the kubelet can delete it", {.pod = &static_pod, .gatekept = true}, &lease, ""},
        {"nobody leads", {.pod = &B, .gatekept = true}, &released, ""},
        {"no Lease", {.pod = &B, .gatekept = true}, NULL, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scene scene;
        ZL_AUTO_STEPS struct zl_steps steps;
        set_scene(&scene, &SCALE_DOWN, rows[i].lease, ZL_HOLDER_ALIVE);
        scene.members[0] = rows[i].member;
        scene.view.member_count = 1;
        zl_steps_begin(&steps, &scene.view);
        zl_plan_surplus(&steps);
        expect_trace(rows[i].name, &steps, rows[i].steps);
    }
}

static void test_standby_prefers_sticky_then_ready_and_never_deletes(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const struct zl_pod *leader;
        enum zl_holder holder;
        const struct zl_pod *other;
        const char *steps;
    } rows[] = {
        {"sticky", &A, ZL_HOLDER_ALIVE, &B, "again 9240"},
        {"not Ready", &A_NOT_READY, ZL_HOLDER_ALIVE, &B,
         "record-token 3; lease elected: holder=web-b ready=uid-b; again 9240"},
        {"on its way out", &A_TERMINATING, ZL_HOLDER_TERMINATING, &B,
         "record-token 3; lease elected: holder=web-b ready=uid-b; again 9240"},
        {"nobody is better", &A_NOT_READY, ZL_HOLDER_ALIVE, &C, "again 9240"},
        {"gone", NULL, ZL_HOLDER_GONE, &B,
         "record-token 3; lease elected: holder=web-b ready=uid-b; again 9240"},
        {"gone, and nobody can lead", NULL, ZL_HOLDER_GONE, &C, "lease leader-gone: holder=-"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scene scene;
        struct zl_lease lease = lease_of_a(false, 0);
        set_scene(&scene, &STANDBY, &lease, rows[i].holder);
        scene.view.holder_pod = rows[i].leader;
        if (rows[i].leader != NULL) {
            add_pod(&scene, rows[i].leader);
        }
        add_pod(&scene, rows[i].other);
        expect(rows[i].name, &scene, rows[i].steps);
    }
}

static void test_pool_that_became_standby_wakes_who_was_refused(void **state)
{
    (void)state;
    struct scene scene;
    struct zl_policy policy = STANDBY;
    struct zl_lease lease = lease_of_a(false, 0);
    policy.status.blocked = 2;
    set_scene(&scene, &policy, &lease, ZL_HOLDER_ALIVE);
    scene.view.holder_pod = &A;
    add_pod(&scene, &A);
    expect("two replicas wait", &scene,
           "unblock not-gatekept Deployment/web if owners-listed; again 9240");
}

static void fill_status(const struct zl_view *view, const struct zl_pod *leader,
                        struct zl_policy_status *out)
{
    struct zl_view after = *view;
    after.holder_pod = leader;
    zl_status_begin(&after, out);
    zl_status_list_workloads(&after, ZL_STRATEGY_TRAFFIC_DIRECTOR, out);
    zl_status_scale_down(&after, out);
    zl_status_end(&after, out);
}

static void test_status_tells_leader_counts_and_token(void **state)
{
    (void)state;
    struct scene scene;
    struct zl_policy_status status = {0};
    struct zl_policy policy = SCALE_DOWN;
    struct zl_lease lease = lease_of_a(false, 0);
    policy.meta.generation = 6;
    policy.status.fencing_token = 9; /* never falls */
    set_scene(&scene, &policy, &lease, ZL_HOLDER_ALIVE);
    add_pod(&scene, &A);
    fill_status(&scene.view, &A, &status);
    assert_string_equal(status.phase, "Stable");
    assert_string_equal(status.holder_name, pod_a);
    assert_string_equal(status.holder_start_time, "2025-12-31T23:59:00Z");
    assert_string_equal(status.holder_ready_time,
                        "2026-01-01T00:00:00Z"); /* seen for the first time */
    assert_int_equal(status.holder_token, 3);
    assert_int_equal(status.candidates, 1);
    assert_int_equal(status.blocked, 2);
    assert_int_equal(status.fencing_token, 9);
    assert_int_equal(status.observed_generation, 6);
    assert_string_equal(status.conditions[ZL_CONDITION_READY].status, "True");
    assert_string_equal(status.conditions[ZL_CONDITION_LEADER_ELECTED].status, "True");
    assert_string_equal(status.conditions[ZL_CONDITION_LEADER_ELECTED].reason, "LeaderActive");
    assert_string_equal(status.conditions[ZL_CONDITION_CANDIDATES_AVAILABLE].reason,
                        "CandidatesFound");
    assert_string_equal(status.workloads[0].strategy, ZL_STRATEGY_TRAFFIC_DIRECTOR);
    assert_string_equal(status.last_transition_time, "2026-01-01T00:00:00Z");
    zl_policy_status_clear(&status);
}

static void test_status_times_move_only_with_what_they_describe(void **state)
{
    (void)state;
    struct scene scene;
    struct zl_policy_status status = {0};
    struct zl_policy policy = SCALE_DOWN;
    struct zl_lease lease = lease_of_a(false, 0);
    policy.status.phase = (char[]){"Stable"};
    policy.status.holder_uid = uid_a;
    policy.status.last_transition_time = (char[]){"2020-01-01T00:00:00Z"};
    policy.status.conditions[ZL_CONDITION_READY].status = (char[]){"True"};
    policy.status.conditions[ZL_CONDITION_READY].since = (char[]){"2020-01-01T00:00:01Z"};
    policy.status.conditions[ZL_CONDITION_LEADER_ELECTED].status = (char[]){"True"};
    policy.status.conditions[ZL_CONDITION_LEADER_ELECTED].since = (char[]){"2020-01-01T00:00:02Z"};
    set_scene(&scene, &policy, &lease, ZL_HOLDER_ALIVE);
    fill_status(&scene.view, &A, &status);
    assert_string_equal(status.last_transition_time, "2020-01-01T00:00:00Z");
    assert_string_equal(status.conditions[ZL_CONDITION_READY].since, "2020-01-01T00:00:01Z");
    assert_string_equal(status.conditions[ZL_CONDITION_LEADER_ELECTED].since,
                        "2020-01-01T00:00:02Z");
    zl_policy_status_clear(&status);

    fill_status(&scene.view, &A_NOT_READY, &status);
    assert_string_equal(status.last_transition_time, "2020-01-01T00:00:00Z");
    assert_string_equal(status.conditions[ZL_CONDITION_READY].since, "2026-01-01T00:00:00Z");
    assert_string_equal(status.conditions[ZL_CONDITION_READY].reason, "LeaderNotReady");
    zl_policy_status_clear(&status);
}

static void test_claim_is_no_leader_in_status_until_its_pod_was_seen(void **state)
{
    (void)state;
    struct scene scene;
    struct zl_policy_status status = {0};
    struct zl_lease lease = lease_of_a(true, 0);
    set_scene(&scene, &SCALE_DOWN, &lease, ZL_HOLDER_GONE);
    fill_status(&scene.view, NULL, &status);
    assert_string_equal(status.phase, "Electing");
    assert_null(status.holder_name);
    assert_string_equal(status.conditions[ZL_CONDITION_READY].reason, "ClaimPending");
    assert_string_equal(status.conditions[ZL_CONDITION_LEADER_ELECTED].status, "False");
    assert_string_equal(status.conditions[ZL_CONDITION_CANDIDATES_AVAILABLE].status, "False");
    assert_string_equal(status.conditions[ZL_CONDITION_CANDIDATES_AVAILABLE].reason,
                        "NoCandidates");
    zl_policy_status_clear(&status);
}

static void test_wakes_are_urgent_once_then_back_off(void **state)
{
    (void)state;
    struct zl_wake_clock clock = {0};
    int64_t wait_ms = 0;
    assert_true(zl_wake_is_due(&clock, true, &wait_ms)); /* at 1000 */
    assert_int_equal(wait_ms, 1000);
    clock.due_in_ms -= 500;
    assert_false(zl_wake_is_due(&clock, true, &wait_ms)); /* 1500 */
    assert_int_equal(wait_ms, 500);
    clock.due_in_ms -= 500;
    assert_true(zl_wake_is_due(&clock, false, &wait_ms)); /* 2000 */
    assert_int_equal(wait_ms, 2000);

    clock = (struct zl_wake_clock){0};
    assert_false(zl_wake_is_due(&clock, false, &wait_ms)); /* not just released */
    assert_int_equal(wait_ms, 1000);

    int64_t expected[] = {0, 1000, 2000, 4000, 8000, 16000, 30000, 30000};
    for (int i = 0; i < 8; i++) {
        assert_int_equal(zl_wake_delay_ms(i), expected[i]);
    }
    assert_int_equal(zl_wake_delay_ms(1000000), 30000);
}

static void test_wake_clock_is_remembered_while_it_runs(void **state)
{
    (void)state;
    struct zl_wakes *wakes = zl_wakes_new();
    const struct zl_wake_clock runs = {.runs = true, .attempts = 2, .due_in_ms = 4000};
    const struct zl_wake_clock none = {0};
    assert_false(zl_wakes_find(wakes, ns, pool, 1000).runs);
    zl_wakes_set(wakes, ns, pool, &runs, 1000);
    struct zl_wake_clock found = zl_wakes_find(wakes, ns, pool, 3500);
    assert_true(found.runs);
    assert_int_equal(found.attempts, 2);
    assert_int_equal(found.due_in_ms, 1500);
    assert_false(zl_wakes_find(wakes, ns, "other", 3500).runs);
    zl_wakes_set(wakes, ns, pool, &none, 4000);
    assert_false(zl_wakes_find(wakes, ns, pool, 4000).runs);
    zl_wakes_set(wakes, ns, pool, &runs, 5000);
    zl_wakes_free(wakes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_living_holder_is_renewed_when_it_is_time),
        cmocka_unit_test(test_edited_lease_is_repaired_at_once),
        cmocka_unit_test(test_renewal_names_the_holder_anew),
        cmocka_unit_test(test_holder_outside_the_pool_loses_the_seat),
        cmocka_unit_test(test_first_leader_is_not_elected_from_half_a_list),
        cmocka_unit_test(test_young_claim_is_waited_for),
        cmocka_unit_test(test_old_claim_without_its_pod_is_released),
        cmocka_unit_test(test_dead_leader_is_replaced_by_a_running_pod_else_released),
        cmocka_unit_test(test_terminating_leader_keeps_the_seat),
        cmocka_unit_test(test_deleted_lease_is_given_back_even_to_a_terminating_pod),
        cmocka_unit_test(test_free_seat_wakes_only_who_wants_pods),
        cmocka_unit_test(test_confirmed_leader_stops_the_wakes),
        cmocka_unit_test(test_surplus_is_gatekept_running_and_not_the_leader),
        cmocka_unit_test(test_standby_prefers_sticky_then_ready_and_never_deletes),
        cmocka_unit_test(test_pool_that_became_standby_wakes_who_was_refused),
        cmocka_unit_test(test_status_tells_leader_counts_and_token),
        cmocka_unit_test(test_status_times_move_only_with_what_they_describe),
        cmocka_unit_test(test_claim_is_no_leader_in_status_until_its_pod_was_seen),
        cmocka_unit_test(test_wakes_are_urgent_once_then_back_off),
        cmocka_unit_test(test_wake_clock_is_remembered_while_it_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
