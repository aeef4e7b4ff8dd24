/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handover.c - scaleDown's rules for what a healthy, lasting leader does not need: leaders that stay not
 * Ready, handover to a successor, and revisions that must be replaced.
 */
#include "controller/leader/plan.h"

#include <string.h>

/* A StatefulSet has no progress deadline: a Deployment's default. */
enum { PROGRESS_DEADLINE_S = 600 };

/* The holder as one of the pool's gatekept pods; where nothing is gatekept, nobody is replaced. */
static bool holder_is_gatekept(const struct zl_view *view)
{
    for (size_t i = 0; i < view->member_count; i++) {
        if (view->members[i].gatekept && view->members[i].job == NULL &&
            zl_lease_is_held_by(view->lease, view->members[i].pod->meta.uid)) {
            return true;
        }
    }
    return false;
}

/* --- leaders that stay not Ready --- */

/* The Lease may have been deleted since: then LeaderPolicy status still knows. */
static bool was_ready(const struct zl_view *view)
{
    const struct zl_lease *lease = view->lease;
    const struct zl_policy_status *status = &view->policy->status;
    return zl_same_string(lease->ready_holder, lease->holder_uid) ||
           (status->holder_ready_time != NULL &&
            zl_same_string(status->holder_uid, lease->holder_uid));
}

/*
 * How long this leader may be not Ready. One that was Ready has the lease duration; one that never was is
 * still starting, and only its Deployment knows how long that may take.
 */
static int64_t patience_ms(const struct zl_view *view)
{
    if (was_ready(view)) {
        return view->policy->lease_duration_s * 1000;
    }
    int64_t deadline_s =
        view->deployment != NULL ? view->deployment->progress_deadline_s : PROGRESS_DEADLINE_S;
    return deadline_s * 1000;
}

/*
 * Milliseconds until the holder has lost its seat. A pod on its way out keeps it until it is gone; if it does
 * not go although its grace is long over, it is to be looked at whether it can still run.
 */
static int64_t time_left_ms(const struct zl_view *view)
{
    int64_t left_ms = patience_ms(view) - view->unready_ms;
    if (view->holder_pod->meta.deleting) {
        int64_t lease_ms = view->policy->lease_duration_s * 1000;
        int64_t out_ms = zl_view_overdue_in_ms(view, view->holder_pod, view->terminating_ms);
        /* It will not become Ready any more, so what it once was plays no part. */
        left_ms = lease_ms - view->unready_ms > out_ms ? lease_ms - view->unready_ms : out_ms;
    }
    return left_ms;
}

/* POD ought to be gone, and may still run: it keeps its place, and whoever knows that it is dead is told what to do. */
static void wait_beyond_grace(struct zl_draft *draft, const struct zl_pod *pod)
{
    const struct zl_view *view = draft->view;
    const struct zl_step step = {.kind = ZL_STEP_TELL,
                                 .why = ZL_WHY_RUNS_ON,
                                 .subject = zl_subject_policy(view),
                                 .words = {.pod = pod->meta.name,
                                           .other = pod->node,
                                           .detail = pod->meta.namespace_,
                                           .number = pod->grace_s}};
    zl_steps_add(draft->steps, &step);
    zl_steps_look_again(draft->steps, view->policy->lease_duration_s * 1000);
}

bool zl_plan_sick_leader(struct zl_draft *draft)
{
    const struct zl_view *view = draft->view;
    if (view->holder_pod == NULL || view->holder_pod->serving || !holder_is_gatekept(view)) {
        return false;
    }
    int64_t left_ms = time_left_ms(view);
    if (left_ms > 0) {
        zl_steps_look_again(draft->steps, left_ms);
        return false;
    }
    if (view->holder_runs_on) {
        wait_beyond_grace(draft, view->holder_pod);
        return false;
    }
    const struct zl_pod *heir = zl_plan_heir(view);
    if (heir != NULL) {
        zl_draft_take(draft, heir, ZL_WHY_NOT_READY_TAKEN);
    } else {
        zl_draft_release(draft, ZL_WHY_NOT_READY);
    }
    zl_lease_depose(draft->next, view->lease->holder_uid);
    return true;
}

/* --- the successor --- */

static const char *revision_of(const struct zl_pod *pod)
{
    return pod != NULL ? pod->meta.controller.uid : NULL;
}

static bool hands_over(const struct zl_view *view)
{
    const struct zl_workload *deployment = view->deployment;
    return !view->policy->recreate && deployment != NULL && !deployment->recreates &&
           zl_view_refuses(view, deployment);
}

/* Is the successor of a revision that may not lead (any more)? */
static bool successor_is_stale(const struct zl_view *view)
{
    const struct zl_pod *successor = view->successor_pod;
    const struct zl_replicaset *newest = view->rollout.newest;
    return !hands_over(view) || zl_lease_has_deposed(view->lease, successor->meta.uid) ||
           (view->successor_revision_known && newest != NULL &&
            !zl_same_string(newest->meta.uid, revision_of(successor))) ||
           zl_same_string(view->lease->failed_revision, revision_of(successor)) ||
           zl_same_string(revision_of(view->holder_pod), revision_of(successor));
}

static bool may_take_over(const struct zl_view *view)
{
    const struct zl_pod *successor = view->successor_pod;
    return successor != NULL && !successor->meta.deleting && !successor->finished &&
           !successor_is_stale(view);
}

const struct zl_pod *zl_plan_heir(const struct zl_view *view)
{
    if (view->lease == NULL || !may_take_over(view)) {
        return NULL;
    }
    /* Not Ready yet: the proven revision leads instead, if there is one that can send a pod. */
    bool alone = view->rollout.proven == NULL;
    return view->successor_pod->ready || alone ? view->successor_pod : NULL;
}

/* Milliseconds until the successor has been Ready long enough. */
static int64_t until_available_ms(const struct zl_view *view)
{
    const struct zl_pod *holder = view->holder_pod;
    int64_t wanted_ms = view->deployment->min_ready_s * 1000;
    /* A leader that cannot serve, or is on its way out, is not worth waiting beside. */
    if (holder == NULL || holder->meta.deleting || !holder->ready) {
        return 0;
    }
    return wanted_ms - view->successor_ready_ms;
}

bool zl_plan_handover(struct zl_draft *draft)
{
    const struct zl_view *view = draft->view;
    if (!may_take_over(view) || !view->successor_pod->ready || view->deployment->paused) {
        return false;
    }
    const bool asked = zl_plan_request_hastens(draft);
    int64_t left_ms = asked ? 0 : until_available_ms(view);
    if (left_ms > 0) {
        zl_steps_look_again(draft->steps, left_ms);
        return false;
    }
    zl_draft_take(draft, view->successor_pod, asked ? ZL_WHY_REQUESTED : ZL_WHY_HANDED_OVER);
    zl_lease_depose(draft->next, view->lease->holder_uid);
    return true;
}

static void remove_pod(struct zl_rollout_needs *needs, enum zl_why removal,
                       const struct zl_pod *pod)
{
    if (!pod->meta.deleting) {
        needs->removal = removal;
        needs->removed = pod;
    }
}

/* Until it is gone it is a live pod like others, and an empty seat must not fall to it. */
static void depose_successor(struct zl_draft *draft)
{
    const struct zl_view *view = draft->view;
    if (!zl_lease_has_deposed(view->lease, view->successor_pod->meta.uid)) {
        zl_lease_depose(zl_draft_edit(draft, ZL_WHY_ROLLOUT), view->successor_pod->meta.uid);
    }
}

/* Its pod is gone: the place is free. */
static void drop_successor(struct zl_draft *draft)
{
    zl_lease_set_successor(zl_draft_edit(draft, ZL_WHY_ROLLOUT), NULL, NULL);
}

/* It does not get out although its grace is long over, and cannot run any more. */
static bool successor_is_stuck(struct zl_draft *draft)
{
    const struct zl_view *view = draft->view;
    const struct zl_pod *successor = view->successor_pod;
    if (!successor->meta.deleting || successor->serving) {
        return false;
    }
    int64_t left_ms = zl_view_overdue_in_ms(view, successor, view->successor_terminating_ms);
    if (left_ms > 0) {
        zl_steps_look_again(draft->steps, left_ms);
    } else if (view->successor_runs_on) {
        wait_beyond_grace(draft, successor);
    }
    return left_ms <= 0 && !view->successor_runs_on;
}

/* There is no such pod, or it is over. */
static void watch_missing(struct zl_draft *draft)
{
    const struct zl_view *view = draft->view;
    int64_t left_ms =
        view->successor_pod != NULL ? 0 : view->claim_timeout_ms - view->successor_age_ms;
    if (left_ms > 0) {
        zl_steps_look_again(draft->steps, left_ms);
    } else {
        drop_successor(draft);
    }
}

/* It is starting: until its Deployment's deadline. */
static void watch_starting(struct zl_draft *draft, struct zl_rollout_needs *needs)
{
    const struct zl_view *view = draft->view;
    const struct zl_pod *successor = view->successor_pod;
    int64_t left_ms = view->deployment->progress_deadline_s * 1000 - view->successor_age_ms;
    if (left_ms > 0) {
        zl_steps_look_again(draft->steps, left_ms);
        return;
    }
    zl_replace_string(&zl_draft_edit(draft, ZL_WHY_ROLLOUT)->failed_revision,
                      revision_of(successor));
    depose_successor(draft);
    remove_pod(needs, ZL_WHY_SUCCESSOR_FAILED, successor);
}

static void watch_successor(struct zl_draft *draft, struct zl_rollout_needs *needs)
{
    const struct zl_view *view = draft->view;
    const struct zl_pod *successor = view->successor_pod;
    if (successor == NULL || successor->finished) {
        watch_missing(draft);
    } else if (successor_is_stuck(draft)) {
        depose_successor(draft);
        drop_successor(draft);
    } else if (successor_is_stale(view)) {
        /* Whose deadline it missed is not known beside the leader of another workload. */
        bool failed = view->deployment != NULL &&
                      zl_same_string(view->lease->failed_revision, revision_of(successor));
        depose_successor(draft);
        remove_pod(needs, failed ? ZL_WHY_SUCCESSOR_FAILED : ZL_WHY_SUCCESSOR_STALE, successor);
    } else if (!successor->ready && !successor->meta.deleting && !view->deployment->paused) {
        /* One that somebody deletes says nothing of its revision. */
        watch_starting(draft, needs);
    }
}

/* --- leaders of an old revision, and leaders that are asked to go --- */

/* Another revision is wanted by now, and wants pods. */
static bool newer_revision_waits(const struct zl_view *view)
{
    const struct zl_replicaset *newest = view->rollout.newest;
    return view->deployment != NULL && !view->deployment->paused &&
           zl_view_refuses(view, view->deployment) && newest != NULL && newest->replicas > 0 &&
           !zl_same_string(newest->meta.uid, revision_of(view->holder_pod));
}

static void replace_leader(struct zl_draft *draft, struct zl_rollout_needs *needs)
{
    const struct zl_view *view = draft->view;
    bool waits = newer_revision_waits(view);
    if (needs->removed != NULL) {
        return; /* the successor first: the leader serves meanwhile */
    }
    const struct zl_pod *asked = zl_plan_request_scale_down(draft);
    if (asked != NULL) {
        remove_pod(needs, ZL_WHY_ASKED_TO_GO, asked);
        needs->asked_by = ZL_STEAL(&draft->detail);
    } else if (view->leader_outdated || (waits && view->policy->recreate)) {
        remove_pod(needs, ZL_WHY_LEADER_OUTDATED, view->holder_pod);
    } else if (waits && hands_over(view)) {
        needs->newest_waits =
            zl_draft_lease(draft)->successor_uid == NULL &&
            !zl_same_string(view->lease->failed_revision, view->rollout.newest->meta.uid);
    }
}

/* The leader is Ready: remember that, and its revision. */
static void prove_leader(struct zl_draft *draft)
{
    const struct zl_lease *lease = draft->view->lease;
    const struct zl_pod *leader = draft->view->holder_pod;
    if (leader->ready && (!zl_same_string(lease->ready_holder, lease->holder_uid) ||
                          !zl_same_string(lease->ready_revision, revision_of(leader)))) {
        struct zl_lease *next = zl_draft_edit(draft, ZL_WHY_ROLLOUT);
        zl_replace_string(&next->ready_holder, leader->meta.uid);
        zl_replace_string(&next->ready_revision, revision_of(leader));
    }
}

struct zl_rollout_needs zl_plan_rollout(struct zl_draft *draft, enum zl_seat seat)
{
    const struct zl_view *view = draft->view;
    const struct zl_lease *lease = view->lease;
    const struct zl_replicaset *newest = view->rollout.newest;
    struct zl_rollout_needs needs = {0};
    if (lease == NULL || draft->taker != NULL) {
        return needs;
    }
    if (lease->successor_uid != NULL) {
        watch_successor(draft, &needs);
    }
    bool stays = seat == ZL_SEAT_HELD && zl_lease_is_held(zl_draft_lease(draft));
    if (stays && view->holder_pod != NULL && holder_is_gatekept(view)) {
        prove_leader(draft);
        if (!view->holder_pod->meta.deleting) {
            replace_leader(draft, &needs);
        }
    }
    /* Another revision was rolled out since: should this one come back, it is tried again. */
    const char *failed = lease->failed_revision;
    if (failed != NULL && newest != NULL && !zl_same_string(newest->meta.uid, failed) &&
        zl_same_string(zl_draft_lease(draft)->failed_revision, failed)) {
        zl_replace_string(&zl_draft_edit(draft, ZL_WHY_ROLLOUT)->failed_revision, NULL);
    }
    return needs;
}
