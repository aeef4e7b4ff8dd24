/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/gate/webhook_entry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define OURS "\"name\":\"pods.zen-lead.kube-zen.io\""
#define KEY "\"key\":\"kubernetes.io/metadata.name\""
#define NONE                                                                                       \
    "{\"matchExpressions\":[{" KEY ",\"operator\":\"In\",\"values\":[\"no.leaderpolicy\"]}]}"
#define A_AND_B "{\"matchExpressions\":[{" KEY ",\"operator\":\"In\",\"values\":[\"a\",\"b\"]}]}"

static struct cJSON *parse(const char *text)
{
    struct cJSON *tree = NULL;
    struct zl_error err = {0};
    assert_int_equal(zl_json_parse(text, strlen(text), &tree, &err), ZL_OK);
    return tree;
}

static struct zl_namespaces names(const char *list)
{
    struct zl_namespaces out = {0};
    for (; *list != '\0'; list++) {
        const char name[] = {*list, '\0'};
        zl_namespaces_add(&out, name);
    }
    zl_namespaces_sort(&out);
    return out;
}

static void test_selectors(void **state)
{
    static const struct {
        const char *namespaces, *selector;
    } rows[] = {{"", NONE}, {"ab", A_AND_B}, {"ba", A_AND_B}, {"abbab", A_AND_B}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ZL_AUTO_NAMESPACES struct zl_namespaces wanted = names(rows[i].namespaces);
        ZL_AUTO_JSON struct cJSON *selector = zl_selector_new(&wanted);
        ZL_AUTO_FREE char *text = zl_json_print(selector);
        assert_string_equal(text, rows[i].selector);
        assert_true(zl_selector_is(selector, &wanted));
    }
}

#define FOREIGN "{\"key\":\"control-plane\",\"operator\":\"DoesNotExist\"}"
#define NOT_IN(names) "{" KEY ",\"operator\":\"NotIn\",\"values\":[" names "]}"
#define IN(names) "{" KEY ",\"operator\":\"In\",\"values\":[" names "]}"
#define EXPRESSIONS(list) "{\"matchExpressions\":[" list "]"

/* What is selected is what is wanted, but for what others take out of it; and what a repair makes of the rest. */
static const struct {
    const char *selector;
    bool is_it;
    const char *repaired; /* where it is not */
} SELECTORS[] = {
    {"{\"matchExpressions\":[{\"operator\":\"In\",\"values\":[\"a\",\"b\"]," KEY "}]}", true, NULL},
    {"{}", false, A_AND_B},
    {EXPRESSIONS("") "}", false, A_AND_B},
    {"{\"matchExpressions\":null}", false, A_AND_B},
    {EXPRESSIONS("{\"key\":\"name\",\"operator\":\"In\",\"values\":[\"a\",\"b\"]}") "}", false,
     EXPRESSIONS(
         IN("\"a\",\"b\"") ",{\"key\":\"name\",\"operator\":\"In\",\"values\":[\"a\",\"b\"]}") "}"},
    {EXPRESSIONS(IN("\"a\"")) "}", false, A_AND_B},
    {EXPRESSIONS(IN("\"a\",\"b\",\"c\"")) "}", false, A_AND_B},
    {EXPRESSIONS(IN("\"a\",\"c\"")) "}", false, A_AND_B},
    /* A second list of ours is nobody's. */
    {EXPRESSIONS(IN("\"a\",\"b\"") "," IN("\"a\"")) "}", false, A_AND_B},
    /* Of others: kept, wherever they put it. */
    {EXPRESSIONS(IN("\"a\",\"b\"") "," FOREIGN) "}", true, NULL},
    {EXPRESSIONS(FOREIGN "," IN("\"a\",\"b\"")) "}", true, NULL},
    {EXPRESSIONS(FOREIGN "," IN("\"a\"")) "}", false,
     EXPRESSIONS(FOREIGN "," IN("\"a\",\"b\"")) "}"},
    {EXPRESSIONS(IN("\"a\",\"b\"")) ",\"matchLabels\":{\"x\":\"y\"}}", true, NULL},
    {"{\"matchLabels\":{\"x\":\"y\"}}", false,
     EXPRESSIONS(IN("\"a\",\"b\"")) ",\"matchLabels\":{\"x\":\"y\"}}"},
    {EXPRESSIONS(IN("\"a\",\"b\"") "," NOT_IN("\"gke-managed\"")) "}", true, NULL},
    /* But not where they take out a namespace with a LeaderPolicy by its name. */
    {EXPRESSIONS(IN("\"a\",\"b\"") "," NOT_IN("\"x\",\"b\"")) "}", false, A_AND_B},
    {EXPRESSIONS(NOT_IN("\"a\",\"b\"")) "}", false, A_AND_B},
};

static void test_requirements_of_others_stay(void **state)
{
    (void)state;
    ZL_AUTO_NAMESPACES struct zl_namespaces wanted = names("ab");
    assert_false(zl_selector_is(NULL, &wanted));
    for (size_t i = 0; i < sizeof SELECTORS / sizeof SELECTORS[0]; i++) {
        ZL_AUTO_JSON struct cJSON *selector = parse(SELECTORS[i].selector);
        ZL_AUTO_FREE char *text = zl_asprintf(
            "{\"webhooks\":[{" OURS ",\"namespaceSelector\":%s}]}", SELECTORS[i].selector);
        ZL_AUTO_JSON struct cJSON *object = parse(text);
        ZL_AUTO_JSON struct cJSON *patch = zl_selector_patch(object, &wanted);
        if (zl_selector_is(selector, &wanted) != SELECTORS[i].is_it ||
            (patch == NULL) != SELECTORS[i].is_it) {
            fail_msg("%s", SELECTORS[i].selector);
        }
        if (patch != NULL) {
            const struct cJSON *last = zl_json_first(patch);
            while (zl_json_next(last) != NULL) {
                last = zl_json_next(last);
            }
            ZL_AUTO_FREE char *repaired = zl_json_print(zl_json_at(last, "value", NULL));
            assert_string_equal(repaired, SELECTORS[i].repaired);
        }
    }
}

static void test_others_are_named(void **state)
{
    (void)state;
    ZL_AUTO_NAMESPACES struct zl_namespaces wanted = names("a");
    ZL_AUTO_JSON struct cJSON *ours = parse(EXPRESSIONS(IN("\"a\"")) "}");
    ZL_AUTO_JSON struct cJSON *both = parse(EXPRESSIONS(IN("\"a\"") "," FOREIGN) "}");
    ZL_AUTO_FREE char *nothing = zl_selector_others(ours, &wanted);
    ZL_AUTO_FREE char *something = zl_selector_others(both, &wanted);
    assert_string_equal(nothing, "");
    assert_string_equal(something, "[" FOREIGN "]");
}

static void test_entry_is_found_by_name(void **state)
{
    (void)state;
    ZL_AUTO_JSON struct cJSON *object =
        parse("{\"webhooks\":[{\"name\":\"x\"},{" OURS ",\"timeoutSeconds\":3,\"clientConfig\":{"
              "\"service\":{\"namespace\":\"zen\"}},\"namespaceSelector\":" A_AND_B "}]}");
    struct zl_webhook_entry *entry = zl_webhook_entry_decode(object, ZL_WEBHOOK_ENTRY);
    assert_true(entry->present);
    assert_string_equal(entry->service_namespace, "zen");
    assert_true(zl_namespaces_have(&entry->selected, "a"));
    assert_false(zl_namespaces_have(&entry->selected, "c"));
    assert_null(strstr(entry->rest, "matchExpressions"));
    zl_webhook_entry_free(entry);
}

static void test_what_is_no_entry(void **state)
{
    static const char *const objects[] = {
        "{}",
        "[]",
        "{\"webhooks\":null}",
        "{\"webhooks\":[]}",
        "{\"webhooks\":{\"a\":1}}",
        "{\"webhooks\":[{\"name\":\"x\"},{},1,null]}",
    };
    (void)state;
    ZL_AUTO_NAMESPACES struct zl_namespaces wanted = names("a");
    for (size_t i = 0; i < sizeof objects / sizeof objects[0]; i++) {
        ZL_AUTO_JSON struct cJSON *object = parse(objects[i]);
        struct zl_webhook_entry *entry = zl_webhook_entry_decode(object, ZL_WEBHOOK_ENTRY);
        assert_false(entry->present);
        assert_null(zl_selector_patch(object, &wanted));
        zl_webhook_entry_free(entry);
    }
}

static void test_rest_is_all_but_the_names_selected(void **state)
{
    static const struct {
        const char *name, *entry;
        bool same;
    } rows[] = {
        {"another selector", "{" OURS ",\"timeoutSeconds\":3,\"namespaceSelector\":{}}", true},
        {"what others require",
         "{" OURS ",\"timeoutSeconds\":3,\"namespaceSelector\":{\"matchLabels\":{\"a\":\"b\"}}}",
         false},
        {"another time-out", "{" OURS ",\"timeoutSeconds\":4,\"namespaceSelector\":" NONE "}",
         false},
        {"a caBundle", "{" OURS ",\"timeoutSeconds\":3,\"clientConfig\":{\"caBundle\":\"a\"}}",
         false},
    };
    (void)state;
    ZL_AUTO_JSON struct cJSON *object =
        parse("{\"webhooks\":[{" OURS ",\"timeoutSeconds\":3,\"namespaceSelector\":" NONE "}]}");
    struct zl_webhook_entry *entry = zl_webhook_entry_decode(object, ZL_WEBHOOK_ENTRY);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ZL_AUTO_FREE char *text = zl_asprintf("{\"webhooks\":[%s]}", rows[i].entry);
        ZL_AUTO_JSON struct cJSON *other_object = parse(text);
        struct zl_webhook_entry *other = zl_webhook_entry_decode(other_object, ZL_WEBHOOK_ENTRY);
        if ((strcmp(entry->rest, other->rest) == 0) != rows[i].same) {
            fail_msg("%s", rows[i].name);
        }
        zl_webhook_entry_free(other);
    }
    zl_webhook_entry_free(entry);
}

static void test_patch_touches_the_selector_alone_and_tests_its_place(void **state)
{
    static const struct {
        const char *object, *patch; /* NULL: none */
    } rows[] = {
        {"{\"webhooks\":[{\"name\":\"x\"},{" OURS ",\"namespaceSelector\":" NONE "}]}",
         "[{\"op\":\"test\",\"path\":\"/webhooks/1/name\",\"value\":\"pods.zen-lead.kube-zen.io\"},"
         "{\"op\":\"test\",\"path\":\"/webhooks/1/namespaceSelector\",\"value\":" NONE "},"
         "{\"op\":\"add\",\"path\":\"/webhooks/1/namespaceSelector\",\"value\":" A_AND_B "}]"},
        {"{\"webhooks\":[{" OURS "}]}",
         "[{\"op\":\"test\",\"path\":\"/webhooks/0/name\",\"value\":\"pods.zen-lead.kube-zen.io\"},"
         "{\"op\":\"add\",\"path\":\"/webhooks/0/namespaceSelector\",\"value\":" A_AND_B "}]"},
        {"{\"webhooks\":[{" OURS ",\"namespaceSelector\":" A_AND_B "}]}", NULL},
    };
    (void)state;
    ZL_AUTO_NAMESPACES struct zl_namespaces wanted = names("ab");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ZL_AUTO_JSON struct cJSON *object = parse(rows[i].object);
        ZL_AUTO_JSON struct cJSON *patch = zl_selector_patch(object, &wanted);
        if (rows[i].patch == NULL) {
            assert_null(patch);
            continue;
        }
        ZL_AUTO_FREE char *text = zl_json_print(patch);
        assert_string_equal(text, rows[i].patch);
    }
}

/* --- zen-lead-pods is filled from zen-lead --- */

#define SHIPPED(address)                                                                           \
    "{\"webhooks\":[{\"name\":\"policies.zen-lead.kube-zen.io\",\"failurePolicy\":\"Ignore\","     \
    "\"timeoutSeconds\":5,\"clientConfig\":{" address ",\"caBundle\":\"Q0E=\"}}]}"
#define SERVICE(path)                                                                              \
    "\"service\":{\"namespace\":\"zen\",\"name\":\"hook\",\"path\":\"" path "\",\"port\":443}"

static char *fill(const char *pods, const char *shipped)
{
    ZL_AUTO_NAMESPACES struct zl_namespaces wanted = names("ab");
    ZL_AUTO_JSON struct cJSON *object = parse(pods);
    ZL_AUTO_JSON struct cJSON *source = parse(shipped);
    const struct zl_gate_wanted gate = {
        .shipped = source, .path = "/validate/t", .ca_bundle = "Q0E=", .namespaces = &wanted};
    ZL_AUTO_JSON struct cJSON *patch = zl_gate_patch(object, &gate);
    return patch != NULL ? zl_json_print(patch) : NULL;
}

static void test_absent_entry_is_made_whole(void **state)
{
    (void)state;
    ZL_AUTO_FREE char *patch = fill("{\"metadata\":{\"resourceVersion\":\"7\"}}",
                                    SHIPPED(SERVICE("/validate-leaderpolicy")));
    assert_non_null(patch);
    static const char *const parts[] = {
        "{\"op\":\"test\",\"path\":\"/metadata/resourceVersion\",\"value\":\"7\"}",
        "{\"op\":\"add\",\"path\":\"/webhooks\",\"value\":[{" OURS,
        "\"sideEffects\":\"NoneOnDryRun\"",
        "\"failurePolicy\":\"Ignore\"", /* what the user has said of the shipped entry */
        "\"timeoutSeconds\":5",
        "\"resources\":[\"pods\"]",
        "\"resources\":[\"leaderpolicies\"]",
        "\"namespaceSelector\":" A_AND_B,
        "\"clientConfig\":{" SERVICE("/validate/t") ",\"caBundle\":\"Q0E=\"}",
    };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (strstr(patch, parts[i]) == NULL) {
            fail_msg("%s is not in %s", parts[i], patch);
        }
    }
    ZL_AUTO_FREE char *beside =
        fill("{\"metadata\":{\"resourceVersion\":\"7\"},\"webhooks\":[{\"name\":\"x\"}]}",
             SHIPPED("\"url\":\"https://h:1/validate-leaderpolicy\""));
    assert_non_null(strstr(beside, "\"path\":\"/webhooks/-\""));
    assert_non_null(strstr(beside, "\"url\":\"https://h:1/validate/t\""));
}

static void test_of_an_entry_address_and_selector_alone_are_written(void **state)
{
    static const char good[] =
        "\"clientConfig\":{\"caBundle\":\"Q0E=\"," SERVICE("/validate/t") "}";
    static const struct {
        const char *entry, *patch; /* NULL: none */
    } rows[] = {
        {"\"timeoutSeconds\":9,\"namespaceSelector\":" A_AND_B, NULL},
        {"\"namespaceSelector\":" NONE, "/webhooks/0/namespaceSelector"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ZL_AUTO_FREE char *pods =
            zl_asprintf("{\"webhooks\":[{" OURS ",%s,%s}]}", rows[i].entry, good);
        ZL_AUTO_FREE char *patch = fill(pods, SHIPPED(SERVICE("/validate-leaderpolicy")));
        assert_true((patch == NULL) == (rows[i].patch == NULL));
        assert_true(patch == NULL || strstr(patch, rows[i].patch) != NULL);
        assert_true(patch == NULL || strstr(patch, "clientConfig") == NULL);
    }
    ZL_AUTO_FREE char *wiped = fill("{\"webhooks\":[{" OURS ",\"namespaceSelector\":" A_AND_B
                                    ",\"clientConfig\":{" SERVICE("/validate/t") "}}]}",
                                    SHIPPED(SERVICE("/validate-leaderpolicy")));
    assert_non_null(strstr(wiped, "\"path\":\"/webhooks/0/clientConfig\""));
    assert_null(strstr(wiped, "namespaceSelector"));
    /* Where zen-lead does not say where the webhook is, nothing is. */
    assert_null(fill("{}", "{\"webhooks\":[]}"));
}

static void test_wiped_ca_bundles_of_ours_are_given_back(void **state)
{
    (void)state;
    ZL_AUTO_JSON struct cJSON *object = parse(
        "{\"webhooks\":[{\"name\":\"x.example.com\",\"clientConfig\":{}},"
        "{\"name\":\"policies.zen-lead.kube-zen.io\",\"clientConfig\":{}},"
        "{\"name\":\"workloads.zen-lead.kube-zen.io\",\"clientConfig\":{\"caBundle\":\"b\"}}]}");
    ZL_AUTO_JSON struct cJSON *patch = zl_ca_bundle_patch(object, "Q0E=");
    ZL_AUTO_FREE char *text = zl_json_print(patch);
    assert_string_equal(text,
                        "[{\"op\":\"test\",\"path\":\"/webhooks/1/name\",\"value\":\"policies."
                        "zen-lead.kube-zen.io\"},{\"op\":\"add\",\"path\":\"/webhooks/1/"
                        "clientConfig/caBundle\",\"value\":\"Q0E=\"}]");
}

static void test_the_namespace_becomes_the_owner_beside_others(void **state)
{
    (void)state;
    ZL_AUTO_JSON struct cJSON *object =
        parse("{\"metadata\":{\"resourceVersion\":\"7\",\"ownerReferences\":["
              "{\"kind\":\"Namespace\",\"name\":\"old\",\"uid\":\"1\"},"
              "{\"kind\":\"App\",\"name\":\"a\",\"uid\":\"2\"}]}}");
    ZL_AUTO_JSON struct cJSON *patch = zl_owner_patch(object, "home", "3");
    ZL_AUTO_FREE char *text = zl_json_print(patch);
    assert_string_equal(text, "{\"metadata\":{\"resourceVersion\":\"7\",\"ownerReferences\":["
                              "{\"kind\":\"App\",\"name\":\"a\",\"uid\":\"2\"},"
                              "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"name\":\"home\","
                              "\"uid\":\"3\"}]}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_selectors),
        cmocka_unit_test(test_requirements_of_others_stay),
        cmocka_unit_test(test_others_are_named),
        cmocka_unit_test(test_entry_is_found_by_name),
        cmocka_unit_test(test_what_is_no_entry),
        cmocka_unit_test(test_rest_is_all_but_the_names_selected),
        cmocka_unit_test(test_absent_entry_is_made_whole),
        cmocka_unit_test(test_of_an_entry_address_and_selector_alone_are_written),
        cmocka_unit_test(test_wiped_ca_bundles_of_ours_are_given_back),
        cmocka_unit_test(test_the_namespace_becomes_the_owner_beside_others),
        cmocka_unit_test(test_patch_touches_the_selector_alone_and_tests_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
