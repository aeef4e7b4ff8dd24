/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/apply/route.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/objects/names.h"

#include <string.h>

/* Kubernetes' controllers may still write for a selector that they saw a moment ago; nobody follows their slices. */
#define SWEEP_US 10000000

static const struct zl_metric WRITES = {
    .name = "zen_lead_endpointslice_writes_total",
    .type = ZL_METRIC_COUNTER,
    .help = "Writes of EndpointSlices by verb and result.",
    .label1 = "verb",
    .label2 = "result",
};
static const struct zl_metric PORT_FAILURES = {
    .name = "zen_lead_port_resolution_failures_total",
    .type = ZL_METRIC_COUNTER,
    .help = "Looks at a leader Service that found no port to lead to: the leader lacks a named "
            "one, or none is known.",
};

const struct zl_metric *const ZL_ROUTE_METRICS[] = {&WRITES, &PORT_FAILURES, NULL};

/* One write of a route, from what is stored to what is wanted. */
struct zl_route_job {
    struct zl_reconciler *reconciler;
    const struct zl_route *route;
    struct zl_route_report report;
    struct zl_ref *stored_ref;       /* holds STORED, unless FOUND does */
    struct zl_service *found;        /* read live: the cache did not know it */
    const struct zl_service *stored; /* NULL: there is none */
    struct zl_service *service;      /* wanted */
    char *was_uid;                   /* whom the slices led to; NULL: nobody */
    bool unresolved;                 /* a named port that the leader lacks */
    bool had_slices;                 /* they were written before, and none is there */
    bool recreated;
    bool blocked; /* an object of that name is not ours */
    bool refused; /* nothing to route, or the name is somebody else's */
};

void zl_route_tell(struct zl_reconciler *reconciler, const struct zl_route *route, bool warning,
                   const char *reason, const char *message)
{
    const struct zl_event_object object = {.api_version = route->owner->api_version,
                                           .kind = route->owner->kind,
                                           .namespace_ = route->namespace_,
                                           .name = route->owner->name,
                                           .uid = route->owner->uid};
    zl_events_emit(reconciler->events, &object, warning, reason, "%s", message);
}

static bool is_of(const struct zl_meta *meta, const struct zl_route *route)
{
    return zl_same_string(meta->controller.uid, route->owner->uid);
}

/* The owner was deleted and made again under its name; the garbage collector will come for this one. */
static bool is_orphan_of(const struct zl_meta *meta, const struct zl_route *route)
{
    return !is_of(meta, route) && zl_same_string(meta->controller.kind, route->owner->kind) &&
           zl_same_string(meta->controller.name, route->owner->name);
}

static void tell_of_conflict(struct zl_route_job *job, const char *kind, const char *name)
{
    ZL_AUTO_FREE char *message =
        zl_asprintf("%s \"%s\" exists and is not zen-lead's: nothing is routed; remove it, or "
                    "choose another name by " ZL_KEY_LEADER_SERVICE,
                    kind, name);
    job->blocked = true;
    zl_route_tell(job->reconciler, job->route, true, "NameConflict", message);
}

static enum zl_status delete_object(struct zl_reconciler *reconciler,
                                    const struct zl_kube_resource *resource,
                                    const struct zl_meta *meta, struct zl_error *err)
{
    const struct zl_kube_target target = {
        .resource = resource, .namespace_ = meta->namespace_, .name = meta->name};
    const struct zl_kube_delete_options options = {.uid = meta->uid, .grace_period_s = -1};
    enum zl_status status = zl_kube_delete(reconciler->client, &target, &options, err);
    if (status == ZL_E_NOT_FOUND || status == ZL_E_CONFLICT) {
        return ZL_OK; /* gone, or another one under its name */
    }
    if (status == ZL_OK) {
        ZL_LOG_INFO("removed", ZL_STR("kind", resource->kind),
                    ZL_STR("namespace", meta->namespace_), ZL_STR("name", meta->name));
    }
    return status;
}

static enum zl_status remove_orphan(struct zl_route_job *job,
                                    const struct zl_kube_resource *resource,
                                    const struct zl_meta *meta, struct zl_error *err)
{
    enum zl_status status = delete_object(job->reconciler, resource, meta, err);
    return status != ZL_OK
               ? status
               : zl_error_set(err, ZL_E_CONFLICT, "%s belongs to an earlier owner", meta->name);
}

/* --- EndpointSlices --- */

static enum zl_status send_slice(struct zl_route_job *job, const struct zl_slice *slice,
                                 const char *resource_version, struct zl_error *err)
{
    const struct zl_kube_resource *resource = job->reconciler->slices;
    bool create = resource_version == NULL;
    const struct zl_kube_target target = {.resource = resource,
                                          .namespace_ = slice->meta.namespace_,
                                          .name = create ? NULL : slice->meta.name};
    ZL_AUTO_JSON struct cJSON *object = zl_slice_encode(slice, resource->version, resource_version);
    enum zl_status status =
        create ? zl_kube_create(job->reconciler->client, &target, object, NULL, err)
               : zl_kube_replace(job->reconciler->client, &target, object, NULL, err);
    zl_metric_add(&WRITES, create ? "create" : "replace", zl_status_name(status), 1);
    if (status == ZL_OK) {
        job->report.changed = true;
    } else if (status == ZL_E_NOT_FOUND && !create) {
        return zl_error_set(err, ZL_E_CONFLICT, "EndpointSlice %s is gone", slice->meta.name);
    }
    return status;
}

/* The cache does not show it, and yet it is there: it lags, or our label was taken off. */
static enum zl_status take_over_slice(struct zl_route_job *job, const struct zl_slice *slice,
                                      struct zl_error *err)
{
    ZL_AUTO_JSON struct cJSON *object = NULL;
    struct zl_slice *live = NULL;
    const struct zl_kube_target target = {.resource = job->reconciler->slices,
                                          .namespace_ = slice->meta.namespace_,
                                          .name = slice->meta.name};
    enum zl_status status = zl_kube_get(job->reconciler->client, &target, &object, err);
    if (status == ZL_OK) {
        status = zl_slice_decode(object, &live, err);
    }
    if (status != ZL_OK) {
        return status;
    }
    const char *by = zl_json_text(object, "metadata", "labels", ZL_KEY_SLICE_MANAGED_BY, NULL);
    if (!is_of(&live->meta, job->route)) {
        job->report.conflict = true;
        tell_of_conflict(job, "EndpointSlice", slice->meta.name);
    } else if (!zl_same_string(by, ZL_MANAGED_BY) || !zl_slice_same(slice, live)) {
        status = send_slice(job, slice, live->meta.resource_version, err);
    }
    zl_slice_free(live);
    return status;
}

static enum zl_status write_slice(struct zl_route_job *job, const struct zl_slice *slice,
                                  struct zl_error *err)
{
    ZL_AUTO_REF struct zl_ref *ref = zl_cache_find(job->reconciler->cache, ZL_CACHED_SLICES,
                                                   slice->meta.namespace_, slice->meta.name);
    if (ref == NULL) {
        enum zl_status status = send_slice(job, slice, NULL, err);
        if (status == ZL_E_CONFLICT) {
            return take_over_slice(job, slice, err);
        }
        job->recreated = job->recreated || (status == ZL_OK && job->had_slices);
        return status;
    }
    const struct zl_slice *stored = zl_ref_object(ref);
    if (is_orphan_of(&stored->meta, job->route)) {
        return remove_orphan(job, job->reconciler->slices, &stored->meta, err);
    }
    if (!is_of(&stored->meta, job->route)) {
        job->report.conflict = true;
        tell_of_conflict(job, "EndpointSlice", slice->meta.name);
        return ZL_OK;
    }
    if (job->was_uid == NULL && zl_slice_is_routed(stored)) {
        job->was_uid = zl_strdup(stored->target_uid);
        job->report.was_led = true;
    }
    return zl_slice_same(slice, stored)
               ? ZL_OK
               : send_slice(job, slice, stored->meta.resource_version, err);
}

static struct zl_ref *find_slice(struct zl_route_job *job, enum zl_family family)
{
    ZL_AUTO_FREE char *name = zl_route_slice_name(job->route->name, family);
    return zl_cache_find(job->reconciler->cache, ZL_CACHED_SLICES, job->route->namespace_, name);
}

/* Is a slice of FAMILY needed? With nobody leading, those that are there are emptied, not removed. */
static bool is_wanted(struct zl_route_job *job, enum zl_family family)
{
    enum zl_family other = family == ZL_FAMILY_IPV4 ? ZL_FAMILY_IPV6 : ZL_FAMILY_IPV4;
    if (job->route->leader != NULL) {
        return zl_route_has_family(job->route, job->stored, family);
    }
    ZL_AUTO_REF struct zl_ref *there = find_slice(job, family);
    ZL_AUTO_REF struct zl_ref *other_there = find_slice(job, other);
    return there != NULL ||
           (other_there == NULL && zl_route_has_family(job->route, job->stored, family));
}

static enum zl_status remove_family(struct zl_route_job *job, enum zl_family family,
                                    struct zl_error *err)
{
    ZL_AUTO_REF struct zl_ref *ref = find_slice(job, family);
    if (ref == NULL) {
        return ZL_OK;
    }
    const struct zl_slice *stored = zl_ref_object(ref);
    return is_of(&stored->meta, job->route)
               ? delete_object(job->reconciler, job->reconciler->slices, &stored->meta, err)
               : ZL_OK;
}

static enum zl_status write_family(struct zl_route_job *job, enum zl_family family,
                                   struct zl_error *err)
{
    struct zl_slice *slice = NULL;
    struct zl_error why = {0};
    if (!is_wanted(job, family)) {
        return remove_family(job, family, err);
    }
    if (zl_route_slice(job->route, job->service, family, &slice, &why) != ZL_OK) {
        if (!job->unresolved) {
            zl_metric_add(&PORT_FAILURES, NULL, NULL, 1);
            zl_route_tell(job->reconciler, job->route, true, "PortResolutionFailed", why.message);
        }
        job->unresolved = true;
    }
    enum zl_status status = write_slice(job, slice, err);
    zl_slice_free(slice);
    return status;
}

/* --- the Service --- */

static enum zl_status read_service(struct zl_route_job *job, struct zl_service **out,
                                   struct zl_error *err)
{
    ZL_AUTO_JSON struct cJSON *object = NULL;
    const struct zl_kube_target target = {.resource = &ZL_KUBE_SERVICES,
                                          .namespace_ = job->route->namespace_,
                                          .name = job->route->name};
    enum zl_status status = zl_kube_get(job->reconciler->client, &target, &object, err);
    return status == ZL_OK ? zl_service_decode(object, out, err) : status;
}

/* Make it, or find out what is there under its name already. */
static enum zl_status create_service(struct zl_route_job *job, struct zl_error *err)
{
    const struct zl_kube_target target = {.resource = &ZL_KUBE_SERVICES,
                                          .namespace_ = job->route->namespace_};
    ZL_AUTO_JSON struct cJSON *object = zl_service_encode(job->service, false);
    enum zl_status status = zl_kube_create(job->reconciler->client, &target, object, NULL, err);
    if (status == ZL_E_CONFLICT) {
        return read_service(job, &job->found, err);
    }
    if (status == ZL_OK) {
        ZL_AUTO_FREE char *message =
            zl_asprintf("created Service \"%s\": it leads to the leader alone", job->route->name);
        ZL_LOG_INFO("leader Service created", ZL_STR("namespace", job->route->namespace_),
                    ZL_STR("name", job->route->name));
        zl_route_tell(job->reconciler, job->route, false, "LeaderServiceCreated", message);
    }
    return status;
}

/* What is known of a selector that is not ours: noted when it is seen, forgotten a while later. */
static void note_selector(struct zl_route_job *job)
{
    int64_t since_us = 0;
    int64_t now_us = zl_clock_wall_us();
    char now[ZL_TIME_TEXT_MAX];
    if (job->stored == NULL) {
        return;
    }
    if (job->stored->selector != NULL) {
        zl_time_format(now_us, now);
        job->service->had_selector = zl_strdup(now);
    } else if (zl_time_parse(job->stored->had_selector, &since_us) &&
               now_us - since_us < SWEEP_US && now_us >= since_us) {
        job->service->had_selector = zl_strdup(job->stored->had_selector);
    }
    job->report.swept = job->service->had_selector != NULL;
}

static enum zl_status repair_service(struct zl_route_job *job, struct zl_error *err)
{
    if (job->stored == NULL) {
        return ZL_OK;
    }
    bool sweep = job->service->had_selector != NULL || job->stored->had_selector != NULL;
    enum zl_status status = ZL_OK;
    if (!zl_service_same(job->service, job->stored)) {
        const struct zl_kube_target target = {.resource = &ZL_KUBE_SERVICES,
                                              .namespace_ = job->route->namespace_,
                                              .name = job->route->name};
        ZL_AUTO_JSON struct cJSON *patch = zl_service_encode(job->service, true);
        status =
            zl_kube_patch(job->reconciler->client, &target, ZL_KUBE_PATCH_MERGE, patch, NULL, err);
    }
    if (status == ZL_E_NOT_FOUND) {
        return ZL_OK; /* Deleted meanwhile: its event brings us back, and makes it again. */
    }
    return status == ZL_OK && sweep ? zl_route_sweep(job->reconciler, job->service, err) : status;
}

/* Traffic reaches the leader, and did not a moment ago: is that another one than the last? */
static void look_for_failover(const struct zl_route_job *job)
{
    struct zl_failovers *failovers = job->reconciler->failovers;
    const struct zl_route *route = job->route;
    const struct zl_service *stored = job->stored;
    ZL_AUTO_FREE char *left_uid = zl_failovers_fill(failovers, route->namespace_, route->name);
    const char *old_uid = job->was_uid != NULL ? job->was_uid : left_uid;
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

static void tell_of_change(struct zl_route_job *job)
{
    const struct zl_pod *leader = job->route->leader;
    struct zl_route_report *report = &job->report;
    report->routed = leader != NULL && leader->ready && !job->unresolved && !job->blocked;
    if (job->recreated) {
        zl_route_tell(job->reconciler, job->route, true, "EndpointSliceDeleted",
                      "somebody deleted an EndpointSlice of the leader Service; it was made again");
    }
    if (report->changed && !report->routed && job->was_uid != NULL) {
        zl_failovers_vacate(job->reconciler->failovers, job->route->namespace_, job->route->name,
                            job->was_uid, zl_clock_ms());
    }
    if (!report->changed || !report->routed || zl_same_string(job->was_uid, leader->meta.uid)) {
        return;
    }
    look_for_failover(job);
    ZL_AUTO_FREE char *message =
        zl_asprintf("Service \"%s\" leads to pod %s", job->route->name, leader->meta.name);
    ZL_LOG_INFO("traffic follows the leader", ZL_STR("namespace", job->route->namespace_),
                ZL_STR("service", job->route->name), ZL_STR("pod", leader->meta.name));
    zl_route_tell(job->reconciler, job->route, false,
                  job->was_uid != NULL ? "LeaderChanged" : "LeaderRoutingAvailable", message);
}

static enum zl_status write_slices(struct zl_route_job *job, struct zl_error *err)
{
    enum zl_status status = ZL_OK;
    if (job->refused) {
        return ZL_OK;
    }
    if (job->stored == NULL) {
        status = create_service(job, err);
        job->stored = job->found;
    }
    if (status != ZL_OK) {
        return status;
    }
    if (job->stored != NULL && is_orphan_of(&job->stored->meta, job->route)) {
        return remove_orphan(job, &ZL_KUBE_SERVICES, &job->stored->meta, err);
    }
    if (job->stored != NULL && !is_of(&job->stored->meta, job->route)) {
        tell_of_conflict(job, "Service", job->route->name);
        job->refused = true;
        /* Until its event, which comes for what the cache knows. */
        job->report.conflict = job->stored == job->found;
        return ZL_OK;
    }
    ZL_AUTO_REF struct zl_ref *ipv4 = find_slice(job, ZL_FAMILY_IPV4);
    ZL_AUTO_REF struct zl_ref *ipv6 = find_slice(job, ZL_FAMILY_IPV6);
    job->had_slices = job->stored != NULL && job->stored->leader_switch_time != NULL &&
                      ipv4 == NULL && ipv6 == NULL;
    for (int family = 0; status == ZL_OK && family < ZL_FAMILY_COUNT; family++) {
        status = write_family(job, (enum zl_family)family, err);
    }
    return status;
}

/*
 * What the API server refuses once it refuses again, until somebody does something about it. In a namespace that is being
 * deleted nobody has to, and it would refuse the Event as well.
 */
static enum zl_status tell_of_refusal(const struct zl_route_job *job, enum zl_status status,
                                      const struct zl_error *err)
{
    bool by_a_webhook = status == ZL_E_TRANSIENT && err->http_status == 500;
    bool refused = status == ZL_E_DENIED || status == ZL_E_INVALID || by_a_webhook;
    if (refused && strcmp(err->reason, ZL_REASON_NAMESPACE_TERMINATING) != 0) {
        ZL_AUTO_FREE char *message = zl_asprintf(
            "the API server refuses what Service \"%s\" and its EndpointSlices need: %s",
            job->route->name, err->message);
        zl_route_tell(job->reconciler, job->route, true, "LeaderServiceRefused", message);
    }
    return status;
}

enum zl_status zl_route_write_slices(struct zl_route_job *job, struct zl_error *err)
{
    return tell_of_refusal(job, write_slices(job, err), err);
}

enum zl_status zl_route_finish(struct zl_route_job *job, struct zl_error *err)
{
    if (job->refused) {
        return ZL_OK;
    }
    tell_of_change(job);
    note_selector(job);
    return tell_of_refusal(job, repair_service(job, err), err);
}

struct zl_route_job *zl_route_job_new(struct zl_reconciler *reconciler,
                                      const struct zl_route *route)
{
    struct zl_route_job *job = zl_alloc(sizeof *job);
    job->reconciler = reconciler;
    job->route = route;
    job->stored_ref =
        zl_cache_find(reconciler->cache, ZL_CACHED_SERVICES, route->namespace_, route->name);
    job->stored = job->stored_ref != NULL ? zl_ref_object(job->stored_ref) : NULL;
    job->service = zl_route_service(route, job->stored, zl_clock_wall_us());
    if (job->service->port_count == 0) {
        job->refused = true;
        if (route->leader != NULL) {
            zl_metric_add(&PORT_FAILURES, NULL, NULL, 1);
            zl_route_tell(reconciler, route, true, "PortResolutionFailed",
                          "no Service selects the leader and its containers name no port: there is "
                          "nothing to route");
        }
    }
    return job;
}

const struct zl_route_report *zl_route_job_report(const struct zl_route_job *job)
{
    return &job->report;
}

void zl_route_job_free(struct zl_route_job *job)
{
    if (job != NULL) {
        zl_ref_drop(job->stored_ref);
        zl_service_free(job->service);
        zl_service_free(job->found);
        free(job->was_uid);
        free(job);
    }
}

/* --- removal --- */

static bool is_kept(const char *service, const char *const *keep, size_t keep_count)
{
    for (size_t i = 0; i < keep_count; i++) {
        if (zl_same_string(service, keep[i])) {
            return true;
        }
    }
    return false;
}

static bool belongs_to(const struct zl_route_owner *owner, const struct zl_meta *meta,
                       const char *source, const char *pool)
{
    if (meta->controller.uid == NULL) {
        return false;
    }
    if (owner->pool != NULL) {
        return zl_same_string(pool, owner->pool);
    }
    return pool == NULL && zl_same_string(source, owner->source) &&
           zl_same_string(meta->controller.kind, "Service") &&
           zl_same_string(meta->controller.name, owner->source);
}

enum zl_status zl_route_clean(struct zl_reconciler *reconciler, const struct zl_route_owner *owner,
                              const char *const *keep, size_t keep_count, struct zl_error *err)
{
    ZL_AUTO_REFS struct zl_refs services = {0};
    ZL_AUTO_REFS struct zl_refs slices = {0};
    enum zl_status status = ZL_OK;
    enum zl_index index = owner->pool != NULL ? ZL_BY_POOL : ZL_BY_SOURCE;
    const char *value = owner->pool != NULL ? owner->pool : owner->source;
    zl_cache_list_by(reconciler->cache, ZL_CACHED_SERVICES, index, owner->namespace_, value,
                     &services);
    zl_cache_list_by(reconciler->cache, ZL_CACHED_SLICES, index, owner->namespace_, value, &slices);
    for (size_t i = 0; status == ZL_OK && i < services.count; i++) {
        const struct zl_service *service = zl_ref_object(services.items[i]);
        if (service->ours && !service->meta.deleting &&
            belongs_to(owner, &service->meta, service->source, service->pool) &&
            !is_kept(service->meta.name, keep, keep_count)) {
            status = delete_object(reconciler, &ZL_KUBE_SERVICES, &service->meta, err);
        }
    }
    for (size_t i = 0; status == ZL_OK && i < slices.count; i++) {
        const struct zl_slice *slice = zl_ref_object(slices.items[i]);
        if (!slice->meta.deleting && belongs_to(owner, &slice->meta, slice->source, slice->pool) &&
            !is_kept(slice->service, keep, keep_count)) {
            status = delete_object(reconciler, reconciler->slices, &slice->meta, err);
        }
    }
    return status;
}
