/* SPDX-License-Identifier: Apache-2.0 */
#include "common/cache/indexes.h"

#include "common/objects/labels.h"
#include "common/objects/names.h"
#include "common/objects/selectors.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

/* What our cached objects begin with. */
static_assert(offsetof(struct zl_pod, meta) == 0, "zl_meta first");
static_assert(offsetof(struct zl_replicaset, meta) == 0, "zl_meta first");
static_assert(offsetof(struct zl_revision, meta) == 0, "zl_meta first");

static const char *owner_of(const void *object)
{
    return zl_kind_meta(object)->controller.uid;
}

static void labels_of_pod(const void *object, void (*add)(void *ctx, const char *value), void *ctx)
{
    const struct zl_pod *pod = object;
    for (const char *at = pod->labels; at != NULL && *at != '\0'; at += strlen(at) + 1) {
        add(ctx, at);
    }
}

/* One label of the selector is enough: a pod that is selected has it. */
static const char *label_of_service(const void *object)
{
    const struct zl_service *service = object;
    return service->ours ? NULL : service->selector;
}

/* Of a selector without any label, "": it may select every pod. */
static void label_of_workload(const void *object, void (*add)(void *ctx, const char *value),
                              void *ctx)
{
    ZL_AUTO_FREE char *label = zl_selector_label(((const struct zl_workload *)object)->selector);
    add(ctx, label);
}

static const char *pool_of_service(const void *object)
{
    const struct zl_service *service = object;
    return service->ours ? service->pool : service->joined_pool;
}

static const char *pool_of_slice(const void *object)
{
    return ((const struct zl_slice *)object)->pool;
}

static const char *source_of_service(const void *object)
{
    const struct zl_service *service = object;
    return service->ours ? service->source : NULL;
}

static const char *source_of_slice(const void *object)
{
    return ((const struct zl_slice *)object)->source;
}

static const char *target_of_slice(const void *object)
{
    return ((const struct zl_slice *)object)->target_name;
}

static void name_wanted_by(const void *object, void (*add)(void *ctx, const char *value), void *ctx)
{
    const struct zl_service *service = object;
    if (service->opted_in) {
        ZL_AUTO_FREE char *name = zl_service_leader_name(service);
        add(ctx, name);
    }
}

static const char *holder_of_lease(const void *object)
{
    return ((const struct zl_lease *)object)->holder_pod;
}

void zl_indexers_of(enum zl_cached cached, struct zl_indexer out[ZL_BY_COUNT])
{
    static const struct zl_indexer INDEXERS[ZL_CACHED_COUNT][ZL_BY_COUNT] = {
        [ZL_CACHED_LEASES] = {[ZL_BY_POD] = {.value = holder_of_lease}},
        [ZL_CACHED_PODS] =
            {[ZL_BY_OWNER] = {.value = owner_of}, [ZL_BY_LABEL] = {.values = labels_of_pod}},
        [ZL_CACHED_REPLICASETS] = {[ZL_BY_OWNER] = {.value = owner_of}},
        [ZL_CACHED_REVISIONS] = {[ZL_BY_OWNER] = {.value = owner_of}},
        [ZL_CACHED_SERVICES] = {[ZL_BY_LABEL] = {.value = label_of_service},
                                [ZL_BY_POOL] = {.value = pool_of_service},
                                [ZL_BY_SOURCE] = {.value = source_of_service},
                                [ZL_BY_WANTED_NAME] = {.values = name_wanted_by}},
        [ZL_CACHED_SLICES] = {[ZL_BY_POOL] = {.value = pool_of_slice},
                              [ZL_BY_SOURCE] = {.value = source_of_slice},
                              [ZL_BY_POD] = {.value = target_of_slice}},
    };
    const struct zl_kind *kind = zl_kind_cached(cached);
    if (kind == NULL) {
        memcpy(out, INDEXERS[cached], sizeof INDEXERS[cached]);
        return;
    }
    memset(out, 0, ZL_BY_COUNT * sizeof *out);
    out[ZL_BY_POOL].value = kind->pool;
    out[ZL_BY_OWNER].value = kind->maker != NULL ? owner_of : NULL;
    out[ZL_BY_LABEL].values = kind->between != NULL ? label_of_workload : NULL;
}

void zl_cache_list_selected(struct zl_cache *cache, const char *namespace_, const char *selector,
                            struct zl_refs *out)
{
    const char *rarest = NULL;
    size_t fewest = 0;
    for (const char *at = selector; at != NULL && *at != '\0'; at += strlen(at) + 1) {
        size_t count = zl_cache_count_by(cache, ZL_CACHED_PODS, ZL_BY_LABEL, namespace_, at);
        if (rarest == NULL || count < fewest) {
            rarest = at;
            fewest = count;
        }
    }
    if (rarest == NULL) {
        return;
    }
    ZL_AUTO_REFS struct zl_refs pods = {0};
    zl_cache_list_by(cache, ZL_CACHED_PODS, ZL_BY_LABEL, namespace_, rarest, &pods);
    for (size_t i = 0; i < pods.count; i++) {
        const struct zl_pod *pod = zl_ref_object(pods.items[i]);
        if (zl_labels_match(pod->labels, selector)) {
            zl_refs_add(out, zl_ref_hold(pods.items[i]));
        }
    }
}

/* What is found by one of LABELS (packed; NULL: none). */
static void list_by_labels(struct zl_cache *cache, enum zl_cached cached, const char *namespace_,
                           const char *labels, struct zl_refs *out)
{
    for (const char *at = labels; at != NULL && *at != '\0'; at += strlen(at) + 1) {
        zl_cache_list_by(cache, cached, ZL_BY_LABEL, namespace_, at, out);
    }
}

void zl_cache_list_selecting(struct zl_cache *cache, const char *namespace_, const char *labels,
                             struct zl_refs *out)
{
    ZL_AUTO_REFS struct zl_refs services = {0};
    list_by_labels(cache, ZL_CACHED_SERVICES, namespace_, labels, &services);
    for (size_t i = 0; i < services.count; i++) {
        const struct zl_service *service = zl_ref_object(services.items[i]);
        if (zl_labels_match(labels, service->selector)) {
            zl_refs_add(out, zl_ref_hold(services.items[i]));
        }
    }
}

bool zl_cache_has_selecting(struct zl_cache *cache, const struct zl_kind *kind,
                            const char *namespace_, const char *labels, const char *but_uid)
{
    ZL_AUTO_REFS struct zl_refs workloads = {0};
    const enum zl_cached cached = zl_cached_of(kind);
    zl_cache_list_by(cache, cached, ZL_BY_LABEL, namespace_, "", &workloads);
    list_by_labels(cache, cached, namespace_, labels, &workloads);
    for (size_t i = 0; i < workloads.count; i++) {
        const struct zl_workload *workload = zl_ref_object(workloads.items[i]);
        if (!zl_same_string(workload->meta.uid, but_uid) &&
            zl_selector_may_match(workload->selector, labels)) {
            return true;
        }
    }
    return false;
}
