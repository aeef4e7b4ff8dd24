/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/gate/review_secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define NOW_US INT64_C(1767225600000000) /* 2026-01-01T00:00:00Z */

static struct cJSON *parse(const char *text)
{
    struct cJSON *object = NULL;
    assert_int_equal(zl_json_parse(text, strlen(text), &object, NULL), ZL_OK);
    return object;
}

static void test_a_new_secret_has_the_token_alone_and_goes_with_the_configuration(void **state)
{
    (void)state;
    const struct zl_token_plan plan = {.write = true, .renewed = true};
    ZL_AUTO_JSON struct cJSON *configuration = parse("{\"metadata\":{\"uid\":\"u\"}}");
    ZL_AUTO_JSON struct cJSON *secret = zl_review_secret_new(&plan, "abc", NOW_US, configuration);
    ZL_AUTO_FREE char *data = zl_json_print(zl_json_at(secret, "data", NULL));
    assert_string_equal(data, "{\"token\":\"YWJj\"}");
    const struct cJSON *metadata = zl_json_at(secret, "metadata", NULL);
    const struct cJSON *owner = zl_json_first(zl_json_at(metadata, "ownerReferences", NULL));
    assert_string_equal(zl_json_text(owner, "uid", NULL), "u");
    assert_string_equal(zl_json_text(metadata, "name", NULL), ZL_REVIEW_SECRET);
    ZL_AUTO_FREE char *annotations = zl_json_print(zl_json_at(metadata, "annotations", NULL));
    assert_string_equal(annotations, "{\"" ZL_KEY_REVIEW_RENEWED "\":\"2026-01-01T00:00:00Z\"}");
}

static void test_a_patch_says_all_and_takes_away_what_is_not_wanted(void **state)
{
    (void)state;
    static char token[] = "abc", previous[] = "def";
    ZL_AUTO_JSON struct cJSON *old = parse("{\"metadata\":{\"resourceVersion\":\"7\"}}");
    const struct {
        struct zl_token_plan plan;
        const char *patch;
    } rows[] = {
        {{.token = token, .previous = previous},
         "{\"data\":{\"token\":\"YWJj\",\"previous\":\"ZGVm\",\"plain\":null},"
         "\"metadata\":{\"resourceVersion\":\"7\"}}"},
        {{.token = token, .plain = true},
         "{\"data\":{\"token\":\"YWJj\",\"previous\":null,\"plain\":\"YWNjZXB0ZWQ=\"},"
         "\"metadata\":{\"resourceVersion\":\"7\"}}"},
        {{.previous = previous, .renewed = true},
         "{\"data\":{\"token\":\"bmV3\",\"previous\":\"ZGVm\",\"plain\":null},"
         "\"metadata\":{\"annotations\":{\"" ZL_KEY_REVIEW_RENEWED
         "\":\"2026-01-01T00:00:00Z\",\"" ZL_KEY_REVIEW_RENEW
         "\":null},\"resourceVersion\":\"7\"}}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ZL_AUTO_JSON struct cJSON *patch =
            zl_review_secret_patch(&rows[i].plan, "new", NOW_US, old);
        ZL_AUTO_FREE char *text = zl_json_print(patch);
        assert_string_equal(text, rows[i].patch);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_new_secret_has_the_token_alone_and_goes_with_the_configuration),
        cmocka_unit_test(test_a_patch_says_all_and_takes_away_what_is_not_wanted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
