/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cli/verb.h"

#include "client/cli/exit_codes.h"
#include "common/base/options_help.h"

#include <string.h>

const struct zl_verb ZL_VERBS[] = {
    {"status", "who leads in each pool, since when, and why not", &ZL_STATUS_PROGRAM,
     zl_status_verb},
    {"explain", "what zen-lead does with an object, or a refusal, and why", &ZL_EXPLAIN_PROGRAM,
     zl_explain},
    {"doctor", "check cluster, installation and pools, with cures", &ZL_DOCTOR_PROGRAM, zl_doctor},
    {"wait", "wait until a pool has a leader, or until it is this pod", &ZL_WAIT_PROGRAM, zl_wait},
    {"handover", "let a certain pod lead", &ZL_HANDOVER_PROGRAM, zl_handover},
    {"release", "ask a pool for another leader", &ZL_RELEASE_PROGRAM, zl_release},
    {"elect", "run a command while this process leads", &ZL_ELECT_PROGRAM, zl_elect},
    {"lock", "run a command while this process holds a lock", &ZL_LOCK_PROGRAM, zl_lock},
    {"sidecar", "answer by HTTP whether this pod leads", &ZL_SIDECAR_PROGRAM, zl_sidecar},
    {"fleet", "which clusters of a fleet act; pause, resume and set it", &ZL_FLEET_PROGRAM,
     zl_fleet},
    {"dashboard", "show all of it live, on one page in your browser", &ZL_DASHBOARD_PROGRAM,
     zl_dashboard},
    {"completion", "print a completion script for a shell", &ZL_COMPLETION_PROGRAM, zl_completion},
    {NULL, NULL, NULL, NULL},
};

const struct zl_verb *zl_verb_find(const char *name)
{
    for (const struct zl_verb *verb = ZL_VERBS; verb->name != NULL; verb++) {
        if (strcmp(verb->name, name) == 0) {
            return verb;
        }
    }
    return NULL;
}

void zl_overview_print(FILE *out)
{
    (void)fputs("Usage: zen-lead VERB [OPTION]...\n"
                "\n"
                "Who leads, am I it, since when, why not; leader election and locks for any "
                "program.\n"
                "As a kubectl plugin: kubectl zen-lead VERB.\n"
                "\n"
                "Verbs:\n",
                out);
    for (const struct zl_verb *verb = ZL_VERBS; verb->name != NULL; verb++) {
        (void)fprintf(out, "  %-12s %s\n", verb->name, verb->brief);
    }
    (void)fputs("\n"
                "zen-lead VERB --help says more; zen-lead --version prints name and version.\n",
                out);
}

void zl_overview_print_markdown(FILE *out)
{
    for (const struct zl_verb *verb = ZL_VERBS; verb->name != NULL; verb++) {
        (void)fprintf(out, "%s### zen-lead %s\n\n", verb == ZL_VERBS ? "" : "\n", verb->name);
        zl_options_print_markdown(verb->program, out);
    }
}
