/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/view/wakes.h"

#include "common/base/hash.h"

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

static struct entry *find_entry(struct zl_wakes *wakes, const char *key)
{
    struct entry *entry;
    HASH_FIND_STR(wakes->entries, key, entry);
    return entry;
}

struct zl_wake_clock zl_wakes_find(struct zl_wakes *wakes, const char *namespace_, const char *pool,
                                   int64_t now_ms)
{
    ZL_AUTO_FREE char *key = zl_asprintf("%s/%s", namespace_, pool);
    struct zl_wake_clock clock = {0};
    pthread_mutex_lock(&wakes->lock);
    const struct entry *entry = find_entry(wakes, key);
    if (entry != NULL) {
        clock = (struct zl_wake_clock){
            .runs = true, .attempts = entry->attempts, .due_in_ms = entry->due_ms - now_ms};
    }
    pthread_mutex_unlock(&wakes->lock);
    return clock;
}

void zl_wakes_set(struct zl_wakes *wakes, const char *namespace_, const char *pool,
                  const struct zl_wake_clock *clock, int64_t now_ms)
{
    ZL_AUTO_FREE char *key = zl_asprintf("%s/%s", namespace_, pool);
    pthread_mutex_lock(&wakes->lock);
    struct entry *entry = find_entry(wakes, key);
    if (!clock->runs) {
        if (entry != NULL) {
            remove_entry(wakes, entry);
        }
        pthread_mutex_unlock(&wakes->lock);
        return;
    }
    if (entry == NULL) {
        entry = zl_alloc(sizeof *entry);
        entry->key = ZL_STEAL(&key);
        HASH_ADD_KEYPTR(hh, wakes->entries, entry->key, strlen(entry->key), entry);
    }
    entry->attempts = clock->attempts;
    entry->due_ms = now_ms + clock->due_in_ms;
    pthread_mutex_unlock(&wakes->lock);
}
