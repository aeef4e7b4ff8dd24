/* SPDX-License-Identifier: Apache-2.0 */
#include "client/dashboard/board.h"

#include "common/base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct cJSON *row(const char *text)
{
    struct cJSON *json = zl_json_object();
    zl_json_set_text(json, "x", text);
    return json;
}

static int setup(void **state)
{
    *state = zl_board_new();
    return 0;
}

static int teardown(void **state)
{
    zl_board_free(*state);
    return 0;
}

static void assert_told(const struct zl_board *board, int64_t *seen, const char *wanted)
{
    ZL_AUTO_FREE char *text = zl_board_tell(board, seen, 5);
    assert_string_equal(text, wanted);
}

static void test_who_knows_nothing_is_told_all_and_then_what_changes(void **state)
{
    struct zl_board *board = *state;
    int64_t seen = 0;
    assert_true(zl_board_put(board, "pool shop/web", row("a")));
    assert_true(zl_board_put(board, "pool shop/api", row("b")));
    assert_told(board, &seen,
                "{\"now\":5,\"number\":2,\"whole\":true,\"set\":{\"pool shop/web\":{\"x\":\"a\"},"
                "\"pool shop/api\":{\"x\":\"b\"}},\"drop\":[]}");
    assert_told(board, &seen, "{\"now\":5,\"number\":2,\"whole\":false,\"set\":{},\"drop\":[]}");
    assert_true(zl_board_put(board, "pool shop/web", row("c")));
    assert_true(zl_board_drop(board, "pool shop/api"));
    assert_int_equal(zl_board_count(board), 1);
    assert_told(board, &seen,
                "{\"now\":5,\"number\":4,\"whole\":false,\"set\":{\"pool shop/web\":{\"x\":\"c\"}},"
                "\"drop\":[\"pool shop/api\"]}");
}

static void test_what_says_the_same_is_no_change(void **state)
{
    struct zl_board *board = *state;
    assert_true(zl_board_put(board, "a", row("1")));
    assert_false(zl_board_put(board, "a", row("1")));
    assert_int_equal(zl_board_last(board), 1);
    assert_false(zl_board_drop(board, "b"));
    assert_true(zl_board_drop(board, "a"));
    assert_false(zl_board_drop(board, "a"));
    assert_true(zl_board_put(board, "a", row("1")));
    assert_int_equal(zl_board_count(board), 1);
}

static void test_a_row_that_came_back_is_not_dropped(void **state)
{
    struct zl_board *board = *state;
    int64_t seen = 0;
    (void)zl_board_put(board, "a", row("1"));
    free(zl_board_tell(board, &seen, 5));
    (void)zl_board_drop(board, "a");
    (void)zl_board_put(board, "a", row("2"));
    assert_told(
        board, &seen,
        "{\"now\":5,\"number\":3,\"whole\":false,\"set\":{\"a\":{\"x\":\"2\"}},\"drop\":[]}");
}

static void test_who_knows_less_than_is_remembered_is_told_all(void **state)
{
    struct zl_board *board = *state;
    int64_t seen = 0, new_reader = 0;
    (void)zl_board_put(board, "stays", row("1"));
    free(zl_board_tell(board, &seen, 5));
    for (int i = 0; i < 2000; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "k%d", i);
        (void)zl_board_put(board, key, row("1"));
        (void)zl_board_drop(board, key);
    }
    ZL_AUTO_FREE char *late = zl_board_tell(board, &seen, 5);
    ZL_AUTO_FREE char *fresh = zl_board_tell(board, &new_reader, 5);
    assert_string_equal(late, fresh);
    assert_non_null(strstr(late, "\"whole\":true,\"set\":{\"stays\""));
    assert_int_equal(zl_board_count(board), 1);
}

static void test_hostile_text_stays_inside_of_one_line_of_json(void **state)
{
    struct zl_board *board = *state;
    int64_t seen = 0;
    (void)zl_board_put(board, "event a\"\n/b", row("<script>\n\ndata: x\"</script>"));
    ZL_AUTO_FREE char *text = zl_board_tell(board, &seen, 5);
    ZL_AUTO_JSON struct cJSON *tree = NULL;
    assert_null(strchr(text, '\n'));
    assert_int_equal(zl_json_parse(text, strlen(text), &tree, NULL), ZL_OK);
    const struct cJSON *first = zl_json_first(zl_json_at(tree, "set", NULL));
    assert_string_equal(zl_json_name(first), "event a\"\n/b");
    assert_string_equal(zl_json_text(first, "x", NULL), "<script>\n\ndata: x\"</script>");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_who_knows_nothing_is_told_all_and_then_what_changes),
        TEST(test_what_says_the_same_is_no_change),
        TEST(test_a_row_that_came_back_is_not_dropped),
        TEST(test_who_knows_less_than_is_remembered_is_told_all),
        TEST(test_hostile_text_stays_inside_of_one_line_of_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
