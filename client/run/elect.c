/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cli/exit_codes.h"
#include "client/cli/verb.h"
#include "client/election/names.h"
#include "client/run/contest.h"

#include <unistd.h>

struct config {
    struct zl_contest contest;
    const char *lease, *component;
    bool enabled;
};

static const struct zl_option OPTIONS[] = {
    {.name = "lease",
     .type = ZL_OPTION_TEXT,
     .offset = offsetof(struct config, lease),
     .value_name = "NAME",
     .help = "The Lease to contend for. Either this or --component."},
    {.name = "component",
     .type = ZL_OPTION_TEXT,
     .offset = offsetof(struct config, component),
     .value_name = "NAME",
     .help = "Contend for the Lease NAME-leader-election."},
    {.name = "enabled",
     .variable = "ENABLE_LEADER_ELECTION",
     .type = ZL_OPTION_BOOL,
     .default_value = "true",
     .offset = offsetof(struct config, enabled),
     .help = "With false the command runs at once, without any election."},
    ZL_CONTEST_OPTIONS(config, contest),
    {.name = NULL},
};

const struct zl_program ZL_ELECT_PROGRAM = {
    .name = "zen-lead elect",
    .summary =
        "Runs a command while this process is the leader: of any number of processes that name the "
        "same Lease, one runs its command. It is client-go's leader election (and gets along with "
        "client-go's peers on the same Lease), for programs in any language. The command is dead "
        "before another process can lead: a guard process kills it even when this one is stopped.",
    .options = OPTIONS,
    .letters = ZL_LETTERS,
    .takes_command = true,
    .epilogue = ZL_CONTEST_EPILOGUE ZL_EXIT_CODES_COMMAND_TEXT
    "\n"
    "\n"
    "Example:\n"
    "  zen-lead elect --component mailer -- /usr/bin/mailer --all\n",
};

int zl_elect(int argc, char **argv)
{
    struct config config = {0};
    struct zl_operands words = {0};
    int refused = ZL_EXIT_USAGE;
    if (!zl_verb_parse(&ZL_ELECT_PROGRAM, argc, argv, &config, &words, &refused)) {
        return refused;
    }
    if ((config.lease == NULL) == (config.component == NULL)) {
        (void)fprintf(stderr, "%s: give either --lease or --component\n", ZL_ELECT_PROGRAM.name);
        return ZL_EXIT_USAGE;
    }
    if (!config.enabled) {
        (void)execvp(words.command[0], words.command);
        perror(words.command[0]);
        return 127;
    }
    ZL_AUTO_FREE char *lease =
        config.lease != NULL ? zl_strdup(config.lease) : zl_election_lease(config.component);
    return zl_contest(&ZL_ELECT_PROGRAM, &config.contest, lease, words.command);
}
