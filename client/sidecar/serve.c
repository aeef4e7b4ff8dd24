/* SPDX-License-Identifier: Apache-2.0 */
#include "client/sidecar/answers.h"
#include "client/sidecar/footprint.h"
#include "client/sidecar/internal.h"
#include "common/base/clock.h"
#include "common/base/limits.h"

#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define CONNECTIONS_MAX 64
#define REQUEST_MS 10000
#define IDLE_MS 120000
/* A comment so often keeps proxies and dead peers from being taken for quiet ones. */
#define COMMENT_MS 15000
/* So long after the start, and after news, what they took and nobody needs any more is given back. */
#define SETTLED_MS 1000
#define PREFIX "/v1/pools/"
#define FLEET_ROUTES_MAX 16
#define NS_PER_MS INT64_C(1000000)

int64_t zl_sidecar_now_ns(void)
{
    return zl_clock_boot_ms() * NS_PER_MS;
}

/* --- what is asked --- */

const char *zl_sidecar_name_in(const char *path, const char *prefix, const char *const *names,
                               int count)
{
    const char *name = path + strlen(prefix);
    const size_t length = strcspn(name, "/");
    for (int i = 0; i < count; i++) {
        if (strlen(names[i]) == length && strncmp(names[i], name, length) == 0) {
            return names[i];
        }
    }
    return names[0];
}

/* The pool in PATH ("/v1/pools/P" and more). */
static const char *pool_of(const struct zl_sidecar *sidecar, const char *path)
{
    return zl_sidecar_name_in(path, PREFIX, sidecar->spec.pools, sidecar->spec.pool_count);
}

bool zl_sidecar_refuses(const struct zl_sidecar *sidecar, const struct zl_http_request *request,
                        struct zl_http_response *response)
{
    return sidecar->spec.address[0] != '/' && zl_http_refuses_host(request, response);
}

static void ask(const struct zl_sidecar *sidecar, const char *pool, struct zenlead_answer *answer)
{
    *answer = (struct zenlead_answer)ZENLEAD_ANSWER_INIT;
    (void)zenlead_ask(sidecar->handle, pool, ZL_SIDECAR_FIRST_MS, answer, NULL);
}

static void answer_pool(void *ctx, const struct zl_http_request *request,
                        struct zl_http_response *response)
{
    const struct zl_sidecar *sidecar = ctx;
    struct zenlead_answer answer;
    if (!zl_sidecar_refuses(sidecar, request, response)) {
        ask(sidecar, pool_of(sidecar, request->path), &answer);
        zl_http_respond_json(response, 200, zl_sidecar_json(&answer, zl_sidecar_now_ns()));
    }
}

static void answer_role(const struct zl_sidecar *sidecar, const struct zl_http_request *request,
                        enum zenlead_role role, struct zl_http_response *response)
{
    struct zenlead_answer answer;
    if (!zl_sidecar_refuses(sidecar, request, response)) {
        ask(sidecar, pool_of(sidecar, request->path), &answer);
        const int64_t at_ns = zl_sidecar_now_ns();
        zl_http_respond_json(response, zl_sidecar_status(&answer, role, at_ns),
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
    if (!zl_sidecar_refuses(sidecar, request, response)) {
        ask(sidecar, sidecar->spec.pools[0], &answer);
        zl_http_respond_json(response, 200, zl_sidecar_compat(&answer));
    }
}

/* --- watches --- */

struct stream {
    struct zl_sidecar *sidecar;
    const char *name;
    bool is_fleet;
    struct zenlead_answer told; /* of a pool */
    struct zenlead_turn turn;   /* of a fleet */
    bool has_told;
    struct zl_http_text rest;
    int64_t seen; /* the news that was told */
};

/* When what was told last is over; 0: it is nothing that ends. */
static int64_t told_until_ns(const struct stream *stream)
{
    if (stream->is_fleet) {
        return stream->turn.state != ZENLEAD_TURN_UNKNOWN ? stream->turn.valid_until_ns : 0;
    }
    return stream->told.role != ZENLEAD_UNKNOWN ? stream->told.valid_until_ns : 0;
}

/*
 * Wait for news, or until a comment is due, or what was told last is over.
 *
 * @return false: the sidecar stops
 */
static bool await_news(struct stream *stream)
{
    struct zl_sidecar *sidecar = stream->sidecar;
    int64_t until_ms = zl_clock_ms() + COMMENT_MS;
    const int64_t over_ns = told_until_ns(stream);
    const int64_t left_ms = (over_ns - zl_sidecar_now_ns()) / NS_PER_MS + 1;
    if (over_ns != 0 && left_ms < COMMENT_MS) {
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

/* What there is now, as JSON; NULL: nothing has changed since it was told. */
static char *look_at_pool(struct stream *stream, int timeout_ms)
{
    struct zenlead_answer answer = ZENLEAD_ANSWER_INIT;
    (void)zenlead_ask(stream->sidecar->handle, stream->name, timeout_ms, &answer, NULL);
    const bool news = !stream->has_told || zl_sidecar_differs(&answer, &stream->told);
    stream->told = answer;
    return news ? zl_sidecar_json(&answer, zl_sidecar_now_ns()) : NULL;
}

static char *look_at_fleet(struct stream *stream, int timeout_ms)
{
    struct zenlead_turn turn = ZENLEAD_TURN_INIT;
    (void)zenlead_turn_ask(stream->sidecar->handle, stream->name, timeout_ms, &turn, NULL);
    const bool news = !stream->has_told || zl_sidecar_turn_differs(&turn, &stream->turn);
    stream->turn = turn;
    return news ? zl_sidecar_turn_json(&turn, zl_sidecar_now_ns()) : NULL;
}

/* The next text: an event where something has changed, else a comment. */
static void compose(struct stream *stream)
{
    const int timeout_ms = stream->has_told ? 0 : ZL_SIDECAR_FIRST_MS;
    ZL_AUTO_FREE char *json =
        stream->is_fleet ? look_at_fleet(stream, timeout_ms) : look_at_pool(stream, timeout_ms);
    stream->rest.text = json != NULL ? zl_asprintf("data: %s\n\n", json) : zl_strdup(":\n\n");
    stream->has_told = true;
}

static long next_bytes(void *ctx, char *out, size_t max)
{
    struct stream *stream = ctx;
    if (stream->rest.text == NULL) {
        if (!await_news(stream)) {
            return -1;
        }
        compose(stream);
    }
    return zl_http_text_send(&stream->rest, out, max);
}

static void end_stream(void *ctx)
{
    struct stream *stream = ctx;
    free(stream->rest.text);
    free(stream);
}

void zl_sidecar_stream(struct zl_sidecar *sidecar, const char *name, bool is_fleet,
                       struct zl_http_response *response)
{
    struct stream *stream = zl_alloc(sizeof *stream);
    stream->sidecar = sidecar;
    stream->name = name;
    stream->is_fleet = is_fleet;
    response->content_type = "text/event-stream";
    response->stream = (struct zl_http_stream){next_bytes, end_stream, stream};
}

static void answer_watch(void *ctx, const struct zl_http_request *request,
                         struct zl_http_response *response)
{
    struct zl_sidecar *sidecar = ctx;
    if (!zl_sidecar_refuses(sidecar, request, response)) {
        zl_sidecar_stream(sidecar, pool_of(sidecar, request->path), false, response);
    }
}

/* --- news --- */

static void wake_streams(struct zl_sidecar *sidecar)
{
    zl_monitor_lock(&sidecar->monitor);
    sidecar->news++;
    zl_monitor_wake_all(&sidecar->monitor);
    zl_monitor_unlock(&sidecar->monitor);
}

static void on_changed(void *ctx, const char *pool, const struct zenlead_answer *answer)
{
    (void)pool;
    (void)answer;
    wake_streams(ctx);
}

static void on_turn_changed(void *ctx, const char *fleet, const struct zenlead_turn *turn)
{
    (void)fleet;
    (void)turn;
    wake_streams(ctx);
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
                      zl_sidecar_handler_fn *handle)
{
    const int i = sidecar->path_count++;
    sidecar->paths[i] = taken_path;
    sidecar->routes[i] =
        (struct zl_http_route){.method = method, .path = taken_path, .handle = handle};
}

static void add_fleet(struct zl_sidecar *sidecar, const char *name)
{
    for (const struct zl_sidecar_turn_route *row = ZL_SIDECAR_TURN_ROUTES; row->method != NULL;
         row++) {
        add_route(sidecar, row->method,
                  zl_asprintf(ZL_SIDECAR_FLEET_PREFIX "%s%s", name, row->suffix), row->handle);
    }
}

static void make_routes(struct zl_sidecar *sidecar)
{
    static const struct {
        const char *suffix;
        zl_sidecar_handler_fn *handle;
        bool with_options;
    } rows[] = {{"", answer_pool, true},
                {"/leader", answer_leader, true},
                {"/follower", answer_follower, true},
                {"/watch", answer_watch, false}};
    const size_t most = (size_t)sidecar->spec.pool_count * 2 * (sizeof rows / sizeof rows[0]) +
                        (size_t)sidecar->spec.fleet_count * FLEET_ROUTES_MAX + 2;
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
    for (int fleet = 0; fleet < sidecar->spec.fleet_count; fleet++) {
        add_fleet(sidecar, sidecar->spec.fleets[fleet]);
    }
    if (sidecar->spec.compat && sidecar->spec.pool_count > 0) {
        add_route(sidecar, "GET", zl_strdup("/"), answer_compat);
    }
}

static enum zl_status open_handle(struct zl_sidecar *sidecar, struct zl_error *err)
{
    struct zenlead_error error = ZENLEAD_ERROR_INIT;
    struct zenlead_options options = sidecar->spec.lead;
    options.changed = on_changed;
    options.turn_changed = on_turn_changed;
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
    for (int i = 0; i < spec->fleet_count; i++) {
        (void)zenlead_turn_ask(sidecar->handle, spec->fleets[i], 0, NULL, NULL);
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
