/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/leader/next_lease.h"

#include "common/base/hash.h"
#include "common/base/larger.h"

#include <string.h>

enum {
    LISTING_LOOK_MS = 100,
    OVERDUE_MS = 250, /* what an acting controller's renewal may be late */
};

/*
 * Of a Lease's time: what is left at least for a renewal that is slow, and what goes by at least whatever the retry period. Of the
 * latter what is left for one that comes late, before its moment would be the next one.
 */
enum { RESERVE_PARTS = 10, SOON_PARTS = 3, SPAN_PARTS = 50 };
#define US_PER_MS INT64_C(1000)
#define US_PER_S INT64_C(1000000)

/* How long after its renewal LEASE is renewed again at the latest. */
static int64_t latest_us(const struct zl_lease *lease, const struct zl_policy *policy)
{
    /* The Lease's own end counts until a renewal has written the policy's. */
    const int64_t duration_s = lease->duration_s > 0 && lease->duration_s < policy->lease_duration_s
                                   ? lease->duration_s
                                   : policy->lease_duration_s;
    const int64_t reserve_us =
        zl_larger(policy->retry_period_s * US_PER_S, duration_s * US_PER_S / RESERVE_PARTS);
    return zl_larger(duration_s * US_PER_S - reserve_us, duration_s * US_PER_S / SOON_PARTS);
}

int64_t zl_renewal_due_us(const struct zl_lease *lease, const struct zl_policy *policy)
{
    const int64_t after_us = latest_us(lease, policy);
    const int64_t span_us = after_us - after_us / SPAN_PARTS;
    const char *uid = policy->meta.uid;
    const unsigned hash = uid != NULL ? zl_hash(uid, strlen(uid)) : 0;
    const int64_t moment_us = (int64_t)hash * US_PER_MS % span_us;
    const int64_t due_us = lease->renew_us + after_us;
    return due_us - (due_us - moment_us) % span_us;
}

bool zl_renewal_is_overdue(const struct zl_lease *lease, const struct zl_policy *policy,
                           int64_t unchanged_ms)
{
    return !lease->provisional && lease->renew_us != 0 &&
           unchanged_ms >= latest_us(lease, policy) / US_PER_MS + OVERDUE_MS;
}

static int64_t ms_until(int64_t due_us, int64_t now_us)
{
    return (due_us - now_us + US_PER_MS - 1) / US_PER_MS;
}

/* Renew RECORD when it is time, and not sooner. */
static void wait_for_renewal(const struct zl_draft *draft, const struct zl_lease *record)
{
    const struct zl_view *view = draft->view;
    const int64_t due_us = zl_renewal_due_us(record, view->policy);
    zl_steps_idle_after(draft->steps, ms_until(due_us, view->now_us));
}

bool zl_must_wait_for_claims(const struct zl_view *view, const struct zl_pod *taker)
{
    return view->last_token > 0 && zl_lease_is_lost(view->lease) &&
           view->lost_ms < view->claim_timeout_ms &&
           !(taker != NULL && zl_policy_led_last(view->policy, taker->meta.uid, view->last_token));
}

bool zl_elects_too_early(const struct zl_view *view, struct zl_steps *steps)
{
    bool never_led =
        view->last_token == 0 && (view->lease == NULL || view->lease->fencing_token == 0);
    if (never_led && view->being_listed) {
        zl_steps_look_again(steps, LISTING_LOOK_MS);
    }
    return never_led && view->being_listed;
}

/* --- the record --- */

/* Whose pod holds the seat: the turn is its Job's. One that was left behind goes on with the turn that it has. */
static void name_turn(struct zl_lease *next, const struct zl_pod *pod)
{
    const struct zl_controller_ref *owner = &pod->meta.controller;
    bool of_job = zl_is_of_job(pod);
    if (owner->uid != NULL) {
        zl_lease_set_turn(next, of_job ? owner->name : NULL, of_job ? owner->uid : NULL);
    }
}

static bool is_member(void *ctx, const char *uid)
{
    const struct zl_view *view = *(const struct zl_view **)ctx;
    if (zl_same_string(view->lease->successor_uid, uid)) {
        return true;
    }
    for (size_t i = 0; i < view->member_count; i++) {
        if (strcmp(view->members[i].pod->meta.uid, uid) == 0) {
            return true;
        }
    }
    return false;
}

/* NEXT (taken) is the record from now on; deposed pods that are gone are forgotten in it. */
static void begin(struct zl_draft *draft, struct zl_lease *next, enum zl_why why)
{
    const struct zl_view *view = draft->view;
    draft->next = next;
    draft->why = why;
    if (view->members_are_current && view->lease != NULL) {
        zl_lease_prune_deposed(next, is_member, &view);
    }
}

/* Of a Lease that was lost nobody knows whom it named: any of them may have led. */
static void depose_others(const struct zl_view *view, const struct zl_pod *taker,
                          struct zl_lease *next)
{
    for (size_t i = 0; i < view->member_count; i++) {
        const struct zl_pod *pod = view->members[i].pod;
        const struct zl_member *member = &view->members[i];
        /* A Job may send pods again and again, and any of them may have its turn. */
        if (member->gatekept && member->job == NULL &&
            strcmp(pod->meta.uid, taker->meta.uid) != 0) {
            zl_lease_depose(next, pod->meta.uid);
        }
    }
}

void zl_draft_take(struct zl_draft *draft, const struct zl_pod *taker, enum zl_why why)
{
    const struct zl_view *view = draft->view;
    const struct zl_candidate candidate = zl_candidate_of(taker, view->policy);
    int64_t known_token = view->known_token;
    bool lost = zl_lease_is_lost(view->lease);
    if (lost && known_token > 0) {
        known_token += ZL_TOKEN_SKIP - 1;
    }
    begin(draft,
          zl_lease_claimed(view->lease, view->policy, known_token, &candidate, false, view->now_us),
          why);
    draft->taker = taker;
    name_turn(draft->next, taker);
    if (!view->elects_all && view->last_token > 0 && lost) {
        depose_others(view, taker, draft->next);
    }
    if (taker->ready) {
        zl_replace_string(&draft->next->ready_holder, taker->meta.uid);
        zl_replace_string(&draft->next->ready_revision, taker->meta.controller.uid);
    }
    wait_for_renewal(draft, draft->next);
}

void zl_draft_release(struct zl_draft *draft, enum zl_why why)
{
    begin(draft, zl_lease_released(draft->view->lease, draft->view->now_us), why);
}

struct zl_lease *zl_draft_edit(struct zl_draft *draft, enum zl_why why)
{
    const struct zl_view *view = draft->view;
    const struct zl_pod *pod = view->holder_pod;
    if (draft->next != NULL) {
        return draft->next;
    }
    struct zl_candidate holder = {0};
    if (pod != NULL) {
        holder = zl_candidate_of(pod, view->policy);
    }
    begin(draft,
          zl_lease_renewed(view->lease, view->policy, pod != NULL ? &holder : NULL, view->now_us),
          why);
    if (pod != NULL) {
        name_turn(draft->next, pod);
    }
    if (draft->next->fencing_token < view->known_token) {
        draft->next->fencing_token = view->known_token; /* someone edited it down */
    }
    return draft->next;
}

void zl_draft_create(struct zl_draft *draft)
{
    draft->next = zl_lease_vacant(draft->view->policy);
    draft->why = ZL_WHY_NO_LEASE;
    zl_steps_look_again(draft->steps, 1);
}

/* Someone wrote over the holder or the turn, or identityStrategy was changed. */
static bool holder_is_misnamed(const struct zl_view *view)
{
    const struct zl_pod *pod = view->holder_pod;
    if (pod == NULL) {
        return false;
    }
    const char *turn = zl_is_of_job(pod) ? pod->meta.controller.uid : NULL;
    /* A pod that its Job left behind does not say whose turn it is. */
    if (pod->meta.controller.uid != NULL && !zl_same_string(view->lease->turn_uid, turn)) {
        return true;
    }
    const struct zl_candidate holder = zl_candidate_of(pod, view->policy);
    return !zl_lease_names(view->lease, &holder);
}

void zl_draft_renew(struct zl_draft *draft)
{
    const struct zl_view *view = draft->view;
    const struct zl_lease *lease = view->lease;
    /* A renewTime in the future is another machine's clock, or an edit: renew. */
    bool due =
        view->now_us >= zl_renewal_due_us(lease, view->policy) || view->now_us < lease->renew_us;

    if ((due && !view->defers_renewal) || lease->provisional || lease->wants_repair ||
        holder_is_misnamed(view) || lease->fencing_token < view->policy->status.fencing_token) {
        wait_for_renewal(draft, zl_draft_edit(draft, ZL_WHY_RENEWAL));
    } else if (due) {
        zl_steps_idle_after(draft->steps, 0);
    } else {
        wait_for_renewal(draft, lease);
    }
}

void zl_draft_forget_rollout(struct zl_draft *draft)
{
    const struct zl_lease *lease = draft->view->lease;
    if (lease != NULL && (lease->successor_uid != NULL || lease->deposed != NULL)) {
        struct zl_lease *next = zl_draft_edit(draft, ZL_WHY_ROLLOUT);
        zl_lease_set_successor(next, NULL, NULL);
        zl_replace_string(&next->deposed, NULL);
    }
}

enum zl_why zl_why_gone(const struct zl_view *view)
{
    if (view->lease->turn_uid != NULL) {
        return ZL_WHY_TURN_OVER;
    }
    return view->holder == ZL_HOLDER_OUTSIDE ? ZL_WHY_LEADER_OUTSIDE : ZL_WHY_LEADER_GONE;
}

/* --- its steps --- */

static void add_token_step(const struct zl_draft *draft, unsigned proofs, bool reserves)
{
    const struct zl_view *view = draft->view;
    const struct zl_lease *lease = view->lease;
    const struct zl_turn *turn = zl_view_turn_of(view, draft->taker);
    struct zl_step step = {.kind = ZL_STEP_RECORD_TOKEN, .why = ZL_WHY_TOKEN};
    if (reserves) {
        bool uses_tick =
            turn != NULL && turn->job->tick_s > 0 && !view->policy->each_tick &&
            (turn->standing == ZL_STANDING_WAITING || turn->standing == ZL_STANDING_EXECUTING);
        step.kind = ZL_STEP_RESERVE_TOKEN;
        step.of.tick_of = uses_tick ? turn : NULL;
        /* A reservation for a swap that must fail would wake this pool again at once, past its back-off. */
        step.proofs = proofs | ZL_PROOF_TAKER_LIVES | (lease != NULL ? ZL_PROOF_LEASE_SAME : 0u);
        zl_steps_add(draft->steps, &step);
    } else if (lease != NULL && lease->fencing_token > view->policy->status.fencing_token) {
        step.of.token = lease->fencing_token;
        zl_steps_add(draft->steps, &step);
    }
}

/* The time in seconds that WHY's Event names. */
static int64_t seconds_to_tell(const struct zl_view *view, enum zl_why why)
{
    if (why == ZL_WHY_CLAIM_EXPIRED || why == ZL_WHY_CLAIM_EXPIRED_TAKEN) {
        return view->claim_timeout_ms / 1000;
    }
    return why == ZL_WHY_HANDED_OVER ? view->policy->handover_grace_s
                                     : view->policy->lease_duration_s;
}

void zl_draft_store(struct zl_draft *draft, bool reserves)
{
    const struct zl_view *view = draft->view;
    bool sick = draft->why == ZL_WHY_NOT_READY || draft->why == ZL_WHY_NOT_READY_TAKEN;
    unsigned proofs = sick ? ZL_PROOF_STILL_UNREADY : 0;
    struct zl_step step = {.kind = ZL_STEP_LEASE, .why = draft->why};
    if (draft->next == NULL) {
        return;
    }
    if (draft->taker != NULL) {
        add_token_step(draft, proofs, reserves);
    }
    step.proofs = draft->taker == NULL ? proofs : 0;
    step.subject = zl_subject_policy(view);
    step.words =
        (struct zl_words){.pod = view->lease == NULL               ? NULL
                                 : view->lease->holder_pod != NULL ? view->lease->holder_pod
                                                                   : view->lease->holder_identity,
                          .other = draft->taker != NULL ? draft->taker->meta.name : NULL,
                          .detail = draft->detail,
                          .number = seconds_to_tell(view, draft->why)};
    zl_steps_lease(draft->steps, &step, draft->next, draft->taker);
    draft->next = NULL;
}
