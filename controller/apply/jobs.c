/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/apply/jobs.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/cache/live.h"
#include "common/seat/lease_store.h"

#include <string.h>

/* As many Jobs are queued or removed before the pool is looked at anew: a turn may have ended meanwhile. */
enum { JOBS_AT_ONCE = 16, OWN_WRITES_MS = 20 };

/* --- facts --- */

/* The Job of the Lease's turn, which the cache does not show in this pool, as the API server has it. */
static enum zl_status read_turn(struct zl_reconciler *reconciler, struct zl_pool *pool,
                                struct zl_error *err)
{
    const struct zl_lease *lease = pool->facts.lease;
    struct zl_job *job = NULL;
    enum zl_status status =
        zl_job_read(reconciler->client, lease->namespace_, lease->turn_job, 0, &job, err);
    if (status != ZL_OK) {
        return status;
    }
    if (job == NULL) {
        pool->facts.guard.turn_over = true;
        return ZL_OK;
    }
    ZL_AUTO_FREE char *joined = zl_cache_pool_of_job(reconciler->cache, job);
    pool->facts.guard.turn_over = strcmp(job->meta.uid, lease->turn_uid) != 0 || job->finished ||
                                  job->meta.deleting || zl_job_is_paused(job) ||
                                  !zl_same_string(joined, lease->pool);
    zl_job_free(job);
    return ZL_OK;
}

enum zl_status zl_look_at_turn(struct zl_reconciler *reconciler, struct zl_pool *pool,
                               struct zl_error *err)
{
    struct zl_pool_facts *facts = &pool->facts;
    const struct zl_meta *meta = &facts->policy->meta;
    const struct zl_lease *lease = facts->lease;
    const struct zl_pod *pod = facts->holder_pod;
    bool retries = facts->holder == ZL_HOLDER_FINISHED && pod != NULL && pod->failed;
    facts->guard.retrying_ms =
        zl_since(reconciler->sinces, meta->namespace_, meta->name, ZL_TOPIC_RETRYING,
                 retries ? pod->meta.uid : NULL, zl_clock_ms());
    if (lease == NULL || lease->turn_uid == NULL) {
        return ZL_OK;
    }
    const struct zl_turn *turn =
        zl_turns_find(facts->guard.turns, facts->guard.turn_count, lease->turn_uid);
    if (turn != NULL) {
        facts->guard.turn_over =
            turn->standing == ZL_STANDING_OVER || turn->standing == ZL_STANDING_PAUSED;
        return ZL_OK;
    }
    /* While a pod holds the seat it plays no part. */
    bool alive = facts->holder == ZL_HOLDER_ALIVE || facts->holder == ZL_HOLDER_TERMINATING;
    return alive ? ZL_OK : read_turn(reconciler, pool, err);
}

const struct zl_turn *zl_turn_of_pod(const struct zl_pool *pool, const struct zl_pod *pod)
{
    return zl_turns_find(pool->facts.guard.turns, pool->facts.guard.turn_count,
                         pod->meta.controller.uid);
}

/* --- who waits --- */

static size_t position_of(const struct zl_guard_facts *guard, const struct zl_turn *turn)
{
    const struct zl_turn *next = zl_turns_next(guard->turns, guard->turn_count);
    size_t position = 1;
    for (size_t i = 0; turn != next && i < guard->turn_count; i++) {
        const struct zl_turn *other = &guard->turns[i];
        if (other->standing == ZL_STANDING_WAITING && (other < turn || other == next)) {
            position++;
        }
    }
    return position;
}

static void tell_of_waiting(struct zl_reconciler *reconciler, const struct zl_pool *pool,
                            const struct zl_turn *turn)
{
    const struct zl_lease *lease = pool->facts.lease;
    const struct zl_status_job *executing = &pool->facts.policy->status.executing;
    ZL_AUTO_FREE char *who = NULL;
    if (lease == NULL || lease->turn_uid == NULL) {
        who = zl_strdup("no Job executes yet");
    } else {
        char since[ZL_TIME_TEXT_MAX];
        bool known = zl_same_string(executing->uid, lease->turn_uid) && executing->since != NULL;
        zl_time_format(lease->acquire_us, since);
        who = zl_asprintf("Job %s executes since %s", lease->turn_job,
                          known ? executing->since : since);
    }
    ZL_AUTO_FREE char *message =
        zl_asprintf("waits for its turn in pool %s at position %zu; %s",
                    pool->facts.policy->meta.name, position_of(&pool->facts.guard, turn), who);
    zl_emit_job_event(reconciler, &turn->job->meta, false, "Queued", message);
}

/*
 * Is the turn still whose it was when this was planned? The webhook may have let in a pod of a Job that looks as if it waited,
 * and suspending that would kill the pod.
 */
static enum zl_status confirm_turn(struct zl_reconciler *reconciler, const struct zl_pool *pool,
                                   struct zl_error *err)
{
    const struct zl_lease *known = pool->facts.lease;
    const struct zl_meta *policy = &pool->facts.policy->meta;
    struct zl_lease *live = NULL;
    enum zl_status status =
        zl_lease_read(reconciler->client, policy->namespace_, policy->name, 0, &live, err);
    bool same = zl_same_string(live != NULL ? live->turn_uid : NULL,
                               known != NULL ? known->turn_uid : NULL);
    zl_lease_free(live);
    if (status == ZL_OK && !same) {
        return zl_error_set(err, ZL_E_CONFLICT, "the Lease is newer than the cache");
    }
    return status;
}

/* --- the round --- */

struct round {
    struct zl_reconciler *reconciler;
    const struct zl_pool *pool;
    int done;
    bool confirmed, stale;
    enum zl_status first; /* failure */
};

static enum zl_status act_on(struct round *round, const struct zl_turn *turn,
                             enum zl_job_action action, struct zl_error *err)
{
    enum zl_status status = ZL_OK;
    switch (action) {
    case ZL_JOB_KEEP:
        return ZL_OK;
    case ZL_JOB_REMOVE:
        round->done++;
        return zl_remove_job(round->reconciler, round->pool, turn, err);
    case ZL_JOB_RESUME:
        return zl_patch_job(round->reconciler, turn->job, action, err);
    case ZL_JOB_QUEUE:
    case ZL_JOB_SUSPEND:
        break;
    }
    if (!round->pool->facts.guard.are_current) {
        round->stale = true; /* it may have been told a moment ago */
        return ZL_OK;
    }
    round->done++;
    if (!round->confirmed) {
        status = confirm_turn(round->reconciler, round->pool, err);
        round->confirmed = status == ZL_OK;
    }
    if (status == ZL_OK) {
        status = zl_patch_job(round->reconciler, turn->job, action, err);
    }
    if (status == ZL_OK && action == ZL_JOB_QUEUE) {
        tell_of_waiting(round->reconciler, round->pool, turn);
    }
    return status;
}

static void act_on_all(struct round *round, const struct zl_turn *next, struct zl_error *err)
{
    const struct zl_pool_facts *facts = &round->pool->facts;
    for (size_t i = 0; i < facts->guard.turn_count && round->done < JOBS_AT_ONCE; i++) {
        const struct zl_turn *turn = &facts->guard.turns[i];
        struct zl_error other = {0};
        bool can_suspend = !atomic_load(&round->reconciler->cannot_suspend);
        enum zl_job_action action = zl_plan_job(facts, turn, next, can_suspend);
        enum zl_status status =
            turn == next ? ZL_OK
                         : act_on(round, turn, action, round->first == ZL_OK ? err : &other);
        round->first = round->first == ZL_OK ? status : round->first;
    }
}

static void look_again(struct zl_result *result, int64_t ms)
{
    if (result->requeue_after_ms == 0 || ms < result->requeue_after_ms) {
        result->requeue_after_ms = ms > 0 ? ms : 1;
    }
}

/* Whose turn is next: it is resumed at once, and woken until it comes. */
static enum zl_status call(struct zl_reconciler *reconciler, const struct zl_pool *pool,
                           const struct zl_plan *plan, const struct zl_turn *next,
                           struct zl_result *result, struct zl_error *err)
{
    const struct zl_meta *meta = &pool->facts.policy->meta;
    int64_t retry_ms = zl_guard_retry_ms(&pool->facts);
    int64_t wait_ms = 0;
    if (next == NULL) {
        if (zl_lease_is_held(pool->facts.lease) && !pool->facts.lease->provisional &&
            pool->facts.holder == ZL_HOLDER_ALIVE) {
            zl_wakes_forget(reconciler->wakes, meta->namespace_, meta->name);
        }
        return ZL_OK;
    }
    if (retry_ms > 0 && !next->job->queued) {
        look_again(result, retry_ms);
        return ZL_OK;
    }
    bool due = zl_wakes_is_due(reconciler->wakes, meta->namespace_, meta->name,
                               plan->action == ZL_LEASE_RELEASE, zl_clock_ms(), &wait_ms);
    look_again(result, wait_ms);
    if (next->job->queued) {
        return zl_patch_job(reconciler, next->job, ZL_JOB_RESUME, err);
    }
    return due ? zl_wake_job(reconciler, next->job, err) : ZL_OK;
}

enum zl_status zl_guide_jobs(struct zl_reconciler *reconciler, struct zl_pool *pool,
                             const struct zl_plan *plan, struct zl_result *result,
                             struct zl_error *err)
{
    const struct zl_turn *next = zl_guard_next(&pool->facts);
    struct round round = {.reconciler = reconciler, .pool = pool};
    int64_t deadline_ms = zl_guard_deadline_ms(&pool->facts);
    round.first = call(reconciler, pool, plan, next, result, err);
    act_on_all(&round, next, err);
    if (round.done >= JOBS_AT_ONCE) {
        look_again(result, 1);
    }
    if (round.stale) {
        look_again(result, OWN_WRITES_MS);
    }
    if (deadline_ms > 0) {
        look_again(result, deadline_ms);
    }
    return round.first;
}

/* --- let go --- */

enum zl_status zl_let_go_jobs(struct zl_reconciler *reconciler, const struct zl_pool *pool,
                              struct zl_error *err)
{
    enum zl_status first = ZL_OK;
    for (size_t i = 0; i < pool->facts.guard.turn_count; i++) {
        const struct zl_job *job = pool->facts.guard.turns[i].job;
        struct zl_error other = {0};
        if (job->queued && !job->finished && !job->meta.deleting) {
            enum zl_status status =
                zl_patch_job(reconciler, job, ZL_JOB_RESUME, first == ZL_OK ? err : &other);
            first = first == ZL_OK ? status : first;
        }
    }
    return first;
}

enum zl_status zl_let_go_job(struct zl_reconciler *reconciler, const char *namespace_,
                             const char *name, struct zl_error *err)
{
    ZL_AUTO_REF struct zl_ref *ref =
        zl_cache_find(reconciler->cache, ZL_CACHED_JOBS, namespace_, name);
    const struct zl_job *job = ref != NULL ? zl_ref_object(ref) : NULL;
    if (job == NULL || !job->queued || job->finished || job->meta.deleting) {
        return ZL_OK;
    }
    ZL_AUTO_FREE char *pool = zl_cache_pool_of_job(reconciler->cache, job);
    /* In a pool it is the pool's reconcile that knows. */
    return pool == NULL ? zl_patch_job(reconciler, job, ZL_JOB_RESUME, err) : ZL_OK;
}
