/* SPDX-License-Identifier: Apache-2.0 */
/*
 * await.h - wait for a condition instead of sleeping. Include after cmocka.h.
 *
 * Threads: any.
 */
#ifndef ZL_TEST_AWAIT_H
#define ZL_TEST_AWAIT_H

#include "common/base/clock.h"

#include <unistd.h>

#define AWAIT_LIMIT_MS                                                                             \
    60000 /* what must happen happens in milliseconds, but not on a machine that others use too */
/* What must happen "at once" is tried so often: a machine that is busy at each try has nothing else to do. */
#define AT_ONCE_TRIES 10

/* Ask for CONDITION every millisecond; the test fails when it does not come true in time. */
#define AWAIT(condition)                                                                           \
    do {                                                                                           \
        const int64_t await_until_ms_ = zl_clock_ms() + AWAIT_LIMIT_MS;                            \
        while (!(condition)) {                                                                     \
            if (zl_clock_ms() > await_until_ms_)                                                   \
                fail_msg("waited in vain for: %s", #condition);                                    \
            usleep(1000);                                                                          \
        }                                                                                          \
    } while (0)

#endif
