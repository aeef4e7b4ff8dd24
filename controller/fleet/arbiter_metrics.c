/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/fleet/arbiter_metrics.h"

#include "common/base/memory.h"

static const struct zl_metric LEADS = {
    .name = "zen_lead_fleet_arbiter_is_leader",
    .type = ZL_METRIC_GAUGE,
    .help = "1 on the arbiter that decides, 0 on one that stands by; absent where there is none.",
    .label1 = "namespace",
};
static const struct zl_metric CLUSTERS = {
    .name = "zen_lead_fleet_clusters",
    .type = ZL_METRIC_GAUGE,
    .help = "Clusters of a fleet by what they were told: idle, waiting, offered, active.",
    .label1 = "pool",
    .label2 = "state",
};
static const struct zl_metric ABSENT = {
    .name = "zen_lead_fleet_clusters_absent",
    .type = ZL_METRIC_GAUGE,
    .help = "Clusters that wait or act and have missed three heartbeats.",
    .label1 = "pool",
};
static const struct zl_metric LIMIT = {
    .name = "zen_lead_fleet_max_active",
    .type = ZL_METRIC_GAUGE,
    .help = "How many clusters may act at once.",
    .label1 = "pool",
};
static const struct zl_metric PAUSED = {
    .name = "zen_lead_fleet_paused",
    .type = ZL_METRIC_GAUGE,
    .help = "1: the fleet is paused, by a failure or by a person.",
    .label1 = "pool",
};
static const struct zl_metric RESTORED = {
    .name = "zen_lead_fleet_restored",
    .type = ZL_METRIC_GAUGE,
    .help = "1: the hub was restored from a backup, and nothing is offered for a while.",
    .label1 = "pool",
};
static const struct zl_metric DIFFERS = {
    .name = "zen_lead_fleet_spec_differs",
    .type = ZL_METRIC_GAUGE,
    .help = "1: the clusters' LeaderPolicies do not say the same, and the strictest counts.",
    .label1 = "pool",
};
static const struct zl_metric TURNS = {
    .name = "zen_lead_fleet_turns_total",
    .type = ZL_METRIC_COUNTER,
    .help = "Turns that ended, of all fleets of the hub; an expired one is failed, and late when "
            "it was done all the same.",
    .label1 = "result",
    .zeros = (const char *const[]){"done", "failed", "released", "late", NULL},
};

const struct zl_metric *const ZL_ARBITER_METRICS[] = {
    &LEADS, &CLUSTERS, &ABSENT, &LIMIT, &PAUSED, &RESTORED, &DIFFERS, &TURNS, NULL};

static const struct zl_metric *const GAUGES[] = {&CLUSTERS, &ABSENT,   &LIMIT,
                                                 &PAUSED,   &RESTORED, &DIFFERS};
enum { AT_CLUSTERS, AT_ABSENT, AT_LIMIT, AT_PAUSED, AT_RESTORED, AT_DIFFERS, GAUGE_COUNT };

struct zl_arbiter_gauges {
    struct zl_samples *samples[GAUGE_COUNT];
};

struct zl_arbiter_gauges *zl_arbiter_gauges_new(void)
{
    struct zl_arbiter_gauges *gauges = zl_alloc(sizeof *gauges);
    for (int i = 0; i < GAUGE_COUNT; i++) {
        gauges->samples[i] = zl_samples_new();
    }
    return gauges;
}

static void add(struct zl_arbiter_gauges *gauges, int at, const char *pool, double value)
{
    zl_samples_add(gauges->samples[at], pool, NULL, NULL, value);
}

static void add_clusters(struct zl_arbiter_gauges *gauges, const struct zl_fleet_view *view)
{
    static const char *const names[] = {[ZL_FLEET_IDLE] = "idle",
                                        [ZL_FLEET_WAITING] = "waiting",
                                        [ZL_FLEET_OFFERED] = "offered",
                                        [ZL_FLEET_ACTIVE] = "active"};
    size_t counts[ZL_FLEET_ACTIVE + 1] = {0}, absent = 0;
    for (size_t i = 0; i < view->count; i++) {
        const struct zl_fleet_cluster *cluster = &view->clusters[i];
        enum zl_fleet_state state = cluster->turn != NULL ? cluster->turn->state : ZL_FLEET_IDLE;
        counts[state]++;
        absent += state != ZL_FLEET_IDLE && zl_fleet_is_absent(cluster);
    }
    for (size_t i = 0; i <= ZL_FLEET_ACTIVE; i++) {
        zl_samples_add(gauges->samples[AT_CLUSTERS], view->pool, names[i], NULL, (double)counts[i]);
    }
    add(gauges, AT_ABSENT, view->pool, (double)absent);
}

void zl_arbiter_gauges_add(struct zl_arbiter_gauges *gauges, const struct zl_fleet_view *view)
{
    const struct zl_fleet_ledger *ledger = view->ledger;
    add_clusters(gauges, view);
    if (ledger != NULL) {
        add(gauges, AT_LIMIT, view->pool, (double)ledger->n);
        add(gauges, AT_PAUSED, view->pool, ledger->pause.id != 0);
        add(gauges, AT_RESTORED, view->pool, ledger->restored_serial != 0);
        add(gauges, AT_DIFFERS, view->pool, ledger->spec_differs);
    }
}

void zl_arbiter_gauges_show(struct zl_arbiter_gauges *taken, const char *fleets, bool leads)
{
    for (int i = 0; i < GAUGE_COUNT; i++) {
        zl_metric_replace(GAUGES[i], taken->samples[i]);
    }
    free(taken);
    zl_metric_set(&LEADS, fleets, NULL, leads);
}

void zl_arbiter_count_turn(enum zl_fleet_outcome outcome)
{
    static const char *const results[] = {[ZL_FLEET_DONE] = "done",
                                          [ZL_FLEET_FAILED] = "failed",
                                          [ZL_FLEET_RELEASED] = "released",
                                          [ZL_FLEET_EXPIRED] = "failed",
                                          [ZL_FLEET_DONE_LATE] = "late"};
    if (outcome != ZL_FLEET_NO_OUTCOME) {
        zl_metric_add(&TURNS, results[outcome], NULL, 1);
    }
}
