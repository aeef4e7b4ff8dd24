/* SPDX-License-Identifier: Apache-2.0 */
#include "common/cache/interest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define POLICY                                                                                     \
    {                                                                                              \
        .policies = 1                                                                              \
    }
#define SERVICE                                                                                    \
    {                                                                                              \
        .services = 1                                                                              \
    }
#define MEMBER                                                                                     \
    {                                                                                              \
        .members = 1                                                                               \
    }
#define MARKED                                                                                     \
    {                                                                                              \
        .marked = 1                                                                                \
    }

static void test_what_a_namespace_is_followed_for(void **state)
{
    static const struct {
        const char *name;
        struct zl_interest interest;
        bool workloads, pods, replicasets, services;
    } ROWS[] = {
        {"a stranger's", {0}, false, false, false, false},
        {"a LeaderPolicy", POLICY, true, true, true, true},
        {"an annotated Service alone", SERVICE, false, true, false, true},
        {"a labelled workload without its policy", MEMBER, true, false, false, false},
        {"a Job that is to be resumed", MARKED, true, false, false, false},
        {"a policy and a Service", {.policies = 2, .services = 1}, true, true, true, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        const struct zl_interest *interest = &ROWS[i].interest;
        bool agrees = true;
        for (size_t j = 0; j < ZL_KIND_COUNT; j++) {
            agrees = agrees &&
                     zl_interest_wants(interest, zl_cached_of(ZL_KINDS[j])) == ROWS[i].workloads;
        }
        agrees = agrees && zl_interest_wants(interest, ZL_CACHED_PODS) == ROWS[i].pods &&
                 zl_interest_wants(interest, ZL_CACHED_REPLICASETS) == ROWS[i].replicasets &&
                 zl_interest_wants(interest, ZL_CACHED_REVISIONS) == ROWS[i].replicasets &&
                 zl_interest_wants(interest, ZL_CACHED_SERVICES) == ROWS[i].services;
        if (!agrees) {
            fail_msg("%s", ROWS[i].name);
        }
        assert_true(zl_interest_wants(interest, ZL_CACHED_POLICIES));
        assert_true(zl_interest_wants(interest, ZL_CACHED_LEASES));
    }
}

static void test_what_a_change_means(void **state)
{
    static const struct {
        const char *name;
        struct zl_interest before, after;
        enum zl_interest_step pods, jobs, services;
    } ROWS[] = {
        {"the first policy",
         {0},
         POLICY,
         ZL_INTEREST_BEGINS,
         ZL_INTEREST_BEGINS,
         ZL_INTEREST_BEGINS},
        {"the second",
         POLICY,
         {.policies = 2},
         ZL_INTEREST_STAYS,
         ZL_INTEREST_STAYS,
         ZL_INTEREST_STAYS},
        {"the last one goes", POLICY, {0}, ZL_INTEREST_ENDS, ZL_INTEREST_ENDS, ZL_INTEREST_ENDS},
        {"the last one goes, a Job waits still",
         {.policies = 1, .marked = 1},
         MARKED,
         ZL_INTEREST_ENDS,
         ZL_INTEREST_STAYS,
         ZL_INTEREST_ENDS},
        {"the last one goes, a Service stays",
         {.policies = 1, .services = 1},
         SERVICE,
         ZL_INTEREST_STAYS,
         ZL_INTEREST_ENDS,
         ZL_INTEREST_STAYS},
        {"a Service beside a policy: pods that nothing controls",
         POLICY,
         {.policies = 1, .services = 1},
         ZL_INTEREST_GROWS,
         ZL_INTEREST_STAYS,
         ZL_INTEREST_STAYS},
        {"a second Service",
         SERVICE,
         {.services = 2},
         ZL_INTEREST_STAYS,
         ZL_INTEREST_STAYS,
         ZL_INTEREST_STAYS},
        {"a policy beside a Service",
         SERVICE,
         {.policies = 1, .services = 1},
         ZL_INTEREST_STAYS,
         ZL_INTEREST_BEGINS,
         ZL_INTEREST_STAYS},
        {"a labelled workload first, then its policy",
         MEMBER,
         {.policies = 1, .members = 1},
         ZL_INTEREST_BEGINS,
         ZL_INTEREST_STAYS,
         ZL_INTEREST_BEGINS},
    };
    (void)state;
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        const struct zl_interest *before = &ROWS[i].before, *after = &ROWS[i].after;
        if (zl_interest_step(before, after, ZL_CACHED_PODS) != ROWS[i].pods ||
            zl_interest_step(before, after, ZL_CACHED_JOBS) != ROWS[i].jobs ||
            zl_interest_step(before, after, ZL_CACHED_SERVICES) != ROWS[i].services) {
            fail_msg("%s", ROWS[i].name);
        }
    }
}

static void test_counts_go_up_and_down_and_leave_nothing(void **state)
{
    struct zl_interests *interests = zl_interests_new();
    struct zl_interest before, after;
    size_t count = 0;
    (void)state;
    assert_int_equal(zl_interests_of(interests, NULL).policies, 0);
    for (int round = 0; round < 3; round++) { /* a policy made and deleted in a loop */
        zl_interests_note(interests, "a", ZL_INTEREST_POLICIES, true, &before, &after);
        assert_int_equal(before.policies, 0);
        assert_int_equal(after.policies, 1);
        zl_interests_note(interests, "a", ZL_INTEREST_POLICIES, false, &before, &after);
        assert_int_equal(before.policies, 1);
        assert_int_equal(after.policies, 0);
        assert_int_equal(zl_interests_count(interests), 0);
    }
    zl_interests_note(interests, "a", ZL_INTEREST_MARKED, false, &before, &after);
    assert_int_equal(after.marked, 0); /* never less than nothing */
    zl_interests_note(interests, "b", ZL_INTEREST_SERVICES, true, &before, &after);
    zl_interests_note(interests, "b", ZL_INTEREST_MEMBERS, true, &before, &after);
    char **names = zl_interests_names(interests, &count);
    assert_int_equal(count, 1);
    assert_string_equal(names[0], "b");
    zl_interests_names_free(names, count);
    assert_int_equal(zl_interests_of(interests, "b").members, 1);
    zl_interests_free(interests);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_a_namespace_is_followed_for),
        cmocka_unit_test(test_what_a_change_means),
        cmocka_unit_test(test_counts_go_up_and_down_and_leave_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
