/* SPDX-License-Identifier: Apache-2.0 */
#include "common/fleet/codec.h"

#include "common/base/json.h"

/* One reading: the first thing that is wrong ends it. */
struct reading {
    const struct cJSON *at; /* the object that is read */
    const char *what;       /* "active[].", for messages */
    enum zl_status status;
    struct zl_error *err;
};

static void refuse(struct reading *reading, const char *field, const char *why)
{
    if (reading->status == ZL_OK) {
        reading->status =
            zl_error_set(reading->err, ZL_E_INVALID, "%s%s: %s", reading->what, field, why);
    }
}

static int64_t read_within(struct reading *reading, const char *field, int64_t least,
                           int64_t fallback)
{
    if (zl_json_at(reading->at, field, NULL) == NULL) {
        return fallback;
    }
    int64_t value = zl_json_i64(reading->at, INT64_MIN, field, NULL);
    if (value < least || value > ZL_FLEET_NUMBER_MAX) {
        refuse(reading, field, "not a whole number in its range");
        return fallback;
    }
    return value;
}

static int64_t read_number(struct reading *reading, const char *field)
{
    return read_within(reading, field, 0, 0);
}

/* Names are compared, so they are never cut. */
static void read_name(struct reading *reading, const char *field, char *out, size_t size)
{
    const char *text = zl_json_text(reading->at, field, NULL);
    if (text != NULL && strlen(text) >= size) {
        refuse(reading, field, "too long");
        return;
    }
    zl_fleet_text(out, size, text);
}
#define READ_NAME(reading, field, out) read_name(reading, field, out, sizeof(out))

static int read_word(struct reading *reading, const char *field, const char *(*name)(int),
                     int count)
{
    const char *text = zl_json_text(reading->at, field, NULL);
    if (text == NULL) {
        return 0;
    }
    for (int i = 0; i < count; i++) {
        if (strcmp(text, name(i)) == 0) {
            return i;
        }
    }
    refuse(reading, field, "not a word that is known here");
    return 0;
}

static const char *state_name(int at)
{
    return zl_fleet_state_name((enum zl_fleet_state)at);
}

static const char *outcome_name(int at)
{
    return zl_fleet_outcome_name((enum zl_fleet_outcome)at);
}

static const char *verb_name(int at)
{
    return zl_fleet_verb_name((enum zl_fleet_verb)at);
}

static enum zl_fleet_outcome read_outcome(struct reading *reading, const char *field)
{
    return (enum zl_fleet_outcome)read_word(reading, field, outcome_name, ZL_FLEET_DONE_LATE + 1);
}

/* The list FIELD of at most MAX items, each read by EACH into its place; its length. */
static size_t read_list(struct reading *reading, const char *field, size_t max, size_t size,
                        void (*each)(struct reading *reading, void *out), void **items)
{
    const struct cJSON *list = zl_json_at(reading->at, field, NULL);
    size_t count = zl_json_is_array(list) || zl_json_is_object(list) ? zl_json_count(list) : 0;
    if (count > max) {
        refuse(reading, field, "too many");
        return 0;
    }
    if (count == 0) {
        return 0;
    }
    char *out = zl_alloc(count * size);
    struct reading inner = *reading;
    inner.what = field;
    size_t at = 0;
    for (const struct cJSON *item = zl_json_first(list); item != NULL; item = zl_json_next(item)) {
        inner.at = item;
        each(&inner, out + at++ * size);
    }
    reading->status = inner.status;
    *items = out;
    return count;
}

static enum zl_status parse(const char *text, const char *what, struct cJSON **tree,
                            struct zl_error *err)
{
    size_t length = text != NULL ? strnlen(text, ZL_FLEET_JSON_MAX + 1) : 0;
    if (length > ZL_FLEET_JSON_MAX) {
        return zl_error_set(err, ZL_E_TOO_LARGE, "%s: more than %d KiB", what,
                            ZL_FLEET_JSON_MAX / 1024);
    }
    if (length == 0) {
        *tree = zl_json_object();
        return ZL_OK;
    }
    enum zl_status status = zl_json_parse(text, length, tree, err);
    if (status == ZL_OK && !zl_json_is_object(*tree)) {
        status = zl_error_set(err, ZL_E_INVALID, "not a JSON object");
    }
    return status == ZL_OK ? ZL_OK : zl_error_wrap(err, status, "%s", what);
}

/* --- the ledger --- */

static void read_entry(struct reading *reading, void *out)
{
    struct zl_fleet_entry *entry = out;
    READ_NAME(reading, "cluster", entry->cluster);
    READ_NAME(reading, "uid", entry->uid);
    READ_NAME(reading, "round", entry->round);
    entry->token = read_number(reading, "token");
    entry->gen = read_number(reading, "gen");
    entry->answers = read_number(reading, "answers");
    entry->limit_ms = read_number(reading, "limitMs");
    entry->elapsed_ms = read_number(reading, "elapsedMs");
    entry->extensions = read_number(reading, "extensions");
    entry->active = read_word(reading, "state", state_name, ZL_FLEET_ACTIVE + 1) == ZL_FLEET_ACTIVE;
    if (entry->cluster[0] == '\0' || entry->token == 0) {
        refuse(reading, "cluster", "an entry names its cluster and token");
    }
}

static void read_ticket(struct reading *reading, void *out)
{
    struct zl_fleet_ticket *ticket = out;
    READ_NAME(reading, "cluster", ticket->cluster);
    ticket->ticket = read_number(reading, "ticket");
    ticket->nonce = read_number(reading, "nonce");
}

static void read_ending(struct reading *reading, void *out)
{
    struct zl_fleet_ending *ending = out;
    READ_NAME(reading, "cluster", ending->cluster);
    READ_NAME(reading, "round", ending->round);
    ending->token = read_number(reading, "token");
    ending->at_s = read_number(reading, "at");
    ending->outcome = read_outcome(reading, "outcome");
}

static void read_queued(struct reading *reading, void *out)
{
    zl_fleet_text(out, ZL_FLEET_NAME_MAX, zl_json_value_text(reading->at));
}

static void read_pause(struct reading *ledger, struct zl_fleet_pause *pause)
{
    struct reading reading = *ledger;
    reading.at = zl_json_at(ledger->at, "paused", NULL);
    reading.what = "paused.";
    pause->id = read_number(&reading, "id");
    pause->since_s = read_number(&reading, "since");
    ZL_FLEET_TEXT(pause->by, zl_json_text(reading.at, "by", NULL));
    ZL_FLEET_TEXT(pause->reason, zl_json_text(reading.at, "reason", NULL));
    if (pause->id == 0 && zl_json_is_object(reading.at)) {
        refuse(&reading, "id", "a pause has one");
    }
    ledger->status = reading.status;
}

static void read_counts(struct reading *ledger, struct zl_fleet_counts *counts)
{
    struct reading reading = *ledger;
    reading.at = zl_json_at(ledger->at, "counts", NULL);
    reading.what = "counts.";
    counts->waiting = read_number(&reading, "waiting");
    counts->done = read_number(&reading, "done");
    counts->failed = read_number(&reading, "failed");
    counts->released = read_number(&reading, "released");
    counts->late = read_number(&reading, "late");
    ledger->status = reading.status;
}

static void read_restored(struct reading *ledger, struct zl_fleet_ledger *out)
{
    struct reading reading = *ledger;
    reading.at = zl_json_at(ledger->at, "restored", NULL);
    reading.what = "restored.";
    out->restored_s = read_number(&reading, "since");
    out->hold_ms = read_number(&reading, "holdMs");
    out->restored_serial = read_number(&reading, "serial");
    ledger->status = reading.status;
}

static void read_failed(struct reading *reading, struct zl_fleet_ledger *out)
{
    const struct cJSON *list = zl_json_at(reading->at, "failed", NULL);
    const struct cJSON *item = zl_json_first(list);
    if (zl_json_count(list) > ZL_FLEET_SHOWN_MAX) {
        refuse(reading, "failed", "too many");
        return;
    }
    for (; item != NULL; item = zl_json_next(item)) {
        int64_t token = zl_json_i64(item, 0, NULL);
        if (token <= 0) {
            refuse(reading, "failed", "not a token");
            return;
        }
        out->failed[out->failed_count++] = token;
    }
}

static void read_settings(struct reading *reading, struct zl_fleet_ledger *out)
{
    out->n = read_number(reading, "n");
    out->limit_ms = read_number(reading, "limitMs");
    out->max_failures = read_within(reading, "maxFailures", -1, 0);
    out->max_extensions = read_number(reading, "maxExtensions");
    READ_NAME(reading, "round", out->round);
    out->set = zl_json_bool(reading->at, false, "set", NULL);
    out->spec_differs = zl_json_bool(reading->at, false, "specDiffers", NULL);
    if (out->n > ZL_FLEET_N_MAX) {
        refuse(reading, "n", "more than a ledger has room for");
    }
    if (out->limit_ms > ZL_FLEET_LIMIT_MAX_MS) {
        refuse(reading, "limitMs", "more than 7 days");
    }
}

static void read_ledger(struct reading *reading, struct zl_fleet_ledger *out)
{
    void *active = NULL, *tickets = NULL, *queue = NULL, *history = NULL;
    read_settings(reading, out);
    read_pause(reading, &out->pause);
    read_restored(reading, out);
    read_counts(reading, &out->counts);
    read_failed(reading, out);
    out->last_pause = read_number(reading, "lastPause");
    out->last_restored = read_number(reading, "lastRestored");
    out->last_token = read_number(reading, "lastToken");
    out->next_ticket = read_number(reading, "nextTicket");
    out->active_count = read_list(reading, "active", 2 * (size_t)ZL_FLEET_N_MAX,
                                  sizeof *out->active, read_entry, &active);
    out->ticket_count = read_list(reading, "tickets", ZL_FLEET_TICKETS_MAX, sizeof *out->tickets,
                                  read_ticket, &tickets);
    out->queue_count =
        read_list(reading, "queue", ZL_FLEET_SHOWN_MAX, sizeof *out->queue, read_queued, &queue);
    out->history_count = read_list(reading, "history", ZL_FLEET_SHOWN_MAX, sizeof *out->history,
                                   read_ending, &history);
    out->active = active;
    out->tickets = tickets;
    out->queue = queue;
    out->history = history;
}

enum zl_status zl_fleet_ledger_decode(const char *text, struct zl_fleet_ledger *out,
                                      struct zl_error *err)
{
    ZL_AUTO_JSON struct cJSON *tree = NULL;
    memset(out, 0, sizeof *out);
    enum zl_status status = parse(text, "ledger", &tree, err);
    if (status != ZL_OK) {
        return status;
    }
    struct reading reading = {.at = tree, .what = "", .err = err};
    read_ledger(&reading, out);
    if (reading.status != ZL_OK) {
        zl_fleet_ledger_clear(out);
        return zl_error_wrap(err, reading.status, "ledger");
    }
    return ZL_OK;
}

/* What is zero is left out: a ledger has little room. */
static void put(struct cJSON *object, const char *name, int64_t value)
{
    if (value != 0) {
        zl_json_set_i64(object, name, value);
    }
}

static void put_text(struct cJSON *object, const char *name, const char *text)
{
    if (text[0] != '\0') {
        zl_json_set_text(object, name, text);
    }
}

static struct cJSON *entry_tree(const struct zl_fleet_entry *entry)
{
    struct cJSON *tree = zl_json_object();
    zl_json_set_text(tree, "cluster", entry->cluster);
    put_text(tree, "uid", entry->uid);
    put_text(tree, "round", entry->round);
    zl_json_set_text(tree, "state", entry->active ? "Active" : "Offered");
    put(tree, "token", entry->token);
    put(tree, "gen", entry->gen);
    put(tree, "answers", entry->answers);
    put(tree, "limitMs", entry->limit_ms);
    put(tree, "elapsedMs", entry->elapsed_ms);
    put(tree, "extensions", entry->extensions);
    return tree;
}

static struct cJSON *ending_tree(const struct zl_fleet_ending *ending)
{
    struct cJSON *tree = zl_json_object();
    zl_json_set_text(tree, "cluster", ending->cluster);
    put_text(tree, "round", ending->round);
    put_text(tree, "outcome", zl_fleet_outcome_name(ending->outcome));
    put(tree, "token", ending->token);
    put(tree, "at", ending->at_s);
    return tree;
}

static struct cJSON *ticket_tree(const struct zl_fleet_ticket *ticket)
{
    struct cJSON *tree = zl_json_object();
    zl_json_set_text(tree, "cluster", ticket->cluster);
    put(tree, "ticket", ticket->ticket);
    put(tree, "nonce", ticket->nonce);
    return tree;
}

static void put_settings(struct cJSON *tree, const struct zl_fleet_ledger *ledger)
{
    zl_json_set_i64(tree, "n", ledger->n);
    put(tree, "limitMs", ledger->limit_ms);
    put(tree, "maxFailures", ledger->max_failures);
    put(tree, "maxExtensions", ledger->max_extensions);
    put_text(tree, "round", ledger->round);
    if (ledger->set) {
        zl_json_set_bool(tree, "set", true);
    }
    if (ledger->spec_differs) {
        zl_json_set_bool(tree, "specDiffers", true);
    }
}

static void put_conditions(struct cJSON *tree, const struct zl_fleet_ledger *ledger)
{
    if (ledger->pause.id != 0) {
        struct cJSON *paused = zl_json_child(tree, "paused");
        put(paused, "id", ledger->pause.id);
        put_text(paused, "by", ledger->pause.by);
        put_text(paused, "reason", ledger->pause.reason);
        put(paused, "since", ledger->pause.since_s);
    }
    if (ledger->restored_serial != 0) {
        struct cJSON *restored = zl_json_child(tree, "restored");
        put(restored, "serial", ledger->restored_serial);
        put(restored, "since", ledger->restored_s);
        put(restored, "holdMs", ledger->hold_ms);
    }
    put(tree, "lastPause", ledger->last_pause);
    put(tree, "lastRestored", ledger->last_restored);
}

static struct cJSON *failed_list(const struct zl_fleet_ledger *ledger)
{
    struct cJSON *list = zl_json_array();
    for (size_t i = 0; i < ledger->failed_count; i++) {
        struct cJSON *holder = zl_json_object();
        zl_json_set_i64(holder, "token", ledger->failed[i]);
        zl_json_append(list, zl_json_copy(zl_json_at(holder, "token", NULL)));
        zl_json_free(holder);
    }
    return list;
}

static void put_counts(struct cJSON *tree, const struct zl_fleet_counts *counts)
{
    struct cJSON *object = zl_json_child(tree, "counts");
    put(object, "waiting", counts->waiting);
    put(object, "done", counts->done);
    put(object, "failed", counts->failed);
    put(object, "released", counts->released);
    put(object, "late", counts->late);
}

static struct cJSON *ledger_tree(const struct zl_fleet_ledger *ledger, bool shown)
{
    struct cJSON *tree = zl_json_object();
    struct cJSON *active = zl_json_array(), *tickets = zl_json_array();
    put_settings(tree, ledger);
    put_conditions(tree, ledger);
    zl_json_set(tree, "failed", failed_list(ledger));
    put(tree, "lastToken", ledger->last_token);
    put(tree, "nextTicket", ledger->next_ticket);
    put_counts(tree, &ledger->counts);
    for (size_t i = 0; i < ledger->active_count; i++) {
        zl_json_append(active, entry_tree(&ledger->active[i]));
    }
    for (size_t i = 0; i < ledger->ticket_count; i++) {
        zl_json_append(tickets, ticket_tree(&ledger->tickets[i]));
    }
    zl_json_set(tree, "active", active);
    zl_json_set(tree, "tickets", tickets);
    struct cJSON *queue = zl_json_array(), *history = zl_json_array();
    for (size_t i = 0; shown && i < ledger->queue_count; i++) {
        zl_json_append_text(queue, ledger->queue[i]);
    }
    for (size_t i = 0; shown && i < ledger->history_count; i++) {
        zl_json_append(history, ending_tree(&ledger->history[i]));
    }
    zl_json_set(tree, "queue", queue);
    zl_json_set(tree, "history", history);
    return tree;
}

char *zl_fleet_ledger_encode(const struct zl_fleet_ledger *ledger)
{
    ZL_AUTO_JSON struct cJSON *tree = ledger_tree(ledger, true);
    char *text = zl_json_print(tree);
    if (strlen(text) <= ZL_FLEET_JSON_MAX) {
        return text;
    }
    free(text);
    ZL_AUTO_JSON struct cJSON *bare = ledger_tree(ledger, false);
    return zl_json_print(bare);
}

/* --- turns --- */

static void read_turn(struct reading *reading, void *out)
{
    struct zl_fleet_turn *turn = out;
    const char *pool = zl_json_name(reading->at);
    if (pool == NULL || !zl_fleet_name_is_valid(pool)) {
        refuse(reading, ".", "an object of pools is expected");
        return;
    }
    ZL_FLEET_TEXT(turn->pool, pool);
    READ_NAME(reading, "round", turn->round);
    READ_NAME(reading, "uid", turn->uid);
    turn->state = (enum zl_fleet_state)read_word(reading, "state", state_name, ZL_FLEET_ACTIVE + 1);
    turn->outcome = read_outcome(reading, "outcome");
    turn->ticket = read_number(reading, "ticket");
    turn->turns = read_number(reading, "turns");
    turn->token = read_number(reading, "token");
    turn->gen = read_number(reading, "gen");
    turn->limit_ms = read_number(reading, "limitMs");
    turn->answers = read_number(reading, "answers");
    turn->ended_token = read_number(reading, "endedToken");
    turn->declines = read_number(reading, "declines");
    turn->witnessed = read_number(reading, "witnessed");
    turn->position = read_number(reading, "position");
    ZL_FLEET_TEXT(turn->why, zl_json_text(reading->at, "why", NULL));
}

enum zl_status zl_fleet_turns_decode(const char *text, struct zl_fleet_turns *out,
                                     struct zl_error *err)
{
    ZL_AUTO_JSON struct cJSON *tree = NULL;
    void *items = NULL;
    memset(out, 0, sizeof *out);
    enum zl_status status = parse(text, "turn", &tree, err);
    if (status != ZL_OK) {
        return status;
    }
    struct reading reading = {.at = tree, .what = "", .err = err};
    out->count =
        read_list(&reading, "pools", ZL_FLEET_POOLS_MAX, sizeof *out->items, read_turn, &items);
    out->items = items;
    if (reading.status != ZL_OK) {
        zl_fleet_turns_clear(out);
        return zl_error_wrap(err, reading.status, "turn");
    }
    return ZL_OK;
}

static struct cJSON *turn_tree(const struct zl_fleet_turn *turn)
{
    struct cJSON *tree = zl_json_object();
    zl_json_set_text(tree, "state", zl_fleet_state_name(turn->state));
    put_text(tree, "round", turn->round);
    put_text(tree, "uid", turn->uid);
    put(tree, "ticket", turn->ticket);
    put(tree, "turns", turn->turns);
    put(tree, "token", turn->token);
    put(tree, "gen", turn->gen);
    put(tree, "limitMs", turn->limit_ms);
    put(tree, "answers", turn->answers);
    put(tree, "endedToken", turn->ended_token);
    put_text(tree, "outcome", zl_fleet_outcome_name(turn->outcome));
    put(tree, "declines", turn->declines);
    put(tree, "witnessed", turn->witnessed);
    put(tree, "position", turn->position);
    put_text(tree, "why", turn->why);
    return tree;
}

char *zl_fleet_turns_encode(const struct zl_fleet_turns *turns)
{
    ZL_AUTO_JSON struct cJSON *tree = zl_json_object();
    struct cJSON *pools = zl_json_child(tree, "pools");
    for (size_t i = 0; i < turns->count; i++) {
        zl_json_set(pools, turns->items[i].pool, turn_tree(&turns->items[i]));
    }
    return zl_json_print(tree);
}

/* --- a member's requests --- */

static void read_spec(struct reading *outer, struct zl_fleet_spec *spec)
{
    struct reading reading = *outer;
    reading.at = zl_json_at(outer->at, "spec", NULL);
    reading.what = "spec.";
    spec->n = read_number(&reading, "n");
    spec->limit_ms = read_number(&reading, "limitMs");
    spec->max_failures = read_within(&reading, "maxFailures", -1, 0);
    spec->max_extensions = read_number(&reading, "maxExtensions");
    READ_NAME(&reading, "round", spec->round);
    if (spec->limit_ms > ZL_FLEET_LIMIT_MAX_MS) {
        refuse(&reading, "limitMs", "more than 7 days");
    }
    outer->status = reading.status;
}

static void read_report(struct reading *outer, struct zl_fleet_report *report)
{
    struct reading reading = *outer;
    reading.at = zl_json_at(outer->at, "report", NULL);
    reading.what = "report.";
    report->token = read_number(&reading, "token");
    report->outcome = read_outcome(&reading, "outcome");
    ZL_FLEET_TEXT(report->reason, zl_json_text(reading.at, "reason", NULL));
    outer->status = reading.status;
}

static void read_request(struct reading *reading, void *out)
{
    struct zl_fleet_request *request = out;
    const char *pool = zl_json_name(reading->at);
    if (pool == NULL || !zl_fleet_name_is_valid(pool)) {
        refuse(reading, ".", "an object of pools is expected");
        return;
    }
    ZL_FLEET_TEXT(request->pool, pool);
    request->verb = (enum zl_fleet_verb)read_word(reading, "verb", verb_name, ZL_FLEET_CLAIM + 1);
    request->nonce = read_number(reading, "nonce");
    request->token = read_number(reading, "token");
    request->gen = read_number(reading, "gen");
    request->rest_ms = read_number(reading, "restMs");
    request->seen_token = read_number(reading, "seenToken");
    ZL_FLEET_TEXT(request->reason, zl_json_text(reading->at, "reason", NULL));
    read_report(reading, &request->report);
    read_spec(reading, &request->spec);
}

enum zl_status zl_fleet_member_decode(const char *text, struct zl_fleet_member *out,
                                      struct zl_error *err)
{
    ZL_AUTO_JSON struct cJSON *tree = NULL;
    void *items = NULL;
    memset(out, 0, sizeof *out);
    enum zl_status status = parse(text, "member", &tree, err);
    if (status != ZL_OK) {
        return status;
    }
    struct reading reading = {.at = tree, .what = "", .err = err};
    READ_NAME(&reading, "clusterUID", out->cluster_uid);
    out->beat = read_number(&reading, "beat");
    out->period_ms = read_number(&reading, "periodMs");
    out->mark = read_number(&reading, "mark");
    out->count =
        read_list(&reading, "pools", ZL_FLEET_POOLS_MAX, sizeof *out->items, read_request, &items);
    out->items = items;
    if (reading.status != ZL_OK) {
        zl_fleet_member_clear(out);
        return zl_error_wrap(err, reading.status, "member");
    }
    return ZL_OK;
}

static void put_report(struct cJSON *tree, const struct zl_fleet_report *report)
{
    if (report->token != 0) {
        struct cJSON *object = zl_json_child(tree, "report");
        put(object, "token", report->token);
        put_text(object, "outcome", zl_fleet_outcome_name(report->outcome));
        put_text(object, "reason", report->reason);
    }
}

static struct cJSON *request_tree(const struct zl_fleet_request *request)
{
    struct cJSON *tree = zl_json_object();
    struct cJSON *spec = zl_json_child(tree, "spec");
    put(spec, "n", request->spec.n);
    put(spec, "limitMs", request->spec.limit_ms);
    put(spec, "maxFailures", request->spec.max_failures);
    put(spec, "maxExtensions", request->spec.max_extensions);
    put_text(spec, "round", request->spec.round);
    put_text(tree, "verb", zl_fleet_verb_name(request->verb));
    put(tree, "nonce", request->nonce);
    put(tree, "token", request->token);
    put(tree, "gen", request->gen);
    put(tree, "restMs", request->rest_ms);
    put_text(tree, "reason", request->reason);
    put(tree, "seenToken", request->seen_token);
    put_report(tree, &request->report);
    return tree;
}

char *zl_fleet_member_encode(const struct zl_fleet_member *member)
{
    ZL_AUTO_JSON struct cJSON *tree = zl_json_object();
    put_text(tree, "clusterUID", member->cluster_uid);
    put(tree, "beat", member->beat);
    put(tree, "periodMs", member->period_ms);
    put(tree, "mark", member->mark);
    struct cJSON *pools = zl_json_child(tree, "pools");
    for (size_t i = 0; i < member->count; i++) {
        zl_json_set(pools, member->items[i].pool, request_tree(&member->items[i]));
    }
    return zl_json_print(tree);
}
