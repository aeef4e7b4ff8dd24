/* SPDX-License-Identifier: Apache-2.0 */
/*
 * turns.h - whose turn is it in a guarded pool? The one judgement that webhook and controller share.
 *
 * A turn is a Job's, from the claim of its first pod until it is Complete, Failed or gone, and one pod of it at a
 * time holds the Lease. The others wait in the order of their creation; Jobs of the same second in the order of
 * their names, numbers by value. A Job that already runs pods (it was labelled while it ran) goes first. Of the
 * Jobs with one scheduled time, the first has it; the others are duplicates.
 *
 * Threads: pure.
 */
#ifndef ZL_SEAT_TURNS_H
#define ZL_SEAT_TURNS_H

#include "common/objects/job.h"
#include "common/objects/ticks.h"

enum zl_standing {
    ZL_STANDING_OVER,      /* complete, failed or being deleted */
    ZL_STANDING_PAUSED,    /* its user wants no pod of it now */
    ZL_STANDING_DUPLICATE, /* its scheduled time is another Job's */
    ZL_STANDING_MISSED,    /* startingDeadlineSeconds passed before its turn came */
    ZL_STANDING_EXECUTING, /* it is its turn */
    ZL_STANDING_WAITING,
};

/* One Job of the pool. */
struct zl_turn {
    const struct zl_job *job;
    int64_t starting_deadline_s; /* of its CronJob; -1: none */
    bool runs;                   /* a pod of it lives */
    enum zl_standing standing;   /* what zl_turns_judge found */
    const char *rival; /* of a DUPLICATE: the Job that has its time; NULL: too old to know */
};

/*
 * Put TURNS in order and fill STANDING and RIVAL.
 *
 * @param turn_uid  whose turn the Lease says it is; NULL: nobody's
 * @param ticks     as LeaderPolicy status has them; NULL: Jobs of one time do not stand for each other (spec.ticks: Each)
 * @param now_s     wall clock
 */
void zl_turns_judge(struct zl_turn *turns, size_t count, const char *turn_uid,
                    const struct zl_ticks *ticks, int64_t now_s);

/* Is it a Job that waits, and that somebody else resumed so often that we gave in? */
static inline bool zl_turn_is_contested(const struct zl_turn *turn)
{
    return turn->standing == ZL_STANDING_WAITING && turn->job->queued && !turn->job->suspended &&
           turn->job->resumptions >= ZL_RESUMPTIONS_MAX;
}
/* Is it a Job whose pods another controller makes, so that it gets no turn? */
static inline bool zl_turn_is_elsewhere(const struct zl_turn *turn)
{
    return turn->standing == ZL_STANDING_PAUSED && turn->job->elsewhere;
}

/* Of judged TURNS, the one whose turn comes next; NULL: nobody waits. */
const struct zl_turn *zl_turns_next(const struct zl_turn *turns, size_t count);
/* The one with UID; NULL: none of them. */
const struct zl_turn *zl_turns_find(const struct zl_turn *turns, size_t count, const char *uid);

#endif
