/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request.c - somebody asked for another leader. A healthy one alone can be asked to go, and the request is cleared by the
 * swap that answers it, so that it is answered once, whichever controller does it and wherever it dies.
 */
#include "controller/leader/choose.h"
#include "controller/leader/plan.h"

enum standing { REQUEST_NONE, REQUEST_STANDS, REQUEST_VOID };

/* A Job's turn ends by itself; nobody is asked where nobody leads yet. */
static enum standing judge(const struct zl_view *view, struct zl_request *request)
{
    const struct zl_lease *lease = view->lease;
    if (lease == NULL || lease->request == NULL) {
        return REQUEST_NONE;
    }
    return zl_request_decode(lease, request) && request->token == lease->fencing_token &&
                   request->until_us > view->now_us &&
                   !zl_same_string(request->uid, lease->holder_uid)
               ? REQUEST_STANDS
               : REQUEST_VOID;
}

static const char *who_asked(const struct zl_draft *draft, const struct zl_request *request)
{
    return zl_steps_keep(draft->steps,
                         zl_strdup(request->user != NULL ? request->user : "somebody"));
}

/* It will not be answered any more: that is said, and the Lease rid of it. */
static void drop(struct zl_draft *draft, const struct zl_request *request, const char *reason)
{
    const struct zl_view *view = draft->view;
    const struct zl_step step = {.kind = ZL_STEP_TELL,
                                 .why = ZL_WHY_REQUEST_VOID,
                                 .subject = zl_subject_policy(view),
                                 .words = {.other = who_asked(draft, request), .detail = reason}};
    zl_replace_string(&zl_draft_edit(draft, ZL_WHY_RENEWAL)->request, NULL);
    zl_steps_add(draft->steps, &step);
}

static void await(const struct zl_draft *draft, const struct zl_request *request)
{
    zl_steps_look_again(draft->steps, (request->until_us - draft->view->now_us) / 1000 + 1);
}

/* Who of a standby pool is meant, if that one can lead now; without a name, whoever would be next. */
static const struct zl_pod *taker_of(const struct zl_view *view, const struct zl_request *request)
{
    const struct zl_choice_rules rules = {.sticky = false};
    const struct zl_pod **pods = zl_alloc((view->member_count + 1) * sizeof(struct zl_pod *));
    size_t count = 0;
    for (size_t i = 0; i < view->member_count; i++) {
        const struct zl_pod *pod = view->members[i].pod;
        const bool meant = request->uid == NULL || zl_same_string(pod->meta.uid, request->uid);
        if (meant && !zl_lease_is_held_by(view->lease, pod->meta.uid)) {
            pods[count++] = pod;
        }
    }
    const struct zl_choice choice = zl_choose_leader(pods, count, NULL, &rules);
    free(pods);
    return choice.leader;
}

bool zl_plan_request_standby(struct zl_draft *draft)
{
    ZL_AUTO_REQUEST_OF_LEASE struct zl_request request = {0};
    const enum standing standing = judge(draft->view, &request);
    if (standing == REQUEST_NONE) {
        return false;
    }
    if (standing == REQUEST_VOID) {
        drop(draft, &request, "the leader is another one by now, or the time is up");
        return false;
    }
    const struct zl_pod *taker = taker_of(draft->view, &request);
    if (taker == NULL) {
        await(draft, &request);
        return false;
    }
    draft->detail = who_asked(draft, &request);
    zl_draft_take(draft, taker, ZL_WHY_REQUESTED);
    return true;
}

bool zl_plan_request_hastens(struct zl_draft *draft)
{
    const struct zl_view *view = draft->view;
    ZL_AUTO_REQUEST_OF_LEASE struct zl_request request = {0};
    if (judge(view, &request) != REQUEST_STANDS ||
        (request.uid != NULL && !zl_lease_is_succeeded_by(view->lease, request.uid))) {
        return false;
    }
    draft->detail = who_asked(draft, &request);
    return true;
}

const struct zl_pod *zl_plan_request_scale_down(struct zl_draft *draft)
{
    const struct zl_view *view = draft->view;
    ZL_AUTO_REQUEST_OF_LEASE struct zl_request request = {0};
    const enum standing standing = judge(view, &request);
    const bool leaves = view->holder_pod != NULL && view->holder_pod->meta.deleting;
    if (standing == REQUEST_NONE || (leaves && request.uid == NULL)) {
        return NULL; /* its pod goes, and with the seat the request */
    }
    if (standing == REQUEST_VOID) {
        drop(draft, &request, "the leader is another one by now, or the time is up");
        return NULL;
    }
    if (request.uid != NULL) {
        /* The successor may lead as soon as it is Ready (zl_plan_request_hastens); nobody else may run. */
        if (zl_lease_is_succeeded_by(view->lease, request.uid)) {
            await(draft, &request);
        } else {
            drop(draft, &request, "followerMode: scaleDown runs no other pod that could lead");
        }
        return NULL;
    }
    if (view->lease->successor_uid != NULL) {
        await(draft, &request); /* it leads as soon as it is Ready, without a gap */
        return NULL;
    }
    draft->detail = who_asked(draft, &request);
    return view->holder_pod;
}
