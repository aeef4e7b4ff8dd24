/* SPDX-License-Identifier: Apache-2.0 */
/*
 * claim.c - the live half of a decision: who holds the seat according to the API server, and taking it.
 */
#include "webhook/gatekeeper/gatekeeper.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/cache/live.h"
#include "common/kube/retries.h"
#include "common/seat/claim_clock.h"
#include "common/seat/lease_store.h"
#include "common/seat/token_store.h"

#include <string.h>

/* A conflict means that something else wrote first: another claim, or only a renewal or release. */
enum { ROUNDS = 5 };

static const struct zl_metric CLAIMS = {
    .name = "zen_lead_claims_total",
    .type = ZL_METRIC_COUNTER,
    .help = "Compare-and-swaps of a pool's Lease by what they were for (claim, succeed, adopt) and "
            "result "
            "(won, lost, failed).",
    .label1 = "step",
    .label2 = "result",
};

void zl_claim_register_metrics(void)
{
    zl_metrics_register(&CLAIMS);
}

struct seat_view {
    struct zl_lease *lease;  /* NULL: there is none */
    int64_t token;           /* of a lost Lease: what LeaderPolicy status says; else 0 */
    struct zl_pod *holder;   /* what stands under its holder's name; NULL: nothing */
    struct zl_others others; /* live pods of the pool that the Lease does not name */
};

static void clear_view(struct seat_view *view)
{
    zl_lease_free(view->lease);
    zl_pod_free(view->holder);
    zl_others_clear(&view->others);
    memset(view, 0, sizeof *view);
}

/* Within the review's deadline. */
static enum zl_status read_pod(const struct zl_gatekeeper *gatekeeper,
                               const struct zl_request *request, const char *name,
                               struct zl_pod **out, struct zl_error *err)
{
    return zl_pod_read(gatekeeper->client, request->namespace_, name,
                       zl_clock_left_ms(request->deadline_ms), out, err);
}

static enum zl_status read_holder(const struct zl_gatekeeper *gatekeeper,
                                  const struct zl_request *request, struct seat_view *view,
                                  enum zl_holder *out, struct zl_error *err)
{
    enum zl_status status = ZL_OK;
    if (view->lease->holder_pod != NULL) { /* else written by hand: no pod can have such a name */
        status = read_pod(gatekeeper, request, view->lease->holder_pod, &view->holder, err);
    }
    if (status == ZL_OK) {
        *out = zl_holder_of(view->lease, view->holder);
    }
    return status;
}

/*
 * There is a Lease, and after it was read no token had ever been given: remember that in it, or else a claim
 * that dies half-way would look like one that was lost. Then the next round.
 */
static enum zl_status mark_lease(const struct zl_gatekeeper *gatekeeper,
                                 const struct zl_request *request, const struct zl_lease *lease,
                                 struct zl_error *err)
{
    struct zl_lease *next = zl_lease_never_led(lease);
    enum zl_status status = zl_lease_swap(gatekeeper->client, next, request->facts.policy,
                                          zl_clock_left_ms(request->deadline_ms), NULL, err);
    zl_lease_free(next);
    return status == ZL_OK ? zl_error_set(err, ZL_E_CONFLICT, "the Lease was just marked") : status;
}

/*
 * The Lease was lost: whose claim it carried nobody knows, and that pod may still be on its way into the
 * store. Such a claim is over after a claim timeout.
 */
static enum zl_status look_for_lost_claim(const struct zl_gatekeeper *gatekeeper,
                                          struct zl_request *request, struct seat_view *view,
                                          struct zl_error *err)
{
    struct zl_facts *facts = &request->facts;
    const char *pool = request->pool;
    int64_t token = 0;
    facts->claim_in_flight = false;
    if (facts->seat == ZL_SEAT_ABANDONED || !zl_lease_is_lost(view->lease)) {
        return ZL_OK;
    }
    enum zl_status status = zl_token_read(gatekeeper->client, facts->policy,
                                          zl_clock_left_ms(request->deadline_ms), &token, err);
    int64_t now_ms = zl_clock_ms();
    view->token = token;
    struct zl_last_claim last =
        zl_claim_clock_last(gatekeeper->clock, request->namespace_, pool, now_ms);
    int64_t lost_ms =
        zl_claim_clock_observe_loss(gatekeeper->clock, request->namespace_, pool, token, now_ms);
    bool seen = last.provisional && last.age_ms >= 0 && last.age_ms < gatekeeper->claim_timeout_ms;
    bool unseen = token > 0 && lost_ms < gatekeeper->claim_timeout_ms; /* 0: nobody ever led */
    facts->claim_in_flight = seen || unseen;
    if (status == ZL_OK && token == 0 && !seen && view->lease != NULL && !request->dry_run) {
        return mark_lease(gatekeeper, request, view->lease, err);
    }
    return status;
}

/* A Lease that names nobody, so that there is one to swap; then the next round. */
static enum zl_status create_lease(const struct zl_gatekeeper *gatekeeper,
                                   const struct zl_request *request, struct zl_error *err)
{
    struct zl_lease *vacant = zl_lease_vacant(request->facts.policy);
    enum zl_status status = zl_lease_swap(gatekeeper->client, vacant, request->facts.policy,
                                          zl_clock_left_ms(request->deadline_ms), NULL, err);
    zl_lease_free(vacant);
    return status == ZL_OK ? zl_error_set(err, ZL_E_CONFLICT, "the Lease was just created")
                           : status;
}

/* Nobody holds the seat: what else must be known before it is taken? */
static enum zl_status view_free_seat(const struct zl_gatekeeper *gatekeeper,
                                     struct zl_request *request, bool proven,
                                     struct seat_view *view, struct zl_error *err)
{
    struct zl_facts *facts = &request->facts;
    const struct zl_pod *other = NULL;
    enum zl_status status = look_for_lost_claim(gatekeeper, request, view, err);
    if (status == ZL_OK) {
        status = zl_find_others(gatekeeper, request, view->lease, proven, &view->others, err);
    }
    other = view->others.best;
    if (status == ZL_OK && facts->job != NULL) {
        status = zl_view_turn(gatekeeper, request, view->lease, other, err);
    }
    facts->other_pod_lives = other != NULL;
    facts->other_led = other != NULL && view->token > 0 &&
                       zl_policy_led_last(facts->policy, other->meta.uid, view->token);
    return status;
}

static enum zl_status view_seat(const struct zl_gatekeeper *gatekeeper, struct zl_request *request,
                                struct seat_view *view, struct zl_error *err)
{
    struct zl_facts *facts = &request->facts;
    enum zl_holder holder = ZL_HOLDER_UNKNOWN;
    bool proven = false;

    enum zl_status status =
        zl_lease_read(gatekeeper->client, request->namespace_, request->pool,
                      zl_clock_left_ms(request->deadline_ms), &view->lease, err);
    if (status != ZL_OK) {
        return status;
    }
    if (view->lease == NULL && !request->dry_run) {
        return create_lease(gatekeeper, request, err);
    }
    int64_t age_ms = zl_claim_clock_observe(gatekeeper->clock, view->lease, zl_clock_ms());
    facts->is_holder = zl_lease_is_held_by(view->lease, request->pod_uid);
    if (zl_lease_is_held(view->lease) && !facts->is_holder) {
        status = read_holder(gatekeeper, request, view, &holder, err);
    }
    if (status != ZL_OK) {
        return status;
    }
    facts->seat = zl_seat_judge(view->lease, holder, age_ms, gatekeeper->claim_timeout_ms);
    facts->holder_terminating = holder == ZL_HOLDER_TERMINATING;
    facts->held_by_job = zl_turn_by_memory(NULL, view->lease) != ZL_TURN_NOBODYS;
    if (facts->workload != NULL) {
        status = zl_view_rollout(gatekeeper, request, view->lease, view->holder, facts->seat,
                                 &proven, err);
    }
    if (status == ZL_OK && (facts->seat == ZL_SEAT_ABSENT || facts->seat == ZL_SEAT_EMPTY ||
                            facts->seat == ZL_SEAT_ABANDONED)) {
        status = view_free_seat(gatekeeper, request, proven, view, err);
    }
    facts->live = true;
    return status;
}

/* --- taking the seat --- */

/* More than any that was ever given. */
static int64_t token_above(const struct zl_gatekeeper *gatekeeper, const struct zl_request *request,
                           const struct zl_lease *lease)
{
    const struct zl_policy *policy = request->facts.policy;
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
 * time of JOB (NULL: none); when it is another Job's already, the next round sees that.
 */
static enum zl_status reserve_token(const struct zl_gatekeeper *gatekeeper,
                                    struct zl_request *request, int64_t above,
                                    const struct zl_job *job, int64_t *token, struct zl_error *err)
{
    int64_t left_ms = zl_clock_left_ms(request->deadline_ms);
    if (job == NULL || job->tick_s == 0) {
        return zl_token_reserve(gatekeeper->client, request->facts.policy, above, left_ms, token,
                                err);
    }
    const struct zl_tick tick = {
        .time_s = job->tick_s, .job = job->meta.name, .uid = job->meta.uid};
    enum zl_status status = zl_token_reserve_tick(gatekeeper->client, request->facts.policy, above,
                                                  &tick, left_ms, token, err);
    if (status != ZL_E_INVALID) {
        return status;
    }
    status = zl_request_reread_policy(gatekeeper, request, err);
    if (status == ZL_OK && request->facts.policy == NULL) {
        return zl_error_set(err, ZL_E_TRANSIENT, "the LeaderPolicy was deleted meanwhile");
    }
    return status == ZL_OK ? zl_error_set(err, ZL_E_CONFLICT, "the scheduled time was used up")
                           : status;
}

/* @param job  whose pod CANDIDATE is; NULL: none's */
static enum zl_status take_seat(const struct zl_gatekeeper *gatekeeper, struct zl_request *request,
                                const struct seat_view *view, const struct zl_candidate *candidate,
                                const struct zl_job *job, bool provisional, struct zl_error *err)
{
    int64_t token = 0;
    enum zl_status status = reserve_token(
        gatekeeper, request, token_above(gatekeeper, request, view->lease), job, &token, err);
    if (status != ZL_OK) {
        return status;
    }
    const struct zl_policy *policy = request->facts.policy;
    struct zl_lease *next = zl_lease_claimed(view->lease, policy, token - 1, candidate, provisional,
                                             zl_clock_wall_us());
    if (job != NULL) {
        zl_lease_set_turn(next, job->meta.name, job->meta.uid);
    } else if (!provisional && view->token > 0 && request->facts.job == NULL) {
        zl_lease_depose_all(next, view->others.rest); /* one of them may have led */
    }
    status = zl_lease_swap(gatekeeper->client, next, policy, zl_clock_left_ms(request->deadline_ms),
                           NULL, err);
    if (status == ZL_OK) {
        (void)zl_claim_clock_observe(gatekeeper->clock, next, zl_clock_ms());
        ZL_LOG_INFO(provisional ? "seat claimed" : "pod adopted as leader",
                    ZL_STR("namespace", request->namespace_), ZL_STR("pool", next->pool),
                    ZL_STR("pod", next->holder_pod), ZL_STR("uid", next->holder_uid),
                    ZL_STR("job", next->turn_job), ZL_I64("fencingToken", next->fencing_token));
    }
    zl_lease_free(next);
    return status;
}

/* The place beside the leader, by the same compare-and-swap; leader and fencing token stay as they are. */
static enum zl_status take_place(const struct zl_gatekeeper *gatekeeper,
                                 const struct zl_request *request, const struct zl_lease *lease,
                                 struct zl_error *err)
{
    struct zl_lease *next = zl_lease_copy(lease);
    zl_lease_set_successor(next, request->pod_name, request->pod_uid);
    enum zl_status status = zl_lease_swap(gatekeeper->client, next, request->facts.policy,
                                          zl_clock_left_ms(request->deadline_ms), NULL, err);
    if (status == ZL_OK) {
        (void)zl_claim_clock_observe_successor(gatekeeper->clock, next, zl_clock_ms());
        ZL_LOG_INFO("successor admitted", ZL_STR("namespace", request->namespace_),
                    ZL_STR("pool", next->pool), ZL_STR("pod", next->successor_pod),
                    ZL_STR("uid", next->successor_uid), ZL_STR("leader", next->holder_pod));
    }
    zl_lease_free(next);
    return status;
}

static enum zl_status attempt(const struct zl_gatekeeper *gatekeeper, struct zl_request *request,
                              const struct seat_view *view, enum zl_step step, struct zl_error *err)
{
    bool custom = request->facts.policy->custom_identity;
    if (request->dry_run) {
        return ZL_OK;
    }
    if (step == ZL_STEP_CLAIM) {
        const struct zl_candidate self = {.pod = request->pod_name,
                                          .uid = request->pod_uid,
                                          .identity = custom ? request->identity : NULL};
        return take_seat(gatekeeper, request, view, &self, request->facts.job, true, err);
    }
    if (step == ZL_STEP_SUCCEED) {
        return take_place(gatekeeper, request, view->lease, err);
    }
    if (view->others.best == NULL) {
        return zl_error_set(err, ZL_E_INVALID, "nothing to adopt");
    }
    const struct zl_candidate other = zl_candidate_of(view->others.best, request->facts.policy);
    const struct zl_job *job =
        view->others.job_ref != NULL ? zl_ref_object(view->others.job_ref) : NULL;
    return take_seat(gatekeeper, request, view, &other, job, false, err);
}

static enum zl_status act(const struct zl_gatekeeper *gatekeeper, struct zl_request *request,
                          const struct seat_view *view, enum zl_step step, struct zl_error *err)
{
    const char *name = step == ZL_STEP_CLAIM     ? "claim"
                       : step == ZL_STEP_SUCCEED ? "succeed"
                                                 : "adopt";
    enum zl_status status = attempt(gatekeeper, request, view, step, err);
    if (!request->dry_run) {
        const char *result = status == ZL_OK ? "won" : status == ZL_E_CONFLICT ? "lost" : "failed";
        zl_metric_add(&CLAIMS, name, result, 1);
    }
    return status;
}

enum zl_status zl_claim_seat(const struct zl_gatekeeper *gatekeeper, struct zl_request *request,
                             enum zl_outcome *outcome, struct zl_error *err)
{
    const char *lagging = NULL;
    /*
     * Which other workloads share the pool stands in memory. Before the first lists are in, it may not
     * know the one that leads; no option makes that safe, so this is no API error either.
     */
    if (!zl_cache_is_synced(gatekeeper->cache, &lagging)) {
        *outcome = ZL_OUTCOME_UNREACHABLE;
        return ZL_OK;
    }
    for (int round = 0; round < ROUNDS; round++) {
        struct seat_view view = {0};
        struct zl_decision decision = {0};
        enum zl_status status = view_seat(gatekeeper, request, &view, err);
        if (status == ZL_OK) {
            decision = zl_decide(&request->facts);
            *outcome = decision.outcome;
            if (decision.step != ZL_STEP_ANSWER) {
                status = act(gatekeeper, request, &view, decision.step, err);
            }
        }
        clear_view(&view);
        if (status != ZL_E_CONFLICT) {
            return status;
        }
        zl_retry_count("claim");
    }
    *outcome = request->facts.job != NULL ? ZL_OUTCOME_TURN_LOST : ZL_OUTCOME_CLAIM_LOST;
    return ZL_OK;
}
