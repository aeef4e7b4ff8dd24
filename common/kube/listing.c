/* SPDX-License-Identifier: Apache-2.0 */
#include "common/kube/listing.h"

void zl_listing_add(struct zl_listing *listing, const char *namespace_, const char *name,
                    uint64_t version, struct zl_ref *taken)
{
    if (listing->count == listing->capacity) {
        listing->capacity = listing->capacity == 0 ? 64 : listing->capacity * 2;
        listing->items = zl_realloc(listing->items, listing->capacity, sizeof(struct zl_listed));
    }
    listing->items[listing->count++] = (struct zl_listed){
        .namespace_ = zl_strdup(namespace_),
        .name = zl_strdup(name),
        .version = version,
        .ref = taken,
    };
}

void zl_listing_clear(struct zl_listing *listing)
{
    for (size_t i = 0; i < listing->count; i++) {
        free(listing->items[i].namespace_);
        free(listing->items[i].name);
        zl_ref_drop(listing->items[i].ref);
    }
    free(listing->items);
    *listing = (struct zl_listing){0};
}
