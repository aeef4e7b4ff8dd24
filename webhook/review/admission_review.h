/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admission_review.h - AdmissionReview admission.k8s.io/v1: JSON to struct and back.
 *
 * Threads: pure.
 */
#ifndef ZL_WEBHOOK_REVIEW_ADMISSION_REVIEW_H
#define ZL_WEBHOOK_REVIEW_ADMISSION_REVIEW_H

#include "common/base/json.h"

/* A decoded request. Everything points into TREE. Text fields are never NULL except where said. */
struct zl_review {
    struct cJSON *tree;
    struct zl_arena *arena;                 /* TREE's */
    const char *uid;                        /* request.uid; not empty */
    const char *operation;                  /* CREATE, UPDATE, DELETE, CONNECT */
    const char *group, *version, *resource; /* request.resource */
    const char *subresource;                /* "" when none */
    const char *namespace_;                 /* "" for cluster-scoped objects */
    const char *name;                       /* "" with generateName before it is resolved */
    const char *username;                   /* request.userInfo.username, "" when absent */
    bool dry_run;
    const struct cJSON *object;     /* NULL when absent or null (DELETE) */
    const struct cJSON *old_object; /* NULL when absent or null */
};

/*
 * Decode BODY.
 *
 * Refuses, each with a sentence that names the field: empty body, no JSON, not an object, kind other
 * than AdmissionReview, apiVersion other than admission.k8s.io/v1, no request, no or empty
 * request.uid (or longer than 256 bytes), no operation or an unknown one, no request.resource.resource,
 * an object or oldObject that is neither object nor null, no object on CREATE and UPDATE.
 *
 * @param out  zeroed on failure except UID and TREE, which are kept when a valid uid could be read: then
 *             the failure can still be answered as a valid AdmissionReview. zl_review_clear either way.
 * @return ZL_OK or ZL_E_INVALID
 */
enum zl_status zl_review_decode(const char *body, size_t length, struct zl_review *out,
                                struct zl_error *err) ZL_MUST_CHECK;
void zl_review_clear(struct zl_review *review);

#define ZL_REVIEW_WARNINGS_MAX 16

struct zl_review_answer {
    bool allowed;
    int code;                    /* status.code when denied: 403, 429, 500, 400 */
    const char *reason;          /* status.reason when denied: "Forbidden", ... */
    const char *message;         /* status.message when denied: one short constant sentence */
    const struct cJSON *details; /* status.details when denied (metav1.StatusDetails), or NULL */
    const char *warnings
        [ZL_REVIEW_WARNINGS_MAX]; /* up to 120 characters each, NULL-terminated unless full */
};

/* The answer as a complete AdmissionReview that echoes UID; the caller frees. */
char *zl_review_encode(const char *uid, const struct zl_review_answer *answer);

#endif
