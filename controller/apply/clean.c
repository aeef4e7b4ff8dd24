/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clean.c - remove the Services and EndpointSlices of routes that are not wanted (any more).
 */
#include "controller/apply/internal.h"

#include "common/base/clock.h"
#include "common/base/log.h"

#include <string.h>

/* So long one stays whose workload's reference was taken off. */
enum { ORPHANED_MS = 20000 };

static bool is_kept(const struct zl_step *step, const char *service)
{
    for (size_t i = 0; i < step->of.clean.keep_count; i++) {
        if (zl_same_string(service, step->of.clean.keep[i])) {
            return true;
        }
    }
    return false;
}

static bool belongs_to(const struct zl_route_source *wanted, const char *source, const char *pool)
{
    if (wanted->pool != NULL) {
        return zl_same_string(pool, wanted->pool);
    }
    return pool == NULL && zl_same_string(source, wanted->service);
}

/* Has its owner, a workload, moved to another pool? Then the Service moves with it, when that pool is looked at. */
static bool moves(struct zl_cache *cache, const struct zl_route_source *wanted,
                  const struct zl_service *service)
{
    const struct zl_kind *kind = zl_kind_of(&service->meta.controller);
    ZL_AUTO_REF struct zl_ref *owner =
        kind != NULL
            ? zl_cache_find_controller(cache, service->meta.namespace_, &service->meta.controller)
            : NULL;
    const char *pool = owner != NULL ? kind->pool(zl_ref_object(owner)) : NULL;
    if (wanted->pool == NULL || pool == NULL || strcmp(pool, wanted->pool) == 0) {
        return false;
    }
    /* A pool without LeaderPolicy looks after nothing. */
    ZL_AUTO_REF struct zl_ref *policy =
        zl_cache_find(cache, ZL_CACHED_POLICIES, service->meta.namespace_, pool);
    return policy != NULL;
}

/*
 * Is SERVICE, of the route's source, not wanted (any more)? Not one without an owner: somebody orphaned it so that it stays, or has
 * just brought it back from a backup. Not one with a stranger's.
 */
static bool is_unwanted(struct zl_cache *cache, const struct zl_step *step,
                        const struct zl_service *service)
{
    const struct zl_route_source *wanted = &step->of.clean.source;
    const struct zl_controller_ref *owner = &service->meta.controller;
    bool our_owner = wanted->pool != NULL ? owner->uid != NULL || service->second_owner.uid != NULL
                                          : zl_same_string(owner->kind, "Service") &&
                                                zl_same_string(owner->name, wanted->service);
    return service->ours && our_owner && belongs_to(wanted, service->source, service->pool) &&
           !is_kept(step, service->meta.name) && !moves(cache, wanted, service);
}

/*
 * Milliseconds for which SERVICE, an unwanted one, stays all the same: its workload is gone, or has left its pool, for a moment
 * perhaps. The garbage collector has taken the workload's reference off by then, or somebody has, who wants to keep the Service.
 */
static int64_t stays_for_ms(const struct zl_applying *applying, const struct zl_service *service)
{
    const struct zl_controller_ref *owner = &service->meta.controller;
    bool of_workload =
        service->second_owner.uid != NULL && (owner->uid == NULL || zl_kind_of(owner) != NULL);
    if (applying->view->policy == NULL || !of_workload) {
        return 0;
    }
    int64_t age_ms = zl_since(applying->writer->sinces, service->meta.namespace_,
                              service->meta.name, ZL_TOPIC_DESERTED, "deserted", zl_clock_ms());
    return (owner->uid == NULL ? ORPHANED_MS : ZL_DESERTED_MS) - age_ms;
}

static bool goes(const struct zl_applying *applying, const struct zl_step *step,
                 const struct zl_service *service)
{
    return is_unwanted(applying->writer->cache, step, service) &&
           stays_for_ms(applying, service) <= 0;
}

/* A slice goes with its Service; by our hand as well, so that it is gone at once, and where there is no such Service. */
static bool slice_goes(const struct zl_applying *applying, const struct zl_step *step,
                       const struct zl_slice *slice)
{
    if (slice->service == NULL || slice->meta.controller.uid == NULL ||
        !belongs_to(&step->of.clean.source, slice->source, slice->pool) ||
        is_kept(step, slice->service)) {
        return false;
    }
    ZL_AUTO_REF struct zl_ref *service = zl_cache_find(applying->writer->cache, ZL_CACHED_SERVICES,
                                                       slice->meta.namespace_, slice->service);
    return service == NULL || goes(applying, step, zl_ref_object(service));
}

/* Of a Service that stays without its workload. */
static enum zl_status empty_slice(const struct zl_writer *writer, const struct zl_slice *slice,
                                  struct zl_error *err)
{
    const struct zl_kube_resource *resource = writer->slices;
    const struct zl_kube_target target = {
        .resource = resource, .namespace_ = slice->meta.namespace_, .name = slice->meta.name};
    struct zl_slice empty = *slice;
    empty.endpoint_count = empty.port_count = 0;
    if (slice->endpoint_count == 0) {
        return ZL_OK;
    }
    ZL_AUTO_JSON struct cJSON *object =
        zl_slice_encode(&empty, resource->version, slice->meta.resource_version);
    enum zl_status status = zl_kube_replace(writer->client, &target, object, NULL, err);
    return status == ZL_E_NOT_FOUND ? ZL_OK : status;
}

/* SERVICE is deleted, or emptied and looked at again. */
static enum zl_status clean_service(struct zl_applying *applying, const struct zl_service *service,
                                    const struct zl_refs *slices, struct zl_error *err)
{
    const struct zl_writer *writer = applying->writer;
    int64_t left_ms = stays_for_ms(applying, service);
    enum zl_status status = ZL_OK;
    if (left_ms <= 0) {
        return zl_delete_unwanted(writer, &ZL_KUBE_SERVICES, &service->meta, err);
    }
    zl_steps_look_again(applying->steps, left_ms);
    for (size_t i = 0; status == ZL_OK && i < slices->count; i++) {
        const struct zl_slice *slice = zl_ref_object(slices->items[i]);
        if (zl_same_string(slice->service, service->meta.name) && !slice->meta.deleting) {
            status = empty_slice(writer, slice, err);
        }
    }
    return status;
}

enum zl_status zl_delete_unwanted(const struct zl_writer *writer,
                                  const struct zl_kube_resource *resource,
                                  const struct zl_meta *meta, struct zl_error *err)
{
    bool deleted = false;
    enum zl_status status = zl_delete_object(writer, resource, meta, &deleted, err);
    if (deleted) {
        ZL_LOG_INFO(zl_reason_of(ZL_WHY_NOT_WANTED)->log, ZL_STR("kind", resource->kind),
                    ZL_STR("namespace", meta->namespace_), ZL_STR("name", meta->name));
    }
    return status;
}

enum zl_status zl_apply_clean(struct zl_applying *applying, const struct zl_step *step,
                              struct zl_error *err)
{
    const struct zl_writer *writer = applying->writer;
    const struct zl_route_source *wanted = &step->of.clean.source;
    ZL_AUTO_REFS struct zl_refs services = {0};
    ZL_AUTO_REFS struct zl_refs slices = {0};
    enum zl_status status = ZL_OK;
    enum zl_index index = wanted->pool != NULL ? ZL_BY_POOL : ZL_BY_SOURCE;
    const char *value = wanted->pool != NULL ? wanted->pool : wanted->service;
    zl_cache_list_by(writer->cache, ZL_CACHED_SERVICES, index, wanted->namespace_, value,
                     &services);
    zl_cache_list_by(writer->cache, ZL_CACHED_SLICES, index, wanted->namespace_, value, &slices);
    for (size_t i = 0; status == ZL_OK && i < services.count; i++) {
        const struct zl_service *service = zl_ref_object(services.items[i]);
        if (!service->meta.deleting && is_unwanted(writer->cache, step, service)) {
            status = clean_service(applying, service, &slices, err);
        }
    }
    for (size_t i = 0; status == ZL_OK && i < slices.count; i++) {
        const struct zl_slice *slice = zl_ref_object(slices.items[i]);
        if (!slice->meta.deleting && slice_goes(applying, step, slice)) {
            status = zl_delete_unwanted(writer, writer->slices, &slice->meta, err);
        }
    }
    return status;
}
