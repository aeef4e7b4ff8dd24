/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What doctor says of manifests before they are applied. The webhook's own rules have their own tests (test/unit/validation); here is
 * what reading adds, and what the objects of one file say of each other.
 */
#include "client/cli/mark.h"
#include "client/doctor/manifests.h"

#include "common/base/parse.h"
#include "common/kube/yaml.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define POLICY                                                                                     \
    "apiVersion: coordination.kube-zen.io/v1alpha1\nkind: LeaderPolicy\n"                          \
    "metadata: {name: web, namespace: shop}\n"
#define DEPLOYMENT                                                                                 \
    "apiVersion: apps/v1\nkind: Deployment\n"                                                      \
    "metadata: {name: app, namespace: shop, labels: {zen-lead/pool: web}}\n"
#define BESIDE "strategy: {type: Recreate}, template: {metadata: {labels: {app: web}}}"

static void read_and_judge(const char *text, struct zl_manifests *out)
{
    struct zl_error err = {0};
    if (zl_manifests_read(text, strlen(text), out, &err) != ZL_OK) {
        fail_msg("%s: %s", text, err.message);
    }
    zl_manifests_judge(out, "");
}

/* "KIND/NAME x FIELD: MESSAGE" of each finding, "!" instead of x for a warning, "?POOL" for a pool elsewhere; a line each. */
static char *all_of(const struct zl_manifests *manifests)
{
    char *text = zl_strdup("");
    for (size_t i = 0; i < manifests->count; i++) {
        const struct zl_manifest *item = &manifests->items[i];
        for (size_t j = 0; j < item->findings.count; j++) {
            const struct zl_finding *finding = &item->findings.items[j];
            ZL_AUTO_FREE char *before = text;
            text =
                zl_asprintf("%s%s/%s %s %s: %s\n", before, item->kind, item->name,
                            finding->cause != NULL ? "x" : "!", finding->field, finding->message);
        }
        if (item->elsewhere != NULL) {
            ZL_AUTO_FREE char *before = text;
            text = zl_asprintf("%s%s/%s ?%s\n", before, item->kind, item->name, item->elsewhere);
        }
    }
    return text;
}

static void test_what_would_be_refused_or_warned_of_is_said(void **state)
{
    static const struct {
        const char *text, *says; /* a part of the only line; NULL: nothing is said */
    } rows[] = {
        {POLICY "spec: {leaseDurationSeconds: 15}\n", NULL},
        {POLICY "spec: {leaseDurationSeconds: 0}\n",
         "LeaderPolicy/web x spec.leaseDurationSeconds: "},
        {"apiVersion: coordination.kube-zen.io/v9\nkind: LeaderPolicy\nmetadata: {name: web}\n",
         "LeaderPolicy/web x apiVersion: Unsupported value: \"coordination.kube-zen.io/v9\""},
        {DEPLOYMENT "spec: {replicas: 2, " BESIDE "}\n---\n" POLICY, NULL},
        {POLICY "---\n" DEPLOYMENT "spec: {replicas: 2, " BESIDE "}\n", NULL},
        {POLICY "---\n" DEPLOYMENT "spec: {" BESIDE "}\n",
         "Deployment/app ! spec.replicas: 1: high availability is skipped"},
        {DEPLOYMENT, "Deployment/app ?web\n"},
        /* A namespace divides pools. */
        {"apiVersion: coordination.kube-zen.io/v1alpha1\nkind: LeaderPolicy\n"
         "metadata: {name: web, namespace: other}\n---\n" DEPLOYMENT,
         "Deployment/app ?web\n"},
        {"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: app, labels: {zen-lead/pol: "
         "web}}\n",
         "Deployment/app ! metadata.labels[zen-lead/pol]: is no key of zen-lead"},
        /* Not of our Kinds, of another's Kind of that name, and not joined: nobody's business. */
        {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n", NULL},
        {"apiVersion: example.com/v1\nkind: Deployment\nmetadata: {name: c, labels: {zen-lead/pol: "
         "web}}\n",
         NULL},
        {"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: app}\n", NULL},
        /* Unquoted words and numbers are no text. */
        {"apiVersion: v1\nkind: Service\nmetadata: {name: s, annotations: {zen-lead.io/enabled: "
         "true}}\n",
         "Service/s x metadata.annotations[zen-lead.io/enabled]: Invalid value: true: must be "
         "text"},
        {"apiVersion: v1\nkind: Service\nmetadata: {name: s, annotations: {zen-lead.io/enabled: "
         "\"true\"}}\nspec: {selector: {app: web}}\n",
         NULL},
        /* What the objects of a file do to each other. */
        {POLICY "---\n" DEPLOYMENT "spec: {replicas: 3, " BESIDE
                "}\n---\napiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: b, "
                "namespace: shop}\nspec: {minAvailable: 1, selector: {matchLabels: {app: web}}}\n",
         "Deployment/app ! spec.replicas: PodDisruptionBudget b never lets the leader go"},
        {POLICY
         "---\n" DEPLOYMENT "spec: {replicas: 3, " BESIDE
         "}\n---\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: "
         "h, namespace: shop}\nspec: {scaleTargetRef: {kind: Deployment, name: app}}\n",
         "Deployment/app ! spec.replicas: HorizontalPodAutoscaler h"},
        {POLICY "spec: {followerMode: standby}\n---\n" DEPLOYMENT "spec: {replicas: 3, " BESIDE
                "}\n---\napiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: b, "
                "namespace: shop}\nspec: {minAvailable: 1, selector: {matchLabels: {app: web}}}\n",
         NULL},
        {POLICY "---\n" DEPLOYMENT
                "spec: {replicas: 3, template: {spec: {volumes: [{persistentVolumeClaim: "
                "{claimName: data}}]}}}\n",
         "Deployment/app ! spec.template.spec.volumes: PersistentVolumeClaim \"data\""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct zl_manifests manifests = {0};
        read_and_judge(rows[i].text, &manifests);
        ZL_AUTO_FREE char *said = all_of(&manifests);
        if (rows[i].says == NULL ? said[0] != '\0' : strstr(said, rows[i].says) == NULL) {
            fail_msg("row %zu: said \"%s\"", i, said);
        }
        zl_manifests_clear(&manifests);
    }
}

static void test_documents_and_lists_are_read_and_keep_their_lines(void **state)
{
    static const char text[] =
        "# a comment\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  text: |\n"
        "    ---\n    inside\n--- # the next\n"
        "{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [{\"apiVersion\": \"v1\", "
        "\"kind\": "
        "\"Secret\", \"metadata\": {\"name\": \"b\"}}, {\"apiVersion\": \"v1\", \"kind\": \"Pod\", "
        "\"metadata\": {\"generateName\": \"c-\"}}]}\n---\n---\n";
    struct zl_manifests manifests = {0};
    (void)state;
    read_and_judge(text, &manifests);
    assert_int_equal(manifests.count, 3);
    assert_string_equal(manifests.items[0].name, "a");
    assert_int_equal(manifests.items[0].line, 2);
    assert_string_equal(manifests.items[1].kind, "Secret");
    assert_int_equal(manifests.items[1].line, 10);
    assert_string_equal(manifests.items[2].name, "c-");
    assert_false(manifests.items[2].concerns_us);
    zl_manifests_clear(&manifests);
    read_and_judge("", &manifests);
    assert_int_equal(manifests.count, 0);
}

static void test_what_cannot_be_read_is_named_with_its_line(void **state)
{
    static const struct {
        const char *text, *says;
    } rows[] = {
        {"apiVersion: v1\nkind: Pod\n---\n\tx: 1\n", "the document at line 3: line 2, column 1"},
        {"- 1\n", "the document at line 1 is no object of Kubernetes"},
        {"kind: Pod\n", "apiVersion and kind are needed"},
        {"a: &b 1\n", "anchors are not accepted"},
        {"a: 1\na: 2\n", "this key is there twice"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct zl_manifests manifests = {0};
        struct zl_error err = {0};
        assert_int_equal(zl_manifests_read(rows[i].text, strlen(rows[i].text), &manifests, &err),
                         ZL_E_INVALID);
        if (strstr(err.message, rows[i].says) == NULL) {
            fail_msg("row %zu: \"%s\"", i, err.message);
        }
        zl_manifests_clear(&manifests);
    }
}

static void test_plain_words_and_numbers_are_what_they_look_like(void **state)
{
    static const struct {
        const char *text, *json;
    } rows[] = {
        {"true", "true"},       {"No", "false"},
        {"off", "false"},       {"5", "5"},
        {"-1.5e3", "-1500"},    {"\"5\"", "\"5\""},
        {"'no'", "\"no\""},     {"05", "\"05\""},
        {"1.", "\"1.\""},       {"-", "[null]"},
        {"+1", "\"+1\""},       {"0x1f", "\"0x1f\""},
        {"1.2.3", "\"1.2.3\""}, {"1e", "\"1e\""},
        {"~", "null"},          {"yes please", "\"yes please\""},
        {"-x", "\"-x\""},       {"|\n  5", "\"5\""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ZL_AUTO_JSON struct cJSON *tree = NULL;
        assert_int_equal(zl_yaml_parse_manifest(rows[i].text, strlen(rows[i].text), &tree, NULL),
                         ZL_OK);
        ZL_AUTO_FREE char *json = zl_json_print(tree);
        assert_string_equal(json, rows[i].json);
    }
}

static void test_nothing_is_said_of_the_examples(void **state)
{
    DIR *folder = opendir("manifests/examples");
    int count = 0;
    (void)state;
    assert_non_null(folder);
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        const char *dot = strrchr(entry->d_name, '.');
        if (dot == NULL || strcmp(dot, ".yaml") != 0) {
            continue;
        }
        ZL_AUTO_FREE char *path = zl_asprintf("manifests/examples/%s", entry->d_name);
        ZL_AUTO_FREE char *text = NULL;
        struct zl_manifests manifests = {0};
        assert_int_equal(zl_file_read(path, &text, NULL, NULL), ZL_OK);
        read_and_judge(text, &manifests);
        ZL_AUTO_FREE char *said = all_of(&manifests);
        if (said[0] != '\0') {
            fail_msg("%s: %s", path, said);
        }
        zl_manifests_clear(&manifests);
        count++;
    }
    (void)closedir(folder);
    assert_in_range(count, 5, 1000);
}

static void test_signs_have_colour_on_a_terminal_alone(void **state)
{
    (void)state;
    assert_true(zl_mark_is_coloured(true, NULL, "xterm"));
    assert_true(zl_mark_is_coloured(true, "", "xterm"));
    assert_false(zl_mark_is_coloured(false, NULL, "xterm"));
    assert_false(zl_mark_is_coloured(true, "1", "xterm"));
    assert_false(zl_mark_is_coloured(true, NULL, "dumb"));
    assert_false(zl_mark_is_coloured(true, NULL, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_would_be_refused_or_warned_of_is_said),
        cmocka_unit_test(test_documents_and_lists_are_read_and_keep_their_lines),
        cmocka_unit_test(test_what_cannot_be_read_is_named_with_its_line),
        cmocka_unit_test(test_plain_words_and_numbers_are_what_they_look_like),
        cmocka_unit_test(test_nothing_is_said_of_the_examples),
        cmocka_unit_test(test_signs_have_colour_on_a_terminal_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
