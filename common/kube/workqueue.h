/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workqueue.h - client-go's work queue: a key that is added while it is being processed runs again
 * afterwards, never twice at once, and any number of adds before that are one.
 *
 * Delayed adds keep the earliest time asked for. Rate-limited adds wait per key 5 ms * 2^failures,
 * at most MAX_BACKOFF_MS, until zl_workqueue_forget.
 *
 * Unlike client-go's it has lanes: a key stands in the most urgent one that it was added to, and a more urgent lane goes
 * first. No lane starves: now and then one that was passed over has its turn.
 *
 * Threads: any; workers block in zl_workqueue_get.
 */
#ifndef ZL_KUBE_WORKQUEUE_H
#define ZL_KUBE_WORKQUEUE_H

#include "common/base/memory.h"

#include <stdint.h>

struct zl_workqueue; /* opaque */

struct zl_workqueue *zl_workqueue_new(int64_t max_backoff_ms);
void zl_workqueue_free(struct zl_workqueue *queue); /* no thread may be inside */

/* The most urgent one first. */
enum zl_lane {
    ZL_LANE_EVENT, /* something happened */
    ZL_LANE_DUE,   /* a time has come */
    ZL_LANE_IDLE,  /* when nobody else waits; whoever looks at a key answers for it as well */
    ZL_LANE_COUNT,
};

/*
 * So many workers at most are at keys of the idle lane, and one at least may be: the others wait for what is urgent, so that it
 * need not wait for one of them. Without this call: all.
 */
void zl_workqueue_limit_idle(struct zl_workqueue *queue, int64_t workers);

void zl_workqueue_add(struct zl_workqueue *queue, const char *key); /* to the event lane */
void zl_workqueue_add_after(struct zl_workqueue *queue, const char *key,
                            int64_t delay_ms); /* due */
/* DELAY_MS from now, 0 and less: at once. A delay in the idle lane is forgotten when the key is processed, whatever for. */
void zl_workqueue_add_to(struct zl_workqueue *queue, const char *key, enum zl_lane lane,
                         int64_t delay_ms);
/* To the lane that it came from, so that a lost race is run again soon; after a few failures, and else, to the due lane. */
void zl_workqueue_add_rate_limited(struct zl_workqueue *queue, const char *key);
void zl_workqueue_forget(struct zl_workqueue *queue, const char *key);
int zl_workqueue_failures(struct zl_workqueue *queue, const char *key);

/*
 * Blocks for the next key (the caller frees it and must call done); NULL after shutdown.
 *
 * @param lane  receives the one that it stood in; the idle one, too, when it waited there and was processed for something more
 *              urgent several times in a row; may be NULL
 */
char *zl_workqueue_get(struct zl_workqueue *queue, enum zl_lane *lane);
void zl_workqueue_done(struct zl_workqueue *queue, const char *key);
/*
 * No more adds; getters return NULL. What is ready is dropped, like what is delayed: whoever acts next looks at everything, and
 * a full line must not delay that.
 */
void zl_workqueue_shutdown(struct zl_workqueue *queue);

size_t zl_workqueue_depth(struct zl_workqueue *queue); /* ready keys, of all lanes */

struct zl_workqueue_load {
    size_t depth;      /* of the lanes that are urgent */
    size_t idle_depth; /* of the idle one */
    /* Since the first of the ready keys there was added; 0: none is ready. */
    int64_t waiting_ms, idle_waiting_ms;
    int64_t working_ms; /* the longest that a worker has been at one key; 0: none is */
};
/* Cost: all keys that the queue knows. */
struct zl_workqueue_load zl_workqueue_load(struct zl_workqueue *queue);

#endif
