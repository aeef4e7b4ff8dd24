/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exit_codes.h - what zen-lead's exit codes mean. Scripts depend on them: they never change.
 */
#ifndef ZL_CLIENT_EXIT_CODES_H
#define ZL_CLIENT_EXIT_CODES_H

enum zl_exit {
    ZL_EXIT_YES = 0,
    ZL_EXIT_NO = 1, /* or a check failed */
    ZL_EXIT_USAGE = 2,
    ZL_EXIT_UNKNOWN = 3, /* the API server is down, or forbids it */
    ZL_EXIT_WARNED = 4,  /* only warnings, with --strict */
    /* Of elect and lock, beside the command's own. */
    ZL_EXIT_NOT_ACQUIRED = 120, /* in time */
    ZL_EXIT_LOST = 121,         /* the Lease, while the command ran */
    ZL_EXIT_SIGNAL = 128,       /* and the signal's number */
};

#define ZL_EXIT_CODES_TEXT                                                                         \
    "Exit codes: 0 yes; 1 no, or a check failed; 2 wrong usage; 3 cannot know (API server\n"       \
    "down, or forbidden)."
#define ZL_EXIT_CODES_COMMAND_TEXT                                                                 \
    "Exit codes: the command's own; 120 not acquired in time; 121 lost while the command\n"        \
    "ran; 126 the command cannot be executed, 127 it was not found; 128+n ended by signal\n"       \
    "n; 2 wrong usage; 3 the API server forbids it."

#endif
