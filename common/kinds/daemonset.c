/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemonset.c - one of its pods leads, the others stand by: a pod on each node is what it is for, so none is ever
 * refused, and its own controller rolls it out.
 */
#include "common/kinds/leads.h"

const struct zl_kind ZL_KIND_DAEMONSET = {
    .index = ZL_KIND_INDEX_DAEMONSET,
    .name = "DaemonSet",
    .abbreviation = "ds",
    .resource = {"apps", "v1", "daemonsets", "DaemonSet", false},
    .api_version = "apps/v1",
    .pod_template = "spec.template",
    .shape = ZL_WORKLOAD_SHAPE,
    .decode = zl_leads_decode,
    .free_object = zl_workload_free,
    .pool_in_json = zl_pool_of_object,
    .pool = zl_leads_pool,
};
