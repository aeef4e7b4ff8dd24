/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/buf.h"

#include <stdarg.h>
#include <stdint.h>

#define FIRST_CAPACITY ((size_t)256)

void zl_buf_init(struct zl_buf *buf, size_t max_bytes)
{
    /* one byte less than everything, so that room for the NUL never overflows */
    *buf = (struct zl_buf){.max = max_bytes < SIZE_MAX ? max_bytes : SIZE_MAX - 1};
}

void zl_buf_clear(struct zl_buf *buf)
{
    free(buf->data);
    *buf = (struct zl_buf){.max = buf->max};
}

void zl_buf_reset(struct zl_buf *buf)
{
    buf->length = 0;
    if (buf->data != NULL) {
        buf->data[0] = '\0';
    }
}

/* And for the NUL. */
bool zl_buf_reserve(struct zl_buf *buf, size_t extra)
{
    if (extra > buf->max - buf->length) {
        return false;
    }
    size_t needed = buf->length + extra + 1;
    if (needed <= buf->capacity) {
        return true;
    }
    size_t capacity = buf->capacity < FIRST_CAPACITY ? FIRST_CAPACITY : buf->capacity;
    while (capacity < needed) {
        capacity = capacity > SIZE_MAX / 2 ? needed : capacity * 2;
    }
    if (capacity > buf->max + 1) {
        capacity = buf->max + 1;
    }
    buf->data = zl_realloc(buf->data, capacity, 1);
    buf->capacity = capacity;
    return true;
}

bool zl_buf_add_beyond(struct zl_buf *buf, const void *bytes, size_t length)
{
    if (!zl_buf_reserve(buf, length)) {
        return false;
    }
    if (length > 0) {
        memcpy(buf->data + buf->length, bytes, length);
    }
    buf->length += length;
    buf->data[buf->length] = '\0';
    return true;
}

bool zl_buf_add_text(struct zl_buf *buf, const char *text)
{
    return zl_buf_add(buf, text, strlen(text));
}

/* What there is room for is written at once; what there is not, is written again. */
bool zl_buf_printf(struct zl_buf *buf, const char *format, ...)
{
    (void)zl_buf_reserve(buf, 0);
    const size_t room = buf->capacity - buf->length;
    va_list args;
    va_start(args, format);
    int length = vsnprintf(buf->data + buf->length, room, format, args);
    va_end(args);
    if (length >= 0 && (size_t)length < room) {
        buf->length += (size_t)length;
        return true;
    }
    buf->data[buf->length] = '\0';
    if (length < 0 || !zl_buf_reserve(buf, (size_t)length)) {
        return false;
    }
    va_start(args, format);
    (void)vsnprintf(buf->data + buf->length, (size_t)length + 1, format, args);
    va_end(args);
    buf->length += (size_t)length;
    return true;
}

void zl_buf_drop(struct zl_buf *buf, size_t count)
{
    if (count == 0 || count > buf->length) {
        return;
    }
    memmove(buf->data, buf->data + count, buf->length - count + 1); /* with the NUL */
    buf->length -= count;
}

char *zl_buf_take(struct zl_buf *buf)
{
    char *text = buf->data != NULL ? buf->data : zl_strndup("", 0);
    *buf = (struct zl_buf){.max = buf->max};
    return text;
}
