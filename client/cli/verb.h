/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verb.h - the verbs of zen-lead, one row each: help, completion and man page come from it.
 *
 * Threads: main.
 */
#ifndef ZL_CLIENT_VERB_H
#define ZL_CLIENT_VERB_H

#include "common/base/options.h"

#include <stdio.h>

struct zl_verb {
    const char *name;
    const char *brief; /* one line, no full stop */
    const struct zl_program *program;
    int (*run)(int argc, char **argv); /* ARGV[0] is the verb; returns the exit code */
};

/* Ends with name NULL. */
extern const struct zl_verb ZL_VERBS[];
/* NULL: there is none of that name. */
const struct zl_verb *zl_verb_find(const char *name);

/* Each verb's own file. */
extern const struct zl_program ZL_STATUS_PROGRAM, ZL_EXPLAIN_PROGRAM, ZL_DOCTOR_PROGRAM;
extern const struct zl_program ZL_WAIT_PROGRAM, ZL_HANDOVER_PROGRAM, ZL_RELEASE_PROGRAM;
extern const struct zl_program ZL_SIDECAR_PROGRAM, ZL_FLEET_PROGRAM, ZL_DASHBOARD_PROGRAM;
extern const struct zl_program ZL_ELECT_PROGRAM, ZL_LOCK_PROGRAM, ZL_COMPLETION_PROGRAM;
int zl_status_verb(int argc, char **argv);
int zl_explain(int argc, char **argv);
int zl_doctor(int argc, char **argv);
int zl_wait(int argc, char **argv);
int zl_handover(int argc, char **argv);
int zl_release(int argc, char **argv);
int zl_elect(int argc, char **argv);
int zl_lock(int argc, char **argv);
int zl_sidecar(int argc, char **argv);
int zl_fleet(int argc, char **argv);
int zl_dashboard(int argc, char **argv);
int zl_completion(int argc, char **argv);

void zl_overview_print(FILE *out);
/* All verbs' options as Markdown, for docs/options.md. */
void zl_overview_print_markdown(FILE *out);
/* zen-lead(1). */
void zl_man_print(FILE *out);

/*
 * What may follow on a command line, by the protocol of cobra's __complete, which kubectl speaks with its plugins: one
 * candidate in a line, a tab and its description, in the end ":" and a bit set. WORDS: the last one is being typed.
 */
void zl_complete(int count, char **words, FILE *out);

#endif
