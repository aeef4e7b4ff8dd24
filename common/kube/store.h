/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store.h - the informer's cache: decoded, immutable, reference-counted objects by namespace and name.
 *
 * Writers are informers alone. A reader takes a reference and reads without a lock for as long as
 * it likes; a newer version of the object is another reference.
 *
 * Threads: any; one lock inside, held for no I/O and no callback.
 */
#ifndef ZL_KUBE_STORE_H
#define ZL_KUBE_STORE_H

#include "common/base/memory.h"

struct zl_ref; /* one version of one object; opaque */

/* OBJECT is taken; one reference is the caller's. */
struct zl_ref *zl_ref_new(void *object, void (*free_object)(void *object));
const void *zl_ref_object(const struct zl_ref *ref);
struct zl_ref *zl_ref_hold(struct zl_ref *ref);
void zl_ref_drop(struct zl_ref *ref); /* NULL is fine */
void zl_ref_cleanup(struct zl_ref **ref);
#define ZL_AUTO_REF ZL_CLEANUP(zl_ref_cleanup)

/* A list of references; {0} is empty. */
struct zl_refs {
    struct zl_ref **items;
    size_t count;
    size_t capacity;
};
void zl_refs_add(struct zl_refs *refs, struct zl_ref *taken);
void zl_refs_clear(struct zl_refs *refs);
#define ZL_AUTO_REFS ZL_CLEANUP(zl_refs_clear)

/*
 * Tells the values under which objects of a kind are to be found: calls ADD with CTX for each of OBJECT's (borrowed).
 * Pure: the same object always has the same values. Both NULL: no such index.
 */
struct zl_indexer {
    void (*values)(const void *object, void (*add)(void *ctx, const char *value), void *ctx);
    const char *(*value)(const void *object); /* or one at most, borrowed; NULL: none */
};
/* All of OBJECT's. */
void zl_indexer_values(const struct zl_indexer *indexer, const void *object,
                       void (*add)(void *ctx, const char *value), void *ctx);

struct zl_store; /* opaque */
struct zl_store *zl_store_new(void);
/* INDEXERS (borrowed for the store's life) are numbered from 0. Before the first put. */
void zl_store_set_indexers(struct zl_store *store, const struct zl_indexer *indexers, size_t count);
void zl_store_free(struct zl_store *store);

/* NULL when absent; the caller drops the reference. NAMESPACE_ "" for cluster-scoped objects. */
struct zl_ref *zl_store_find(struct zl_store *store, const char *namespace_, const char *name);
/* Adds a reference to each object of NAMESPACE_ (NULL: of all) to OUT, in no order. Cost: that namespace's objects. */
void zl_store_list(struct zl_store *store, const char *namespace_, struct zl_refs *out);
size_t zl_store_count(struct zl_store *store);
/* Those of NAMESPACE_ that have VALUE under indexer INDEX. Cost: what is found. */
void zl_store_list_by(struct zl_store *store, size_t index, const char *namespace_,
                      const char *value, struct zl_refs *out);
size_t zl_store_count_by(struct zl_store *store, size_t index, const char *namespace_,
                         const char *value);

/* For the informer: put REF (taken) in; returns the replaced reference or NULL, the caller drops it. */
struct zl_ref *zl_store_put(struct zl_store *store, const char *namespace_, const char *name,
                            struct zl_ref *taken);
/* Take it out; NULL when absent. */
struct zl_ref *zl_store_remove(struct zl_store *store, const char *namespace_, const char *name);

#endif
