/* SPDX-License-Identifier: Apache-2.0 */
/*
 * failovers.h - why and when a leader was lost, so that the failover that follows can be counted and timed.
 *
 * A failover has two ends that are seen by different threads: an informer sees the leader's pod fail, a worker moves the
 * traffic, perhaps minutes later (a scaleDown pool has to wait for another pod to start) and in between to nobody. Losses
 * are noted by the pod's uid, vacancies by leader Service. Both are only for metrics: a process that
 * has just started counts a failover without knowing its reason.
 *
 * Threads: any; one lock inside.
 */
#ifndef ZL_CONTROLLER_OBSERVE_FAILOVERS_H
#define ZL_CONTROLLER_OBSERVE_FAILOVERS_H

#include "common/base/metrics.h"
#include "common/cache/cache.h"

enum zl_loss {
    ZL_LOSS_NONE,      /* it could go on: a handover, "sticky: false", or its pool's Lease moved */
    ZL_LOSS_NOT_READY, /* condition Ready is not True */
    ZL_LOSS_TERMINATING, /* deletionTimestamp is set */
    ZL_LOSS_FINISHED,    /* phase Failed or Succeeded */
    ZL_LOSS_NO_IP,
    ZL_LOSS_GONE, /* there is no such pod any more */
    ZL_LOSS_COUNT,
};

/* Why can POD (NULL: gone) not lead? Pure. */
enum zl_loss zl_loss_of(const struct zl_pod *pod);

struct zl_failovers; /* opaque; entries for leaders that failed, dropped an hour later */
struct zl_failovers *zl_failovers_new(void);
void zl_failovers_free(struct zl_failovers *failovers);

/* At NOW_MS the pod UID was seen with LOSS. The first sight of it counts, until it is NONE again. */
void zl_failovers_note(struct zl_failovers *failovers, const char *uid, enum zl_loss loss,
                       int64_t now_ms);

/* A pod was added, changed or deleted (as zl_informer_spec.on_change): note what it means if it gets traffic. */
void zl_failovers_see(struct zl_failovers *failovers, struct zl_cache *cache,
                      const struct zl_pod *before, const struct zl_pod *after);

/* SERVICE leads nowhere now; before, it led to the pod UID. */
void zl_failovers_vacate(struct zl_failovers *failovers, const char *namespace_,
                         const char *service, const char *uid, int64_t now_ms);
/* Whom it led to before; NULL: not known. The vacancy is over. The caller frees. */
char *zl_failovers_fill(struct zl_failovers *failovers, const char *namespace_,
                        const char *service);

/* Count a failover from the pod OLD_UID to another one, which has the traffic since just now. */
void zl_failovers_count(struct zl_failovers *failovers, const char *old_uid);
/* The same from one that was lost at LOST_US (wall clock) before this process looked: its reason is not known. */
void zl_failovers_count_unseen(int64_t lost_us);
extern const struct zl_metric *const ZL_FAILOVER_METRICS[];

#endif
