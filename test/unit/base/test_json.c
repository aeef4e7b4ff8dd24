/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/base/limits.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define TWO_53 INT64_C(9007199254740992)

/* From a heap block of exactly LENGTH bytes, so that memory checkers see a read beyond it. */
static enum zl_status parse_bytes(const char *text, size_t length, struct cJSON **out,
                                  struct zl_error *err)
{
    ZL_AUTO_FREE char *exact = zl_alloc(length);
    if (length > 0) {
        memcpy(exact, text, length);
    }
    return zl_json_parse(exact, length, out, err);
}

static struct cJSON *parsed(const char *text)
{
    struct cJSON *tree = NULL;
    struct zl_error err = {0};
    if (parse_bytes(text, strlen(text), &tree, &err) != ZL_OK) {
        fail_msg("%s: %s", text, err.message);
    }
    return tree;
}

static void assert_prints(const struct cJSON *tree, const char *expected)
{
    ZL_AUTO_FREE char *text = zl_json_print(tree);
    assert_string_equal(text, expected);
}

static void test_parse_accepts_one_value_with_white_space_around(void **state)
{
    (void)state;
    static const struct {
        const char *text, *printed;
    } rows[] = {
        {"{}", "{}"},
        {" \t\r\n[1, 2] \n", "[1,2]"},
        {"null", "null"},
        {"\"a\"", "\"a\""},
        {"-12", "-12"},
        {"7", "7"},
        {"true ", "true"},
        {"{\"a\":{\"b\":[{},\"x]}\",\"\\\"\"]}}", "{\"a\":{\"b\":[{},\"x]}\",\"\\\"\"]}}"},
        {"1.5", "1.5"},
        {"\"\\u20ac\\ud83d\\ude00\"", "\"\xE2\x82\xAC\xF0\x9F\x98\x80\""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        ZL_AUTO_JSON struct cJSON *tree = parsed(rows[i].text);
        assert_prints(tree, rows[i].printed);
    }
}

static void test_parse_refuses_what_is_not_one_value(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t length;
        const char *message; /* a part of it */
    } rows[] = {
        {"", 0, "empty"},
        {" \n", 2, "empty"},
        {"{} {}", 5, "more text"},
        {"{}x", 3, "more text"},
        {"1 2", 3, "more text"},
        {"{}\0", 3, "NUL"},
        {"{\"a\0b\":1}", 9, "NUL"},
        {"{\"a\":\"x\0\"}", 10, "NUL"},
        {"{\"1\":1,", 7, "ends after"}, /* cJSON 1.7.15 reads beyond the end of this one */
        {"\"open", 5, "ends after"},
        {"\"open\\", 6, "ends after"},
        {"\"open\\\"", 7, "ends after"},
        {"[", 1, "ends after"},
        {"]", 1, "unexpected ']'"},
        {"{}}", 3, "unexpected '}'"},
        {"[}", 2, "not valid"},
        {"{\"a\"}", 5, "not valid"},
        {"{\"a\":}", 6, "not valid"},
        {"{\"a\":1,}", 8, "not valid"},
        {"{a:1}", 5, "not valid"},
        {"[1,]", 4, "not valid"},
        {"[1 2]", 5, "not valid"},
        {"nul", 3, "not valid"},
        {"'a'", 3, "not valid"},
        {"\xEF\xBB\xBF{}", 5, "not valid"},
        {"\"\\ud800\"", 8, "not valid"},
        {"\"\\q\"", 4, "not valid"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct cJSON *tree = NULL;
        struct zl_error err = {0};
        enum zl_status status = parse_bytes(rows[i].text, rows[i].length, &tree, &err);
        if (status != ZL_E_INVALID || strstr(err.message, rows[i].message) == NULL) {
            fail_msg("row %zu (%s): %s", i, rows[i].text, err.message);
        }
        assert_null(tree);
    }
}

static void test_parse_bounds_the_nesting_but_not_brackets_in_strings(void **state)
{
    (void)state;
    for (size_t depth = ZL_JSON_DEPTH_MAX - 1; depth <= ZL_JSON_DEPTH_MAX + 1; depth++) {
        ZL_AUTO_BUF struct zl_buf text;
        zl_buf_init(&text, ZL_MIB);
        for (size_t i = 0; i < depth; i++) {
            assert_true(zl_buf_add_text(&text, i % 2 ? "[" : "{\"a\":"));
        }
        assert_true(zl_buf_add_text(&text, "\"[[{{\\\"[[\""));
        for (size_t i = depth; i-- > 0;) {
            assert_true(zl_buf_add_text(&text, i % 2 ? "]" : "}"));
        }
        ZL_AUTO_JSON struct cJSON *tree = NULL;
        struct zl_error err = {0};
        assert_int_equal(parse_bytes(text.data, text.length, &tree, &err),
                         depth <= ZL_JSON_DEPTH_MAX ? ZL_OK : ZL_E_INVALID);
    }
    ZL_AUTO_BUF struct zl_buf deep;
    zl_buf_init(&deep, 4 * ZL_MIB);
    for (size_t i = 0; i < ZL_MIB; i++) {
        assert_true(zl_buf_add_text(&deep, "["));
    }
    struct cJSON *tree = NULL;
    assert_int_equal(zl_json_parse(deep.data, deep.length, &tree, NULL), ZL_E_INVALID);
}

static const char pod[] =
    "{\"kind\":\"Pod\",\"metadata\":{\"Name\":\"wrong\",\"name\":\"web-0\",\"generation\":3,"
    "\"labels\":{\"a.b/c\":\"d\"},\"deletionTimestamp\":null},"
    "\"spec\":{\"hostNetwork\":true,\"dnsPolicy\":\"\\u20ac\",\"containers\":[{\"name\":\"x\"},"
    "{\"name\":\"y\\\\u0000\"}]},\"big\":[9007199254740992,-9007199254740992,1e3,2.5]}";

static void test_parse_survives_any_cut_and_any_changed_byte(void **state)
{
    (void)state;
    static const char changes[] = "\"\\{}[]:,0-eEu\xFF\x01 ";
    size_t length = sizeof pod - 1;
    for (size_t cut = 0; cut < length; cut++) {
        struct cJSON *tree = NULL;
        assert_int_equal(parse_bytes(pod, cut, &tree, NULL), ZL_E_INVALID);
    }
    for (size_t at = 0; at < length; at++) {
        for (const char *change = changes; *change != '\0'; change++) {
            char text[sizeof pod];
            memcpy(text, pod, sizeof pod);
            text[at] = *change;
            ZL_AUTO_JSON struct cJSON *tree = NULL;
            if (parse_bytes(text, length, &tree, NULL) == ZL_OK) {
                ZL_AUTO_FREE char *printed = zl_json_print(tree);
                ZL_AUTO_JSON struct cJSON *again = parsed(printed);
                assert_prints(again, printed);
            }
        }
    }
}

static void test_reading_goes_by_path_with_case_and_absent_is_quiet(void **state)
{
    (void)state;
    ZL_AUTO_JSON struct cJSON *tree = parsed(pod);
    assert_string_equal(zl_json_text(tree, "metadata", "name", NULL), "web-0");
    assert_string_equal(zl_json_text(tree, "metadata", "labels", "a.b/c", NULL), "d");
    assert_null(zl_json_text(tree, "metadata", "NAME", NULL));
    assert_null(zl_json_text(tree, "Metadata", "name", NULL));
    assert_null(zl_json_text(tree, "metadata", "name", "deeper", NULL));
    assert_null(zl_json_text(tree, "metadata", "generation", NULL));
    assert_null(zl_json_text(tree, "spec", "containers", "name", NULL));
    assert_null(zl_json_text(NULL, "a", NULL));
    assert_ptr_equal(zl_json_at(tree, NULL), tree);
    assert_ptr_equal(zl_json_at_path(tree, ""), tree);
    assert_true(zl_json_is_null(zl_json_at_path(tree, "metadata.deletionTimestamp")));
    assert_null(zl_json_at_path(tree, "metadata.absent.below"));
    assert_null(zl_json_at_path(NULL, "metadata"));
    assert_true(zl_json_is_null(zl_json_at(tree, "metadata", "deletionTimestamp", NULL)));
    assert_null(zl_json_text(tree, "metadata", "deletionTimestamp", NULL));
    assert_true(zl_json_bool(tree, false, "spec", "hostNetwork", NULL));
    assert_true(zl_json_bool(tree, true, "spec", "absent", NULL));
    assert_false(zl_json_bool(tree, false, "kind", NULL));
    assert_int_equal(zl_json_i64(tree, -1, "metadata", "generation", NULL), 3);
    assert_int_equal(zl_json_i64(tree, -1, "kind", NULL), -1);
    assert_int_equal(zl_json_i64(NULL, -1, "kind", NULL), -1);
}

static void test_walking_visits_members_and_elements_in_order(void **state)
{
    (void)state;
    ZL_AUTO_JSON struct cJSON *tree = parsed("{\"a\":[1,\"x\"],\"b\":null}");
    const struct cJSON *a = zl_json_first(tree);
    assert_string_equal(zl_json_name(a), "a");
    assert_true(zl_json_is_array(a));
    assert_int_equal(zl_json_count(a), 2);
    const struct cJSON *element = zl_json_first(a);
    assert_null(zl_json_name(element));
    assert_null(zl_json_value_text(element));
    element = zl_json_next(element);
    assert_true(zl_json_is_text(element));
    assert_string_equal(zl_json_value_text(element), "x");
    assert_null(zl_json_next(element));
    assert_string_equal(zl_json_name(zl_json_next(a)), "b");
    assert_null(zl_json_next(zl_json_next(a)));
    assert_int_equal(zl_json_count(tree), 2);
    assert_null(zl_json_first(NULL));
    assert_null(zl_json_next(NULL));
    assert_null(zl_json_name(NULL));
    assert_null(zl_json_value_text(NULL));
    assert_int_equal(zl_json_count(NULL), 0);
    assert_false(zl_json_is_object(NULL));
    assert_false(zl_json_is_null(NULL));
}

static void test_whole_numbers_are_exact_up_to_2_53(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t value; /* -7: refused */
    } rows[] = {
        {"0", 0},
        {"-0", 0},
        {"3.0", 3},
        {"1e3", 1000},
        {"2147483648", INT64_C(2147483648)},
        {"999999999999999", INT64_C(999999999999999)},
        {"1000000000000000", INT64_C(1000000000000000)},
        {"9007199254740991", TWO_53 - 1},
        {"9007199254740992", TWO_53},
        {"-9007199254740992", -TWO_53},
        {"9007199254740994", -7},
        {"1e300", -7},
        {"1e999", -7},
        {"-1e999", -7},
        {"1.5", -7},
        {"\"5\"", -7},
        {"true", -7},
        {"null", -7},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        ZL_AUTO_JSON struct cJSON *tree = parsed(rows[i].text);
        if (zl_json_i64(tree, -7, NULL) != rows[i].value) {
            fail_msg("%s: %lld", rows[i].text, (long long)zl_json_i64(tree, -7, NULL));
        }
    }
}

static void test_whole_numbers_print_as_digits(void **state)
{
    (void)state;
    static const int64_t values[] = {0,
                                     -1,
                                     INT32_MAX,
                                     INT64_C(2147483648),
                                     INT64_C(-999999999999999),
                                     INT64_C(999999999999999),
                                     INT64_C(1000000000000000),
                                     INT64_C(1234567890123456),
                                     TWO_53 - 1,
                                     TWO_53,
                                     -TWO_53};
    for (size_t i = 0; i < COUNT(values); i++) {
        char expected[64];
        (void)snprintf(expected, sizeof expected, "{\"n\":%lld}", (long long)values[i]);
        ZL_AUTO_JSON struct cJSON *tree = zl_json_object();
        zl_json_set_i64(tree, "n", values[i]);
        assert_prints(tree, expected);
        assert_int_equal(zl_json_i64(tree, -7, "n", NULL), values[i]);
        ZL_AUTO_JSON struct cJSON *copy = zl_json_copy(tree);
        assert_prints(copy, expected);
        ZL_AUTO_JSON struct cJSON *again = parsed(expected);
        assert_prints(again, expected);
        assert_int_equal(zl_json_i64(again, -7, "n", NULL), values[i]);
    }
}

static void test_escaped_nul_does_not_cut_a_string(void **state)
{
    (void)state;
    ZL_AUTO_JSON struct cJSON *tree =
        parsed("{\"k\\u0000\":\"admin\\u0000x\",\"b\":\"\\\\u0000\",\"c\":\"\\\\\\u0000\"}");
    assert_string_equal(zl_json_text(tree, "k\xEF\xBF\xBD", NULL), "admin\xEF\xBF\xBDx");
    assert_null(zl_json_at(tree, "k", NULL));
    assert_string_equal(zl_json_text(tree, "b", NULL), "\\u0000");
    assert_string_equal(zl_json_text(tree, "c", NULL), "\\\xEF\xBF\xBD");
}

static void test_bytes_that_are_not_utf8_pass_through(void **state)
{
    (void)state;
    ZL_AUTO_JSON struct cJSON *tree = parsed("[\"a\xFF\xC3\",\"\xF0\x9F\"]");
    assert_string_equal(zl_json_value_text(zl_json_first(tree)), "a\xFF\xC3");
    assert_prints(tree, "[\"a\xFF\xC3\",\"\xF0\x9F\"]");
}

static void test_a_quoted_text_is_the_one_that_is_printed(void **state)
{
    (void)state;
    char text[256];
    for (int i = 0; i < 255; i++) {
        text[i] = (char)(i + 1);
    }
    text[255] = '\0';
    const char *const texts[] = {text, "", "plain", "\x01", "\"", "tail\\"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        ZL_AUTO_BUF struct zl_buf out;
        zl_buf_init(&out, 4096);
        (void)zl_buf_add_text(&out, "{\"a\":");
        zl_json_quote(&out, texts[i]);
        (void)zl_buf_add_text(&out, "}");
        ZL_AUTO_JSON struct cJSON *tree = zl_json_object();
        zl_json_set_text(tree, "a", texts[i]);
        ZL_AUTO_FREE char *printed = zl_json_print(tree);
        assert_string_equal(out.data, printed);
    }
    ZL_AUTO_BUF struct zl_buf none;
    zl_buf_init(&none, 4096);
    zl_json_quote(&none, NULL);
    assert_string_equal(none.data, "\"\"");
}

static void test_duplicate_members_read_as_the_first(void **state)
{
    (void)state;
    ZL_AUTO_JSON struct cJSON *tree = parsed("{\"a\":1,\"a\":2}");
    assert_int_equal(zl_json_i64(tree, -1, "a", NULL), 1);
}

static void test_setters_add_or_replace_in_place(void **state)
{
    (void)state;
    ZL_AUTO_JSON struct cJSON *tree = zl_json_object();
    zl_json_set_text(tree, "text", "a\"\n");
    zl_json_set_i64(tree, "number", -5);
    zl_json_set_bool(tree, "flag", true);
    zl_json_set_text(tree, "nothing", NULL);
    assert_prints(tree, "{\"text\":\"a\\\"\\n\",\"number\":-5,\"flag\":true,\"nothing\":null}");
    zl_json_set_i64(tree, "text", 1);
    zl_json_set_text(tree, "number", "one");
    zl_json_set_null(tree, "flag");
    zl_json_set(tree, "nothing", NULL);
    zl_json_set_bool(tree, "Flag", false); /* another name */
    assert_prints(tree,
                  "{\"text\":1,\"number\":\"one\",\"flag\":null,\"nothing\":null,\"Flag\":false}");
}

static void test_child_is_borrowed_or_made(void **state)
{
    (void)state;
    ZL_AUTO_JSON struct cJSON *tree = parsed("{\"metadata\":{\"name\":\"a\"},\"spec\":5}");
    zl_json_set_text(zl_json_child(tree, "metadata"), "namespace", "b");
    zl_json_set_bool(zl_json_child(tree, "spec"), "x", true);
    zl_json_set_i64(zl_json_child(zl_json_child(tree, "status"), "y"), "z", 0);
    assert_prints(tree, "{\"metadata\":{\"name\":\"a\",\"namespace\":\"b\"},\"spec\":{\"x\":true},"
                        "\"status\":{\"y\":{\"z\":0}}}");
}

static void test_arrays_and_copies_are_independent(void **state)
{
    (void)state;
    ZL_AUTO_JSON struct cJSON *tree = zl_json_object();
    struct cJSON *array = zl_json_array();
    zl_json_append_text(array, "a");
    zl_json_append(array, zl_json_object());
    zl_json_set(tree, "list", array);
    ZL_AUTO_JSON struct cJSON *copy = zl_json_copy(tree);
    zl_json_append_text(array, "b");
    assert_prints(tree, "{\"list\":[\"a\",{},\"b\"]}");
    assert_prints(copy, "{\"list\":[\"a\",{}]}");
    assert_null(zl_json_copy(NULL));
    zl_json_free(NULL);
}

static void *parse_often(void *unused)
{
    (void)unused;
    for (int i = 0; i < 200; i++) {
        struct cJSON *tree = NULL;
        if (zl_json_parse(pod, sizeof pod - 1, &tree, NULL) == ZL_OK) {
            free(zl_json_print(tree));
            zl_json_free(tree);
        }
        if (zl_json_parse("[1,}", 4, &tree, NULL) == ZL_OK) {
            abort();
        }
    }
    return NULL;
}

static void test_threads_parse_different_trees(void **state)
{
    (void)state;
    pthread_t threads[4];
    for (size_t i = 0; i < COUNT(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, parse_often, NULL), 0);
    }
    for (size_t i = 0; i < COUNT(threads); i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_accepts_one_value_with_white_space_around),
        cmocka_unit_test(test_parse_refuses_what_is_not_one_value),
        cmocka_unit_test(test_parse_bounds_the_nesting_but_not_brackets_in_strings),
        cmocka_unit_test(test_parse_survives_any_cut_and_any_changed_byte),
        cmocka_unit_test(test_reading_goes_by_path_with_case_and_absent_is_quiet),
        cmocka_unit_test(test_walking_visits_members_and_elements_in_order),
        cmocka_unit_test(test_whole_numbers_are_exact_up_to_2_53),
        cmocka_unit_test(test_whole_numbers_print_as_digits),
        cmocka_unit_test(test_escaped_nul_does_not_cut_a_string),
        cmocka_unit_test(test_bytes_that_are_not_utf8_pass_through),
        cmocka_unit_test(test_a_quoted_text_is_the_one_that_is_printed),
        cmocka_unit_test(test_duplicate_members_read_as_the_first),
        cmocka_unit_test(test_setters_add_or_replace_in_place),
        cmocka_unit_test(test_child_is_borrowed_or_made),
        cmocka_unit_test(test_arrays_and_copies_are_independent),
        cmocka_unit_test(test_threads_parse_different_trees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
