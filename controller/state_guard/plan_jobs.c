/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/state_guard/plan_jobs.h"

#include "common/base/backoff.h"
#include "common/seat/rank.h"
#include "common/seat/strategy.h"

#define SECOND_US INT64_C(1000000)

enum { RETRY_MIN_MS = 10000, RETRY_MAX_MS = 360000 };

bool zl_is_guarded(const struct zl_pool_facts *facts)
{
    const struct zl_guard_facts *guard = &facts->guard;
    bool has_turn = facts->lease != NULL && facts->lease->turn_uid != NULL;
    bool has_jobs = guard->turn_count > 0 || guard->cronjob_count > 0;
    return zl_strategy_of(facts->policy, facts->workload_count > 0, has_jobs || has_turn) ==
           ZL_STRATEGY_TURNS;
}

bool zl_turn_goes_on(const struct zl_pool_facts *facts)
{
    return facts->lease != NULL && facts->lease->turn_uid != NULL && !facts->guard.turn_over;
}

/* The best live pod of JOB; NULL: none that may lead. */
static const struct zl_pod *pod_of(const struct zl_pool_facts *facts, const struct zl_job *job)
{
    const struct zl_pod *best = NULL;
    for (size_t i = 0; i < facts->member_count; i++) {
        const struct zl_member *member = &facts->members[i];
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
 * Who runs already and is to have the empty seat: the one that lost it, a Job whose turn may come, and at last whatever
 * still lives, so that nobody starts beside it. Jobs that are removed are not given a turn: their pods go with them.
 */
static const struct zl_pod *runner(const struct zl_pool_facts *facts)
{
    const struct zl_pod *best = NULL;
    bool best_wants = false;
    for (size_t i = 0; i < facts->member_count; i++) {
        const struct zl_pod *pod = facts->members[i].pod;
        if (zl_policy_led_last(facts->policy, pod->meta.uid, facts->last_token)) {
            return pod;
        }
    }
    for (size_t i = 0; i < facts->guard.turn_count; i++) {
        const struct zl_turn *turn = &facts->guard.turns[i];
        const struct zl_pod *pod = is_removed(turn) ? NULL : pod_of(facts, turn->job);
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
static const struct zl_pod *taker_of(const struct zl_pool_facts *facts)
{
    if (!zl_turn_goes_on(facts)) {
        return runner(facts);
    }
    const struct zl_turn *turn =
        zl_turns_find(facts->guard.turns, facts->guard.turn_count, facts->lease->turn_uid);
    return turn != NULL ? pod_of(facts, turn->job) : NULL;
}

static void fill_seat(const struct zl_pool_facts *facts, struct zl_plan *plan)
{
    bool must_clear = zl_lease_is_held(facts->lease) || facts->lease->turn_uid != NULL;
    plan->taker = taker_of(facts);
    if (plan->taker != NULL) {
        plan->action = ZL_LEASE_TAKE;
    } else if (must_clear && !zl_turn_goes_on(facts)) {
        plan->action = ZL_LEASE_RELEASE;
    }
}

void zl_plan_guard(const struct zl_pool_facts *facts, enum zl_seat seat, struct zl_plan *plan)
{
    switch (seat) {
    case ZL_SEAT_HELD:
        zl_plan_renewal(facts, plan);
        break;
    case ZL_SEAT_PROVISIONAL:
        zl_plan_look_again(plan, facts->claim_timeout_ms - facts->claim_age_ms);
        return;
    case ZL_SEAT_UNKNOWN:
        return;
    case ZL_SEAT_ABSENT:
    case ZL_SEAT_EMPTY:
        if (zl_plan_must_wait(facts, taker_of(facts))) {
            zl_plan_look_again(plan, facts->claim_timeout_ms - facts->lost_ms);
        } else if (seat == ZL_SEAT_EMPTY) {
            fill_seat(facts, plan);
        }
        break;
    case ZL_SEAT_ABANDONED:
        fill_seat(facts, plan);
        plan->claim_expired = plan->action != ZL_LEASE_KEEP && facts->lease->provisional &&
                              facts->holder == ZL_HOLDER_GONE;
        break;
    }
    plan->delete_surplus = seat == ZL_SEAT_HELD || plan->action == ZL_LEASE_TAKE ||
                           (seat == ZL_SEAT_ABANDONED && zl_turn_goes_on(facts));
}

const struct zl_turn *zl_guard_next(const struct zl_pool_facts *facts)
{
    enum zl_seat seat =
        zl_seat_judge(facts->lease, facts->holder, facts->claim_age_ms, facts->claim_timeout_ms);
    const struct zl_guard_facts *guard = &facts->guard;
    if (seat == ZL_SEAT_HELD || seat == ZL_SEAT_PROVISIONAL || seat == ZL_SEAT_UNKNOWN ||
        zl_plan_must_wait(facts, NULL)) {
        return NULL;
    }
    if (zl_turn_goes_on(facts)) {
        return zl_turns_find(guard->turns, guard->turn_count, facts->lease->turn_uid);
    }
    /* What still lives is given the seat, or goes with its Job. */
    return facts->member_count == 0 ? zl_turns_next(guard->turns, guard->turn_count) : NULL;
}

int64_t zl_guard_retry_ms(const struct zl_pool_facts *facts)
{
    const struct zl_guard_facts *guard = &facts->guard;
    const struct zl_pod *pod = facts->holder_pod;
    if (!zl_turn_goes_on(facts) || pod == NULL || !pod->failed) {
        return 0;
    }
    const struct zl_turn *turn =
        zl_turns_find(guard->turns, guard->turn_count, facts->lease->turn_uid);
    const int64_t failures = turn != NULL ? turn->job->failures : 0;
    const int64_t delay_ms = zl_backoff_ms(failures - 1, RETRY_MIN_MS, RETRY_MAX_MS);
    return delay_ms > guard->retrying_ms ? delay_ms - guard->retrying_ms : 0;
}

/*
 * Milliseconds until TURN's Job, which waits or missed its deadline, is to go. Later than the webhook refuses it, by as
 * much as a claim may take.
 */
static int64_t overdue_in_ms(const struct zl_pool_facts *facts, const struct zl_turn *turn)
{
    int64_t last_us = (turn->job->tick_s + turn->starting_deadline_s + 1) * SECOND_US;
    return (last_us - facts->now_us) / 1000 + facts->claim_timeout_ms;
}

enum zl_job_action zl_plan_job(const struct zl_pool_facts *facts, const struct zl_turn *turn,
                               const struct zl_turn *next, bool can_suspend)
{
    const struct zl_job *job = turn->job;
    switch (turn->standing) {
    case ZL_STANDING_OVER:
        /* It had its turn while no controller ran. */
        return job->queued && !job->meta.deleting ? ZL_JOB_RESUME : ZL_JOB_KEEP;
    case ZL_STANDING_PAUSED:
        break;
    case ZL_STANDING_DUPLICATE:
        return ZL_JOB_REMOVE;
    case ZL_STANDING_MISSED:
        return overdue_in_ms(facts, turn) <= 0 ? ZL_JOB_REMOVE : ZL_JOB_KEEP;
    case ZL_STANDING_EXECUTING:
        return job->queued ? ZL_JOB_RESUME : ZL_JOB_KEEP;
    case ZL_STANDING_WAITING:
        if (turn == next) {
            return job->queued ? ZL_JOB_RESUME : ZL_JOB_KEEP;
        }
        /* It may be the one whose Lease was lost; suspending it would kill its pod. */
        if (turn->runs && !zl_lease_is_held(facts->lease)) {
            return ZL_JOB_KEEP;
        }
        if (!job->queued) {
            return ZL_JOB_QUEUE;
        }
        return can_suspend && !job->suspended ? ZL_JOB_SUSPEND : ZL_JOB_KEEP;
    }
    return ZL_JOB_KEEP;
}

int64_t zl_guard_deadline_ms(const struct zl_pool_facts *facts)
{
    int64_t first_ms = 0;
    for (size_t i = 0; i < facts->guard.turn_count; i++) {
        const struct zl_turn *turn = &facts->guard.turns[i];
        bool waits = turn->standing == ZL_STANDING_WAITING || turn->standing == ZL_STANDING_MISSED;
        if (waits && turn->job->tick_s > 0 && turn->starting_deadline_s >= 0) {
            int64_t left_ms = overdue_in_ms(facts, turn);
            left_ms = left_ms > 0 ? left_ms : 1;
            first_ms = first_ms == 0 || left_ms < first_ms ? left_ms : first_ms;
        }
    }
    return first_ms;
}
