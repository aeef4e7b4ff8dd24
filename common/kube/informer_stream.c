/* SPDX-License-Identifier: Apache-2.0 */
/*
 * informer_stream.c - one stream:
 *
 *     list if needed -> watch until it ends -> decide: watch again, list again, or wait and retry
 *
 * A watch that brought news or lived for a while is resumed at once when it ends, however it ended;
 * any other end is a failure and waits. So a broken server cannot make it spin, and a healthy
 * one that rotates its connections costs no gap.
 */
#include "common/base/backoff.h"
#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/kube/informer_health.h"
#include "common/kube/informer_internal.h"
#include "common/kube/retries.h"

#define RECONNECT_LEAST_MS 1000
#define WATCH_MIN_MS 300000 /* timeoutSeconds is 300..600: servers end watches spread over time */
#define RETRY_AFTER_MAX_MS 300000 /* a server that asks for more is asked again anyway */

enum { SAY_EVERY_MS = 1000 };

static const char *namespace_or_all(const struct zl_stream *stream)
{
    return stream->namespace_[0] != '\0' ? stream->namespace_ : NULL;
}

struct zl_kube_target zl_stream_target(const struct zl_stream *stream, const char *namespace_)
{
    struct zl_informer *informer = stream->informer;
    return (struct zl_kube_target){.resource = stream->resource,
                                   .namespace_ = namespace_,
                                   .metadata_only = informer->spec.metadata_only,
                                   .shape = informer->spec.shape,
                                   .is_cut = &informer->is_cut,
                                   .page = stream->page};
}

struct zl_kube_selector zl_stream_selector(const struct zl_stream *stream)
{
    return (struct zl_kube_selector){.label = stream->informer->spec.label_selector,
                                     .field = stream->informer->spec.field_selector};
}

/* 800 ms doubling to 5 s; half of it is random, so that a restarted server is not hit by all at once. */
static int64_t backoff_ms(const struct zl_informer *informer, int failures,
                          const struct zl_error *err)
{
    const struct zl_informer_timing *timing = &informer->timing;
    if (informer->spec.reconnect_spread_ms > 0) {
        return zl_spread_ms(RECONNECT_LEAST_MS, informer->spec.reconnect_spread_ms, zl_random());
    }
    const int64_t mean_ms = zl_backoff_ms(failures - 1, timing->backoff_ms, timing->backoff_max_ms);
    const int64_t delay_ms = zl_jitter_ms(mean_ms / 2, 100);
    const int64_t wish_ms =
        err->retry_after_ms < RETRY_AFTER_MAX_MS ? err->retry_after_ms : RETRY_AFTER_MAX_MS;
    return wish_ms > delay_ms ? wish_ms : delay_ms;
}

/* One line a second: an API server that goes takes every stream along. */
static bool may_say(int64_t *said_ms)
{
    const int64_t now_ms = zl_clock_ms();
    if (*said_ms != 0 && now_ms - *said_ms < SAY_EVERY_MS) {
        return false;
    }
    *said_ms = now_ms;
    return true;
}

int64_t zl_stream_back_off(const struct zl_stream *stream, const char *namespace_, const char *verb,
                           int failures, const struct zl_error *err)
{
    const int64_t delay_ms = backoff_ms(stream->informer, failures, err);
    zl_retry_count(verb);
    if (!may_say(&stream->informer->failed_said_ms)) {
        stream->informer->unsaid++;
        return zl_clock_ms() + delay_ms;
    }
    ZL_LOG_WARN("cannot follow a resource", ZL_STR("resource", zl_informer_name(stream->informer)),
                ZL_STR("namespace", namespace_), ZL_STR("verb", verb), ZL_I64("failures", failures),
                ZL_I64("retryMs", delay_ms), ZL_I64("others", (int64_t)stream->informer->unsaid),
                ZL_ERR(err));
    stream->informer->unsaid = 0;
    return zl_clock_ms() + delay_ms;
}

static void retry(struct zl_stream *stream, const char *verb, const struct zl_error *err)
{
    stream->failures++;
    stream->failed_verb = verb;
    stream->due_ms = zl_stream_back_off(stream, stream->namespace_, verb, stream->failures, err);
}

static bool was_silent(const struct zl_error *err)
{
    return strcmp(err->reason, ZL_REASON_SILENT) == 0;
}

/* It works again. */
static void recover(struct zl_stream *stream)
{
    if (stream->failures > 0) {
        zl_retry_succeeded(stream->failed_verb);
    }
    stream->failures = 0;
}

/* --- the list --- */

static enum zl_status on_listed(void *ctx, const struct cJSON *object, struct zl_error *err)
{
    struct zl_stream *stream = ctx;
    (void)err;
    return zl_informer_collect(stream->informer, &stream->listing, object);
}

static void note_synced(struct zl_stream *stream, const char *version)
{
    struct zl_informer *informer = stream->informer;
    zl_monitor_lock(&informer->monitor);
    stream->position = zl_resource_version_number(version);
    if (stream->synced) {
        informer->relists++;
    } else {
        informer->unsynced--;
    }
    const bool first = !stream->synced;
    stream->synced = true;
    zl_fills_drop_covered(stream);
    zl_monitor_wake_all(&informer->monitor);
    zl_monitor_unlock(&informer->monitor);
    if (first && informer->spec.on_synced != NULL) {
        informer->spec.on_synced(informer->spec.ctx);
    }
}

static void list_arrived(struct zl_stream *stream, const char *version)
{
    zl_informer_replace(stream, &stream->listing);
    if (stream->informer->lists == 0) {
        zl_memory_give_back(); /* the listing and its predecessors */
    }
    zl_replace_string(&stream->version, version);
    stream->last_list_ms = zl_clock_ms();
    zl_informer_observe_list(stream->last_list_ms - stream->list_began_ms);
    stream->due_ms = 0;
    stream->page = ZL_LIST_FIRST_PAGE;
    note_synced(stream, version);
}

/* true: the other version of the resource is asked at once. */
static bool turn_to_other(struct zl_stream *stream, enum zl_status status)
{
    const struct zl_informer_spec *spec = &stream->informer->spec;
    if (status != ZL_E_NOT_FOUND || spec->alternative == NULL) {
        stream->tried_other = false;
        return false;
    }
    stream->resource = stream->resource == spec->resource ? spec->alternative : spec->resource;
    stream->tried_other = !stream->tried_other;
    return stream->tried_other;
}

static void list_ended(void *ctx, enum zl_status status, const char *version, struct zl_error *err)
{
    struct zl_stream *stream = ctx;
    ZL_AUTO_FREE char *listed = zl_strdup(version); /* the lister's */
    zl_kube_lister_free(ZL_STEAL(&stream->lister));
    stream->informer->lists--;
    zl_informer_look_soon(stream->informer);
    if (status == ZL_OK && (listed == NULL || listed[0] == '\0')) {
        status = zl_error_set(err, ZL_E_INVALID, "the list carries no resourceVersion");
    }
    stream->anew = was_silent(err);
    if (status == ZL_OK) {
        list_arrived(stream, listed);
        return;
    }
    zl_listing_clear(&stream->listing);
    if (turn_to_other(stream, status)) {
        return;
    }
    /* Perhaps its first page is too large to be here in time. Small pages grow while they are listed. */
    stream->page = stream->page > 1 ? stream->page / 2 : 1;
    retry(stream, "list", err);
}

static void start_list(struct zl_stream *stream)
{
    const struct zl_kube_target target = zl_stream_target(stream, namespace_or_all(stream));
    const struct zl_kube_list_spec spec = {.target = &target,
                                           .selector = zl_stream_selector(stream),
                                           .anew = stream->anew,
                                           .each = on_listed,
                                           .ended = list_ended,
                                           .ctx = stream};
    struct zl_error err = {0};
    zl_fills_cover(stream);
    stream->list_began_ms = zl_clock_ms();
    if (zl_kube_lister_start(stream->informer->client, stream->informer->loop, &spec,
                             &stream->lister, &err) == ZL_OK) {
        stream->informer->lists++;
    } else {
        retry(stream, "list", &err);
    }
}

/* --- the watch --- */

/* Everything up to OBJECT's version has been delivered. */
static void advance(struct zl_stream *stream, const struct cJSON *object)
{
    const char *version = zl_json_text(object, "metadata", "resourceVersion", NULL);
    if (version == NULL || *version == '\0' || zl_same_string(version, stream->version)) {
        return;
    }
    zl_replace_string(&stream->version, version);
    stream->news = true;
    zl_monitor_lock(&stream->informer->monitor);
    stream->position = zl_resource_version_number(version);
    zl_monitor_unlock(&stream->informer->monitor);
}

static enum zl_status on_event(void *ctx, const char *type, const struct cJSON *object,
                               struct zl_error *err)
{
    struct zl_stream *stream = ctx;
    if (strcmp(type, "ERROR") == 0) {
        return zl_kube_status_decode(object, 0, err);
    }
    zl_informer_apply_event(stream, type, object);
    advance(stream, object);
    return ZL_OK;
}

static void on_opened(void *ctx)
{
    struct zl_stream *stream = ctx;
    struct zl_informer *informer = stream->informer;
    stream->opened_ms = zl_clock_ms();
    zl_monitor_lock(&informer->monitor);
    zl_informer_note_watching(stream, true);
    informer->restarts += stream->was_open;
    zl_monitor_unlock(&informer->monitor);
    stream->was_open = true;
    if (stream->failures > 0 && may_say(&informer->again_said_ms)) {
        ZL_LOG_INFO("follows the resource again", ZL_STR("resource", zl_informer_name(informer)),
                    ZL_STR("namespace", stream->namespace_), ZL_I64("failures", stream->failures));
    }
}

static void note_not_watching(struct zl_stream *stream)
{
    zl_monitor_lock(&stream->informer->monitor);
    if (stream->watching) {
        stream->last_watching_ms = zl_clock_ms();
    }
    zl_informer_note_watching(stream, false);
    zl_monitor_unlock(&stream->informer->monitor);
}

static bool wants_list(enum zl_status status)
{
    /* Other failures say nothing about the version: it stays good for the next watch. */
    return status == ZL_E_GONE || status == ZL_E_INVALID || status == ZL_E_NOT_FOUND ||
           status == ZL_E_TOO_LARGE;
}

static void note_gone(struct zl_stream *stream, const struct zl_error *err)
{
    stream->failures++;
    stream->fell_behind = true;
    ZL_LOG_INFO("watch fell behind, listing again",
                ZL_STR("resource", zl_informer_name(stream->informer)),
                ZL_STR("namespace", stream->namespace_), ZL_ERR(err));
}

/* What comes next, and when. */
static void judge_watch(struct zl_stream *stream, enum zl_status status, struct zl_error *err)
{
    const bool lived = stream->opened_ms != 0 &&
                       zl_clock_ms() - stream->opened_ms >= stream->informer->timing.short_watch_ms;
    stream->due_ms = 0;
    if (lived || stream->news) {
        recover(stream);
        stream->fell_behind = false;
    }
    if (wants_list(status)) {
        free(ZL_STEAL(&stream->version));
    }
    if (status == ZL_E_GONE && !stream->fell_behind) {
        /*
         * Ordinary after a long cut or a restart of the API server, whatever failed before: the server works, and
         * every second without a list is one with an old store. Wait only if a list does not help.
         */
        note_gone(stream, err);
        return;
    }
    if (lived || stream->news) {
        return;
    }
    if (status == ZL_OK) {
        zl_error_set(err, ZL_E_TRANSIENT, "the watch ended at once without an event");
    }
    retry(stream, "watch", err);
}

static void watch_ended(void *ctx, enum zl_status status, struct zl_error *err)
{
    struct zl_stream *stream = ctx;
    zl_kube_watcher_free(ZL_STEAL(&stream->watcher));
    note_not_watching(stream);
    zl_informer_look_soon(stream->informer);
    stream->anew = was_silent(err);
    judge_watch(stream, status, err);
    if (stream->version == NULL) {
        const int64_t spaced_ms = stream->last_list_ms + stream->informer->timing.list_gap_ms;
        stream->due_ms = spaced_ms > stream->due_ms ? spaced_ms : stream->due_ms;
    }
}

static void start_watch(struct zl_stream *stream)
{
    const struct zl_kube_target target = zl_stream_target(stream, namespace_or_all(stream));
    const struct zl_kube_selector selector = zl_stream_selector(stream);
    const struct zl_kube_watch_spec spec = {.target = &target,
                                            .selector = &selector,
                                            .resource_version = stream->version,
                                            .timeout_s =
                                                (int)(zl_jitter_ms(WATCH_MIN_MS, 100) / 1000),
                                            .anew = stream->anew,
                                            .event = on_event,
                                            .opened = on_opened,
                                            .ended = watch_ended,
                                            .ctx = stream};
    struct zl_error err = {0};
    stream->news = false;
    stream->opened_ms = 0;
    if (zl_kube_watcher_start(stream->informer->client, stream->informer->loop, &spec,
                              &stream->watcher, &err) != ZL_OK) {
        retry(stream, "watch", &err);
    }
}

/* --- all of it --- */

struct zl_stream *zl_stream_new(struct zl_informer *informer, const char *namespace_)
{
    struct zl_stream *stream = zl_alloc(sizeof *stream);
    stream->informer = informer;
    stream->namespace_ = zl_strdup(namespace_ != NULL ? namespace_ : "");
    stream->resource = informer->spec.resource;
    stream->page = ZL_LIST_FIRST_PAGE;
    stream->last_watching_ms = zl_clock_ms();
    return stream;
}

static void end_list(struct zl_stream *stream)
{
    if (stream->lister != NULL) {
        zl_kube_lister_free(ZL_STEAL(&stream->lister));
        stream->informer->lists--;
        zl_listing_clear(&stream->listing);
    }
}

static void end_watch(struct zl_stream *stream)
{
    if (stream->watcher != NULL) {
        zl_kube_watcher_free(ZL_STEAL(&stream->watcher));
        note_not_watching(stream);
    }
}

void zl_stream_halt(struct zl_stream *stream)
{
    end_list(stream);
    end_watch(stream);
    zl_fills_halt(stream);
}

void zl_stream_free(struct zl_stream *stream)
{
    zl_stream_halt(stream);
    zl_fills_free(stream);
    free(stream->version);
    free(stream->namespace_);
    free(stream);
}

/* What is under way may have begun before: it ends, and the next thing is a list. */
static void begin_anew(struct zl_stream *stream)
{
    struct zl_monitor *monitor = &stream->informer->monitor;
    zl_monitor_lock(monitor);
    const bool is_old = stream->is_old;
    stream->is_old = false;
    zl_monitor_unlock(monitor);
    if (!is_old) {
        return;
    }
    end_list(stream);
    end_watch(stream);
    free(ZL_STEAL(&stream->version));
}

int64_t zl_stream_step(struct zl_stream *stream, int64_t now_ms)
{
    begin_anew(stream);
    if (stream->lister != NULL) {
        return INT64_MAX;
    }
    int64_t next_ms = INT64_MAX;
    if (stream->watcher == NULL) {
        if (stream->due_ms > now_ms) {
            next_ms = stream->due_ms;
        } else if (stream->version != NULL) {
            start_watch(stream);
        } else if (stream->informer->lists < ZL_LISTS_MAX) {
            start_list(stream);
        }
        if (stream->lister == NULL && stream->watcher == NULL && stream->due_ms > now_ms) {
            next_ms = stream->due_ms;
        }
    }
    if (stream->version == NULL) {
        return next_ms; /* the list will do */
    }
    const int64_t fill_ms = zl_fills_step(stream, now_ms);
    return fill_ms < next_ms ? fill_ms : next_ms;
}
