/* SPDX-License-Identifier: Apache-2.0 */
#include "common/fleet/fleet.h"

#include "common/base/memory.h"
#include "common/base/utf8.h"

int64_t zl_fleet_margin_ms(int64_t limit_ms)
{
    return limit_ms / 20 < 10000 ? limit_ms / 20 : 10000;
}

int64_t zl_fleet_grace_ms(int64_t limit_ms)
{
    return limit_ms / 50 > 1000 ? limit_ms / 50 : 1000;
}

static void *copy_items(const void *items, size_t count, size_t size)
{
    if (count == 0) {
        return NULL;
    }
    void *copy = zl_realloc(NULL, count, size);
    memcpy(copy, items, count * size);
    return copy;
}

struct zl_fleet_ledger *zl_fleet_ledger_copy(const struct zl_fleet_ledger *ledger)
{
    struct zl_fleet_ledger *copy = zl_alloc(sizeof *copy);
    *copy = *ledger;
    copy->active = copy_items(ledger->active, ledger->active_count, sizeof *copy->active);
    copy->tickets = copy_items(ledger->tickets, ledger->ticket_count, sizeof *copy->tickets);
    copy->queue = copy_items(ledger->queue, ledger->queue_count, sizeof *copy->queue);
    copy->history = copy_items(ledger->history, ledger->history_count, sizeof *copy->history);
    return copy;
}

void zl_fleet_ledger_clear(struct zl_fleet_ledger *ledger)
{
    free(ledger->active);
    free(ledger->tickets);
    free(ledger->queue);
    free(ledger->history);
    memset(ledger, 0, sizeof *ledger);
}

void zl_fleet_ledger_free(struct zl_fleet_ledger *ledger)
{
    if (ledger != NULL) {
        zl_fleet_ledger_clear(ledger);
        free(ledger);
    }
}

static int by_cluster(const void *left, const void *right)
{
    const struct zl_fleet_entry *a = left, *b = right;
    return strcmp(a->cluster, b->cluster);
}

static int is_of(const void *cluster, const void *entry)
{
    return strcmp(cluster, ((const struct zl_fleet_entry *)entry)->cluster);
}

struct zl_fleet_entry *zl_fleet_entry_of(const struct zl_fleet_ledger *ledger, const char *cluster)
{
    return ledger->active_count > 0 ? bsearch(cluster, ledger->active, ledger->active_count,
                                              sizeof *ledger->active, is_of)
                                    : NULL;
}

void zl_fleet_entries_sort(struct zl_fleet_ledger *ledger)
{
    if (ledger->active_count > 1) {
        qsort(ledger->active, ledger->active_count, sizeof *ledger->active, by_cluster);
    }
}

void zl_fleet_entry_add(struct zl_fleet_ledger *ledger, const struct zl_fleet_entry *entry)
{
    ledger->active = zl_realloc(ledger->active, ledger->active_count + 1, sizeof *ledger->active);
    ledger->active[ledger->active_count++] = *entry;
    zl_fleet_entries_sort(ledger);
}

void zl_fleet_entry_remove(struct zl_fleet_ledger *ledger, const char *cluster)
{
    const struct zl_fleet_entry *entry = zl_fleet_entry_of(ledger, cluster);
    if (entry != NULL) {
        size_t at = (size_t)(entry - ledger->active);
        ledger->active_count--;
        memmove(&ledger->active[at], &ledger->active[at + 1],
                (ledger->active_count - at) * sizeof *ledger->active);
    }
}

bool zl_fleet_has_failed(const struct zl_fleet_ledger *ledger, int64_t token)
{
    for (size_t i = 0; i < ledger->failed_count; i++) {
        if (ledger->failed[i] == token) {
            return true;
        }
    }
    return false;
}

void zl_fleet_begin_round(struct zl_fleet_ledger *ledger, const char *round)
{
    if (strcmp(ledger->round, round) == 0) {
        return;
    }
    ZL_FLEET_TEXT(ledger->round, round);
    ledger->counts = (struct zl_fleet_counts){.waiting = ledger->counts.waiting};
    memset(&ledger->progress, 0, sizeof ledger->progress);
}

void zl_fleet_open_stage(struct zl_fleet_ledger *ledger)
{
    ledger->progress.open++;
    ledger->progress.over_s = 0;
}

void zl_fleet_pause(struct zl_fleet_ledger *ledger, const char *by, const char *reason,
                    int64_t now_s)
{
    ledger->pause.id = ++ledger->last_pause;
    ledger->pause.since_s = now_s;
    ZL_FLEET_TEXT(ledger->pause.by, by);
    ZL_FLEET_TEXT(ledger->pause.reason, reason);
    for (size_t i = ledger->active_count; i-- > 0;) {
        if (!ledger->active[i].active) {
            zl_fleet_entry_remove(ledger, ledger->active[i].cluster);
        }
    }
}

bool zl_fleet_resume(struct zl_fleet_ledger *ledger, int64_t id)
{
    if (ledger->pause.id == 0 || ledger->pause.id != id) {
        return false;
    }
    memset(&ledger->pause, 0, sizeof ledger->pause);
    ledger->failed_count = 0;
    return true;
}

void zl_fleet_turns_clear(struct zl_fleet_turns *turns)
{
    free(turns->items);
    memset(turns, 0, sizeof *turns);
}

const struct zl_fleet_turn *zl_fleet_turn_of(const struct zl_fleet_turns *turns, const char *pool)
{
    for (size_t i = 0; i < turns->count; i++) {
        if (strcmp(turns->items[i].pool, pool) == 0) {
            return &turns->items[i];
        }
    }
    return NULL;
}

void zl_fleet_turn_put(struct zl_fleet_turns *turns, const struct zl_fleet_turn *turn)
{
    const struct zl_fleet_turn *was = zl_fleet_turn_of(turns, turn->pool);
    size_t at = was != NULL ? (size_t)(was - turns->items) : turns->count;
    if (was == NULL) {
        turns->items = zl_realloc(turns->items, turns->count + 1, sizeof *turns->items);
        turns->count++;
    }
    turns->items[at] = *turn;
}

/* What is compared was decoded into memory that was zero: two that say the same have the same bytes. */
bool zl_fleet_member_is_same(const struct zl_fleet_member *left,
                             const struct zl_fleet_member *right)
{
    return strcmp(left->cluster_uid, right->cluster_uid) == 0 &&
           left->period_ms == right->period_ms && left->mark == right->mark &&
           strcmp(left->labels, right->labels) == 0 && left->count == right->count &&
           (left->count == 0 ||
            memcmp(left->items, right->items, left->count * sizeof *left->items) == 0);
}

void zl_fleet_member_clear(struct zl_fleet_member *member)
{
    free(member->items);
    memset(member, 0, sizeof *member);
}

const struct zl_fleet_request *zl_fleet_request_of(const struct zl_fleet_member *member,
                                                   const char *pool)
{
    for (size_t i = 0; i < member->count; i++) {
        if (strcmp(member->items[i].pool, pool) == 0) {
            return &member->items[i];
        }
    }
    return NULL;
}

void zl_fleet_request_put(struct zl_fleet_member *member, const struct zl_fleet_request *request)
{
    const struct zl_fleet_request *was = zl_fleet_request_of(member, request->pool);
    size_t at = was != NULL ? (size_t)(was - member->items) : member->count;
    if (was == NULL) {
        member->items = zl_realloc(member->items, member->count + 1, sizeof *member->items);
        member->count++;
    }
    member->items[at] = *request;
}

bool zl_fleet_is_answered(const struct zl_fleet_report *report, const struct zl_fleet_turn *turn)
{
    if (report->token == 0 || report->outcome == ZL_FLEET_NO_OUTCOME ||
        turn->ended_token > report->token) {
        return true;
    }
    /* A failure that was only assumed is taken back, and that must have been said. */
    return turn->ended_token == report->token &&
           (report->outcome != ZL_FLEET_DONE || turn->outcome != ZL_FLEET_EXPIRED);
}

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool zl_fleet_name_is_valid(const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < length; i++) {
        bool inside = i > 0 && i + 1 < length;
        bool dash = name[i] == '-' && inside && name[i - 1] != '.' && name[i + 1] != '.';
        bool dot = name[i] == '.' && inside && is_plain(name[i - 1]) && is_plain(name[i + 1]);
        if (!is_plain(name[i]) && !dash && !dot) {
            return false;
        }
    }
    return length > 0 && length < ZL_FLEET_NAME_MAX;
}

void zl_fleet_text(char *out, size_t size, const char *text)
{
    size_t length = text != NULL ? strlen(text) : 0;
    if (length >= size) {
        length = zl_utf8_floor(text, size - 1);
    }
    memset(out, 0, size); /* nothing of an older text stays behind the new one */
    (void)snprintf(out, size, "%.*s", (int)length, text != NULL ? text : "");
}

const char *zl_fleet_state_name(enum zl_fleet_state state)
{
    static const char *const names[] = {[ZL_FLEET_IDLE] = "Idle",
                                        [ZL_FLEET_WAITING] = "Waiting",
                                        [ZL_FLEET_OFFERED] = "Offered",
                                        [ZL_FLEET_ACTIVE] = "Active"};
    return names[state];
}

const char *zl_fleet_outcome_name(enum zl_fleet_outcome outcome)
{
    static const char *const names[] = {
        [ZL_FLEET_NO_OUTCOME] = "",     [ZL_FLEET_DONE] = "Done",
        [ZL_FLEET_FAILED] = "Failed",   [ZL_FLEET_RELEASED] = "Released",
        [ZL_FLEET_EXPIRED] = "Expired", [ZL_FLEET_DONE_LATE] = "DoneLate"};
    return names[outcome];
}

const char *zl_fleet_verb_name(enum zl_fleet_verb verb)
{
    static const char *const names[] = {
        [ZL_FLEET_NOTHING] = "",        [ZL_FLEET_WANT] = "want",     [ZL_FLEET_ACCEPT] = "accept",
        [ZL_FLEET_DECLINE] = "decline", [ZL_FLEET_RESUME] = "resume", [ZL_FLEET_EXTEND] = "extend",
        [ZL_FLEET_CLAIM] = "claim"};
    return names[verb];
}
