/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/memory.h"
#include "test/chaos/history_internal.h"

#include <stdlib.h>
#include <string.h>

/* --- doors --- */

void zl_history_open(struct zl_history *history, enum zl_door kind, const char *pool,
                     int64_t from_ms)
{
    history->doors = zl_realloc(history->doors, history->door_count + 1, sizeof history->doors[0]);
    history->doors[history->door_count++] = (struct door){
        .kind = kind, .pool = zl_strdup(pool), .from_ms = from_ms, .to_ms = INT64_MAX};
}

void zl_history_close(struct zl_history *history, enum zl_door kind, const char *pool,
                      int64_t to_ms, int64_t grace_ms)
{
    for (size_t i = 0; i < history->door_count; i++) {
        struct door *door = &history->doors[i];
        if (door->to_ms == INT64_MAX && door->kind == kind && zl_same_string(door->pool, pool)) {
            door->to_ms = to_ms + grace_ms;
            return;
        }
    }
}

/* --- looking back --- */

static bool is_member(const struct zl_history *history, const struct pod *pod,
                      const struct pool *pool)
{
    const struct workload *workload = zl_history_workload_of(history, pod);
    return workload != NULL && zl_same_string(workload->pool, pool->name);
}

char *zl_history_lack(const struct zl_history *history, const struct pool *pool)
{
    if (pool->jobs && pool->has_policy) {
        return zl_history_lack_of_jobs(history, pool);
    }
    if (!zl_history_wants_leader(history, pool)) {
        return NULL;
    }
    const struct pod *leader = zl_history_ready_leader(history, pool);
    if (leader == NULL) {
        return zl_asprintf("pool %s has no Ready leader; the Lease names %s", pool->name,
                           pool->holder_uid != NULL ? pool->holder_uid : "nobody");
    }
    for (const struct pod *pod = history->pods; !pool->standby && pod != NULL; pod = pod->hh.next) {
        const struct workload *workload = zl_history_workload_of(history, pod);
        if (pod != leader && !pod->finished && is_member(history, pod, pool) &&
            workload->replicas > 1) {
            return zl_asprintf("pool %s: pod %s (%s) is there beside the leader", pool->name,
                               pod->name, pod->uid);
        }
    }
    if (pool->provisional) {
        return zl_asprintf("pool %s: the claim is not confirmed", pool->name);
    }
    if (!zl_same_string(pool->status_uid, pool->holder_uid) ||
        pool->status_token != pool->lease_token) {
        return zl_asprintf("pool %s: status says leader %s and token %lld, the Lease %s and %lld",
                           pool->name, pool->status_uid != NULL ? pool->status_uid : "nobody",
                           (long long)pool->status_token, pool->holder_uid,
                           (long long)pool->lease_token);
    }
    return NULL;
}

bool zl_history_record(const struct zl_history *history, unsigned index, int64_t now_ms,
                       struct zl_pool_record *out)
{
    const struct pool *pool = history->pools;
    for (unsigned i = 0; pool != NULL && i < index; i++) {
        pool = pool->hh.next;
    }
    if (pool == NULL) {
        return false;
    }
    *out = pool->record;
    out->token = pool->highest_token;
    if (pool->leaderless_since_ms >= 0 && now_ms - pool->leaderless_since_ms > out->longest_ms) {
        out->longest_ms = now_ms - pool->leaderless_since_ms;
    }
    return true;
}
