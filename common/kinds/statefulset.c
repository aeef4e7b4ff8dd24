/* SPDX-License-Identifier: Apache-2.0 */
/*
 * statefulset.c - one of its pods leads. It makes them itself.
 */
#include "common/kinds/leads.h"

const struct zl_kind ZL_KIND_STATEFULSET = {
    .index = ZL_KIND_INDEX_STATEFULSET,
    .name = "StatefulSet",
    .abbreviation = "sts",
    .resource = {"apps", "v1", "statefulsets", "StatefulSet", false},
    .api_version = "apps/v1",
    .pod_template = "spec.template",
    .shape = ZL_WORKLOAD_SHAPE,
    .decode = zl_leads_decode,
    .free_object = zl_workload_free,
    .pool_in_json = zl_pool_of_object,
    .pool = zl_leads_pool,
    .wanted = zl_leads_replicas,
    .woken = &ZL_KIND_STATEFULSET.resource,
    .rollout = ZL_ROLLOUT_REPLACE,
};
