/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_text.h - where a string of JSON ends: most bytes of a document are in strings, and nothing in them needs a look each.
 */
#ifndef ZL_JSON_TEXT_H
#define ZL_JSON_TEXT_H

#include <stddef.h>
#include <string.h>

/*
 * Of BYTES, which are in a string from FROM on: where its closing quote is; LENGTH: not in them; LENGTH + 1: nor is what the
 * backslash at their end escapes. Each byte is looked at twice, whatever there is to escape.
 */
static inline size_t zl_json_text_end(const char *bytes, size_t from, size_t length)
{
    for (size_t at = from; at < length;) {
        const char *quote = memchr(bytes + at, '"', length - at);
        const size_t stop = quote != NULL ? (size_t)(quote - bytes) : length;
        const char *escape;
        while (at < stop && (escape = memchr(bytes + at, '\\', stop - at)) != NULL) {
            at = (size_t)(escape - bytes) + 2;
        }
        if (at <= stop) {
            return stop;
        }
        if (stop == length) {
            return at;
        }
    }
    return length;
}

#endif
