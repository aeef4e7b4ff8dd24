/* SPDX-License-Identifier: Apache-2.0 */
#include "common/objects/replicaset.h"

#include "common/base/parse.h"
#include "common/objects/names.h"

static const struct zl_json_shape ANNOTATIONS[] = {
    {.name = ZL_KEY_DEPLOYMENT_REVISION}, {.name = ZL_KEY_WAKE}, {.name = NULL}};
static const struct zl_json_shape METADATA[] = {{.name = "annotations", .members = ANNOTATIONS},
                                                {.members = ZL_META_SHAPE}};
static const struct zl_json_shape SPEC[] = {{.name = "replicas"}, {.name = NULL}};
const struct zl_json_shape ZL_REPLICASET_SHAPE[] = {
    {.name = "metadata", .members = METADATA}, {.name = "spec", .members = SPEC}, {.name = NULL}};
const struct zl_json_shape ZL_REVISION_SHAPE[] = {
    {.name = "metadata", .members = ZL_META_SHAPE}, {.name = "revision"}, {.name = NULL}};

enum zl_status zl_replicaset_decode(const struct cJSON *object, struct zl_replicaset **out,
                                    struct zl_error *err)
{
    struct zl_replicaset *replicaset = zl_alloc(sizeof *replicaset);
    enum zl_status status = zl_meta_decode(object, &replicaset->meta, err);
    if (status != ZL_OK) {
        zl_replicaset_free(replicaset);
        return status;
    }
    replicaset->replicas = zl_json_i64(object, 1, "spec", "replicas", NULL);
    replicaset->marked = zl_json_text(object, "metadata", "annotations", ZL_KEY_WAKE, NULL) != NULL;
    const char *revision =
        zl_json_text(object, "metadata", "annotations", ZL_KEY_DEPLOYMENT_REVISION, NULL);
    if (revision == NULL ||
        zl_parse_i64(revision, 0, INT64_MAX, &replicaset->revision, NULL) != ZL_OK) {
        replicaset->revision = 0;
    }
    *out = replicaset;
    return ZL_OK;
}

void zl_replicaset_free(void *object)
{
    struct zl_replicaset *replicaset = object;
    if (replicaset == NULL) {
        return;
    }
    zl_meta_clear(&replicaset->meta);
    free(replicaset);
}

enum zl_status zl_revision_decode(const struct cJSON *object, struct zl_revision **out,
                                  struct zl_error *err)
{
    struct zl_revision *revision = zl_alloc(sizeof *revision);
    enum zl_status status = zl_meta_decode(object, &revision->meta, err);
    if (status != ZL_OK) {
        zl_revision_free(revision);
        return status;
    }
    revision->number = zl_json_i64(object, 0, "revision", NULL);
    *out = revision;
    return ZL_OK;
}

void zl_revision_free(void *object)
{
    struct zl_revision *revision = object;
    if (revision == NULL) {
        return;
    }
    zl_meta_clear(&revision->meta);
    free(revision);
}
