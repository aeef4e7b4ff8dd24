/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replicaset.c - what stands between a Deployment and its pods. One without a Deployment joins no pool.
 */
#include "common/kinds/kind.h"

const struct zl_kind ZL_KIND_REPLICASET = {
    .index = ZL_KIND_COUNT,
    .name = "ReplicaSet",
    .abbreviation = "rs",
    .resource = {"apps", "v1", "replicasets", "ReplicaSet", false},
    .api_version = "apps/v1",
};
