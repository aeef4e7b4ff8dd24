/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options_help.h - what the option table says to people: --help and --help-markdown.
 *
 * Only for options.c.
 *
 * Threads: call from main.
 */
#ifndef ZL_OPTIONS_HELP_H
#define ZL_OPTIONS_HELP_H

#include "common/base/options.h"

#include <stdio.h>

void zl_options_print_help(const struct zl_program *program, FILE *out);
/* The options as a Markdown table, for docs/. */
void zl_options_print_markdown(const struct zl_program *program, FILE *out);
/* What a value of OPTION must be, to follow "is not": "a whole number from 1 to 9". The caller frees. */
char *zl_options_expected(const struct zl_option *option);
/* The letter that stands for OPTION, 0 when there is none. */
char zl_options_letter(const struct zl_program *program, const struct zl_option *option);
/* The placeholder of the value: "SECONDS", "deny|allow". */
const char *zl_options_value_name(const struct zl_option *option);

#endif
