/* SPDX-License-Identifier: Apache-2.0 */
/*
 * monitor.h - a mutex with one condition on the monotonic clock, and the start of a named thread.
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

/* Start a thread; NAME is cut to the kernel's 15 bytes. No thread to be had ends the process. */
pthread_t zl_thread_start(const char *name, void *(*run)(void *arg), void *arg);

#endif
