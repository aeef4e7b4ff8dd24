/* SPDX-License-Identifier: Apache-2.0 */
/* What a claim clock remembers of Leases that come and go, with and without their LeaderPolicies. */
#include "common/cache/claims.h"

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/cache/internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { MANY = 600, CLAIM_MAX_MS = ZL_CLAIM_TIMEOUT_MAX_S * 1000 };

struct scene {
    struct zl_claims claims;
};

static int set_up(void **state)
{
    static const struct zl_cache_options options = {.with_replicasets = false};
    struct scene *scene = zl_alloc(sizeof *scene);
    scene->claims.clock = zl_claim_clock_new();
    scene->claims.cache = zl_cache_new(NULL, &options);
    scene->claims.vacancies = true;
    /* As if started: look-ups work, and the stores are filled by hand. */
    atomic_store(&scene->claims.cache->slots[ZL_CACHED_POLICIES].started, true);
    atomic_store(&scene->claims.cache->slots[ZL_CACHED_LEASES].started, true);
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    zl_claim_clock_free(scene->claims.clock);
    zl_cache_free(scene->claims.cache);
    free(scene);
    return 0;
}

/* As an informer: TAKEN (NULL: deleted) replaces what the store has, then the change is told. */
static void change(struct scene *scene, enum zl_cached kind, const char *name, void *taken,
                   void (*free_object)(void *))
{
    struct zl_store *store = zl_informer_store(zl_cache_informer(scene->claims.cache, kind));
    ZL_AUTO_REF struct zl_ref *old = zl_store_find(store, "shop", name);
    if (taken != NULL) {
        zl_ref_drop(zl_store_put(store, "shop", name, zl_ref_new(taken, free_object)));
    } else {
        zl_ref_drop(zl_store_remove(store, "shop", name));
    }
    zl_claims_see(&scene->claims, kind, old != NULL ? zl_ref_object(old) : NULL, taken);
}

static void change_policy(struct scene *scene, const char *pool, bool there)
{
    struct zl_policy *policy = NULL;
    if (there) {
        policy = zl_alloc(sizeof *policy);
        policy->meta.namespace_ = zl_strdup("shop");
        policy->meta.name = zl_strdup(pool);
    }
    change(scene, ZL_CACHED_POLICIES, pool, policy, zl_policy_free);
}

static void change_lease(struct scene *scene, const char *pool, const char *uid, int64_t token)
{
    ZL_AUTO_FREE char *name = zl_lease_name(pool);
    struct zl_lease *lease = NULL;
    if (uid != NULL) {
        lease = zl_alloc(sizeof *lease);
        lease->namespace_ = zl_strdup("shop");
        lease->pool = zl_strdup(pool);
        lease->holder_identity = uid[0] != '\0' ? zl_asprintf("web-1_%s", uid) : NULL;
        lease->holder_uid = zl_strdup(uid);
        lease->successor_uid = zl_strdup("next");
        lease->provisional = true;
        lease->fencing_token = token;
        lease->released_token = token;
    }
    change(scene, ZL_CACHED_LEASES, name, lease, zl_lease_free);
}

static void expect_count(struct scene *scene, int64_t now_ms, struct zl_claim_count expected)
{
    struct zl_claim_count got = zl_claim_clock_count(scene->claims.clock, now_ms);
    assert_int_equal(got.claims, expected.claims);
    assert_int_equal(got.gone, expected.gone);
    assert_int_equal(got.ages, expected.ages);
}

static struct zl_last_claim last(struct scene *scene, const char *pool, int64_t now_ms)
{
    return zl_claim_clock_last(scene->claims.clock, "shop", pool, now_ms);
}

static void test_leases_of_no_pool_leave_nothing(void **state)
{
    struct scene *scene = *state;
    ZL_AUTO_FREE char *uid = zl_alloc(250001);
    memset(uid, 'u', 250000);
    for (int i = 0; i < MANY; i++) {
        char pool[16];
        snprintf(pool, sizeof pool, "%d", i);
        change_lease(scene, pool, i % 2 == 0 ? uid : "", 1);
        change_lease(scene, pool, NULL, 0);
    }
    expect_count(scene, zl_clock_ms(), (struct zl_claim_count){0});
}

static void test_pools_that_go_leave_nothing_for_long(void **state)
{
    struct scene *scene = *state;
    for (int i = 0; i < 2 * ZL_GONE_REMEMBERED_MAX; i++) {
        char pool[16];
        snprintf(pool, sizeof pool, "%d", i);
        change_policy(scene, pool, true);
        change_lease(scene, pool, "a", 1);
        change_policy(scene, pool, false);
        change_lease(scene, pool, "b", 2); /* its last sign of life */
        change_lease(scene, pool, NULL, 0);
    }
    const int64_t now_ms = zl_clock_ms();
    expect_count(scene, now_ms, (struct zl_claim_count){.gone = ZL_GONE_REMEMBERED_MAX});
    expect_count(scene, now_ms + CLAIM_MAX_MS, (struct zl_claim_count){0});
}

static void test_claim_of_a_pool_is_seen_whichever_comes_first(void **state)
{
    struct scene *scene = *state;
    change_policy(scene, "web", true);
    change_lease(scene, "web", "a", 3);
    change_lease(scene, "db", "b", 7);
    assert_int_equal(last(scene, "db", zl_clock_ms()).age_ms, -1);
    change_policy(scene, "db", true);
    change_policy(scene, "db", true); /* changed */
    assert_int_equal(last(scene, "web", zl_clock_ms()).fencing_token, 3);
    assert_int_equal(last(scene, "db", zl_clock_ms()).fencing_token, 7);
    expect_count(scene, zl_clock_ms(), (struct zl_claim_count){.claims = 2, .ages = 2});
    change_lease(scene, "web", "", 3); /* released: the claim before it is still known */
    assert_int_equal(last(scene, "web", zl_clock_ms()).fencing_token, 3);
    change_lease(scene, "web", NULL, 0);
    assert_int_equal(last(scene, "web", zl_clock_ms()).fencing_token, 3);
}

/* Else a pool that is deleted and made again could let a second pod in while the first is on its way. */
static void test_claim_of_a_pool_that_is_made_again_is_known(void **state)
{
    struct scene *scene = *state;
    change_policy(scene, "web", true);
    change_lease(scene, "web", "a", 3);
    change_policy(scene, "web", false);
    change_lease(scene, "web", NULL, 0);
    change_policy(scene, "web", true);
    struct zl_last_claim known = last(scene, "web", zl_clock_ms());
    assert_true(known.age_ms >= 0);
    assert_true(known.provisional);
    assert_int_equal(known.fencing_token, 3);

    change_lease(scene, "web", "a", 3); /* the same claim: it goes on */
    expect_count(scene, zl_clock_ms(), (struct zl_claim_count){.claims = 1, .ages = 1});
    change_lease(scene, "web", "b", 1);
    assert_int_equal(last(scene, "web", zl_clock_ms()).fencing_token, 3);
}

static void test_forgotten_claim_is_young_again(void **state)
{
    struct scene *scene = *state;
    struct zl_claim_clock *clock = scene->claims.clock;
    const struct zl_lease lease = {.namespace_ = (char[]){"shop"},
                                   .pool = (char[]){"web"},
                                   .holder_identity = (char[]){"web-1_a"},
                                   .holder_uid = (char[]){"a"},
                                   .successor_uid = (char[]){"next"}};
    assert_int_equal(zl_claim_clock_observe(clock, &lease, 1000), 0);
    assert_int_equal(zl_claim_clock_observe_successor(clock, &lease, 1000), 0);
    assert_int_equal(zl_claim_clock_observe_loss(clock, "shop", "web", 4, 1000), 0);
    assert_int_equal(zl_claim_clock_observe_loss(clock, "shop", "web", 4, 9000), 8000);
    zl_claim_clock_forget(clock, "shop", "web", 10000);
    assert_int_equal(zl_claim_clock_observe_successor(clock, &lease, 11000), 0);
    assert_int_equal(zl_claim_clock_observe_loss(clock, "shop", "web", 4, 12000), 0);
    assert_int_equal(zl_claim_clock_observe_loss(clock, "shop", "web", 4, 12500), 500);
    /* The claim itself: known while it may be under way, then as if it were seen for the first time. */
    assert_int_equal(zl_claim_clock_observe(clock, &lease, 10000 + CLAIM_MAX_MS - 1),
                     9000 + CLAIM_MAX_MS - 1);
    zl_claim_clock_forget(clock, "shop", "web", 20000 + CLAIM_MAX_MS);
    assert_int_equal(zl_claim_clock_observe(clock, &lease, 20000 + 2 * CLAIM_MAX_MS), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_leases_of_no_pool_leave_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_pools_that_go_leave_nothing_for_long, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_claim_of_a_pool_is_seen_whichever_comes_first, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_claim_of_a_pool_that_is_made_again_is_known, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_forgotten_claim_is_young_again, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
