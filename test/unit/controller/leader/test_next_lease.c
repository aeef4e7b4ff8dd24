/* SPDX-License-Identifier: Apache-2.0 */
/* What a rollout makes of the Lease. */
#include "test/unit/rollout_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* The Lease that is to be stored; a copy of what stays if nothing is. */
static struct zl_lease *plan(struct scene *scene)
{
    ZL_AUTO_STEPS struct zl_steps steps;
    zl_steps_begin(&steps, &scene->view);
    if (scene->view.elects_all) {
        zl_plan_standby(&scene->view, &steps);
    } else {
        zl_plan_scale_down(&scene->view, &steps);
    }
    return zl_lease_copy(steps.after.lease);
}

struct row {
    const char *name;
    struct knobs knobs;
    const char *holder, *successor, *deposed, *ready_holder, *ready_revision, *failed;
};

static const struct row ROWS[] = {
    {"nothing to change", {.unready = true}, "uid-a", "uid-s", NULL, "uid-a", "rs-old", NULL},
    {"handover: the leader is deposed, its follower proven",
     {0},
     "uid-s",
     NULL,
     "uid-a",
     "uid-s",
     "rs-new",
     NULL},
    {"a leader that stays not Ready",
     {.unready_s = 15, .unready = true},
     "",
     "uid-s",
     "uid-a",
     "uid-a",
     "rs-old",
     NULL},
    {"a successor that starts takes the seat: not proven yet",
     {.unready_s = 15, .unready = true, .unproven = true},
     "uid-s",
     NULL,
     "uid-a",
     "uid-a",
     "rs-old",
     NULL},
    {"the successor failed: it keeps the place until it is gone",
     {.unready = true, .age_s = 600},
     "uid-a",
     "uid-s",
     "uid-s",
     "uid-a",
     "rs-old",
     "rs-new"},
    {"the successor failed, another revision had before",
     {.unready = true, .age_s = 600, .failed = rs_other},
     "uid-a",
     "uid-s",
     "uid-s",
     "uid-a",
     "rs-old",
     "rs-new"},
    {"the successor is gone",
     {.missing = true, .age_s = 5, .failed = rs_new},
     "uid-a",
     NULL,
     NULL,
     "uid-a",
     "rs-old",
     "rs-new"},
    {"what failed is not the newest any more",
     {.none = true, .failed = rs_other},
     "uid-a",
     NULL,
     NULL,
     "uid-a",
     "rs-old",
     NULL},
    {"Ready for the first time",
     {.none = true, .starting = true, .leader_new = true},
     "uid-a",
     NULL,
     NULL,
     "uid-a",
     "rs-new",
     NULL},
    {"who lost the seat and is gone is forgotten; who lives is not",
     {.seat = VACANT, .missing = true, .age_s = 5, .deposed = true},
     "",
     NULL,
     "uid-a",
     "uid-a",
     "rs-old",
     NULL},
};

static void check(const char *row, const char *what, const char *is, const char *wanted)
{
    if (!zl_same_string(is, wanted)) {
        fail_msg("%s: %s is %s, not %s", row, what, is, wanted);
    }
}

static void test_plan_becomes_the_record(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        const struct row *row = &ROWS[i];
        struct scene scene;
        set_scene(&scene, &row->knobs);
        struct zl_lease *next = plan(&scene);
        check(row->name, "holder", zl_lease_is_held(next) ? next->holder_uid : "", row->holder);
        check(row->name, "successor", next->successor_uid, row->successor);
        check(row->name, "deposed", next->deposed, row->deposed);
        check(row->name, "ready holder", next->ready_holder, row->ready_holder);
        check(row->name, "ready revision", next->ready_revision, row->ready_revision);
        check(row->name, "failed revision", next->failed_revision, row->failed);
        zl_lease_free(next);
    }
}

static void test_pods_are_forgotten_only_by_a_memory_that_is_new_enough(void **state)
{
    (void)state;
    struct scene scene;
    set_scene(&scene, &(struct knobs){.none = true, .starting = true, .deposed = true});
    scene.view.members_are_current = false;
    struct zl_lease *next = plan(&scene);
    assert_string_equal(next->deposed, "uid-z,uid-a");
    zl_lease_free(next);
    scene.view.members_are_current = true;
    next = plan(&scene);
    assert_string_equal(next->deposed, "uid-a"); /* a member, as odd as it is that it leads */
    zl_lease_free(next);

    /* The successor may be on its way into the store. */
    set_scene(&scene, &(struct knobs){.missing = true, .starting = true, .ousted = true});
    next = plan(&scene);
    assert_string_equal(next->deposed, "uid-s");
    zl_lease_free(next);
}

static void test_taking_a_lost_lease_deposes_all_others(void **state)
{
    (void)state;
    struct scene scene;
    set_scene(&scene, &(struct knobs){.seat = VACANT, .deposed = true});
    scene.lease.deposed = NULL; /* a live pod: it may have led */
    scene.lease.released_token = 0;
    scene.view.lost_ms = 5000;
    struct zl_lease *next = plan(&scene);
    assert_null(next->deposed); /* nobody ever led: nobody has lost anything */
    zl_lease_free(next);

    scene.policy.status.fencing_token = 3;
    scene.view.last_token = 3;
    next = plan(&scene);
    assert_true(zl_lease_is_held_by(next, "uid-s"));
    assert_string_equal(next->deposed, "uid-a");
    zl_lease_free(next);

    scene.lease.released_token = 3; /* we emptied it, and know that nobody led */
    next = plan(&scene);
    assert_null(next->deposed);
    zl_lease_free(next);
}

static void test_standby_keeps_neither_successor_nor_deposed_pods(void **state)
{
    (void)state;
    struct scene scene;
    set_scene(&scene, &(struct knobs){.deposed = true});
    scene.view.elects_all = true;
    struct zl_lease *next = plan(&scene);
    assert_null(next->successor_pod);
    assert_null(next->successor_uid);
    assert_null(next->deposed);
    assert_string_equal(next->ready_revision, "rs-old");
    zl_lease_free(next);
}

/* Finding 5: in a look that an event caused, a renewal that is merely due waits for a look of its own. */
enum { SECOND_US = 1000000, POOLS = 1000 };

static struct zl_policy policy_of(int number, int64_t duration_s, int64_t retry_s)
{
    static char uid[64];
    (void)snprintf(uid, sizeof uid, "8f1c2b9e-0000-4000-8000-%012d", number);
    return (struct zl_policy){
        .meta.uid = uid, .lease_duration_s = duration_s, .retry_period_s = retry_s};
}

static void test_a_lease_is_renewed_as_late_as_leaves_a_reserve(void **state)
{
    (void)state;
    static const struct {
        int64_t duration_s, retry_s, lease_s, reserve_ms, mean_least_ms;
    } rows[] = {{15, 2, 15, 2000, 12700},  {15, 5, 15, 5000, 9700},
                {60, 2, 60, 6000, 52000},  {3600, 2, 3600, 360000, 3160000},
                {5, 3, 5, 3000, 1900},     {3600, 3598, 3600, 2400000, 1150000},
                {3600, 2, 15, 2000, 12700} /* the policy's is written by the next renewal */};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (int pool = 0; pool < 20; pool++) {
            const struct zl_policy policy = policy_of(pool, rows[i].duration_s, rows[i].retry_s);
            struct zl_lease lease = {.duration_s = rows[i].lease_s, .renew_us = 1700000000123456};
            const int64_t latest_us = (rows[i].lease_s * 1000 - rows[i].reserve_ms) * 1000;
            int64_t first_us = 0;
            for (int turn = 0; turn <= 100; turn++) {
                const int64_t due_us = zl_renewal_due_us(&lease, &policy);
                assert_true(due_us > lease.renew_us && due_us <= lease.renew_us + latest_us);
                lease.renew_us = due_us + 3000; /* what the write takes */
                first_us = turn == 0 ? due_us : first_us;
            }
            assert_true((lease.renew_us - first_us) / 100 / 1000 >= rows[i].mean_least_ms);
        }
    }
}

/* They were elected in one second, or all renewed in one once the API server was back. */
static void test_pools_that_were_renewed_together_part(void **state)
{
    (void)state;
    int at[13] = {0};
    for (int pool = 0; pool < POOLS; pool++) {
        const struct zl_policy policy = policy_of(pool, 15, 2);
        struct zl_lease lease = {.duration_s = 15, .renew_us = 1700000000000000};
        at[(zl_renewal_due_us(&lease, &policy) - lease.renew_us) / SECOND_US % 13]++;
    }
    for (int i = 0; i < 12; i++) {
        assert_in_range(at[i], POOLS / 13 / 2, POOLS / 13 * 2);
    }
}

static void test_a_renewal_that_can_wait_waits(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t age_s;
        bool defers, provisional;
        const char *steps;
    } rows[] = {
        {"not due", 3, false, false, "again 9240"},
        {"due", 13, false, false, "lease renewal:; again 9240"},
        {"due, when something else is urgent", 13, true, false, "again 1"},
        {"overdue, too", 60, true, false, "again 1"},
        {"a claim is confirmed at once", 0, true, true, "lease renewal:; again 9240"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scene scene;
        set_scene(&scene, &(struct knobs){.none = true, .newest = OLD});
        scene.lease.renew_us = scene.view.now_us - rows[i].age_s * 1000000;
        scene.lease.provisional = rows[i].provisional;
        scene.view.defers_renewal = rows[i].defers;
        expect_plan(rows[i].name, &scene, rows[i].steps);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_lease_is_renewed_as_late_as_leaves_a_reserve),
        cmocka_unit_test(test_pools_that_were_renewed_together_part),
        cmocka_unit_test(test_a_renewal_that_can_wait_waits),
        cmocka_unit_test(test_plan_becomes_the_record),
        cmocka_unit_test(test_pods_are_forgotten_only_by_a_memory_that_is_new_enough),
        cmocka_unit_test(test_taking_a_lost_lease_deposes_all_others),
        cmocka_unit_test(test_standby_keeps_neither_successor_nor_deposed_pods),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
