/* SPDX-License-Identifier: Apache-2.0 */
/* A cluster is added to a hub, removed from it, its turn is taken away, and its work reports: by what is stored then. */
#include "client/fleet/clusters.h"

#include "client/fleet/report.h"
#include "common/base/memory.h"
#include "common/fleet/hub_store.h"
#include "common/objects/names.h"
#include "test/unit/hub_peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LEASES "/apis/coordination.k8s.io/v1/namespaces/zen-fleet/leases/"

static struct zl_hub_peer *peer;
static struct zl_kube_client *client;
static struct zl_fleet_hub hub;
static struct zl_error err;
static FILE *out;
static char *printed;
static size_t printed_size;
static char server[] = "https://hub.example:6443", ca[] = "PEM";
static const struct zl_kube_config CONFIG = {.server = server, .ca_pem = ca};

static int start(void **state)
{
    (void)state;
    zl_kube_init();
    peer = zl_hub_peer_start();
    client = zl_hub_peer_client(peer);
    hub = (struct zl_fleet_hub){.client = client, .config = &CONFIG, .namespace_ = "zen-fleet"};
    out = open_memstream(&printed, &printed_size);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    (void)fclose(out);
    free(printed);
    zl_kube_client_free(client);
    zl_hub_peer_stop(peer);
    zl_kube_cleanup();
    return 0;
}

static const char *output(void)
{
    (void)fflush(out);
    return printed;
}

static void store_lease(const char *name, const char *key, const char *text)
{
    ZL_AUTO_FREE char *path = zl_asprintf(LEASES "%s", name);
    ZL_AUTO_FREE char *object =
        zl_asprintf("{'metadata':{'name':'%s','annotations':{'%s':'%s'}}}", name, key, text);
    zl_hub_peer_store(peer, path, object);
}

static bool is_stored(const char *name)
{
    ZL_AUTO_FREE char *path = zl_asprintf(LEASES "%s", name);
    ZL_AUTO_JSON struct cJSON *object = zl_hub_peer_read(peer, path);
    return object != NULL;
}

/* The same text without comments and "---" at the beginning. */
static char *read_manifest(const char *path)
{
    char line[512];
    char *text = NULL;
    size_t size = 0;
    FILE *file = fopen(path, "r");
    FILE *into = open_memstream(&text, &size);
    if (file == NULL || into == NULL) {
        fail_msg("%s cannot be read: run it from the root of the tree", path);
        abort();
    }
    while (fgets(line, sizeof line, file) != NULL) {
        if (line[strspn(line, " ")] != '#') {
            (void)fputs(line, into);
        }
    }
    (void)fclose(into);
    (void)fclose(file);
    return text;
}

static void test_add_prints_the_manifests_of_hub_member_with_the_name(void **state)
{
    (void)state;
    ZL_AUTO_FREE char *manifest = read_manifest("manifests/fleet/hub-member/member.yaml");
    assert_int_equal(zl_fleet_add("zen-fleet", "example-cluster", out, &err), ZL_OK);
    assert_string_equal(output(), manifest);
    assert_int_equal(zl_fleet_add("fleets", "east", out, &err), ZL_OK);
    assert_non_null(strstr(output() + strlen(manifest), "resourceNames: [turn.east]"));
    assert_non_null(strstr(output() + strlen(manifest), "namespace: fleets\n"));
    assert_null(strstr(output() + strlen(manifest), "example"));
    assert_int_equal(zl_fleet_add("zen-fleet", "East; rm", out, &err), ZL_E_INVALID);
}

static void test_credentials_are_a_kubeconfig_with_the_clusters_token(void **state)
{
    (void)state;
    assert_int_equal(zl_fleet_credentials(&hub, "east", out, &err), ZL_E_NOT_FOUND);
    assert_non_null(strstr(err.message, "fleet add east"));
    zl_hub_peer_store(peer, "/api/v1/namespaces/zen-fleet/secrets/member.east",
                      "{'metadata':{'name':'member.east'},'data':{'token':'c2VjcmV0'}}");
    assert_int_equal(zl_fleet_credentials(&hub, "east", out, &err), ZL_OK);
    assert_non_null(strstr(output(), "\"token\":\"secret\""));
    assert_non_null(strstr(output(), "\"server\":\"https://hub.example:6443\""));
    assert_non_null(strstr(output(), "\"certificate-authority-data\":\"UEVN\""));
}

static void test_remove_deletes_both_leases_but_not_of_one_that_has_a_slot(void **state)
{
    (void)state;
    store_lease("member.east", ZL_FLEET_MEMBER_KEY, "{}");
    store_lease("turn.east", ZL_FLEET_TURN_KEY, "{}");
    store_lease("fleet.p", ZL_FLEET_LEDGER_KEY,
                "{\\'active\\':[{\\'cluster\\':\\'east\\',\\'token\\':5,\\'limitMs\\':60000}]}");
    assert_int_equal(zl_fleet_remove(&hub, "east", out, &err), ZL_E_NOT_FOUND);
    assert_non_null(strstr(err.message, "has a turn in fleet p"));
    assert_non_null(strstr(err.message, "61 s"));
    assert_true(is_stored("member.east"));
    store_lease("fleet.p", ZL_FLEET_LEDGER_KEY, "{\\'n\\':1}");
    assert_int_equal(zl_fleet_remove(&hub, "east", out, &err), ZL_OK);
    assert_false(is_stored("member.east"));
    assert_false(is_stored("turn.east"));
    assert_true(is_stored("fleet.p"));
    assert_int_equal(zl_fleet_remove(&hub, "east", out, &err), ZL_OK); /* it is gone */
}

static void test_release_needs_force_and_ends_the_turn_that_the_ledger_has(void **state)
{
    (void)state;
    assert_int_equal(zl_fleet_release(&hub, "p", "east", true, out, &err), ZL_E_NOT_FOUND);
    store_lease(
        "fleet.p", ZL_FLEET_LEDGER_KEY,
        "{\\'active\\':[{\\'cluster\\':\\'east\\',\\'token\\':5,\\'state\\':\\'Active\\'}]}");
    store_lease("turn.east", ZL_FLEET_TURN_KEY,
                "{\\'pools\\':{\\'p\\':{\\'state\\':\\'Active\\',\\'token\\':5,\\'gen\\':1}}}");
    assert_int_equal(zl_fleet_release(&hub, "p", "east", false, out, &err), ZL_E_INVALID);
    assert_non_null(strstr(err.message, "more than N may act"));
    assert_int_equal(zl_fleet_release(&hub, "p", "east", true, out, &err), ZL_OK);
    struct zl_hub_lease *lease = NULL;
    assert_int_equal(zl_hub_lease_read(client, "zen-fleet", "turn.east", &lease, &err), ZL_OK);
    assert_int_equal(lease->turns.items[0].ended_token, 5);
    assert_int_equal(lease->turns.items[0].outcome, ZL_FLEET_RELEASED);
    assert_int_equal(lease->turns.items[0].state, ZL_FLEET_IDLE);
    zl_hub_lease_free(lease);
}

#define POLICY "/apis/leadership.kube-zen.io/v1alpha1/namespaces/ops/leaderpolicies/cve"

static enum zl_status report(enum zl_fleet_wish_kind kind, int64_t token)
{
    const struct zl_fleet_report_wish wish = {.kind = kind, .token = token, .reason = "no space"};
    return zl_fleet_report_write(client, "ops", "p", &wish, out, &err);
}

static void expect_annotations(const char *want, const char *said)
{
    ZL_AUTO_JSON struct cJSON *policy = zl_hub_peer_read(peer, POLICY);
    const struct cJSON *annotations = zl_json_at(policy, "metadata", "annotations", NULL);
    assert_true(zl_same_string(zl_json_text(annotations, ZL_KEY_FLEET_WANT, NULL), want));
    assert_true(zl_same_string(zl_json_text(annotations, ZL_KEY_FLEET_REPORT, NULL), said));
}

static void test_work_asks_and_reports_of_the_turn_that_status_shows(void **state)
{
    (void)state;
    assert_int_equal(report(ZL_WISH_REQUEST, 0), ZL_E_NOT_FOUND);
    assert_non_null(strstr(err.message, "no LeaderPolicy of fleet p in namespace ops"));
    zl_hub_peer_store(
        peer, POLICY,
        "{'metadata':{'name':'cve'},'spec':{'pool':'p'},'status':{'phase':'Waiting'}}");
    assert_int_equal(report(ZL_WISH_REQUEST, 0), ZL_OK);
    expect_annotations("true", NULL);
    assert_int_equal(report(ZL_WISH_DONE, 0), ZL_E_NOT_FOUND);
    assert_non_null(strstr(err.message, "it is Waiting"));
    assert_int_equal(report(ZL_WISH_FAILED, 4), ZL_OK);
    expect_annotations(NULL, "4 failed no space");
    zl_hub_peer_merge(peer, POLICY, "{'status':{'phase':'Active','turn':{'token':7}}}");
    assert_int_equal(report(ZL_WISH_DONE, 0), ZL_OK);
    expect_annotations(NULL, "7 done");
    assert_int_equal(report(ZL_WISH_REQUEST, 0), ZL_OK); /* the old report goes */
    expect_annotations("true", NULL);
}

static void expect_answer(const char *accept, const char *decline)
{
    ZL_AUTO_JSON struct cJSON *policy = zl_hub_peer_read(peer, POLICY);
    const struct cJSON *annotations = zl_json_at(policy, "metadata", "annotations", NULL);
    assert_true(zl_same_string(zl_json_text(annotations, ZL_KEY_FLEET_ACCEPT, NULL), accept));
    assert_true(zl_same_string(zl_json_text(annotations, ZL_KEY_FLEET_DECLINE, NULL), decline));
}

static void test_accept_names_the_turn_that_it_follows_and_ends_a_decline(void **state)
{
    (void)state;
    zl_hub_peer_store(peer, POLICY, "{'metadata':{'name':'cve'},'spec':{'pool':'p'}}");
    assert_int_equal(report(ZL_WISH_ACCEPT, 0), ZL_OK);
    expect_answer("0", NULL); /* its first turn */
    assert_int_equal(report(ZL_WISH_DECLINE, 0), ZL_OK);
    expect_answer(NULL, "no space");
    zl_hub_peer_merge(peer, POLICY, "{'status':{'lastToken':7}}");
    assert_int_equal(report(ZL_WISH_ACCEPT, 0), ZL_OK);
    expect_answer("7", NULL);
    expect_annotations(NULL, NULL);
}

static void test_extend_names_the_turn_as_it_is(void **state)
{
    (void)state;
    zl_hub_peer_store(peer, POLICY, "{'metadata':{'name':'cve'},'spec':{'pool':'p'}}");
    assert_int_equal(report(ZL_WISH_EXTEND, 0), ZL_E_NOT_FOUND);
    assert_non_null(strstr(err.message, "has no turn (it is new)"));
    zl_hub_peer_merge(peer, POLICY, "{'status':{'turn':{'token':7,'generation':2}}}");
    assert_int_equal(report(ZL_WISH_EXTEND, 0), ZL_OK);
    ZL_AUTO_JSON struct cJSON *policy = zl_hub_peer_read(peer, POLICY);
    assert_string_equal(zl_json_text(policy, "metadata", "annotations", ZL_KEY_FLEET_EXTEND, NULL),
                        "7 2");
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_add_prints_the_manifests_of_hub_member_with_the_name),
        CASE(test_credentials_are_a_kubeconfig_with_the_clusters_token),
        CASE(test_remove_deletes_both_leases_but_not_of_one_that_has_a_slot),
        CASE(test_extend_names_the_turn_as_it_is),
        CASE(test_accept_names_the_turn_that_it_follows_and_ends_a_decline),
        CASE(test_work_asks_and_reports_of_the_turn_that_status_shows),
        CASE(test_release_needs_force_and_ends_the_turn_that_the_ledger_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
