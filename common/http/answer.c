/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answer.c - what is answered: by whom, or with which refusal, and how that becomes libmicrohttpd's.
 */
#include "common/base/buf.h"
#include "common/base/limits.h"
#include "common/http/server_internal.h"

#include <string.h>

#define ROUTE_LIST_MAX ZL_KIB
#define STREAM_PIECE_BYTES (4 * ZL_KIB)

void zl_http_respond_text(struct zl_http_response *response, int status, const char *text)
{
    free(response->body);
    response->status = status;
    response->content_type = "text/plain; charset=utf-8";
    response->body = zl_strdup(text);
    response->body_length = strlen(text);
}

void zl_http_respond_json(struct zl_http_response *response, int status, char *taken)
{
    free(response->body);
    response->status = status;
    response->content_type = "application/json";
    response->body = taken;
    response->body_length = strlen(taken);
}

long zl_http_text_send(struct zl_http_text *text, char *out, size_t max)
{
    const size_t left = strlen(text->text + text->sent);
    const size_t length = left < max ? left : max;
    memcpy(out, text->text + text->sent, length);
    text->sent += length;
    if (length == left) {
        free(ZL_STEAL(&text->text));
        text->sent = 0;
    }
    return (long)length;
}

static bool is_served(const struct zl_http_served *served, const struct zl_http_route *route,
                      const char *path)
{
    return route->serves != NULL ? route->serves(served->ctx, path)
                                 : strcmp(route->path, path) == 0;
}

const struct zl_http_route *zl_http_find_route(const struct zl_http_served *served,
                                               const char *method, const char *path)
{
    const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;
    for (const struct zl_http_route *route = served->routes; route->path != NULL; route++) {
        if (strcmp(route->method, wanted) == 0 && is_served(served, route, path)) {
            return route;
        }
    }
    return NULL;
}

char *zl_http_methods_of(const struct zl_http_served *served, const char *path)
{
    struct zl_buf list;
    zl_buf_init(&list, ROUTE_LIST_MAX);
    for (const struct zl_http_route *route = served->routes; route->path != NULL; route++) {
        if (!is_served(served, route, path)) {
            continue;
        }
        zl_buf_printf(&list, "%s%s%s", list.length == 0 ? "" : ", ", route->method,
                      strcmp(route->method, "GET") == 0 ? ", HEAD" : "");
    }
    return zl_buf_take(&list);
}

static void respond_not_found(const struct zl_http_served *served,
                              struct zl_http_response *response)
{
    ZL_AUTO_BUF struct zl_buf text;
    zl_buf_init(&text, ROUTE_LIST_MAX);
    zl_buf_add_text(&text, "404: nothing is served at this path; there is");
    const char *separator = "";
    for (const struct zl_http_route *route = served->routes; route->path != NULL; route++) {
        if (route->serves == NULL) {
            zl_buf_printf(&text, "%s %s %s", separator, route->method, route->path);
            separator = ",";
        }
    }
    zl_buf_add_text(&text, "\n");
    zl_http_respond_text(response, 404, text.data);
}

void zl_http_refuse(const struct zl_http_served *served, int refusal, bool is_cut,
                    const char *allow, struct zl_http_response *response)
{
    if (refusal == 404) {
        respond_not_found(served, response);
        return;
    }
    ZL_AUTO_FREE char *text = NULL;
    if (refusal == 403) {
        text = zl_strdup("403: only who shows the right client certificate is heard here\n");
    } else if (refusal == 405) {
        text = zl_asprintf("405: this path serves %s\n", allow);
    } else if (refusal == 429) {
        text = zl_strdup("429: too much is under way here, try again\n");
    } else if (is_cut) {
        text = zl_asprintf("413: what is read of the body is larger than %lu bytes\n",
                           ZL_BODY_KEPT_MAX);
    } else {
        text = zl_asprintf("413: the body is larger than %zu bytes\n", served->body_max_bytes);
    }
    zl_http_respond_text(response, refusal, text);
}

static ssize_t read_stream(void *ctx, uint64_t position, char *out, size_t max)
{
    const struct zl_http_stream *stream = ctx;
    (void)position;
    const long length = stream->next(stream->ctx, out, max);
    return length > 0 ? length : MHD_CONTENT_READER_END_OF_STREAM;
}

static void end_stream(void *ctx)
{
    struct zl_http_stream *stream = ctx;
    stream->end(stream->ctx);
    free(stream);
}

/* NULL: the library has no memory for it. */
static struct MHD_Response *new_message(struct zl_http_response *response)
{
    if (response->stream.next == NULL) {
        return MHD_create_response_from_buffer(response->body_length, response->body,
                                               MHD_RESPMEM_MUST_FREE);
    }
    struct zl_http_stream *stream = zl_alloc(sizeof *stream);
    *stream = response->stream;
    struct MHD_Response *message = MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, STREAM_PIECE_BYTES, read_stream, stream, end_stream);
    if (message == NULL) {
        end_stream(stream);
    }
    return message;
}

enum MHD_Result zl_http_send(struct MHD_Connection *connection, struct zl_http_response *response,
                             const struct zl_http_sending *how)
{
    if (response->body == NULL && response->stream.next == NULL) {
        zl_http_respond_text(response, response->status, "");
    }
    struct MHD_Response *message = new_message(response);
    if (message == NULL) {
        free(response->body);
        return MHD_NO;
    }
    MHD_add_response_header(message, MHD_HTTP_HEADER_CONTENT_TYPE, response->content_type);
    if (how->is_page) {
        MHD_add_response_header(message, "X-Content-Type-Options", "nosniff");
        MHD_add_response_header(message, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    }
    for (const struct zl_http_header *more = response->headers; more != NULL && more->name != NULL;
         more++) {
        MHD_add_response_header(message, more->name, more->value);
    }
    if (how->allow != NULL) {
        MHD_add_response_header(message, MHD_HTTP_HEADER_ALLOW, how->allow);
    }
    if (how->closes) {
        MHD_add_response_header(message, MHD_HTTP_HEADER_CONNECTION, "close");
    }
    enum MHD_Result result = MHD_queue_response(connection, (unsigned)response->status, message);
    MHD_destroy_response(message);
    return result;
}
