/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wakes.h - remembers the wake clock of each pool whose seat is empty. What the clock means, leader/wake.h says.
 *
 * Forgotten when the process dies: waking once too often is harmless.
 *
 * Threads: any; one lock inside.
 */
#ifndef ZL_CONTROLLER_VIEW_WAKES_H
#define ZL_CONTROLLER_VIEW_WAKES_H

#include "controller/view/view.h"

struct zl_wakes; /* opaque */
struct zl_wakes *zl_wakes_new(void);
void zl_wakes_free(struct zl_wakes *wakes);

/* The pool's clock as it stands at NOW_MS (monotonic). */
struct zl_wake_clock zl_wakes_find(struct zl_wakes *wakes, const char *namespace_, const char *pool,
                                   int64_t now_ms);
/* Remember CLOCK as it stands at NOW_MS; one that does not run is forgotten. */
void zl_wakes_set(struct zl_wakes *wakes, const char *namespace_, const char *pool,
                  const struct zl_wake_clock *clock, int64_t now_ms);

#endif
