/* SPDX-License-Identifier: Apache-2.0 */
#include "common/cache/health.h"

#include "common/base/metrics.h"
#include "common/kube/informer_health.h"

static const struct zl_metric HITS = {
    .name = "zen_lead_cache_hits_total",
    .type = ZL_METRIC_COUNTER,
    .help = "Look-ups of an object by its name that found it in memory, by resource.",
    .label1 = "resource",
};
static const struct zl_metric MISSES = {
    .name = "zen_lead_cache_misses_total",
    .type = ZL_METRIC_COUNTER,
    .help = "Look-ups of an object by its name that did not find it in memory, by resource: there "
            "is none, or "
            "memory lags behind.",
    .label1 = "resource",
};

const struct zl_metric *const ZL_CACHE_METRICS[] = {&HITS, &MISSES, NULL};

void zl_cache_show_metrics(struct zl_cache *cache)
{
    for (int kind = 0; kind < ZL_CACHED_COUNT; kind++) {
        struct zl_informer *informer = zl_cache_informer(cache, (enum zl_cached)kind);
        if (informer == NULL) {
            continue;
        }
        struct zl_lookups lookups = zl_cache_lookups(cache, (enum zl_cached)kind);
        const char *resource = zl_informer_name(informer);
        zl_informer_show_metrics(informer);
        zl_metric_set(&HITS, resource, NULL, (double)lookups.hits);
        zl_metric_set(&MISSES, resource, NULL, (double)lookups.misses);
    }
}

char *zl_cache_complaint(struct zl_cache *cache)
{
    bool any = false;
    for (int kind = 0; kind < ZL_CACHED_COUNT; kind++) {
        struct zl_informer *informer = zl_cache_informer(cache, (enum zl_cached)kind);
        if (informer == NULL) {
            continue;
        }
        any = true;
        struct zl_informer_health health = zl_informer_health(informer);
        char *complaint = zl_informer_complaint(zl_informer_name(informer), &health);
        if (complaint != NULL) {
            return complaint;
        }
    }
    return any ? NULL : zl_strdup("resources are not listed yet");
}
