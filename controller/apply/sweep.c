/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sweep.c - remove the endpoints that others made for a leader Service while it had a selector.
 */
#include "controller/apply/route.h"

#include "common/objects/names.h"

struct sweep {
    struct zl_refs found; /* struct zl_slice */
};

static enum zl_status collect(void *ctx, const struct cJSON *object, struct zl_error *err)
{
    struct sweep *sweep = ctx;
    struct zl_slice *slice = NULL;
    const char *by = zl_json_text(object, "metadata", "labels", ZL_KEY_SLICE_MANAGED_BY, NULL);
    if (zl_same_string(by, ZL_MANAGED_BY)) {
        return ZL_OK;
    }
    enum zl_status status = zl_slice_decode(object, &slice, err);
    if (status == ZL_OK) {
        zl_refs_add(&sweep->found, zl_ref_new(slice, zl_slice_free));
    }
    return status;
}

static enum zl_status forgive(enum zl_status status)
{
    return status == ZL_E_NOT_FOUND || status == ZL_E_CONFLICT ? ZL_OK : status;
}

enum zl_status zl_route_sweep(const struct zl_writer *writer, const struct zl_service *service,
                              struct zl_error *err)
{
    struct sweep sweep = {0};
    ZL_AUTO_FREE char *label = zl_asprintf(ZL_KEY_SLICE_SERVICE "=%s", service->meta.name);
    const struct zl_kube_selector selector = {.label = label};
    const struct zl_kube_target endpoints = {.resource = &ZL_KUBE_ENDPOINTS,
                                             .namespace_ = service->meta.namespace_,
                                             .name = service->meta.name};
    const struct zl_kube_target slices = {.resource = writer->slices,
                                          .namespace_ = service->meta.namespace_,
                                          .shape = ZL_SLICE_SHAPE};

    /* The Endpoints first: as long as they are there, Kubernetes mirrors them into a slice. */
    enum zl_status status = forgive(zl_kube_delete(writer->client, &endpoints, NULL, err));
    if (status == ZL_OK) {
        status = zl_kube_list(writer->client, &slices, &selector, collect, &sweep, NULL, err);
    }
    for (size_t i = 0; status == ZL_OK && i < sweep.found.count; i++) {
        const struct zl_slice *slice = zl_ref_object(sweep.found.items[i]);
        const struct zl_kube_target target = {.resource = writer->slices,
                                              .namespace_ = slice->meta.namespace_,
                                              .name = slice->meta.name};
        const struct zl_kube_delete_options options = {.uid = slice->meta.uid,
                                                       .grace_period_s = -1};
        status = forgive(zl_kube_delete(writer->client, &target, &options, err));
    }
    zl_refs_clear(&sweep.found);
    return status;
}
