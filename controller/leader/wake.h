/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wake.h - when the owners of an empty seat are woken. Their own back-off grows to 16 minutes.
 *
 * Threads: pure.
 */
#ifndef ZL_CONTROLLER_LEADER_WAKE_H
#define ZL_CONTROLLER_LEADER_WAKE_H

#include "controller/view/view.h"

/*
 * Milliseconds to wait before waking the owners of a free seat for the ATTEMPT-th time (0, 1, ...): at
 * once after a release, then 1 s doubling to 30 s.
 */
int64_t zl_wake_delay_ms(int attempt);

/*
 * The seat is free. Is it time to wake its owners?
 *
 * @param clock    started if it does not run, and moved on: a wake that is due counts as done
 * @param urgent   the seat became free just now: the first wake is due at once
 * @param wait_ms  receives how long until the next one is due (after this one, if it is due now)
 */
bool zl_wake_is_due(struct zl_wake_clock *clock, bool urgent, int64_t *wait_ms);

#endif
