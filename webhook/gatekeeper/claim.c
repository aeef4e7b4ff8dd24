/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/gatekeeper/claim.h"

#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/kube/retries.h"
#include "common/seat/lease_store.h"
#include "common/seat/token_store.h"

static const struct zl_metric CLAIMS = {
    .name = "zen_lead_claims_total",
    .type = ZL_METRIC_COUNTER,
    .help = "Compare-and-swaps of a pool's Lease by what they were for (claim, succeed, adopt) and "
            "result "
            "(won, lost, failed).",
    .label1 = "step",
    .label2 = "result",
};

const struct zl_metric *const ZL_CLAIM_METRICS[] = {&CLAIMS, NULL};

/* What went away meanwhile, the pool itself perhaps, was changed by somebody else as well. */
static enum zl_attempt attempt_of(enum zl_status status)
{
    return status == ZL_OK                                       ? ZL_ATTEMPT_WON
           : status == ZL_E_CONFLICT || status == ZL_E_NOT_FOUND ? ZL_ATTEMPT_LOOK_AGAIN
                                                                 : ZL_ATTEMPT_FAILED;
}

static enum zl_status swap_lease(const struct zl_gatekeeper *gatekeeper,
                                 const struct zl_request *request, const struct zl_look *look,
                                 const struct zl_lease *next, struct zl_error *err)
{
    return zl_lease_swap(gatekeeper->client, next, look->seen.policy, request->deadline_ms, NULL,
                         err);
}

/* A Lease that names nobody, so that there is one to swap; or the mark that nobody ever led, on one that is there. */
static enum zl_attempt prepare_lease(const struct zl_gatekeeper *gatekeeper,
                                     const struct zl_request *request, const struct zl_look *look,
                                     struct zl_error *err)
{
    struct zl_lease *next =
        look->lease == NULL ? zl_lease_vacant(look->seen.policy) : zl_lease_never_led(look->lease);
    enum zl_status status = swap_lease(gatekeeper, request, look, next, err);
    ZL_LOG_DEBUG(look->lease == NULL ? "vacant Lease created" : "Lease marked as never held",
                 ZL_STR("namespace", request->namespace_), ZL_STR("pool", next->pool),
                 ZL_STR("status", zl_status_name(status)));
    zl_lease_free(next);
    return status == ZL_OK ? ZL_ATTEMPT_LOOK_AGAIN : attempt_of(status);
}

/* --- the seat ------------------------------------------------------------------------------------- */

/* More than any that was ever given. */
static int64_t token_above(const struct zl_gatekeeper *gatekeeper, const struct zl_request *request,
                           const struct zl_look *look)
{
    const struct zl_policy *policy = look->seen.policy;
    const struct zl_lease *lease = look->lease;
    struct zl_last_claim last = zl_claim_clock_last(gatekeeper->clock, request->namespace_,
                                                    policy->meta.name, zl_clock_ms());
    int64_t above = lease->fencing_token;
    if (last.fencing_token > above) {
        above = last.fencing_token;
    }
    if (zl_lease_is_lost(lease) && policy->status.fencing_token + 1 > above) {
        above = policy->status.fencing_token > 0 ? policy->status.fencing_token + 1 : above;
    }
    return above;
}

/*
 * Before the swap, and so before the pod is let in: it is ours even if the Lease is deleted then. So is the scheduled
 * time of JOB (NULL: none); when it is another Job's already, the next look sees that.
 */
static enum zl_attempt reserve_token(const struct zl_gatekeeper *gatekeeper,
                                     const struct zl_request *request, const struct zl_look *look,
                                     const struct zl_job *job, int64_t *token, struct zl_error *err)
{
    const struct zl_policy *policy = look->seen.policy;
    int64_t above = token_above(gatekeeper, request, look);
    if (job == NULL || job->tick_s == 0 || zl_policy_ticks(policy) == NULL) {
        return attempt_of(
            zl_token_reserve(gatekeeper->client, policy, above, request->deadline_ms, token, err));
    }
    const struct zl_tick tick = {
        .time_s = job->tick_s, .job = job->meta.name, .uid = job->meta.uid};
    enum zl_status status = zl_token_reserve_tick(gatekeeper->client, policy, above, &tick,
                                                  request->deadline_ms, token, err);
    return status == ZL_E_INVALID ? ZL_ATTEMPT_LOOK_AGAIN : attempt_of(status);
}

/* Who is to sit in the seat. */
struct taker {
    struct zl_candidate pod;
    const struct zl_job *job; /* whose pod it is; NULL: no Job's */
    bool provisional;         /* nobody knows yet whether it will ever be stored */
};

/* The Lease after TAKER took the seat with TOKEN; the caller frees. */
static struct zl_lease *lease_taken(const struct zl_look *look, const struct taker *taker,
                                    int64_t token)
{
    const struct zl_seen *seen = &look->seen;
    struct zl_lease *next = zl_lease_claimed(look->lease, seen->policy, token - 1, &taker->pod,
                                             taker->provisional, zl_clock_wall_us());
    if (taker->job != NULL) {
        zl_lease_set_turn(next, taker->job->meta.name, taker->job->meta.uid);
    } else if (!taker->provisional && look->lost_token > 0 && seen->job == NULL) {
        zl_lease_depose_all(next, look->living.other_uids); /* one of them may have led */
    }
    return next;
}

static enum zl_attempt take_seat(const struct zl_gatekeeper *gatekeeper,
                                 const struct zl_request *request, const struct zl_look *look,
                                 const struct taker *taker, struct zl_error *err)
{
    int64_t token = 0;
    enum zl_attempt reserved = reserve_token(gatekeeper, request, look, taker->job, &token, err);
    if (reserved != ZL_ATTEMPT_WON) {
        return reserved;
    }
    struct zl_lease *next = lease_taken(look, taker, token);
    enum zl_status status = swap_lease(gatekeeper, request, look, next, err);
    if (status == ZL_OK) {
        (void)zl_claim_clock_observe(gatekeeper->clock, next, zl_clock_ms());
        ZL_LOG_INFO(taker->provisional ? "seat claimed" : "pod adopted as leader",
                    ZL_STR("namespace", request->namespace_), ZL_STR("pool", next->pool),
                    ZL_STR("pod", next->holder_pod), ZL_STR("uid", next->holder_uid),
                    ZL_STR("job", next->turn_job), ZL_I64("fencingToken", next->fencing_token));
    }
    zl_lease_free(next);
    return attempt_of(status);
}

/* The pod under review. */
static struct taker pod_itself(const struct zl_request *request, const struct zl_look *look)
{
    const struct zl_candidate pod = {
        .pod = request->pod_name,
        .uid = request->pod_uid,
        .identity = look->seen.policy->custom_identity ? request->identity : NULL,
        .owner = request->owner->uid};
    return (struct taker){.pod = pod, .job = look->seen.job, .provisional = true};
}

/* The one that lives, and is not in the Lease. */
static struct taker living_pod(const struct zl_look *look)
{
    const struct zl_ref *job_ref = look->living.job_ref;
    return (struct taker){.pod = zl_candidate_of(look->living.first, look->seen.policy),
                          .job = job_ref != NULL ? zl_ref_object(job_ref) : NULL};
}

/* The place beside the leader, by the same compare-and-swap; leader and fencing token stay as they are. */
static enum zl_attempt take_place(const struct zl_gatekeeper *gatekeeper,
                                  const struct zl_request *request, const struct zl_look *look,
                                  struct zl_error *err)
{
    struct zl_lease *next = zl_lease_copy(look->lease);
    zl_lease_set_successor(next, request->pod_name, request->pod_uid);
    enum zl_status status = swap_lease(gatekeeper, request, look, next, err);
    if (status == ZL_OK) {
        (void)zl_claim_clock_observe_successor(gatekeeper->clock, next, zl_clock_ms());
        ZL_LOG_INFO("successor admitted", ZL_STR("namespace", request->namespace_),
                    ZL_STR("pool", next->pool), ZL_STR("pod", next->successor_pod),
                    ZL_STR("uid", next->successor_uid), ZL_STR("leader", next->holder_pod));
    }
    zl_lease_free(next);
    return attempt_of(status);
}

static void count_attempt(const char *step, enum zl_attempt attempt)
{
    const char *result = attempt == ZL_ATTEMPT_WON          ? "won"
                         : attempt == ZL_ATTEMPT_LOOK_AGAIN ? "lost"
                                                            : "failed";
    zl_metric_add(&CLAIMS, step, result, 1);
    if (attempt == ZL_ATTEMPT_LOOK_AGAIN) {
        zl_retry_count("claim");
    }
}

enum zl_attempt zl_claim_attempt(const struct zl_gatekeeper *gatekeeper,
                                 const struct zl_request *request, const struct zl_look *look,
                                 enum zl_step step, struct zl_error *err)
{
    if (request->dry_run) {
        return ZL_ATTEMPT_WON;
    }
    if (step == ZL_STEP_PREPARE) {
        return prepare_lease(gatekeeper, request, look, err);
    }
    if (step == ZL_STEP_SUCCEED) {
        enum zl_attempt attempt = take_place(gatekeeper, request, look, err);
        count_attempt("succeed", attempt);
        return attempt;
    }
    bool adopts = step == ZL_STEP_ADOPT;
    const struct taker taker = adopts ? living_pod(look) : pod_itself(request, look);
    enum zl_attempt attempt = take_seat(gatekeeper, request, look, &taker, err);
    count_attempt(adopts ? "adopt" : "claim", attempt);
    return attempt;
}
