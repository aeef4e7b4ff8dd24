/* SPDX-License-Identifier: Apache-2.0 */
/*
 * members.c - who is in a pool, of whatever Kind: from a pool to its members and their pods, and back.
 */
#include "common/cache/indexes.h"

void zl_cache_list_workloads(struct zl_cache *cache, const char *namespace_, const char *pool,
                             struct zl_refs *out)
{
    for (size_t i = 0; i < ZL_KIND_COUNT; i++) {
        if (!ZL_KINDS[i]->takes_turns) {
            zl_cache_list_by(cache, zl_cached_of(ZL_KINDS[i]), ZL_BY_POOL, namespace_, pool, out);
        }
    }
}

int64_t zl_cache_wanted_by_others(struct zl_cache *cache, const char *namespace_, const char *pool,
                                  const char *uid)
{
    ZL_AUTO_REFS struct zl_refs refs = {0};
    int64_t wanted = 0;
    zl_cache_list_workloads(cache, namespace_, pool, &refs);
    for (size_t i = 0; i < refs.count; i++) {
        const struct zl_workload *workload = zl_ref_object(refs.items[i]);
        wanted += zl_same_string(workload->meta.uid, uid) ? 0 : zl_workload_wants(workload);
    }
    return wanted;
}

size_t zl_cache_count_members(struct zl_cache *cache, const char *namespace_, const char *pool,
                              bool takes_turns)
{
    size_t count = 0;
    for (size_t i = 0; i < ZL_KIND_COUNT; i++) {
        if (ZL_KINDS[i]->takes_turns == takes_turns) {
            count +=
                zl_cache_count_by(cache, zl_cached_of(ZL_KINDS[i]), ZL_BY_POOL, namespace_, pool);
        }
    }
    return count;
}

struct zl_ref *zl_cache_find_controller(struct zl_cache *cache, const char *namespace_,
                                        const struct zl_controller_ref *ref)
{
    const struct zl_kind *kind = zl_kind_of(ref);
    if (kind == NULL || ref->name == NULL) {
        return NULL;
    }
    ZL_AUTO_REF struct zl_ref *found =
        zl_cache_find(cache, zl_cached_of(kind), namespace_, ref->name);
    bool is_it = found != NULL && zl_same_string(zl_kind_meta(zl_ref_object(found))->uid, ref->uid);
    return is_it ? ZL_STEAL(&found) : NULL;
}

struct zl_ref *zl_cache_find_owner(struct zl_cache *cache, const char *namespace_,
                                   const struct zl_controller_ref *controller)
{
    const struct zl_kind *kind = zl_kind_of_pods(controller);
    if (kind == NULL || kind->between == NULL) {
        return zl_cache_find_controller(cache, namespace_, controller);
    }
    ZL_AUTO_REF struct zl_ref *ref =
        controller->name != NULL
            ? zl_cache_find(cache, ZL_CACHED_REPLICASETS, namespace_, controller->name)
            : NULL;
    const struct zl_meta *between = ref != NULL ? zl_kind_meta(zl_ref_object(ref)) : NULL;
    if (between == NULL || !zl_same_string(between->uid, controller->uid)) {
        return NULL;
    }
    return zl_cache_find_controller(cache, namespace_, &between->controller);
}

char *zl_cache_pool_of(struct zl_cache *cache, const struct zl_kind *kind, const void *object)
{
    if (kind->maker == NULL || !kind->asks_maker(object)) {
        return zl_strdup(kind->pool(object));
    }
    const struct zl_meta *meta = zl_kind_meta(object);
    ZL_AUTO_REF struct zl_ref *maker =
        zl_cache_find_controller(cache, meta->namespace_, &meta->controller);
    return maker != NULL ? zl_strdup(kind->maker->pool(zl_ref_object(maker))) : NULL;
}

void zl_cache_list_pods_of(struct zl_cache *cache, const struct zl_workload *workload,
                           struct zl_refs *out)
{
    const char *namespace_ = workload->meta.namespace_;
    if (workload->kind->between == NULL) {
        zl_cache_list_by(cache, ZL_CACHED_PODS, ZL_BY_OWNER, namespace_, workload->meta.uid, out);
        return;
    }
    ZL_AUTO_REFS struct zl_refs between = {0};
    zl_cache_list_by(cache, ZL_CACHED_REPLICASETS, ZL_BY_OWNER, namespace_, workload->meta.uid,
                     &between);
    for (size_t i = 0; i < between.count; i++) {
        const struct zl_replicaset *replicaset = zl_ref_object(between.items[i]);
        zl_cache_list_by(cache, ZL_CACHED_PODS, ZL_BY_OWNER, namespace_, replicaset->meta.uid, out);
    }
}
