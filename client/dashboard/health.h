/* SPDX-License-Identifier: Apache-2.0 */
/*
 * health.h - is what is shown true now? Of each kind: is it followed, since when not, and what does the server say of that.
 *
 * The row that is told:
 *
 *     {"reached": the API server answers, "kinds": [{title, state, staleSinceMs, problem}]}
 *
 * State: followed | loading | stale | forbidden | missing (its CRD is not installed) | absent (the same, and it need not be).
 *
 * Threads: one of its own, which asks the server only about kinds that are not followed.
 */
#ifndef ZL_CLIENT_DASHBOARD_HEALTH_H
#define ZL_CLIENT_DASHBOARD_HEALTH_H

#include "client/dashboard/kinds.h"

struct zl_health_spec {
    struct zl_kube_client *client; /* borrowed until the stop, as all of it */
    const char *namespace_;        /* NULL: all */
    struct zl_kube_client *hub;    /* NULL: none */
    const char *fleet_namespace;
    void (*told)(void *ctx, struct cJSON *taken_row); /* at each look */
    void *ctx;
};

/* What is known of one kind. */
struct zl_kind_health {
    bool wanted;           /* else nothing is said of it */
    bool synced;           /* it was listed once */
    int64_t stale_since;   /* ms since 1970; 0: it is followed */
    enum zl_status answer; /* of the last question about it, while it is not followed */
    char problem[512];     /* the server's words; "" */
};

/* Pure; the caller frees. */
struct cJSON *zl_health_row(const struct zl_kind_health kinds[ZL_FOLLOWED_COUNT]);

struct zl_health; /* opaque */
/* INFORMERS by enum zl_followed, NULL: not followed; borrowed until the stop. */
struct zl_health *zl_health_start(const struct zl_health_spec *spec,
                                  struct zl_informer *const informers[ZL_FOLLOWED_COUNT]);
void zl_health_stop(struct zl_health *health);

#endif
