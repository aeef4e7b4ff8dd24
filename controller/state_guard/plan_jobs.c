/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/state_guard/plan_jobs.h"

#include "common/base/backoff.h"
#include "common/base/clock.h"
#include "common/seat/rank.h"
#include "controller/leader/next_lease.h"
#include "controller/leader/plan.h"
#include "controller/leader/wake.h"

#define SECOND_US INT64_C(1000000)

enum { RETRY_MIN_MS = 10000, RETRY_MAX_MS = 360000 };

/* As many Jobs are queued or removed before the pool is looked at anew: a turn may have ended meanwhile. */
enum { JOBS_AT_ONCE = 16, OWN_WRITES_MS = 20 };

bool zl_turn_goes_on(const struct zl_view *view)
{
    return view->lease != NULL && view->lease->turn_uid != NULL && !view->jobs.turn_over;
}

/* The best live pod of JOB; NULL: none that may lead. */
static const struct zl_pod *pod_of(const struct zl_view *view, const struct zl_job *job)
{
    const struct zl_pod *best = NULL;
    for (size_t i = 0; i < view->member_count; i++) {
        const struct zl_member *member = &view->members[i];
        if (member->job == job && (best == NULL || zl_pod_precedes(member->pod, best))) {
            best = member->pod;
        }
    }
    return best;
}

static bool is_removed(const struct zl_turn *turn)
{
    return turn->standing == ZL_STANDING_DUPLICATE || turn->standing == ZL_STANDING_MISSED;
}

/*
 * Who runs already and is to have the empty seat: the one that lost it, a Job whose turn may come,
 * and at last whatever still lives, so that nobody starts beside it. Jobs that are removed are not
 * given a turn: their pods go with them.
 */
static const struct zl_pod *runner(const struct zl_view *view)
{
    const struct zl_pod *best = NULL;
    bool best_wants = false;
    for (size_t i = 0; i < view->member_count; i++) {
        const struct zl_pod *pod = view->members[i].pod;
        if (zl_policy_led_last(view->policy, pod->meta.uid, view->last_token)) {
            return pod;
        }
    }
    for (size_t i = 0; i < view->jobs.turn_count; i++) {
        const struct zl_turn *turn = &view->jobs.turns[i];
        const struct zl_pod *pod = is_removed(turn) ? NULL : pod_of(view, turn->job);
        bool wants =
            turn->standing == ZL_STANDING_WAITING || turn->standing == ZL_STANDING_EXECUTING;
        if (pod != NULL && (best == NULL || (wants && !best_wants))) {
            best = pod;
            best_wants = wants;
        }
    }
    return best;
}

/* As runner, but while a turn goes on only a pod of its Job. */
static const struct zl_pod *taker_of(const struct zl_view *view)
{
    if (!zl_turn_goes_on(view)) {
        return runner(view);
    }
    const struct zl_turn *turn =
        zl_turns_find(view->jobs.turns, view->jobs.turn_count, view->lease->turn_uid);
    return turn != NULL ? pod_of(view, turn->job) : NULL;
}

/* --- the Lease --- */

static void fill_seat(struct zl_draft *draft, bool claim_expired)
{
    const struct zl_view *view = draft->view;
    const struct zl_pod *taker = taker_of(view);
    bool must_clear = zl_lease_is_held(view->lease) || view->lease->turn_uid != NULL;
    if (taker != NULL && zl_elects_too_early(view, draft->steps)) {
        return;
    }
    if (taker != NULL) {
        zl_draft_take(draft, taker, claim_expired ? ZL_WHY_CLAIM_EXPIRED_TAKEN : ZL_WHY_ELECTED);
    } else if (must_clear && !zl_turn_goes_on(view)) {
        zl_draft_release(draft, claim_expired ? ZL_WHY_CLAIM_EXPIRED : zl_why_gone(view));
    }
}

static void fill_lost_seat(struct zl_draft *draft, enum zl_seat seat)
{
    const struct zl_view *view = draft->view;
    if (seat == ZL_SEAT_ABSENT && view->member_count > 0) {
        zl_draft_create(draft);
    } else if (zl_must_wait_for_claims(view, taker_of(view))) {
        zl_steps_look_again(draft->steps, view->claim_timeout_ms - view->lost_ms);
    } else if (seat == ZL_SEAT_EMPTY) {
        fill_seat(draft, false);
    }
}

static void decide_seat(struct zl_draft *draft, enum zl_seat seat)
{
    const struct zl_view *view = draft->view;
    switch (seat) {
    case ZL_SEAT_HELD:
        zl_draft_renew(draft);
        break;
    case ZL_SEAT_PROVISIONAL:
        zl_steps_look_again(draft->steps, view->claim_timeout_ms - view->claim_age_ms);
        break;
    case ZL_SEAT_UNKNOWN:
        break;
    case ZL_SEAT_ABSENT:
    case ZL_SEAT_EMPTY:
        fill_lost_seat(draft, seat);
        break;
    case ZL_SEAT_ABANDONED:
        fill_seat(draft, view->lease->provisional && view->holder == ZL_HOLDER_GONE);
        break;
    }
}

/* --- whose turn is next --- */

const struct zl_turn *zl_turns_called(const struct zl_view *after)
{
    enum zl_seat seat =
        zl_seat_judge(after->lease, after->holder, after->claim_age_ms, after->claim_timeout_ms);
    const struct zl_jobs_view *jobs = &after->jobs;
    if (seat == ZL_SEAT_HELD || seat == ZL_SEAT_PROVISIONAL || seat == ZL_SEAT_UNKNOWN ||
        zl_must_wait_for_claims(after, NULL)) {
        return NULL;
    }
    if (zl_turn_goes_on(after)) {
        return zl_turns_find(jobs->turns, jobs->turn_count, after->lease->turn_uid);
    }
    /* What still lives is given the seat, or goes with its Job. */
    return after->member_count == 0 ? zl_turns_next(jobs->turns, jobs->turn_count) : NULL;
}

int64_t zl_turn_retry_ms(const struct zl_view *view)
{
    const struct zl_jobs_view *jobs = &view->jobs;
    const struct zl_pod *pod = view->holder_pod;
    if (!zl_turn_goes_on(view) || pod == NULL || !pod->failed) {
        return 0;
    }
    const struct zl_turn *turn =
        zl_turns_find(jobs->turns, jobs->turn_count, view->lease->turn_uid);
    const int64_t failures = turn != NULL ? turn->job->failures : 0;
    const int64_t delay_ms = zl_backoff_ms(failures - 1, RETRY_MIN_MS, RETRY_MAX_MS);
    return delay_ms > jobs->retrying_ms ? delay_ms - jobs->retrying_ms : 0;
}

/*
 * Milliseconds until TURN's Job, which waits or missed its deadline, is to go. Later than the
 * webhook refuses it, by as much as a claim may take.
 */
static int64_t overdue_in_ms(const struct zl_view *view, const struct zl_turn *turn)
{
    int64_t last_us = (turn->job->tick_s + turn->starting_deadline_s + 1) * SECOND_US;
    return (last_us - view->now_us) / 1000 + view->claim_timeout_ms;
}

int64_t zl_turns_deadline_ms(const struct zl_view *view)
{
    int64_t first_ms = 0;
    for (size_t i = 0; i < view->jobs.turn_count; i++) {
        const struct zl_turn *turn = &view->jobs.turns[i];
        bool waits = turn->standing == ZL_STANDING_WAITING || turn->standing == ZL_STANDING_MISSED;
        if (waits && turn->job->tick_s > 0 && turn->starting_deadline_s >= 0) {
            int64_t left_ms = overdue_in_ms(view, turn);
            left_ms = left_ms > 0 ? left_ms : 1;
            first_ms = first_ms == 0 || left_ms < first_ms ? left_ms : first_ms;
        }
    }
    return first_ms;
}

/* --- each Job --- */

static void resume(struct zl_steps *steps, const struct zl_job *job, enum zl_why why)
{
    const struct zl_step step = {.kind = ZL_STEP_RESUME_JOB, .why = why, .of.job = job};
    zl_steps_add(steps, &step);
}

static struct zl_subject subject_of(const struct zl_job *job)
{
    return zl_subject_of_kind(&ZL_KIND_JOB, &job->meta);
}

static void delete_job(struct zl_steps *steps, const struct zl_turn *turn)
{
    const struct zl_controller_ref *cronjob = &turn->job->meta.controller;
    enum zl_why duplicate = turn->rival != NULL ? ZL_WHY_DUPLICATE : ZL_WHY_DUPLICATE_OLD;
    char *tick = zl_steps_keep(steps, zl_alloc(ZL_TIME_TEXT_MAX));
    zl_time_format(turn->job->tick_s * SECOND_US, tick);
    const struct zl_step step = {.kind = ZL_STEP_DELETE_JOB,
                                 .why = turn->standing == ZL_STANDING_MISSED ? ZL_WHY_MISSED
                                                                             : duplicate,
                                 .proofs = ZL_PROOF_NO_TURN,
                                 .subject = {.api_version = cronjob->api_version,
                                             .kind = cronjob->kind,
                                             .namespace_ = turn->job->meta.namespace_,
                                             .name = cronjob->name,
                                             .uid = cronjob->uid},
                                 .words = {.pool = steps->after.name,
                                           .other = turn->rival,
                                           .time = tick,
                                           .detail = turn->job->meta.name,
                                           .number = turn->starting_deadline_s},
                                 .of.turn = turn};
    zl_steps_add(steps, &step);
}

static int64_t position_of(const struct zl_jobs_view *jobs, const struct zl_turn *turn)
{
    const struct zl_turn *next = zl_turns_next(jobs->turns, jobs->turn_count);
    int64_t position = 1;
    for (size_t i = 0; turn != next && i < jobs->turn_count; i++) {
        const struct zl_turn *other = &jobs->turns[i];
        if (other->standing == ZL_STANDING_WAITING && (other < turn || other == next)) {
            position++;
        }
    }
    return position;
}

/* Whom a waiting Job waits for; the caller frees. */
static char *who_executes(const struct zl_view *view)
{
    const struct zl_lease *lease = view->lease;
    const struct zl_status_job *executing = &view->policy->status.executing;
    char since[ZL_TIME_TEXT_MAX];
    if (lease == NULL || lease->turn_uid == NULL) {
        return zl_strdup("no Job executes yet");
    }
    bool known = zl_same_string(executing->uid, lease->turn_uid) && executing->since != NULL;
    zl_time_format(lease->acquire_us, since);
    return zl_asprintf("Job %s executes since %s", lease->turn_job,
                       known ? executing->since : since);
}

/*
 * Suspending a Job that executes would kill its pod, and the webhook may have let one in of a Job
 * that looks as if it waited: so the turn must still be whose it was.
 */
static void make_wait(struct zl_steps *steps, const struct zl_turn *turn)
{
    const struct zl_view *view = &steps->after;
    bool queued = turn->job->queued;
    const struct zl_step step = {
        .kind = queued ? ZL_STEP_SUSPEND_JOB : ZL_STEP_QUEUE_JOB,
        .why = queued ? ZL_WHY_RESUMED_TOO_EARLY : ZL_WHY_WAITS,
        .proofs = ZL_PROOF_TURN_SAME,
        .subject = subject_of(turn->job),
        .words = {.pool = view->name,
                  .detail = queued ? NULL : zl_steps_keep(steps, who_executes(view)),
                  .number = position_of(&view->jobs, turn)},
        .of.turn = turn};
    zl_steps_add(steps, &step);
}

static bool must_wait(const struct zl_view *view, const struct zl_turn *turn)
{
    const struct zl_job *job = turn->job;
    /* It may be the one whose Lease was lost; suspending it would kill its pod. */
    if (turn->standing != ZL_STANDING_WAITING || (turn->runs && !zl_lease_is_held(view->lease))) {
        return false;
    }
    return !job->queued ||
           (view->jobs.can_suspend && !job->suspended && zl_job_is_ours_to_suspend(job));
}

/* One that is not called. True: this counts as a Job that was queued or removed. */
static bool guide_job(struct zl_steps *steps, const struct zl_turn *turn)
{
    const struct zl_view *view = &steps->after;
    const struct zl_job *job = turn->job;
    bool over = turn->standing == ZL_STANDING_OVER;
    bool overdue = turn->standing == ZL_STANDING_MISSED && overdue_in_ms(view, turn) <= 0;
    /* The mark stays on one that had its turn while no controller ran. */
    if (job->queued && (turn->standing == ZL_STANDING_EXECUTING || (over && !job->meta.deleting))) {
        resume(steps, job, ZL_WHY_HAD_ITS_TURN);
        return false;
    }
    if (turn->standing == ZL_STANDING_DUPLICATE || overdue) {
        delete_job(steps, turn);
        return true;
    }
    if (!must_wait(view, turn)) {
        return false;
    }
    if (!view->jobs.are_current) {
        zl_steps_look_again(steps, OWN_WRITES_MS); /* it may have been told a moment ago */
        return false;
    }
    make_wait(steps, turn);
    return true;
}

static void guide_jobs(struct zl_steps *steps, const struct zl_turn *called)
{
    const struct zl_jobs_view *jobs = &steps->after.jobs;
    int64_t deadline_ms = zl_turns_deadline_ms(&steps->after);
    int done = 0;
    for (size_t i = 0; i < jobs->turn_count && done < JOBS_AT_ONCE; i++) {
        if (&jobs->turns[i] != called && guide_job(steps, &jobs->turns[i])) {
            done++;
        }
    }
    if (done >= JOBS_AT_ONCE) {
        zl_steps_look_again(steps, 1);
    }
    if (deadline_ms > 0) {
        zl_steps_look_again(steps, deadline_ms);
    }
}

/* Whose turn is next: it is resumed at once, and woken until it comes. */
static void call_job(struct zl_steps *steps, const struct zl_turn *called)
{
    const struct zl_view *after = &steps->after;
    bool released = steps->next != NULL && !zl_lease_is_held(after->lease);
    int64_t retry_ms = zl_turn_retry_ms(after);
    int64_t wait_ms = 0;
    if (called == NULL) {
        if (zl_lease_is_held(after->lease) && !after->lease->provisional &&
            after->holder == ZL_HOLDER_ALIVE) {
            steps->wake = (struct zl_wake_clock){0};
        }
        return;
    }
    if (retry_ms > 0 && !called->job->queued) {
        zl_steps_look_again(steps, retry_ms);
        return;
    }
    bool due = zl_wake_is_due(&steps->wake, released, &wait_ms);
    zl_steps_look_again(steps, wait_ms);
    if (called->job->queued) {
        resume(steps, called->job, ZL_WHY_ITS_TURN);
    } else if (due) {
        const struct zl_step step = {
            .kind = ZL_STEP_WAKE, .why = ZL_WHY_ITS_TURN, .of.owner.job = called->job};
        zl_steps_add(steps, &step);
    }
}

/* Whom somebody else resumes while it waits: it is left so, and said. */
static void tell_of_contest(struct zl_steps *steps)
{
    const struct zl_jobs_view *jobs = &steps->after.jobs;
    for (size_t i = 0; i < jobs->turn_count; i++) {
        const struct zl_turn *turn = &jobs->turns[i];
        if (!zl_turn_is_contested(turn) && !zl_turn_is_elsewhere(turn)) {
            continue;
        }
        const struct zl_step step = {.kind = ZL_STEP_TELL,
                                     .why =
                                         turn->job->elsewhere ? ZL_WHY_ELSEWHERE : ZL_WHY_CONTESTED,
                                     .subject = subject_of(turn->job),
                                     .words.pool = steps->after.name};
        zl_steps_add(steps, &step);
    }
}

void zl_plan_turns(const struct zl_view *view, struct zl_steps *steps)
{
    struct zl_draft draft = {.view = view, .steps = steps};
    enum zl_seat seat =
        zl_seat_judge(view->lease, view->holder, view->claim_age_ms, view->claim_timeout_ms);
    decide_seat(&draft, seat);
    bool taken = draft.taker != NULL;
    zl_draft_store(&draft, true);
    if (zl_steps_only_create(steps)) {
        return;
    }
    const struct zl_turn *called = zl_turns_called(&steps->after);
    call_job(steps, called);
    guide_jobs(steps, called);
    tell_of_contest(steps);
    if (seat == ZL_SEAT_HELD || taken || (seat == ZL_SEAT_ABANDONED && zl_turn_goes_on(view))) {
        zl_plan_surplus(steps);
    }
}

/* --- Jobs that nobody guards --- */

void zl_plan_let_go_job(const struct zl_job *job, struct zl_steps *steps)
{
    if (job->queued && !job->finished && !job->meta.deleting) {
        resume(steps, job, ZL_WHY_NOT_GUARDED);
    }
}

void zl_plan_let_go(const struct zl_view *view, struct zl_steps *steps)
{
    for (size_t i = 0; i < view->jobs.turn_count; i++) {
        zl_plan_let_go_job(view->jobs.turns[i].job, steps);
    }
}
