/* SPDX-License-Identifier: Apache-2.0 */
/*
 * carried.h - which labels and annotations of a Service its leader Service has as well: those that the user names.
 *
 * A list of names is a text, "team,d.example/x*": by commas, blanks do not count, one that ends with "*" is all that begin so.
 * What is carried is packed as in labels.h; no key of an annotation contains '=' either.
 *
 * Never carried, whoever names it: zen-lead's own keys, and those by which GitOps tools and kubectl know what they have
 * applied. A copy with these is pruned, or taken for theirs.
 *
 * Threads: pure.
 */
#ifndef ZL_OBJECTS_CARRIED_H
#define ZL_OBJECTS_CARRIED_H

#include "common/base/json.h"

/* So many bytes of one object's labels, and of its annotations, are carried; they are kept in memory. */
#define ZL_CARRIED_MAX 16384

/*
 * Of MAP (labels or annotations) what NAMES names; NULL: nothing. The caller frees.
 *
 * @param names   NULL: none
 * @param is_cut  set when something was left out for ZL_CARRIED_MAX; NULL: not asked
 */
char *zl_carried_pick(const struct cJSON *map, const char *names, bool *is_cut);
/* Does NAMES name a key that is never carried? The first of them, of the length in *LENGTH; borrowed. NULL: none. */
const char *zl_carried_refused(const char *names, size_t *length);
/* The names of what is CARRIED, as a list; NULL: nothing is. The caller frees. */
char *zl_carried_names(const char *carried);
/* Is it the same, in any order? */
bool zl_carried_same(const char *left, const char *right);
/*
 * Put what is CARRIED into MAP, and null for what WERE names besides: a merge patch takes that away.
 *
 * @param were  the names of what was carried before, as a list; NULL: none
 */
void zl_carried_encode(const char *carried, const char *were, struct cJSON *map);

#endif
