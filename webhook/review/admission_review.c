/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admission_review.c - AdmissionReview v1: JSON to struct and back.
 */
#include "webhook/review/admission_review.h"

#include <string.h>

#define API_VERSION "admission.k8s.io/v1"
#define KIND "AdmissionReview"
/* The API server sends a UUID of 36 bytes. */
#define UID_MAX_BYTES 256
/* Nearly every answer fits. */
#define ANSWER_BYTES ((size_t)640)

static const char *text_or_empty(const char *text)
{
    return text == NULL ? "" : text;
}

static bool is_one_of(const char *text, const char *const *names)
{
    for (; *names != NULL; names++) {
        if (zl_same_string(text, *names)) {
            return true;
        }
    }
    return false;
}

/* Shown in a message: a stranger chose its length. */
#define SHOWN "%.64s"

static const char *shown(const char *text)
{
    return text == NULL ? "(none)" : text;
}

static enum zl_status check_envelope(const struct cJSON *tree, struct zl_error *err)
{
    const char *kind = zl_json_text(tree, "kind", NULL);
    if (!zl_same_string(kind, KIND)) {
        return zl_error_set(err, ZL_E_INVALID, "kind is " SHOWN ", not " KIND, shown(kind));
    }
    const char *version = zl_json_text(tree, "apiVersion", NULL);
    if (!zl_same_string(version, API_VERSION)) {
        return zl_error_set(err, ZL_E_INVALID, "apiVersion is " SHOWN ", not " API_VERSION,
                            shown(version));
    }
    if (!zl_json_is_object(zl_json_at(tree, "request", NULL))) {
        return zl_error_set(err, ZL_E_INVALID, "request is missing or not an object");
    }
    return ZL_OK;
}

static enum zl_status check_request(const struct cJSON *request, struct zl_error *err)
{
    static const char *const operations[] = {"CREATE", "UPDATE", "DELETE", "CONNECT", NULL};
    const char *uid = zl_json_text(request, "uid", NULL);
    if (uid == NULL || uid[0] == '\0') {
        return zl_error_set(err, ZL_E_INVALID, "request.uid is missing or empty");
    }
    if (strlen(uid) > UID_MAX_BYTES) {
        return zl_error_set(err, ZL_E_INVALID, "request.uid is longer than %d bytes",
                            UID_MAX_BYTES);
    }
    const char *operation = zl_json_text(request, "operation", NULL);
    if (!is_one_of(operation, operations)) {
        return zl_error_set(err, ZL_E_INVALID,
                            "request.operation is " SHOWN ", not CREATE, UPDATE, DELETE or CONNECT",
                            shown(operation));
    }
    const char *resource = zl_json_text(request, "resource", "resource", NULL);
    if (resource == NULL || resource[0] == '\0') {
        return zl_error_set(err, ZL_E_INVALID, "request.resource.resource is missing or empty");
    }
    return ZL_OK;
}

/* The member NAME of REQUEST into OUT: an object, or NULL when absent or null. */
static enum zl_status read_object(const struct cJSON *request, const char *name,
                                  const struct cJSON **out, struct zl_error *err)
{
    const struct cJSON *node = zl_json_at(request, name, NULL);
    *out = NULL;
    if (node == NULL || zl_json_is_null(node)) {
        return ZL_OK;
    }
    if (!zl_json_is_object(node)) {
        return zl_error_set(err, ZL_E_INVALID, "request.%s is neither an object nor null", name);
    }
    *out = node;
    return ZL_OK;
}

static enum zl_status read_objects(const struct cJSON *request, struct zl_review *out,
                                   struct zl_error *err)
{
    enum zl_status status = read_object(request, "object", &out->object, err);
    if (status == ZL_OK) {
        status = read_object(request, "oldObject", &out->old_object, err);
    }
    if (status != ZL_OK) {
        return status;
    }
    bool needs_object =
        strcmp(out->operation, "CREATE") == 0 || strcmp(out->operation, "UPDATE") == 0;
    if (needs_object && out->object == NULL) {
        return zl_error_set(err, ZL_E_INVALID, "request.object is missing on %s", out->operation);
    }
    return ZL_OK;
}

static void read_fields(const struct cJSON *request, struct zl_review *out)
{
    out->operation = zl_json_text(request, "operation", NULL);
    out->group = text_or_empty(zl_json_text(request, "resource", "group", NULL));
    out->version = text_or_empty(zl_json_text(request, "resource", "version", NULL));
    out->resource = text_or_empty(zl_json_text(request, "resource", "resource", NULL));
    out->subresource = text_or_empty(zl_json_text(request, "subResource", NULL));
    out->namespace_ = text_or_empty(zl_json_text(request, "namespace", NULL));
    out->name = text_or_empty(zl_json_text(request, "name", NULL));
    out->username = text_or_empty(zl_json_text(request, "userInfo", "username", NULL));
    out->dry_run = zl_json_bool(request, false, "dryRun", NULL);
}

static enum zl_status decode_tree(const struct cJSON *tree, struct zl_review *out,
                                  struct zl_error *err)
{
    const struct cJSON *request = zl_json_at(tree, "request", NULL);
    enum zl_status status = check_envelope(tree, err);
    if (status == ZL_OK) {
        status = check_request(request, err);
    }
    if (status != ZL_OK) {
        return status;
    }
    read_fields(request, out);
    return read_objects(request, out, err);
}

/* request.uid when it can be echoed, else NULL. */
static const char *valid_uid(const struct cJSON *tree)
{
    const char *uid = zl_json_text(tree, "request", "uid", NULL);
    return uid != NULL && uid[0] != '\0' && strlen(uid) <= UID_MAX_BYTES ? uid : NULL;
}

enum zl_status zl_review_decode(const char *body, size_t length, struct zl_review *out,
                                struct zl_error *err)
{
    *out = (struct zl_review){0};
    if (length == 0) {
        return zl_error_set(err, ZL_E_INVALID, "the body is empty, not an " KIND);
    }
    struct cJSON *tree = NULL;
    struct zl_arena *arena = NULL;
    if (zl_json_parse_apart(body, length, &tree, &arena, err) != ZL_OK) {
        return zl_error_wrap(err, ZL_E_INVALID, "the body is not an " KIND);
    }
    enum zl_status status =
        zl_json_is_object(tree)
            ? decode_tree(tree, out, err)
            : zl_error_set(err, ZL_E_INVALID, "the body is JSON but not an object");
    if (status != ZL_OK) {
        *out = (struct zl_review){0};
    }
    out->uid = valid_uid(tree);
    if (out->uid == NULL) {
        zl_json_free_apart(tree, arena);
        return status;
    }
    out->tree = tree;
    out->arena = arena;
    return status;
}

void zl_review_clear(struct zl_review *review)
{
    zl_json_free_apart(review->tree, review->arena);
    *review = (struct zl_review){0};
}

/* --- the answer ----------------------------------------------------------------------------- */

/* Written as it is read, without a tree in between: it is made for each review. */
static void add_status(struct zl_buf *out, const struct zl_review_answer *answer)
{
    (void)zl_buf_printf(out, ",\"status\":{\"code\":%d", answer->code);
    if (answer->reason != NULL) {
        (void)zl_buf_add_text(out, ",\"reason\":");
        zl_json_quote(out, answer->reason);
    }
    if (answer->message != NULL) {
        (void)zl_buf_add_text(out, ",\"message\":");
        zl_json_quote(out, answer->message);
    }
    if (answer->details != NULL) {
        ZL_AUTO_FREE char *details = zl_json_print(answer->details);
        (void)zl_buf_add_text(out, ",\"details\":");
        (void)zl_buf_add_text(out, details);
    }
    (void)zl_buf_add_text(out, "}");
}

static void add_warnings(struct zl_buf *out, const struct zl_review_answer *answer)
{
    for (size_t i = 0; i < ZL_REVIEW_WARNINGS_MAX && answer->warnings[i] != NULL; i++) {
        (void)zl_buf_add_text(out, i == 0 ? ",\"warnings\":[" : ",");
        zl_json_quote(out, answer->warnings[i]);
    }
    if (answer->warnings[0] != NULL) {
        (void)zl_buf_add_text(out, "]");
    }
}

char *zl_review_encode(const char *uid, const struct zl_review_answer *answer)
{
    struct zl_buf out;
    zl_buf_init(&out, SIZE_MAX); /* nothing in it is of any length but what this program says */
    (void)zl_buf_reserve(&out, ANSWER_BYTES);
    (void)zl_buf_add_text(&out, "{\"apiVersion\":\"" API_VERSION "\",\"kind\":\"" KIND
                                "\",\"response\":{\"uid\":");
    zl_json_quote(&out, uid);
    (void)zl_buf_add_text(&out, answer->allowed ? ",\"allowed\":true" : ",\"allowed\":false");
    if (!answer->allowed) {
        add_status(&out, answer);
    }
    add_warnings(&out, answer);
    (void)zl_buf_add_text(&out, "}}");
    return zl_buf_take(&out);
}
