/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node.h - a Node: its zone, for routing, and whether it is Ready, which decides what may still run there.
 *
 * Threads: pure; a decoded node is read-only.
 */
#ifndef ZL_OBJECTS_NODE_H
#define ZL_OBJECTS_NODE_H

#include "common/base/json.h"
#include "common/base/json_prune.h"

struct zl_node {
    char *zone; /* NULL: it says none */
};

extern const struct zl_json_shape ZL_NODE_SHAPE[];
enum zl_status zl_node_decode(const struct cJSON *object, struct zl_node **out,
                              struct zl_error *err) ZL_MUST_CHECK;
void zl_node_free(void *node); /* a struct zl_node; fits zl_ref_new */

/* What zl_node_is_ready reads. Of a node that is asked for by itself: the watch brings metadata alone. */
extern const struct zl_json_shape ZL_NODE_READY_SHAPE[];
/* Does OBJECT's kubelet report (condition Ready is True)? */
bool zl_node_is_ready(const struct cJSON *object);

#endif
