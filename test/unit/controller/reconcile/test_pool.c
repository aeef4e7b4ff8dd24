/* SPDX-License-Identifier: Apache-2.0 */
/* A whole look at a pool, against a scripted API server. */
#include "controller/reconcile/reconcile.h"

#include "test/unit/script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Finding 1: the API server says 404 for our group, so no LeaderPolicy was listed; its Services were, and are ours. */
static void test_a_pool_is_not_missing_before_leaderpolicies_were_listed(void **state)
{
    static const struct zl_cache_options options = {0};
    (void)state;
    struct zl_job_notes notes = {0};
    struct zl_error err = {0};
    struct zl_cache *cache = zl_cache_new(zl_the_client, &options);
    struct zl_context context = {
        .sources = {.client = zl_the_client,
                    .cache = cache,
                    .clock = zl_claim_clock_new(),
                    .sinces = zl_sinces_new(8),
                    .wakes = zl_wakes_new(),
                    .ready_clock = zl_ready_clock_new(),
                    .job_notes = &notes},
        .writer = {.client = zl_the_client, .cache = cache, .slices = &ZL_KUBE_ENDPOINTSLICES}};
    struct zl_result result = zl_reconcile_pool(&context, "shop", "web", true, &err);
    assert_int_equal(result.status, ZL_OK);
    assert_int_equal(result.requeue_after_ms, 30000); /* nothing is done, and it is not forgotten */
    assert_int_equal(zl_peer_calls(zl_the_peer), 0);
    zl_ready_clock_free(context.sources.ready_clock);
    zl_wakes_free(context.sources.wakes);
    zl_sinces_free(context.sources.sinces);
    zl_claim_clock_free(context.sources.clock);
    zl_cache_free(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PEER(test_a_pool_is_not_missing_before_leaderpolicies_were_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
