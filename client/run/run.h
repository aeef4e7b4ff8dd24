/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run.h - run a command while this process holds a Lease, and never longer.
 *
 * Threads: main only, before there are others; it blocks until the command and all that it started are dead.
 */
#ifndef ZL_CLIENT_RUN_H
#define ZL_CLIENT_RUN_H

#include "common/kube/config.h"

#include <stdint.h>

struct zl_run {
    const char *name; /* "zen-lead elect", for messages */
    const struct zl_kube_config *kube;
    const char *namespace_, *lease, *identity;
    int64_t lease_ms, renew_ms, retry_ms, grace_ms;
    int64_t timeout_ms;        /* to acquire; -1: for ever */
    int64_t not_acquired_exit; /* the exit code then */
    char **command;
};

/* @return the exit code, see client/cli/exit_codes.h */
int zl_run(const struct zl_run *run);

#endif
