/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/buf.h"
#include "common/base/limits.h"
#include "common/kinds/kind.h"
#include "common/objects/labels.h"
#include "common/objects/names.h"
#include "common/objects/node.h"
#include "common/objects/policy.h"
#include "common/objects/replicaset.h"
#include "common/objects/selectors.h"
#include "common/objects/service.h"
#include "common/objects/slice.h"
#include "common/objects/workload.h"
#include "test/unit/pruned.h"

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
        assert_int_equal(zl_workload_decode(&ZL_KIND_DEPLOYMENT, zl_prune(ZL_WORKLOAD_SHAPE, &json),
                                            &workload, NULL),
                         ZL_OK);
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
        assert_int_equal(zl_pod_decode(zl_prune(ZL_POD_SHAPE, &json), &pod, NULL), ZL_OK);
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
    struct zl_controller_ref owner;
    zl_controller_ref_decode(json, &owner);
    assert_string_equal(owner.kind, "ReplicaSet");
    assert_string_equal(owner.uid, "2");
    zl_controller_ref_clear(&owner);
    zl_controller_ref_decode(NULL, &owner);
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
        assert_int_equal(zl_pod_decode(zl_prune(ZL_POD_SHAPE, &json), &pod, NULL), ZL_E_INVALID);
        assert_int_equal(zl_policy_decode(zl_prune(ZL_POLICY_SHAPE, &json), &policy, NULL),
                         ZL_E_INVALID);
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
                             "01T00:00:00Z\",\"firstReadyTime\":\"2026-01-01T00:00:01Z\","
                             "\"fencingToken\":7},"
                             "\"successor\":{\"name\":\"q\",\"uid\":\"u2\"},"
                             "\"candidates\":1,\"blocked\":2,\"fencingToken\":7,"
                             "\"leaseTransitions\":6,"
                             "\"lastTransitionTime\":\"2026-01-01T00:00:00Z\","
                             "\"observedGeneration\":4,\"workloads\":["
                             "{\"kind\":\"Deployment\",\"name\":\"web\",\"strategy\":"
                             "\"TrafficDirector\"}],"
                             "\"executing\":{\"name\":\"j1\",\"uid\":\"u3\",\"startTime\":\"2026-"
                             "01-01T00:00:00Z\"},"
                             "\"waiting\":2,\"queue\":[{\"name\":\"j2\",\"uid\":\"u4\","
                             "\"waitingSince\":\"2026-01-01T00:00:00Z\"}],"
                             "\"ticks\":[{\"time\":\"2026-01-01T00:00:00Z\",\"job\":\"j0\",\"uid\":"
                             "\"u5\"}],"
                             "\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\",\"reason\":"
                             "\"LeaderReady\","
                             "\"message\":\"m\",\"lastTransitionTime\":\"2026-01-01T00:00:00Z\","
                             "\"observedGeneration\":4},"
                             "{\"type\":\"GatekeeperArmed\",\"status\":\"False\",\"reason\":"
                             "\"Probing\","
                             "\"message\":\"p\",\"lastTransitionTime\":\"2026-01-01T00:00:01Z\","
                             "\"observedGeneration\":4}]}}");
    struct zl_policy *policy = NULL;
    assert_int_equal(zl_policy_decode(zl_prune(ZL_POLICY_SHAPE, &json), &policy, NULL), ZL_OK);
    assert_int_equal(policy->lease_duration_s, 15);
    assert_int_equal(policy->renew_deadline_s, 10);
    assert_int_equal(policy->retry_period_s, 2);
    assert_false(policy->standby);
    assert_false(policy->custom_identity);
    assert_false(policy->recreate);

    ZL_AUTO_JSON struct cJSON *encoded = zl_policy_status_encode(&policy->status);
    ZL_AUTO_FREE char *encoded_text = zl_json_print(encoded);
    ZL_AUTO_FREE char *original_text = zl_json_print(zl_json_at(json, "status", NULL));
    assert_string_equal(encoded_text, original_text);

    struct zl_policy_status other = policy->status;
    assert_true(zl_policy_status_same(&policy->status, &other));
    other.blocked++;
    assert_false(zl_policy_status_same(&policy->status, &other));

    other = policy->status;
    other.successor_name = NULL; /* over: a merge patch takes it away */
    ZL_AUTO_JSON struct cJSON *over = zl_policy_status_encode(&other);
    ZL_AUTO_FREE char *over_text = zl_json_print(over);
    assert_non_null(strstr(over_text, "\"successor\":null"));
    other.executing.name = NULL;
    other.waiting = 0;
    other.ticks.count = 0;
    ZL_AUTO_JSON struct cJSON *idle = zl_policy_status_encode(&other);
    ZL_AUTO_FREE char *idle_text = zl_json_print(idle);
    assert_non_null(strstr(idle_text, "\"executing\":null,\"waiting\":null,\"queue\":null,"
                                      "\"ticks\":null"));
    assert_false(zl_policy_status_same(&policy->status, &other));
    zl_policy_free(policy);
}

static void test_policy_hands_over_unless_it_says_recreate(void **state)
{
    (void)state;
    struct {
        const char *json;
        bool recreate;
    } rows[] = {{"{" META() ",\"spec\":{\"rollout\":\"Recreate\"}}", true},
                {"{" META() ",\"spec\":{\"rollout\":\"Handover\"}}", false},
                {"{" META() ",\"spec\":{\"rollout\":1}}", false},
                {"{" META() "}", false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ZL_AUTO_JSON struct cJSON *json = parse(rows[i].json);
        struct zl_policy *policy = NULL;
        assert_int_equal(zl_policy_decode(zl_prune(ZL_POLICY_SHAPE, &json), &policy, NULL), ZL_OK);
        assert_int_equal(policy->recreate, rows[i].recreate);
        zl_policy_free(policy);
    }
}

/* --- what a rollout needs to know --- */

#define WORKLOAD(spec) "{" META() ",\"spec\":{" spec "}}"

struct workload_row {
    const char *json;
    bool paused, recreates, on_delete;
    int64_t min_ready_s, progress_deadline_s, partition;
};

static const struct workload_row WORKLOAD_ROWS[] = {
    {"{" META() "}", false, false, false, 0, 600, 0},
    {WORKLOAD("\"paused\":true,\"minReadySeconds\":7,\"progressDeadlineSeconds\":30"), true, false,
     false, 7, 30, 0},
    {WORKLOAD("\"strategy\":{\"type\":\"Recreate\"}"), false, true, false, 0, 600, 0},
    {WORKLOAD("\"strategy\":{\"type\":\"RollingUpdate\"}"), false, false, false, 0, 600, 0},
    {WORKLOAD("\"updateStrategy\":{\"type\":\"OnDelete\"}"), false, false, true, 0, 600, 0},
    {WORKLOAD(
         "\"updateStrategy\":{\"type\":\"RollingUpdate\",\"rollingUpdate\":{\"partition\":2}}"),
     false, false, false, 0, 600, 2},
    /* From the first ordinal on: of db-5, db-6, db-7 the first two keep their revision. */
    {WORKLOAD(
         "\"ordinals\":{\"start\":5},\"updateStrategy\":{\"rollingUpdate\":{\"partition\":2}}"),
     false, false, false, 0, 600, 7},
    {WORKLOAD("\"ordinals\":{\"start\":5}"), false, false, false, 0, 600, 5},
    {WORKLOAD("\"strategy\":\"Recreate\",\"paused\":\"yes\",\"minReadySeconds\":\"7\""), false,
     false, false, 0, 600, 0},
};

static void test_the_last_leader_has_the_last_token(void **state)
{
    (void)state;
    struct {
        const char *holder;
        bool led_last; /* was it the pod "u1"? */
    } rows[] = {{"{\"name\":\"p\",\"uid\":\"u1\",\"fencingToken\":7}", true},
                {"{\"name\":\"p\",\"uid\":\"u1\",\"fencingToken\":6}", false},
                {"{\"name\":\"p\",\"uid\":\"u1\"}", false},
                {"{\"name\":\"p\",\"uid\":\"u2\",\"fencingToken\":7}", false},
                {"{\"name\":\"p\",\"fencingToken\":7}", false},
                {"null", false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ZL_AUTO_FREE char *text = zl_asprintf(
            "{" META() ",\"status\":{\"fencingToken\":7,\"currentHolder\":%s}}", rows[i].holder);
        ZL_AUTO_JSON struct cJSON *json = parse(text);
        struct zl_policy *policy = NULL;
        assert_int_equal(zl_policy_decode(zl_prune(ZL_POLICY_SHAPE, &json), &policy, NULL), ZL_OK);
        assert_int_equal(zl_policy_led_last(policy, "u1", policy->status.fencing_token),
                         rows[i].led_last);
        zl_policy_free(policy);
    }
}

/* An annotation and an owner's name have no bound but the request's: all of a tenant's together would fill our memory. */
static void test_of_what_is_longer_than_a_name_a_fingerprint_is_kept(void **state)
{
    (void)state;
    char long_text[200001] = "";
    memset(long_text, 'l', sizeof long_text - 1);
    ZL_AUTO_FREE char *text = zl_asprintf(
        "{\"metadata\":{\"name\":\"web\",\"namespace\":\"shop\",\"uid\":\"u\",\"annotations\":{"
        "\"" ZL_KEY_POOL "\":\"%s\",\"" ZL_KEY_LEADER_SERVICE "\":\"%s\",\"" ZL_KEY_IDENTITY
        "\":\"%s\"},\"ownerReferences\":[{\"kind\":\"X\",\"name\":\"%s\",\"uid\":\"%s\","
        "\"controller\":true}]}}",
        long_text, long_text, long_text, long_text, long_text);
    ZL_AUTO_JSON struct cJSON *json = parse(text);
    struct zl_workload *workload = NULL;
    assert_int_equal(zl_workload_decode(&ZL_KIND_DEPLOYMENT, json, &workload, NULL), ZL_OK);
    struct zl_pod *pod = NULL;
    assert_int_equal(zl_pod_decode(json, &pod, NULL), ZL_OK);
    const char *const kept[] = {workload->pool, workload->wanted_name,
                                workload->meta.controller.name, workload->meta.controller.uid,
                                pod->identity};
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        assert_int_equal(strncmp(kept[i], "#200000:", 8), 0); /* the name of no object */
    }
    zl_workload_free(workload);
    zl_pod_free(pod);
}

/* What a stranger may write into a Service or a slice with our labels, in a namespace of its own. */
static void test_of_what_others_write_into_ours_a_fingerprint_is_kept(void **state)
{
    (void)state;
    char long_text[200001] = "";
    memset(long_text, 'l', sizeof long_text - 1);
    ZL_AUTO_FREE char *service_text = zl_asprintf(
        "{\"metadata\":{\"name\":\"web\",\"namespace\":\"shop\",\"uid\":\"u\",\"annotations\":{"
        "\"" ZL_KEY_LEADER_POD "\":\"%s\",\"" ZL_KEY_LEADER_UID "\":\"%s\",\"" ZL_KEY_HAD_SELECTOR
        "\":\"%s\",\"" ZL_KEY_LEADER_SWITCH "\":\"%s\",\"" ZL_KEY_COPIED_LABELS
        "\":\"%s\"},\"ownerReferences\":[{\"kind\":\"LeaderPolicy\",\"name\":\"%s\",\"uid\":\"%s\"}"
        "]}}",
        long_text, long_text, long_text, long_text, long_text, long_text, long_text);
    ZL_AUTO_JSON struct cJSON *service_json = parse(service_text);
    struct zl_service *service = NULL;
    assert_int_equal(zl_service_decode(service_json, &service, NULL), ZL_OK);
    ZL_AUTO_FREE char *slice_text = zl_asprintf(
        "{\"metadata\":{\"name\":\"web\",\"namespace\":\"shop\",\"uid\":\"u\"},\"endpoints\":[{"
        "\"addresses\":[\"%s\"],\"nodeName\":\"%s\",\"zone\":\"%s\",\"targetRef\":{\"name\":\"%s\","
        "\"uid\":\"%s\"}}]}",
        long_text, long_text, long_text, long_text, long_text);
    ZL_AUTO_JSON struct cJSON *slice_json = parse(slice_text);
    struct zl_slice *slice = NULL;
    assert_int_equal(zl_slice_decode(slice_json, &slice, NULL), ZL_OK);
    const char *const kept[] = {service->leader_pod,
                                service->leader_uid,
                                service->had_selector,
                                service->leader_switch_time,
                                service->second_owner.name,
                                service->second_owner.uid,
                                slice->address,
                                slice->node,
                                slice->zone,
                                slice->target_name,
                                slice->target_uid};
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        assert_int_equal(strncmp(kept[i], "#200000:", 8), 0);
    }
    assert_null(service->carried_label_names); /* no list of ours is so long */
    zl_service_free(service);
    zl_slice_free(slice);
}

/* "{...}", of more than BYTES; the caller frees. */
static char *many_labels(size_t bytes)
{
    struct zl_buf text;
    zl_buf_init(&text, ZL_MIB);
    zl_buf_add_text(&text, "{\"a\":\"b\"");
    for (int i = 0; text.length <= bytes; i++) {
        zl_buf_printf(&text, ",\"l%d\":\"\"", i);
    }
    zl_buf_add_text(&text, "}");
    return zl_buf_take(&text);
}

/* They are kept as long as their object lives; a Deployment with 400 KB of them, a thousand times, would be 400 MB. */
static void test_labels_and_selectors_are_kept_up_to_a_bound_and_ports_up_to_a_number(void **state)
{
    (void)state;
    for (int over = 0; over < 2; over++) {
        ZL_AUTO_FREE char *labels =
            many_labels(over == 1 ? ZL_LABELS_KEPT_MAX : ZL_LABELS_KEPT_MAX - 64);
        struct zl_buf ports;
        zl_buf_init(&ports, ZL_MIB);
        for (int i = 1; i <= 2 * ZL_PORTS_KEPT_MAX; i++) {
            zl_buf_printf(&ports, "%s{\"containerPort\":%d,\"port\":%d}", i > 1 ? "," : "", i, i);
        }
        ZL_AUTO_FREE char *text = zl_asprintf(
            "{\"metadata\":{\"name\":\"web\",\"namespace\":\"shop\",\"uid\":\"u\",\"labels\":%s},"
            "\"spec\":{\"selector\":{\"a\":\"b\",\"matchLabels\":%s},\"template\":{\"metadata\":{"
            "\"labels\":%s},"
            "\"spec\":{\"containers\":[{\"ports\":[%s]}]}},\"containers\":[{\"ports\":[%s]}],"
            "\"ports\":[%s]},\"ports\":[%s]}",
            labels, over == 1 ? labels : "{\"a\":\"b\"}", labels, ports.data, ports.data,
            ports.data, ports.data);
        zl_buf_clear(&ports);
        const struct zl_json_shape *const shapes[] = {ZL_POD_SHAPE, ZL_WORKLOAD_SHAPE,
                                                      ZL_SERVICE_SHAPE, ZL_SLICE_SHAPE};
        struct cJSON *trees[4];
        for (size_t i = 0; i < 4; i++) {
            bool is_cut = false;
            ZL_AUTO_FREE char *pruned = zl_pruned_or_cut(shapes[i], text, &is_cut);
            assert_int_equal(is_cut, over == 1 && i < 3);
            trees[i] = parse(pruned);
        }
        struct zl_pod *pod = NULL;
        struct zl_workload *workload = NULL;
        struct zl_service *service = NULL;
        struct zl_slice *slice = NULL;
        assert_int_equal(zl_pod_decode(trees[0], &pod, NULL), ZL_OK);
        assert_int_equal(zl_workload_decode(&ZL_KIND_DEPLOYMENT, trees[1], &workload, NULL), ZL_OK);
        assert_int_equal(zl_service_decode(trees[2], &service, NULL), ZL_OK);
        assert_int_equal(zl_slice_decode(trees[3], &slice, NULL), ZL_OK);
        assert_int_equal(zl_labels_match(pod->labels, "a=b\0"), over == 0);
        assert_int_equal(zl_labels_match(workload->template_pod->labels, "a=b\0"), over == 0);
        assert_string_equal(workload->selector, over == 0 ? "a=b" : "");
        assert_int_equal(service->selector != NULL, over == 0);
        assert_int_equal(pod->port_count, ZL_PORTS_KEPT_MAX);
        assert_int_equal(workload->template_pod->port_count, ZL_PORTS_KEPT_MAX);
        assert_int_equal(service->port_count, ZL_PORTS_KEPT_MAX);
        assert_int_equal(slice->port_count, ZL_PORTS_KEPT_MAX);
        zl_pod_free(pod);
        zl_workload_free(workload);
        zl_service_free(service);
        zl_slice_free(slice);
        for (size_t i = 0; i < 4; i++) {
            zl_json_free(trees[i]);
        }
    }
}

static void test_workload_says_how_it_rolls_out(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof WORKLOAD_ROWS / sizeof WORKLOAD_ROWS[0]; i++) {
        const struct workload_row *row = &WORKLOAD_ROWS[i];
        ZL_AUTO_JSON struct cJSON *json = parse(row->json);
        struct zl_workload *workload = NULL;
        assert_int_equal(zl_workload_decode(&ZL_KIND_DEPLOYMENT, zl_prune(ZL_WORKLOAD_SHAPE, &json),
                                            &workload, NULL),
                         ZL_OK);
        if (workload->paused != row->paused || workload->recreates != row->recreates ||
            workload->on_delete != row->on_delete || workload->min_ready_s != row->min_ready_s ||
            workload->progress_deadline_s != row->progress_deadline_s ||
            workload->partition != row->partition) {
            fail_msg("row %zu", i);
        }
        zl_workload_free(workload);
    }
}

static void test_revisions_carry_their_number_and_owner(void **state)
{
    (void)state;
    struct {
        const char *json;
        int64_t revision;
    } rows[] = {
        {"{" META(",\"annotations\":{\"deployment.kubernetes.io/revision\":\"12\"}") "}", 12},
        {"{" META(",\"annotations\":{\"deployment.kubernetes.io/revision\":\"x\"}") "}", 0},
        {"{" META(",\"annotations\":{\"deployment.kubernetes.io/revision\":\"-1\"}") "}", 0},
        {"{" META() "}", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ZL_AUTO_JSON struct cJSON *json = parse(rows[i].json);
        struct zl_replicaset *replicaset = NULL;
        assert_int_equal(
            zl_replicaset_decode(zl_prune(ZL_REPLICASET_SHAPE, &json), &replicaset, NULL), ZL_OK);
        assert_int_equal(replicaset->revision, rows[i].revision);
        assert_int_equal(replicaset->replicas, 1);
        zl_replicaset_free(replicaset);
    }
    ZL_AUTO_JSON struct cJSON *json = parse(
        "{" META(",\"ownerReferences\":[{\"kind\":\"StatefulSet\",\"name\":\"s\",\"uid\":\"2\","
                 "\"controller\":true}]") ",\"revision\":4}");
    struct zl_revision *revision = NULL;
    assert_int_equal(zl_revision_decode(zl_prune(ZL_REVISION_SHAPE, &json), &revision, NULL),
                     ZL_OK);
    assert_int_equal(revision->number, 4);
    assert_string_equal(revision->meta.controller.uid, "2");
    zl_revision_free(revision);
    ZL_AUTO_JSON struct cJSON *nameless = parse("{\"revision\":4}");
    revision = NULL;
    assert_int_equal(zl_revision_decode(zl_prune(ZL_REVISION_SHAPE, &nameless), &revision, NULL),
                     ZL_E_INVALID);
    assert_null(revision);
}

#define DELETED(grace)                                                                             \
    ",\"deletionTimestamp\":\"2026-01-01T00:00:00Z\",\"deletionGracePeriodSeconds\":" grace

static void test_pod_carries_grace_and_revision_and_may_serve_to_the_end(void **state)
{
    (void)state;
    struct {
        const char *json;
        int64_t grace_s;
        bool serving, ready;
    } rows[] = {
        {"{" META(DELETED("30")) ",\"status\":{\"phase\":\"Running\"," READY("True") "}}", 30, true,
         false},
        {"{" META(DELETED("30")) ",\"status\":{\"phase\":\"Running\"," READY("False") "}}", 30,
         false, false},
        /* The field of a pod that stays is not about now. */
        {"{" META(",\"deletionGracePeriodSeconds\":30") ",\"status\":{\"phase\":\"Running\"," READY(
             "True") "}}",
         0, true, true},
        {"{" META() ",\"status\":{\"phase\":\"Pending\"," READY("True") "}}", 0, false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ZL_AUTO_JSON struct cJSON *json = parse(rows[i].json);
        struct zl_pod *pod = NULL;
        assert_int_equal(zl_pod_decode(zl_prune(ZL_POD_SHAPE, &json), &pod, NULL), ZL_OK);
        if (pod->grace_s != rows[i].grace_s || pod->serving != rows[i].serving ||
            pod->ready != rows[i].ready) {
            fail_msg("row %zu", i);
        }
        assert_null(pod->revision);
        zl_pod_free(pod);
    }
    ZL_AUTO_JSON struct cJSON *json =
        parse("{" META(",\"labels\":{\"controller-revision-hash\":\"s-5f\"}") "}");
    struct zl_pod *pod = NULL;
    assert_int_equal(zl_pod_decode(zl_prune(ZL_POD_SHAPE, &json), &pod, NULL), ZL_OK);
    struct zl_pod *copy = zl_pod_copy(pod);
    zl_pod_free(pod);
    assert_string_equal(copy->revision, "s-5f");
    zl_pod_free(copy);
}

#define DELETED_WITH(status) "{" META(DELETED("30")) ",\"status\":{" status "}}"
#define RUNS "{\"name\":\"a\",\"state\":{\"running\":{\"startedAt\":\"2026-01-01T00:00:00Z\"}}}"
#define WAITS "{\"name\":\"a\",\"state\":{\"waiting\":{\"reason\":\"CrashLoopBackOff\"}}}"
#define ENDED                                                                                      \
    "{\"name\":\"a\",\"state\":{\"terminated\":{\"exitCode\":0,\"reason\":\"Completed\"}}}"

static void test_pod_on_its_way_out_has_ended_when_all_of_its_containers_have(void **state)
{
    (void)state;
    static const struct {
        const char *name, *json;
        bool ended;
    } rows[] = {
        {"nothing is said yet", DELETED_WITH(""), false},
        {"it runs", DELETED_WITH("\"containerStatuses\":[" RUNS "]"), false},
        {"it waits for a restart", DELETED_WITH("\"containerStatuses\":[" WAITS "]"), false},
        {"all ended", DELETED_WITH("\"containerStatuses\":[" ENDED "," ENDED "]"), true},
        {"one runs", DELETED_WITH("\"containerStatuses\":[" ENDED "," RUNS "]"), false},
        {"a sidecar runs",
         DELETED_WITH("\"initContainerStatuses\":[" RUNS "],\"containerStatuses\":[" ENDED "]"),
         false},
        {"so did the sidecar",
         DELETED_WITH("\"initContainerStatuses\":[" ENDED "],\"containerStatuses\":[" ENDED "]"),
         true},
        {"somebody looks at it with kubectl debug",
         DELETED_WITH("\"ephemeralContainerStatuses\":[" RUNS "],\"containerStatuses\":[" ENDED
                      "]"),
         false},
        {"init containers alone", DELETED_WITH("\"initContainerStatuses\":[" ENDED "]"), false},
        {"it failed", DELETED_WITH("\"phase\":\"Failed\""), true},
        {"it stays: one that ended is started again",
         "{" META() ",\"status\":{\"containerStatuses\":[" ENDED "]}}", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ZL_AUTO_JSON struct cJSON *json = parse(rows[i].json);
        struct zl_pod *pod = NULL;
        assert_int_equal(zl_pod_decode(zl_prune(ZL_POD_SHAPE, &json), &pod, NULL), ZL_OK);
        if (pod->ended != rows[i].ended) {
            fail_msg("%s", rows[i].name);
        }
        zl_pod_free(pod);
    }
}

static void test_node_is_ready_when_its_kubelet_says_so(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        bool ready;
    } rows[] = {
        {"{" META() ",\"status\":{" READY("True") "}}", true},
        {"{" META() ",\"status\":{" READY("False") "}}", false},
        {"{" META() ",\"status\":{" READY("Unknown") "}}", false},
        {"{" META() ",\"status\":{\"conditions\":[{\"type\":\"MemoryPressure\",\"status\":"
                    "\"True\"}]}}",
         false},
        {"{" META() "}", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ZL_AUTO_JSON struct cJSON *json = parse(rows[i].json);
        if (zl_node_is_ready(zl_prune(ZL_NODE_READY_SHAPE, &json)) != rows[i].ready) {
            fail_msg("row %zu", i);
        }
    }
}

static const struct {
    const char *annotations, *name;
} LEADER_NAMES[] = {
    {"", "w-leader"},
    {",\"annotations\":{\"zen-lead.io/leader-service-name\":\"primary\"}", "primary"},
    {",\"annotations\":{\"zen-lead.io/leader-service-name\":\"\"}", "w-leader"},
};

static void test_workload_names_its_leader_service(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof LEADER_NAMES / sizeof LEADER_NAMES[0]; i++) {
        ZL_AUTO_FREE char *text = zl_asprintf("{" META("%s") "}", LEADER_NAMES[i].annotations);
        ZL_AUTO_JSON struct cJSON *json = parse(text);
        struct zl_workload *workload = NULL;
        assert_int_equal(zl_workload_decode(&ZL_KIND_DEPLOYMENT, zl_prune(ZL_WORKLOAD_SHAPE, &json),
                                            &workload, NULL),
                         ZL_OK);
        ZL_AUTO_FREE char *name = zl_workload_leader_name(workload);
        assert_string_equal(name, LEADER_NAMES[i].name);
        zl_workload_free(workload);
    }
}

static void test_the_leader_stands_under_the_names_of_other_builds_too(void **state)
{
    (void)state;
    struct zl_service service = {.leader_pod = (char[]){"w-1"}, .type = (char[]){ZL_CLUSTER_IP}};
    ZL_AUTO_JSON struct cJSON *created = zl_service_encode(&service, NULL);
    assert_string_equal(
        zl_json_text(created, "metadata", "annotations", "zen-lead.io/current-leader", NULL),
        "w-1");
    service.leader_pod = NULL;
    ZL_AUTO_JSON struct cJSON *patch = zl_service_encode(&service, &service);
    ZL_AUTO_FREE char *text = zl_json_print(patch);
    /* so that a merge patch takes it away */
    assert_non_null(strstr(text, "\"zen-lead.io/current-leader\":null"));

    const struct zl_slice slice = {.service = (char[]){"w-leader"}};
    ZL_AUTO_JSON struct cJSON *object = zl_slice_encode(&slice, "v1", NULL);
    const char *const keys[] = {"kubernetes.io/service-name", "discovery.k8s.io/service-name"};
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal(zl_json_text(object, "metadata", "labels", keys[i], NULL), "w-leader");
    }
}

static void test_an_edition_is_the_generation_or_of_objects_without_one_the_version(void **state)
{
    (void)state;
    static char version[] = "812";
    static const struct {
        struct zl_meta meta;
        uint64_t edition;
    } ROWS[] = {
        {{.generation = 3, .resource_version = version}, 3},
        {{.resource_version = version}, 812},
        {{.generation = 0}, 0},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        assert_int_equal(zl_meta_edition(&ROWS[i].meta), ROWS[i].edition);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_workload_joins_by_label_then_annotation_then_template),
        cmocka_unit_test(test_workload_names_its_leader_service),
        cmocka_unit_test(test_the_leader_stands_under_the_names_of_other_builds_too),
        cmocka_unit_test(test_selector_becomes_a_query),
        cmocka_unit_test(test_pod_readiness_counts_only_while_it_runs_and_stays),
        cmocka_unit_test(test_only_the_controller_reference_is_the_owner),
        cmocka_unit_test(test_objects_without_name_or_uid_are_refused),
        cmocka_unit_test(test_policy_reads_defaults_and_its_status_round_trips),
        cmocka_unit_test(test_policy_hands_over_unless_it_says_recreate),
        cmocka_unit_test(test_the_last_leader_has_the_last_token),
        cmocka_unit_test(test_of_what_is_longer_than_a_name_a_fingerprint_is_kept),
        cmocka_unit_test(test_of_what_others_write_into_ours_a_fingerprint_is_kept),
        cmocka_unit_test(test_labels_and_selectors_are_kept_up_to_a_bound_and_ports_up_to_a_number),
        cmocka_unit_test(test_workload_says_how_it_rolls_out),
        cmocka_unit_test(test_revisions_carry_their_number_and_owner),
        cmocka_unit_test(test_pod_carries_grace_and_revision_and_may_serve_to_the_end),
        cmocka_unit_test(test_pod_on_its_way_out_has_ended_when_all_of_its_containers_have),
        cmocka_unit_test(test_node_is_ready_when_its_kubelet_says_so),
        cmocka_unit_test(test_an_edition_is_the_generation_or_of_objects_without_one_the_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
