/* SPDX-License-Identifier: Apache-2.0 */
/*
 * informer_apply.c - from what the API server sent to the store, and to who wants to know of the change.
 */
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/parse.h"
#include "common/kube/informer_internal.h"
#include "common/kube/store_internal.h"

uint64_t zl_resource_version_number(const char *resource_version)
{
    int64_t number = 0;
    if (resource_version == NULL ||
        zl_parse_i64(resource_version, 0, INT64_MAX, &number, NULL) != ZL_OK) {
        return 0;
    }
    return (uint64_t)number;
}

const char *zl_informer_object_namespace(const struct cJSON *object)
{
    const char *namespace_ = zl_json_text(object, "metadata", "namespace", NULL);
    return namespace_ == NULL ? "" : namespace_;
}

static const char *object_name(const struct cJSON *object)
{
    return zl_json_text(object, "metadata", "name", NULL);
}

static uint64_t object_version(const struct cJSON *object)
{
    return zl_resource_version_number(zl_json_text(object, "metadata", "resourceVersion", NULL));
}

/* What is worth keeping of OBJECT, as a reference; NULL when nothing is. */
static struct zl_ref *decode(struct zl_informer *informer, const struct cJSON *object)
{
    const struct zl_informer_spec *spec = &informer->spec;
    struct zl_error err = {0};
    void *kept = NULL;
    if (spec->decode(spec->ctx, object, &kept, &err) != ZL_OK) {
        ZL_LOG_WARN("object ignored", ZL_STR("resource", zl_informer_name(informer)),
                    ZL_STR("namespace", zl_informer_object_namespace(object)),
                    ZL_STR("name", object_name(object)), ZL_ERR(&err));
        return NULL;
    }
    return kept == NULL ? NULL : zl_ref_new(kept, spec->free_object);
}

static void note_cut(struct zl_informer *informer, const struct cJSON *object)
{
    zl_monitor_lock(&informer->monitor);
    informer->cut++;
    zl_monitor_unlock(&informer->monitor);
    ZL_LOG_WARN("object too large to be read whole", ZL_STR("resource", zl_informer_name(informer)),
                ZL_STR("namespace", zl_informer_object_namespace(object)),
                ZL_STR("name", object_name(object)), ZL_I64("maxBytes", (int64_t)ZL_KEPT_MAX),
                ZL_STR("effect", informer->spec.partial ? "its largest fields are unknown"
                                                        : "what was known of it stays"));
}

/*
 * What to keep of OBJECT, called NAME, as a reference; NULL: nothing. One that cannot be read whole exists all the same: what
 * was kept of it stays, unless DECODE wants what there is of it now. *STAYS: the store needs no change.
 */
static struct zl_ref *read_object(struct zl_informer *informer, const struct cJSON *object,
                                  const char *name, bool *stays)
{
    *stays = false;
    if (!informer->is_cut) {
        return decode(informer, object);
    }
    note_cut(informer, object);
    struct zl_ref *ref = informer->spec.partial ? decode(informer, object) : NULL;
    *stays = ref == NULL;
    return *stays ? zl_store_find(informer->store, zl_informer_object_namespace(object), name)
                  : ref;
}

static void deliver(struct zl_informer *informer, struct zl_ref *old_ref, struct zl_ref *new_ref)
{
    const struct zl_informer_spec *spec = &informer->spec;
    if (spec->on_change != NULL && (old_ref != NULL || new_ref != NULL)) {
        spec->on_change(spec->ctx, old_ref == NULL ? NULL : zl_ref_object(old_ref),
                        new_ref == NULL ? NULL : zl_ref_object(new_ref));
    }
}

/* TAKEN NULL: nothing is worth keeping any more. */
static void apply(struct zl_informer *informer, const char *namespace_, const char *name,
                  struct zl_ref *taken, uint64_t version)
{
    ZL_AUTO_REF struct zl_ref *old_ref = NULL;
    if (taken == NULL) {
        old_ref = zl_store_remove(informer->store, namespace_, name);
        deliver(informer, old_ref, NULL);
        return;
    }
    /* Held over the callback: the store's own reference is only as safe as there is one writer. */
    ZL_AUTO_REF struct zl_ref *new_ref = zl_ref_hold(taken);
    bool same = false;
    old_ref = zl_store_put_version(informer->store, namespace_, name, taken, version, &same);
    if (!same) {
        deliver(informer, old_ref, new_ref);
    }
}

/* --- lists --- */

enum zl_status zl_informer_collect(struct zl_informer *informer, struct zl_listing *listing,
                                   const struct cJSON *object)
{
    const char *name = object_name(object);
    bool stays = false;
    struct zl_ref *ref = name == NULL ? NULL : read_object(informer, object, name, &stays);
    if (ref != NULL) {
        zl_listing_add(listing, zl_informer_object_namespace(object), name, object_version(object),
                       ref);
    }
    return ZL_OK;
}

void zl_informer_replace(struct zl_stream *stream, struct zl_listing *listing)
{
    struct zl_informer *informer = stream->informer;
    const char *namespace_ = stream->namespace_[0] != '\0' ? stream->namespace_ : NULL;
    zl_store_mark(informer->store);
    for (size_t i = 0; i < listing->count; i++) {
        struct zl_listed *item = &listing->items[i];
        apply(informer, item->namespace_, item->name, ZL_STEAL(&item->ref), item->version);
    }
    ZL_AUTO_REFS struct zl_refs gone = {0};
    zl_store_sweep(informer->store, namespace_, &gone);
    for (size_t i = 0; i < gone.count; i++) {
        deliver(informer, gone.items[i], NULL);
    }
    zl_listing_clear(listing);
}

/* --- a list beside the watch: the newer of the two wins, object by object --- */

void zl_tombs_clear(struct zl_tomb **tombs)
{
    while (*tombs != NULL) {
        struct zl_tomb *tomb = *tombs;
        *tombs = tomb->next;
        free(tomb->name);
        free(tomb);
    }
}

static void bury(struct zl_stream *stream, const char *namespace_, const char *name,
                 uint64_t version)
{
    struct zl_monitor *monitor = &stream->informer->monitor;
    zl_monitor_lock(monitor); /* the list of fills: others add to it */
    for (struct zl_fill *fill = stream->fills; fill != NULL; fill = fill->next) {
        if (fill->lister != NULL && strcmp(fill->namespace_, namespace_) == 0) {
            struct zl_tomb *tomb = zl_alloc(sizeof *tomb);
            tomb->name = zl_strdup(name);
            tomb->version = version;
            tomb->next = fill->tombs;
            fill->tombs = tomb;
        }
    }
    zl_monitor_unlock(monitor);
}

static bool is_buried(const struct zl_fill *fill, const struct zl_listed *item)
{
    for (const struct zl_tomb *tomb = fill->tombs; tomb != NULL; tomb = tomb->next) {
        if (strcmp(tomb->name, item->name) == 0 && tomb->version >= item->version) {
            return true;
        }
    }
    return false;
}

void zl_informer_merge(struct zl_fill *fill)
{
    struct zl_informer *informer = fill->stream->informer;
    for (size_t i = 0; i < fill->listing.count; i++) {
        struct zl_listed *item = &fill->listing.items[i];
        const uint64_t kept = zl_store_version(informer->store, item->namespace_, item->name);
        if ((kept == 0 || kept < item->version) && !is_buried(fill, item)) {
            apply(informer, item->namespace_, item->name, ZL_STEAL(&item->ref), item->version);
        }
    }
    zl_listing_clear(&fill->listing);
    zl_tombs_clear(&fill->tombs);
}

/* --- watches --- */

/* A list beside the watch brought a newer one. */
static bool is_late(struct zl_informer *informer, const char *namespace_, const char *name,
                    uint64_t version)
{
    return version != 0 && zl_store_version(informer->store, namespace_, name) > version;
}

void zl_informer_apply_event(struct zl_stream *stream, const char *type, const struct cJSON *object)
{
    struct zl_informer *informer = stream->informer;
    const char *name = object_name(object);
    const char *namespace_ = zl_informer_object_namespace(object);
    const uint64_t version = object_version(object);
    bool stays = false;
    if (strcmp(type, "BOOKMARK") == 0 || name == NULL ||
        is_late(informer, namespace_, name, version)) {
        return;
    }
    struct zl_ref *ref =
        strcmp(type, "DELETED") == 0 ? NULL : read_object(informer, object, name, &stays);
    if (stays) {
        zl_ref_drop(ref);
        return;
    }
    if (ref == NULL) {
        bury(stream, namespace_, name, version);
    }
    apply(informer, namespace_, name, ref, version);
}
