/* SPDX-License-Identifier: Apache-2.0 */
#include "client/dashboard/timeline.h"

#include "client/explain/texts.h"
#include "common/base/json.h"
#include "common/base/parse.h"
#include "common/objects/names.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* An Event is written after the Lease, and stamped in whole seconds. */
#define TOGETHER_US INT64_C(15000000)
#define ELECTED "LeaderElected" /* of an Event: it tells of the change itself */

struct entry {
    char *id, *namespace_, *pool; /* POOL NULL: it is about none */
    int64_t at_us, token;         /* TOKEN 0: no change of leader */
    char *from, *to;              /* of a change; NULL: nobody, or not known */
    char *cause_reason, *cause;   /* of a change; NULL: not known (yet) */
    char *kind, *name, *reason, *message;
    int64_t count;
    bool warning;
};

/* A pool's leader is another one; borrowed. */
struct change {
    const char *namespace_, *pool, *from, *to, *cause; /* FROM, TO, CAUSE NULL: not known */
    int64_t token, at_us;
};

/* Who led a pool that nobody leads now. */
struct left {
    char *namespace_, *pool, *pod;
};
enum { LEFT_MAX = 64 };

struct zl_timeline {
    struct zl_board *board;
    struct entry entries[ZL_TIMELINE_MAX];
    size_t count;
    struct left left[LEFT_MAX]; /* a ring */
    size_t next_left;
};

struct zl_timeline *zl_timeline_new(struct zl_board *board)
{
    struct zl_timeline *timeline = zl_alloc(sizeof *timeline);
    timeline->board = board;
    return timeline;
}

static void clear(struct entry *entry)
{
    char *texts[] = {entry->id,     entry->namespace_, entry->pool,        entry->from,
                     entry->to,     entry->cause,      entry->kind,        entry->name,
                     entry->reason, entry->message,    entry->cause_reason};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        free(texts[i]);
    }
    *entry = (struct entry){0};
}

static void clear_left(struct left *left)
{
    free(left->namespace_);
    free(left->pool);
    free(left->pod);
    *left = (struct left){0};
}

void zl_timeline_free(struct zl_timeline *timeline)
{
    for (size_t i = 0; timeline != NULL && i < timeline->count; i++) {
        clear(&timeline->entries[i]);
    }
    for (size_t i = 0; timeline != NULL && i < LEFT_MAX; i++) {
        clear_left(&timeline->left[i]);
    }
    free(timeline);
}

/* --- entries and their rows --- */

static void explain(struct cJSON *row, const char *message)
{
    const struct zl_known_text *text = message != NULL ? zl_known_text_find(message) : NULL;
    if (text != NULL) {
        struct cJSON *explanation = zl_json_child(row, "explanation");
        zl_json_set_text(explanation, "what", text->what);
        zl_json_set_text(explanation, "changes", text->changes);
        zl_json_set_text(explanation, "do", text->cure);
    }
}

static struct cJSON *row_of(const struct entry *entry)
{
    struct cJSON *row = zl_json_object();
    zl_json_set_i64(row, "atMs", entry->at_us / 1000);
    zl_json_set_text(row, "namespace", entry->namespace_);
    zl_json_set_text(row, "pool", entry->pool);
    if (entry->token != 0) {
        zl_json_set_text(row, "type", "change");
        zl_json_set_i64(row, "token", entry->token);
        zl_json_set_text(row, "from", entry->from);
        zl_json_set_text(row, "to", entry->to);
        zl_json_set_text(row, "reason", entry->cause_reason);
        zl_json_set_text(row, "cause", entry->cause);
        return row;
    }
    explain(row, entry->message);
    zl_json_set_text(row, "type",
                     zl_same_string(entry->reason, "FailedCreate") ? "refusal" : "event");
    zl_json_set_text(row, "kind", entry->kind);
    zl_json_set_text(row, "name", entry->name);
    zl_json_set_text(row, "reason", entry->reason);
    zl_json_set_text(row, "message", entry->message);
    zl_json_set_i64(row, "count", entry->count);
    zl_json_set_bool(row, "warning", entry->warning);
    return row;
}

static bool show(struct zl_timeline *timeline, const struct entry *entry)
{
    ZL_AUTO_FREE char *key = zl_asprintf("event %s", entry->id);
    return zl_board_put(timeline->board, key, row_of(entry));
}

static void drop(struct zl_timeline *timeline, struct entry *entry)
{
    ZL_AUTO_FREE char *key = zl_asprintf("event %s", entry->id);
    (void)zl_board_drop(timeline->board, key);
    clear(entry);
    *entry = timeline->entries[--timeline->count];
    timeline->entries[timeline->count] = (struct entry){0};
}

static struct entry *oldest(struct zl_timeline *timeline)
{
    struct entry *found = &timeline->entries[0];
    for (size_t i = 1; i < timeline->count; i++) {
        found = timeline->entries[i].at_us < found->at_us ? &timeline->entries[i] : found;
    }
    return found;
}

/* Room for one that happened AT_US; NULL: it is older than all that are kept. */
static struct entry *add(struct zl_timeline *timeline, int64_t at_us)
{
    if (timeline->count == ZL_TIMELINE_MAX) {
        struct entry *old = oldest(timeline);
        if (old->at_us > at_us) {
            return NULL;
        }
        drop(timeline, old);
    }
    return &timeline->entries[timeline->count++];
}

static struct entry *find(struct zl_timeline *timeline, const char *id)
{
    for (size_t i = 0; i < timeline->count; i++) {
        if (strcmp(timeline->entries[i].id, id) == 0) {
            return &timeline->entries[i];
        }
    }
    return NULL;
}

/* --- causes --- */

static bool is_cause(const char *reason)
{
    static const char *const reasons[] = {"LeaderLost",    "LeaderNotReady", "HandedOver",
                                          "ClaimReleased", "LeaderReplaced", "PodStuckTerminating"};
    for (size_t i = 0; reason != NULL && i < sizeof reasons / sizeof reasons[0]; i++) {
        if (strcmp(reasons[i], reason) == 0) {
            return true;
        }
    }
    return false;
}

/*
 * The entry of that pool next to AT_US: a change without cause, or an Event that is the cause of none yet. An Event comes after a change
 * by its moment of writing, or well before: a pod takes its time to start.
 */
static struct entry *near(struct zl_timeline *timeline, const char *namespace_, const char *pool,
                          int64_t at_us, bool change)
{
    struct entry *found = NULL;
    int64_t best_us = TOGETHER_US;
    for (size_t i = 0; i < timeline->count; i++) {
        struct entry *entry = &timeline->entries[i];
        const bool open = entry->cause == NULL || zl_same_string(entry->cause_reason, ELECTED);
        const bool fits =
            change ? entry->token != 0 && open : entry->token == 0 && is_cause(entry->reason);
        const int64_t apart_us = entry->at_us > at_us ? entry->at_us - at_us : at_us - entry->at_us;
        if (fits && apart_us <= best_us && zl_same_string(entry->namespace_, namespace_) &&
            zl_same_string(entry->pool, pool)) {
            found = entry;
            best_us = apart_us;
        }
    }
    return found;
}

/* --- changes --- */

static char *change_id(const char *namespace_, const char *pool, int64_t token)
{
    return zl_asprintf("change/%s/%s/%" PRId64, namespace_, pool, token);
}

/* An Event of its own says more than the election's. */
static void note_cause(struct entry *entry, const struct change *change)
{
    if (entry->cause == NULL && change->cause != NULL) {
        entry->cause = zl_strdup(change->cause);
        entry->cause_reason = zl_strdup(ELECTED);
    }
}

static bool note_change(struct zl_timeline *timeline, const struct change *change)
{
    ZL_AUTO_FREE char *id = change_id(change->namespace_, change->pool, change->token);
    struct entry *entry = find(timeline, id);
    if (entry != NULL) { /* Lease and Event tell of it, and the Event knows less */
        if (entry->from == NULL) {
            entry->from = zl_strdup(change->from);
        }
        note_cause(entry, change);
        return show(timeline, entry);
    }
    entry = add(timeline, change->at_us);
    if (entry == NULL) {
        return false;
    }
    *entry = (struct entry){.id = ZL_STEAL(&id),
                            .namespace_ = zl_strdup(change->namespace_),
                            .pool = zl_strdup(change->pool),
                            .at_us = change->at_us,
                            .token = change->token,
                            .from = zl_strdup(change->from),
                            .to = zl_strdup(change->to)};
    struct entry *cause = near(timeline, entry->namespace_, entry->pool, entry->at_us, false);
    if (cause != NULL) {
        entry->cause = ZL_STEAL(&cause->message);
        entry->cause_reason = ZL_STEAL(&cause->reason);
    }
    note_cause(entry, change);
    const bool noted = show(timeline, entry);
    if (cause != NULL) {
        drop(timeline, cause);
    }
    return noted;
}

static const char *leader_of(const struct zl_lease *lease)
{
    if (!zl_lease_is_held(lease)) {
        return NULL;
    }
    return lease->holder_pod != NULL ? lease->holder_pod : lease->holder_identity;
}

static void remember(struct zl_timeline *timeline, const struct zl_lease *lease, const char *pod)
{
    struct left *left = &timeline->left[timeline->next_left];
    timeline->next_left = (timeline->next_left + 1) % LEFT_MAX;
    clear_left(left);
    *left = (struct left){zl_strdup(lease->namespace_), zl_strdup(lease->pool), zl_strdup(pod)};
}

/* The latest that is remembered; NULL: none is. */
static const char *who_left(const struct zl_timeline *timeline, const struct zl_lease *lease)
{
    for (size_t back = 1; back <= LEFT_MAX; back++) {
        const struct left *left =
            &timeline->left[(timeline->next_left + LEFT_MAX - back) % LEFT_MAX];
        if (left->pod != NULL && zl_same_string(left->namespace_, lease->namespace_) &&
            zl_same_string(left->pool, lease->pool)) {
            return left->pod;
        }
    }
    return NULL;
}

bool zl_timeline_note_lease(struct zl_timeline *timeline, const struct zl_lease *old_lease,
                            const struct zl_lease *new_lease, int64_t now_us)
{
    const char *from = leader_of(old_lease), *to = leader_of(new_lease);
    if (from != NULL && to == NULL) {
        remember(timeline, old_lease, from);
    }
    if (to == NULL || new_lease->fencing_token == 0 ||
        (from != NULL && old_lease->fencing_token == new_lease->fencing_token)) {
        return false;
    }
    const struct change change = {.namespace_ = new_lease->namespace_,
                                  .pool = new_lease->pool,
                                  .from = from != NULL ? from : who_left(timeline, new_lease),
                                  .to = to,
                                  .token = new_lease->fencing_token,
                                  .at_us =
                                      new_lease->acquire_us != 0 ? new_lease->acquire_us : now_us};
    return note_change(timeline, &change);
}

/* --- Events --- */

/* "pod web-1 leads, fencing token 17: CAUSE": the POD and the token; 0: the text is another one. *CAUSE NULL: it says none. */
static int64_t token_in(const char *message, char **pod, const char **cause)
{
    static const char before[] = "pod ", between[] = " leads, fencing token ";
    const char *middle = message != NULL ? strstr(message, between) : NULL;
    int64_t token = 0;
    if (middle == NULL || strncmp(message, before, strlen(before)) != 0) {
        return 0;
    }
    const char *colon = strstr(middle, ": ");
    ZL_AUTO_FREE char *number =
        colon != NULL
            ? zl_strndup(middle + strlen(between), (size_t)(colon - middle) - strlen(between))
            : zl_strdup(middle + strlen(between));
    if (zl_parse_i64(number, 1, ZL_FENCING_TOKEN_MAX, &token, NULL) != ZL_OK) {
        return 0;
    }
    *cause = colon != NULL ? colon + 2 : NULL;
    const char *name = message + strlen(before);
    *pod = zl_strndup(name, (size_t)(middle - name));
    return token;
}

static bool note_plain(struct zl_timeline *timeline, const struct zl_news *news, const char *pool)
{
    ZL_AUTO_FREE char *id = zl_asprintf("%s/%s", news->meta.namespace_, news->meta.name);
    struct entry *entry = find(timeline, id);
    if (entry == NULL) {
        entry = add(timeline, news->at_us);
        if (entry == NULL) {
            return false;
        }
        *entry = (struct entry){.id = ZL_STEAL(&id),
                                .namespace_ = zl_strdup(news->meta.namespace_),
                                .pool = zl_strdup(pool),
                                .kind = zl_strdup(news->kind),
                                .name = zl_strdup(news->name),
                                .reason = zl_strdup(news->reason),
                                .warning = news->warning};
    }
    zl_replace_string(&entry->message, news->message);
    entry->at_us = news->at_us;
    entry->count = news->count;
    return show(timeline, entry);
}

bool zl_timeline_note_news(struct zl_timeline *timeline, const struct zl_news *news)
{
    const bool of_pool = zl_same_string(news->kind, ZL_POLICY_KIND);
    ZL_AUTO_FREE char *named = news->message != NULL ? zl_known_text_pool(news->message) : NULL;
    ZL_AUTO_FREE char *pod = NULL;
    const char *pool = of_pool ? news->name : named;
    if (of_pool && zl_same_string(news->reason, ELECTED)) {
        const char *cause = NULL;
        const int64_t token = token_in(news->message, &pod, &cause);
        if (token != 0) {
            const struct change change = {.namespace_ = news->meta.namespace_,
                                          .pool = news->name,
                                          .to = pod,
                                          .cause = cause,
                                          .token = token,
                                          .at_us = news->at_us};
            return note_change(timeline, &change);
        }
    }
    if (of_pool && news->count <= 1 && is_cause(news->reason)) {
        struct entry *change = near(timeline, news->meta.namespace_, pool, news->at_us, true);
        if (change != NULL) {
            zl_replace_string(&change->cause, news->message);
            zl_replace_string(&change->cause_reason, news->reason);
            return show(timeline, change);
        }
    }
    return note_plain(timeline, news, pool);
}
