/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/apply/wakes.h"
#include "controller/leader/plan.h"

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
    struct zl_pool_facts facts;
    struct zl_member members[3];
    const struct zl_workload *workloads[1];
};

static void set_scene(struct scene *scene, const struct zl_policy *policy,
                      const struct zl_lease *lease, enum zl_holder holder)
{
    memset(scene, 0, sizeof *scene);
    scene->workloads[0] = &THREE;
    scene->facts = (struct zl_pool_facts){.policy = policy,
                                          .lease = lease,
                                          .holder = holder,
                                          .claim_timeout_ms = 5000,
                                          .workloads = scene->workloads,
                                          .workload_count = 1,
                                          .members = scene->members,
                                          .now_us = NOW_US};
}

static void add_pod(struct scene *scene, const struct zl_pod *pod)
{
    scene->members[scene->facts.member_count++] = (struct zl_member){.pod = pod, .gatekept = true};
}

static void test_living_holder_is_renewed_a_third_of_the_way(void **state)
{
    (void)state;
    struct {
        int64_t renewed_ago_s;
        bool provisional;
        enum zl_lease_action action;
        int64_t requeue_after_ms;
    } rows[] = {
        {0, false, ZL_LEASE_KEEP, 5000},   {2, false, ZL_LEASE_KEEP, 3000},
        {5, false, ZL_LEASE_RENEW, 5000},  {900, false, ZL_LEASE_RENEW, 5000},
        {-3, false, ZL_LEASE_RENEW, 5000}, /* a renewTime in the future */
        {0, true, ZL_LEASE_RENEW, 5000},   /* the claim is confirmed at once */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scene scene;
        struct zl_lease lease = lease_of_a(rows[i].provisional, rows[i].renewed_ago_s);
        set_scene(&scene, &SCALE_DOWN, &lease, ZL_HOLDER_ALIVE);
        scene.facts.holder_pod = &A;
        add_pod(&scene, &A);
        struct zl_plan plan = zl_plan_pool(&scene.facts);
        if (plan.action != rows[i].action || plan.requeue_after_ms != rows[i].requeue_after_ms) {
            fail_msg("row %zu: action %d requeue %lld", i, (int)plan.action,
                     (long long)plan.requeue_after_ms);
        }
        assert_false(plan.seat_free);
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
    assert_int_equal(zl_plan_pool(&scene.facts).action, ZL_LEASE_RENEW);

    lease = lease_of_a(false, 0);
    lease.holder_identity = pod_b; /* who reads only this would follow another leader */
    set_scene(&scene, &SCALE_DOWN, &lease, ZL_HOLDER_ALIVE);
    scene.facts.holder_pod = &A;
    assert_int_equal(zl_plan_pool(&scene.facts).action, ZL_LEASE_RENEW);

    lease = lease_of_a(false, 0);
    policy.status.fencing_token = 9; /* the annotation was edited down */
    set_scene(&scene, &policy, &lease, ZL_HOLDER_ALIVE);
    assert_int_equal(zl_plan_pool(&scene.facts).action, ZL_LEASE_RENEW);
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
    struct zl_plan plan = zl_plan_pool(&scene.facts);
    assert_int_equal(plan.action, ZL_LEASE_RELEASE);
    assert_true(plan.seat_free);

    add_pod(&scene, &B);
    plan = zl_plan_pool(&scene.facts);
    assert_int_equal(plan.action, ZL_LEASE_TAKE);
    assert_ptr_equal(plan.taker, &B);
}

/* A namespace got its first LeaderPolicy, and B was listed before A, which has been Ready for longer. */
static void test_first_leader_is_not_elected_from_half_a_list(void **state)
{
    (void)state;
    struct zl_lease vacant = {.namespace_ = ns, .pool = pool, .resource_version = version};
    struct zl_lease led = lease_of_a(false, 0);
    struct {
        const struct zl_policy *policy;
        const struct zl_lease *lease;
        int64_t last_token;
        bool being_listed;
        enum zl_lease_action action;
    } rows[] = {
        {&SCALE_DOWN, &vacant, 0, true, ZL_LEASE_KEEP},
        {&SCALE_DOWN, &vacant, 0, false, ZL_LEASE_TAKE},
        {&STANDBY, NULL, 0, true, ZL_LEASE_KEEP},
        {&STANDBY, NULL, 0, false, ZL_LEASE_TAKE},
        {&SCALE_DOWN, &led, 0, true, ZL_LEASE_TAKE}, /* a failover waits for nothing */
        {&STANDBY, &led, 3, true, ZL_LEASE_TAKE},
        {&STANDBY, NULL, 3, true, ZL_LEASE_TAKE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scene scene;
        set_scene(&scene, rows[i].policy, rows[i].lease, ZL_HOLDER_GONE);
        scene.facts.last_token = rows[i].last_token;
        scene.facts.being_listed = rows[i].being_listed;
        add_pod(&scene, &B);
        struct zl_plan plan = zl_plan_pool(&scene.facts);
        if (plan.action != rows[i].action || plan.requeue_after_ms <= 0) {
            fail_msg("row %zu: action %d requeue %lld", i, (int)plan.action,
                     (long long)plan.requeue_after_ms);
        }
        assert_true(plan.action == ZL_LEASE_TAKE || !plan.delete_surplus);
    }
}

static void test_young_claim_is_waited_for(void **state)
{
    (void)state;
    struct scene scene;
    struct zl_lease lease = lease_of_a(true, 0);
    set_scene(&scene, &SCALE_DOWN, &lease, ZL_HOLDER_GONE);
    scene.facts.claim_age_ms = 1200;
    add_pod(&scene, &B); /* slipped past; not judged before the claim is settled */
    struct zl_plan plan = zl_plan_pool(&scene.facts);
    assert_int_equal(plan.action, ZL_LEASE_KEEP);
    assert_int_equal(plan.requeue_after_ms, 3800);
    assert_false(plan.delete_surplus);
    assert_false(plan.seat_free);
}

static void test_old_claim_without_its_pod_is_released(void **state)
{
    (void)state;
    struct scene scene;
    struct zl_lease lease = lease_of_a(true, 6);
    set_scene(&scene, &SCALE_DOWN, &lease, ZL_HOLDER_GONE);
    scene.facts.claim_age_ms = 5000;
    struct zl_plan plan = zl_plan_pool(&scene.facts);
    assert_int_equal(plan.action, ZL_LEASE_RELEASE);
    assert_true(plan.claim_expired);
    assert_true(plan.seat_free);
}

static void test_dead_leader_is_replaced_by_a_running_pod_else_released(void **state)
{
    (void)state;
    enum zl_holder dead[] = {ZL_HOLDER_GONE, ZL_HOLDER_FINISHED};
    for (size_t i = 0; i < 2; i++) {
        struct scene scene;
        struct zl_lease lease = lease_of_a(false, 0);
        set_scene(&scene, &SCALE_DOWN, &lease, dead[i]);
        struct zl_plan plan = zl_plan_pool(&scene.facts);
        assert_int_equal(plan.action, ZL_LEASE_RELEASE);
        assert_true(plan.seat_free);
        assert_false(plan.claim_expired);

        add_pod(&scene,
                &A_TERMINATING); /* may be a leader whose Lease was lost: before a new pod */
        plan = zl_plan_pool(&scene.facts);
        assert_int_equal(plan.action, ZL_LEASE_TAKE);
        assert_ptr_equal(plan.taker, &A_TERMINATING);

        add_pod(&scene, &C);
        add_pod(&scene, &B);
        plan = zl_plan_pool(&scene.facts);
        assert_int_equal(plan.action, ZL_LEASE_TAKE);
        assert_ptr_equal(plan.taker, &B); /* Ready before not Ready */
        assert_true(plan.delete_surplus);
        assert_false(plan.seat_free);
    }
}

static void test_terminating_leader_keeps_the_seat(void **state)
{
    (void)state;
    struct scene scene;
    struct zl_lease lease = lease_of_a(false, 0);
    set_scene(&scene, &SCALE_DOWN, &lease, ZL_HOLDER_TERMINATING);
    scene.facts.holder_pod = &A_TERMINATING;
    add_pod(&scene, &A_TERMINATING);
    struct zl_plan plan = zl_plan_pool(&scene.facts);
    assert_int_equal(plan.action, ZL_LEASE_KEEP);
    assert_false(plan.seat_free);
}

static void test_deleted_lease_is_given_back_even_to_a_terminating_pod(void **state)
{
    (void)state;
    struct scene scene;
    struct zl_lease vacant =
        lease_of_a(false, 0); /* as it is made anew: a Lease is only created empty */
    vacant.holder_identity = vacant.holder_pod = vacant.holder_uid = NULL;
    set_scene(&scene, &SCALE_DOWN, &vacant, ZL_HOLDER_UNKNOWN);
    add_pod(&scene, &A_TERMINATING);
    struct zl_plan plan = zl_plan_pool(&scene.facts);
    assert_int_equal(plan.action, ZL_LEASE_TAKE);
    assert_ptr_equal(plan.taker, &A_TERMINATING);

    add_pod(&scene, &C);
    assert_ptr_equal(zl_plan_pool(&scene.facts).taker, &C);
}

static void test_free_seat_wakes_only_who_wants_pods(void **state)
{
    (void)state;
    struct scene scene;
    set_scene(&scene, &SCALE_DOWN, NULL, ZL_HOLDER_UNKNOWN);
    assert_true(zl_plan_pool(&scene.facts).seat_free);
    assert_int_equal(zl_plan_pool(&scene.facts).action, ZL_LEASE_KEEP);
    scene.workloads[0] = &ONE;
    assert_false(zl_plan_pool(&scene.facts).seat_free);
    scene.facts.workload_count = 0;
    assert_false(zl_plan_pool(&scene.facts).seat_free);
}

static void test_surplus_is_gatekept_running_and_not_the_leader(void **state)
{
    (void)state;
    struct zl_lease lease = lease_of_a(false, 0);
    struct zl_lease released = {.holder_identity = nobody};
    struct zl_pod static_pod = B;
    static_pod.is_static = true;
    struct {
        struct zl_member member;
        const struct zl_lease *lease;
        bool surplus;
    } rows[] = {
        {{.pod = &B, .gatekept = true}, &lease, true},
        {{.pod = &A, .gatekept = true}, &lease, false},
        {{.pod = &B, .gatekept = false}, &lease, false},
        {{.pod = &A_TERMINATING, .gatekept = true}, &lease, false},
        {{.pod = &static_pod, .gatekept = true}, &lease, false},
        {{.pod = &B, .gatekept = true}, &released, false},
        {{.pod = &B, .gatekept = true}, NULL, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (zl_is_surplus(&rows[i].member, rows[i].lease) != rows[i].surplus) {
            fail_msg("row %zu", i);
        }
    }
}

static void test_standby_prefers_sticky_then_ready_and_never_deletes(void **state)
{
    (void)state;
    struct {
        const struct zl_pod *leader;
        enum zl_holder holder;
        const struct zl_pod *other;
        enum zl_lease_action action;
    } rows[] = {
        {&A, ZL_HOLDER_ALIVE, &B, ZL_LEASE_KEEP},
        {&A_NOT_READY, ZL_HOLDER_ALIVE, &B, ZL_LEASE_TAKE},
        {&A_TERMINATING, ZL_HOLDER_TERMINATING, &B, ZL_LEASE_TAKE},
        {&A_NOT_READY, ZL_HOLDER_ALIVE, &C, ZL_LEASE_KEEP}, /* nobody is better */
        {NULL, ZL_HOLDER_GONE, &B, ZL_LEASE_TAKE},
        {NULL, ZL_HOLDER_GONE, &C, ZL_LEASE_RELEASE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scene scene;
        struct zl_lease lease = lease_of_a(false, 0);
        set_scene(&scene, &STANDBY, &lease, rows[i].holder);
        scene.facts.holder_pod = rows[i].leader;
        if (rows[i].leader != NULL) {
            add_pod(&scene, rows[i].leader);
        }
        add_pod(&scene, rows[i].other);
        struct zl_plan plan = zl_plan_pool(&scene.facts);
        if (plan.action != rows[i].action) {
            fail_msg("row %zu: action %d", i, (int)plan.action);
        }
        assert_false(plan.delete_surplus);
        assert_false(plan.seat_free);
    }
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
    zl_plan_status(&scene.facts, &lease, &A, &status);
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
    set_scene(&scene, &policy, &lease, ZL_HOLDER_ALIVE);
    zl_plan_status(&scene.facts, &lease, &A, &status);
    assert_string_equal(status.last_transition_time, "2020-01-01T00:00:00Z");
    assert_string_equal(status.conditions[ZL_CONDITION_READY].since, "2020-01-01T00:00:01Z");
    zl_policy_status_clear(&status);

    zl_plan_status(&scene.facts, &lease, &A_NOT_READY, &status);
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
    zl_plan_status(&scene.facts, &lease, NULL, &status);
    assert_string_equal(status.phase, "Electing");
    assert_null(status.holder_name);
    assert_string_equal(status.conditions[ZL_CONDITION_READY].reason, "ClaimPending");
    zl_policy_status_clear(&status);
}

static void test_wakes_are_urgent_once_then_back_off(void **state)
{
    (void)state;
    struct zl_wakes *wakes = zl_wakes_new();
    int64_t wait_ms = 0;
    assert_true(zl_wakes_is_due(wakes, ns, pool, true, 1000, &wait_ms));
    assert_int_equal(wait_ms, 1000);
    assert_false(zl_wakes_is_due(wakes, ns, pool, true, 1500, &wait_ms));
    assert_int_equal(wait_ms, 500);
    assert_true(zl_wakes_is_due(wakes, ns, pool, false, 2000, &wait_ms));
    assert_int_equal(wait_ms, 2000);

    zl_wakes_forget(wakes, ns, pool);
    assert_false(zl_wakes_is_due(wakes, ns, pool, false, 9000, &wait_ms)); /* not just released */
    assert_int_equal(wait_ms, 1000);
    zl_wakes_free(wakes);

    int64_t expected[] = {0, 1000, 2000, 4000, 8000, 16000, 30000, 30000};
    for (int i = 0; i < 8; i++) {
        assert_int_equal(zl_wake_delay_ms(i), expected[i]);
    }
    assert_int_equal(zl_wake_delay_ms(1000000), 30000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_living_holder_is_renewed_a_third_of_the_way),
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
        cmocka_unit_test(test_surplus_is_gatekept_running_and_not_the_leader),
        cmocka_unit_test(test_standby_prefers_sticky_then_ready_and_never_deletes),
        cmocka_unit_test(test_status_tells_leader_counts_and_token),
        cmocka_unit_test(test_status_times_move_only_with_what_they_describe),
        cmocka_unit_test(test_claim_is_no_leader_in_status_until_its_pod_was_seen),
        cmocka_unit_test(test_wakes_are_urgent_once_then_back_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
