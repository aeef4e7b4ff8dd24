/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever JSON comes as a LeaderPolicy, workload or Service, new and old: no crash, findings within their bounds, and
 * an answer that is valid JSON. The first line is the object, the rest the old one.
 */
#include "common/validation/policy.h"
#include "common/validation/workload.h"
#include "webhook/review/admission_review.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void check_answer(const struct zl_findings *findings)
{
    char *warnings[ZL_REVIEW_WARNINGS_MAX] = {NULL};
    size_t count = zl_findings_warnings(findings, warnings, ZL_REVIEW_WARNINGS_MAX);
    ZL_AUTO_FREE char *text = zl_findings_text(findings);
    ZL_AUTO_JSON struct cJSON *causes = zl_findings_causes(findings);
    ZL_AUTO_JSON struct cJSON *tree = NULL;
    struct zl_review_answer answer = {.code = 422, .message = text, .details = causes};
    require(findings->count <= ZL_FINDINGS_MAX);
    require(zl_findings_errors(findings) + count == findings->count);
    for (size_t i = 0; i < count; i++) {
        require(strlen(warnings[i]) <= 256);
        answer.warnings[i] = warnings[i];
    }
    ZL_AUTO_FREE char *body = zl_review_encode("u", &answer);
    require(zl_json_parse(body, strlen(body), &tree, NULL) == ZL_OK);
    for (size_t i = 0; i < count; i++) {
        free(warnings[i]);
    }
}

static void check_object(const struct cJSON *object, const struct cJSON *old_object)
{
    static const struct zl_policy policy = {.custom_identity = true};
    const struct zl_warned_policy known[] = {{.missing = true}, {.policy = &policy}};
    ZL_AUTO_FINDINGS struct zl_findings findings = {0};
    zl_validate_policy(object, old_object, &findings);
    check_answer(&findings);
    for (size_t row = 0; row <= ZL_KIND_COUNT; row++) {
        const struct zl_kind *kind = row < ZL_KIND_COUNT ? ZL_KINDS[row] : NULL; /* a Service */
        (void)zl_warned_concerns(kind, object, old_object);
        (void)zl_warned_pool(kind, object);
        for (int i = 0; i < 2; i++) {
            zl_findings_clear(&findings);
            zl_warn_workload(kind, object, &known[i], &findings);
            require(zl_findings_errors(&findings) == 0);
            check_answer(&findings);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ZL_AUTO_JSON struct cJSON *object = NULL;
    ZL_AUTO_JSON struct cJSON *old_object = NULL;
    const char *text = (const char *)data;
    const char *end = size > 0 ? memchr(text, '\n', size) : NULL;
    size_t length = end != NULL ? (size_t)(end - text) : size;
    if (zl_json_parse(text, length, &object, NULL) != ZL_OK) {
        return 0;
    }
    if (end != NULL && zl_json_parse(end + 1, size - length - 1, &old_object, NULL) != ZL_OK) {
        old_object = NULL;
    }
    check_object(object, old_object);
    return 0;
}
