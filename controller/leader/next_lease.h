/* SPDX-License-Identifier: Apache-2.0 */
/*
 * next_lease.h - the Lease that is to be stored next, while it is decided: each rule edits the record itself.
 *
 * Threads: pure.
 */
#ifndef ZL_CONTROLLER_LEADER_NEXT_LEASE_H
#define ZL_CONTROLLER_LEADER_NEXT_LEASE_H

#include "common/seat/request.h"
#include "controller/apply/steps.h"

/* {.view = ..., .steps = ...} is a valid start; zl_draft_store takes the record. */
struct zl_draft {
    const struct zl_view *view;
    struct zl_steps *steps;
    struct zl_lease *next;      /* NULL: the Lease stays as it is */
    enum zl_why why;            /* with NEXT */
    const struct zl_pod *taker; /* who gets the seat by it, NULL: nobody */
    const char *detail; /* for the Event: who asked for it; kept by STEPS. NULL: nobody did */
};

/* The record as it will be: NEXT, or the one that stays. May be NULL. */
static inline const struct zl_lease *zl_draft_lease(const struct zl_draft *draft)
{
    return draft->next != NULL ? draft->next : draft->view->lease;
}

/* Give the seat to TAKER: next token, a transition more, Ready or not. */
void zl_draft_take(struct zl_draft *draft, const struct zl_pod *taker, enum zl_why why);
/* Empty it: the next pod may claim. */
void zl_draft_release(struct zl_draft *draft, enum zl_why why);
/* The record as it may be edited; a renewal, for WHY, if nothing else was decided. There must be a Lease. */
struct zl_lease *zl_draft_edit(struct zl_draft *draft, enum zl_why why);
/* A Lease that names nobody, where there is none: creating is no compare-and-swap, so a holder is named only later. */
void zl_draft_create(struct zl_draft *draft);
/* Renew when it is time, or when somebody edited the Lease. Its holder lives. */
void zl_draft_renew(struct zl_draft *draft);
/* Nothing is gatekept (any more): successor and deposed pods are pods like others. */
void zl_draft_forget_rollout(struct zl_draft *draft);
/* Why a seat is released whose holder leads no more. */
enum zl_why zl_why_gone(const struct zl_view *view);
/*
 * The steps that store it: the token first. With nobody taken nothing must be proven but that a pod which loses
 * its seat for not being Ready (why NOT_READY) still is not.
 *
 * @param reserves  a token is reserved before the Lease names TAKER, who must be there; else (standby) the one before is
 *                  recorded, and nothing is asked
 */
void zl_draft_store(struct zl_draft *draft, bool reserves);

/*
 * When LEASE is renewed, by the clock that wrote its renewTime: as late as leaves the retry period, or a tenth of the Lease's time if
 * that is more, for a write that is slow or that is tried again. Each pool has a moment of its own: pools that were elected
 * together, or renewed together once the API server was back, part again.
 */
int64_t zl_renewal_due_us(const struct zl_lease *lease, const struct zl_policy *policy);
/*
 * Nobody sees to the renewals of LEASE: a controller that acts would have renewed it by now.
 *
 * @param unchanged_ms  for how long it has been seen as it is
 */
bool zl_renewal_is_overdue(const struct zl_lease *lease, const struct zl_policy *policy,
                           int64_t unchanged_ms);
/*
 * The Lease was lost, and the pod of the claim that it may have carried may still be on its way into the
 * store: nobody is taken yet, but for TAKER (may be NULL) if it was the leader for sure.
 */
bool zl_must_wait_for_claims(const struct zl_view *view, const struct zl_pod *taker);
/*
 * The first leader of all is the pod that has been Ready for longest, and it stays. Which one that is, half a
 * list does not say. Then looks again soon.
 */
bool zl_elects_too_early(const struct zl_view *view, struct zl_steps *steps);

#endif
