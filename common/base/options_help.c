/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/options_help.h"

#include "common/base/buf.h"
#include "common/base/limits.h"

#include <inttypes.h>

#define COLUMNS 80
#define HELP_INDENT 6

/* What every program understands beside its table. */
static const struct {
    const char *name;
    const char *help;
} common_options[] = {
    {"help", "Print this help and exit."},
    {"version", "Print name, version and commit and exit."},
};

char zl_options_letter(const struct zl_program *program, const struct zl_option *option)
{
    const struct zl_option_letter *at = program->letters;
    for (; at != NULL && at->letter != 0; at++) {
        if (strcmp(at->option, option->name) == 0) {
            return at->letter;
        }
    }
    return 0;
}

const char *zl_options_value_name(const struct zl_option *option)
{
    if (option->value_name != NULL) {
        return option->value_name;
    }
    switch (option->type) {
    case ZL_OPTION_TEXT:
        return "TEXT";
    case ZL_OPTION_I64:
        return "NUMBER";
    case ZL_OPTION_BOOL:
        return "true|false";
    case ZL_OPTION_CHOICE:
        break;
    }
    return option->choices;
}

/* "a|b|c" as "a, b or c" */
static void add_choices(struct zl_buf *out, const char *choices)
{
    while (choices != NULL) {
        size_t length = strcspn(choices, "|");
        const char *rest = choices[length] == '|' ? choices + length + 1 : NULL;
        (void)zl_buf_add(out, choices, length);
        if (rest != NULL) {
            (void)zl_buf_add_text(out, strchr(rest, '|') != NULL ? ", " : " or ");
        }
        choices = rest;
    }
}

/* "from 1 to 9", "of at least 1", "of at most 9", or nothing */
static void add_range(struct zl_buf *out, const struct zl_option *option)
{
    if (option->min != INT64_MIN && option->max != INT64_MAX) {
        (void)zl_buf_printf(out, " from %" PRId64 " to %" PRId64, option->min, option->max);
    } else if (option->min != INT64_MIN) {
        (void)zl_buf_printf(out, " of at least %" PRId64, option->min);
    } else if (option->max != INT64_MAX) {
        (void)zl_buf_printf(out, " of at most %" PRId64, option->max);
    }
}

char *zl_options_expected(const struct zl_option *option)
{
    ZL_AUTO_BUF struct zl_buf text;
    zl_buf_init(&text, ZL_KIB);
    switch (option->type) {
    case ZL_OPTION_TEXT:
        (void)zl_buf_add_text(&text, "text");
        break;
    case ZL_OPTION_BOOL:
        (void)zl_buf_add_text(&text, "true or false");
        break;
    case ZL_OPTION_CHOICE:
        add_choices(&text, option->choices);
        break;
    case ZL_OPTION_I64:
        (void)zl_buf_add_text(&text, "a whole number");
        add_range(&text, option);
        break;
    }
    return zl_buf_take(&text);
}

/* "Default: 5. A whole number from 1 to 9. Environment: X." */
static char *facts(const struct zl_option *option)
{
    ZL_AUTO_BUF struct zl_buf text;
    zl_buf_init(&text, 2 * ZL_KIB);
    if (option->default_value != NULL && *option->default_value != '\0') {
        (void)zl_buf_printf(&text, "Default: %s.", option->default_value);
    } else if (option->type == ZL_OPTION_BOOL) {
        (void)zl_buf_add_text(&text, "Default: false.");
    } else if (option->type == ZL_OPTION_I64) {
        (void)zl_buf_add_text(&text, "Default: 0.");
    } else {
        (void)zl_buf_add_text(&text, "Default: none.");
    }
    if (option->type == ZL_OPTION_I64) {
        (void)zl_buf_add_text(&text, " A whole number");
        add_range(&text, option);
        (void)zl_buf_add_text(&text, ".");
    } else if (option->type == ZL_OPTION_CHOICE) {
        (void)zl_buf_add_text(&text, " One of ");
        add_choices(&text, option->choices);
        (void)zl_buf_add_text(&text, ".");
    }
    if (option->variable != NULL) {
        (void)zl_buf_printf(&text, " Environment: %s.", option->variable);
    }
    return zl_buf_take(&text);
}

/* Columns that LENGTH bytes of TEXT take: the bytes that begin a character. */
static size_t columns(const char *text, size_t length)
{
    size_t count = 0;
    for (size_t i = 0; i < length; i++) {
        count += ((unsigned char)text[i] & 0xC0u) != 0x80u;
    }
    return count;
}

/* TEXT in lines of at most COLUMNS, each after INDENT spaces; a line break in TEXT is kept. */
static void print_wrapped(FILE *out, const char *text, size_t indent)
{
    size_t column = 0;
    while (*text != '\0') {
        if (*text == '\n') {
            (void)fputc('\n', out);
            column = 0;
        }
        if (*text == ' ' || *text == '\n') {
            text++;
            continue;
        }
        size_t length = strcspn(text, " \n");
        size_t width = columns(text, length);
        if (column > 0 && column + 1 + width > COLUMNS) {
            (void)fputc('\n', out);
            column = 0;
        }
        int gap = column > 0 ? 1 : (int)indent;
        (void)fprintf(out, "%*s%.*s", gap, "", (int)length, text);
        column += (size_t)gap + width;
        text += length;
    }
    (void)fputc('\n', out);
}

static void print_option(FILE *out, const struct zl_program *program,
                         const struct zl_option *option)
{
    const char letter = zl_options_letter(program, option);
    bool alone = option->type == ZL_OPTION_BOOL; /* the value may be left out */
    if (letter != 0) {
        (void)fprintf(out, "  -%c%s%s,", letter, alone ? "" : " ",
                      alone ? "" : zl_options_value_name(option));
    } else {
        (void)fputc(' ', out);
    }
    (void)fprintf(out, " --%s%s=%s%s\n", option->name, alone ? "[" : "",
                  zl_options_value_name(option), alone ? "]" : "");
    print_wrapped(out, option->help, HELP_INDENT);
    ZL_AUTO_FREE char *more = facts(option);
    print_wrapped(out, more, HELP_INDENT);
}

void zl_options_print_help(const struct zl_program *program, FILE *out)
{
    (void)fprintf(out, "Usage: %s [OPTION]...%s%s%s\n\n", program->name,
                  program->words != NULL ? " " : "", program->words != NULL ? program->words : "",
                  program->takes_command ? " -- COMMAND [ARGUMENT]..." : "");
    print_wrapped(out, program->summary, 0);
    (void)fputs("\nOptions:\n", out);
    for (const struct zl_option *option = program->options; option->name != NULL; option++) {
        print_option(out, program, option);
    }
    for (size_t i = 0; i < sizeof common_options / sizeof common_options[0]; i++) {
        (void)fprintf(out, "  --%s\n", common_options[i].name);
        print_wrapped(out, common_options[i].help, HELP_INDENT);
    }
    (void)fputc('\n', out);
    print_wrapped(out,
                  "A value follows its option after '=' or as the next argument. The command line "
                  "wins over the environment; an empty variable counts as unset.",
                  0);
    if (program->epilogue != NULL) {
        (void)fprintf(out, "\n%s", program->epilogue);
        size_t length = strlen(program->epilogue);
        if (length == 0 || program->epilogue[length - 1] != '\n') {
            (void)fputc('\n', out);
        }
    }
}

/* The text of a table's cell: no line breaks, and nothing that Markdown or HTML would swallow. */
static void print_cell(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '|':
            (void)fputs("\\|", out);
            break;
        case '<':
            (void)fputs("&lt;", out);
            break;
        case '\n':
            (void)fputc(' ', out);
            break;
        default:
            (void)fputc(*text, out);
        }
    }
}

void zl_options_print_markdown(const struct zl_program *program, FILE *out)
{
    (void)fputs("| Option | Environment | Meaning |\n|---|---|---|\n", out);
    for (const struct zl_option *option = program->options; option->name != NULL; option++) {
        (void)fputs("| `", out);
        if (zl_options_letter(program, option) != 0) {
            (void)fprintf(out, "-%c`, `", zl_options_letter(program, option));
        }
        (void)fprintf(out, "--%s%s=", option->name, option->type == ZL_OPTION_BOOL ? "[" : "");
        print_cell(out, zl_options_value_name(option));
        (void)fputs(option->type == ZL_OPTION_BOOL ? "]` | " : "` | ", out);
        if (option->variable != NULL) {
            (void)fprintf(out, "`%s`", option->variable);
        }
        (void)fputs(" | ", out);
        print_cell(out, option->help);
        struct zl_option without = *option;
        without.variable = NULL; /* it has its own column */
        ZL_AUTO_FREE char *more = facts(&without);
        (void)fputs(" ", out);
        print_cell(out, more);
        (void)fputs(" |\n", out);
    }
    for (size_t i = 0; i < sizeof common_options / sizeof common_options[0]; i++) {
        (void)fprintf(out, "| `--%s` | | %s |\n", common_options[i].name, common_options[i].help);
    }
}
