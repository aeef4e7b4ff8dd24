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
    for (size_t i = 0; i < ZL_KIND_COUNT; i++) {
        struct zl_informer *informer = zl_cache_labelled(cache, i);
        if (informer != NULL) {
            zl_informer_show_metrics(informer);
        }
    }
}

/* NULL is fine. */
static char *complaint_of(struct zl_informer *informer)
{
    if (informer == NULL) {
        return NULL;
    }
    struct zl_informer_health health = zl_informer_health(informer);
    /* All was listed once. What is followed since has as long as a watch that was lost. */
    health.synced = true;
    return zl_informer_complaint(zl_informer_name(informer), &health);
}

char *zl_cache_complaint(struct zl_cache *cache)
{
    const char *lagging = NULL;
    char *complaint = NULL;
    if (!zl_cache_is_synced(cache, NULL, &lagging)) {
        return zl_asprintf("%s are not listed yet", lagging);
    }
    for (int kind = 0; kind < ZL_CACHED_COUNT && complaint == NULL; kind++) {
        complaint = complaint_of(zl_cache_informer(cache, (enum zl_cached)kind));
    }
    for (size_t i = 0; i < ZL_KIND_COUNT && complaint == NULL; i++) {
        complaint = complaint_of(zl_cache_labelled(cache, i));
    }
    return complaint;
}
