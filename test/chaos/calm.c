/* SPDX-License-Identifier: Apache-2.0 */
/*
 * calm.c - by when must a pool have settled, and what may keep it waiting for longer.
 */
#include "common/base/memory.h"
#include "test/chaos/history_internal.h"

#include <stdlib.h>
#include <string.h>

#define STAYS_SETTLED_MS 1000
#define EXPECTATIONS_MS 300000 /* Kubernetes' ExpectationsTimeout */

void zl_history_calm(struct zl_history *history, int64_t now_ms, int64_t bound_ms)
{
    history->calms++;
    history->calm_ms = now_ms;
    history->bound_ms = bound_ms;
    history->long_ = false;
}

void zl_history_expects(struct zl_history *history, const char *name, bool waits, int64_t now_ms)
{
    for (struct replicaset *r = history->replicasets; r != NULL; r = r->hh.next) {
        if (zl_same_string(r->name, name)) {
            r->waits_ms = waits ? now_ms : -1;
        }
    }
    for (struct workload *w = history->workloads; w != NULL; w = w->hh.next) {
        if (w->job && zl_same_string(w->name, name)) {
            w->waits_ms = waits ? now_ms : -1;
        }
    }
}

/* --- who ought to send a pod --- */

static bool is_alive(const struct pod *pod)
{
    return !pod->finished && !pod->terminating;
}

/* As its controller counts them. */
static bool wants_pods(const struct zl_history *history, const struct replicaset *replicaset)
{
    int64_t has = 0;
    for (const struct pod *pod = history->pods; pod != NULL; pod = pod->hh.next) {
        has += is_alive(pod) && zl_same_string(pod->owner_uid, replicaset->uid);
    }
    return !replicaset->gone && replicaset->replicas > has;
}

/* Does somebody live who could lead it? Then nobody has to send a pod. */
static bool has_candidate(const struct zl_history *history, const struct pool *pool)
{
    for (const struct pod *pod = history->pods; pod != NULL; pod = pod->hh.next) {
        const struct workload *workload = zl_history_workload_of(history, pod);
        const struct named *named = NULL;
        HASH_FIND_STR(history->named, pod->uid, named);
        if (is_alive(pod) && (named == NULL || !named->deposed) && workload != NULL &&
            zl_same_string(workload->pool, pool->name)) {
            return true;
        }
    }
    return false;
}

static bool is_newest(const struct zl_history *history, const struct replicaset *replicaset)
{
    for (const struct replicaset *r = history->replicasets; r != NULL; r = r->hh.next) {
        if (zl_same_string(r->owner_uid, replicaset->owner_uid) && !r->gone &&
            r->revision > replicaset->revision) {
            return false;
        }
    }
    return true;
}

/* Do all ReplicaSets of WORKLOAD that ought to send a pod wait, and is there one? */
static bool waits(const struct zl_history *history, const struct pool *pool,
                  const struct workload *workload)
{
    bool any = false;
    for (const struct replicaset *r = history->replicasets; r != NULL; r = r->hh.next) {
        if (!zl_same_string(r->owner_uid, workload->uid) || !wants_pods(history, r) ||
            (pool->recreate && !is_newest(history, r))) {
            continue;
        }
        if (r->waits_ms < history->calm_ms) {
            return false;
        }
        any = true;
    }
    return any;
}

static bool is_held(const struct zl_history *history, const struct pool *pool)
{
    bool any = false;
    if (pool->jobs) {
        const struct workload *next = zl_history_next_job(history, pool);
        return next != NULL && next->waits_ms >= history->calm_ms && !has_candidate(history, pool);
    }
    for (const struct workload *w = history->workloads; w != NULL; w = w->hh.next) {
        if (w->replicas > 0 && zl_same_string(w->pool, pool->name)) {
            if (!waits(history, pool, w)) {
                return false;
            }
            any = true;
        }
    }
    return any && !has_candidate(history, pool);
}

/* --- time --- */

static void note_state(struct zl_history *history, struct pool *pool, bool lacks, int64_t now_ms)
{
    if (pool->calm.number != history->calms) {
        pool->calm.number = history->calms;
        pool->calm.settled_since_ms = pool->calm.held_ms = -1;
        pool->calm.lacking_since_ms = history->calm_ms;
        pool->calm.counted = false;
    }
    if (!lacks) {
        if (pool->calm.settled_since_ms < 0) {
            pool->calm.settled_since_ms = now_ms;
        }
        return;
    }
    if (pool->calm.settled_since_ms >= 0 &&
        now_ms - pool->calm.settled_since_ms >= STAYS_SETTLED_MS) {
        pool->calm.lacking_since_ms = now_ms;
    }
    pool->calm.settled_since_ms = -1;
    if (pool->jobs && pool->job_over_ms >= history->calm_ms) {
        pool->calm.lacking_since_ms = pool->job_over_ms; /* it makes progress */
        history->long_ = history->long_ || now_ms > history->calm_ms + history->bound_ms;
    }
    if (is_held(history, pool)) {
        pool->calm.held_ms = now_ms;
        history->long_ = true;
    }
}

/*
 * By when must POOL have settled? While another one is held up, or its Jobs take turns, a calm lasts long, and a pool may come undone meanwhile: the
 * ReplicaSet whose expectations have expired sends a successor. Then the bound begins anew; with each Job that is over as well.
 */
static int64_t due_ms(const struct zl_history *history, const struct pool *pool)
{
    int64_t ordinary_ms = history->calm_ms + history->bound_ms;
    int64_t latest_ms = ordinary_ms + EXPECTATIONS_MS;
    if (!history->long_) {
        return ordinary_ms;
    }
    int64_t due = pool->calm.lacking_since_ms + history->bound_ms;
    if (pool->calm.held_ms >= 0 && pool->calm.held_ms + history->bound_ms > due) {
        due = pool->calm.held_ms + history->bound_ms;
    }
    return due < latest_ms ? due : latest_ms;
}

enum zl_calm zl_history_look(struct zl_history *history, int64_t now_ms, char **reason)
{
    int64_t first_ms = INT64_MAX;
    bool settled = true;
    for (struct pool *pool = history->pools; pool != NULL; pool = pool->hh.next) {
        ZL_AUTO_FREE char *lack = zl_history_lack(history, pool);
        note_state(history, pool, lack != NULL, now_ms);
        settled =
            settled && lack == NULL && now_ms - pool->calm.settled_since_ms >= STAYS_SETTLED_MS;
    }
    for (struct pool *pool = history->pools; pool != NULL; pool = pool->hh.next) {
        if (pool->calm.settled_since_ms >= 0) {
            continue;
        }
        if (pool->calm.held_ms >= 0 && !pool->calm.counted &&
            now_ms > history->calm_ms + history->bound_ms) {
            pool->calm.counted = true;
            pool->record.held++;
        }
        if (due_ms(history, pool) < first_ms) {
            first_ms = due_ms(history, pool);
            free(*reason);
            *reason = zl_history_lack(history, pool);
        }
    }
    return settled ? ZL_CALM_SETTLED : now_ms > first_ms ? ZL_CALM_OVERDUE : ZL_CALM_LASTS;
}
