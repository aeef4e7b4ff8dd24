/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/fleet/cronjobs.h"

#include "common/fleet/fleet.h"
#include "common/objects/names.h"

static const struct zl_json_shape LABELS[] = {{.name = ZL_KEY_FLEET}, {.name = NULL}};
static const struct zl_json_shape METADATA[] = {{.name = "labels", .members = LABELS},
                                                {.members = ZL_META_SHAPE}};
static const struct zl_json_shape ACTIVE[] = {{.name = "name"}, {.name = NULL}};
static const struct zl_json_shape STATUS[] = {{.name = "active", .members = ACTIVE},
                                              {.name = NULL}};
const struct zl_json_shape ZL_FLEET_CRONJOB_SHAPE[] = {{.name = "metadata", .members = METADATA},
                                                       {.name = "status", .members = STATUS},
                                                       {.name = NULL}};

static void decode_active(const struct cJSON *list, struct zl_fleet_cronjob *cronjob)
{
    const size_t count = list != NULL ? zl_json_count(list) : 0;
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers */
    cronjob->active = zl_alloc((count + 1) * sizeof *cronjob->active);
    for (const struct cJSON *job = zl_json_first(list); job != NULL; job = zl_json_next(job)) {
        const char *name = zl_json_text(job, "name", NULL);
        if (name != NULL) {
            cronjob->active[cronjob->active_count++] = zl_strdup(name);
        }
    }
}

enum zl_status zl_fleet_cronjob_decode(const struct cJSON *object, struct zl_fleet_cronjob **out,
                                       struct zl_error *err)
{
    const char *pool = zl_json_text(object, "metadata", "labels", ZL_KEY_FLEET, NULL);
    *out = NULL;
    if (pool == NULL || !zl_fleet_name_is_valid(pool)) {
        return ZL_OK;
    }
    struct zl_fleet_cronjob *cronjob = zl_alloc(sizeof *cronjob);
    enum zl_status status = zl_meta_decode(object, &cronjob->meta, err);
    if (status != ZL_OK) {
        zl_fleet_cronjob_free(cronjob);
        return status;
    }
    cronjob->pool = zl_strdup(pool);
    decode_active(zl_json_at(object, "status", "active", NULL), cronjob);
    *out = cronjob;
    return ZL_OK;
}

void zl_fleet_cronjob_free(void *object)
{
    struct zl_fleet_cronjob *cronjob = object;
    if (cronjob == NULL) {
        return;
    }
    for (size_t i = 0; i < cronjob->active_count; i++) {
        free(cronjob->active[i]);
    }
    free(cronjob->active);
    free(cronjob->pool);
    zl_meta_clear(&cronjob->meta);
    free(cronjob);
}

struct cJSON *zl_fleet_cronjob_label_patch(const struct zl_fleet_cronjob *cronjob)
{
    struct cJSON *patch = zl_json_object();
    struct cJSON *labels = zl_json_child(zl_json_child(patch, "metadata"), "labels");
    zl_json_set_text(labels, ZL_KEY_FLEET, cronjob->pool);
    return patch;
}
