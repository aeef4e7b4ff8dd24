/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole review, from its JSON to what was written, while memory and the API server say different things. A small API
 * server keeps one workload and the Leases of two pools, "a" and "bb"; memory knows what its first lists said.
 */
#include "common/base/buf.h"
#include "common/base/limits.h"
#include "test/unit/peer.h"
#include "webhook/gatekeeper/gatekeeper.h"

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "test/unit/await.h"

#define JSON_TYPE "Content-Type: application/json\r\n"
#define NOT_FOUND                                                                                  \
    "{\"kind\":\"Status\",\"status\":\"Failure\",\"reason\":\"NotFound\",\"code\":404}"
#define CONFLICT "{\"kind\":\"Status\",\"status\":\"Failure\",\"reason\":\"Conflict\",\"code\":409}"
#define APPS "/apis/apps/v1/namespaces/shop/"
#define JOB_PATH "/apis/batch/v1/namespaces/shop/jobs/job"
#define POLICIES "/apis/coordination.kube-zen.io/v1alpha1/namespaces/shop/leaderpolicies/"
#define LEASES "/apis/coordination.k8s.io/v1/namespaces/shop/leases"
#define LIST_OF(items) "{\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[" items "]}"

#define META(name, uid, more)                                                                      \
    "\"metadata\":{\"namespace\":\"shop\",\"name\":\"" name "\",\"uid\":\"" uid                    \
    "\",\"resourceVersion\":\"5\"" more "}"
#define OWNED_BY(api, kind, name, uid)                                                             \
    ",\"ownerReferences\":[{\"apiVersion\":\"" api "\",\"kind\":\"" kind "\",\"name\":\"" name     \
    "\",\"uid\":\"" uid "\",\"controller\":true}]"
#define WEB_OF(uid, labels, replicas)                                                              \
    "{" META("web", uid, ",\"labels\":{" labels "}") ",\"spec\":{\"replicas\":" replicas           \
                                                     ",\"selector\":{\"matchLabels\":{\"app\":"    \
                                                     "\"web\"}}}}"
#define IN(pool) "\"zen-lead/pool\":\"" pool "\""
#define WEB(pool, replicas) WEB_OF("uid-w", IN(pool), replicas)
#define JOB(pool) "{" META("job", "uid-j", ",\"labels\":{" IN(pool) "}") ",\"spec\":{}}"
#define REPLICASET                                                                                 \
    "{" META("web-1", "uid-r",                                                                     \
             ",\"annotations\":{\"deployment.kubernetes.io/revision\":\"1\"}" OWNED_BY(            \
                 "apps/v1", "Deployment", "web", "uid-w")) ",\"spec\":{\"replicas\":3}}"
#define POLICY(name, mode)                                                                         \
    "{" META(name, "uid-p-" name, "") ",\"spec\":{\"followerMode\":\"" mode                        \
                                      "\"},\"status\":{\"fencingToken\":40}}"
#define UNTOUCHED(name)                                                                            \
    "{" META(name, "uid-p-" name, "") ",\"spec\":{\"followerMode\":\"scaleDown\"}}"
#define RELEASED(pool)                                                                             \
    "{" META("zen-lead-" pool, "uid-l-" pool,                                                      \
             ",\"annotations\":{\"zen-lead.io/fencing-token\":\"40\","                             \
             "\"zen-lead.io/released-token\":\"40\"}") ",\"spec\":{}}"

#define EMPTIED_BY_HAND                                                                            \
    "{" META("zen-lead-a", "uid-l-a",                                                              \
             ",\"annotations\":{\"zen-lead.io/fencing-token\":\"40\"}") ",\"spec\":{}}"

#define STATUS_OF(pool) "PATCH " POLICIES pool "/status\n"
#define LEASE_OF(pool) "PATCH " LEASES "/zen-lead-" pool "\n"

/* Of a Deployment's or a Job's pod. */
struct scene {
    const char *name;
    const char *known, *seen;       /* the workload or Job in memory and live; SEEN NULL: gone */
    const char *known_policies;     /* items of a list */
    const char *a, *bb;             /* the policies, live; NULL: there is none */
    const char *lease_a, *lease_bb; /* live; NULL: there is none */
    bool of_job, dry_run;
    enum zl_outcome outcome;
    const char *pool;   /* that the answer names */
    const char *writes; /* "METHOD path\n" of each, in order, without queries */
};

#define BLOCKS(pool) POLICY(pool, "scaleDown")
#define STANDS_BY(pool) POLICY(pool, "standby")
#define BOTH BLOCKS("a") "," BLOCKS("bb")

static const struct scene SCENES[] = {
    {.name = "nothing has changed",
     .known = WEB("a", "3"),
     .seen = WEB("a", "3"),
     .known_policies = BOTH,
     .a = BLOCKS("a"),
     .lease_a = RELEASED("a"),
     .outcome = ZL_OUTCOME_CLAIMED,
     .pool = "a",
     .writes = STATUS_OF("a") LEASE_OF("a")},
    {.name = "one replica in a became three in bb",
     .known = WEB("a", "1"),
     .seen = WEB("bb", "3"),
     .known_policies = BOTH,
     .a = BLOCKS("a"),
     .bb = BLOCKS("bb"),
     .lease_a = RELEASED("a"),
     .lease_bb = RELEASED("bb"),
     .outcome = ZL_OUTCOME_CLAIMED,
     .pool = "bb",
     .writes = STATUS_OF("bb") LEASE_OF("bb")},
    {.name = "the same, and memory knows nothing of bb",
     .known = WEB("a", "1"),
     .seen = WEB("bb", "3"),
     .known_policies = BLOCKS("a"),
     .a = BLOCKS("a"),
     .bb = BLOCKS("bb"),
     .lease_a = RELEASED("a"),
     .lease_bb = RELEASED("bb"),
     .outcome = ZL_OUTCOME_CLAIMED,
     .pool = "bb",
     .writes = STATUS_OF("bb") LEASE_OF("bb")},
    {.name = "the same, and bb never had a leader: its Lease is made, marked, and then taken",
     .known = WEB("a", "1"),
     .seen = WEB("bb", "3"),
     .known_policies = BOTH,
     .a = BLOCKS("a"),
     .bb = UNTOUCHED("bb"),
     .lease_a = RELEASED("a"),
     .outcome = ZL_OUTCOME_CLAIMED,
     .pool = "bb",
     .writes = "POST " LEASES "\n" LEASE_OF("bb") STATUS_OF("bb") LEASE_OF("bb")},
    {.name = "three replicas in a moved to bb while a had no leader",
     .known = WEB("a", "3"),
     .seen = WEB("bb", "3"),
     .known_policies = BOTH,
     .a = BLOCKS("a"),
     .bb = BLOCKS("bb"),
     .lease_a = RELEASED("a"),
     .lease_bb = RELEASED("bb"),
     .outcome = ZL_OUTCOME_CLAIMED,
     .pool = "bb",
     .writes = STATUS_OF("bb") LEASE_OF("bb")},
    {.name = "out of a standby pool into one that blocks",
     .known = WEB("a", "3"),
     .seen = WEB("bb", "3"),
     .known_policies = STANDS_BY("a") "," BLOCKS("bb"),
     .a = STANDS_BY("a"),
     .bb = BLOCKS("bb"),
     .lease_bb = RELEASED("bb"),
     .outcome = ZL_OUTCOME_CLAIMED,
     .pool = "bb",
     .writes = STATUS_OF("bb") LEASE_OF("bb")},
    {.name = "out of a pool that blocks into a standby one",
     .known = WEB("a", "1"),
     .seen = WEB("bb", "3"),
     .known_policies = BLOCKS("a") "," STANDS_BY("bb"),
     .a = BLOCKS("a"),
     .bb = STANDS_BY("bb"),
     .lease_a = RELEASED("a"),
     .outcome = ZL_OUTCOME_STANDBY,
     .pool = "bb",
     .writes = ""},
    {.name = "into a pool without LeaderPolicy",
     .known = WEB("a", "1"),
     .seen = WEB("bb", "3"),
     .known_policies = BOTH,
     .a = BLOCKS("a"),
     .lease_a = RELEASED("a"),
     .outcome = ZL_OUTCOME_POLICY_MISSING,
     .pool = "bb",
     .writes = ""},
    {.name = "the pool was switched from standby to scaleDown",
     .known = WEB("a", "3"),
     .seen = WEB("a", "3"),
     .known_policies = STANDS_BY("a"),
     .a = BLOCKS("a"),
     .lease_a = RELEASED("a"),
     .outcome = ZL_OUTCOME_CLAIMED,
     .pool = "a",
     .writes = STATUS_OF("a") LEASE_OF("a")},
    {.name = "the same, for a workload that was scaled up with it",
     .known = WEB("a", "1"),
     .seen = WEB("a", "3"),
     .known_policies = STANDS_BY("a"),
     .a = BLOCKS("a"),
     .lease_a = RELEASED("a"),
     .outcome = ZL_OUTCOME_CLAIMED,
     .pool = "a",
     .writes = STATUS_OF("a") LEASE_OF("a")},
    {.name = "the pool was switched from scaleDown to standby",
     .known = WEB("a", "3"),
     .seen = WEB("a", "3"),
     .known_policies = BLOCKS("a"),
     .a = STANDS_BY("a"),
     .lease_a = RELEASED("a"),
     .outcome = ZL_OUTCOME_STANDBY,
     .pool = "a",
     .writes = ""},
    {.name = "the LeaderPolicy was made a moment ago",
     .known = WEB("a", "3"),
     .seen = WEB("a", "3"),
     .known_policies = BLOCKS("bb"),
     .a = BLOCKS("a"),
     .lease_a = RELEASED("a"),
     .outcome = ZL_OUTCOME_CLAIMED,
     .pool = "a",
     .writes = STATUS_OF("a") LEASE_OF("a")},
    {.name = "the LeaderPolicy was deleted a moment ago",
     .known = WEB("a", "3"),
     .seen = WEB("a", "3"),
     .known_policies = BLOCKS("a"),
     .lease_a = RELEASED("a"),
     .outcome = ZL_OUTCOME_POLICY_MISSING,
     .pool = "a",
     .writes = ""},
    {.name = "its pool has a name that is none, and a slash in it",
     .known = WEB("team/web", "3"),
     .seen = WEB("team/web", "3"),
     .known_policies = BOTH,
     .outcome = ZL_OUTCOME_POLICY_MISSING,
     .pool = "team/web",
     .writes = ""},
    {.name = "its pool is called ..",
     .known = WEB("..", "3"),
     .seen = WEB("..", "3"),
     .known_policies = BOTH,
     .outcome = ZL_OUTCOME_POLICY_MISSING,
     .pool = "..",
     .writes = ""},
    {.name = "its pool is called as the Lease by which controllers elect one",
     .known = WEB("controller-leader-election", "3"),
     .seen = WEB("controller-leader-election", "3"),
     .known_policies = BLOCKS("controller-leader-election"),
     .a = BLOCKS("controller-leader-election"),
     .bb = BLOCKS("controller-leader-election"),
     .outcome = ZL_OUTCOME_POLICY_MISSING,
     .pool = "controller-leader-election",
     .writes = ""},
    {.name = "it has left its pool",
     .known = WEB("a", "1"),
     .seen = WEB_OF("uid-w", "", "3"),
     .known_policies = BLOCKS("a"),
     .a = BLOCKS("a"),
     .lease_a = RELEASED("a"),
     .outcome = ZL_OUTCOME_NOT_IN_POOL,
     .pool = "a",
     .writes = ""},
    {.name = "it was deleted",
     .known = WEB("a", "1"),
     .known_policies = BLOCKS("a"),
     .a = BLOCKS("a"),
     .lease_a = RELEASED("a"),
     .outcome = ZL_OUTCOME_OWNER_GONE,
     .pool = "a",
     .writes = ""},
    {.name = "it was deleted, and another one has its name",
     .known = WEB("a", "1"),
     .seen = WEB_OF("uid-new", IN("a"), "1"),
     .known_policies = BLOCKS("a"),
     .a = BLOCKS("a"),
     .lease_a = RELEASED("a"),
     .outcome = ZL_OUTCOME_OWNER_GONE,
     .pool = "a",
     .writes = ""},
    {.name = "a dry run writes nothing, not even a Lease",
     .known = WEB("a", "3"),
     .seen = WEB("a", "3"),
     .known_policies = BLOCKS("a"),
     .a = UNTOUCHED("a"),
     .dry_run = true,
     .outcome = ZL_OUTCOME_CLAIMED,
     .pool = "a",
     .writes = ""},
    {.name = "a Job moved out of a standby pool",
     .known = JOB("a"),
     .seen = JOB("bb"),
     .known_policies = STANDS_BY("a") "," BLOCKS("bb"),
     .a = STANDS_BY("a"),
     .bb = BLOCKS("bb"),
     .lease_bb = RELEASED("bb"),
     .of_job = true,
     .outcome = ZL_OUTCOME_CLAIMED,
     .pool = "bb",
     .writes = STATUS_OF("bb") LEASE_OF("bb")},
    {.name = "a Job moved while its old pool had no turn",
     .known = JOB("a"),
     .seen = JOB("bb"),
     .known_policies = BOTH,
     .a = BLOCKS("a"),
     .bb = BLOCKS("bb"),
     .lease_a = RELEASED("a"),
     .lease_bb = RELEASED("bb"),
     .of_job = true,
     .outcome = ZL_OUTCOME_CLAIMED,
     .pool = "bb",
     .writes = STATUS_OF("bb") LEASE_OF("bb")},
};

struct server {
    const struct scene *scene;
    const char *known_leases, *known_pods; /* items of lists */
    const char *live_pods;                 /* a list; NULL: an empty one */
    const char *live_leader;               /* pod "leader"; NULL: there is none */
    bool losing;                           /* every swap of a Lease comes too late */
    bool losing_tokens;                    /* every swap of a policy's status, too */
    bool endless;                          /* a list of pods has always one page more */
    int failing_policy_read;               /* that one of POLICY_READS fails; 0: none */
    int slow_ms;                           /* before each answer about one namespace */
    bool can_blind;
    atomic_bool blind;     /* with CAN_BLIND: no watch is opened, and those that are end */
    pthread_mutex_t mutex; /* for what follows */
    char *made;            /* a Lease that was created or swapped */
    char *writes;
    char *pods_query; /* of the last list of pods */
    int lease_reads, owner_reads, policy_reads;
    int reads; /* of single objects and within the namespace, all of them */
    struct zl_peer *peer;
    struct zl_kube_client *client;
    struct zl_cache *cache;
    struct zl_gatekeeper gatekeeper;
};

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

static char *first_list(const struct server *server, const char *path)
{
    const struct scene *scene = server->scene;
    bool of_kind = scene->of_job ? starts_with(path, "/apis/batch/v1/jobs")
                                 : starts_with(path, "/apis/apps/v1/deployments");
    const char *items = of_kind                                   ? scene->known
                        : strstr(path, "/leaderpolicies") != NULL ? scene->known_policies
                        : strstr(path, "/leases") != NULL         ? server->known_leases
                        : starts_with(path, "/api/v1/pods")       ? server->known_pods
                                                                  : NULL;
    return zl_asprintf("%s%s]}", "{\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[",
                       items != NULL ? items : "");
}

/* One object, or a list within the namespace; NULL: there is none. */
static const char *live_object(const struct server *server, const char *path)
{
    const struct scene *scene = server->scene;
    if (strcmp(path, APPS "deployments/web") == 0 || strcmp(path, JOB_PATH) == 0) {
        return scene->seen;
    }
    if (strcmp(path, APPS "replicasets/web-1") == 0) {
        return REPLICASET;
    }
    if (starts_with(path, APPS "replicasets?")) {
        return LIST_OF(REPLICASET);
    }
    if (starts_with(path, APPS "deployments?") || starts_with(path, APPS "statefulsets?")) {
        return LIST_OF(""); /* who shares the pool: nobody */
    }
    if (starts_with(path, POLICIES)) {
        return strcmp(path, POLICIES "a") == 0 ? scene->a : scene->bb;
    }
    if (starts_with(path, LEASES "/")) {
        return server->made != NULL                      ? server->made
               : strcmp(path, LEASES "/zen-lead-a") == 0 ? scene->lease_a
                                                         : scene->lease_bb;
    }
    if (strcmp(path, "/api/v1/namespaces/shop/pods/leader") == 0) {
        return server->live_leader;
    }
    const char *pods = server->live_pods != NULL ? server->live_pods : LIST_OF("");
    return starts_with(path, "/api/v1/namespaces/shop/pods?") ? pods : NULL;
}

/* The Lease as it was sent, with what the API server adds. */
static char *stored_lease(const char *sent)
{
    struct zl_error err = {0};
    ZL_AUTO_JSON struct cJSON *object = NULL;
    assert_int_equal(zl_json_parse(sent, strlen(sent), &object, &err), ZL_OK);
    struct cJSON *metadata = zl_json_child(object, "metadata");
    zl_json_set_text(metadata, "uid", "uid-l-made");
    zl_json_set_text(metadata, "resourceVersion", "6");
    return zl_json_print(object);
}

static void answer_write(struct server *server, struct zl_peer_call *call, const char *path)
{
    char *writes = zl_asprintf("%s%s %.*s\n", server->writes != NULL ? server->writes : "",
                               zl_peer_method(call), (int)strcspn(path, "?"), path);
    bool lease = starts_with(path, LEASES);
    free(server->writes);
    server->writes = writes;
    if (lease && server->losing) {
        zl_peer_answer(call, 409, JSON_TYPE, CONFLICT);
    } else if (!lease && server->losing_tokens) {
        zl_peer_answer(call, 409, JSON_TYPE, CONFLICT);
    } else if (lease) {
        free(server->made);
        server->made = stored_lease(zl_peer_body(call));
        zl_peer_answer(call, 200, JSON_TYPE, server->made);
    } else {
        zl_peer_answer(call, 200, JSON_TYPE, "{}");
    }
}

static void answer_read(struct server *server, struct zl_peer_call *call, const char *path)
{
    if (strstr(path, "/namespaces/") == NULL) {
        ZL_AUTO_FREE char *list = first_list(server, path);
        zl_peer_answer(call, 200, JSON_TYPE, list);
        return;
    }
    const char *body = live_object(server, path);
    if (strstr(path, "/pods?") != NULL) {
        zl_replace_string(&server->pods_query, path);
        body = server->endless ? "{\"metadata\":{\"resourceVersion\":\"9\",\"continue\":\"more\"},"
                                 "\"items\":[]}"
                               : body;
    }
    server->reads++;
    server->lease_reads += starts_with(path, LEASES "/");
    server->owner_reads += strcmp(path, APPS "deployments/web") == 0;
    server->policy_reads += starts_with(path, POLICIES);
    if (starts_with(path, POLICIES) && server->policy_reads == server->failing_policy_read) {
        zl_peer_answer(call, 500, JSON_TYPE, "{}");
        return;
    }
    zl_peer_answer(call, body != NULL ? 200 : 404, JSON_TYPE, body != NULL ? body : NOT_FOUND);
}

/* Hold a watch open, without a word, until it is to be cut. */
static void hold_watch(struct server *server, struct zl_peer_call *call)
{
    if (atomic_load(&server->blind)) {
        zl_peer_answer(call, 503, JSON_TYPE, "{}");
        return;
    }
    if (!server->can_blind) {
        zl_peer_hold(call);
        return;
    }
    zl_peer_begin(call, 200);
    while (!atomic_load(&server->blind)) {
        (void)poll(NULL, 0, 5);
    }
    zl_peer_cut(call);
}

static void serve(void *ctx, struct zl_peer_call *call)
{
    struct server *server = ctx;
    const char *path = zl_peer_path(call);
    if (strstr(path, "watch=") != NULL) {
        hold_watch(server, call);
        return;
    }
    if (strstr(path, "/namespaces/") != NULL && server->slow_ms > 0) {
        (void)poll(NULL, 0, server->slow_ms);
    }
    (void)pthread_mutex_lock(&server->mutex);
    if (strcmp(zl_peer_method(call), "GET") == 0) {
        answer_read(server, call, path);
    } else {
        answer_write(server, call, path);
    }
    (void)pthread_mutex_unlock(&server->mutex);
}

static void start(struct server *server)
{
    const struct zl_cache_options options = {.watch = ZL_WATCH_CLUSTER};
    struct zl_error err = {0};
    (void)pthread_mutex_init(&server->mutex, NULL);
    server->peer = zl_peer_start(serve, server);
    struct zl_kube_config config = {.server = zl_peer_url(server->peer)};
    assert_int_equal(zl_kube_client_new(&config, "test", &server->client, &err), ZL_OK);
    free(config.server);
    server->cache = zl_cache_new(server->client, &options);
    zl_cache_start_pools(server->cache);
    assert_true(zl_cache_wait_synced(server->cache, NULL, NULL));
    /* Whatever became of interest while it was listed is listed once more. */
    AWAIT(zl_cache_is_settled(server->cache, ZL_CACHED_PODS, "shop"));
    AWAIT(zl_cache_is_settled(server->cache, ZL_CACHED_JOBS, "shop"));
    server->gatekeeper =
        (struct zl_gatekeeper){.client = server->client,
                               .cache = server->cache,
                               .owners = zl_owners_new(server->client, server->cache),
                               .clock = zl_claim_clock_new(),
                               .deadline_ms = 5000,
                               .claim_timeout_ms = 5000};
}

static void stop(struct server *server)
{
    zl_cache_free(server->cache);
    zl_owners_free(server->gatekeeper.owners);
    zl_claim_clock_free(server->gatekeeper.clock);
    zl_kube_client_free(server->client);
    zl_peer_stop(server->peer);
    (void)pthread_mutex_destroy(&server->mutex);
    free(server->made);
    free(server->writes);
    free(server->pods_query);
}

#define REVIEW_OF(owner, dry_run)                                                                  \
    "{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\",\"request\":{\"uid\":"   \
    "\"1\",\"operation\":\"CREATE\",\"namespace\":\"shop\",\"resource\":{\"group\":\"\","          \
    "\"version\":\"v1\",\"resource\":\"pods\"},\"dryRun\":" dry_run                                \
    ",\"object\":{\"metadata\":{\"name\":\"pod\",\"uid\":\"uid-pod\"" owner "}}}}"
#define OF_WEB OWNED_BY("apps/v1", "ReplicaSet", "web-1", "uid-r")
#define OF_JOB OWNED_BY("batch/v1", "Job", "job", "uid-j")

/* @param pool  as zl_gatekeeper_decide */
static enum zl_outcome review_pod(struct server *server, char **pool)
{
    struct zl_error err = {0};
    struct zl_review review = {0};
    const char *body = server->scene->of_job    ? REVIEW_OF(OF_JOB, "false")
                       : server->scene->dry_run ? REVIEW_OF(OF_WEB, "true")
                                                : REVIEW_OF(OF_WEB, "false");
    assert_int_equal(zl_review_decode(body, strlen(body), &review, &err), ZL_OK);
    enum zl_outcome outcome = zl_gatekeeper_decide(&server->gatekeeper, &review, pool);
    zl_review_clear(&review);
    return outcome;
}

static void test_what_is_there_now_decides(void **state)
{
    (void)state;
    int failures = 0;
    for (size_t i = 0; i < sizeof SCENES / sizeof SCENES[0]; i++) {
        const struct scene *scene = &SCENES[i];
        struct server server = {.scene = scene};
        ZL_AUTO_FREE char *pool = NULL;
        start(&server);
        enum zl_outcome outcome = review_pod(&server, &pool);
        const char *writes = server.writes != NULL ? server.writes : "";
        if (outcome != scene->outcome || strcmp(pool, scene->pool) != 0 ||
            strcmp(writes, scene->writes) != 0) {
            print_message("%s: outcome %s in pool \"%s\", writes\n%s", scene->name,
                          zl_outcome_name(outcome), pool, writes);
            failures++;
        }
        stop(&server);
    }
    assert_int_equal(failures, 0);
}

#define HELD_BY_LEADER                                                                             \
    "{" META("zen-lead-a", "uid-l-a",                                                              \
             ",\"labels\":{\"app.kubernetes.io/managed-by\":\"zen-lead\"},"                        \
             "\"annotations\":{\"zen-lead.io/fencing-token\":\"40\","                              \
             "\"zen-lead.io/holder-pod\":\"leader\","                                              \
             "\"zen-lead.io/holder-uid\":\"uid-leader\"}") ",\"spec\":{\"holderIdentity\":"        \
                                                           "\"leader_uid-leader\"}}"
#define LEADER "{" META("leader", "uid-leader", OF_WEB) ",\"status\":{\"phase\":\"Running\"}}"

static void test_memory_denies_without_a_look(void **state)
{
    (void)state;
    static const struct scene HELD = {.known = WEB("a", "3"), .known_policies = BLOCKS("a")};
    ZL_AUTO_FREE char *pool = NULL;
    ZL_AUTO_FREE char *again = NULL;
    struct server server = {.scene = &HELD, .known_leases = HELD_BY_LEADER, .known_pods = LEADER};
    start(&server);
    assert_int_equal(review_pod(&server, &pool), ZL_OUTCOME_FOLLOWER);
    int reads = server.reads; /* whose the ReplicaSet is, once */
    assert_int_equal(reads, 1);
    assert_int_equal(review_pod(&server, &again), ZL_OUTCOME_FOLLOWER);
    assert_int_equal(server.reads, reads);
    assert_null(server.writes);
    stop(&server);
}

/* Scaled down to one: its ReplicaSet may not know yet, and a second pod of it may cost the leader its life. */
static void test_a_replicaset_that_wants_one_pod_and_has_it_gets_no_other(void **state)
{
    (void)state;
#define LABELLED(app) ",\"labels\":{\"app\":\"" app "\"}"
#define POD_LEADER(more)                                                                           \
    "{" META("leader", "uid-leader", more) ",\"status\":{\"phase\":\"Running\"}}"
    static const struct {
        const char *name, *leader;
        enum zl_outcome outcome;
    } ROWS[] = {
        {"it leads", POD_LEADER(LABELLED("web") OF_WEB), ZL_OUTCOME_FOLLOWER},
        {"it is on its way out",
         POD_LEADER(",\"deletionTimestamp\":\"2026-01-01T00:00:00Z\"" LABELLED("web") OF_WEB),
         ZL_OUTCOME_SINGLE_REPLICA},
        {"it is gone", NULL, ZL_OUTCOME_SINGLE_REPLICA},
        {"another pod has its name", "{" META("leader", "uid-new", LABELLED("web") OF_WEB) "}",
         ZL_OUTCOME_SINGLE_REPLICA},
        {"it is of the revision before",
         POD_LEADER(LABELLED("web") OWNED_BY("apps/v1", "ReplicaSet", "web-0", "uid-r0")),
         ZL_OUTCOME_SINGLE_REPLICA},
        {"nobody owns it any more", POD_LEADER(LABELLED("web")), ZL_OUTCOME_SINGLE_REPLICA},
        {"it is another workload's",
         POD_LEADER(LABELLED("db") OWNED_BY("apps/v1", "ReplicaSet", "db-1", "uid-db")),
         ZL_OUTCOME_FOLLOWER},
    };
    static const struct scene ONE = {.known = WEB("a", "3"),
                                     .seen = WEB("a", "1"),
                                     .known_policies = BLOCKS("a"),
                                     .a = BLOCKS("a"),
                                     .lease_a = HELD_BY_LEADER};
    int failures = 0;
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        ZL_AUTO_FREE char *pool = NULL;
        struct server server = {.scene = &ONE, .live_leader = ROWS[i].leader};
        start(&server);
        enum zl_outcome outcome = review_pod(&server, &pool);
        if (outcome != ROWS[i].outcome || server.writes != NULL) {
            print_message("%s: outcome %s\n", ROWS[i].name, zl_outcome_name(outcome));
            failures++;
        }
        stop(&server);
    }
    assert_int_equal(failures, 0);
}

/* Nobody is to wait longer for a pool's first leader than need be. */
static void test_a_lease_is_prepared_without_a_new_look_at_the_pool(void **state)
{
    (void)state;
    static const struct scene FIRST = {.known = WEB("a", "3"),
                                       .seen = WEB("a", "3"),
                                       .known_policies = UNTOUCHED("a"),
                                       .a = UNTOUCHED("a")};
    ZL_AUTO_FREE char *pool = NULL;
    struct server server = {.scene = &FIRST};
    start(&server);
    assert_int_equal(review_pod(&server, &pool), ZL_OUTCOME_CLAIMED);
    assert_int_equal(server.lease_reads, 3); /* to make it, to mark it, to take it */
    assert_int_equal(server.owner_reads, 1);
    assert_int_equal(server.policy_reads, 2); /* and the token, after the Lease was made */
    stop(&server);
}

static void test_one_looks_five_times_when_others_are_faster(void **state)
{
    (void)state;
    ZL_AUTO_FREE char *pool = NULL;
    struct server server = {.scene = &SCENES[0], .losing = true};
    start(&server);
    assert_int_equal(review_pod(&server, &pool), ZL_OUTCOME_CLAIM_LOST);
    assert_int_equal(server.lease_reads, 5);
    assert_int_equal(server.owner_reads, 5); /* who was slower starts anew */
    assert_int_equal(server.policy_reads, 5);
    stop(&server);
}

/* It lives, and may be of the pool: until somebody can say, the seat is not given away. */
static void test_a_pod_that_cannot_be_read_whole_lets_nobody_in(void **state)
{
    (void)state;
    struct zl_buf list;
    ZL_AUTO_FREE char *pool = NULL;
    struct server server = {.scene = &SCENES[0]};
    zl_buf_init(&list, 2 * ZL_MIB);
    zl_buf_add_text(&list,
                    "{\"metadata\":{\"resourceVersion\":\"9\"},\"items\":["
                    "{\"metadata\":{\"namespace\":\"shop\",\"name\":\"fat\",\"uid\":\"uid-fat\","
                    "\"ownerReferences\":[");
    while (list.length <= ZL_KEPT_MAX + ZL_KIB) {
        zl_buf_add_text(&list, "{\"uid\":\"no-controller-of-it\"},");
    }
    zl_buf_add_text(&list, "{\"apiVersion\":\"apps/v1\",\"kind\":\"ReplicaSet\",\"name\":\"web-1\","
                           "\"uid\":\"uid-r\",\"controller\":true}]},"
                           "\"status\":{\"phase\":\"Running\"}}]}");
    server.live_pods = list.data;
    start(&server);
    server.gatekeeper.allow_on_api_error =
        true; /* the API server answered: this is not about that */
    assert_int_equal(review_pod(&server, &pool), ZL_OUTCOME_UNDECIDED);
    assert_null(server.writes);
    stop(&server);
    zl_buf_clear(&list);
}

/* Its ReplicaSet is gone and it still runs, on a lost node perhaps: it is adopted, and the pool is not jammed for ever. */
static void test_a_pod_whose_owner_vanished_is_adopted(void **state)
{
    (void)state;
    for (int allows = 0; allows < 2; allows++) {
        ZL_AUTO_FREE char *pool = NULL;
        struct server server = {
            .scene = &SCENES[0],
            .live_pods = LIST_OF("{" META("old", "uid-old",
                                          ",\"deletionTimestamp\":\"2026-01-01T00:00:00Z\","
                                          "\"labels\":{\"app\":\"web\"}" OWNED_BY(
                                              "apps/v1", "ReplicaSet", "web-old",
                                              "uid-gone")) ","
                                                           "\"status\":{\"phase\":\"Running\"}}")};
        start(&server);
        server.gatekeeper.allow_on_api_error = allows == 1;
        assert_int_equal(review_pod(&server, &pool), ZL_OUTCOME_ADOPTED);
        assert_string_equal(server.writes, STATUS_OF("a") LEASE_OF("a"));
        assert_non_null(strstr(server.made, "old_uid-old"));
        stop(&server);
    }
}

/* What is listed is more than the pool's workloads select, where they are many. */
static void test_a_pod_of_no_workload_whose_owner_vanished_is_passed_over(void **state)
{
    (void)state;
    ZL_AUTO_FREE char *pool = NULL;
    struct server server = {
        .scene = &SCENES[0],
        .live_pods = LIST_OF("{" META("old", "uid-old",
                                      ",\"labels\":{\"app\":\"another\"}" OWNED_BY(
                                          "apps/v1", "ReplicaSet", "web-old",
                                          "uid-gone")) ","
                                                       "\"status\":{\"phase\":\"Running\"}}")};
    start(&server);
    assert_int_equal(review_pod(&server, &pool), ZL_OUTCOME_CLAIMED);
    stop(&server);
}

/* Evicted and Completed pods stay, by the thousand. */
static void test_pods_that_are_over_are_not_listed(void **state)
{
    (void)state;
    ZL_AUTO_FREE char *pool = NULL;
    struct server server = {.scene = &SCENES[0]};
    start(&server);
    assert_int_equal(review_pod(&server, &pool), ZL_OUTCOME_CLAIMED);
    assert_non_null(strstr(server.pods_query, "labelSelector=app%3Dweb&"));
    assert_non_null(strstr(server.pods_query,
                           "fieldSelector=status.phase%21%3DSucceeded%2Cstatus.phase%21%3DFailed"));
    stop(&server);
}

/* Not by the names of the Jobs that are known: pods outlive their Job for a moment, and still execute. */
static void test_pods_of_jobs_that_are_gone_are_listed(void **state)
{
    static const struct scene RELEASED_JOB = {.known = JOB("a"),
                                              .seen = JOB("a"),
                                              .known_policies = BLOCKS("a"),
                                              .a = BLOCKS("a"),
                                              .lease_a = RELEASED("a"),
                                              .of_job = true};
    static const struct scene LOST_JOB = {.known = JOB("a"),
                                          .seen = JOB("a"),
                                          .known_policies = BLOCKS("a"),
                                          .a = BLOCKS("a"),
                                          .lease_a = EMPTIED_BY_HAND,
                                          .of_job = true};
    (void)state;
    ZL_AUTO_FREE char *pool = NULL;
    ZL_AUTO_FREE char *again = NULL;
    struct server server = {.scene = &RELEASED_JOB};
    start(&server);
    assert_int_equal(review_pod(&server, &pool), ZL_OUTCOME_CLAIMED);
    assert_non_null(strstr(server.pods_query, "labelSelector=job-name&"));
    stop(&server);

    /* After a loss a pod may live whose Job nobody remembers. */
    server = (struct server){.scene = &LOST_JOB};
    start(&server);
    assert_int_equal(review_pod(&server, &again), ZL_OUTCOME_TURN_PENDING);
    assert_non_null(strstr(server.pods_query, "labelSelector=job-name&"));
    stop(&server);
}

static void test_a_lost_race_for_the_token_is_a_lost_race(void **state)
{
    (void)state;
    ZL_AUTO_FREE char *pool = NULL;
    struct server server = {.scene = &SCENES[0], .losing_tokens = true};
    start(&server);
    server.gatekeeper.allow_on_api_error = true;
    assert_int_equal(review_pod(&server, &pool), ZL_OUTCOME_CLAIM_LOST);
    assert_null(server.made);
    stop(&server);
}

static void test_a_lost_race_stays_one_when_time_runs_out(void **state)
{
    (void)state;
    ZL_AUTO_FREE char *pool = NULL;
    struct server server = {.scene = &SCENES[0], .losing = true, .slow_ms = 100};
    start(&server);
    server.gatekeeper.allow_on_api_error = true;
    server.gatekeeper.deadline_ms =
        2000; /* a look and its claim take seven calls, five of them 3.5 s */
    assert_int_equal(review_pod(&server, &pool), ZL_OUTCOME_CLAIM_LOST);
    stop(&server);
}

static void test_the_deadline_holds_through_pages(void **state)
{
    (void)state;
    ZL_AUTO_FREE char *pool = NULL;
    struct server server = {.scene = &SCENES[0], .endless = true, .slow_ms = 20};
    start(&server);
    server.gatekeeper.deadline_ms = 600;
    int64_t started_ms = zl_clock_ms();
    assert_int_equal(review_pod(&server, &pool), ZL_OUTCOME_UNREACHABLE);
    assert_in_range(zl_clock_ms() - started_ms, 590, 5000);
    assert_null(server.writes);
    stop(&server);
}

static void test_a_failed_read_of_the_token_does_not_restart_the_wait(void **state)
{
    static const struct scene LOST = {.known = WEB("a", "3"),
                                      .seen = WEB("a", "3"),
                                      .known_policies = BLOCKS("a"),
                                      .a = BLOCKS("a"),
                                      .lease_a = EMPTIED_BY_HAND};
    (void)state;
    char *pools[3] = {NULL};
    struct server server = {.scene = &LOST};
    start(&server);
    server.gatekeeper.claim_timeout_ms = 300;
    assert_int_equal(review_pod(&server, &pools[0]), ZL_OUTCOME_CLAIM_PENDING);
    int64_t lost_ms = zl_clock_ms();
    server.failing_policy_read = server.policy_reads + 2; /* the policy's, then the token's */
    assert_int_equal(review_pod(&server, &pools[1]), ZL_OUTCOME_UNREACHABLE);
    AWAIT(zl_clock_ms() - lost_ms >= server.gatekeeper.claim_timeout_ms);
    assert_int_equal(review_pod(&server, &pools[2]), ZL_OUTCOME_CLAIMED);
    for (int i = 0; i < 3; i++) {
        free(pools[i]);
    }
    stop(&server);
}

static bool is_blind(struct server *server)
{
    return zl_cache_not_watching_ms(server->cache, ZL_CACHED_PODS, "shop") > ZL_BLIND_MS;
}

/* The leader died a while ago, and nobody told. */
static void test_memory_that_is_not_watched_denies_nothing(void **state)
{
    static const struct scene DEAD = {.known = WEB("a", "3"),
                                      .seen = WEB("a", "3"),
                                      .known_policies = BLOCKS("a"),
                                      .a = BLOCKS("a"),
                                      .lease_a = RELEASED("a")};
    (void)state;
    ZL_AUTO_FREE char *pool = NULL;
    ZL_AUTO_FREE char *later = NULL;
    struct server server = {
        .scene = &DEAD, .known_leases = HELD_BY_LEADER, .known_pods = LEADER, .can_blind = true};
    start(&server);
    assert_int_equal(review_pod(&server, &pool), ZL_OUTCOME_FOLLOWER);
    atomic_store(&server.blind, true);
    AWAIT(is_blind(&server));
    assert_int_equal(review_pod(&server, &later), ZL_OUTCOME_CLAIMED);
    stop(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_there_now_decides),
        cmocka_unit_test(test_memory_denies_without_a_look),
        cmocka_unit_test(test_a_replicaset_that_wants_one_pod_and_has_it_gets_no_other),
        cmocka_unit_test(test_a_lease_is_prepared_without_a_new_look_at_the_pool),
        cmocka_unit_test(test_one_looks_five_times_when_others_are_faster),
        cmocka_unit_test(test_a_pod_that_cannot_be_read_whole_lets_nobody_in),
        cmocka_unit_test(test_a_pod_whose_owner_vanished_is_adopted),
        cmocka_unit_test(test_a_pod_of_no_workload_whose_owner_vanished_is_passed_over),
        cmocka_unit_test(test_pods_that_are_over_are_not_listed),
        cmocka_unit_test(test_pods_of_jobs_that_are_gone_are_listed),
        cmocka_unit_test(test_a_lost_race_for_the_token_is_a_lost_race),
        cmocka_unit_test(test_a_lost_race_stays_one_when_time_runs_out),
        cmocka_unit_test(test_the_deadline_holds_through_pages),
        cmocka_unit_test(test_a_failed_read_of_the_token_does_not_restart_the_wait),
        cmocka_unit_test(test_memory_that_is_not_watched_denies_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
