/* SPDX-License-Identifier: Apache-2.0 */
#include "client/run/limit.h"

enum zl_limit_action zl_limit_judge(const struct zl_limit *limit, int64_t now_ms, int64_t *next_ms)
{
    const int64_t kill_ms = limit->kill_ms != 0 ? limit->kill_ms : limit->deadline_ms;
    if (now_ms >= kill_ms) {
        *next_ms = now_ms;
        return ZL_LIMIT_KILL;
    }
    *next_ms = kill_ms;
    if (limit->kill_ms != 0) {
        return ZL_LIMIT_WAIT;
    }
    const int64_t term_ms = limit->deadline_ms - limit->grace_ms;
    if (now_ms >= term_ms) {
        return ZL_LIMIT_TERM;
    }
    *next_ms = term_ms;
    return ZL_LIMIT_WAIT;
}
