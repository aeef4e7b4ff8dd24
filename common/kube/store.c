/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two levels of hash, so that listing a namespace costs what is in that namespace: an admission
 * decision lists one namespace of a cluster that may have thousands. Each namespace has its indexes beside it.
 */
#include "common/kube/store.h"

#include "common/base/hash.h"
#include "common/base/monitor.h"
#include "common/kube/store_index.h"
#include "common/kube/store_internal.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>

struct zl_ref {
    atomic_size_t holders;
    void *object;
    void (*free_object)(void *object);
};

struct entry {
    struct zl_ref *ref;
    uint64_t version; /* resourceVersion as a number, 0 unknown */
    uint64_t mark;    /* the store's mark when it was put last */
    char *name;
    UT_hash_handle hh;
};

struct space {
    struct entry *entries;
    struct zl_bucket **indexes; /* one for each indexer of the store */
    char *name;
    UT_hash_handle hh;
};

struct zl_store {
    pthread_rwlock_t lock;
    struct space *spaces; /* none is empty */
    size_t count;
    uint64_t mark;
    const struct zl_indexer *indexers;
    size_t indexer_count;
};

struct zl_ref *zl_ref_new(void *object, void (*free_object)(void *object))
{
    struct zl_ref *ref = zl_alloc(sizeof *ref);
    atomic_init(&ref->holders, 1);
    ref->object = object;
    ref->free_object = free_object;
    return ref;
}

const void *zl_ref_object(const struct zl_ref *ref)
{
    return ref->object;
}

struct zl_ref *zl_ref_hold(struct zl_ref *ref)
{
    const size_t before = atomic_fetch_add_explicit(&ref->holders, 1, memory_order_relaxed);
    assert(before > 0);
    (void)before;
    return ref;
}

void zl_ref_drop(struct zl_ref *ref)
{
    /* acq_rel: whoever frees must see all that the other holders did with the object. */
    if (ref == NULL || atomic_fetch_sub_explicit(&ref->holders, 1, memory_order_acq_rel) != 1) {
        return;
    }
    if (ref->free_object != NULL) {
        ref->free_object(ref->object);
    }
    free(ref);
}

void zl_ref_cleanup(struct zl_ref **ref)
{
    zl_ref_drop(*ref);
    *ref = NULL;
}

void zl_refs_add(struct zl_refs *refs, struct zl_ref *taken)
{
    if (refs->count == refs->capacity) {
        refs->capacity = refs->capacity == 0 ? 16 : refs->capacity * 2;
        refs->items = zl_realloc(refs->items, refs->capacity, sizeof(struct zl_ref *));
    }
    refs->items[refs->count++] = taken;
}

void zl_refs_clear(struct zl_refs *refs)
{
    for (size_t i = 0; i < refs->count; i++) {
        zl_ref_drop(refs->items[i]);
    }
    free(refs->items);
    *refs = (struct zl_refs){0};
}

static struct space *find_space(struct zl_store *store, const char *name)
{
    struct space *found = NULL;
    HASH_FIND_STR(store->spaces, name, found);
    return found;
}

static struct space *find_or_add_space(struct zl_store *store, const char *name)
{
    struct space *space = find_space(store, name);
    if (space != NULL) {
        return space;
    }
    space = zl_alloc(sizeof *space);
    space->name = zl_strdup(name);
    space->indexes = zl_alloc((store->indexer_count + 1) * sizeof(struct zl_bucket *));
    HASH_ADD_KEYPTR(hh, store->spaces, space->name, strlen(space->name), space);
    return space;
}

static struct entry *find_entry(struct space *space, const char *name)
{
    struct entry *found = NULL;
    if (space != NULL) {
        HASH_FIND_STR(space->entries, name, found);
    }
    return found;
}

static struct entry *find_or_add_entry(struct zl_store *store, struct space *space,
                                       const char *name)
{
    struct entry *entry = find_entry(space, name);
    if (entry != NULL) {
        return entry;
    }
    entry = zl_alloc(sizeof *entry);
    entry->name = zl_strdup(name);
    HASH_ADD_KEYPTR(hh, space->entries, entry->name, strlen(entry->name), entry);
    store->count++;
    return entry;
}

static void index_ref(struct zl_store *store, struct space *space, struct zl_ref *ref, bool add)
{
    for (size_t i = 0; ref != NULL && i < store->indexer_count; i++) {
        const struct zl_indexer *indexer = &store->indexers[i];
        if (indexer->values == NULL && indexer->value == NULL) {
            continue;
        }
        if (add) {
            zl_index_add(&space->indexes[i], indexer, ref);
        } else {
            zl_index_remove(&space->indexes[i], indexer, ref);
        }
    }
}

/* The entry's reference becomes the caller's. Who has taken entries calls drop_if_empty. */
static struct zl_ref *take_entry(struct zl_store *store, struct space *space, struct entry *entry)
{
    struct zl_ref *ref = entry->ref;
    index_ref(store, space, ref, false);
    HASH_DEL(space->entries, entry);
    free(entry->name);
    free(entry);
    store->count--;
    return ref;
}

static void drop_if_empty(struct zl_store *store, struct space *space)
{
    if (space != NULL && space->entries == NULL) {
        HASH_DEL(store->spaces, space);
        free(space->indexes);
        free(space->name);
        free(space);
    }
}

struct zl_store *zl_store_new(void)
{
    struct zl_store *store = zl_alloc(sizeof *store);
    zl_read_lock_init(&store->lock);
    return store;
}

void zl_store_set_indexers(struct zl_store *store, const struct zl_indexer *indexers, size_t count)
{
    assert(store->spaces == NULL);
    store->indexers = indexers;
    store->indexer_count = count;
}

void zl_store_free(struct zl_store *store)
{
    if (store == NULL) {
        return;
    }
    ZL_AUTO_REFS struct zl_refs all = {0};
    zl_store_mark(store);
    zl_store_sweep(store, NULL, &all);
    pthread_rwlock_destroy(&store->lock);
    free(store);
}

struct zl_ref *zl_store_find(struct zl_store *store, const char *namespace_, const char *name)
{
    pthread_rwlock_rdlock(&store->lock);
    const struct entry *entry = find_entry(find_space(store, namespace_), name);
    struct zl_ref *ref = entry == NULL ? NULL : zl_ref_hold(entry->ref);
    pthread_rwlock_unlock(&store->lock);
    return ref;
}

static void hold_space(const struct space *space, struct zl_refs *out)
{
    for (const struct entry *entry = space->entries; entry != NULL; entry = entry->hh.next) {
        zl_refs_add(out, zl_ref_hold(entry->ref));
    }
}

void zl_store_list(struct zl_store *store, const char *namespace_, struct zl_refs *out)
{
    pthread_rwlock_rdlock(&store->lock);
    if (namespace_ != NULL) {
        const struct space *space = find_space(store, namespace_);
        if (space != NULL) {
            hold_space(space, out);
        }
    } else {
        for (const struct space *space = store->spaces; space != NULL; space = space->hh.next) {
            hold_space(space, out);
        }
    }
    pthread_rwlock_unlock(&store->lock);
}

static struct zl_bucket *find_index(struct zl_store *store, size_t index, const char *namespace_)
{
    assert(index < store->indexer_count &&
           (store->indexers[index].values != NULL || store->indexers[index].value != NULL));
    const struct space *space = find_space(store, namespace_);
    return space != NULL ? space->indexes[index] : NULL;
}

void zl_store_list_by(struct zl_store *store, size_t index, const char *namespace_,
                      const char *value, struct zl_refs *out)
{
    pthread_rwlock_rdlock(&store->lock);
    zl_index_list(find_index(store, index, namespace_), value, out);
    pthread_rwlock_unlock(&store->lock);
}

size_t zl_store_count_by(struct zl_store *store, size_t index, const char *namespace_,
                         const char *value)
{
    pthread_rwlock_rdlock(&store->lock);
    const size_t count = zl_index_count(find_index(store, index, namespace_), value);
    pthread_rwlock_unlock(&store->lock);
    return count;
}

size_t zl_store_count(struct zl_store *store)
{
    pthread_rwlock_rdlock(&store->lock);
    const size_t count = store->count;
    pthread_rwlock_unlock(&store->lock);
    return count;
}

struct zl_ref *zl_store_put(struct zl_store *store, const char *namespace_, const char *name,
                            struct zl_ref *taken)
{
    return zl_store_put_version(store, namespace_, name, taken, 0, NULL);
}

struct zl_ref *zl_store_put_version(struct zl_store *store, const char *namespace_,
                                    const char *name, struct zl_ref *taken, uint64_t version,
                                    bool *same)
{
    pthread_rwlock_wrlock(&store->lock);
    struct space *space = find_or_add_space(store, namespace_);
    struct entry *entry = find_or_add_entry(store, space, name);
    struct zl_ref *replaced = entry->ref;
    index_ref(store, space, replaced, false);
    index_ref(store, space, taken, true);
    if (same != NULL) {
        *same = replaced != NULL && version != 0 && entry->version == version;
    }
    entry->ref = taken;
    entry->version = version;
    entry->mark = store->mark;
    pthread_rwlock_unlock(&store->lock);
    return replaced;
}

struct zl_ref *zl_store_remove(struct zl_store *store, const char *namespace_, const char *name)
{
    pthread_rwlock_wrlock(&store->lock);
    struct space *space = find_space(store, namespace_);
    struct entry *entry = find_entry(space, name);
    struct zl_ref *ref = entry == NULL ? NULL : take_entry(store, space, entry);
    drop_if_empty(store, space);
    pthread_rwlock_unlock(&store->lock);
    return ref;
}

void zl_store_mark(struct zl_store *store)
{
    pthread_rwlock_wrlock(&store->lock);
    store->mark++;
    pthread_rwlock_unlock(&store->lock);
}

static void sweep_space(struct zl_store *store, struct space *space, struct zl_refs *out)
{
    struct entry *next = NULL;
    for (struct entry *entry = space->entries; entry != NULL; entry = next) {
        next = entry->hh.next;
        if (entry->mark != store->mark) {
            zl_refs_add(out, take_entry(store, space, entry));
        }
    }
    drop_if_empty(store, space);
}

void zl_store_sweep(struct zl_store *store, const char *namespace_, struct zl_refs *out)
{
    pthread_rwlock_wrlock(&store->lock);
    struct space *one = namespace_ != NULL ? find_space(store, namespace_) : NULL;
    if (one != NULL) {
        sweep_space(store, one, out);
    }
    struct space *next = NULL;
    for (struct space *space = namespace_ == NULL ? store->spaces : NULL; space != NULL;
         space = next) {
        next = space->hh.next;
        sweep_space(store, space, out);
    }
    pthread_rwlock_unlock(&store->lock);
}

void zl_store_purge(struct zl_store *store, const char *namespace_,
                    bool (*wanted)(void *ctx, const void *object), void *ctx, struct zl_refs *out)
{
    pthread_rwlock_wrlock(&store->lock);
    struct space *space = find_space(store, namespace_);
    struct entry *next = NULL;
    for (struct entry *entry = space != NULL ? space->entries : NULL; entry != NULL; entry = next) {
        next = entry->hh.next;
        if (wanted == NULL || !wanted(ctx, entry->ref->object)) {
            zl_refs_add(out, take_entry(store, space, entry));
        }
    }
    drop_if_empty(store, space);
    pthread_rwlock_unlock(&store->lock);
}

uint64_t zl_store_version(struct zl_store *store, const char *namespace_, const char *name)
{
    pthread_rwlock_rdlock(&store->lock);
    const struct entry *entry = find_entry(find_space(store, namespace_), name);
    const uint64_t version = entry != NULL ? entry->version : 0;
    pthread_rwlock_unlock(&store->lock);
    return version;
}
