/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serve.h - the page over HTTP on the loopback, below a path that only who started it knows.
 *
 *     GET /KEY/                       the page; page.css, page.js, render.js, fleet.js
 *     GET /KEY/events                 server-sent events: all rows first, then what changes, at most ten times a second
 *     GET /KEY/about                  {server, namespace, version, hub} as JSON
 *     GET /KEY/explain/NS/KIND/NAME   `zen-lead explain` as JSON
 *     GET /KEY/doctor                 `zen-lead doctor` as JSON
 *
 * Threads: the HTTP server's, and those of follow.h.
 */
#ifndef ZL_CLIENT_DASHBOARD_SERVE_H
#define ZL_CLIENT_DASHBOARD_SERVE_H

#include "client/dashboard/door.h"
#include "common/kube/client.h"

struct zl_dashboard_spec {
    struct zl_kube_client *client, *hub; /* HUB NULL: none. Borrowed until the stop, as all of it */
    const char *server;                  /* the API server's URL, for people */
    const char *namespace_;              /* NULL: all */
    const char *home, *installed_in, *fleet_namespace;
    const char *address; /* numeric */
    int64_t port;        /* 0: a free one */
};

struct zl_dashboard; /* opaque */
enum zl_status zl_dashboard_start(const struct zl_dashboard_spec *spec, struct zl_dashboard **out,
                                  struct zl_error *err) ZL_MUST_CHECK;
int zl_dashboard_port(const struct zl_dashboard *dashboard);
const char *zl_dashboard_key(const struct zl_dashboard *dashboard);
void zl_dashboard_stop(struct zl_dashboard *dashboard);

#endif
