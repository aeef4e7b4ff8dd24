/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/kube/client_internal.h"

#include <stdatomic.h>

/* A server that accepted the connection and then says nothing at all is given up after this. */
#define OPEN_TIMEOUT_MS 30000
/* One that does not end a watch by itself is given this much longer than it was asked for. */
#define END_GRACE_S 30
/* Only the beginning of a refusal is read. */
#define REFUSAL_MAX (64 * ZL_KIB)

/*
 * The multi handle lives as long as the stop, so that the wake-up can never meet one that is
 * being freed; and its connection is there for the next watch.
 */
struct zl_kube_stop {
    atomic_bool set;
    CURLM *multi;
};

struct zl_kube_stop *zl_kube_stop_new(void)
{
    struct zl_kube_stop *stop = zl_alloc(sizeof *stop);
    atomic_init(&stop->set, false);
    stop->multi = curl_multi_init();
    if (stop->multi == NULL) {
        abort();
    }
    curl_multi_setopt(stop->multi, CURLMOPT_MAXCONNECTS, 1L);
    return stop;
}

void zl_kube_stop_set(struct zl_kube_stop *stop)
{
    atomic_store(&stop->set, true);
    curl_multi_wakeup(stop->multi);
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
        curl_multi_cleanup(stop->multi);
        free(stop);
    }
}

struct watch {
    const struct zl_kube_request *request;
    const struct zl_kube_stop *stop;
    enum zl_status (*event)(void *ctx, const char *type, const struct cJSON *object,
                            struct zl_error *err);
    void (*opened)(void *ctx);
    void *ctx;
    struct zl_error *err;
    CURL *handle;
    int64_t started_ms;
    bool is_open;
    struct zl_buf bytes;    /* the line that is not complete yet; or the body of a refusal */
    enum zl_status failure; /* why the callbacks below ended the transfer; ERR is filled */
};

static enum zl_status deliver(struct watch *watch, const char *line, size_t length)
{
    ZL_AUTO_JSON struct cJSON *tree = NULL;
    struct zl_error cause = {0};
    if (zl_json_parse(line, length, &tree, &cause) != ZL_OK) {
        return zl_error_set(watch->err, ZL_E_TRANSIENT, "%s: a line is not JSON: %s",
                            watch->request->what, cause.message);
    }
    const char *type = zl_json_text(tree, "type", NULL);
    const struct cJSON *object = zl_json_at(tree, "object", NULL);
    if (type == NULL || !zl_json_is_object(object)) {
        return zl_error_set(watch->err, ZL_E_TRANSIENT, "%s: a line is not a watch event",
                            watch->request->what);
    }
    return watch->event(watch->ctx, type, object, watch->err);
}

/* Deliver each complete line; keep the rest. FRESH bytes at the end have not been looked at yet. */
static enum zl_status split(struct watch *watch, size_t fresh)
{
    struct zl_buf *bytes = &watch->bytes;
    enum zl_status status = ZL_OK;
    size_t start = 0;
    size_t scan = bytes->length - fresh;
    const char *end = NULL;
    while (status == ZL_OK &&
           (end = memchr(bytes->data + scan, '\n', bytes->length - scan)) != NULL) {
        size_t at = (size_t)(end - bytes->data);
        if (at > start) {
            status =
                zl_kube_stop_is_set(watch->stop)
                    ? zl_error_set(watch->err, ZL_E_STOPPED, "%s: stopped", watch->request->what)
                    : deliver(watch, bytes->data + start, at - start);
        }
        start = scan = at + 1;
    }
    zl_buf_drop(bytes, start);
    return status;
}

static enum zl_status receive(struct watch *watch, const char *bytes, size_t length)
{
    if (!watch->is_open) {
        (void)zl_buf_add(&watch->bytes, bytes, length); /* beyond REFUSAL_MAX: not needed */
        return ZL_OK;
    }
    if (zl_buf_add(&watch->bytes, bytes, length)) {
        enum zl_status status = split(watch, length);
        if (status != ZL_OK || watch->bytes.length <= ZL_WATCH_LINE_MAX) {
            return status;
        }
    }
    return zl_error_set(watch->err, ZL_E_TOO_LARGE, "%s: a line is longer than %lu MiB",
                        watch->request->what, ZL_WATCH_LINE_MAX / ZL_MIB);
}

static size_t on_bytes(char *bytes, size_t size, size_t count, void *ctx)
{
    struct watch *watch = ctx;
    watch->failure = receive(watch, bytes, size * count);
    return watch->failure == ZL_OK ? size * count : 0;
}

/* The empty line that ends the head of the answer opens the watch. */
static size_t on_header(char *bytes, size_t size, size_t count, void *ctx)
{
    struct watch *watch = ctx;
    long http_status = 0;
    curl_easy_getinfo(watch->handle, CURLINFO_RESPONSE_CODE, &http_status);
    if (size * count == 2 && memcmp(bytes, "\r\n", 2) == 0 && http_status == 200 &&
        !watch->is_open) {
        watch->is_open = true;
        watch->bytes.max = ZL_WATCH_LINE_MAX + CURL_MAX_WRITE_SIZE;
        zl_kube_observe(watch->request, ZL_OK, watch->started_ms);
        if (watch->opened != NULL) {
            watch->opened(watch->ctx);
        }
    }
    return size * count;
}

static enum zl_status finish(struct watch *watch, CURLcode code, const char *detail)
{
    long http_status = 0;
    if (watch->failure != ZL_OK) {
        return watch->failure;
    }
    if (code != CURLE_OK) {
        return zl_kube_curl_error(watch->request, code, detail, watch->err);
    }
    curl_easy_getinfo(watch->handle, CURLINFO_RESPONSE_CODE, &http_status);
    if (!watch->is_open) {
        return zl_kube_answer_error(watch->request, watch->handle, &watch->bytes, watch->err);
    }
    if (watch->bytes.length > 0) {
        return zl_error_set(watch->err, ZL_E_TRANSIENT, "%s: ended in the middle of a line",
                            watch->request->what);
    }
    return ZL_OK;
}

/* Drive the transfer to its end, or until the stop. */
static enum zl_status drive(struct watch *watch, CURLM *multi, const char *detail)
{
    int running = 1;
    for (;;) {
        CURLMcode code = curl_multi_perform(multi, &running);
        if (zl_kube_stop_is_set(watch->stop)) {
            return zl_error_set(watch->err, ZL_E_STOPPED, "%s: stopped", watch->request->what);
        }
        if (code == CURLM_OK && running > 0) {
            if (!watch->is_open && zl_clock_ms() - watch->started_ms > OPEN_TIMEOUT_MS) {
                return zl_error_set(watch->err, ZL_E_TRANSIENT, "%s: no answer within %d s",
                                    watch->request->what, OPEN_TIMEOUT_MS / 1000);
            }
            code = curl_multi_poll(multi, NULL, 0, 1000, NULL);
        }
        if (code != CURLM_OK) {
            return zl_error_set(watch->err, ZL_E_TRANSIENT, "%s: %s", watch->request->what,
                                curl_multi_strerror(code));
        }
        if (running == 0) {
            int left = 0;
            const CURLMsg *message = curl_multi_info_read(multi, &left);
            return finish(watch, message ? message->data.result : CURLE_FAILED_INIT, detail);
        }
    }
}

static enum zl_status transfer(struct zl_kube_client *client, struct watch *watch, CURLM *multi)
{
    char detail[CURL_ERROR_SIZE] = "";
    struct curl_slist *headers = zl_kube_handle_prepare(client, watch->handle, watch->request);
    curl_easy_setopt(watch->handle, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(watch->handle, CURLOPT_WRITEDATA, watch);
    curl_easy_setopt(watch->handle, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(watch->handle, CURLOPT_HEADERDATA, watch);
    curl_easy_setopt(watch->handle, CURLOPT_ERRORBUFFER, detail);
    curl_multi_add_handle(multi, watch->handle);
    enum zl_status status = drive(watch, multi, detail);
    curl_multi_remove_handle(multi, watch->handle);
    curl_slist_free_all(headers);
    curl_easy_cleanup(watch->handle);
    return status;
}

enum zl_status zl_kube_watch(struct zl_kube_client *client, const struct zl_kube_target *target,
                             const struct zl_kube_selector *selector, const char *resource_version,
                             int timeout_s, struct zl_kube_stop *stop,
                             enum zl_status (*event)(void *ctx, const char *type,
                                                     const struct cJSON *object,
                                                     struct zl_error *err),
                             void (*opened)(void *ctx), void *ctx, struct zl_error *err)
{
    ZL_AUTO_REQUEST struct zl_kube_request request;
    enum zl_status status =
        zl_kube_request_collection(&request, client, "watch", target, selector, err);
    if (status != ZL_OK) {
        return status;
    }
    ZL_AUTO_FREE char *timeout = zl_asprintf("%d", timeout_s);
    zl_kube_request_query(&request, "watch", "true");
    zl_kube_request_query(&request, "allowWatchBookmarks", "true");
    zl_kube_request_query(&request, "resourceVersion", resource_version);
    zl_kube_request_query(&request, "timeoutSeconds", timeout);
    request.timeout_ms = ((int64_t)timeout_s + END_GRACE_S) * 1000;
    struct watch watch = {
        .request = &request,
        .stop = stop,
        .event = event,
        .opened = opened,
        .ctx = ctx,
        .err = err,
        .handle = curl_easy_init(),
        .started_ms = zl_clock_ms(),
    };
    if (watch.handle == NULL) {
        return zl_error_set(err, ZL_E_TRANSIENT, "%s: no libcurl handle", request.what);
    }
    zl_buf_init(&watch.bytes, REFUSAL_MAX);
    status = transfer(client, &watch, stop->multi);
    if (!watch.is_open) {
        zl_kube_observe(&request, status, watch.started_ms);
    }
    zl_buf_clear(&watch.bytes);
    return status;
}
