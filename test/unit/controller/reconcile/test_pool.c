/* SPDX-License-Identifier: Apache-2.0 */
/* A whole look at a pool, against a scripted API server. */
#include "controller/reconcile/reconcile.h"

#include "test/unit/script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>

#include "test/unit/await.h"

struct place {
    struct zl_cache *cache;
    struct zl_job_notes notes;
    struct zl_context context;
};

static void open_place(struct place *place, const struct zl_cache_options *options)
{
    memset(place, 0, sizeof *place);
    place->cache = zl_cache_new(zl_the_client, options);
    const struct zl_sources sources = {.client = zl_the_client,
                                       .cache = place->cache,
                                       .clock = zl_claim_clock_new(),
                                       .sinces = zl_sinces_new(8),
                                       .wakes = zl_wakes_new(),
                                       .ready_clock = zl_ready_clock_new(),
                                       .job_notes = &place->notes};
    place->context = (struct zl_context){.sources = sources,
                                         .writer = {.client = zl_the_client,
                                                    .cache = place->cache,
                                                    .slices = &ZL_KUBE_ENDPOINTSLICES}};
}

static void close_place(struct place *place)
{
    zl_ready_clock_free(place->context.sources.ready_clock);
    zl_wakes_free(place->context.sources.wakes);
    zl_sinces_free(place->context.sources.sinces);
    zl_claim_clock_free(place->context.sources.clock);
    zl_job_notes_clear(&place->notes);
    zl_cache_free(place->cache);
}

/* Finding 1: the API server says 404 for our group, so no LeaderPolicy was listed; its Services were, and are ours. */
static void test_a_pool_is_not_missing_before_leaderpolicies_were_listed(void **state)
{
    static const struct zl_cache_options options = {0};
    (void)state;
    struct zl_error err = {0};
    struct place place;
    open_place(&place, &options);
    struct zl_result result = zl_reconcile_pool(&place.context, "shop", "web", true, &err);
    assert_int_equal(result.status, ZL_OK);
    assert_int_equal(result.requeue_after_ms, 30000); /* nothing is done, and it is not forgotten */
    assert_int_equal(zl_peer_calls(zl_the_peer), 0);
    close_place(&place);
}

#define OWN "zen-lead-system"
#define LIST_OF(items_) "{\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[" items_ "]}"
#define POLICY(name)                                                                               \
    "{\"metadata\":{\"namespace\":\"" OWN "\",\"name\":\"" name "\",\"uid\":\"" name "\","         \
    "\"resourceVersion\":\"5\"},\"spec\":{}}"

static atomic_int asked; /* for a pool's Lease, or to write anything */

static void serve_two_policies(const struct zl_script *script, struct zl_peer_call *call)
{
    const char *path = zl_peer_path(call);
    (void)script;
    if (strstr(path, "watch=") != NULL) {
        zl_peer_begin(call, 200);
        zl_peer_hold(call);
        return;
    }
    if (strstr(path, "/leases/") != NULL || strcmp(zl_peer_method(call), "GET") != 0) {
        atomic_fetch_add(&asked, 1);
        zl_peer_answer(call, 500, NULL, "{}");
        return;
    }
    zl_peer_answer(call, 200, "Content-Type: application/json\r\n",
                   strstr(path, "/leaderpolicies") != NULL
                       ? LIST_OF(POLICY("controller-leader-election") "," POLICY("main"))
                       : LIST_OF(""));
}

/* Finding 13: that one's Lease would be the one by which controllers are elected. The other is as any pool. */
static void test_a_pool_whose_lease_would_be_the_controllers_is_not_served(void **state)
{
    static const struct zl_cache_options options = {.watch = ZL_WATCH_NAMESPACES};
    (void)state;
    struct zl_error err = {0};
    struct place place;
    zl_play((struct zl_script){.serve = serve_two_policies});
    open_place(&place, &options);
    zl_cache_start_pools(place.cache);
    zl_cache_start_routing(place.cache, &ZL_KUBE_ENDPOINTSLICES);
    assert_true(zl_cache_wait_synced(place.cache, NULL, NULL));
    AWAIT(zl_cache_is_settled(place.cache, ZL_CACHED_PODS, OWN));
    (void)zl_reconcile_pool(&place.context, OWN, "controller-leader-election", true, &err);
    assert_int_equal(atomic_load(&asked), 0);
    (void)zl_reconcile_pool(&place.context, OWN, "main", true, &err);
    assert_int_equal(atomic_load(&asked), 1);
    close_place(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PEER(test_a_pool_is_not_missing_before_leaderpolicies_were_listed),
        WITH_PEER(test_a_pool_whose_lease_would_be_the_controllers_is_not_served),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
