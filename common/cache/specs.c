/* SPDX-License-Identifier: Apache-2.0 */
/*
 * specs.c - what is kept of each kind: decoding is filtering.
 */
#include "common/cache/internal.h"
#include "common/objects/names.h"

static enum zl_status decode_policy(void *ctx, const struct cJSON *object, void **out,
                                    struct zl_error *err)
{
    (void)ctx;
    struct zl_policy *policy = NULL;
    enum zl_status status = zl_policy_decode(object, &policy, err);
    if (status == ZL_OK && !zl_pool_name_is_valid(policy->meta.name)) {
        zl_policy_free(
            policy); /* made while the webhook was away: no pool, and its Lease is not touched */
        return ZL_OK;
    }
    *out = policy;
    return status;
}

static const struct zl_kind *kind_of(const struct slot *slot)
{
    return ZL_KINDS[slot->kind - ZL_CACHED_KINDS];
}

/* Whether its maker is in a pool may change, and the object shows nothing of that. */
static bool wants_member(void *ctx, const void *object)
{
    const struct slot *slot = ctx;
    const struct zl_kind *kind = kind_of(slot);
    if (kind->pool(object) != NULL || (kind->is_marked != NULL && kind->is_marked(object))) {
        return true;
    }
    return kind->maker != NULL && kind->asks_maker(object) &&
           zl_cache_wants(slot, zl_kind_meta(object)->namespace_);
}

/* Of a Kind that may join a pool; nothing else has this decoder. */
static enum zl_status decode_member(void *ctx, const struct cJSON *json, void **out,
                                    struct zl_error *err)
{
    const struct zl_kind *kind = kind_of(ctx);
    void *object = NULL;
    enum zl_status status = kind->decode(kind, json, &object, err);
    if (status != ZL_OK) {
        return status;
    }
    if (wants_member(ctx, object)) {
        *out = object;
    } else {
        kind->free_object(object);
    }
    return ZL_OK;
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

static const char *namespace_of(const struct cJSON *object)
{
    return zl_json_text(object, "metadata", "namespace", NULL);
}

static enum zl_status decode_pod(void *ctx, const struct cJSON *object, void **out,
                                 struct zl_error *err)
{
    const struct slot *slot = ctx;
    struct zl_pod *pod = NULL;
    if (!zl_cache_wants(slot, namespace_of(object))) {
        return ZL_OK;
    }
    enum zl_status status = zl_pod_decode(object, &pod, err);
    bool wanted = status == ZL_OK && pod->meta.controller.uid != NULL;
    if (status == ZL_OK && !wanted) { /* behind a Service it may be all the same */
        wanted = zl_interests_of(slot->cache->interests, pod->meta.namespace_).services > 0;
    }
    if (wanted) {
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
    if (!zl_cache_wants(slot, namespace_of(object))) {
        return ZL_OK;
    }
    enum zl_status status = zl_replicaset_decode(object, &replicaset, err);
    *out = replicaset;
    return status;
}

/* By us, when a newer revision waits. */
static bool is_replaced(const struct zl_controller_ref *owner)
{
    const struct zl_kind *kind = zl_kind_of_pods(owner);
    return kind != NULL && kind->rollout == ZL_ROLLOUT_REPLACE;
}

static enum zl_status decode_revision(void *ctx, const struct cJSON *object, void **out,
                                      struct zl_error *err)
{
    const struct slot *slot = ctx;
    struct zl_revision *revision = NULL;
    if (!zl_cache_wants(slot, namespace_of(object))) {
        return ZL_OK;
    }
    enum zl_status status = zl_revision_decode(object, &revision, err);
    if (status == ZL_OK && is_replaced(&revision->meta.controller)) {
        *out = revision;
    } else {
        zl_revision_free(revision);
    }
    return status;
}

static bool wants_service(void *ctx, const void *object)
{
    const struct zl_service *service = object;
    return service->opted_in || service->ours || zl_cache_wants(ctx, service->meta.namespace_);
}

static enum zl_status decode_service(void *ctx, const struct cJSON *object, void **out,
                                     struct zl_error *err)
{
    struct zl_service *service = NULL;
    enum zl_status status = zl_service_decode(object, &service, err);
    if (status != ZL_OK) {
        return status;
    }
    if (wants_service(ctx, service)) {
        *out = service;
    } else {
        zl_service_free(service);
    }
    return ZL_OK;
}

static enum zl_status decode_slice(void *ctx, const struct cJSON *object, void **out,
                                   struct zl_error *err)
{
    (void)ctx;
    struct zl_slice *slice = NULL;
    enum zl_status status = zl_slice_decode(object, &slice, err);
    *out = slice;
    return status;
}

static enum zl_status decode_node(void *ctx, const struct cJSON *object, void **out,
                                  struct zl_error *err)
{
    (void)ctx;
    struct zl_node *node = NULL;
    enum zl_status status = zl_node_decode(object, &node, err);
    *out = node;
    return status;
}

static const struct zl_informer_spec SPECS[ZL_CACHED_COUNT] = {
    [ZL_CACHED_POLICIES] = {.resource = &ZL_KUBE_LEADERPOLICIES,
                            .shape = ZL_POLICY_SHAPE,
                            .decode = decode_policy,
                            .free_object = zl_policy_free},
    [ZL_CACHED_LEASES] = {.resource = &ZL_KUBE_LEASES,
                          .label_selector = ZL_LEASE_SELECTOR,
                          .shape = ZL_LEASE_SHAPE,
                          .decode = decode_lease,
                          .free_object = zl_lease_free},
    [ZL_CACHED_PODS] = {.resource = &ZL_KUBE_PODS,
                        .shape = ZL_POD_SHAPE,
                        .partial = true, /* it exists, and may lead */
                        .decode = decode_pod,
                        .free_object = zl_pod_free},
    [ZL_CACHED_REPLICASETS] = {.resource = &ZL_KIND_REPLICASET.resource,
                               .shape = ZL_REPLICASET_SHAPE,
                               .decode = decode_replicaset,
                               .free_object = zl_replicaset_free},
    [ZL_CACHED_REVISIONS] = {.resource = &ZL_KUBE_CONTROLLERREVISIONS,
                             .shape = ZL_REVISION_SHAPE,
                             .decode = decode_revision,
                             .free_object = zl_revision_free},
    [ZL_CACHED_SERVICES] = {.resource = &ZL_KUBE_SERVICES,
                            .shape = ZL_SERVICE_SHAPE,
                            .decode = decode_service,
                            .lasting = true,
                            .is_wanted = wants_service,
                            .free_object = zl_service_free},
    [ZL_CACHED_SLICES] = {.resource = &ZL_KUBE_ENDPOINTSLICES,
                          .label_selector = ZL_SLICE_SELECTOR,
                          .shape = ZL_SLICE_SHAPE,
                          .decode = decode_slice,
                          .free_object = zl_slice_free},
    [ZL_CACHED_NODES] = {.resource = &ZL_KUBE_NODES,
                         .metadata_only = true,
                         .shape = ZL_NODE_SHAPE,
                         .decode = decode_node,
                         .free_object = zl_node_free},
};

struct zl_informer_spec zl_cache_spec(enum zl_cached cached)
{
    const struct zl_kind *kind = zl_kind_cached(cached);
    if (kind == NULL) {
        return SPECS[cached];
    }
    return (struct zl_informer_spec){.resource = &kind->resource,
                                     .alternative = kind->alternative,
                                     .shape = kind->shape,
                                     .decode = decode_member,
                                     .is_wanted = wants_member,
                                     .free_object = kind->free_object};
}

/* --- who carries our label --- */

static enum zl_status decode_labelled(void *ctx, const struct cJSON *object, void **out,
                                      struct zl_error *err)
{
    (void)ctx;
    (void)err;
    *out = zl_strdup(namespace_of(object));
    return ZL_OK;
}

struct zl_informer_spec zl_cache_labelled_spec(const struct zl_kind *kind)
{
    return (struct zl_informer_spec){.resource = &kind->resource,
                                     .alternative = kind->alternative,
                                     .label_selector = ZL_KEY_POOL,
                                     .metadata_only = true,
                                     .shape = ZL_OBJECT_SHAPE,
                                     .partial = true,
                                     .decode = decode_labelled,
                                     .free_object = free,
                                     .on_change = zl_cache_note_labelled};
}
