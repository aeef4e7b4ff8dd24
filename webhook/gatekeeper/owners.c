/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/gatekeeper/owners.h"

#include "common/base/clock.h"
#include "webhook/gatekeeper/sightings.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

/* A watch that was cut is open again within a second. One that is not leaves memory behind. */
enum { BLIND_MS = 1000 };

struct zl_owners {
    struct zl_kube_client *client;
    struct zl_cache *cache;
    struct zl_sightings *sightings;
};

struct zl_owners *zl_owners_new(struct zl_kube_client *client, struct zl_cache *cache)
{
    struct zl_owners *owners = zl_alloc(sizeof *owners);
    owners->client = client;
    owners->cache = cache;
    owners->sightings = zl_sightings_new();
    return owners;
}

void zl_owners_free(struct zl_owners *owners)
{
    if (owners == NULL) {
        return;
    }
    zl_sightings_free(owners->sightings);
    free(owners);
}

static enum zl_status read_object(struct zl_owners *owners, const struct zl_kube_resource *resource,
                                  const char *namespace_, const char *name, bool metadata_only,
                                  int64_t deadline_ms, struct cJSON **out, struct zl_error *err)
{
    const struct zl_kube_target target = {.resource = resource,
                                          .namespace_ = namespace_,
                                          .name = name,
                                          .timeout_ms = zl_clock_left_ms(deadline_ms),
                                          .metadata_only = metadata_only};
    return zl_kube_get(owners->client, &target, out, err);
}

/* --- owners that may name a pool: all begin with a struct zl_meta -------------------------------- */

static_assert(offsetof(struct zl_workload, meta) == 0, "zl_meta first");
static_assert(offsetof(struct zl_job, meta) == 0, "zl_meta first");
static_assert(offsetof(struct zl_cronjob, meta) == 0, "zl_meta first");

static enum zl_status decode_deployment(const struct cJSON *object, void **out,
                                        struct zl_error *err)
{
    struct zl_workload *workload = NULL;
    enum zl_status status = zl_workload_decode(ZL_WORKLOAD_DEPLOYMENT, object, &workload, err);
    *out = workload;
    return status;
}

static enum zl_status decode_statefulset(const struct cJSON *object, void **out,
                                         struct zl_error *err)
{
    struct zl_workload *workload = NULL;
    enum zl_status status = zl_workload_decode(ZL_WORKLOAD_STATEFULSET, object, &workload, err);
    *out = workload;
    return status;
}

static enum zl_status decode_job(const struct cJSON *object, void **out, struct zl_error *err)
{
    struct zl_job *job = NULL;
    enum zl_status status = zl_job_decode(object, &job, err);
    *out = job;
    return status;
}

static enum zl_status decode_cronjob(const struct cJSON *object, void **out, struct zl_error *err)
{
    struct zl_cronjob *cronjob = NULL;
    enum zl_status status = zl_cronjob_decode(object, &cronjob, err);
    *out = cronjob;
    return status;
}

static bool workload_joins(const void *object)
{
    return ((const struct zl_workload *)object)->pool != NULL;
}

static bool cronjob_joins(const void *object)
{
    return ((const struct zl_cronjob *)object)->pool != NULL;
}

static bool has_cronjob(const struct zl_job *job)
{
    const struct zl_controller_ref *owner = &job->meta.controller;
    return zl_same_string(owner->kind, "CronJob") && owner->name != NULL && owner->uid != NULL;
}

/* By its own keys, or perhaps by its CronJob's. */
static bool job_may_join(const void *object)
{
    const struct zl_job *job = object;
    return job->pool != NULL || (!job->opted_out && has_cronjob(job));
}

/* How an owner of one kind is read. */
struct source {
    enum zl_cached cached;
    const struct zl_kube_resource *resource, *alternative; /* of older servers; NULL: none */
    enum zl_status (*decode)(const struct cJSON *object, void **out, struct zl_error *err);
    void (*free_object)(void *object);
    bool (*joins)(const void *object); /* else it is in no pool for certain */
};

static const struct source DEPLOYMENTS = {.cached = ZL_CACHED_DEPLOYMENTS,
                                          .resource = &ZL_KUBE_DEPLOYMENTS,
                                          .decode = decode_deployment,
                                          .free_object = zl_workload_free,
                                          .joins = workload_joins};
static const struct source STATEFULSETS = {.cached = ZL_CACHED_STATEFULSETS,
                                           .resource = &ZL_KUBE_STATEFULSETS,
                                           .decode = decode_statefulset,
                                           .free_object = zl_workload_free,
                                           .joins = workload_joins};
static const struct source JOBS = {.cached = ZL_CACHED_JOBS,
                                   .resource = &ZL_KUBE_JOBS,
                                   .decode = decode_job,
                                   .free_object = zl_job_free,
                                   .joins = job_may_join};
static const struct source CRONJOBS = {.cached = ZL_CACHED_CRONJOBS,
                                       .resource = &ZL_KUBE_CRONJOBS,
                                       .alternative = &ZL_KUBE_CRONJOBS_V1BETA1,
                                       .decode = decode_cronjob,
                                       .free_object = zl_cronjob_free,
                                       .joins = cronjob_joins};

/* Which object is wanted, and by when. */
struct wanted {
    const char *namespace_, *name, *uid;
    int64_t deadline_ms;
};

/*
 * Read an owner live and remember it.
 *
 * @param out  stays NULL when it is in no pool
 * @return ZL_E_NOT_FOUND when it is not there with that uid
 */
static enum zl_status sight(struct zl_owners *owners, const struct source *source,
                            const struct wanted *wanted, struct zl_ref **out, struct zl_error *err)
{
    ZL_AUTO_JSON struct cJSON *json = NULL;
    void *object = NULL;
    enum zl_status status = read_object(owners, source->resource, wanted->namespace_, wanted->name,
                                        false, wanted->deadline_ms, &json, err);
    if (status == ZL_E_NOT_FOUND && source->alternative != NULL) {
        status = read_object(owners, source->alternative, wanted->namespace_, wanted->name, false,
                             wanted->deadline_ms, &json, err);
    }
    if (status == ZL_OK) {
        status = source->decode(json, &object, err);
    }
    if (status != ZL_OK) {
        return status;
    }

    const struct zl_meta *meta = object;
    struct zl_sighting sighting = {.version = zl_resource_version_number(meta->resource_version)};
    ZL_AUTO_REF struct zl_ref *read = zl_ref_new(object, source->free_object);
    if (strcmp(meta->uid, wanted->uid) != 0) {
        return zl_error_set(err, ZL_E_NOT_FOUND, "%s %s/%s was replaced", source->resource->kind,
                            wanted->namespace_, wanted->name);
    }
    if (source->joins(object)) {
        sighting.owner = read;
    }
    zl_sightings_put(owners->sightings, wanted->uid, &sighting);
    if (sighting.owner != NULL) {
        *out = ZL_STEAL(&read);
    }
    return ZL_OK;
}

/*
 * An owner by memory, or as it is read when it was never seen before.
 *
 * @param out  stays NULL when it is in no pool
 * @return ZL_E_NOT_FOUND when it is not there any more with that uid
 */
static enum zl_status find(struct zl_owners *owners, const struct source *source,
                           const struct wanted *wanted, struct zl_ref **out, struct zl_error *err)
{
    ZL_AUTO_REF struct zl_ref *cached =
        zl_cache_find(owners->cache, source->cached, wanted->namespace_, wanted->name);
    const struct zl_meta *meta = cached != NULL ? zl_ref_object(cached) : NULL;
    if (meta != NULL && strcmp(meta->uid, wanted->uid) == 0) {
        *out = ZL_STEAL(&cached);
        return ZL_OK;
    }
    ZL_AUTO_SIGHTING struct zl_sighting sighting = {0};
    if (!zl_sightings_find(owners->sightings, wanted->uid, &sighting) || sighting.was_in != NULL) {
        return sight(owners, source, wanted, out, err);
    }
    if (zl_cache_not_watching_ms(owners->cache, source->cached) > BLIND_MS) {
        /* What was in no pool may be in one by now. If nobody can say, what was in none stays so. */
        struct zl_error blind = {0};
        enum zl_status status = sight(owners, source, wanted, out, &blind);
        if (status != ZL_OK && sighting.owner != NULL) {
            *err = blind;
            return status;
        }
        return ZL_OK;
    }
    /* Seen before and not in the store: either the informer is still behind, or it left its pool. */
    if (!zl_cache_is_settled(owners->cache, source->cached) ||
        zl_cache_position(owners->cache, source->cached) < sighting.version) {
        *out = ZL_STEAL(&sighting.owner);
    } else if (sighting.owner != NULL) {
        return sight(owners, source, wanted, out, err);
    }
    return ZL_OK;
}

/* --- from a ReplicaSet to its Deployment --------------------------------------------------------- */

/* "<deployment>-<hash>": a pooled Deployment of that name, NULL if there is none. */
static struct zl_ref *find_namesake(struct zl_owners *owners, const char *namespace_,
                                    const struct zl_controller_ref *replicaset)
{
    const char *dash = strrchr(replicaset->name, '-');
    size_t length = dash != NULL ? (size_t)(dash - replicaset->name) : 0;
    ZL_AUTO_FREE char *deployment = zl_strndup(replicaset->name, length);
    return zl_cache_find(owners->cache, ZL_CACHED_DEPLOYMENTS, namespace_, deployment);
}

/*
 * A Deployment that was deleted without its ReplicaSet (--cascade=orphan) and made again adopts it: then
 * the remembered link leads to the old one, which is in no pool, and nothing would be gatekept any more.
 */
static bool link_is_stale(struct zl_owners *owners, const char *namespace_,
                          const struct zl_controller_ref *replicaset,
                          const struct zl_sighting *link)
{
    ZL_AUTO_REF struct zl_ref *ref = find_namesake(owners, namespace_, replicaset);
    if (ref == NULL) {
        return false;
    }
    const struct zl_workload *namesake = zl_ref_object(ref);
    return !zl_same_string(namesake->meta.uid, link->owner_uid);
}

/* The Deployment of a ReplicaSet, read live and remembered. */
static enum zl_status read_link(struct zl_owners *owners, const char *namespace_,
                                const struct zl_controller_ref *replicaset, int64_t deadline_ms,
                                struct zl_sighting *out, struct zl_error *err)
{
    ZL_AUTO_JSON struct cJSON *object = NULL;
    struct zl_meta meta;
    enum zl_status status = read_object(owners, &ZL_KUBE_REPLICASETS, namespace_, replicaset->name,
                                        true, deadline_ms, &object, err);
    if (status == ZL_OK) {
        status = zl_meta_decode(object, &meta, err);
    }
    if (status != ZL_OK) {
        return status;
    }
    if (strcmp(meta.uid, replicaset->uid) != 0) {
        zl_meta_clear(&meta);
        return zl_error_set(err, ZL_E_NOT_FOUND, "ReplicaSet %s/%s was replaced", namespace_,
                            replicaset->name);
    }
    if (zl_same_string(meta.controller.kind, "Deployment")) {
        out->owner_name = ZL_STEAL(&meta.controller.name);
        out->owner_uid = ZL_STEAL(&meta.controller.uid);
    }
    zl_meta_clear(&meta);
    zl_sightings_put(owners->sightings, replicaset->uid, out);
    return ZL_OK;
}

/* The same, read once per uid. */
static enum zl_status find_link(struct zl_owners *owners, const char *namespace_,
                                const struct zl_controller_ref *replicaset, int64_t deadline_ms,
                                struct zl_sighting *out, struct zl_error *err)
{
    if (zl_sightings_find(owners->sightings, replicaset->uid, out)) {
        if (!link_is_stale(owners, namespace_, replicaset, out)) {
            return ZL_OK;
        }
        zl_sighting_clear(out);
    }
    return read_link(owners, namespace_, replicaset, deadline_ms, out, err);
}

static enum zl_status find_deployment(struct zl_owners *owners, const char *namespace_,
                                      const struct zl_controller_ref *replicaset,
                                      int64_t deadline_ms, struct zl_ref **out,
                                      struct zl_error *err)
{
    ZL_AUTO_SIGHTING struct zl_sighting link = {0}, now = {0};
    enum zl_status status = find_link(owners, namespace_, replicaset, deadline_ms, &link, err);
    if (status != ZL_OK || link.owner_name == NULL) {
        return status;
    }
    struct wanted wanted = {.namespace_ = namespace_,
                            .name = link.owner_name,
                            .uid = link.owner_uid,
                            .deadline_ms = deadline_ms};
    status = find(owners, &DEPLOYMENTS, &wanted, out, err);
    if (status != ZL_E_NOT_FOUND) {
        return status;
    }

    /* Deleted with its ReplicaSet, which still makes pods until it is collected; or without, so that the
     * ReplicaSet is nobody's by now, or another Deployment's. */
    status = read_link(owners, namespace_, replicaset, deadline_ms, &now, err);
    if (status != ZL_OK || now.owner_name == NULL) {
        return status;
    }
    wanted.name = now.owner_name;
    wanted.uid = now.owner_uid;
    return find(owners, &DEPLOYMENTS, &wanted, out, err);
}

static bool is_of_group(const struct zl_controller_ref *owner, const char *group)
{
    return owner->name != NULL && owner->uid != NULL && owner->api_version != NULL &&
           strncmp(owner->api_version, group, strlen(group)) == 0;
}

enum zl_status zl_owners_workload_of(struct zl_owners *owners, const char *namespace_,
                                     const struct zl_controller_ref *owner, int64_t deadline_ms,
                                     struct zl_ref **out, struct zl_error *err)
{
    *out = NULL;
    if (!is_of_group(owner, "apps/")) {
        return ZL_OK;
    }
    if (zl_same_string(owner->kind, "ReplicaSet")) {
        return find_deployment(owners, namespace_, owner, deadline_ms, out, err);
    }
    if (zl_same_string(owner->kind, "StatefulSet")) {
        const struct wanted wanted = {.namespace_ = namespace_,
                                      .name = owner->name,
                                      .uid = owner->uid,
                                      .deadline_ms = deadline_ms};
        return find(owners, &STATEFULSETS, &wanted, out, err);
    }
    return ZL_OK;
}

/* --- Jobs ---------------------------------------------------------------------------------------- */

bool zl_controller_ref_is_job(const struct zl_controller_ref *owner)
{
    return is_of_group(owner, "batch/") && zl_same_string(owner->kind, "Job");
}

enum zl_status zl_owners_pool_of_job(struct zl_owners *owners, const struct zl_job *job,
                                     int64_t deadline_ms, char **out, struct zl_error *err)
{
    const struct zl_controller_ref *owner = &job->meta.controller;
    const struct wanted wanted = {.namespace_ = job->meta.namespace_,
                                  .name = owner->name,
                                  .uid = owner->uid,
                                  .deadline_ms = deadline_ms};
    ZL_AUTO_REF struct zl_ref *ref = NULL;
    *out = zl_strdup(job->pool);
    if (job->pool != NULL || job->opted_out || !has_cronjob(job)) {
        return ZL_OK;
    }
    enum zl_status status = find(owners, &CRONJOBS, &wanted, &ref, err);
    if (ref != NULL) {
        *out = zl_strdup(((const struct zl_cronjob *)zl_ref_object(ref))->pool);
    }
    return status == ZL_E_NOT_FOUND ? ZL_OK : status; /* its Jobs go with it */
}

enum zl_status zl_owners_job_of(struct zl_owners *owners, const char *namespace_,
                                const struct zl_controller_ref *owner, int64_t deadline_ms,
                                struct zl_ref **out, char **pool, struct zl_error *err)
{
    const struct wanted wanted = {.namespace_ = namespace_,
                                  .name = owner->name,
                                  .uid = owner->uid,
                                  .deadline_ms = deadline_ms};
    ZL_AUTO_REF struct zl_ref *ref = NULL;
    *out = NULL;
    *pool = NULL;
    enum zl_status status = find(owners, &JOBS, &wanted, &ref, err);
    if (status == ZL_OK && ref != NULL) {
        status = zl_owners_pool_of_job(owners, zl_ref_object(ref), deadline_ms, pool, err);
    }
    if (status == ZL_E_NOT_FOUND) {
        ZL_AUTO_SIGHTING struct zl_sighting sighting = {0};
        (void)zl_sightings_find(owners->sightings, owner->uid, &sighting);
        *pool = ZL_STEAL(&sighting.was_in);
    }
    if (status == ZL_OK && *pool != NULL) {
        *out = ZL_STEAL(&ref);
    }
    return status;
}

static void note_lost(struct zl_owners *owners, const struct zl_meta *meta, char *was_in)
{
    ZL_AUTO_SIGHTING struct zl_sighting lost = {.was_in = was_in};
    if (was_in != NULL) {
        zl_sightings_put(owners->sightings, meta->uid, &lost);
    }
}

void zl_owners_note_lost_job(struct zl_owners *owners, const struct zl_job *job)
{
    note_lost(owners, &job->meta, zl_cache_pool_of_job(owners->cache, job));
}

void zl_owners_note_lost_workload(struct zl_owners *owners, const struct zl_workload *workload)
{
    note_lost(owners, &workload->meta, zl_strdup(workload->pool));
}
