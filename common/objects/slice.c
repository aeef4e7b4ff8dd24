/* SPDX-License-Identifier: Apache-2.0 */
#include "common/objects/slice.h"

#include "common/base/limits.h"
#include "common/base/since.h"
#include "common/objects/names.h"
#include "common/objects/service.h"

#include <string.h>

static const struct zl_json_shape LABELS[] = {
    {.name = ZL_KEY_SLICE_SERVICE},
    {.name = ZL_KEY_SLICE_MANAGED_BY}, /* whoever sweeps */
    {.name = ZL_KEY_SOURCE_SERVICE},
    {.name = ZL_KEY_POOL},
    {.name = NULL}};
static const struct zl_json_shape METADATA[] = {{.name = "labels", .members = LABELS},
                                                {.members = ZL_META_SHAPE}};
static const struct zl_json_shape TARGET[] = {{.name = "name"}, {.name = "uid"}, {.name = NULL}};
static const struct zl_json_shape TOPOLOGY[] = {
    {.name = ZL_KEY_HOSTNAME}, {.name = ZL_KEY_ZONE}, {.name = NULL}};
static const struct zl_json_shape ENDPOINT[] = {{.name = "addresses"},
                                                {.name = "conditions"},
                                                {.name = "nodeName"},
                                                {.name = "zone"},
                                                {.name = "topology", .members = TOPOLOGY},
                                                {.name = "targetRef", .members = TARGET},
                                                {.name = NULL}};
const struct zl_json_shape ZL_SLICE_SHAPE[] = {{.name = "metadata", .members = METADATA},
                                               {.name = "addressType"},
                                               {.name = "endpoints", .members = ENDPOINT},
                                               {.name = "ports"},
                                               {.name = NULL}};

static enum zl_tristate decode_condition(const struct cJSON *endpoint, const char *name)
{
    if (zl_json_at(endpoint, "conditions", name, NULL) == NULL) {
        return ZL_UNSAID;
    }
    return zl_json_bool(endpoint, false, "conditions", name, NULL) ? ZL_YES : ZL_NO;
}

static void decode_endpoint(const struct cJSON *endpoint, struct zl_slice *slice)
{
    const struct cJSON *topology = zl_json_at(endpoint, "topology", NULL);
    const char *node = zl_json_text(endpoint, "nodeName", NULL);
    const char *zone = zl_json_text(endpoint, "zone", NULL);
    slice->address = zl_id_remembered(
        zl_json_value_text(zl_json_first(zl_json_at(endpoint, "addresses", NULL))));
    slice->node =
        zl_id_remembered(node != NULL ? node : zl_json_text(topology, ZL_KEY_HOSTNAME, NULL));
    slice->zone = zl_id_remembered(zone != NULL ? zone : zl_json_text(topology, ZL_KEY_ZONE, NULL));
    slice->target_name = zl_id_remembered(zl_json_text(endpoint, "targetRef", "name", NULL));
    slice->target_uid = zl_id_remembered(zl_json_text(endpoint, "targetRef", "uid", NULL));
    slice->ready = decode_condition(endpoint, "ready");
    slice->serving = decode_condition(endpoint, "serving");
    slice->terminating = decode_condition(endpoint, "terminating");
}

static void decode_ports(const struct cJSON *object, struct zl_slice *slice)
{
    const struct cJSON *port = zl_json_first(zl_json_at(object, "ports", NULL));
    for (; port != NULL && slice->port_count < ZL_PORTS_KEPT_MAX; port = zl_json_next(port)) {
        const char *name = zl_json_text(port, "name", NULL);
        slice->ports = zl_realloc(slice->ports, slice->port_count + 1, sizeof *slice->ports);
        slice->ports[slice->port_count++] = (struct zl_slice_port){
            .name = name != NULL && name[0] != '\0' ? zl_strdup(name) : NULL,
            .protocol = zl_protocol(zl_json_text(port, "protocol", NULL)),
            .app_protocol = zl_strdup(zl_json_text(port, "appProtocol", NULL)),
            .number = zl_json_i64(port, 0, "port", NULL),
        };
    }
}

enum zl_status zl_slice_decode(const struct cJSON *object, struct zl_slice **out,
                               struct zl_error *err)
{
    struct zl_slice *slice = zl_alloc(sizeof *slice);
    enum zl_status status = zl_meta_decode(object, &slice->meta, err);
    if (status != ZL_OK) {
        zl_slice_free(slice);
        return status;
    }
    const struct cJSON *labels = zl_json_at(object, "metadata", "labels", NULL);
    const struct cJSON *endpoints = zl_json_at(object, "endpoints", NULL);
    slice->service = zl_strdup(zl_json_text(labels, ZL_KEY_SLICE_SERVICE, NULL));
    slice->source = zl_strdup(zl_json_text(labels, ZL_KEY_SOURCE_SERVICE, NULL));
    slice->pool = zl_strdup(zl_json_text(labels, ZL_KEY_POOL, NULL));
    slice->ipv6 = zl_same_string(zl_json_text(object, "addressType", NULL), "IPv6");
    slice->endpoint_count = zl_json_count(endpoints);
    if (slice->endpoint_count > 0) {
        decode_endpoint(zl_json_first(endpoints), slice);
    }
    decode_ports(object, slice);
    *out = slice;
    return ZL_OK;
}

void zl_slice_free(void *object)
{
    struct zl_slice *slice = object;
    if (slice == NULL) {
        return;
    }
    zl_meta_clear(&slice->meta);
    free(slice->service);
    free(slice->source);
    free(slice->pool);
    free(slice->address);
    free(slice->node);
    free(slice->zone);
    free(slice->target_name);
    free(slice->target_uid);
    for (size_t i = 0; i < slice->port_count; i++) {
        free(slice->ports[i].name);
        free(slice->ports[i].app_protocol);
    }
    free(slice->ports);
    free(slice);
}

static void set_condition(struct cJSON *conditions, const char *name, enum zl_tristate value)
{
    if (value != ZL_UNSAID) {
        zl_json_set_bool(conditions, name, value == ZL_YES);
    }
}

static struct cJSON *encode_endpoint(const struct zl_slice *slice, bool beta)
{
    struct cJSON *endpoint = zl_json_object();
    struct cJSON *addresses = zl_json_array();
    zl_json_append_text(addresses, slice->address);
    zl_json_set(endpoint, "addresses", addresses);
    struct cJSON *conditions = zl_json_child(endpoint, "conditions");
    set_condition(conditions, "ready", slice->ready);
    set_condition(conditions, "serving", slice->serving);
    set_condition(conditions, "terminating", slice->terminating);
    struct cJSON *target = zl_json_child(endpoint, "targetRef");
    zl_json_set_text(target, "kind", "Pod");
    zl_json_set_text(target, "namespace", slice->meta.namespace_);
    zl_json_set_text(target, "name", slice->target_name);
    zl_json_set_text(target, "uid", slice->target_uid);
    struct cJSON *place = beta ? zl_json_child(endpoint, "topology") : endpoint;
    if (slice->node != NULL) {
        zl_json_set_text(place, beta ? ZL_KEY_HOSTNAME : "nodeName", slice->node);
    }
    if (slice->zone != NULL) {
        zl_json_set_text(place, beta ? ZL_KEY_ZONE : "zone", slice->zone);
    }
    return endpoint;
}

static struct cJSON *encode_ports(const struct zl_slice *slice)
{
    struct cJSON *ports = zl_json_array();
    for (size_t i = 0; i < slice->port_count; i++) {
        const struct zl_slice_port *from = &slice->ports[i];
        struct cJSON *port = zl_json_object();
        zl_json_set_text(port, "name", from->name != NULL ? from->name : "");
        zl_json_set_text(port, "protocol", from->protocol);
        zl_json_set_i64(port, "port", from->number);
        if (from->app_protocol != NULL) {
            zl_json_set_text(port, "appProtocol", from->app_protocol);
        }
        zl_json_append(ports, port);
    }
    return ports;
}

struct cJSON *zl_slice_encode(const struct zl_slice *slice, const char *version,
                              const char *resource_version)
{
    struct cJSON *object = zl_json_object();
    ZL_AUTO_FREE char *api_version = zl_asprintf("discovery.k8s.io/%s", version);
    zl_json_set_text(object, "apiVersion", api_version);
    zl_json_set_text(object, "kind", "EndpointSlice");
    struct cJSON *metadata = zl_json_child(object, "metadata");
    zl_json_set_text(metadata, "namespace", slice->meta.namespace_);
    zl_json_set_text(metadata, "name", slice->meta.name);
    if (resource_version != NULL) {
        zl_json_set_text(metadata, "resourceVersion", resource_version);
    }
    struct cJSON *labels = zl_json_child(metadata, "labels");
    zl_json_set_text(labels, ZL_KEY_MANAGED_BY, ZL_MANAGED_BY);
    zl_json_set_text(labels, ZL_KEY_SLICE_MANAGED_BY, ZL_MANAGED_BY);
    zl_json_set_text(labels, ZL_KEY_SLICE_SERVICE, slice->service);
    zl_json_set_text(labels, ZL_KEY_SLICE_SERVICE_OTHER, slice->service);
    if (slice->source != NULL) {
        zl_json_set_text(labels, ZL_KEY_SOURCE_SERVICE, slice->source);
    }
    if (slice->pool != NULL) {
        zl_json_set_text(labels, ZL_KEY_POOL, slice->pool);
    }
    zl_controller_ref_encode(metadata, &slice->meta.controller);
    zl_json_set_text(object, "addressType", slice->ipv6 ? "IPv6" : "IPv4");
    struct cJSON *endpoints = zl_json_array();
    if (slice->endpoint_count > 0) {
        zl_json_append(endpoints, encode_endpoint(slice, strcmp(version, "v1") != 0));
    }
    zl_json_set(object, "endpoints", endpoints);
    zl_json_set(object, "ports", encode_ports(slice));
    return object;
}

static bool same_condition(enum zl_tristate desired, enum zl_tristate stored)
{
    return stored == ZL_UNSAID || desired == stored;
}

static bool same_endpoint(const struct zl_slice *desired, const struct zl_slice *stored)
{
    if (desired->endpoint_count != stored->endpoint_count) {
        return false;
    }
    return desired->endpoint_count == 0 ||
           (zl_same_string(desired->address, stored->address) &&
            zl_same_string(desired->target_name, stored->target_name) &&
            zl_same_string(desired->target_uid, stored->target_uid) &&
            zl_same_string(desired->node, stored->node) &&
            /* A zone that is not known now is no reason to take away one that was. */
            (desired->zone == NULL || zl_same_string(desired->zone, stored->zone)) &&
            desired->ready == stored->ready && same_condition(desired->serving, stored->serving) &&
            same_condition(desired->terminating, stored->terminating));
}

bool zl_slice_same(const struct zl_slice *desired, const struct zl_slice *stored)
{
    bool same = zl_same_string(desired->service, stored->service) &&
                zl_same_string(desired->source, stored->source) &&
                zl_same_string(desired->pool, stored->pool) && desired->ipv6 == stored->ipv6 &&
                zl_same_string(desired->meta.controller.uid, stored->meta.controller.uid) &&
                same_endpoint(desired, stored) && desired->port_count == stored->port_count;
    for (size_t i = 0; same && i < desired->port_count; i++) {
        const struct zl_slice_port *left = &desired->ports[i];
        const struct zl_slice_port *right = &stored->ports[i];
        same = zl_same_string(left->name, right->name) &&
               zl_same_string(left->protocol, right->protocol) &&
               zl_same_string(left->app_protocol, right->app_protocol) &&
               left->number == right->number;
    }
    return same;
}

bool zl_slice_is_routed(const struct zl_slice *slice)
{
    return slice != NULL && slice->endpoint_count > 0 && slice->ready != ZL_NO;
}
