/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/options.h"
#include "common/base/commit.h"

#include "common/base/memory.h"
#include "common/base/options_help.h"
#include "common/base/options_man.h"
#include "common/base/parse.h"

#include <stdarg.h>
#include <stdbool.h>

#ifndef ZL_VERSION
#define ZL_VERSION "unknown"
#endif

/* Where the text of a value came from, for the message when it is bad. */
enum source { FROM_DEFAULT, FROM_ENVIRONMENT, FROM_ARGUMENT };

static size_t option_count(const struct zl_program *program)
{
    size_t count = 0;
    while (program->options[count].name != NULL) {
        count++;
    }
    return count;
}

/* One line to standard error: "PROGRAM: SENTENCE; run PROGRAM --help". */
ZL_PRINTF(2, 3)
static enum zl_options_result usage_error(const struct zl_program *program, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    for (char *at = text; *at != '\0'; at++) {
        if ((*at >= 0 && *at < ' ') || *at == 0x7F) {
            *at = '?'; /* a value with a line break or an escape sequence stays one harmless line */
        }
    }
    (void)fprintf(stderr, "%s: %s; run '%s --help'\n", program->name, text, program->name);
    return ZL_OPTIONS_EXIT_USAGE;
}

/* Is TEXT one of "deny|allow"? */
static bool is_choice(const char *choices, const char *text)
{
    size_t length = strlen(text);
    for (const char *at = choices; at != NULL; at = strchr(at, '|'), at = at ? at + 1 : NULL) {
        if (strcspn(at, "|") == length && strncmp(at, text, length) == 0) {
            return true;
        }
    }
    return false;
}

/* Convert TEXT (may be NULL) into the field of OPTION; false when it does not fit. */
static bool store(const struct zl_option *option, const char *text, void *config)
{
    char *field = (char *)config + option->offset; /* memcpy: alignment is the table's business */
    int64_t number = 0;
    bool flag = false;
    switch (option->type) {
    case ZL_OPTION_I64:
        if (text != NULL && zl_parse_i64(text, option->min, option->max, &number, NULL) != ZL_OK) {
            return false;
        }
        memcpy(field, &number, sizeof number);
        return true;
    case ZL_OPTION_BOOL:
        if (text != NULL && zl_parse_bool(text, &flag, NULL) != ZL_OK) {
            return false;
        }
        memcpy(field, &flag, sizeof flag);
        return true;
    case ZL_OPTION_CHOICE:
        if (text != NULL && !is_choice(option->choices, text)) {
            return false;
        }
        memcpy(field, &text, sizeof text);
        return true;
    case ZL_OPTION_TEXT:
        memcpy(field, &text, sizeof text);
        return true;
    }
    return false;
}

static enum zl_options_result bad_value(const struct zl_program *program,
                                        const struct zl_option *option, enum source source,
                                        const char *text)
{
    ZL_AUTO_FREE char *expected = zl_options_expected(option);
    switch (source) {
    case FROM_ARGUMENT:
        return usage_error(program, "option --%s: \"%.100s\" is not %s", option->name, text,
                           expected);
    case FROM_ENVIRONMENT:
        return usage_error(program, "environment variable %s: \"%.100s\" is not %s",
                           option->variable, text, expected);
    case FROM_DEFAULT:
        break;
    }
    return usage_error(program, "default of --%s: \"%.100s\" is not %s", option->name, text,
                       expected);
}

/* The command line wins over the environment, that over the default; an empty variable is unset. */
static enum zl_options_result fill(const struct zl_program *program, const char *const *given,
                                   void *config)
{
    for (size_t i = 0; program->options[i].name != NULL; i++) {
        const struct zl_option *option = &program->options[i];
        enum source source = FROM_ARGUMENT;
        const char *text = given[i];
        if (text == NULL && option->variable != NULL) {
            source = FROM_ENVIRONMENT;
            text = getenv(option->variable);
            text = text != NULL && *text != '\0' ? text : NULL;
        }
        if (text == NULL) {
            source = FROM_DEFAULT;
            text = option->default_value;
        }
        if (!store(option, text, config)) {
            return bad_value(program, option, source, text);
        }
    }
    return ZL_OPTIONS_RUN;
}

/* Index of the option that ARGUMENT ("--name" or "--name=value") names; COUNT when there is none. */
static size_t find(const struct zl_program *program, size_t count, const char *argument)
{
    size_t length = strcspn(argument + 2, "=");
    for (size_t i = 0; i < count; i++) {
        const char *name = program->options[i].name;
        if (strlen(name) == length && strncmp(name, argument + 2, length) == 0) {
            return i;
        }
    }
    return count;
}

/* --help and its kin: print and say so. */
static bool print_and_exit(const struct zl_program *program, const char *argument)
{
    if (strcmp(argument, "--help") == 0) {
        zl_options_print_help(program, stdout);
    } else if (strcmp(argument, "--help-markdown") == 0) {
        zl_options_print_markdown(program, stdout);
    } else if (strcmp(argument, "--version") == 0) {
        (void)printf("%s %s (commit %s)\n", program->name, ZL_VERSION, zl_commit);
    } else if (strcmp(argument, "--man") == 0) {
        zl_options_print_man(program, stdout);
    } else {
        return false;
    }
    (void)fflush(stdout);
    return true;
}

/* What read_arguments fills. */
struct arguments {
    int argc;
    char **argv;
    size_t count; /* of the program's options */
    const char *
        *given; /* the text of each, NULL: not given; of one that comes twice the last counts */
    struct zl_operands *words;
};

/* The value of option INDEX, called NAME on the command line; VALUE is what stood beside the name, or NULL. */
static enum zl_options_result take_value(const struct zl_program *program, struct arguments *all,
                                         size_t index, const char *name, const char *value, int *at)
{
    const struct zl_option *option = &program->options[index];
    if (value != NULL) {
        all->given[index] = value;
    } else if (option->type == ZL_OPTION_BOOL) {
        all->given[index] = "true";
    } else if (*at + 1 < all->argc && strncmp(all->argv[*at + 1], "--", 2) != 0) {
        all->given[index] = all->argv[++*at];
    } else {
        return usage_error(program, "option %s needs a value: %s%s%s", name, name,
                           name[1] == '-' ? "=" : " ", zl_options_value_name(option));
    }
    return ZL_OPTIONS_RUN;
}

static enum zl_options_result read_long(const struct zl_program *program, struct arguments *all,
                                        int *at)
{
    const char *argument = all->argv[*at];
    const size_t index = find(program, all->count, argument);
    const char *equals = strchr(argument, '=');
    if (index == all->count) {
        return usage_error(program, "unknown option \"%.*s\"", (int)strcspn(argument, "="),
                           argument);
    }
    return take_value(program, all, index, argument, equals != NULL ? equals + 1 : NULL, at);
}

static enum zl_options_result read_letter(const struct zl_program *program, struct arguments *all,
                                          int *at)
{
    const char *argument = all->argv[*at];
    size_t index = 0;
    while (index < all->count &&
           zl_options_letter(program, &program->options[index]) != argument[1]) {
        index++;
    }
    const char *rest = argument[2] != '\0' ? argument + 2 : NULL;
    if (index == all->count ||
        (rest != NULL && program->options[index].type == ZL_OPTION_BOOL && *rest != '=')) {
        return usage_error(program, "unknown option \"%.100s\"", argument);
    }
    const char name[] = {'-', argument[1], '\0'};
    return take_value(program, all, index, name, rest != NULL && *rest == '=' ? rest + 1 : rest,
                      at);
}

static enum zl_options_result read_word(const struct zl_program *program, struct arguments *all,
                                        const char *word)
{
    if (all->words == NULL || all->words->count >= program->words_max) {
        return usage_error(program, "unexpected argument \"%.100s\"", word);
    }
    all->words->words[all->words->count++] = word;
    return ZL_OPTIONS_RUN;
}

static enum zl_options_result read_arguments(const struct zl_program *program,
                                             struct arguments *all)
{
    enum zl_options_result result = ZL_OPTIONS_RUN;
    for (int i = 1; i < all->argc && result == ZL_OPTIONS_RUN; i++) {
        const char *argument = all->argv[i];
        if (print_and_exit(program, argument)) {
            return ZL_OPTIONS_EXIT_OK;
        }
        if (strcmp(argument, "--") == 0 && program->takes_command && all->words != NULL) {
            all->words->command = &all->argv[i + 1];
            return ZL_OPTIONS_RUN;
        }
        if (strncmp(argument, "--", 2) == 0 && argument[2] != '\0') {
            result = read_long(program, all, &i);
        } else if (program->letters != NULL && argument[0] == '-' && argument[1] != '\0' &&
                   argument[1] != '-') {
            result = read_letter(program, all, &i);
        } else {
            result = read_word(program, all, argument);
        }
    }
    return result;
}

/* Enough words, and the command where there must be one? */
static enum zl_options_result check_words(const struct zl_program *program,
                                          const struct zl_operands *words)
{
    if (words == NULL) {
        return ZL_OPTIONS_RUN;
    }
    if (words->count < program->words_min) {
        return usage_error(program, "something is missing: %s", program->words);
    }
    if (program->takes_command && (words->command == NULL || words->command[0] == NULL)) {
        return usage_error(program, "no command: put it at the end, after --");
    }
    return ZL_OPTIONS_RUN;
}

enum zl_options_result zl_options_parse_operands(const struct zl_program *program, int argc,
                                                 char **argv, void *config,
                                                 struct zl_operands *words)
{
    const size_t count = option_count(program);
    ZL_AUTO_FREE const char **given = zl_alloc((count + 1) * sizeof *given);
    struct arguments all = {
        .argc = argc, .argv = argv, .count = count, .given = given, .words = words};
    enum zl_options_result result = read_arguments(program, &all);
    if (result == ZL_OPTIONS_RUN) {
        result = check_words(program, words);
    }
    return result == ZL_OPTIONS_RUN ? fill(program, given, config) : result;
}

enum zl_options_result zl_options_parse(const struct zl_program *program, int argc, char **argv,
                                        void *config)
{
    return zl_options_parse_operands(program, argc, argv, config, NULL);
}

void zl_options_parse_or_exit(const struct zl_program *program, int argc, char **argv, void *config)
{
    switch (zl_options_parse(program, argc, argv, config)) {
    case ZL_OPTIONS_RUN:
        return;
    case ZL_OPTIONS_EXIT_OK:
        exit(0);
    case ZL_OPTIONS_EXIT_USAGE:
        break;
    }
    exit(2);
}
