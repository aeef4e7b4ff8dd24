/* SPDX-License-Identifier: Apache-2.0 */
/*
 * error.h - the one error convention of this code base.
 *
 * A function that can fail returns enum zl_status and takes a struct zl_error last. The status
 * classifies the failure (retry policy reads the class, never the text); the error carries the
 * sentence for a person. Log or return, never both.
 *
 * Threads: a struct zl_error belongs to its caller's stack; the functions are pure otherwise.
 */
#ifndef ZL_ERROR_H
#define ZL_ERROR_H

#include <stdint.h>

#define ZL_MUST_CHECK __attribute__((warn_unused_result))
#define ZL_PRINTF(format_index, first_index)                                                       \
    __attribute__((format(printf, format_index, first_index)))

enum zl_status {
    ZL_OK = 0,
    ZL_E_INVALID = -1,   /* the input is wrong; the same input fails again */
    ZL_E_NOT_FOUND = -2, /* 404: the object does not exist */
    ZL_E_CONFLICT = -3, /* 409: someone else was first (stale resourceVersion, or already exists) */
    ZL_E_GONE = -4,     /* 410: the resourceVersion or continue token is too old; list again */
    ZL_E_DENIED = -5,   /* 401, 403: not authenticated, or RBAC or admission refused */
    ZL_E_THROTTLED = -6, /* 429: try again after retry_after_ms */
    ZL_E_TRANSIENT = -7, /* network, timeout, 5xx: unknown whether it took effect; try again */
    ZL_E_TOO_LARGE = -8, /* a bound of common/base/limits.h was exceeded */
    ZL_E_STOPPED = -9,   /* the caller asked for the stop */
};

/* Lives on the caller's stack, owns nothing; {0} at declaration. */
struct zl_error {
    enum zl_status status;
    int http_status;        /* the answer that caused it, or 0 */
    int64_t retry_after_ms; /* with ZL_E_THROTTLED or ZL_E_TRANSIENT: the server's wish, or 0 */
    char reason[48];        /* Status.reason of a Kubernetes answer ("AlreadyExists"), or "" */
    char message[512];      /* one sentence; longer text is cut */
};

/*
 * Fill ERR and return STATUS, so that a failure is one line:
 *     return zl_error_set(err, ZL_E_INVALID, "port %ld: not in 1..65535", port);
 *
 * @param err  may be NULL; every field is overwritten
 */
enum zl_status zl_error_set(struct zl_error *err, enum zl_status status, const char *format, ...)
    ZL_PRINTF(3, 4);

/*
 * Put context before the message of ERR ("reading /etc/x: ...") and return its status unchanged.
 *
 * @param err  may be NULL: then STATUS is all that is returned
 */
enum zl_status zl_error_wrap(struct zl_error *err, enum zl_status status, const char *format, ...)
    ZL_PRINTF(3, 4);

/* The class as one word for logs and metric labels: "ok", "invalid", "not_found", ... */
const char *zl_status_name(enum zl_status status);

#endif
