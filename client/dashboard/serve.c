/* SPDX-License-Identifier: Apache-2.0 */
#include "client/dashboard/serve.h"

#include "client/dashboard/answers.h"
#include "client/dashboard/follow.h"
#include "client/dashboard/page.h"
#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/monitor.h"

#include <string.h>

#define CONNECTIONS_MAX 64
#define REQUEST_MS 10000
#define IDLE_MS 120000
/* From one event to the next: a browser draws no faster, and what comes meanwhile comes together. */
#define EVENTS_APART_MS 100
/* So often at least: a page that hears nothing for longer says that it is stale. */
#define BEAT_MS 3000

struct zl_dashboard {
    struct zl_dashboard_spec spec;
    char key[ZL_DOOR_LENGTH + 1];
    struct zl_follow *follow;
    struct zl_answers *answers;
    struct zl_http_server *server;
    struct zl_monitor monitor; /* guards the rest; woken by news */
    int64_t news;
    bool stopping;
};

/* --- events --- */

struct stream {
    struct zl_dashboard *dashboard;
    int64_t heard;   /* of the dashboard's news */
    int64_t seen;    /* of the board */
    int64_t told_ms; /* when something was told last; 0: never */
    struct zl_http_text rest;
};

/* Wait for news, not before it is time for them, and not beyond the next beat. @return false: the dashboard stops */
static bool await_news(struct stream *stream)
{
    struct zl_dashboard *dashboard = stream->dashboard;
    const int64_t first_ms = stream->told_ms + EVENTS_APART_MS;
    const int64_t beat_ms = stream->told_ms + BEAT_MS;
    zl_monitor_lock(&dashboard->monitor);
    while (stream->told_ms != 0 && !dashboard->stopping && zl_clock_ms() < first_ms) {
        (void)zl_monitor_wait(&dashboard->monitor, first_ms);
    }
    while (stream->told_ms != 0 && !dashboard->stopping && dashboard->news == stream->heard &&
           zl_monitor_wait(&dashboard->monitor, beat_ms)) {
        ;
    }
    stream->heard = dashboard->news;
    const bool stopping = dashboard->stopping;
    zl_monitor_unlock(&dashboard->monitor);
    return !stopping;
}

static long next_bytes(void *ctx, char *out, size_t max)
{
    struct stream *stream = ctx;
    if (stream->rest.text == NULL) {
        if (!await_news(stream)) {
            return -1;
        }
        ZL_AUTO_FREE char *rows =
            zl_follow_tell(stream->dashboard->follow, &stream->seen, zl_clock_wall_us() / 1000);
        stream->rest.text = zl_asprintf("data: %s\n\n", rows);
        stream->told_ms = zl_clock_ms();
    }
    return zl_http_text_send(&stream->rest, out, max);
}

static void end_stream(void *ctx)
{
    struct stream *stream = ctx;
    free(stream->rest.text);
    free(stream);
}

static void on_changed(void *ctx)
{
    struct zl_dashboard *dashboard = ctx;
    zl_monitor_lock(&dashboard->monitor);
    dashboard->news++;
    zl_monitor_wake_all(&dashboard->monitor);
    zl_monitor_unlock(&dashboard->monitor);
}

/* --- answers --- */

static void respond_file(struct zl_http_response *response, const struct zl_page_file *file)
{
    response->body_length = (size_t)(file->end - file->text);
    response->body = zl_strndup(file->text, response->body_length);
    response->content_type = file->content_type;
}

static void respond_events(struct zl_dashboard *dashboard, struct zl_http_response *response)
{
    struct stream *stream = zl_alloc(sizeof *stream);
    stream->dashboard = dashboard;
    response->content_type = "text/event-stream";
    response->stream = (struct zl_http_stream){next_bytes, end_stream, stream};
}

/* Of what it serves, and under which scope, for the head of the page. */
static void respond_about(const struct zl_dashboard *dashboard, struct zl_http_response *response)
{
    ZL_AUTO_JSON struct cJSON *tree = zl_json_object();
    zl_json_set_text(tree, "server", dashboard->spec.server);
    zl_json_set_text(tree, "namespace", dashboard->spec.namespace_);
    zl_json_set_text(tree, "version", ZL_VERSION);
    zl_json_set_bool(tree, "hub", dashboard->spec.hub != NULL);
    zl_http_respond_json(response, 200, zl_json_print(tree));
}

static void answer(void *ctx, const struct zl_http_request *request,
                   struct zl_http_response *response)
{
    static const char explain[] = "explain/";
    struct zl_dashboard *dashboard = ctx;
    const char *wanted = zl_door_open(dashboard->key, request->path);
    const struct zl_page_file *file = wanted != NULL ? zl_page_find(wanted) : NULL;
    struct zl_explain_words words;
    response->headers = ZL_DOOR_HEADERS;
    if (zl_http_refuses_host(request, response)) {
        return;
    }
    if (file != NULL) {
        respond_file(response, file);
    } else if (zl_same_string(wanted, "events")) {
        respond_events(dashboard, response);
    } else if (zl_same_string(wanted, "about")) {
        respond_about(dashboard, response);
    } else if (zl_same_string(wanted, "doctor")) {
        zl_http_respond_json(response, 200, zl_answers_doctor(dashboard->answers));
    } else if (wanted != NULL && strncmp(wanted, explain, strlen(explain)) == 0 &&
               zl_explain_words_read(wanted + strlen(explain), &words)) {
        zl_http_respond_json(response, 200, zl_answers_explain(dashboard->answers, &words));
    } else {
        zl_http_respond_text(response, 404, "404: there is nothing here\n");
    }
}

static bool serves(void *ctx, const char *path)
{
    const struct zl_dashboard *dashboard = ctx;
    return zl_door_open(dashboard->key, path) != NULL;
}

/* --- start and stop --- */

enum zl_status zl_dashboard_start(const struct zl_dashboard_spec *spec, struct zl_dashboard **out,
                                  struct zl_error *err)
{
    static const struct zl_http_route routes[] = {
        {.method = "GET", .path = "", .handle = answer, .serves = serves}, {.path = NULL}};
    struct zl_dashboard *dashboard = zl_alloc(sizeof *dashboard);
    const struct zl_http_options options = {.address = spec->address,
                                            .port = spec->port,
                                            .connections_max = CONNECTIONS_MAX,
                                            .body_max_bytes = 4 * ZL_KIB,
                                            .request_timeout_ms = REQUEST_MS,
                                            .idle_timeout_ms = IDLE_MS,
                                            .routes = routes,
                                            .ctx = dashboard};
    const struct zl_answers_spec answers = {spec->client, spec->namespace_, spec->home,
                                            spec->installed_in};
    const struct zl_follow_spec follow = {.client = spec->client,
                                          .namespace_ = spec->namespace_,
                                          .hub = spec->hub,
                                          .fleet_namespace = spec->fleet_namespace,
                                          .changed = on_changed,
                                          .ctx = dashboard};
    dashboard->spec = *spec;
    zl_door_make(dashboard->key);
    zl_monitor_init(&dashboard->monitor);
    dashboard->answers = zl_answers_new(&answers);
    dashboard->follow = zl_follow_start(&follow);
    const enum zl_status status = zl_http_server_start(&options, &dashboard->server, err);
    if (status != ZL_OK) {
        zl_dashboard_stop(dashboard);
        return status;
    }
    *out = dashboard;
    return ZL_OK;
}

int zl_dashboard_port(const struct zl_dashboard *dashboard)
{
    return zl_http_server_port(dashboard->server);
}

const char *zl_dashboard_key(const struct zl_dashboard *dashboard)
{
    return dashboard->key;
}

void zl_dashboard_stop(struct zl_dashboard *dashboard)
{
    zl_monitor_lock(&dashboard->monitor);
    dashboard->stopping = true;
    zl_monitor_wake_all(&dashboard->monitor);
    zl_monitor_unlock(&dashboard->monitor);
    zl_http_server_stop(dashboard->server, 0);
    zl_follow_stop(dashboard->follow);
    zl_answers_free(dashboard->answers);
    zl_monitor_clear(&dashboard->monitor);
    free(dashboard);
}
