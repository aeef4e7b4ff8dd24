/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node.h - a Node, of which routing needs the zone alone.
 *
 * Threads: pure; a decoded node is read-only.
 */
#ifndef ZL_OBJECTS_NODE_H
#define ZL_OBJECTS_NODE_H

#include "common/base/json.h"

struct zl_node {
    char *zone; /* NULL: it says none */
};

enum zl_status zl_node_decode(const struct cJSON *object, struct zl_node **out,
                              struct zl_error *err) ZL_MUST_CHECK;
void zl_node_free(void *node); /* a struct zl_node; fits zl_ref_new */

#endif
