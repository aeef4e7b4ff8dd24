/* SPDX-License-Identifier: Apache-2.0 */
/*
 * findings.h - what is wrong with an object, each with the path of the field and the cure.
 *
 * Errors read like the API server's own (k8s.io/apimachinery field.Error): "spec.a: Invalid value: 12: must
 * be less than spec.b (10); e.g. 2". Warnings are one line of at most 256 bytes, where the API server begins
 * to cut; aim at 120.
 *
 * Threads: a list belongs to one thread.
 */
#ifndef ZL_VALIDATION_FINDINGS_H
#define ZL_VALIDATION_FINDINGS_H

#include "common/base/json.h"

/* Further ones are dropped: a person reads the first few. */
#define ZL_FINDINGS_MAX 16
/* A stranger chose its length: how a value is shown in a message. */
#define ZL_SHOWN "%.64s"

struct zl_finding {
    const char *cause; /* metav1.CauseType of an error ("FieldValueInvalid"); NULL: a warning */
    char *field;       /* "spec.retryPeriodSeconds" */
    char *message;     /* without the field: "Invalid value: 12: must be ..." */
};

/* {0} is an empty list. */
struct zl_findings {
    struct zl_finding items[ZL_FINDINGS_MAX];
    size_t count;
};
void zl_findings_clear(struct zl_findings *findings);
#define ZL_AUTO_FINDINGS ZL_CLEANUP(zl_findings_clear)

/* @param cause  a constant */
void zl_findings_error(struct zl_findings *findings, const char *cause, const char *field,
                       const char *format, ...) ZL_PRINTF(4, 5);
void zl_findings_warn(struct zl_findings *findings, const char *field, const char *format, ...)
    ZL_PRINTF(3, 4);

size_t zl_findings_errors(const struct zl_findings *findings); /* how many are errors */
/* All errors in one line, as field.ErrorList puts them: "[a: ..., b: ...]", one alone without brackets. */
char *zl_findings_text(const struct zl_findings *findings);
/* The errors as metav1.Status details.causes; the caller owns it. */
struct cJSON *zl_findings_causes(const struct zl_findings *findings);
/* The warnings, "field: message" each, into OUT, at most MAX; the caller frees each. */
size_t zl_findings_warnings(const struct zl_findings *findings, char **out, size_t max);

#endif
