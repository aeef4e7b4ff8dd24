/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rows.h - one row of the page for one object: what is known of it, nothing that passes by itself. The page counts times down.
 *
 * Times are milliseconds since 1970, by the clock of who wrote them; null: not known. The caller frees what is returned.
 *
 * Threads: pure.
 */
#ifndef ZL_CLIENT_DASHBOARD_ROWS_H
#define ZL_CLIENT_DASHBOARD_ROWS_H

#include "common/fleet/fleet.h"
#include "common/objects/service.h"
#include "common/seat/lease.h"

/*
 * A pool: all that zen-lead status says of it (client/status/pools.h), and:
 *
 *     state        leads | starting | handover | electing | idle
 *     sinceMs      since when it is led
 *     validMs      until when the Lease is valid, unless it is renewed
 *     workloads    [{kind, name, strategy, waitingRevision}]
 *     executingSinceMs, queue [{name, sinceMs}]  of Jobs, the next first
 *     problems     [{reason, message, sinceMs, wrong}]  conditions that do not hold; not wrong: a rollout that is under way
 *
 * LEASE may be NULL.
 */
struct cJSON *zl_row_of_pool(const struct zl_policy *policy, const struct zl_lease *lease);

/* An annotated Service, and LED, its leader Service: namespace, service, leaderService, leader, sinceMs, sticky. LED may be NULL. */
struct cJSON *zl_row_of_service(const struct zl_service *service, const struct zl_service *led);

/*
 * A LeaderPolicy of leadership.kube-zen.io as JSON: this cluster's part in a fleet. namespace, name, pool, n, and of its status phase,
 * cluster, position, why, active, waiting, done, failed, round, paused, turn, hubReached.
 */
struct cJSON *zl_row_of_membership(const struct cJSON *object);

/* One cluster's turn, as the hub has it. */
struct zl_cluster_turn {
    const char *cluster;
    const struct zl_fleet_turn *turn;
};
/*
 * A fleet by its ledger and the turns of its clusters: pool, n, limitMs, round, paused, restored, specDiffers, setByPerson, done, failed,
 * maxFailures, waiting, endMs, and clusters [{name, state, wave, position, token, elapsedMs, limitMs, why, outcome, endedMs}].
 *
 * State: Active, Offered, Waiting, Done, Failed, Idle. Wave: of a cluster that waits, how many times N clusters act before; 1 is next.
 */
struct cJSON *zl_row_of_fleet(const char *pool, const struct zl_fleet_ledger *ledger,
                              const struct zl_cluster_turn *turns, size_t count);
/* When all who act or wait will have had their turn, at the pace of this round so far; 0: that is not known. Seconds since 1970. */
int64_t zl_fleet_end_s(const struct zl_fleet_ledger *ledger);

#endif
