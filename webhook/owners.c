/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/owners.h"

#include "common/base/clock.h"
#include "webhook/sightings.h"

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

/* Read a workload live and remember it; OUT stays NULL when it is not there with that uid, or in no pool. */
static enum zl_status sight_workload(struct zl_owners *owners, enum zl_workload_kind kind,
                                     const char *namespace_, const char *name, const char *uid,
                                     int64_t deadline_ms, struct zl_ref **out, struct zl_error *err)
{
    ZL_AUTO_JSON struct cJSON *object = NULL;
    struct zl_workload *workload = NULL;
    const struct zl_kube_resource *resource =
        kind == ZL_WORKLOAD_DEPLOYMENT ? &ZL_KUBE_DEPLOYMENTS : &ZL_KUBE_STATEFULSETS;

    enum zl_status status =
        read_object(owners, resource, namespace_, name, false, deadline_ms, &object, err);
    if (status == ZL_E_NOT_FOUND) {
        return ZL_OK;
    }
    if (status == ZL_OK) {
        status = zl_workload_decode(kind, object, &workload, err);
    }
    if (status != ZL_OK) {
        return status;
    }

    struct zl_sighting sighting = {.version =
                                       zl_resource_version_number(workload->meta.resource_version)};
    ZL_AUTO_REF struct zl_ref *read = zl_ref_new(workload, zl_workload_free);
    if (strcmp(workload->meta.uid, uid) != 0) {
        return ZL_OK; /* another object under that name: UID's owner is gone */
    }
    if (workload->pool != NULL) {
        sighting.workload = read;
    }
    zl_sightings_put(owners->sightings, uid, &sighting);
    if (sighting.workload != NULL) {
        *out = ZL_STEAL(&read);
    }
    return ZL_OK;
}

static enum zl_status find_workload(struct zl_owners *owners, enum zl_workload_kind kind,
                                    const char *namespace_, const char *name, const char *uid,
                                    int64_t deadline_ms, struct zl_ref **out, struct zl_error *err)
{
    enum zl_cached cached_kind =
        kind == ZL_WORKLOAD_DEPLOYMENT ? ZL_CACHED_DEPLOYMENTS : ZL_CACHED_STATEFULSETS;
    ZL_AUTO_REF struct zl_ref *cached = zl_cache_find(owners->cache, cached_kind, namespace_, name);
    if (cached != NULL) {
        const struct zl_workload *workload = zl_ref_object(cached);
        if (strcmp(workload->meta.uid, uid) == 0) {
            *out = ZL_STEAL(&cached);
            return ZL_OK;
        }
    }
    ZL_AUTO_SIGHTING struct zl_sighting sighting = {0};
    if (!zl_sightings_find(owners->sightings, uid, &sighting)) {
        return sight_workload(owners, kind, namespace_, name, uid, deadline_ms, out, err);
    }
    if (zl_cache_not_watching_ms(owners->cache, cached_kind) > BLIND_MS) {
        /* What was in no pool may be in one by now. If nobody can say, what was in none stays so. */
        struct zl_error blind = {0};
        enum zl_status status =
            sight_workload(owners, kind, namespace_, name, uid, deadline_ms, out, &blind);
        if (status != ZL_OK && sighting.workload != NULL) {
            *err = blind;
            return status;
        }
        return ZL_OK;
    }
    /* Seen before and not in the store: either the informer is still behind, or it left its pool. */
    if (zl_cache_position(owners->cache, cached_kind) < sighting.version) {
        *out = ZL_STEAL(&sighting.workload);
    }
    return ZL_OK;
}

/* "<deployment>-<hash>": a pooled Deployment of that name, NULL if there is none. */
static struct zl_ref *find_namesake(struct zl_owners *owners, const char *namespace_,
                                    const struct zl_owner *replicaset)
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
                          const struct zl_owner *replicaset, const struct zl_sighting *link)
{
    ZL_AUTO_REF struct zl_ref *ref = find_namesake(owners, namespace_, replicaset);
    if (ref == NULL) {
        return false;
    }
    const struct zl_workload *namesake = zl_ref_object(ref);
    return !zl_same_string(namesake->meta.uid, link->owner_uid);
}

/* The Deployment of a ReplicaSet, read once per uid. */
static enum zl_status find_link(struct zl_owners *owners, const char *namespace_,
                                const struct zl_owner *replicaset, int64_t deadline_ms,
                                struct zl_sighting *out, struct zl_error *err)
{
    ZL_AUTO_JSON struct cJSON *object = NULL;
    struct zl_meta meta;
    if (zl_sightings_find(owners->sightings, replicaset->uid, out)) {
        if (!link_is_stale(owners, namespace_, replicaset, out)) {
            return ZL_OK;
        }
        zl_sighting_clear(out);
    }

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

/*
 * The pod's ReplicaSet is gone, so garbage collection will take the pod; but until then it would run.
 * Let it through unless the name says that it came from a workload in a pool ("<deployment>-<hash>").
 */
static enum zl_status judge_orphan(struct zl_owners *owners, const char *namespace_,
                                   const struct zl_owner *replicaset, struct zl_error *err)
{
    ZL_AUTO_REF struct zl_ref *member = find_namesake(owners, namespace_, replicaset);
    if (member == NULL) {
        return ZL_OK;
    }
    return zl_error_set(err, ZL_E_TRANSIENT, "ReplicaSet %s/%s does not exist any more", namespace_,
                        replicaset->name);
}

enum zl_status zl_owners_workload_of(struct zl_owners *owners, const char *namespace_,
                                     const struct zl_owner *owner, int64_t deadline_ms,
                                     struct zl_ref **out, struct zl_error *err)
{
    *out = NULL;
    if (owner->name == NULL || owner->uid == NULL || owner->api_version == NULL ||
        strncmp(owner->api_version, "apps/", strlen("apps/")) != 0) {
        return ZL_OK;
    }
    if (zl_same_string(owner->kind, "StatefulSet")) {
        return find_workload(owners, ZL_WORKLOAD_STATEFULSET, namespace_, owner->name, owner->uid,
                             deadline_ms, out, err);
    }
    if (!zl_same_string(owner->kind, "ReplicaSet")) {
        return ZL_OK;
    }

    ZL_AUTO_SIGHTING struct zl_sighting link = {0};
    enum zl_status status = find_link(owners, namespace_, owner, deadline_ms, &link, err);
    if (status == ZL_E_NOT_FOUND) {
        return judge_orphan(owners, namespace_, owner, err);
    }
    if (status != ZL_OK || link.owner_name == NULL) {
        return status;
    }
    return find_workload(owners, ZL_WORKLOAD_DEPLOYMENT, namespace_, link.owner_name,
                         link.owner_uid, deadline_ms, out, err);
}
