/* SPDX-License-Identifier: Apache-2.0 */
/* An arbiter and clusters that are members, over HTTP: from a LeaderPolicy and a Job to the report of its end. */
#include "controller/fleet/fleet.h"

#include "common/fleet/hub_store.h"
#include "controller/fleet/arbiter.h"
#include "controller/fleet/member.h"
#include "test/unit/hub_peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "test/unit/await.h"

#define LEDGER "/apis/coordination.k8s.io/v1/namespaces/zen-fleet/leases/fleet.cve"
#define POLICIES(ns) "/apis/leadership.kube-zen.io/v1alpha1/namespaces/" ns "/leaderpolicies/p"
#define JOBS(ns) "/apis/batch/v1/namespaces/" ns "/jobs/rotate"
#define POLICY                                                                                     \
    "{'metadata':{'name':'p','namespace':'%s','uid':'%s-p','generation':1},'spec':{'pool':'cve',"  \
    "'maxConcurrentLeaders':1,'leaseDuration':'2m','pauseOnError':true,'heartbeatSeconds':5}}"
#define JOB                                                                                        \
    "{'metadata':{'name':'rotate','namespace':'%s','uid':'%s-j','creationTimestamp':"              \
    "'2026-01-01T00:00:00Z','labels':{'zen-lead/fleet':'cve'}},'spec':{}}"
#define COMPLETE "{'status':{'conditions':[{'type':'Complete','status':'True'}]}}"
#define FAILED                                                                                     \
    "{'status':{'conditions':[{'type':'Failed','status':'True','message':'it gave up'}]}}"

static struct zl_hub_peer *peer;
static struct zl_kube_client *client;
static struct zl_events *events;
static struct zl_arbiter *arbiter;
static struct zl_cluster_member *east, *west;
static int most_active; /* at one moment, by what the hub stored */

static void look_at_ledger(void *ctx, const char *path, const struct cJSON *object)
{
    struct zl_fleet_ledger ledger;
    (void)ctx;
    const char *text = zl_json_text(object, "metadata", "annotations", ZL_FLEET_LEDGER_KEY, NULL);
    if (strcmp(path, LEDGER) != 0 || zl_fleet_ledger_decode(text, &ledger, NULL) != ZL_OK) {
        return;
    }
    most_active = (int)ledger.active_count > most_active ? (int)ledger.active_count : most_active;
    zl_fleet_ledger_clear(&ledger);
}

static struct zl_cluster_member *join(const char *name)
{
    const struct zl_cluster_spec spec = {.hub = client,
                                         .cluster = client,
                                         .name = name,
                                         .hub_namespace = "zen-fleet",
                                         .namespaces = name,
                                         .events = events};
    return zl_cluster_member_start(&spec);
}

static int start(void **state)
{
    (void)state;
    zl_kube_init();
    most_active = 0;
    peer = zl_hub_peer_start();
    client = zl_hub_peer_client(peer);
    zl_hub_peer_watch(peer, look_at_ledger, NULL);
    zl_hub_peer_store(peer, "/apis/leadership.kube-zen.io",
                      "{'versions':[{'version':'v1alpha1'}]}");
    zl_hub_peer_store(peer, "/api/v1/namespaces/kube-system",
                      "{'metadata':{'name':'kube-system','uid':'cluster-uid'}}");
    events = zl_events_new(client, "test");
    arbiter = zl_arbiter_start(client, "zen-fleet", "test");
    return 0;
}

static int stop(void **state)
{
    (void)state;
    zl_cluster_member_stop(east);
    zl_cluster_member_stop(west);
    zl_arbiter_stop(arbiter);
    east = west = NULL;
    arbiter = NULL;
    zl_events_free(events, 0);
    zl_kube_client_free(client);
    zl_hub_peer_stop(peer);
    zl_kube_cleanup();
    return 0;
}

static void store(const char *path, const char *format, const char *namespace_)
{
    const char *place = strstr(format, "%s");
    ZL_AUTO_FREE char *first =
        zl_asprintf("%.*s%s%s", (int)(place - format), format, namespace_, place + 2);
    place = strstr(first, "%s");
    ZL_AUTO_FREE char *text =
        zl_asprintf("%.*s%s%s", (int)(place - first), first, namespace_, place + 2);
    zl_hub_peer_store(peer, path, text);
}

/* The phase that LeaderPolicy says is PHASE. */
static bool phase_is(const char *path, const char *phase)
{
    ZL_AUTO_JSON struct cJSON *policy = zl_hub_peer_read(peer, path);
    return zl_same_string(zl_json_text(policy, "status", "phase", NULL), phase);
}

static bool is_suspended(const char *path)
{
    ZL_AUTO_JSON struct cJSON *job = zl_hub_peer_read(peer, path);
    return zl_json_bool(job, false, "spec", "suspend", NULL);
}

static bool is_started(const char *path)
{
    ZL_AUTO_JSON struct cJSON *job = zl_hub_peer_read(peer, path);
    return zl_json_text(job, "metadata", "annotations", "zen-lead.io/fleet-turn", NULL) != NULL &&
           !zl_json_bool(job, true, "spec", "suspend", NULL);
}

static int64_t counted(const char *what)
{
    struct zl_fleet_ledger ledger;
    ZL_AUTO_JSON struct cJSON *lease = zl_hub_peer_read(peer, LEDGER);
    const char *text = zl_json_text(lease, "metadata", "annotations", ZL_FLEET_LEDGER_KEY, NULL);
    if (lease == NULL || zl_fleet_ledger_decode(text, &ledger, NULL) != ZL_OK) {
        return -1;
    }
    int64_t value = strcmp(what, "done") == 0     ? ledger.counts.done
                    : strcmp(what, "paused") == 0 ? ledger.pause.id
                    : strcmp(what, "gen") == 0
                        ? (ledger.active_count > 0 ? ledger.active[0].gen : 0)
                        : (int64_t)ledger.active_count;
    zl_fleet_ledger_clear(&ledger);
    return value;
}

static void resume(void)
{
    struct zl_hub_lease *lease = NULL;
    struct zl_error err = {0};
    enum zl_status status = ZL_E_CONFLICT;
    while (status == ZL_E_CONFLICT) {
        assert_int_equal(zl_hub_lease_read(client, "zen-fleet", "fleet.cve", &lease, &err), ZL_OK);
        assert_true(zl_fleet_resume(lease->ledger, lease->ledger->pause.id));
        ZL_AUTO_FREE char *text = zl_fleet_ledger_encode(lease->ledger);
        status = zl_hub_lease_put(client, "zen-fleet", "fleet.cve", lease, text, false, NULL, &err);
        zl_hub_lease_free(lease);
    }
    assert_int_equal(status, ZL_OK);
}

static void test_a_job_is_held_until_the_turn_and_its_end_is_the_report(void **state)
{
    (void)state;
    store(POLICIES("east"), POLICY, "east");
    east = join("east");
    AWAIT(phase_is(POLICIES("east"), "Idle"));
    store(JOBS("east"), JOB, "east");
    AWAIT(is_suspended(JOBS("east")) || is_started(JOBS("east")));
    AWAIT(is_started(JOBS("east")));
    AWAIT(phase_is(POLICIES("east"), "Active"));
    ZL_AUTO_JSON struct cJSON *job = zl_hub_peer_read(peer, JOBS("east"));
    assert_in_range(zl_json_i64(job, 0, "spec", "activeDeadlineSeconds", NULL), 60, 114);
    zl_hub_peer_merge(peer, JOBS("east"), COMPLETE);
    AWAIT(counted("done") == 1);
    AWAIT(phase_is(POLICIES("east"), "Idle"));
    assert_int_equal(counted("active"), 0);
}

#define CRONJOB                                                                                    \
    "{'metadata':{'name':'nightly','namespace':'%s','uid':'%s-c','labels':{'zen-lead/fleet':"      \
    "'cve'}},'spec':{},'status':{'active':[{'kind':'Job','name':'rotate'}]}}"
#define JOB_OF_CRONJOB                                                                             \
    "{'metadata':{'name':'rotate','namespace':'%s','uid':'%s-j','creationTimestamp':"              \
    "'2026-01-01T00:00:00Z'},'spec':{}}"

static void test_jobs_of_a_labelled_cronjob_take_turns(void **state)
{
    (void)state;
    store(JOBS("east"), JOB_OF_CRONJOB, "east");
    store("/apis/batch/v1/namespaces/east/cronjobs/nightly", CRONJOB, "east");
    east = join("east");
    store(POLICIES("west"), POLICY, "west");
    west = join("west");
    AWAIT(phase_is(POLICIES("west"), "Idle")); /* there is no LeaderPolicy in east yet */
    ZL_AUTO_JSON struct cJSON *alone = zl_hub_peer_read(peer, JOBS("east"));
    assert_null(zl_json_at(alone, "metadata", "labels", "zen-lead/fleet", NULL));
    store(POLICIES("east"), POLICY, "east");
    AWAIT(is_started(JOBS("east")));
    ZL_AUTO_JSON struct cJSON *job = zl_hub_peer_read(peer, JOBS("east"));
    assert_string_equal(zl_json_text(job, "metadata", "labels", "zen-lead/fleet", NULL), "cve");
    zl_hub_peer_merge(peer, JOBS("east"), COMPLETE);
    AWAIT(counted("done") == 1);
}

static void test_one_of_two_acts_a_failure_pauses_and_who_resumes_lets_the_other_go_on(void **state)
{
    (void)state;
    store(POLICIES("east"), POLICY, "east");
    store(POLICIES("west"), POLICY, "west");
    store(JOBS("east"), JOB, "east");
    east = join("east");
    AWAIT(is_started(JOBS("east")));
    store(JOBS("west"), JOB, "west");
    west = join("west");
    AWAIT(phase_is(POLICIES("west"), "Waiting"));
    zl_hub_peer_merge(peer, JOBS("east"), FAILED);
    AWAIT(counted("paused") == 1);
    AWAIT(counted("active") == 0);
    assert_false(is_started(JOBS("west")));
    resume();
    AWAIT(is_started(JOBS("west")));
    zl_hub_peer_merge(peer, JOBS("west"), COMPLETE);
    AWAIT(counted("done") == 1);
    assert_int_equal(most_active, 1);
}

static void test_a_new_process_resumes_the_turn_of_the_one_before(void **state)
{
    (void)state;
    store(POLICIES("east"), POLICY, "east");
    store(JOBS("east"), JOB, "east");
    east = join("east");
    AWAIT(is_started(JOBS("east")));
    AWAIT(phase_is(POLICIES("east"), "Active"));
    zl_cluster_member_stop(east); /* it says nothing to the hub */
    east = join("east");
    AWAIT(counted("gen") == 2);
    zl_hub_peer_merge(peer, JOBS("east"), COMPLETE);
    AWAIT(counted("done") == 1);
}

static void test_options_that_cannot_work_are_refused_by_name(void **state)
{
    (void)state;
    struct zl_error err = {0};
    struct zl_fleet *fleet = NULL;
    struct zl_fleet_options options = {.cluster_name = "east"};
    assert_int_equal(zl_fleet_start(&options, NULL, "x", &fleet, &err), ZL_E_INVALID);
    assert_non_null(strstr(err.message, "--fleet-hub-kubeconfig"));
    options = (struct zl_fleet_options){.hub_kubeconfig = "/nowhere"};
    assert_int_equal(zl_fleet_start(&options, NULL, "x", &fleet, &err), ZL_E_INVALID);
    assert_non_null(strstr(err.message, "--cluster-name"));
    options = (struct zl_fleet_options){.hub_kubeconfig = "/nowhere", .cluster_name = "East_1"};
    assert_int_equal(zl_fleet_start(&options, NULL, "x", &fleet, &err), ZL_E_INVALID);
    options.cluster_name = "east";
    options.cluster_labels = "tier";
    assert_int_equal(zl_fleet_start(&options, NULL, "x", &fleet, &err), ZL_E_INVALID);
    assert_non_null(strstr(err.message, "--cluster-labels: \"tier\": say name=value"));
    options = (struct zl_fleet_options){.cluster_labels = "tier=canary"};
    assert_int_equal(zl_fleet_start(&options, NULL, "x", &fleet, &err), ZL_E_INVALID);
    assert_non_null(strstr(err.message, "--cluster-labels: say with --cluster-name"));
    options = (struct zl_fleet_options){
        .arbiter = true, .nothing_else = true, .cluster_name = "east", .hub_kubeconfig = "/x"};
    assert_int_equal(zl_fleet_start(&options, NULL, "x", &fleet, &err), ZL_E_INVALID);
    assert_non_null(strstr(err.message, "--fleet-arbiter-only"));
    options = (struct zl_fleet_options){0}; /* and without any there is nothing */
    assert_int_equal(zl_fleet_start(&options, NULL, "x", &fleet, &err), ZL_OK);
    assert_null(fleet);
}

#define OVER_HTTP(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        OVER_HTTP(test_a_job_is_held_until_the_turn_and_its_end_is_the_report),
        OVER_HTTP(test_jobs_of_a_labelled_cronjob_take_turns),
        OVER_HTTP(test_one_of_two_acts_a_failure_pauses_and_who_resumes_lets_the_other_go_on),
        OVER_HTTP(test_a_new_process_resumes_the_turn_of_the_one_before),
        cmocka_unit_test(test_options_that_cannot_work_are_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
