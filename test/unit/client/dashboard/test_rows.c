/* SPDX-License-Identifier: Apache-2.0 */
#include "client/dashboard/rows.h"

#include "common/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define AT "2026-01-02T03:00:00Z"
#define AT_MS INT64_C(1767322800000)

static struct cJSON *parse(const char *text)
{
    struct cJSON *json = NULL;
    assert_int_equal(zl_json_parse(text, strlen(text), &json, NULL), ZL_OK);
    return json;
}

#define HELD                                                                                       \
    "{\"metadata\":{\"name\":\"zen-lead-web\",\"namespace\":\"shop\",\"uid\":\"l\","               \
    "\"resourceVersion\":\"5\",\"annotations\":{\"zen-lead.io/holder-pod\":\"web-x\","             \
    "\"zen-lead.io/holder-uid\":\"1\",\"zen-lead.io/fencing-token\":\"17\"}},\"spec\":{"           \
    "\"holderIdentity\":\"web-x_1\",\"leaseDurationSeconds\":15,\"renewTime\":"                    \
    "\"2026-01-02T03:00:00.000000Z\",\"acquireTime\":\"2026-01-02T02:00:00.000000Z\"}}"
#define RELEASED                                                                                   \
    "{\"metadata\":{\"name\":\"zen-lead-web\",\"namespace\":\"shop\",\"uid\":\"l\","               \
    "\"annotations\":{\"zen-lead.io/fencing-token\":\"17\"}},\"spec\":{\"holderIdentity\":\"\"}}"
#define READY(value, reason)                                                                       \
    "\"conditions\":[{\"type\":\"Ready\",\"status\":\"" value "\",\"reason\":\"" reason "\","      \
    "\"message\":\"m\",\"lastTransitionTime\":\"" AT "\"}]"

static struct cJSON *pool(const char *status, const char *lease_text)
{
    struct zl_policy *policy = NULL;
    struct zl_lease *lease = NULL;
    ZL_AUTO_FREE char *text =
        zl_asprintf("{\"metadata\":{\"name\":\"web\",\"namespace\":\"shop\",\"uid\":\"p\"},"
                    "\"spec\":{},\"status\":{%s}}",
                    status);
    ZL_AUTO_JSON struct cJSON *object = parse(text);
    assert_int_equal(zl_policy_decode(object, &policy, NULL), ZL_OK);
    if (lease_text != NULL) {
        ZL_AUTO_JSON struct cJSON *lease_object = parse(lease_text);
        assert_int_equal(zl_lease_decode(lease_object, &lease, NULL), ZL_OK);
    }
    struct cJSON *row = zl_row_of_pool(policy, lease);
    zl_lease_free(lease);
    zl_policy_free(policy);
    return row;
}

static void test_a_pools_state_is_one_word(void **state)
{
    (void)state;
    static const struct {
        const char *status, *lease, *wanted;
    } rows[] = {
        {"\"candidates\":3," READY("True", "LeaderReady"), HELD, "leads"},
        {"\"candidates\":3," READY("False", "LeaderNotReady"), HELD, "starting"},
        {"\"successor\":{\"name\":\"web-y\",\"uid\":\"2\"}," READY("True", "LeaderReady"), HELD,
         "handover"},
        {"\"candidates\":1", RELEASED, "electing"},
        {"\"blocked\":1", RELEASED, "electing"},
        {"\"waiting\":1", NULL, "electing"},
        {"\"candidates\":0", RELEASED, "idle"},
        /* The Lease may not be read: what status says has to do. */
        {"\"currentHolder\":{\"name\":\"web-x\"}," READY("True", "LeaderReady"), NULL, "leads"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ZL_AUTO_JSON struct cJSON *row = pool(rows[i].status, rows[i].lease);
        assert_string_equal(zl_json_text(row, "state", NULL), rows[i].wanted);
    }
}

static void test_a_pools_row_says_nothing_that_passes_by_itself(void **state)
{
    (void)state;
    ZL_AUTO_JSON struct cJSON *row =
        pool("\"phase\":\"Stable\"," READY("False", "LeaderNotReady"), HELD);
    assert_true(zl_json_is_null(zl_json_at(row, "leaseSeconds", NULL)));
    assert_int_equal(zl_json_i64(row, 0, "validMs", NULL), AT_MS + 15000);
    assert_int_equal(zl_json_i64(row, 0, "sinceMs", NULL), AT_MS - 3600000);
    assert_string_equal(zl_json_text(row, "why", NULL), "m"); /* without an age */
    assert_int_equal(zl_json_i64(row, 0, "token", NULL), 17);
    assert_string_equal(zl_json_text(row, "leader", NULL), "web-x");
    ZL_AUTO_JSON struct cJSON *vacant = pool("\"candidates\":1", RELEASED);
    assert_true(zl_json_is_null(zl_json_at(vacant, "validMs", NULL)));
    assert_true(zl_json_is_null(zl_json_at(vacant, "leader", NULL)));
}

static void test_a_rollout_under_way_is_nothing_wrong_but_a_failed_one_is(void **state)
{
    (void)state;
    static const struct {
        const char *reason;
        bool wrong;
    } rows[] = {{"NewRevisionWaits", false}, {"HandoverFailed", true}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ZL_AUTO_FREE char *status =
            zl_asprintf("\"conditions\":[{\"type\":\"RolledOut\",\"status\":\"False\","
                        "\"reason\":\"%s\"}],\"workloads\":[{\"kind\":\"Deployment\","
                        "\"name\":\"web\",\"waitingRevision\":\"web-9\"}]",
                        rows[i].reason);
        ZL_AUTO_JSON struct cJSON *row = pool(status, HELD);
        const struct cJSON *problem = zl_json_first(zl_json_at(row, "problems", NULL));
        assert_int_equal(zl_json_bool(problem, !rows[i].wrong, "wrong", NULL), rows[i].wrong);
        assert_string_equal(zl_json_text(zl_json_first(zl_json_at(row, "workloads", NULL)),
                                         "waitingRevision", NULL),
                            "web-9");
    }
}

static void test_the_queue_of_jobs_is_in_order(void **state)
{
    (void)state;
    ZL_AUTO_JSON struct cJSON *row =
        pool("\"executing\":{\"name\":\"a\",\"startTime\":\"" AT "\"},\"waiting\":2,\"queue\":"
             "[{\"name\":\"b\",\"waitingSince\":\"" AT "\"},{\"name\":\"c\"}]",
             HELD);
    const struct cJSON *first = zl_json_first(zl_json_at(row, "queue", NULL));
    assert_string_equal(zl_json_text(row, "executing", NULL), "a");
    assert_int_equal(zl_json_i64(row, 0, "executingSinceMs", NULL), AT_MS);
    assert_string_equal(zl_json_text(first, "name", NULL), "b");
    assert_int_equal(zl_json_i64(first, 0, "sinceMs", NULL), AT_MS);
    assert_true(zl_json_is_null(zl_json_at(zl_json_next(first), "sinceMs", NULL)));
}

static void test_a_service_without_its_leader_service_is_missing_one(void **state)
{
    (void)state;
    struct zl_service *service = NULL;
    ZL_AUTO_JSON struct cJSON *object =
        parse("{\"metadata\":{\"name\":\"app\",\"namespace\":\"shop\",\"uid\":\"s\","
              "\"annotations\":{\"zen-lead.io/enabled\":\"true\"}},\"spec\":{}}");
    assert_int_equal(zl_service_decode(object, &service, NULL), ZL_OK);
    struct zl_service led = {.ours = true, .leader_pod = NULL};
    ZL_AUTO_JSON struct cJSON *missing = zl_row_of_service(service, NULL);
    ZL_AUTO_JSON struct cJSON *nobody = zl_row_of_service(service, &led);
    char pod[] = "app-1", at[] = AT;
    led.leader_pod = pod;
    led.leader_switch_time = at;
    ZL_AUTO_JSON struct cJSON *leads = zl_row_of_service(service, &led);
    assert_string_equal(zl_json_text(missing, "state", NULL), "missing");
    assert_string_equal(zl_json_text(missing, "leaderService", NULL), "app-leader");
    assert_string_equal(zl_json_text(nobody, "state", NULL), "electing");
    assert_string_equal(zl_json_text(leads, "state", NULL), "leads");
    assert_string_equal(zl_json_text(leads, "leader", NULL), "app-1");
    assert_int_equal(zl_json_i64(leads, 0, "sinceMs", NULL), AT_MS);
    zl_service_free(service);
}

static void test_a_membership_is_what_its_status_says(void **state)
{
    (void)state;
    ZL_AUTO_JSON struct cJSON *object = parse(
        "{\"metadata\":{\"name\":\"n\",\"namespace\":\"ops\"},\"spec\":{\"pool\":\"fleet-a\","
        "\"maxConcurrentLeaders\":5},\"status\":{\"phase\":\"Waiting\",\"cluster\":\"east\","
        "\"position\":3,\"waiting\":7,\"paused\":{\"by\":\"ann\",\"reason\":\"r\",\"since\":\"" AT
        "\"},\"conditions\":[{\"type\":\"HubReached\",\"status\":\"False\"}]}}");
    ZL_AUTO_JSON struct cJSON *row = zl_row_of_membership(object);
    assert_string_equal(zl_json_text(row, "phase", NULL), "Waiting");
    assert_int_equal(zl_json_i64(row, 0, "n", NULL), 5);
    assert_int_equal(zl_json_i64(row, 0, "position", NULL), 3);
    assert_string_equal(zl_json_text(row, "paused", "by", NULL), "ann");
    assert_int_equal(zl_json_i64(row, 0, "paused", "sinceMs", NULL), AT_MS);
    assert_false(zl_json_bool(row, true, "hubReached", NULL));
    ZL_AUTO_JSON struct cJSON *fresh = parse("{\"metadata\":{\"name\":\"n\"},\"spec\":{}}");
    ZL_AUTO_JSON struct cJSON *new_row = zl_row_of_membership(fresh);
    assert_true(zl_json_is_null(zl_json_at(new_row, "phase", NULL)));
    assert_true(zl_json_bool(new_row, false, "hubReached", NULL));
}

/* --- fleets --- */

static const struct cJSON *cluster_of(const struct cJSON *row, const char *name)
{
    const struct cJSON *item = zl_json_first(zl_json_at(row, "clusters", NULL));
    while (item != NULL && !zl_same_string(zl_json_text(item, "name", NULL), name)) {
        item = zl_json_next(item);
    }
    return item;
}

/* Two at once; a acts, b is offered, c d e wait, f is done and g has failed in round r; h was done in another one. */
static struct zl_fleet_ledger ledger(void)
{
    static struct zl_fleet_entry active[] = {
        {.cluster = "a", .active = true, .token = 9, .elapsed_ms = 60000, .limit_ms = 90000},
        {.cluster = "b", .token = 10}};
    static char queue[][ZL_FLEET_NAME_MAX] = {"c", "d", "e"};
    static struct zl_fleet_ending history[] = {
        {.cluster = "h", .round = "q", .outcome = ZL_FLEET_DONE, .at_s = 10},
        {.cluster = "f", .round = "r", .outcome = ZL_FLEET_DONE_LATE, .at_s = 1000},
        {.cluster = "g", .round = "r", .outcome = ZL_FLEET_EXPIRED, .at_s = 1100},
        {.cluster = "f", .round = "r", .outcome = ZL_FLEET_DONE, .at_s = 1200}};
    return (struct zl_fleet_ledger){.n = 2,
                                    .round = "r",
                                    .counts = {.waiting = 3, .done = 1, .late = 1, .failed = 1},
                                    .active = active,
                                    .active_count = 2,
                                    .queue = queue,
                                    .queue_count = 3,
                                    .history = history,
                                    .history_count = 4};
}

static void test_clusters_stand_in_waves(void **state)
{
    (void)state;
    static const struct {
        const char *name, *state;
        int64_t wave;
    } wanted[] = {{"a", "Active", 0},  {"b", "Offered", 0}, {"c", "Waiting", 1},
                  {"d", "Waiting", 1}, {"e", "Waiting", 2}, {"f", "Done", 0},
                  {"g", "Failed", 0},  {"h", "Idle", 0}};
    const struct zl_fleet_ledger book = ledger();
    const struct zl_fleet_turn idle = {.state = ZL_FLEET_IDLE},
                               waits = {.state = ZL_FLEET_WAITING, .why = "absent"};
    const struct zl_cluster_turn turns[] = {
        {"c", &waits}, {"f", &idle}, {"g", &idle}, {"h", &idle}};
    ZL_AUTO_JSON struct cJSON *row = zl_row_of_fleet("fleet-a", &book, turns, 4);
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        const struct cJSON *cluster = cluster_of(row, wanted[i].name);
        assert_string_equal(zl_json_text(cluster, "state", NULL), wanted[i].state);
        assert_int_equal(zl_json_i64(cluster, -1, "wave", NULL), wanted[i].wave);
    }
    assert_int_equal(zl_json_count(zl_json_at(row, "clusters", NULL)), 8);
    assert_string_equal(zl_json_text(cluster_of(row, "c"), "why", NULL), "absent");
    assert_int_equal(zl_json_i64(cluster_of(row, "a"), 0, "elapsedMs", NULL), 60000);
    assert_int_equal(zl_json_i64(row, 0, "done", NULL), 2);
}

static void test_the_end_is_told_at_the_pace_so_far_and_not_where_nobody_knows(void **state)
{
    (void)state;
    struct zl_fleet_ledger book = ledger();
    assert_int_equal(zl_fleet_end_s(&book), 1200 + 5 * 100);
    book.pause.id = 1;
    assert_int_equal(zl_fleet_end_s(&book), 0);
    book.pause.id = 0;
    book.history_count = 3; /* two of this round */
    assert_int_equal(zl_fleet_end_s(&book), 0);
    book = ledger();
    book.counts.waiting = 0;
    book.active_count = 0;
    assert_int_equal(zl_fleet_end_s(&book), 0);
    book = ledger();
    book.n = 0;
    assert_int_equal(zl_fleet_end_s(&book), 0);
    ZL_AUTO_JSON struct cJSON *row = zl_row_of_fleet("fleet-a", &book, NULL, 0);
    assert_int_equal(zl_json_i64(cluster_of(row, "e"), -1, "wave", NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_pools_state_is_one_word),
        cmocka_unit_test(test_a_pools_row_says_nothing_that_passes_by_itself),
        cmocka_unit_test(test_a_rollout_under_way_is_nothing_wrong_but_a_failed_one_is),
        cmocka_unit_test(test_the_queue_of_jobs_is_in_order),
        cmocka_unit_test(test_a_service_without_its_leader_service_is_missing_one),
        cmocka_unit_test(test_a_membership_is_what_its_status_says),
        cmocka_unit_test(test_clusters_stand_in_waves),
        cmocka_unit_test(test_the_end_is_told_at_the_pace_so_far_and_not_where_nobody_knows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
