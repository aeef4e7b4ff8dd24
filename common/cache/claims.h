/* SPDX-License-Identifier: Apache-2.0 */
/*
 * claims.h - feeds a claim clock from the cache: every claim that the Lease informer sees starts its age then, not when
 * somebody asks about it.
 *
 * Only of pools that exist: anybody who may create Leases may give them our label, and pools come and go. Which of
 * the two informers is first plays no part.
 *
 * Threads: those of the informers.
 */
#ifndef ZL_CACHE_CLAIMS_H
#define ZL_CACHE_CLAIMS_H

#include "common/cache/cache.h"
#include "common/seat/claim_clock.h"

struct zl_claims {
    struct zl_claim_clock *clock;
    struct zl_cache *cache;
    bool vacancies; /* note also since when a seat that we released is free */
};

/* An object changed, as zl_cache_options.on_change tells. Kinds that say nothing of claims are ignored. */
void zl_claims_see(const struct zl_claims *claims, enum zl_cached kind, const void *old_object,
                   const void *new_object);

#endif
