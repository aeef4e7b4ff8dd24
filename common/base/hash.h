/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hash.h - uthash with FNV-1a: its own function falls through cases, which the compilers refuse,
 * and mixes no better for short names.
 *
 * Threads: a table is guarded by its owner.
 */
#ifndef ZL_HASH_H
#define ZL_HASH_H

#include <stddef.h>

static inline unsigned zl_hash(const void *key, size_t length)
{
    const unsigned char *bytes = key;
    unsigned hash = 2166136261u;
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ bytes[i]) * 16777619u;
    return hash ^ (hash >> 15); /* tables look at the low bits */
}

#define HASH_FUNCTION(key_, length_, hash_) ((hash_) = zl_hash((key_), (length_)))
#include <uthash.h>

#if defined(__clang_analyzer__) || defined(ZL_ANALYZER)
/* Analyzers do not see through the unlinking and take every later use of the table for freed memory. */
#undef HASH_DELETE
#define HASH_DELETE(hh_, head_, entry_) ((head_) = NULL)
#endif

#endif
