/* SPDX-License-Identifier: Apache-2.0 */
/*
 * health.h - what /metrics and /readyz say of the cache.
 *
 * Threads: any.
 */
#ifndef ZL_CACHE_HEALTH_H
#define ZL_CACHE_HEALTH_H

#include "common/base/metrics.h"
#include "common/cache/cache.h"

extern const struct zl_metric *const ZL_CACHE_METRICS[];
/* The series of all started informers and of the look-ups as they are now. Before a scrape. */
void zl_cache_show_metrics(struct zl_cache *cache);

/*
 * Why nothing should be decided by the cache now, for a person: something was never listed, or has not been watched for
 * ZL_WATCH_GAP_MAX_MS. NULL: nothing is wrong. The caller frees.
 */
char *zl_cache_complaint(struct zl_cache *cache);

#endif
