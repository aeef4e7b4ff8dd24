/* SPDX-License-Identifier: Apache-2.0 */
#include "common/fleet/report_store.h"

#include "common/base/clock.h"
#include "common/objects/meta.h"
#include "common/objects/names.h"

#include <inttypes.h>
#include <string.h>

static const struct zl_json_shape ANNOTATIONS[] = {
    {.name = ZL_KEY_FLEET_WANT}, {.name = ZL_KEY_FLEET_REPORT}, {.name = NULL}};
static const struct zl_json_shape METADATA[] = {
    {.name = "name"}, {.name = "annotations", .members = ANNOTATIONS}, {.name = NULL}};
static const struct zl_json_shape SPEC[] = {{.name = "pool"}, {.name = NULL}};
static const struct zl_json_shape STATUS[] = {
    {.name = "phase"}, {.name = "cluster"},  {.name = "turn"}, {.name = "lastToken"},
    {.name = "why"},   {.name = "position"}, {.name = NULL}};
static const struct zl_json_shape SHAPE[] = {{.name = "metadata", .members = METADATA},
                                             {.name = "spec", .members = SPEC},
                                             {.name = "status", .members = STATUS},
                                             {.name = NULL}};

void zl_fleet_place_read(const struct cJSON *object, struct zl_fleet_place *out)
{
    const struct cJSON *status = zl_json_at(object, "status", NULL);
    const struct cJSON *annotations = zl_json_at(object, "metadata", "annotations", NULL);
    memset(out, 0, sizeof *out);
    out->name = zl_strdup(zl_json_text(object, "metadata", "name", NULL));
    out->token = zl_json_i64(status, 0, "turn", "token", NULL);
    out->generation = zl_json_i64(status, 0, "turn", "generation", NULL);
    out->last_token = zl_json_i64(status, 0, "lastToken", NULL);
    if (!zl_time_parse(zl_json_text(status, "turn", "until", NULL), &out->until_us)) {
        out->until_us = 0;
    }
    out->position = zl_json_i64(status, 0, "position", NULL);
    ZL_FLEET_TEXT(out->phase, zl_json_text(status, "phase", NULL));
    ZL_FLEET_TEXT(out->cluster, zl_json_text(status, "cluster", NULL));
    ZL_FLEET_TEXT(out->why, zl_json_text(status, "why", NULL));
    ZL_FLEET_TEXT(out->report, zl_json_text(annotations, ZL_KEY_FLEET_REPORT, NULL));
    out->wants = zl_same_string(zl_json_text(annotations, ZL_KEY_FLEET_WANT, NULL), "true");
}

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
        zl_fleet_place_read(object, out);
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

/* NULL takes one off. */
struct annotation {
    const char *key, *value;
};

static enum zl_status annotate(struct zl_kube_client *client, const char *namespace_,
                               const char *name, const struct annotation *annotations, size_t count,
                               struct zl_error *err)
{
    ZL_AUTO_JSON struct cJSON *patch = zl_json_object();
    struct cJSON *into = zl_json_child(zl_json_child(patch, "metadata"), "annotations");
    const struct zl_kube_target target = {.resource = &ZL_KUBE_FLEETPOLICIES,
                                          .namespace_ = namespace_,
                                          .name = name,
                                          .shape = ZL_OBJECT_SHAPE};
    for (size_t i = 0; i < count; i++) {
        zl_json_set_text(into, annotations[i].key, annotations[i].value);
    }
    return zl_kube_patch(client, &target, ZL_KUBE_PATCH_MERGE, patch, NULL, err);
}

enum zl_status zl_fleet_place_annotate(struct zl_kube_client *client, const char *namespace_,
                                       const char *name, const char *want, const char *report,
                                       struct zl_error *err)
{
    const struct annotation both[2] = {{ZL_KEY_FLEET_WANT, want}, {ZL_KEY_FLEET_REPORT, report}};
    return annotate(client, namespace_, name, both, 2, err);
}

enum zl_status zl_fleet_place_accept(struct zl_kube_client *client, const char *namespace_,
                                     const struct zl_fleet_place *place, struct zl_error *err)
{
    ZL_AUTO_FREE char *after = zl_asprintf("%" PRId64, place->last_token);
    const struct annotation both[2] = {{ZL_KEY_FLEET_ACCEPT, after}, {ZL_KEY_FLEET_DECLINE, NULL}};
    return annotate(client, namespace_, place->name, both, 2, err);
}

enum zl_status zl_fleet_place_decline(struct zl_kube_client *client, const char *namespace_,
                                      const struct zl_fleet_place *place, const char *reason,
                                      struct zl_error *err)
{
    const struct annotation both[2] = {{ZL_KEY_FLEET_ACCEPT, NULL}, {ZL_KEY_FLEET_DECLINE, reason}};
    return annotate(client, namespace_, place->name, both, 2, err);
}

enum zl_status zl_fleet_place_extend(struct zl_kube_client *client, const char *namespace_,
                                     const struct zl_fleet_place *place, struct zl_error *err)
{
    ZL_AUTO_FREE char *turn = zl_asprintf("%" PRId64 " %" PRId64, place->token, place->generation);
    const struct annotation one = {ZL_KEY_FLEET_EXTEND, turn};
    return annotate(client, namespace_, place->name, &one, 1, err);
}
