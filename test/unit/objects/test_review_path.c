/* SPDX-License-Identifier: Apache-2.0 */
#include "common/objects/review_path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
/* base64 of A */
#define A64                                                                                        \
    "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYQ=="

static char TOKEN_A[] = A, TOKEN_B[] = B;

static void test_paths_at_which_reviews_are_taken(void **state)
{
    static const struct zl_review_tokens none = {0}, one = {.exists = true, .token = TOKEN_A},
                                         both = {.exists = true,
                                                 .token = TOKEN_A,
                                                 .previous = TOKEN_B},
                                         plain = {.exists = true, .token = TOKEN_A, .plain = true},
                                         broken = {.exists = true};
    static const struct {
        const struct zl_review_tokens *tokens;
        const char *path;
        bool accepted;
    } rows[] = {
        {&none, "/validate", true}, /* nobody has configured another yet */
        {&none, "/validate/" A, false},    {&one, "/validate/" A, true},
        {&one, "/validate/" B, false},     {&one, "/validate", false},
        {&one, "/validate/", false},       {&one, "/validate/" A "/", false},
        {&one, "/validate/" A "a", false}, {&one, "/validate/a", false},
        {&one, "/validat/" A, false},      {&one, "", false},
        {&both, "/validate/" A, true},     {&both, "/validate/" B, true},
        {&both, "/validate", false},       {&plain, "/validate", true},
        {&broken, "/validate", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (zl_review_tokens_accept(rows[i].tokens, rows[i].path) != rows[i].accepted) {
            fail_msg("row %zu: %s", i, rows[i].path);
        }
    }
}

static void test_secret(void **state)
{
    static const char text[] =
        "{\"metadata\":{\"annotations\":{\"zen-lead.io/renew\":\"\",\"zen-lead.io/"
        "renewed-at\":\"1970-01-01T00:00:01Z\",\"zen-lead.io/"
        "plain-path\":\"\"}},\"data\":{\"token\":\"" A64
        "\",\"previous\":\"YQ==\",\"plain\":\"\"}}";
    (void)state;
    ZL_AUTO_JSON struct cJSON *object = NULL;
    ZL_AUTO_TOKENS struct zl_review_tokens tokens = {0};
    assert_int_equal(zl_json_parse(text, strlen(text), &object, NULL), ZL_OK);
    zl_review_tokens_decode(object, &tokens);
    assert_true(tokens.exists && tokens.plain && tokens.wants_plain && tokens.renew);
    assert_string_equal(tokens.token, A);
    assert_null(tokens.previous); /* it is no token */
    assert_int_equal(tokens.renewed_us, 1000000);
}

static void test_path_of_a_token(void **state)
{
    (void)state;
    ZL_AUTO_FREE char *path = zl_review_path(A);
    assert_string_equal(path, "/validate/" A);
    assert_string_equal(zl_review_path_token(path), A);
    assert_null(zl_review_path_token(NULL));
    assert_null(zl_review_path_token("/validate"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths_at_which_reviews_are_taken),
        cmocka_unit_test(test_secret),
        cmocka_unit_test(test_path_of_a_token),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
