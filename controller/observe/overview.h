/* SPDX-License-Identifier: Apache-2.0 */
/*
 * overview.h - gauges about each pool and each leader Service, measured at the scrape from memory alone.
 *
 * They carry names that users choose, so there are as many series as users have pools and Services: at most four for
 * each pool and each annotated Service, one more for each leader Service. They are replaced as a whole: what is deleted is gone
 * from the next scrape. Only the replica that acts shows them, so that nothing is counted twice.
 *
 * Threads: any.
 */
#ifndef ZL_CONTROLLER_OBSERVE_OVERVIEW_H
#define ZL_CONTROLLER_OBSERVE_OVERVIEW_H

#include "common/base/metrics.h"
#include "common/cache/cache.h"

extern const struct zl_metric *const ZL_OVERVIEW_METRICS[];
/* ACTING false: show nothing. */
void zl_overview_show(struct zl_cache *cache, bool acting);

#endif
