/* SPDX-License-Identifier: Apache-2.0 */
/* Two arbiters and some clusters under faults, in simulated time: what must never be never is, and all are served. */
#include "test/unit/fleet_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SEEDS = 6, MINUTES = 30 };

static void run_seeds(const char *title, int clusters, int n, const struct zl_world_faults *faults)
{
    int turns = 0, pauses = 0, expiries = 0, late = 0, restores = 0;
    const char *only = getenv("SEED");
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        if (only != NULL && seed != strtoull(only, NULL, 10)) {
            continue;
        }
        struct zl_world_result result = zl_world_run(seed, clusters, n, MINUTES, faults);
        if (result.violation[0] != '\0' || result.served_ms < 0) {
            fail_msg("%s, seed %d: %s", title, (int)seed,
                     result.violation[0] != '\0' ? result.violation : "not all were served");
        }
        turns += result.turns;
        pauses += result.pauses;
        expiries += result.expiries;
        late += result.late;
        restores += result.restores;
    }
    print_message("%s: %d turns, %d pauses, %d expiries, %d late, %d restores\n", title, turns,
                  pauses, expiries, late, restores);
    /* That enough has happened is asked of all seeds together: in one run of half an hour chance may leave something out. */
    assert_true(turns > (only != NULL ? 20 : 200));
    assert_true(only != NULL || !faults->failures || (pauses > 0 && expiries > 0));
    assert_true(only != NULL || !faults->restores || restores > 0);
}

static void test_without_faults_slots_are_full_and_all_are_served(void **state)
{
    (void)state;
    static const struct zl_world_faults none;
    struct zl_world_result result = zl_world_run(1, 6, 2, 60, &none);
    assert_string_equal(result.violation, "");
    assert_int_equal(result.most_acting, 2);
    assert_true(result.least_turns > 20);
    assert_int_equal(result.expiries, 0);
    assert_int_equal(result.pauses, 0);
}

static void test_an_arbiter_with_an_old_view_and_crashes_between_writes(void **state)
{
    (void)state;
    run_seeds("stale and crashing arbiters", 5, 2,
              &(struct zl_world_faults){.stale = true, .crashes = true});
}

static void test_members_that_restart_and_are_cut_off(void **state)
{
    (void)state;
    run_seeds("restarts and partitions", 5, 2,
              &(struct zl_world_faults){.restarts = true, .partitions = true, .stale = true});
}

static void test_outages_failures_and_another_n(void **state)
{
    (void)state;
    run_seeds("outages, failures, N", 6, 2,
              &(struct zl_world_faults){.stale = true,
                                        .crashes = true,
                                        .restarts = true,
                                        .partitions = true,
                                        .outages = true,
                                        .failures = true,
                                        .n_changes = true});
}

static void test_a_hub_that_is_restored_from_a_backup(void **state)
{
    (void)state;
    run_seeds("restores", 5, 1,
              &(struct zl_world_faults){.restores = true, .restarts = true, .crashes = true});
}

static void test_a_hub_that_is_restored_when_those_who_knew_are_gone(void **state)
{
    (void)state;
    run_seeds("restores, forgetting", 5, 1,
              &(struct zl_world_faults){.restores = true, .crashes = true, .forgetting = true});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_faults_slots_are_full_and_all_are_served),
        cmocka_unit_test(test_an_arbiter_with_an_old_view_and_crashes_between_writes),
        cmocka_unit_test(test_members_that_restart_and_are_cut_off),
        cmocka_unit_test(test_outages_failures_and_another_n),
        cmocka_unit_test(test_a_hub_that_is_restored_from_a_backup),
        cmocka_unit_test(test_a_hub_that_is_restored_when_those_who_knew_are_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
