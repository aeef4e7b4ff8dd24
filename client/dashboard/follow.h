/* SPDX-License-Identifier: Apache-2.0 */
/*
 * follow.h - the API server, and a fleet's hub, followed with the user's own rights: every change becomes a row of the board.
 *
 * A kind that may not be read, or is not there, takes nothing from the others. The row "health" says of each kind whether it is followed,
 * since when it is not, and in the server's own words why.
 *
 * Threads: one for each kind, one that looks after them. CHANGED is called on these, without a lock held.
 */
#ifndef ZL_CLIENT_DASHBOARD_FOLLOW_H
#define ZL_CLIENT_DASHBOARD_FOLLOW_H

#include "client/dashboard/board.h"
#include "common/kube/client.h"

struct zl_follow_spec {
    struct zl_kube_client *client; /* borrowed until the stop, as all of it */
    const char *namespace_;        /* NULL: all */
    struct zl_kube_client *hub;    /* NULL: none */
    const char *fleet_namespace;   /* on HUB */
    void (*changed)(void *ctx);
    void *ctx;
};

struct zl_follow; /* opaque */
struct zl_follow *zl_follow_start(const struct zl_follow_spec *spec);
void zl_follow_stop(struct zl_follow *follow); /* NULL is fine */

/* As zl_board_tell, of the board that it fills. Any thread. */
char *zl_follow_tell(struct zl_follow *follow, int64_t *seen, int64_t now_ms);
/* Any thread. */
int64_t zl_follow_last(struct zl_follow *follow);

#endif
