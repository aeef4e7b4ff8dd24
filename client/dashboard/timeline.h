/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timeline.h - who led when, and why that changed: from Leases as they change, and from Events.
 *
 * A Lease says that another leads; an Event says why the one before lost it, a moment earlier or later. The two become one entry. What
 * happened before the page was opened is known by Events alone.
 *
 * Threads: a timeline belongs to who has its lock.
 */
#ifndef ZL_CLIENT_DASHBOARD_TIMELINE_H
#define ZL_CLIENT_DASHBOARD_TIMELINE_H

#include "client/dashboard/board.h"
#include "common/objects/meta.h"
#include "common/seat/lease.h"

/* So many of the latest entries are kept. */
enum { ZL_TIMELINE_MAX = 200 };

/* An Event of zen-lead's, or a controller's about a pod that zen-lead refused. Text may be NULL. */
struct zl_news {
    struct zl_meta meta; /* of the Event */
    char *kind, *name;   /* the object that it is about */
    char *reason, *message;
    int64_t at_us; /* the last time */
    int64_t count;
    bool warning;
};

extern const struct zl_json_shape ZL_NEWS_SHAPE[];
/* *OUT stays NULL for an Event that is not ours. */
enum zl_status zl_news_decode(const struct cJSON *object, struct zl_news **out,
                              struct zl_error *err) ZL_MUST_CHECK;
void zl_news_free(void *news); /* fits zl_ref_new */

struct zl_timeline; /* opaque */
/* Its entries are rows of BOARD (borrowed), "event ID" each. */
struct zl_timeline *zl_timeline_new(struct zl_board *board);
void zl_timeline_free(struct zl_timeline *timeline); /* NULL is fine */

/*
 * The Lease of a pool was changed from OLD (NULL: there was none) to NEW (NULL: it is gone). Nothing is noted where the leader is the same.
 *
 * @return something was
 */
bool zl_timeline_note_lease(struct zl_timeline *timeline, const struct zl_lease *old_lease,
                            const struct zl_lease *new_lease, int64_t now_us);
/* An Event, or the same with a larger count. */
bool zl_timeline_note_news(struct zl_timeline *timeline, const struct zl_news *news);

#endif
