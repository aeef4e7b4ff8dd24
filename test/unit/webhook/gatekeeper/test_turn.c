/* SPDX-License-Identifier: Apache-2.0 */
/* Whose turn is it, when memory and the API server say different things? */
#include "common/base/clock.h"
#include "common/seat/claim_clock.h"
#include "test/unit/peer.h"
#include "webhook/gatekeeper/gatekeeper.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define JOBS_PATH "/apis/batch/v1/namespaces/shop/jobs/"
#define OTHERS_PATH "/apis/batch/v1/namespaces/other/jobs/" /* of which memory knows none */
#define NOT_FOUND                                                                                  \
    "{\"kind\":\"Status\",\"status\":\"Failure\",\"reason\":\"NotFound\",\"code\":404}"
#define JSON_TYPE "Content-Type: application/json\r\n"

/* A Job as the API server tells of it. */
#define JOB_IN(name, uid, created, labels, more)                                                   \
    "{\"metadata\":{\"namespace\":\"shop\",\"name\":\"" name "\",\"uid\":\"" uid                   \
    "\",\"resourceVersion\":\"5\",\"creationTimestamp\":\"2026-01-01T00:00:" created               \
    "Z\",\"labels\":{" labels "}}" more "}"
#define JOB(name, uid, created, more)                                                              \
    JOB_IN(name, uid, created, "\"zen-lead/pool\":\"batch\"", more)
#define WITH_CONDITION(type)                                                                       \
    ",\"status\":{\"conditions\":[{\"type\":\"" type "\",\"status\":\"True\"}]}"
#define A JOB("a", "uid-a", "01", "")
#define B JOB("b", "uid-b", "02", "")
#define C JOB("c", "uid-c", "03", "")

/* What the API server has; the lists are what memory came to know. */
struct row {
    const char *name;
    const char *a, *b; /* live; NULL: there is none */
    const char *turn;  /* uid in the Lease; NULL: nobody's */
    enum zl_whose_turn whose;
    enum zl_standing standing;
    bool is_next;
    int reads; /* of Jobs */
};

static const struct row ROWS[] = {
    {"the older one waits", A, B, NULL, ZL_TURN_NOBODYS, ZL_STANDING_WAITING, false, 2},
    {"the older one is complete", JOB("a", "uid-a", "01", WITH_CONDITION("Complete")), B, NULL,
     ZL_TURN_NOBODYS, ZL_STANDING_WAITING, true, 2},
    {"the older one was deleted", NULL, B, NULL, ZL_TURN_NOBODYS, ZL_STANDING_WAITING, true, 2},
    {"and made again", JOB("a", "uid-new", "09", ""), B, NULL, ZL_TURN_NOBODYS, ZL_STANDING_WAITING,
     true, 2},
    {"the older one left the pool", JOB_IN("a", "uid-a", "01", "", ""), B, NULL, ZL_TURN_NOBODYS,
     ZL_STANDING_WAITING, true, 2},
    {"the older one is in another pool now",
     JOB_IN("a", "uid-a", "01", "\"zen-lead/pool\":\"other\"", ""), B, NULL, ZL_TURN_NOBODYS,
     ZL_STANDING_WAITING, true, 2},
    {"the older one is suspended by its user",
     JOB("a", "uid-a", "01", ",\"spec\":{\"suspend\":true}"), B, NULL, ZL_TURN_NOBODYS,
     ZL_STANDING_WAITING, true, 2},
    {"within the older one's turn", A, B, "uid-a", ZL_TURN_ANOTHERS, ZL_STANDING_WAITING, false, 1},
    {"the older one's turn ended, and the Lease does not say so yet",
     JOB("a", "uid-a", "01", WITH_CONDITION("Failed")), B, "uid-a", ZL_TURN_NOBODYS,
     ZL_STANDING_WAITING, true, 2},
    {"its own turn", A, B, "uid-b", ZL_TURN_OWN, ZL_STANDING_EXECUTING, false, 1},
    {"its own turn, but it was deleted", A, NULL, "uid-b", ZL_TURN_OWN, ZL_STANDING_OVER, false, 1},
    {"it is complete", A, JOB("b", "uid-b", "02", WITH_CONDITION("Complete")), NULL,
     ZL_TURN_NOBODYS, ZL_STANDING_OVER, false, 1},
    {"it is being deleted", A,
     "{\"metadata\":{\"namespace\":\"shop\",\"name\":\"b\",\"uid\":\"uid-b\",\"labels\":{"
     "\"zen-lead/pool\":\"batch\"},\"deletionTimestamp\":\"2026-01-01T00:00:05Z\"}}",
     NULL, ZL_TURN_NOBODYS, ZL_STANDING_OVER, false, 1},
};

struct server {
    const struct row *row;
    bool failing; /* 500 to whoever asks for a Job */
    int reads;
    struct zl_peer *peer;
    struct zl_kube_client *client;
    struct zl_cache *cache;
    struct zl_gatekeeper gatekeeper;
};

static void answer_job(struct server *server, struct zl_peer_call *call, const char *name)
{
    const char *body = strcmp(name, "a") == 0   ? server->row->a
                       : strcmp(name, "b") == 0 ? server->row->b
                                                : NULL;
    server->reads++;
    if (server->failing) {
        zl_peer_answer(call, 500, JSON_TYPE, "{}");
    } else {
        zl_peer_answer(call, body != NULL ? 200 : 404, JSON_TYPE, body != NULL ? body : NOT_FOUND);
    }
}

static void serve(void *ctx, struct zl_peer_call *call)
{
    const char *path = zl_peer_path(call);
    if (strncmp(path, JOBS_PATH, strlen(JOBS_PATH)) == 0 ||
        strncmp(path, OTHERS_PATH, strlen(OTHERS_PATH)) == 0) {
        answer_job(ctx, call, strrchr(path, '/') + 1);
    } else if (strstr(path, "watch=") != NULL) {
        zl_peer_hold(call);
    } else {
        bool jobs = strncmp(path, "/apis/batch/v1/jobs", strlen("/apis/batch/v1/jobs")) == 0;
        zl_peer_answer(call, 200, JSON_TYPE,
                       jobs ? "{\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[" A "," B "," C
                              "]}"
                            : "{\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[]}");
    }
}

static void start(struct server *server)
{
    const struct zl_cache_options options = {.with_replicasets = false};
    struct zl_error err = {0};
    server->peer = zl_peer_start(serve, server);
    struct zl_kube_config config = {.server = zl_peer_url(server->peer)};
    if (zl_kube_client_new(&config, "test", &server->client, &err) != ZL_OK) {
        fail_msg("%s", err.message);
    }
    free(config.server);
    server->cache = zl_cache_new(server->client, &options);
    zl_cache_start_pools(server->cache);
    assert_true(zl_cache_wait_synced(server->cache, NULL, NULL));
    server->gatekeeper = (struct zl_gatekeeper){
        .client = server->client,
        .cache = server->cache,
        .owners = zl_owners_new(server->client, server->cache),
        .clock = zl_claim_clock_new(),
        .deadline_ms = 5000,
    };
}

static void stop(struct server *server)
{
    zl_cache_free(server->cache);
    zl_owners_free(server->gatekeeper.owners);
    zl_claim_clock_free(server->gatekeeper.clock);
    zl_kube_client_free(server->client);
    zl_peer_stop(server->peer);
}

/* A review of a pod of b, as far as the turn is concerned. */
static enum zl_status view(struct server *server, const struct zl_policy *policy, const char *turn,
                           const struct zl_pod *other, struct zl_facts *out)
{
    struct zl_error err = {0};
    struct zl_lease *lease = zl_lease_vacant(policy);
    struct zl_request request = {.namespace_ = "shop",
                                 .pool = zl_strdup("batch"),
                                 .deadline_ms = zl_clock_ms() + server->gatekeeper.deadline_ms};
    request.job_ref = zl_cache_find(server->cache, ZL_CACHED_JOBS, "shop", "b");
    assert_non_null(request.job_ref);
    request.facts.job = zl_ref_object(request.job_ref);
    request.facts.policy = policy;
    if (turn != NULL) {
        zl_lease_set_turn(lease, strcmp(turn, "uid-a") == 0 ? "a" : "b", turn);
    }
    server->reads = 0;
    enum zl_status status = zl_view_turn(&server->gatekeeper, &request, lease, other, &err);
    *out = request.facts;
    zl_lease_free(lease);
    zl_request_clear(&request);
    return status;
}

static const struct zl_policy POLICY = {
    .meta = {.namespace_ = (char[]){"shop"}, .name = (char[]){"batch"}}, .lease_duration_s = 15};

static void test_what_matters_is_read_again(void **state)
{
    (void)state;
    struct server server = {.row = &ROWS[0]};
    start(&server);
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        const struct row *row = &ROWS[i];
        struct zl_facts facts;
        server.row = row;
        assert_int_equal(view(&server, &POLICY, row->turn, NULL, &facts), ZL_OK);
        if (facts.turn != row->whose || facts.standing != row->standing ||
            facts.is_next != row->is_next || server.reads != row->reads) {
            fail_msg("%s: whose %d standing %d next %d reads %d", row->name, (int)facts.turn,
                     (int)facts.standing, facts.is_next, server.reads);
        }
    }
    stop(&server);
}

static void test_nothing_is_taken_for_over_when_the_api_server_fails(void **state)
{
    (void)state;
    struct server server = {.row = &ROWS[0], .failing = true};
    struct zl_facts facts;
    start(&server);
    assert_int_equal(view(&server, &POLICY, NULL, NULL, &facts), ZL_E_TRANSIENT);
    assert_int_equal(view(&server, &POLICY, "uid-a", NULL, &facts), ZL_E_TRANSIENT);
    stop(&server);
}

static void test_a_live_pod_settles_it_by_whose_it_is(void **state)
{
    (void)state;
    struct server server = {.row = &ROWS[0]};
    struct zl_facts facts;
    struct zl_pod of_a = {.meta = {.controller = {.uid = (char[]){"uid-a"}}}};
    start(&server);
    assert_int_equal(view(&server, &POLICY, "uid-a", &of_a, &facts), ZL_OK);
    assert_true(facts.other_has_turn);
    assert_int_equal(facts.turn, ZL_TURN_ANOTHERS);
    assert_int_equal(view(&server, &POLICY, "uid-b", &of_a, &facts), ZL_OK);
    assert_false(facts.other_has_turn);
    assert_int_equal(view(&server, &POLICY, NULL, &of_a, &facts), ZL_OK);
    assert_false(facts.other_has_turn);
    assert_int_equal(server.reads, 0);
    stop(&server);
}

/* The pods of a Job that was deleted live on for a while; whose they were must not be forgotten. */
static void test_a_job_that_memory_lost_is_gone_or_has_left(void **state)
{
    (void)state;
    static const struct row GONE = {.a = NULL, .b = B};
    static const struct row LEFT = {.a = JOB_IN("a", "uid-a", "01", "", ""), .b = B};
    char name_a[] = "a", uid_a[] = "uid-a", uid_d[] = "uid-d";
    struct zl_controller_ref owner = {.api_version = (char[]){"batch/v1"},
                                      .kind = (char[]){"Job"},
                                      .name = (char[]){"d"},
                                      .uid = uid_d};
    struct server server = {.row = &GONE};
    struct zl_error err = {0};
    start(&server);
    struct zl_owners *owners = server.gatekeeper.owners;
    ZL_AUTO_REF struct zl_ref *cached = zl_cache_find(server.cache, ZL_CACHED_JOBS, "shop", "a");
    struct zl_job lost = *(const struct zl_job *)zl_ref_object(cached);
    lost.meta.uid = uid_d; /* as if memory had known one more */
    for (int i = 0; i < 3; i++) {
        /* Never heard of; noted, and gone; noted, and there, but in no pool. */
        ZL_AUTO_REF struct zl_ref *ref = NULL;
        ZL_AUTO_FREE char *pool = NULL;
        if (i == 1) {
            zl_owners_note_lost_job(owners, &lost);
        }
        if (i == 2) {
            server.row = &LEFT;
            owner.name = name_a;
            owner.uid = uid_a;
            lost.meta.uid = uid_a;
            zl_owners_note_lost_job(owners, &lost);
        }
        enum zl_status status =
            zl_owners_job_of(owners, "other", &owner, zl_clock_ms() + 5000, &ref, &pool, &err);
        assert_int_equal(status, i == 2 ? ZL_OK : ZL_E_NOT_FOUND);
        assert_null(ref);
        assert_true(zl_same_string(pool, i == 1 ? "batch" : NULL));
    }
    stop(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_matters_is_read_again),
        cmocka_unit_test(test_nothing_is_taken_for_over_when_the_api_server_fails),
        cmocka_unit_test(test_a_live_pod_settles_it_by_whose_it_is),
        cmocka_unit_test(test_a_job_that_memory_lost_is_gone_or_has_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
