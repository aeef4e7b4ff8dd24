/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workload_of.h - from a pod's controller to the workload in a pool, by what is cached.
 *
 * Threads: any.
 */
#ifndef ZL_CONTROLLER_VIEW_WORKLOAD_OF_H
#define ZL_CONTROLLER_VIEW_WORKLOAD_OF_H

#include "common/cache/cache.h"

/*
 * The workload in a pool that OWNER (a pod's controller) leads to; NULL when there is none. The caller
 * drops the reference.
 */
struct zl_ref *zl_pool_workload_of(struct zl_cache *cache, const char *namespace_,
                                   const struct zl_controller_ref *owner);

#endif
