/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limit.h - until when a command may run: supervisor and guard judge it alike, each by its own timer.
 *
 * All times are milliseconds of zl_clock_boot_ms.
 *
 * Threads: pure.
 */
#ifndef ZL_CLIENT_LIMIT_H
#define ZL_CLIENT_LIMIT_H

#include <stdint.h>

enum zl_limit_action { ZL_LIMIT_WAIT, ZL_LIMIT_TERM, ZL_LIMIT_KILL };

struct zl_limit {
    int64_t deadline_ms; /* nothing may live after it, unless it is moved by a renewal */
    int64_t grace_ms;    /* so much earlier the command is asked to end */
    int64_t
        kill_ms; /* it was asked: it dies then, whatever the deadline has become; 0: it was not */
};

/* What is due at NOW_MS. *NEXT_MS: when to judge again. */
enum zl_limit_action zl_limit_judge(const struct zl_limit *limit, int64_t now_ms, int64_t *next_ms);

#endif
