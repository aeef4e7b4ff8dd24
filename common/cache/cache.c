/* SPDX-License-Identifier: Apache-2.0 */
#include "common/cache/internal.h"

#include "common/base/clock.h"
#include "common/cache/indexes.h"

#include <string.h>

enum { SYNC_POLL_MS = 50 };

static struct zl_informer *started(struct zl_cache *cache, enum zl_cached kind)
{
    return zl_cache_started(&cache->slots[kind]);
}

static void changed(void *ctx, const void *old_object, const void *new_object)
{
    struct slot *slot = ctx;
    const struct zl_cache_options *options = &slot->cache->options;
    zl_cache_note_change(slot, old_object, new_object);
    if (options->on_change != NULL) {
        options->on_change(options->ctx, slot->kind, old_object, new_object);
    }
}

static void synced(void *ctx)
{
    const struct slot *slot = ctx;
    zl_cache_advance(slot->cache);
}

static bool is_routing(enum zl_cached kind)
{
    return kind == ZL_CACHED_SERVICES || kind == ZL_CACHED_SLICES || kind == ZL_CACHED_NODES;
}

/* Whatever is not followed by namespace anyway: everywhere, or in the namespaces that there are for us. */
static void follow_all(struct zl_cache *cache, struct slot *slot)
{
    for (char **namespace_ = cache->namespaces; namespace_ != NULL && *namespace_ != NULL;
         namespace_++) {
        zl_informer_follow(slot->informer, *namespace_);
    }
}

static void make_informer(struct zl_cache *cache, enum zl_cached kind,
                          const struct zl_kube_resource *resource)
{
    struct slot *slot = &cache->slots[kind];
    struct zl_informer_spec spec = zl_cache_spec(kind);
    const bool by_namespace = zl_cache_is_by_namespace(kind);
    spec.resource = resource;
    zl_indexers_of(kind, slot->indexers);
    spec.indexers = slot->indexers;
    spec.indexer_count = ZL_BY_COUNT;
    spec.on_demand = by_namespace || cache->namespaces != NULL;
    spec.on_change = changed;
    spec.on_synced = synced;
    spec.ctx = slot;
    /* A leader's end is a pod's event, and waits for nothing else. */
    spec.thread = kind == ZL_CACHED_PODS ? NULL : cache->thread;
    slot->informer = zl_informer_new(cache->client, &spec);
    if (!by_namespace) {
        follow_all(cache, slot);
    }
}

/* Where all are followed anyway, they are seen as they are. */
static void make_labelled(struct zl_cache *cache)
{
    for (size_t i = 0; i < ZL_KIND_COUNT && cache->options.watch != ZL_WATCH_CLUSTER; i++) {
        struct slot *slot = &cache->labelled[i];
        struct zl_informer_spec spec = zl_cache_labelled_spec(ZL_KINDS[i]);
        spec.name = slot->name = zl_asprintf("labelled %s", spec.resource->plural);
        spec.on_demand = cache->namespaces != NULL;
        spec.on_synced = synced;
        spec.ctx = slot;
        spec.thread = cache->thread;
        slot->informer = zl_informer_new(cache->client, &spec);
        follow_all(cache, slot);
    }
}

/* "a,b" as a list that ends with NULL; NULL for NULL and for nothing. */
static char **split(const char *text)
{
    char **names = NULL;
    size_t count = 0;
    while (text != NULL && *text != '\0') {
        const size_t length = strcspn(text, ", ");
        if (length > 0) {
            names = zl_realloc(names, count + 2, sizeof *names);
            names[count++] = zl_strndup(text, length);
            names[count] = NULL;
        }
        text += length;
        text += strspn(text, ", ");
    }
    return names;
}

static void init_slot(struct zl_cache *cache, struct slot *slot, enum zl_cached kind)
{
    slot->cache = cache;
    slot->kind = kind;
    atomic_init(&slot->started, false);
}

struct zl_cache *zl_cache_new(struct zl_kube_client *client, const struct zl_cache_options *options)
{
    struct zl_cache *cache = zl_alloc(sizeof *cache);
    cache->client = client;
    cache->thread = zl_informer_thread_new("informers");
    cache->options = *options;
    cache->namespaces = split(options->namespaces);
    if (cache->namespaces != NULL) {
        cache->options.watch = ZL_WATCH_NAMESPACES; /* there is no other way */
    }
    cache->interests = zl_interests_new();
    atomic_init(&cache->cluster_wide, false);
    zl_monitor_init(&cache->monitor);
    for (int i = 0; i < ZL_CACHED_COUNT; i++) {
        enum zl_cached kind = (enum zl_cached)i;
        init_slot(cache, &cache->slots[i], kind);
        bool of_owners = kind == ZL_CACHED_REPLICASETS || kind == ZL_CACHED_REVISIONS;
        bool later = is_routing(kind) || (of_owners && !options->with_replicasets);
        if (!later) {
            make_informer(cache, kind, zl_cache_spec(kind).resource);
        }
    }
    for (size_t i = 0; i < ZL_KIND_COUNT; i++) {
        init_slot(cache, &cache->labelled[i], ZL_CACHED_COUNT);
    }
    make_labelled(cache);
    return cache;
}

void zl_cache_start_pools(struct zl_cache *cache)
{
    zl_monitor_lock(&cache->monitor);
    cache->pools = true;
    zl_cache_start(cache, &cache->slots[ZL_CACHED_POLICIES]);
    zl_cache_start(cache, &cache->slots[ZL_CACHED_LEASES]);
    for (size_t i = 0; i < ZL_KIND_COUNT; i++) {
        zl_cache_start(cache, &cache->labelled[i]);
    }
    zl_monitor_unlock(&cache->monitor);
    zl_cache_advance(cache);
}

void zl_cache_start_routing(struct zl_cache *cache, const struct zl_kube_resource *slices)
{
    make_informer(cache, ZL_CACHED_SERVICES, &ZL_KUBE_SERVICES);
    make_informer(cache, ZL_CACHED_SLICES, slices);
    zl_monitor_lock(&cache->monitor);
    cache->routing = true;
    zl_cache_start(cache, &cache->slots[ZL_CACHED_SLICES]);
    if (cache->namespaces == NULL) { /* nodes are in none */
        make_informer(cache, ZL_CACHED_NODES, &ZL_KUBE_NODES);
        zl_cache_start(cache, &cache->slots[ZL_CACHED_NODES]);
    }
    zl_monitor_unlock(&cache->monitor);
    zl_cache_advance(cache);
}

static void stop_slot(struct slot *slot)
{
    if (zl_cache_started(slot) != NULL) {
        zl_informer_stop(slot->informer);
    }
}

void zl_cache_stop(struct zl_cache *cache)
{
    zl_monitor_lock(&cache->monitor);
    cache->stopping = true;
    zl_monitor_unlock(&cache->monitor);
    for (int kind = 0; kind < ZL_CACHED_COUNT; kind++) {
        stop_slot(&cache->slots[kind]);
    }
    for (size_t i = 0; i < ZL_KIND_COUNT; i++) {
        stop_slot(&cache->labelled[i]);
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
    for (size_t i = 0; i < ZL_KIND_COUNT; i++) {
        zl_informer_free(cache->labelled[i].informer);
        free(cache->labelled[i].name);
    }
    zl_informer_thread_free(cache->thread);
    zl_interests_free(cache->interests);
    for (char **namespace_ = cache->namespaces; namespace_ != NULL && *namespace_ != NULL;
         namespace_++) {
        free(*namespace_);
    }
    free(cache->namespaces);
    zl_monitor_clear(&cache->monitor);
    free(cache);
}

struct zl_informer_thread *zl_cache_thread(struct zl_cache *cache)
{
    return cache->thread;
}

/* --- is it all there? --- */

static const char *find_lagging(struct zl_cache *cache)
{
    if (!cache->pools && !cache->routing) {
        return "resources";
    }
    for (size_t i = 0; i < ZL_KIND_COUNT; i++) {
        struct zl_informer *informer = zl_cache_started(&cache->labelled[i]);
        if (informer != NULL && !zl_informer_is_synced(informer)) {
            return zl_informer_name(informer);
        }
    }
    for (int i = 0; i < ZL_CACHED_COUNT; i++) {
        const struct slot *slot = &cache->slots[i];
        bool wanted = is_routing(slot->kind) ? cache->routing : cache->pools;
        wanted = wanted || (cache->routing && slot->kind == ZL_CACHED_PODS);
        if (slot->informer != NULL && wanted &&
            (!atomic_load(&slot->started) || !zl_informer_is_synced(slot->informer))) {
            return zl_informer_name(slot->informer);
        }
    }
    return NULL;
}

/* Whatever is of interest in NAMESPACE_ must be followed, and have its first list. */
static const char *find_lagging_in(struct zl_cache *cache, const char *namespace_)
{
    const struct zl_interest interest = zl_interests_of(cache->interests, namespace_);
    for (int i = 0; i < ZL_CACHED_COUNT; i++) {
        struct slot *slot = &cache->slots[i];
        struct zl_informer *informer = zl_cache_started(slot);
        if (informer != NULL && zl_cache_is_by_namespace(slot->kind) &&
            zl_interest_wants(&interest, slot->kind) &&
            !zl_informer_state(informer, namespace_).synced) {
            return zl_informer_name(informer);
        }
    }
    return NULL;
}

bool zl_cache_is_synced(struct zl_cache *cache, const char *namespace_, const char **lagging)
{
    *lagging = NULL;
    zl_monitor_lock(&cache->monitor);
    if (!cache->was_synced) {
        *lagging = find_lagging(cache);
        cache->was_synced = *lagging == NULL;
    }
    zl_monitor_unlock(&cache->monitor);
    if (*lagging == NULL && namespace_ != NULL) {
        *lagging = find_lagging_in(cache, namespace_);
    }
    return *lagging == NULL;
}

bool zl_cache_wait_synced(struct zl_cache *cache, bool (*stop)(void *ctx), void *ctx)
{
    const char *lagging = NULL;
    while (!zl_cache_is_synced(cache, NULL, &lagging)) {
        if (stop != NULL && stop(ctx)) {
            return false;
        }
        zl_monitor_lock(&cache->monitor);
        (void)zl_monitor_wait(&cache->monitor, zl_clock_ms() + SYNC_POLL_MS);
        zl_monitor_unlock(&cache->monitor);
    }
    return true;
}

static struct zl_informer_state state_of(struct zl_cache *cache, enum zl_cached kind,
                                         const char *namespace_)
{
    static const struct zl_informer_state UNKNOWN = {0};
    struct zl_informer *informer = started(cache, kind);
    return informer != NULL ? zl_informer_state(informer, namespace_) : UNKNOWN;
}

uint64_t zl_cache_position(struct zl_cache *cache, enum zl_cached kind, const char *namespace_)
{
    return state_of(cache, kind, namespace_).position;
}

static bool is_gapless(struct zl_cache *cache, enum zl_cached kind)
{
    struct zl_informer *informer = started(cache, kind);
    return informer != NULL && !zl_informer_has_gap(informer);
}

int64_t zl_cache_not_watching_ms(struct zl_cache *cache, enum zl_cached kind,
                                 const char *namespace_)
{
    /* Nearly always: each review asks this of each kind. */
    if (is_gapless(cache, kind) && is_gapless(cache, ZL_CACHED_POLICIES)) {
        return 0;
    }
    const struct zl_informer_state state = state_of(cache, kind, namespace_);
    if (state.followed || !zl_cache_is_by_namespace(kind)) {
        return state.not_watching_ms;
    }
    return state_of(cache, ZL_CACHED_POLICIES, namespace_).not_watching_ms;
}

bool zl_cache_is_followed(struct zl_cache *cache, enum zl_cached kind, const char *namespace_)
{
    return state_of(cache, kind, namespace_).synced;
}

bool zl_cache_is_settled(struct zl_cache *cache, enum zl_cached kind, const char *namespace_)
{
    return state_of(cache, kind, namespace_).settled;
}

bool zl_cache_is_as_new(struct zl_cache *cache, enum zl_cached kind, const char *namespace_,
                        const char *resource_version)
{
    const struct zl_informer_state state = state_of(cache, kind, namespace_);
    return state.settled && state.position >= zl_resource_version_number(resource_version);
}

struct zl_ref *zl_cache_find(struct zl_cache *cache, enum zl_cached kind, const char *namespace_,
                             const char *name)
{
    struct zl_informer *informer = started(cache, kind);
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
    return started(cache, kind);
}

struct zl_informer *zl_cache_labelled(struct zl_cache *cache, size_t index)
{
    return zl_cache_started(&cache->labelled[index]);
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
    struct zl_informer *informer = started(cache, kind);
    if (informer != NULL) {
        zl_store_list(zl_informer_store(informer), namespace_, out);
    }
}

void zl_cache_list_by(struct zl_cache *cache, enum zl_cached kind, enum zl_index index,
                      const char *namespace_, const char *value, struct zl_refs *out)
{
    struct zl_informer *informer = started(cache, kind);
    if (informer != NULL) {
        zl_store_list_by(zl_informer_store(informer), index, namespace_, value, out);
    }
}

size_t zl_cache_count_by(struct zl_cache *cache, enum zl_cached kind, enum zl_index index,
                         const char *namespace_, const char *value)
{
    struct zl_informer *informer = started(cache, kind);
    return informer != NULL
               ? zl_store_count_by(zl_informer_store(informer), index, namespace_, value)
               : 0;
}
