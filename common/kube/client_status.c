/* SPDX-License-Identifier: Apache-2.0 */
#include "common/kube/client_internal.h"

#include <stdarg.h>

#define EXCERPT_MAX 200

static const struct {
    int http_status;
    enum zl_status status;
} CLASSES[] = {
    {400, ZL_E_INVALID},   {401, ZL_E_DENIED},    {403, ZL_E_DENIED}, {404, ZL_E_NOT_FOUND},
    {408, ZL_E_TRANSIENT}, {409, ZL_E_CONFLICT},  {410, ZL_E_GONE},   {412, ZL_E_CONFLICT},
    {413, ZL_E_TOO_LARGE}, {429, ZL_E_THROTTLED},
};

enum zl_status zl_kube_status_class(int http_status)
{
    if (http_status >= 200 && http_status <= 299) {
        return ZL_OK;
    }
    for (size_t i = 0; i < sizeof CLASSES / sizeof CLASSES[0]; i++) {
        if (CLASSES[i].http_status == http_status) {
            return CLASSES[i].status;
        }
    }
    /* 3xx too: an API server does not redirect, so the URL is some other server's */
    return http_status >= 300 && http_status <= 499 ? ZL_E_INVALID : ZL_E_TRANSIENT;
}

/* For a Status without code (an ERROR event made by a proxy or an aggregated server). */
static int code_of_reason(const char *reason)
{
    if (zl_same_string(reason, "Expired") || zl_same_string(reason, "Gone")) {
        return 410;
    }
    return zl_same_string(reason, "TooManyRequests") ? 429 : 500;
}

/*
 * Status.reason, or the one cause that callers tell apart: a namespace on its way out refuses every
 * create, which is the end of the matter and no fault.
 */
static const char *reason_of(const struct cJSON *status)
{
    const struct cJSON *cause = zl_json_first(zl_json_at(status, "details", "causes", NULL));
    for (; cause != NULL; cause = zl_json_next(cause)) {
        if (zl_same_string(zl_json_text(cause, "reason", NULL), ZL_REASON_NAMESPACE_TERMINATING)) {
            return ZL_REASON_NAMESPACE_TERMINATING;
        }
    }
    return zl_json_text(status, "reason", NULL);
}

enum zl_status zl_kube_status_decode(const struct cJSON *status, int http_status,
                                     struct zl_error *err)
{
    const char *reason = reason_of(status);
    const char *message = zl_json_text(status, "message", NULL);
    int64_t code = http_status != 0 ? http_status : zl_json_i64(status, 0, "code", NULL);
    if (code < 100 || code > 599) {
        code = code_of_reason(reason);
    }
    enum zl_status class = zl_kube_status_class((int)code);
    if (class == ZL_OK) { /* a failure that calls itself a success: unknown, so try again */
        class = ZL_E_TRANSIENT;
    }
    if (message != NULL && message[0] != '\0') {
        zl_error_set(err, class, "%s", message);
    } else {
        zl_error_set(err, class, "HTTP %d%s%s", (int)code, reason ? " " : "", reason ? reason : "");
    }
    if (err != NULL) {
        int64_t seconds = zl_json_i64(status, 0, "details", "retryAfterSeconds", NULL);
        err->http_status = (int)code;
        err->retry_after_ms = seconds > 0 && seconds <= 3600 ? seconds * 1000 : 0;
        snprintf(err->reason, sizeof err->reason, "%s", reason ? reason : "");
    }
    return class;
}

/* "HTTP 502: <html>..." for an answer that is not from an API server. */
static enum zl_status foreign_answer(int http_status, const struct zl_buf *body,
                                     struct zl_error *err)
{
    char excerpt[EXCERPT_MAX + 1];
    size_t length = body->length < EXCERPT_MAX ? body->length : EXCERPT_MAX;
    for (size_t i = 0; i < length; i++) {
        excerpt[i] = body->data[i] >= ' ' && body->data[i] <= '~' ? body->data[i] : ' ';
    }
    excerpt[length] = '\0';
    enum zl_status class = zl_kube_status_class(http_status);
    class = zl_error_set(err, class == ZL_OK ? ZL_E_TRANSIENT : class, "HTTP %d%s%s", http_status,
                         length > 0 ? ": " : "", excerpt);
    if (err != NULL) {
        err->http_status = http_status;
    }
    return class;
}

enum zl_status zl_kube_answer_error(const struct zl_kube_request *request, CURL *handle,
                                    const struct zl_buf *body, struct zl_error *err)
{
    long http_status = 0;
    curl_off_t retry_after_s = 0;
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &http_status);
    curl_easy_getinfo(handle, CURLINFO_RETRY_AFTER, &retry_after_s);
    ZL_AUTO_JSON struct cJSON *status = NULL;
    enum zl_status class = ZL_OK;
    if (body->length > 0 && zl_json_parse(body->data, body->length, &status, NULL) == ZL_OK &&
        zl_same_string(zl_json_text(status, "kind", NULL), "Status")) {
        if (request->secret && zl_kube_status_class((int)http_status) == ZL_E_INVALID) {
            zl_json_set_null(status, "message"); /* it can hold the whole object */
        }
        class = zl_kube_status_decode(status, (int)http_status, err);
    } else {
        class = foreign_answer((int)http_status, body, err);
    }
    if (err != NULL && retry_after_s > 0) {
        err->retry_after_ms = (retry_after_s <= 3600 ? (int64_t)retry_after_s : 3600) * 1000;
    }
    return zl_error_wrap(err, class, "%s", request->what);
}
