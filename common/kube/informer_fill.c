/* SPDX-License-Identifier: Apache-2.0 */
/*
 * informer_fill.c - lists of single namespaces beside a stream's watch, for zl_informer_refill.
 */
#include "common/base/clock.h"
#include "common/kube/informer_internal.h"

/* With the monitor's lock, or none to be had any more. */
static void end_fill(struct zl_fill *fill)
{
    if (fill->lister != NULL) {
        zl_kube_lister_free(ZL_STEAL(&fill->lister));
        fill->stream->informer->lists--;
        zl_listing_clear(&fill->listing);
        zl_tombs_clear(&fill->tombs);
    }
}

static void free_fill(struct zl_fill *fill)
{
    end_fill(fill);
    free(fill->namespace_);
    free(fill);
}

void zl_fills_add(struct zl_stream *stream, const char *namespace_)
{
    for (struct zl_fill *fill = stream->fills; fill != NULL; fill = fill->next) {
        if (strcmp(fill->namespace_, namespace_) == 0) {
            fill->again = true; /* it may run already, and have passed the objects */
            return;
        }
    }
    struct zl_fill *fill = zl_alloc(sizeof *fill);
    fill->stream = stream;
    fill->namespace_ = zl_strdup(namespace_);
    fill->next = stream->fills;
    stream->fills = fill;
}

bool zl_fills_have(const struct zl_stream *stream, const char *namespace_)
{
    const struct zl_fill *fill = stream->fills;
    while (fill != NULL && namespace_ != NULL && strcmp(fill->namespace_, namespace_) != 0) {
        fill = fill->next;
    }
    return fill != NULL;
}

void zl_fills_cover(struct zl_stream *stream)
{
    zl_monitor_lock(&stream->informer->monitor);
    for (struct zl_fill *fill = stream->fills; fill != NULL; fill = fill->next) {
        end_fill(fill);
        fill->covered = true;
        fill->again = false;
    }
    zl_monitor_unlock(&stream->informer->monitor);
}

void zl_fills_drop_covered(struct zl_stream *stream)
{
    for (struct zl_fill **link = &stream->fills; *link != NULL;) {
        struct zl_fill *fill = *link;
        if (!fill->covered || fill->again) { /* what was asked for since may not be in it */
            fill->covered = fill->again = false;
            link = &fill->next;
            continue;
        }
        *link = fill->next;
        free_fill(fill);
    }
}

/* --- one list --- */

static enum zl_status on_filled(void *ctx, const struct cJSON *object, struct zl_error *err)
{
    struct zl_fill *fill = ctx;
    (void)err;
    return zl_informer_collect(fill->stream->informer, &fill->listing, object);
}

/* Done, unless it was asked for again meanwhile. */
static void close_fill(struct zl_fill *fill)
{
    struct zl_stream *stream = fill->stream;
    struct zl_monitor *monitor = &stream->informer->monitor;
    zl_monitor_lock(monitor);
    stream->informer->relists++;
    if (fill->again) {
        fill->again = false;
        fill->due_ms = zl_clock_ms() + stream->informer->timing.list_gap_ms;
        zl_monitor_unlock(monitor);
        return;
    }
    struct zl_fill **link = &stream->fills;
    while (*link != fill) {
        link = &(*link)->next;
    }
    *link = fill->next;
    zl_monitor_unlock(monitor);
    free_fill(fill);
}

static void fill_ended(void *ctx, enum zl_status status, const char *version, struct zl_error *err)
{
    struct zl_fill *fill = ctx;
    struct zl_stream *stream = fill->stream;
    (void)version; /* the watch's position stays what it is */
    zl_kube_lister_free(ZL_STEAL(&fill->lister));
    stream->informer->lists--;
    zl_informer_look_soon(stream->informer);
    if (status != ZL_OK) {
        zl_listing_clear(&fill->listing);
        zl_tombs_clear(&fill->tombs);
        fill->failures++;
        fill->due_ms = zl_stream_back_off(stream, fill->namespace_, "list", fill->failures, err);
        return;
    }
    zl_informer_merge(fill);
    if (stream->informer->lists == 0) {
        zl_memory_give_back();
    }
    close_fill(fill);
}

static void start_fill(struct zl_fill *fill)
{
    struct zl_stream *stream = fill->stream;
    const struct zl_kube_target target = zl_stream_target(stream, fill->namespace_);
    const struct zl_kube_list_spec spec = {.target = &target,
                                           .selector = zl_stream_selector(stream),
                                           .each = on_filled,
                                           .ended = fill_ended,
                                           .ctx = fill};
    struct zl_error err = {0};
    if (zl_kube_lister_start(stream->informer->client, stream->informer->loop, &spec, &fill->lister,
                             &err) == ZL_OK) {
        stream->informer->lists++;
    } else {
        fill->failures++;
        fill->due_ms = zl_stream_back_off(stream, fill->namespace_, "list", fill->failures, &err);
    }
}

/* --- all of a stream --- */

int64_t zl_fills_step(struct zl_stream *stream, int64_t now_ms)
{
    int64_t next_ms = INT64_MAX;
    zl_monitor_lock(&stream->informer->monitor);
    struct zl_fill *first = stream->fills;
    zl_monitor_unlock(&stream->informer->monitor);
    /* Others put new ones in front; only this thread takes some out. */
    for (struct zl_fill *fill = first; fill != NULL; fill = fill->next) {
        if (fill->lister != NULL) {
            continue;
        }
        if (fill->due_ms > now_ms) {
            next_ms = fill->due_ms < next_ms ? fill->due_ms : next_ms;
        } else if (stream->informer->lists < ZL_LISTS_MAX) {
            start_fill(fill);
        }
    }
    return next_ms;
}

void zl_fills_halt(struct zl_stream *stream)
{
    zl_monitor_lock(&stream->informer->monitor);
    for (struct zl_fill *fill = stream->fills; fill != NULL; fill = fill->next) {
        end_fill(fill);
    }
    zl_monitor_unlock(&stream->informer->monitor);
}

void zl_fills_free(struct zl_stream *stream)
{
    while (stream->fills != NULL) {
        struct zl_fill *fill = stream->fills;
        stream->fills = fill->next;
        free_fill(fill);
    }
}
