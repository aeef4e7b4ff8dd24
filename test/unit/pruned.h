/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pruned.h - objects and bodies as they come from the wire: only what a shape names is left.
 *
 * Threads: the test's thread.
 */
#ifndef ZL_TEST_PRUNED_H
#define ZL_TEST_PRUNED_H

#include "common/base/json.h"
#include "common/base/json_prune.h"

/* TEXT cut down to SHAPE; the caller frees. What is no JSON stays broken. */
char *zl_pruned(const struct zl_json_shape *shape, const char *text);
/* As before; *IS_CUT says whether something that SHAPE names was left out, which fails the test elsewhere. */
char *zl_pruned_or_cut(const struct zl_json_shape *shape, const char *text, bool *is_cut);
/* *TREE cut down to SHAPE; returns it. */
struct cJSON *zl_prune(const struct zl_json_shape *shape, struct cJSON **tree);

#endif
