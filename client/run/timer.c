/* SPDX-License-Identifier: Apache-2.0 */
#include "client/run/timer.h"

#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

int zl_timer_new(void)
{
    return timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
}

void zl_timer_set(int timer, int64_t boot_ms)
{
    struct itimerspec when = {0}; /* all zero: disarmed */
    if (boot_ms >= 0) {
        when.it_value.tv_sec = (time_t)(boot_ms / 1000);
        when.it_value.tv_nsec = (long)(boot_ms % 1000) * 1000000 + 1; /* never all zero */
    }
    (void)timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL);
}

void zl_timer_drain(int timer)
{
    uint64_t expirations = 0;
    (void)!read(timer, &expirations, sizeof expirations);
}
