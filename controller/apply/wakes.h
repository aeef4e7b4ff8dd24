/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wakes.h - when was each leaderless pool's owner woken last, and when is the next time?
 *
 * Forgotten when the process dies: waking once too often is harmless.
 *
 * Threads: any; one lock inside.
 */
#ifndef ZL_CONTROLLER_APPLY_WAKES_H
#define ZL_CONTROLLER_APPLY_WAKES_H

#include "common/base/memory.h"

#include <stdint.h>

struct zl_wakes; /* opaque */
struct zl_wakes *zl_wakes_new(void);
void zl_wakes_free(struct zl_wakes *wakes);

/*
 * The pool's seat is free. Is it time to wake its owners?
 *
 * @param urgent   the seat became free in this reconcile: the first wake is due at once
 * @param wait_ms  receives how long until the next one is due (after this one, if it is due now)
 * @return true: wake now; counts as done
 */
bool zl_wakes_is_due(struct zl_wakes *wakes, const char *namespace_, const char *pool, bool urgent,
                     int64_t now_ms, int64_t *wait_ms);
/* The pool has a confirmed leader: start over next time. */
void zl_wakes_forget(struct zl_wakes *wakes, const char *namespace_, const char *pool);

#endif
