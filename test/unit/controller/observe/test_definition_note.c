/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of the installed definition, write by write. */
#include "controller/observe/definition_note.h"

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

static void test_only_a_write_of_the_field_takes_the_complaint_back(void **state)
{
    static const struct {
        const char *written, *dropped;
        bool is_news, complains;
    } writes[] = {
        {"{\"status\":{\"a\":1}}", NULL, false, false},
        {"{\"status\":{\"a\":1,\"b\":2}}", "status.b", true, true},
        {"{\"status\":{\"a\":1,\"b\":2}}", "status.b", false, true},
        {"{\"status\":{\"a\":1}}", NULL, false, true}, /* no leader, nothing to say of b */
        {"{\"status\":{\"a\":1,\"b\":null}}", NULL, false, true},
        {"{\"status\":{\"a\":1,\"b\":2}}", "status.a", true, true},
        {"{\"status\":{\"a\":1}}", NULL, false, false},
        {"{\"status\":{\"a\":1,\"b\":2}}", "status.b", true, true},
        {"{\"status\":{\"b\":2}}", NULL, false, false},
    };
    (void)state;
    struct zl_definition_note *note = zl_definition_note_new();
    for (size_t i = 0; i < sizeof writes / sizeof writes[0]; i++) {
        ZL_AUTO_JSON struct cJSON *written = parse(writes[i].written);
        assert_int_equal(zl_definition_note_set(note, written, writes[i].dropped),
                         writes[i].is_news);
        ZL_AUTO_FREE char *text = zl_definition_note_text(note);
        assert_int_equal(text != NULL, writes[i].complains);
    }
    zl_definition_note_free(note);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_a_write_of_the_field_takes_the_complaint_back)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
