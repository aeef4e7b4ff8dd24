/* SPDX-License-Identifier: Apache-2.0 */
/*
 * internal.h - shared by cache.c, follow.c and specs.c.
 */
#ifndef ZL_CACHE_INTERNAL_H
#define ZL_CACHE_INTERNAL_H

#include "common/base/monitor.h"
#include "common/cache/cache.h"
#include "common/cache/interest.h"

#include <stdatomic.h>

/* What an informer's callbacks get: the cache, and which of its informers called. */
struct slot {
    struct zl_cache *cache;
    enum zl_cached kind;
    struct zl_informer *informer; /* NULL: not wanted */
    char *name; /* as resource in metrics, where it is not the kind's own; or NULL */
    struct zl_indexer indexers[ZL_BY_COUNT];
    atomic_bool started;
    atomic_uint_fast64_t hits, misses;
};

struct zl_cache {
    struct zl_kube_client *client;
    struct zl_informer_thread *thread; /* of all but pods */
    struct zl_cache_options options;
    char **namespaces; /* the only ones there are for us; NULL: all */
    struct slot slots[ZL_CACHED_COUNT];
    struct slot labelled[ZL_KIND_COUNT]; /* the same kinds, metadata of those with our label */
    struct zl_interests *interests;
    atomic_bool cluster_wide;  /* decided before what is followed by namespace starts */
    struct zl_monitor monitor; /* guards the rest; woken by each first list */
    bool pools, routing, decided, stopping;
    bool was_synced; /* all that was of interest at the start has been listed */
};

/* Is the kind followed where it is of interest, and else everywhere? Services are both. */
bool zl_cache_is_by_namespace(enum zl_cached kind);
/* Does a decoder keep what is only of interest with others? While it is followed by namespace it sees no other. */
bool zl_cache_wants(const struct slot *slot, const char *namespace_);
/* How a kind is listed and decoded; the callbacks' context is a struct slot. */
struct zl_informer_spec zl_cache_spec(enum zl_cached kind);
/* The same of the metadata alone of what carries our label: an object is its namespace. */
struct zl_informer_spec zl_cache_labelled_spec(const struct zl_kind *kind);

/* --- follow.c --- */

/* For zl_informer_spec: what changed may begin or end interest in its namespace. */
void zl_cache_note_change(struct slot *slot, const void *old_object, const void *new_object);
void zl_cache_note_labelled(void *slot, const void *old_object, const void *new_object);
/* Start what waits for what is known by now. Any thread. */
void zl_cache_advance(struct zl_cache *cache);
/* Not before this does it start; the informer is there. With the monitor's lock. */
void zl_cache_start(struct zl_cache *cache, struct slot *slot);
/* NULL: not wanted, or not yet. */
struct zl_informer *zl_cache_started(struct slot *slot);

#endif
