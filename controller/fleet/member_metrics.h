/* SPDX-License-Identifier: Apache-2.0 */
/*
 * member_metrics.h - what a cluster shows of itself in its fleets: gauges of each pool, replaced as a whole with each look.
 *
 * Threads: the member's.
 */
#ifndef ZL_CONTROLLER_FLEET_MEMBER_METRICS_H
#define ZL_CONTROLLER_FLEET_MEMBER_METRICS_H

#include "common/base/metrics.h"
#include "common/fleet/member.h"

extern const struct zl_metric *const ZL_MEMBER_METRICS[];

struct zl_member_gauges; /* opaque */
struct zl_member_gauges *zl_member_gauges_new(void);
/*
 * @param phase          the LeaderPolicy status'
 * @param ledger         as it was last read; NULL: never
 * @param unanswered_ms  for how long a request has not been answered; 0: none is open
 */
void zl_member_gauges_add(struct zl_member_gauges *gauges, const struct zl_fleet_agent *agent,
                          const char *phase, const struct zl_fleet_ledger *ledger,
                          int64_t unanswered_ms, int64_t boot_ms);
/* TAKEN are the gauges from now on. */
void zl_member_gauges_show(struct zl_member_gauges *taken, const char *cluster,
                           bool hub_is_reached);

#endif
