/* SPDX-License-Identifier: Apache-2.0 */
/*
 * result.h - how a look at one key ended, and when to look again: what every room answers the queue with.
 *
 * Threads: pure.
 */
#ifndef ZL_CONTROLLER_RESULT_H
#define ZL_CONTROLLER_RESULT_H

#include "common/base/error.h"

#include <stdint.h>

struct zl_result {
    enum zl_status status;    /* ZL_OK, or the failure that a rate-limited retry may cure */
    int64_t requeue_after_ms; /* look again then; 0: only on the next event */
    int64_t
        idle_after_ms; /* look again then, when nobody else waits (a renewal is due); 0: not at all */
};

/* Lower *AFTER_MS, the time of the next look (0: none), to MS (0 and less: at once). */
static inline void zl_look_again(int64_t *after_ms, int64_t ms)
{
    int64_t wanted_ms = ms > 0 ? ms : 1;
    if (*after_ms == 0 || wanted_ms < *after_ms) {
        *after_ms = wanted_ms;
    }
}

#endif
