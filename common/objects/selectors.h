/* SPDX-License-Identifier: Apache-2.0 */
/*
 * selectors.h - a few label selectors in the place of many, as query texts (zl_selector_text).
 *
 * Threads: pure.
 */
#ifndef ZL_OBJECTS_SELECTORS_H
#define ZL_OBJECTS_SELECTORS_H

#include "common/base/memory.h"

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
