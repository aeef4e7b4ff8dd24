/* SPDX-License-Identifier: Apache-2.0 */
/*
 * informer.c - what others ask of an informer, and what of it has to be begun.
 */
#include "common/kube/informer.h"

#include "common/base/clock.h"
#include "common/kube/informer_internal.h"
#include "common/kube/store_internal.h"

#define SYNC_POLL_MS 50

static const struct zl_informer_timing DEFAULT_TIMING = {
    .backoff_ms = 800, .backoff_max_ms = 5000, .list_gap_ms = 250, .short_watch_ms = 1000};

/* --- what is followed: with the monitor's lock held --- */

static struct zl_stream *find_stream(struct zl_informer *informer, const char *namespace_)
{
    struct zl_stream *found = NULL;
    HASH_FIND_STR(informer->by_namespace, namespace_ != NULL ? namespace_ : "", found);
    return found;
}

/* The one that NAMESPACE_ is in. */
static struct zl_stream *find_covering(struct zl_informer *informer, const char *namespace_)
{
    struct zl_stream *found = find_stream(informer, namespace_);
    return found != NULL ? found : find_stream(informer, NULL);
}

void zl_informer_note_watching(struct zl_stream *stream, bool watching)
{
    if (stream->counted && stream->watching != watching) {
        atomic_fetch_add(&stream->informer->gaps, watching ? (size_t)-1 : 1);
    }
    stream->watching = watching;
}

static void add_stream(struct zl_informer *informer, const char *namespace_)
{
    struct zl_stream *stream = zl_stream_new(informer, namespace_);
    HASH_ADD_KEYPTR(hh, informer->by_namespace, stream->namespace_, strlen(stream->namespace_),
                    stream);
    stream->next = informer->newcomers;
    informer->newcomers = stream;
    informer->unsynced++;
    stream->counted = true;
    atomic_fetch_add(&informer->gaps, 1);
}

static struct zl_leaving **find_leaving(struct zl_informer *informer, const char *namespace_)
{
    struct zl_leaving **link = &informer->leaving;
    while (*link != NULL && strcmp((*link)->namespace_, namespace_) != 0) {
        link = &(*link)->next;
    }
    return link;
}

static void free_leaving(struct zl_leaving *leaving)
{
    free(leaving->namespace_);
    free(leaving);
}

static void stay(struct zl_informer *informer, const char *namespace_)
{
    if (namespace_ == NULL) {
        return;
    }
    struct zl_leaving **link = find_leaving(informer, namespace_);
    struct zl_leaving *leaving = *link;
    if (leaving != NULL) {
        *link = leaving->next;
        free_leaving(leaving);
    }
}

/* Wake the thread wherever it waits; and unlock. */
static void ask_and_unlock(struct zl_informer *informer)
{
    informer->asked = true;
    zl_kube_loop_wake(informer->loop);
    zl_monitor_wake_all(&informer->monitor);
    zl_monitor_unlock(&informer->monitor);
}

void zl_informer_follow(struct zl_informer *informer, const char *namespace_)
{
    zl_monitor_lock(&informer->monitor);
    stay(informer, namespace_);
    if (find_covering(informer, namespace_) == NULL) {
        add_stream(informer, namespace_);
    }
    ask_and_unlock(informer);
}

void zl_informer_refill(struct zl_informer *informer, const char *namespace_)
{
    zl_monitor_lock(&informer->monitor);
    stay(informer, namespace_);
    struct zl_stream *stream = find_covering(informer, namespace_);
    if (stream == NULL) {
        add_stream(informer, namespace_);
    } else {
        zl_fills_add(stream, namespace_);
    }
    ask_and_unlock(informer);
}

void zl_informer_forget(struct zl_informer *informer, const char *namespace_, int64_t delay_ms)
{
    zl_monitor_lock(&informer->monitor);
    if (*find_leaving(informer, namespace_) == NULL) {
        struct zl_leaving *leaving = zl_alloc(sizeof *leaving);
        leaving->namespace_ = zl_strdup(namespace_);
        leaving->due_ms = zl_clock_ms() + delay_ms;
        leaving->next = informer->leaving;
        informer->leaving = leaving;
    }
    ask_and_unlock(informer);
}

void zl_informer_relist(struct zl_informer *informer)
{
    zl_monitor_lock(&informer->monitor);
    for (struct zl_stream *stream = informer->by_namespace; stream != NULL;
         stream = stream->hh.next) {
        stream->is_old = true;
    }
    ask_and_unlock(informer);
}

/* --- the thread --- */

/* Those that were followed since, in the order in which they were asked for. */
static void take_newcomers(struct zl_informer *informer)
{
    while (informer->newcomers != NULL) {
        struct zl_stream *stream = informer->newcomers;
        informer->newcomers = stream->next;
        stream->next = informer->streams;
        informer->streams = stream;
    }
}

/* One that is due; else NULL, and *NEXT_MS says when one will be. */
static struct zl_leaving *take_leaving(struct zl_informer *informer, int64_t now_ms,
                                       int64_t *next_ms)
{
    for (struct zl_leaving **link = &informer->leaving; *link != NULL; link = &(*link)->next) {
        struct zl_leaving *leaving = *link;
        if (leaving->due_ms <= now_ms) {
            *link = leaving->next;
            return leaving;
        }
        *next_ms = leaving->due_ms < *next_ms ? leaving->due_ms : *next_ms;
    }
    return NULL;
}

/* Out of all lists; NULL: it is followed with all others. */
static struct zl_stream *take_stream(struct zl_informer *informer, const char *namespace_)
{
    struct zl_stream *stream = find_stream(informer, namespace_);
    if (stream == NULL) {
        return NULL;
    }
    HASH_DELETE(hh, informer->by_namespace, stream);
    informer->unsynced -= !stream->synced;
    zl_informer_note_watching(stream, true); /* its end is no gap */
    stream->counted = false;
    struct zl_stream **link = &informer->streams;
    while (*link != stream) {
        link = &(*link)->next;
    }
    *link = stream->next;
    return stream;
}

static void leave(struct zl_informer *informer, struct zl_leaving *taken, struct zl_stream *stream)
{
    const struct zl_informer_spec *spec = &informer->spec;
    ZL_AUTO_REFS struct zl_refs gone = {0};
    zl_store_purge(informer->store, taken->namespace_, stream == NULL ? spec->is_wanted : NULL,
                   spec->ctx, &gone);
    if (stream != NULL) {
        zl_stream_free(stream);
    }
    free_leaving(taken);
}

/* What others asked for. @return when a namespace leaves next */
static int64_t take_up(struct zl_informer *informer)
{
    for (;;) {
        int64_t next_ms = INT64_MAX;
        struct zl_stream *stream = NULL;
        zl_monitor_lock(&informer->monitor);
        informer->asked = false;
        take_newcomers(informer);
        struct zl_leaving *leaving = take_leaving(informer, zl_clock_ms(), &next_ms);
        if (leaving != NULL && !informer->spec.lasting) {
            stream = take_stream(informer, leaving->namespace_);
        }
        zl_monitor_unlock(&informer->monitor);
        if (leaving == NULL) {
            return next_ms;
        }
        leave(informer, leaving, stream);
    }
}

int64_t zl_informer_step(struct zl_informer *informer)
{
    zl_monitor_lock(&informer->monitor);
    const bool asked = informer->asked;
    zl_monitor_unlock(&informer->monitor);
    const int64_t now_ms = zl_clock_ms();
    if (!asked && now_ms < informer->step_ms) {
        return informer->step_ms;
    }
    int64_t next_ms = take_up(informer);
    for (struct zl_stream *stream = informer->streams; stream != NULL; stream = stream->next) {
        const int64_t due_ms = zl_stream_step(stream, now_ms);
        next_ms = due_ms < next_ms ? due_ms : next_ms;
    }
    informer->step_ms = next_ms;
    return next_ms;
}

void zl_informer_halt(struct zl_informer *informer)
{
    zl_monitor_lock(&informer->monitor);
    take_newcomers(informer);
    zl_monitor_unlock(&informer->monitor);
    for (struct zl_stream *stream = informer->streams; stream != NULL; stream = stream->next) {
        zl_stream_halt(stream);
    }
}

/* --- start and stop --- */

struct zl_informer *zl_informer_new(struct zl_kube_client *client,
                                    const struct zl_informer_spec *spec)
{
    struct zl_informer *informer = zl_alloc(sizeof *informer);
    informer->client = client;
    informer->spec = *spec;
    informer->timing = DEFAULT_TIMING;
    informer->store = zl_store_new();
    zl_store_set_indexers(informer->store, spec->indexers, spec->indexer_count);
    informer->own_thread =
        spec->thread == NULL ? zl_informer_thread_new(zl_informer_name(informer)) : NULL;
    informer->thread = spec->thread != NULL ? spec->thread : informer->own_thread;
    informer->loop = zl_informer_thread_loop(informer->thread);
    zl_monitor_init(&informer->monitor);
    if (!spec->on_demand) {
        zl_informer_follow(informer, spec->namespace_);
    }
    return informer;
}

void zl_informer_set_timing(struct zl_informer *informer, const struct zl_informer_timing *timing)
{
    informer->timing = *timing;
    zl_kube_loop_set_patience(informer->loop,
                              timing->open_ms > 0 ? timing->open_ms : ZL_OPEN_TIMEOUT_MS,
                              timing->silence_ms > 0 ? timing->silence_ms : ZL_SILENCE_MS);
}

void zl_informer_start(struct zl_informer *informer)
{
    informer->started = true;
    zl_monitor_lock(&informer->monitor);
    for (struct zl_stream *stream = informer->by_namespace; stream != NULL;
         stream = stream->hh.next) {
        stream->last_watching_ms = zl_clock_ms(); /* it may have been made long before */
    }
    zl_monitor_unlock(&informer->monitor);
    zl_informer_thread_add(informer->thread, informer);
}

void zl_informer_stop(struct zl_informer *informer)
{
    zl_monitor_lock(&informer->monitor);
    informer->stopping = true;
    ask_and_unlock(informer);
    if (!informer->started) {
        return;
    }
    informer->started = false;
    zl_informer_thread_remove(informer->thread, informer);
}

void zl_informer_free(struct zl_informer *informer)
{
    if (informer == NULL) {
        return;
    }
    zl_informer_stop(informer);
    struct zl_stream *stream = NULL, *next = NULL;
    HASH_ITER(hh, informer->by_namespace, stream, next)
    {
        HASH_DELETE(hh, informer->by_namespace, stream);
        zl_stream_free(stream);
    }
    while (informer->leaving != NULL) {
        struct zl_leaving *leaving = informer->leaving;
        informer->leaving = leaving->next;
        free_leaving(leaving);
    }
    zl_informer_thread_free(informer->own_thread);
    zl_store_free(informer->store);
    zl_monitor_clear(&informer->monitor);
    free(informer);
}

/* --- what is known --- */

struct zl_store *zl_informer_store(struct zl_informer *informer)
{
    return informer->store;
}

static int64_t not_watching_ms(const struct zl_stream *stream, int64_t now_ms)
{
    return stream->watching ? 0 : now_ms - stream->last_watching_ms;
}

struct zl_informer_state zl_informer_state(struct zl_informer *informer, const char *namespace_)
{
    struct zl_informer_state state = {0};
    zl_monitor_lock(&informer->monitor);
    const struct zl_stream *stream = find_covering(informer, namespace_);
    if (stream != NULL) {
        state = (struct zl_informer_state){
            .followed = true,
            .synced = stream->synced,
            .settled = stream->synced && !zl_fills_have(stream, namespace_),
            .watching = stream->watching,
            .not_watching_ms = not_watching_ms(stream, zl_clock_ms()),
            .position = stream->position,
        };
    }
    zl_monitor_unlock(&informer->monitor);
    return state;
}

bool zl_informer_has_gap(struct zl_informer *informer)
{
    return atomic_load(&informer->gaps) != 0;
}

bool zl_informer_is_synced(struct zl_informer *informer)
{
    zl_monitor_lock(&informer->monitor);
    const bool synced = informer->unsynced == 0;
    zl_monitor_unlock(&informer->monitor);
    return synced;
}

bool zl_informer_wait_synced(struct zl_informer *informer, bool (*stop)(void *ctx), void *ctx)
{
    bool synced = false, stopping = false;
    do {
        if (stop != NULL && stop(ctx)) {
            return zl_informer_is_synced(informer);
        }
        zl_monitor_lock(&informer->monitor);
        if (informer->unsynced > 0 && !informer->stopping) {
            zl_monitor_wait(&informer->monitor,
                            stop == NULL ? ZL_FOREVER : zl_clock_ms() + SYNC_POLL_MS);
        }
        synced = informer->unsynced == 0;
        stopping = informer->stopping;
        zl_monitor_unlock(&informer->monitor);
    } while (!synced && !stopping);
    return synced;
}

struct zl_informer_health zl_informer_health(struct zl_informer *informer)
{
    const int64_t now_ms = zl_clock_ms();
    zl_monitor_lock(&informer->monitor);
    struct zl_informer_health health = {
        .synced = informer->unsynced == 0,
        .watching = true,
        .streams = HASH_COUNT(informer->by_namespace),
        .restarts = informer->restarts,
        .relists = informer->relists,
        .cut = informer->cut,
    };
    for (const struct zl_stream *stream = informer->by_namespace; stream != NULL;
         stream = stream->hh.next) {
        const int64_t gap_ms = not_watching_ms(stream, now_ms);
        health.watching = health.watching && stream->watching;
        health.not_watching_ms = gap_ms > health.not_watching_ms ? gap_ms : health.not_watching_ms;
    }
    zl_monitor_unlock(&informer->monitor);
    return health;
}

const char *zl_informer_name(const struct zl_informer *informer)
{
    return informer->spec.name != NULL ? informer->spec.name : informer->spec.resource->plural;
}
