/* SPDX-License-Identifier: Apache-2.0 */
#include "client/cli/exit_codes.h"
#include "client/cli/verb.h"
#include "client/election/names.h"
#include "client/run/contest.h"

struct config {
    struct zl_contest contest;
};

static const struct zl_option OPTIONS[] = {
    ZL_CONTEST_OPTIONS(config, contest),
    {.name = NULL},
};

const struct zl_program ZL_LOCK_PROGRAM = {
    .name = "zen-lead lock",
    .summary =
        "Runs a command while this process holds the lock NAME, as flock(1) does on one machine. "
        "The "
        "lock is the Lease NAME-lock in the namespace. No lock that can be lost with its machine "
        "is safe by itself: let what is written to refuse a smaller ZEN_LEAD_TOKEN than it has "
        "seen.",
    .options = OPTIONS,
    .letters = ZL_LETTERS,
    .words = "NAME",
    .words_min = 1,
    .words_max = 1,
    .takes_command = true,
    .epilogue = ZL_CONTEST_EPILOGUE ZL_EXIT_CODES_COMMAND_TEXT
    "\n"
    "\n"
    "Example:\n"
    "  zen-lead lock migrations --timeout 5m -- ./migrate.sh\n",
};

int zl_lock(int argc, char **argv)
{
    struct config config = {0};
    struct zl_operands words = {0};
    int refused = ZL_EXIT_USAGE;
    if (!zl_verb_parse(&ZL_LOCK_PROGRAM, argc, argv, &config, &words, &refused)) {
        return refused;
    }
    ZL_AUTO_FREE char *lease = zl_lock_lease(words.words[0]);
    return zl_contest(&ZL_LOCK_PROGRAM, &config.contest, lease, words.command);
}
