/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/budget.h"
#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/kube/client_internal.h"

#include <stdatomic.h>

/* One that does not end a watch by itself is given this much longer than it was asked for. */
#define END_GRACE_S 30
/* How often a watch that runs alone asks whether it is to stop, beside being woken. */
#define STOP_LOOK_MS 1000

/* Of an event; a Status is the object of the ERROR event. */
enum { STATUS_MEMBERS = 5, EVENT_MEMBERS = 2 };

struct zl_kube_watcher {
    struct zl_kube_watch_spec spec;
    struct zl_kube_target target; /* what is read of an event */
    struct zl_kube_request request;
    struct zl_kube_exchange *exchange;
    struct zl_json_shape object_shape[STATUS_MEMBERS + 1], event_shape[EVENT_MEMBERS + 1];
    struct zl_json_pruner *pruner;
    int64_t started_ms;
    bool is_explained; /* a failure that is not the pruner's: the error is complete */
};

static void make_shapes(struct zl_kube_watcher *watcher)
{
    static const char *const of_status[STATUS_MEMBERS] = {"kind", "code", "reason", "message",
                                                          "details"};
    const struct zl_json_shape *shape = watcher->target.shape;
    for (size_t i = 0; i < STATUS_MEMBERS; i++) {
        watcher->object_shape[i].name = of_status[i];
    }
    watcher->object_shape[STATUS_MEMBERS].members = shape;
    watcher->event_shape[0].name = "type";
    watcher->event_shape[1].name = "object";
    watcher->event_shape[1].members = shape != NULL ? watcher->object_shape : NULL;
}

static enum zl_status read_event(struct zl_kube_watcher *watcher, const struct zl_json_kept *kept,
                                 struct cJSON **tree, struct zl_error *err)
{
    enum zl_status status = zl_kube_parse(&watcher->target, kept, tree, err);
    if (status == ZL_E_TOO_LARGE) {
        return zl_error_wrap(err, status, "%s", watcher->request.what);
    }
    if (status != ZL_OK) {
        return zl_error_wrap(err, ZL_E_TRANSIENT, "%s: a line is not JSON", watcher->request.what);
    }
    const char *type = zl_json_text(*tree, "type", NULL);
    const struct cJSON *object = zl_json_at(*tree, "object", NULL);
    if (type == NULL || !zl_json_is_object(object)) {
        return zl_error_set(err, ZL_E_TRANSIENT, "%s: a line is not a watch event",
                            watcher->request.what);
    }
    return watcher->spec.event(watcher->spec.ctx, type, object, err);
}

static enum zl_status deliver(void *ctx, const struct zl_json_kept *kept, struct zl_error *err)
{
    struct zl_kube_watcher *watcher = ctx;
    struct cJSON *tree = NULL;
    watcher->is_explained = true;
    const size_t share = zl_budget_of_tree(kept->length);
    zl_budget_wait(ZL_BUDGET_OBJECTS, share);
    enum zl_status status = read_event(watcher, kept, &tree, err);
    zl_json_free(tree);
    zl_budget_give(ZL_BUDGET_OBJECTS, share);
    watcher->is_explained = status != ZL_OK;
    return status;
}

static enum zl_status take(void *ctx, const char *bytes, size_t length, struct zl_error *err)
{
    struct zl_kube_watcher *watcher = ctx;
    enum zl_status status = zl_json_pruner_feed(watcher->pruner, bytes, length, err);
    if (status == ZL_OK || watcher->is_explained) {
        return status;
    }
    return zl_error_wrap(err, ZL_E_TRANSIENT, "%s: a line is not JSON", watcher->request.what);
}

static void opened(void *ctx)
{
    const struct zl_kube_watcher *watcher = ctx;
    zl_kube_observe(&watcher->request, ZL_OK, watcher->started_ms);
    if (watcher->spec.opened != NULL) {
        watcher->spec.opened(watcher->spec.ctx);
    }
}

static void ended(void *ctx, enum zl_status status, struct zl_error *err)
{
    const struct zl_kube_watcher *watcher = ctx;
    if (status == ZL_OK && zl_json_pruner_end(watcher->pruner, err) != ZL_OK) {
        status = zl_error_set(err, ZL_E_TRANSIENT, "%s: ended in the middle of a line",
                              watcher->request.what);
    }
    watcher->spec.ended(watcher->spec.ctx, status, err);
}

static enum zl_status begin(struct zl_kube_client *client, struct zl_kube_watcher *watcher,
                            const struct zl_kube_watch_spec *spec, struct zl_error *err)
{
    struct zl_kube_request *request = &watcher->request;
    enum zl_status status =
        zl_kube_request_collection(request, client, "watch", spec->target, spec->selector, err);
    if (status != ZL_OK) {
        return status;
    }
    ZL_AUTO_FREE char *timeout = zl_asprintf("%d", spec->timeout_s);
    zl_kube_request_query(request, "watch", "true");
    zl_kube_request_query(request, "allowWatchBookmarks", "true");
    zl_kube_request_query(request, "resourceVersion", spec->resource_version);
    zl_kube_request_query(request, "timeoutSeconds", timeout);
    request->deadline_ms = zl_clock_ms() + ((int64_t)spec->timeout_s + END_GRACE_S) * 1000;
    make_shapes(watcher);
    watcher->pruner = zl_json_pruner_new(
        watcher->event_shape, spec->target->shape != NULL ? ZL_KEPT_MAX : ZL_WHOLE_ANSWER_MAX,
        deliver, watcher);
    return ZL_OK;
}

enum zl_status zl_kube_watcher_start(struct zl_kube_client *client, struct zl_kube_loop *loop,
                                     const struct zl_kube_watch_spec *spec,
                                     struct zl_kube_watcher **out, struct zl_error *err)
{
    struct zl_kube_watcher *watcher = zl_alloc(sizeof *watcher);
    watcher->spec = *spec;
    watcher->target = *spec->target;
    watcher->started_ms = zl_clock_ms();
    const struct zl_kube_exchange_spec exchange = {.lasts = true,
                                                   .anew = spec->anew,
                                                   .take = take,
                                                   .opened = opened,
                                                   .ended = ended,
                                                   .ctx = watcher};
    enum zl_status status = begin(client, watcher, spec, err);
    if (status == ZL_OK) {
        status = zl_kube_exchange_start(client, loop, &watcher->request, &exchange,
                                        &watcher->exchange, err);
    }
    if (status != ZL_OK) {
        zl_kube_watcher_free(watcher);
        return status;
    }
    *out = watcher;
    return ZL_OK;
}

void zl_kube_watcher_free(struct zl_kube_watcher *watcher)
{
    if (watcher == NULL) {
        return;
    }
    zl_kube_exchange_free(watcher->exchange);
    zl_json_pruner_free(watcher->pruner);
    zl_kube_request_clear(&watcher->request);
    free(watcher);
}

/* ---- a watch alone --------------------------------------------------------------------------- */

/* The loop lives as long as the stop, so that the wake-up can never meet one that is being freed. */
struct zl_kube_stop {
    atomic_bool set;
    struct zl_kube_loop *loop;
};

struct zl_kube_stop *zl_kube_stop_new(void)
{
    struct zl_kube_stop *stop = zl_alloc(sizeof *stop);
    atomic_init(&stop->set, false);
    stop->loop = zl_kube_loop_new();
    return stop;
}

void zl_kube_stop_set(struct zl_kube_stop *stop)
{
    atomic_store(&stop->set, true);
    zl_kube_loop_wake(stop->loop);
}

void zl_kube_stop_clear(struct zl_kube_stop *stop)
{
    atomic_store(&stop->set, false);
}

bool zl_kube_stop_is_set(const struct zl_kube_stop *stop)
{
    return atomic_load(&stop->set);
}

void zl_kube_stop_free(struct zl_kube_stop *stop)
{
    if (stop != NULL) {
        zl_kube_loop_free(stop->loop);
        free(stop);
    }
}

/* A watch whose caller waits for its end. */
struct alone {
    const struct zl_kube_stop *stop;
    enum zl_status (*event)(void *ctx, const char *type, const struct cJSON *object,
                            struct zl_error *err);
    void (*opened)(void *ctx);
    void *ctx;
    bool is_over;
    enum zl_status status;
    struct zl_error *err;
};

static enum zl_status alone_event(void *ctx, const char *type, const struct cJSON *object,
                                  struct zl_error *err)
{
    const struct alone *alone = ctx;
    if (zl_kube_stop_is_set(alone->stop)) {
        return zl_error_set(err, ZL_E_STOPPED, "stopped");
    }
    return alone->event(alone->ctx, type, object, err);
}

static void alone_opened(void *ctx)
{
    const struct alone *alone = ctx;
    if (alone->opened != NULL) {
        alone->opened(alone->ctx);
    }
}

static void alone_ended(void *ctx, enum zl_status status, struct zl_error *err)
{
    struct alone *alone = ctx;
    alone->is_over = true;
    alone->status = status;
    if (alone->err != NULL) {
        *alone->err = *err;
    }
}

enum zl_status zl_kube_watch(struct zl_kube_client *client, const struct zl_kube_target *target,
                             const struct zl_kube_selector *selector, const char *resource_version,
                             int timeout_s, struct zl_kube_stop *stop,
                             enum zl_status (*event)(void *ctx, const char *type,
                                                     const struct cJSON *object,
                                                     struct zl_error *err),
                             void (*opened_)(void *ctx), void *ctx, struct zl_error *err)
{
    struct alone alone = {.stop = stop, .event = event, .opened = opened_, .ctx = ctx, .err = err};
    struct zl_kube_watcher *watcher = NULL;
    const struct zl_kube_watch_spec spec = {.target = target,
                                            .selector = selector,
                                            .resource_version = resource_version,
                                            .timeout_s = timeout_s,
                                            .event = alone_event,
                                            .opened = alone_opened,
                                            .ended = alone_ended,
                                            .ctx = &alone};
    enum zl_status status = zl_kube_watcher_start(client, stop->loop, &spec, &watcher, err);
    if (status != ZL_OK) {
        return status;
    }
    while (!alone.is_over && !zl_kube_stop_is_set(stop)) {
        zl_kube_loop_run(stop->loop, zl_clock_ms() + STOP_LOOK_MS);
    }
    zl_kube_watcher_free(watcher);
    return alone.is_over ? alone.status : zl_error_set(err, ZL_E_STOPPED, "the watch was stopped");
}
