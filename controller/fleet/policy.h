/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy.h - LeaderPolicy of leadership.kube-zen.io/v1alpha1: a cluster's part in a fleet.
 *
 * Threads: pure; a decoded policy is read-only.
 */
#ifndef ZL_CONTROLLER_FLEET_POLICY_H
#define ZL_CONTROLLER_FLEET_POLICY_H

#include "common/fleet/member.h"
#include "common/objects/meta.h"
#include "controller/fleet/outside.h"

struct zl_fleet_policy {
    struct zl_meta meta;
    char *pool;
    struct zl_fleet_spec spec;
    int64_t heartbeat_ms;
    struct zl_fleet_outside outside;
    char *problem; /* why its annotations say nothing; NULL: they are fine */
    char *status;  /* JSON, as it was read */
};

extern const struct zl_json_shape ZL_FLEET_POLICY_SHAPE[];
/* *OUT stays NULL for one that the CRD would not have let in, or whose stages, spread or windows cannot be meant. */
enum zl_status zl_fleet_policy_decode(const struct cJSON *object, struct zl_fleet_policy **out,
                                      struct zl_error *err) ZL_MUST_CHECK;
void zl_fleet_policy_free(void *policy); /* fits zl_ref_new */

/* What the cluster knows of itself and of the fleet. */
struct zl_fleet_known {
    const char *cluster;
    const struct zl_fleet_agent *agent;
    const struct zl_fleet_ledger *ledger; /* as it was last read; NULL: never */
    bool duplicate;                       /* another cluster uses its name */
    bool hub_is_reached;
    const char *hub_problem; /* why it is not; may be NULL */
    int64_t boot_ms, wall_us;
};

/* "Idle", "Waiting", "Offered", "Active", "Ending". Of a ledger nothing is read. */
const char *zl_fleet_phase(const struct zl_fleet_agent *agent, int64_t boot_ms);

/*
 * The status of POLICY; times of conditions change only with them. The caller frees.
 *
 * @return NULL: it says that already
 */
struct cJSON *zl_fleet_policy_status(const struct zl_fleet_policy *policy,
                                     const struct zl_fleet_known *known);

#endif
