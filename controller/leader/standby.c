/* SPDX-License-Identifier: Apache-2.0 */
/*
 * standby.c - the plan of a pool whose pods all run: the Lease follows the one that can lead.
 */
#include "controller/leader/choose.h"
#include "controller/leader/plan.h"

/* Sticky, Ready, and it stays. */
static const struct zl_pod *best_standby(const struct zl_view *view)
{
    const struct zl_choice_rules rules = {.sticky = true};
    const struct zl_pod **pods = zl_alloc((view->member_count + 1) * sizeof(struct zl_pod *));
    const char *current = view->holder_pod != NULL ? view->holder_pod->meta.uid : NULL;
    for (size_t i = 0; i < view->member_count; i++) {
        pods[i] = view->members[i].pod;
    }
    struct zl_choice choice = zl_choose_leader(pods, view->member_count, current, &rules);
    free(pods);
    return choice.leader;
}

static void decide_seat(struct zl_draft *draft, enum zl_seat seat, const struct zl_pod *best)
{
    const struct zl_view *view = draft->view;
    bool fit = view->holder_pod == NULL || zl_can_lead(view->holder_pod);
    /* Sticky: a leader that is Ready keeps the seat; so does one that nobody can replace. */
    if (seat == ZL_SEAT_HELD && (fit || best == NULL)) {
        if (!zl_plan_request_standby(draft)) {
            zl_draft_renew(draft);
        }
    } else if (best != NULL && !zl_elects_too_early(view, draft->steps)) {
        zl_draft_take(draft, best, ZL_WHY_ELECTED);
    } else if (best == NULL && seat == ZL_SEAT_ABANDONED) {
        zl_draft_release(draft, zl_why_gone(view));
    }
}

/* What was refused until the pool was switched to standby waits for its owner's back-off. */
static void unblock(struct zl_steps *steps)
{
    const struct zl_view *view = &steps->after;
    for (size_t i = 0; view->policy->status.blocked > 0 && i < view->workload_count; i++) {
        if (view->workloads[i]->replicas > 0) {
            const struct zl_step step = {.kind = ZL_STEP_UNBLOCK,
                                         .why = ZL_WHY_NOT_GATEKEPT,
                                         .proofs = ZL_PROOF_OWNERS_LISTED,
                                         .of.owner.workload = view->workloads[i]};
            zl_steps_add(steps, &step);
        }
    }
}

void zl_plan_standby(const struct zl_view *view, struct zl_steps *steps)
{
    struct zl_draft draft = {.view = view, .steps = steps};
    const struct zl_pod *best = best_standby(view);
    enum zl_seat seat =
        zl_seat_judge(view->lease, view->holder, view->claim_age_ms, view->claim_timeout_ms);
    if (seat == ZL_SEAT_PROVISIONAL) {
        /* No write before the claim is settled: it would confirm it. */
        zl_steps_look_again(steps, view->claim_timeout_ms - view->claim_age_ms);
    } else if (seat != ZL_SEAT_UNKNOWN) {
        decide_seat(&draft, seat, best);
        zl_draft_forget_rollout(&draft);
    }
    zl_draft_store(&draft, false);
    unblock(steps);
    if (zl_lease_is_held(steps->after.lease) && !steps->after.lease->provisional) {
        steps->wake = (struct zl_wake_clock){0};
    }
}
