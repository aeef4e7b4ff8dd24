/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/json.h"

#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_pieces_are_apart_aligned_and_known(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 16, 17, 100, 5000, 1, 0, 64};
    char *pieces[sizeof sizes / sizeof sizes[0]];
    struct zl_arena *arena = zl_arena_new(128);
    char outside = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        pieces[i] = zl_arena_take(arena, sizes[i]);
        assert_int_equal((uintptr_t)pieces[i] % alignof(max_align_t), 0);
        memset(pieces[i], (int)i, sizes[i]);
    }
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (size_t j = 0; j < sizes[i]; j++) {
            assert_int_equal(pieces[i][j], i);
        }
        assert_true(sizes[i] == 0 || zl_arena_has(arena, pieces[i]));
    }
    assert_false(zl_arena_has(arena, &outside));
    zl_arena_free(arena);
    zl_arena_free(NULL);
}

static const char *const TEXTS[] = {
    "{\"a\":[1,2,{\"b\":\"c\\u00e9\"}],\"n\":9007199254740991,\"t\":true}",
    "{\"a\":\"x\\u0000y\"}",
    "\"text\"",
    "[]",
    "{\"a\":}",
    "{\"a\":[1,2,{\"b\":\"c\"}],\"n\":",
    "",
    "{} {}",
};

/* With memory of its own or without, a tree is the same; what is parsed beside it is not in its memory. */
static void test_a_tree_apart_is_the_same_tree(void **state)
{
    (void)state;
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < sizeof TEXTS / sizeof TEXTS[0]; i++) {
            struct zl_error err = {0};
            struct cJSON *apart = NULL, *plain = NULL;
            struct zl_arena *arena = NULL;
            enum zl_status status =
                zl_json_parse_apart(TEXTS[i], strlen(TEXTS[i]), &apart, &arena, &err);
            assert_int_equal(zl_json_parse(TEXTS[i], strlen(TEXTS[i]), &plain, &err), status);
            assert_int_equal(arena != NULL, round == 1 && status == ZL_OK);
            if (status == ZL_OK) {
                ZL_AUTO_FREE char *one = zl_json_print(apart);
                ZL_AUTO_FREE char *other = zl_json_print(plain);
                assert_string_equal(one, other);
                assert_int_equal(arena != NULL && zl_arena_has(arena, apart), round == 1);
                assert_false(arena != NULL && zl_arena_has(arena, plain));
            }
            zl_json_free_apart(apart, arena);
            zl_json_free(plain);
        }
        zl_json_have_arenas();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces_are_apart_aligned_and_known),
        cmocka_unit_test(test_a_tree_apart_is_the_same_tree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
