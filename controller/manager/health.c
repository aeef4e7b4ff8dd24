/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/manager/health.h"

#include "common/base/memory.h"

/* As client-go's leader election health check gives it beyond the lease duration. */
enum { GRACE_MS = 20000 };

char *zl_not_ready_because(const struct zl_health *health)
{
    if (health->cache != NULL) {
        return zl_strdup(health->cache);
    }
    if (health->configuration != NULL) {
        return zl_strdup(health->configuration);
    }
    if (health->fleet != NULL) {
        return zl_strdup(health->fleet);
    }
    /* A candidate looks at the Lease every retry period; one that cannot will not take over either. */
    if (health->elects && health->lease_age_ms > 2 * health->lease_duration_ms) {
        return zl_asprintf("the election's Lease could not be read for %lld s",
                           (long long)(health->lease_age_ms / 1000));
    }
    return NULL;
}

char *zl_not_alive_because(const struct zl_health *health)
{
    if (health->elects && health->acting &&
        health->lease_age_ms > health->lease_duration_ms + GRACE_MS) {
        return zl_asprintf("it acts although its Lease was not renewed for %lld s",
                           (long long)(health->lease_age_ms / 1000));
    }
    return NULL;
}
