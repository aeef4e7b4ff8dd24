/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/arena.h"

#include "common/base/memory.h"

#include <stdalign.h>
#include <stdint.h>

struct block {
    struct block *before;
    size_t size;
    alignas(max_align_t) char bytes[];
};

struct zl_arena {
    struct block *last;
    size_t block_bytes, used; /* of LAST */
};

struct zl_arena *zl_arena_new(size_t block_bytes)
{
    struct zl_arena *arena = zl_alloc(sizeof *arena);
    arena->block_bytes = block_bytes;
    return arena;
}

void zl_arena_free(struct zl_arena *arena)
{
    struct block *block = arena != NULL ? arena->last : NULL;
    while (block != NULL) {
        struct block *before = block->before;
        free(block);
        block = before;
    }
    free(arena);
}

void *zl_arena_take(struct zl_arena *arena, size_t size_bytes)
{
    const size_t align = alignof(max_align_t);
    const size_t size = (size_bytes + align - 1) / align * align;
    if (arena->last == NULL || size > arena->last->size - arena->used) {
        const size_t room = size > arena->block_bytes ? size : arena->block_bytes;
        /* Not cleared: most of it is written by whoever takes it. */
        struct block *block = zl_realloc(NULL, sizeof *block + room, 1);
        block->before = arena->last;
        block->size = room;
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
