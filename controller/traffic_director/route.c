/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/traffic_director/route.h"

#include "common/base/clock.h"
#include "common/objects/carried.h"
#include "common/objects/labels.h"

#include <string.h>

const char *zl_pod_ip(const struct zl_pod *pod, enum zl_family family)
{
    for (size_t i = 0; i < ZL_POD_IPS_MAX; i++) {
        if (pod->ips[i] != NULL &&
            (strchr(pod->ips[i], ':') != NULL) == (family == ZL_FAMILY_IPV6)) {
            return pod->ips[i];
        }
    }
    return NULL;
}

static const struct zl_service *said_families(const struct zl_route *route,
                                              const struct zl_service *stored)
{
    /* Those of the source come later to the leader Service, and go with it. */
    if (route->from != NULL && (route->from->ipv4 || route->from->ipv6)) {
        return route->from;
    }
    return stored != NULL && (stored->ipv4 || stored->ipv6) ? stored : NULL;
}

bool zl_route_has_family(const struct zl_route *route, const struct zl_service *stored,
                         enum zl_family family)
{
    const struct zl_service *said = said_families(route, stored);
    if (said != NULL) {
        return family == ZL_FAMILY_IPV6 ? said->ipv6 : said->ipv4;
    }
    /* A server that does not know families of Services: those of the pod. */
    return route->leader != NULL ? zl_pod_ip(route->leader, family) != NULL
                                 : family == ZL_FAMILY_IPV4;
}

/* --- ports --- */

static bool has_port(const struct zl_service *service, const struct zl_container_port *port)
{
    for (size_t i = 0; i < service->port_count; i++) {
        const struct zl_service_port *other = &service->ports[i];
        bool same_number =
            other->number == port->number && strcmp(other->protocol, port->protocol) == 0;
        if (same_number || (port->name != NULL && zl_same_string(other->name, port->name))) {
            return true;
        }
    }
    return false;
}

static void add_container_ports(const struct zl_pod *pod, struct zl_service *service)
{
    for (size_t i = 0; i < pod->port_count; i++) {
        const struct zl_container_port *port = &pod->ports[i];
        if (port->number == 0 || has_port(service, port)) {
            continue;
        }
        /* Several ports of one Service need names. */
        bool tcp = strcmp(port->protocol, "TCP") == 0;
        const char *suffix = tcp ? "" : strcmp(port->protocol, "UDP") == 0 ? "-udp" : "-sctp";
        ZL_AUTO_FREE char *name = port->name != NULL
                                      ? zl_strdup(port->name)
                                      : zl_asprintf("port-%lld%s", (long long)port->number, suffix);
        const struct zl_service_port added = {.name = name,
                                              .protocol = port->protocol,
                                              .number = port->number,
                                              .target_number = port->number};
        zl_service_add_port(service, &added);
    }
}

static void copy_ports(const struct zl_service *from, struct zl_service *to)
{
    for (size_t i = 0; from != NULL && i < from->port_count; i++) {
        zl_service_add_port(to, &from->ports[i]);
    }
}

void zl_route_add_ports(const struct zl_route *route, struct zl_service *service)
{
    if (route->from != NULL && route->from->port_count > 0) {
        copy_ports(route->from, service);
    } else if (route->leader != NULL) {
        add_container_ports(route->leader, service);
    }
}

/* The number behind a Service's port in POD; 0: it has no port of that name and protocol. */
static int64_t resolve(const struct zl_service_port *port, const struct zl_pod *pod)
{
    if (port->target_name == NULL) {
        return port->target_number;
    }
    for (size_t i = 0; i < pod->port_count; i++) {
        if (zl_same_string(pod->ports[i].name, port->target_name) &&
            strcmp(pod->ports[i].protocol, port->protocol) == 0) {
            return pod->ports[i].number;
        }
    }
    return 0;
}

/* --- the Service --- */

static struct zl_controller_ref copy_owner(const struct zl_subject *owner)
{
    return (struct zl_controller_ref){.api_version = zl_strdup(owner->api_version),
                                      .kind = zl_strdup(owner->kind),
                                      .name = zl_strdup(owner->name),
                                      .uid = zl_strdup(owner->uid)};
}

static void name_leader(const struct zl_route *route, const struct zl_service *stored,
                        int64_t now_us, struct zl_service *service)
{
    const char *known_uid = stored != NULL ? stored->leader_uid : NULL;
    if (route->leader != NULL) {
        service->leader_pod = zl_strdup(route->leader->meta.name);
        service->leader_uid = zl_strdup(route->leader->meta.uid);
    }
    if (zl_same_string(known_uid, service->leader_uid)) {
        service->leader_switch_time = zl_strdup(stored != NULL ? stored->leader_switch_time : NULL);
        return;
    }
    char now[ZL_TIME_TEXT_MAX];
    zl_time_format(now_us, now);
    service->leader_switch_time = zl_strdup(now);
}

/* Of an annotated Service alone: who merely lends its ports to a pool's has not asked for this. */
static void follow_wishes(const struct zl_service *from, struct zl_service *service)
{
    zl_replace_string(&service->type, from->leader_type);
    service->carried_labels = zl_labels_copy(from->carried_labels);
    service->carried_annotations = zl_labels_copy(from->carried_annotations);
    service->carried_label_names = zl_carried_names(from->carried_labels);
    service->carried_annotation_names = zl_carried_names(from->carried_annotations);
}

struct zl_service *zl_route_service(const struct zl_route *route, const struct zl_service *stored,
                                    int64_t now_us)
{
    struct zl_service *service = zl_alloc(sizeof *service);
    service->meta.namespace_ = zl_strdup(route->namespace_);
    service->meta.name = zl_strdup(route->name);
    service->meta.controller = copy_owner(&route->owner);
    service->second_owner = copy_owner(&route->second_owner);
    service->pool = zl_strdup(route->pool);
    service->type = zl_strdup(ZL_CLUSTER_IP);
    if (route->from != NULL) {
        service->source = zl_strdup(route->from->meta.name);
        service->family_policy = zl_strdup(route->from->family_policy);
        service->ipv4 = route->from->ipv4;
        service->ipv6 = route->from->ipv6;
        service->ipv6_first = route->from->ipv6_first;
        if (route->pool == NULL && route->from->leader_type != NULL) {
            follow_wishes(route->from, service);
        }
    } else if (route->leader == NULL && stored != NULL) {
        service->source =
            zl_strdup(stored->source); /* who lends the ports is known by the leader */
    }
    zl_route_add_ports(route, service);
    if (service->port_count == 0) {
        copy_ports(stored, service);
    }
    if (service->port_count == 0 && route->template_pod != NULL) {
        add_container_ports(route->template_pod, service);
    }
    name_leader(route, stored, now_us, service);
    return service;
}

/* --- the EndpointSlice --- */

static enum zl_status add_slice_ports(const struct zl_route *route,
                                      const struct zl_service *service, struct zl_slice *slice,
                                      struct zl_error *err)
{
    slice->ports = zl_alloc((service->port_count + 1) * sizeof *slice->ports);
    for (size_t i = 0; i < service->port_count; i++) {
        const struct zl_service_port *port = &service->ports[i];
        int64_t number = resolve(port, route->leader);
        if (number == 0) {
            return zl_error_set(err, ZL_E_INVALID,
                                "pod %s has no container port named \"%s\" with protocol %s, which "
                                "port %lld of Service %s needs; nothing is routed until it has",
                                route->leader->meta.name, port->target_name, port->protocol,
                                (long long)port->number, service->source);
        }
        slice->ports[slice->port_count++] =
            (struct zl_slice_port){.name = zl_strdup(port->name),
                                   .protocol = port->protocol,
                                   .app_protocol = zl_strdup(port->app_protocol),
                                   .number = number};
    }
    return ZL_OK;
}

static void drop_ports(struct zl_slice *slice)
{
    for (size_t i = 0; i < slice->port_count; i++) {
        free(slice->ports[i].name);
        free(slice->ports[i].app_protocol);
    }
    slice->port_count = 0;
}

enum zl_status zl_route_slice(const struct zl_route *route, const struct zl_service *service,
                              enum zl_family family, struct zl_slice **out, struct zl_error *err)
{
    struct zl_slice *slice = zl_alloc(sizeof *slice);
    const struct zl_pod *leader = route->leader;
    const char *ip = leader != NULL ? zl_pod_ip(leader, family) : NULL;
    *out = slice;
    slice->meta.namespace_ = zl_strdup(route->namespace_);
    slice->meta.name = zl_route_slice_name(route->name, family);
    /* As Kubernetes' own: tools take the owner for the Service that is meant. */
    slice->meta.controller = (struct zl_controller_ref){.api_version = zl_strdup("v1"),
                                                        .kind = zl_strdup("Service"),
                                                        .name = zl_strdup(route->name),
                                                        .uid = zl_strdup(service->meta.uid)};
    slice->service = zl_strdup(route->name);
    slice->source = zl_strdup(service->source);
    slice->pool = zl_strdup(route->pool);
    slice->ipv6 = family == ZL_FAMILY_IPV6;
    if (ip == NULL) {
        return ZL_OK;
    }
    enum zl_status status = add_slice_ports(route, service, slice, err);
    if (status != ZL_OK) {
        drop_ports(slice);
        return status;
    }
    slice->endpoint_count = 1;
    slice->address = zl_strdup(ip);
    slice->node = zl_strdup(leader->node);
    slice->zone = zl_strdup(route->zone);
    slice->target_name = zl_strdup(leader->meta.name);
    slice->target_uid = zl_strdup(leader->meta.uid);
    slice->ready = leader->ready ? ZL_YES : ZL_NO;
    slice->serving = leader->serving ? ZL_YES : ZL_NO;
    slice->terminating = leader->meta.deleting ? ZL_YES : ZL_NO;
    return ZL_OK;
}
