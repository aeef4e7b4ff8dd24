/* SPDX-License-Identifier: Apache-2.0 */
/* What an answer lacks of what was written. */
#include "common/objects/definition.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct cJSON *parse(const char *text)
{
    struct cJSON *tree = NULL;
    struct zl_error err = {0};
    assert_int_equal(zl_json_parse(text, strlen(text), &tree, &err), ZL_OK);
    return tree;
}

static void test_the_first_field_that_was_dropped_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *written, *answer, *dropped;
    } rows[] = {
        {"{\"status\":{\"a\":1}}", "{\"metadata\":{},\"status\":{\"a\":2,\"b\":3}}", NULL},
        {"{\"status\":{\"a\":1}}", "{\"metadata\":{},\"status\":{\"b\":3}}", "status.a"},
        {"{\"status\":{\"a\":1}}", "{\"metadata\":{}}", "status"},
        {"{\"status\":{\"a\":null}}", "{\"metadata\":{},\"status\":{}}", NULL},
        {"{\"status\":{\"list\":[{\"x\":1},{\"x\":1,\"y\":2}]}}",
         "{\"metadata\":{},\"status\":{\"list\":[{\"x\":1},{\"x\":1}]}}", "status.list[].y"},
        {"{\"status\":{\"list\":[]}}", "{\"metadata\":{},\"status\":{\"list\":[]}}", NULL},
        {"{\"status\":{\"list\":[\"x\"]}}", "{\"metadata\":{},\"status\":{\"list\":[\"x\"]}}",
         NULL},
        {"{\"status\":{\"a\":{\"b\":{\"c\":true}}}}",
         "{\"metadata\":{},\"status\":{\"a\":{\"b\":{\"c\":false}}}}", NULL},
        /* No object of the API: nothing is known. */
        {"{\"status\":{\"a\":1}}", "{}", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ZL_AUTO_JSON struct cJSON *written = parse(rows[i].written);
        ZL_AUTO_JSON struct cJSON *answer = parse(rows[i].answer);
        ZL_AUTO_FREE char *dropped = zl_definition_dropped(written, answer);
        if (!zl_same_string(dropped, rows[i].dropped)) {
            fail_msg("%s: %s", rows[i].written, dropped != NULL ? dropped : "nothing");
        }
    }
    assert_null(zl_definition_dropped(NULL, NULL));
}

static void test_what_is_written_is_known_by_its_path(void **state)
{
    (void)state;
    static const struct {
        const char *written, *field;
        bool writes;
    } rows[] = {
        {"{\"status\":{\"a\":1}}", "status.a", true},
        {"{\"status\":{\"a\":1}}", "status", true},
        {"{\"status\":{\"a\":1}}", "status.b", false},
        {"{\"status\":{\"a\":null}}", "status.a", false},
        {"{\"status\":{\"list\":[{\"x\":1},{\"y\":2}]}}", "status.list[].y", true},
        {"{\"status\":{\"list\":[{\"x\":1}]}}", "status.list[].y", false},
        {"{\"status\":{\"list\":[]}}", "status.list[].y", false},
        {"{\"status\":{\"list\":[{\"in\":[{\"z\":1}]}]}}", "status.list[].in[].z", true},
        {"{}", "status.a", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ZL_AUTO_JSON struct cJSON *written = parse(rows[i].written);
        if (zl_definition_writes(written, rows[i].field) != rows[i].writes) {
            fail_msg("%s: %s", rows[i].written, rows[i].field);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_field_that_was_dropped_is_named),
        cmocka_unit_test(test_what_is_written_is_known_by_its_path)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
