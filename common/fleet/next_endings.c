/* SPDX-License-Identifier: Apache-2.0 */
/* How turns end: `turn` first, then the ledger by what `turn` shows, so that each end counts once. */
#include "common/base/memory.h"
#include "common/fleet/next_internal.h"

static const struct zl_fleet_write NOTHING = {.kind = ZL_FLEET_NO_WRITE};

static void remember(struct zl_fleet_ledger *ledger, const struct zl_fleet_entry *entry,
                     enum zl_fleet_outcome outcome, int64_t now_s)
{
    struct zl_fleet_ending ending = {.token = entry->token, .at_s = now_s, .outcome = outcome};
    ZL_FLEET_TEXT(ending.cluster, entry->cluster);
    ZL_FLEET_TEXT(ending.round, entry->round);
    ledger->history =
        zl_realloc(ledger->history, ledger->history_count + 1, sizeof *ledger->history);
    ledger->history[ledger->history_count++] = ending;
    if (ledger->history_count > ZL_FLEET_SHOWN_MAX) {
        ledger->history_count--;
        memmove(ledger->history, ledger->history + 1,
                ledger->history_count * sizeof *ledger->history);
    }
}

/* The numbers are of the round that is under way. */
static void count_ending(struct zl_fleet_ledger *ledger, const char *round,
                         enum zl_fleet_outcome outcome)
{
    int64_t *const counts[] = {
        [ZL_FLEET_DONE] = &ledger->counts.done,         [ZL_FLEET_FAILED] = &ledger->counts.failed,
        [ZL_FLEET_EXPIRED] = &ledger->counts.failed,    [ZL_FLEET_DONE_LATE] = &ledger->counts.late,
        [ZL_FLEET_RELEASED] = &ledger->counts.released,
    };
    if (outcome != ZL_FLEET_NO_OUTCOME && strcmp(ledger->round, round) == 0) {
        (*counts[outcome])++;
    }
}

/* A failure counts, and pauses, in the very swap that ends the turn. */
static void count_failure(struct zl_fleet_ledger *ledger, const char *cluster, int64_t token,
                          const char *how, int64_t now_s)
{
    if (zl_fleet_has_failed(ledger, token)) {
        return;
    }
    if (ledger->failed_count == ZL_FLEET_SHOWN_MAX) {
        ledger->failed_count--;
        memmove(ledger->failed, ledger->failed + 1,
                ledger->failed_count * sizeof ledger->failed[0]);
    }
    ledger->failed[ledger->failed_count++] = token;
    if (ledger->max_failures >= 0 && (int64_t)ledger->failed_count > ledger->max_failures) {
        ZL_AUTO_FREE char *reason = zl_asprintf("%s %s", cluster, how);
        zl_fleet_pause(ledger, "zen-lead", reason, now_s);
    }
}

static const char *failure_text(const struct zl_fleet_cluster *cluster,
                                enum zl_fleet_outcome outcome)
{
    if (outcome == ZL_FLEET_EXPIRED) {
        return "did not finish within its turn";
    }
    return cluster->request != NULL && cluster->request->report.reason[0] != '\0'
               ? cluster->request->report.reason
               : "failed";
}

static struct zl_fleet_write ending(struct zl_fleet_write write, enum zl_fleet_outcome outcome)
{
    write.ended = outcome;
    return write;
}

static struct zl_fleet_write complete(const struct zl_fleet_view *view,
                                      const struct zl_fleet_cluster *cluster,
                                      const struct zl_fleet_entry *entry, int64_t now_s)
{
    struct zl_fleet_ledger *next = zl_fleet_ledger_copy(view->ledger);
    bool same = cluster->turn->ended_token == entry->token;
    /* Of an older turn nobody knows any more how it ended: that is no success. */
    enum zl_fleet_outcome outcome = same ? cluster->turn->outcome : ZL_FLEET_EXPIRED;
    outcome = outcome != ZL_FLEET_NO_OUTCOME ? outcome : ZL_FLEET_EXPIRED;
    zl_fleet_entry_remove(next, cluster->name);
    if (!entry->active) {
        return zl_fleet_swap(view, next, "offer-over");
    }
    remember(next, entry, outcome, now_s);
    count_ending(next, entry->round, outcome);
    if (outcome == ZL_FLEET_FAILED || outcome == ZL_FLEET_EXPIRED) {
        count_failure(next, cluster->name, entry->token, failure_text(cluster, outcome), now_s);
    }
    return ending(zl_fleet_swap(view, next, "complete"), outcome);
}

struct zl_fleet_write zl_fleet_row_complete(const struct zl_fleet_view *view,
                                            const struct zl_fleet_now *now)
{
    for (size_t i = 0; i < view->count; i++) {
        const struct zl_fleet_cluster *cluster = &view->clusters[i];
        const struct zl_fleet_entry *entry = zl_fleet_slot_of(view, cluster);
        if (entry != NULL && cluster->turn != NULL && cluster->turn->ended_token >= entry->token) {
            return complete(view, cluster, entry, now->wall_s);
        }
    }
    return NOTHING;
}

static struct zl_fleet_turn ended(const struct zl_fleet_view *view,
                                  const struct zl_fleet_cluster *cluster, int64_t token,
                                  enum zl_fleet_outcome outcome)
{
    struct zl_fleet_turn turn = zl_fleet_told(view, cluster);
    turn.ended_token = token;
    turn.outcome = outcome;
    turn.why[0] = '\0';
    if (turn.token <= token) {
        turn.state = ZL_FLEET_IDLE;
        turn.declines = 0;
        turn.position = 0;
    }
    return turn;
}

static struct zl_fleet_write end(const struct zl_fleet_view *view,
                                 const struct zl_fleet_cluster *cluster,
                                 const struct zl_fleet_entry *entry, enum zl_fleet_outcome outcome,
                                 const char *rule)
{
    struct zl_fleet_turn turn = ended(view, cluster, entry->token, outcome);
    bool same_round = strcmp(turn.round, entry->round) == 0;
    turn.turns = same_round ? turn.turns + 1 : 1;
    turn.done = (same_round ? turn.done : 0) + (outcome == ZL_FLEET_DONE);
    ZL_FLEET_TEXT(turn.round, entry->round);
    ZL_FLEET_TEXT(turn.uid, entry->uid);
    return zl_fleet_tell(cluster, &turn, rule);
}

/* Is `turn` exactly at ENTRY? Only then its end may be written: one that was just extended is not ended by who has not heard. */
static bool shows(const struct zl_fleet_cluster *cluster, const struct zl_fleet_entry *entry)
{
    return cluster->turn != NULL && cluster->turn->state == ZL_FLEET_ACTIVE &&
           cluster->turn->token == entry->token && cluster->turn->gen == entry->gen;
}

static bool has_expired(const struct zl_fleet_view *view, const struct zl_fleet_cluster *cluster,
                        const struct zl_fleet_entry *entry)
{
    return view->ledger->restored_serial == 0 && view->unbroken_ms >= ZL_FLEET_UNBROKEN_MS &&
           cluster->entry_ms >= entry->limit_ms + zl_fleet_grace_ms(entry->limit_ms);
}

struct zl_fleet_write zl_fleet_row_end(const struct zl_fleet_view *view,
                                       const struct zl_fleet_now *now)
{
    (void)now;
    for (size_t i = 0; i < view->count; i++) {
        const struct zl_fleet_cluster *cluster = &view->clusters[i];
        const struct zl_fleet_entry *entry = zl_fleet_slot_of(view, cluster);
        if (entry == NULL || !entry->active || !shows(cluster, entry)) {
            continue;
        }
        if (zl_fleet_speaks_for(cluster, entry->uid) &&
            cluster->request->report.token == entry->token &&
            cluster->request->report.outcome != ZL_FLEET_NO_OUTCOME) {
            return end(view, cluster, entry, cluster->request->report.outcome, "report");
        }
        if (has_expired(view, cluster, entry)) {
            return end(view, cluster, entry, ZL_FLEET_EXPIRED, "expired");
        }
    }
    return NOTHING;
}

/* A success was taken for a failure: that is taken back once, whoever dies in between. The pause stays. */
static struct zl_fleet_write take_back(const struct zl_fleet_view *view,
                                       const struct zl_fleet_cluster *cluster)
{
    int64_t token = cluster->turn->ended_token;
    if (!zl_fleet_has_failed(view->ledger, token)) {
        struct zl_fleet_turn turn = *cluster->turn;
        turn.outcome = ZL_FLEET_DONE_LATE;
        turn.done++;
        return zl_fleet_tell(cluster, &turn, "done-late");
    }
    struct zl_fleet_ledger *next = zl_fleet_ledger_copy(view->ledger);
    size_t kept = 0;
    for (size_t i = 0; i < next->failed_count; i++) {
        if (next->failed[i] != token) {
            next->failed[kept++] = next->failed[i];
        }
    }
    next->failed_count = kept;
    bool counted = strcmp(cluster->turn->round, next->round) == 0;
    next->counts.failed -= counted && next->counts.failed > 0;
    next->counts.late += counted;
    for (size_t i = 0; i < next->history_count; i++) {
        if (next->history[i].token == token) {
            next->history[i].outcome = ZL_FLEET_DONE_LATE;
        }
    }
    return ending(zl_fleet_swap(view, next, "done-late"), ZL_FLEET_DONE_LATE);
}

struct zl_fleet_write zl_fleet_row_late(const struct zl_fleet_view *view,
                                        const struct zl_fleet_now *now)
{
    (void)now;
    for (size_t i = 0; i < view->count; i++) {
        const struct zl_fleet_cluster *cluster = &view->clusters[i];
        if (cluster->turn != NULL && cluster->turn->outcome == ZL_FLEET_EXPIRED &&
            zl_fleet_speaks_for(cluster, cluster->turn->uid) &&
            cluster->request->report.outcome == ZL_FLEET_DONE &&
            cluster->request->report.token == cluster->turn->ended_token) {
            return take_back(view, cluster);
        }
    }
    return NOTHING;
}

/* A report for a turn that the ledger does not know: a failure counts all the same, and it is answered. */
static struct zl_fleet_write answer(const struct zl_fleet_view *view,
                                    const struct zl_fleet_cluster *cluster, int64_t now_s)
{
    const struct zl_fleet_report *report = &cluster->request->report;
    const struct zl_fleet_turn told = zl_fleet_told(view, cluster);
    bool offer = told.token == report->token && told.state != ZL_FLEET_ACTIVE;
    if (report->outcome == ZL_FLEET_FAILED && !offer &&
        !zl_fleet_has_failed(view->ledger, report->token)) {
        struct zl_fleet_ledger *next = zl_fleet_ledger_copy(view->ledger);
        count_failure(next, cluster->name, report->token, failure_text(cluster, ZL_FLEET_FAILED),
                      now_s);
        count_ending(next, next->round, ZL_FLEET_FAILED);
        return ending(zl_fleet_swap(view, next, "unknown-failed"), ZL_FLEET_FAILED);
    }
    struct zl_fleet_turn turn = ended(view, cluster, report->token, report->outcome);
    return zl_fleet_tell(cluster, &turn, "unknown-answered");
}

struct zl_fleet_write zl_fleet_row_answer(const struct zl_fleet_view *view,
                                          const struct zl_fleet_now *now)
{
    for (size_t i = 0; i < view->count; i++) {
        const struct zl_fleet_cluster *cluster = &view->clusters[i];
        if (cluster->request == NULL || cluster->duplicate) {
            continue;
        }
        const struct zl_fleet_report *report = &cluster->request->report;
        const struct zl_fleet_entry *entry = zl_fleet_slot_of(view, cluster);
        int64_t ended_token = cluster->turn != NULL ? cluster->turn->ended_token : 0;
        if (report->outcome != ZL_FLEET_NO_OUTCOME && report->token > ended_token &&
            (entry == NULL || entry->token > report->token)) {
            return answer(view, cluster, now->wall_s);
        }
    }
    return NOTHING;
}
