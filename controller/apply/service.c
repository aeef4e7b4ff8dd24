/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service.c - the leader Service of a route, and what people hear of where it leads.
 */
#include "controller/apply/route.h"

#include "common/base/clock.h"
#include "common/base/log.h"

/* Kubernetes' controllers may still write for a selector that they saw a moment ago; nobody follows their slices. */
#define SWEEP_US 10000000

static enum zl_status read_service(struct zl_route_write *write, struct zl_service **out,
                                   struct zl_error *err)
{
    ZL_AUTO_JSON struct cJSON *object = NULL;
    const struct zl_kube_target target = {.resource = &ZL_KUBE_SERVICES,
                                          .namespace_ = write->route.namespace_,
                                          .name = write->route.name,
                                          .shape = ZL_SERVICE_SHAPE};
    enum zl_status status = zl_kube_get(write->writer->client, &target, &object, err);
    return status == ZL_OK ? zl_service_decode(object, out, err) : status;
}

enum zl_status zl_service_create(struct zl_route_write *write, struct zl_error *err)
{
    const struct zl_kube_target target = {.resource = &ZL_KUBE_SERVICES,
                                          .namespace_ = write->route.namespace_,
                                          .shape = ZL_SERVICE_SHAPE};
    ZL_AUTO_JSON struct cJSON *object = zl_service_encode(write->service, NULL);
    ZL_AUTO_JSON struct cJSON *answer = NULL;
    enum zl_status status = zl_kube_create(write->writer->client, &target, object, &answer, err);
    if (status == ZL_E_CONFLICT) {
        return read_service(write, &write->found, err);
    }
    if (status == ZL_OK) {
        write->created = true;
        status = zl_service_decode(answer, &write->found, err); /* its uid: the slices' owner */
    }
    if (status == ZL_OK) {
        ZL_AUTO_FREE char *message =
            zl_asprintf("created Service \"%s\": it leads to the leader alone", write->route.name);
        ZL_LOG_INFO("leader Service created", ZL_STR("namespace", write->route.namespace_),
                    ZL_STR("name", write->route.name));
        zl_route_tell(write, false, "LeaderServiceCreated", message);
    }
    return status;
}

/* What is known of a selector that is not ours: noted when it is seen, forgotten a while later. */
static void note_selector(struct zl_route_write *write)
{
    int64_t since_us = 0;
    int64_t now_us = zl_clock_wall_us();
    char now[ZL_TIME_TEXT_MAX];
    if (write->stored == NULL || write->created) {
        return;
    }
    if (write->stored->selector != NULL) {
        zl_time_format(now_us, now);
        write->service->had_selector = zl_strdup(now);
    } else if (zl_time_parse(write->stored->had_selector, &since_us) &&
               now_us - since_us < SWEEP_US && now_us >= since_us) {
        write->service->had_selector = zl_strdup(write->stored->had_selector);
    }
    write->swept = write->service->had_selector != NULL;
}

static enum zl_status repair_service(struct zl_route_write *write, struct zl_error *err)
{
    if (write->stored == NULL || write->created) {
        return ZL_OK;
    }
    bool sweep = write->service->had_selector != NULL || write->stored->had_selector != NULL;
    enum zl_status status = ZL_OK;
    bool families = zl_service_same_families(write->service, write->stored);
    if (!families || !zl_service_same(write->service, write->stored)) {
        const struct zl_kube_target target = {.resource = &ZL_KUBE_SERVICES,
                                              .namespace_ = write->route.namespace_,
                                              .name = write->route.name};
        ZL_AUTO_JSON struct cJSON *patch = zl_service_encode(write->service, write->stored);
        if (!families) {
            zl_service_encode_families(write->service, write->stored, zl_json_child(patch, "spec"));
        }
        status =
            zl_kube_patch(write->writer->client, &target, ZL_KUBE_PATCH_MERGE, patch, NULL, err);
    }
    if (status == ZL_E_NOT_FOUND) {
        return ZL_OK; /* Deleted meanwhile: its event brings us back, and makes it again. */
    }
    return status == ZL_OK && sweep ? zl_route_sweep(write->writer, write->service, err) : status;
}

/* Traffic reaches the leader, and did not a moment ago: is that another one than the last? */
static void look_for_failover(const struct zl_route_write *write)
{
    struct zl_failovers *failovers = write->writer->failovers;
    const struct zl_route *route = &write->route;
    const struct zl_service *stored = write->stored;
    ZL_AUTO_FREE char *left_uid = zl_failovers_fill(failovers, route->namespace_, route->name);
    const char *old_uid = write->was_uid != NULL ? write->was_uid : left_uid;
    int64_t lost_us = 0;
    if (old_uid != NULL) {
        if (!zl_same_string(old_uid, route->leader->meta.uid)) {
            zl_failovers_count(failovers, old_uid);
        }
    } else if (stored != NULL && stored->leader_uid == NULL &&
               zl_time_parse(stored->leader_switch_time, &lost_us)) {
        zl_failovers_count_unseen(lost_us); /* the leader was lost before this process looked */
    }
}

static void tell_of_change(struct zl_route_write *write, bool routed)
{
    const struct zl_pod *leader = write->route.leader;
    if (write->recreated) {
        zl_route_tell(write, true, "EndpointSliceDeleted",
                      "somebody deleted an EndpointSlice of the leader Service; it was made again");
    }
    if (write->changed && !routed && write->was_uid != NULL) {
        zl_failovers_vacate(write->writer->failovers, write->route.namespace_, write->route.name,
                            write->was_uid, zl_clock_ms());
    }
    if (!write->changed || !routed || zl_same_string(write->was_uid, leader->meta.uid)) {
        return;
    }
    look_for_failover(write);
    ZL_AUTO_FREE char *message =
        zl_asprintf("Service \"%s\" leads to pod %s", write->route.name, leader->meta.name);
    ZL_LOG_INFO("traffic follows the leader", ZL_STR("namespace", write->route.namespace_),
                ZL_STR("service", write->route.name), ZL_STR("pod", leader->meta.name));
    zl_route_tell(write, false, write->was_uid != NULL ? "LeaderChanged" : "LeaderRoutingAvailable",
                  message);
}

enum zl_status zl_service_finish(struct zl_route_write *write, struct zl_error *err)
{
    const struct zl_pod *leader = write->route.leader;
    /* Traffic reaches a Ready leader. */
    write->routed = leader != NULL && leader->ready && !write->unresolved && !write->blocked;
    tell_of_change(write, write->routed);
    note_selector(write);
    return repair_service(write, err);
}
