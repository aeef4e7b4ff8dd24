/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/process.h"

#include <signal.h>
#include <time.h>

static void stop_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
}

void zl_process_init(void)
{
    sigset_t set;
    stop_signals(&set);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
    /* A peer that closed its connection is an error of that write, not the end of the process. */
    (void)signal(SIGPIPE, SIG_IGN);
}

bool zl_process_await_signal(int64_t delay_ms)
{
    const struct timespec delay = {.tv_sec = delay_ms / 1000, .tv_nsec = delay_ms % 1000 * 1000000};
    sigset_t set;
    stop_signals(&set);
    return sigtimedwait(&set, NULL, &delay) > 0;
}

void zl_process_wait_for_signal(void)
{
    sigset_t set;
    int number = 0;
    stop_signals(&set);
    while (sigwait(&set, &number) != 0) {
        continue;
    }
    /* Who asks twice does not want to wait for the drain. */
    (void)pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

void zl_process_linger(int64_t delay_ms)
{
    const struct timespec delay = {.tv_sec = delay_ms / 1000, .tv_nsec = delay_ms % 1000 * 1000000};
    (void)nanosleep(&delay, NULL);
}
