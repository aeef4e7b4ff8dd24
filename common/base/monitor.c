/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/monitor.h"

#include "common/base/clock.h"
#include "common/base/log.h"

#include <errno.h>

void zl_short_lock_init(pthread_mutex_t *lock)
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ADAPTIVE_NP);
    pthread_mutex_init(lock, &attributes);
    pthread_mutexattr_destroy(&attributes);
}

void zl_read_lock_init(pthread_rwlock_t *lock)
{
    pthread_rwlockattr_t attributes;
    pthread_rwlockattr_init(&attributes);
    pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(lock, &attributes);
    pthread_rwlockattr_destroy(&attributes);
}

void zl_monitor_init(struct zl_monitor *monitor)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&monitor->condition, &attributes);
    pthread_condattr_destroy(&attributes);
    zl_short_lock_init(&monitor->mutex);
}

void zl_monitor_clear(struct zl_monitor *monitor)
{
    pthread_cond_destroy(&monitor->condition);
    pthread_mutex_destroy(&monitor->mutex);
}

void zl_monitor_lock(struct zl_monitor *monitor)
{
    pthread_mutex_lock(&monitor->mutex);
}

void zl_monitor_unlock(struct zl_monitor *monitor)
{
    pthread_mutex_unlock(&monitor->mutex);
}

void zl_monitor_wake_one(struct zl_monitor *monitor)
{
    pthread_cond_signal(&monitor->condition);
}

void zl_monitor_wake_all(struct zl_monitor *monitor)
{
    pthread_cond_broadcast(&monitor->condition);
}

bool zl_monitor_wait(struct zl_monitor *monitor, int64_t deadline_ms)
{
    if (deadline_ms == ZL_FOREVER) {
        pthread_cond_wait(&monitor->condition, &monitor->mutex);
        return true;
    }
    if (zl_clock_ms() >= deadline_ms) {
        return false;
    }
    const struct timespec until = {
        .tv_sec = (time_t)(deadline_ms / 1000),
        .tv_nsec = (long)(deadline_ms % 1000) * 1000000,
    };
    return pthread_cond_timedwait(&monitor->condition, &monitor->mutex, &until) != ETIMEDOUT;
}

pthread_t zl_thread_start(const char *name, void *(*run)(void *arg), void *arg)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, run, arg) != 0) {
        ZL_LOG_ERROR("cannot start a thread", ZL_STR("thread", name));
        abort();
    }
    char short_name[16];
    snprintf(short_name, sizeof short_name, "%.15s", name);
    pthread_setname_np(thread, short_name);
    return thread;
}
