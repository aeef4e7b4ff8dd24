/* SPDX-License-Identifier: Apache-2.0 */
/* What is looked up of a leader and of its Job, against a scripted API server. */
#include "controller/view/gather.h"

#include "common/base/clock.h"
#include "controller/view/looks.h"
#include "test/unit/script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define LEASE_S 15
#define LEAVING "\"deletionTimestamp\":\"2026-01-01T00:00:00Z\",\"deletionGracePeriodSeconds\":30,"
/* A pod of a ReplicaSet that is gone. */
#define POD(more, spec, ready, state)                                                              \
    "{\"metadata\":{" more "\"namespace\":\"shop\",\"name\":\"web-a\",\"uid\":\"uid-a\","          \
    "\"ownerReferences\":[{\"apiVersion\":\"apps/v1\",\"kind\":\"ReplicaSet\",\"name\":\"rs\","    \
    "\"uid\":\"uid-rs\",\"controller\":true}]},\"spec\":{" spec "},\"status\":{"                   \
    "\"phase\":\"Running\",\"conditions\":[{\"type\":\"Ready\",\"status\":\"" ready "\"}],"        \
    "\"containerStatuses\":[{\"state\":{" state "}}]}}"
#define BOUND "\"nodeName\":\"n1\""
#define RUNS "\"running\":{}"
#define ENDED "\"terminated\":{\"exitCode\":0}"
#define NODE(ready)                                                                                \
    "{\"metadata\":{\"name\":\"n1\"},\"status\":{\"conditions\":["                                 \
    "{\"type\":\"Ready\",\"status\":\"" ready "\"}]}}"

static const char *pod_answer, *node_answer;
static int node_status, node_asked;

static void serve(const struct zl_script *script, struct zl_peer_call *call)
{
    (void)script;
    const char *path = zl_peer_path(call);
    if (strstr(path, "/pods/web-a") != NULL) {
        zl_peer_answer(call, 200, NULL, pod_answer);
    } else if (strstr(path, "/nodes/n1") != NULL) {
        node_asked++;
        zl_peer_answer(call, node_status, NULL, node_answer);
    } else {
        zl_peer_answer(call, 404, NULL, "{\"kind\":\"Status\",\"reason\":\"NotFound\"}");
    }
}

struct row {
    const char *name;
    int64_t terminating_s;
    bool elects_all;
    const char *pod;
    int node_status;
    const char *node;
    enum zl_status status;
    int asked;
    bool runs_on;
};

static struct zl_policy policy = {.meta = {.namespace_ = (char[]){"shop"}, .name = (char[]){"web"}},
                                  .lease_duration_s = LEASE_S};
static struct zl_lease lease = {.namespace_ = (char[]){"shop"},
                                .pool = (char[]){"web"},
                                .resource_version = (char[]){"7"},
                                .holder_identity = (char[]){"web-a_uid-a"},
                                .holder_pod = (char[]){"web-a"},
                                .holder_uid = (char[]){"uid-a"},
                                .duration_s = LEASE_S};

struct place {
    struct zl_job_notes notes;
    struct zl_sources sources;
};

static void open_place(struct place *place)
{
    static const struct zl_cache_options options = {0};
    memset(place, 0, sizeof *place);
    place->sources = (struct zl_sources){.client = zl_the_client,
                                         .cache = zl_cache_new(zl_the_client, &options),
                                         .clock = zl_claim_clock_new(),
                                         .sinces = zl_sinces_new(8),
                                         .wakes = zl_wakes_new(),
                                         .ready_clock = zl_ready_clock_new(),
                                         .job_notes = &place->notes};
}

static void close_place(struct place *place)
{
    zl_ready_clock_free(place->sources.ready_clock);
    zl_wakes_free(place->sources.wakes);
    zl_sinces_free(place->sources.sinces);
    zl_claim_clock_free(place->sources.clock);
    zl_cache_free(place->sources.cache);
}

static void check(const struct zl_sources *sources, const struct row *row)
{
    ZL_AUTO_GATHERED struct zl_gathered known;
    struct zl_error err = {0};
    zl_view_gather_cached(sources->cache, "shop", "web", &known);
    known.view.policy = &policy;
    known.view.lease = &lease;
    known.view.elects_all = row->elects_all;
    (void)zl_since(sources->sinces, "shop", "web", ZL_TOPIC_TERMINATING, "uid-a",
                   zl_clock_ms() - row->terminating_s * 1000);
    pod_answer = row->pod;
    node_answer = row->node;
    node_status = row->node_status;
    node_asked = 0;
    zl_play((struct zl_script){.serve = serve});
    enum zl_status status = zl_view_look(sources, &known, ZL_LOOK_HOLDER | ZL_LOOK_ROLLOUT, &err);
    zl_since_forget(sources->sinces, "shop", "web");
    if (status != row->status || node_asked != row->asked ||
        known.view.holder_runs_on != row->runs_on) {
        fail_msg("%s: %s %s, node asked for %d times, runs on: %d", row->name,
                 zl_status_name(status), err.message, node_asked, known.view.holder_runs_on);
    }
}

static void test_a_leader_that_does_not_get_out_is_dead_only_where_nothing_can_run(void **state)
{
    static const char leaving[] = POD(LEAVING, BOUND, "False", RUNS);
    static const char denied[] = "{\"kind\":\"Status\",\"reason\":\"Forbidden\"}";
    static const struct row rows[] = {
        {"its time is over, its node is Ready", 46, false, leaving, 200, NODE("True"), ZL_OK, 1,
         true},
        {"its node's kubelet does not report", 46, false, leaving, 200, NODE("Unknown"), ZL_OK, 1,
         false},
        {"its node is not Ready", 46, false, leaving, 200, NODE("False"), ZL_OK, 1, false},
        {"its node is gone", 46, false, leaving, 404, "{}", ZL_OK, 1, false},
        {"without rights in the cluster time decides", 46, false, leaving, 403, denied, ZL_OK, 1,
         false},
        {"nothing is decided while it cannot be asked", 46, false, leaving, 500, "{}",
         ZL_E_TRANSIENT, 1, false},
        {"its containers have ended", 46, false, POD(LEAVING, BOUND, "False", ENDED), 200,
         NODE("True"), ZL_OK, 0, false},
        {"it was never bound", 46, false, POD(LEAVING, "", "False", RUNS), 200, NODE("True"), ZL_OK,
         0, false},
        {"within grace and lease duration", 40, false, leaving, 200, NODE("True"), ZL_OK, 0, false},
        {"it still serves", 46, false, POD(LEAVING, BOUND, "True", RUNS), 200, NODE("True"), ZL_OK,
         0, false},
        {"it stays", 46, false, POD("", BOUND, "False", RUNS), 200, NODE("True"), ZL_OK, 0, false},
        {"standby: the next one leads beside it", 46, true, leaving, 200, NODE("True"), ZL_OK, 0,
         false},
    };
    struct place place;
    open_place(&place);
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        check(&place.sources, &rows[i]);
    }
    close_place(&place);
}

#define UNREADY_SINCE(time) POD("", BOUND, "False\",\"lastTransitionTime\":\"" time, RUNS)

/* Finding 13: it was Ready between two looks, while the watch was cut. */
static void test_another_transition_is_another_spell_without_ready(void **state)
{
    static const struct {
        const char *pod;
        bool goes_on;
    } rows[] = {{UNREADY_SINCE("2026-01-01T00:00:00Z"), true},
                {UNREADY_SINCE("2026-01-01T00:00:07Z"), false}};
    struct place place;
    open_place(&place);
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        ZL_AUTO_GATHERED struct zl_gathered known;
        struct zl_error err = {0};
        zl_view_gather_cached(place.sources.cache, "shop", "web", &known);
        known.view.policy = &policy;
        known.view.lease = &lease;
        pod_answer = rows[i].pod;
        zl_play((struct zl_script){.serve = serve});
        (void)zl_since(place.sources.sinces, "shop", "web", ZL_TOPIC_UNREADY,
                       "uid-a@1767225600000000", zl_clock_ms() - 60000);
        assert_int_equal(
            zl_view_look(&place.sources, &known, ZL_LOOK_HOLDER | ZL_LOOK_ROLLOUT, &err), ZL_OK);
        assert_int_equal(known.view.unready_ms >= 60000, rows[i].goes_on);
    }
    close_place(&place);
}

/* --- Jobs --- */

static int v1_status, beta_status;
static const char *cronjob_answer;

static void serve_cronjob(const struct zl_script *script, struct zl_peer_call *call)
{
    (void)script;
    bool is_v1 = strstr(zl_peer_path(call), "/batch/v1/") != NULL;
    const int status = is_v1 ? v1_status : beta_status;
    zl_peer_answer(call, status, NULL,
                   status == 200 ? cronjob_answer
                                 : "{\"kind\":\"Status\",\"reason\":\"NotFound\"}");
}

#define CRONJOB(uid, pool)                                                                         \
    "{\"metadata\":{\"namespace\":\"shop\",\"name\":\"nightly\",\"uid\":\"" uid                    \
    "\",\"labels\":{" pool "}},\"spec\":{}}"
#define LABEL "\"zen-lead/pool\":\"batch\""

/* Finding 13: the cache knows no CronJob at all. */
static void test_a_jobs_pool_is_read_from_the_cronjob_that_is_there_now(void **state)
{
    static const struct {
        const char *name;
        int v1, beta;
        const char *cronjob, *pool;
    } rows[] = {
        {"labelled", 200, 404, CRONJOB("uid-c", LABEL), "batch"},
        {"labelled, of an old server", 404, 200, CRONJOB("uid-c", LABEL), "batch"},
        {"without label", 200, 404, CRONJOB("uid-c", ""), NULL},
        {"made again under its name", 200, 404, CRONJOB("another", LABEL), NULL},
        {"gone", 404, 404, "", NULL},
    };
    struct zl_job job = {.meta = {.namespace_ = (char[]){"shop"},
                                  .name = (char[]){"nightly-1"},
                                  .uid = (char[]){"uid-j"},
                                  .controller = {.api_version = (char[]){"batch/v1"},
                                                 .kind = (char[]){"CronJob"},
                                                 .name = (char[]){"nightly"},
                                                 .uid = (char[]){"uid-c"}}}};
    struct place place;
    open_place(&place);
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ZL_AUTO_FREE char *pool = NULL;
        struct zl_error err = {0};
        v1_status = rows[i].v1;
        beta_status = rows[i].beta;
        cronjob_answer = rows[i].cronjob;
        zl_play((struct zl_script){.serve = serve_cronjob});
        enum zl_status status = zl_view_read_pool_of_job(&place.sources, &job, &pool, &err);
        if (status != ZL_OK || !zl_same_string(pool, rows[i].pool)) {
            fail_msg("%s: %s %s, pool %s", rows[i].name, zl_status_name(status), err.message,
                     pool != NULL ? pool : "none");
        }
    }
    close_place(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PEER(test_a_leader_that_does_not_get_out_is_dead_only_where_nothing_can_run),
        WITH_PEER(test_another_transition_is_another_spell_without_ready),
        WITH_PEER(test_a_jobs_pool_is_read_from_the_cronjob_that_is_there_now),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
