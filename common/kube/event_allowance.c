/* SPDX-License-Identifier: Apache-2.0 */
#include "common/kube/event_allowance.h"

#include "common/base/hash.h"
#include "common/base/memory.h"

#include <string.h>

#define MINUTE_MS ((int64_t)60 * 1000)
#define BURST 25
#define REFILL_MS (5 * MINUTE_MS)
#define EDITIONS 3
#define EDITION_MS MINUTE_MS
#define GAP_LEAST_MS (5 * MINUTE_MS)
#define GAP_MOST_MS (40 * MINUTE_MS)
#define REMINDERS_AT_ONCE 600
#define REMINDER_OF_ALL_MS 20

/* A token bucket. */
struct bucket {
    int64_t tokens;
    int64_t refilled_ms;
};

struct allowance {
    char *key;
    struct bucket bucket; /* of what happens; of editions of what stands */
    int64_t told_ms;      /* what stands */
    uint64_t edition;     /* of which that was told */
    int64_t gap_ms;       /* until it is told again; 0: it never was */
    int64_t used_ms;
    UT_hash_handle hh;
};

struct table {
    size_t keys_max;
    struct allowance *first; /* oldest use first */
};

struct zl_event_allowances {
    struct table happening, standing;
    struct bucket reminders; /* of all keys; REFILLED_MS 0: not used yet */
};

struct zl_event_allowances *zl_event_allowances_new(size_t happening_max, size_t standing_max)
{
    struct zl_event_allowances *allowances = zl_alloc(sizeof *allowances);
    allowances->happening.keys_max = happening_max;
    allowances->standing.keys_max = standing_max;
    allowances->reminders.tokens = REMINDERS_AT_ONCE;
    return allowances;
}

static void forget(struct table *table, struct allowance *allowance)
{
    HASH_DEL(table->first, allowance);
    free(allowance->key);
    free(allowance);
}

static void forget_all(struct table *table)
{
    while (table->first != NULL) {
        forget(table, table->first);
    }
}

void zl_event_allowances_free(struct zl_event_allowances *allowances)
{
    if (allowances == NULL) {
        return;
    }
    forget_all(&allowances->happening);
    forget_all(&allowances->standing);
    free(allowances);
}

/* KEY's, moved to the end of the table: the front is the one unused longest. */
static struct allowance *find_or_add(struct table *table, const char *key, int64_t burst,
                                     int64_t now_ms)
{
    struct allowance *allowance = NULL;
    HASH_FIND_STR(table->first, key, allowance);
    if (allowance != NULL) {
        HASH_DEL(table->first, allowance);
    } else {
        if (HASH_COUNT(table->first) >= table->keys_max) {
            forget(table, table->first);
        }
        allowance = zl_alloc(sizeof *allowance);
        allowance->key = zl_strdup(key);
        allowance->bucket = (struct bucket){.tokens = burst, .refilled_ms = now_ms};
    }
    allowance->used_ms = now_ms;
    HASH_ADD_KEYPTR(hh, table->first, allowance->key, strlen(allowance->key), allowance);
    return allowance;
}

static void refill(struct bucket *bucket, int64_t burst, int64_t refill_ms, int64_t now_ms)
{
    if (bucket->refilled_ms == 0) {
        bucket->refilled_ms = now_ms;
    }
    const int64_t refills = (now_ms - bucket->refilled_ms) / refill_ms;
    bucket->refilled_ms += refills * refill_ms;
    bucket->tokens = bucket->tokens + refills < burst ? bucket->tokens + refills : burst;
}

static bool take(struct bucket *bucket)
{
    if (bucket->tokens == 0) {
        return false;
    }
    bucket->tokens--;
    return true;
}

bool zl_event_may_tell(struct zl_event_allowances *allowances, const char *key, int64_t now_ms)
{
    struct allowance *allowance = find_or_add(&allowances->happening, key, BURST, now_ms);
    refill(&allowance->bucket, BURST, REFILL_MS, now_ms);
    return take(&allowance->bucket);
}

/* Whoever is found after so long is told as new, remembered or not. */
static void forget_gone(struct table *table, int64_t now_ms)
{
    while (table->first != NULL && now_ms - table->first->used_ms >= 2 * GAP_MOST_MS) {
        forget(table, table->first);
    }
}

/* Another edition, of which something may be told. */
static bool is_edited(struct allowance *allowance, uint64_t edition, int64_t now_ms)
{
    if (allowance->edition == edition) {
        return false;
    }
    refill(&allowance->bucket, EDITIONS, EDITION_MS, now_ms);
    return take(&allowance->bucket);
}

bool zl_event_may_remind(struct zl_event_allowances *allowances, const char *key, uint64_t edition,
                         int64_t now_ms)
{
    forget_gone(&allowances->standing, now_ms);
    struct allowance *allowance = find_or_add(&allowances->standing, key, EDITIONS, now_ms);
    const int64_t silent_ms = now_ms - allowance->told_ms;
    bool is_new = allowance->gap_ms == 0 || silent_ms >= 2 * allowance->gap_ms;
    if (!is_new && silent_ms < allowance->gap_ms) {
        is_new = is_edited(allowance, edition, now_ms);
        if (!is_new) {
            return false;
        }
    }
    refill(&allowances->reminders, REMINDERS_AT_ONCE, REMINDER_OF_ALL_MS, now_ms);
    if (!take(&allowances->reminders)) {
        return false;
    }
    const int64_t next_ms = is_new ? GAP_LEAST_MS : 2 * allowance->gap_ms;
    allowance->gap_ms = next_ms < GAP_MOST_MS ? next_ms : GAP_MOST_MS;
    allowance->told_ms = now_ms;
    allowance->edition = edition;
    return true;
}
