/* SPDX-License-Identifier: Apache-2.0 */
#include "common/objects/service.h"

#include "common/base/limits.h"
#include "common/base/since.h"
#include "common/objects/carried.h"
#include "common/objects/labels.h"
#include "common/objects/names.h"

#include <string.h>

enum { SERVICE_NAME_MAX = 63 };

/* Any of them may be wanted on the leader Service. One by one: a large one is left out alone. */
static const struct zl_json_shape EACH[] = {{.name = "*"}, {.name = NULL}};
static const struct zl_json_shape METADATA[] = {{.name = "labels", .members = EACH},
                                                {.name = "annotations", .members = EACH},
                                                {.members = ZL_META_SHAPE}};
static const struct zl_json_shape SPEC[] = {{.name = "ports"},
                                            {.name = "selector", .max = ZL_LABELS_KEPT_MAX},
                                            {.name = "type"},
                                            {.name = "ipFamilies"},
                                            {.name = "ipFamilyPolicy"},
                                            {.name = "clusterIP"},
                                            {.name = NULL}};
const struct zl_json_shape ZL_SERVICE_SHAPE[] = {
    {.name = "metadata", .members = METADATA}, {.name = "spec", .members = SPEC}, {.name = NULL}};

static void decode_ports(const struct cJSON *spec, struct zl_service *service)
{
    const struct cJSON *port = zl_json_first(zl_json_at(spec, "ports", NULL));
    for (; port != NULL && service->port_count < ZL_PORTS_KEPT_MAX; port = zl_json_next(port)) {
        const char *name = zl_json_text(port, "name", NULL);
        int64_t number = zl_json_i64(port, 0, "port", NULL);
        service->ports =
            zl_realloc(service->ports, service->port_count + 1, sizeof *service->ports);
        service->ports[service->port_count++] = (struct zl_service_port){
            .name = name != NULL && name[0] != '\0' ? zl_strdup(name) : NULL,
            .protocol = zl_protocol(zl_json_text(port, "protocol", NULL)),
            .app_protocol = zl_strdup(zl_json_text(port, "appProtocol", NULL)),
            .number = number,
            .target_name = zl_strdup(zl_json_text(port, "targetPort", NULL)),
            .target_number = zl_json_text(port, "targetPort", NULL) != NULL
                                 ? 0
                                 : zl_json_i64(port, number, "targetPort", NULL),
            .node_port = zl_json_i64(port, 0, "nodePort", NULL),
        };
    }
}

static void decode_families(const struct cJSON *spec, struct zl_service *service)
{
    service->family_policy = zl_strdup(zl_json_text(spec, "ipFamilyPolicy", NULL));
    const struct cJSON *family = zl_json_first(zl_json_at(spec, "ipFamilies", NULL));
    for (; family != NULL; family = zl_json_next(family)) {
        bool ipv6 = zl_same_string(zl_json_value_text(family), "IPv6");
        service->ipv6_first = service->ipv6_first || (ipv6 && !service->ipv4);
        service->ipv6 = service->ipv6 || ipv6;
        service->ipv4 = service->ipv4 || !ipv6;
    }
}

static void decode_second_owner(const struct cJSON *metadata, struct zl_controller_ref *out)
{
    const struct cJSON *owner = zl_json_first(zl_json_at(metadata, "ownerReferences", NULL));
    for (; owner != NULL && out->uid == NULL; owner = zl_json_next(owner)) {
        if (zl_same_string(zl_json_text(owner, "kind", NULL), ZL_POLICY_KIND) &&
            !zl_json_bool(owner, false, "controller", NULL)) {
            zl_controller_ref_clear(out); /* one without a uid came before */
            zl_owner_ref_decode(owner, out);
        }
    }
}

static void decode_ours(const struct cJSON *metadata, struct zl_service *service)
{
    const struct cJSON *labels = zl_json_at(metadata, "labels", NULL);
    const struct cJSON *annotations = zl_json_at(metadata, "annotations", NULL);
    const char *by = zl_json_text(labels, ZL_KEY_MANAGED_BY, NULL);
    service->source = zl_strdup(zl_json_text(labels, ZL_KEY_SOURCE_SERVICE, NULL));
    service->pool = zl_strdup(zl_json_text(labels, ZL_KEY_POOL, NULL));
    /* Without an owner it is still ours: somebody orphaned it, or brought it back from a backup. */
    service->ours =
        zl_same_string(by, ZL_MANAGED_BY) && (service->source != NULL || service->pool != NULL);
    decode_second_owner(metadata, &service->second_owner);
    service->leader_pod = zl_id_remembered(zl_json_text(annotations, ZL_KEY_LEADER_POD, NULL));
    service->leader_uid = zl_id_remembered(zl_json_text(annotations, ZL_KEY_LEADER_UID, NULL));
    service->leader_switch_time =
        zl_id_remembered(zl_json_text(annotations, ZL_KEY_LEADER_SWITCH, NULL));
    service->had_selector = zl_id_remembered(zl_json_text(annotations, ZL_KEY_HAD_SELECTOR, NULL));
}

/* A list that is longer than we write any is none of ours. */
static const char *names_in(const struct cJSON *annotations, const char *key)
{
    const char *names = zl_json_text(annotations, key, NULL);
    return names != NULL && strlen(names) <= ZL_CARRIED_MAX ? names : NULL;
}

static void decode_carried(const struct cJSON *metadata, struct zl_service *service)
{
    const struct cJSON *labels = zl_json_at(metadata, "labels", NULL);
    const struct cJSON *annotations = zl_json_at(metadata, "annotations", NULL);
    const char *label_names = names_in(annotations, ZL_KEY_COPIED_LABELS);
    const char *annotation_names = names_in(annotations, ZL_KEY_COPIED_ANNOTATIONS);
    service->carried_label_names = zl_strdup(label_names);
    service->carried_annotation_names = zl_strdup(annotation_names);
    service->carried_labels = zl_carried_pick(labels, label_names, NULL);
    service->carried_annotations = zl_carried_pick(annotations, annotation_names, NULL);
}

enum zl_status zl_service_decode(const struct cJSON *object, struct zl_service **out,
                                 struct zl_error *err)
{
    struct zl_service *service = zl_alloc(sizeof *service);
    enum zl_status status = zl_meta_decode(object, &service->meta, err);
    if (status != ZL_OK) {
        zl_service_free(service);
        return status;
    }
    const struct cJSON *spec = zl_json_at(object, "spec", NULL);
    const struct cJSON *metadata = zl_json_at(object, "metadata", NULL);
    decode_ours(metadata, service);
    if (service->ours) {
        decode_carried(metadata, service);
    } else {
        zl_service_decode_wishes(metadata, service);
    }
    service->selector = zl_labels_pack(zl_json_at(spec, "selector", NULL));
    service->type = zl_strdup(zl_json_text(spec, "type", NULL));
    service->external = zl_same_string(service->type, "ExternalName");
    service->cluster_ip = zl_strdup(zl_json_text(spec, "clusterIP", NULL));
    decode_families(spec, service);
    decode_ports(spec, service);
    *out = service;
    return ZL_OK;
}

void zl_service_free(void *object)
{
    struct zl_service *service = object;
    if (service == NULL) {
        return;
    }
    zl_meta_clear(&service->meta);
    free(service->ignored);
    free(service->carried_labels);
    free(service->carried_annotations);
    free(service->carried_label_names);
    free(service->carried_annotation_names);
    free(service->wanted_name);
    free(service->joined_pool);
    free(service->selector);
    free(service->type);
    free(service->cluster_ip);
    free(service->family_policy);
    free(service->source);
    free(service->pool);
    zl_controller_ref_clear(&service->second_owner);
    free(service->leader_pod);
    free(service->leader_uid);
    free(service->leader_switch_time);
    free(service->had_selector);
    for (size_t i = 0; i < service->port_count; i++) {
        free(service->ports[i].name);
        free(service->ports[i].app_protocol);
        free(service->ports[i].target_name);
    }
    free(service->ports);
    free(service);
}

void zl_service_add_port(struct zl_service *service, const struct zl_service_port *port)
{
    service->ports = zl_realloc(service->ports, service->port_count + 1, sizeof *service->ports);
    struct zl_service_port *added = &service->ports[service->port_count++];
    *added = *port;
    added->name = zl_strdup(port->name);
    added->app_protocol = zl_strdup(port->app_protocol);
    added->target_name = zl_strdup(port->target_name);
}

/* The node port that STORED has for it: without one in a patch Kubernetes would choose another. 0: none. */
static int64_t node_port_of(const struct zl_service_port *port, const struct zl_service *stored)
{
    for (size_t i = 0; stored != NULL && i < stored->port_count; i++) {
        if (stored->ports[i].number == port->number &&
            zl_same_string(stored->ports[i].protocol, port->protocol)) {
            return stored->ports[i].node_port;
        }
    }
    return 0;
}

static struct cJSON *encode_ports(const struct zl_service *service, const struct zl_service *stored)
{
    const bool on_nodes = !zl_same_string(service->type, ZL_CLUSTER_IP);
    struct cJSON *ports = zl_json_array();
    for (size_t i = 0; i < service->port_count; i++) {
        const struct zl_service_port *from = &service->ports[i];
        struct cJSON *port = zl_json_object();
        if (from->name != NULL) {
            zl_json_set_text(port, "name", from->name);
        }
        zl_json_set_text(port, "protocol", from->protocol);
        if (from->app_protocol != NULL) {
            zl_json_set_text(port, "appProtocol", from->app_protocol);
        }
        zl_json_set_i64(port, "port", from->number);
        if (from->target_name != NULL) {
            zl_json_set_text(port, "targetPort", from->target_name);
        } else {
            zl_json_set_i64(port, "targetPort", from->target_number);
        }
        if (on_nodes && node_port_of(from, stored) != 0) {
            zl_json_set_i64(port, "nodePort", node_port_of(from, stored));
        }
        zl_json_append(ports, port);
    }
    return ports;
}

/* An absent text must be null in a merge patch, so that it goes, and must not be there in a create. */
static void set_text(struct cJSON *object, const char *name, const char *text, bool patch)
{
    if (text != NULL || patch) {
        zl_json_set_text(object, name, text);
    }
}

static void encode_families(const struct zl_service *service, struct cJSON *spec)
{
    if (service->family_policy == NULL || (!service->ipv4 && !service->ipv6)) {
        return;
    }
    struct cJSON *families = zl_json_array();
    zl_json_append_text(families, service->ipv6_first || !service->ipv4 ? "IPv6" : "IPv4");
    if (service->ipv4 && service->ipv6) {
        zl_json_append_text(families, service->ipv6_first ? "IPv4" : "IPv6");
    }
    zl_json_set_text(spec, "ipFamilyPolicy", service->family_policy);
    zl_json_set(spec, "ipFamilies", families);
}

struct cJSON *zl_service_encode(const struct zl_service *service, const struct zl_service *stored)
{
    const bool patch = stored != NULL;
    struct cJSON *object = zl_json_object();
    zl_json_set_text(object, "apiVersion", "v1");
    zl_json_set_text(object, "kind", "Service");
    struct cJSON *metadata = zl_json_child(object, "metadata");
    zl_json_set_text(metadata, "namespace", service->meta.namespace_);
    zl_json_set_text(metadata, "name", service->meta.name);
    struct cJSON *labels = zl_json_child(metadata, "labels");
    zl_json_set_text(labels, ZL_KEY_MANAGED_BY, ZL_MANAGED_BY);
    set_text(labels, ZL_KEY_SOURCE_SERVICE, service->source, patch);
    set_text(labels, ZL_KEY_POOL, service->pool, patch);
    struct cJSON *annotations = zl_json_child(metadata, "annotations");
    set_text(annotations, ZL_KEY_LEADER_POD, service->leader_pod, patch);
    set_text(annotations, ZL_KEY_LEADER_POD_OTHER, service->leader_pod, patch);
    set_text(annotations, ZL_KEY_LEADER_UID, service->leader_uid, patch);
    set_text(annotations, ZL_KEY_LEADER_SWITCH, service->leader_switch_time, patch);
    set_text(annotations, ZL_KEY_HAD_SELECTOR, service->had_selector, patch);
    set_text(annotations, ZL_KEY_COPIED_LABELS, service->carried_label_names, patch);
    set_text(annotations, ZL_KEY_COPIED_ANNOTATIONS, service->carried_annotation_names, patch);
    zl_carried_encode(service->carried_labels, patch ? stored->carried_label_names : NULL, labels);
    zl_carried_encode(service->carried_annotations, patch ? stored->carried_annotation_names : NULL,
                      annotations);
    zl_owner_refs_encode(metadata, &service->meta.controller, &service->second_owner);
    struct cJSON *spec = zl_json_child(object, "spec");
    zl_json_set_text(spec, "type", service->type);
    if (patch) {
        zl_json_set_null(spec, "selector");
        zl_json_set_null(spec, "externalName");
    } else {
        encode_families(service, spec);
    }
    zl_json_set(spec, "ports", encode_ports(service, stored));
    return object;
}

static bool same_port(const struct zl_service_port *left, const struct zl_service_port *right)
{
    return zl_same_string(left->name, right->name) && left->protocol != NULL &&
           zl_same_string(left->protocol, right->protocol) &&
           zl_same_string(left->app_protocol, right->app_protocol) &&
           left->number == right->number && left->target_number == right->target_number &&
           zl_same_string(left->target_name, right->target_name);
}

static bool same_carried(const struct zl_service *left, const struct zl_service *right)
{
    return zl_same_string(left->carried_label_names, right->carried_label_names) &&
           zl_same_string(left->carried_annotation_names, right->carried_annotation_names) &&
           zl_carried_same(left->carried_labels, right->carried_labels) &&
           zl_carried_same(left->carried_annotations, right->carried_annotations);
}

bool zl_service_same(const struct zl_service *desired, const struct zl_service *stored)
{
    bool same = stored->ours && zl_same_string(desired->source, stored->source) &&
                zl_same_string(desired->pool, stored->pool) &&
                zl_same_string(desired->meta.controller.uid, stored->meta.controller.uid) &&
                zl_same_string(desired->second_owner.uid, stored->second_owner.uid) &&
                zl_same_string(desired->leader_pod, stored->leader_pod) &&
                zl_same_string(desired->leader_uid, stored->leader_uid) &&
                zl_same_string(desired->had_selector, stored->had_selector) &&
                same_carried(desired, stored) && stored->selector == NULL &&
                zl_same_string(desired->type, stored->type) &&
                desired->port_count == stored->port_count;
    for (size_t i = 0; same && i < desired->port_count; i++) {
        same = same_port(&desired->ports[i], &stored->ports[i]);
    }
    return same;
}

static bool says_families(const struct zl_service *service)
{
    return service->family_policy != NULL && (service->ipv4 || service->ipv6);
}

bool zl_service_same_families(const struct zl_service *desired, const struct zl_service *stored)
{
    if (!says_families(desired) || !says_families(stored)) {
        return true;
    }
    /* The first family cannot be changed, so a source that was made anew with the other one is not followed. */
    return (desired->ipv4 == stored->ipv4 && desired->ipv6 == stored->ipv6 &&
            zl_same_string(desired->family_policy, stored->family_policy)) ||
           (stored->ipv6_first ? !desired->ipv6 : !desired->ipv4);
}

void zl_service_encode_families(const struct zl_service *desired, const struct zl_service *stored,
                                struct cJSON *spec)
{
    struct zl_service wanted = *desired;
    wanted.ipv6_first = stored->ipv6_first;
    encode_families(&wanted, spec);
    if (!(desired->ipv4 && desired->ipv6) && stored->ipv4 && stored->ipv6) {
        /* Back to one family: the second address is given up by name. A patch cannot cut a list, so it is replaced. */
        struct cJSON *addresses = zl_json_array();
        zl_json_append_text(addresses, stored->cluster_ip);
        zl_json_set(spec, "clusterIPs", addresses);
    }
}

char *zl_service_leader_name(const struct zl_service *service)
{
    return service->wanted_name != NULL ? zl_strdup(service->wanted_name)
                                        : zl_asprintf("%s" ZL_LEADER_SUFFIX, service->meta.name);
}

bool zl_service_name_is_valid(const char *name)
{
    size_t length = strlen(name);
    if (length == 0 || length > SERVICE_NAME_MAX || name[0] < 'a' || name[0] > 'z') {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        bool letter = name[i] >= 'a' && name[i] <= 'z';
        bool digit = name[i] >= '0' && name[i] <= '9';
        if (!letter && !digit && (name[i] != '-' || i == length - 1)) {
            return false;
        }
    }
    return true;
}
