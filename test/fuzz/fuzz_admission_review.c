/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever bytes come as a review: no crash, and where a uid could be read, the answer is valid JSON
 * that echoes it.
 * Links: webhook/review/admission_review.c common/base/[a-z]*.c
 */
#include "webhook/review/admission_review.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void check_answer(const struct zl_review *review, enum zl_status status,
                         const struct zl_error *err)
{
    const struct zl_review_answer answer = {
        .allowed = status == ZL_OK,
        .code = 400,
        .reason = "BadRequest",
        .message = err->message,
        .warnings = {review->username, err->message},
    };
    ZL_AUTO_FREE char *text = zl_review_encode(review->uid, &answer);
    ZL_AUTO_JSON struct cJSON *tree = NULL;
    require(zl_json_parse(text, strlen(text), &tree, NULL) == ZL_OK);
    require(zl_same_string(zl_json_text(tree, "response", "uid", NULL), review->uid));
    require(zl_json_bool(tree, status != ZL_OK, "response", "allowed", NULL) == (status == ZL_OK));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct zl_review review;
    struct zl_error err = {0};
    enum zl_status status = zl_review_decode((const char *)data, size, &review, &err);
    require(status == ZL_OK || status == ZL_E_INVALID);
    require((status == ZL_OK) == (review.operation != NULL));
    require((status == ZL_OK) == (err.message[0] == '\0'));
    require((review.uid != NULL) == (review.tree != NULL));
    require(status != ZL_OK || review.uid != NULL);
    if (review.uid != NULL) {
        check_answer(&review, status, &err);
    }
    zl_review_clear(&review);
    return 0;
}
