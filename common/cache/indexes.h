/* SPDX-License-Identifier: Apache-2.0 */
/*
 * indexes.h - by what the cached objects of a namespace are found without looking at all of them.
 *
 * What an event or a failover costs must not grow with the number of Services and pods around it.
 *
 * Threads: any.
 */
#ifndef ZL_CACHE_INDEXES_H
#define ZL_CACHE_INDEXES_H

#include "common/cache/cache.h"

/* For zl_informer_spec. */
void zl_indexers_of(enum zl_cached cached, struct zl_indexer out[ZL_BY_COUNT]);

/* The pods that have all labels of SELECTOR (packed, see labels.h; NULL: none). */
void zl_cache_list_selected(struct zl_cache *cache, const char *namespace_, const char *selector,
                            struct zl_refs *out);
/* The users' Services that select a pod with LABELS (packed; NULL: none). */
void zl_cache_list_selecting(struct zl_cache *cache, const char *namespace_, const char *labels,
                             struct zl_refs *out);
/*
 * Is there a workload of KIND, which makes its pods through something between, that may select pods with LABELS
 * (zl_selector_may_match), besides the one with uid BUT_UID?
 */
bool zl_cache_has_selecting(struct zl_cache *cache, const struct zl_kind *kind,
                            const char *namespace_, const char *labels, const char *but_uid);
/* The pods of WORKLOAD, those that are over included. */
void zl_cache_list_pods_of(struct zl_cache *cache, const struct zl_workload *workload,
                           struct zl_refs *out);

#endif
