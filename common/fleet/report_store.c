/* SPDX-License-Identifier: Apache-2.0 */
#include "common/fleet/report_store.h"

#include "common/objects/meta.h"
#include "common/objects/names.h"

#include <string.h>

static const struct zl_json_shape METADATA[] = {{.name = "name"}, {.name = NULL}};
static const struct zl_json_shape SPEC[] = {{.name = "pool"}, {.name = NULL}};
static const struct zl_json_shape STATUS[] = {{.name = "phase"}, {.name = "turn"}, {.name = NULL}};
static const struct zl_json_shape SHAPE[] = {{.name = "metadata", .members = METADATA},
                                             {.name = "spec", .members = SPEC},
                                             {.name = "status", .members = STATUS},
                                             {.name = NULL}};

struct search {
    const char *pool;
    struct zl_fleet_place *out;
};

/* Of several the first counts, as for the controller. */
static enum zl_status look_at(void *ctx, const struct cJSON *object, struct zl_error *err)
{
    const struct search *search = ctx;
    struct zl_fleet_place *out = search->out;
    (void)err;
    if (out->name == NULL &&
        zl_same_string(zl_json_text(object, "spec", "pool", NULL), search->pool)) {
        out->name = zl_strdup(zl_json_text(object, "metadata", "name", NULL));
        out->token = zl_json_i64(object, 0, "status", "turn", "token", NULL);
        ZL_FLEET_TEXT(out->phase, zl_json_text(object, "status", "phase", NULL));
    }
    return ZL_OK;
}

enum zl_status zl_fleet_place_find(struct zl_kube_client *client, const char *namespace_,
                                   const char *pool, struct zl_fleet_place *out,
                                   struct zl_error *err)
{
    struct search search = {.pool = pool, .out = out};
    const struct zl_kube_target target = {
        .resource = &ZL_KUBE_FLEETPOLICIES, .namespace_ = namespace_, .shape = SHAPE};
    memset(out, 0, sizeof *out);
    enum zl_status status = zl_kube_list(client, &target, NULL, look_at, &search, NULL, err);
    if (status == ZL_OK && out->name == NULL) {
        return zl_error_set(err, ZL_E_NOT_FOUND,
                            "no LeaderPolicy of fleet %s in namespace %s: say with --namespace "
                            "where it is",
                            pool, namespace_);
    }
    return status;
}

enum zl_status zl_fleet_place_annotate(struct zl_kube_client *client, const char *namespace_,
                                       const char *name, const char *want, const char *report,
                                       struct zl_error *err)
{
    ZL_AUTO_JSON struct cJSON *patch = zl_json_object();
    struct cJSON *annotations = zl_json_child(zl_json_child(patch, "metadata"), "annotations");
    const struct zl_kube_target target = {.resource = &ZL_KUBE_FLEETPOLICIES,
                                          .namespace_ = namespace_,
                                          .name = name,
                                          .shape = ZL_OBJECT_SHAPE};
    zl_json_set_text(annotations, ZL_KEY_FLEET_WANT, want);
    zl_json_set_text(annotations, ZL_KEY_FLEET_REPORT, report);
    return zl_kube_patch(client, &target, ZL_KUBE_PATCH_MERGE, patch, NULL, err);
}
