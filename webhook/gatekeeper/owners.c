/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/gatekeeper/owners.h"

#include "common/base/clock.h"
#include "common/cache/indexes.h"
#include "webhook/gatekeeper/sightings.h"

#include <string.h>

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
                                  const char *namespace_, const char *name,
                                  const struct zl_json_shape *shape, int64_t deadline_ms,
                                  struct cJSON **out, struct zl_error *err)
{
    const struct zl_kube_target target = {.resource = resource,
                                          .namespace_ = namespace_,
                                          .name = name,
                                          .deadline_ms = deadline_ms,
                                          .metadata_only = shape == ZL_OBJECT_SHAPE,
                                          .shape = shape};
    return zl_kube_get(owners->client, &target, out, err);
}

/* --- owners that may name a pool ----------------------------------------------------------------- */

/* By its own keys, or perhaps by its maker's; else it is in no pool for certain. */
static bool may_join(const struct zl_kind *kind, const void *object)
{
    return kind->pool(object) != NULL || (kind->maker != NULL && kind->asks_maker(object));
}

/* Which object is wanted, and by when. */
struct wanted {
    const struct zl_kind *kind;
    const char *namespace_, *name, *uid;
    const char *labels; /* of a pod that it has; NULL: none are known */
    int64_t deadline_ms;
};

/*
 * Read an owner live and remember it.
 *
 * @param out  stays NULL when it is in no pool
 * @return ZL_E_NOT_FOUND when it is not there with that uid
 */
static enum zl_status read_and_remember(struct zl_owners *owners, const struct wanted *wanted,
                                        struct zl_ref **out, struct zl_error *err)
{
    const struct zl_kind *kind = wanted->kind;
    ZL_AUTO_JSON struct cJSON *json = NULL;
    void *object = NULL;
    enum zl_status status = read_object(owners, &kind->resource, wanted->namespace_, wanted->name,
                                        kind->shape, wanted->deadline_ms, &json, err);
    if (status == ZL_E_NOT_FOUND && kind->alternative != NULL) {
        status = read_object(owners, kind->alternative, wanted->namespace_, wanted->name,
                             kind->shape, wanted->deadline_ms, &json, err);
    }
    if (status == ZL_OK) {
        status = kind->decode(kind, json, &object, err);
    }
    if (status != ZL_OK) {
        return status;
    }

    const struct zl_meta *meta = zl_kind_meta(object);
    struct zl_sighting sighting = {.version = zl_resource_version_number(meta->resource_version)};
    ZL_AUTO_REF struct zl_ref *read = zl_ref_new(object, kind->free_object);
    if (strcmp(meta->uid, wanted->uid) != 0) {
        return zl_error_set(err, ZL_E_NOT_FOUND, "%s %s/%s was replaced", kind->name,
                            wanted->namespace_, wanted->name);
    }
    if (may_join(kind, object)) {
        ZL_AUTO_FREE char *text = zl_json_print(json);
        sighting.owner = read;
        sighting.owner_bytes = strlen(text);
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
static enum zl_status find(struct zl_owners *owners, const struct wanted *wanted,
                           struct zl_ref **out, struct zl_error *err)
{
    enum zl_cached cached_as = zl_cached_of(wanted->kind);
    ZL_AUTO_REF struct zl_ref *cached =
        zl_cache_find(owners->cache, cached_as, wanted->namespace_, wanted->name);
    const struct zl_meta *meta = cached != NULL ? zl_kind_meta(zl_ref_object(cached)) : NULL;
    if (meta != NULL && strcmp(meta->uid, wanted->uid) == 0) {
        *out = ZL_STEAL(&cached);
        return ZL_OK;
    }
    ZL_AUTO_SIGHTING struct zl_sighting sighting = {0};
    if (!zl_sightings_find(owners->sightings, wanted->uid, &sighting) || sighting.was_in != NULL) {
        return read_and_remember(owners, wanted, out, err);
    }
    if (zl_cache_not_watching_ms(owners->cache, cached_as, wanted->namespace_) > ZL_BLIND_MS) {
        /* What was in no pool may be in one by now. If nobody can say, what was in none stays so. */
        struct zl_error blind = {0};
        enum zl_status status = read_and_remember(owners, wanted, out, &blind);
        if (status != ZL_OK && sighting.owner != NULL) {
            *err = blind;
            return status;
        }
        return ZL_OK;
    }
    /* Seen before and not in the store: either the informer is still behind, or it left its pool. */
    if (!zl_cache_is_settled(owners->cache, cached_as, wanted->namespace_) ||
        zl_cache_position(owners->cache, cached_as, wanted->namespace_) < sighting.version) {
        *out = ZL_STEAL(&sighting.owner);
    } else if (sighting.owner != NULL) {
        return read_and_remember(owners, wanted, out, err);
    }
    return ZL_OK;
}

/* --- through what stands between: from a ReplicaSet to its Deployment ---------------------------- */

/*
 * A ReplicaSet that lost its Deployment (--cascade=orphan), or never had one, is adopted by any whose selector fits:
 * then the remembered link leads to one that is in no pool, or nowhere, and nothing would be gatekept any more. What a
 * Deployment makes pods through has its selector's labels, and so have the pods. Read again for each pod of a workload that
 * another one's selector covers: only that costs something.
 */
static bool link_is_stale(struct zl_owners *owners, const struct wanted *between,
                          const struct zl_kind *kind, const struct zl_sighting *link)
{
    return zl_cache_has_selecting(owners->cache, kind, between->namespace_, between->labels,
                                  link->owner_uid);
}

/* Which object of KIND controls BETWEEN, read live and remembered. */
static enum zl_status read_link(struct zl_owners *owners, const struct wanted *between,
                                const struct zl_kind *kind, struct zl_sighting *out,
                                struct zl_error *err)
{
    ZL_AUTO_JSON struct cJSON *object = NULL;
    struct zl_meta meta;
    enum zl_status status =
        read_object(owners, &between->kind->resource, between->namespace_, between->name,
                    ZL_OBJECT_SHAPE, between->deadline_ms, &object, err);
    if (status == ZL_OK) {
        status = zl_meta_decode(object, &meta, err);
    }
    if (status != ZL_OK) {
        return status;
    }
    if (strcmp(meta.uid, between->uid) != 0) {
        zl_meta_clear(&meta);
        return zl_error_set(err, ZL_E_NOT_FOUND, "%s %s/%s was replaced", between->kind->name,
                            between->namespace_, between->name);
    }
    if (zl_kind_is(kind, &meta.controller)) {
        out->owner_name = ZL_STEAL(&meta.controller.name);
        out->owner_uid = ZL_STEAL(&meta.controller.uid);
    }
    zl_meta_clear(&meta);
    zl_sightings_put(owners->sightings, between->uid, out);
    return ZL_OK;
}

/* The same, read once per uid. */
static enum zl_status find_link(struct zl_owners *owners, const struct wanted *between,
                                const struct zl_kind *kind, struct zl_sighting *out,
                                struct zl_error *err)
{
    if (zl_sightings_find(owners->sightings, between->uid, out)) {
        if (!link_is_stale(owners, between, kind, out)) {
            return ZL_OK;
        }
        zl_sighting_clear(out);
    }
    return read_link(owners, between, kind, out, err);
}

/* The object of KIND that BETWEEN belongs to. */
static enum zl_status find_behind(struct zl_owners *owners, const struct wanted *between,
                                  const struct zl_kind *kind, struct zl_ref **out,
                                  struct zl_error *err)
{
    ZL_AUTO_SIGHTING struct zl_sighting link = {0}, now = {0};
    enum zl_status status = find_link(owners, between, kind, &link, err);
    if (status != ZL_OK || link.owner_name == NULL) {
        return status;
    }
    struct wanted wanted = *between;
    wanted.kind = kind;
    wanted.name = link.owner_name;
    wanted.uid = link.owner_uid;
    status = find(owners, &wanted, out, err);
    if (status != ZL_E_NOT_FOUND) {
        return status;
    }

    /* Deleted with its ReplicaSet, which still makes pods until it is collected; or without, so that the
     * ReplicaSet is nobody's by now, or another Deployment's. */
    status = read_link(owners, between, kind, &now, err);
    if (status != ZL_OK || now.owner_name == NULL) {
        return status;
    }
    wanted.name = now.owner_name;
    wanted.uid = now.owner_uid;
    return find(owners, &wanted, out, err);
}

enum zl_status zl_owners_workload_of(struct zl_owners *owners, const char *namespace_,
                                     const struct zl_controller_ref *owner, const char *labels,
                                     int64_t deadline_ms, struct zl_ref **out, struct zl_error *err)
{
    const struct zl_kind *kind = zl_kind_of_pods(owner);
    *out = NULL;
    /* Of a Kind that never has a pod refused, it does not matter which one it is. */
    if (kind == NULL || kind->wanted == NULL || owner->name == NULL || owner->uid == NULL) {
        return ZL_OK;
    }
    const struct wanted wanted = {.kind = kind->between != NULL ? kind->between : kind,
                                  .namespace_ = namespace_,
                                  .name = owner->name,
                                  .uid = owner->uid,
                                  .labels = labels,
                                  .deadline_ms = deadline_ms};
    return kind->between != NULL ? find_behind(owners, &wanted, kind, out, err)
                                 : find(owners, &wanted, out, err);
}

/* --- Jobs ---------------------------------------------------------------------------------------- */

bool zl_controller_ref_is_job(const struct zl_controller_ref *owner)
{
    return owner->name != NULL && owner->uid != NULL && zl_kind_is_of_turns(owner);
}

enum zl_status zl_owners_pool_of_job(struct zl_owners *owners, const struct zl_job *job,
                                     int64_t deadline_ms, char **out, struct zl_error *err)
{
    const struct zl_controller_ref *owner = &job->meta.controller;
    const struct wanted wanted = {.kind = &ZL_KIND_CRONJOB,
                                  .namespace_ = job->meta.namespace_,
                                  .name = owner->name,
                                  .uid = owner->uid,
                                  .deadline_ms = deadline_ms};
    ZL_AUTO_REF struct zl_ref *ref = NULL;
    *out = zl_strdup(job->pool);
    if (!ZL_KIND_JOB.asks_maker(job)) {
        return ZL_OK;
    }
    enum zl_status status = find(owners, &wanted, &ref, err);
    if (ref != NULL) {
        *out = zl_strdup(((const struct zl_cronjob *)zl_ref_object(ref))->pool);
    }
    return status == ZL_E_NOT_FOUND ? ZL_OK : status; /* its Jobs go with it */
}

enum zl_status zl_owners_job_of(struct zl_owners *owners, const char *namespace_,
                                const struct zl_controller_ref *owner, int64_t deadline_ms,
                                struct zl_ref **out, char **pool, struct zl_error *err)
{
    const struct wanted wanted = {.kind = &ZL_KIND_JOB,
                                  .namespace_ = namespace_,
                                  .name = owner->name,
                                  .uid = owner->uid,
                                  .deadline_ms = deadline_ms};
    ZL_AUTO_REF struct zl_ref *ref = NULL;
    *out = NULL;
    *pool = NULL;
    enum zl_status status = find(owners, &wanted, &ref, err);
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

void zl_owners_note_lost(struct zl_owners *owners, const struct zl_kind *kind, const void *object)
{
    if (kind->job_template != NULL) {
        return; /* it makes no pods; each of its Jobs is lost for itself */
    }
    ZL_AUTO_SIGHTING struct zl_sighting lost = {.was_in =
                                                    zl_cache_pool_of(owners->cache, kind, object)};
    if (lost.was_in != NULL) {
        zl_sightings_put(owners->sightings, zl_kind_meta(object)->uid, &lost);
    }
}
