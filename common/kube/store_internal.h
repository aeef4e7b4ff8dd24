/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_internal.h - what the informer alone needs of the store: the difference between a fresh
 * list and what is kept, by mark and sweep.
 *
 * Threads: one writer.
 */
#ifndef ZL_KUBE_STORE_INTERNAL_H
#define ZL_KUBE_STORE_INTERNAL_H

#include "common/kube/store.h"

#include <stdint.h>

/*
 * zl_store_put with the object's resourceVersion as a number (0: unknown).
 *
 * @param same  set to whether the object was there with the same known version; may be NULL
 */
struct zl_ref *zl_store_put_version(struct zl_store *store, const char *namespace_,
                                    const char *name, struct zl_ref *taken, uint64_t version,
                                    bool *same);

/* From here on, every put marks its object. */
void zl_store_mark(struct zl_store *store);
/* Take out all objects of NAMESPACE_ (NULL: of all) that were not put since the last zl_store_mark, into OUT. */
void zl_store_sweep(struct zl_store *store, const char *namespace_, struct zl_refs *out);
/*
 * Take out those of NAMESPACE_ of which WANTED (NULL: of none) says no, into OUT. WANTED runs under the store's lock.
 */
void zl_store_purge(struct zl_store *store, const char *namespace_,
                    bool (*wanted)(void *ctx, const void *object), void *ctx, struct zl_refs *out);
/* The version that an object is kept in; 0: it is not kept, or its version is not known. */
uint64_t zl_store_version(struct zl_store *store, const char *namespace_, const char *name);

#endif
