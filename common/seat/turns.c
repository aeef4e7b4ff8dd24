/* SPDX-License-Identifier: Apache-2.0 */
#include "common/seat/turns.h"

#include <stdlib.h>
#include <string.h>

#define SECOND_US INT64_C(1000000)

static int compare(const void *left, const void *right)
{
    const struct zl_meta *a = &((const struct zl_turn *)left)->job->meta;
    const struct zl_meta *b = &((const struct zl_turn *)right)->job->meta;
    if (a->created_us != b->created_us) {
        return a->created_us < b->created_us ? -1 : 1;
    }
    int by_name = strverscmp(a->name, b->name);
    return by_name != 0 ? by_name : strcmp(a->uid, b->uid);
}

static bool is_over(const struct zl_job *job)
{
    return job->finished || job->meta.deleting;
}

/* The first Job that ran for TICK_S, or wants to; NULL: none. */
static const struct zl_job *first_of_tick(const struct zl_turn *turns, size_t count, int64_t tick_s)
{
    for (size_t i = 0; i < count; i++) {
        const struct zl_job *job = turns[i].job;
        bool never = job->meta.deleting && !job->finished;
        if (job->tick_s == tick_s && !never && (job->finished || !zl_job_is_paused(job))) {
            return job;
        }
    }
    return NULL;
}

static bool is_late(const struct zl_turn *turn, int64_t now_s)
{
    return turn->starting_deadline_s >= 0 && !turn->runs &&
           now_s - turn->job->tick_s > turn->starting_deadline_s;
}

/* Of a Job with a scheduled time that wants a turn. */
static enum zl_standing judge_tick(const struct zl_turn *turns, size_t count, struct zl_turn *turn,
                                   const struct zl_ticks *ticks, int64_t now_s)
{
    const struct zl_job *job = turn->job;
    const struct zl_tick *used = ticks != NULL ? zl_ticks_find(ticks, job->tick_s) : NULL;
    if (ticks == NULL) {
        return is_late(turn, now_s) ? ZL_STANDING_MISSED : ZL_STANDING_WAITING;
    }
    if (!zl_ticks_allow(ticks, job->tick_s, job->meta.uid)) {
        turn->rival = used != NULL ? used->job : NULL;
        return ZL_STANDING_DUPLICATE;
    }
    const struct zl_job *first = used != NULL ? job : first_of_tick(turns, count, job->tick_s);
    if (first != NULL && first != job) {
        turn->rival = first->meta.name;
        return ZL_STANDING_DUPLICATE;
    }
    return used == NULL && is_late(turn, now_s) ? ZL_STANDING_MISSED : ZL_STANDING_WAITING;
}

static enum zl_standing judge(const struct zl_turn *turns, size_t count, struct zl_turn *turn,
                              const char *turn_uid, const struct zl_ticks *ticks, int64_t now_s)
{
    const struct zl_job *job = turn->job;
    if (is_over(job)) {
        return ZL_STANDING_OVER;
    }
    if (zl_job_is_paused(job)) {
        return ZL_STANDING_PAUSED;
    }
    if (zl_same_string(turn_uid, job->meta.uid)) {
        return ZL_STANDING_EXECUTING;
    }
    return job->tick_s > 0 ? judge_tick(turns, count, turn, ticks, now_s) : ZL_STANDING_WAITING;
}

void zl_turns_judge(struct zl_turn *turns, size_t count, const char *turn_uid,
                    const struct zl_ticks *ticks, int64_t now_s)
{
    if (count > 0) {
        qsort(turns, count, sizeof *turns, compare);
    }
    for (size_t i = 0; i < count; i++) {
        turns[i].rival = NULL;
        turns[i].standing = judge(turns, count, &turns[i], turn_uid, ticks, now_s);
    }
}

const struct zl_turn *zl_turns_next(const struct zl_turn *turns, size_t count)
{
    const struct zl_turn *next = NULL;
    for (size_t i = 0; i < count; i++) {
        if (turns[i].standing == ZL_STANDING_WAITING &&
            (next == NULL || (turns[i].runs && !next->runs))) {
            next = &turns[i];
        }
    }
    return next;
}

const struct zl_turn *zl_turns_find(const struct zl_turn *turns, size_t count, const char *uid)
{
    for (size_t i = 0; i < count; i++) {
        if (zl_same_string(turns[i].job->meta.uid, uid)) {
            return &turns[i];
        }
    }
    return NULL;
}
