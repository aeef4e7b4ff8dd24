/* SPDX-License-Identifier: Apache-2.0 */
/*
 * definition.h - what the installed CRD makes of what is written. The API server drops, without a word, each field of a custom
 * resource that its CustomResourceDefinition does not have ("field pruning"): after an update of the programs alone a promise
 * would be written and not be kept. So the answer to a write is read.
 *
 * Threads: pure.
 */
#ifndef ZL_OBJECTS_DEFINITION_H
#define ZL_OBJECTS_DEFINITION_H

#include "common/base/json.h"

#include <stdbool.h>

/*
 * The first member of WRITTEN, at any depth, that ANSWER lacks: "status.ticks[].time". Elements are compared by their place; a
 * null is nothing to be kept; values are not compared. The caller frees.
 *
 * @param written  an object, or the part of a merge patch that is to be there afterwards
 * @param answer   the whole object that the API server says it has stored
 * @return NULL: all of it is there, or ANSWER is no object (it has no metadata), which says nothing
 */
char *zl_definition_dropped(const struct cJSON *written, const struct cJSON *answer);

/* Is FIELD, as zl_definition_dropped names one, a member of WRITTEN that is to be kept? Without it an answer says nothing about FIELD. */
bool zl_definition_writes(const struct cJSON *written, const char *field);

/* A sentence that names FIELD and the cure. The caller frees. */
char *zl_definition_complaint(const char *field);

#endif
