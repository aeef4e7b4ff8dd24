/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decide_job.c - may this pod of a Job execute? The Jobs' part of both decisions; pure.
 */
#include "webhook/gatekeeper/decide.h"

/*
 * A stale denial only delays. But the Job whose turn it is makes its next pod the moment that one ended, which
 * memory may not know yet, and a refusal would cost it its controller's back-off.
 */
struct zl_decision zl_decide_turn_known(const struct zl_known *known)
{
    if (known->strategy != ZL_STRATEGY_TURNS) {
        return zl_answer(ZL_OUTCOME_LED_POOL);
    }
    bool steadily_held = known->seat == ZL_SEAT_HELD && !known->holder_terminating &&
                         !known->is_holder && known->turn != ZL_TURN_OWN;
    return steadily_held ? zl_answer(ZL_OUTCOME_TURN_TAKEN)
                         : zl_then(ZL_STEP_LOOK, ZL_OUTCOME_TURN_PENDING);
}

static struct zl_decision decide_standing(const struct zl_queue_seen *queue)
{
    switch (queue->standing) {
    case ZL_STANDING_OVER:
    case ZL_STANDING_PAUSED:
        return zl_answer(ZL_OUTCOME_JOB_OVER);
    case ZL_STANDING_DUPLICATE:
        return zl_answer(ZL_OUTCOME_TICK_USED);
    case ZL_STANDING_MISSED:
        return zl_answer(ZL_OUTCOME_TICK_MISSED);
    case ZL_STANDING_EXECUTING:
        return zl_then(ZL_STEP_CLAIM, ZL_OUTCOME_CLAIMED);
    case ZL_STANDING_WAITING:
        break;
    }
    return queue->is_next ? zl_then(ZL_STEP_CLAIM, ZL_OUTCOME_CLAIMED)
                          : zl_answer(ZL_OUTCOME_QUEUED);
}

static struct zl_decision decide_free_seat(const struct zl_seen *seen)
{
    const struct zl_queue_seen *queue = &seen->queue;
    /* Within a turn, a live pod of another Job is surplus: the turn waits until it has gone. */
    if (seen->other != NULL) {
        return queue->turn == ZL_TURN_NOBODYS || queue->other_has_turn
                   ? zl_then(ZL_STEP_ADOPT, ZL_OUTCOME_TURN_ADOPTED)
                   : zl_answer(ZL_OUTCOME_TURN_TAKEN);
    }
    return queue->turn == ZL_TURN_ANOTHERS ? zl_answer(ZL_OUTCOME_TURN_TAKEN)
                                           : decide_standing(queue);
}

struct zl_decision zl_decide_turn_seen(const struct zl_seen *seen)
{
    if (seen->is_holder) {
        return zl_answer(ZL_OUTCOME_IS_LEADER);
    }
    switch (seen->seat) {
    case ZL_SEAT_HELD:
        return zl_answer(ZL_OUTCOME_TURN_TAKEN);
    case ZL_SEAT_PROVISIONAL:
        return zl_answer(ZL_OUTCOME_TURN_PENDING);
    case ZL_SEAT_ABSENT:
    case ZL_SEAT_EMPTY:
        if (seen->claim_in_flight && !seen->other_led) {
            return zl_answer(ZL_OUTCOME_TURN_PENDING);
        }
        break;
    case ZL_SEAT_ABANDONED:
        break;
    case ZL_SEAT_UNKNOWN:
        return zl_answer(ZL_OUTCOME_UNREACHABLE);
    }
    return decide_free_seat(seen);
}
