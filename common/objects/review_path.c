/* SPDX-License-Identifier: Apache-2.0 */
#include "common/objects/review_path.h"

#include "common/base/clock.h"
#include "common/base/parse.h"

#include <string.h>

#define PREFIX ZL_REVIEW_PATH_PLAIN "/"

static const struct zl_json_shape META[] = {{.name = "name"},        {.name = "namespace"},
                                            {.name = "uid"},         {.name = "resourceVersion"},
                                            {.name = "annotations"}, {0}};
const struct zl_json_shape ZL_REVIEW_SECRET_SHAPE[] = {
    {.name = "metadata", .members = META}, {.name = "data"}, {0}};

bool zl_review_token_is_one(const char *text)
{
    return text != NULL && strlen(text) == ZL_REVIEW_TOKEN_LENGTH &&
           strspn(text, "0123456789abcdef") == ZL_REVIEW_TOKEN_LENGTH;
}

/* The API server has checked the base64; what is broken nevertheless counts as absent. */
static char *decode(const struct cJSON *object, const char *key)
{
    const char *value = zl_json_text(object, "data", key, NULL);
    char *text = NULL;
    size_t length = 0;
    if (value == NULL || zl_base64_decode(value, &text, &length, NULL) != ZL_OK) {
        return NULL;
    }
    if (!zl_review_token_is_one(text)) {
        free(text);
        return NULL;
    }
    return text;
}

void zl_review_tokens_decode(const struct cJSON *object, struct zl_review_tokens *out)
{
    *out = (struct zl_review_tokens){.exists = object != NULL};
    if (object == NULL) {
        return;
    }
    out->token = decode(object, "token");
    out->previous = decode(object, "previous");
    out->plain = zl_json_at(object, "data", "plain", NULL) != NULL;
    out->wants_plain =
        zl_json_at(object, "metadata", "annotations", ZL_KEY_REVIEW_PLAIN, NULL) != NULL;
    out->renew = zl_json_at(object, "metadata", "annotations", ZL_KEY_REVIEW_RENEW, NULL) != NULL;
    const char *renewed =
        zl_json_text(object, "metadata", "annotations", ZL_KEY_REVIEW_RENEWED, NULL);
    if (renewed == NULL || !zl_time_parse(renewed, &out->renewed_us)) {
        out->renewed_us = 0;
    }
}

void zl_review_tokens_clear(struct zl_review_tokens *tokens)
{
    free(tokens->token);
    free(tokens->previous);
    *tokens = (struct zl_review_tokens){0};
}

/* Both of ZL_REVIEW_TOKEN_LENGTH. */
static bool are_equal(const char *left, const char *right)
{
    unsigned difference = 0;
    for (size_t i = 0; i < ZL_REVIEW_TOKEN_LENGTH; i++) {
        difference |= (unsigned)(unsigned char)left[i] ^ (unsigned)(unsigned char)right[i];
    }
    return difference == 0;
}

bool zl_review_tokens_accept(const struct zl_review_tokens *tokens, const char *path)
{
    if (strcmp(path, ZL_REVIEW_PATH_PLAIN) == 0) {
        return tokens->plain || !tokens->exists;
    }
    const char *token = zl_review_path_token(path);
    if (token == NULL) {
        return false;
    }
    bool is_this = tokens->token != NULL && are_equal(tokens->token, token);
    bool is_previous = tokens->previous != NULL && are_equal(tokens->previous, token);
    return is_this || is_previous;
}

char *zl_review_path(const char *token)
{
    return zl_asprintf(PREFIX "%s", token);
}

const char *zl_review_path_token(const char *path)
{
    if (path == NULL || strncmp(path, PREFIX, strlen(PREFIX)) != 0) {
        return NULL;
    }
    const char *token = path + strlen(PREFIX);
    return zl_review_token_is_one(token) ? token : NULL;
}
