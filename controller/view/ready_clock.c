/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/view/ready_clock.h"

#include "common/base/hash.h"

#include <pthread.h>
#include <string.h>

struct entry {
    char *uid;
    int64_t changed_us; /* as the pod says; only for comparing with itself */
    int64_t since_ms;
    UT_hash_handle hh;
};

struct zl_ready_clock {
    pthread_mutex_t lock;
    struct entry *entries;
};

struct zl_ready_clock *zl_ready_clock_new(void)
{
    struct zl_ready_clock *clock = zl_alloc(sizeof *clock);
    pthread_mutex_init(&clock->lock, NULL);
    return clock;
}

static void remove_entry(struct zl_ready_clock *clock, struct entry *entry)
{
    HASH_DEL(clock->entries, entry);
    free(entry->uid);
    free(entry);
}

void zl_ready_clock_free(struct zl_ready_clock *clock)
{
    struct entry *entry, *next;
    if (clock == NULL) {
        return;
    }
    HASH_ITER(hh, clock->entries, entry, next)
    remove_entry(clock, entry);
    pthread_mutex_destroy(&clock->lock);
    free(clock);
}

/* With the lock held. NULL: none. */
static struct entry *find_entry(struct zl_ready_clock *clock, const char *uid)
{
    struct entry *entry;
    HASH_FIND_STR(clock->entries, uid, entry);
    return entry;
}

static void forget(struct zl_ready_clock *clock, const char *uid)
{
    struct entry *entry = find_entry(clock, uid);
    if (entry != NULL) {
        remove_entry(clock, entry);
    }
}

static void note(struct zl_ready_clock *clock, const struct zl_pod *pod, int64_t now_ms)
{
    struct entry *entry = find_entry(clock, pod->meta.uid);
    if (entry == NULL) {
        entry = zl_alloc(sizeof *entry);
        entry->uid = zl_strdup(pod->meta.uid);
        HASH_ADD_KEYPTR(hh, clock->entries, entry->uid, strlen(entry->uid), entry);
    } else if (entry->changed_us == pod->ready_changed_us) {
        return;
    }
    entry->changed_us = pod->ready_changed_us;
    entry->since_ms = now_ms;
}

void zl_ready_clock_see(struct zl_ready_clock *clock, const struct zl_pod *old_pod,
                        const struct zl_pod *new_pod, int64_t now_ms)
{
    pthread_mutex_lock(&clock->lock);
    if (old_pod != NULL && (new_pod == NULL || strcmp(old_pod->meta.uid, new_pod->meta.uid) != 0)) {
        forget(clock, old_pod->meta.uid);
    }
    if (new_pod != NULL && new_pod->serving) {
        note(clock, new_pod, now_ms);
    } else if (new_pod != NULL) {
        forget(clock, new_pod->meta.uid);
    }
    pthread_mutex_unlock(&clock->lock);
}

int64_t zl_ready_clock_ms(struct zl_ready_clock *clock, const struct zl_pod *pod, int64_t now_ms)
{
    pthread_mutex_lock(&clock->lock);
    const struct entry *entry = find_entry(clock, pod->meta.uid);
    int64_t since_ms =
        entry != NULL && entry->changed_us == pod->ready_changed_us ? entry->since_ms : now_ms;
    pthread_mutex_unlock(&clock->lock);
    return pod->serving && now_ms > since_ms ? now_ms - since_ms : 0;
}
