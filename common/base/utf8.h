/* SPDX-License-Identifier: Apache-2.0 */
/*
 * utf8.h - where one UTF-8 character ends, for those who cut or escape text that a stranger wrote.
 *
 * Threads: pure.
 */
#ifndef ZL_UTF8_H
#define ZL_UTF8_H

#include <stddef.h>

/* What takes the place of a byte that belongs to no character: U+FFFD. */
#define ZL_UTF8_REPLACEMENT "\xEF\xBF\xBD"

/*
 * Bytes of the character that TEXT (NUL-terminated) begins with: 1 to 4; 0 when TEXT is at its end or
 * begins with none (stray continuation, overlong form, surrogate, beyond U+10FFFF, cut short).
 */
size_t zl_utf8_size(const char *text);
/* The largest number of bytes of TEXT, not above LENGTH, that does not split a character. */
size_t zl_utf8_floor(const char *text, size_t length);

#endif
