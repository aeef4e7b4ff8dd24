/* SPDX-License-Identifier: Apache-2.0 */
/*
 * labels.h - a set of labels in one allocation: "key=value" texts, each NUL-terminated, then an empty one.
 * No label key contains '='.
 *
 * Threads: pure.
 */
#ifndef ZL_OBJECTS_LABELS_H
#define ZL_OBJECTS_LABELS_H

#include "common/base/json.h"

/* The text members of OBJECT; NULL when there is none. The caller frees. */
char *zl_labels_pack(const struct cJSON *object);
char *zl_labels_copy(const char *labels);
/* Does LABELS have all of SELECTOR's? An empty selector (NULL) selects nothing. */
bool zl_labels_match(const char *labels, const char *selector);

#endif
