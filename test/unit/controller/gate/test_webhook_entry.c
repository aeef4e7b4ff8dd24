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

static void test_only_the_very_selector_is_it(void **state)
{
    static const char *const others[] = {
        "{}",
        "{\"matchExpressions\":[]}",
        "{\"matchExpressions\":null}",
        "{\"matchExpressions\":[{" KEY ",\"operator\":\"NotIn\",\"values\":[\"a\",\"b\"]}]}",
        "{\"matchExpressions\":[{\"key\":\"name\",\"operator\":\"In\",\"values\":[\"a\",\"b\"]}]}",
        "{\"matchExpressions\":[{" KEY ",\"operator\":\"In\",\"values\":[\"a\"]}]}",
        "{\"matchExpressions\":[{" KEY ",\"operator\":\"In\",\"values\":[\"a\",\"b\",\"c\"]}]}",
        "{\"matchExpressions\":[{" KEY ",\"operator\":\"In\",\"values\":[\"a\",\"c\"]}]}",
        "{\"matchExpressions\":[{" KEY ",\"operator\":\"In\",\"values\":[\"a\",\"b\"]},"
        "{\"key\":\"x\",\"operator\":\"Exists\"}]}",
        "{\"matchExpressions\":[{" KEY ",\"operator\":\"In\",\"values\":[\"a\",\"b\"]}],"
        "\"matchLabels\":{\"x\":\"y\"}}",
    };
    (void)state;
    ZL_AUTO_NAMESPACES struct zl_namespaces wanted = names("ab");
    ZL_AUTO_JSON struct cJSON *same =
        parse("{\"matchExpressions\":[{\"operator\":\"In\",\"values\":[\"a\",\"b\"]," KEY "}]}");
    assert_true(zl_selector_is(same, &wanted)); /* whatever the order of the members */
    assert_false(zl_selector_is(NULL, &wanted));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        ZL_AUTO_JSON struct cJSON *other = parse(others[i]);
        assert_false(zl_selector_is(other, &wanted));
    }
}

static void test_entry_is_found_by_name(void **state)
{
    (void)state;
    ZL_AUTO_JSON struct cJSON *object =
        parse("{\"webhooks\":[{\"name\":\"x\"},{" OURS ",\"timeoutSeconds\":3,\"clientConfig\":{"
              "\"service\":{\"namespace\":\"zen\"}},\"namespaceSelector\":" A_AND_B "}]}");
    struct zl_webhook_entry *entry = zl_webhook_entry_decode(object);
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
        struct zl_webhook_entry *entry = zl_webhook_entry_decode(object);
        assert_false(entry->present);
        assert_null(zl_selector_patch(object, &wanted));
        zl_webhook_entry_free(entry);
    }
}

static void test_rest_is_all_but_the_selector(void **state)
{
    static const struct {
        const char *name, *entry;
        bool same;
    } rows[] = {
        {"another selector", "{" OURS ",\"timeoutSeconds\":3,\"namespaceSelector\":{}}", true},
        {"another time-out", "{" OURS ",\"timeoutSeconds\":4,\"namespaceSelector\":" NONE "}",
         false},
        {"a caBundle", "{" OURS ",\"timeoutSeconds\":3,\"clientConfig\":{\"caBundle\":\"a\"}}",
         false},
    };
    (void)state;
    ZL_AUTO_JSON struct cJSON *object =
        parse("{\"webhooks\":[{" OURS ",\"timeoutSeconds\":3,\"namespaceSelector\":" NONE "}]}");
    struct zl_webhook_entry *entry = zl_webhook_entry_decode(object);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ZL_AUTO_FREE char *text = zl_asprintf("{\"webhooks\":[%s]}", rows[i].entry);
        ZL_AUTO_JSON struct cJSON *other_object = parse(text);
        struct zl_webhook_entry *other = zl_webhook_entry_decode(other_object);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_selectors),
        cmocka_unit_test(test_only_the_very_selector_is_it),
        cmocka_unit_test(test_entry_is_found_by_name),
        cmocka_unit_test(test_what_is_no_entry),
        cmocka_unit_test(test_rest_is_all_but_the_selector),
        cmocka_unit_test(test_patch_touches_the_selector_alone_and_tests_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
