/* SPDX-License-Identifier: Apache-2.0 */
#include "common/pool/objects.h"
#include "common/pool/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct cJSON *parse(const char *text)
{
    struct cJSON *json = NULL;
    struct zl_error err = {0};
    if (zl_json_parse(text, strlen(text), &json, &err) != ZL_OK) {
        fail_msg("%s: %s", err.message, text);
    }
    return json;
}

#define META(extra) "\"metadata\":{\"name\":\"w\",\"namespace\":\"n\",\"uid\":\"u\"" extra "}"

struct pool_row {
    const char *json;
    const char *pool;
    int64_t replicas;
};

static const struct pool_row POOL_ROWS[] = {
    {"{" META(",\"labels\":{\"zen-lead/pool\":\"a\"}") ",\"spec\":{\"replicas\":3}}", "a", 3},
    {"{" META(",\"annotations\":{\"zen-lead/pool\":\"b\"}") ",\"spec\":{}}", "b", 1},
    {"{" META() ",\"spec\":{\"template\":{\"metadata\":{\"annotations\":{\"zen-lead/"
                "pool\":\"c\"}}}}}",
     "c", 1},
    {"{" META(
         ",\"labels\":{\"zen-lead/pool\":\"a\"},\"annotations\":{\"zen-lead/pool\":\"b\"}") "}",
     "a", 1},
    {"{" META(",\"labels\":{\"zen-lead/pool\":\"\"},\"annotations\":{\"zen-lead/pool\":\"b\"}") "}",
     "b", 1},
    {"{" META(
         ",\"labels\":{\"zen-lead/pool\":\"a\"},\"annotations\":{\"zen-lead/join\":\"false\"}") "}",
     NULL, 1},
    {"{" META(",\"labels\":{\"zen-lead/pool\":\"a\"}") ",\"spec\":{\"replicas\":0,\"template\":{"
                                                       "\"metadata\":{\"annotations\":{\"zen-lead/"
                                                       "join\":"
                                                       "\"false\"}}}}}",
     NULL, 0},
    {"{" META(
         ",\"labels\":{\"zen-lead/pool\":\"a\"},\"annotations\":{\"zen-lead/join\":\"true\"}") "}",
     "a", 1},
    {"{" META(",\"labels\":{\"app\":\"a\"}") "}", NULL, 1},
};

static void test_workload_joins_by_label_then_annotation_then_template(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof POOL_ROWS / sizeof POOL_ROWS[0]; i++) {
        ZL_AUTO_JSON struct cJSON *json = parse(POOL_ROWS[i].json);
        struct zl_workload *workload = NULL;
        assert_int_equal(zl_workload_decode(ZL_WORKLOAD_DEPLOYMENT, json, &workload, NULL), ZL_OK);
        if (!zl_same_string(workload->pool, POOL_ROWS[i].pool)) {
            fail_msg("row %zu: pool %s", i, workload->pool);
        }
        assert_int_equal(workload->replicas, POOL_ROWS[i].replicas);
        zl_workload_free(workload);
    }
}

struct selector_row {
    const char *json, *text;
};

static const struct selector_row SELECTOR_ROWS[] = {
    {"{}", ""},
    {"{\"matchLabels\":{\"a\":\"1\",\"b\":\"2\"}}", "a=1,b=2"},
    {"{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"In\",\"values\":[\"1\",\"2\"]}]}",
     "a in (1,2)"},
    {"{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"NotIn\",\"values\":[\"1\"]},"
     "{\"key\":\"b\",\"operator\":\"Exists\"},{\"key\":\"c\",\"operator\":\"DoesNotExist\"}]}",
     "a notin (1),b,!c"},
    {"{\"matchLabels\":{\"a\":\"1\"},\"matchExpressions\":[{\"key\":\"b\",\"operator\":\"Exists\"}]"
     "}",
     "a=1,b"},
};

static void test_selector_becomes_a_query(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof SELECTOR_ROWS / sizeof SELECTOR_ROWS[0]; i++) {
        ZL_AUTO_JSON struct cJSON *json = parse(SELECTOR_ROWS[i].json);
        ZL_AUTO_FREE char *text = zl_selector_text(json);
        assert_string_equal(text, SELECTOR_ROWS[i].text);
    }
}

struct pod_row {
    const char *json;
    bool finished, ready, deleting, is_static;
};

#define READY(value)                                                                               \
    "\"conditions\":[{\"type\":\"Ready\",\"status\":\"" value                                      \
    "\",\"lastTransitionTime\":\"2026-01-01T00:00:00Z\"}]"

static const struct pod_row POD_ROWS[] = {
    {"{" META() ",\"status\":{\"phase\":\"Running\"," READY("True") "}}", false, true, false,
     false},
    {"{" META() ",\"status\":{\"phase\":\"Running\"," READY("False") "}}", false, false, false,
     false},
    {"{" META() ",\"status\":{\"phase\":\"Pending\"," READY("True") "}}", false, false, false,
     false},
    {"{" META() ",\"status\":{\"phase\":\"Failed\"," READY("True") "}}", true, false, false, false},
    {"{" META() ",\"status\":{\"phase\":\"Succeeded\"}}", true, false, false, false},
    {"{" META() "}", false, false, false, false},
    {"{" META(",\"deletionTimestamp\":\"2026-01-01T00:00:00Z\"") ",\"status\":{\"phase\":"
                                                                 "\"Running\"," READY("True") "}}",
     false, false, true, false},
    {"{" META(",\"annotations\":{\"kubernetes.io/config.mirror\":\"x\"}") "}", false, false, false,
     true},
};

static void test_pod_readiness_counts_only_while_it_runs_and_stays(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof POD_ROWS / sizeof POD_ROWS[0]; i++) {
        ZL_AUTO_JSON struct cJSON *json = parse(POD_ROWS[i].json);
        struct zl_pod *pod = NULL;
        assert_int_equal(zl_pod_decode(json, &pod, NULL), ZL_OK);
        if (pod->finished != POD_ROWS[i].finished || pod->ready != POD_ROWS[i].ready ||
            pod->meta.deleting != POD_ROWS[i].deleting || pod->is_static != POD_ROWS[i].is_static) {
            fail_msg("row %zu", i);
        }
        assert_int_equal(pod->ready_since_us != 0, pod->ready);
        zl_pod_free(pod);
    }
}

static void test_only_the_controller_reference_is_the_owner(void **state)
{
    (void)state;
    ZL_AUTO_JSON struct cJSON *json =
        parse("{\"ownerReferences\":[{\"kind\":\"Node\",\"name\":\"x\",\"uid\":\"1\"},"
              "{\"apiVersion\":\"apps/v1\",\"kind\":\"ReplicaSet\",\"name\":\"r\",\"uid\":\"2\","
              "\"controller\":true}]}");
    struct zl_owner owner;
    zl_owner_decode(json, &owner);
    assert_string_equal(owner.kind, "ReplicaSet");
    assert_string_equal(owner.uid, "2");
    zl_owner_clear(&owner);
    zl_owner_decode(NULL, &owner);
    assert_null(owner.uid);
}

static void test_objects_without_name_or_uid_are_refused(void **state)
{
    (void)state;
    const char *texts[] = {"{}",
                           "{\"metadata\":{\"name\":\"a\"}}",
                           "{\"metadata\":{\"uid\":\"a\"}}",
                           "{\"metadata\":[]}",
                           "[]",
                           "null"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        ZL_AUTO_JSON struct cJSON *json = parse(texts[i]);
        struct zl_pod *pod = NULL;
        struct zl_policy *policy = NULL;
        assert_int_equal(zl_pod_decode(json, &pod, NULL), ZL_E_INVALID);
        assert_int_equal(zl_policy_decode(json, &policy, NULL), ZL_E_INVALID);
        assert_null(pod);
        assert_null(policy);
    }
}

static void test_policy_reads_defaults_and_its_status_round_trips(void **state)
{
    (void)state;
    ZL_AUTO_JSON struct cJSON *json = parse("{" META(
        ",\"generation\":4") ",\"status\":{\"phase\":\"Stable\",\"currentHolder\":{\"name\":"
                             "\"p\",\"uid\":\"u1\",\"namespace\":\"n\",\"startTime\":\"2026-01-"
                             "01T00:00:00Z\"},"
                             "\"candidates\":1,\"blocked\":2,\"fencingToken\":7,"
                             "\"leaseTransitions\":6,"
                             "\"lastTransitionTime\":\"2026-01-01T00:00:00Z\","
                             "\"observedGeneration\":4,\"workloads\":["
                             "{\"kind\":\"Deployment\",\"name\":\"web\",\"strategy\":"
                             "\"TrafficDirector\"}],"
                             "\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\",\"reason\":"
                             "\"LeaderReady\","
                             "\"message\":\"m\",\"lastTransitionTime\":\"2026-01-01T00:00:00Z\","
                             "\"observedGeneration\":4},"
                             "{\"type\":\"GatekeeperArmed\",\"status\":\"False\",\"reason\":"
                             "\"Probing\","
                             "\"message\":\"p\",\"lastTransitionTime\":\"2026-01-01T00:00:01Z\","
                             "\"observedGeneration\":4}]}}");
    struct zl_policy *policy = NULL;
    assert_int_equal(zl_policy_decode(json, &policy, NULL), ZL_OK);
    assert_int_equal(policy->lease_duration_s, 15);
    assert_int_equal(policy->renew_deadline_s, 10);
    assert_int_equal(policy->retry_period_s, 2);
    assert_false(policy->standby);
    assert_false(policy->custom_identity);

    ZL_AUTO_JSON struct cJSON *encoded = zl_policy_status_encode(&policy->status);
    ZL_AUTO_FREE char *encoded_text = zl_json_print(encoded);
    ZL_AUTO_FREE char *original_text = zl_json_print(zl_json_at(json, "status", NULL));
    assert_string_equal(encoded_text, original_text);

    struct zl_policy_status other = policy->status;
    assert_true(zl_policy_status_same(&policy->status, &other));
    other.blocked++;
    assert_false(zl_policy_status_same(&policy->status, &other));
    zl_policy_free(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_workload_joins_by_label_then_annotation_then_template),
        cmocka_unit_test(test_selector_becomes_a_query),
        cmocka_unit_test(test_pod_readiness_counts_only_while_it_runs_and_stays),
        cmocka_unit_test(test_only_the_controller_reference_is_the_owner),
        cmocka_unit_test(test_objects_without_name_or_uid_are_refused),
        cmocka_unit_test(test_policy_reads_defaults_and_its_status_round_trips),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
