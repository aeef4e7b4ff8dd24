/* SPDX-License-Identifier: Apache-2.0 */
/*
 * internal.h - shared by cache.c and specs.c.
 */
#ifndef ZL_CACHE_INTERNAL_H
#define ZL_CACHE_INTERNAL_H

#include "common/base/hash.h"
#include "common/cache/cache.h"

#include <pthread.h>
#include <stdatomic.h>

/* What makes a namespace's pods worth keeping. */
struct interest {
    char *namespace_;
    size_t policies, services; /* Services that have opted in */
    UT_hash_handle hh;
};

/* What an informer's callbacks get: the cache, and which of its informers called. */
struct slot {
    struct zl_cache *cache;
    enum zl_cached kind;
    struct zl_informer *informer; /* NULL: not wanted */
    struct zl_indexer indexers[ZL_BY_COUNT];
    atomic_bool started;
    atomic_uint_fast64_t hits, misses;
};

struct zl_cache {
    struct zl_kube_client *client;
    struct zl_cache_options options;
    struct slot slots[ZL_CACHED_COUNT];
    pthread_mutex_t lock; /* guards the interests */
    struct interest *interests;
};

/* What there is in NAMESPACE_ (may be NULL): a copy, without its name. */
struct interest zl_cache_interest(struct zl_cache *cache, const char *namespace_);
/* How a kind is listed and decoded; the callbacks' context is a struct slot. */
struct zl_informer_spec zl_cache_spec(enum zl_cached kind);

#endif
