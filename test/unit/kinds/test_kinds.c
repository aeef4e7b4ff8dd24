/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks the rows: a new Kind needs no test here but its sample, test/data/kinds/NAME.json, which joins pool "night" by
 * its label.
 */
#include "common/kinds/kind.h"
#include "test/unit/pruned.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct cJSON *sample_of(const struct zl_kind *kind)
{
    static char text[8192];
    struct cJSON *json = NULL;
    struct zl_error err = {0};
    ZL_AUTO_FREE char *path = zl_asprintf("test/data/kinds/%s.json", kind->name);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        fail_msg("%s: there is no sample", path);
    }
    size_t length = fread(text, 1, sizeof text, file);
    (void)fclose(file);
    if (zl_json_parse(text, length, &json, &err) != ZL_OK) {
        fail_msg("%s: %s", path, err.message);
    }
    return json;
}

static void test_each_row_is_complete(void **state)
{
    (void)state;
    for (size_t i = 0; i < ZL_KIND_COUNT; i++) {
        const struct zl_kind *kind = ZL_KINDS[i];
        if (kind == NULL || kind->name == NULL) {
            fail_msg("row %zu is empty", i);
            return;
        }
        ZL_AUTO_FREE char *api_version =
            zl_asprintf("%s/%s", kind->resource.group, kind->resource.version);
        bool names = kind->index == i && strcmp(kind->name, kind->resource.kind) == 0 &&
                     strcmp(kind->api_version, api_version) == 0;
        bool functions = kind->decode != NULL && kind->shape != NULL && kind->free_object != NULL &&
                         kind->pool_in_json != NULL && kind->pool != NULL;
        bool texts = kind->pod_template != NULL;
        bool maker = (kind->maker != NULL) == (kind->asks_maker != NULL);
        /* What is refused backs off, so it has to be woken; what takes turns is counted by Jobs. */
        bool wakes = kind->wanted == NULL || (kind->woken != NULL && !kind->takes_turns);
        bool between =
            kind->between == NULL || kind->woken == NULL || kind->woken == &kind->between->resource;
        if (!names || !functions || !texts || !maker || !wakes || !between) {
            fail_msg("%s: names %d, functions %d, texts %d, maker %d, wakes %d, between %d",
                     kind->name, names, functions, texts, maker, wakes, between);
        }
    }
}

static void test_no_two_rows_have_a_name_in_common(void **state)
{
    (void)state;
    for (size_t i = 0; i < ZL_KIND_COUNT; i++) {
        const struct zl_kube_resource *resource = &ZL_KINDS[i]->resource;
        assert_ptr_equal(zl_kind_named(ZL_KINDS[i]->name), ZL_KINDS[i]);
        assert_ptr_equal(zl_kind_of_resource(resource->group, resource->plural), ZL_KINDS[i]);
        const struct zl_kube_resource *other = ZL_KINDS[i]->alternative;
        if (other != NULL) {
            assert_string_equal(other->plural, resource->plural);
            assert_string_not_equal(other->version, resource->version);
        }
    }
    assert_null(zl_kind_named("Rollout"));
    assert_null(zl_kind_named(NULL));
    assert_null(zl_kind_of_resource("", "services"));
    assert_null(zl_kind_of_resource("", "deployments"));
}

static void test_each_sample_is_decoded_and_names_its_pool(void **state)
{
    (void)state;
    for (size_t i = 0; i < ZL_KIND_COUNT; i++) {
        const struct zl_kind *kind = ZL_KINDS[i];
        struct zl_error err = {0};
        ZL_AUTO_JSON struct cJSON *json = sample_of(kind);
        void *object = NULL;
        assert_string_equal(zl_json_text(json, "apiVersion", NULL), kind->api_version);
        assert_string_equal(zl_json_text(json, "kind", NULL), kind->name);
        assert_string_equal(kind->pool_in_json(json), "night");
        if (kind->decode(kind, zl_prune(kind->shape, &json), &object, &err) != ZL_OK) {
            fail_msg("%s: %s", kind->name, err.message);
        }
        assert_string_equal(zl_kind_meta(object)->namespace_, "shop");
        assert_string_equal(kind->pool(object), "night");
        if (!kind->takes_turns) {
            const struct zl_workload *workload = object;
            assert_ptr_equal(workload->kind, kind);
            assert_int_equal(zl_refuses_followers(workload, 0), kind->wanted != NULL);
        }
        if (kind->maker != NULL) {
            assert_false(kind->asks_maker(object)); /* its own key decides */
        }
        kind->free_object(object);
        kind->free_object(NULL);
    }
}

static void test_decoding_says_what_is_missing(void **state)
{
    (void)state;
    for (size_t i = 0; i < ZL_KIND_COUNT; i++) {
        struct zl_error err = {0};
        ZL_AUTO_JSON struct cJSON *nameless = zl_json_object();
        void *object = NULL;
        assert_int_equal(ZL_KINDS[i]->decode(ZL_KINDS[i], nameless, &object, &err), ZL_E_INVALID);
        assert_null(object);
        assert_null(ZL_KINDS[i]->pool_in_json(nameless));
    }
}

static void test_a_pods_controller_leads_to_its_kind(void **state)
{
    (void)state;
    const struct {
        const char *api_version, *kind;
        const struct zl_kind *of_pods, *own;
    } rows[] = {
        {"apps/v1", "ReplicaSet", &ZL_KIND_DEPLOYMENT, NULL},
        {"apps/v1", "Deployment", NULL, &ZL_KIND_DEPLOYMENT}, /* it makes no pods itself */
        {"apps/v1", "StatefulSet", &ZL_KIND_STATEFULSET, &ZL_KIND_STATEFULSET},
        {"apps/v1beta2", "StatefulSet", &ZL_KIND_STATEFULSET, &ZL_KIND_STATEFULSET},
        {NULL, "StatefulSet", &ZL_KIND_STATEFULSET, &ZL_KIND_STATEFULSET},
        {"apps.kruise.io/v1", "StatefulSet", NULL, NULL}, /* somebody else's */
        {"appsx/v1", "StatefulSet", NULL, NULL},
        {"apps/v1", "DaemonSet", &ZL_KIND_DAEMONSET, &ZL_KIND_DAEMONSET},
        {"batch/v1", "Job", &ZL_KIND_JOB, &ZL_KIND_JOB},
        {"batch/v1beta1", "CronJob", NULL, &ZL_KIND_CRONJOB},
        {"v1", "Node", NULL, NULL},
        {"apps/v1", NULL, NULL, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ZL_AUTO_FREE char *api_version = zl_strdup(rows[i].api_version);
        ZL_AUTO_FREE char *kind = zl_strdup(rows[i].kind);
        const struct zl_controller_ref ref = {.api_version = api_version, .kind = kind};
        if (zl_kind_of_pods(&ref) != rows[i].of_pods || zl_kind_of(&ref) != rows[i].own ||
            zl_kind_is_of_turns(&ref) != (rows[i].of_pods == &ZL_KIND_JOB)) {
            fail_msg("row %zu: %s %s", i, rows[i].api_version, rows[i].kind);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_row_is_complete),
        cmocka_unit_test(test_no_two_rows_have_a_name_in_common),
        cmocka_unit_test(test_each_sample_is_decoded_and_names_its_pool),
        cmocka_unit_test(test_decoding_says_what_is_missing),
        cmocka_unit_test(test_a_pods_controller_leads_to_its_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
