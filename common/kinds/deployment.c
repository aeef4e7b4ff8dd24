/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deployment.c - one of its pods leads. ReplicaSets stand between it and them, and they are what is woken.
 */
#include "common/kinds/leads.h"

const struct zl_kind ZL_KIND_DEPLOYMENT = {
    .index = ZL_KIND_INDEX_DEPLOYMENT,
    .name = "Deployment",
    .abbreviation = "deploy",
    .resource = {"apps", "v1", "deployments", "Deployment", false},
    .api_version = "apps/v1",
    .pod_template = "spec.template",
    .shape = ZL_WORKLOAD_SHAPE,
    .decode = zl_leads_decode,
    .free_object = zl_workload_free,
    .pool_in_json = zl_pool_of_object,
    .pool = zl_leads_pool,
    .between = &ZL_KIND_REPLICASET,
    .wanted = zl_leads_replicas,
    .woken = &ZL_KIND_REPLICASET.resource,
    .rollout = ZL_ROLLOUT_HANDOVER,
};
