/* SPDX-License-Identifier: Apache-2.0 */
/*
 * surplus.c - the pods that slipped past the gatekeeper (created while the webhook was down, or
 * running when their workload was labelled), and leaders that lost their seat.
 */
#include "controller/leader/plan.h"

/*
 * Did MEMBER hand the seat over to the pod that holds it? Nothing says so in so many words, and nothing needs to: it lost the seat, and
 * is of another revision of the leader's own Deployment. So whoever looks next, after a restart too, sees the same.
 */
static bool handed_over(const struct zl_view *view, const struct zl_member *member)
{
    const struct zl_pod *leader = view->holder_pod;
    return leader != NULL && zl_lease_has_deposed(view->lease, member->pod->meta.uid) &&
           member->workload != NULL && member->workload == zl_view_workload_of(view, leader) &&
           !zl_same_string(member->pod->meta.controller.uid, leader->meta.controller.uid);
}

/*
 * Milliseconds for which MEMBER must run on: proxies may lead to it although the routes have moved. Routes that cannot
 * be written keep it no longer than a leader may be not Ready.
 */
static int64_t grace_left_ms(const struct zl_view *view, const struct zl_member *member)
{
    int64_t grace_ms = view->policy->handover_grace_s * 1000;
    int64_t most_ms = grace_ms + view->policy->lease_duration_s * 1000;
    if (!member->pod->ready || !handed_over(view, member)) {
        return 0;
    }
    int64_t left_ms = grace_ms - view->routed_ms;
    return left_ms < most_ms - view->claim_age_ms ? left_ms : most_ms - view->claim_age_ms;
}

static enum zl_why why_surplus(const struct zl_view *view, const struct zl_member *member)
{
    const struct zl_pod *pod = member->pod;
    if (handed_over(view, member) ||
        zl_same_string(view->policy->status.holder_uid, pod->meta.uid)) {
        return ZL_WHY_LED_BEFORE;
    }
    if (view->lease->holder_pod == NULL) {
        return ZL_WHY_DEPOSED;
    }
    return zl_is_of_job(pod) ? ZL_WHY_SURPLUS_OF_JOB : ZL_WHY_SURPLUS;
}

void zl_plan_surplus(struct zl_steps *steps)
{
    const struct zl_view *view = &steps->after;
    for (size_t i = 0; i < view->member_count; i++) {
        const struct zl_member *member = &view->members[i];
        const struct zl_pod *pod = member->pod;
        if (!member->gatekept || !zl_pod_must_go(pod, view->lease)) {
            continue;
        }
        int64_t left_ms = grace_left_ms(view, member);
        if (left_ms > 0) {
            zl_steps_look_again(steps, left_ms);
            continue;
        }
        /*
         * The cached Lease may be older than the cached pods: a pod that looks surplus could be the new leader.
         * Its claim was written before the pod was, so a Lease that is read after the pod was seen knows.
         */
        const struct zl_step step = {
            .kind = ZL_STEP_DELETE_POD,
            .why = why_surplus(view, member),
            .proofs = ZL_PROOF_HOLDER_SAME,
            .subject = zl_subject_policy(view),
            .words = {.pod = pod->meta.name, .other = view->lease->holder_pod},
            .of.pod = pod};
        zl_steps_add(steps, &step);
    }
}
