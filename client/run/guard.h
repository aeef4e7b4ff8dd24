/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guard.h - the process between the supervisor and the command.
 *
 *     supervisor (holds the Lease) --- guard (its own timer) --- command --- whatever that starts
 *
 * A supervisor that is stopped (SIGSTOP, a debugger, a frozen cgroup) renews nothing and kills nobody, so the guard kills
 * at the deadline by itself. Guard and supervisor are both subreapers: whatever the command leaves behind, even in another session,
 * becomes the guard's child, and the supervisor's when the guard dies. Each kills all of it when the other one is gone: by one write where
 * the command has a cgroup of its own, and in any case one by one.
 *
 * Threads: the guard has one. zl_guard_fork is for a process that has one too.
 */
#ifndef ZL_CLIENT_GUARD_H
#define ZL_CLIENT_GUARD_H

#include "client/run/cgroup.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* What both see, in shared memory. */
struct zl_run_page {
    _Atomic int64_t deadline_ms, kill_ms; /* see limit.h */
    int64_t grace_ms;
    atomic_int
        signalled; /* the supervisor was told to end: nothing starts any more. 0: it was not */
};

enum zl_order_kind { ZL_ORDER_START, ZL_ORDER_SIGNAL, ZL_ORDER_KILL };

/* From the supervisor. */
struct zl_order {
    enum zl_order_kind kind;
    int64_t number; /* the fencing token; the signal */
};

/* From the guard, once: nothing of the command lives any more. */
struct zl_report {
    bool started;
    int wait_status; /* the command's, as waitpid says it */
};

struct zl_guard {
    struct zl_run_page *page;
    struct zl_cgroup cgroup; /* the command's; the guard has it too */
    int socket; /* orders go in, the report comes out; end of file: the guard is gone */
    pid_t pid;
};

/*
 * Fork the guard for COMMAND, which starts by ZL_ORDER_START alone. The environment is the guard's copy of this process's.
 *
 * @return false when the system has no process or memory left; errno says why
 */
bool zl_guard_fork(char **command, int64_t grace_ms, struct zl_guard *out);
/* false: the guard is gone. */
bool zl_guard_send(const struct zl_guard *guard, struct zl_order order);

/* The limit as PAGE has it now. */
struct zl_limit zl_run_page_limit(struct zl_run_page *page);
/* The command must end, at KILL_MS at the latest. true: nobody had said so before, so the caller asks it to. */
bool zl_run_page_end(struct zl_run_page *page, int64_t kill_ms);

#endif
