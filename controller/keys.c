/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/keys.h"

#include "controller/pool.h"

#include <string.h>

static void enqueue(struct zl_workqueue *queue, const char *namespace_, const char *pool)
{
    if (pool == NULL) {
        return;
    }
    ZL_AUTO_FREE char *key = zl_asprintf("%s/%s", namespace_, pool);
    zl_workqueue_add(queue, key);
}

static void enqueue_owner(struct zl_cache *cache, struct zl_workqueue *queue,
                          const char *namespace_, const struct zl_owner *owner)
{
    ZL_AUTO_REF struct zl_ref *ref = zl_pool_workload_of(cache, namespace_, owner);
    if (ref == NULL) {
        return;
    }
    const struct zl_workload *workload = zl_ref_object(ref);
    enqueue(queue, namespace_, workload->pool);
}

/* Its owner may be gone already (a deleted Deployment); then the Lease that names it still leads here. */
static void enqueue_led_by(struct zl_cache *cache, struct zl_workqueue *queue,
                           const struct zl_pod *pod)
{
    ZL_AUTO_REFS struct zl_refs leases = {0};
    zl_cache_list(cache, ZL_CACHED_LEASES, pod->meta.namespace_, &leases);
    for (size_t i = 0; i < leases.count; i++) {
        const struct zl_lease *lease = zl_ref_object(leases.items[i]);
        if (zl_same_string(lease->holder_pod, pod->meta.name)) {
            enqueue(queue, pod->meta.namespace_, lease->pool);
        }
    }
}

static void enqueue_object(struct zl_cache *cache, struct zl_workqueue *queue, enum zl_cached kind,
                           const void *object)
{
    switch (kind) {
    case ZL_CACHED_POLICIES: {
        const struct zl_policy *policy = object;
        enqueue(queue, policy->meta.namespace_, policy->meta.name);
        break;
    }
    case ZL_CACHED_DEPLOYMENTS:
    case ZL_CACHED_STATEFULSETS: {
        const struct zl_workload *workload = object;
        enqueue(queue, workload->meta.namespace_, workload->pool);
        break;
    }
    case ZL_CACHED_LEASES: {
        const struct zl_lease *lease = object;
        enqueue(queue, lease->namespace_, lease->pool);
        break;
    }
    case ZL_CACHED_PODS: {
        const struct zl_pod *pod = object;
        enqueue_owner(cache, queue, pod->meta.namespace_, &pod->meta.controller);
        enqueue_led_by(cache, queue, pod);
        break;
    }
    case ZL_CACHED_REPLICASETS: {
        const struct zl_replicaset *replicaset = object;
        const struct zl_owner self = {.kind = (char[]){"ReplicaSet"},
                                      .name = replicaset->meta.name,
                                      .uid = replicaset->meta.uid};
        enqueue_owner(cache, queue, replicaset->meta.namespace_, &self);
        break;
    }
    case ZL_CACHED_COUNT:
        break;
    }
}

void zl_keys_enqueue(struct zl_cache *cache, struct zl_workqueue *queue, enum zl_cached kind,
                     const void *old_object, const void *new_object)
{
    if (old_object != NULL) {
        enqueue_object(cache, queue, kind, old_object);
    }
    if (new_object != NULL) {
        enqueue_object(cache, queue, kind, new_object);
    }
}

void zl_key_split(const char *key, char **namespace_, char **pool)
{
    const char *slash = strchr(key, '/');
    size_t length = slash != NULL ? (size_t)(slash - key) : 0;
    *namespace_ = zl_strndup(key, length);
    *pool = zl_strdup(slash != NULL ? slash + 1 : key);
}
