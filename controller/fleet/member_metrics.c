/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/fleet/member_metrics.h"

#include "common/base/memory.h"

static const struct zl_metric REACHED = {
    .name = "zen_lead_fleet_hub_reached",
    .type = ZL_METRIC_GAUGE,
    .help = "1: the hub answers this cluster; absent where it has no part in a fleet.",
    .label1 = "cluster",
};
static const struct zl_metric PHASE = {
    .name = "zen_lead_fleet_phase",
    .type = ZL_METRIC_GAUGE,
    .help = "1 for the phase that this cluster is in, as its LeaderPolicy says.",
    .label1 = "pool",
    .label2 = "phase",
};
static const struct zl_metric POSITION = {
    .name = "zen_lead_fleet_position",
    .type = ZL_METRIC_GAUGE,
    .help = "How far away this cluster's turn is; absent while it does not wait.",
    .label1 = "pool",
};
static const struct zl_metric REMAINING = {
    .name = "zen_lead_fleet_turn_remaining_seconds",
    .type = ZL_METRIC_GAUGE,
    .help = "For how long this cluster may still act; absent while it may not.",
    .label1 = "pool",
};
static const struct zl_metric UNANSWERED = {
    .name = "zen_lead_fleet_unanswered_seconds",
    .type = ZL_METRIC_GAUGE,
    .help = "For how long no arbiter has answered what this cluster asked or reported; 0: nothing "
            "is open.",
    .label1 = "pool",
};
static const struct zl_metric PAUSED = {
    .name = "zen_lead_fleet_seen_paused",
    .type = ZL_METRIC_GAUGE,
    .help = "1: the ledger was paused when this cluster last read it.",
    .label1 = "pool",
};
static const struct zl_metric DIFFERS = {
    .name = "zen_lead_fleet_seen_spec_differs",
    .type = ZL_METRIC_GAUGE,
    .help = "1: the ledger said that the clusters' LeaderPolicies differ when this cluster last "
            "read it.",
    .label1 = "pool",
};

const struct zl_metric *const ZL_MEMBER_METRICS[] = {&REACHED,    &PHASE,  &POSITION, &REMAINING,
                                                     &UNANSWERED, &PAUSED, &DIFFERS,  NULL};

static const struct zl_metric *const GAUGES[] = {&PHASE,      &POSITION, &REMAINING,
                                                 &UNANSWERED, &PAUSED,   &DIFFERS};
enum { AT_PHASE, AT_POSITION, AT_REMAINING, AT_UNANSWERED, AT_PAUSED, AT_DIFFERS, GAUGE_COUNT };

struct zl_member_gauges {
    struct zl_samples *samples[GAUGE_COUNT];
};

struct zl_member_gauges *zl_member_gauges_new(void)
{
    struct zl_member_gauges *gauges = zl_alloc(sizeof *gauges);
    for (int i = 0; i < GAUGE_COUNT; i++) {
        gauges->samples[i] = zl_samples_new();
    }
    return gauges;
}

static void add(struct zl_member_gauges *gauges, int at, const char *pool, double value)
{
    zl_samples_add(gauges->samples[at], pool, NULL, NULL, value);
}

static void add_phase(struct zl_member_gauges *gauges, const char *pool, const char *phase)
{
    static const char *const phases[] = {"Idle", "Waiting", "Offered", "Active", "Ending"};
    for (size_t i = 0; i < sizeof phases / sizeof phases[0]; i++) {
        zl_samples_add(gauges->samples[AT_PHASE], pool, phases[i], NULL,
                       strcmp(phases[i], phase) == 0);
    }
}

void zl_member_gauges_add(struct zl_member_gauges *gauges, const struct zl_fleet_agent *agent,
                          const char *phase, const struct zl_fleet_ledger *ledger,
                          int64_t unanswered_ms, int64_t boot_ms)
{
    const struct zl_fleet_turn *turn = &agent->turn;
    int64_t until_ms = 0;
    add_phase(gauges, turn->pool, phase);
    add(gauges, AT_UNANSWERED, turn->pool, (double)unanswered_ms / 1000);
    if (turn->state == ZL_FLEET_WAITING && turn->position > 0) {
        add(gauges, AT_POSITION, turn->pool, (double)turn->position);
    }
    if (zl_fleet_may_act(agent, boot_ms, &until_ms)) {
        add(gauges, AT_REMAINING, turn->pool, (double)(until_ms - boot_ms) / 1000);
    }
    if (ledger != NULL) {
        add(gauges, AT_PAUSED, turn->pool, ledger->pause.id != 0);
        add(gauges, AT_DIFFERS, turn->pool, ledger->spec_differs);
    }
}

void zl_member_gauges_show(struct zl_member_gauges *taken, const char *cluster, bool hub_is_reached)
{
    for (int i = 0; i < GAUGE_COUNT; i++) {
        zl_metric_replace(GAUGES[i], taken->samples[i]);
    }
    free(taken);
    zl_metric_set(&REACHED, cluster, NULL, hub_is_reached);
}
