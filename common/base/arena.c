/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/arena.h"

#include "common/base/memory.h"

#include <pthread.h>
#include <stdalign.h>
#include <stdint.h>

struct block {
    struct block *before;
    size_t size;
    alignas(max_align_t) char bytes[];
};

/* It stands at the beginning of its first block. */
struct zl_arena {
    struct block *last;
    size_t block_bytes, used; /* of LAST */
};

/*
 * A thread that has had an arena has another one soon: its first block waits for that, if it is no larger, and goes with the
 * thread.
 */
#define SPARE_MAX ((size_t)16 * 1024)
static pthread_key_t spare_key;
static pthread_once_t spare_once = PTHREAD_ONCE_INIT;

static void make_spare_key(void)
{
    if (pthread_key_create(&spare_key, free) != 0) {
        abort(); /* as for memory: 1024 keys are there, and nobody else has many */
    }
}

static struct block *take_spare(size_t size)
{
    (void)pthread_once(&spare_once, make_spare_key);
    struct block *spare = pthread_getspecific(spare_key);
    if (spare == NULL || spare->size < size) {
        return NULL;
    }
    (void)pthread_setspecific(spare_key, NULL);
    return spare;
}

/* True: BLOCK is kept. */
static bool keep_spare(struct block *block)
{
    const struct block *spare = pthread_getspecific(spare_key);
    return spare == NULL && block->size <= SPARE_MAX && pthread_setspecific(spare_key, block) == 0;
}

static size_t aligned(size_t size)
{
    const size_t align = alignof(max_align_t);
    return (size + align - 1) / align * align;
}

/* Not cleared: most of it is written by whoever takes it. */
static struct block *new_block(size_t size)
{
    struct block *block = zl_realloc(NULL, sizeof *block + size, 1);
    block->size = size;
    return block;
}

struct zl_arena *zl_arena_new(size_t block_bytes)
{
    const size_t head = aligned(sizeof(struct zl_arena)), size = head + block_bytes;
    struct block *spare = take_spare(size);
    struct block *first = spare != NULL ? spare : new_block(size);
    struct zl_arena *arena = (struct zl_arena *)(void *)first->bytes;
    first->before = NULL;
    *arena = (struct zl_arena){.last = first, .block_bytes = block_bytes, .used = head};
    return arena;
}

void zl_arena_free(struct zl_arena *arena)
{
    struct block *block = arena != NULL ? arena->last : NULL;
    while (block != NULL) {
        struct block *before = block->before;
        if (before != NULL || !keep_spare(block)) {
            free(block);
        }
        block = before;
    }
}

void *zl_arena_take(struct zl_arena *arena, size_t size_bytes)
{
    const size_t size = aligned(size_bytes);
    if (size > arena->last->size - arena->used) {
        struct block *block = new_block(size > arena->block_bytes ? size : arena->block_bytes);
        block->before = arena->last;
        arena->last = block;
        arena->used = 0;
    }
    char *piece = arena->last->bytes + arena->used;
    arena->used += size;
    return piece;
}

bool zl_arena_has(const struct zl_arena *arena, const void *pointer)
{
    const uintptr_t at = (uintptr_t)pointer;
    for (const struct block *block = arena->last; block != NULL; block = block->before) {
        const uintptr_t from = (uintptr_t)block->bytes;
        if (at >= from && at < from + block->size) {
            return true;
        }
    }
    return false;
}
