/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/leader/wake.h"

#include "common/base/backoff.h"

enum { WAKE_DELAY_FIRST_MS = 1000, WAKE_DELAY_MAX_MS = 30000 };

int64_t zl_wake_delay_ms(int attempt)
{
    if (attempt <= 0) {
        return 0;
    }
    return zl_backoff_ms(attempt - 1, WAKE_DELAY_FIRST_MS, WAKE_DELAY_MAX_MS);
}

bool zl_wake_is_due(struct zl_wake_clock *clock, bool urgent, int64_t *wait_ms)
{
    if (!clock->runs) {
        clock->runs = true;
        /* Nothing was released just now: the owners are probably about to create by themselves. */
        clock->attempts = urgent ? 0 : 1;
        clock->due_in_ms = zl_wake_delay_ms(clock->attempts);
    }
    bool due = clock->due_in_ms <= 0;
    if (due) {
        clock->attempts++;
        clock->due_in_ms = zl_wake_delay_ms(clock->attempts);
    }
    *wait_ms = clock->due_in_ms;
    return due;
}
