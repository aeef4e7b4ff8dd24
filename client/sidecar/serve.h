/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serve.h - the sidecar's HTTP API over one handle of libzenlead: docs/sidecar.yaml describes it.
 *
 *     GET, HEAD, OPTIONS /v1/pools/P            role, holder, token, validForMs, reason
 *     GET, HEAD, OPTIONS /v1/pools/P/leader     200 only when it is certain, else 503
 *     GET, HEAD, OPTIONS /v1/pools/P/follower   the same
 *     GET /v1/pools/P/watch                     server-sent events: the state first, then each change
 *     GET, HEAD /v1/fleet/F                     state, token, validForMs, position, why: this cluster in a fleet
 *     GET, HEAD /v1/fleet/F/active              200 only when it is certain that it may act, else 503
 *     GET /v1/fleet/F/watch                     as a pool's
 *     POST /v1/fleet/F/request, /done, /failed, /release   {token, reason}; 409: that turn is not this cluster's
 *     GET /                                     with COMPAT: the first pool's leader, as contrib/leader-elector
 *
 * Only the pools and fleets that are named are served: nobody can make it follow others.
 *
 * Threads: one of its own that waits for news, and the HTTP server's.
 */
#ifndef ZL_CLIENT_SIDECAR_SERVE_H
#define ZL_CLIENT_SIDECAR_SERVE_H

#include "client/lib/zenlead.h"
#include "common/base/error.h"

struct zl_sidecar_spec {
    struct zenlead_options lead; /* CHANGED and CTX are set here */
    const char *const *pools;    /* borrowed until the stop */
    int pool_count;
    const char *const *fleets; /* the same */
    int fleet_count;
    bool compat;
    const char *address; /* numeric, or a path: of a unix socket, for its owner and group */
    int64_t port;        /* 0: a free one */
};

struct zl_sidecar; /* opaque */
enum zl_status zl_sidecar_start(const struct zl_sidecar_spec *spec, struct zl_sidecar **out,
                                struct zl_error *err) ZL_MUST_CHECK;
int zl_sidecar_port(const struct zl_sidecar *sidecar);
void zl_sidecar_stop(struct zl_sidecar *sidecar);

#endif
