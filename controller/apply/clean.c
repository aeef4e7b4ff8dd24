/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clean.c - remove the Services and EndpointSlices of routes that are not wanted (any more).
 */
#include "controller/apply/internal.h"

#include "common/base/log.h"

static bool is_kept(const struct zl_step *step, const char *service)
{
    for (size_t i = 0; i < step->of.clean.keep_count; i++) {
        if (zl_same_string(service, step->of.clean.keep[i])) {
            return true;
        }
    }
    return false;
}

static bool belongs_to(const struct zl_route_source *wanted, const struct zl_meta *meta,
                       const char *source, const char *pool)
{
    if (meta->controller.uid == NULL) {
        return false;
    }
    if (wanted->pool != NULL) {
        return zl_same_string(pool, wanted->pool);
    }
    return pool == NULL && zl_same_string(source, wanted->service) &&
           zl_same_string(meta->controller.kind, "Service") &&
           zl_same_string(meta->controller.name, wanted->service);
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
        if (service->ours && !service->meta.deleting &&
            belongs_to(wanted, &service->meta, service->source, service->pool) &&
            !is_kept(step, service->meta.name)) {
            status = zl_delete_unwanted(writer, &ZL_KUBE_SERVICES, &service->meta, err);
        }
    }
    for (size_t i = 0; status == ZL_OK && i < slices.count; i++) {
        const struct zl_slice *slice = zl_ref_object(slices.items[i]);
        if (!slice->meta.deleting && belongs_to(wanted, &slice->meta, slice->source, slice->pool) &&
            !is_kept(step, slice->service)) {
            status = zl_delete_unwanted(writer, writer->slices, &slice->meta, err);
        }
    }
    return status;
}
