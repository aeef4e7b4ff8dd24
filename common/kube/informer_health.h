/* SPDX-License-Identifier: Apache-2.0 */
/*
 * informer_health.h - what /metrics and /readyz say of an informer: how many objects it keeps, and whether anybody
 * tells it of their changes.
 *
 * Threads: any.
 */
#ifndef ZL_KUBE_INFORMER_HEALTH_H
#define ZL_KUBE_INFORMER_HEALTH_H

#include "common/base/metrics.h"
#include "common/kube/informer.h"

/*
 * So long may a watch be down before what is cached is no ground to stand on. Longer than what a restarting API server and
 * the informer's back-off (5 s at the most) need together; shorter than a person needs to notice.
 */
#define ZL_WATCH_GAP_MAX_MS 30000

extern const struct zl_metric *const ZL_INFORMER_METRICS[];
/* A whole list of a resource came to memory in TOOK_MS. */
void zl_informer_observe_list(int64_t took_ms);
/* Its series, by resource, as they are now. Before a scrape. */
void zl_informer_show_metrics(struct zl_informer *informer);

/* What is wrong with HEALTH, for a person; NULL: nothing. The caller frees. Pure. */
char *zl_informer_complaint(const char *resource, const struct zl_informer_health *health);

#endif
