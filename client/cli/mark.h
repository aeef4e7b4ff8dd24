/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mark.h - the signs before lines that say what is well and what is not: readable without colour, which they have on a terminal alone,
 * and not with NO_COLOR or TERM=dumb.
 *
 * Threads: main.
 */
#ifndef ZL_CLIENT_MARK_H
#define ZL_CLIENT_MARK_H

#include <stdbool.h>

enum zl_mark {
    ZL_MARK_GOOD,
    ZL_MARK_NONE,
    ZL_MARK_UNKNOWN,
    ZL_MARK_WARNING,
    ZL_MARK_BAD,
    ZL_MARK_COUNT,
};

/* For standard output. */
const char *zl_mark(enum zl_mark mark);

/* Pure: NO_COLOR and TERM as the environment has them, NULL: it has not. */
bool zl_mark_is_coloured(bool is_terminal, const char *no_color, const char *term);

#endif
