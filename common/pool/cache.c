/* SPDX-License-Identifier: Apache-2.0 */
#include "common/pool/cache.h"

#include "common/pool/names.h"

#include <string.h>

struct zl_cache;

/* What an informer's callbacks get: the cache, and which of its informers called. */
struct slot {
    struct zl_cache *cache;
    enum zl_cached kind;
    struct zl_informer *informer; /* NULL: not wanted */
};

struct zl_cache {
    struct zl_cache_options options;
    struct slot slots[ZL_CACHED_COUNT];
};

static bool has_policy(struct zl_cache *cache, const char *namespace_, size_t at_least)
{
    ZL_AUTO_REFS struct zl_refs policies = {0};
    zl_cache_list(cache, ZL_CACHED_POLICIES, namespace_, &policies);
    return policies.count >= at_least;
}

static enum zl_status decode_policy(void *ctx, const struct cJSON *object, void **out,
                                    struct zl_error *err)
{
    (void)ctx;
    struct zl_policy *policy = NULL;
    enum zl_status status = zl_policy_decode(object, &policy, err);
    *out = policy;
    return status;
}

static enum zl_status decode_workload(void *ctx, const struct cJSON *object, void **out,
                                      struct zl_error *err)
{
    const struct slot *slot = ctx;
    struct zl_workload *workload = NULL;
    enum zl_workload_kind kind =
        slot->kind == ZL_CACHED_DEPLOYMENTS ? ZL_WORKLOAD_DEPLOYMENT : ZL_WORKLOAD_STATEFULSET;
    enum zl_status status = zl_workload_decode(kind, object, &workload, err);
    if (status == ZL_OK && workload->pool != NULL) {
        *out = workload;
    } else {
        zl_workload_free(workload);
    }
    return status;
}

static enum zl_status decode_lease(void *ctx, const struct cJSON *object, void **out,
                                   struct zl_error *err)
{
    (void)ctx;
    struct zl_lease *lease = NULL;
    enum zl_status status = zl_lease_decode(object, &lease, err);
    *out = lease;
    return status;
}

static enum zl_status decode_pod(void *ctx, const struct cJSON *object, void **out,
                                 struct zl_error *err)
{
    const struct slot *slot = ctx;
    struct zl_pod *pod = NULL;
    if (!has_policy(slot->cache, zl_json_text(object, "metadata", "namespace", NULL), 1)) {
        return ZL_OK;
    }
    enum zl_status status = zl_pod_decode(object, &pod, err);
    if (status == ZL_OK && pod->meta.controller.uid != NULL) {
        *out = pod;
    } else {
        zl_pod_free(pod);
    }
    return status;
}

static enum zl_status decode_replicaset(void *ctx, const struct cJSON *object, void **out,
                                        struct zl_error *err)
{
    const struct slot *slot = ctx;
    struct zl_replicaset *replicaset = NULL;
    if (!has_policy(slot->cache, zl_json_text(object, "metadata", "namespace", NULL), 1)) {
        return ZL_OK;
    }
    enum zl_status status = zl_replicaset_decode(object, &replicaset, err);
    *out = replicaset;
    return status;
}

/* The first pool of a namespace: from now on its pods and ReplicaSets are wanted. */
static void widen(struct zl_cache *cache, const struct zl_policy *policy)
{
    if (has_policy(cache, policy->meta.namespace_, 2)) {
        return;
    }
    zl_informer_relist(cache->slots[ZL_CACHED_PODS].informer);
    if (cache->slots[ZL_CACHED_REPLICASETS].informer != NULL) {
        zl_informer_relist(cache->slots[ZL_CACHED_REPLICASETS].informer);
    }
}

static void changed(void *ctx, const void *old_object, const void *new_object)
{
    const struct slot *slot = ctx;
    struct zl_cache *cache = slot->cache;
    if (slot->kind == ZL_CACHED_POLICIES && old_object == NULL) {
        widen(cache, new_object);
    }
    if (cache->options.on_change != NULL) {
        cache->options.on_change(cache->options.ctx, slot->kind, old_object, new_object);
    }
}

static const struct zl_informer_spec SPECS[ZL_CACHED_COUNT] = {
    [ZL_CACHED_POLICIES] = {.resource = &ZL_KUBE_LEADERPOLICIES,
                            .decode = decode_policy,
                            .free_object = zl_policy_free},
    [ZL_CACHED_DEPLOYMENTS] = {.resource = &ZL_KUBE_DEPLOYMENTS,
                               .decode = decode_workload,
                               .free_object = zl_workload_free},
    [ZL_CACHED_STATEFULSETS] = {.resource = &ZL_KUBE_STATEFULSETS,
                                .decode = decode_workload,
                                .free_object = zl_workload_free},
    [ZL_CACHED_LEASES] = {.resource = &ZL_KUBE_LEASES,
                          .label_selector = ZL_LEASE_SELECTOR,
                          .decode = decode_lease,
                          .free_object = zl_lease_free},
    [ZL_CACHED_PODS] = {.resource = &ZL_KUBE_PODS,
                        .decode = decode_pod,
                        .free_object = zl_pod_free},
    [ZL_CACHED_REPLICASETS] = {.resource = &ZL_KUBE_REPLICASETS,
                               .decode = decode_replicaset,
                               .free_object = zl_replicaset_free},
};

struct zl_cache *zl_cache_new(struct zl_kube_client *client, const struct zl_cache_options *options)
{
    struct zl_cache *cache = zl_alloc(sizeof *cache);
    cache->options = *options;
    for (int kind = 0; kind < ZL_CACHED_COUNT; kind++) {
        struct slot *slot = &cache->slots[kind];
        struct zl_informer_spec spec = SPECS[kind];
        slot->cache = cache;
        slot->kind = (enum zl_cached)kind;
        if (kind == ZL_CACHED_REPLICASETS && !options->with_replicasets) {
            continue;
        }
        spec.on_change = changed;
        spec.ctx = slot;
        slot->informer = zl_informer_new(client, &spec);
    }
    return cache;
}

void zl_cache_start(struct zl_cache *cache)
{
    for (int kind = 0; kind < ZL_CACHED_COUNT; kind++) {
        if (cache->slots[kind].informer != NULL) {
            zl_informer_start(cache->slots[kind].informer);
        }
    }
}

void zl_cache_stop(struct zl_cache *cache)
{
    for (int kind = 0; kind < ZL_CACHED_COUNT; kind++) {
        if (cache->slots[kind].informer != NULL) {
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
    free(cache);
}

bool zl_cache_is_synced(struct zl_cache *cache, const char **lagging)
{
    for (int kind = 0; kind < ZL_CACHED_COUNT; kind++) {
        struct zl_informer *informer = cache->slots[kind].informer;
        if (informer != NULL && !zl_informer_is_synced(informer)) {
            *lagging = zl_informer_name(informer);
            return false;
        }
    }
    return true;
}

bool zl_cache_wait_synced(struct zl_cache *cache, bool (*stop)(void *ctx), void *ctx)
{
    for (int kind = 0; kind < ZL_CACHED_COUNT; kind++) {
        struct zl_informer *informer = cache->slots[kind].informer;
        if (informer != NULL && !zl_informer_wait_synced(informer, stop, ctx)) {
            return false;
        }
    }
    return true;
}

uint64_t zl_cache_position(struct zl_cache *cache, enum zl_cached kind)
{
    return zl_informer_position(cache->slots[kind].informer);
}

struct zl_ref *zl_cache_find(struct zl_cache *cache, enum zl_cached kind, const char *namespace_,
                             const char *name)
{
    return zl_store_find(zl_informer_store(cache->slots[kind].informer), namespace_, name);
}

struct zl_ref *zl_cache_find_lease(struct zl_cache *cache, const char *namespace_, const char *pool)
{
    ZL_AUTO_FREE char *name = zl_lease_name(pool);
    return zl_cache_find(cache, ZL_CACHED_LEASES, namespace_, name);
}

void zl_cache_list(struct zl_cache *cache, enum zl_cached kind, const char *namespace_,
                   struct zl_refs *out)
{
    zl_store_list(zl_informer_store(cache->slots[kind].informer), namespace_, out);
}

void zl_cache_list_workloads(struct zl_cache *cache, const char *namespace_, const char *pool,
                             struct zl_refs *out)
{
    for (int kind = ZL_CACHED_DEPLOYMENTS; kind <= ZL_CACHED_STATEFULSETS; kind++) {
        ZL_AUTO_REFS struct zl_refs all = {0};
        zl_cache_list(cache, (enum zl_cached)kind, namespace_, &all);
        for (size_t i = 0; i < all.count; i++) {
            const struct zl_workload *workload = zl_ref_object(all.items[i]);
            if (zl_same_string(workload->pool, pool)) {
                zl_refs_add(out, zl_ref_hold(all.items[i]));
            }
        }
    }
}
