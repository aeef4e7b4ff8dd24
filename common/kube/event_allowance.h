/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event_allowance.h - how much may be said of whom: the rules by which Events are held back, over time that is handed in.
 *
 * What happens: each key (an object and a reason) has 25 at once and one more in five minutes, which is the spam filter of
 * client-go (EventSourceObjectSpamFilter: burst 25, 1/300 a second), for each reason by itself.
 *
 * What stands, and is found so at each look: it is told when it begins, after five minutes, and then after twice as long each
 * time, up to forty minutes; API servers keep an Event for an hour (--event-ttl), so it can be read as long as it is so. What nobody
 * found for twice as long as it was to be silent is told as new; and so, three times at once and then once a minute, is what is found in
 * another edition of its object: somebody tried to mend it. Of all keys together 600 are told at once, then fifty
 * a second, as a kubelet's (eventRecordQPS): a start among 3,000 pools in which something stands must not fill the queue.
 *
 * Keys are remembered up to a maximum, those that are unused longest are forgotten first; more of what stands than that is told at
 * the rate of all.
 *
 * Threads: one at a time.
 */
#ifndef ZL_KUBE_EVENT_ALLOWANCE_H
#define ZL_KUBE_EVENT_ALLOWANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct zl_event_allowances; /* opaque */

/* So many keys are remembered of each sort. */
struct zl_event_allowances *zl_event_allowances_new(size_t happening_max, size_t standing_max);
void zl_event_allowances_free(struct zl_event_allowances *allowances); /* NULL is fine */

/* Something happened at NOW_MS: may it be told? Then it counts as told. */
bool zl_event_may_tell(struct zl_event_allowances *allowances, const char *key, int64_t now_ms);
/* The same of what stands in the edition of an object. */
bool zl_event_may_remind(struct zl_event_allowances *allowances, const char *key, uint64_t edition,
                         int64_t now_ms);

#endif
