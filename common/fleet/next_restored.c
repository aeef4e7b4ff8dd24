/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hub that was restored from a backup does not know who acts. So nothing is offered and nothing expires until every turn
 * that may have been given since is over; who acts says so, and is written down again.
 */
#include "common/base/larger.h"
#include "common/base/memory.h"
#include "common/fleet/next_internal.h"

static const struct zl_fleet_write NOTHING = {.kind = ZL_FLEET_NO_WRITE};

static int64_t largest_token(const struct zl_fleet_view *view)
{
    int64_t token = zl_larger(view->ledger->last_token, view->seen_token);
    for (size_t i = 0; i < view->count; i++) {
        const struct zl_fleet_cluster *cluster = &view->clusters[i];
        if (cluster->turn != NULL) {
            token = zl_larger(token, zl_larger(cluster->turn->token, cluster->turn->ended_token));
        }
        if (cluster->request != NULL) {
            token = zl_larger(token, cluster->request->seen_token);
        }
    }
    return token;
}

static int64_t longest_limit_ms(const struct zl_fleet_view *view)
{
    int64_t limit_ms = view->ledger->limit_ms;
    for (size_t i = 0; i < view->ledger->active_count; i++) {
        limit_ms = zl_larger(limit_ms, view->ledger->active[i].limit_ms);
    }
    for (size_t i = 0; i < view->count; i++) {
        const struct zl_fleet_cluster *cluster = &view->clusters[i];
        limit_ms = zl_larger(limit_ms, cluster->turn != NULL ? cluster->turn->limit_ms : 0);
        if (cluster->request != NULL) { /* one that was raised since the backup counts */
            limit_ms = zl_larger(limit_ms, cluster->request->spec.limit_ms);
            limit_ms = zl_larger(limit_ms, cluster->request->rest_ms);
        }
    }
    return limit_ms < ZL_FLEET_LIMIT_MAX_MS ? limit_ms : ZL_FLEET_LIMIT_MAX_MS;
}

/* A member that found its Lease older than it had written it, and was not heard yet. */
static const struct zl_fleet_cluster *unheard_witness(const struct zl_fleet_view *view)
{
    for (size_t i = 0; i < view->count; i++) {
        const struct zl_fleet_cluster *cluster = &view->clusters[i];
        int64_t heard = cluster->turn != NULL ? cluster->turn->witnessed : 0;
        if (cluster->request != NULL && cluster->member->mark != 0 &&
            cluster->member->mark != heard) {
            return cluster;
        }
    }
    return NULL;
}

struct zl_fleet_write zl_fleet_row_restored(const struct zl_fleet_view *view,
                                            const struct zl_fleet_now *now)
{
    const struct zl_fleet_ledger *ledger = view->ledger;
    int64_t token = largest_token(view);
    bool held = ledger->restored_serial != 0;
    bool witnessed = view->older || unheard_witness(view) != NULL;
    if (held ? token <= ledger->last_token : token <= ledger->last_token && !witnessed) {
        return NOTHING;
    }
    struct zl_fleet_ledger *next = zl_fleet_ledger_copy(ledger);
    int64_t limit_ms = longest_limit_ms(view);
    next->last_token = token;
    next->hold_ms = zl_larger(next->hold_ms, limit_ms + zl_fleet_grace_ms(limit_ms));
    if (!held) {
        /* Who saw what was given may be gone, and whose clock it was as well. */
        next->last_token = zl_larger(token, zl_fleet_token_most(now));
        next->restored_serial = ++next->last_restored;
        next->restored_s = now->wall_s;
        next->hold_ms = limit_ms + zl_fleet_grace_ms(limit_ms);
    }
    return zl_fleet_swap(view, next, "restored");
}

struct zl_fleet_write zl_fleet_row_witness(const struct zl_fleet_view *view,
                                           const struct zl_fleet_now *now)
{
    (void)now;
    const struct zl_fleet_cluster *cluster = unheard_witness(view);
    if (view->ledger->restored_serial == 0 || cluster == NULL) {
        return NOTHING;
    }
    struct zl_fleet_turn turn = zl_fleet_told(view, cluster);
    turn.witnessed = cluster->member->mark;
    return zl_fleet_tell(cluster, &turn, "witness-heard");
}

/* In the place of what the ledger has of that cluster: an older turn of it is over, since it has this one. */
static struct zl_fleet_write adopt(const struct zl_fleet_view *view,
                                   const struct zl_fleet_cluster *cluster,
                                   const struct zl_fleet_entry *claimed)
{
    struct zl_fleet_ledger *next = zl_fleet_ledger_copy(view->ledger);
    struct zl_fleet_entry entry = *claimed;
    zl_fleet_place_entry(&next->plan, cluster, &entry);
    zl_fleet_entry_remove(next, cluster->name);
    zl_fleet_entry_add(next, &entry);
    next->last_token = zl_larger(next->last_token, claimed->token);
    int64_t over_ms = claimed->limit_ms + zl_fleet_grace_ms(claimed->limit_ms);
    next->hold_ms = zl_larger(next->hold_ms, over_ms);
    return zl_fleet_swap(view, next, "adopted");
}

static bool is_claim(const struct zl_fleet_view *view, const struct zl_fleet_cluster *cluster)
{
    const struct zl_fleet_request *request = cluster->request;
    const struct zl_fleet_entry *entry = zl_fleet_slot_of(view, cluster);
    if (request == NULL || cluster->duplicate || request->verb != ZL_FLEET_CLAIM ||
        request->token == 0 || request->report.token >= request->token) {
        return false;
    }
    if (cluster->turn != NULL && cluster->turn->ended_token >= request->token) {
        return false;
    }
    if (entry == NULL) {
        return true;
    }
    return entry->token < request->token ||
           (entry->token == request->token && entry->gen <= request->gen &&
            entry->answers != request->nonce);
}

static struct zl_fleet_entry entry_of_claim(const struct zl_fleet_view *view,
                                            const struct zl_fleet_cluster *cluster)
{
    const struct zl_fleet_request *request = cluster->request;
    struct zl_fleet_entry entry = {.active = true,
                                   .token = request->token,
                                   .gen = request->gen + 1,
                                   .answers = request->nonce,
                                   .limit_ms = request->rest_ms};
    if (entry.limit_ms > ZL_FLEET_LIMIT_MAX_MS) {
        entry.limit_ms = ZL_FLEET_LIMIT_MAX_MS;
    }
    ZL_FLEET_TEXT(entry.cluster, cluster->name);
    ZL_FLEET_TEXT(entry.uid, cluster->member->cluster_uid);
    ZL_FLEET_TEXT(entry.round, view->ledger->round);
    return entry;
}

/* The ledger was lost, `turn` was not. */
static struct zl_fleet_entry entry_of_turn(const struct zl_fleet_cluster *cluster)
{
    const struct zl_fleet_turn *turn = cluster->turn;
    struct zl_fleet_entry entry = {.active = true,
                                   .token = turn->token,
                                   .gen = turn->gen,
                                   .answers = turn->answers,
                                   .limit_ms = turn->limit_ms};
    ZL_FLEET_TEXT(entry.cluster, cluster->name);
    ZL_FLEET_TEXT(entry.uid, turn->uid);
    ZL_FLEET_TEXT(entry.round, turn->round);
    return entry;
}

struct zl_fleet_write zl_fleet_row_adopt(const struct zl_fleet_view *view,
                                         const struct zl_fleet_now *now)
{
    (void)now;
    if (view->ledger->restored_serial == 0) {
        return NOTHING;
    }
    for (size_t i = 0; i < view->count; i++) {
        const struct zl_fleet_cluster *cluster = &view->clusters[i];
        if (is_claim(view, cluster)) {
            struct zl_fleet_entry entry = entry_of_claim(view, cluster);
            return adopt(view, cluster, &entry);
        }
        const struct zl_fleet_turn *turn = cluster->turn;
        if (turn != NULL && turn->state == ZL_FLEET_ACTIVE && turn->ended_token < turn->token &&
            zl_fleet_slot_of(view, cluster) == NULL) {
            struct zl_fleet_entry entry = entry_of_turn(cluster);
            return adopt(view, cluster, &entry);
        }
    }
    return NOTHING;
}

struct zl_fleet_write zl_fleet_row_restored_over(const struct zl_fleet_view *view,
                                                 const struct zl_fleet_now *now)
{
    (void)now;
    if (view->ledger->restored_serial == 0 || view->restored_ms < view->ledger->hold_ms) {
        return NOTHING;
    }
    struct zl_fleet_ledger *next = zl_fleet_ledger_copy(view->ledger);
    next->restored_serial = 0;
    next->restored_s = 0;
    next->hold_ms = 0;
    return zl_fleet_swap(view, next, "restored-over");
}
