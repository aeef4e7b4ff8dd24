/* SPDX-License-Identifier: Apache-2.0 */
/*
 * surplus.c - the pods that slipped past the gatekeeper (created while the webhook was down, or
 * running when their workload was labelled), and leaders that lost their seat.
 */
#include "controller/leader/plan.h"

static enum zl_why why_surplus(const struct zl_view *view, const struct zl_pod *pod)
{
    if (zl_same_string(view->policy->status.holder_uid, pod->meta.uid)) {
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
        const struct zl_pod *pod = view->members[i].pod;
        if (!view->members[i].gatekept || !zl_pod_must_go(pod, view->lease)) {
            continue;
        }
        /*
         * The cached Lease may be older than the cached pods: a pod that looks surplus could be the new leader.
         * Its claim was written before the pod was, so a Lease that is read after the pod was seen knows.
         */
        const struct zl_step step = {
            .kind = ZL_STEP_DELETE_POD,
            .why = why_surplus(view, pod),
            .proofs = ZL_PROOF_HOLDER_SAME,
            .subject = zl_subject_policy(view),
            .words = {.pod = pod->meta.name, .other = view->lease->holder_pod},
            .of.pod = pod};
        zl_steps_add(steps, &step);
    }
}
