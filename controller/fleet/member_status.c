/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/fleet/member_internal.h"

#include "common/base/log.h"
#include "common/objects/names.h"

void zl_member_write_status(struct zl_cluster_member *member, const struct zl_fleet_policy *policy)
{
    struct zl_error err = {0};
    struct zl_member_part *part = zl_member_part_of(member, policy->pool);
    const struct zl_fleet_known known = {.cluster = member->name,
                                         .agent = &part->agent,
                                         .ledger = part->ledger_is_known ? &part->ledger : NULL,
                                         .hub_is_reached = member->reached,
                                         .hub_problem =
                                             member->problem[0] != '\0' ? member->problem : NULL,
                                         .boot_ms = zl_clock_boot_ms(),
                                         .wall_us = zl_clock_wall_us()};
    struct cJSON *status_now = zl_fleet_policy_status(policy, &known);
    if (status_now == NULL) {
        return;
    }
    ZL_AUTO_JSON struct cJSON *patch = zl_json_object();
    zl_json_set(patch, "status", status_now);
    const struct zl_kube_target target = {.resource = &ZL_KUBE_FLEETPOLICIES,
                                          .namespace_ = policy->meta.namespace_,
                                          .name = policy->meta.name,
                                          .subresource = "status",
                                          .shape = ZL_OBJECT_SHAPE};
    enum zl_status status =
        zl_kube_patch(member->spec.cluster, &target, ZL_KUBE_PATCH_MERGE, patch, NULL, &err);
    if (status != ZL_OK && status != ZL_E_NOT_FOUND) {
        ZL_LOG_WARN("the status of a LeaderPolicy cannot be written",
                    ZL_STR("namespace", policy->meta.namespace_),
                    ZL_STR("policy", policy->meta.name), ZL_ERR(&err));
    }
}
