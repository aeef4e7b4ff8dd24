/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reaper.c - the deadlines of connections; see server_internal.h.
 */
#include "common/base/clock.h"
#include "common/http/server_internal.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/queue.h>
#include <sys/socket.h>

/* A cut comes at most one tick late: a quarter of the shortest deadline, within these bounds. */
#define TICK_MAX_MS 250
#define TICK_MIN_MS 10
/* zl_reaper_wait_quiet is woken by every phase change; this covers bytes that arrive unannounced. */
#define QUIET_TICK_MS 20
/* A connection younger than this is about to send its first request. */
#define NEWBORN_MS 300

struct zl_reaper_entry {
    LIST_ENTRY(zl_reaper_entry) link;
    int fd;
    enum zl_reaper_phase phase;
    int64_t since_ms;
    uint64_t received; /* bytes from the peer when the last request was done */
};

struct zl_reaper {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* a phase, or stopping */
    LIST_HEAD(, zl_reaper_entry) entries;
    int64_t request_timeout_ms, idle_timeout_ms, tick_ms;
    bool stopping;
};

static uint64_t bytes_received(int fd)
{
    struct tcp_info info = {0};
    socklen_t length = sizeof info;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0) {
        return 0;
    }
    return info.tcpi_bytes_received;
}

static bool has_unanswered_bytes(const struct zl_reaper_entry *entry)
{
    return bytes_received(entry->fd) != entry->received;
}

static void sweep_one(const struct zl_reaper *reaper, struct zl_reaper_entry *entry, int64_t now_ms)
{
    if (entry->phase == ZL_REAPER_HANDLING) {
        return;
    }
    if (entry->phase == ZL_REAPER_IDLE && has_unanswered_bytes(entry)) {
        entry->phase = ZL_REAPER_HEAD;
        entry->since_ms = now_ms;
    }
    int64_t allowed_ms =
        entry->phase == ZL_REAPER_IDLE ? reaper->idle_timeout_ms : reaper->request_timeout_ms;
    if (now_ms - entry->since_ms >= allowed_ms) {
        shutdown(entry->fd, SHUT_RDWR); /* again at the next tick: harmless */
    }
}

/* Wait on CHANGED with the lock held. */
static void wait_changed(struct zl_reaper *reaper, int64_t timeout_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t nanoseconds = until.tv_nsec + timeout_ms % 1000 * 1000000;
    until.tv_sec += timeout_ms / 1000 + nanoseconds / 1000000000;
    until.tv_nsec = nanoseconds % 1000000000;
    pthread_cond_timedwait(&reaper->changed, &reaper->lock, &until);
}

static void *sweep(void *ctx)
{
    struct zl_reaper *reaper = ctx;
    pthread_mutex_lock(&reaper->lock);
    int64_t next_ms = zl_clock_ms() + reaper->tick_ms;
    while (!reaper->stopping) {
        int64_t now_ms = zl_clock_ms();
        if (now_ms < next_ms) {
            wait_changed(reaper, next_ms - now_ms);
            continue;
        }
        next_ms = now_ms + reaper->tick_ms;
        struct zl_reaper_entry *entry;
        LIST_FOREACH(entry, &reaper->entries, link)
        sweep_one(reaper, entry, now_ms);
    }
    pthread_mutex_unlock(&reaper->lock);
    return NULL;
}

static int64_t tick_for(int64_t shortest_ms)
{
    int64_t tick_ms = shortest_ms / 4;
    if (tick_ms > TICK_MAX_MS) {
        return TICK_MAX_MS;
    }
    return tick_ms < TICK_MIN_MS ? TICK_MIN_MS : tick_ms;
}

struct zl_reaper *zl_reaper_start(int64_t request_timeout_ms, int64_t idle_timeout_ms)
{
    struct zl_reaper *reaper = zl_alloc(sizeof *reaper);
    LIST_INIT(&reaper->entries);
    reaper->request_timeout_ms = request_timeout_ms;
    reaper->idle_timeout_ms = idle_timeout_ms;
    reaper->tick_ms =
        tick_for(request_timeout_ms < idle_timeout_ms ? request_timeout_ms : idle_timeout_ms);
    pthread_mutex_init(&reaper->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&reaper->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&reaper->thread, NULL, sweep, reaper) != 0) {
        abort(); /* like memory: a process that may not have one more thread cannot serve */
    }
    return reaper;
}

void zl_reaper_stop(struct zl_reaper *reaper)
{
    pthread_mutex_lock(&reaper->lock);
    reaper->stopping = true;
    pthread_cond_broadcast(&reaper->changed);
    pthread_mutex_unlock(&reaper->lock);
    pthread_join(reaper->thread, NULL);
    pthread_cond_destroy(&reaper->changed);
    pthread_mutex_destroy(&reaper->lock);
    free(reaper);
}

struct zl_reaper_entry *zl_reaper_add(struct zl_reaper *reaper, int fd)
{
    struct zl_reaper_entry *entry = zl_alloc(sizeof *entry);
    entry->fd = fd;
    entry->phase = ZL_REAPER_HEAD;
    entry->since_ms = zl_clock_ms();
    pthread_mutex_lock(&reaper->lock);
    LIST_INSERT_HEAD(&reaper->entries, entry, link);
    pthread_mutex_unlock(&reaper->lock);
    return entry;
}

void zl_reaper_remove(struct zl_reaper *reaper, struct zl_reaper_entry *entry)
{
    pthread_mutex_lock(&reaper->lock);
    LIST_REMOVE(entry, link);
    pthread_cond_broadcast(&reaper->changed);
    pthread_mutex_unlock(&reaper->lock);
    free(entry);
}

void zl_reaper_enter(struct zl_reaper *reaper, struct zl_reaper_entry *entry,
                     enum zl_reaper_phase phase)
{
    pthread_mutex_lock(&reaper->lock);
    if (phase != ZL_REAPER_BODY || entry->phase != ZL_REAPER_HEAD) {
        entry->since_ms = zl_clock_ms(); /* else head and body share one deadline */
    }
    entry->phase = phase;
    if (phase == ZL_REAPER_IDLE) {
        entry->received = bytes_received(entry->fd);
        pthread_cond_broadcast(&reaper->changed);
    }
    pthread_mutex_unlock(&reaper->lock);
}

/* A connection that has never sent a request, only a TLS handshake or nothing, is not waited for. */
static bool is_busy(const struct zl_reaper_entry *entry)
{
    bool is_first = entry->received == 0;
    if (entry->phase == ZL_REAPER_HEAD && is_first) {
        return zl_clock_ms() - entry->since_ms < NEWBORN_MS;
    }
    if (entry->phase == ZL_REAPER_HEAD || entry->phase == ZL_REAPER_IDLE) {
        return has_unanswered_bytes(entry);
    }
    return true;
}

static bool is_any_busy(const struct zl_reaper *reaper)
{
    const struct zl_reaper_entry *entry;
    LIST_FOREACH(entry, &reaper->entries, link)
    {
        if (is_busy(entry)) {
            return true;
        }
    }
    return false;
}

bool zl_reaper_wait_quiet(struct zl_reaper *reaper, int64_t timeout_ms)
{
    int64_t until_ms = zl_clock_ms() + timeout_ms;
    pthread_mutex_lock(&reaper->lock);
    bool busy;
    while ((busy = is_any_busy(reaper)) && zl_clock_ms() < until_ms) {
        wait_changed(reaper, QUIET_TICK_MS);
    }
    pthread_mutex_unlock(&reaper->lock);
    return !busy;
}
