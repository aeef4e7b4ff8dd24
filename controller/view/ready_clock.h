/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ready_clock.h - for how long has each cached pod been Ready, by our own monotonic clock?
 *
 * A pod's own word for it (lastTransitionTime) is its node's clock: one that is ahead makes it wait for ever, one that is
 * behind makes it ready at once. So that time is compared with itself alone: another one is another beginning. A replica
 * that only stands by watches as well, so that whoever takes over need not begin at 0.
 *
 * Threads: any; one lock inside.
 */
#ifndef ZL_CONTROLLER_VIEW_READY_CLOCK_H
#define ZL_CONTROLLER_VIEW_READY_CLOCK_H

#include "common/objects/pod.h"

struct zl_ready_clock; /* opaque; one entry for each Ready pod */
struct zl_ready_clock *zl_ready_clock_new(void);
void zl_ready_clock_free(struct zl_ready_clock *clock);

/* A cached pod changed: as in zl_cache_options.on_change. */
void zl_ready_clock_see(struct zl_ready_clock *clock, const struct zl_pod *old_pod,
                        const struct zl_pod *new_pod, int64_t now_ms);
/* Milliseconds for which POD has been seen Ready; 0: it is not, or just now. */
int64_t zl_ready_clock_ms(struct zl_ready_clock *clock, const struct zl_pod *pod, int64_t now_ms);

#endif
