/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/apply/wakes.h"

#include "common/base/hash.h"
#include "controller/leader/plan.h"

#include <pthread.h>
#include <string.h>

struct entry {
    char *key; /* "namespace/pool" */
    int attempts;
    int64_t due_ms;
    UT_hash_handle hh;
};

struct zl_wakes {
    pthread_mutex_t lock;
    struct entry *entries; /* pools without a leader only */
};

struct zl_wakes *zl_wakes_new(void)
{
    struct zl_wakes *wakes = zl_alloc(sizeof *wakes);
    pthread_mutex_init(&wakes->lock, NULL);
    return wakes;
}

static void remove_entry(struct zl_wakes *wakes, struct entry *entry)
{
    HASH_DEL(wakes->entries, entry);
    free(entry->key);
    free(entry);
}

void zl_wakes_free(struct zl_wakes *wakes)
{
    struct entry *entry, *next;
    if (wakes == NULL) {
        return;
    }
    HASH_ITER(hh, wakes->entries, entry, next)
    remove_entry(wakes, entry);
    pthread_mutex_destroy(&wakes->lock);
    free(wakes);
}

static struct entry *find(struct zl_wakes *wakes, const char *key)
{
    struct entry *entry;
    HASH_FIND_STR(wakes->entries, key, entry);
    return entry;
}

bool zl_wakes_is_due(struct zl_wakes *wakes, const char *namespace_, const char *pool, bool urgent,
                     int64_t now_ms, int64_t *wait_ms)
{
    ZL_AUTO_FREE char *key = zl_asprintf("%s/%s", namespace_, pool);
    pthread_mutex_lock(&wakes->lock);
    struct entry *entry = find(wakes, key);
    if (entry == NULL) {
        entry = zl_alloc(sizeof *entry);
        entry->key = ZL_STEAL(&key);
        /* Nothing was released just now: the owners are probably about to create by themselves. */
        entry->attempts = urgent ? 0 : 1;
        entry->due_ms = now_ms + zl_wake_delay_ms(entry->attempts);
        HASH_ADD_KEYPTR(hh, wakes->entries, entry->key, strlen(entry->key), entry);
    }
    bool due = entry->due_ms <= now_ms;
    if (due) {
        entry->attempts++;
        entry->due_ms = now_ms + zl_wake_delay_ms(entry->attempts);
    }
    *wait_ms = entry->due_ms - now_ms;
    pthread_mutex_unlock(&wakes->lock);
    return due;
}

void zl_wakes_forget(struct zl_wakes *wakes, const char *namespace_, const char *pool)
{
    ZL_AUTO_FREE char *key = zl_asprintf("%s/%s", namespace_, pool);
    pthread_mutex_lock(&wakes->lock);
    struct entry *entry = find(wakes, key);
    if (entry != NULL) {
        remove_entry(wakes, entry);
    }
    pthread_mutex_unlock(&wakes->lock);
}
