/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/validator/validator.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/objects/names.h"
#include "common/validation/policy.h"
#include "common/validation/workload.h"
#include "webhook/review/bad_review.h"
#include "webhook/validator/neighbours.h"

#include <string.h>

/* The API server waits for warnings for 1 or 2 s; a late answer is none. */
enum { LOOK_UP_MS = 700 };

static const struct zl_metric REVIEWS = {
    .name = "zen_lead_validation_reviews_total",
    .type = ZL_METRIC_COUNTER,
    .help = "Reviews of LeaderPolicies, workloads and Services by result (clean, warned, refused).",
    .label1 = "resource",
    .label2 = "result",
};
static const struct zl_metric DURATION = {
    .name = "zen_lead_validation_duration_seconds",
    .type = ZL_METRIC_HISTOGRAM,
    .help = "Time from such a review's arrival to its answer.",
    .label1 = "resource",
    .buckets = ZL_BUCKETS_SECONDS,
};

const struct zl_metric *const ZL_VALIDATOR_METRICS[] = {&REVIEWS, &DURATION, NULL};

static bool writes_object(const struct zl_review *review)
{
    return review->subresource[0] == '\0' &&
           (strcmp(review->operation, "CREATE") == 0 || strcmp(review->operation, "UPDATE") == 0);
}

static struct cJSON *details_of(const struct zl_review *review, const struct zl_findings *findings)
{
    struct cJSON *details = zl_json_object();
    zl_json_set_text(details, "name", review->name);
    zl_json_set_text(details, "group", review->group);
    zl_json_set_text(details, "kind", ZL_POLICY_KIND);
    zl_json_set(details, "causes", zl_findings_causes(findings));
    return details;
}

/* @param resource  for the metrics: a known name, not a stranger's */
static char *encode(const struct zl_review *review, const char *resource,
                    const struct zl_findings *findings)
{
    char *warnings[ZL_REVIEW_WARNINGS_MAX] = {NULL};
    size_t count = zl_findings_warnings(findings, warnings, ZL_REVIEW_WARNINGS_MAX);
    ZL_AUTO_FREE char *text = NULL;
    ZL_AUTO_JSON struct cJSON *details = NULL;
    struct zl_review_answer answer = {.allowed = zl_findings_errors(findings) == 0};
    if (!answer.allowed) {
        ZL_AUTO_FREE char *list = zl_findings_text(findings);
        text = zl_asprintf(ZL_POLICY_KIND "." ZL_POLICY_GROUP " \"" ZL_SHOWN "\" is invalid: %s",
                           review->name, list);
        details = details_of(review, findings);
        answer.code = 422;
        answer.reason = "Invalid";
        answer.message = text;
        answer.details = details;
    }
    for (size_t i = 0; i < count; i++) {
        answer.warnings[i] = warnings[i];
    }
    char *body = zl_review_encode(review->uid, &answer);
    const char *result = !answer.allowed ? "refused" : count > 0 ? "warned" : "clean";
    zl_metric_add(&REVIEWS, resource, result, 1);
    ZL_LOG_DEBUG("object reviewed", ZL_STR("resource", resource),
                 ZL_STR("namespace", review->namespace_), ZL_STR("name", review->name),
                 ZL_STR("result", result), ZL_STR("message", answer.message),
                 ZL_STR("warning", answer.warnings[0]));
    for (size_t i = 0; i < count; i++) {
        free(warnings[i]);
    }
    return body;
}

static void warn_of_members(const struct zl_gatekeeper *gatekeeper, const struct zl_review *review,
                            struct zl_findings *findings)
{
    const char *name = zl_json_text(review->object, "metadata", "name", NULL);
    for (size_t i = 0; name != NULL && i < ZL_KIND_COUNT; i++) {
        const struct zl_kind *kind = ZL_KINDS[i];
        if (!kind->takes_turns && kind->wanted == NULL &&
            zl_cache_count_by(gatekeeper->cache, zl_cached_of(kind), ZL_BY_POOL, review->namespace_,
                              name) > 0) {
            zl_warn_unrefused(review->object, review->old_object, kind, findings);
        }
    }
}

static const char *validate(const struct zl_gatekeeper *gatekeeper, const struct zl_review *review,
                            struct zl_findings *findings)
{
    if (writes_object(review) && strcmp(review->group, ZL_POLICY_GROUP) == 0 &&
        strcmp(review->resource, "leaderpolicies") == 0) {
        zl_validate_policy(review->object, review->old_object, findings);
        warn_of_members(gatekeeper, review, findings);
    }
    return "leaderpolicies";
}

/* What is known of the LeaderPolicy NAME; *OUT keeps it, the caller drops it. */
static struct zl_warned_policy look_up(const struct zl_gatekeeper *gatekeeper,
                                       const struct zl_review *review, const char *name,
                                       struct zl_ref **out)
{
    const char *namespace_ = review->namespace_;
    const char *uid = zl_json_text(review->object, "metadata", "uid", NULL);
    int64_t wait_ms = gatekeeper->deadline_ms < LOOK_UP_MS ? gatekeeper->deadline_ms : LOOK_UP_MS;
    const struct zl_kube_target target = {.resource = &ZL_KUBE_LEADERPOLICIES,
                                          .namespace_ = namespace_,
                                          .name = name,
                                          .deadline_ms = zl_clock_ms() + wait_ms,
                                          .shape = ZL_POLICY_SHAPE};
    ZL_AUTO_JSON struct cJSON *object = NULL;
    struct zl_policy *policy = NULL;
    struct zl_error err = {0};

    *out = zl_cache_find(gatekeeper->cache, ZL_CACHED_POLICIES, namespace_, name);
    if (*out == NULL) {
        enum zl_status status = zl_kube_get(gatekeeper->client, &target, &object, &err);
        if (status == ZL_E_NOT_FOUND) {
            return (struct zl_warned_policy){.missing = true};
        }
        if (status != ZL_OK || zl_policy_decode(object, &policy, &err) != ZL_OK) {
            ZL_LOG_DEBUG("LeaderPolicy could not be read for warnings", ZL_STR("name", name),
                         ZL_ERR(&err));
            return (struct zl_warned_policy){0};
        }
        *out = zl_ref_new(policy, zl_policy_free);
    }
    return (struct zl_warned_policy){
        .policy = zl_ref_object(*out),
        .has_workloads = zl_cache_count_members(gatekeeper->cache, namespace_, name, false) > 0,
        .has_jobs = zl_cache_count_members(gatekeeper->cache, namespace_, name, true) > 0,
        .others = zl_cache_wanted_by_others(gatekeeper->cache, namespace_, name, uid)};
}

static const char *warn(const struct zl_gatekeeper *gatekeeper, const struct zl_review *review,
                        struct zl_findings *findings)
{
    const struct zl_kind *kind = zl_kind_of_resource(review->group, review->resource);
    bool is_service = review->group[0] == '\0' && strcmp(review->resource, "services") == 0;
    if (kind == NULL && !is_service) {
        return "other";
    }
    if (writes_object(review) && zl_warned_concerns(kind, review->object, review->old_object)) {
        ZL_AUTO_REF struct zl_ref *policy_ref = NULL;
        struct zl_warned_policy policy = {0};
        const char *pool = zl_warned_pool(kind, review->object);
        if (pool != NULL && zl_pool_name_is_valid(pool)) {
            policy = look_up(gatekeeper, review, pool, &policy_ref);
        }
        zl_warn_workload(kind, review->object, &policy, findings);
        if (kind != NULL && policy.policy != NULL) {
            zl_warn_of_neighbours(gatekeeper, review, kind, policy.policy, findings);
        }
    }
    return review->resource;
}

/* Returns what was reviewed, for the metrics: a known name, not a stranger's. */
typedef const char *judge_fn(const struct zl_gatekeeper *gatekeeper, const struct zl_review *review,
                             struct zl_findings *findings);

/* The answer to the review in BODY by what JUDGE finds. One that cannot be read is refused where reviews MAY_REFUSE. */
static char *answer(const struct zl_gatekeeper *gatekeeper, const char *body, size_t length,
                    judge_fn *judge, bool may_refuse, int *http_status)
{
    int64_t started_ms = zl_clock_ms();
    struct zl_error err = {0};
    struct zl_review review = {0};
    ZL_AUTO_FINDINGS struct zl_findings findings = {0};
    char *text = NULL;

    *http_status = 200;
    if (zl_review_decode(body, length, &review, &err) != ZL_OK) {
        /* The API server ignores that it could not ask; a refusal would stand. */
        review.uid = may_refuse ? review.uid : NULL;
        text = zl_bad_review_answer(&review, &err, http_status);
    } else {
        const char *resource = judge(gatekeeper, &review, &findings);
        text = encode(&review, resource, &findings);
        zl_metric_observe(&DURATION, resource, NULL, (double)(zl_clock_ms() - started_ms) / 1000.0);
    }
    zl_review_clear(&review);
    return text;
}

char *zl_validator_answer_policy(const struct zl_gatekeeper *gatekeeper, const char *body,
                                 size_t length, int *http_status)
{
    return answer(gatekeeper, body, length, validate, true, http_status);
}

char *zl_validator_answer_workload(const struct zl_gatekeeper *gatekeeper, const char *body,
                                   size_t length, int *http_status)
{
    return answer(gatekeeper, body, length, warn, false, http_status);
}
