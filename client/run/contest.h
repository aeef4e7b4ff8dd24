/* SPDX-License-Identifier: Apache-2.0 */
/*
 * contest.h - what `elect` and `lock` have in common: options, and the way to zl_run.
 *
 * Threads: main.
 */
#ifndef ZL_CLIENT_CONTEST_H
#define ZL_CLIENT_CONTEST_H

#include "client/cli/connection.h"

#include <stddef.h>

/* The members of both verbs' configs. */
struct zl_contest {
    struct zl_connection connection;
    const char *pod;
    const char *lease_duration, *renew_deadline, *retry_period, *grace, *timeout;
    int64_t not_acquired_exit;
    bool verbose;
};

#define ZL_CONTEST_OPTIONS(config_, member_)                                                       \
    ZL_CONNECTION_OPTIONS(config_, member_.connection),                                            \
        {.name = "timeout",                                                                        \
         .type = ZL_OPTION_TEXT,                                                                   \
         .offset = offsetof(struct config_, member_.timeout),                                      \
         .value_name = "DURATION",                                                                 \
         .help =                                                                                   \
             "Wait so long for the Lease, then give up; 0s tries once. Without it: for ever."},    \
        {.name = "conflict-exit-code",                                                             \
         .type = ZL_OPTION_I64,                                                                    \
         .default_value = "120",                                                                   \
         .min = 0,                                                                                 \
         .max = 255,                                                                               \
         .offset = offsetof(struct config_, member_.not_acquired_exit),                            \
         .value_name = "CODE",                                                                     \
         .help = "The exit code when --timeout passed, as flock has it."},                         \
        {.name = "grace",                                                                          \
         .type = ZL_OPTION_TEXT,                                                                   \
         .default_value = "2s",                                                                    \
         .offset = offsetof(struct config_, member_.grace),                                        \
         .value_name = "DURATION",                                                                 \
         .help =                                                                                   \
             "From SIGTERM to SIGKILL. A command whose Lease could not be renewed gets SIGTERM "   \
             "so long before the renew deadline, and what a command leaves behind when it ends "   \
             "has so long to follow it."},                                                         \
        {.name = "lease-duration",                                                                 \
         .type = ZL_OPTION_TEXT,                                                                   \
         .default_value = "15s",                                                                   \
         .offset = offsetof(struct config_, member_.lease_duration),                               \
         .value_name = "DURATION",                                                                 \
         .help = "Others take the Lease when it was not renewed for so long."},                    \
        {.name = "renew-deadline",                                                                 \
         .type = ZL_OPTION_TEXT,                                                                   \
         .default_value = "10s",                                                                   \
         .offset = offsetof(struct config_, member_.renew_deadline),                               \
         .value_name = "DURATION",                                                                 \
         .help = "Nothing of the command lives longer than this after the last renewal."},         \
        {.name = "retry-period",                                                                   \
         .type = ZL_OPTION_TEXT,                                                                   \
         .default_value = "2s",                                                                    \
         .offset = offsetof(struct config_, member_.retry_period),                                 \
         .value_name = "DURATION",                                                                 \
         .help = "How often the Lease is renewed."},                                               \
        {.name = "pod",                                                                            \
         .variable = "POD_NAME",                                                                   \
         .type = ZL_OPTION_TEXT,                                                                   \
         .offset = offsetof(struct config_, member_.pod),                                          \
         .value_name = "NAME",                                                                     \
         .help = "How the holder is called in the Lease; a random part is added, so that no two "  \
                 "processes are taken for one. Without it: the host's name, which is the pod's."}, \
    {                                                                                              \
        .name = "verbose", .type = ZL_OPTION_BOOL,                                                 \
        .offset = offsetof(struct config_, member_.verbose),                                       \
        .help = "Say on standard error what happens to the Lease."                                 \
    }

/* What both epilogues say. */
#define ZL_CONTEST_EPILOGUE                                                                        \
    "The command finds ZEN_LEAD_TOKEN (the fencing token: larger than every holder's before),\n"   \
    "ZEN_LEAD_LEASE and ZEN_LEAD_IDENTITY in its environment. SIGTERM, SIGINT, SIGHUP and\n"       \
    "SIGQUIT go to its process group; nothing starts after one of them. It has a session of\n"     \
    "its own, and all that it starts ends with it: the Lease is given back when nothing of it\n"   \
    "lives.\n"                                                                                     \
    "\n"

/* Contend for LEASE with what CONTEST says, run COMMAND. @return the exit code */
int zl_contest(const struct zl_program *program, const struct zl_contest *contest,
               const char *lease, char **command);

#endif
