/* SPDX-License-Identifier: Apache-2.0 */
#include "common/fleet/fields.h"

#define AT(member) ZL_FIELD_AT(struct zl_fleet_ledger, member)
#define ENTRY(member) ZL_FIELD_AT(struct zl_fleet_entry, member)
#define TICKET(member) ZL_FIELD_AT(struct zl_fleet_ticket, member)
#define ENDING(member) ZL_FIELD_AT(struct zl_fleet_ending, member)
#define ITEMS(member, count) ZL_FIELD_ITEMS(struct zl_fleet_ledger, member, count)

/* Of an entry: it is an offer, or it is not. */
static const char *slot_word(int active)
{
    return zl_fleet_state_name(active != 0 ? ZL_FLEET_ACTIVE : ZL_FLEET_OFFERED);
}

static const struct zl_field PAUSED[] = {
    {"id", ZL_FIELD_NUMBER, AT(pause.id), .least = 1, .required = true},
    {"by", ZL_FIELD_TEXT, AT(pause.by)},
    {"reason", ZL_FIELD_TEXT, AT(pause.reason)},
    {"since", ZL_FIELD_NUMBER, AT(pause.since_s)},
    {.name = NULL}};

static const struct zl_field RESTORED[] = {{"serial", ZL_FIELD_NUMBER, AT(restored_serial)},
                                           {"since", ZL_FIELD_NUMBER, AT(restored_s)},
                                           {"holdMs", ZL_FIELD_NUMBER, AT(hold_ms)},
                                           {.name = NULL}};

static const struct zl_field COUNTS[] = {{"waiting", ZL_FIELD_NUMBER, AT(counts.waiting)},
                                         {"done", ZL_FIELD_NUMBER, AT(counts.done)},
                                         {"failed", ZL_FIELD_NUMBER, AT(counts.failed)},
                                         {"released", ZL_FIELD_NUMBER, AT(counts.released)},
                                         {"late", ZL_FIELD_NUMBER, AT(counts.late)},
                                         {.name = NULL}};

static const struct zl_field TOKEN[] = {
    {NULL, ZL_FIELD_NUMBER, .size = sizeof(int64_t), .least = 1}, {.name = NULL}};

static const struct zl_field QUEUED[] = {{NULL, ZL_FIELD_TEXT, .size = ZL_FLEET_NAME_MAX},
                                         {.name = NULL}};

static const struct zl_field ACTIVE[] = {
    {"cluster", ZL_FIELD_NAME, ENTRY(cluster), .required = true},
    {"uid", ZL_FIELD_NAME, ENTRY(uid)},
    {"round", ZL_FIELD_NAME, ENTRY(round)},
    {"state", ZL_FIELD_WORD, ENTRY(active), .most = 2, .word = slot_word},
    {"token", ZL_FIELD_NUMBER, ENTRY(token), .least = 1, .required = true},
    {"gen", ZL_FIELD_NUMBER, ENTRY(gen)},
    {"answers", ZL_FIELD_NUMBER, ENTRY(answers)},
    {"limitMs", ZL_FIELD_NUMBER, ENTRY(limit_ms)},
    {"elapsedMs", ZL_FIELD_NUMBER, ENTRY(elapsed_ms)},
    {"extensions", ZL_FIELD_NUMBER, ENTRY(extensions)},
    {"stage", ZL_FIELD_NUMBER, ENTRY(stage)},
    {"spread", ZL_FIELD_NAME, ENTRY(spread)},
    {.name = NULL}};

static const struct zl_field TICKETS[] = {{"cluster", ZL_FIELD_NAME, TICKET(cluster)},
                                          {"ticket", ZL_FIELD_NUMBER, TICKET(ticket)},
                                          {"nonce", ZL_FIELD_NUMBER, TICKET(nonce)},
                                          {.name = NULL}};

static const struct zl_field HISTORY[] = {{"cluster", ZL_FIELD_NAME, ENDING(cluster)},
                                          {"round", ZL_FIELD_NAME, ENDING(round)},
                                          {"outcome", ZL_FIELD_WORD, ENDING(outcome),
                                           .most = ZL_FLEET_DONE_LATE + 1,
                                           .word = zl_field_outcome},
                                          {"token", ZL_FIELD_NUMBER, ENDING(token)},
                                          {"at", ZL_FIELD_NUMBER, ENDING(at_s)},
                                          {.name = NULL}};

static const struct zl_field PROGRESS[] = {{"open", ZL_FIELD_NUMBER, AT(progress.open)},
                                           {"round", ZL_FIELD_NAME, AT(progress.round)},
                                           {"overSince", ZL_FIELD_NUMBER, AT(progress.over_s)},
                                           {.name = NULL}};

static const struct zl_field LEDGER[] = {
    {"n", ZL_FIELD_NUMBER, AT(n), .most = ZL_FLEET_N_MAX, .always = true},
    {"limitMs", ZL_FIELD_NUMBER, AT(limit_ms), .most = ZL_FLEET_LIMIT_MAX_MS},
    {"maxFailures", ZL_FIELD_NUMBER, AT(max_failures), .least = -1},
    {"maxExtensions", ZL_FIELD_NUMBER, AT(max_extensions)},
    {"round", ZL_FIELD_NAME, AT(round)},
    {"set", ZL_FIELD_FLAG, AT(set)},
    {"specDiffers", ZL_FIELD_FLAG, AT(spec_differs)},
    {"stages", ZL_FIELD_ROW, ZL_FIELD_STAGES_AT(struct zl_fleet_ledger, plan)},
    {"spreadKey", ZL_FIELD_NAME, AT(plan.spread.key)},
    {"spreadMax", ZL_FIELD_NUMBER, AT(plan.spread.max), .most = ZL_FLEET_N_MAX},
    {"stage", ZL_FIELD_OBJECT, .members = PROGRESS},
    {"retryToken", ZL_FIELD_NUMBER, AT(retry_token)},
    {"paused", ZL_FIELD_OBJECT, .members = PAUSED},
    {"restored", ZL_FIELD_OBJECT, .members = RESTORED},
    {"lastPause", ZL_FIELD_NUMBER, AT(last_pause)},
    {"lastRestored", ZL_FIELD_NUMBER, AT(last_restored)},
    {"failed", ZL_FIELD_ROW, ITEMS(failed, failed_count), .most = ZL_FLEET_SHOWN_MAX,
     .members = TOKEN},
    {"lastToken", ZL_FIELD_NUMBER, AT(last_token)},
    {"nextTicket", ZL_FIELD_NUMBER, AT(next_ticket)},
    {"counts", ZL_FIELD_OBJECT, .members = COUNTS, .always = true},
    {"active", ZL_FIELD_LIST, ITEMS(active, active_count), .most = 2 * ZL_FLEET_N_MAX,
     .members = ACTIVE},
    {"tickets", ZL_FIELD_LIST, ITEMS(tickets, ticket_count), .most = ZL_FLEET_TICKETS_MAX,
     .members = TICKETS},
    {"queue", ZL_FIELD_LIST, ITEMS(queue, queue_count), .most = ZL_FLEET_SHOWN_MAX,
     .members = QUEUED, .shown = true},
    {"history", ZL_FIELD_LIST, ITEMS(history, history_count), .most = ZL_FLEET_SHOWN_MAX,
     .members = HISTORY, .shown = true},
    {.name = NULL}};

enum zl_status zl_fleet_ledger_decode(const char *text, struct zl_fleet_ledger *out,
                                      struct zl_error *err)
{
    memset(out, 0, sizeof *out);
    enum zl_status status = zl_fields_read(LEDGER, text, "ledger", out, err);
    if (status != ZL_OK) {
        zl_fleet_ledger_clear(out);
    }
    zl_fleet_entries_sort(out); /* another arbiter's, or a person's, are in any order */
    return status;
}

static int by_token(const void *left, const void *right)
{
    const struct zl_fleet_entry *a = left, *b = right;
    return (a->token > b->token) - (a->token < b->token);
}

/* As slots were given: so people read it, and so a reader sees tokens grow within one swap, too. */
char *zl_fleet_ledger_encode(const struct zl_fleet_ledger *ledger)
{
    struct zl_fleet_ledger *given = zl_fleet_ledger_copy(ledger);
    if (given->active_count > 1) {
        qsort(given->active, given->active_count, sizeof *given->active, by_token);
    }
    char *text = zl_fields_write(LEDGER, given, true);
    if (strlen(text) > ZL_FLEET_JSON_MAX) {
        free(text);
        text = zl_fields_write(LEDGER, given, false);
    }
    zl_fleet_ledger_free(given);
    return text;
}

size_t zl_fleet_ledger_least(const struct zl_fleet_ledger *ledger)
{
    ZL_AUTO_FREE char *text = zl_fields_write(LEDGER, ledger, false);
    return strlen(text);
}
