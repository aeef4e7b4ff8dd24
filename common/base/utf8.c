/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/utf8.h"

#include <stdint.h>

/* The accepted first bytes, and the second bytes that RFC 3629 allows after them. */
static const struct {
    uint8_t first_min, first_max;
    uint8_t second_min, second_max;
    uint8_t size;
} forms[] = {
    {0x01, 0x7F, 0x00, 0x00, 1}, {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3},
    {0xE1, 0xEC, 0x80, 0xBF, 3}, {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3},
    {0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
};

size_t zl_utf8_size(const char *text)
{
    uint8_t first = (uint8_t)text[0];
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (first < forms[i].first_min || first > forms[i].first_max) {
            continue;
        }
        size_t size = forms[i].size;
        if (size == 1) {
            return 1;
        }
        uint8_t second = (uint8_t)text[1];
        if (second < forms[i].second_min || second > forms[i].second_max) {
            return 0;
        }
        /* stops at the terminating NUL, which is no continuation byte */
        for (size_t at = 2; at < size; at++) {
            if (((uint8_t)text[at] & 0xC0u) != 0x80u) {
                return 0;
            }
        }
        return size;
    }
    return 0;
}

size_t zl_utf8_floor(const char *text, size_t length)
{
    size_t start = length;
    while (start > 0 && length - start < 4) {
        start--;
        if (((uint8_t)text[start] & 0xC0u) == 0x80u) {
            continue;
        }
        uint8_t first = (uint8_t)text[start];
        size_t size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC0 ? 2 : 1;
        return start + size > length ? start : length;
    }
    return length; /* not UTF-8: nothing to protect */
}
