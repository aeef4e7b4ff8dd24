/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/gate/token_plan.h"

#include "common/base/memory.h"

#include <string.h>

enum {
    SPREAD_MS = 3000, /* a webhook hears of a new token by its watch, in milliseconds */
    RETIRE_MS =
        60000, /* API servers hear of a new path by theirs; a review lasts 30 s at the most */
};
#define RENEW_AFTER_US (INT64_C(30) * 24 * 3600 * 1000000)

static struct zl_token_plan write_as(const struct zl_review_tokens *tokens, bool plain)
{
    return (struct zl_token_plan){
        .write = true, .token = tokens->token, .previous = tokens->previous, .plain = plain};
}

/* There is no token: nobody has installed it, or somebody has deleted it. The one in use stays in use. */
static struct zl_token_plan make(const struct zl_token_facts *facts, bool is_plain_in_use)
{
    return (struct zl_token_plan){
        .write = true,
        .token = zl_review_path_token(facts->in_use),
        .renewed = true,
        .plain = is_plain_in_use || !facts->all_know || facts->legacy,
    };
}

/* Some who answer know no other path, or such ones are about to come. */
static bool needs_plain(const struct zl_token_facts *facts)
{
    return !facts->all_know || facts->tokens->wants_plain;
}

static bool is_renewal_due(const struct zl_token_facts *facts)
{
    const struct zl_review_tokens *tokens = facts->tokens;
    return tokens->renew ||
           (tokens->renewed_us > 0 && facts->now_us - tokens->renewed_us > RENEW_AFTER_US);
}

static struct zl_token_plan use(const char *token)
{
    return (struct zl_token_plan){.may_fill = true, .path_token = token};
}

/* The token is in use: what else is accepted goes after a while, and then a new one may come. */
static struct zl_token_plan settle(const struct zl_token_facts *facts)
{
    const struct zl_review_tokens *tokens = facts->tokens;
    struct zl_token_plan plan = use(tokens->token);
    if ((tokens->plain && !facts->legacy) || tokens->previous != NULL) {
        int64_t left_ms = RETIRE_MS - facts->in_use_ms;
        if (left_ms > 0) {
            plan.look_again_ms = left_ms;
            return plan;
        }
        return (struct zl_token_plan){
            .write = true, .token = tokens->token, .plain = tokens->plain && facts->legacy};
    }
    if (is_renewal_due(facts)) {
        return (struct zl_token_plan){
            .write = true, .previous = tokens->token, .plain = tokens->plain, .renewed = true};
    }
    return plan;
}

struct zl_token_plan zl_token_plan(const struct zl_token_facts *facts)
{
    const struct zl_review_tokens *tokens = facts->tokens;
    bool is_plain_in_use = zl_same_string(facts->in_use, ZL_REVIEW_PATH_PLAIN);
    const char *used = zl_review_path_token(facts->in_use);
    if (tokens->token == NULL) {
        return make(facts, is_plain_in_use);
    }
    bool is_accepted = used == NULL || zl_same_string(used, tokens->token) ||
                       zl_same_string(used, tokens->previous);
    if (!is_accepted) { /* somebody has replaced the Secret: what is in use must be heard first */
        struct zl_token_plan plan = write_as(tokens, tokens->plain);
        plan.previous = used;
        return plan;
    }
    if ((needs_plain(facts) || is_plain_in_use) && !tokens->plain) {
        return write_as(tokens, true);
    }
    if (!facts->all_know) { /* they may be asked at any moment: there is no time to wait */
        return use(NULL);
    }
    if (zl_same_string(used, tokens->token) && !tokens->wants_plain) {
        return settle(facts);
    }
    if (facts->in_use != NULL && facts->tokens_ms < SPREAD_MS) {
        struct zl_token_plan plan = use(used);
        plan.look_again_ms = SPREAD_MS - facts->tokens_ms;
        return plan;
    }
    return use(tokens->wants_plain ? NULL : tokens->token);
}
