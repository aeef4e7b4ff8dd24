/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keys.h - what a change concerns: from a changed object to "namespace/pool" and
 * "service:namespace/name" in the work queue.
 *
 * Threads: called on informer threads; never blocks on I/O.
 */
#ifndef ZL_CONTROLLER_KEYS_H
#define ZL_CONTROLLER_KEYS_H

#include "common/kube/workqueue.h"
#include "common/pool/cache.h"

/* Either object may be NULL, as in zl_cache_options.on_change. */
void zl_keys_enqueue(struct zl_cache *cache, struct zl_workqueue *queue, enum zl_cached kind,
                     const void *old_object, const void *new_object);

/* All pools of a namespace. */
void zl_keys_enqueue_pools(struct zl_cache *cache, struct zl_workqueue *queue,
                           const char *namespace_);

/* Split KEY into copies that the caller frees; true when it is a Service's. */
bool zl_key_split(const char *key, char **namespace_, char **name);

#endif
