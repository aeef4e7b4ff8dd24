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
    *out = policy;
    return status;
}

/* Of a Kind that may join a pool. Whether its maker is in one may change, and the object shows nothing of that. */
static enum zl_status decode_member(void *ctx, const struct cJSON *json, void **out,
                                    struct zl_error *err)
{
    const struct slot *slot = ctx;
    const struct zl_kind *kind =
        ZL_KINDS[slot->kind - ZL_CACHED_KINDS]; /* nothing else has this decoder */
    void *object = NULL;
    enum zl_status status = kind->decode(kind, json, &object, err);
    if (status != ZL_OK) {
        return status;
    }
    bool follows = kind->maker != NULL && kind->asks_maker(object) &&
                   zl_cache_interest(slot->cache, zl_kind_meta(object)->namespace_).policies > 0;
    if (kind->pool(object) != NULL || follows ||
        (kind->is_marked != NULL && kind->is_marked(object))) {
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

static enum zl_status decode_pod(void *ctx, const struct cJSON *object, void **out,
                                 struct zl_error *err)
{
    const struct slot *slot = ctx;
    struct zl_pod *pod = NULL;
    struct interest interest =
        zl_cache_interest(slot->cache, zl_json_text(object, "metadata", "namespace", NULL));
    if (interest.policies + interest.services == 0) {
        return ZL_OK;
    }
    enum zl_status status = zl_pod_decode(object, &pod, err);
    if (status == ZL_OK && (interest.services > 0 || pod->meta.controller.uid != NULL)) {
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
    const char *namespace_ = zl_json_text(object, "metadata", "namespace", NULL);
    if (zl_cache_interest(slot->cache, namespace_).policies == 0) {
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
    const char *namespace_ = zl_json_text(object, "metadata", "namespace", NULL);
    if (zl_cache_interest(slot->cache, namespace_).policies == 0) {
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

static enum zl_status decode_service(void *ctx, const struct cJSON *object, void **out,
                                     struct zl_error *err)
{
    const struct slot *slot = ctx;
    struct zl_service *service = NULL;
    enum zl_status status = zl_service_decode(object, &service, err);
    if (status != ZL_OK) {
        return status;
    }
    struct interest interest = zl_cache_interest(slot->cache, service->meta.namespace_);
    if (service->opted_in || service->ours || interest.policies + interest.services > 0) {
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
                            .decode = decode_policy,
                            .free_object = zl_policy_free},
    [ZL_CACHED_LEASES] = {.resource = &ZL_KUBE_LEASES,
                          .label_selector = ZL_LEASE_SELECTOR,
                          .decode = decode_lease,
                          .free_object = zl_lease_free},
    [ZL_CACHED_PODS] = {.resource = &ZL_KUBE_PODS,
                        .decode = decode_pod,
                        .free_object = zl_pod_free},
    [ZL_CACHED_REPLICASETS] = {.resource = &ZL_KIND_REPLICASET.resource,
                               .decode = decode_replicaset,
                               .free_object = zl_replicaset_free},
    [ZL_CACHED_REVISIONS] = {.resource = &ZL_KUBE_CONTROLLERREVISIONS,
                             .decode = decode_revision,
                             .free_object = zl_revision_free},
    [ZL_CACHED_SERVICES] = {.resource = &ZL_KUBE_SERVICES,
                            .decode = decode_service,
                            .free_object = zl_service_free},
    [ZL_CACHED_SLICES] = {.resource = &ZL_KUBE_ENDPOINTSLICES,
                          .label_selector = ZL_SLICE_SELECTOR,
                          .decode = decode_slice,
                          .free_object = zl_slice_free},
    [ZL_CACHED_NODES] = {.resource = &ZL_KUBE_NODES,
                         .metadata_only = true,
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
                                     .decode = decode_member,
                                     .free_object = kind->free_object};
}
