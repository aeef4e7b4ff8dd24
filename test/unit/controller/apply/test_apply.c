/* SPDX-License-Identifier: Apache-2.0 */
/* Steps carried out against a scripted API server: what is sent, and what a failure stops. */
#include "controller/apply/apply.h"

#include "controller/observe/definition_note.h"
#include "controller/reconcile/strategy.h"
#include "controller/traffic_director/pool_routes.h"
#include "test/unit/rollout_scene.h"
#include "test/unit/script.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define LEASE_OBJECT(holder)                                                                       \
    "{\"metadata\":{\"namespace\":\"shop\",\"name\":\"zen-lead-web\",\"uid\":\"l\","               \
    "\"resourceVersion\":\"7\",\"annotations\":{"                                                  \
    "\"zen-lead.io/holder-pod\":\"" holder "\",\"zen-lead.io/holder-uid\":\"uid-" holder "\"}},"   \
    "\"spec\":{\"holderIdentity\":\"" holder "_uid-" holder "\"}}"
#define POD(ready)                                                                                 \
    "{\"metadata\":{\"namespace\":\"shop\",\"name\":\"web-a\",\"uid\":\"uid-a\"},\"status\":{"     \
    "\"phase\":\"Running\",\"conditions\":[{\"type\":\"Ready\",\"status\":\"" ready "\"}]}}"
#define LEAVING_POD(state)                                                                         \
    "{\"metadata\":{\"namespace\":\"shop\",\"name\":\"web-a\",\"uid\":\"uid-a\","                  \
    "\"deletionTimestamp\":\"2026-01-01T00:00:00Z\"},\"status\":{\"phase\":\"Running\","           \
    "\"containerStatuses\":[{\"state\":{\"" state "\":{\"exitCode\":0}}}]}}"
#define DENIED "{\"kind\":\"Status\",\"reason\":\"Forbidden\",\"message\":\"not by you\"}"
#define CONFLICT "{\"kind\":\"Status\",\"reason\":\"Conflict\",\"message\":\"changed\"}"

/* The first rule whose method and part of a path fit; the rest is answered with 200 and {}. */
struct rule {
    const char *method, *path;
    int status;
    const char *body;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char sent[4096];        /* "METHOD resource/name\n"; Events are left out */
static char status_sent[8192]; /* the last LeaderPolicy status */
static const struct rule *rules;

/* From ".../namespaces/shop/" on. */
static const char *short_path(const char *path)
{
    const char *found = strstr(path, "/shop/");
    return found != NULL ? found + strlen("/shop/") : path;
}

static void serve(const struct zl_script *script, struct zl_peer_call *call)
{
    (void)script;
    const char *method = zl_peer_method(call);
    const char *path = short_path(zl_peer_path(call));
    const struct rule *rule = rules;
    pthread_mutex_lock(&lock);
    size_t length = strlen(sent);
    if (strncmp(path, "events", strlen("events")) != 0) {
        snprintf(sent + length, sizeof sent - length, "%s %.*s\n", method, (int)strcspn(path, "?"),
                 path);
    }
    if (strstr(path, "/status") != NULL) {
        snprintf(status_sent, sizeof status_sent, "%s", zl_peer_body(call));
    }
    pthread_mutex_unlock(&lock);
    while (rule->method != NULL &&
           (strcmp(rule->method, method) != 0 || strstr(path, rule->path) == NULL)) {
        rule++;
    }
    if (rule->method != NULL) {
        zl_peer_answer(call, rule->status, NULL, rule->body);
    } else {
        zl_peer_answer(call, 200, NULL, "{}");
    }
}

struct hands {
    struct zl_cache *cache;
    struct zl_job_notes notes;
    struct zl_writer writer;
};

/* After apply(): for how long the routes of web-s have been as they should be, if they were for 9 s before. */
static int64_t routed_ms;
static int64_t observe_routed(const struct hands *hands, int64_t now_ms)
{
    return zl_since(hands->writer.sinces, "shop", "web", ZL_TOPIC_ROUTED, "uid-s", now_ms);
}

static void open_hands(struct hands *hands)
{
    static const struct zl_cache_options options = {0};
    memset(hands, 0, sizeof *hands);
    hands->cache = zl_cache_new(zl_the_client, &options);
    hands->writer = (struct zl_writer){.client = zl_the_client,
                                       .cache = hands->cache,
                                       .slices = &ZL_KUBE_ENDPOINTSLICES,
                                       .events = zl_events_new(zl_the_client, "test"),
                                       .clock = zl_claim_clock_new(),
                                       .sinces = zl_sinces_new(8),
                                       .wakes = zl_wakes_new(),
                                       .failovers = zl_failovers_new(),
                                       .job_notes = &hands->notes,
                                       .definition = zl_definition_note_new()};
    (void)observe_routed(hands, 1000);
}

static void close_hands(struct hands *hands)
{
    routed_ms = observe_routed(hands, 10000);
    zl_events_free(hands->writer.events, 2000);
    zl_definition_note_free(hands->writer.definition);
    zl_failovers_free(hands->writer.failovers);
    zl_wakes_free(hands->writer.wakes);
    zl_sinces_free(hands->writer.sinces);
    zl_claim_clock_free(hands->writer.clock);
    zl_job_notes_clear(&hands->notes);
    zl_cache_free(hands->cache);
}

/* No informer runs, so nothing is listed: as if it were. */
static void take_as_listed(struct zl_steps *steps)
{
    for (size_t i = 0; i < steps->count; i++) {
        steps->items[i].proofs &= ~(unsigned)ZL_PROOF_OWNERS_LISTED;
    }
}

/* Plan SCENE as its policy asks for, with routes if TRAFFIC, and carry it out. */
static bool owners_are_listed = true;
static enum zl_status carry_out(struct scene *scene, bool traffic, const struct rule *answers)
{
    struct hands hands;
    struct zl_error err = {0};
    struct zl_traffic_target own[2] = {{0}}, templates[2] = {{0}};
    struct zl_traffic_view where = {
        .own = own, .templates = templates, .count = 1, .services_settled = true};
    ZL_AUTO_STEPS struct zl_steps steps;
    const struct zl_strategy *strategy = zl_strategy_for(&scene->view);
    open_hands(&hands);
    sent[0] = '\0';
    rules = answers;
    zl_play((struct zl_script){.serve = serve});
    scene->view.elects_all = strategy->elects_all;
    zl_steps_begin(&steps, &scene->view);
    zl_strategy_plan(strategy, &scene->view, &steps);
    if (traffic) {
        own[0].workload = templates[0].workload = scene->workloads[0];
        zl_plan_targets(&steps.after, &where);
        zl_plan_pool_routes(&where, &steps);
    }
    if (owners_are_listed) {
        take_as_listed(&steps);
    }
    struct zl_result result = zl_apply(&hands.writer, &steps, &err);
    close_hands(&hands);
    return result.status;
}

/* The same; fails unless WANTED is what was sent. */
static enum zl_status apply(const char *name, struct scene *scene, bool traffic,
                            const struct rule *answers, const char *wanted)
{
    enum zl_status status = carry_out(scene, traffic, answers);
    if (strcmp(sent, wanted) != 0) {
        fail_msg("%s:\n%s--- wanted\n%s", name, sent, wanted);
    }
    return status;
}

/* --- who waits for whom --- */

static void test_pod_that_may_not_be_deleted_keeps_no_status_waiting(void **state)
{
    (void)state;
    static const struct rule answers[] = {
        {"DELETE", "pods/", 403, DENIED}, {"GET", "leases/", 200, LEASE_OBJECT("a")}, {0}};
    struct scene scene;
    set_scene(&scene, &(struct knobs){.none = true, .newest = OLD});
    scene.members[1] = (struct zl_member){
        .pod = &scene.successor, .workload = &scene.deployment, .gatekept = true};
    scene.view.member_count = 2; /* it slipped past the gatekeeper */
    enum zl_status status = apply("surplus", &scene, false, answers,
                                  "GET leases/zen-lead-web\n"
                                  "DELETE pods/web-s\n"
                                  "PATCH leaderpolicies/web/status\n");
    assert_int_equal(status, ZL_E_DENIED);
}

static void test_one_read_of_the_lease_proves_for_all_surplus_pods(void **state)
{
    (void)state;
    static const struct rule answers[] = {{"GET", "leases/", 200, LEASE_OBJECT("a")}, {0}};
    struct scene scene;
    struct zl_pod third = {.meta = {.namespace_ = (char[]){"shop"},
                                    .name = (char[]){"web-t"},
                                    .uid = (char[]){"uid-t"}}};
    struct zl_member members[3];
    set_scene(&scene, &(struct knobs){.none = true, .newest = OLD});
    for (int i = 0; i < 3; i++) {
        const struct zl_pod *const pods[] = {&scene.leader, &scene.successor, &third};
        members[i] =
            (struct zl_member){.pod = pods[i], .workload = &scene.deployment, .gatekept = true};
    }
    scene.view.members = members;
    scene.view.member_count = 3;
    assert_int_equal(apply("two", &scene, false, answers,
                           "GET leases/zen-lead-web\n"
                           "DELETE pods/web-s\n"
                           "DELETE pods/web-t\n"
                           "PATCH leaderpolicies/web/status\n"),
                     ZL_OK);
}

static void test_lease_that_is_newer_than_the_cache_saves_the_pod(void **state)
{
    (void)state;
    static const struct rule answers[] = {{"GET", "leases/", 200, LEASE_OBJECT("s")}, {0}};
    struct scene scene;
    set_scene(&scene, &(struct knobs){.none = true, .newest = OLD});
    scene.members[1] = (struct zl_member){
        .pod = &scene.successor, .workload = &scene.deployment, .gatekept = true};
    scene.view.member_count = 2;
    assert_int_equal(apply("it leads by now", &scene, false, answers,
                           "GET leases/zen-lead-web\n"
                           "PATCH leaderpolicies/web/status\n"),
                     ZL_E_CONFLICT);
}

/* Who asked took the request back, and was told so: a controller whose cache lags does not act on it. */
static void test_a_request_that_was_taken_back_deletes_nobody(void **state)
{
    (void)state;
    static const char request[] = "{\"token\":3,\"until\":\"2026-01-01T00:00:30Z\",\"by\":\"ann\"}";
    static const struct rule answers[] = {{"GET", "leases/", 200, LEASE_OBJECT("a")}, {0}};
    struct scene scene;
    ZL_AUTO_FREE char *text = zl_strdup(request);
    set_scene(&scene, &(struct knobs){.none = true, .newest = OLD});
    scene.lease.request = text;
    assert_int_equal(apply("taken back", &scene, false, answers,
                           "GET leases/zen-lead-web\n"
                           "PATCH leaderpolicies/web/status\n"),
                     ZL_E_CONFLICT);
}

/* A StatefulSet's leader died; the leader Service of an owner before this one is in the way. */
static void set_stuck(struct scene *scene)
{
    static struct zl_container_port port = {.protocol = "TCP", .number = 8080};
    static char uid_set[] = "uid-set", uid_policy[] = "uid-policy";
    static struct zl_pod template_pod = {.ports = &port, .port_count = 1};
    set_scene(scene, &(struct knobs){.seat = DEAD, .none = true, .outdated = true});
    scene->deployment.template_pod = &template_pod;
    scene->deployment.meta.uid = uid_set;
    scene->policy.meta.uid = uid_policy;
}
#define OLD_SERVICE(more)                                                                          \
    "{\"metadata\":{\"namespace\":\"shop\",\"name\":\"web-leader\",\"uid\":\"o\"," more            \
    "\"labels\":{\"app.kubernetes.io/managed-by\":\"zen-lead\",\"zen-lead/pool\":\"web\"},"        \
    "\"ownerReferences\":[{"                                                                       \
    "\"apiVersion\":\"apps/v1\",\"kind\":\"StatefulSet\",\"name\":\"web\",\"uid\":\"before\","     \
    "\"controller\":true}]}}"

static void test_service_that_does_not_go_keeps_no_pod_asleep(void **state)
{
    (void)state;
    static const struct rule stuck[] = {
        {"PATCH", "leases/", 200, LEASE_OBJECT("")},
        {"POST", "services", 409, CONFLICT},
        {"GET", "services/", 200,
         OLD_SERVICE("\"deletionTimestamp\":\"2026-01-01T00:00:00Z\",\"finalizers\":[\"x\"],")},
        {0}};
    static const struct rule stays[] = {{"PATCH", "leases/", 200, LEASE_OBJECT("")},
                                        {"POST", "services", 409, CONFLICT},
                                        {"GET", "services/", 200, OLD_SERVICE("")},
                                        {0}};
    struct scene scene;
    set_stuck(&scene);
    assert_int_equal(apply("somebody's finalizer holds it", &scene, true, stuck,
                           "PATCH leases/zen-lead-web\n"
                           "POST services\n"
                           "GET services/web-leader\n"
                           "POST services\n"
                           "GET services/web-director\n"
                           "PATCH statefulsets/web\n"
                           "PATCH leaderpolicies/web/status\n"),
                     ZL_OK);
    set_stuck(&scene);
    /* Finding 8: it keeps its address. That of "web-director" is a StatefulSet's, and never ours to take. */
    assert_int_equal(apply("its owner was made again: it is adopted", &scene, true, stays,
                           "PATCH leases/zen-lead-web\n"
                           "POST services\n"
                           "GET services/web-leader\n"
                           "POST endpointslices\n"
                           "POST services\n"
                           "GET services/web-director\n"
                           "PATCH statefulsets/web\n"
                           "PATCH services/web-leader\n"
                           "PATCH leaderpolicies/web/status\n"),
                     ZL_OK);
}

/* Finding 4: the watch of slices is silent. */
#define SLICE_OF(service)                                                                          \
    "{\"metadata\":{\"namespace\":\"shop\",\"name\":\"web-leader\",\"uid\":\"s\","                 \
    "\"resourceVersion\":\"41\",\"labels\":{\"endpointslice.kubernetes.io/"                        \
    "managed-by\":\"zen-lead\","                                                                   \
    "\"kubernetes.io/service-name\":\"" service "\"},\"ownerReferences\":[{\"apiVersion\":\"v1\"," \
    "\"kind\":\"Service\",\"name\":\"" service "\",\"uid\":\"u\",\"controller\":true}]},"          \
    "\"addressType\":\"IPv4\",\"endpoints\":[{\"addresses\":[\"10.0.0.9\"]}]}"

static void test_slice_that_the_cache_does_not_show_is_read_and_written(void **state)
{
    (void)state;
    static const struct {
        const char *slice;
        bool written;
    } rows[] = {{SLICE_OF("web-leader"), true}, {SLICE_OF("another"), false}};
    for (size_t i = 0; i < 2; i++) {
        const struct rule answers[] = {{"PATCH", "leases/", 200, LEASE_OBJECT("")},
                                       {"POST", "services", 201, OLD_SERVICE("")},
                                       {"POST", "endpointslices", 409, CONFLICT},
                                       {"GET", "endpointslices/", 200, rows[i].slice},
                                       {0}};
        struct scene scene;
        set_stuck(&scene);
        (void)carry_out(&scene, true, answers);
        if ((strstr(sent, "PUT endpointslices/web-leader") != NULL) != rows[i].written) {
            fail_msg("%zu: %s", i, sent);
        }
    }
}

static void test_nothing_is_done_on_a_lease_that_was_not_written(void **state)
{
    (void)state;
    static const struct rule answers[] = {{"PATCH", "leases/", 409, CONFLICT}, {0}};
    struct scene scene;
    set_stuck(&scene);
    assert_int_equal(
        apply("somebody was first", &scene, true, answers, "PATCH leases/zen-lead-web\n"),
        ZL_E_CONFLICT);
}

static enum zl_status unblock(const char *name, const struct rule *answers, const char *wanted)
{
    struct scene scene;
    set_scene(&scene, &(struct knobs){.none = true, .outdated = true});
    scene.policy.standby = true;
    scene.policy.status.blocked = 2;
    return apply(name, &scene, false, answers, wanted);
}

static void test_status_does_not_forget_who_was_refused_before_they_are_woken(void **state)
{
    (void)state;
    static const struct rule answers[] = {{"PATCH", "statefulsets/", 403, DENIED}, {0}};
    assert_int_equal(unblock("they may not be", answers, "PATCH statefulsets/web\n"), ZL_E_DENIED);
    assert_int_equal(unblock("they are", answers + 1,
                             "PATCH statefulsets/web\n"
                             "PATCH leaderpolicies/web/status\n"),
                     ZL_OK);
    owners_are_listed = false;
    assert_int_equal(unblock("who they are is not known yet", answers + 1, ""), ZL_E_CONFLICT);
    owners_are_listed = true;
}

static void test_labels_that_are_forbidden_are_no_failure_and_stop_each_other(void **state)
{
    (void)state;
    static const struct rule rbac[] = {
        {"PATCH", "pods/", 403,
         "{\"kind\":\"Status\",\"reason\":\"Forbidden\",\"message\":\"pods \\\"web-s\\\" is "
         "forbidden: "
         "User \\\"c\\\" cannot patch resource \\\"pods\\\" in API group \\\"\\\"\"}"},
        {0}};
    static const struct rule answers[] = {{"PATCH", "pods/", 403, DENIED}, {0}};
    struct scene scene;
    set_scene(&scene, &(struct knobs){.unready = true});
    scene.policy.role_label = true;
    assert_int_equal(apply("the follower's is tried", &scene, false, answers,
                           "PATCH pods/web-s\n"
                           "PATCH leaderpolicies/web/status\n"),
                     ZL_OK);
    /* Finding 13: somebody's webhook says 403 as well, and another cure helps. */
    assert_non_null(strstr(status_sent, "\"reason\":\"Refused\""));
    set_scene(&scene, &(struct knobs){.unready = true});
    scene.policy.role_label = true;
    assert_int_equal(apply("RBAC says so", &scene, false, rbac,
                           "PATCH pods/web-s\n"
                           "PATCH leaderpolicies/web/status\n"),
                     ZL_OK);
    assert_non_null(strstr(status_sent, "\"reason\":\"Forbidden\""));
    set_scene(&scene, &(struct knobs){.unready = true});
    scene.policy.role_label = true;
    assert_int_equal(apply("both may be written", &scene, false, answers + 1,
                           "PATCH pods/web-s\n"
                           "PATCH pods/web-a\n"
                           "PATCH leaderpolicies/web/status\n"),
                     ZL_OK);
}

/* --- what is remembered --- */

#define RELEASED                                                                                   \
    {                                                                                              \
        "PATCH", "leases/", 200, LEASE_OBJECT("")                                                  \
    }

static void test_time_of_proxies_begins_when_no_route_has_to_be_written(void **state)
{
    (void)state;
    static const struct rule refused[] = {RELEASED, {"POST", "services", 403, DENIED}, {0}};
    static const struct rule refused_slice[] = {
        RELEASED, {"POST", "endpointslices", 403, DENIED}, {0}};
    static const struct rule lost[] = {{"PATCH", "leases/", 409, CONFLICT}, {0}};
    static const struct rule in_the_way[] = {
        RELEASED,
        {"POST", "services", 409, CONFLICT},
        {"GET", "services/", 200,
         OLD_SERVICE("\"deletionTimestamp\":\"2026-01-01T00:00:00Z\",\"finalizers\":[\"x\"],")},
        {0}};
    static const struct rule fine[] = {RELEASED, {0}};
    struct scene scene;

    set_stuck(&scene);
    (void)carry_out(&scene, true, fine);
    assert_int_equal(routed_ms, 0); /* they were written just now */
    set_stuck(&scene);
    (void)carry_out(&scene, true, refused);
    assert_int_equal(routed_ms, 0);
    set_stuck(&scene);
    (void)carry_out(&scene, true, refused_slice);
    assert_int_equal(routed_ms, 0);
    set_stuck(&scene);
    (void)carry_out(&scene, true, in_the_way);
    assert_int_equal(routed_ms, 9000); /* nothing can be routed, so there is nothing to wait for */
    set_stuck(&scene);
    (void)carry_out(&scene, true, lost);
    assert_int_equal(routed_ms, 9000);
}

/* --- what must be proven --- */

static void test_seat_is_taken_away_only_from_a_pod_that_still_is_not_ready(void **state)
{
    (void)state;
    static const struct rule recovered[] = {{"GET", "pods/web-a", 200, POD("True")}, {0}};
    static const struct rule sick[] = {{"GET", "pods/web-a", 200, POD("False")},
                                       {"PATCH", "leases/", 200, LEASE_OBJECT("")},
                                       {"GET", "leases/", 200, LEASE_OBJECT("a")},
                                       {0}};
    const struct knobs knobs = {.none = true, .outdated = true, .unready_s = 15};
    struct scene scene;
    set_scene(&scene, &knobs);
    assert_int_equal(apply("Ready again", &scene, false, recovered, "GET pods/web-a\n"),
                     ZL_E_CONFLICT);
    set_scene(&scene, &knobs);
    assert_int_equal(apply("still not; and a Lease that is not empty saves it", &scene, false, sick,
                           "GET pods/web-a\n"
                           "PATCH leases/zen-lead-web\n"
                           "PATCH statefulsets/web\n"
                           "GET leases/zen-lead-web\n"
                           "PATCH leaderpolicies/web/status\n"),
                     ZL_E_CONFLICT);
}

/* What was planned because its containers had ended is not done to a pod whose containers run. */
static void test_seat_is_taken_away_only_from_a_pod_whose_containers_still_have_ended(void **state)
{
    (void)state;
    static const char runs[] = LEAVING_POD("running"), ended[] = LEAVING_POD("terminated");
    static const struct {
        const char *name;
        bool ended;      /* as the cache has it */
        const char *pod; /* as the API server has it */
        const char *sent;
    } rows[] = {
        {"they had, and run", true, runs, "GET pods/web-a\n"},
        {"they have", true, ended, "GET pods/web-a\nPATCH leases/zen-lead-web\n"},
        {"its node is lost, whatever they did", false, runs,
         "GET pods/web-a\nPATCH leases/zen-lead-web\n"},
        {"its node is lost, and they have by now", false, ended,
         "GET pods/web-a\nPATCH leases/zen-lead-web\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scene scene;
        const struct rule answers[] = {
            {"GET", "pods/web-a", 200, rows[i].pod}, {"PATCH", "leases/", 409, CONFLICT}, {0}};
        set_scene(&scene, &(struct knobs){.seat = LEADER_LEAVING,
                                          .none = true,
                                          .outdated = true,
                                          .unready_s = 45,
                                          .terminating_s = 45});
        scene.leader.ended = rows[i].ended;
        assert_int_equal(apply(rows[i].name, &scene, false, answers, rows[i].sent), ZL_E_CONFLICT);
    }
}

static void test_token_is_reserved_for_a_taker_that_lives_and_a_lease_that_is_known(void **state)
{
    (void)state;
    static const char successor[] =
        "{\"metadata\":{\"namespace\":\"shop\",\"name\":\"web-s\",\"uid\":\"uid-s\"}}";
    static const struct rule gone[] = {{"GET", "pods/", 404, "{}"}, {0}};
    static const struct rule newer[] = {
        {"GET", "pods/", 200, successor},
        {"GET", "leases/", 200,
         "{\"metadata\":{\"name\":\"zen-lead-web\",\"uid\":\"l\",\"resourceVersion\":\"8\"}}"},
        {0}};
    static const struct rule good[] = {{"GET", "pods/", 200, successor},
                                       {"GET", "leases/", 200, LEASE_OBJECT("a")},
                                       {"PATCH", "leases/", 200, LEASE_OBJECT("s")},
                                       {0}};
    struct scene scene;
    set_scene(&scene, &(struct knobs){0});
    assert_int_equal(apply("the taker is gone", &scene, false, gone, "GET pods/web-s\n"),
                     ZL_E_CONFLICT);
    set_scene(&scene, &(struct knobs){0});
    assert_int_equal(apply("the Lease is newer", &scene, false, newer,
                           "GET pods/web-s\n"
                           "GET leases/zen-lead-web\n"),
                     ZL_E_CONFLICT);
    set_scene(&scene, &(struct knobs){0});
    assert_int_equal(
        apply("both are as planned; who lost the seat stays, for the Lease still names it", &scene,
              false, good,
              "GET pods/web-s\n"
              "GET leases/zen-lead-web\n"
              "PATCH leaderpolicies/web/status\n"
              "PATCH leases/zen-lead-web\n"
              "GET leases/zen-lead-web\n"
              "PATCH leaderpolicies/web/status\n"),
        ZL_E_CONFLICT);
}

/* --- reasons --- */

static const char *resume(struct zl_job job, bool cannot_suspend)
{
    static struct zl_asked asked;
    static const struct zl_view no_pool = {0};
    struct hands hands;
    struct zl_error err = {0};
    ZL_AUTO_STEPS struct zl_steps steps;
    const struct zl_step step = {
        .kind = ZL_STEP_RESUME_JOB, .why = ZL_WHY_ITS_TURN, .of.job = &job};
    zl_play((struct zl_script){.status = 200, .body = "{}"});
    open_hands(&hands);
    hands.notes.cannot_suspend = cannot_suspend;
    zl_steps_begin(&steps, &no_pool);
    zl_steps_add(&steps, &step);
    assert_int_equal(zl_apply(&hands.writer, &steps, &err).status, ZL_OK);
    asked = zl_asked();
    close_hands(&hands);
    return asked.sent;
}

/* Finding 12: the cache may not show yet that we suspended it; with the mark gone it would be nobody's to resume. */
static void test_a_job_that_is_let_go_is_resumed_whatever_the_cache_says(void **state)
{
    static char name[] = "b", uid[] = "uid-b", namespace_[] = "shop";
    const struct zl_job job = {.meta = {.namespace_ = namespace_, .name = name, .uid = uid},
                               .queued = true};
    struct zl_job kueues = job;
    kueues.scheduled = true;
    (void)state;
    assert_non_null(strstr(resume(job, false), "\"suspend\":false"));
    assert_non_null(strstr(resume(job, false), "zen-lead.io/queued\":null"));
    assert_null(strstr(resume(job, true), "suspend\""));     /* an old server has no such field */
    assert_null(strstr(resume(kueues, false), "suspend\"")); /* not ours to say */
}

static void test_reasons_say_what_they_are_about(void **state)
{
    (void)state;
    const struct zl_words words = {
        .pool = "web", .pod = "web-a", .other = "web-s", .detail = "{pod}", .number = 15};
    static const struct {
        enum zl_why why;
        const char *text;
    } rows[] = {
        {ZL_WHY_HANDED_OVER, "pod web-s of the newest revision is Ready and leads; the leader "
                             "before it, pod web-a, is deleted (handoverGracePeriodSeconds: 15)"},
        {ZL_WHY_ARMED, "{pod}"}, /* a word is not looked at again */
        {ZL_WHY_LEADER_ELECTED, "pod web-a leads, fencing token 15"},
        {ZL_WHY_ELECTED_AFTER_GONE,
         "pod web-a leads, fencing token 15: pod web-s, which led, is gone"},
        {ZL_WHY_RUNS_ON,
         "pod web-a was deleted and had 15 s to end; by its status its containers still run and "
         "node "
         "web-s is Ready, so it keeps its place in the pool until it is gone; look at the kubelet "
         "of that node, or, if you know that the pod is dead: kubectl delete pod web-a -n {pod} "
         "--grace-period=0 --force"},
        {ZL_WHY_RENEWAL, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ZL_AUTO_FREE char *text = zl_reason_text(rows[i].why, &words);
        assert_string_equal(text, rows[i].text);
    }
    for (int why = 0; why < ZL_WHY_COUNT; why++) {
        const struct zl_reason *reason = zl_reason_of((enum zl_why)why);
        ZL_AUTO_FREE char *text = zl_reason_text((enum zl_why)why, &(struct zl_words){0});
        assert_non_null(reason->name);
        assert_true((reason->event == NULL) == (reason->text == NULL));
        assert_null(strchr(text, '{')); /* no placeholder that nothing stands for */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PEER(test_pod_that_may_not_be_deleted_keeps_no_status_waiting),
        WITH_PEER(test_one_read_of_the_lease_proves_for_all_surplus_pods),
        WITH_PEER(test_lease_that_is_newer_than_the_cache_saves_the_pod),
        WITH_PEER(test_a_request_that_was_taken_back_deletes_nobody),
        WITH_PEER(test_service_that_does_not_go_keeps_no_pod_asleep),
        WITH_PEER(test_slice_that_the_cache_does_not_show_is_read_and_written),
        WITH_PEER(test_nothing_is_done_on_a_lease_that_was_not_written),
        WITH_PEER(test_status_does_not_forget_who_was_refused_before_they_are_woken),
        WITH_PEER(test_labels_that_are_forbidden_are_no_failure_and_stop_each_other),
        WITH_PEER(test_time_of_proxies_begins_when_no_route_has_to_be_written),
        WITH_PEER(test_seat_is_taken_away_only_from_a_pod_that_still_is_not_ready),
        WITH_PEER(test_seat_is_taken_away_only_from_a_pod_whose_containers_still_have_ended),
        WITH_PEER(test_token_is_reserved_for_a_taker_that_lives_and_a_lease_that_is_known),
        WITH_PEER(test_a_job_that_is_let_go_is_resumed_whatever_the_cache_says),
        cmocka_unit_test(test_reasons_say_what_they_are_about),
    };
    zl_kube_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
