/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/manager/keys.h"

#include "common/cache/indexes.h"
#include "controller/view/pool.h"

#include <string.h>

#define SERVICE_PREFIX "service:"
#define WAKE_PREFIX "wake:"
#define LAST_WAKE_PREFIX "last-wake:"
#define JOB_PREFIX "job:"

enum { SECOND_WAKE_MS = 1000, LAST_WAKE_MS = 10000 };

static void enqueue(struct zl_workqueue *queue, const char *namespace_, const char *pool)
{
    if (pool == NULL) {
        return;
    }
    ZL_AUTO_FREE char *key = zl_asprintf("%s/%s", namespace_, pool);
    zl_workqueue_add(queue, key);
}

static void enqueue_service(struct zl_workqueue *queue, const char *namespace_, const char *name)
{
    if (name == NULL) {
        return;
    }
    ZL_AUTO_FREE char *key = zl_asprintf(SERVICE_PREFIX "%s/%s", namespace_, name);
    zl_workqueue_add(queue, key);
}

static void enqueue_opted_in(struct zl_workqueue *queue, const struct zl_refs *services)
{
    for (size_t i = 0; i < services->count; i++) {
        const struct zl_service *service = zl_ref_object(services->items[i]);
        if (service->opted_in) {
            enqueue_service(queue, service->meta.namespace_, service->meta.name);
        }
    }
}

/* The annotated Services that have POD behind them. */
static void enqueue_selecting(struct zl_cache *cache, struct zl_workqueue *queue,
                              const struct zl_pod *pod)
{
    ZL_AUTO_REFS struct zl_refs services = {0};
    zl_cache_list_selecting(cache, pod->meta.namespace_, pod->labels, &services);
    enqueue_opted_in(queue, &services);
}

/* The annotated Services of which INDEX says VALUE. */
static void enqueue_by(struct zl_cache *cache, struct zl_workqueue *queue, enum zl_index index,
                       const char *namespace_, const char *value)
{
    ZL_AUTO_REFS struct zl_refs services = {0};
    if (value != NULL) {
        zl_cache_list_by(cache, ZL_CACHED_SERVICES, index, namespace_, value, &services);
        enqueue_opted_in(queue, &services);
    }
}

/* A user's Service: which pool it lends its ports, or has in the way with its name, the pools know. */
void zl_keys_enqueue_pools(struct zl_cache *cache, struct zl_workqueue *queue,
                           const char *namespace_)
{
    ZL_AUTO_REFS struct zl_refs policies = {0};
    zl_cache_list(cache, ZL_CACHED_POLICIES, namespace_, &policies);
    for (size_t i = 0; i < policies.count; i++) {
        const struct zl_policy *policy = zl_ref_object(policies.items[i]);
        enqueue(queue, namespace_, policy->meta.name);
    }
}

/* An object of ours leads back to what it was made for. */
static void enqueue_source(struct zl_workqueue *queue, const struct zl_meta *meta,
                           const char *source, const char *pool)
{
    if (pool != NULL) {
        enqueue(queue, meta->namespace_, pool);
    } else {
        enqueue_service(queue, meta->namespace_, source);
    }
}

static void enqueue_for_service(struct zl_cache *cache, struct zl_workqueue *queue,
                                const struct zl_service *service)
{
    if (service->ours) {
        enqueue_source(queue, &service->meta, service->source, service->pool);
        return;
    }
    if (service->opted_in) {
        enqueue_service(queue, service->meta.namespace_, service->meta.name);
    }
    enqueue_by(cache, queue, ZL_BY_WANTED_NAME, service->meta.namespace_, service->meta.name);
    zl_keys_enqueue_pools(cache, queue, service->meta.namespace_);
}

/* A Job's pool; and that it waits in none, because label, CronJob or that one's label went. */
static void enqueue_job(struct zl_cache *cache, struct zl_workqueue *queue,
                        const struct zl_job *job)
{
    ZL_AUTO_FREE char *pool = zl_cache_pool_of_job(cache, job);
    enqueue(queue, job->meta.namespace_, pool);
    if (pool == NULL && job->queued) {
        ZL_AUTO_FREE char *key =
            zl_asprintf(JOB_PREFIX "%s/%s", job->meta.namespace_, job->meta.name);
        zl_workqueue_add(queue, key);
    }
}

/* Its Jobs are in its pool, or were until now. */
static void enqueue_cronjob(struct zl_cache *cache, struct zl_workqueue *queue,
                            const struct zl_cronjob *cronjob)
{
    ZL_AUTO_REFS struct zl_refs jobs = {0};
    enqueue(queue, cronjob->meta.namespace_, cronjob->pool);
    zl_cache_list_by(cache, ZL_CACHED_JOBS, ZL_BY_OWNER, cronjob->meta.namespace_,
                     cronjob->meta.uid, &jobs);
    for (size_t i = 0; i < jobs.count; i++) {
        enqueue_job(cache, queue, zl_ref_object(jobs.items[i]));
    }
}

static void enqueue_owning_job(struct zl_cache *cache, struct zl_workqueue *queue,
                               const char *namespace_, const struct zl_controller_ref *owner)
{
    ZL_AUTO_REF struct zl_ref *ref =
        owner->name != NULL ? zl_cache_find(cache, ZL_CACHED_JOBS, namespace_, owner->name) : NULL;
    const struct zl_job *job = ref != NULL ? zl_ref_object(ref) : NULL;
    if (job != NULL && zl_same_string(job->meta.uid, owner->uid)) {
        enqueue_job(cache, queue, job);
    }
}

static void enqueue_owner(struct zl_cache *cache, struct zl_workqueue *queue,
                          const char *namespace_, const struct zl_controller_ref *owner)
{
    if (zl_same_string(owner->kind, "Job")) {
        enqueue_owning_job(cache, queue, namespace_, owner);
        return;
    }
    ZL_AUTO_REF struct zl_ref *ref = zl_pool_workload_of(cache, namespace_, owner);
    if (ref == NULL) {
        return;
    }
    const struct zl_workload *workload = zl_ref_object(ref);
    enqueue(queue, namespace_, workload->pool);
}

/* Its owner may be gone already (a deleted Deployment); then the Lease that names it still leads here. */
static void enqueue_led_by(struct zl_cache *cache, struct zl_workqueue *queue,
                           const struct zl_pod *pod)
{
    ZL_AUTO_REFS struct zl_refs leases = {0};
    zl_cache_list_by(cache, ZL_CACHED_LEASES, ZL_BY_HOLDER, pod->meta.namespace_, pod->meta.name,
                     &leases);
    for (size_t i = 0; i < leases.count; i++) {
        const struct zl_lease *lease = zl_ref_object(leases.items[i]);
        enqueue(queue, pod->meta.namespace_, lease->pool);
    }
}

static void enqueue_object(struct zl_cache *cache, struct zl_workqueue *queue, enum zl_cached kind,
                           const void *object)
{
    switch (kind) {
    case ZL_CACHED_POLICIES: {
        const struct zl_policy *policy = object;
        enqueue(queue, policy->meta.namespace_, policy->meta.name);
        break;
    }
    case ZL_CACHED_DEPLOYMENTS:
    case ZL_CACHED_STATEFULSETS: {
        const struct zl_workload *workload = object;
        enqueue(queue, workload->meta.namespace_, workload->pool);
        break;
    }
    case ZL_CACHED_CRONJOBS:
        enqueue_cronjob(cache, queue, object);
        break;
    case ZL_CACHED_JOBS:
        enqueue_job(cache, queue, object);
        break;
    case ZL_CACHED_LEASES: {
        const struct zl_lease *lease = object;
        enqueue(queue, lease->namespace_, lease->pool);
        enqueue_by(cache, queue, ZL_BY_POOL, lease->namespace_, lease->pool);
        break;
    }
    case ZL_CACHED_PODS: {
        const struct zl_pod *pod = object;
        enqueue_selecting(cache, queue, pod);
        enqueue_owner(cache, queue, pod->meta.namespace_, &pod->meta.controller);
        enqueue_led_by(cache, queue, pod);
        break;
    }
    case ZL_CACHED_REPLICASETS: {
        const struct zl_replicaset *replicaset = object;
        const struct zl_controller_ref self = {.kind = (char[]){"ReplicaSet"},
                                               .name = replicaset->meta.name,
                                               .uid = replicaset->meta.uid};
        enqueue_owner(cache, queue, replicaset->meta.namespace_, &self);
        break;
    }
    case ZL_CACHED_REVISIONS: {
        const struct zl_revision *revision = object;
        enqueue_owner(cache, queue, revision->meta.namespace_, &revision->meta.controller);
        break;
    }
    case ZL_CACHED_SERVICES:
        enqueue_for_service(cache, queue, object);
        break;
    case ZL_CACHED_SLICES: {
        const struct zl_slice *slice = object;
        enqueue_source(queue, &slice->meta, slice->source, slice->pool);
        break;
    }
    case ZL_CACHED_NODES:
    case ZL_CACHED_COUNT:
        break;
    }
}

void zl_keys_enqueue(struct zl_cache *cache, struct zl_workqueue *queue, enum zl_cached kind,
                     const void *old_object, const void *new_object)
{
    if (old_object != NULL) {
        enqueue_object(cache, queue, kind, old_object);
    }
    if (new_object != NULL) {
        enqueue_object(cache, queue, kind, new_object);
    }
}

/*
 * Three times: the webhooks hear of the change at their own time, and one that has not refuses once more. The last time
 * is for one that is far behind. A key waits for one moment only, so that one has a key of its own.
 */
static void enqueue_wake(struct zl_workqueue *queue, const char *kind, const struct zl_meta *meta)
{
    ZL_AUTO_FREE char *key =
        zl_asprintf(WAKE_PREFIX "%s/%s/%s", meta->namespace_, kind, meta->name);
    ZL_AUTO_FREE char *last_key =
        zl_asprintf(LAST_WAKE_PREFIX "%s/%s/%s", meta->namespace_, kind, meta->name);
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
            enqueue_wake(queue, "Job", &job->meta);
        }
    }
}

void zl_keys_enqueue_freed(struct zl_cache *cache, struct zl_workqueue *queue, enum zl_cached kind,
                           const void *old_object, const void *new_object)
{
    if ((kind == ZL_CACHED_DEPLOYMENTS || kind == ZL_CACHED_STATEFULSETS) && old_object != NULL) {
        const struct zl_workload *before = old_object;
        const struct zl_workload *after = new_object;
        bool stays = after != NULL && zl_same_string(before->pool, after->pool);
        if (!stays && before->replicas > 1) {
            enqueue_wake(queue, zl_workload_kind_name(before->kind), &before->meta);
        }
    }
    if (kind == ZL_CACHED_JOBS && old_object != NULL && new_object != NULL) {
        const struct zl_job *before = old_object;
        const struct zl_job *after = new_object;
        if (before->pool != NULL && after->pool == NULL && !after->finished) {
            enqueue_wake(queue, "Job", &after->meta);
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
            enqueue_wake(queue, zl_workload_kind_name(workload->kind), &workload->meta);
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
