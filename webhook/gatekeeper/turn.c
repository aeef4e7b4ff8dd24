/* SPDX-License-Identifier: Apache-2.0 */
/*
 * turn.c - the queue's part of a look: whose turn is it, and which Job is next?
 *
 * Memory says which Jobs there are. What it says of those that matter is read again, because a turn passes
 * on within milliseconds of its end: the pod's own Job (live.c), the one whose turn the Lease says it is, and whoever
 * stands before it.
 */
#include "webhook/gatekeeper/live.h"

#include "common/cache/live.h"

#include <string.h>

/* So many Jobs before the pod's own may have ended unnoticed; one more is not worth its GET. */
enum { AHEAD_MAX = 4 };

struct queue {
    struct zl_refs jobs; /* of the pool, as memory has them */
    struct zl_turn *turns;
    size_t count;
};

static void clear_queue(struct queue *queue)
{
    zl_refs_clear(&queue->jobs);
    free(queue->turns);
}

/* Does JOB, as it is now, want pods? */
static bool wants_pods(const struct zl_job *job)
{
    return !job->finished && !job->meta.deleting && !zl_job_is_paused(job);
}

/* Does the Job of that name and uid want pods in POOL, now? */
static enum zl_status is_wanting(const struct zl_gatekeeper *gatekeeper,
                                 const struct zl_request *request, const char *pool,
                                 const struct zl_meta *named, bool *is, struct zl_error *err)
{
    struct zl_job *job = NULL;
    ZL_AUTO_FREE char *its_pool = NULL;
    *is = false;
    enum zl_status status = zl_job_read(gatekeeper->client, request->namespace_, named->name,
                                        request->deadline_ms, &job, err);
    if (job != NULL && zl_same_string(job->meta.uid, named->uid)) {
        status =
            zl_owners_pool_of_job(gatekeeper->owners, job, request->deadline_ms, &its_pool, err);
        *is = status == ZL_OK && zl_same_string(its_pool, pool) && wants_pods(job);
    }
    zl_job_free(job);
    return status;
}

static enum zl_status look_at_turn(const struct zl_gatekeeper *gatekeeper,
                                   const struct zl_request *request, const struct zl_look *look,
                                   enum zl_whose_turn *out, struct zl_error *err)
{
    const struct zl_lease *lease = look->lease;
    bool goes_on = true;
    *out = zl_turn_of(look->seen.job, lease);
    if (lease == NULL || *out != ZL_TURN_ANOTHERS) {
        return ZL_OK;
    }
    const struct zl_meta named = {.name = lease->turn_job, .uid = lease->turn_uid};
    enum zl_status status = is_wanting(gatekeeper, request, look->seen.pool, &named, &goes_on, err);
    if (status == ZL_OK && !goes_on) {
        *out = ZL_TURN_NOBODYS;
    }
    return status;
}

static void add_turn(const struct zl_gatekeeper *gatekeeper, struct queue *queue,
                     const struct zl_job *job)
{
    queue->turns[queue->count++] = (struct zl_turn){
        .job = job, .starting_deadline_s = zl_cache_starting_deadline_s(gatekeeper->cache, job)};
}

/* @param over  uid of a Job whose turn has ended, whatever memory says; NULL: none */
static void fill_queue(const struct zl_gatekeeper *gatekeeper, const struct zl_request *request,
                       const struct zl_look *look, const char *over, struct queue *queue)
{
    const struct zl_job *own = look->seen.job;
    zl_cache_list_jobs(gatekeeper->cache, request->namespace_, look->seen.pool, &queue->jobs);
    queue->turns = zl_alloc((queue->jobs.count + 1) * sizeof *queue->turns);
    for (size_t i = 0; i < queue->jobs.count; i++) {
        const struct zl_job *job = zl_ref_object(queue->jobs.items[i]);
        if (!zl_same_string(job->meta.uid, own->meta.uid) && !zl_same_string(job->meta.uid, over)) {
            add_turn(gatekeeper, queue, job);
        }
    }
    add_turn(gatekeeper, queue, own);
}

static void judge_queue(const struct zl_look *look, const char *turn_uid, struct queue *queue,
                        struct zl_queue_seen *out)
{
    const char *own = look->seen.job->meta.uid;
    zl_turns_judge(queue->turns, queue->count, turn_uid, zl_policy_ticks(look->seen.policy),
                   zl_clock_wall_us() / 1000000);
    const struct zl_turn *next = zl_turns_next(queue->turns, queue->count);
    out->standing = zl_turns_find(queue->turns, queue->count, own)->standing;
    out->is_next = next != NULL && zl_same_string(next->job->meta.uid, own);
}

/* It has ended, or is not wanted now; memory had not noticed. */
static void drop_turn(struct queue *queue, const struct zl_turn *turn)
{
    size_t at = (size_t)(turn - queue->turns);
    queue->count--;
    memmove(queue->turns + at, queue->turns + at + 1, (queue->count - at) * sizeof *queue->turns);
}

/* Where does the pod's Job stand, when those before it are asked whether they still want pods? */
static enum zl_status look_ahead(const struct zl_gatekeeper *gatekeeper,
                                 const struct zl_request *request, const struct zl_look *look,
                                 struct zl_queue_seen *out, struct zl_error *err)
{
    const char *named = look->lease != NULL ? look->lease->turn_uid : NULL;
    enum zl_status status = ZL_OK;
    struct queue queue = {0};
    fill_queue(gatekeeper, request, look, named, &queue);
    judge_queue(look, out->turn == ZL_TURN_OWN ? named : NULL, &queue, out);
    for (int i = 0; i < AHEAD_MAX && out->standing == ZL_STANDING_WAITING && !out->is_next; i++) {
        const struct zl_turn *ahead = zl_turns_next(queue.turns, queue.count);
        bool waits = false;
        status = is_wanting(gatekeeper, request, look->seen.pool, &ahead->job->meta, &waits, err);
        if (status != ZL_OK || waits) {
            break;
        }
        drop_turn(&queue, ahead);
        judge_queue(look, NULL, &queue, out);
    }
    clear_queue(&queue);
    return status;
}

enum zl_status zl_look_at_queue(const struct zl_gatekeeper *gatekeeper,
                                const struct zl_request *request, const struct zl_look *look,
                                struct zl_queue_seen *out, struct zl_error *err)
{
    const struct zl_lease *lease = look->lease;
    const struct zl_pod *other = look->seen.other;
    *out = (struct zl_queue_seen){.standing = ZL_STANDING_WAITING,
                                  .other_has_turn =
                                      lease != NULL && lease->turn_uid != NULL && other != NULL &&
                                      zl_same_string(other->meta.controller.uid, lease->turn_uid)};
    enum zl_status status = look_at_turn(gatekeeper, request, look, &out->turn, err);
    if (status != ZL_OK || other != NULL || out->turn == ZL_TURN_ANOTHERS) {
        return status; /* the answer does not depend on the rest */
    }
    if (!wants_pods(look->seen.job)) {
        out->standing = ZL_STANDING_OVER;
        return ZL_OK;
    }
    return look_ahead(gatekeeper, request, look, out, err);
}
