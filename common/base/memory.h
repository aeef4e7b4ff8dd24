/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memory.h - allocation that cannot fail, and ownership on the line of the declaration.
 *
 * Out of memory ends the process with one log line: the pod restarts, and no state lives in it.
 * Data whose size a stranger chooses is bounded first (limits.h).
 *
 * Threads: any.
 */
#ifndef ZL_MEMORY_H
#define ZL_MEMORY_H

#include "common/base/error.h"

#include <stdbool.h>
#include <stddef.h>

#define ZL_NEVER_NULL __attribute__((returns_nonnull))

/* Zeroed; never NULL. The caller frees with free(). */
void *zl_alloc(size_t size_bytes) ZL_NEVER_NULL;
/* Grow or shrink an array; never NULL. Aborts when COUNT * SIZE overflows. New bytes are not zeroed. */
void *zl_realloc(void *old, size_t count, size_t size_bytes) ZL_NEVER_NULL;
/* Copy of TEXT; NULL for NULL. */
char *zl_strdup(const char *text);
/* Copy of the first LENGTH bytes of TEXT, NUL-terminated. */
char *zl_strndup(const char *text, size_t length) ZL_NEVER_NULL;
/* Formatted text of any length; the caller frees. */
char *zl_asprintf(const char *format, ...) ZL_PRINTF(1, 2) ZL_NEVER_NULL;
/* Replace *SLOT by a copy of TEXT (may be NULL), freeing what was there. */
void zl_replace_string(char **slot, const char *text);
/* true when both are NULL or both hold the same text */
bool zl_same_string(const char *left, const char *right);

/*
 * For programs that run for months: glibc shall give back to the system what a burst took. Once, in main, before there are
 * threads.
 */
void zl_memory_tune(void);
/* Give back what is free now. Costs milliseconds: after something large. */
void zl_memory_give_back(void);

void zl_free_cleanup(void *pointer_to_pointer);
void zl_close_cleanup(int *fd);

#define ZL_CLEANUP(fn) __attribute__((cleanup(fn)))
#define ZL_AUTO_FREE ZL_CLEANUP(zl_free_cleanup)
#define ZL_AUTO_CLOSE ZL_CLEANUP(zl_close_cleanup) /* for an int fd, -1 when empty */

/* Take the pointer out of an owning variable: return ZL_STEAL(&p); */
#define ZL_STEAL(pp)                                                                               \
    __extension__({                                                                                \
        __typeof__(pp) zl_steal_pp_ = (pp);                                                        \
        __typeof__(*zl_steal_pp_) zl_steal_p_ = *zl_steal_pp_;                                     \
        *zl_steal_pp_ = NULL;                                                                      \
        zl_steal_p_;                                                                               \
    })

#endif
