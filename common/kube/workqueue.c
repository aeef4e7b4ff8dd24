/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client-go keeps three sets (queue, dirty, processing), a heap of delayed keys and a table of
 * failures. Here each key has one entry that carries all five facts, and lives as long as one of
 * them holds:
 *
 *   dirty       wants to be processed
 *   processing  a worker has it
 *   ready       stands in the line of its lane: dirty and not processing
 *   heap_index  waits for its time in a lane's heap (NOT_DELAYED otherwise)
 *   failures    of the rate limiter
 *
 * There is no timer thread: a worker that finds nothing ready sleeps until the heaps' first time.
 */
#include "common/kube/workqueue.h"

#include "common/base/backoff.h"
#include "common/base/clock.h"
#include "common/base/hash.h"
#include "common/base/monitor.h"

#include <assert.h>

#define BASE_BACKOFF_MS 5
#define NOT_DELAYED SIZE_MAX

/* From this failure on a key has no claim to the event lane: what failed so often is no lost race. */
#define PATIENCE 5

/* So often in a row may a key be processed for something more urgent while it waits in the idle lane as well. */
#define URGENT_IN_A_ROW 3

/* So often may a lane be passed over while somebody waits in it. */
static const int PASSED_OVER_MAX[ZL_LANE_COUNT] = {[ZL_LANE_DUE] = 4, [ZL_LANE_IDLE] = 16};

struct entry {
    char *key;
    bool dirty, processing, ready;
    enum zl_lane lane;  /* where it stands, or is to stand: with DIRTY */
    enum zl_lane taken; /* where it was taken from: with PROCESSING */
    enum zl_lane told;  /* what the worker takes it for */
    bool was_idle;      /* it stood in the idle lane until something more urgent came */
    int urgent_in_a_row;
    int failures;
    int64_t ready_ms, taken_ms; /* since when it is ready, and is being processed */
    int64_t due_ms[ZL_LANE_COUNT];
    size_t heap_index[ZL_LANE_COUNT];
    struct entry *next_ready, *previous_ready;
    UT_hash_handle hh;
};

struct lane {
    enum zl_lane name;
    struct entry *first, *last; /* ready */
    size_t count;
    struct entry **heap; /* delayed; earliest first */
    size_t heap_count, heap_capacity;
    int passed_over;
};

struct zl_workqueue {
    struct zl_monitor monitor;
    int64_t max_backoff_ms;
    struct entry *entries;
    struct lane lanes[ZL_LANE_COUNT];
    int64_t idle_max, idle_busy;
    bool shut_down;
};

static void heap_place(struct lane *lane, size_t index, struct entry *entry)
{
    lane->heap[index] = entry;
    entry->heap_index[lane->name] = index;
}

static int64_t due_ms(const struct lane *lane, const struct entry *entry)
{
    return entry->due_ms[lane->name];
}

static void heap_up(struct lane *lane, size_t index, struct entry *entry)
{
    while (index > 0) {
        struct entry *parent = lane->heap[(index - 1) / 2];
        if (due_ms(lane, parent) <= due_ms(lane, entry)) {
            break;
        }
        heap_place(lane, index, parent);
        index = (index - 1) / 2;
    }
    heap_place(lane, index, entry);
}

static void heap_down(struct lane *lane, size_t index, struct entry *entry)
{
    for (;;) {
        size_t child = 2 * index + 1;
        if (child >= lane->heap_count) {
            break;
        }
        if (child + 1 < lane->heap_count &&
            due_ms(lane, lane->heap[child + 1]) < due_ms(lane, lane->heap[child])) {
            child++;
        }
        if (due_ms(lane, entry) <= due_ms(lane, lane->heap[child])) {
            break;
        }
        heap_place(lane, index, lane->heap[child]);
        index = child;
    }
    heap_place(lane, index, entry);
}

static void heap_add(struct lane *lane, struct entry *entry)
{
    if (lane->heap_count == lane->heap_capacity) {
        lane->heap_capacity = lane->heap_capacity == 0 ? 64 : lane->heap_capacity * 2;
        lane->heap = zl_realloc(lane->heap, lane->heap_capacity, sizeof(struct entry *));
    }
    heap_up(lane, lane->heap_count++, entry);
}

static void heap_remove(struct lane *lane, struct entry *entry)
{
    const size_t index = entry->heap_index[lane->name];
    struct entry *last = lane->heap[--lane->heap_count];
    entry->heap_index[lane->name] = NOT_DELAYED;
    if (last != entry) {
        heap_up(lane, index, last);
        heap_down(lane, last->heap_index[lane->name], last);
    }
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
    for (int i = 0; i < ZL_LANE_COUNT; i++) {
        entry->heap_index[i] = NOT_DELAYED;
    }
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

static bool is_delayed(const struct entry *entry)
{
    bool delayed = false;
    for (int i = 0; i < ZL_LANE_COUNT; i++) {
        delayed = delayed || entry->heap_index[i] != NOT_DELAYED;
    }
    return delayed;
}

static void forget_if_unused(struct zl_workqueue *queue, struct entry *entry)
{
    check(entry);
    if (entry->dirty || entry->processing || entry->failures > 0 || is_delayed(entry)) {
        return;
    }
    HASH_DEL(queue->entries, entry);
    free_entry(entry);
}

/* --- the line of a lane --- */

static void line_up(struct zl_workqueue *queue, struct entry *entry)
{
    struct lane *lane = &queue->lanes[entry->lane];
    entry->ready = true;
    entry->next_ready = NULL;
    entry->previous_ready = lane->last;
    if (lane->last == NULL) {
        lane->first = entry;
    } else {
        lane->last->next_ready = entry;
    }
    lane->last = entry;
    lane->count++;
    check(entry);
    zl_monitor_wake_one(&queue->monitor);
}

static void leave_line(struct zl_workqueue *queue, struct entry *entry)
{
    struct lane *lane = &queue->lanes[entry->lane];
    if (entry->previous_ready == NULL) {
        lane->first = entry->next_ready;
    } else {
        entry->previous_ready->next_ready = entry->next_ready;
    }
    if (entry->next_ready == NULL) {
        lane->last = entry->previous_ready;
    } else {
        entry->next_ready->previous_ready = entry->previous_ready;
    }
    lane->count--;
    entry->next_ready = entry->previous_ready = NULL;
    entry->ready = false;
}

static void make_dirty(struct zl_workqueue *queue, struct entry *entry, enum zl_lane lane)
{
    if (entry->dirty && entry->lane <= lane) {
        return;
    }
    entry->was_idle = entry->was_idle || (entry->dirty && entry->lane == ZL_LANE_IDLE);
    if (entry->ready) {
        leave_line(queue, entry); /* to a more urgent one */
    } else if (!entry->processing) {
        entry->ready_ms = zl_clock_ms();
    }
    entry->dirty = true;
    entry->lane = lane;
    if (!entry->processing) {
        line_up(queue, entry);
    }
}

static void add_due(struct zl_workqueue *queue)
{
    const int64_t now_ms = zl_clock_ms();
    for (int i = 0; i < ZL_LANE_COUNT; i++) {
        struct lane *lane = &queue->lanes[i];
        while (lane->heap_count > 0 && due_ms(lane, lane->heap[0]) <= now_ms) {
            struct entry *first = lane->heap[0];
            heap_remove(lane, first);
            make_dirty(queue, first, lane->name);
        }
    }
}

static void add_later(struct zl_workqueue *queue, struct entry *entry, enum zl_lane name,
                      int64_t delay_ms)
{
    struct lane *lane = &queue->lanes[name];
    const int64_t wanted_ms = zl_clock_ms() + delay_ms;
    if (entry->heap_index[name] == NOT_DELAYED) {
        entry->due_ms[name] = wanted_ms;
        heap_add(lane, entry);
    } else if (wanted_ms < entry->due_ms[name]) {
        entry->due_ms[name] = wanted_ms;
        heap_up(lane, entry->heap_index[name], entry);
    } else {
        return;
    }
    if (lane->heap[0] == entry) {
        zl_monitor_wake_one(&queue->monitor);
    }
}

static int64_t first_due_ms(const struct zl_workqueue *queue)
{
    int64_t first_ms = ZL_FOREVER;
    for (int i = 0; i < ZL_LANE_COUNT; i++) {
        const struct lane *lane = &queue->lanes[i];
        if (lane->heap_count > 0 && due_ms(lane, lane->heap[0]) < first_ms) {
            first_ms = due_ms(lane, lane->heap[0]);
        }
    }
    return first_ms;
}

struct zl_workqueue *zl_workqueue_new(int64_t max_backoff_ms)
{
    struct zl_workqueue *queue = zl_alloc(sizeof *queue);
    zl_monitor_init(&queue->monitor);
    queue->max_backoff_ms = max_backoff_ms;
    queue->idle_max = INT64_MAX;
    for (int i = 0; i < ZL_LANE_COUNT; i++) {
        queue->lanes[i].name = (enum zl_lane)i;
    }
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
    for (int i = 0; i < ZL_LANE_COUNT; i++) {
        free(queue->lanes[i].heap);
    }
    zl_monitor_clear(&queue->monitor);
    free(queue);
}

void zl_workqueue_limit_idle(struct zl_workqueue *queue, int64_t workers)
{
    zl_monitor_lock(&queue->monitor);
    queue->idle_max = workers > 1 ? workers : 1;
    zl_monitor_unlock(&queue->monitor);
}

void zl_workqueue_add(struct zl_workqueue *queue, const char *key)
{
    zl_workqueue_add_to(queue, key, ZL_LANE_EVENT, 0);
}

void zl_workqueue_add_after(struct zl_workqueue *queue, const char *key, int64_t delay_ms)
{
    zl_workqueue_add_to(queue, key, ZL_LANE_DUE, delay_ms);
}

void zl_workqueue_add_to(struct zl_workqueue *queue, const char *key, enum zl_lane lane,
                         int64_t delay_ms)
{
    zl_monitor_lock(&queue->monitor);
    if (!queue->shut_down) {
        struct entry *entry = find_or_add(queue, key);
        if (delay_ms <= 0) {
            make_dirty(queue, entry, lane);
        } else {
            add_later(queue, entry, lane, delay_ms);
        }
    }
    zl_monitor_unlock(&queue->monitor);
}

void zl_workqueue_add_rate_limited(struct zl_workqueue *queue, const char *key)
{
    zl_monitor_lock(&queue->monitor);
    if (!queue->shut_down) {
        struct entry *entry = find_or_add(queue, key);
        bool urgent =
            entry->processing && entry->taken == ZL_LANE_EVENT && entry->failures < PATIENCE;
        add_later(queue, entry, urgent ? ZL_LANE_EVENT : ZL_LANE_DUE,
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
        forget_if_unused(queue, entry);
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

/* --- the workers --- */

static bool has_turn(const struct zl_workqueue *queue, const struct lane *lane)
{
    bool crowded = lane->name == ZL_LANE_IDLE && queue->idle_busy >= queue->idle_max;
    return lane->first != NULL && !crowded;
}

/* Whose first key is next; NULL: nobody's. The lanes that wait behind it are passed over. */
static struct lane *choose_lane(struct zl_workqueue *queue)
{
    struct lane *chosen = NULL;
    for (int i = 0; i < ZL_LANE_COUNT; i++) {
        struct lane *lane = &queue->lanes[i];
        if (has_turn(queue, lane) &&
            (chosen == NULL || lane->passed_over >= PASSED_OVER_MAX[lane->name])) {
            chosen = lane;
        }
    }
    for (int i = 0; chosen != NULL && i < ZL_LANE_COUNT; i++) {
        struct lane *lane = &queue->lanes[i];
        bool waits = lane != chosen && lane->name > ZL_LANE_EVENT && has_turn(queue, lane);
        lane->passed_over = waits ? lane->passed_over + 1 : 0;
    }
    return chosen;
}

/*
 * The lane that the worker is told. A key to which something happens again and again would never be idle: now and then what can
 * wait is done on the occasion.
 */
static enum zl_lane told_lane(struct entry *entry, const struct lane *lane)
{
    bool waits = entry->was_idle || entry->heap_index[ZL_LANE_IDLE] != NOT_DELAYED;
    entry->was_idle = false;
    entry->urgent_in_a_row = lane->name != ZL_LANE_IDLE && waits ? entry->urgent_in_a_row + 1 : 0;
    if (entry->urgent_in_a_row <= URGENT_IN_A_ROW) {
        return lane->name;
    }
    entry->urgent_in_a_row = 0;
    return ZL_LANE_IDLE;
}

static struct entry *take_first(struct zl_workqueue *queue, struct lane *lane)
{
    struct entry *entry = lane->first;
    struct lane *idle = &queue->lanes[ZL_LANE_IDLE];
    assert(entry->dirty && !entry->processing && entry->ready);
    leave_line(queue, entry);
    entry->dirty = false;
    entry->processing = true;
    entry->taken = lane->name;
    entry->told = told_lane(entry, lane);
    entry->taken_ms = zl_clock_ms();
    queue->idle_busy += lane == idle;
    if (entry->heap_index[ZL_LANE_IDLE] != NOT_DELAYED) {
        heap_remove(idle, entry);
    }
    check(entry);
    return entry;
}

static size_t count_ready(const struct zl_workqueue *queue)
{
    size_t count = 0;
    for (int i = 0; i < ZL_LANE_COUNT; i++) {
        count += queue->lanes[i].count;
    }
    return count;
}

char *zl_workqueue_get(struct zl_workqueue *queue, enum zl_lane *lane)
{
    char *key = NULL;
    zl_monitor_lock(&queue->monitor);
    while (!queue->shut_down) {
        add_due(queue);
        struct lane *chosen = choose_lane(queue);
        if (chosen != NULL) {
            struct entry *entry = take_first(queue, chosen);
            key = zl_strdup(entry->key);
            if (lane != NULL) {
                *lane = entry->told;
            }
            break;
        }
        zl_monitor_wait(&queue->monitor, first_due_ms(queue));
    }
    /*
     * This worker may have been the one that watched the clock, or have swallowed a wake-up meant
     * for a change of the first time: pass both on.
     */
    if (count_ready(queue) > 0 || first_due_ms(queue) != ZL_FOREVER) {
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
        if (entry->taken == ZL_LANE_IDLE) {
            queue->idle_busy--;
            zl_monitor_wake_one(&queue->monitor); /* another one may be idle now */
        }
        if (entry->dirty) {
            entry->ready_ms = zl_clock_ms();
            line_up(queue, entry);
        } else {
            forget_if_unused(queue, entry);
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
    const size_t depth = count_ready(queue);
    zl_monitor_unlock(&queue->monitor);
    return depth;
}

static int64_t waiting_ms(const struct lane *lane, int64_t now_ms)
{
    return lane->first != NULL ? now_ms - lane->first->ready_ms : 0;
}

struct zl_workqueue_load zl_workqueue_load(struct zl_workqueue *queue)
{
    struct zl_workqueue_load load = {0};
    zl_monitor_lock(&queue->monitor);
    if (!queue->shut_down) {
        add_due(queue);
    }
    const int64_t now_ms = zl_clock_ms();
    const struct lane *lanes = queue->lanes;
    const int64_t due_waits_ms = waiting_ms(&lanes[ZL_LANE_DUE], now_ms);
    load.depth = lanes[ZL_LANE_EVENT].count + lanes[ZL_LANE_DUE].count;
    load.idle_depth = lanes[ZL_LANE_IDLE].count;
    load.waiting_ms = waiting_ms(&lanes[ZL_LANE_EVENT], now_ms);
    load.waiting_ms = load.waiting_ms > due_waits_ms ? load.waiting_ms : due_waits_ms;
    load.idle_waiting_ms = waiting_ms(&lanes[ZL_LANE_IDLE], now_ms);
    for (const struct entry *entry = queue->entries; entry != NULL; entry = entry->hh.next) {
        if (entry->processing && now_ms - entry->taken_ms > load.working_ms) {
            load.working_ms = now_ms - entry->taken_ms;
        }
    }
    zl_monitor_unlock(&queue->monitor);
    return load;
}
