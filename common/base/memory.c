/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/memory.h"

#include "common/base/log.h"

#include <errno.h>
#include <malloc.h>
#include <stdarg.h>
#include <unistd.h>

/* The logger works on its own stack, so it can still speak here. */
static _Noreturn void out_of_memory(size_t size_bytes)
{
    ZL_LOG_ERROR("out of memory", ZL_I64("bytes", size_bytes));
    abort();
}

/*
 * Each arena keeps what its threads freed, and glibc makes eight for each core: connections come and go on any of them. Four
 * are enough that threads seldom meet in one: a review over TLS needs blocks larger than what a thread keeps for itself. A
 * fixed threshold keeps large blocks out of the arenas; left alone, glibc raises it to the largest block that was ever freed.
 */
#define ARENAS_MAX 4
#define MAPPED_FROM (128 * 1024)
#define TRIM_FROM (256 * 1024)

void zl_memory_tune(void)
{
    (void)mallopt(M_ARENA_MAX, ARENAS_MAX);
    (void)mallopt(M_MMAP_THRESHOLD, MAPPED_FROM);
    (void)mallopt(M_TRIM_THRESHOLD, TRIM_FROM);
}

/*
 * A sanitizer has an allocator of its own and leaves malloc_trim alone, which then sets up glibc's: in two threads at once, where
 * informers list at the same time, and an assertion of glibc's fails when these end.
 */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FOREIGN_ALLOCATOR 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define FOREIGN_ALLOCATOR 1
#endif
#endif

void zl_memory_give_back(void)
{
#ifndef FOREIGN_ALLOCATOR
    (void)malloc_trim(0);
#endif
}

/* What a thread freed and may have again without a lock, as malloc gives it; glibc's calloc takes the arena's lock each time. */
#define OF_THREAD_MAX 1024

void *zl_alloc(size_t size_bytes)
{
    const size_t size = size_bytes > 0 ? size_bytes : 1;
    void *memory = size <= OF_THREAD_MAX ? malloc(size) : calloc(1, size);
    if (memory == NULL) {
        out_of_memory(size_bytes);
    }
    return size <= OF_THREAD_MAX ? memset(memory, 0, size) : memory;
}

void *zl_realloc(void *old, size_t count, size_t size_bytes)
{
    size_t total = 0;
    if (__builtin_mul_overflow(count, size_bytes, &total)) {
        out_of_memory(SIZE_MAX);
    }
    void *memory = realloc(old, total > 0 ? total : 1);
    if (memory == NULL) {
        out_of_memory(total);
    }
    return memory;
}

char *zl_strdup(const char *text)
{
    return text == NULL ? NULL : zl_strndup(text, strlen(text));
}

char *zl_strndup(const char *text, size_t length)
{
    char *copy = zl_realloc(NULL, length + 1, 1);
    if (length > 0) {
        memcpy(copy, text, length);
    }
    copy[length] = '\0';
    return copy;
}

char *zl_asprintf(const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int length = vasprintf(&text, format, args);
    va_end(args);
    if (length < 0) {
        out_of_memory(0);
    }
    return text;
}

void zl_replace_string(char **slot, const char *text)
{
    char *old = *slot;
    *slot = zl_strdup(text); /* before the free: TEXT may point into the old string */
    free(old);
}

bool zl_same_string(const char *left, const char *right)
{
    if (left == NULL || right == NULL) {
        return left == right;
    }
    return strcmp(left, right) == 0;
}

void zl_free_cleanup(void *pointer_to_pointer)
{
    void *pointer;
    memcpy(&pointer, pointer_to_pointer, sizeof pointer);
    free(pointer);
}

void zl_close_cleanup(int *fd)
{
    if (*fd < 0) {
        return;
    }
    int saved = errno; /* runs between a failure and its report */
    (void)close(*fd);
    errno = saved;
}
