/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decide_job.c - may this pod of a Job execute? The Jobs' part of zl_decide; pure.
 */
#include "webhook/gatekeeper/decide.h"

static struct zl_decision answer(enum zl_outcome outcome)
{
    return (struct zl_decision){.step = ZL_STEP_ANSWER, .outcome = outcome};
}

static struct zl_decision then(enum zl_step step, enum zl_outcome outcome)
{
    return (struct zl_decision){.step = step, .outcome = outcome};
}

enum zl_whose_turn zl_turn_by_memory(const struct zl_job *job, const struct zl_lease *lease)
{
    if (lease == NULL || lease->turn_uid == NULL) {
        return ZL_TURN_NOBODYS;
    }
    return job != NULL && zl_same_string(lease->turn_uid, job->meta.uid) ? ZL_TURN_OWN
                                                                         : ZL_TURN_ANOTHERS;
}

/*
 * A stale denial only delays. But the Job whose turn it is makes its next pod the moment that one ended, which
 * memory may not know yet, and a refusal would cost it its controller's back-off.
 */
static struct zl_decision decide_from_memory(const struct zl_facts *facts)
{
    bool steadily_held = facts->seat == ZL_SEAT_HELD && !facts->holder_terminating &&
                         !facts->is_holder && facts->turn != ZL_TURN_OWN;
    return steadily_held ? answer(ZL_OUTCOME_TURN_TAKEN)
                         : then(ZL_STEP_READ, ZL_OUTCOME_TURN_PENDING);
}

static struct zl_decision decide_standing(const struct zl_facts *facts)
{
    switch (facts->standing) {
    case ZL_STANDING_OVER:
    case ZL_STANDING_PAUSED:
        return answer(ZL_OUTCOME_JOB_OVER);
    case ZL_STANDING_DUPLICATE:
        return answer(ZL_OUTCOME_TICK_USED);
    case ZL_STANDING_MISSED:
        return answer(ZL_OUTCOME_TICK_MISSED);
    case ZL_STANDING_EXECUTING:
        return then(ZL_STEP_CLAIM, ZL_OUTCOME_CLAIMED);
    case ZL_STANDING_WAITING:
        break;
    }
    return facts->is_next ? then(ZL_STEP_CLAIM, ZL_OUTCOME_CLAIMED) : answer(ZL_OUTCOME_QUEUED);
}

static struct zl_decision decide_free_seat(const struct zl_facts *facts)
{
    /* Within a turn, a live pod of another Job is surplus: the turn waits until it has gone. */
    if (facts->other_pod_lives) {
        return facts->turn == ZL_TURN_NOBODYS || facts->other_has_turn
                   ? then(ZL_STEP_ADOPT, ZL_OUTCOME_TURN_ADOPTED)
                   : answer(ZL_OUTCOME_TURN_TAKEN);
    }
    return facts->turn == ZL_TURN_ANOTHERS ? answer(ZL_OUTCOME_TURN_TAKEN) : decide_standing(facts);
}

struct zl_decision zl_decide_turn(const struct zl_facts *facts)
{
    if (facts->led) {
        return answer(ZL_OUTCOME_LED_POOL);
    }
    if (!facts->live) {
        return decide_from_memory(facts);
    }
    if (facts->is_holder) {
        return answer(ZL_OUTCOME_IS_LEADER);
    }
    switch (facts->seat) {
    case ZL_SEAT_HELD:
        return answer(ZL_OUTCOME_TURN_TAKEN);
    case ZL_SEAT_PROVISIONAL:
        return answer(ZL_OUTCOME_TURN_PENDING);
    case ZL_SEAT_ABSENT:
    case ZL_SEAT_EMPTY:
        if (facts->claim_in_flight && !facts->other_led) {
            return answer(ZL_OUTCOME_TURN_PENDING);
        }
        break;
    case ZL_SEAT_ABANDONED:
        break;
    case ZL_SEAT_UNKNOWN:
        return answer(ZL_OUTCOME_UNREACHABLE);
    }
    return decide_free_seat(facts);
}
