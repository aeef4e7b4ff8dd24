/* SPDX-License-Identifier: Apache-2.0 */
/* Offers, and what becomes of the slots: ledger first, then `turn`. */
#include "common/base/memory.h"
#include "common/fleet/codec.h"
#include "common/fleet/next_internal.h"

enum { DAY_S = 86400, TOKENS_IN_S = 65536 };

/* Of a ledger's text: */
enum {
    ENTRY_MOST = 512,      /* an entry with the longest names and numbers */
    ENTRY_GROWTH = 192,    /* an offer, until it is active and was extended */
    LEDGER_GROWTH = 24576, /* tickets, failed tokens, a pause; and what others annotate */
};

static const struct zl_fleet_write NOTHING = {.kind = ZL_FLEET_NO_WRITE};

/* --- offers that are out --- */

static struct zl_fleet_write withdraw(const struct zl_fleet_view *view, const char *cluster,
                                      const char *rule)
{
    struct zl_fleet_ledger *next = zl_fleet_ledger_copy(view->ledger);
    zl_fleet_entry_remove(next, cluster);
    return zl_fleet_swap(view, next, rule);
}

static struct zl_fleet_write withdraw_all(const struct zl_fleet_view *view)
{
    struct zl_fleet_ledger *next = zl_fleet_ledger_copy(view->ledger);
    for (size_t i = next->active_count; i-- > 0;) {
        if (!next->active[i].active) {
            zl_fleet_entry_remove(next, next->active[i].cluster);
        }
    }
    return zl_fleet_swap(view, next, "offers-withdrawn");
}

static struct zl_fleet_write accept(const struct zl_fleet_view *view,
                                    const struct zl_fleet_cluster *cluster)
{
    struct zl_fleet_ledger *next = zl_fleet_ledger_copy(view->ledger);
    struct zl_fleet_entry *entry = zl_fleet_entry_of(next, cluster->name);
    entry->active = true;
    entry->gen = 1;
    entry->answers = cluster->request->nonce;
    entry->elapsed_ms = 0;
    ZL_FLEET_TEXT(entry->uid, cluster->member->cluster_uid);
    return zl_fleet_swap(view, next, "accepted");
}

static bool answers_offer(const struct zl_fleet_cluster *cluster,
                          const struct zl_fleet_entry *entry, enum zl_fleet_verb verb)
{
    return cluster->request->verb == verb && cluster->request->token == entry->token;
}

static struct zl_fleet_write offer_event(const struct zl_fleet_view *view,
                                         const struct zl_fleet_cluster *cluster,
                                         const struct zl_fleet_entry *entry)
{
    const struct zl_fleet_request *request = cluster->request;
    if (request == NULL || request->verb == ZL_FLEET_NOTHING ||
        request->report.token >= entry->token) {
        return withdraw(view, cluster->name, "offer-released");
    }
    if (cluster->duplicate) {
        return withdraw(view, cluster->name, "offer-to-duplicate");
    }
    if (answers_offer(cluster, entry, ZL_FLEET_ACCEPT) && request->nonce != 0) {
        return accept(view, cluster);
    }
    if (answers_offer(cluster, entry, ZL_FLEET_DECLINE)) {
        return withdraw(view, cluster->name, "declined");
    }
    if (cluster->entry_ms >= ZL_FLEET_OFFER_MS && view->unbroken_ms >= ZL_FLEET_OFFER_MS) {
        return withdraw(view, cluster->name, "offer-unanswered");
    }
    return NOTHING;
}

/* An offer whose cluster has left no trace: nobody can answer it. */
static struct zl_fleet_write orphaned_offer(const struct zl_fleet_view *view)
{
    for (size_t i = 0; i < view->ledger->active_count; i++) {
        const struct zl_fleet_entry *entry = &view->ledger->active[i];
        bool known = entry->active;
        for (size_t j = 0; j < view->count && !known; j++) {
            known = strcmp(view->clusters[j].name, entry->cluster) == 0;
        }
        if (!known) {
            return withdraw(view, entry->cluster, "offer-released");
        }
    }
    return NOTHING;
}

struct zl_fleet_write zl_fleet_row_offer_events(const struct zl_fleet_view *view,
                                                const struct zl_fleet_now *now)
{
    (void)now;
    for (size_t i = 0; i < view->count; i++) {
        const struct zl_fleet_cluster *cluster = &view->clusters[i];
        const struct zl_fleet_entry *entry = zl_fleet_slot_of(view, cluster);
        if (entry == NULL || entry->active) {
            continue;
        }
        if (zl_fleet_is_held(view->ledger)) {
            return withdraw_all(view);
        }
        struct zl_fleet_write write = offer_event(view, cluster, entry);
        if (write.kind != ZL_FLEET_NO_WRITE) {
            return write;
        }
    }
    return orphaned_offer(view);
}

/* --- turns that go on --- */

/* A new process of the holder goes on with the rest of the limit, so that one that crashes in a loop does not stay for ever. */
static struct zl_fleet_write renew(const struct zl_fleet_view *view,
                                   const struct zl_fleet_cluster *cluster, bool extend)
{
    struct zl_fleet_ledger *next = zl_fleet_ledger_copy(view->ledger);
    struct zl_fleet_entry *entry = zl_fleet_entry_of(next, cluster->name);
    int64_t rest_ms = entry->limit_ms - cluster->entry_ms;
    if (!extend) {
        entry->limit_ms = rest_ms;
    } else { /* never to end before what it follows */
        entry->limit_ms = next->limit_ms > rest_ms ? next->limit_ms : rest_ms;
        entry->extensions++;
    }
    entry->gen++;
    entry->elapsed_ms = 0;
    entry->answers = cluster->request->nonce;
    return zl_fleet_swap(view, next, extend ? "extended" : "resumed");
}

/* Somebody of the cluster that has ENTRY asks anew, in a turn that is not over. */
static bool asks(const struct zl_fleet_cluster *cluster, const struct zl_fleet_entry *entry)
{
    return zl_fleet_speaks_for(cluster, entry->uid) && !cluster->duplicate &&
           cluster->request->token == entry->token && cluster->request->nonce != 0 &&
           cluster->request->nonce != entry->answers &&
           cluster->request->report.token < entry->token && cluster->entry_ms < entry->limit_ms;
}

/* What has gone by of each turn is written down now and then: an arbiter's failover must not cost a whole turn. */
static struct zl_fleet_write note_elapsed(const struct zl_fleet_view *view)
{
    struct zl_fleet_ledger *next = zl_fleet_ledger_copy(view->ledger);
    for (size_t i = 0; i < view->count; i++) {
        struct zl_fleet_entry *entry = zl_fleet_entry_of(next, view->clusters[i].name);
        if (entry != NULL && entry->active && view->clusters[i].entry_ms > entry->elapsed_ms) {
            entry->elapsed_ms = view->clusters[i].entry_ms;
        }
    }
    return zl_fleet_swap(view, next, "elapsed");
}

static bool elapsed_is_due(const struct zl_fleet_cluster *cluster,
                           const struct zl_fleet_entry *entry)
{
    int64_t step_ms = entry->limit_ms / ZL_FLEET_ELAPSED_PARTS;
    if (step_ms < ZL_FLEET_LIMIT_LEAST_MS) {
        step_ms = ZL_FLEET_LIMIT_LEAST_MS;
    }
    int64_t over_ms = entry->limit_ms + zl_fleet_grace_ms(entry->limit_ms);
    return entry->elapsed_ms < over_ms && cluster->entry_ms >= entry->elapsed_ms + step_ms;
}

struct zl_fleet_write zl_fleet_row_active_events(const struct zl_fleet_view *view,
                                                 const struct zl_fleet_now *now)
{
    (void)now;
    bool due = false;
    for (size_t i = 0; i < view->count; i++) {
        const struct zl_fleet_cluster *cluster = &view->clusters[i];
        const struct zl_fleet_entry *entry = zl_fleet_slot_of(view, cluster);
        if (entry == NULL || !entry->active) {
            continue;
        }
        if (asks(cluster, entry) && cluster->request->verb == ZL_FLEET_RESUME) {
            return renew(view, cluster, false);
        }
        if (asks(cluster, entry) && cluster->request->verb == ZL_FLEET_EXTEND &&
            entry->extensions < view->ledger->max_extensions) {
            return renew(view, cluster, true);
        }
        due = due || elapsed_is_due(cluster, entry);
    }
    return due ? note_elapsed(view) : NOTHING;
}

/* --- new offers --- */

/* After a restart nobody knows who lives, nor whether the hub is what it was: all that live beat first, or time is over. */
static bool is_warm(const struct zl_fleet_view *view)
{
    if (view->unbroken_ms >= ZL_FLEET_COLD_MS) {
        return true;
    }
    for (size_t i = 0; i < view->count; i++) {
        const struct zl_fleet_cluster *cluster = &view->clusters[i];
        if (cluster->member != NULL && !cluster->beaten && !zl_fleet_is_absent(cluster)) {
            return false;
        }
    }
    return true;
}

static const struct zl_fleet_cluster *first_eligible(const struct zl_fleet_view *view,
                                                     const struct zl_fleet_ledger *ledger,
                                                     const struct zl_fleet_now *now)
{
    const struct zl_fleet_cluster *first = NULL;
    for (size_t i = 0; i < view->count; i++) {
        const struct zl_fleet_cluster *cluster = &view->clusters[i];
        if (cluster->turn != NULL && cluster->turn->state == ZL_FLEET_WAITING &&
            zl_fleet_entry_of(ledger, cluster->name) == NULL &&
            (first == NULL || zl_fleet_order(view, cluster, first) < 0) &&
            zl_fleet_why(ledger, cluster, now) == NULL &&
            zl_fleet_crowd_why(ledger, cluster) == NULL) {
            first = cluster;
        }
    }
    return first;
}

/* The later of both clocks: after a restoration the time alone says which tokens were given, and an arbiter's may be behind. */
static int64_t latest_s(const struct zl_fleet_now *now)
{
    if (now->server_s <= 0) {
        return now->wall_s;
    }
    const bool behind = now->wall_s < now->server_s;
    const int64_t early = behind ? now->wall_s : now->server_s;
    const int64_t late = behind ? now->server_s : now->wall_s;
    /* One that runs ahead cannot use up more than a day of tokens. */
    return late > early + DAY_S ? early + DAY_S : late;
}

/* Larger than all before it, on a restored hub too. */
static int64_t next_token(const struct zl_fleet_ledger *ledger, const struct zl_fleet_now *now)
{
    const int64_t seconds = latest_s(now);
    int64_t by_time =
        seconds > 0 && seconds < ZL_FLEET_NUMBER_MAX / TOKENS_IN_S ? seconds * TOKENS_IN_S : 0;
    return ledger->last_token + 1 > by_time ? ledger->last_token + 1 : by_time;
}

int64_t zl_fleet_token_most(const struct zl_fleet_now *now)
{
    const int64_t seconds = now->server_s + DAY_S + 1;
    return now->server_s > 0 && seconds < ZL_FLEET_NUMBER_MAX / TOKENS_IN_S
               ? seconds * TOKENS_IN_S - 1
               : 0;
}

static void add_offer(const struct zl_fleet_cluster *cluster, struct zl_fleet_ledger *next,
                      const struct zl_fleet_now *now)
{
    struct zl_fleet_entry entry = {.token = next_token(next, now), .limit_ms = next->limit_ms};
    next->last_token = entry.token;
    ZL_FLEET_TEXT(entry.cluster, cluster->name);
    ZL_FLEET_TEXT(entry.round, next->round);
    zl_fleet_place_entry(&next->plan, cluster, &entry);
    zl_fleet_entry_add(next, &entry);
}

int64_t zl_fleet_room(const struct zl_fleet_ledger *ledger)
{
    const int64_t grown = (int64_t)zl_fleet_ledger_least(ledger) +
                          (int64_t)ledger->active_count * ENTRY_GROWTH + LEDGER_GROWTH;
    return grown < ZL_FLEET_JSON_MAX ? (ZL_FLEET_JSON_MAX - grown) / ENTRY_MOST : 0;
}

struct zl_fleet_write zl_fleet_row_offer(const struct zl_fleet_view *view,
                                         const struct zl_fleet_now *now)
{
    const struct zl_fleet_ledger *ledger = view->ledger;
    if (zl_fleet_is_held(ledger) || !is_warm(view) || ledger->limit_ms < ZL_FLEET_LIMIT_LEAST_MS ||
        (int64_t)ledger->active_count >= ledger->n ||
        ledger->last_token >= ZL_FLEET_NUMBER_MAX - ZL_FLEET_N_MAX ||
        first_eligible(view, ledger, now) == NULL) {
        return NOTHING;
    }
    const int64_t room = zl_fleet_room(ledger);
    if (room == 0) {
        return NOTHING;
    }
    struct zl_fleet_ledger *next = zl_fleet_ledger_copy(ledger);
    const int64_t with_room = (int64_t)ledger->active_count + room;
    const int64_t most = next->n < with_room ? next->n : with_room;
    const struct zl_fleet_cluster *cluster = first_eligible(view, next, now);
    while (cluster != NULL && (int64_t)next->active_count < most) {
        add_offer(cluster, next, now);
        cluster = first_eligible(view, next, now);
    }
    return zl_fleet_swap(view, next, "offered");
}
