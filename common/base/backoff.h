/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backoff.h - how long to wait before trying again: doubling, up to a maximum, or spread evenly.
 *
 * Threads: pure.
 */
#ifndef ZL_BACKOFF_H
#define ZL_BACKOFF_H

#include <stdint.h>

/*
 * FIRST_MS * 2^ATTEMPT, at most MAX_MS. Jitter, where it is wanted, is the caller's.
 *
 * @param attempt   waits of this row that came before (0: the first); less counts as 0
 * @param first_ms  milliseconds, 0..MAX_MS; 0 stays 0
 * @param max_ms    milliseconds; also what is returned if FIRST_MS is more
 */
int64_t zl_backoff_ms(int64_t attempt, int64_t first_ms, int64_t max_ms);

/*
 * A delay between LEAST_MS and MOST_MS, both included and all of them as likely: many who are sent away at one moment come back
 * one by one, whatever their number.
 *
 * @param random  any 64 bits
 */
int64_t zl_spread_ms(int64_t least_ms, int64_t most_ms, uint64_t random);

#endif
