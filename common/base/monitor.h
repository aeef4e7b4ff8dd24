/* SPDX-License-Identifier: Apache-2.0 */
/*
 * monitor.h - a mutex with one condition on the monotonic clock, one that is held for a moment only, one for readers, and the
 * start of a named thread.
 *
 * Deadlines are values of zl_clock_ms(), so that a step of the wall clock neither wakes nor delays.
 *
 * Threads: any.
 */
#ifndef ZL_MONITOR_H
#define ZL_MONITOR_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct zl_monitor {
    pthread_mutex_t mutex;
    pthread_cond_t condition;
};

#define ZL_FOREVER INT64_MAX

void zl_monitor_init(struct zl_monitor *monitor);
void zl_monitor_clear(struct zl_monitor *monitor);
void zl_monitor_lock(struct zl_monitor *monitor);
void zl_monitor_unlock(struct zl_monitor *monitor);

/* With the lock held. */
void zl_monitor_wake_one(struct zl_monitor *monitor);
void zl_monitor_wake_all(struct zl_monitor *monitor);
/*
 * Wait for a wake-up, with the lock held on entry and return. May return early: ask again in a loop.
 *
 * @param deadline_ms  of zl_clock_ms(), or ZL_FOREVER
 * @return false when the deadline has passed
 */
bool zl_monitor_wait(struct zl_monitor *monitor, int64_t deadline_ms);

/*
 * A mutex that is held for tens of instructions and that many threads want: who finds it taken looks again for a while (glibc's
 * adaptive mutex) before the kernel is asked to wait. A monitor's is one as well.
 */
void zl_short_lock_init(pthread_mutex_t *lock);

/* For what is read far more often than written: readers do not wait for each other, and a writer that waits goes before new readers. */
void zl_read_lock_init(pthread_rwlock_t *lock);
#define ZL_READ_LOCK_INITIALIZER PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP

/* Start a thread; NAME is cut to the kernel's 15 bytes. No thread to be had ends the process. */
pthread_t zl_thread_start(const char *name, void *(*run)(void *arg), void *arg);

#endif
