/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/memory.h"
#include "test/chaos/history_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A workload that joins, or grows beyond one replica: reviews that began before may still let pods in. */
#define JOIN_GRACE_MS 5000

static const char *const NAMES[ZL_VIOLATIONS] = {
    [ZL_TWO_LEADERS] = "two leaders",
    [ZL_SLIPPED_PAST] = "slipped past",
    [ZL_LATE_COMMIT] = "late commit",
    [ZL_DEPOSED_LEADS] = "a deposed pod leads",
    [ZL_TOKEN_FELL] = "token fell",
    [ZL_TOKEN_SHARED] = "token not larger",
    [ZL_TURN_INTERRUPTED] = "a turn is interrupted",
    [ZL_NOT_SETTLED] = "not settled in time",
};

const char *zl_violation_name(enum zl_violation violation)
{
    return NAMES[violation];
}

struct zl_history *zl_history_new(void (*violated)(void *ctx, enum zl_violation violation,
                                                   const char *text),
                                  void *ctx)
{
    struct zl_history *history = zl_alloc(sizeof *history);
    history->violated = violated;
    history->ctx = ctx;
    return history;
}

/* --- what is known --- */

struct pool *zl_history_pool(struct zl_history *history, const char *name)
{
    struct pool *pool = NULL;
    HASH_FIND_STR(history->pools, name, pool);
    if (pool == NULL) {
        pool = zl_alloc(sizeof *pool);
        pool->name = zl_strdup(name);
        pool->record.pool = pool->name;
        pool->leaderless_since_ms = -1;
        HASH_ADD_KEYPTR(hh, history->pools, pool->name, strlen(pool->name), pool);
    }
    return pool;
}

static struct named *named_of(struct zl_history *history, const char *uid, bool add)
{
    struct named *named = NULL;
    HASH_FIND_STR(history->named, uid, named);
    if (named == NULL && add) {
        named = zl_alloc(sizeof *named);
        named->uid = zl_strdup(uid);
        HASH_ADD_KEYPTR(hh, history->named, named->uid, strlen(named->uid), named);
    }
    return named;
}

const struct workload *zl_history_workload_of(const struct zl_history *history,
                                              const struct pod *pod)
{
    struct replicaset *replicaset = NULL;
    struct workload *workload = NULL;
    const char *uid = pod->owner_uid;
    if (uid == NULL) {
        return NULL;
    }
    HASH_FIND_STR(history->replicasets, uid, replicaset);
    uid = replicaset != NULL ? replicaset->owner_uid : uid;
    if (uid != NULL) {
        HASH_FIND_STR(history->workloads, uid, workload);
    }
    return workload;
}

bool zl_history_wants_leader(const struct zl_history *history, const struct pool *pool)
{
    for (const struct workload *w = history->workloads; w != NULL; w = w->hh.next) {
        if (zl_same_string(w->pool, pool->name) && w->replicas > 1) {
            return pool->has_policy;
        }
    }
    return false;
}

const struct pod *zl_history_ready_leader(const struct zl_history *history, const struct pool *pool)
{
    struct pod *pod = NULL;
    if (pool->holder_uid == NULL) {
        return NULL;
    }
    HASH_FIND_STR(history->pods, pool->holder_uid, pod);
    bool leads = pod != NULL && pod->ready && !pod->terminating && !pod->finished;
    return leads ? pod : NULL;
}

static bool is_open(const struct zl_history *history, enum zl_door kind, const struct pool *pool,
                    int64_t at_ms)
{
    if (kind == ZL_DOOR_OPEN && (!pool->has_policy || at_ms <= pool->open_until_ms)) {
        return true;
    }
    for (size_t i = 0; i < history->door_count; i++) {
        const struct door *door = &history->doors[i];
        if (door->kind == kind && (door->pool == NULL || strcmp(door->pool, pool->name) == 0) &&
            at_ms >= door->from_ms && at_ms <= door->to_ms) {
            return true;
        }
    }
    return false;
}

void zl_history_violated(const struct zl_history *history, enum zl_violation violation,
                         const struct zl_fact *fact, const struct pool *pool, const char *format,
                         ...)
{
    va_list list;
    char text[512];
    va_start(list, format);
    (void)vsnprintf(text, sizeof text, format, list);
    va_end(list);
    ZL_AUTO_FREE char *line = zl_asprintf("pool %s, revision %llu: %s", pool->name,
                                          (unsigned long long)fact->revision, text);
    history->violated(history->ctx, violation, line);
}

/* --- one fact --- */

static void apply_policy(struct zl_history *history, const struct zl_fact *fact)
{
    struct pool *pool = zl_history_pool(history, fact->name);
    if (fact->deleted || fact->standby != pool->standby) {
        pool->open_until_ms = fact->at_ms + JOIN_GRACE_MS;
    }
    if (!fact->deleted && fact->token < pool->status_token) {
        zl_history_violated(history, ZL_TOKEN_FELL, fact, pool,
                            "LeaderPolicy status from %lld to %lld", (long long)pool->status_token,
                            (long long)fact->token);
    }
    pool->has_policy = !fact->deleted;
    pool->standby = fact->standby;
    pool->recreate = fact->recreate;
    pool->status_token = fact->deleted ? 0 : fact->token;
    if (fact->deleted) {
        pool->highest_token = 0; /* the pool's life ends with its policy */
    }
    zl_replace_string(&pool->status_uid, fact->deleted ? NULL : fact->status_uid);
}

static void apply_workload(struct zl_history *history, const struct zl_fact *fact)
{
    struct workload *workload = NULL;
    bool job = fact->kind == ZL_FACT_JOB;
    const char *pool = fact->deleted && !job ? NULL : fact->pool; /* a Job's pods outlive it */
    HASH_FIND_STR(history->workloads, fact->uid, workload);
    if (workload == NULL) {
        workload = zl_alloc(sizeof *workload);
        workload->uid = zl_strdup(fact->uid);
        workload->name = zl_strdup(fact->name);
        workload->replicas = fact->replicas;
        workload->pool = zl_strdup(pool);
        workload->job = job;
        workload->waits_ms = -1;
        HASH_ADD_KEYPTR(hh, history->workloads, workload->uid, strlen(workload->uid), workload);
        return;
    }
    bool joins = fact->pool != NULL && !zl_same_string(fact->pool, workload->pool);
    if (fact->pool != NULL && (joins || (!job && workload->replicas <= 1))) {
        zl_history_pool(history, fact->pool)->open_until_ms = fact->at_ms + JOIN_GRACE_MS;
    }
    zl_replace_string(&workload->pool, pool);
    workload->replicas = fact->replicas;
}

static void apply_replicaset(struct zl_history *history, const struct zl_fact *fact)
{
    struct replicaset *replicaset = NULL;
    HASH_FIND_STR(history->replicasets, fact->uid, replicaset);
    if (replicaset == NULL) { /* kept for ever: its pods may outlive it */
        replicaset = zl_alloc(sizeof *replicaset);
        replicaset->uid = zl_strdup(fact->uid);
        replicaset->name = zl_strdup(fact->name);
        replicaset->waits_ms = -1;
        HASH_ADD_KEYPTR(hh, history->replicasets, replicaset->uid, strlen(replicaset->uid),
                        replicaset);
    }
    zl_replace_string(&replicaset->owner_uid, fact->owner_uid);
    replicaset->gone = fact->deleted;
    replicaset->replicas = fact->replicas;
    replicaset->revision = fact->deployment_revision;
}

static void free_pod(struct pod *pod)
{
    free(pod->uid);
    free(pod->name);
    free(pod->owner_uid);
    free(pod->believes);
    free(pod);
}

/* Has it any right to be here? Asked once, when it appears. */
static void judge_arrival(struct zl_history *history, const struct zl_fact *fact, struct pod *pod)
{
    const struct workload *workload = zl_history_workload_of(history, pod);
    const struct named *named = named_of(history, pod->uid, false);
    if (workload == NULL || workload->pool == NULL) {
        return;
    }
    struct pool *pool = zl_history_pool(history, workload->pool);
    pool->record.pods++;
    bool named_now =
        zl_same_string(pool->holder_uid, pod->uid) || zl_same_string(pool->successor_uid, pod->uid);
    if (pool->standby || (!workload->job && workload->replicas <= 1) || named_now) {
        return;
    }
    if (is_open(history, ZL_DOOR_OPEN, pool, fact->at_ms) ||
        (named != NULL && is_open(history, ZL_DOOR_SLOW, pool, fact->at_ms))) {
        pool->record.excused++;
    } else if (named != NULL) {
        zl_history_violated(history, ZL_LATE_COMMIT, fact, pool,
                            "pod %s (%s) appears after its claim went to %s", pod->name, pod->uid,
                            pool->holder_uid != NULL ? pool->holder_uid : "nobody");
    } else {
        zl_history_violated(history, ZL_SLIPPED_PAST, fact, pool,
                            "pod %s (%s) appears and no Lease ever named it; the holder is %s",
                            pod->name, pod->uid,
                            pool->holder_uid != NULL ? pool->holder_uid : "nobody");
    }
}

static void apply_pod(struct zl_history *history, const struct zl_fact *fact)
{
    struct pod *pod = NULL;
    HASH_FIND_STR(history->pods, fact->uid, pod);
    if (fact->deleted) {
        if (pod != NULL) {
            HASH_DELETE(hh, history->pods, pod);
            free_pod(pod);
        }
        return;
    }
    if (pod == NULL) {
        pod = zl_alloc(sizeof *pod);
        pod->uid = zl_strdup(fact->uid);
        pod->name = zl_strdup(fact->name);
        pod->owner_uid = zl_strdup(fact->owner_uid);
        HASH_ADD_KEYPTR(hh, history->pods, pod->uid, strlen(pod->uid), pod);
        judge_arrival(history, fact, pod);
    }
    pod->finished = fact->finished;
    pod->ready = fact->ready;
    pod->terminating = fact->terminating;
}

static void note_deposed(struct zl_history *history, const char *uids)
{
    while (uids != NULL && *uids != '\0') {
        size_t length = strcspn(uids, ",");
        if (length > 0) {
            ZL_AUTO_FREE char *uid = zl_strndup(uids, length);
            named_of(history, uid, true)->deposed = true;
        }
        uids += length + (uids[length] == ',');
    }
}

/* A new name stands in the Lease. */
static void judge_holder(struct zl_history *history, const struct zl_fact *fact, struct pool *pool)
{
    struct named *named = named_of(history, fact->holder_uid, true);
    if (named->deposed && !pool->standby) { /* in a standby pool every pod may lead again */
        zl_history_violated(history, ZL_DEPOSED_LEADS, fact, pool, "%s is given the seat again",
                            fact->holder_uid);
    }
    if (fact->token <= pool->highest_token && fact->token != named->token) {
        zl_history_violated(history, ZL_TOKEN_SHARED, fact, pool,
                            "holder %s has %lld, an earlier one had %lld", fact->holder_uid,
                            (long long)fact->token, (long long)pool->highest_token);
    }
    named->token = fact->token;
    if (!zl_same_string(fact->holder_uid, pool->last_holder_uid)) {
        pool->record.changes += pool->last_holder_uid != NULL;
        zl_replace_string(&pool->last_holder_uid, fact->holder_uid);
    }
}

static void apply_lease(struct zl_history *history, const struct zl_fact *fact)
{
    struct pool *pool = zl_history_pool(history, fact->pool);
    if (fact->deleted) {
        pool->has_lease = pool->provisional = false;
        pool->lease_token = 0;
        zl_replace_string(&pool->turn_uid, NULL);
        zl_replace_string(&pool->holder_uid, NULL);
        zl_replace_string(&pool->successor_uid, NULL);
        return;
    }
    if (fact->token < pool->lease_token) {
        zl_history_violated(history, ZL_TOKEN_FELL, fact, pool, "the Lease from %lld to %lld",
                            (long long)pool->lease_token, (long long)fact->token);
    }
    bool renamed = fact->holder_uid != NULL && !zl_same_string(fact->holder_uid, pool->holder_uid);
    if (renamed) {
        judge_holder(history, fact, pool);
    }
    zl_history_judge_turn(history, fact, pool);
    note_deposed(history, fact->deposed); /* after the judgement: this same write may depose */
    if (fact->successor_uid != NULL) {
        (void)named_of(history, fact->successor_uid, true);
    }
    pool->has_lease = true;
    pool->provisional = fact->provisional;
    pool->lease_token = fact->token;
    if (fact->token > pool->highest_token) {
        pool->highest_token = fact->token;
    }
    zl_replace_string(&pool->turn_uid, fact->turn_uid);
    zl_replace_string(&pool->holder_uid, fact->holder_uid);
    zl_replace_string(&pool->successor_uid, fact->successor_uid);
}

/* --- the state after it --- */

static void update_belief(struct zl_history *history, const struct zl_fact *fact, struct pod *pod)
{
    const struct workload *workload = zl_history_workload_of(history, pod);
    const struct named *named = named_of(history, pod->uid, false);
    const char *pool_name = workload != NULL ? workload->pool : NULL;
    bool may =
        pool_name != NULL && !pod->finished && named != NULL && (!named->deposed || workload->job);
    if (!may || !zl_same_string(pod->believes, pool_name)) {
        zl_replace_string(&pod->believes, NULL);
        pod->confirmed = false;
    }
    const struct pool *pool = may ? zl_history_pool(history, pool_name) : NULL;
    if (pool != NULL && zl_same_string(pool->holder_uid, pod->uid)) {
        if (pod->believes == NULL) {
            zl_history_judge_seat(history, fact, pool, pod);
        }
        zl_replace_string(&pod->believes, pool_name);
        pod->confirmed = pod->confirmed || !pool->provisional;
    }
}

/*
 * While the API server was held up, its claim grew old and was given away between the look that found no pod and the write:
 * the pod was stored in that moment. A late commit like the others.
 */
static bool is_late(const struct zl_history *history, const struct pool *pool,
                    const struct pod *pod, int64_t at_ms)
{
    return !pod->confirmed && !zl_same_string(pool->holder_uid, pod->uid) &&
           is_open(history, ZL_DOOR_SLOW, pool, at_ms);
}

static void judge_believers(struct zl_history *history, const struct zl_fact *fact,
                            struct pool *pool)
{
    const struct pod *first = NULL;
    const struct pod *second = NULL;
    for (struct pod *pod = history->pods; pod != NULL; pod = pod->hh.next) {
        if (zl_same_string(pod->believes, pool->name) && is_late(history, pool, pod, fact->at_ms)) {
            zl_replace_string(&pod->believes, NULL);
            pool->record.excused++;
        }
        if (zl_same_string(pod->believes, pool->name)) {
            *(first == NULL ? &first : &second) = pod;
        }
    }
    bool crowded = second != NULL && pool->has_policy && !pool->standby;
    if (crowded && !pool->crowded) {
        zl_history_violated(history, ZL_TWO_LEADERS, fact, pool,
                            "pods %s (%s) and %s (%s); the Lease names %s", first->name, first->uid,
                            second->name, second->uid,
                            pool->holder_uid != NULL ? pool->holder_uid : "nobody");
    }
    pool->crowded = crowded;
}

static void measure_gap(struct zl_history *history, struct pool *pool, int64_t at_ms)
{
    bool led = pool->jobs ? zl_history_executes(history, pool)
                          : zl_history_ready_leader(history, pool) != NULL;
    bool wanted = pool->jobs ? zl_history_next_job(history, pool) != NULL
                             : zl_history_wants_leader(history, pool);
    pool->has_led = pool->has_led || led;
    bool gap = pool->has_led && !led && wanted;
    if (gap && pool->leaderless_since_ms < 0) {
        pool->leaderless_since_ms = at_ms;
    } else if (!gap && pool->leaderless_since_ms >= 0) {
        int64_t lasted_ms = at_ms - pool->leaderless_since_ms;
        if (lasted_ms > pool->record.longest_ms) {
            pool->record.longest_ms = lasted_ms;
        }
        pool->leaderless_since_ms = -1;
    }
}

void zl_history_apply(struct zl_history *history, const struct zl_fact *fact)
{
    switch (fact->kind) {
    case ZL_FACT_POLICY:
        apply_policy(history, fact);
        break;
    case ZL_FACT_WORKLOAD:
        apply_workload(history, fact);
        break;
    case ZL_FACT_JOB:
        apply_workload(history, fact);
        zl_history_note_job(history, fact);
        break;
    case ZL_FACT_REPLICASET:
        apply_replicaset(history, fact);
        break;
    case ZL_FACT_POD:
        apply_pod(history, fact);
        break;
    case ZL_FACT_LEASE:
        apply_lease(history, fact);
        break;
    }
    for (struct pod *pod = history->pods; pod != NULL; pod = pod->hh.next) {
        update_belief(history, fact, pod);
    }
    for (struct pool *pool = history->pools; pool != NULL; pool = pool->hh.next) {
        judge_believers(history, fact, pool);
        measure_gap(history, pool, fact->at_ms);
    }
}

/* --- the end --- */

void zl_history_free(struct zl_history *history)
{
    struct pool *pool = NULL, *next_pool = NULL;
    struct workload *workload = NULL, *next_workload = NULL;
    struct replicaset *replicaset = NULL, *next_replicaset = NULL;
    struct pod *pod = NULL, *next_pod = NULL;
    struct named *named = NULL, *next_named = NULL;
    HASH_ITER(hh, history->pools, pool, next_pool)
    {
        HASH_DELETE(hh, history->pools, pool);
        free(pool->name);
        free(pool->status_uid);
        free(pool->turn_uid);
        free(pool->holder_uid);
        free(pool->successor_uid);
        free(pool->last_holder_uid);
        free(pool);
    }
    HASH_ITER(hh, history->workloads, workload, next_workload)
    {
        HASH_DELETE(hh, history->workloads, workload);
        free(workload->uid);
        free(workload->name);
        free(workload->pool);
        free(workload);
    }
    HASH_ITER(hh, history->replicasets, replicaset, next_replicaset)
    {
        HASH_DELETE(hh, history->replicasets, replicaset);
        free(replicaset->uid);
        free(replicaset->owner_uid);
        free(replicaset->name);
        free(replicaset);
    }
    HASH_ITER(hh, history->pods, pod, next_pod)
    {
        HASH_DELETE(hh, history->pods, pod);
        free_pod(pod);
    }
    HASH_ITER(hh, history->named, named, next_named)
    {
        HASH_DELETE(hh, history->named, named);
        free(named->uid);
        free(named);
    }
    for (size_t i = 0; i < history->door_count; i++) {
        free(history->doors[i].pool);
    }
    free(history->doors);
    free(history);
}
