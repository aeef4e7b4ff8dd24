/* SPDX-License-Identifier: Apache-2.0 */
/*
 * route.c - the two steps of a route: all traffic moves before anything else is said.
 */
#include "controller/apply/route.h"

#include "common/base/clock.h"
#include "common/objects/names.h"

#include <string.h>

enum {
    SWEEP_MS = 1000,
    CONFLICT_MS = 5000, /* somebody else's object may go without an event to us */
};

static const struct zl_metric PORT_FAILURES = {
    .name = "zen_lead_port_resolution_failures_total",
    .type = ZL_METRIC_COUNTER,
    .help = "Looks at a leader Service that found no port to lead to: the leader lacks a named "
            "one, or none is known.",
};

const struct zl_metric *const ZL_ROUTE_METRICS[] = {&ZL_SLICE_WRITES, &ZL_SLICE_ERRORS,
                                                    &PORT_FAILURES, NULL};

/* --- what the files share --- */

void zl_route_tell(const struct zl_route_write *write, bool warning, const char *reason,
                   const char *message)
{
    zl_tell_about(write->writer, &write->route.owner, warning, reason, message);
}

/* Nobody's, or of one that was deleted and made again under its name: the garbage collector may come for it. */
static bool is_orphan(const struct zl_route_write *write, const struct zl_controller_ref *owner)
{
    return owner->uid == NULL || (zl_same_string(owner->kind, write->route.owner.kind) &&
                                  zl_same_string(owner->name, write->route.owner.name));
}

bool zl_route_may_write(const struct zl_route_write *write, const struct zl_service *service)
{
    const struct zl_controller_ref *owner = &service->meta.controller;
    return zl_same_string(owner->uid, write->route.owner.uid) ||
           (service->ours && is_orphan(write, owner));
}

bool zl_route_may_write_slice(const struct zl_route_write *write, const struct zl_slice *slice)
{
    const struct zl_controller_ref *owner = &slice->meta.controller;
    bool of_service =
        zl_same_string(owner->kind, "Service") && zl_same_string(owner->name, write->route.name);
    return zl_same_string(slice->service, write->route.name) &&
           (of_service || is_orphan(write, owner));
}

void zl_route_tell_of_conflict(struct zl_route_write *write, const char *kind, const char *name)
{
    ZL_AUTO_FREE char *message =
        zl_asprintf("%s \"%s\" exists and is not zen-lead's: nothing is routed; remove it, or "
                    "choose another name by " ZL_KEY_LEADER_SERVICE,
                    kind, name);
    write->blocked = true;
    zl_remind_of(write->writer, &write->route.owner, "NameConflict", message);
}

void zl_route_tell_of_ports(const struct zl_route_write *write, const char *message)
{
    zl_metric_add(&PORT_FAILURES, NULL, NULL, 1);
    zl_remind_of(write->writer, &write->route.owner, "PortResolutionFailed", message);
}

/*
 * What the API server refuses once it refuses again, until somebody does something about it. In a namespace that is being
 * deleted nobody has to, and it would refuse the Event as well.
 */
static enum zl_status tell_of_refusal(const struct zl_route_write *write, enum zl_status status,
                                      const struct zl_error *err)
{
    bool by_a_webhook = status == ZL_E_TRANSIENT && err->http_status == 500;
    bool refused = status == ZL_E_DENIED || status == ZL_E_INVALID || by_a_webhook;
    if (refused && strcmp(err->reason, ZL_REASON_NAMESPACE_TERMINATING) != 0) {
        ZL_AUTO_FREE char *message = zl_asprintf(
            "the API server refuses what Service \"%s\" and its EndpointSlices need: %s",
            write->route.name, err->message);
        zl_remind_of(write->writer, &write->route.owner, "LeaderServiceRefused", message);
    }
    return status;
}

/* --- one write --- */

/* The zone of the leader's node; NULL: not known. The caller frees. */
static char *find_zone(struct zl_cache *cache, const struct zl_pod *pod)
{
    ZL_AUTO_REF struct zl_ref *ref = pod != NULL && pod->node != NULL
                                         ? zl_cache_find(cache, ZL_CACHED_NODES, "", pod->node)
                                         : NULL;
    if (ref == NULL) {
        return NULL;
    }
    const struct zl_node *node = zl_ref_object(ref);
    return zl_strdup(node->zone);
}

static struct zl_route_write *begin(struct zl_applying *applying, const struct zl_route *route)
{
    struct zl_route_write *write = zl_alloc(sizeof *write);
    struct zl_cache *cache = applying->writer->cache;
    write->writer = applying->writer;
    write->planned = route;
    write->route = *route;
    write->route.zone = write->zone = find_zone(cache, route->leader);
    write->stored_ref = zl_cache_find(cache, ZL_CACHED_SERVICES, route->namespace_, route->name);
    write->stored = write->stored_ref != NULL ? zl_ref_object(write->stored_ref) : NULL;
    write->service = zl_route_service(&write->route, write->stored, zl_clock_wall_us());
    (void)zl_since(applying->writer->sinces, route->namespace_, route->name, ZL_TOPIC_DESERTED,
                   NULL, zl_clock_ms());
    write->next = applying->writes;
    applying->writes = write;
    return write;
}

bool zl_route_writes_moved(const struct zl_applying *applying)
{
    for (const struct zl_route_write *write = applying->writes; write != NULL;
         write = write->next) {
        if (write->changed || write->failed) {
            return true;
        }
    }
    return false;
}

void zl_route_writes_free(struct zl_applying *applying)
{
    while (applying->writes != NULL) {
        struct zl_route_write *write = applying->writes;
        applying->writes = write->next;
        zl_ref_drop(write->stored_ref);
        zl_service_free(write->service);
        zl_service_free(write->found);
        free(write->was_uid);
        free(write->zone);
        free(write);
    }
}

static enum zl_status write_slices(struct zl_route_write *write, struct zl_error *err)
{
    enum zl_status status = ZL_OK;
    if (write->stored == NULL) {
        status = zl_service_create(write, err);
        write->stored = write->found;
    }
    if (status != ZL_OK) {
        return status;
    }
    if (write->stored == NULL) {
        return zl_error_set(err, ZL_E_CONFLICT, "Service %s is gone already", write->route.name);
    }
    if (!zl_route_may_write(write, write->stored)) {
        zl_route_tell_of_conflict(write, "Service", write->route.name);
        write->refused = true;
        /* Until its event, which comes for what the cache knows. */
        write->conflict = write->stored == write->found;
        return ZL_OK;
    }
    if (write->stored->meta.deleting) {
        /* Somebody's finalizer holds it. That it is gone, its event will tell. */
        write->refused = true;
        write->conflict = true;
        return ZL_OK;
    }
    zl_replace_string(&write->service->meta.uid, write->stored->meta.uid);
    return zl_slices_write(write, err);
}

enum zl_status zl_apply_slices(struct zl_applying *applying, const struct zl_step *step,
                               struct zl_error *err)
{
    struct zl_route_write *write = begin(applying, step->of.route);
    if (write->service->port_count == 0) {
        write->refused = true;
        if (write->route.leader != NULL) {
            zl_route_tell_of_ports(write, "no Service selects the leader and its containers name "
                                          "no port: there is nothing to route");
        }
        return ZL_OK;
    }
    enum zl_status status = tell_of_refusal(write, write_slices(write, err), err);
    write->failed = status != ZL_OK;
    return status;
}

/* --- the step after it --- */

static struct zl_route_write *find_write(const struct zl_applying *applying,
                                         const struct zl_route *route)
{
    struct zl_route_write *write = applying->writes;
    while (write != NULL && write->planned != route) {
        write = write->next;
    }
    return write;
}

/* It leads nowhere since just now. Of a pool that is news only if it led somewhere before. */
static bool has_lost_traffic(const struct zl_route_write *write)
{
    return write->changed && !write->routed && (write->route.pool == NULL || write->was_led);
}

enum zl_status zl_apply_service(struct zl_applying *applying, const struct zl_step *step,
                                struct zl_error *err)
{
    struct zl_route_write *write = find_write(applying, step->of.route);
    enum zl_status status = ZL_OK;
    if (write == NULL) {
        return ZL_OK;
    }
    if (!write->failed && !write->refused) {
        status = tell_of_refusal(write, zl_service_finish(write, err), err);
    }
    if (has_lost_traffic(write)) {
        zl_tell(applying->writer, step);
    }
    if (write->conflict) {
        zl_steps_look_again(applying->steps, CONFLICT_MS);
    }
    if (write->swept) {
        zl_steps_look_again(applying->steps, SWEEP_MS);
    }
    return status;
}
