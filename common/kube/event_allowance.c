/* SPDX-License-Identifier: Apache-2.0 */
#include "common/kube/event_allowance.h"

#include "common/base/hash.h"
#include "common/base/memory.h"

#include <string.h>

#define MINUTE_MS ((int64_t)60 * 1000)
#define BURST 25
#define REFILL_MS (5 * MINUTE_MS)
#define GAP_LEAST_MS (5 * MINUTE_MS)
#define GAP_MOST_MS (40 * MINUTE_MS)
#define REMINDERS_AT_ONCE 600
#define REMINDER_OF_ALL_MS 100

/* A token bucket. */
struct bucket {
    int64_t tokens;
    int64_t refilled_ms;
};

struct allowance {
    char *key;
    struct bucket bucket; /* of what happens */
    int64_t told_ms;      /* what stands */
    int64_t gap_ms;       /* until it is told again; 0: it never was */
    UT_hash_handle hh;
};

struct zl_event_allowances {
    size_t keys_max;
    struct allowance *allowances; /* oldest use first */
    struct bucket reminders;      /* of all keys; REFILLED_MS 0: not used yet */
};

struct zl_event_allowances *zl_event_allowances_new(size_t keys_max)
{
    struct zl_event_allowances *allowances = zl_alloc(sizeof *allowances);
    allowances->keys_max = keys_max;
    allowances->reminders.tokens = REMINDERS_AT_ONCE;
    return allowances;
}

static void forget(struct zl_event_allowances *allowances, struct allowance *allowance)
{
    HASH_DEL(allowances->allowances, allowance);
    free(allowance->key);
    free(allowance);
}

void zl_event_allowances_free(struct zl_event_allowances *allowances)
{
    if (allowances == NULL) {
        return;
    }
    while (allowances->allowances != NULL) {
        forget(allowances, allowances->allowances);
    }
    free(allowances);
}

/* KEY's, moved to the end of the table: the front is the one unused longest. */
static struct allowance *find_or_add(struct zl_event_allowances *allowances, const char *key,
                                     int64_t now_ms)
{
    struct allowance *allowance = NULL;
    HASH_FIND_STR(allowances->allowances, key, allowance);
    if (allowance != NULL) {
        HASH_DEL(allowances->allowances, allowance);
    } else {
        if (HASH_COUNT(allowances->allowances) >= allowances->keys_max) {
            forget(allowances, allowances->allowances);
        }
        allowance = zl_alloc(sizeof *allowance);
        allowance->key = zl_strdup(key);
        allowance->bucket = (struct bucket){.tokens = BURST, .refilled_ms = now_ms};
    }
    HASH_ADD_KEYPTR(hh, allowances->allowances, allowance->key, strlen(allowance->key), allowance);
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
    struct allowance *allowance = find_or_add(allowances, key, now_ms);
    refill(&allowance->bucket, BURST, REFILL_MS, now_ms);
    return take(&allowance->bucket);
}

bool zl_event_may_remind(struct zl_event_allowances *allowances, const char *key, int64_t now_ms)
{
    struct allowance *allowance = find_or_add(allowances, key, now_ms);
    const int64_t silent_ms = now_ms - allowance->told_ms;
    if (allowance->gap_ms > 0 && silent_ms < allowance->gap_ms) {
        return false;
    }
    refill(&allowances->reminders, REMINDERS_AT_ONCE, REMINDER_OF_ALL_MS, now_ms);
    if (!take(&allowances->reminders)) {
        return false;
    }
    const bool is_new = allowance->gap_ms == 0 || silent_ms >= 2 * allowance->gap_ms;
    const int64_t next_ms = is_new ? GAP_LEAST_MS : 2 * allowance->gap_ms;
    allowance->gap_ms = next_ms < GAP_MOST_MS ? next_ms : GAP_MOST_MS;
    allowance->told_ms = now_ms;
    return true;
}
