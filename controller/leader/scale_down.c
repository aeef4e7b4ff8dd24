/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scale_down.c - the plan of a pool that runs one pod and refuses the others.
 */
#include "controller/leader/plan.h"

#include "common/seat/rank.h"
#include "controller/leader/wake.h"

/*
 * The member that leads if nobody does. Any live pod comes before a new one, even one on
 * its way out: it may be the leader whose Lease was lost. Beside a gatekept workload, one of a
 * Kind of which no pod is ever refused has no part in the election.
 */
static const struct zl_pod *best_member(const struct zl_view *view)
{
    const struct zl_pod *best = NULL;
    bool gatekept_only = zl_view_is_gatekept(view);
    for (size_t i = 0; i < view->member_count; i++) {
        const struct zl_pod *pod = view->members[i].pod;
        if ((gatekept_only && !view->members[i].gatekept) ||
            zl_lease_sets_aside(view->lease, pod->meta.uid)) {
            continue;
        }
        if (zl_policy_led_last(view->policy, pod->meta.uid, view->last_token)) {
            return pod; /* its Lease was lost, not its seat */
        }
        /* Jobs are not wanted beside a Deployment, but one that runs alone is let finish. */
        bool better =
            best == NULL || (zl_is_of_job(pod) == zl_is_of_job(best) ? zl_pod_precedes(pod, best)
                                                                     : zl_is_of_job(best));
        if (better) {
            best = pod;
        }
    }
    return best;
}

/* Who is to have an empty seat: the successor if it may, else whoever runs. */
static const struct zl_pod *next_leader(const struct zl_view *view)
{
    const struct zl_pod *heir = zl_plan_heir(view);
    return heir != NULL ? heir : best_member(view);
}

static bool replace_dead_leader(struct zl_draft *draft)
{
    const struct zl_view *view = draft->view;
    const struct zl_pod *taker = next_leader(view);
    bool expired = view->lease->provisional && view->holder == ZL_HOLDER_GONE;
    if (taker == NULL) {
        zl_draft_release(draft, expired ? ZL_WHY_CLAIM_EXPIRED : zl_why_gone(view));
        return true;
    }
    if (zl_elects_too_early(view, draft->steps)) {
        return false;
    }
    zl_draft_take(draft, taker, expired ? ZL_WHY_CLAIM_EXPIRED_TAKEN : ZL_WHY_ELECTED);
    return true;
}

/* As decide_seat, for a seat that we emptied, or that was lost. */
static bool fill_seat(struct zl_draft *draft)
{
    const struct zl_view *view = draft->view;
    const struct zl_pod *taker = next_leader(view);
    if (zl_must_wait_for_claims(view, taker)) {
        zl_steps_look_again(draft->steps, view->claim_timeout_ms - view->lost_ms);
        return false;
    }
    if (taker == NULL) {
        return true;
    }
    if (zl_elects_too_early(view, draft->steps)) {
        return false;
    }
    zl_draft_take(draft, taker, ZL_WHY_ELECTED);
    return true;
}

/* Who sits in the seat; false: nothing else is to be done now. */
static bool decide_seat(struct zl_draft *draft, enum zl_seat seat)
{
    const struct zl_view *view = draft->view;
    switch (seat) {
    case ZL_SEAT_HELD:
        if (!zl_plan_handover(draft) && !zl_plan_sick_leader(draft)) {
            zl_draft_renew(draft);
        }
        return true;
    case ZL_SEAT_PROVISIONAL:
        zl_steps_look_again(draft->steps, view->claim_timeout_ms - view->claim_age_ms);
        return false;
    case ZL_SEAT_UNKNOWN:
        return false;
    case ZL_SEAT_ABSENT:
        /*
         * With nobody who could be elected there is no Lease, nor where nothing is gatekept. One that
         * exists is kept true all the same, so that scaling up finds the running pod in it.
         */
        if (zl_view_is_gatekept(view) && view->member_count > 0) {
            zl_draft_create(draft);
            return false;
        }
        return true;
    case ZL_SEAT_EMPTY:
        return fill_seat(draft);
    case ZL_SEAT_ABANDONED:
        return replace_dead_leader(draft);
    }
    return false;
}

/* --- what follows from the Lease --- */

static void remove_pod(struct zl_steps *steps, const struct zl_rollout_needs *needs)
{
    const struct zl_view *view = steps->before;
    const struct zl_workload *deployment = view->deployment;
    if (needs->removed == NULL) {
        return;
    }
    /* What was planned from memory must still be so, or a new leader is deleted, or for somebody who was told that nothing came of it. */
    unsigned proofs = needs->removed == view->holder_pod ? ZL_PROOF_LEADS : ZL_PROOF_LEADS_NOT;
    proofs |= needs->removal == ZL_WHY_ASKED_TO_GO ? ZL_PROOF_ASKED : 0u;
    const struct zl_step step = {
        .kind = ZL_STEP_DELETE_POD,
        .why = needs->removal,
        .proofs = proofs,
        .subject = zl_subject_policy(view),
        .words = {.pod = needs->removed->meta.name,
                  .detail = needs->asked_by,
                  .number = deployment != NULL ? deployment->progress_deadline_s : 0},
        .of.pod = needs->removed};
    zl_steps_add(steps, &step);
}

static void wake_workloads(struct zl_steps *steps)
{
    const struct zl_view *view = &steps->after;
    for (size_t i = 0; i < view->workload_count; i++) {
        if (view->workloads[i]->replicas > 0) {
            const struct zl_step step = {.kind = ZL_STEP_WAKE,
                                         .why = ZL_WHY_SEAT_FREE,
                                         .of.owner.workload = view->workloads[i]};
            zl_steps_add(steps, &step);
        }
    }
}

static void wake_owners(struct zl_steps *steps, bool newest_waits)
{
    const struct zl_lease *before = steps->before->lease;
    const struct zl_lease *after = steps->after.lease;
    /* One pod alone is refused, too, while that of a workload that left still led. */
    bool nobody = after != NULL && steps->after.member_count == 0;
    bool is_free = !zl_lease_is_held(after) && (zl_view_is_gatekept(&steps->after) || nobody);
    int64_t wait_ms = 0;
    if (!is_free && !newest_waits) {
        if (zl_lease_is_held(after) && !after->provisional) {
            steps->wake = (struct zl_wake_clock){0};
        }
        return;
    }
    bool released = zl_lease_is_held(before) && !zl_lease_is_held(after);
    bool dropped = before != NULL && before->successor_uid != NULL && after != NULL &&
                   after->successor_uid == NULL;
    bool due = zl_wake_is_due(&steps->wake, released || dropped, &wait_ms);
    zl_steps_look_again(steps, wait_ms);
    if (due && is_free) {
        wake_workloads(steps);
    } else if (due) {
        const struct zl_step step = {.kind = ZL_STEP_WAKE,
                                     .why = ZL_WHY_NEWEST_WAITS,
                                     .of.owner.replicaset = steps->before->rollout.newest};
        zl_steps_add(steps, &step);
    }
}

void zl_plan_scale_down(const struct zl_view *view, struct zl_steps *steps)
{
    struct zl_draft draft = {.view = view, .steps = steps};
    struct zl_rollout_needs needs = {0};
    enum zl_seat seat =
        zl_seat_judge(view->lease, view->holder, view->claim_age_ms, view->claim_timeout_ms);
    bool decided = decide_seat(&draft, seat);
    if (decided && zl_view_is_gatekept(view)) {
        needs = zl_plan_rollout(&draft, seat);
    } else if (decided) {
        zl_draft_forget_rollout(&draft);
    }
    zl_draft_store(&draft, true);
    if (decided) {
        wake_owners(steps, needs.newest_waits);
        remove_pod(steps, &needs);
        zl_plan_surplus(steps);
    }
}
