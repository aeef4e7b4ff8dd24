/* SPDX-License-Identifier: Apache-2.0 */
#include "common/objects/node.h"

#include "common/objects/names.h"

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
