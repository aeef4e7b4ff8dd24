/* SPDX-License-Identifier: Apache-2.0 */
/*
 * turn.c - the queue's part of a decision: whose turn is it, and which Job is next?
 *
 * Memory says which Jobs there are. What it says of those that matter is read again, because a turn passes
 * on within milliseconds of its end: the Job whose turn the Lease says it is, the pod's own, and whoever stands before it.
 */
#include "webhook/gatekeeper/gatekeeper.h"

#include "common/base/clock.h"
#include "common/cache/live.h"

#include <string.h>

/* So many Jobs before the pod's own may have ended unnoticed; one more is not worth its GET. */
enum { AHEAD_MAX = 4 };

struct queue {
    struct zl_refs jobs; /* of the pool, as memory has them; the pod's own as it is now */
    struct zl_turn *turns;
    size_t count;
};

static void clear_queue(struct queue *queue)
{
    zl_refs_clear(&queue->jobs);
    free(queue->turns);
}

/* As it is now; *OUT stays NULL when there is none with that uid. */
static enum zl_status read_job(const struct zl_gatekeeper *gatekeeper,
                               const struct zl_request *request, const char *name, const char *uid,
                               struct zl_ref **out, struct zl_error *err)
{
    struct zl_job *job = NULL;
    enum zl_status status = zl_job_read(gatekeeper->client, request->namespace_, name,
                                        zl_clock_left_ms(request->deadline_ms), &job, err);
    if (job == NULL) {
        return status;
    }
    if (!zl_same_string(job->meta.uid, uid)) {
        zl_job_free(job);
        return ZL_OK;
    }
    *out = zl_ref_new(job, zl_job_free);
    return ZL_OK;
}

/*
 * Does the Job of that name and uid want pods in this pool, now?
 *
 * @param out  what was read, if it does; the caller drops the reference
 */
static enum zl_status read_wanting(const struct zl_gatekeeper *gatekeeper,
                                   const struct zl_request *request, const char *name,
                                   const char *uid, struct zl_ref **out, struct zl_error *err)
{
    ZL_AUTO_REF struct zl_ref *ref = NULL;
    ZL_AUTO_FREE char *pool = NULL;
    enum zl_status status = read_job(gatekeeper, request, name, uid, &ref, err);
    if (status != ZL_OK || ref == NULL) {
        return status;
    }
    const struct zl_job *job = zl_ref_object(ref);
    status = zl_owners_pool_of_job(gatekeeper->owners, job, request->deadline_ms, &pool, err);
    if (status == ZL_OK && zl_same_string(pool, request->pool) && !job->finished &&
        !job->meta.deleting && !zl_job_is_paused(job)) {
        *out = ZL_STEAL(&ref);
    }
    return status;
}

static enum zl_status view_whose(const struct zl_gatekeeper *gatekeeper, struct zl_request *request,
                                 const struct zl_lease *lease, struct zl_error *err)
{
    struct zl_facts *facts = &request->facts;
    ZL_AUTO_REF struct zl_ref *ref = NULL;
    facts->turn = zl_turn_by_memory(facts->job, lease);
    if (lease == NULL || facts->turn != ZL_TURN_ANOTHERS) {
        return ZL_OK;
    }
    enum zl_status status =
        read_wanting(gatekeeper, request, lease->turn_job, lease->turn_uid, &ref, err);
    if (status == ZL_OK && ref == NULL) {
        facts->turn = ZL_TURN_NOBODYS;
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
                       const char *over, struct queue *queue)
{
    const struct zl_job *own = request->facts.job;
    zl_cache_list_jobs(gatekeeper->cache, request->namespace_, request->pool, &queue->jobs);
    queue->turns = zl_alloc((queue->jobs.count + 1) * sizeof *queue->turns);
    for (size_t i = 0; i < queue->jobs.count; i++) {
        const struct zl_job *job = zl_ref_object(queue->jobs.items[i]);
        if (!zl_same_string(job->meta.uid, own->meta.uid) && !zl_same_string(job->meta.uid, over)) {
            add_turn(gatekeeper, queue, job);
        }
    }
    add_turn(gatekeeper, queue, own);
}

static void judge(struct zl_request *request, const char *turn_uid, struct queue *queue)
{
    struct zl_facts *facts = &request->facts;
    const char *own = facts->job->meta.uid;
    zl_turns_judge(queue->turns, queue->count, turn_uid, &facts->policy->status.ticks,
                   zl_clock_wall_us() / 1000000);
    const struct zl_turn *next = zl_turns_next(queue->turns, queue->count);
    facts->standing = zl_turns_find(queue->turns, queue->count, own)->standing;
    facts->is_next = next != NULL && zl_same_string(next->job->meta.uid, own);
}

/* It has ended, or is not wanted now; memory had not noticed. */
static void drop_turn(struct queue *queue, const struct zl_turn *turn)
{
    size_t at = (size_t)(turn - queue->turns);
    queue->count--;
    memmove(queue->turns + at, queue->turns + at + 1, (queue->count - at) * sizeof *queue->turns);
}

static enum zl_status view_queue(const struct zl_gatekeeper *gatekeeper, struct zl_request *request,
                                 const struct zl_lease *lease, struct zl_error *err)
{
    struct zl_facts *facts = &request->facts;
    bool own_turn = facts->turn == ZL_TURN_OWN;
    const char *named = lease != NULL ? lease->turn_uid : NULL;
    enum zl_status status = ZL_OK;
    struct queue queue = {0};
    fill_queue(gatekeeper, request, named, &queue);
    judge(request, own_turn ? named : NULL, &queue);
    for (int i = 0; i < AHEAD_MAX && facts->standing == ZL_STANDING_WAITING && !facts->is_next;
         i++) {
        ZL_AUTO_REF struct zl_ref *ref = NULL;
        const struct zl_turn *ahead = zl_turns_next(queue.turns, queue.count);
        status = read_wanting(gatekeeper, request, ahead->job->meta.name, ahead->job->meta.uid,
                              &ref, err);
        if (status != ZL_OK || ref != NULL) {
            break;
        }
        drop_turn(&queue, ahead);
        judge(request, NULL, &queue);
    }
    clear_queue(&queue);
    return status;
}

enum zl_status zl_view_turn(const struct zl_gatekeeper *gatekeeper, struct zl_request *request,
                            const struct zl_lease *lease, const struct zl_pod *other,
                            struct zl_error *err)
{
    struct zl_facts *facts = &request->facts;
    ZL_AUTO_REF struct zl_ref *own = NULL;
    facts->other_has_turn = lease != NULL && lease->turn_uid != NULL && other != NULL &&
                            zl_same_string(other->meta.controller.uid, lease->turn_uid);
    facts->standing = ZL_STANDING_WAITING;
    facts->is_next = false;
    enum zl_status status = view_whose(gatekeeper, request, lease, err);
    if (status != ZL_OK || other != NULL || facts->turn == ZL_TURN_ANOTHERS) {
        return status; /* the answer does not depend on the rest */
    }
    status =
        read_wanting(gatekeeper, request, facts->job->meta.name, facts->job->meta.uid, &own, err);
    if (status != ZL_OK) {
        return status;
    }
    if (own == NULL) {
        facts->standing = ZL_STANDING_OVER;
        return ZL_OK;
    }
    zl_ref_drop(request->job_ref);
    request->job_ref = ZL_STEAL(&own);
    facts->job = zl_ref_object(request->job_ref);
    return view_queue(gatekeeper, request, lease, err);
}
