/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/budget.h"
#include "common/base/limits.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>

#include <cmocka.h>

static void test_the_largest_of_each_sort_fits(void **state)
{
    (void)state;
    const size_t object = zl_budget_of_tree(ZL_KEPT_MAX + ZL_KEPT_RESERVE);
    const size_t body = zl_budget_of_tree(ZL_BODY_KEPT_MAX + ZL_KEPT_RESERVE);
    assert_true(object <= ZL_BUDGET_OBJECTS_MAX);
    assert_true(body <= ZL_BUDGET_REQUESTS_MAX);
    assert_true(zl_budget_try(ZL_BUDGET_OBJECTS, object));
    assert_true(zl_budget_try(zl_budget_of_request(body), body));
    zl_budget_give(zl_budget_of_request(body), body);
    zl_budget_give(ZL_BUDGET_OBJECTS, object);
}

static void test_large_requests_keep_neither_small_ones_nor_objects_out(void **state)
{
    (void)state;
    assert_true(zl_budget_try(ZL_BUDGET_REQUESTS, ZL_BUDGET_REQUESTS_MAX));
    assert_false(zl_budget_try(ZL_BUDGET_REQUESTS, ZL_BUDGET_SMALL_SHARE + 1));
    assert_false(zl_budget_try(ZL_BUDGET_REQUESTS, ZL_BUDGET_REQUESTS_MAX + 1));
    for (int i = 0; i < 512; i++) {
        assert_int_equal(zl_budget_of_request(ZL_BUDGET_SMALL_SHARE), ZL_BUDGET_SMALL_REQUESTS);
        assert_true(zl_budget_try(ZL_BUDGET_SMALL_REQUESTS, ZL_BUDGET_SMALL_SHARE));
    }
    assert_false(zl_budget_try(ZL_BUDGET_SMALL_REQUESTS, 1));
    zl_budget_wait(ZL_BUDGET_OBJECTS, ZL_BUDGET_OBJECTS_MAX + 1); /* cut to the lane: it is alone */
    for (int i = 0; i < 1000; i++) {
        zl_budget_wait(ZL_BUDGET_OBJECTS, ZL_BUDGET_FREE_SHARE);
    }
    for (int i = 0; i < 1000; i++) {
        zl_budget_give(ZL_BUDGET_OBJECTS, ZL_BUDGET_FREE_SHARE);
    }
    zl_budget_give(ZL_BUDGET_OBJECTS, ZL_BUDGET_OBJECTS_MAX + 1);
    for (int i = 0; i < 512; i++) {
        zl_budget_give(ZL_BUDGET_SMALL_REQUESTS, ZL_BUDGET_SMALL_SHARE);
    }
    zl_budget_give(ZL_BUDGET_REQUESTS, ZL_BUDGET_REQUESTS_MAX);
    assert_true(zl_budget_try(ZL_BUDGET_REQUESTS, ZL_BUDGET_REQUESTS_MAX));
    zl_budget_give(ZL_BUDGET_REQUESTS, ZL_BUDGET_REQUESTS_MAX);
}

#define LARGE (ZL_BUDGET_OBJECTS_MAX / 2 + 1)

struct crowd {
    atomic_int inside, most, done;
};

static void *take_turns(void *ctx)
{
    struct crowd *crowd = ctx;
    for (int i = 0; i < 200; i++) {
        zl_budget_wait(ZL_BUDGET_OBJECTS, LARGE);
        int inside = atomic_fetch_add(&crowd->inside, 1) + 1;
        if (inside > 1) {
            atomic_store(&crowd->most, inside);
        }
        atomic_fetch_sub(&crowd->inside, 1);
        zl_budget_give(ZL_BUDGET_OBJECTS, LARGE);
    }
    atomic_fetch_add(&crowd->done, 1);
    return NULL;
}

static void test_whoever_waits_gets_in_and_never_too_many_at_once(void **state)
{
    (void)state;
    struct crowd crowd = {0};
    pthread_t threads[8];
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, take_turns, &crowd), 0);
    }
    for (size_t i = 0; i < 8; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(atomic_load(&crowd.done), 8);
    assert_int_equal(atomic_load(&crowd.most), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_largest_of_each_sort_fits),
        cmocka_unit_test(test_large_requests_keep_neither_small_ones_nor_objects_out),
        cmocka_unit_test(test_whoever_waits_gets_in_and_never_too_many_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
