/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/gatekeeper/gatekeeper.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/objects/names.h"
#include "webhook/review/bad_review.h"
#include "webhook/review/probe.h"

#include <string.h>

static const struct zl_metric DECISIONS = {
    .name = "zen_lead_admission_decisions_total",
    .type = ZL_METRIC_COUNTER,
    .help = "Answers of the gatekeeper by result (allowed, denied) and reason.",
    .label1 = "result",
    .label2 = "reason",
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

void zl_gatekeeper_register_metrics(void)
{
    zl_metrics_register(&DECISIONS);
    for (int i = 0; i < ZL_OUTCOME_COUNT; i++) { /* from 0 on, or the first would be no increase */
        enum zl_outcome outcome = (enum zl_outcome)i;
        zl_metric_add(&DECISIONS, zl_outcome_allows(outcome) ? "allowed" : "denied",
                      zl_outcome_name(outcome), 0);
    }
    zl_metrics_register(&DURATION);
    zl_bad_review_register_metrics();
    zl_claim_register_metrics();
    zl_metrics_register(&PROBES);
}

void zl_request_clear(struct zl_request *request)
{
    zl_ref_drop(request->workload_ref);
    zl_ref_drop(request->job_ref);
    zl_ref_drop(request->policy_ref);
    free(request->pool);
    memset(request, 0, sizeof *request);
}

static void use_workload(struct zl_request *request, struct zl_ref *taken)
{
    zl_ref_drop(request->workload_ref);
    request->workload_ref = taken;
    request->facts.workload = taken != NULL ? zl_ref_object(taken) : NULL;
    zl_replace_string(&request->pool, taken != NULL ? request->facts.workload->pool : NULL);
}

static void use_policy(struct zl_request *request, struct zl_ref *taken)
{
    zl_ref_drop(request->policy_ref);
    request->policy_ref = taken;
    request->facts.policy = taken != NULL ? zl_ref_object(taken) : NULL;
}

enum zl_status zl_request_reread_policy(const struct zl_gatekeeper *gatekeeper,
                                        struct zl_request *request, struct zl_error *err)
{
    ZL_AUTO_JSON struct cJSON *object = NULL;
    struct zl_policy *policy = NULL;
    const struct zl_kube_target target = {.resource = &ZL_KUBE_LEADERPOLICIES,
                                          .namespace_ = request->namespace_,
                                          .name = request->pool,
                                          .timeout_ms = zl_clock_left_ms(request->deadline_ms)};
    enum zl_status status = zl_kube_get(gatekeeper->client, &target, &object, err);
    if (status == ZL_E_NOT_FOUND) {
        use_policy(request, NULL);
        return ZL_OK;
    }
    if (status == ZL_OK) {
        status = zl_policy_decode(object, &policy, err);
    }
    if (status == ZL_OK) {
        use_policy(request, zl_ref_new(policy, zl_policy_free));
    }
    return status;
}

static enum zl_status reread_workload(const struct zl_gatekeeper *gatekeeper,
                                      struct zl_request *request, struct zl_error *err)
{
    ZL_AUTO_JSON struct cJSON *object = NULL;
    struct zl_workload *workload = NULL;
    const struct zl_workload *known = request->facts.workload;
    const struct zl_kube_target target = {.resource = known->kind == ZL_WORKLOAD_DEPLOYMENT
                                                          ? &ZL_KUBE_DEPLOYMENTS
                                                          : &ZL_KUBE_STATEFULSETS,
                                          .namespace_ = request->namespace_,
                                          .name = known->meta.name,
                                          .timeout_ms = zl_clock_left_ms(request->deadline_ms)};
    enum zl_status status = zl_kube_get(gatekeeper->client, &target, &object, err);
    if (status == ZL_E_NOT_FOUND) {
        use_workload(request, NULL);
        return ZL_OK;
    }
    if (status == ZL_OK) {
        status = zl_workload_decode(known->kind, object, &workload, err);
    }
    if (status != ZL_OK) {
        return status;
    }
    struct zl_ref *read = zl_ref_new(workload, zl_workload_free);
    if (workload->pool == NULL) {
        zl_ref_drop(read);
        read = NULL;
    }
    use_workload(request, read);
    return ZL_OK;
}

/*
 * Memory may be a moment old. Where it would let a member of a pool in without a claim (policy missing or
 * standby, one replica), the object that says so is read again: a pool that was just created, or a
 * workload that was just scaled up, must not slip two pods past its gatekeeper.
 */
static enum zl_status confirm_permission(const struct zl_gatekeeper *gatekeeper,
                                         struct zl_request *request, struct zl_error *err)
{
    enum zl_status status = ZL_OK;
    if (request->facts.policy == NULL || request->facts.policy->standby) {
        status = zl_request_reread_policy(gatekeeper, request, err);
    }
    if (status == ZL_OK && request->facts.workload != NULL &&
        request->facts.workload->replicas <= 1) {
        status = reread_workload(gatekeeper, request, err);
    }
    return status;
}

/* Is there a Deployment or StatefulSet in the pool? */
static bool is_led(const struct zl_gatekeeper *gatekeeper, const struct zl_request *request)
{
    return zl_cache_count_by(gatekeeper->cache, ZL_CACHED_DEPLOYMENTS, ZL_BY_POOL,
                             request->namespace_, request->pool) +
               zl_cache_count_by(gatekeeper->cache, ZL_CACHED_STATEFULSETS, ZL_BY_POOL,
                                 request->namespace_, request->pool) >
           0;
}

static void remember_seat(const struct zl_gatekeeper *gatekeeper, struct zl_request *request)
{
    ZL_AUTO_REF struct zl_ref *lease_ref =
        zl_cache_find_lease(gatekeeper->cache, request->namespace_, request->pool);
    const struct zl_lease *lease = lease_ref != NULL ? zl_ref_object(lease_ref) : NULL;
    enum zl_holder holder = ZL_HOLDER_UNKNOWN;
    if (zl_lease_is_held(lease) && lease->holder_pod != NULL) {
        ZL_AUTO_REF struct zl_ref *pod_ref = zl_cache_find(gatekeeper->cache, ZL_CACHED_PODS,
                                                           request->namespace_, lease->holder_pod);
        if (pod_ref != NULL) {
            const struct zl_pod *pod = zl_ref_object(pod_ref);
            holder = zl_holder_of(lease, pod);
            request->facts.may_succeed = request->facts.workload != NULL &&
                                         zl_may_succeed_by_memory(gatekeeper, request, lease, pod);
        }
    }
    request->facts.is_successor =
        request->pod_uid != NULL && zl_lease_is_succeeded_by(lease, request->pod_uid);
    request->facts.seat = zl_seat_judge(lease, holder, 0, gatekeeper->claim_timeout_ms);
    request->facts.holder_terminating = holder == ZL_HOLDER_TERMINATING;
    request->facts.is_holder =
        request->pod_uid != NULL && zl_lease_is_held_by(lease, request->pod_uid);
    request->facts.held_by_job = zl_turn_by_memory(NULL, lease) != ZL_TURN_NOBODYS;
    request->facts.turn = zl_turn_by_memory(request->facts.job, lease);
    request->facts.led = request->facts.job != NULL && is_led(gatekeeper, request);
}

static enum zl_status decide_member(const struct zl_gatekeeper *gatekeeper,
                                    struct zl_request *request, enum zl_outcome *outcome,
                                    struct zl_error *err)
{
    use_policy(request, zl_cache_find(gatekeeper->cache, ZL_CACHED_POLICIES, request->namespace_,
                                      request->pool));
    enum zl_status status = confirm_permission(gatekeeper, request, err);
    if (status != ZL_OK) {
        return status;
    }
    if (request->pool != NULL && request->facts.policy != NULL) {
        remember_seat(gatekeeper, request);
    }

    struct zl_decision decision = zl_decide(&request->facts);
    *outcome = decision.outcome;
    if (decision.step == ZL_STEP_ANSWER) {
        return ZL_OK;
    }
    if (request->pod_name == NULL || request->pod_uid == NULL) {
        *outcome = ZL_OUTCOME_NAMELESS;
        return ZL_OK;
    }
    return zl_claim_seat(gatekeeper, request, outcome, err);
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
    if (outcome == ZL_OUTCOME_UNREACHABLE || outcome == ZL_OUTCOME_ALLOWED_UNREACHABLE) {
        level = ZL_LOG_LEVEL_WARN;
    }
    ZL_LOG_AT(level, "pod reviewed", ZL_STR("namespace", request->namespace_),
              ZL_STR("pod", request->pod_name), ZL_STR("pool", pool),
              ZL_STR("outcome", zl_outcome_name(outcome)), ZL_BOOL("dryRun", request->dry_run),
              ZL_STR("error", level == ZL_LOG_LEVEL_WARN ? err->message : NULL));
}

static bool has_guarded_pool(const struct zl_gatekeeper *gatekeeper, const char *namespace_)
{
    ZL_AUTO_REFS struct zl_refs members = {0};
    zl_cache_list(gatekeeper->cache, ZL_CACHED_CRONJOBS, namespace_, &members);
    zl_cache_list(gatekeeper->cache, ZL_CACHED_JOBS, namespace_, &members);
    return members.count > 0;
}

/*
 * The pod's workload or Job, if that joins a pool.
 *
 * @param orphan  there is none any more: the pod would run until garbage collection takes it, beside whoever leads or
 *                executes then
 */
static enum zl_status find_member(const struct zl_gatekeeper *gatekeeper,
                                  struct zl_request *request, bool *orphan, struct zl_error *err)
{
    enum zl_status status = ZL_OK;
    *orphan = false;
    if (zl_controller_ref_is_job(request->owner)) {
        status = zl_owners_job_of(gatekeeper->owners, request->namespace_, request->owner,
                                  request->deadline_ms, &request->job_ref, &request->pool, err);
        request->facts.job = request->job_ref != NULL ? zl_ref_object(request->job_ref) : NULL;
        if (status == ZL_E_NOT_FOUND) {
            *orphan = request->pool != NULL || has_guarded_pool(gatekeeper, request->namespace_);
            status = ZL_OK;
        }
        return status;
    }
    struct zl_ref *workload = NULL;
    status = zl_owners_workload_of(gatekeeper->owners, request->namespace_, request->owner,
                                   request->deadline_ms, &workload, err);
    use_workload(request, workload);
    *orphan = status == ZL_E_NOT_FOUND;
    return *orphan ? ZL_OK : status;
}

static void read_request(const struct zl_gatekeeper *gatekeeper, const struct zl_review *review,
                         const struct zl_controller_ref *owner, struct zl_request *request)
{
    const struct cJSON *metadata = zl_json_at(review->object, "metadata", NULL);
    request->namespace_ = review->namespace_;
    request->pod_name = zl_json_text(metadata, "name", NULL);
    request->pod_uid = zl_json_text(metadata, "uid", NULL);
    request->identity = zl_json_text(metadata, "annotations", ZL_KEY_IDENTITY, NULL);
    request->owner = owner;
    request->dry_run = review->dry_run;
    request->deadline_ms = zl_clock_ms() + gatekeeper->deadline_ms;
    request->facts.is_static =
        zl_json_text(metadata, "annotations", "kubernetes.io/config.mirror", NULL) != NULL;
}

enum zl_outcome zl_gatekeeper_decide(const struct zl_gatekeeper *gatekeeper,
                                     const struct zl_review *review, char **pool)
{
    struct zl_error err = {0};
    struct zl_request request = {0};
    struct zl_controller_ref owner;
    enum zl_outcome outcome = ZL_OUTCOME_NOT_IN_POOL;
    bool orphan = false;

    *pool = zl_strdup("");
    if (!is_pod_create(review)) {
        return ZL_OUTCOME_NOT_A_POD_CREATE;
    }

    zl_controller_ref_decode(zl_json_at(review->object, "metadata", NULL), &owner);
    read_request(gatekeeper, review, &owner, &request);
    enum zl_status status = find_member(gatekeeper, &request, &orphan, &err);
    if (orphan) {
        outcome = ZL_OUTCOME_OWNER_GONE;
    } else if (status == ZL_OK && request.pool != NULL) {
        zl_replace_string(pool, request.pool);
        status = decide_member(gatekeeper, &request, &outcome, &err);
    }
    if (status != ZL_OK) {
        outcome = gatekeeper->allow_on_api_error ? ZL_OUTCOME_ALLOWED_UNREACHABLE
                                                 : ZL_OUTCOME_UNREACHABLE;
    }
    log_decision(&request, outcome, *pool, &err);
    zl_controller_ref_clear(&owner);
    zl_request_clear(&request);
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
