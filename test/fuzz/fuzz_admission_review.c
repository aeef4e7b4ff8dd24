/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever bytes come as a review: no crash, and where a uid could be read, the answer is valid JSON
 * that echoes it; and the same is read of what the pods' shape keeps of it while it comes in.
 */
#include "common/base/limits.h"
#include "webhook/review/admission_review.h"
#include "webhook/review/shapes.h"

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

static enum zl_status decode_kept(void *ctx, const struct zl_json_kept *kept, struct zl_error *err)
{
    struct zl_review *review = ctx;
    (void)err;
    if (review->tree == NULL && !kept->cut) {
        (void)!zl_review_decode(kept->text, kept->length, review, NULL);
    }
    return ZL_OK;
}

/* A member whose name is written with an escape is passed over: the API server writes none. */
static void compare_with_kept(const uint8_t *data, size_t size, const struct zl_review *whole)
{
    struct zl_review kept = {0};
    ZL_AUTO_PRUNER struct zl_json_pruner *pruner =
        zl_json_pruner_new(ZL_REVIEW_OF_POD, ZL_BODY_KEPT_MAX, decode_kept, &kept);
    bool is_json = zl_json_pruner_feed(pruner, (const char *)data, size, NULL) == ZL_OK &&
                   zl_json_pruner_end(pruner, NULL) == ZL_OK;
    if (is_json && whole != NULL && kept.operation != NULL && memchr(data, '\\', size) == NULL) {
        require(zl_same_string(whole->uid, kept.uid));
        require(zl_same_string(whole->operation, kept.operation));
        require(zl_same_string(whole->namespace_, kept.namespace_));
        require(whole->dry_run == kept.dry_run);
    }
    zl_review_clear(&kept);
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
    compare_with_kept(data, size, status == ZL_OK ? &review : NULL);
    zl_review_clear(&review);
    return 0;
}
