/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/backoff.h"

int64_t zl_backoff_ms(int64_t attempt, int64_t first_ms, int64_t max_ms)
{
    int64_t delay_ms = first_ms;
    if (delay_ms <= 0) {
        return 0;
    }
    for (int64_t i = 0; i < attempt && delay_ms < max_ms; i++) {
        if (delay_ms > max_ms / 2) {
            return max_ms;
        }
        delay_ms *= 2;
    }
    return delay_ms < max_ms ? delay_ms : max_ms;
}

int64_t zl_spread_ms(int64_t least_ms, int64_t most_ms, uint64_t random)
{
    return least_ms + (int64_t)(random % ((uint64_t)(most_ms - least_ms) + 1));
}
