/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keys.h - what a change concerns: from a changed object to "namespace/pool", "service:namespace/name",
 * "job:namespace/name", "wake:namespace/Kind/name", "last-wake:namespace/Kind/name" and "selector:" in the work queue.
 *
 * Threads: called on informer threads; never blocks on I/O.
 */
#ifndef ZL_CONTROLLER_MANAGER_KEYS_H
#define ZL_CONTROLLER_MANAGER_KEYS_H

#include "common/cache/cache.h"
#include "common/kube/workqueue.h"

/* What the webhook's configuration must select. */
#define ZL_SELECTOR_KEY "selector:"

/* Where keys come from, and go. Borrowed. */
struct zl_keys {
    struct zl_cache *cache;
    struct zl_workqueue *queue;
    enum zl_lane lane;
};

/* Either object may be NULL, as in zl_cache_options.on_change. */
void zl_keys_enqueue(const struct zl_keys *keys, enum zl_cached kind, const void *old_object,
                     const void *new_object);
/* What all cached objects concern: this replica begins to act, and did not listen before. */
void zl_keys_enqueue_all(const struct zl_keys *keys);

/*
 * A workload that is gatekept no more (it left its pool, the pool was deleted or switched to standby) waits
 * with what was refused until then, up to 16 minutes: enqueue that it is woken. Only the replica that acts may
 * call it: such a key is about a moment, and would pile up in the others.
 */
void zl_keys_enqueue_freed(struct zl_cache *cache, struct zl_workqueue *queue, enum zl_cached kind,
                           const void *old_object, const void *new_object);

/* All pools of a namespace. */
void zl_keys_enqueue_pools(struct zl_cache *cache, struct zl_workqueue *queue,
                           const char *namespace_);

enum zl_key_kind {
    ZL_KEY_OF_POOL,
    ZL_KEY_OF_SERVICE,
    ZL_KEY_OF_WAKE,     /* NAME is "Kind/name" */
    ZL_KEY_OF_JOB,      /* one that waits, and that perhaps nobody guards any more */
    ZL_KEY_OF_SELECTOR, /* no namespace, no name: the webhook's configuration */
};

/* Split KEY into copies that the caller frees. */
enum zl_key_kind zl_key_split(const char *key, char **namespace_, char **name);

#endif
