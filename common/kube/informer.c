/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One thread per informer runs one loop:
 *
 *     list if needed -> watch until it ends -> decide: watch again, list again, or wait and retry
 *
 * A list is collected aside, with what decode kept, and put into the store only once it is complete:
 * a list that breaks in the middle changes nothing. Then objects whose resourceVersion is the one
 * already kept are replaced in silence; the others, and those that the list did not name, are
 * delivered as changes.
 *
 * A watch that brought news or lived for a while is resumed at once when it ends, however it ended;
 * any other end is a failure and waits. So a broken server cannot make the loop spin, and a healthy
 * one that rotates its connections costs no gap.
 */
#include "common/kube/informer.h"

#include "common/base/backoff.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/monitor.h"
#include "common/base/parse.h"
#include "common/kube/informer_internal.h"
#include "common/kube/listing.h"
#include "common/kube/retries.h"
#include "common/kube/store_internal.h"

#include <stdatomic.h>

#define WATCH_MIN_MS 300000 /* timeoutSeconds is 300..600: servers end watches spread over time */
#define RETRY_AFTER_MAX_MS 300000 /* a server that asks for more is asked again anyway */
#define SYNC_POLL_MS 50

static const struct zl_informer_timing DEFAULT_TIMING = {
    .backoff_ms = 800, .backoff_max_ms = 5000, .list_gap_ms = 250, .short_watch_ms = 1000};

struct zl_informer {
    struct zl_kube_client *client;
    struct zl_informer_spec spec;
    struct zl_informer_timing timing;
    struct zl_store *store;
    struct zl_kube_stop *stop; /* ends the watch: set with STOPPING or RELIST under the lock */
    atomic_uint_fast64_t position;

    struct zl_monitor monitor; /* guards the block below; woken by each change of it */
    bool started, stopping, relist, listing, synced, watching;
    int64_t last_watching_ms; /* when the last watch ended; its start before the first */
    uint64_t watches, relists;
    pthread_t thread;

    /* The thread's own. */
    const struct zl_kube_resource *resource; /* spec's, or its alternative */
    char *version;                           /* resourceVersion to watch from; NULL: list first */
    int64_t last_list_ms;                    /* end of the last list that succeeded; 0: none */
    int failures;                            /* in a row; 0 when healthy */
    bool fell_behind;  /* 410 came since it was healthy last, and a list was the answer */
    bool news;         /* this watch moved the version */
    int64_t opened_ms; /* when this watch was accepted; 0: it was not */
};

uint64_t zl_resource_version_number(const char *resource_version)
{
    int64_t number = 0;
    if (resource_version == NULL ||
        zl_parse_i64(resource_version, 0, INT64_MAX, &number, NULL) != ZL_OK) {
        return 0;
    }
    return (uint64_t)number;
}

static const char *object_namespace(const struct cJSON *object)
{
    const char *namespace_ = zl_json_text(object, "metadata", "namespace", NULL);
    return namespace_ == NULL ? "" : namespace_;
}

static bool must_end(struct zl_informer *informer)
{
    zl_monitor_lock(&informer->monitor);
    const bool stopping = informer->stopping;
    zl_monitor_unlock(&informer->monitor);
    return stopping;
}

/* Returns early when the informer is stopped. */
static void wait_ms(struct zl_informer *informer, int64_t delay_ms)
{
    const int64_t deadline_ms = zl_clock_ms() + delay_ms;
    zl_monitor_lock(&informer->monitor);
    while (!informer->stopping && zl_monitor_wait(&informer->monitor, deadline_ms)) {
        ;
    }
    zl_monitor_unlock(&informer->monitor);
}

/* What is worth keeping of OBJECT, as a reference; NULL when nothing is. */
static struct zl_ref *decode(struct zl_informer *informer, const struct cJSON *object)
{
    const struct zl_informer_spec *spec = &informer->spec;
    struct zl_error err = {0};
    void *kept = NULL;
    if (spec->decode(spec->ctx, object, &kept, &err) != ZL_OK) {
        ZL_LOG_WARN("object ignored", ZL_STR("resource", zl_informer_name(informer)),
                    ZL_STR("namespace", object_namespace(object)),
                    ZL_STR("name", zl_json_text(object, "metadata", "name", NULL)), ZL_ERR(&err));
        return NULL;
    }
    return kept == NULL ? NULL : zl_ref_new(kept, spec->free_object);
}

static void deliver(struct zl_informer *informer, struct zl_ref *old_ref, struct zl_ref *new_ref)
{
    const struct zl_informer_spec *spec = &informer->spec;
    if (spec->on_change != NULL && (old_ref != NULL || new_ref != NULL)) {
        spec->on_change(spec->ctx, old_ref == NULL ? NULL : zl_ref_object(old_ref),
                        new_ref == NULL ? NULL : zl_ref_object(new_ref));
    }
}

/* TAKEN NULL: nothing is worth keeping any more. */
static void apply(struct zl_informer *informer, const char *namespace_, const char *name,
                  struct zl_ref *taken, uint64_t version)
{
    ZL_AUTO_REF struct zl_ref *old_ref = NULL;
    if (taken == NULL) {
        old_ref = zl_store_remove(informer->store, namespace_, name);
        deliver(informer, old_ref, NULL);
        return;
    }
    /* Held over the callback: the store's own reference is only as safe as there is one writer. */
    ZL_AUTO_REF struct zl_ref *new_ref = zl_ref_hold(taken);
    bool same = false;
    old_ref = zl_store_put_version(informer->store, namespace_, name, taken, version, &same);
    if (!same) {
        deliver(informer, old_ref, new_ref);
    }
}

static uint64_t object_version(const struct cJSON *object)
{
    return zl_resource_version_number(zl_json_text(object, "metadata", "resourceVersion", NULL));
}

struct collecting {
    struct zl_informer *informer;
    struct zl_listing listing;
};

static enum zl_status collect(void *ctx, const struct cJSON *object, struct zl_error *err)
{
    struct collecting *collecting = ctx;
    if (must_end(collecting->informer)) {
        return zl_error_set(err, ZL_E_STOPPED, "stopped");
    }
    const char *name = zl_json_text(object, "metadata", "name", NULL);
    struct zl_ref *ref = name == NULL ? NULL : decode(collecting->informer, object);
    if (ref != NULL) {
        zl_listing_add(&collecting->listing, object_namespace(object), name, object_version(object),
                       ref);
    }
    return ZL_OK;
}

static void clear_collecting(struct collecting *collecting)
{
    zl_listing_clear(&collecting->listing);
}

static void replace_store(struct zl_informer *informer, struct zl_listing *listing)
{
    zl_store_mark(informer->store);
    for (size_t i = 0; i < listing->count; i++) {
        struct zl_listed *item = &listing->items[i];
        apply(informer, item->namespace_, item->name, ZL_STEAL(&item->ref), item->version);
    }
    ZL_AUTO_REFS struct zl_refs gone = {0};
    zl_store_sweep(informer->store, &gone);
    for (size_t i = 0; i < gone.count; i++) {
        deliver(informer, gone.items[i], NULL);
    }
}

static struct zl_kube_target target_of(const struct zl_informer *informer)
{
    return (struct zl_kube_target){.resource = informer->resource,
                                   .namespace_ = informer->spec.namespace_,
                                   .metadata_only = informer->spec.metadata_only};
}

static void note_synced(struct zl_informer *informer)
{
    zl_monitor_lock(&informer->monitor);
    if (informer->synced) {
        informer->relists++;
    }
    informer->synced = true;
    informer->listing = false;
    zl_monitor_wake_all(&informer->monitor);
    zl_monitor_unlock(&informer->monitor);
}

static enum zl_status list(struct zl_informer *informer, struct zl_error *err)
{
    ZL_CLEANUP(clear_collecting) struct collecting collecting = {.informer = informer};
    const struct zl_kube_target target = target_of(informer);
    const struct zl_kube_selector selector = {.label = informer->spec.label_selector,
                                              .field = informer->spec.field_selector};
    ZL_AUTO_FREE char *version = NULL;

    /* Requests from here on want another list: this one may have passed their objects already. */
    zl_monitor_lock(&informer->monitor);
    informer->listing = informer->listing || informer->relist;
    informer->relist = false;
    zl_monitor_unlock(&informer->monitor);

    enum zl_status status =
        zl_kube_list(informer->client, &target, &selector, collect, &collecting, &version, err);
    if (status != ZL_OK) {
        return status;
    }
    if (version == NULL || *version == '\0') {
        return zl_error_set(err, ZL_E_INVALID, "the list carries no resourceVersion");
    }
    replace_store(informer, &collecting.listing);
    atomic_store(&informer->position, zl_resource_version_number(version));
    free(informer->version);
    informer->version = ZL_STEAL(&version);
    informer->last_list_ms = zl_clock_ms();
    note_synced(informer);
    return ZL_OK;
}

/* Everything up to OBJECT's version has been delivered. */
static void advance(struct zl_informer *informer, const struct cJSON *object)
{
    const char *version = zl_json_text(object, "metadata", "resourceVersion", NULL);
    if (version == NULL || *version == '\0' || zl_same_string(version, informer->version)) {
        return;
    }
    zl_replace_string(&informer->version, version);
    informer->news = true;
    atomic_store(&informer->position, zl_resource_version_number(version));
}

static enum zl_status on_event(void *ctx, const char *type, const struct cJSON *object,
                               struct zl_error *err)
{
    struct zl_informer *informer = ctx;
    if (strcmp(type, "ERROR") == 0) {
        return zl_kube_status_decode(object, 0, err);
    }
    const char *name = zl_json_text(object, "metadata", "name", NULL);
    if (strcmp(type, "BOOKMARK") != 0 && name != NULL) {
        struct zl_ref *ref = strcmp(type, "DELETED") == 0 ? NULL : decode(informer, object);
        apply(
            informer, object_namespace(object), name, ref,
            zl_resource_version_number(zl_json_text(object, "metadata", "resourceVersion", NULL)));
    }
    advance(informer, object);
    return ZL_OK;
}

static void on_opened(void *ctx)
{
    struct zl_informer *informer = ctx;
    informer->opened_ms = zl_clock_ms();
    zl_monitor_lock(&informer->monitor);
    informer->watching = true;
    informer->watches++;
    zl_monitor_unlock(&informer->monitor);
    if (informer->failures > 0) {
        ZL_LOG_INFO("follows the resource again", ZL_STR("resource", zl_informer_name(informer)),
                    ZL_I64("failures", informer->failures));
    }
}

/* false: do not watch, something else is to be done first */
static bool may_watch(struct zl_informer *informer)
{
    zl_monitor_lock(&informer->monitor);
    const bool may = !informer->stopping && !informer->relist;
    if (may) { /* under the lock: a request from here on sets the handle again */
        zl_kube_stop_clear(informer->stop);
    }
    zl_monitor_unlock(&informer->monitor);
    return may;
}

static enum zl_status watch(struct zl_informer *informer, struct zl_error *err)
{
    const struct zl_kube_target target = target_of(informer);
    const struct zl_kube_selector selector = {.label = informer->spec.label_selector,
                                              .field = informer->spec.field_selector};
    const int timeout_s = (int)(zl_jitter_ms(WATCH_MIN_MS, 100) / 1000);
    /* A copy: the events replace the informer's. */
    ZL_AUTO_FREE char *from = zl_strdup(informer->version);

    if (!may_watch(informer)) {
        return zl_error_set(err, ZL_E_STOPPED, "stopped");
    }
    const enum zl_status status =
        zl_kube_watch(informer->client, &target, &selector, from, timeout_s, informer->stop,
                      on_event, on_opened, informer, err);
    zl_monitor_lock(&informer->monitor);
    if (informer->watching) {
        informer->last_watching_ms = zl_clock_ms();
    }
    informer->watching = false;
    zl_monitor_unlock(&informer->monitor);
    return status;
}

/* 800 ms doubling to 5 s; half of it is random, so that a restarted server is not hit by all at once. */
static int64_t backoff_ms(const struct zl_informer *informer, const struct zl_error *err)
{
    const struct zl_informer_timing *timing = &informer->timing;
    const int64_t mean_ms =
        zl_backoff_ms(informer->failures - 1, timing->backoff_ms, timing->backoff_max_ms);
    const int64_t delay_ms = zl_jitter_ms(mean_ms / 2, 100);
    const int64_t wish_ms =
        err->retry_after_ms < RETRY_AFTER_MAX_MS ? err->retry_after_ms : RETRY_AFTER_MAX_MS;
    return wish_ms > delay_ms ? wish_ms : delay_ms;
}

static void back_off(struct zl_informer *informer, const char *verb, const struct zl_error *err)
{
    informer->failures++;
    zl_retry_count(verb);
    const int64_t delay_ms = backoff_ms(informer, err);
    ZL_LOG_WARN("cannot follow a resource", ZL_STR("resource", zl_informer_name(informer)),
                ZL_STR("verb", verb), ZL_I64("failures", informer->failures),
                ZL_I64("retryMs", delay_ms), ZL_ERR(err));
    wait_ms(informer, delay_ms);
}

static void list_step(struct zl_informer *informer)
{
    /* Nothing is watched meanwhile. The list makes up for it, late by as long as it takes: seconds in a large cluster. */
    const int64_t gap_ms = informer->last_list_ms + informer->timing.list_gap_ms - zl_clock_ms();
    if (informer->last_list_ms != 0 && gap_ms > 0) {
        wait_ms(informer, gap_ms);
    }
    if (must_end(informer)) {
        return;
    }
    struct zl_error err = {0};
    enum zl_status status = list(informer, &err);
    if (status == ZL_E_NOT_FOUND && informer->spec.alternative != NULL) {
        informer->resource = informer->resource == informer->spec.resource
                                 ? informer->spec.alternative
                                 : informer->spec.resource;
        status = list(informer, &err);
    }
    if (status != ZL_OK && status != ZL_E_STOPPED) {
        back_off(informer, "list", &err);
    }
}

static bool wants_list(enum zl_status status)
{
    /* Other failures say nothing about the version: it stays good for the next watch. */
    return status == ZL_E_GONE || status == ZL_E_INVALID || status == ZL_E_NOT_FOUND ||
           status == ZL_E_TOO_LARGE;
}

static void note_gone(struct zl_informer *informer, const struct zl_error *err)
{
    informer->failures++;
    informer->fell_behind = true;
    ZL_LOG_INFO("watch fell behind, listing again", ZL_STR("resource", zl_informer_name(informer)),
                ZL_ERR(err));
}

static void watch_step(struct zl_informer *informer)
{
    struct zl_error err = {0};
    informer->news = false;
    informer->opened_ms = 0;
    const enum zl_status status = watch(informer, &err);

    const bool lived = informer->opened_ms != 0 &&
                       zl_clock_ms() - informer->opened_ms >= informer->timing.short_watch_ms;
    if (lived || informer->news) {
        informer->failures = 0;
        informer->fell_behind = false;
    }
    zl_monitor_lock(&informer->monitor);
    const bool relist = informer->relist;
    const bool asked = informer->stopping || relist;
    zl_monitor_unlock(&informer->monitor);
    if (relist || wants_list(status)) {
        free(ZL_STEAL(&informer->version));
    }
    if (asked) {
        return;
    }
    if (status == ZL_E_GONE && !informer->fell_behind) {
        /*
         * Ordinary after a long cut or a restart of the API server, whatever failed before: the server works, and
         * every second without a list is one with an old store. Wait only if a list does not help.
         */
        note_gone(informer, &err);
        return;
    }
    if (lived || informer->news) {
        return;
    }
    if (status == ZL_OK) {
        zl_error_set(&err, ZL_E_TRANSIENT, "the watch ended at once without an event");
    }
    back_off(informer, "watch", &err);
}

static void *run(void *arg)
{
    struct zl_informer *informer = arg;
    while (!must_end(informer)) {
        if (informer->version == NULL) {
            list_step(informer);
        } else {
            watch_step(informer);
        }
    }
    return NULL;
}

struct zl_informer *zl_informer_new(struct zl_kube_client *client,
                                    const struct zl_informer_spec *spec)
{
    struct zl_informer *informer = zl_alloc(sizeof *informer);
    informer->client = client;
    informer->spec = *spec;
    informer->resource = spec->resource;
    informer->timing = DEFAULT_TIMING;
    informer->store = zl_store_new();
    zl_store_set_indexers(informer->store, spec->indexers, spec->indexer_count);
    informer->stop = zl_kube_stop_new();
    informer->last_watching_ms = zl_clock_ms();
    atomic_init(&informer->position, 0);
    zl_monitor_init(&informer->monitor);
    return informer;
}

void zl_informer_set_timing(struct zl_informer *informer, const struct zl_informer_timing *timing)
{
    informer->timing = *timing;
}

void zl_informer_start(struct zl_informer *informer)
{
    informer->started = true;
    zl_monitor_lock(&informer->monitor);
    informer->last_watching_ms = zl_clock_ms(); /* it may have been made long before */
    zl_monitor_unlock(&informer->monitor);
    informer->thread = zl_thread_start(zl_informer_name(informer), run, informer);
}

/* Wake the thread wherever it waits, after FLAG was set. */
static void ask(struct zl_informer *informer, bool *flag)
{
    zl_monitor_lock(&informer->monitor);
    *flag = true;
    zl_kube_stop_set(informer->stop);
    zl_monitor_wake_all(&informer->monitor);
    zl_monitor_unlock(&informer->monitor);
}

void zl_informer_stop(struct zl_informer *informer)
{
    ask(informer, &informer->stopping);
    if (!informer->started) {
        return;
    }
    informer->started = false;
    pthread_join(informer->thread, NULL);
}

void zl_informer_free(struct zl_informer *informer)
{
    if (informer == NULL) {
        return;
    }
    zl_informer_stop(informer);
    zl_kube_stop_free(informer->stop);
    zl_store_free(informer->store);
    zl_monitor_clear(&informer->monitor);
    free(informer->version);
    free(informer);
}

void zl_informer_relist(struct zl_informer *informer)
{
    ask(informer, &informer->relist);
}

struct zl_store *zl_informer_store(struct zl_informer *informer)
{
    return informer->store;
}

bool zl_informer_is_synced(struct zl_informer *informer)
{
    zl_monitor_lock(&informer->monitor);
    const bool synced = informer->synced;
    zl_monitor_unlock(&informer->monitor);
    return synced;
}

bool zl_informer_is_settled(struct zl_informer *informer)
{
    zl_monitor_lock(&informer->monitor);
    const bool settled = informer->synced && !informer->relist && !informer->listing;
    zl_monitor_unlock(&informer->monitor);
    return settled;
}

bool zl_informer_wait_synced(struct zl_informer *informer, bool (*stop)(void *ctx), void *ctx)
{
    bool synced = false, stopping = false;
    do {
        if (stop != NULL && stop(ctx)) {
            return zl_informer_is_synced(informer);
        }
        zl_monitor_lock(&informer->monitor);
        if (!informer->synced && !informer->stopping) {
            zl_monitor_wait(&informer->monitor,
                            stop == NULL ? ZL_FOREVER : zl_clock_ms() + SYNC_POLL_MS);
        }
        synced = informer->synced;
        stopping = informer->stopping;
        zl_monitor_unlock(&informer->monitor);
    } while (!synced && !stopping);
    return synced;
}

uint64_t zl_informer_position(struct zl_informer *informer)
{
    return atomic_load(&informer->position);
}

struct zl_informer_health zl_informer_health(struct zl_informer *informer)
{
    zl_monitor_lock(&informer->monitor);
    const struct zl_informer_health health = {
        .synced = informer->synced,
        .watching = informer->watching,
        .not_watching_ms = informer->watching ? 0 : zl_clock_ms() - informer->last_watching_ms,
        .restarts = informer->watches > 0 ? informer->watches - 1 : 0,
        .relists = informer->relists,
    };
    zl_monitor_unlock(&informer->monitor);
    return health;
}

const char *zl_informer_name(const struct zl_informer *informer)
{
    return informer->spec.resource->plural;
}
