/* SPDX-License-Identifier: Apache-2.0 */
/* What is looked up of a leader that does not get out, against a scripted API server. */
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
    static const struct zl_cache_options options = {0};
    (void)state;
    struct zl_job_notes notes = {0};
    struct zl_sources sources = {.client = zl_the_client,
                                 .cache = zl_cache_new(zl_the_client, &options),
                                 .clock = zl_claim_clock_new(),
                                 .sinces = zl_sinces_new(8),
                                 .wakes = zl_wakes_new(),
                                 .ready_clock = zl_ready_clock_new(),
                                 .job_notes = &notes};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        check(&sources, &rows[i]);
    }
    zl_ready_clock_free(sources.ready_clock);
    zl_wakes_free(sources.wakes);
    zl_sinces_free(sources.sinces);
    zl_claim_clock_free(sources.clock);
    zl_cache_free(sources.cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PEER(test_a_leader_that_does_not_get_out_is_dead_only_where_nothing_can_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
