/* SPDX-License-Identifier: Apache-2.0 */
/*
 * health.h - what the controller's /readyz and /healthz say.
 *
 * Ready: this replica could act now, whether it is its turn or not. Alive: it need not be started anew; restarting cures
 * nothing but a replica whose elector is stuck.
 *
 * Threads: pure.
 */
#ifndef ZL_CONTROLLER_MANAGER_HEALTH_H
#define ZL_CONTROLLER_MANAGER_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

struct zl_health {
    const char *
        cache; /* what is wrong with what it sees of the cluster (zl_cache_complaint); NULL: nothing */
    const char *configuration; /* the same, of the webhook's configuration */
    const char *fleet;         /* the same, of its fleets' hub, where it decides */
    bool elects;               /* false: without election */
    bool acting;
    int64_t lease_age_ms; /* since the election's Lease was last read or renewed */
    int64_t lease_duration_ms;
};

/* What stands in the way, for a person; NULL: nothing. The caller frees. */
char *zl_not_ready_because(const struct zl_health *health);
char *zl_not_alive_because(const struct zl_health *health);

#endif
