/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/view/workload_of.h"

struct zl_ref *zl_pool_workload_of(struct zl_cache *cache, const char *namespace_,
                                   const struct zl_controller_ref *owner)
{
    const struct zl_kind *kind = zl_kind_of_pods(owner);
    return kind != NULL && !kind->takes_turns ? zl_cache_find_owner(cache, namespace_, owner)
                                              : NULL;
}
