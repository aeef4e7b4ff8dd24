/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arbiter_metrics.h - what the acting arbiter shows of its fleets: gauges of each pool, and turns by how they ended.
 *
 * Gauges carry the pool's name, and are replaced as a whole with each look: there are as many series as there are pools. An
 * arbiter that stands by shows only that it does.
 *
 * Threads: the arbiter's.
 */
#ifndef ZL_CONTROLLER_FLEET_ARBITER_METRICS_H
#define ZL_CONTROLLER_FLEET_ARBITER_METRICS_H

#include "common/base/metrics.h"
#include "common/fleet/view.h"

extern const struct zl_metric *const ZL_ARBITER_METRICS[];

/* What one look finds, until it is shown. */
struct zl_arbiter_gauges; /* opaque */
struct zl_arbiter_gauges *zl_arbiter_gauges_new(void);
/* VIEW with its ages. */
void zl_arbiter_gauges_add(struct zl_arbiter_gauges *gauges, const struct zl_fleet_view *view);
/* TAKEN are the gauges from now on. @param fleets  the hub's namespace */
void zl_arbiter_gauges_show(struct zl_arbiter_gauges *taken, const char *fleets, bool leads);

/* A swap was stored in which a turn ended so, or was found to have ended so; ZL_FLEET_NO_OUTCOME: none did. */
void zl_arbiter_count_turn(enum zl_fleet_outcome outcome);

#endif
