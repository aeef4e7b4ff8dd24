/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/gate/token_plan.h"

#include "common/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define PATH_A "/validate/" A
#define PATH_B "/validate/" B
#define PLAIN "/validate"
#define LONG 100000
#define DAY_US (INT64_C(24) * 3600 * 1000000)

static char TOKEN_A[] = A, TOKEN_B[] = B;

static const struct {
    const char *name;
    struct zl_review_tokens tokens;
    const char *in_use;
    bool all_know, legacy;
    int64_t tokens_ms, in_use_ms;
    struct zl_token_plan plan;
} ROWS[] = {
    {"installed: a token is made",
     {0},
     NULL,
     true,
     false,
     LONG,
     LONG,
     {.write = true, .renewed = true}},
    {"beside webhooks that know no tokens: the plain path is accepted as well",
     {0},
     NULL,
     false,
     false,
     LONG,
     LONG,
     {.write = true, .renewed = true, .plain = true}},
    {"while the old entry selects: it names the plain path",
     {0},
     NULL,
     true,
     true,
     LONG,
     LONG,
     {.write = true, .renewed = true, .plain = true}},
    {"the Secret was deleted: the token in use comes back",
     {0},
     PATH_A,
     true,
     false,
     LONG,
     LONG,
     {.write = true, .renewed = true, .token = A}},
    {"filled for the first time: at once",
     {.exists = true, .token = TOKEN_A},
     NULL,
     true,
     false,
     0,
     0,
     {.may_fill = true, .path_token = A}},
    {"filled for the first time beside old webhooks: plain",
     {.exists = true, .token = TOKEN_A, .plain = true},
     NULL,
     false,
     false,
     0,
     0,
     {.may_fill = true}},
    {"but not before it is accepted",
     {.exists = true, .token = TOKEN_A},
     NULL,
     false,
     false,
     0,
     0,
     {.write = true, .token = A, .plain = true}},
    {"in use: nothing to do",
     {.exists = true, .token = TOKEN_A},
     PATH_A,
     true,
     false,
     LONG,
     LONG,
     {.may_fill = true, .path_token = A}},
    {"the last old webhook is gone: the token is used",
     {.exists = true, .token = TOKEN_A, .plain = true},
     PLAIN,
     true,
     false,
     LONG,
     LONG,
     {.may_fill = true, .path_token = A}},
    {"and plain is accepted for a while",
     {.exists = true, .token = TOKEN_A, .plain = true},
     PATH_A,
     true,
     false,
     LONG,
     10000,
     {.may_fill = true, .path_token = A, .look_again_ms = 50000}},
    {"and then not any more",
     {.exists = true, .token = TOKEN_A, .plain = true},
     PATH_A,
     true,
     false,
     LONG,
     LONG,
     {.write = true, .token = A}},
    {"but while the old entry selects",
     {.exists = true, .token = TOKEN_A, .plain = true},
     PATH_A,
     true,
     true,
     LONG,
     LONG,
     {.may_fill = true, .path_token = A}},
    {"a copy of the old entry names plain, which nobody accepts any more: first that",
     {.exists = true, .token = TOKEN_A},
     PLAIN,
     true,
     false,
     LONG,
     LONG,
     {.write = true, .token = A, .plain = true}},
    {"back to an older version: plain is accepted",
     {.exists = true, .token = TOKEN_A},
     PATH_A,
     false,
     false,
     LONG,
     LONG,
     {.write = true, .token = A, .plain = true}},
    {"and used",
     {.exists = true, .token = TOKEN_A, .plain = true},
     PATH_A,
     false,
     false,
     0,
     LONG,
     {.may_fill = true}},
    {"a renewal is asked for: both are accepted",
     {.exists = true, .token = TOKEN_A, .renew = true},
     PATH_A,
     true,
     false,
     LONG,
     LONG,
     {.write = true, .previous = A, .renewed = true}},
    {"or due",
     {.exists = true, .token = TOKEN_A, .renewed_us = 1},
     PATH_A,
     true,
     false,
     LONG,
     LONG,
     {.write = true, .previous = A, .renewed = true}},
    {"the new one spreads",
     {.exists = true, .token = TOKEN_B, .previous = TOKEN_A},
     PATH_A,
     true,
     false,
     1000,
     LONG,
     {.may_fill = true, .path_token = A, .look_again_ms = 2000}},
    {"and is used",
     {.exists = true, .token = TOKEN_B, .previous = TOKEN_A},
     PATH_A,
     true,
     false,
     3000,
     LONG,
     {.may_fill = true, .path_token = B}},
    {"the old one is accepted for a while, also when the next renewal is asked for",
     {.exists = true, .token = TOKEN_B, .previous = TOKEN_A, .renew = true},
     PATH_B,
     true,
     false,
     LONG,
     0,
     {.may_fill = true, .path_token = B, .look_again_ms = 60000}},
    {"and then goes",
     {.exists = true, .token = TOKEN_B, .previous = TOKEN_A},
     PATH_B,
     true,
     false,
     LONG,
     LONG,
     {.write = true, .token = B}},
    {"somebody replaced the Secret: the one in use is accepted first",
     {.exists = true, .token = TOKEN_B},
     PATH_A,
     true,
     false,
     LONG,
     LONG,
     {.write = true, .token = B, .previous = A}},
    {"a path that is nobody's is replaced",
     {.exists = true, .token = TOKEN_A},
     "/other",
     true,
     false,
     LONG,
     LONG,
     {.may_fill = true, .path_token = A}},
};

static void test_each_step(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        const struct zl_token_facts facts = {
            .tokens = &ROWS[i].tokens,
            .in_use = ROWS[i].in_use,
            .all_know = ROWS[i].all_know,
            .legacy = ROWS[i].legacy,
            .tokens_ms = ROWS[i].tokens_ms,
            .in_use_ms = ROWS[i].in_use_ms,
            .now_us = 31 * DAY_US,
        };
        struct zl_token_plan plan = zl_token_plan(&facts);
        const struct zl_token_plan *wanted = &ROWS[i].plan;
        if (plan.write != wanted->write || !zl_same_string(plan.token, wanted->token) ||
            !zl_same_string(plan.previous, wanted->previous) || plan.plain != wanted->plain ||
            plan.renewed != wanted->renewed || plan.may_fill != wanted->may_fill ||
            !zl_same_string(plan.path_token, wanted->path_token) ||
            plan.look_again_ms != wanted->look_again_ms) {
            fail_msg("%s: write %d token %s previous %s plain %d fill %d path %s again %lld",
                     ROWS[i].name, plan.write, plan.token, plan.previous, plan.plain, plan.may_fill,
                     plan.path_token, (long long)plan.look_again_ms);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_each_step)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
