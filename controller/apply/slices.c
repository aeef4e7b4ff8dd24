/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slices.c - the EndpointSlices of a route: where traffic goes.
 */
#include "controller/apply/route.h"

#include "common/objects/names.h"

#include <string.h>

const struct zl_metric ZL_SLICE_WRITES = {
    .name = "zen_lead_endpointslice_writes_total",
    .type = ZL_METRIC_COUNTER,
    .help = "Writes of EndpointSlices by verb and result.",
    .label1 = "verb",
    .label2 = "result",
};

const struct zl_metric ZL_SLICE_ERRORS = {
    .name = "zen_lead_endpoint_write_errors_total",
    .type = ZL_METRIC_COUNTER,
    .help = "Writes of EndpointSlices that failed, but for races that were lost.",
};

static enum zl_status send_slice(struct zl_route_write *write, const struct zl_slice *slice,
                                 const char *resource_version, struct zl_error *err)
{
    const struct zl_kube_resource *resource = write->writer->slices;
    bool create = resource_version == NULL;
    const struct zl_kube_target target = {.resource = resource,
                                          .namespace_ = slice->meta.namespace_,
                                          .name = create ? NULL : slice->meta.name};
    ZL_AUTO_JSON struct cJSON *object = zl_slice_encode(slice, resource->version, resource_version);
    enum zl_status status =
        create ? zl_kube_create(write->writer->client, &target, object, NULL, err)
               : zl_kube_replace(write->writer->client, &target, object, NULL, err);
    zl_metric_add(&ZL_SLICE_WRITES, create ? "create" : "replace", zl_status_name(status), 1);
    if (status == ZL_OK) {
        write->changed = true;
    } else if (status != ZL_E_CONFLICT && status != ZL_E_NOT_FOUND) {
        zl_metric_add(&ZL_SLICE_ERRORS, NULL, NULL, 1);
    } else if (status == ZL_E_NOT_FOUND && !create) {
        return zl_error_set(err, ZL_E_CONFLICT, "EndpointSlice %s is gone", slice->meta.name);
    }
    return status;
}

/* The cache does not show it, and yet it is there: it lags, or our label was taken off. */
static enum zl_status take_over_slice(struct zl_route_write *write, const struct zl_slice *slice,
                                      struct zl_error *err)
{
    ZL_AUTO_JSON struct cJSON *object = NULL;
    struct zl_slice *live = NULL;
    const struct zl_kube_target target = {.resource = write->writer->slices,
                                          .namespace_ = slice->meta.namespace_,
                                          .name = slice->meta.name,
                                          .shape = ZL_SLICE_SHAPE};
    enum zl_status status = zl_kube_get(write->writer->client, &target, &object, err);
    if (status == ZL_OK) {
        status = zl_slice_decode(object, &live, err);
    }
    if (status != ZL_OK) {
        return status;
    }
    const char *by = zl_json_text(object, "metadata", "labels", ZL_KEY_SLICE_MANAGED_BY, NULL);
    if (!zl_route_may_write_slice(write, live)) {
        write->conflict = true;
        zl_route_tell_of_conflict(write, "EndpointSlice", slice->meta.name);
    } else if (!zl_same_string(by, ZL_MANAGED_BY) || !zl_slice_same(slice, live)) {
        status = send_slice(write, slice, live->meta.resource_version, err);
    }
    zl_slice_free(live);
    return status;
}

static enum zl_status write_slice(struct zl_route_write *write, const struct zl_slice *slice,
                                  struct zl_error *err)
{
    ZL_AUTO_REF struct zl_ref *ref = zl_cache_find(write->writer->cache, ZL_CACHED_SLICES,
                                                   slice->meta.namespace_, slice->meta.name);
    if (ref == NULL) {
        enum zl_status status = send_slice(write, slice, NULL, err);
        if (status == ZL_E_CONFLICT) {
            return take_over_slice(write, slice, err);
        }
        write->recreated = write->recreated || (status == ZL_OK && write->had_slices);
        return status;
    }
    const struct zl_slice *stored = zl_ref_object(ref);
    if (!zl_route_may_write_slice(write, stored)) {
        write->conflict = true;
        zl_route_tell_of_conflict(write, "EndpointSlice", slice->meta.name);
        return ZL_OK;
    }
    if (write->was_uid == NULL && zl_slice_is_routed(stored)) {
        write->was_uid = zl_strdup(stored->target_uid);
        write->was_led = true;
    }
    if (zl_slice_same(slice, stored)) {
        return ZL_OK;
    }
    enum zl_status status = send_slice(write, slice, stored->meta.resource_version, err);
    /* The cache lags, or its watch is silent: traffic must not wait for it. */
    return status == ZL_E_CONFLICT ? take_over_slice(write, slice, err) : status;
}

static struct zl_ref *find_slice(struct zl_route_write *write, enum zl_family family)
{
    ZL_AUTO_FREE char *name = zl_route_slice_name(write->route.name, family);
    return zl_cache_find(write->writer->cache, ZL_CACHED_SLICES, write->route.namespace_, name);
}

/* Is a slice of FAMILY needed? With nobody leading, those that are there are emptied, not removed. */
static bool is_wanted(struct zl_route_write *write, enum zl_family family)
{
    enum zl_family other = family == ZL_FAMILY_IPV4 ? ZL_FAMILY_IPV6 : ZL_FAMILY_IPV4;
    if (write->route.leader != NULL) {
        return zl_route_has_family(&write->route, write->stored, family);
    }
    ZL_AUTO_REF struct zl_ref *there = find_slice(write, family);
    ZL_AUTO_REF struct zl_ref *other_there = find_slice(write, other);
    return there != NULL ||
           (other_there == NULL && zl_route_has_family(&write->route, write->stored, family));
}

static enum zl_status remove_family(struct zl_route_write *write, enum zl_family family,
                                    struct zl_error *err)
{
    ZL_AUTO_REF struct zl_ref *ref = find_slice(write, family);
    if (ref == NULL) {
        return ZL_OK;
    }
    const struct zl_slice *stored = zl_ref_object(ref);
    return zl_route_may_write_slice(write, stored)
               ? zl_delete_unwanted(write->writer, write->writer->slices, &stored->meta, err)
               : ZL_OK;
}

static enum zl_status write_family(struct zl_route_write *write, enum zl_family family,
                                   struct zl_error *err)
{
    struct zl_slice *slice = NULL;
    struct zl_error why = {0};
    if (!is_wanted(write, family)) {
        return remove_family(write, family, err);
    }
    if (zl_route_slice(&write->route, write->service, family, &slice, &why) != ZL_OK) {
        if (!write->unresolved) {
            zl_route_tell_of_ports(write, why.message);
        }
        write->unresolved = true;
    }
    enum zl_status status = write_slice(write, slice, err);
    zl_slice_free(slice);
    return status;
}

enum zl_status zl_slices_write(struct zl_route_write *write, struct zl_error *err)
{
    ZL_AUTO_REF struct zl_ref *ipv4 = find_slice(write, ZL_FAMILY_IPV4);
    ZL_AUTO_REF struct zl_ref *ipv6 = find_slice(write, ZL_FAMILY_IPV6);
    enum zl_status status = ZL_OK;
    write->had_slices = write->stored != NULL && write->stored->leader_switch_time != NULL &&
                        ipv4 == NULL && ipv6 == NULL;
    for (int family = 0; status == ZL_OK && family < ZL_FAMILY_COUNT; family++) {
        status = write_family(write, (enum zl_family)family, err);
    }
    return status;
}
