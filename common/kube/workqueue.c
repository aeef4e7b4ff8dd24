/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client-go keeps three sets (queue, dirty, processing), a heap of delayed keys and a table of
 * failures. Here each key has one entry that carries all five facts, and lives as long as one of
 * them holds:
 *
 *   dirty       wants to be processed
 *   processing  a worker has it
 *   ready       stands in the line: dirty and not processing
 *   heap_index  waits for its time in the heap (NOT_DELAYED otherwise)
 *   failures    of the rate limiter
 *
 * There is no timer thread: a worker that finds nothing ready sleeps until the heap's first time.
 */
#include "common/kube/workqueue.h"

#include "common/base/backoff.h"
#include "common/base/clock.h"
#include "common/base/hash.h"
#include "common/base/monitor.h"

#include <assert.h>

#define BASE_BACKOFF_MS 5
#define NOT_DELAYED SIZE_MAX

struct entry {
    char *key;
    bool dirty, processing, ready;
    int failures;
    int64_t ready_ms, taken_ms; /* since when it is ready, and is being processed */
    int64_t due_ms;
    size_t heap_index;
    struct entry *next_ready;
    UT_hash_handle hh;
};

struct zl_workqueue {
    struct zl_monitor monitor;
    int64_t max_backoff_ms;
    struct entry *entries;
    struct entry *first_ready, *last_ready;
    size_t ready_count;
    struct entry **heap; /* earliest first */
    size_t heap_count, heap_capacity;
    bool shut_down;
};

static void heap_place(struct zl_workqueue *queue, size_t index, struct entry *entry)
{
    queue->heap[index] = entry;
    entry->heap_index = index;
}

static void heap_up(struct zl_workqueue *queue, size_t index, struct entry *entry)
{
    while (index > 0) {
        struct entry *parent = queue->heap[(index - 1) / 2];
        if (parent->due_ms <= entry->due_ms) {
            break;
        }
        heap_place(queue, index, parent);
        index = (index - 1) / 2;
    }
    heap_place(queue, index, entry);
}

static void heap_down(struct zl_workqueue *queue, size_t index, struct entry *entry)
{
    for (;;) {
        size_t child = 2 * index + 1;
        if (child >= queue->heap_count) {
            break;
        }
        if (child + 1 < queue->heap_count &&
            queue->heap[child + 1]->due_ms < queue->heap[child]->due_ms) {
            child++;
        }
        if (entry->due_ms <= queue->heap[child]->due_ms) {
            break;
        }
        heap_place(queue, index, queue->heap[child]);
        index = child;
    }
    heap_place(queue, index, entry);
}

static void heap_add(struct zl_workqueue *queue, struct entry *entry)
{
    if (queue->heap_count == queue->heap_capacity) {
        queue->heap_capacity = queue->heap_capacity == 0 ? 64 : queue->heap_capacity * 2;
        queue->heap = zl_realloc(queue->heap, queue->heap_capacity, sizeof(struct entry *));
    }
    heap_up(queue, queue->heap_count++, entry);
}

static struct entry *heap_take_first(struct zl_workqueue *queue)
{
    struct entry *first = queue->heap[0];
    struct entry *last = queue->heap[--queue->heap_count];
    if (queue->heap_count > 0) {
        heap_down(queue, 0, last);
    }
    first->heap_index = NOT_DELAYED;
    return first;
}

static struct entry *find(struct zl_workqueue *queue, const char *key)
{
    struct entry *found = NULL;
    HASH_FIND_STR(queue->entries, key, found);
    return found;
}

static struct entry *find_or_add(struct zl_workqueue *queue, const char *key)
{
    struct entry *entry = find(queue, key);
    if (entry != NULL) {
        return entry;
    }
    entry = zl_alloc(sizeof *entry);
    entry->key = zl_strdup(key);
    entry->heap_index = NOT_DELAYED;
    HASH_ADD_KEYPTR(hh, queue->entries, entry->key, strlen(entry->key), entry);
    return entry;
}

static void free_entry(struct entry *entry)
{
    free(entry->key);
    free(entry);
}

static void check(const struct entry *entry)
{
    assert(entry->ready == (entry->dirty && !entry->processing));
    assert(entry->failures >= 0);
    (void)entry;
}

static void forget_if_idle(struct zl_workqueue *queue, struct entry *entry)
{
    check(entry);
    if (entry->dirty || entry->processing || entry->failures > 0 ||
        entry->heap_index != NOT_DELAYED) {
        return;
    }
    HASH_DEL(queue->entries, entry);
    free_entry(entry);
}

static void line_up(struct zl_workqueue *queue, struct entry *entry)
{
    entry->ready = true;
    entry->ready_ms = zl_clock_ms();
    entry->next_ready = NULL;
    if (queue->last_ready == NULL) {
        queue->first_ready = entry;
    } else {
        queue->last_ready->next_ready = entry;
    }
    queue->last_ready = entry;
    queue->ready_count++;
    check(entry);
    zl_monitor_wake_one(&queue->monitor);
}

static void make_dirty(struct zl_workqueue *queue, struct entry *entry)
{
    if (entry->dirty) {
        return;
    }
    entry->dirty = true;
    if (!entry->processing) {
        line_up(queue, entry);
    }
}

static void add_due(struct zl_workqueue *queue)
{
    if (queue->heap_count == 0) {
        return;
    }
    const int64_t now_ms = zl_clock_ms();
    while (queue->heap_count > 0 && queue->heap[0]->due_ms <= now_ms) {
        make_dirty(queue, heap_take_first(queue));
    }
}

static void add_later(struct zl_workqueue *queue, struct entry *entry, int64_t delay_ms)
{
    const int64_t due_ms = zl_clock_ms() + delay_ms;
    if (entry->heap_index == NOT_DELAYED) {
        entry->due_ms = due_ms;
        heap_add(queue, entry);
    } else if (due_ms < entry->due_ms) {
        entry->due_ms = due_ms;
        heap_up(queue, entry->heap_index, entry);
    } else {
        return;
    }
    /* A sleeping worker counts on the old first time: let one of them look again. */
    if (entry->heap_index == 0) {
        zl_monitor_wake_one(&queue->monitor);
    }
}

struct zl_workqueue *zl_workqueue_new(int64_t max_backoff_ms)
{
    struct zl_workqueue *queue = zl_alloc(sizeof *queue);
    zl_monitor_init(&queue->monitor);
    queue->max_backoff_ms = max_backoff_ms;
    return queue;
}

void zl_workqueue_free(struct zl_workqueue *queue)
{
    if (queue == NULL) {
        return;
    }
    struct entry *next = NULL;
    for (struct entry *entry = queue->entries; entry != NULL; entry = next) {
        next = entry->hh.next;
        HASH_DEL(queue->entries, entry);
        free_entry(entry);
    }
    free(queue->heap);
    zl_monitor_clear(&queue->monitor);
    free(queue);
}

void zl_workqueue_add(struct zl_workqueue *queue, const char *key)
{
    zl_workqueue_add_after(queue, key, 0);
}

void zl_workqueue_add_after(struct zl_workqueue *queue, const char *key, int64_t delay_ms)
{
    zl_monitor_lock(&queue->monitor);
    if (!queue->shut_down) {
        struct entry *entry = find_or_add(queue, key);
        if (delay_ms <= 0) {
            make_dirty(queue, entry);
        } else {
            add_later(queue, entry, delay_ms);
        }
    }
    zl_monitor_unlock(&queue->monitor);
}

void zl_workqueue_add_rate_limited(struct zl_workqueue *queue, const char *key)
{
    zl_monitor_lock(&queue->monitor);
    if (!queue->shut_down) {
        struct entry *entry = find_or_add(queue, key);
        add_later(queue, entry,
                  zl_backoff_ms(entry->failures, BASE_BACKOFF_MS, queue->max_backoff_ms));
        if (entry->failures < INT32_MAX) {
            entry->failures++;
        }
    }
    zl_monitor_unlock(&queue->monitor);
}

void zl_workqueue_forget(struct zl_workqueue *queue, const char *key)
{
    zl_monitor_lock(&queue->monitor);
    struct entry *entry = find(queue, key);
    if (entry != NULL) {
        entry->failures = 0;
        forget_if_idle(queue, entry);
    }
    zl_monitor_unlock(&queue->monitor);
}

int zl_workqueue_failures(struct zl_workqueue *queue, const char *key)
{
    zl_monitor_lock(&queue->monitor);
    const struct entry *entry = find(queue, key);
    const int failures = entry == NULL ? 0 : entry->failures;
    zl_monitor_unlock(&queue->monitor);
    return failures;
}

static char *take_first(struct zl_workqueue *queue)
{
    struct entry *entry = queue->first_ready;
    assert(entry->dirty && !entry->processing && entry->ready);
    queue->first_ready = entry->next_ready;
    if (queue->first_ready == NULL) {
        queue->last_ready = NULL;
    }
    queue->ready_count--;
    entry->next_ready = NULL;
    entry->ready = false;
    entry->dirty = false;
    entry->processing = true;
    entry->taken_ms = zl_clock_ms();
    check(entry);
    return zl_strdup(entry->key);
}

char *zl_workqueue_get(struct zl_workqueue *queue)
{
    char *key = NULL;
    zl_monitor_lock(&queue->monitor);
    for (;;) {
        if (!queue->shut_down) {
            add_due(queue);
        }
        if (queue->first_ready != NULL) {
            key = take_first(queue);
            break;
        }
        if (queue->shut_down) {
            break;
        }
        zl_monitor_wait(&queue->monitor,
                        queue->heap_count > 0 ? queue->heap[0]->due_ms : ZL_FOREVER);
    }
    /*
     * This worker may have been the one that watched the clock, or have swallowed a wake-up meant
     * for a change of the first time: pass both on.
     */
    if (queue->ready_count > 0 || queue->heap_count > 0) {
        zl_monitor_wake_one(&queue->monitor);
    }
    zl_monitor_unlock(&queue->monitor);
    return key;
}

void zl_workqueue_done(struct zl_workqueue *queue, const char *key)
{
    zl_monitor_lock(&queue->monitor);
    struct entry *entry = find(queue, key);
    assert(entry != NULL && entry->processing);
    if (entry != NULL) {
        entry->processing = false;
        if (entry->dirty) {
            line_up(queue, entry);
        } else {
            forget_if_idle(queue, entry);
        }
    }
    zl_monitor_unlock(&queue->monitor);
}

void zl_workqueue_shutdown(struct zl_workqueue *queue)
{
    zl_monitor_lock(&queue->monitor);
    queue->shut_down = true;
    zl_monitor_wake_all(&queue->monitor);
    zl_monitor_unlock(&queue->monitor);
}

size_t zl_workqueue_depth(struct zl_workqueue *queue)
{
    zl_monitor_lock(&queue->monitor);
    if (!queue->shut_down) {
        add_due(queue); /* else keys would not count while all workers are busy */
    }
    const size_t depth = queue->ready_count;
    zl_monitor_unlock(&queue->monitor);
    return depth;
}

struct zl_workqueue_load zl_workqueue_load(struct zl_workqueue *queue)
{
    struct zl_workqueue_load load = {.depth = zl_workqueue_depth(queue)};
    zl_monitor_lock(&queue->monitor);
    const int64_t now_ms = zl_clock_ms();
    if (queue->first_ready != NULL) {
        load.waiting_ms = now_ms - queue->first_ready->ready_ms;
    }
    for (const struct entry *entry = queue->entries; entry != NULL; entry = entry->hh.next) {
        if (entry->processing && now_ms - entry->taken_ms > load.working_ms) {
            load.working_ms = now_ms - entry->taken_ms;
        }
    }
    zl_monitor_unlock(&queue->monitor);
    return load;
}
