/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/options_man.h"

#include "common/base/memory.h"
#include "common/base/options_help.h"

#include <ctype.h>
#include <string.h>

#ifndef ZL_VERSION
#define ZL_VERSION "unknown"
#endif

void zl_man_put(FILE *out, const char *text)
{
    bool at_start = true;
    for (; *text != '\0'; text++) {
        if (at_start && (*text == '.' || *text == '\'')) {
            (void)fputs("\\&", out);
        }
        at_start = *text == '\n';
        if (*text == '\\') {
            (void)fputs("\\e", out);
        } else if (*text == '-') {
            (void)fputs("\\-", out);
        } else {
            (void)fputc(*text, out);
        }
    }
}

static void put_fact(FILE *out, const char *before, const char *fact)
{
    if (fact != NULL) {
        (void)fputs(before, out);
        zl_man_put(out, fact);
        (void)fputc('.', out);
    }
}

void zl_man_put_option(FILE *out, const struct zl_program *program, const struct zl_option *option)
{
    const char letter = zl_options_letter(program, option);
    (void)fputs(".TP\n\\fB", out);
    if (letter != 0) {
        (void)fprintf(out, "\\-%c\\fR, \\fB", letter);
    }
    (void)fputs("\\-\\-", out);
    zl_man_put(out, option->name);
    (void)fputs("\\fR", out);
    if (option->type != ZL_OPTION_BOOL) {
        (void)fputs("=\\fI", out);
        zl_man_put(out, zl_options_value_name(option));
        (void)fputs("\\fR", out);
    }
    (void)fputc('\n', out);
    zl_man_put(out, option->help);
    put_fact(out, " Default: ", option->default_value);
    put_fact(out, " Environment: ", option->variable);
    (void)fputc('\n', out);
}

/* The first sentence of the summary is what whatis(1) shows. */
static void put_name(FILE *out, const struct zl_program *program)
{
    const char *end = strstr(program->summary, ". ");
    int length = end != NULL ? (int)(end - program->summary) : (int)strlen(program->summary);
    ZL_AUTO_FREE char *first = zl_asprintf("%.*s", length, program->summary);
    (void)fputs(".SH NAME\n", out);
    zl_man_put(out, program->name);
    (void)fputs(" \\- ", out);
    zl_man_put(out, first);
    (void)fputc('\n', out);
}

void zl_options_print_man(const struct zl_program *program, FILE *out)
{
    (void)fputs(".TH ", out);
    for (const char *at = program->name; *at != '\0'; at++) {
        (void)fputs(*at == '-' ? "\\-" : (const char[]){(char)toupper((unsigned char)*at), '\0'},
                    out);
    }
    (void)fputs(" 8 \"\" \"zen\\-lead " ZL_VERSION "\" \"System Administration\"\n", out);
    put_name(out, program);
    (void)fputs(".SH SYNOPSIS\n.B ", out);
    zl_man_put(out, program->name);
    (void)fputs("\n[\\fIOPTION\\fR]...\n.SH DESCRIPTION\n", out);
    zl_man_put(out, program->summary);
    (void)fputs("\n.SH OPTIONS\nThe command line wins over the environment; an empty variable "
                "counts as unset.\n",
                out);
    for (const struct zl_option *option = program->options; option->name != NULL; option++) {
        zl_man_put_option(out, program, option);
    }
    if (program->epilogue != NULL) {
        (void)fputs(".SH NOTES\n.nf\n", out);
        zl_man_put(out, program->epilogue);
        (void)fputs(".fi\n", out);
    }
    (void)fputs(".SH SEE ALSO\n\\fBzen\\-lead\\fR(1)\n", out);
}
