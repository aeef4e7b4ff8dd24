/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cli/mark.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool zl_mark_is_coloured(bool is_terminal, const char *no_color, const char *term)
{
    return is_terminal && (no_color == NULL || no_color[0] == '\0') && term != NULL &&
           strcmp(term, "dumb") != 0;
}

const char *zl_mark(enum zl_mark mark)
{
    static const char *const plain[ZL_MARK_COUNT] = {"√", "-", "?", "‼", "×"};
    static const char *const coloured[ZL_MARK_COUNT] = {"\033[32m√\033[0m", "-", "\033[36m?\033[0m",
                                                        "\033[33m‼\033[0m", "\033[31m×\033[0m"};
    const bool in_colour =
        zl_mark_is_coloured(isatty(STDOUT_FILENO) == 1, getenv("NO_COLOR"), getenv("TERM"));
    return in_colour ? coloured[mark] : plain[mark];
}
