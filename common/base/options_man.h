/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options_man.h - what the option table says in a man page.
 *
 * Threads: call from main.
 */
#ifndef ZL_OPTIONS_MAN_H
#define ZL_OPTIONS_MAN_H

#include "common/base/options.h"

#include <stdio.h>

/* TEXT for roff: '-' and '\' as they are, and no line that roff takes for a request. */
void zl_man_put(FILE *out, const char *text);
/* OPTION as a paragraph, with its default and its variable. */
void zl_man_put_option(FILE *out, const struct zl_program *program, const struct zl_option *option);
/* The page of a program with one table, for section 8. */
void zl_options_print_man(const struct zl_program *program, FILE *out);

#endif
