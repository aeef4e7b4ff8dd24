/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listing.h - what an informer's list has collected so far, aside from the store.
 *
 * Threads: one listing, one thread.
 */
#ifndef ZL_KUBE_LISTING_H
#define ZL_KUBE_LISTING_H

#include "common/kube/store.h"

#include <stdint.h>

struct zl_listed {
    char *namespace_;
    char *name;
    uint64_t version; /* resourceVersion as a number, 0 unknown */
    struct zl_ref *ref;
};

/* {0} is empty. */
struct zl_listing {
    struct zl_listed *items;
    size_t count, capacity;
};

void zl_listing_add(struct zl_listing *listing, const char *namespace_, const char *name,
                    uint64_t version, struct zl_ref *taken);
void zl_listing_clear(struct zl_listing *listing);
#define ZL_AUTO_LISTING ZL_CLEANUP(zl_listing_clear)

#endif
