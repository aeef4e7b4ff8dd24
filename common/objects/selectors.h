/* SPDX-License-Identifier: Apache-2.0 */
/*
 * selectors.h - label selectors as the text of a labelSelector query, and a few in the place of many.
 *
 * Threads: pure.
 */
#ifndef ZL_OBJECTS_SELECTORS_H
#define ZL_OBJECTS_SELECTORS_H

#include "common/base/json.h"

/* A metav1.LabelSelector as the text of a labelSelector query; "" selects everything. Caller frees. */
char *zl_selector_text(const struct cJSON *selector);

/*
 * Does the selector TEXT select an object with LABELS (labels.h; NULL: none), as far as its "key=value" terms tell? What else
 * it asks for ("key in (...)") is taken as met.
 */
bool zl_selector_may_match(const char *text, const char *labels);

/* A label ("key=value") that all have that TEXT selects; "" when it names none. Caller frees. */
char *zl_selector_label(const char *text);

struct zl_selectors {
    char **items; /* NULL as an item: everything */
    size_t count;
};

/*
 * Selectors that together select all that TEXTS select, and perhaps more: "app=a,tier=x" and "app=b" become
 * "app in (a,b)". Those that have no label in common with another stay as they are.
 *
 * @param out  the caller clears it
 */
void zl_selectors_cover(const char *const *texts, size_t count, struct zl_selectors *out);
void zl_selectors_clear(struct zl_selectors *selectors);

#define ZL_AUTO_SELECTORS ZL_CLEANUP(zl_selectors_clear)

#endif
