/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zl_events_emit puts a job into a bounded line; one thread turns jobs into writes:
 *
 *   - The same (object, type, reason, message) as within the last hour, after which API servers forget it: a merge patch of
 *     count and lastTimestamp of the Event made then; if that is gone, a new Event goes on counting.
 *   - Otherwise a new Event, in the object's namespace ("default" for cluster-scoped objects).
 *
 * Three tables remember what was written, how much each object has said lately, and what stands (event_allowance.h). All are
 * least recently used, with a fixed size, so a cluster of any size costs some MiB at most. Allowances guard the
 * line as well: one object in a crash loop must not push out the Events of the others, nor a warning that is repeated those of
 * other reasons.
 */
#include "common/kube/events.h"

#include "common/base/clock.h"
#include "common/base/hash.h"
#include "common/base/log.h"
#include "common/base/monitor.h"
#include "common/base/since.h"
#include "common/kube/event_allowance.h"
#include "common/kube/event_object.h"

#include <stdarg.h>
#include <unistd.h>

#define QUEUE_MAX 1000
#define REMEMBERED_MAX 4096
/* One for each pool in which something is wrong, and there are fewer pools. Of a long text its fingerprint, so 400 bytes at most. */
#define STANDING_MAX 16384
#define SERIES_MS (60 * 60 * 1000)
#define MESSAGE_BUFFER 2048 /* more than an Event takes: cutting is its business */
#define CALL_TIMEOUT_MS 3000
#define TRIES 3
#define RETRY_MS 1000
#define RETRY_MAX_MS 10000
#define COMPLAIN_MS 60000

/* An Event that was written and may be counted up. */
struct series {
    char *key;
    char *event_name;
    int64_t first_us;
    int64_t seen_ms;
    int64_t count;
    UT_hash_handle hh;
};

struct zl_events {
    struct zl_kube_client *client;
    char *component;
    char *instance;
    pthread_t thread;
    struct series *series; /* the thread's own; oldest use first */

    struct zl_monitor monitor; /* guards the rest */
    struct zl_event_job *first, *last;
    size_t queued;
    struct zl_event_allowances *allowances;
    bool draining;
    int64_t drain_until_ms;
    uint64_t dropped, complained_dropped;
    int64_t complained_ms;
};

/* One more is lost. With the lock held. */
static void drop_locked(struct zl_events *events, const char *why)
{
    events->dropped++;
    const int64_t now_ms = zl_clock_ms();
    if (events->complained_ms != 0 && now_ms - events->complained_ms < COMPLAIN_MS) {
        return;
    }
    ZL_LOG_WARN("events dropped", ZL_I64("count", events->dropped - events->complained_dropped),
                ZL_STR("error", why));
    events->complained_ms = now_ms;
    events->complained_dropped = events->dropped;
}

static void drop(struct zl_events *events, const char *why)
{
    zl_monitor_lock(&events->monitor);
    drop_locked(events, why);
    zl_monitor_unlock(&events->monitor);
}

static void line_up_locked(struct zl_events *events, struct zl_event_job *taken)
{
    if (events->last == NULL) {
        events->first = taken;
    } else {
        events->last->next = taken;
    }
    events->last = taken;
    events->queued++;
    zl_monitor_wake_one(&events->monitor);
}

void zl_events_emit(struct zl_events *events, const struct zl_event_object *object, bool warning,
                    const char *reason, const char *format, ...)
{
    char message[MESSAGE_BUFFER];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    ZL_AUTO_EVENT_JOB struct zl_event_job *job = zl_event_job_new(object, warning, reason, message);
    ZL_AUTO_FREE char *key = zl_event_reason_key(job);

    zl_monitor_lock(&events->monitor);
    if (events->queued >= QUEUE_MAX) {
        drop_locked(events, "the queue is full");
    } else if (!zl_event_may_tell(events->allowances, key, zl_clock_ms())) {
        drop_locked(events, "too many about one object");
    } else {
        line_up_locked(events, ZL_STEAL(&job));
    }
    zl_monitor_unlock(&events->monitor);
}

void zl_events_remind(struct zl_events *events, const struct zl_event_object *object,
                      uint64_t edition, bool warning, const char *reason, const char *message)
{
    ZL_AUTO_EVENT_JOB struct zl_event_job *job = zl_event_job_new(object, warning, reason, message);
    ZL_AUTO_FREE char *text = zl_event_series_key(job);
    ZL_AUTO_FREE char *key = zl_id_remembered(text);

    zl_monitor_lock(&events->monitor);
    if (events->queued >= QUEUE_MAX) {
        drop_locked(events, "the queue is full");
    } else if (zl_event_may_remind(events->allowances, key, edition, zl_clock_ms())) {
        line_up_locked(events, ZL_STEAL(&job));
    }
    zl_monitor_unlock(&events->monitor);
}

/* The next job; NULL when there is nothing more to do. */
static struct zl_event_job *next_job(struct zl_events *events)
{
    zl_monitor_lock(&events->monitor);
    while (events->first == NULL && !events->draining) {
        zl_monitor_wait(&events->monitor, ZL_FOREVER);
    }
    const bool late = events->draining && zl_clock_ms() >= events->drain_until_ms;
    struct zl_event_job *job = late ? NULL : events->first;
    if (job != NULL) {
        events->first = job->next;
        if (events->first == NULL) {
            events->last = NULL;
        }
        events->queued--;
    }
    zl_monitor_unlock(&events->monitor);
    return job;
}

static void remove_series(struct zl_events *events, struct series *series)
{
    HASH_DEL(events->series, series);
    free(series->key);
    free(series->event_name);
    free(series);
}

static void forget_old_series(struct zl_events *events, int64_t now_ms)
{
    while (events->series != NULL && now_ms - events->series->seen_ms > SERIES_MS) {
        remove_series(events, events->series);
    }
}

/* The series of JOB, counted up and moved to the end: the front is the one unused longest. */
static struct series *count_series(struct zl_events *events, const struct zl_event_job *job)
{
    const int64_t now_ms = zl_clock_ms();
    forget_old_series(events, now_ms);
    ZL_AUTO_FREE char *key = zl_event_series_key(job);
    struct series *series = NULL;
    HASH_FIND_STR(events->series, key, series);
    if (series != NULL) {
        HASH_DEL(events->series, series);
    } else {
        if (HASH_COUNT(events->series) >= REMEMBERED_MAX) {
            remove_series(events, events->series);
        }
        series = zl_alloc(sizeof *series);
        series->key = ZL_STEAL(&key);
        series->first_us = job->wall_us;
    }
    series->seen_ms = now_ms;
    series->count++;
    HASH_ADD_KEYPTR(hh, events->series, series->key, strlen(series->key), series);
    return series;
}

/* By when a call must be over. */
static int64_t call_deadline_ms(struct zl_events *events)
{
    int64_t deadline_ms = zl_clock_ms() + CALL_TIMEOUT_MS;
    zl_monitor_lock(&events->monitor);
    if (events->draining && events->drain_until_ms < deadline_ms) {
        deadline_ms = events->drain_until_ms;
    }
    zl_monitor_unlock(&events->monitor);
    return deadline_ms;
}

static enum zl_status create_event(struct zl_events *events, const struct zl_event_job *job,
                                   const struct series *series, int64_t deadline_ms,
                                   struct zl_error *err)
{
    const struct zl_kube_target target = {.resource = &ZL_KUBE_EVENTS,
                                          .namespace_ = zl_event_namespace(job),
                                          .deadline_ms = deadline_ms};
    const struct zl_event_facts facts = {.name = series->event_name,
                                         .component = events->component,
                                         .instance = events->instance,
                                         .first_us = series->first_us,
                                         .count = series->count};
    ZL_AUTO_JSON struct cJSON *event = zl_event_new(job, &facts);
    const enum zl_status status = zl_kube_create(events->client, &target, event, NULL, err);
    /* The name is ours alone: an earlier try got through although its answer did not. */
    return status == ZL_E_CONFLICT ? ZL_OK : status;
}

static enum zl_status count_up_event(struct zl_events *events, const struct zl_event_job *job,
                                     const struct series *series, int64_t deadline_ms,
                                     struct zl_error *err)
{
    const struct zl_kube_target target = {.resource = &ZL_KUBE_EVENTS,
                                          .namespace_ = zl_event_namespace(job),
                                          .name = series->event_name,
                                          .deadline_ms = deadline_ms};
    ZL_AUTO_JSON struct cJSON *patch = zl_event_count_patch(job, series->count);
    return zl_kube_patch(events->client, &target, ZL_KUBE_PATCH_MERGE, patch, NULL, err);
}

static enum zl_status write_event(struct zl_events *events, const struct zl_event_job *job,
                                  struct series *series, bool *written, struct zl_error *err)
{
    const int64_t deadline_ms = call_deadline_ms(events);
    if (zl_clock_ms() >= deadline_ms) {
        return zl_error_set(err, ZL_E_STOPPED, "no time left before the end");
    }
    if (*written) {
        const enum zl_status status = count_up_event(events, job, series, deadline_ms, err);
        if (status != ZL_E_NOT_FOUND) {
            return status;
        }
        zl_replace_string(&series->event_name, NULL); /* expired or deleted */
        *written = false;
    }
    if (series->event_name == NULL) {
        series->event_name = zl_event_new_name(job);
    }
    return create_event(events, job, series, deadline_ms, err);
}

/* Wait before the next try; false: do not try again. */
static bool may_retry(struct zl_events *events, const struct zl_error *err)
{
    if (err->status != ZL_E_TRANSIENT && err->status != ZL_E_THROTTLED) {
        return false;
    }
    int64_t delay_ms = err->retry_after_ms > RETRY_MS ? err->retry_after_ms : RETRY_MS;
    if (delay_ms > RETRY_MAX_MS) {
        delay_ms = RETRY_MAX_MS;
    }
    const int64_t deadline_ms = zl_clock_ms() + delay_ms;
    zl_monitor_lock(&events->monitor);
    while (!events->draining && zl_monitor_wait(&events->monitor, deadline_ms)) {
        ;
    }
    const bool may = !events->draining; /* at the end, each waiting Event gets one chance */
    zl_monitor_unlock(&events->monitor);
    return may;
}

static void deliver(struct zl_events *events, const struct zl_event_job *job)
{
    struct series *series = count_series(events, job);
    bool written = series->event_name != NULL;
    struct zl_error err = {0};
    for (int i = 1;; i++) {
        if (write_event(events, job, series, &written, &err) == ZL_OK) {
            return;
        }
        if (i == TRIES || !may_retry(events, &err)) {
            break;
        }
    }
    if (!written) {
        remove_series(events, series); /* there is no Event to count up */
    }
    drop(events, err.message);
}

static void *run(void *arg)
{
    struct zl_events *events = arg;
    for (;;) {
        ZL_AUTO_EVENT_JOB struct zl_event_job *job = next_job(events);
        if (job == NULL) {
            return NULL;
        }
        deliver(events, job);
    }
}

static char *host_name(void)
{
    char name[128] = ""; /* the API allows 128 bytes of reportingInstance */
    if (gethostname(name, sizeof name - 1) != 0) {
        name[0] = '\0';
    }
    return zl_strdup(name);
}

struct zl_events *zl_events_new(struct zl_kube_client *client, const char *component)
{
    struct zl_events *events = zl_alloc(sizeof *events);
    events->client = client;
    events->component = zl_strdup(component);
    events->instance = host_name();
    events->allowances = zl_event_allowances_new(REMEMBERED_MAX, STANDING_MAX);
    zl_monitor_init(&events->monitor);
    events->thread = zl_thread_start("events", run, events);
    return events;
}

void zl_events_free(struct zl_events *events, int64_t drain_ms)
{
    if (events == NULL) {
        return;
    }
    zl_monitor_lock(&events->monitor);
    events->draining = true;
    events->drain_until_ms = zl_clock_ms() + drain_ms;
    zl_monitor_wake_all(&events->monitor);
    zl_monitor_unlock(&events->monitor);
    pthread_join(events->thread, NULL);

    for (struct zl_event_job *job = events->first, *next = NULL; job != NULL; job = next) {
        next = job->next;
        zl_event_job_free(job);
    }
    if (events->queued > 0) {
        ZL_LOG_WARN("events dropped at the end", ZL_I64("count", events->queued));
    }
    while (events->series != NULL) {
        remove_series(events, events->series);
    }
    zl_event_allowances_free(events->allowances);
    zl_monitor_clear(&events->monitor);
    free(events->component);
    free(events->instance);
    free(events);
}

uint64_t zl_events_dropped(struct zl_events *events)
{
    zl_monitor_lock(&events->monitor);
    const uint64_t dropped = events->dropped;
    zl_monitor_unlock(&events->monitor);
    return dropped;
}
