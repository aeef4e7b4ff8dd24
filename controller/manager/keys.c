/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/manager/keys.h"

#include "common/cache/indexes.h"
#include "controller/view/workload_of.h"

#include <string.h>

#define SERVICE_PREFIX "service:"
#define WAKE_PREFIX "wake:"
#define LAST_WAKE_PREFIX "last-wake:"
#define JOB_PREFIX "job:"

enum { SECOND_WAKE_MS = 1000, LAST_WAKE_MS = 10000 };

static void enqueue(const struct zl_keys *keys, const char *namespace_, const char *pool)
{
    if (pool == NULL) {
        return;
    }
    ZL_AUTO_FREE char *key = zl_asprintf("%s/%s", namespace_, pool);
    zl_workqueue_add_to(keys->queue, key, keys->lane, 0);
}

static void enqueue_service(const struct zl_keys *keys, const char *namespace_, const char *name)
{
    if (name == NULL) {
        return;
    }
    ZL_AUTO_FREE char *key = zl_asprintf(SERVICE_PREFIX "%s/%s", namespace_, name);
    zl_workqueue_add_to(keys->queue, key, keys->lane, 0);
}

static void enqueue_opted_in(const struct zl_keys *keys, const struct zl_refs *services)
{
    for (size_t i = 0; i < services->count; i++) {
        const struct zl_service *service = zl_ref_object(services->items[i]);
        if (service->opted_in) {
            enqueue_service(keys, service->meta.namespace_, service->meta.name);
        }
    }
}

/* The annotated Services that have POD behind them. */
static void enqueue_selecting(const struct zl_keys *keys, const struct zl_pod *pod)
{
    ZL_AUTO_REFS struct zl_refs services = {0};
    zl_cache_list_selecting(keys->cache, pod->meta.namespace_, pod->labels, &services);
    enqueue_opted_in(keys, &services);
}

/* The annotated Services of which INDEX says VALUE. */
static void enqueue_by(const struct zl_keys *keys, enum zl_index index, const char *namespace_,
                       const char *value)
{
    ZL_AUTO_REFS struct zl_refs services = {0};
    if (value != NULL) {
        zl_cache_list_by(keys->cache, ZL_CACHED_SERVICES, index, namespace_, value, &services);
        enqueue_opted_in(keys, &services);
    }
}

/* A user's Service: which pool it lends its ports, or has in the way with its name, the pools know. */
static void enqueue_pools(const struct zl_keys *keys, const char *namespace_)
{
    ZL_AUTO_REFS struct zl_refs policies = {0};
    zl_cache_list(keys->cache, ZL_CACHED_POLICIES, namespace_, &policies);
    for (size_t i = 0; i < policies.count; i++) {
        const struct zl_policy *policy = zl_ref_object(policies.items[i]);
        enqueue(keys, namespace_, policy->meta.name);
    }
}

/* An object of ours leads back to what it was made for. */
static void enqueue_source(const struct zl_keys *keys, const struct zl_meta *meta,
                           const char *source, const char *pool)
{
    if (pool != NULL) {
        enqueue(keys, meta->namespace_, pool);
    } else {
        enqueue_service(keys, meta->namespace_, source);
    }
}

static void enqueue_for_service(const struct zl_keys *keys, const struct zl_service *service)
{
    if (service->ours) {
        enqueue_source(keys, &service->meta, service->source, service->pool);
        return;
    }
    if (service->opted_in) {
        enqueue_service(keys, service->meta.namespace_, service->meta.name);
    }
    enqueue_by(keys, ZL_BY_WANTED_NAME, service->meta.namespace_, service->meta.name);
    enqueue_pools(keys, service->meta.namespace_);
}

/*
 * Its pool; that it waits in none, because its label, its maker or that one's label went; and what it made, which is in
 * its pool or was until now.
 */
static void enqueue_member(const struct zl_keys *keys, const struct zl_kind *kind,
                           const void *object)
{
    const struct zl_meta *meta = zl_kind_meta(object);
    ZL_AUTO_FREE char *pool = zl_cache_pool_of(keys->cache, kind, object);
    enqueue(keys, meta->namespace_, pool);
    if (pool == NULL && kind->is_marked != NULL && kind->is_marked(object)) {
        ZL_AUTO_FREE char *key = zl_asprintf(JOB_PREFIX "%s/%s", meta->namespace_, meta->name);
        zl_workqueue_add_to(keys->queue, key, keys->lane, 0);
    }
    for (size_t i = 0; i < ZL_KIND_COUNT; i++) {
        ZL_AUTO_REFS struct zl_refs made = {0};
        if (ZL_KINDS[i]->maker == kind) {
            zl_cache_list_by(keys->cache, zl_cached_of(ZL_KINDS[i]), ZL_BY_OWNER, meta->namespace_,
                             meta->uid, &made);
        }
        for (size_t j = 0; j < made.count; j++) {
            enqueue_member(keys, ZL_KINDS[i], zl_ref_object(made.items[j]));
        }
    }
}

/* @param owner  of KIND; taken */
static void enqueue_owner(const struct zl_keys *keys, const struct zl_kind *kind,
                          struct zl_ref *owner)
{
    if (owner != NULL) {
        enqueue_member(keys, kind, zl_ref_object(owner));
    }
    zl_ref_drop(owner);
}

/* Of a ReplicaSet or a ControllerRevision. */
static void enqueue_controller(const struct zl_keys *keys, const struct zl_meta *meta)
{
    enqueue_owner(keys, zl_kind_of(&meta->controller),
                  zl_cache_find_controller(keys->cache, meta->namespace_, &meta->controller));
}

/* Its owner may be gone already (a deleted Deployment); then the Lease that names it still leads here. */
static void enqueue_led_by(const struct zl_keys *keys, const struct zl_pod *pod)
{
    ZL_AUTO_REFS struct zl_refs leases = {0};
    zl_cache_list_by(keys->cache, ZL_CACHED_LEASES, ZL_BY_POD, pod->meta.namespace_, pod->meta.name,
                     &leases);
    for (size_t i = 0; i < leases.count; i++) {
        const struct zl_lease *lease = zl_ref_object(leases.items[i]);
        enqueue(keys, pod->meta.namespace_, lease->pool);
    }
}

static void enqueue_object(const struct zl_keys *keys, enum zl_cached kind, const void *object)
{
    const struct zl_kind *member = zl_kind_cached(kind);
    if (member != NULL) {
        enqueue_member(keys, member, object);
        return;
    }
    switch (kind) {
    case ZL_CACHED_POLICIES: {
        const struct zl_policy *policy = object;
        enqueue(keys, policy->meta.namespace_, policy->meta.name);
        break;
    }
    case ZL_CACHED_LEASES: {
        const struct zl_lease *lease = object;
        enqueue(keys, lease->namespace_, lease->pool);
        enqueue_by(keys, ZL_BY_POOL, lease->namespace_, lease->pool);
        break;
    }
    case ZL_CACHED_PODS: {
        const struct zl_pod *pod = object;
        enqueue_selecting(keys, pod);
        enqueue_owner(
            keys, zl_kind_of_pods(&pod->meta.controller),
            zl_cache_find_owner(keys->cache, pod->meta.namespace_, &pod->meta.controller));
        enqueue_led_by(keys, pod);
        break;
    }
    case ZL_CACHED_REPLICASETS: {
        const struct zl_replicaset *replicaset = object;
        enqueue_controller(keys, &replicaset->meta);
        break;
    }
    case ZL_CACHED_REVISIONS: {
        const struct zl_revision *revision = object;
        enqueue_controller(keys, &revision->meta);
        break;
    }
    case ZL_CACHED_SERVICES:
        enqueue_for_service(keys, object);
        break;
    case ZL_CACHED_SLICES: {
        const struct zl_slice *slice = object;
        enqueue_source(keys, &slice->meta, slice->source, slice->pool);
        break;
    }
    case ZL_CACHED_NODES:
    case ZL_CACHED_KINDS: /* the Kinds: above */
    case ZL_CACHED_CRONJOBS:
    case ZL_CACHED_JOBS:
    case ZL_CACHED_COUNT:
        break;
    }
}

void zl_keys_enqueue(const struct zl_keys *keys, enum zl_cached kind, const void *old_object,
                     const void *new_object)
{
    if (old_object != NULL) {
        enqueue_object(keys, kind, old_object);
    }
    if (new_object != NULL) {
        enqueue_object(keys, kind, new_object);
    }
}

void zl_keys_enqueue_pools(struct zl_cache *cache, struct zl_workqueue *queue,
                           const char *namespace_)
{
    const struct zl_keys keys = {.cache = cache, .queue = queue, .lane = ZL_LANE_DUE};
    enqueue_pools(&keys, namespace_);
}

/* Pods, ReplicaSets, revisions and nodes lead to nothing else than the others do. */
void zl_keys_enqueue_all(const struct zl_keys *keys)
{
    for (int kind = 0; kind < ZL_CACHED_COUNT; kind++) {
        ZL_AUTO_REFS struct zl_refs all = {0};
        if (kind == ZL_CACHED_PODS || kind == ZL_CACHED_REPLICASETS ||
            kind == ZL_CACHED_REVISIONS || kind == ZL_CACHED_NODES) {
            continue;
        }
        zl_cache_list(keys->cache, (enum zl_cached)kind, NULL, &all);
        for (size_t i = 0; i < all.count; i++) {
            enqueue_object(keys, (enum zl_cached)kind, zl_ref_object(all.items[i]));
        }
    }
}

/*
 * Three times: the webhooks hear of the change at their own time, and one that has not refuses once more. The last time
 * is for one that is far behind. A key waits for one moment only, so that one has a key of its own.
 */
static void enqueue_wake(struct zl_workqueue *queue, const struct zl_kind *kind,
                         const struct zl_meta *meta)
{
    if (kind->woken == NULL) {
        return;
    }
    ZL_AUTO_FREE char *key =
        zl_asprintf(WAKE_PREFIX "%s/%s/%s", meta->namespace_, kind->name, meta->name);
    ZL_AUTO_FREE char *last_key =
        zl_asprintf(LAST_WAKE_PREFIX "%s/%s/%s", meta->namespace_, kind->name, meta->name);
    zl_workqueue_add(queue, key);
    zl_workqueue_add_after(queue, key, SECOND_WAKE_MS);
    zl_workqueue_add_after(queue, last_key, LAST_WAKE_MS);
}

static void enqueue_freed_jobs(struct zl_cache *cache, struct zl_workqueue *queue,
                               const struct zl_policy *policy)
{
    ZL_AUTO_REFS struct zl_refs jobs = {0};
    zl_cache_list_jobs(cache, policy->meta.namespace_, policy->meta.name, &jobs);
    for (size_t i = 0; i < jobs.count; i++) {
        const struct zl_job *job = zl_ref_object(jobs.items[i]);
        if (!job->finished && !job->meta.deleting) {
            enqueue_wake(queue, &ZL_KIND_JOB, &job->meta);
        }
    }
}

/* BEFORE has left its pool, or wants fewer pods. What stays and wants one pod alone is refused no more, and does not know. */
static void enqueue_last(struct zl_cache *cache, struct zl_workqueue *queue,
                         const struct zl_workload *before)
{
    ZL_AUTO_REFS struct zl_refs workloads = {0};
    const struct zl_workload *last = NULL;
    int64_t wanted = 0;
    zl_cache_list_workloads(cache, before->meta.namespace_, before->pool, &workloads);
    for (size_t i = 0; i < workloads.count; i++) {
        const struct zl_workload *workload = zl_ref_object(workloads.items[i]);
        wanted += zl_workload_wants(workload);
        last = zl_workload_wants(workload) > 0 ? workload : last;
    }
    if (last != NULL && wanted == 1 && !zl_same_string(last->meta.uid, before->meta.uid)) {
        enqueue_wake(queue, last->kind, &last->meta);
    }
}

static void enqueue_freed_workloads(struct zl_cache *cache, struct zl_workqueue *queue,
                                    const struct zl_workload *before,
                                    const struct zl_workload *after)
{
    bool stays = after != NULL && zl_same_string(before->pool, after->pool);
    /* Of one pod it may have been the one that was refused: a wake too many does no harm. */
    if (!stays && zl_workload_wants(before) > 0) {
        enqueue_wake(queue, before->kind, &before->meta);
    }
    if (before->pool != NULL && (!stays || zl_workload_wants(after) < zl_workload_wants(before))) {
        enqueue_last(cache, queue, before);
    }
}

void zl_keys_enqueue_freed(struct zl_cache *cache, struct zl_workqueue *queue, enum zl_cached kind,
                           const void *old_object, const void *new_object)
{
    const struct zl_kind *member = zl_kind_cached(kind);
    if (member != NULL && !member->takes_turns && old_object != NULL) {
        enqueue_freed_workloads(cache, queue, old_object, new_object);
    }
    if (kind == ZL_CACHED_JOBS && old_object != NULL && new_object != NULL) {
        const struct zl_job *before = old_object;
        const struct zl_job *after = new_object;
        if (before->pool != NULL && after->pool == NULL && !after->finished) {
            enqueue_wake(queue, &ZL_KIND_JOB, &after->meta);
        }
    }
    if (kind == ZL_CACHED_POLICIES && old_object != NULL) {
        const struct zl_policy *policy = old_object;
        const struct zl_policy *after = new_object;
        if (policy->standby || (after != NULL && !after->standby)) {
            return;
        }
        ZL_AUTO_REFS struct zl_refs workloads = {0};
        zl_cache_list_workloads(cache, policy->meta.namespace_, policy->meta.name, &workloads);
        for (size_t i = 0; policy->status.blocked > 0 && i < workloads.count; i++) {
            const struct zl_workload *workload = zl_ref_object(workloads.items[i]);
            enqueue_wake(queue, workload->kind, &workload->meta);
        }
        enqueue_freed_jobs(cache, queue, policy);
    }
}

enum zl_key_kind zl_key_split(const char *key, char **namespace_, char **name)
{
    static const struct {
        const char *prefix;
        enum zl_key_kind kind;
    } KINDS[] = {{SERVICE_PREFIX, ZL_KEY_OF_SERVICE},
                 {WAKE_PREFIX, ZL_KEY_OF_WAKE},
                 {LAST_WAKE_PREFIX, ZL_KEY_OF_WAKE},
                 {JOB_PREFIX, ZL_KEY_OF_JOB},
                 {ZL_SELECTOR_KEY, ZL_KEY_OF_SELECTOR},
                 {"", ZL_KEY_OF_POOL}}; /* no namespace has a colon in its name */
    size_t i = 0;
    while (strncmp(key, KINDS[i].prefix, strlen(KINDS[i].prefix)) != 0) {
        i++;
    }
    const char *text = key + strlen(KINDS[i].prefix);
    const char *slash = strchr(text, '/');
    size_t length = slash != NULL ? (size_t)(slash - text) : 0;
    *namespace_ = zl_strndup(text, length);
    *name = zl_strdup(slash != NULL ? slash + 1 : text);
    return KINDS[i].kind;
}
