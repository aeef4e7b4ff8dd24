/* SPDX-License-Identifier: Apache-2.0 */
#include "common/kube/informer_health.h"

#include "common/base/metrics.h"

static const struct zl_metric CACHE_SIZE = {
    .name = "zen_lead_cache_size",
    .type = ZL_METRIC_GAUGE,
    .help = "Objects kept in memory by resource: those of zen-lead's users, not of the cluster.",
    .label1 = "resource",
};
static const struct zl_metric RESTARTS = {
    .name = "zen_lead_watch_restarts_total",
    .type = ZL_METRIC_COUNTER,
    .help = "Watches that were opened again after one had ended, by resource.",
    .label1 = "resource",
};
static const struct zl_metric RELISTS = {
    .name = "zen_lead_watch_relists_total",
    .type = ZL_METRIC_COUNTER,
    .help = "Lists after the first one of what is followed, by resource: a watch fell behind, or "
            "more of a namespace is of interest.",
    .label1 = "resource",
};
static const struct zl_metric GAP = {
    .name = "zen_lead_watch_gap_seconds",
    .type = ZL_METRIC_GAUGE,
    .help = "For how long no watch has been open by resource, of the namespace that has been "
            "without one for longest; 0 while all are open.",
    .label1 = "resource",
};
static const struct zl_metric STREAMS = {
    .name = "zen_lead_watch_streams",
    .type = ZL_METRIC_GAUGE,
    .help = "What is followed by resource: 1 where all namespaces are followed at once, else the "
            "followed namespaces.",
    .label1 = "resource",
};

static const struct zl_metric CUT = {
    .name = "zen_lead_watch_objects_cut_total",
    .type = ZL_METRIC_COUNTER,
    .help =
        "Objects of which more than 384 KiB would have had to be read, by resource: what is known "
        "of them is not complete.",
    .label1 = "resource",
};

static const struct zl_metric LIST_SECONDS = {
    .name = "zen_lead_cache_update_duration_seconds",
    .type = ZL_METRIC_HISTOGRAM,
    .help = "From the request for a whole list of a resource until all of it is in memory.",
    .buckets = ZL_BUCKETS_SECONDS,
};

const struct zl_metric *const ZL_INFORMER_METRICS[] = {&CACHE_SIZE, &RESTARTS, &RELISTS,      &GAP,
                                                       &STREAMS,    &CUT,      &LIST_SECONDS, NULL};

void zl_informer_observe_list(int64_t took_ms)
{
    zl_metric_observe(&LIST_SECONDS, NULL, NULL, (double)took_ms / 1000.0);
}

void zl_informer_show_metrics(struct zl_informer *informer)
{
    const char *resource = zl_informer_name(informer);
    struct zl_informer_health health = zl_informer_health(informer);
    zl_metric_set(&CACHE_SIZE, resource, NULL, (double)zl_store_count(zl_informer_store(informer)));
    zl_metric_set(&RESTARTS, resource, NULL, (double)health.restarts);
    zl_metric_set(&RELISTS, resource, NULL, (double)health.relists);
    zl_metric_set(&CUT, resource, NULL, (double)health.cut);
    zl_metric_set(&STREAMS, resource, NULL, (double)health.streams);
    zl_metric_set(&GAP, resource, NULL, (double)health.not_watching_ms / 1000.0);
}

char *zl_informer_complaint(const char *resource, const struct zl_informer_health *health)
{
    if (!health->synced) {
        return zl_asprintf("%s are not listed yet", resource);
    }
    if (health->not_watching_ms > ZL_WATCH_GAP_MAX_MS) {
        return zl_asprintf("%s have not been watched for %lld s", resource,
                           (long long)(health->not_watching_ms / 1000));
    }
    return NULL;
}
