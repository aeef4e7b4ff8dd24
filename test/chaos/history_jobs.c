/* SPDX-License-Identifier: Apache-2.0 */
/*
 * history_jobs.c - Jobs that take turns: whose it is, that nobody interrupts it, and what such a pool lacks in a calm.
 */
#include "common/base/memory.h"
#include "test/chaos/history_internal.h"

#include <string.h>

static struct workload *job_of_uid(const struct zl_history *history, const char *uid)
{
    struct workload *workload = NULL;
    if (uid != NULL) {
        HASH_FIND_STR(history->workloads, uid, workload);
    }
    return workload != NULL && workload->job ? workload : NULL;
}

static bool is_of_pool(const struct workload *workload, const struct pool *pool)
{
    return workload != NULL && workload->job && zl_same_string(workload->pool, pool->name);
}

void zl_history_note_job(struct zl_history *history, const struct zl_fact *fact)
{
    struct workload *job = job_of_uid(history, fact->uid);
    bool over = fact->deleted || fact->terminating || fact->finished;
    if (job->pool != NULL) {
        struct pool *pool = zl_history_pool(history, job->pool);
        pool->jobs = true;
        if (over && !job->over) {
            pool->job_over_ms = fact->at_ms;
        }
    }
    job->over = over;
}

/* --- the turn --- */

void zl_history_judge_turn(const struct zl_history *history, const struct zl_fact *fact,
                           const struct pool *pool)
{
    const struct workload *job = job_of_uid(history, pool->turn_uid);
    if (is_of_pool(job, pool) && !job->over && !zl_same_string(fact->turn_uid, job->uid)) {
        zl_history_violated(history, ZL_TURN_INTERRUPTED, fact, pool,
                            "Job %s (%s), which is not over, loses its turn to %s", job->name,
                            job->uid, fact->turn_uid != NULL ? fact->turn_uid : "nobody");
    }
}

void zl_history_judge_seat(const struct zl_history *history, const struct zl_fact *fact,
                           const struct pool *pool, const struct pod *pod)
{
    const struct workload *job = zl_history_workload_of(history, pod);
    if (is_of_pool(job, pool) && !zl_same_string(pool->turn_uid, job->uid)) {
        zl_history_violated(history, ZL_TURN_INTERRUPTED, fact, pool,
                            "the Lease names pod %s of Job %s, but says that it is the turn of %s",
                            pod->name, job->name,
                            pool->turn_uid != NULL ? pool->turn_uid : "nobody");
    }
}

const struct workload *zl_history_next_job(const struct zl_history *history,
                                           const struct pool *pool)
{
    const struct workload *first = job_of_uid(history, pool->turn_uid);
    if (is_of_pool(first, pool) && !first->over) {
        return first;
    }
    /* The hash keeps the order in which they came, which is that of their turns. */
    for (const struct workload *w = history->workloads; w != NULL; w = w->hh.next) {
        if (is_of_pool(w, pool) && !w->over) {
            return w;
        }
    }
    return NULL;
}

bool zl_history_executes(const struct zl_history *history, const struct pool *pool)
{
    for (const struct pod *pod = history->pods; pod != NULL; pod = pod->hh.next) {
        if (zl_same_string(pod->believes, pool->name)) {
            return true;
        }
    }
    return false;
}

/* --- a calm --- */

char *zl_history_lack_of_jobs(const struct zl_history *history, const struct pool *pool)
{
    const struct workload *next = zl_history_next_job(history, pool);
    if (next != NULL) {
        return zl_asprintf("pool %s: Job %s (%s) is not over; the Lease names %s, the turn of %s",
                           pool->name, next->name, next->uid,
                           pool->holder_uid != NULL ? pool->holder_uid : "nobody",
                           pool->turn_uid != NULL ? pool->turn_uid : "nobody");
    }
    for (const struct pod *pod = history->pods; pod != NULL; pod = pod->hh.next) {
        if (!pod->finished && is_of_pool(zl_history_workload_of(history, pod), pool)) {
            return zl_asprintf("pool %s: all Jobs are over, but pod %s (%s) lives", pool->name,
                               pod->name, pod->uid);
        }
    }
    if (pool->holder_uid != NULL || pool->turn_uid != NULL) {
        return zl_asprintf(
            "pool %s: all Jobs are over, but the Lease still names %s, the turn of %s", pool->name,
            pool->holder_uid != NULL ? pool->holder_uid : "nobody",
            pool->turn_uid != NULL ? pool->turn_uid : "nobody");
    }
    /* A token that was reserved in status and not used stays ahead until the next turn: nobody renews the Lease. */
    if (pool->status_uid != NULL || (pool->has_lease && pool->status_token < pool->lease_token)) {
        return zl_asprintf("pool %s: all Jobs are over; status says holder %s and token %lld, the "
                           "Lease nobody and %lld",
                           pool->name, pool->status_uid != NULL ? pool->status_uid : "nobody",
                           (long long)pool->status_token, (long long)pool->lease_token);
    }
    return NULL;
}
