/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reaper.c - the deadlines of connections; see server_internal.h.
 */
#include "common/base/clock.h"
#include "common/base/hash.h"
#include "common/base/metrics.h"
#include "common/base/monitor.h"
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
/*
 * Memory is given back when so many connections have gone: a TLS session holds 70 KiB, in small pieces which glibc keeps.
 */
#define GIVE_BACK_AFTER 32
/* A connection younger than this is about to send its first request. */
#define NEWBORN_MS 300

/* Whoever has one IPv6 address has all 2^64 of its network. IPv4 comes as ::ffff:a.b.c.d: all of it counts. */
#define IPV6_NETWORK_BYTES 8

/* A peer, and how many connections it has. */
struct peer {
    uint8_t address[16];
    size_t connections; /* without those that have been told to leave */
    size_t entries;     /* with them */
    UT_hash_handle hh;
};

struct zl_reaper_entry {
    LIST_ENTRY(zl_reaper_entry) link;
    int fd;
    struct peer *peer;
    bool is_leaving; /* to make room: its thread has not noticed yet */
    enum zl_reaper_phase phase;
    int64_t since_ms;
    uint64_t order;    /* of SINCE_MS among all: who is older */
    bool has_asked;    /* the head of a request has come */
    uint64_t received; /* bytes from the peer when the last request was done */
};

/* Of all servers of the process. */
static const struct zl_metric EVICTED = {
    .name = "zen_lead_http_connections_over_limit_total",
    .type = ZL_METRIC_COUNTER,
    .help = "Connections that were one too many, by what came of it: made_room (another one, idle "
            "or slow, was closed), "
            "refused (all others were being answered).",
    .label1 = "result",
};

const struct zl_metric *const ZL_HTTP_METRICS[] = {&EVICTED, NULL};

struct zl_reaper {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t stop;    /* what the sweep waits for */
    pthread_cond_t changed; /* a phase; told while somebody waits for that */
    size_t waiters;
    LIST_HEAD(, zl_reaper_entry) entries;
    struct peer *peers;
    size_t connections; /* as in struct peer */
    size_t most;        /* connections at once since memory was given back */
    uint64_t phases;    /* that have begun so far */
    struct zl_reaper_limits limits;
    int64_t tick_ms;
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

static void begin_phase(struct zl_reaper *reaper, struct zl_reaper_entry *entry, int64_t now_ms)
{
    entry->since_ms = now_ms;
    entry->order = ++reaper->phases;
}

/* Nobody tells of the first byte of a request. */
static void notice_request(struct zl_reaper *reaper, struct zl_reaper_entry *entry, int64_t now_ms)
{
    if (entry->phase == ZL_REAPER_IDLE && has_unanswered_bytes(entry)) {
        entry->phase = ZL_REAPER_HEAD;
        begin_phase(reaper, entry, now_ms);
    }
}

static void sweep_one(struct zl_reaper *reaper, struct zl_reaper_entry *entry, int64_t now_ms)
{
    const struct zl_reaper_limits *limits = &reaper->limits;
    if (entry->phase == ZL_REAPER_HANDLING) {
        return;
    }
    notice_request(reaper, entry, now_ms);
    int64_t allowed_ms =
        entry->phase == ZL_REAPER_IDLE ? limits->idle_timeout_ms : limits->request_timeout_ms;
    if (now_ms - entry->since_ms >= allowed_ms) {
        shutdown(entry->fd, SHUT_RDWR); /* again at the next tick: harmless */
    }
}

/* Wait on COND with the lock held. */
static void wait_for(struct zl_reaper *reaper, pthread_cond_t *cond, int64_t timeout_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t nanoseconds = until.tv_nsec + timeout_ms % 1000 * 1000000;
    until.tv_sec += timeout_ms / 1000 + nanoseconds / 1000000000;
    until.tv_nsec = nanoseconds % 1000000000;
    pthread_cond_timedwait(cond, &reaper->lock, &until);
}

static void wait_changed(struct zl_reaper *reaper)
{
    reaper->waiters++;
    wait_for(reaper, &reaper->changed, QUIET_TICK_MS);
    reaper->waiters--;
}

/* With the lock held. Nearly always nobody waits, and waking the sweep for each request costs two switches of threads. */
static void tell_changed(struct zl_reaper *reaper)
{
    if (reaper->waiters > 0) {
        pthread_cond_broadcast(&reaper->changed);
    }
}

/* With the lock held, which is let go meanwhile. */
static void give_back(struct zl_reaper *reaper)
{
    if (reaper->most < reaper->connections + GIVE_BACK_AFTER) {
        return;
    }
    reaper->most = reaper->connections;
    pthread_mutex_unlock(&reaper->lock);
    zl_memory_give_back();
    pthread_mutex_lock(&reaper->lock);
}

static void *sweep(void *ctx)
{
    struct zl_reaper *reaper = ctx;
    pthread_mutex_lock(&reaper->lock);
    int64_t next_ms = zl_clock_ms() + reaper->tick_ms;
    while (!reaper->stopping) {
        int64_t now_ms = zl_clock_ms();
        if (now_ms < next_ms) {
            wait_for(reaper, &reaper->stop, next_ms - now_ms);
            continue;
        }
        next_ms = now_ms + reaper->tick_ms;
        struct zl_reaper_entry *entry;
        LIST_FOREACH(entry, &reaper->entries, link)
        sweep_one(reaper, entry, now_ms);
        give_back(reaper);
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

struct zl_reaper *zl_reaper_start(const struct zl_reaper_limits *limits)
{
    struct zl_reaper *reaper = zl_alloc(sizeof *reaper);
    LIST_INIT(&reaper->entries);
    reaper->limits = *limits;
    reaper->tick_ms =
        tick_for(limits->request_timeout_ms < limits->idle_timeout_ms ? limits->request_timeout_ms
                                                                      : limits->idle_timeout_ms);
    zl_short_lock_init(&reaper->lock);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&reaper->stop, &monotonic);
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
    pthread_cond_signal(&reaper->stop);
    pthread_mutex_unlock(&reaper->lock);
    pthread_join(reaper->thread, NULL);
    pthread_cond_destroy(&reaper->changed);
    pthread_cond_destroy(&reaper->stop);
    pthread_mutex_destroy(&reaper->lock);
    free(reaper);
}

/* --- peers ---------------------------------------------------------------------------------- */

static void address_of(int fd, uint8_t out[16])
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } from = {0};
    socklen_t length = sizeof from;
    memset(out, 0, 16);
    if (getpeername(fd, &from.any, &length) != 0) {
        return; /* gone already */
    }
    if (from.any.sa_family == AF_INET) {
        out[10] = out[11] = 0xff;
        memcpy(out + 12, &from.v4.sin_addr, sizeof from.v4.sin_addr);
    } else {
        const bool is_v4 = IN6_IS_ADDR_V4MAPPED(&from.v6.sin6_addr);
        memcpy(out, &from.v6.sin6_addr, is_v4 ? 16 : IPV6_NETWORK_BYTES);
    }
}

static struct peer *join_peer(struct zl_reaper *reaper, int fd)
{
    uint8_t address[16];
    struct peer *peer = NULL;
    address_of(fd, address);
    HASH_FIND(hh, reaper->peers, address, sizeof address, peer);
    if (peer == NULL) {
        peer = zl_alloc(sizeof *peer);
        memcpy(peer->address, address, sizeof address);
        HASH_ADD(hh, reaper->peers, address, sizeof peer->address, peer);
    }
    peer->connections++;
    peer->entries++;
    reaper->connections++;
    reaper->most = reaper->connections > reaper->most ? reaper->connections : reaper->most;
    return peer;
}

/* ENTRY counts no longer; its peer may go with its last entry. */
static void uncount(struct zl_reaper *reaper, struct zl_reaper_entry *entry)
{
    if (!entry->is_leaving) {
        entry->is_leaving = true;
        entry->peer->connections--;
        reaper->connections--;
    }
}

static void leave_peer(struct zl_reaper *reaper, struct peer *peer)
{
    if (--peer->entries == 0) {
        HASH_DEL(reaper->peers, peer);
        free(peer);
    }
}

/* --- who makes room ------------------------------------------------------------------------- */

enum room {
    ROOM_SILENT, /* has sent no request, and is not just about to */
    ROOM_IDLE,
    ROOM_NEWBORN, /* has sent no request, and came a moment ago */
    ROOM_SLOW,    /* sends a request, or takes an answer */
    ROOM_NOBODY,  /* it stays */
};

/* The order of server_internal.h: of addresses with their share of the server or less, and of those with more. */
static const int RANKS[ROOM_NOBODY][2] = {
    [ROOM_SILENT] = {2, 1}, [ROOM_IDLE] = {5, 3}, [ROOM_NEWBORN] = {6, 4}, [ROOM_SLOW] = {8, 7}};

static enum room room_of(const struct zl_reaper_entry *entry, int64_t now_ms)
{
    if (entry->is_leaving || entry->phase == ZL_REAPER_HANDLING) {
        return ROOM_NOBODY;
    }
    if (entry->phase == ZL_REAPER_HEAD && !entry->has_asked) {
        return now_ms - entry->since_ms >= NEWBORN_MS ? ROOM_SILENT : ROOM_NEWBORN;
    }
    return entry->phase == ZL_REAPER_IDLE ? ROOM_IDLE : ROOM_SLOW;
}

/* At least 1: the newcomer has one. */
static size_t count_peers(const struct zl_reaper *reaper)
{
    const size_t count = HASH_COUNT(reaper->peers);
    return count > 0 ? count : 1;
}

struct choice {
    struct zl_reaper_entry *entry; /* NULL: none yet */
    int rank;
};

static bool goes_before(const struct zl_reaper_entry *entry, int rank, const struct choice *than)
{
    if (than->entry == NULL || rank != than->rank) {
        return than->entry == NULL || rank < than->rank;
    }
    const size_t has = entry->peer->connections, others = than->entry->peer->connections;
    return has != others ? has > others : entry->order < than->entry->order;
}

static struct zl_reaper_entry *choose(struct zl_reaper *reaper,
                                      const struct zl_reaper_entry *newcomer)
{
    struct choice choice = {0};
    struct zl_reaper_entry *entry;
    const int64_t now_ms = zl_clock_ms();
    const size_t share = reaper->limits.connections_max / count_peers(reaper);
    LIST_FOREACH(entry, &reaper->entries, link)
    {
        notice_request(reaper, entry, now_ms);
        enum room room = entry != newcomer ? room_of(entry, now_ms) : ROOM_NOBODY;
        if (room == ROOM_NOBODY) {
            continue;
        }
        int rank = RANKS[room][entry->peer->connections > share];
        if (goes_before(entry, rank, &choice)) {
            choice = (struct choice){.entry = entry, .rank = rank};
        }
    }
    return choice.entry;
}

static void make_room(struct zl_reaper *reaper, struct zl_reaper_entry *newcomer)
{
    if (reaper->connections <= reaper->limits.connections_max) {
        return;
    }
    struct zl_reaper_entry *chosen = choose(reaper, newcomer);
    struct zl_reaper_entry *leaving = chosen != NULL ? chosen : newcomer;
    uncount(reaper, leaving);
    shutdown(leaving->fd, SHUT_RDWR);
    zl_metric_add(&EVICTED, chosen != NULL ? "made_room" : "refused", NULL, 1);
}

struct zl_reaper_entry *zl_reaper_add(struct zl_reaper *reaper, int fd)
{
    struct zl_reaper_entry *entry = zl_alloc(sizeof *entry);
    entry->fd = fd;
    entry->phase = ZL_REAPER_HEAD;
    pthread_mutex_lock(&reaper->lock);
    begin_phase(reaper, entry, zl_clock_ms());
    entry->peer = join_peer(reaper, fd);
    LIST_INSERT_HEAD(&reaper->entries, entry, link);
    make_room(reaper, entry);
    pthread_mutex_unlock(&reaper->lock);
    return entry;
}

void zl_reaper_remove(struct zl_reaper *reaper, struct zl_reaper_entry *entry)
{
    pthread_mutex_lock(&reaper->lock);
    LIST_REMOVE(entry, link);
    uncount(reaper, entry);
    leave_peer(reaper, entry->peer);
    tell_changed(reaper);
    pthread_mutex_unlock(&reaper->lock);
    free(entry);
}

void zl_reaper_enter(struct zl_reaper *reaper, struct zl_reaper_entry *entry,
                     enum zl_reaper_phase phase)
{
    const int64_t now_ms = zl_clock_ms();
    const uint64_t received = phase == ZL_REAPER_IDLE ? bytes_received(entry->fd) : 0;
    pthread_mutex_lock(&reaper->lock);
    if (phase != ZL_REAPER_BODY || entry->phase != ZL_REAPER_HEAD) {
        begin_phase(reaper, entry, now_ms); /* else head and body share one deadline */
    }
    entry->phase = phase;
    entry->has_asked = entry->has_asked || phase == ZL_REAPER_BODY;
    if (phase == ZL_REAPER_IDLE) {
        entry->received = received;
        tell_changed(reaper);
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

void zl_reaper_wait_calm(struct zl_reaper *reaper, int64_t calm_ms, int64_t timeout_ms)
{
    pthread_mutex_lock(&reaper->lock);
    int64_t now_ms = zl_clock_ms(), since_ms = now_ms;
    const int64_t until_ms = now_ms + timeout_ms;
    uint64_t seen = reaper->phases;
    while (now_ms < until_ms && now_ms - since_ms < calm_ms) {
        wait_changed(reaper);
        now_ms = zl_clock_ms();
        since_ms = reaper->phases != seen ? now_ms : since_ms;
        seen = reaper->phases;
    }
    pthread_mutex_unlock(&reaper->lock);
}

bool zl_reaper_wait_quiet(struct zl_reaper *reaper, int64_t timeout_ms)
{
    int64_t until_ms = zl_clock_ms() + timeout_ms;
    pthread_mutex_lock(&reaper->lock);
    bool busy;
    while ((busy = is_any_busy(reaper)) && zl_clock_ms() < until_ms) {
        wait_changed(reaper);
    }
    pthread_mutex_unlock(&reaper->lock);
    return !busy;
}
