/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena.h - memory that is taken in pieces and given back as a whole: for what has many parts and one end.
 *
 * Threads: one arena, one thread at a time.
 */
#ifndef ZL_ARENA_H
#define ZL_ARENA_H

#include <stdbool.h>
#include <stddef.h>

struct zl_arena; /* opaque */
/* @param block_bytes  what is asked of malloc at a time, unless a piece is larger */
struct zl_arena *zl_arena_new(size_t block_bytes);
void zl_arena_free(struct zl_arena *arena); /* NULL is fine */

/* Aligned for anything, not cleared, valid until the arena is freed. */
void *zl_arena_take(struct zl_arena *arena, size_t size_bytes);
/* Is POINTER a piece of it? Costs a look at each block. */
bool zl_arena_has(const struct zl_arena *arena, const void *pointer);

#endif
