/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.h - command line and environment from one table.
 *
 * The table gives each option its name, variable, default, range and help; --help, --version, the
 * range checks and docs/options.md come from it. The command line wins over the environment.
 * Accepted: --name=value, --name value, and --name alone for a bool; letters where the program has them; the last of several counts. An
 * empty variable is an unset one. The hidden --help-markdown and --man print
 * the table for docs/options.md and as a man page.
 *
 * Threads: call once from main.
 */
#ifndef ZL_OPTIONS_H
#define ZL_OPTIONS_H

#include "common/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum zl_option_type { ZL_OPTION_TEXT, ZL_OPTION_I64, ZL_OPTION_BOOL, ZL_OPTION_CHOICE };

struct zl_option {
    const char *name;          /* without dashes: "metrics-port" */
    const char *variable;      /* environment variable, or NULL */
    enum zl_option_type type;  /* field: TEXT, CHOICE const char *; I64 int64_t; BOOL bool */
    const char *default_value; /* as text; NULL: TEXT stays NULL, I64 0, BOOL false */
    int64_t min, max;          /* for I64 */
    const char *choices;       /* for CHOICE: "deny|allow" */
    size_t offset;             /* offsetof(struct config, field) */
    const char *value_name;    /* shown in --help: "SECONDS" */
    const char *help;          /* one or more sentences, wrapped by --help */
};

/* "-n VALUE" and "-nVALUE" for "--namespace=VALUE". */
struct zl_option_letter {
    char letter;
    const char *option;
};

struct zl_program {
    const char *name;                /* "zen-lead-webhook" */
    const char *summary;             /* a paragraph for --help */
    const struct zl_option *options; /* ends with name NULL */
    const char *epilogue;            /* files, signals, exit codes, examples; may be NULL */
    const struct zl_option_letter
        *letters; /* ends with letter 0; NULL: none. Those of other programs do no harm */
    /* What else stands on the command line, for zl_options_parse_operands. */
    const char *words;        /* shown in the usage: "[POOL]"; NULL: nothing else may */
    int words_min, words_max; /* at most ZL_OPERANDS_MAX */
    bool takes_command;       /* "-- COMMAND [ARGUMENT]...", which must be there */
};

#define ZL_OPERANDS_MAX 4
/* All borrowed from argv. */
struct zl_operands {
    const char *words[ZL_OPERANDS_MAX];
    int count;
    char **command; /* what follows "--", NULL at its end; NULL: no "--" */
};

enum zl_options_result { ZL_OPTIONS_RUN, ZL_OPTIONS_EXIT_OK, ZL_OPTIONS_EXIT_USAGE };

/*
 * Fill CONFIG. --help and --version print to standard output (EXIT_OK); an unknown option, a
 * missing or bad value prints one line that names option, value and cure to standard error
 * (EXIT_USAGE: exit with 2). Text fields borrow from argv, the environment or the table.
 */
enum zl_options_result zl_options_parse(const struct zl_program *program, int argc, char **argv,
                                        void *config);
/* For a main: ends the process, with 0 or 2, where there is nothing to run. */
void zl_options_parse_or_exit(const struct zl_program *program, int argc, char **argv,
                              void *config);
/* The same for a program that takes words or a command besides. */
enum zl_options_result zl_options_parse_operands(const struct zl_program *program, int argc,
                                                 char **argv, void *config,
                                                 struct zl_operands *words);

#endif
