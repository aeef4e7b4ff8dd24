/* SPDX-License-Identifier: Apache-2.0 */
/*
 * internal.h - what the sidecar's files share: serve.c routes, pools and streams; turns.c fleets.
 *
 * Threads: the HTTP server's, but for zl_sidecar_start, _stop and the one that waits for news.
 */
#ifndef ZL_CLIENT_SIDECAR_INTERNAL_H
#define ZL_CLIENT_SIDECAR_INTERNAL_H

#include "client/sidecar/serve.h"
#include "common/base/monitor.h"
#include "common/http/server.h"

/* The first question about a pool or a fleet waits for the API server. */
#define ZL_SIDECAR_FIRST_MS 2000
#define ZL_SIDECAR_FLEET_PREFIX "/v1/fleet/"

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

typedef void zl_sidecar_handler_fn(void *ctx, const struct zl_http_request *request,
                                   struct zl_http_response *response);

/* Of a fleet's routes, under ZL_SIDECAR_FLEET_PREFIX and its name. */
struct zl_sidecar_turn_route {
    const char *method, *suffix;
    zl_sidecar_handler_fn *handle;
};
extern const struct zl_sidecar_turn_route ZL_SIDECAR_TURN_ROUTES[]; /* ends with method NULL */

/* The name in PATH after PREFIX, which is one of NAMES: no other path is routed here. */
const char *zl_sidecar_name_in(const char *path, const char *prefix, const char *const *names,
                               int count);
/* Is it from somebody else than a program of this pod? Then it was answered. */
bool zl_sidecar_refuses(const struct zl_sidecar *sidecar, const struct zl_http_request *request,
                        struct zl_http_response *response);
int64_t zl_sidecar_now_ns(void);
/* Server-sent events of a pool, or of a fleet. */
void zl_sidecar_stream(struct zl_sidecar *sidecar, const char *name, bool is_fleet,
                       struct zl_http_response *response);

#endif
