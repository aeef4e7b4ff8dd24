/* SPDX-License-Identifier: Apache-2.0 */
#include "common/objects/node.h"

#include "common/objects/names.h"

static const struct zl_json_shape LABELS[] = {{.name = ZL_KEY_ZONE}, {.name = NULL}};
static const struct zl_json_shape METADATA[] = {{.name = "name"},
                                                {.name = "resourceVersion"},
                                                {.name = "labels", .members = LABELS},
                                                {.name = NULL}};
const struct zl_json_shape ZL_NODE_SHAPE[] = {{.name = "metadata", .members = METADATA},
                                              {.name = NULL}};

static const struct zl_json_shape CONDITION[] = {
    {.name = "type"}, {.name = "status"}, {.name = NULL}};
static const struct zl_json_shape STATUS[] = {{.name = "conditions", .members = CONDITION},
                                              {.name = NULL}};
const struct zl_json_shape ZL_NODE_READY_SHAPE[] = {{.name = "status", .members = STATUS},
                                                    {.name = NULL}};

enum zl_status zl_node_decode(const struct cJSON *object, struct zl_node **out,
                              struct zl_error *err)
{
    (void)err;
    struct zl_node *node = zl_alloc(sizeof *node);
    node->zone = zl_strdup(zl_json_text(object, "metadata", "labels", ZL_KEY_ZONE, NULL));
    *out = node;
    return ZL_OK;
}

void zl_node_free(void *object)
{
    struct zl_node *node = object;
    if (node != NULL) {
        free(node->zone);
        free(node);
    }
}

bool zl_node_is_ready(const struct cJSON *object)
{
    const struct cJSON *condition = zl_json_first(zl_json_at(object, "status", "conditions", NULL));
    for (; condition != NULL; condition = zl_json_next(condition)) {
        if (zl_same_string(zl_json_text(condition, "type", NULL), "Ready")) {
            return zl_same_string(zl_json_text(condition, "status", NULL), "True");
        }
    }
    return false;
}
