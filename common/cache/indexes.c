/* SPDX-License-Identifier: Apache-2.0 */
#include "common/cache/indexes.h"

#include "common/objects/labels.h"
#include "common/objects/names.h"

#include <string.h>

static void add_text(const char *text, void (*add)(void *ctx, const char *value), void *ctx)
{
    if (text != NULL) {
        add(ctx, text);
    }
}

static void owner_of_pod(const void *object, void (*add)(void *ctx, const char *value), void *ctx)
{
    const struct zl_pod *pod = object;
    add_text(pod->meta.controller.uid, add, ctx);
}

static void owner_of_replicaset(const void *object, void (*add)(void *ctx, const char *value),
                                void *ctx)
{
    const struct zl_replicaset *replicaset = object;
    add_text(replicaset->meta.controller.uid, add, ctx);
}

static void owner_of_revision(const void *object, void (*add)(void *ctx, const char *value),
                              void *ctx)
{
    const struct zl_revision *revision = object;
    add_text(revision->meta.controller.uid, add, ctx);
}

static void owner_of_job(const void *object, void (*add)(void *ctx, const char *value), void *ctx)
{
    const struct zl_job *job = object;
    add_text(job->meta.controller.uid, add, ctx);
}

static void pool_of_job(const void *object, void (*add)(void *ctx, const char *value), void *ctx)
{
    const struct zl_job *job = object;
    add_text(job->pool, add, ctx);
}

static void pool_of_cronjob(const void *object, void (*add)(void *ctx, const char *value),
                            void *ctx)
{
    const struct zl_cronjob *cronjob = object;
    add_text(cronjob->pool, add, ctx);
}

static void labels_of_pod(const void *object, void (*add)(void *ctx, const char *value), void *ctx)
{
    const struct zl_pod *pod = object;
    for (const char *at = pod->labels; at != NULL && *at != '\0'; at += strlen(at) + 1) {
        add(ctx, at);
    }
}

/* One label of the selector is enough: a pod that is selected has it. */
static void label_of_service(const void *object, void (*add)(void *ctx, const char *value),
                             void *ctx)
{
    const struct zl_service *service = object;
    if (!service->ours) {
        add_text(service->selector, add, ctx);
    }
}

static void pool_of_workload(const void *object, void (*add)(void *ctx, const char *value),
                             void *ctx)
{
    const struct zl_workload *workload = object;
    add_text(workload->pool, add, ctx);
}

static void pool_of_service(const void *object, void (*add)(void *ctx, const char *value),
                            void *ctx)
{
    const struct zl_service *service = object;
    add_text(service->ours ? service->pool : service->joined_pool, add, ctx);
}

static void pool_of_slice(const void *object, void (*add)(void *ctx, const char *value), void *ctx)
{
    const struct zl_slice *slice = object;
    add_text(slice->pool, add, ctx);
}

static void source_of_service(const void *object, void (*add)(void *ctx, const char *value),
                              void *ctx)
{
    const struct zl_service *service = object;
    if (service->ours) {
        add_text(service->source, add, ctx);
    }
}

static void source_of_slice(const void *object, void (*add)(void *ctx, const char *value),
                            void *ctx)
{
    const struct zl_slice *slice = object;
    add_text(slice->source, add, ctx);
}

static void target_of_slice(const void *object, void (*add)(void *ctx, const char *value),
                            void *ctx)
{
    const struct zl_slice *slice = object;
    add_text(slice->target_name, add, ctx);
}

static void name_wanted_by(const void *object, void (*add)(void *ctx, const char *value), void *ctx)
{
    const struct zl_service *service = object;
    if (service->opted_in) {
        ZL_AUTO_FREE char *name = zl_service_leader_name(service);
        add(ctx, name);
    }
}

static void holder_of_lease(const void *object, void (*add)(void *ctx, const char *value),
                            void *ctx)
{
    const struct zl_lease *lease = object;
    add_text(lease->holder_pod, add, ctx);
}

const struct zl_indexer *zl_indexers_of(enum zl_cached kind)
{
    static const struct zl_indexer indexers[ZL_CACHED_COUNT][ZL_BY_COUNT] = {
        [ZL_CACHED_DEPLOYMENTS] = {[ZL_BY_POOL] = {pool_of_workload}},
        [ZL_CACHED_STATEFULSETS] = {[ZL_BY_POOL] = {pool_of_workload}},
        [ZL_CACHED_CRONJOBS] = {[ZL_BY_POOL] = {pool_of_cronjob}},
        [ZL_CACHED_JOBS] = {[ZL_BY_OWNER] = {owner_of_job}, [ZL_BY_POOL] = {pool_of_job}},
        [ZL_CACHED_LEASES] = {[ZL_BY_HOLDER] = {holder_of_lease}},
        [ZL_CACHED_PODS] = {[ZL_BY_OWNER] = {owner_of_pod}, [ZL_BY_LABEL] = {labels_of_pod}},
        [ZL_CACHED_REPLICASETS] = {[ZL_BY_OWNER] = {owner_of_replicaset}},
        [ZL_CACHED_REVISIONS] = {[ZL_BY_OWNER] = {owner_of_revision}},
        [ZL_CACHED_SERVICES] = {[ZL_BY_LABEL] = {label_of_service},
                                [ZL_BY_POOL] = {pool_of_service},
                                [ZL_BY_SOURCE] = {source_of_service},
                                [ZL_BY_WANTED_NAME] = {name_wanted_by}},
        [ZL_CACHED_SLICES] = {[ZL_BY_POOL] = {pool_of_slice},
                              [ZL_BY_SOURCE] = {source_of_slice},
                              [ZL_BY_HOLDER] = {target_of_slice}},
    };
    return indexers[kind];
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

void zl_cache_list_selecting(struct zl_cache *cache, const char *namespace_, const char *labels,
                             struct zl_refs *out)
{
    ZL_AUTO_REFS struct zl_refs services = {0};
    for (const char *at = labels; at != NULL && *at != '\0'; at += strlen(at) + 1) {
        zl_cache_list_by(cache, ZL_CACHED_SERVICES, ZL_BY_LABEL, namespace_, at, &services);
    }
    for (size_t i = 0; i < services.count; i++) {
        const struct zl_service *service = zl_ref_object(services.items[i]);
        if (zl_labels_match(labels, service->selector)) {
            zl_refs_add(out, zl_ref_hold(services.items[i]));
        }
    }
}

void zl_cache_list_pods_of(struct zl_cache *cache, const struct zl_workload *workload,
                           struct zl_refs *out)
{
    const char *namespace_ = workload->meta.namespace_;
    if (workload->kind == ZL_WORKLOAD_STATEFULSET) {
        zl_cache_list_by(cache, ZL_CACHED_PODS, ZL_BY_OWNER, namespace_, workload->meta.uid, out);
        return;
    }
    ZL_AUTO_REFS struct zl_refs replicasets = {0};
    zl_cache_list_by(cache, ZL_CACHED_REPLICASETS, ZL_BY_OWNER, namespace_, workload->meta.uid,
                     &replicasets);
    for (size_t i = 0; i < replicasets.count; i++) {
        const struct zl_replicaset *replicaset = zl_ref_object(replicasets.items[i]);
        zl_cache_list_by(cache, ZL_CACHED_PODS, ZL_BY_OWNER, namespace_, replicaset->meta.uid, out);
    }
}
