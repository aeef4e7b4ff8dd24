/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/gatekeeper/gatekeeper.h"

#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/objects/labels.h"
#include "common/objects/names.h"
#include "webhook/gatekeeper/claim.h"
#include "webhook/gatekeeper/fleet_job.h"
#include "webhook/gatekeeper/live.h"
#include "webhook/gatekeeper/memory.h"
#include "webhook/review/bad_review.h"
#include "webhook/review/probe.h"

#include <string.h>

/*
 * So many looks at the API server for one review. What was seen is so no longer when something else wrote first: another
 * claim, or only a renewal or release.
 */
enum { LOOKS_MAX = 5 };

static const char *decision_at(size_t index, const char **reason)
{
    enum zl_outcome outcome = (enum zl_outcome)index;
    if (index >= ZL_OUTCOME_COUNT) {
        return NULL;
    }
    *reason = zl_outcome_name(outcome);
    return zl_outcome_allows(outcome) ? "allowed" : "denied";
}

static const struct zl_metric DECISIONS = {
    .name = "zen_lead_admission_decisions_total",
    .type = ZL_METRIC_COUNTER,
    .help = "Answers of the gatekeeper by result (allowed, denied) and reason.",
    .label1 = "result",
    .label2 = "reason",
    .zero_at = decision_at,
};
static const struct zl_metric DURATION = {
    .name = "zen_lead_admission_duration_seconds",
    .type = ZL_METRIC_HISTOGRAM,
    .help = "Time from a review's arrival to its answer, by result.",
    .label1 = "result",
    .buckets = ZL_BUCKETS_SECONDS,
};

static const struct zl_metric PROBES = {
    .name = "zen_lead_admission_probes_total",
    .type = ZL_METRIC_COUNTER,
    .help = "Probes of the controller, which asks whether the gatekeeper is armed in a namespace.",
};

const struct zl_metric *const ZL_GATEKEEPER_METRICS[] = {&DECISIONS, &DURATION, &PROBES, NULL};

/* Somebody else changed what was looked at. */
static bool is_race(enum zl_status status)
{
    return status == ZL_E_CONFLICT || status == ZL_E_NOT_FOUND || status == ZL_E_GONE;
}

/*
 * A review that lost a swap has lost it, also if its time runs out on the next look: the API server was there, and
 * another pod has the seat.
 */
static enum zl_status fail(enum zl_status status, bool lost)
{
    return lost && status == ZL_E_TRANSIENT ? ZL_OK : status;
}

/* The pod's workload may have moved to another pool since memory heard of it: the answer names where it is. */
static enum zl_status look_and_claim(const struct zl_gatekeeper *gatekeeper,
                                     const struct zl_request *request, const struct zl_known *known,
                                     enum zl_outcome *outcome, char **pool, struct zl_error *err)
{
    const enum zl_outcome overtaken =
        known->job != NULL ? ZL_OUTCOME_TURN_LOST : ZL_OUTCOME_CLAIM_LOST;
    bool lost = false;
    ZL_AUTO_LOOK struct zl_look look = {0};
    for (int i = 0; i < LOOKS_MAX; i++) {
        enum zl_status status = zl_look(gatekeeper, request, known, &look, err);
        *outcome = overtaken;
        if (is_race(status)) {
            continue;
        }
        if (status != ZL_OK) {
            return fail(status, lost);
        }
        if (look.seen.pool != NULL) {
            zl_replace_string(pool, look.seen.pool);
        }
        struct zl_decision decision = zl_decide_seen(&look.seen);
        *outcome = decision.outcome;
        if (decision.step == ZL_STEP_ANSWER) {
            return ZL_OK;
        }
        enum zl_attempt attempt = zl_claim_attempt(gatekeeper, request, &look, decision.step, err);
        if (attempt == ZL_ATTEMPT_WON) {
            return ZL_OK;
        }
        *outcome = overtaken; /* what was decided holds no longer */
        if (attempt == ZL_ATTEMPT_FAILED) {
            return fail(err->status != ZL_OK ? err->status : ZL_E_TRANSIENT, lost);
        }
        lost = lost || decision.step != ZL_STEP_PREPARE;
    }
    return ZL_OK;
}

static enum zl_status decide_pod(const struct zl_gatekeeper *gatekeeper,
                                 const struct zl_request *request, enum zl_outcome *outcome,
                                 char **pool, struct zl_error *err)
{
    ZL_AUTO_MEMORY struct zl_memory memory = {0};
    bool waits = false;
    /* First the fleet's turn, then the pool's: with both labels both must be had. */
    enum zl_status status = zl_fleet_job_waits(gatekeeper, request, &waits, pool, err);
    if (status != ZL_OK || waits) {
        *outcome = ZL_OUTCOME_FLEET_WAITS;
        return status;
    }
    status = zl_memory_recall(gatekeeper, request, &memory, err);
    if (status != ZL_OK) {
        return status;
    }
    if (memory.known.pool != NULL) {
        zl_replace_string(pool, memory.known.pool);
    }
    struct zl_decision decision = zl_decide_known(&memory.known);
    *outcome = decision.outcome;
    return decision.step == ZL_STEP_LOOK
               ? look_and_claim(gatekeeper, request, &memory.known, outcome, pool, err)
               : ZL_OK;
}

static bool is_pod_create(const struct zl_review *review)
{
    return strcmp(review->operation, "CREATE") == 0 && review->group[0] == '\0' &&
           strcmp(review->resource, "pods") == 0 && review->subresource[0] == '\0';
}

static void log_decision(const struct zl_request *request, enum zl_outcome outcome,
                         const char *pool, const struct zl_error *err)
{
    enum zl_log_level level = ZL_LOG_LEVEL_DEBUG;
    if (outcome == ZL_OUTCOME_CLAIMED || outcome == ZL_OUTCOME_ADOPTED ||
        outcome == ZL_OUTCOME_TURN_ADOPTED || outcome == ZL_OUTCOME_SUCCESSOR) {
        level = ZL_LOG_LEVEL_INFO;
    }
    if (outcome == ZL_OUTCOME_UNREACHABLE || outcome == ZL_OUTCOME_ALLOWED_UNREACHABLE ||
        outcome == ZL_OUTCOME_UNDECIDED) {
        level = ZL_LOG_LEVEL_WARN;
    }
    ZL_LOG_AT(level, "pod reviewed", ZL_STR("namespace", request->namespace_),
              ZL_STR("pod", request->pod_name), ZL_STR("pool", pool),
              ZL_STR("outcome", zl_outcome_name(outcome)), ZL_BOOL("dryRun", request->dry_run),
              ZL_STR("error", level == ZL_LOG_LEVEL_WARN ? err->message : NULL));
}

static struct zl_request request_of(const struct zl_gatekeeper *gatekeeper,
                                    const struct zl_review *review,
                                    const struct zl_controller_ref *owner, const char *labels)
{
    const struct cJSON *metadata = zl_json_at(review->object, "metadata", NULL);
    return (struct zl_request){
        .namespace_ = review->namespace_,
        .pod_name = zl_json_text(metadata, "name", NULL),
        .pod_uid = zl_json_text(metadata, "uid", NULL),
        .identity = zl_json_text(metadata, "annotations", ZL_KEY_IDENTITY, NULL),
        .owner = owner,
        .labels = labels,
        .is_static =
            zl_json_text(metadata, "annotations", "kubernetes.io/config.mirror", NULL) != NULL,
        .dry_run = review->dry_run,
        .deadline_ms = zl_clock_ms() + gatekeeper->deadline_ms};
}

enum zl_outcome zl_gatekeeper_decide(const struct zl_gatekeeper *gatekeeper,
                                     const struct zl_review *review, char **pool)
{
    struct zl_error err = {0};
    struct zl_controller_ref owner;
    enum zl_outcome outcome = ZL_OUTCOME_NOT_IN_POOL;

    *pool = zl_strdup("");
    if (!is_pod_create(review)) {
        return ZL_OUTCOME_NOT_A_POD_CREATE;
    }

    zl_controller_ref_decode(zl_json_at(review->object, "metadata", NULL), &owner);
    ZL_AUTO_FREE char *labels =
        zl_labels_pack(zl_json_at(review->object, "metadata", "labels", NULL));
    const struct zl_request request = request_of(gatekeeper, review, &owner, labels);
    enum zl_status status = decide_pod(gatekeeper, &request, &outcome, pool, &err);
    if (status != ZL_OK) {
        outcome = zl_outcome_of_failure(status, gatekeeper->allow_on_api_error);
    }
    log_decision(&request, outcome, *pool, &err);
    zl_controller_ref_clear(&owner);
    return outcome;
}

static char *encode(const char *uid, enum zl_outcome outcome, const char *pool)
{
    ZL_AUTO_FREE char *message = zl_outcome_message(outcome, pool);
    struct zl_review_answer answer = {.allowed = zl_outcome_allows(outcome)};
    if (!answer.allowed) {
        answer.code = 403;
        answer.reason = "Forbidden";
        answer.message = message;
    } else {
        answer.warnings[0] = message; /* NULL for nearly all */
    }
    return zl_review_encode(uid, &answer);
}

static char *refuse_probe(const struct zl_review *review, const char *nonce)
{
    zl_metric_add(&PROBES, NULL, NULL, 1);
    ZL_AUTO_FREE char *message = zl_probe_message(nonce);
    const struct zl_review_answer answer = {.code = 403, .reason = "Forbidden", .message = message};
    return zl_review_encode(review->uid, &answer);
}

char *zl_gatekeeper_answer(const struct zl_gatekeeper *gatekeeper, const char *body, size_t length,
                           int *http_status)
{
    int64_t started_ms = zl_clock_ms();
    struct zl_error err = {0};
    struct zl_review review = {0};
    char *answer = NULL;

    const char *nonce = NULL;

    *http_status = 200;
    if (zl_review_decode(body, length, &review, &err) != ZL_OK) {
        answer = zl_bad_review_answer(&review, &err, http_status);
    } else if ((nonce = zl_probe_nonce(&review)) != NULL) {
        answer = refuse_probe(&review, nonce);
    } else {
        ZL_AUTO_FREE char *pool = NULL;
        enum zl_outcome outcome = zl_gatekeeper_decide(gatekeeper, &review, &pool);
        const char *result = zl_outcome_allows(outcome) ? "allowed" : "denied";
        zl_metric_add(&DECISIONS, result, zl_outcome_name(outcome), 1);
        zl_metric_observe(&DURATION, result, NULL, (double)(zl_clock_ms() - started_ms) / 1000.0);
        answer = encode(review.uid, outcome, pool);
    }
    zl_review_clear(&review);
    return answer;
}
