/* SPDX-License-Identifier: Apache-2.0 */
/*
 * review_path.h - the path at which the webhook answers for pods: /validate/<token>.
 *
 * A review claims a seat, so only who knows the token is heard. It stands in a Secret of its own, which the controller
 * makes and webhook and controller read, and in the configuration zen-lead-pods; nowhere else.
 *
 * The Secret's data: `token`, the one to be used; `previous`, which is accepted as well while a renewal spreads; `plain`,
 * there while the path of older releases, /validate, is still in use somewhere.
 *
 * Threads: pure.
 */
#ifndef ZL_OBJECTS_REVIEW_PATH_H
#define ZL_OBJECTS_REVIEW_PATH_H

#include "common/base/json.h"
#include "common/base/json_prune.h"

#include <stdint.h>

#define ZL_REVIEW_SECRET "zen-lead-review-path"
#define ZL_REVIEW_PATH_PLAIN "/validate"
/* 256 bits in lower-case hexadecimal digits. */
enum { ZL_REVIEW_TOKEN_BYTES = 32, ZL_REVIEW_TOKEN_LENGTH = 2 * ZL_REVIEW_TOKEN_BYTES };

/* On the Secret: with any value it asks the controller for a new token; when that was last renewed (RFC 3339). */
#define ZL_KEY_REVIEW_RENEW "zen-lead.io/renew"
#define ZL_KEY_REVIEW_RENEWED "zen-lead.io/renewed-at"
/*
 * On the Secret, with any value: use the plain path. Who goes back to a release that knows no other asks for it first, since
 * what is applied then takes away this release's rights to change the configuration.
 */
#define ZL_KEY_REVIEW_PLAIN "zen-lead.io/plain-path"
/*
 * On a webhook's pod: it knows such paths. While a pod of the webhook is without it, the API server is given
 * the plain path, which all releases know.
 */
#define ZL_KEY_REVIEW_PATH "zen-lead.io/review-path"

/* {0}: there is no Secret. What is no token counts as absent. */
struct zl_review_tokens {
    bool exists;
    char *token, *previous; /* of ZL_REVIEW_TOKEN_LENGTH, or NULL */
    bool plain;
    bool wants_plain;   /* somebody asks for it */
    bool renew;         /* likewise */
    int64_t renewed_us; /* 0: not known */
};
extern const struct zl_json_shape ZL_REVIEW_SECRET_SHAPE[];
/* OBJECT may be NULL: there is no Secret. OUT is overwritten; the caller clears it. */
void zl_review_tokens_decode(const struct cJSON *object, struct zl_review_tokens *out);
void zl_review_tokens_clear(struct zl_review_tokens *tokens);
#define ZL_AUTO_TOKENS ZL_CLEANUP(zl_review_tokens_clear)

bool zl_review_token_is_one(const char *text); /* NULL: no */
/*
 * Is PATH one at which reviews of pods are taken? It takes the same time for every token of the right length. Before there
 * is a Secret, the plain one is: nobody has configured another yet.
 */
bool zl_review_tokens_accept(const struct zl_review_tokens *tokens, const char *path);

/* "/validate/<token>"; the caller frees. */
char *zl_review_path(const char *token);
/* The token of such a path, borrowed from PATH; NULL: it has none. */
const char *zl_review_path_token(const char *path);

#endif
