/* SPDX-License-Identifier: Apache-2.0 */
/* Which pods of Jobs wait for their cluster's turn. */
#include "webhook/gatekeeper/fleet_job.h"

#include "test/unit/object_peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define JOB "/apis/batch/v1/namespaces/shop/jobs/rotate"
#define POLICIES "/apis/leadership.kube-zen.io/v1alpha1/namespaces/shop/leaderpolicies"
#define JOB_WITH(labels, annotations)                                                              \
    "{'metadata':{'name':'rotate','uid':'u','labels':{" labels "},'annotations':{" annotations "}" \
    "}"                                                                                            \
    "}"
#define LABEL "'zen-lead/fleet':'cve'"
#define LIST_OF(pool) "{'metadata':{},'items':[{'spec':{'pool':'" pool "'}}]}"

static char job_kind[] = "Job", api_version[] = "batch/v1", job_name[] = "rotate", uid[] = "u";
static char other_kind[] = "ReplicaSet", other_version[] = "apps/v1";

static struct zl_object_peer *peer;
static struct zl_gatekeeper gatekeeper;

static int start(void **state)
{
    (void)state;
    peer = zl_object_peer_start();
    gatekeeper = (struct zl_gatekeeper){.client = zl_object_peer_client(peer), .fleets = true};
    return 0;
}

static int stop(void **state)
{
    (void)state;
    zl_kube_client_free(gatekeeper.client);
    zl_object_peer_stop(peer);
    return 0;
}

/* What becomes of a pod of that owner; the name of the fleet that it waits for, "" when it does not. */
static const char *verdict(struct zl_controller_ref owner, enum zl_status *status)
{
    static char text[64];
    struct zl_error err = {0};
    bool waits = false;
    ZL_AUTO_FREE char *pool = zl_strdup("");
    const struct zl_request request = {
        .namespace_ = "shop", .owner = &owner, .deadline_ms = zl_clock_ms() + 5000};
    *status = zl_fleet_job_waits(&gatekeeper, &request, &waits, &pool, &err);
    (void)snprintf(text, sizeof text, "%s", waits ? pool : "");
    return text;
}

static const struct zl_controller_ref A_JOB = {
    .api_version = api_version, .kind = job_kind, .name = job_name, .uid = uid};

static void test_a_labelled_job_waits_until_it_is_started(void **state)
{
    (void)state;
    enum zl_status status = ZL_OK;
    zl_object_peer_put(peer, "GET", JOB, 200, JOB_WITH(LABEL, ""));
    zl_object_peer_put(peer, "GET", POLICIES, 200, LIST_OF("cve"));
    assert_string_equal(verdict(A_JOB, &status), "cve");
    assert_int_equal(status, ZL_OK);
    zl_object_peer_put(peer, "GET", JOB, 200, JOB_WITH(LABEL, "'zen-lead.io/fleet-turn':'7'"));
    assert_string_equal(verdict(A_JOB, &status), "");
    assert_int_equal(status, ZL_OK);
}

static void test_a_label_whose_policy_is_not_there_does_nothing(void **state)
{
    (void)state;
    enum zl_status status = ZL_OK;
    zl_object_peer_put(peer, "GET", JOB, 200, JOB_WITH(LABEL, ""));
    zl_object_peer_put(peer, "GET", POLICIES, 200, LIST_OF("another"));
    assert_string_equal(verdict(A_JOB, &status), "");
    assert_int_equal(status, ZL_OK);
    zl_object_peer_put(peer, "GET", POLICIES, 404, "{}"); /* not even its definition */
    assert_string_equal(verdict(A_JOB, &status), "");
    assert_int_equal(status, ZL_OK);
}

#define CRONJOB(version) "/apis/batch/" version "/namespaces/shop/cronjobs/nightly"
#define OF_CRONJOB                                                                                 \
    "{'metadata':{'name':'rotate','uid':'u','ownerReferences':[{'apiVersion':'batch/v1','kind':"   \
    "'CronJob','name':'nightly','uid':'c','controller':true}]}}"

static void test_a_job_of_a_labelled_cronjob_waits(void **state)
{
    (void)state;
    enum zl_status status = ZL_OK;
    zl_object_peer_put(peer, "GET", JOB, 200, OF_CRONJOB);
    zl_object_peer_put(peer, "GET", POLICIES, 200, LIST_OF("cve"));
    zl_object_peer_put(peer, "GET", CRONJOB("v1"), 200, JOB_WITH(LABEL, ""));
    assert_string_equal(verdict(A_JOB, &status), "cve");
    zl_object_peer_put(peer, "GET", CRONJOB("v1"), 200, JOB_WITH("", ""));
    assert_string_equal(verdict(A_JOB, &status), "");
    assert_int_equal(status, ZL_OK);
    zl_object_peer_put(peer, "GET", CRONJOB("v1"), 404, "{}"); /* before 1.21 */
    zl_object_peer_put(peer, "GET", CRONJOB("v1beta1"), 200, JOB_WITH(LABEL, ""));
    assert_string_equal(verdict(A_JOB, &status), "cve");
    zl_object_peer_put(peer, "GET", CRONJOB("v1beta1"), 404, "{}");
    assert_string_equal(verdict(A_JOB, &status), "");
    assert_int_equal(status, ZL_OK);
    zl_object_peer_put(peer, "GET", CRONJOB("v1"), 500, "{}");
    (void)verdict(A_JOB, &status);
    assert_int_equal(status, ZL_E_TRANSIENT);
}

static void test_other_pods_and_other_webhooks_ask_nothing(void **state)
{
    (void)state;
    enum zl_status status = ZL_OK;
    const struct zl_controller_ref other = {
        .api_version = other_version, .kind = other_kind, .name = job_name, .uid = uid};
    assert_string_equal(verdict(other, &status), "");
    gatekeeper.fleets = false; /* without --fleet */
    assert_string_equal(verdict(A_JOB, &status), "");
    assert_int_equal(zl_object_peer_calls(peer), 0);
    gatekeeper.fleets = true;
    zl_object_peer_put(peer, "GET", JOB, 200, JOB_WITH("", ""));
    assert_string_equal(verdict(A_JOB, &status), "");
    assert_int_equal(zl_object_peer_calls(peer), 1);
}

static void test_who_cannot_be_asked_decides_nothing(void **state)
{
    (void)state;
    enum zl_status status = ZL_OK;
    zl_object_peer_put(peer, "GET", JOB, 500, "{}");
    (void)verdict(A_JOB, &status);
    assert_int_equal(status, ZL_E_TRANSIENT);
    zl_object_peer_put(peer, "GET", JOB, 200, JOB_WITH(LABEL, ""));
    zl_object_peer_put(peer, "GET", POLICIES, 403, "{}");
    (void)verdict(A_JOB, &status);
    assert_int_equal(status, ZL_E_DENIED);
}

#define WITH_PEER_OF(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PEER_OF(test_a_labelled_job_waits_until_it_is_started),
        WITH_PEER_OF(test_a_label_whose_policy_is_not_there_does_nothing),
        WITH_PEER_OF(test_a_job_of_a_labelled_cronjob_waits),
        WITH_PEER_OF(test_other_pods_and_other_webhooks_ask_nothing),
        WITH_PEER_OF(test_who_cannot_be_asked_decides_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
