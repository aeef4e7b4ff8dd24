/* SPDX-License-Identifier: Apache-2.0 */
#include "common/objects/meta.h"

#include "common/base/clock.h"
#include "common/base/since.h"

#include <string.h>

static const struct zl_json_shape OWNER[] = {{.name = "apiVersion"}, {.name = "kind"},
                                             {.name = "name"},       {.name = "uid"},
                                             {.name = "controller"}, {.name = NULL}};

const struct zl_json_shape ZL_META_SHAPE[] = {{.name = "name"},
                                              {.name = "namespace"},
                                              {.name = "uid"},
                                              {.name = "resourceVersion"},
                                              {.name = "generation"},
                                              {.name = "creationTimestamp"},
                                              {.name = "deletionTimestamp"},
                                              {.name = "ownerReferences", .members = OWNER},
                                              {.name = NULL}};

const struct zl_json_shape ZL_OBJECT_SHAPE[] = {{.name = "metadata", .members = ZL_META_SHAPE},
                                                {.name = NULL}};

void zl_owner_ref_decode(const struct cJSON *owner, struct zl_controller_ref *out)
{
    out->api_version = zl_id_remembered(zl_json_text(owner, "apiVersion", NULL));
    out->kind = zl_id_remembered(zl_json_text(owner, "kind", NULL));
    out->name = zl_id_remembered(zl_json_text(owner, "name", NULL));
    out->uid = zl_id_remembered(zl_json_text(owner, "uid", NULL));
}

void zl_controller_ref_decode(const struct cJSON *metadata, struct zl_controller_ref *out)
{
    memset(out, 0, sizeof *out);
    const struct cJSON *owner = zl_json_first(zl_json_at(metadata, "ownerReferences", NULL));
    for (; owner != NULL; owner = zl_json_next(owner)) {
        if (zl_json_bool(owner, false, "controller", NULL)) {
            zl_owner_ref_decode(owner, out);
            return;
        }
    }
}

void zl_controller_ref_clear(struct zl_controller_ref *owner)
{
    free(owner->api_version);
    free(owner->kind);
    free(owner->name);
    free(owner->uid);
    memset(owner, 0, sizeof *owner);
}

enum zl_status zl_meta_decode(const struct cJSON *object, struct zl_meta *out, struct zl_error *err)
{
    const struct cJSON *metadata = zl_json_at(object, "metadata", NULL);
    const char *name = zl_json_text(metadata, "name", NULL);
    const char *uid = zl_json_text(metadata, "uid", NULL);
    const char *namespace_ = zl_json_text(metadata, "namespace", NULL);

    memset(out, 0, sizeof *out);
    if (name == NULL || uid == NULL) {
        return zl_error_set(err, ZL_E_INVALID, "metadata.%s is missing",
                            name == NULL ? "name" : "uid");
    }
    out->namespace_ = zl_strdup(namespace_ != NULL ? namespace_ : "");
    out->name = zl_strdup(name);
    out->uid = zl_strdup(uid);
    out->resource_version = zl_strdup(zl_json_text(metadata, "resourceVersion", NULL));
    out->generation = zl_json_i64(metadata, 0, "generation", NULL);
    out->deleting = zl_json_text(metadata, "deletionTimestamp", NULL) != NULL;
    if (!zl_time_parse(zl_json_text(metadata, "creationTimestamp", NULL), &out->created_us)) {
        out->created_us = 0;
    }
    zl_controller_ref_decode(metadata, &out->controller);
    return ZL_OK;
}

void zl_meta_clear(struct zl_meta *meta)
{
    free(meta->namespace_);
    free(meta->name);
    free(meta->uid);
    free(meta->resource_version);
    zl_controller_ref_clear(&meta->controller);
    memset(meta, 0, sizeof *meta);
}

static struct cJSON *encode_owner(const struct zl_controller_ref *owner)
{
    struct cJSON *one = zl_json_object();
    zl_json_set_text(one, "apiVersion", owner->api_version);
    zl_json_set_text(one, "kind", owner->kind);
    zl_json_set_text(one, "name", owner->name);
    zl_json_set_text(one, "uid", owner->uid);
    return one;
}

void zl_owner_refs_encode(struct cJSON *metadata, const struct zl_controller_ref *controller,
                          const struct zl_controller_ref *second)
{
    struct cJSON *owners = zl_json_array();
    struct cJSON *first = encode_owner(controller);
    zl_json_set_bool(first, "controller", true);
    zl_json_append(owners, first);
    if (second->uid != NULL) {
        zl_json_append(owners, encode_owner(second));
    }
    zl_json_set(metadata, "ownerReferences", owners);
}

void zl_controller_ref_encode(struct cJSON *metadata, const struct zl_controller_ref *owner)
{
    static const struct zl_controller_ref none = {0};
    zl_owner_refs_encode(metadata, owner, &none);
}

uint64_t zl_meta_edition(const struct zl_meta *meta)
{
    if (meta->generation > 0) {
        return (uint64_t)meta->generation;
    }
    return meta->resource_version != NULL ? strtoull(meta->resource_version, NULL, 10) : 0;
}
