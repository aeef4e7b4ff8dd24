/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cli/exit_codes.h"
#include "client/cli/verb.h"
#include "common/base/options_help.h"

#include <inttypes.h>

/* TEXT for roff: '-' and '\' as they are, and no line that roff takes for a request. */
static void put(FILE *out, const char *text)
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

static void put_option(FILE *out, const struct zl_program *program, const struct zl_option *option)
{
    const char letter = zl_options_letter(program, option);
    (void)fputs(".TP\n\\fB", out);
    if (letter != 0) {
        (void)fprintf(out, "\\-%c\\fR, \\fB", letter);
    }
    (void)fputs("\\-\\-", out);
    put(out, option->name);
    (void)fputs("\\fR", out);
    if (option->type != ZL_OPTION_BOOL) {
        (void)fputs("=\\fI", out);
        put(out, zl_options_value_name(option));
        (void)fputs("\\fR", out);
    }
    (void)fputc('\n', out);
    put(out, option->help);
    if (option->default_value != NULL) {
        (void)fputs(" Default: ", out);
        put(out, option->default_value);
        (void)fputc('.', out);
    }
    if (option->variable != NULL) {
        (void)fputs(" Environment: ", out);
        put(out, option->variable);
        (void)fputc('.', out);
    }
    (void)fputc('\n', out);
}

static void put_verb(FILE *out, const struct zl_verb *verb)
{
    const struct zl_program *program = verb->program;
    (void)fputs(".SS ", out);
    put(out, program->name);
    (void)fputs("\n.B ", out);
    put(out, program->name);
    (void)fputs("\n[\\fIOPTION\\fR]...", out);
    if (program->words != NULL) {
        (void)fputs(" ", out);
        put(out, program->words);
    }
    (void)fputs(program->takes_command ? " \\-\\- COMMAND [ARGUMENT]...\n.PP\n" : "\n.PP\n", out);
    put(out, program->summary);
    (void)fputc('\n', out);
    for (const struct zl_option *option = program->options; option->name != NULL; option++) {
        put_option(out, program, option);
    }
    if (program->epilogue != NULL) {
        (void)fputs(".PP\n.nf\n", out);
        put(out, program->epilogue);
        (void)fputs(".fi\n", out);
    }
}

void zl_man_print(FILE *out)
{
    (void)fputs(".TH ZEN\\-LEAD 1 \"\" \"zen\\-lead " ZL_VERSION "\" \"User Commands\"\n"
                ".SH NAME\nzen\\-lead \\- leader election, locks and leadership of workloads\n"
                ".SH SYNOPSIS\n.B zen\\-lead\n\\fIVERB\\fR [\\fIOPTION\\fR]...\n.br\n"
                ".B kubectl zen\\-lead\n\\fIVERB\\fR [\\fIOPTION\\fR]...\n"
                ".SH DESCRIPTION\n"
                "Who leads, am I it, since when, why not; leader election and locks for any "
                "program.\n.SH VERBS\n",
                out);
    for (const struct zl_verb *verb = ZL_VERBS; verb->name != NULL; verb++) {
        put_verb(out, verb);
    }
    (void)fputs(".SH EXIT STATUS\n", out);
    put(out, ZL_EXIT_CODES_TEXT);
    (void)fputs("\n.PP\nOf elect and lock: ", out);
    put(out, ZL_EXIT_CODES_COMMAND_TEXT);
    (void)fputs("\n.SH SEE ALSO\n\\fBkubectl\\fR(1), \\fBflock\\fR(1)\n", out);
}
