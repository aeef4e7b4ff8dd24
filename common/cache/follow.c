/* SPDX-License-Identifier: Apache-2.0 */
/*
 * follow.c - who is followed, and from when.
 *
 * First what says where there are users: LeaderPolicies, workloads with our label, Services. Services after the policies, because
 * those say whose are wanted. When all of that is listed, it is known how many namespaces there are, and
 * what is followed by namespace starts.
 */
#include "common/base/log.h"
#include "common/cache/internal.h"

#include <string.h>

/*
 * From so many namespaces on auto takes one stream for all: 4,000 streams of 16 KiB are a quarter of the manifests' limit. It is
 * decided once, when the program starts. A change under way would need both at once, twice the memory, at the moment at which
 * there is least of it; a program that grows past the number later goes on with more streams.
 */
enum { NAMESPACES_MAX = 500 };

/*
 * So long a namespace without users stays followed. A policy that is made again (kubectl replace, a tenant in a
 * loop) lists nothing anew, and what its end leaves to do finds what it needs.
 */
enum { FORGET_AFTER_MS = 60000 };

enum zl_watch zl_watch_named(const char *name)
{
    if (zl_same_string(name, "cluster")) {
        return ZL_WATCH_CLUSTER;
    }
    return zl_same_string(name, "namespaces") ? ZL_WATCH_NAMESPACES : ZL_WATCH_AUTO;
}

struct zl_informer *zl_cache_started(struct slot *slot)
{
    return atomic_load(&slot->started) ? slot->informer : NULL;
}

bool zl_cache_is_by_namespace(enum zl_cached kind)
{
    return zl_kind_cached(kind) != NULL || kind == ZL_CACHED_PODS ||
           kind == ZL_CACHED_REPLICASETS || kind == ZL_CACHED_REVISIONS;
}

bool zl_cache_wants(const struct slot *slot, const char *namespace_)
{
    if (zl_cache_is_by_namespace(slot->kind) && !atomic_load(&slot->cache->cluster_wide)) {
        return true;
    }
    const struct zl_interest interest = zl_interests_of(slot->cache->interests, namespace_);
    return zl_interest_wants(&interest, slot->kind);
}

/* --- interest --- */

static void begin(struct slot *slot, struct zl_informer *informer, const char *namespace_)
{
    /* What is followed with all others, its decoder did not want until now. */
    if (atomic_load(&slot->cache->cluster_wide) || !zl_cache_is_by_namespace(slot->kind)) {
        zl_informer_refill(informer, namespace_);
    } else {
        zl_informer_follow(informer, namespace_);
    }
}

static void take_step(struct slot *slot, const char *namespace_, enum zl_interest_step step)
{
    struct zl_informer *informer = zl_cache_started(slot);
    if (informer == NULL) {
        return; /* when it starts it finds what is of interest then */
    }
    switch (step) {
    case ZL_INTEREST_BEGINS:
        begin(slot, informer, namespace_);
        break;
    case ZL_INTEREST_GROWS:
        zl_informer_refill(informer, namespace_);
        break;
    case ZL_INTEREST_ENDS:
        zl_informer_forget(informer, namespace_, FORGET_AFTER_MS);
        break;
    case ZL_INTEREST_STAYS:
        break;
    }
}

static void note(struct zl_cache *cache, const char *namespace_, enum zl_interest_in what, bool up)
{
    struct zl_interest before, after;
    zl_monitor_lock(
        &cache->monitor); /* two informers at once: the last to count is the last to tell */
    zl_interests_note(cache->interests, namespace_, what, up, &before, &after);
    for (int i = 0; i < ZL_CACHED_COUNT; i++) {
        struct slot *slot = &cache->slots[i];
        take_step(slot, namespace_, zl_interest_step(&before, &after, slot->kind));
    }
    zl_monitor_unlock(&cache->monitor);
}

/* OLD_COUNTS and NEW_COUNTS: does what was there, and what is, count? */
static void note_pair(struct zl_cache *cache, const char *namespace_, enum zl_interest_in what,
                      bool old_counts, bool new_counts)
{
    if (old_counts != new_counts) {
        note(cache, namespace_, what, new_counts);
    }
}

static bool is_marked(const struct zl_kind *kind, const void *object)
{
    return object != NULL && kind->is_marked(object);
}

void zl_cache_note_change(struct slot *slot, const void *old_object, const void *new_object)
{
    struct zl_cache *cache = slot->cache;
    const void *any = new_object != NULL ? new_object : old_object;
    const struct zl_kind *kind = zl_kind_cached(slot->kind);
    if (slot->kind == ZL_CACHED_POLICIES) {
        note_pair(cache, zl_kind_meta(any)->namespace_, ZL_INTEREST_POLICIES, old_object != NULL,
                  new_object != NULL);
    } else if (slot->kind == ZL_CACHED_SERVICES) {
        const struct zl_service *before = old_object, *after = new_object;
        note_pair(cache, zl_kind_meta(any)->namespace_, ZL_INTEREST_SERVICES,
                  before != NULL && before->opted_in, after != NULL && after->opted_in);
    } else if (kind != NULL && kind->is_marked != NULL) {
        note_pair(cache, zl_kind_meta(any)->namespace_, ZL_INTEREST_MARKED,
                  is_marked(kind, old_object), is_marked(kind, new_object));
    }
}

void zl_cache_note_labelled(void *ctx, const void *old_object, const void *new_object)
{
    const struct slot *slot = ctx;
    const char *namespace_ = new_object != NULL ? new_object : old_object;
    note_pair(slot->cache, namespace_, ZL_INTEREST_MEMBERS, old_object != NULL, new_object != NULL);
}

/* --- the order of starting --- */

static bool is_listed(struct slot *slot)
{
    struct zl_informer *informer = zl_cache_started(slot);
    return informer == NULL || zl_informer_is_synced(informer);
}

static bool knows_users(struct zl_cache *cache)
{
    for (size_t i = 0; i < ZL_KIND_COUNT; i++) {
        if (!is_listed(&cache->labelled[i])) {
            return false;
        }
    }
    bool has_services = !cache->routing || zl_cache_started(&cache->slots[ZL_CACHED_SERVICES]);
    return has_services && is_listed(&cache->slots[ZL_CACHED_POLICIES]) &&
           is_listed(&cache->slots[ZL_CACHED_SERVICES]);
}

static void decide(struct zl_cache *cache)
{
    if (cache->decided) {
        return;
    }
    const size_t count = zl_interests_count(cache->interests);
    const bool many = cache->options.watch == ZL_WATCH_AUTO && count > NAMESPACES_MAX;
    atomic_store(&cache->cluster_wide, many || cache->options.watch == ZL_WATCH_CLUSTER);
    cache->decided = true;
    ZL_LOG_INFO("what is followed by namespace", ZL_I64("namespaces", (int64_t)count),
                ZL_STR("watch", atomic_load(&cache->cluster_wide) ? "cluster" : "namespaces"));
}

void zl_cache_start(struct zl_cache *cache, struct slot *slot)
{
    if (slot->informer != NULL && !cache->stopping && !atomic_exchange(&slot->started, true)) {
        cache->was_synced = false;
        zl_informer_start(slot->informer);
    }
}

static void start_followed(struct zl_cache *cache, enum zl_cached kind)
{
    struct slot *slot = &cache->slots[kind];
    if (slot->informer == NULL || atomic_load(&slot->started)) {
        return;
    }
    if (atomic_load(&cache->cluster_wide)) {
        zl_informer_follow(slot->informer, NULL);
    }
    zl_cache_start(cache, slot);
    size_t count = 0;
    char **names = zl_interests_names(cache->interests, &count);
    for (size_t i = 0; i < count && !atomic_load(&cache->cluster_wide); i++) {
        const struct zl_interest interest = zl_interests_of(cache->interests, names[i]);
        if (zl_interest_wants(&interest, kind)) {
            zl_informer_follow(slot->informer, names[i]);
        }
    }
    zl_interests_names_free(names, count);
}

void zl_cache_advance(struct zl_cache *cache)
{
    zl_monitor_lock(&cache->monitor);
    if (cache->routing && is_listed(&cache->slots[ZL_CACHED_POLICIES])) {
        zl_cache_start(cache, &cache->slots[ZL_CACHED_SERVICES]);
    }
    if (!cache->stopping && knows_users(cache)) {
        decide(cache);
        for (int kind = 0; kind < ZL_CACHED_COUNT; kind++) {
            const bool due = kind == ZL_CACHED_PODS ? cache->pools || cache->routing : cache->pools;
            if (zl_cache_is_by_namespace((enum zl_cached)kind) && due) {
                start_followed(cache, (enum zl_cached)kind);
            }
        }
    }
    zl_monitor_wake_all(&cache->monitor);
    zl_monitor_unlock(&cache->monitor);
}
