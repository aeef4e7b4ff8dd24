/* SPDX-License-Identifier: Apache-2.0 */
#include "common/cache/claims.h"

#include "common/base/clock.h"

static bool has_policy(struct zl_cache *cache, const struct zl_lease *lease)
{
    ZL_AUTO_REF struct zl_ref *ref =
        zl_cache_find(cache, ZL_CACHED_POLICIES, lease->namespace_, lease->pool);
    return ref != NULL;
}

static void observe(const struct zl_claims *claims, const struct zl_lease *lease)
{
    const int64_t now_ms = zl_clock_ms();
    if (!has_policy(claims->cache, lease)) {
        return;
    }
    (void)zl_claim_clock_observe(claims->clock, lease, now_ms);
    (void)zl_claim_clock_observe_successor(claims->clock, lease, now_ms);
    if (claims->vacancies && zl_lease_was_released(lease)) {
        (void)zl_claim_clock_observe_loss(claims->clock, lease->namespace_, lease->pool,
                                          lease->fencing_token, now_ms);
    }
    /* The policy's informer may have taken it out of the cache, and told of it, in between. */
    if (!has_policy(claims->cache, lease)) {
        zl_claim_clock_forget(claims->clock, lease->namespace_, lease->pool, now_ms);
    }
}

static void see_policy(const struct zl_claims *claims, const struct zl_policy *old_policy,
                       const struct zl_policy *new_policy)
{
    if (new_policy == NULL) {
        zl_claim_clock_forget(claims->clock, old_policy->meta.namespace_, old_policy->meta.name,
                              zl_clock_ms());
        return;
    }
    if (old_policy != NULL) {
        return;
    }
    /* Its Lease may have been listed first. */
    ZL_AUTO_REF struct zl_ref *ref =
        zl_cache_find_lease(claims->cache, new_policy->meta.namespace_, new_policy->meta.name);
    if (ref != NULL) {
        observe(claims, zl_ref_object(ref));
    }
}

void zl_claims_see(const struct zl_claims *claims, enum zl_cached kind, const void *old_object,
                   const void *new_object)
{
    if (kind == ZL_CACHED_POLICIES) {
        see_policy(claims, old_object, new_object);
    } else if (kind == ZL_CACHED_LEASES && new_object != NULL) {
        observe(claims, new_object);
    }
}
