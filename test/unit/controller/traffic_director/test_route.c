/* SPDX-License-Identifier: Apache-2.0 */
#include "common/objects/labels.h"
#include "common/objects/names.h"
#include "controller/traffic_director/route.h"
#include "test/unit/pruned.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define NOW_US 1767225600000000

static struct cJSON *parse(const char *text)
{
    struct cJSON *json = NULL;
    struct zl_error err = {0};
    if (zl_json_parse(text, strlen(text), &json, &err) != ZL_OK) {
        fail_msg("%s: %s", err.message, text);
    }
    return json;
}

static struct zl_service *service_of(const char *text)
{
    ZL_AUTO_JSON struct cJSON *json = parse(text);
    struct zl_service *service = NULL;
    assert_int_equal(zl_service_decode(zl_prune(ZL_SERVICE_SHAPE, &json), &service, NULL), ZL_OK);
    return service;
}

static struct zl_pod *pod_of(const char *text)
{
    ZL_AUTO_JSON struct cJSON *json = parse(text);
    struct zl_pod *pod = NULL;
    assert_int_equal(zl_pod_decode(zl_prune(ZL_POD_SHAPE, &json), &pod, NULL), ZL_OK);
    return pod;
}

#define META(name, extra)                                                                          \
    "\"metadata\":{\"namespace\":\"shop\",\"name\":\"" name "\",\"uid\":\"uid-" name "\"" extra "}"

static const char POD[] = "{" META(
    "web-0", ",\"labels\":{\"app\":\"web\"}") ",\"spec\":{\"nodeName\":\"node-1\","
                                              "\"containers\":[{\"name\":\"main\",\"ports\":[{"
                                              "\"name\":\"http\",\"containerPort\":8080},"
                                              "{\"containerPort\":9090,\"protocol\":\"UDP\"}]}],"
                                              "\"initContainers\":[{\"name\":\"mesh\","
                                              "\"restartPolicy\":\"Always\",\"ports\":[{\"name\":"
                                              "\"mesh\",\"containerPort\":15000}]},{\"name\":"
                                              "\"once\",\"ports\":[{\"name\":\"once\","
                                              "\"containerPort\":1}]}]},\"status\":{\"phase\":"
                                              "\"Running\",\"podIP\":\"10.0.0.1\","
                                              "\"podIPs\":[{\"ip\":\"10.0.0.1\"},{\"ip\":\"fd00::"
                                              "1\"}],\"conditions\":[{\"type\":\"Ready\","
                                              "\"status\":\"True\"}]}}";

#define SOURCE(annotations, spec)                                                                  \
    "{" META("web", ",\"annotations\":{\"zen-lead.io/enabled\":\"true\"" annotations               \
                    "}") ",\"spec\":{" spec "}}"

static char name_both[] = "PreferDualStack", name_single[] = "SingleStack", address[] = "10.0.0.9";
static char kind[] = "Service", api_version[] = "v1", owner_name[] = "web", owner_uid[] = "uid-web";
#define OWNER                                                                                      \
    {                                                                                              \
        .api_version = api_version, .kind = kind, .name = owner_name, .uid = owner_uid             \
    }

static struct zl_route route_of(const struct zl_service *from, const struct zl_pod *leader)
{
    return (struct zl_route){.namespace_ = "shop",
                             .name = "web-leader",
                             .owner = OWNER,
                             .from = from,
                             .leader = leader,
                             .zone = "zone-a"};
}

/* --- reading a Service --- */

static void test_annotations_of_a_service_are_read(void **state)
{
    (void)state;
    struct zl_service *service = service_of(
        SOURCE(",\"zen-lead.io/sticky\":\"false\",\"zen-lead.io/min-ready-duration\":\"1m30s\","
               "\"zen-lead.io/leader-service-name\":\"primary\"",
               "\"selector\":{\"app\":\"web\"},\"ipFamilies\":[\"IPv6\",\"IPv4\"],"
               "\"ports\":[{\"port\":80}]"));
    assert_true(service->opted_in);
    assert_false(service->sticky);
    assert_int_equal(service->min_ready_ms, 90000);
    assert_string_equal(service->wanted_name, "primary");
    assert_true(service->ipv4 && service->ipv6 && service->ipv6_first);
    assert_false(service->ours);
    assert_int_equal(service->ports[0].target_number, 80); /* the port itself is the default */
    assert_string_equal(service->ports[0].protocol, "TCP");
    zl_service_free(service);

    service = service_of(SOURCE(",\"zen-lead.io/min-ready-duration\":\"soon\"", ""));
    assert_string_equal(service->ignored,
                        "zen-lead.io/min-ready-duration is not a duration such as \"10s\"");
    assert_int_equal(service->min_ready_ms, 0);
    zl_service_free(service);

    service = service_of(SOURCE(",\"zen-lead.io/strategy\":\"newest\",\"zen-lead.io/"
                                "failover-min-delay\":\"3s\",\"zen-lead.io/leader-service-type\":"
                                "\"NodePort\"",
                                ""));
    assert_int_equal(service->prefers, ZL_PREFER_NEWEST);
    assert_int_equal(service->failover_delay_ms, 3000);
    assert_string_equal(service->leader_type, "NodePort");
    assert_null(service->ignored);
    zl_service_free(service);

    service = service_of(SOURCE(",\"zen-lead.io/strategy\":\"random\",\"zen-lead.io/"
                                "failover-min-delay\":\"3\",\"zen-lead.io/leader-service-type\":"
                                "\"ExternalName\"",
                                ""));
    assert_int_equal(service->prefers, ZL_PREFER_LONGEST_READY);
    assert_int_equal(service->failover_delay_ms, 0);
    assert_string_equal(service->leader_type, "ClusterIP");
    assert_string_equal(
        service->ignored,
        "zen-lead.io/failover-min-delay is not a duration such as \"10s\"; zen-lead.io/strategy is "
        "none of oldest, newest, node-aware; zen-lead.io/leader-service-type is none of ClusterIP, "
        "NodePort, LoadBalancer");
    zl_service_free(service);

    service = service_of("{" META("x", ",\"annotations\":{\"zen-lead.io/enabled\":\"yes\"}") "}");
    assert_false(service->opted_in);
    zl_service_free(service);
}

static void test_selector_selects_pods_that_have_all_its_labels(void **state)
{
    (void)state;
    const struct {
        const char *labels, *selector;
        bool matches;
    } rows[] = {
        {"{\"app\":\"web\",\"tier\":\"1\"}", "{\"app\":\"web\"}", true},
        {"{\"app\":\"web\"}", "{\"app\":\"web\",\"tier\":\"1\"}", false},
        {"{\"app\":\"web2\"}", "{\"app\":\"web\"}", false},
        {"{\"app\":\"web\"}", "{}", false}, /* no selector selects nothing */
        {"{}", "{\"app\":\"web\"}", false},
        {"{\"app\":\"\"}", "{\"app\":\"\"}", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ZL_AUTO_JSON struct cJSON *labels_json = parse(rows[i].labels);
        ZL_AUTO_JSON struct cJSON *selector_json = parse(rows[i].selector);
        ZL_AUTO_FREE char *labels = zl_labels_pack(labels_json);
        ZL_AUTO_FREE char *selector = zl_labels_pack(selector_json);
        ZL_AUTO_FREE char *copy = zl_labels_copy(labels);
        if (zl_labels_match(copy, selector) != rows[i].matches) {
            fail_msg("row %zu", i);
        }
    }
}

static void test_service_names_follow_the_strictest_rule(void **state)
{
    (void)state;
    assert_true(zl_service_name_is_valid("web-leader"));
    assert_true(zl_service_name_is_valid("a"));
    assert_false(zl_service_name_is_valid(""));
    assert_false(zl_service_name_is_valid("1web"));
    assert_false(zl_service_name_is_valid("web.leader"));
    assert_false(zl_service_name_is_valid("web-"));
    assert_false(zl_service_name_is_valid("Web"));
    assert_false(zl_service_name_is_valid(
        "a123456789012345678901234567890123456789012345678901234567890123"));
}

/* --- ports --- */

struct port_row {
    const char *what, *ports;
    size_t count; /* 0: fail closed */
    int64_t first;
};

static const struct port_row PORT_ROWS[] = {
    {"by number", "[{\"port\":80,\"targetPort\":8080}]", 1, 8080},
    {"default", "[{\"port\":80}]", 1, 80},
    {"by name", "[{\"port\":80,\"targetPort\":\"http\"}]", 1, 8080},
    {"of a native sidecar", "[{\"port\":80,\"targetPort\":\"mesh\"}]", 1, 15000},
    {"not of a mere init container", "[{\"port\":80,\"targetPort\":\"once\"}]", 0, 0},
    {"name with another protocol", "[{\"port\":80,\"targetPort\":\"http\",\"protocol\":\"UDP\"}]",
     0, 0},
    {"one of two is missing",
     "[{\"name\":\"a\",\"port\":80,\"targetPort\":8080},{\"name\":\"b\",\"port\":81,"
     "\"targetPort\":\"grpc\"}]",
     0, 0},
    {"two",
     "[{\"name\":\"a\",\"port\":80,\"targetPort\":8080},{\"name\":\"b\",\"port\":81,"
     "\"targetPort\":\"http\",\"appProtocol\":\"h2c\"}]",
     2, 8080},
};

static void test_ports_are_resolved_in_the_leader_or_nothing_is_routed(void **state)
{
    (void)state;
    struct zl_pod *pod = pod_of(POD);
    for (size_t i = 0; i < sizeof PORT_ROWS / sizeof PORT_ROWS[0]; i++) {
        const struct port_row *row = &PORT_ROWS[i];
        ZL_AUTO_FREE char *text =
            zl_asprintf("{" META("web", "") ",\"spec\":{\"ports\":%s}}", row->ports);
        struct zl_service *from = service_of(text);
        struct zl_route route = route_of(from, pod);
        struct zl_service *service = zl_route_service(&route, NULL, NOW_US);
        struct zl_slice *slice = NULL;
        enum zl_status status = zl_route_slice(&route, service, ZL_FAMILY_IPV4, &slice, NULL);
        if ((status == ZL_OK) != (row->count > 0) || slice->port_count != row->count ||
            slice->endpoint_count != (row->count > 0 ? 1 : 0) ||
            (row->count > 0 && slice->ports[0].number != row->first)) {
            fail_msg("%s: status %d, %zu ports, %zu endpoints", row->what, (int)status,
                     slice->port_count, slice->endpoint_count);
        }
        zl_slice_free(slice);
        zl_service_free(service);
        zl_service_free(from);
    }
    zl_pod_free(pod);
}

static void test_container_ports_stand_in_for_a_service(void **state)
{
    (void)state;
    struct zl_pod *pod = pod_of(POD);
    struct zl_route route = route_of(NULL, pod);
    struct zl_service *service = zl_route_service(&route, NULL, NOW_US);
    assert_int_equal(service->port_count, 3);
    assert_string_equal(service->ports[0].name, "http");
    assert_string_equal(service->ports[1].name, "port-9090-udp");
    assert_string_equal(service->ports[1].protocol, "UDP");
    assert_string_equal(service->ports[2].name, "mesh");
    assert_null(service->source);
    zl_service_free(service);
    zl_pod_free(pod);
}

static void test_template_lends_ports_only_where_nobody_knows_better(void **state)
{
    (void)state;
    struct zl_pod *pod = pod_of(POD);
    struct zl_route route = route_of(NULL, NULL);
    struct zl_service *stored = service_of(SOURCE("", "\"ports\":[{\"port\":81}]"));
    route.template_pod = pod;
    struct zl_service *fresh = zl_route_service(&route, NULL, NOW_US);
    assert_int_equal(fresh->port_count, 3);
    assert_string_equal(fresh->ports[0].name, "http");
    assert_null(fresh->leader_uid);
    struct zl_service *kept = zl_route_service(&route, stored, NOW_US);
    assert_int_equal(kept->port_count, stored->port_count);
    assert_true(kept->ports[0].number == 81);
    zl_service_free(kept);
    zl_service_free(fresh);
    zl_service_free(stored);
    zl_pod_free(pod);
}

/* --- what is written --- */

static void test_service_is_what_is_stored_of_it(void **state)
{
    (void)state;
    struct zl_pod *pod = pod_of(POD);
    struct zl_service *from = service_of(SOURCE(
        "", "\"clusterIP\":\"None\",\"ports\":[{\"name\":\"http\",\"port\":80,\"targetPort\":"
            "\"http\",\"appProtocol\":\"h2c\"}]"));
    struct zl_route route = route_of(from, pod);
    struct zl_service *service = zl_route_service(&route, NULL, NOW_US);
    ZL_AUTO_JSON struct cJSON *object = zl_service_encode(service, NULL);
    zl_json_set_text(zl_json_child(object, "metadata"), "uid", "u");
    assert_null(zl_json_at(object, "spec", "clusterIP", NULL)); /* headless is not inherited */
    assert_null(zl_json_at(object, "metadata", "labels", ZL_KEY_POOL, NULL));

    struct zl_service *stored = NULL;
    assert_int_equal(zl_service_decode(zl_prune(ZL_SERVICE_SHAPE, &object), &stored, NULL), ZL_OK);
    assert_true(stored->ours);
    assert_true(zl_service_same(service, stored));
    assert_string_equal(stored->leader_uid, "uid-web-0");
    assert_string_equal(stored->leader_switch_time, "2026-01-01T00:00:00Z");

    /* The same leader later: the time of the switch stays. Nobody: it moves. */
    struct zl_service *later = zl_route_service(&route, stored, NOW_US + 5000000);
    assert_string_equal(later->leader_switch_time, "2026-01-01T00:00:00Z");
    zl_service_free(later);
    route.leader = NULL;
    later = zl_route_service(&route, stored, NOW_US + 5000000);
    assert_string_equal(later->leader_switch_time, "2026-01-01T00:00:05Z");
    assert_null(later->leader_uid);
    assert_false(zl_service_same(later, stored));
    zl_service_free(later);

    zl_service_free(stored);
    zl_service_free(service);
    zl_service_free(from);
    zl_pod_free(pod);
}

/* SERVICE as it is stored after it was written. */
static struct zl_service *stored_service(const struct zl_service *service)
{
    ZL_AUTO_JSON struct cJSON *object = zl_service_encode(service, NULL);
    struct zl_service *stored = NULL;
    zl_json_set_text(zl_json_child(object, "metadata"), "uid", "u");
    assert_int_equal(zl_service_decode(zl_prune(ZL_SERVICE_SHAPE, &object), &stored, NULL), ZL_OK);
    return stored;
}

static void test_what_the_source_lists_is_carried_over_and_taken_away_again(void **state)
{
    (void)state;
    static const char source[] =
        "{\"metadata\":{\"namespace\":\"shop\",\"name\":\"web\",\"uid\":\"uid-web\",\"labels\":{"
        "\"team\":\"%s\",\"release\":\"r\",\"app.kubernetes.io/instance\":\"shop\"},"
        "\"annotations\":{\"zen-lead.io/enabled\":\"true\",\"zen-lead.io/copy-labels\":\"%s\","
        "\"zen-lead.io/copy-annotations\":\"dns.example/*\",\"dns.example/name\":\"web.example\","
        "\"kubectl.kubernetes.io/last-applied-configuration\":\"{}\"}},\"spec\":{\"ports\":[{"
        "\"port\":80}]}}";
    ZL_AUTO_FREE char *both = zl_asprintf(source, "a", "team, app.kubernetes.io/*,release");
    ZL_AUTO_FREE char *one = zl_asprintf(source, "b", "team");
    struct zl_service *from = service_of(both);
    struct zl_route route = route_of(from, NULL);
    struct zl_service *service = zl_route_service(&route, NULL, NOW_US);
    struct zl_service *stored = stored_service(service);
    assert_string_equal(stored->carried_label_names, "team,release"); /* not Argo CD's */
    assert_string_equal(stored->carried_annotation_names, "dns.example/name");
    assert_string_equal(stored->carried_annotations, "dns.example/name=web.example");
    assert_true(zl_service_same(service, stored));
    zl_service_free(service);
    zl_service_free(from);

    /* One changes, the other is not listed any more; what somebody else has put there is not touched. */
    route.from = from = service_of(one);
    service = zl_route_service(&route, stored, NOW_US);
    assert_false(zl_service_same(service, stored));
    ZL_AUTO_JSON struct cJSON *patch = zl_service_encode(service, stored);
    ZL_AUTO_FREE char *labels = zl_json_print(zl_json_at(patch, "metadata", "labels", NULL));
    assert_string_equal(labels, "{\"app.kubernetes.io/managed-by\":\"zen-lead\",\"zen-lead.io/"
                                "source-service\":\"web\",\"zen-lead/pool\":null,\"team\":\"b\","
                                "\"release\":null}");
    zl_service_free(service);

    /* Who lends its ports to a pool has not asked for it. */
    route.pool = "pool";
    service = zl_route_service(&route, NULL, NOW_US);
    assert_null(service->carried_labels);
    zl_service_free(service);
    zl_service_free(stored);
    zl_service_free(from);
}

static void test_node_ports_stay_when_the_service_is_repaired(void **state)
{
    (void)state;
    static char node_port[] = "NodePort", cluster_ip[] = ZL_CLUSTER_IP;
    struct zl_service_port stored_port = {
        .protocol = "TCP", .number = 80, .target_number = 80, .node_port = 30123};
    struct zl_service_port port = {
        .protocol = "TCP", .number = 80, .target_number = 8080, .node_port = 30999};
    const struct zl_service stored = {
        .ours = true, .type = node_port, .ports = &stored_port, .port_count = 1};
    struct zl_service service = {.type = node_port, .ports = &port, .port_count = 1};
    ZL_AUTO_JSON struct cJSON *patch = zl_service_encode(&service, &stored);
    ZL_AUTO_FREE char *spec = zl_json_print(zl_json_at(patch, "spec", "ports", NULL));
    assert_string_equal(
        spec, "[{\"protocol\":\"TCP\",\"port\":80,\"targetPort\":8080,\"nodePort\":30123}]");
    /* The source's own is never wanted. */
    ZL_AUTO_JSON struct cJSON *created = zl_service_encode(&service, NULL);
    assert_null(
        zl_json_at(zl_json_first(zl_json_at(created, "spec", "ports", NULL)), "nodePort", NULL));
    service.type = cluster_ip;
    ZL_AUTO_JSON struct cJSON *back = zl_service_encode(&service, &stored);
    assert_null(
        zl_json_at(zl_json_first(zl_json_at(back, "spec", "ports", NULL)), "nodePort", NULL));
    assert_false(zl_service_same(&service, &stored));
}

static struct zl_slice *stored_slice(const struct zl_slice *slice, const char *version)
{
    ZL_AUTO_JSON struct cJSON *object = zl_slice_encode(slice, version, "7");
    struct zl_slice *stored = NULL;
    zl_json_set_text(zl_json_child(object, "metadata"), "uid", "u");
    assert_int_equal(zl_slice_decode(zl_prune(ZL_SLICE_SHAPE, &object), &stored, NULL), ZL_OK);
    return stored;
}

static void test_slice_is_what_is_stored_of_it_in_both_versions(void **state)
{
    (void)state;
    const char *const versions[] = {"v1", "v1beta1"};
    struct zl_pod *pod = pod_of(POD);
    struct zl_route route = route_of(NULL, pod);
    struct zl_service *service = zl_route_service(&route, NULL, NOW_US);
    for (size_t i = 0; i < 2; i++) {
        struct zl_slice *slice = NULL;
        assert_int_equal(zl_route_slice(&route, service, ZL_FAMILY_IPV6, &slice, NULL), ZL_OK);
        assert_string_equal(slice->address, "fd00::1");
        assert_string_equal(slice->meta.name, "web-leader-ipv6");
        struct zl_slice *stored = stored_slice(slice, versions[i]);
        assert_true(zl_slice_same(slice, stored));
        assert_true(zl_slice_is_routed(stored));
        assert_string_equal(stored->zone, "zone-a");
        assert_string_equal(stored->meta.resource_version, "7");

        /* 1.20 drops what it does not know; a port that somebody changed is not the same. */
        stored->serving = stored->terminating = ZL_UNSAID;
        assert_true(zl_slice_same(slice, stored));
        stored->ports[0].number++;
        assert_false(zl_slice_same(slice, stored));
        zl_slice_free(stored);
        zl_slice_free(slice);
    }
    zl_service_free(service);
    zl_pod_free(pod);
}

static void test_leader_on_its_way_out_is_shown_as_such(void **state)
{
    (void)state;
    struct zl_pod *pod = pod_of(POD);
    struct zl_route route = route_of(NULL, pod);
    struct zl_service *service = zl_route_service(&route, NULL, NOW_US);
    struct zl_slice *slice = NULL;
    pod->meta.deleting = true;
    pod->ready = false;
    assert_int_equal(zl_route_slice(&route, service, ZL_FAMILY_IPV4, &slice, NULL), ZL_OK);
    assert_int_equal(slice->ready, ZL_NO);
    assert_int_equal(slice->serving, ZL_YES);
    assert_int_equal(slice->terminating, ZL_YES);
    assert_false(zl_slice_is_routed(slice));
    zl_slice_free(slice);
    zl_service_free(service);
    zl_pod_free(pod);
}

static void test_one_slice_for_each_family_of_the_service(void **state)
{
    (void)state;
    const struct {
        const char *families;
        bool ipv4, ipv6;
    } rows[] = {
        {"[\"IPv4\"]", true, false},
        {"[\"IPv6\"]", false, true},
        {"[\"IPv4\",\"IPv6\"]", true, true},
        {"[]", true, true}, /* an old server does not say: those of the pod */
    };
    struct zl_pod *pod = pod_of(POD);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ZL_AUTO_FREE char *text =
            zl_asprintf("{" META("web", "") ",\"spec\":{\"ipFamilies\":%s}}", rows[i].families);
        struct zl_service *from = service_of(text);
        struct zl_route route = route_of(from, pod);
        if (zl_route_has_family(&route, NULL, ZL_FAMILY_IPV4) != rows[i].ipv4 ||
            zl_route_has_family(&route, NULL, ZL_FAMILY_IPV6) != rows[i].ipv6) {
            fail_msg("row %zu", i);
        }
        zl_service_free(from);
    }
    zl_pod_free(pod);
}

/* Case 15: a source that gets its second family later, or gives it back. The first, and its address, stay. */
static void test_families_of_the_leader_service_follow_those_of_its_source(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct zl_service source, stored;
        const char *patch; /* NULL: nothing to write */
    } rows[] = {
        {"the same",
         {.family_policy = name_single, .ipv4 = true},
         {.family_policy = name_single, .ipv4 = true},
         NULL},
        {"the second one comes",
         {.family_policy = name_both, .ipv4 = true, .ipv6 = true},
         {.family_policy = name_single, .ipv4 = true, .cluster_ip = address},
         "{\"ipFamilyPolicy\":\"PreferDualStack\",\"ipFamilies\":[\"IPv4\",\"IPv6\"]}"},
        {"... and goes",
         {.family_policy = name_single, .ipv4 = true},
         {.family_policy = name_both, .ipv4 = true, .ipv6 = true, .cluster_ip = address},
         "{\"ipFamilyPolicy\":\"SingleStack\",\"ipFamilies\":[\"IPv4\"],\"clusterIPs\":[\"10.0.0."
         "9\"]}"},
        {"made anew with the other one: it cannot be followed",
         {.family_policy = name_single, .ipv6 = true, .ipv6_first = true},
         {.family_policy = name_single, .ipv4 = true},
         NULL},
        {"a server that does not know families",
         {.ipv4 = false},
         {.family_policy = name_single, .ipv4 = true},
         NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ZL_AUTO_JSON struct cJSON *spec = zl_json_object();
        bool same = zl_service_same_families(&rows[i].source, &rows[i].stored);
        if (same != (rows[i].patch == NULL)) {
            fail_msg("%s", rows[i].name);
        }
        if (!same) {
            zl_service_encode_families(&rows[i].source, &rows[i].stored, spec);
            ZL_AUTO_FREE char *text = zl_json_print(spec);
            assert_string_equal(text, rows[i].patch);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_annotations_of_a_service_are_read),
        cmocka_unit_test(test_selector_selects_pods_that_have_all_its_labels),
        cmocka_unit_test(test_service_names_follow_the_strictest_rule),
        cmocka_unit_test(test_ports_are_resolved_in_the_leader_or_nothing_is_routed),
        cmocka_unit_test(test_container_ports_stand_in_for_a_service),
        cmocka_unit_test(test_template_lends_ports_only_where_nobody_knows_better),
        cmocka_unit_test(test_service_is_what_is_stored_of_it),
        cmocka_unit_test(test_what_the_source_lists_is_carried_over_and_taken_away_again),
        cmocka_unit_test(test_node_ports_stay_when_the_service_is_repaired),
        cmocka_unit_test(test_slice_is_what_is_stored_of_it_in_both_versions),
        cmocka_unit_test(test_leader_on_its_way_out_is_shown_as_such),
        cmocka_unit_test(test_families_of_the_leader_service_follow_those_of_its_source),
        cmocka_unit_test(test_one_slice_for_each_family_of_the_service),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
