/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_index.h - the objects of one namespace by a value of theirs; the store's part of client-go's Indexer.
 *
 * References are borrowed from the store, which takes them out before it drops them.
 *
 * Threads: guarded by the store's lock.
 */
#ifndef ZL_KUBE_STORE_INDEX_H
#define ZL_KUBE_STORE_INDEX_H

#include "common/kube/store.h"

struct zl_bucket; /* the objects of one value; NULL: none */

void zl_index_add(struct zl_bucket **table, const struct zl_indexer *indexer, struct zl_ref *ref);
void zl_index_remove(struct zl_bucket **table, const struct zl_indexer *indexer,
                     struct zl_ref *ref);
size_t zl_index_count(struct zl_bucket *table, const char *value);
/* Adds a reference to each object with VALUE to OUT. */
void zl_index_list(struct zl_bucket *table, const char *value, struct zl_refs *out);

#endif
