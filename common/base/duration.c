/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/parse.h"

#include <string.h>

static const struct {
    const char *name;
    double ms;
} UNITS[] = {
    /* "ms" before "m": the longest name that fits counts */
    {"ns", 1e-6}, {"us", 1e-3}, {"\xC2\xB5s", 1e-3}, {"ms", 1},
    {"s", 1e3},   {"m", 60e3},  {"h", 3600e3},
};

static const double YEAR_MS = 365.0 * 24 * 3600e3;

/* The number at *TEXT, which moves behind it; false when there is none. */
static bool read_number(const char **text, double *number)
{
    const char *at = *text;
    double scale = 1;
    bool digits = false, fraction = false;
    *number = 0;
    for (; (*at >= '0' && *at <= '9') || (*at == '.' && !fraction); at++) {
        if (*at == '.') {
            fraction = true;
            continue;
        }
        digits = true;
        *number = *number * 10 + (*at - '0');
        scale = fraction ? scale * 10 : 1;
    }
    *number /= scale;
    *text = at;
    return digits;
}

static bool read_unit(const char **text, double *unit_ms)
{
    for (size_t i = 0; i < sizeof UNITS / sizeof UNITS[0]; i++) {
        size_t length = strlen(UNITS[i].name);
        if (strncmp(*text, UNITS[i].name, length) == 0) {
            *text += length;
            *unit_ms = UNITS[i].ms;
            return true;
        }
    }
    return false;
}

bool zl_parse_duration(const char *text, int64_t *out_ms)
{
    double sum_ms = 0;
    if (text[0] == '+') {
        text++;
    }
    if (strcmp(text, "0") == 0) {
        *out_ms = 0;
        return true;
    }
    do {
        double number = 0, unit_ms = 0;
        if (!read_number(&text, &number) || !read_unit(&text, &unit_ms)) {
            return false;
        }
        sum_ms += number * unit_ms;
        if (!(sum_ms <= YEAR_MS)) {
            return false;
        }
    } while (*text != '\0');
    *out_ms = (int64_t)sum_ms;
    if ((double)*out_ms < sum_ms) {
        ++*out_ms;
    }
    return true;
}
