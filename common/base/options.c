/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/options.h"

#include "common/base/memory.h"
#include "common/base/options_help.h"
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
        (void)printf("%s %s\n", program->name, ZL_VERSION);
    } else {
        return false;
    }
    (void)fflush(stdout);
    return true;
}

/* Note the text of each option in GIVEN; of an option that comes twice the last one counts. */
static enum zl_options_result read_arguments(const struct zl_program *program, int argc,
                                             char **argv, size_t count, const char **given)
{
    for (int i = 1; i < argc; i++) {
        const char *argument = argv[i];
        if (print_and_exit(program, argument)) {
            return ZL_OPTIONS_EXIT_OK;
        }
        if (strncmp(argument, "--", 2) != 0 || argument[2] == '\0') {
            return usage_error(program, "unexpected argument \"%.100s\"", argument);
        }
        size_t index = find(program, count, argument);
        const char *equals = strchr(argument, '=');
        if (index == count) {
            return usage_error(program, "unknown option \"%.*s\"", (int)strcspn(argument, "="),
                               argument);
        }
        if (equals != NULL) {
            given[index] = equals + 1;
        } else if (program->options[index].type == ZL_OPTION_BOOL) {
            given[index] = "true";
        } else if (i + 1 < argc && strncmp(argv[i + 1], "--", 2) != 0) {
            given[index] = argv[++i];
        } else {
            return usage_error(program, "option %s needs a value: %s=%s", argument, argument,
                               zl_options_value_name(&program->options[index]));
        }
    }
    return ZL_OPTIONS_RUN;
}

enum zl_options_result zl_options_parse(const struct zl_program *program, int argc, char **argv,
                                        void *config)
{
    size_t count = option_count(program);
    ZL_AUTO_FREE const char **given = zl_alloc((count + 1) * sizeof *given);
    enum zl_options_result result = read_arguments(program, argc, argv, count, given);
    return result == ZL_OPTIONS_RUN ? fill(program, given, config) : result;
}
