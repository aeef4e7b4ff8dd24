/* SPDX-License-Identifier: Apache-2.0 */
#include "client/sidecar/serve.h"

#include "client/sidecar/answers.h"
#include "client/sidecar/footprint.h"
#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/monitor.h"
#include "common/http/server.h"

#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define CONNECTIONS_MAX 64
#define REQUEST_MS 10000
#define IDLE_MS 120000
/* The first question about a pool waits for the API server. */
#define FIRST_MS 2000
/* A comment so often keeps proxies and dead peers from being taken for quiet ones. */
#define COMMENT_MS 15000
/* So long after the start, and after news, what they took and nobody needs any more is given back. */
#define SETTLED_MS 1000
#define PREFIX "/v1/pools/"
#define NS_PER_MS INT64_C(1000000)

struct zl_sidecar {
    struct zl_sidecar_spec spec;
    zenlead *handle;
    struct zl_http_server *server;
    struct zl_http_route *routes;
    char **paths; /* of the routes */
    int path_count;
    pthread_t listener;
    int over;                  /* an eventfd: the listener ends */
    struct zl_monitor monitor; /* guards the rest; woken by news */
    int64_t news;              /* grows with each */
    bool stopping;
};

static int64_t now_ns(void)
{
    return zl_clock_boot_ms() * NS_PER_MS;
}

/* --- what is asked --- */

/* The pool in PATH ("/v1/pools/P" and more), which is one of ours: no other path is routed here. */
static const char *pool_of(const struct zl_sidecar *sidecar, const char *path)
{
    const char *name = path + strlen(PREFIX);
    const size_t length = strcspn(name, "/");
    for (int i = 0; i < sidecar->spec.pool_count; i++) {
        const char *pool = sidecar->spec.pools[i];
        if (strlen(pool) == length && strncmp(pool, name, length) == 0) {
            return pool;
        }
    }
    return sidecar->spec.pools[0];
}

static bool refuses(const struct zl_sidecar *sidecar, const struct zl_http_request *request,
                    struct zl_http_response *response)
{
    /* A page in somebody's browser that resolves its own name to 127.0.0.1 sends that name. */
    if (sidecar->spec.address[0] == '/' || zl_sidecar_host_is_local(request->host)) {
        return false;
    }
    zl_http_respond_text(response, 403, "403: the Host must be 127.0.0.1, [::1] or localhost\n");
    return true;
}

static void respond_json(struct zl_http_response *response, int status, char *taken)
{
    response->status = status;
    response->content_type = "application/json";
    response->body = taken;
    response->body_length = strlen(taken);
}

static void ask(const struct zl_sidecar *sidecar, const char *pool, struct zenlead_answer *answer)
{
    *answer = (struct zenlead_answer)ZENLEAD_ANSWER_INIT;
    (void)zenlead_ask(sidecar->handle, pool, FIRST_MS, answer, NULL);
}

static void answer_pool(void *ctx, const struct zl_http_request *request,
                        struct zl_http_response *response)
{
    const struct zl_sidecar *sidecar = ctx;
    struct zenlead_answer answer;
    if (!refuses(sidecar, request, response)) {
        ask(sidecar, pool_of(sidecar, request->path), &answer);
        respond_json(response, 200, zl_sidecar_json(&answer, now_ns()));
    }
}

static void answer_role(const struct zl_sidecar *sidecar, const struct zl_http_request *request,
                        enum zenlead_role role, struct zl_http_response *response)
{
    struct zenlead_answer answer;
    if (!refuses(sidecar, request, response)) {
        ask(sidecar, pool_of(sidecar, request->path), &answer);
        const int64_t at_ns = now_ns();
        respond_json(response, zl_sidecar_status(&answer, role, at_ns),
                     zl_sidecar_json(&answer, at_ns));
    }
}

static void answer_leader(void *ctx, const struct zl_http_request *request,
                          struct zl_http_response *response)
{
    answer_role(ctx, request, ZENLEAD_LEADER, response);
}

static void answer_follower(void *ctx, const struct zl_http_request *request,
                            struct zl_http_response *response)
{
    answer_role(ctx, request, ZENLEAD_FOLLOWER, response);
}

static void answer_compat(void *ctx, const struct zl_http_request *request,
                          struct zl_http_response *response)
{
    const struct zl_sidecar *sidecar = ctx;
    struct zenlead_answer answer;
    if (!refuses(sidecar, request, response)) {
        ask(sidecar, sidecar->spec.pools[0], &answer);
        respond_json(response, 200, zl_sidecar_compat(&answer));
    }
}

/* --- watches --- */

struct stream {
    struct zl_sidecar *sidecar;
    const char *pool;
    struct zenlead_answer told;
    bool has_told;
    char *text; /* what is still to be sent; NULL: nothing */
    size_t sent;
    int64_t seen; /* the news that TOLD knows of */
};

/*
 * Wait for news, or until a comment is due, or what was told last is over.
 *
 * @return false: the sidecar stops
 */
static bool await_news(struct stream *stream)
{
    struct zl_sidecar *sidecar = stream->sidecar;
    int64_t until_ms = zl_clock_ms() + COMMENT_MS;
    const int64_t left_ms = (stream->told.valid_until_ns - now_ns()) / NS_PER_MS + 1;
    if (stream->told.role != ZENLEAD_UNKNOWN && left_ms < COMMENT_MS) {
        until_ms = zl_clock_ms() + (left_ms > 0 ? left_ms : 0);
    }
    zl_monitor_lock(&sidecar->monitor);
    while (stream->has_told && !sidecar->stopping && sidecar->news == stream->seen &&
           zl_monitor_wait(&sidecar->monitor, until_ms)) {
        ;
    }
    stream->seen = sidecar->news;
    const bool stopping = sidecar->stopping;
    zl_monitor_unlock(&sidecar->monitor);
    return !stopping;
}

/* The next text: an event where something has changed, else a comment. */
static void compose(struct stream *stream)
{
    struct zenlead_answer answer = ZENLEAD_ANSWER_INIT;
    (void)zenlead_ask(stream->sidecar->handle, stream->pool, stream->has_told ? 0 : FIRST_MS,
                      &answer, NULL);
    stream->sent = 0;
    if (stream->has_told && !zl_sidecar_differs(&answer, &stream->told)) {
        stream->text = zl_strdup(":\n\n");
    } else {
        ZL_AUTO_FREE char *json = zl_sidecar_json(&answer, now_ns());
        stream->text = zl_asprintf("data: %s\n\n", json);
    }
    stream->told = answer;
    stream->has_told = true;
}

static long next_bytes(void *ctx, char *out, size_t max)
{
    struct stream *stream = ctx;
    if (stream->text == NULL) {
        if (!await_news(stream)) {
            return -1;
        }
        compose(stream);
    }
    const size_t left = strlen(stream->text + stream->sent);
    const size_t length = left < max ? left : max;
    memcpy(out, stream->text + stream->sent, length);
    stream->sent += length;
    if (length == left) {
        free(ZL_STEAL(&stream->text));
    }
    return (long)length;
}

static void end_stream(void *ctx)
{
    struct stream *stream = ctx;
    free(stream->text);
    free(stream);
}

static void answer_watch(void *ctx, const struct zl_http_request *request,
                         struct zl_http_response *response)
{
    struct zl_sidecar *sidecar = ctx;
    if (refuses(sidecar, request, response)) {
        return;
    }
    struct stream *stream = zl_alloc(sizeof *stream);
    stream->sidecar = sidecar;
    stream->pool = pool_of(sidecar, request->path);
    response->content_type = "text/event-stream";
    response->stream = (struct zl_http_stream){next_bytes, end_stream, stream};
}

/* --- news --- */

static void on_changed(void *ctx, const char *pool, const struct zenlead_answer *answer)
{
    struct zl_sidecar *sidecar = ctx;
    (void)pool;
    (void)answer;
    zl_monitor_lock(&sidecar->monitor);
    sidecar->news++;
    zl_monitor_wake_all(&sidecar->monitor);
    zl_monitor_unlock(&sidecar->monitor);
}

static void *listen_for_news(void *arg)
{
    struct zl_sidecar *sidecar = arg;
    struct pollfd ready[] = {{.fd = zenlead_fd(sidecar->handle), .events = POLLIN},
                             {.fd = sidecar->over, .events = POLLIN}};
    int wait_ms = SETTLED_MS;
    while (ready[1].revents == 0) {
        const int count = poll(ready, 2, wait_ms);
        if (count > 0 && ready[0].revents != 0) {
            (void)zenlead_dispatch(sidecar->handle, NULL);
            wait_ms = SETTLED_MS;
        } else if (count == 0) {
            zl_footprint_shrink();
            wait_ms = -1;
        }
    }
    return NULL;
}

/* --- start and stop --- */

static void add_route(struct zl_sidecar *sidecar, const char *method, char *taken_path,
                      void (*handle)(void *ctx, const struct zl_http_request *request,
                                     struct zl_http_response *response))
{
    const int i = sidecar->path_count++;
    sidecar->paths[i] = taken_path;
    sidecar->routes[i] =
        (struct zl_http_route){.method = method, .path = taken_path, .handle = handle};
}

static void make_routes(struct zl_sidecar *sidecar)
{
    static const struct {
        const char *suffix;
        void (*handle)(void *ctx, const struct zl_http_request *request,
                       struct zl_http_response *response);
        bool with_options;
    } rows[] = {{"", answer_pool, true},
                {"/leader", answer_leader, true},
                {"/follower", answer_follower, true},
                {"/watch", answer_watch, false}};
    const size_t most = (size_t)sidecar->spec.pool_count * 2 * (sizeof rows / sizeof rows[0]) + 2;
    sidecar->routes = zl_alloc(most * sizeof *sidecar->routes);
    sidecar->paths = zl_alloc(most * sizeof *sidecar->paths);
    for (int pool = 0; pool < sidecar->spec.pool_count; pool++) {
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            const char *name = sidecar->spec.pools[pool];
            add_route(sidecar, "GET", zl_asprintf(PREFIX "%s%s", name, rows[i].suffix),
                      rows[i].handle);
            if (rows[i].with_options) {
                add_route(sidecar, "OPTIONS", zl_asprintf(PREFIX "%s%s", name, rows[i].suffix),
                          rows[i].handle);
            }
        }
    }
    if (sidecar->spec.compat) {
        add_route(sidecar, "GET", zl_strdup("/"), answer_compat);
    }
}

static enum zl_status open_handle(struct zl_sidecar *sidecar, struct zl_error *err)
{
    struct zenlead_error error = ZENLEAD_ERROR_INIT;
    struct zenlead_options options = sidecar->spec.lead;
    options.changed = on_changed;
    options.ctx = sidecar;
    return zenlead_open(&options, &sidecar->handle, &error) == ZENLEAD_OK
               ? ZL_OK
               : zl_error_set(err, ZL_E_INVALID, "%s", error.message);
}

enum zl_status zl_sidecar_start(const struct zl_sidecar_spec *spec, struct zl_sidecar **out,
                                struct zl_error *err)
{
    struct zl_sidecar *sidecar = zl_alloc(sizeof *sidecar);
    sidecar->spec = *spec;
    sidecar->over = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    zl_monitor_init(&sidecar->monitor);
    make_routes(sidecar);
    enum zl_status status = open_handle(sidecar, err);
    if (status == ZL_OK) {
        const struct zl_http_options options = {.address = spec->address,
                                                .port = spec->port,
                                                .connections_max = CONNECTIONS_MAX,
                                                .body_max_bytes = 4 * ZL_KIB,
                                                .request_timeout_ms = REQUEST_MS,
                                                .idle_timeout_ms = IDLE_MS,
                                                .routes = sidecar->routes,
                                                .ctx = sidecar};
        sidecar->listener = zl_thread_start("news", listen_for_news, sidecar);
        status = zl_http_server_start(&options, &sidecar->server, err);
    }
    if (status != ZL_OK) {
        zl_sidecar_stop(sidecar);
        return status;
    }
    for (int i = 0; i < spec->pool_count; i++) {
        (void)zenlead_ask(sidecar->handle, spec->pools[i], 0, NULL,
                          NULL); /* follow it from now on */
    }
    *out = sidecar;
    return ZL_OK;
}

int zl_sidecar_port(const struct zl_sidecar *sidecar)
{
    return zl_http_server_port(sidecar->server);
}

void zl_sidecar_stop(struct zl_sidecar *sidecar)
{
    zl_monitor_lock(&sidecar->monitor);
    sidecar->stopping = true;
    zl_monitor_wake_all(&sidecar->monitor);
    zl_monitor_unlock(&sidecar->monitor);
    zl_http_server_stop(sidecar->server, 0);
    if (sidecar->handle != NULL) {
        (void)eventfd_write(sidecar->over, 1);
        pthread_join(sidecar->listener, NULL);
        zenlead_close(sidecar->handle);
    }
    (void)close(sidecar->over);
    if (sidecar->spec.address[0] == '/') {
        (void)unlink(sidecar->spec.address);
    }
    zl_monitor_clear(&sidecar->monitor);
    for (int i = 0; i < sidecar->path_count; i++) {
        free(sidecar->paths[i]);
    }
    free(sidecar->paths);
    free(sidecar->routes);
    free(sidecar);
}
