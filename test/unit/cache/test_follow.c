/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is asked of an API server: namespace shop has a LeaderPolicy, billing a labelled Job, and the rest are strangers.
 */
#include "common/base/buf.h"
#include "common/cache/cache.h"
#include "test/unit/peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>

#include "test/unit/await.h"

struct server {
    struct zl_peer *peer;
    struct zl_kube_client *client;
    struct zl_cache *cache;
    pthread_mutex_t lock;
    struct zl_buf asked; /* "\n/path" of each list */
};

#define LIST_OF(items_) "{\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[" items_ "]}"
#define METADATA_IN(namespace_)                                                                    \
    "{\"metadata\":{\"namespace\":\"" namespace_                                                   \
    "\",\"name\":\"main\",\"uid\":\"u\",\"resourceVersion\":\"5\"},\"spec\":{}}"

static bool has(const char *path, const char *part)
{
    return strstr(path, part) != NULL;
}

static const char *body_of(const char *path)
{
    if (has(path, "/leaderpolicies") && !has(path, "/namespaces/billing/")) {
        return LIST_OF(METADATA_IN("shop"));
    }
    if (has(path, "/jobs") && has(path, "labelSelector=") && !has(path, "/namespaces/shop/")) {
        return LIST_OF(METADATA_IN("billing"));
    }
    return LIST_OF("");
}

static void serve(void *ctx, struct zl_peer_call *call)
{
    struct server *server = ctx;
    const char *path = zl_peer_path(call);
    if (has(path, "watch=")) {
        zl_peer_begin(call, 200);
        zl_peer_hold(call);
        return;
    }
    pthread_mutex_lock(&server->lock);
    zl_buf_printf(&server->asked, "\n%s", path);
    pthread_mutex_unlock(&server->lock);
    zl_peer_answer(call, 200, "Content-Type: application/json\r\n", body_of(path));
}

static void start(struct server *server, enum zl_watch watch, const char *namespaces)
{
    const struct zl_cache_options options = {
        .watch = watch, .namespaces = namespaces, .with_replicasets = true};
    struct zl_error err = {0};
    const char *lagging = NULL;
    memset(server, 0, sizeof *server);
    pthread_mutex_init(&server->lock, NULL);
    zl_buf_init(&server->asked, 65536);
    server->peer = zl_peer_start(serve, server);
    ZL_AUTO_FREE char *url = zl_peer_url(server->peer);
    const struct zl_kube_config config = {.server = url};
    assert_int_equal(zl_kube_client_new(&config, "test", &server->client, &err), ZL_OK);
    server->cache = zl_cache_new(server->client, &options);
    assert_false(zl_cache_is_synced(server->cache, NULL, &lagging)); /* nothing is started */
    zl_cache_start_pools(server->cache);
    zl_cache_start_routing(server->cache, &ZL_KUBE_ENDPOINTSLICES);
    assert_true(zl_cache_wait_synced(server->cache, NULL, NULL));
    AWAIT(zl_cache_is_synced(server->cache, "shop", &lagging));
    AWAIT(zl_cache_is_synced(server->cache, "billing", &lagging));
    AWAIT(zl_cache_is_settled(server->cache, ZL_CACHED_SERVICES, "shop"));
}

static void stop(struct server *server)
{
    zl_cache_free(server->cache);
    zl_kube_client_free(server->client);
    zl_peer_stop(server->peer);
    zl_buf_clear(&server->asked);
    pthread_mutex_destroy(&server->lock);
}

static void expect_asked(struct server *server, const char *path, bool expected)
{
    pthread_mutex_lock(&server->lock);
    ZL_AUTO_FREE char *line = zl_asprintf("\n%s", path);
    if (has(server->asked.data, line) != expected) {
        fail_msg("%s %s of:%s", path, expected ? "is none" : "is one", server->asked.data);
    }
    pthread_mutex_unlock(&server->lock);
}

static void test_strangers_are_never_asked_about(void **state)
{
    static const struct {
        const char *path;
        bool asked;
    } ROWS[] = {
        {"/apis/coordination.kube-zen.io/v1alpha1/leaderpolicies?", true},
        {"/api/v1/services?", true},
        {"/api/v1/nodes?", true},
        {"/apis/batch/v1/jobs?labelSelector=zen-lead%2Fpool&", true},
        {"/apis/apps/v1/daemonsets?labelSelector=zen-lead%2Fpool&", true},
        {"/api/v1/pods?", false},
        {"/apis/apps/v1/replicasets?", false},
        {"/apis/apps/v1/deployments?limit", false},
        {"/apis/batch/v1/jobs?limit", false},
        {"/api/v1/namespaces/shop/pods?", true},
        {"/apis/apps/v1/namespaces/shop/replicasets?", true},
        {"/apis/apps/v1/namespaces/shop/controllerrevisions?", true},
        {"/apis/apps/v1/namespaces/shop/deployments?", true},
        {"/api/v1/namespaces/billing/pods?", false}, /* it has no policy */
        {"/apis/batch/v1/namespaces/billing/jobs?", true},
        {"/apis/apps/v1/namespaces/billing/deployments?", true},
        {"/api/v1/namespaces/shop/services?", false}, /* listed after the policies */
    };
    static const enum zl_watch MODES[] = {ZL_WATCH_AUTO, ZL_WATCH_NAMESPACES};
    (void)state;
    for (size_t mode = 0; mode < 2; mode++) {
        struct server server;
        start(&server, MODES[mode], NULL);
        for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
            expect_asked(&server, ROWS[i].path, ROWS[i].asked);
        }
        assert_true(zl_cache_is_followed(server.cache, ZL_CACHED_PODS, "shop"));
        assert_false(zl_cache_is_settled(server.cache, ZL_CACHED_PODS, "stranger"));
        assert_int_equal(zl_cache_position(server.cache, ZL_CACHED_PODS, "stranger"), 0);
        assert_false(zl_cache_is_as_new(server.cache, ZL_CACHED_PODS, "stranger", "1"));
        stop(&server);
    }
}

static void test_cluster_follows_all_at_once(void **state)
{
    struct server server;
    (void)state;
    start(&server, ZL_WATCH_CLUSTER, NULL);
    expect_asked(&server, "/api/v1/pods?", true);
    expect_asked(&server, "/apis/apps/v1/deployments?limit", true);
    expect_asked(&server, "/api/v1/namespaces/", false); /* they were known before it began */
    assert_true(zl_cache_is_settled(server.cache, ZL_CACHED_PODS, "stranger"));
    stop(&server);
}

static void test_named_namespaces_need_nothing_of_the_cluster(void **state)
{
    struct server server;
    (void)state;
    start(&server, ZL_WATCH_CLUSTER, "shop, billing"); /* what cannot be is not tried */
    expect_asked(&server, "/api/v1/namespaces/shop/services?", true);
    expect_asked(&server, "/api/v1/namespaces/billing/services?", true);
    expect_asked(&server, "/apis/coordination.k8s.io/v1/namespaces/billing/leases?", true);
    expect_asked(&server, "/api/v1/namespaces/shop/pods?", true);
    expect_asked(&server, "/api/v1/namespaces/billing/pods?", false);
    pthread_mutex_lock(&server.lock);
    for (const char *at = server.asked.data; (at = strchr(at, '\n')) != NULL; at++) {
        ZL_AUTO_FREE char *line = zl_strndup(at + 1, strcspn(at + 1, "\n"));
        if (!has(line, "/namespaces/shop/") && !has(line, "/namespaces/billing/")) {
            fail_msg("%s", line);
        }
    }
    pthread_mutex_unlock(&server.lock);
    stop(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strangers_are_never_asked_about),
        cmocka_unit_test(test_cluster_follows_all_at_once),
        cmocka_unit_test(test_named_namespaces_need_nothing_of_the_cluster),
    };
    zl_kube_init();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    zl_kube_cleanup();
    return failed;
}
