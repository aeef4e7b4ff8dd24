/* SPDX-License-Identifier: Apache-2.0 */
/* FleetLock's two requests, answered by what the hub stores. */
#include "controller/fleet/fleet_lock.h"

#include "common/base/monitor.h"
#include "common/fleet/hub_store.h"
#include "test/unit/hub_peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define LEASE "/apis/coordination.k8s.io/v1/namespaces/zen-fleet/leases/reboots.default"

enum { NODES = 12, SLOTS = 2 };

static struct zl_hub_peer *peer;
static struct zl_kube_client *client;
static struct zl_fleet_lock *lock;
static size_t most; /* at one moment, by what the hub stored */

static void look(void *ctx, const char *path, const struct cJSON *object)
{
    struct zl_fleet_reboots reboots;
    (void)ctx;
    const char *text = zl_json_text(object, "metadata", "annotations", ZL_FLEET_REBOOTS_KEY, NULL);
    if (strcmp(path, LEASE) == 0 && zl_fleet_reboots_decode(text, &reboots, NULL) == ZL_OK) {
        most = reboots.count > most ? reboots.count : most;
        zl_fleet_reboots_clear(&reboots);
    }
}

static int start(void **state)
{
    (void)state;
    zl_kube_init();
    most = 0;
    peer = zl_hub_peer_start();
    client = zl_hub_peer_client(peer);
    zl_hub_peer_watch(peer, look, NULL);
    return zl_fleet_lock_new(client, "zen-fleet", "default=2,one=1", &lock, NULL) == ZL_OK ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    zl_fleet_lock_free(lock);
    zl_kube_client_free(client);
    zl_hub_peer_stop(peer);
    zl_kube_cleanup();
    return 0;
}

/* The status of the answer; BODY, which the caller frees, may be NULL. */
static int post(const char *path, const char *header, const char *text, char **body)
{
    struct zl_http_response response = {.status = 200};
    const struct zl_http_request request = {.method = "POST",
                                            .path = path,
                                            .fleet_lock = header,
                                            .body = text,
                                            .body_length = strlen(text)};
    zl_fleet_lock_answer(lock, &request, &response);
    if (body != NULL) {
        *body = response.body;
    } else {
        free(response.body);
    }
    return response.status;
}

static int ask(const char *path, const char *group, const char *id)
{
    ZL_AUTO_FREE char *text =
        zl_asprintf("{\"client_params\": {\"group\": \"%s\", \"id\": \"%s\"}}", group, id);
    return post(path, "true", text, NULL);
}

static void test_as_many_reboot_as_may_and_the_next_one_when_one_is_back(void **state)
{
    (void)state;
    assert_int_equal(ask("/v1/pre-reboot", "default", "a"), 200);
    assert_int_equal(ask("/v1/pre-reboot", "default", "a"), 200);
    assert_int_equal(ask("/v1/pre-reboot", "default", "b"), 200);
    assert_int_equal(ask("/v1/pre-reboot", "default", "c"), 409);
    assert_int_equal(ask("/v1/pre-reboot", "one", "c"), 200); /* groups do not know each other */
    char *said = NULL;
    assert_int_equal(post("/v1/pre-reboot", "true",
                          "{\"client_params\":{\"group\":\"default\",\"id\":\"c\"}}", &said),
                     409);
    assert_non_null(strstr(said, "2 of 2 slots of group default are taken: a since 20"));
    free(said);
    assert_int_equal(ask("/v1/steady-state", "default", "x"), 200); /* it never had one */
    assert_int_equal(ask("/v1/pre-reboot", "default", "c"), 409);
    assert_int_equal(ask("/v1/steady-state", "default", "a"), 200);
    assert_int_equal(ask("/v1/steady-state", "default", "a"), 200);
    assert_int_equal(ask("/v1/pre-reboot", "default", "c"), 200);
    assert_int_equal(most, SLOTS);
}

static void test_what_is_not_understood_takes_no_slot(void **state)
{
    static const struct {
        const char *header, *text;
        int status;
    } rows[] = {
        {NULL, "{\"client_params\":{\"group\":\"default\",\"id\":\"a\"}}", 400},
        {"yes", "{\"client_params\":{\"group\":\"default\",\"id\":\"a\"}}", 400},
        {"true", "", 400},
        {"true", "[]", 400},
        {"true", "{\"client_params\":{\"group\":\"default\",\"id\":\"\"}}", 400},
        {"true", "{\"client_params\":{\"group\":\"default\",\"id\":7}}", 400},
        {"true", "{\"client_params\":{\"id\":\"a\"}}", 400},
        {"true", "{\"client_params\":{\"group\":\"others\",\"id\":\"a\"}}", 404},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *said = NULL;
        assert_int_equal(post("/v1/pre-reboot", rows[i].header, rows[i].text, &said),
                         rows[i].status);
        assert_non_null(strstr(said, "\"kind\":"));
        free(said);
    }
    assert_int_equal(most, 0);
}

static void test_a_hub_that_is_away_or_a_record_that_cannot_be_read_is_no_yes(void **state)
{
    (void)state;
    zl_hub_peer_store(peer, LEASE,
                      "{'metadata':{'name':'reboots.default','namespace':'zen-fleet',"
                      "'annotations':{'zen-lead.io/reboots':'none'}}}");
    assert_int_equal(ask("/v1/pre-reboot", "default", "a"), 503);
    zl_hub_peer_set_away(peer, true);
    assert_int_equal(ask("/v1/pre-reboot", "one", "a"), 503);
    zl_hub_peer_set_away(peer, false);
    assert_int_equal(ask("/v1/pre-reboot", "one", "a"), 200);
}

/* As a node does: asks until it may, and says when it is back. */
static void *node(void *arg)
{
    const char *id = arg;
    while (ask("/v1/pre-reboot", "default", id) != 200) {
        ;
    }
    while (ask("/v1/steady-state", "default", id) != 200) {
        ;
    }
    return NULL;
}

static void test_never_more_than_the_slots_whoever_asks_at_the_same_moment(void **state)
{
    static char ids[NODES][16];
    pthread_t threads[NODES];
    (void)state;
    for (int i = 0; i < NODES; i++) {
        (void)snprintf(ids[i], sizeof ids[i], "n%d", i);
        threads[i] = zl_thread_start("node", node, ids[i]);
    }
    for (int i = 0; i < NODES; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_in_range(most, 1, SLOTS);
    ZL_AUTO_JSON struct cJSON *lease = zl_hub_peer_read(peer, LEASE);
    struct zl_fleet_reboots left;
    assert_int_equal(zl_fleet_reboots_decode(
                         zl_json_text(lease, "metadata", "annotations", ZL_FLEET_REBOOTS_KEY, NULL),
                         &left, NULL),
                     ZL_OK);
    assert_int_equal(left.count, 0);
}

static void test_groups_that_cannot_be_meant_are_refused(void **state)
{
    static const char *const wrong[] = {"",        "default", "default=0", "default=x", "Default=1",
                                        "a=1,a=2", "a=1,",    "=1",        "a=2001",    "a=1,,b=1"};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct zl_fleet_lock *none = NULL;
        struct zl_error err = {0};
        assert_int_equal(zl_fleet_lock_new(NULL, "zen-fleet", wrong[i], &none, &err), ZL_E_INVALID);
        assert_null(none);
        assert_string_not_equal(err.message, "");
    }
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_as_many_reboot_as_may_and_the_next_one_when_one_is_back),
        TEST(test_what_is_not_understood_takes_no_slot),
        TEST(test_a_hub_that_is_away_or_a_record_that_cannot_be_read_is_no_yes),
        TEST(test_never_more_than_the_slots_whoever_asks_at_the_same_moment),
        cmocka_unit_test(test_groups_that_cannot_be_meant_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
