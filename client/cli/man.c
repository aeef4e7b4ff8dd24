/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cli/exit_codes.h"
#include "client/cli/verb.h"
#include "common/base/options_man.h"

static void put_verb(FILE *out, const struct zl_verb *verb)
{
    const struct zl_program *program = verb->program;
    (void)fputs(".SS ", out);
    zl_man_put(out, program->name);
    (void)fputs("\n.B ", out);
    zl_man_put(out, program->name);
    (void)fputs("\n[\\fIOPTION\\fR]...", out);
    if (program->words != NULL) {
        (void)fputs(" ", out);
        zl_man_put(out, program->words);
    }
    (void)fputs(program->takes_command ? " \\-\\- COMMAND [ARGUMENT]...\n.PP\n" : "\n.PP\n", out);
    zl_man_put(out, program->summary);
    (void)fputc('\n', out);
    for (const struct zl_option *option = program->options; option->name != NULL; option++) {
        zl_man_put_option(out, program, option);
    }
    if (program->epilogue != NULL) {
        (void)fputs(".PP\n.nf\n", out);
        zl_man_put(out, program->epilogue);
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
    zl_man_put(out, ZL_EXIT_CODES_TEXT);
    (void)fputs("\n.PP\nOf elect and lock: ", out);
    zl_man_put(out, ZL_EXIT_CODES_COMMAND_TEXT);
    (void)fputs("\n.SH SEE ALSO\n\\fBkubectl\\fR(1), \\fBflock\\fR(1)\n", out);
}
