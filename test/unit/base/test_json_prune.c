/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/base/json_prune.h"
#include "common/base/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const struct zl_json_shape OWNER[] = {{.name = "uid"}, {.name = NULL}};
static const struct zl_json_shape MORE[] = {{.name = "name"}, {.name = NULL}};
static const struct zl_json_shape METADATA[] = {
    {.name = "labels"}, {.name = "owners", .members = OWNER}, {.name = "x/*"}, {.members = MORE}};
static const struct zl_json_shape OBJECT[] = {
    {.name = "metadata", .members = METADATA}, {.name = "phase"}, {.name = NULL}};
static const struct zl_json_shape WHOLE_LIST[] = {{.name = "items", .apart = true}, {.name = NULL}};
static const struct zl_json_shape LIST[] = {
    {.name = "version"}, {.name = "items", .members = OBJECT, .apart = true}, {.name = NULL}};

/* What came out: elements in "( )", documents in "< >", "!" behind one that is cut. */
static enum zl_status note(void *ctx, const struct zl_json_kept *kept, struct zl_error *err)
{
    struct zl_buf *out = ctx;
    assert_int_equal(strlen(kept->text), kept->length);
    zl_buf_printf(out, "%c%s%c%s", kept->element ? '(' : '<', kept->text, kept->element ? ')' : '>',
                  kept->cut ? "!" : "");
    if (strstr(kept->text, "\"refused\"") != NULL) {
        return zl_error_set(err, ZL_E_GONE, "refused");
    }
    return ZL_OK;
}

/* Fed in pieces of PIECE bytes, each from a block of exactly its size. */
static enum zl_status feed(const struct zl_json_shape *shape, size_t kept_max, const char *text,
                           size_t piece, struct zl_buf *out, struct zl_error *err)
{
    ZL_AUTO_PRUNER struct zl_json_pruner *pruner = zl_json_pruner_new(shape, kept_max, note, out);
    const size_t length = strlen(text);
    for (size_t at = 0; at < length; at += piece) {
        const size_t count = length - at < piece ? length - at : piece;
        ZL_AUTO_FREE char *exact = zl_alloc(count);
        memcpy(exact, text + at, count);
        enum zl_status status = zl_json_pruner_feed(pruner, exact, count, err);
        if (status != ZL_OK) {
            assert_false(zl_json_pruner_is_between(pruner));
            return status;
        }
    }
    enum zl_status status = zl_json_pruner_end(pruner, err);
    assert_int_equal(zl_json_pruner_is_between(pruner), status == ZL_OK);
    return status;
}

struct row {
    const struct zl_json_shape *shape;
    const char *text, *out;
};

static void assert_comes_out(const struct row *row)
{
    static const size_t PIECES[] = {1, 2, 3, 7, 1 << 20};
    for (size_t i = 0; i < COUNT(PIECES); i++) {
        ZL_AUTO_BUF struct zl_buf out;
        struct zl_error err = {0};
        zl_buf_init(&out, ZL_MIB);
        if (feed(row->shape, ZL_KIB, row->text, PIECES[i], &out, &err) != ZL_OK) {
            fail_msg("%s: %s", row->text, err.message);
        }
        assert_string_equal(out.data != NULL ? out.data : "", row->out);
    }
}

static void test_only_what_the_shape_names_is_kept(void **state)
{
    (void)state;
    static const struct row ROWS[] = {
        {OBJECT, "{}", "<{}>"},
        {OBJECT, " {\"a\" : 1 , \"phase\" : \"Running\"} ", "<{\"phase\":\"Running\"}>"},
        {OBJECT, "{\"metadata\":{\"uid\":\"u\",\"name\":\"n\"},\"spec\":{\"metadata\":{}}}",
         "<{\"metadata\":{\"name\":\"n\"}}>"},
        {OBJECT, "{\"metadata\":{\"labels\":{\"a\":\"b\", \"c\":[1,{}]},\"x/1\":2,\"x\":3}}",
         "<{\"metadata\":{\"labels\":{\"a\":\"b\", \"c\":[1,{}]},\"x/1\":2}}>"},
        /* arrays do not count */
        {OBJECT, "{\"metadata\":{\"owners\":[{\"uid\":1,\"a\":2},{\"a\":3},[{\"uid\":4}],5]}}",
         "<{\"metadata\":{\"owners\":[{\"uid\":1},{},[{\"uid\":4}],5]}}>"},
        /* another type than the shape's is kept as it is */
        {OBJECT, "{\"metadata\":null,\"phase\":{\"a\":[]}}",
         "<{\"metadata\":null,\"phase\":{\"a\":[]}}>"},
        {OBJECT, "7", "<7>"},
        {OBJECT, "\"a\\\"b\"", "<\"a\\\"b\">"},
        /* all of it */
        {NULL, "{\"a\": [1, \"\\\\\"] }", "<{\"a\": [1, \"\\\\\"] }>"},
        {NULL, "-1.5e3 ", "<-1.5e3>"},
        /* nothing of what is passed over can end it early */
        {OBJECT, "{\"a\":\"}]\\\"{\",\"b\":[\"]\",{\"phase\":1}],\"phase\":2}", "<{\"phase\":2}>"},
        {OBJECT, "{\"a\":\"\\\\\",\"phase\":\"\\u003c\"}", "<{\"phase\":\"\\u003c\"}>"},
        /* a name is compared as it is written, whole and with case */
        {OBJECT, "{\"ph\\u0061se\":1,\"Phase\":2,\"phase2\":3,\"phas\":4,\"\":5}", "<{}>"},
        {OBJECT, "{\"phase\":1,\"phase\":2}", "<{\"phase\":1,\"phase\":2}>"},
    };
    for (size_t i = 0; i < COUNT(ROWS); i++) {
        assert_comes_out(&ROWS[i]);
    }
}

static void test_elements_and_documents_come_one_by_one(void **state)
{
    (void)state;
    static const struct row ROWS[] = {
        {LIST, "{\"version\":1,\"items\":[{\"phase\":\"a\",\"b\":2},{},{\"phase\":\"c\"}]}",
         "({\"phase\":\"a\"})({})({\"phase\":\"c\"})<{\"version\":1,\"items\":[]}>"},
        {LIST, "{\"items\":[{\"metadata\":{\"owners\":[{\"uid\":1}]}}],\"version\":2}",
         "({\"metadata\":{\"owners\":[{\"uid\":1}]}})<{\"items\":[],\"version\":2}>"},
        {LIST, "{\"items\":[ ]}", "<{\"items\":[]}>"},
        {WHOLE_LIST, "{\"items\":[{\"a\":[1]}, 2,[3]]}", "({\"a\":[1]})(2)([3])<{\"items\":[]}>"},
        {WHOLE_LIST, "{\"items\":{\"a\":1}}", "<{\"items\":{\"a\":1}}>"},
        {LIST, "{\"items\":null}", "<{\"items\":null}>"},
        {LIST, "{\"items\":{\"phase\":1}}", "<{\"items\":{\"phase\":1}}>"},
        {LIST, "{\"items\":[7,\"x\",[{\"phase\":1}]]}",
         "(7)(\"x\")([{\"phase\":1}])<{\"items\":[]}>"},
        {OBJECT, "{\"phase\":1}\n\n{\"phase\":2} {}\n", "<{\"phase\":1}><{\"phase\":2}><{}>"},
        {NULL, "", ""},
        {NULL, " \n", ""},
    };
    for (size_t i = 0; i < COUNT(ROWS); i++) {
        assert_comes_out(&ROWS[i]);
    }
}

static void test_what_cannot_be_json_is_refused(void **state)
{
    (void)state;
    static const char *const TEXTS[] = {
        "{",
        "[",
        "{\"phase\"",
        "{\"phase\":",
        "{\"phase\":1",
        "{\"phase\":1,",
        "{\"phase\":\"a",
        "\"a",
        "{]",
        "}",
        "]",
        ",",
        "{1:2}",
        "{\"phase\" 1}",
        "{\"phase\":1 \"a\":2}",
        "{\"phase\":,}",
        "{\"a\":}",
        "{\"a\":1:2}",
        "{,}",
        "{\"metadata\":[1,]}",
        "{\"metadata\":{\"name\":1]}",
        "{\"a\":[1}",
    };
    for (size_t i = 0; i < COUNT(TEXTS); i++) {
        for (size_t piece = 1; piece < 20; piece += 6) {
            ZL_AUTO_BUF struct zl_buf out;
            struct zl_error err = {0};
            zl_buf_init(&out, ZL_MIB);
            if (feed(OBJECT, ZL_KIB, TEXTS[i], piece, &out, &err) != ZL_E_INVALID) {
                fail_msg("taken: %s", TEXTS[i]);
            }
            assert_non_null(strstr(err.message, "JSON: "));
        }
    }
}

static void test_a_failing_reader_ends_it(void **state)
{
    (void)state;
    ZL_AUTO_BUF struct zl_buf out;
    struct zl_error err = {0};
    zl_buf_init(&out, ZL_MIB);
    assert_int_equal(
        feed(LIST, ZL_KIB, "{\"items\":[{\"phase\":\"refused\"},{}]}", 1000, &out, &err),
        ZL_E_GONE);
    assert_string_equal(err.message, "refused");
    assert_string_equal(out.data, "({\"phase\":\"refused\"})");
}

/* COUNT times TEXT between BEFORE and AFTER. */
static char *repeated(const char *before, const char *text, size_t count, const char *after)
{
    struct zl_buf all;
    zl_buf_init(&all, 64 * ZL_MIB);
    zl_buf_add_text(&all, before);
    for (size_t i = 0; i < count; i++) {
        zl_buf_add_text(&all, text);
    }
    zl_buf_add_text(&all, after);
    return zl_buf_take(&all);
}

static void assert_kept(const char *text, const char *expected)
{
    ZL_AUTO_BUF struct zl_buf out;
    struct zl_error err = {0};
    zl_buf_init(&out, ZL_MIB);
    assert_int_equal(feed(OBJECT, 64 * ZL_KIB, text, 16 * ZL_KIB, &out, &err), ZL_OK);
    assert_string_equal(out.data, expected);
}

static void test_what_is_too_large_is_left_out_and_the_rest_stays(void **state)
{
    (void)state;
    ZL_AUTO_FREE char *label = repeated("{\"metadata\":{\"labels\":{\"a\":\"", "\\u003c", 20000,
                                        "\"},\"name\":\"n\"},\"phase\":\"p\"}");
    assert_kept(label, "<{\"metadata\":{\"name\":\"n\"},\"phase\":\"p\"}>!");
    ZL_AUTO_FREE char *last = repeated(
        "{\"phase\":\"p\",\"metadata\":{\"name\":\"n\",\"labels\":\"", "x", 100000, "\"}}");
    assert_kept(last, "<{\"phase\":\"p\",\"metadata\":{\"name\":\"n\"}}>!");
    ZL_AUTO_FREE char *passed_over =
        repeated("{\"spec\":\"", "\\u003c", 3ul << 20, "\",\"phase\":\"p\"}");
    assert_kept(passed_over, "<{\"phase\":\"p\"}>");
    ZL_AUTO_FREE char *whole = repeated("\"", "x", 100000, "\"");
    assert_kept(whole, "<null>!");
}

/* Elements without end, and what comes after them is there all the same. */
static void test_many_elements_do_not_push_out_what_is_small(void **state)
{
    (void)state;
    ZL_AUTO_BUF struct zl_buf out;
    struct zl_error err = {0};
    struct cJSON *tree = NULL;
    zl_buf_init(&out, ZL_MIB);
    ZL_AUTO_FREE char *text = repeated("{\"metadata\":{\"owners\":[{}", ",{\"uid\":1}", 100000,
                                       "],\"name\":\"n\"},\"phase\":\"p\"}");
    assert_int_equal(feed(OBJECT, 64 * ZL_KIB, text, 1000, &out, &err), ZL_OK);
    assert_true(out.length < 64 * ZL_KIB + ZL_KEPT_RESERVE);
    assert_string_equal(out.data + out.length - 2, ">!");
    assert_int_equal(zl_json_parse(out.data + 1, out.length - 3, &tree, &err), ZL_OK);
    assert_string_equal(zl_json_text(tree, "metadata", "name", NULL), "n");
    assert_string_equal(zl_json_text(tree, "phase", NULL), "p");
    assert_in_range(zl_json_count(zl_json_at(tree, "metadata", "owners", NULL)), 5000, 8000);
    zl_json_free(tree);
}

static void test_a_value_longer_than_the_shape_allows_is_left_out_alone(void **state)
{
    (void)state;
    static const struct zl_json_shape inner[] = {
        {.name = "labels", .max = 12}, {.name = "name"}, {.name = NULL}};
    static const struct zl_json_shape shape[] = {
        {.name = "metadata", .members = inner}, {.name = "phase"}, {.name = NULL}};
    static const struct row rows[] = {
        {shape, "{\"metadata\":{\"labels\":{\"a\":\"1234\"},\"name\":\"n\"}}",
         "<{\"metadata\":{\"labels\":{\"a\":\"1234\"},\"name\":\"n\"}}>"},
        {shape, "{\"metadata\":{\"labels\":{\"a\":\"12345\"},\"name\":\"longer than twelve\"}}",
         "<{\"metadata\":{\"name\":\"longer than twelve\"}}>!"},
        {shape, "{\"metadata\":{\"name\":\"n\",\"labels\":[\"123456789\"]},\"phase\":\"p\"}",
         "<{\"metadata\":{\"name\":\"n\"},\"phase\":\"p\"}>!"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_comes_out(&rows[i]);
    }
}

/* The next element, and the next document, are whole again. */
static void test_a_cut_is_over_with_its_element(void **state)
{
    (void)state;
    ZL_AUTO_BUF struct zl_buf out;
    zl_buf_init(&out, ZL_MIB);
    ZL_AUTO_FREE char *text =
        repeated("{\"items\":[{\"phase\":\"", "x", 100000,
                 "\",\"metadata\":{\"name\":\"a\"}},{\"phase\":\"b\"}]} {\"version\":1}");
    assert_int_equal(feed(LIST, 64 * ZL_KIB, text, 1000, &out, NULL), ZL_OK);
    assert_string_equal(out.data, "({\"metadata\":{\"name\":\"a\"}})!({\"phase\":\"b\"})"
                                  "<{\"items\":[]}><{\"version\":1}>");
}

static void test_any_nesting_is_passed_over(void **state)
{
    (void)state;
    ZL_AUTO_FREE char *deep = repeated("{\"a\":", "[{\"b\":", 100000, "");
    ZL_AUTO_FREE char *closed = repeated("1", "}]", 100000, ",\"phase\":\"p\"}");
    ZL_AUTO_FREE char *text = zl_asprintf("%s%s", deep, closed);
    assert_kept(text, "<{\"phase\":\"p\"}>");
    ZL_AUTO_FREE char *arrays = repeated("{\"metadata\":", "[", 1000, "");
    ZL_AUTO_FREE char *ends = repeated("", "]", 1000, ",\"phase\":\"p\"}");
    ZL_AUTO_FREE char *shaped = zl_asprintf("%s%s", arrays, ends);
    ZL_AUTO_BUF struct zl_buf out;
    zl_buf_init(&out, ZL_MIB);
    assert_int_equal(feed(OBJECT, ZL_KIB, shaped, 10, &out, NULL), ZL_OK);
    assert_non_null(strstr(out.data, "]],\"phase\":\"p\"}>!"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_what_the_shape_names_is_kept),
        cmocka_unit_test(test_elements_and_documents_come_one_by_one),
        cmocka_unit_test(test_what_cannot_be_json_is_refused),
        cmocka_unit_test(test_a_failing_reader_ends_it),
        cmocka_unit_test(test_what_is_too_large_is_left_out_and_the_rest_stays),
        cmocka_unit_test(test_many_elements_do_not_push_out_what_is_small),
        cmocka_unit_test(test_a_value_longer_than_the_shape_allows_is_left_out_alone),
        cmocka_unit_test(test_a_cut_is_over_with_its_element),
        cmocka_unit_test(test_any_nesting_is_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
