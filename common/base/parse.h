/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parse.h - strict text-to-value conversion, and bounded file reading.
 *
 * Threads: pure.
 */
#ifndef ZL_PARSE_H
#define ZL_PARSE_H

#include "common/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Convert TEXT to an integer in MIN..MAX. The whole of TEXT must be a decimal number: no spaces,
 * no '+', nothing after it.
 *
 * @return ZL_OK, or ZL_E_INVALID (OUT untouched)
 */
enum zl_status zl_parse_i64(const char *text, int64_t min, int64_t max, int64_t *out,
                            struct zl_error *err) ZL_MUST_CHECK;

/* "true" or "false", nothing else. */
enum zl_status zl_parse_bool(const char *text, bool *out, struct zl_error *err) ZL_MUST_CHECK;

/*
 * A Go duration ("1h30m", "1.5s", "300ms", "0"), not negative, in whole milliseconds (rounded up).
 *
 * @return false when TEXT is not one, or is longer than a year (OUT untouched)
 */
bool zl_parse_duration(const char *text, int64_t *out_ms);

/*
 * Standard base64 (RFC 4648, padding required, ASCII white space ignored).
 *
 * @param out  the caller frees; NUL-terminated after *LENGTH bytes
 */
enum zl_status zl_base64_decode(const char *text, char **out, size_t *length,
                                struct zl_error *err) ZL_MUST_CHECK;
char *zl_base64_encode(const void *bytes, size_t length);

/*
 * Read the whole of PATH, at most ZL_FILE_MAX bytes.
 *
 * @param out     the caller frees; NUL-terminated after *LENGTH bytes
 * @param length  may be NULL
 * @return ZL_OK, ZL_E_NOT_FOUND, ZL_E_INVALID (unreadable, a directory), ZL_E_TOO_LARGE
 */
enum zl_status zl_file_read(const char *path, char **out, size_t *length,
                            struct zl_error *err) ZL_MUST_CHECK;

#endif
