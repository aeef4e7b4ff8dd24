/* SPDX-License-Identifier: Apache-2.0 */
#include "common/cache/internal.h"

#include "common/cache/indexes.h"

#include <string.h>

struct interest zl_cache_interest(struct zl_cache *cache, const char *namespace_)
{
    struct interest *found = NULL;
    struct interest copy = {0};
    pthread_mutex_lock(&cache->lock);
    if (namespace_ != NULL) {
        HASH_FIND_STR(cache->interests, namespace_, found);
    }
    if (found != NULL) {
        copy.policies = found->policies;
        copy.services = found->services;
    }
    pthread_mutex_unlock(&cache->lock);
    return copy;
}

/* Count up (WEIGHT 1) or down (-1); true when this was the first of its kind in the namespace. */
static bool note_interest(struct zl_cache *cache, const char *namespace_, bool policy, bool up)
{
    struct interest *found = NULL;
    pthread_mutex_lock(&cache->lock);
    HASH_FIND_STR(cache->interests, namespace_, found);
    if (found == NULL) {
        found = zl_alloc(sizeof *found);
        found->namespace_ = zl_strdup(namespace_);
        HASH_ADD_KEYPTR(hh, cache->interests, found->namespace_, strlen(found->namespace_), found);
    }
    size_t *count = policy ? &found->policies : &found->services;
    if (up) {
        ++*count;
    } else if (*count > 0) {
        --*count;
    }
    bool first = up && *count == 1;
    if (found->policies + found->services == 0) {
        HASH_DELETE(hh, cache->interests, found);
        free(found->namespace_);
        free(found);
    }
    pthread_mutex_unlock(&cache->lock);
    return first;
}

/* NULL: not wanted, or not yet. */
static struct zl_informer *started(struct zl_cache *cache, int kind)
{
    struct slot *slot = &cache->slots[kind];
    return atomic_load(&slot->started) ? slot->informer : NULL;
}

static void relist(struct zl_cache *cache, enum zl_cached kind)
{
    struct zl_informer *informer = started(cache, (int)kind);
    if (informer != NULL) {
        zl_informer_relist(informer);
    }
}

/* The first pool of a namespace: from now on its pods, ReplicaSets, Jobs and Services are wanted. */
static void count_policy(struct zl_cache *cache, const struct zl_policy *old_policy,
                         const struct zl_policy *new_policy)
{
    if (old_policy != NULL && new_policy != NULL) {
        return;
    }
    if (old_policy != NULL) {
        (void)note_interest(cache, old_policy->meta.namespace_, true, false);
    } else if (note_interest(cache, new_policy->meta.namespace_, true, true)) {
        relist(cache, ZL_CACHED_PODS);
        relist(cache, ZL_CACHED_REPLICASETS);
        relist(cache, ZL_CACHED_REVISIONS);
        for (size_t i = 0; i < ZL_KIND_COUNT; i++) {
            if (ZL_KINDS[i]->maker != NULL) {
                relist(cache, zl_cached_of(ZL_KINDS[i]));
            }
        }
        relist(cache, ZL_CACHED_SERVICES);
    }
}

static void count_service(struct zl_cache *cache, const struct zl_service *old_service,
                          const struct zl_service *new_service)
{
    bool was = old_service != NULL && old_service->opted_in;
    bool is = new_service != NULL && new_service->opted_in;
    if (was && !is) {
        (void)note_interest(cache, old_service->meta.namespace_, false, false);
    }
    if (is && !was && note_interest(cache, new_service->meta.namespace_, false, true)) {
        relist(cache, ZL_CACHED_PODS);
        relist(cache, ZL_CACHED_SERVICES);
    }
}

static void changed(void *ctx, const void *old_object, const void *new_object)
{
    const struct slot *slot = ctx;
    struct zl_cache *cache = slot->cache;
    if (slot->kind == ZL_CACHED_POLICIES) {
        count_policy(cache, old_object, new_object);
    } else if (slot->kind == ZL_CACHED_SERVICES) {
        count_service(cache, old_object, new_object);
    }
    if (cache->options.on_change != NULL) {
        cache->options.on_change(cache->options.ctx, slot->kind, old_object, new_object);
    }
}

static bool is_routing(enum zl_cached kind)
{
    return kind == ZL_CACHED_SERVICES || kind == ZL_CACHED_SLICES || kind == ZL_CACHED_NODES;
}

static void make_informer(struct zl_cache *cache, enum zl_cached kind,
                          const struct zl_kube_resource *resource)
{
    struct slot *slot = &cache->slots[kind];
    struct zl_informer_spec spec = zl_cache_spec(kind);
    spec.resource = resource;
    zl_indexers_of(kind, slot->indexers);
    spec.indexers = slot->indexers;
    spec.indexer_count = ZL_BY_COUNT;
    spec.on_change = changed;
    spec.ctx = slot;
    slot->informer = zl_informer_new(cache->client, &spec);
}

struct zl_cache *zl_cache_new(struct zl_kube_client *client, const struct zl_cache_options *options)
{
    struct zl_cache *cache = zl_alloc(sizeof *cache);
    cache->client = client;
    cache->options = *options;
    pthread_mutex_init(&cache->lock, NULL);
    for (int i = 0; i < ZL_CACHED_COUNT; i++) {
        enum zl_cached kind = (enum zl_cached)i;
        cache->slots[i].cache = cache;
        cache->slots[i].kind = kind;
        atomic_init(&cache->slots[i].started, false);
        bool of_owners = kind == ZL_CACHED_REPLICASETS || kind == ZL_CACHED_REVISIONS;
        bool later = is_routing(kind) || (of_owners && !options->with_replicasets);
        if (!later) {
            make_informer(cache, kind, zl_cache_spec(kind).resource);
        }
    }
    return cache;
}

static void start(struct zl_cache *cache, enum zl_cached kind)
{
    struct slot *slot = &cache->slots[kind];
    if (slot->informer != NULL && !atomic_exchange(&slot->started, true)) {
        zl_informer_start(slot->informer);
    }
}

void zl_cache_start_pools(struct zl_cache *cache)
{
    for (int kind = 0; kind < ZL_CACHED_COUNT; kind++) {
        if (!is_routing((enum zl_cached)kind)) {
            start(cache, (enum zl_cached)kind);
        }
    }
}

void zl_cache_start_routing(struct zl_cache *cache, const struct zl_kube_resource *slices)
{
    make_informer(cache, ZL_CACHED_SERVICES, &ZL_KUBE_SERVICES);
    make_informer(cache, ZL_CACHED_SLICES, slices);
    make_informer(cache, ZL_CACHED_NODES, &ZL_KUBE_NODES);
    start(cache, ZL_CACHED_SERVICES);
    start(cache, ZL_CACHED_SLICES);
    start(cache, ZL_CACHED_NODES);
    start(cache, ZL_CACHED_PODS);
}

void zl_cache_stop(struct zl_cache *cache)
{
    for (int kind = 0; kind < ZL_CACHED_COUNT; kind++) {
        if (started(cache, kind) != NULL) {
            zl_informer_stop(cache->slots[kind].informer);
        }
    }
}

void zl_cache_free(struct zl_cache *cache)
{
    if (cache == NULL) {
        return;
    }
    zl_cache_stop(cache); /* all of them, before any store goes: callbacks look into each other's */
    for (int kind = 0; kind < ZL_CACHED_COUNT; kind++) {
        zl_informer_free(cache->slots[kind].informer);
    }
    struct interest *interest = NULL;
    struct interest *next = NULL;
    HASH_ITER(hh, cache->interests, interest, next)
    {
        HASH_DELETE(hh, cache->interests, interest);
        free(interest->namespace_);
        free(interest);
    }
    pthread_mutex_destroy(&cache->lock);
    free(cache);
}

bool zl_cache_is_synced(struct zl_cache *cache, const char **lagging)
{
    bool any = false;
    for (int kind = 0; kind < ZL_CACHED_COUNT; kind++) {
        struct zl_informer *informer = started(cache, kind);
        if (informer != NULL && !zl_informer_is_synced(informer)) {
            *lagging = zl_informer_name(informer);
            return false;
        }
        any = any || informer != NULL;
    }
    *lagging = any ? NULL : "resources";
    return any;
}

bool zl_cache_wait_synced(struct zl_cache *cache, bool (*stop)(void *ctx), void *ctx)
{
    for (int kind = 0; kind < ZL_CACHED_COUNT; kind++) {
        struct zl_informer *informer = started(cache, kind);
        if (informer != NULL && !zl_informer_wait_synced(informer, stop, ctx)) {
            return false;
        }
    }
    return true;
}

uint64_t zl_cache_position(struct zl_cache *cache, enum zl_cached kind)
{
    struct zl_informer *informer = started(cache, (int)kind);
    return informer != NULL ? zl_informer_position(informer) : 0;
}

int64_t zl_cache_not_watching_ms(struct zl_cache *cache, enum zl_cached kind)
{
    struct zl_informer *informer = started(cache, (int)kind);
    return informer != NULL ? zl_informer_health(informer).not_watching_ms : 0;
}

bool zl_cache_is_settled(struct zl_cache *cache, enum zl_cached kind)
{
    struct zl_informer *informer = started(cache, (int)kind);
    return informer != NULL && zl_informer_is_settled(informer);
}

bool zl_cache_is_as_new(struct zl_cache *cache, enum zl_cached kind, const char *resource_version)
{
    return zl_cache_is_settled(cache, kind) &&
           zl_cache_position(cache, kind) >= zl_resource_version_number(resource_version);
}

struct zl_ref *zl_cache_find(struct zl_cache *cache, enum zl_cached kind, const char *namespace_,
                             const char *name)
{
    struct zl_informer *informer = started(cache, (int)kind);
    if (informer == NULL) {
        return NULL;
    }
    struct zl_ref *found = zl_store_find(zl_informer_store(informer), namespace_, name);
    struct slot *slot = &cache->slots[kind];
    atomic_fetch_add_explicit(found != NULL ? &slot->hits : &slot->misses, 1, memory_order_relaxed);
    return found;
}

struct zl_informer *zl_cache_informer(struct zl_cache *cache, enum zl_cached kind)
{
    return started(cache, (int)kind);
}

struct zl_lookups zl_cache_lookups(struct zl_cache *cache, enum zl_cached kind)
{
    struct slot *slot = &cache->slots[kind];
    return (struct zl_lookups){.hits = atomic_load(&slot->hits),
                               .misses = atomic_load(&slot->misses)};
}

struct zl_ref *zl_cache_find_lease(struct zl_cache *cache, const char *namespace_, const char *pool)
{
    ZL_AUTO_FREE char *name = zl_lease_name(pool);
    return zl_cache_find(cache, ZL_CACHED_LEASES, namespace_, name);
}

void zl_cache_list(struct zl_cache *cache, enum zl_cached kind, const char *namespace_,
                   struct zl_refs *out)
{
    struct zl_informer *informer = started(cache, (int)kind);
    if (informer != NULL) {
        zl_store_list(zl_informer_store(informer), namespace_, out);
    }
}

void zl_cache_list_by(struct zl_cache *cache, enum zl_cached kind, enum zl_index index,
                      const char *namespace_, const char *value, struct zl_refs *out)
{
    struct zl_informer *informer = started(cache, (int)kind);
    if (informer != NULL) {
        zl_store_list_by(zl_informer_store(informer), index, namespace_, value, out);
    }
}

size_t zl_cache_count_by(struct zl_cache *cache, enum zl_cached kind, enum zl_index index,
                         const char *namespace_, const char *value)
{
    struct zl_informer *informer = started(cache, (int)kind);
    return informer != NULL
               ? zl_store_count_by(zl_informer_store(informer), index, namespace_, value)
               : 0;
}
