/* SPDX-License-Identifier: Apache-2.0 */
/* Whose pod is it, when memory and the API server say different things, or an owner was deleted? */
#include "common/base/clock.h"
#include "test/unit/peer.h"
#include "webhook/gatekeeper/owners.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define JSON_TYPE "Content-Type: application/json\r\n"
#define APPS "/apis/apps/v1/namespaces/shop/"
#define GONE "{\"kind\":\"Status\",\"status\":\"Failure\",\"reason\":\"NotFound\",\"code\":404}"
#define WORKLOAD(uid, labels)                                                                      \
    "{\"metadata\":{\"namespace\":\"shop\",\"name\":\"web\",\"uid\":\"" uid                        \
    "\",\"resourceVersion\":\"5\",\"labels\":{" labels "}},\"spec\":{\"replicas\":3,"              \
    "\"selector\":{\"matchLabels\":{\"app\":\"web\"}}}}"
#define POOLED(uid) WORKLOAD(uid, "\"zen-lead/pool\":\"web\"")
#define FREE(uid) WORKLOAD(uid, "")
#define REPLICASET(owners)                                                                         \
    "{\"metadata\":{\"namespace\":\"shop\",\"name\":\"web-1\",\"uid\":\"uid-r\","                  \
    "\"resourceVersion\":\"5\",\"ownerReferences\":[" owners "]}}"
#define OF(uid)                                                                                    \
    REPLICASET("{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"name\":\"web\",\"uid\":"     \
               "\"" uid "\",\"controller\":true}")
#define ORPHAN REPLICASET("")
#define OF_FOREIGN_DEPLOYMENT                                                                      \
    REPLICASET("{\"apiVersion\":\"example.com/v1\",\"kind\":\"Deployment\",\"name\":\"web\","      \
               "\"uid\":\"uid-m\",\"controller\":true}")

/* What the API server has; memory knows Deployment web, uid-m. */
struct row {
    const char *name;
    const char *replicaset,
        *later;           /* when it is read for the first time, and then, if that differs */
    const char *workload; /* NULL: there is none */
    const char *lost;     /* uid that memory had and lost; NULL: none */
    bool stateful;
    enum zl_status status;
    const char *uid; /* of what was found; NULL: in no pool */
};

static const struct row ROWS[] = {
    {"memory knows it", OF("uid-m"), NULL, NULL, NULL, false, ZL_OK, "uid-m"},
    {"never heard of: read", OF("uid-d"), NULL, POOLED("uid-d"), NULL, false, ZL_OK, "uid-d"},
    {"and in no pool", OF("uid-d"), NULL, FREE("uid-d"), NULL, false, ZL_OK, NULL},
    {"a ReplicaSet of nobody", ORPHAN, NULL, NULL, NULL, false, ZL_OK, NULL},
    {"a ReplicaSet of another group's Deployment", OF_FOREIGN_DEPLOYMENT, NULL, NULL, NULL, false,
     ZL_OK, NULL},
    {"the ReplicaSet is gone", GONE, NULL, NULL, NULL, false, ZL_E_NOT_FOUND, NULL},
    {"the Deployment is gone, its ReplicaSet will be", OF("uid-d"), NULL, NULL, NULL, false,
     ZL_E_NOT_FOUND, NULL},
    {"the same, and memory knew it", OF("uid-d"), NULL, NULL, "uid-d", false, ZL_E_NOT_FOUND, NULL},
    {"made again, its ReplicaSet is the old one's", OF("uid-d"), NULL, POOLED("uid-m"), "uid-d",
     false, ZL_E_NOT_FOUND, NULL},
    {"memory lost it because it left its pool", OF("uid-d"), NULL, FREE("uid-d"), "uid-d", false,
     ZL_OK, NULL},
    {"deleted without its ReplicaSet", OF("uid-d"), ORPHAN, NULL, "uid-d", false, ZL_OK, NULL},
    {"and that one was adopted", OF("uid-d"), OF("uid-m"), NULL, "uid-d", false, ZL_OK, "uid-m"},
    {"both are gone", OF("uid-d"), GONE, NULL, "uid-d", false, ZL_E_NOT_FOUND, NULL},
    {"a StatefulSet", NULL, NULL, POOLED("uid-s"), NULL, true, ZL_OK, "uid-s"},
    {"a StatefulSet that is gone", NULL, NULL, NULL, NULL, true, ZL_E_NOT_FOUND, NULL},
    {"a StatefulSet that was made again", NULL, NULL, POOLED("uid-t"), "uid-s", true,
     ZL_E_NOT_FOUND, NULL},
    {"a StatefulSet that left its pool", NULL, NULL, FREE("uid-s"), "uid-s", true, ZL_OK, NULL},
};

struct server {
    const struct row *row;
    int replicaset_reads;
};

static void serve(void *ctx, struct zl_peer_call *call)
{
    struct server *server = ctx;
    const char *path = zl_peer_path(call), *body = NULL;
    if (strstr(path, "watch=") != NULL) {
        zl_peer_hold(call);
        return;
    }
    if (strncmp(path, APPS, strlen(APPS)) != 0) {
        bool deployments =
            strncmp(path, "/apis/apps/v1/deployments", strlen("/apis/apps/v1/deployments")) == 0;
        body = deployments
                   ? "{\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[" POOLED("uid-m") "]}"
                   : "{\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[]}";
    } else if (strncmp(path + strlen(APPS), "replicasets/", strlen("replicasets/")) == 0) {
        bool first = server->replicaset_reads++ == 0;
        body = first || server->row->later == NULL ? server->row->replicaset : server->row->later;
    } else {
        body = server->row->workload;
    }
    if (body == NULL) {
        body = GONE;
    }
    zl_peer_answer(call, strcmp(body, GONE) != 0 ? 200 : 404, JSON_TYPE, body);
}

/* A pod's labels. */
#define OF_WEB "app=web\0pod-template-hash=1\0"
#define OF_ANOTHER "app=shop\0"

static void note_lost(struct zl_owners *owners, const char *uid)
{
    char name[] = "web", namespace_[] = "shop";
    ZL_AUTO_FREE char *lost_uid = zl_strdup(uid);
    const struct zl_workload lost = {
        .meta = {.namespace_ = namespace_, .name = name, .uid = lost_uid},
        .kind = &ZL_KIND_DEPLOYMENT,
        .pool = name};
    zl_owners_note_lost(owners, lost.kind, &lost);
}

static void look(struct zl_owners *owners, const struct row *row)
{
    struct zl_error err = {0};
    struct zl_controller_ref owner = {.api_version = (char[]){"apps/v1"},
                                      .kind = row->stateful ? (char[]){"StatefulSet"}
                                                            : (char[]){"ReplicaSet"},
                                      .name = row->stateful ? (char[]){"web"} : (char[]){"web-1"},
                                      .uid = row->stateful ? (char[]){"uid-s"} : (char[]){"uid-r"}};
    for (int again = 0; again < 2; again++) { /* by reading, and by what was learnt */
        ZL_AUTO_REF struct zl_ref *ref = NULL;
        enum zl_status status =
            zl_owners_workload_of(owners, "shop", &owner, OF_WEB, zl_clock_ms() + 5000, &ref, &err);
        const struct zl_workload *found = ref != NULL ? zl_ref_object(ref) : NULL;
        const char *uid = found != NULL ? found->meta.uid : NULL;
        if (status != row->status || !zl_same_string(uid, row->uid)) {
            fail_msg("%s, look %d: status %d, found %s", row->name, again + 1, (int)status,
                     uid != NULL ? uid : "nothing");
        }
    }
}

struct scene {
    struct server server;
    struct zl_peer *peer;
    struct zl_kube_client *client;
    struct zl_cache *cache;
};

static void begin(struct scene *scene, const struct row *row)
{
    const struct zl_cache_options options = {.watch = ZL_WATCH_CLUSTER};
    struct zl_error err = {0};
    scene->server.row = row;
    scene->peer = zl_peer_start(serve, &scene->server);
    struct zl_kube_config config = {.server = zl_peer_url(scene->peer)};
    assert_int_equal(zl_kube_client_new(&config, "test", &scene->client, &err), ZL_OK);
    free(config.server);
    scene->cache = zl_cache_new(scene->client, &options);
    zl_cache_start_pools(scene->cache);
    assert_true(zl_cache_wait_synced(scene->cache, NULL, NULL));
}

static void end(struct scene *scene)
{
    zl_cache_free(scene->cache);
    zl_kube_client_free(scene->client);
    zl_peer_stop(scene->peer);
}

static void test_the_workload_of_a_pod(void **state)
{
    (void)state;
    struct scene scene = {0};
    begin(&scene, &ROWS[0]);
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        struct zl_owners *owners = zl_owners_new(scene.client, scene.cache);
        scene.server = (struct server){.row = &ROWS[i]};
        if (ROWS[i].lost != NULL) {
            note_lost(owners, ROWS[i].lost);
        }
        look(owners, &ROWS[i]);
        zl_owners_free(owners);
    }
    end(&scene);
}

/* A ReplicaSet that was nobody's is adopted by a Deployment whose name it does not bear. */
static void test_a_link_is_read_again_when_a_pooled_selector_fits(void **state)
{
    static const struct row ADOPTED = {.replicaset = ORPHAN, .later = OF("uid-m")};
    static const struct {
        const char *labels, *uid;
    } looks[] = {
        {OF_WEB, NULL}, {OF_ANOTHER, NULL}, {NULL, NULL}, {OF_WEB, "uid-m"}, {OF_ANOTHER, "uid-m"}};
    struct zl_controller_ref owner = {.api_version = (char[]){"apps/v1"},
                                      .kind = (char[]){"ReplicaSet"},
                                      .name = (char[]){"of-hand"},
                                      .uid = (char[]){"uid-r"}};
    struct zl_error err = {0};
    struct scene scene = {0};
    (void)state;
    begin(&scene, &ADOPTED);
    struct zl_owners *owners = zl_owners_new(scene.client, scene.cache);
    for (size_t i = 0; i < sizeof looks / sizeof looks[0]; i++) {
        ZL_AUTO_REF struct zl_ref *ref = NULL;
        assert_int_equal(zl_owners_workload_of(owners, "shop", &owner, looks[i].labels,
                                               zl_clock_ms() + 5000, &ref, &err),
                         ZL_OK);
        const struct zl_workload *found = ref != NULL ? zl_ref_object(ref) : NULL;
        assert_true(zl_same_string(found != NULL ? found->meta.uid : NULL, looks[i].uid));
    }
    zl_owners_free(owners);
    end(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_workload_of_a_pod),
        cmocka_unit_test(test_a_link_is_read_again_when_a_pooled_selector_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
