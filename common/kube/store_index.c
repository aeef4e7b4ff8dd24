/* SPDX-License-Identifier: Apache-2.0 */
#include "common/kube/store_index.h"

#include "common/base/hash.h"

struct zl_bucket {
    char *value;
    struct zl_ref **refs; /* in no order; an object that has VALUE twice is there once */
    size_t count, capacity;
    UT_hash_handle hh;
};

struct change {
    struct zl_bucket **table;
    struct zl_ref *ref;
};

static struct zl_bucket *find(struct zl_bucket *table, const char *value)
{
    struct zl_bucket *found = NULL;
    HASH_FIND_STR(table, value, found);
    return found;
}

/* Where REF is in BUCKET; its count when it is not. */
static size_t position(const struct zl_bucket *bucket, const struct zl_ref *ref)
{
    size_t at = 0;
    while (at < bucket->count && bucket->refs[at] != ref) {
        at++;
    }
    return at;
}

static void add_value(void *ctx, const char *value)
{
    const struct change *change = ctx;
    struct zl_bucket *bucket = find(*change->table, value);
    if (bucket == NULL) {
        bucket = zl_alloc(sizeof *bucket);
        bucket->value = zl_strdup(value);
        HASH_ADD_KEYPTR(hh, *change->table, bucket->value, strlen(bucket->value), bucket);
    }
    /* All values of an object are added in one go: a second time, it is the last one. */
    if (bucket->count > 0 && bucket->refs[bucket->count - 1] == change->ref) {
        return;
    }
    if (bucket->count == bucket->capacity) {
        bucket->capacity = bucket->capacity == 0 ? 2 : bucket->capacity * 2;
        bucket->refs = zl_realloc(bucket->refs, bucket->capacity, sizeof(struct zl_ref *));
    }
    bucket->refs[bucket->count++] = change->ref;
}

static void remove_value(void *ctx, const char *value)
{
    const struct change *change = ctx;
    struct zl_bucket *bucket = find(*change->table, value);
    size_t at = bucket != NULL ? position(bucket, change->ref) : 0;
    if (bucket == NULL || at == bucket->count) {
        return;
    }
    bucket->refs[at] = bucket->refs[--bucket->count];
    if (bucket->count == 0) {
        HASH_DELETE(hh, *change->table, bucket);
        free(bucket->refs);
        free(bucket->value);
        free(bucket);
    }
}

void zl_indexer_values(const struct zl_indexer *indexer, const void *object,
                       void (*add)(void *ctx, const char *value), void *ctx)
{
    const char *only = indexer->value != NULL ? indexer->value(object) : NULL;
    if (only != NULL) {
        add(ctx, only);
    }
    if (indexer->values != NULL) {
        indexer->values(object, add, ctx);
    }
}

void zl_index_add(struct zl_bucket **table, const struct zl_indexer *indexer, struct zl_ref *ref)
{
    struct change change = {.table = table, .ref = ref};
    zl_indexer_values(indexer, zl_ref_object(ref), add_value, &change);
}

void zl_index_remove(struct zl_bucket **table, const struct zl_indexer *indexer, struct zl_ref *ref)
{
    struct change change = {.table = table, .ref = ref};
    zl_indexer_values(indexer, zl_ref_object(ref), remove_value, &change);
}

size_t zl_index_count(struct zl_bucket *table, const char *value)
{
    const struct zl_bucket *bucket = find(table, value);
    return bucket != NULL ? bucket->count : 0;
}

void zl_index_list(struct zl_bucket *table, const char *value, struct zl_refs *out)
{
    const struct zl_bucket *bucket = find(table, value);
    for (size_t i = 0; bucket != NULL && i < bucket->count; i++) {
        zl_refs_add(out, zl_ref_hold(bucket->refs[i]));
    }
}
