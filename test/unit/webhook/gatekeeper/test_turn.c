/* SPDX-License-Identifier: Apache-2.0 */
/* Whose turn is it, when memory and the API server say different things? */
#include "test/unit/peer.h"
#include "webhook/gatekeeper/live.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define JOBS_PATH "/apis/batch/v1/namespaces/shop/jobs/"
#define POLICY_PATH "/apis/coordination.kube-zen.io/v1alpha1/namespaces/shop/leaderpolicies/batch"
#define LEASE_PATH "/apis/coordination.k8s.io/v1/namespaces/shop/leases/zen-lead-batch"
#define PODS_PATH "/api/v1/namespaces/shop/pods?"
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
#define POLICY                                                                                     \
    "{\"metadata\":{\"namespace\":\"shop\",\"name\":\"batch\",\"uid\":\"uid-p\","                  \
    "\"resourceVersion\":\"5\"},\"spec\":{\"followerMode\":\"scaleDown\"}}"
/* Released, but for whose turn it is. */
#define LEASE_OF(turn)                                                                             \
    "{\"metadata\":{\"namespace\":\"shop\",\"name\":\"zen-lead-batch\",\"uid\":\"uid-l\","         \
    "\"resourceVersion\":\"5\",\"annotations\":{\"zen-lead.io/fencing-token\":\"7\","              \
    "\"zen-lead.io/released-token\":\"7\"" turn "}},\"spec\":{}}"
#define TURN_OF(name, uid) ",\"zen-lead.io/turn\":\"" name "_" uid "\""
#define LIST_OF(items) "{\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[" items "]}"
/* A pod of Job a that the Lease does not name. */
#define POD_OF_A                                                                                   \
    "{\"metadata\":{\"namespace\":\"shop\",\"name\":\"a-1\",\"uid\":\"uid-a-1\","                  \
    "\"ownerReferences\":[{\"apiVersion\":\"batch/v1\",\"kind\":\"Job\",\"name\":\"a\","           \
    "\"uid\":\"uid-a\",\"controller\":true}]},\"status\":{\"phase\":\"Running\"}}"

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
    {"within the older one's turn", A, B, "uid-a", ZL_TURN_ANOTHERS, ZL_STANDING_WAITING, false, 2},
    {"the older one's turn ended, and the Lease does not say so yet",
     JOB("a", "uid-a", "01", WITH_CONDITION("Failed")), B, "uid-a", ZL_TURN_NOBODYS,
     ZL_STANDING_WAITING, true, 2},
    {"its own turn", A, B, "uid-b", ZL_TURN_OWN, ZL_STANDING_EXECUTING, false, 1},
    {"it is suspended by its user", A, JOB("b", "uid-b", "02", ",\"spec\":{\"suspend\":true}"),
     NULL, ZL_TURN_NOBODYS, ZL_STANDING_OVER, false, 1},
    {"it is complete", A, JOB("b", "uid-b", "02", WITH_CONDITION("Complete")), NULL,
     ZL_TURN_NOBODYS, ZL_STANDING_OVER, false, 1},
    {"it is being deleted", A,
     "{\"metadata\":{\"namespace\":\"shop\",\"name\":\"b\",\"uid\":\"uid-b\",\"labels\":{"
     "\"zen-lead/pool\":\"batch\"},\"deletionTimestamp\":\"2026-01-01T00:00:05Z\"}}",
     NULL, ZL_TURN_NOBODYS, ZL_STANDING_OVER, false, 1},
};

struct server {
    const struct row *row;
    const char *turn;    /* uid in the Lease; NULL: nobody's */
    const char *failing; /* 500 to whoever asks for the Job of that name */
    bool other_lives;    /* a pod of Job a */
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
    if (server->failing != NULL && strcmp(server->failing, name) == 0) {
        zl_peer_answer(call, 500, JSON_TYPE, "{}");
    } else {
        zl_peer_answer(call, body != NULL ? 200 : 404, JSON_TYPE, body != NULL ? body : NOT_FOUND);
    }
}

static bool starts_with(const char *path, const char *start)
{
    return strncmp(path, start, strlen(start)) == 0;
}

/* What a look asks for, but for Jobs; NULL: a list of another kind. */
static const char *body_of(const struct server *server, const char *path)
{
    if (strcmp(path, POLICY_PATH) == 0) {
        return POLICY;
    }
    if (strcmp(path, LEASE_PATH) == 0) {
        return server->turn == NULL                 ? LEASE_OF("")
               : strcmp(server->turn, "uid-a") == 0 ? LEASE_OF(TURN_OF("a", "uid-a"))
                                                    : LEASE_OF(TURN_OF("b", "uid-b"));
    }
    if (starts_with(path, PODS_PATH) && server->other_lives) {
        return LIST_OF(POD_OF_A);
    }
    return starts_with(path, "/apis/batch/v1/jobs") ? LIST_OF(A "," B "," C) : LIST_OF("");
}

static void serve(void *ctx, struct zl_peer_call *call)
{
    const char *path = zl_peer_path(call);
    if (starts_with(path, JOBS_PATH) || starts_with(path, OTHERS_PATH)) {
        answer_job(ctx, call, strrchr(path, '/') + 1);
    } else if (strstr(path, "watch=") != NULL) {
        zl_peer_hold(call);
    } else {
        zl_peer_answer(call, 200, JSON_TYPE, body_of(ctx, path));
    }
}

static void start(struct server *server)
{
    const struct zl_cache_options options = {.watch = ZL_WATCH_CLUSTER};
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

/* A look for a pod of b. */
static enum zl_status look(struct server *server, const char *turn, struct zl_seen *out)
{
    struct zl_error err = {0};
    ZL_AUTO_LOOK struct zl_look look = {0};
    ZL_AUTO_REF struct zl_ref *ref = zl_cache_find(server->cache, ZL_CACHED_JOBS, "shop", "b");
    assert_non_null(ref);
    const struct zl_known known = {.job = zl_ref_object(ref), .pool = "batch"};
    const struct zl_controller_ref owner = {.api_version = (char[]){"batch/v1"},
                                            .kind = (char[]){"Job"}};
    const struct zl_request request = {.namespace_ = "shop",
                                       .pod_name = "b-1",
                                       .pod_uid = "uid-b-1",
                                       .owner = &owner,
                                       .deadline_ms =
                                           zl_clock_ms() + server->gatekeeper.deadline_ms};
    server->turn = turn;
    server->reads = 0;
    enum zl_status status = zl_look(&server->gatekeeper, &request, &known, &look, &err);
    *out = look.seen; /* what it borrows is gone after this */
    return status;
}

static void test_what_matters_is_read_again(void **state)
{
    (void)state;
    struct server server = {.row = &ROWS[0]};
    start(&server);
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        const struct row *row = &ROWS[i];
        struct zl_seen seen;
        server.row = row;
        assert_int_equal(look(&server, row->turn, &seen), ZL_OK);
        const struct zl_queue_seen *queue = &seen.queue;
        if (queue->turn != row->whose || queue->standing != row->standing ||
            queue->is_next != row->is_next || server.reads != row->reads || seen.owner_gone) {
            fail_msg("%s: whose %d standing %d next %d reads %d", row->name, (int)queue->turn,
                     (int)queue->standing, queue->is_next, server.reads);
        }
    }
    stop(&server);
}

/* Whoever's turn it is: nothing else is asked for. */
static void test_a_job_that_was_deleted_is_gone(void **state)
{
    (void)state;
    static const struct row DELETED[] = {
        {.name = "within its turn", .a = A, .turn = "uid-b"},
        {.name = "outside", .a = A},
        {.name = "and made again", .a = A, .b = JOB("b", "uid-new", "09", "")},
    };
    struct server server = {.row = &DELETED[0]};
    start(&server);
    for (size_t i = 0; i < sizeof DELETED / sizeof DELETED[0]; i++) {
        struct zl_seen seen;
        server.row = &DELETED[i];
        assert_int_equal(look(&server, DELETED[i].turn, &seen), ZL_OK);
        assert_true(seen.owner_gone);
        assert_int_equal(zl_decide_seen(&seen).outcome, ZL_OUTCOME_OWNER_GONE);
        assert_int_equal(server.reads, 1);
    }
    stop(&server);
}

static void test_nothing_is_taken_for_over_when_the_api_server_fails(void **state)
{
    (void)state;
    struct server server = {.row = &ROWS[0], .failing = "a"};
    struct zl_seen seen;
    start(&server);
    assert_int_equal(look(&server, NULL, &seen), ZL_E_TRANSIENT);
    assert_int_equal(server.reads, 2);
    assert_int_equal(look(&server, "uid-a", &seen), ZL_E_TRANSIENT);
    assert_int_equal(server.reads, 2);
    server.failing = "b";
    assert_int_equal(look(&server, NULL, &seen), ZL_E_TRANSIENT);
    assert_false(seen.owner_gone);
    stop(&server);
}

static void test_a_live_pod_settles_it_by_whose_it_is(void **state)
{
    (void)state;
    struct server server = {.row = &ROWS[0], .other_lives = true};
    struct zl_seen seen;
    start(&server);
    assert_int_equal(look(&server, "uid-a", &seen), ZL_OK);
    assert_true(seen.queue.other_has_turn);
    assert_int_equal(seen.queue.turn, ZL_TURN_ANOTHERS);
    assert_int_equal(server.reads, 2); /* its own, and the turn's: no more of the queue */
    assert_int_equal(look(&server, "uid-b", &seen), ZL_OK);
    assert_false(seen.queue.other_has_turn);
    assert_int_equal(server.reads, 1);
    assert_int_equal(look(&server, NULL, &seen), ZL_OK);
    assert_false(seen.queue.other_has_turn);
    assert_int_equal(server.reads, 1);
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
            zl_owners_note_lost(owners, &ZL_KIND_JOB, &lost);
        }
        if (i == 2) {
            server.row = &LEFT;
            owner.name = name_a;
            owner.uid = uid_a;
            lost.meta.uid = uid_a;
            zl_owners_note_lost(owners, &ZL_KIND_JOB, &lost);
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
        cmocka_unit_test(test_a_job_that_was_deleted_is_gone),
        cmocka_unit_test(test_nothing_is_taken_for_over_when_the_api_server_fails),
        cmocka_unit_test(test_a_live_pod_settles_it_by_whose_it_is),
        cmocka_unit_test(test_a_job_that_memory_lost_is_gone_or_has_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
