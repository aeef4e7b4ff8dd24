/* SPDX-License-Identifier: Apache-2.0 */
/* Which Leases a replica renews while it stands by, against a scripted API server. */
#include "controller/reconcile/caretaker.h"

#include "common/base/buf.h"
#include "common/objects/names.h"
#include "test/unit/script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>

#include "test/unit/await.h"

enum { FIRST_MS = 1000, LATE_MS = 13250 /* of 15 s, 2 are left at the latest; and a quarter */ };

/* Each is a pool, its Lease and a pod; the same but for what the text says. */
static const struct {
    const char *pool, *deleted, *holder_uid, *extra, *ready, *reason;
    bool renewed;
} POOLS[] = {
    {"late", "", "uid", "", "True", "its leader is well", true},
    {"turn", "", "uid", ",\"" ZL_KEY_TURN "\":\"job_job-uid\"", "False",
     "a Job's pod need not be Ready", true},
    {"sick", "", "uid", "", "False", "its leader is not Ready", false},
    {"gone", "", "another", "", "True", "its leader is gone", false},
    {"claimed", "", "uid", ",\"" ZL_KEY_CLAIM "\":\"" ZL_CLAIM_PROVISIONAL "\"", "True",
     "a renewal would confirm it", false},
    {"going", ",\"deletionTimestamp\":\"2026-01-01T00:00:00Z\"", "uid", "", "True",
     "it is being deleted", false},
};
enum { POOL_COUNT = sizeof POOLS / sizeof POOLS[0] };

static int patches[POOL_COUNT];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void add_policy(struct zl_buf *out, size_t i)
{
    (void)zl_buf_printf(out,
                        "{\"metadata\":{\"namespace\":\"shop\",\"name\":\"%s\",\"uid\":\"%s\","
                        "\"resourceVersion\":\"5\"%s},\"spec\":{}}",
                        POOLS[i].pool, POOLS[i].pool, POOLS[i].deleted);
}

static void add_lease(struct zl_buf *out, size_t i)
{
    (void)zl_buf_printf(
        out,
        "{\"metadata\":{\"namespace\":\"shop\",\"name\":\"zen-lead-%s\",\"uid\":\"l\","
        "\"resourceVersion\":\"5\",\"annotations\":{\"" ZL_KEY_HOLDER_POD "\":\"%s-0\","
        "\"" ZL_KEY_HOLDER_UID "\":\"%s\"%s}},\"spec\":{\"holderIdentity\":\"%s-0_%s\","
        "\"leaseDurationSeconds\":15,\"renewTime\":\"2026-01-01T00:00:00.000000Z\"}}",
        POOLS[i].pool, POOLS[i].pool, POOLS[i].holder_uid, POOLS[i].extra, POOLS[i].pool,
        POOLS[i].holder_uid);
}

static void add_pod(struct zl_buf *out, size_t i)
{
    (void)zl_buf_printf(
        out,
        "{\"metadata\":{\"namespace\":\"shop\",\"name\":\"%s-0\",\"uid\":\"uid\","
        "\"resourceVersion\":\"5\",\"ownerReferences\":[{\"apiVersion\":\"apps/v1\",\"kind\":"
        "\"ReplicaSet\",\"name\":\"r\",\"uid\":\"r\",\"controller\":true}]},\"spec\":{},\"status\":"
        "{\"phase\":\"Running\",\"podIP\":\"10.0.0.1\",\"podIPs\":[{\"ip\":\"10.0.0.1\"}],"
        "\"conditions\":[{\"type\":\"Ready\",\"status\":\"%s\"}]}}",
        POOLS[i].pool, POOLS[i].ready);
}

static void note_patch(const char *path)
{
    (void)pthread_mutex_lock(&lock);
    for (size_t i = 0; i < POOL_COUNT; i++) {
        ZL_AUTO_FREE char *name = zl_asprintf("/leases/zen-lead-%s?", POOLS[i].pool);
        patches[i] += strstr(path, name) != NULL;
    }
    (void)pthread_mutex_unlock(&lock);
}

static void serve(const struct zl_script *script, struct zl_peer_call *call)
{
    const char *path = zl_peer_path(call);
    (void)script;
    if (strcmp(zl_peer_method(call), "PATCH") == 0) {
        note_patch(path);
        zl_peer_answer(call, 500, NULL, "{}");
        return;
    }
    if (strstr(path, "watch=") != NULL) {
        zl_peer_begin(call, 200);
        zl_peer_hold(call);
        return;
    }
    void (*add)(struct zl_buf *, size_t) = strstr(path, "/leaderpolicies") != NULL ? add_policy
                                           : strstr(path, "/leases") != NULL       ? add_lease
                                           : strstr(path, "/pods") != NULL         ? add_pod
                                                                                   : NULL;
    struct zl_buf body;
    zl_buf_init(&body, 65536);
    (void)zl_buf_add_text(&body, "{\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[");
    for (size_t i = 0; add != NULL && i < POOL_COUNT; i++) {
        (void)zl_buf_add_text(&body, i > 0 ? "," : "");
        add(&body, i);
    }
    (void)zl_buf_add_text(&body, "]}");
    ZL_AUTO_FREE char *text = zl_buf_take(&body);
    zl_peer_answer(call, 200, "Content-Type: application/json\r\n", text);
}

static bool always(void *ctx)
{
    (void)ctx;
    return true;
}
static bool never(void *ctx)
{
    (void)ctx;
    return false;
}

static int all_patches(void)
{
    int all = 0;
    (void)pthread_mutex_lock(&lock);
    for (size_t i = 0; i < POOL_COUNT; i++) {
        all += patches[i];
    }
    (void)pthread_mutex_unlock(&lock);
    return all;
}

/* All shares, at NOW_MS. */
static void look(struct zl_context *context, int64_t now_ms, bool (*go_on)(void *ctx))
{
    enum { SHARES = 3 };
    for (size_t i = 0; i < SHARES; i++) {
        const struct zl_caretaker_share share = {.index = i, .count = SHARES};
        zl_caretaker_look(context, share, now_ms, go_on, NULL);
    }
}

static void test_what_nobody_renews_is_renewed_if_its_leader_is_well(void **state)
{
    static const struct zl_cache_options options = {.watch = ZL_WATCH_NAMESPACES};
    (void)state;
    zl_play((struct zl_script){.serve = serve});
    struct zl_cache *cache = zl_cache_new(zl_the_client, &options);
    struct zl_context context = {.sources = {.cache = cache, .sinces = zl_sinces_new(8)},
                                 .writer = {.client = zl_the_client, .cache = cache}};
    zl_cache_start_pools(cache);
    assert_true(zl_cache_wait_synced(cache, NULL, NULL));
    AWAIT(zl_cache_is_settled(cache, ZL_CACHED_PODS, "shop"));
    AWAIT(zl_cache_is_settled(cache, ZL_CACHED_LEASES, "shop"));
    look(&context, FIRST_MS, always);
    look(&context, FIRST_MS + LATE_MS - 1, always);
    assert_int_equal(all_patches(), 0); /* whoever acts may still see to it */
    look(&context, FIRST_MS + LATE_MS, never);
    assert_int_equal(all_patches(), 0); /* this replica acts by now */
    look(&context, FIRST_MS + LATE_MS, always);
    for (size_t i = 0; i < POOL_COUNT; i++) {
        if (patches[i] != POOLS[i].renewed) {
            fail_msg("%s: %s, and it was renewed %d times", POOLS[i].pool, POOLS[i].reason,
                     patches[i]);
        }
    }
    zl_sinces_free(context.sources.sinces);
    zl_cache_free(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PEER(test_what_nobody_renews_is_renewed_if_its_leader_is_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
