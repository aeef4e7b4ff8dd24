/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handover.c - the plan's rules for what a healthy, lasting leader does not need: leaders that stay not
 * Ready, handover to a successor, and revisions that must be replaced. Pure, as plan.h says.
 */
#include "controller/leader/plan.h"

#include <string.h>

/* A StatefulSet has no progress deadline: a Deployment's default. */
enum { PROGRESS_DEADLINE_S = 600 };

/* The holder as one of the pool's gatekept pods; where nothing is gatekept, nobody is replaced. */
static bool holder_is_gatekept(const struct zl_pool_facts *facts)
{
    for (size_t i = 0; i < facts->member_count; i++) {
        if (facts->members[i].gatekept && facts->members[i].job == NULL &&
            zl_lease_is_held_by(facts->lease, facts->members[i].pod->meta.uid)) {
            return true;
        }
    }
    return false;
}

/* --- leaders that stay not Ready --- */

/* The Lease may have been deleted since: then LeaderPolicy status still knows. */
static bool was_ready(const struct zl_pool_facts *facts)
{
    const struct zl_lease *lease = facts->lease;
    const struct zl_policy_status *status = &facts->policy->status;
    return zl_same_string(lease->ready_holder, lease->holder_uid) ||
           (status->holder_ready_time != NULL &&
            zl_same_string(status->holder_uid, lease->holder_uid));
}

/*
 * How long this leader may be not Ready. One that was Ready has the lease duration; one that never was is
 * still starting, and only its Deployment knows how long that may take.
 */
static int64_t patience_ms(const struct zl_pool_facts *facts)
{
    if (was_ready(facts)) {
        return facts->policy->lease_duration_s * 1000;
    }
    int64_t deadline_s =
        facts->deployment != NULL ? facts->deployment->progress_deadline_s : PROGRESS_DEADLINE_S;
    return deadline_s * 1000;
}

/*
 * Milliseconds until the holder has lost its seat. A pod on its way out keeps it until it is gone; if it does
 * not go although its grace is long over, its node is lost.
 */
static int64_t time_left_ms(const struct zl_pool_facts *facts)
{
    int64_t left_ms = patience_ms(facts) - facts->unready_ms;
    if (facts->holder_pod->meta.deleting) {
        int64_t lease_ms = facts->policy->lease_duration_s * 1000;
        int64_t out_ms = facts->holder_pod->grace_s * 1000 + lease_ms - facts->terminating_ms;
        /* It will not become Ready any more, so what it once was plays no part. */
        left_ms = lease_ms - facts->unready_ms > out_ms ? lease_ms - facts->unready_ms : out_ms;
    }
    return left_ms;
}

bool zl_plan_sick_leader(const struct zl_pool_facts *facts, struct zl_plan *plan)
{
    if (facts->holder_pod == NULL || facts->holder_pod->serving || !holder_is_gatekept(facts)) {
        return false;
    }
    int64_t left_ms = time_left_ms(facts);
    if (left_ms > 0) {
        zl_plan_look_again(plan, left_ms);
        return false;
    }
    plan->depose = true;
    plan->unready = true;
    plan->taker = zl_plan_heir(facts);
    plan->action = plan->taker != NULL ? ZL_LEASE_TAKE : ZL_LEASE_RELEASE;
    return true;
}

/* --- the successor --- */

static const char *revision_of(const struct zl_pod *pod)
{
    return pod != NULL ? pod->meta.controller.uid : NULL;
}

static bool hands_over(const struct zl_pool_facts *facts)
{
    const struct zl_workload *deployment = facts->deployment;
    return !facts->policy->recreate && deployment != NULL && !deployment->recreates &&
           zl_refuses_followers(deployment);
}

/* Is the successor of a revision that may not lead (any more)? */
static bool successor_is_stale(const struct zl_pool_facts *facts)
{
    const struct zl_pod *successor = facts->successor_pod;
    const struct zl_replicaset *newest = facts->rollout.newest;
    return !hands_over(facts) || zl_lease_has_deposed(facts->lease, successor->meta.uid) ||
           (facts->successor_revision_known && newest != NULL &&
            !zl_same_string(newest->meta.uid, revision_of(successor))) ||
           zl_same_string(facts->lease->failed_revision, revision_of(successor)) ||
           zl_same_string(revision_of(facts->holder_pod), revision_of(successor));
}

static bool may_take_over(const struct zl_pool_facts *facts)
{
    const struct zl_pod *successor = facts->successor_pod;
    return successor != NULL && !successor->meta.deleting && !successor->finished &&
           !successor_is_stale(facts);
}

const struct zl_pod *zl_plan_heir(const struct zl_pool_facts *facts)
{
    if (facts->lease == NULL || !may_take_over(facts)) {
        return NULL;
    }
    /* Not Ready yet: the proven revision leads instead, if there is one that can send a pod. */
    bool alone = facts->rollout.proven == NULL;
    return facts->successor_pod->ready || alone ? facts->successor_pod : NULL;
}

/* Milliseconds until the successor has been Ready long enough. */
static int64_t until_available_ms(const struct zl_pool_facts *facts)
{
    const struct zl_pod *holder = facts->holder_pod;
    int64_t wanted_ms = facts->deployment->min_ready_s * 1000;
    /* A leader that cannot serve, or is on its way out, is not worth waiting beside. */
    if (holder == NULL || holder->meta.deleting || !holder->ready) {
        return 0;
    }
    int64_t since_ms = (facts->now_us - facts->successor_pod->ready_since_us) / 1000;
    /* Not known since when: 1970 is long enough. Later than now: a kubelet whose clock is ahead. */
    return since_ms < 0 ? wanted_ms : wanted_ms - since_ms;
}

bool zl_plan_handover(const struct zl_pool_facts *facts, struct zl_plan *plan)
{
    if (!may_take_over(facts) || !facts->successor_pod->ready || facts->deployment->paused) {
        return false;
    }
    int64_t left_ms = until_available_ms(facts);
    if (left_ms > 0) {
        zl_plan_look_again(plan, left_ms);
        return false;
    }
    plan->action = ZL_LEASE_TAKE;
    plan->taker = facts->successor_pod;
    plan->depose = true;
    return true;
}

static void remove_pod(struct zl_plan *plan, enum zl_removal removal, const struct zl_pod *pod)
{
    if (!pod->meta.deleting) {
        plan->removal = removal;
        plan->removed = pod;
    }
}

/* Until it is gone it is a live pod like others, and an empty seat must not fall to it. */
static void remove_successor(const struct zl_pool_facts *facts, struct zl_plan *plan,
                             enum zl_removal removal)
{
    plan->depose_successor = !zl_lease_has_deposed(facts->lease, facts->successor_pod->meta.uid);
    remove_pod(plan, removal, facts->successor_pod);
}

/* It does not get out although its grace is long over: its node is lost. */
static bool successor_is_stuck(const struct zl_pool_facts *facts, struct zl_plan *plan)
{
    const struct zl_pod *successor = facts->successor_pod;
    if (!successor->meta.deleting || successor->serving) {
        return false;
    }
    int64_t out_ms = (successor->grace_s + facts->policy->lease_duration_s) * 1000;
    int64_t left_ms = out_ms - facts->successor_terminating_ms;
    if (left_ms > 0) {
        zl_plan_look_again(plan, left_ms);
    }
    return left_ms <= 0;
}

static void watch_successor(const struct zl_pool_facts *facts, struct zl_plan *plan)
{
    const struct zl_pod *successor = facts->successor_pod;
    if (successor == NULL || successor->finished) {
        int64_t left_ms = successor != NULL ? 0 : facts->claim_timeout_ms - facts->successor_age_ms;
        plan->drop_successor = left_ms <= 0;
        if (left_ms > 0) {
            zl_plan_look_again(plan, left_ms);
        }
        return;
    }
    if (successor_is_stuck(facts, plan)) {
        plan->drop_successor = true;
        plan->depose_successor = true;
        return;
    }
    if (successor_is_stale(facts)) {
        /* Whose deadline it missed is not known beside the leader of another workload. */
        bool failed = facts->deployment != NULL &&
                      zl_same_string(facts->lease->failed_revision, revision_of(successor));
        remove_successor(facts, plan,
                         failed ? ZL_REMOVE_FAILED_SUCCESSOR : ZL_REMOVE_STALE_SUCCESSOR);
        return;
    }
    int64_t left_ms = facts->deployment->progress_deadline_s * 1000 - facts->successor_age_ms;
    /* One that somebody deletes says nothing of its revision. */
    if (successor->ready || successor->meta.deleting || facts->deployment->paused) {
        return;
    }
    if (left_ms > 0) {
        zl_plan_look_again(plan, left_ms);
        return;
    }
    plan->fail_revision = true;
    remove_successor(facts, plan, ZL_REMOVE_FAILED_SUCCESSOR);
}

/* --- leaders of an old revision --- */

/* Another revision is wanted by now, and wants pods. */
static bool newer_revision_waits(const struct zl_pool_facts *facts)
{
    const struct zl_replicaset *newest = facts->rollout.newest;
    return facts->deployment != NULL && !facts->deployment->paused &&
           zl_refuses_followers(facts->deployment) && newest != NULL && newest->replicas > 0 &&
           !zl_same_string(newest->meta.uid, revision_of(facts->holder_pod));
}

static void replace_old_leader(const struct zl_pool_facts *facts, struct zl_plan *plan)
{
    bool waits = newer_revision_waits(facts);
    if (plan->removal != ZL_REMOVE_NONE) {
        return; /* the successor first: the leader serves meanwhile */
    }
    if (facts->leader_outdated || (waits && facts->policy->recreate)) {
        remove_pod(plan, ZL_REMOVE_OUTDATED_LEADER, facts->holder_pod);
    } else if (waits && hands_over(facts) &&
               (facts->lease->successor_uid == NULL || plan->drop_successor) &&
               !zl_same_string(facts->lease->failed_revision, facts->rollout.newest->meta.uid)) {
        plan->wake_newest = true;
    }
}

void zl_plan_rollout(const struct zl_pool_facts *facts, enum zl_seat seat, struct zl_plan *plan)
{
    const struct zl_lease *lease = facts->lease;
    if (lease == NULL || plan->action == ZL_LEASE_TAKE) {
        return;
    }
    if (lease->successor_uid != NULL) {
        watch_successor(facts, plan);
    }
    bool stays = seat == ZL_SEAT_HELD && plan->action != ZL_LEASE_RELEASE;
    if (stays && facts->holder_pod != NULL && holder_is_gatekept(facts)) {
        plan->prove = facts->holder_pod->ready &&
                      (!zl_same_string(lease->ready_holder, lease->holder_uid) ||
                       !zl_same_string(lease->ready_revision, revision_of(facts->holder_pod)));
        if (!facts->holder_pod->meta.deleting) {
            replace_old_leader(facts, plan);
        }
    }
    /* Another revision was rolled out since: should this one come back, it is tried again. */
    plan->forgive_revision =
        lease->failed_revision != NULL && facts->rollout.newest != NULL &&
        !zl_same_string(facts->rollout.newest->meta.uid, lease->failed_revision);
    if (plan->action == ZL_LEASE_KEEP &&
        (plan->prove || plan->drop_successor || plan->fail_revision || plan->forgive_revision ||
         plan->depose_successor)) {
        plan->action = ZL_LEASE_RENEW;
    }
}
