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
    ZL_AUTO_JSON struct cJSON *tree = NULL;
    if (zl_json_parse(body, length, &tree, err) != ZL_OK) {
        return zl_error_wrap(err, ZL_E_INVALID, "the body is not an " KIND);
    }
    if (!zl_json_is_object(tree)) {
        return zl_error_set(err, ZL_E_INVALID, "the body is JSON but not an object");
    }
    const char *uid = valid_uid(tree);
    enum zl_status status = decode_tree(tree, out, err);
    if (status != ZL_OK) {
        *out = (struct zl_review){0};
    }
    out->uid = uid;
    if (uid != NULL) {
        out->tree = ZL_STEAL(&tree);
    }
    return status;
}

void zl_review_clear(struct zl_review *review)
{
    zl_json_free(review->tree);
    *review = (struct zl_review){0};
}

/* --- the answer ----------------------------------------------------------------------------- */

static void add_status(struct cJSON *response, const struct zl_review_answer *answer)
{
    struct cJSON *status = zl_json_child(response, "status");
    zl_json_set_i64(status, "code", answer->code);
    if (answer->reason != NULL) {
        zl_json_set_text(status, "reason", answer->reason);
    }
    if (answer->message != NULL) {
        zl_json_set_text(status, "message", answer->message);
    }
    if (answer->details != NULL) {
        zl_json_set(status, "details", zl_json_copy(answer->details));
    }
}

static void add_warnings(struct cJSON *response, const struct zl_review_answer *answer)
{
    if (answer->warnings[0] == NULL) {
        return;
    }
    struct cJSON *warnings = zl_json_array();
    for (size_t i = 0; i < ZL_REVIEW_WARNINGS_MAX && answer->warnings[i] != NULL; i++) {
        zl_json_append_text(warnings, answer->warnings[i]);
    }
    zl_json_set(response, "warnings", warnings);
}

char *zl_review_encode(const char *uid, const struct zl_review_answer *answer)
{
    ZL_AUTO_JSON struct cJSON *review = zl_json_object();
    zl_json_set_text(review, "apiVersion", API_VERSION);
    zl_json_set_text(review, "kind", KIND);
    struct cJSON *response = zl_json_child(review, "response");
    zl_json_set_text(response, "uid", uid);
    zl_json_set_bool(response, "allowed", answer->allowed);
    if (!answer->allowed) {
        add_status(response, answer);
    }
    add_warnings(response, answer);
    return zl_json_print(review);
}
