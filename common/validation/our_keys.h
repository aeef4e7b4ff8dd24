/* SPDX-License-Identifier: Apache-2.0 */
/*
 * our_keys.h - labels and annotations under zen-lead/ and zen-lead.io/: which there are and where they count.
 *
 * Threads: pure.
 */
#ifndef ZL_VALIDATION_OUR_KEYS_H
#define ZL_VALIDATION_OUR_KEYS_H

#include "common/validation/findings.h"

enum zl_key_place {
    ZL_PLACE_WORKLOAD_LABEL = 1,
    ZL_PLACE_WORKLOAD_ANNOTATION = 2,
    ZL_PLACE_TEMPLATE_LABEL = 4, /* nothing of a user's counts here */
    ZL_PLACE_TEMPLATE_ANNOTATION = 8,
    ZL_PLACE_SERVICE_LABEL = 16, /* nor here */
    ZL_PLACE_SERVICE_ANNOTATION = 32,
};

/* Does MAP (labels or annotations) have a key under one of our two prefixes? */
bool zl_keys_any(const struct cJSON *map);
/* Have the two the same keys of ours with the same values? */
bool zl_keys_same(const struct cJSON *left, const struct cJSON *right);

/*
 * Warn of each of our keys in MAP that does not exist (with the one that was meant) or does not count at PLACE.
 *
 * @param path  of MAP: "metadata.labels"
 */
void zl_keys_check(const struct cJSON *map, enum zl_key_place place, const char *path,
                   struct zl_findings *findings);

#endif
