/* SPDX-License-Identifier: Apache-2.0 */
#include "client/election/lease_watch.h"

#include "common/base/monitor.h"
#include "test/unit/lease_peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>

#include <cmocka.h>

#include "test/unit/await.h"

struct scene {
    struct zl_lease_peer *peer;
    struct zl_kube_client *client;
    struct zl_lease_watch *watch;
    pthread_t watcher;
    bool stops_at_event;
    atomic_int events, old_events, result; /* RESULT 1: it still watches */
};

static enum zl_status on_event(void *ctx, const char *type, const struct cJSON *object,
                               struct zl_error *err)
{
    struct scene *scene = ctx;
    const char *holder = zl_json_text(object, "spec", "holderIdentity", NULL);
    atomic_fetch_add(&scene->old_events, zl_same_string(holder, "old"));
    atomic_fetch_add(&scene->events, strcmp(type, "BOOKMARK") != 0);
    return scene->stops_at_event ? zl_error_set(err, ZL_E_STOPPED, "seen") : ZL_OK;
}

static int set_up(void **state)
{
    struct scene *scene = zl_alloc(sizeof *scene);
    struct zl_kube_config config = {0};
    struct zl_error err = {0};
    scene->peer = zl_lease_peer_start();
    zl_kube_init();
    assert_int_equal(
        zl_kube_config_load(zl_lease_peer_kubeconfig(scene->peer), NULL, &config, &err), ZL_OK);
    assert_int_equal(zl_kube_client_new(&config, "test", &scene->client, &err), ZL_OK);
    zl_kube_config_clear(&config);
    const struct zl_lease_watch_spec spec = {.lease = "web", .event = on_event, .ctx = scene};
    scene->watch = zl_lease_watch_new(&spec);
    *state = scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    zl_lease_watch_free(scene->watch);
    zl_kube_client_free(scene->client);
    zl_lease_peer_stop(scene->peer);
    zl_kube_cleanup();
    free(scene);
    return 0;
}

static void *run(void *arg)
{
    struct scene *scene = arg;
    struct zl_error err = {0};
    atomic_store(&scene->result, zl_lease_watch_run(scene->watch, scene->client, "shop", &err));
    return NULL;
}

static void start(struct scene *scene)
{
    atomic_store(&scene->result, 1);
    scene->watcher = zl_thread_start("watcher", run, scene);
}

#define LEASE "{\"metadata\":{\"name\":\"web\"},\"spec\":{\"holderIdentity\":\"a\"}}"

static void test_it_goes_on_after_a_failure_and_ends_at_once_when_it_is_over(void **state)
{
    struct scene *scene = *state;
    zl_lease_peer_set_mood(scene->peer, ZL_MOOD_FAILING);
    zl_lease_peer_write(scene->peer, LEASE);
    start(scene);
    AWAIT(zl_lease_peer_calls(scene->peer) >= 2);
    assert_int_equal(atomic_load(&scene->events), 0);
    zl_lease_peer_set_mood(scene->peer, ZL_MOOD_WELL);
    AWAIT(atomic_load(&scene->events) > 0);
    assert_int_equal(atomic_load(&scene->result), 1);
    zl_lease_watch_end(scene->watch);
    pthread_join(scene->watcher, NULL); /* a watch lasts minutes */
    assert_int_equal(atomic_load(&scene->result), ZL_E_STOPPED);
    assert_false(zl_lease_watch_rest(scene->watch, ZL_FOREVER));
}

static void test_it_ends_when_the_event_says_so(void **state)
{
    struct scene *scene = *state;
    scene->stops_at_event = true;
    zl_lease_peer_write(scene->peer, LEASE);
    start(scene);
    pthread_join(scene->watcher, NULL);
    assert_int_equal(atomic_load(&scene->result), ZL_E_STOPPED);
    assert_int_equal(atomic_load(&scene->events), 1);
    assert_false(zl_lease_watch_is_over(scene->watch));
}

static void test_it_does_not_ask_again_what_is_forbidden(void **state)
{
    struct scene *scene = *state;
    zl_lease_peer_set_mood(scene->peer, ZL_MOOD_DENYING);
    start(scene);
    pthread_join(scene->watcher, NULL);
    assert_int_equal(atomic_load(&scene->result), ZL_E_DENIED);
    assert_int_equal(zl_lease_peer_calls(scene->peer), 2); /* neither to read nor to watch */
}

#define OLD                                                                                        \
    "{\"metadata\":{\"name\":\"web\",\"resourceVersion\":\"0\"},"                                  \
    "\"spec\":{\"holderIdentity\":\"old\"}}"

static void test_a_cache_that_is_late_is_not_believed(void **state)
{
    struct scene *scene = *state;
    zl_lease_peer_set_cached(scene->peer, OLD);
    zl_lease_peer_write(scene->peer, LEASE);
    start(scene);
    AWAIT(atomic_load(&scene->events) == 1);
    zl_lease_peer_write(scene->peer, LEASE);
    AWAIT(atomic_load(&scene->events) == 2);
    zl_lease_watch_end(scene->watch);
    pthread_join(scene->watcher, NULL);
    assert_int_equal(atomic_load(&scene->old_events), 0);
}

static void test_a_lease_that_is_gone_is_not_told_from_the_cache_and_a_new_one_is(void **state)
{
    struct scene *scene = *state;
    zl_lease_peer_set_cached(scene->peer, OLD);
    start(scene);
    AWAIT(zl_lease_peer_calls(scene->peer) >= 6); /* read, watched, and both again, and again */
    assert_int_equal(atomic_load(&scene->events), 0);
    zl_lease_peer_write(scene->peer, LEASE);
    AWAIT(atomic_load(&scene->events) == 1);
    zl_lease_watch_end(scene->watch);
    pthread_join(scene->watcher, NULL);
    assert_int_equal(atomic_load(&scene->old_events), 0);
}

static void test_what_the_server_forgot_is_read_again(void **state)
{
    struct scene *scene = *state;
    zl_lease_peer_write(scene->peer, LEASE);
    start(scene);
    AWAIT(zl_lease_peer_calls(scene->peer) == 2); /* the read and the watch */
    zl_lease_peer_set_cached(scene->peer, OLD);
    zl_lease_peer_compact(scene->peer);
    AWAIT(atomic_load(&scene->events) == 2);
    zl_lease_watch_end(scene->watch);
    pthread_join(scene->watcher, NULL);
    assert_int_equal(atomic_load(&scene->old_events), 0);
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_it_goes_on_after_a_failure_and_ends_at_once_when_it_is_over),
        TEST(test_it_ends_when_the_event_says_so),
        TEST(test_it_does_not_ask_again_what_is_forbidden),
        TEST(test_a_cache_that_is_late_is_not_believed),
        TEST(test_a_lease_that_is_gone_is_not_told_from_the_cache_and_a_new_one_is),
        TEST(test_what_the_server_forgot_is_read_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
