/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process.h - signals of a long-running program: main waits for them, other threads never see them.
 *
 * Threads: main only, zl_process_init before any thread is made.
 */
#ifndef ZL_PROCESS_H
#define ZL_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

/* Block SIGTERM and SIGINT in this thread and its children, ignore SIGPIPE. */
void zl_process_init(void);
/* Block until SIGTERM or SIGINT. From then on a second one kills the process at once. */
void zl_process_wait_for_signal(void);
/* The same for at most DELAY_MS. @return true: told to stop */
bool zl_process_await_signal(int64_t delay_ms);
/* Wait DELAY_MS; after zl_process_wait_for_signal a second signal ends the process meanwhile. */
void zl_process_linger(int64_t delay_ms);
#endif
