/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workqueue.h - client-go's work queue: a key that is added while it is being processed runs again
 * afterwards, never twice at once, and any number of adds before that are one.
 *
 * Delayed adds keep the earliest time asked for. Rate-limited adds wait per key 5 ms * 2^failures,
 * at most MAX_BACKOFF_MS, until zl_workqueue_forget.
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

void zl_workqueue_add(struct zl_workqueue *queue, const char *key);
void zl_workqueue_add_after(struct zl_workqueue *queue, const char *key, int64_t delay_ms);
void zl_workqueue_add_rate_limited(struct zl_workqueue *queue, const char *key);
void zl_workqueue_forget(struct zl_workqueue *queue, const char *key);
int zl_workqueue_failures(struct zl_workqueue *queue, const char *key);

/* Blocks for the next key (the caller frees it and must call done); NULL after shutdown. */
char *zl_workqueue_get(struct zl_workqueue *queue);
void zl_workqueue_done(struct zl_workqueue *queue, const char *key);
/* No more adds; getters return NULL once the ready keys are drained, delayed ones are dropped. */
void zl_workqueue_shutdown(struct zl_workqueue *queue);

size_t zl_workqueue_depth(struct zl_workqueue *queue); /* ready keys */

struct zl_workqueue_load {
    size_t depth;
    int64_t waiting_ms; /* since the first of the ready keys was added; 0: none is ready */
    int64_t working_ms; /* the longest that a worker has been at one key; 0: none is */
};
/* Cost: all keys that the queue knows. */
struct zl_workqueue_load zl_workqueue_load(struct zl_workqueue *queue);

#endif
