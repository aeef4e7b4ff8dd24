/* SPDX-License-Identifier: Apache-2.0 */
/*
 * buf.h - a growing byte buffer that refuses to pass its maximum.
 *
 * Threads: one buffer, one thread at a time.
 */
#ifndef ZL_BUF_H
#define ZL_BUF_H

#include "common/base/memory.h"

#include <stdbool.h>
#include <string.h>

struct zl_buf {
    char *data;      /* NUL-terminated once anything was added; NULL before */
    size_t length;   /* bytes in use, without the NUL */
    size_t capacity; /* bytes allocated */
    size_t max;      /* LENGTH never passes this */
};

void zl_buf_init(struct zl_buf *buf, size_t max_bytes);
void zl_buf_clear(struct zl_buf *buf); /* frees the bytes, keeps the maximum */
void zl_buf_reset(struct zl_buf *buf); /* length 0, keeps the memory */
/* Have room for EXTRA more bytes at once, where it is known how many come; false when the maximum would be passed. */
bool zl_buf_reserve(struct zl_buf *buf, size_t extra);
/* zl_buf_add of nothing, and where the buffer has to grow, or may not. */
bool zl_buf_add_beyond(struct zl_buf *buf, const void *bytes, size_t length);
/* Add LENGTH bytes; false (buffer unchanged) when the maximum would be passed. Here, because a review adds a hundred pieces of a few bytes. */
static inline bool zl_buf_add(struct zl_buf *buf, const void *bytes, size_t length)
{
    /* The NUL needs room, too; and of nothing BYTES may be NULL. */
    if (length == 0 || length >= buf->capacity - buf->length) {
        return zl_buf_add_beyond(buf, bytes, length);
    }
    memcpy(buf->data + buf->length, bytes, length);
    buf->length += length;
    buf->data[buf->length] = '\0';
    return true;
}
bool zl_buf_add_text(struct zl_buf *buf, const char *text);
bool zl_buf_printf(struct zl_buf *buf, const char *format, ...) ZL_PRINTF(2, 3);
/* Drop the first COUNT bytes (COUNT <= length). */
void zl_buf_drop(struct zl_buf *buf, size_t count);
/* The bytes as a NUL-terminated string ("" when empty); the caller frees, the buffer is empty after. */
char *zl_buf_take(struct zl_buf *buf);

#define ZL_AUTO_BUF ZL_CLEANUP(zl_buf_clear)

#endif
