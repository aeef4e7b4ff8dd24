/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event_object.h - one thing to say about an object, and the core/v1 Event that says it.
 *
 * Without eventTime, which is the form that every API server from 1.20 on accepts: an Event with
 * eventTime would be held to events.k8s.io's stricter rules.
 *
 * Threads: pure.
 */
#ifndef ZL_KUBE_EVENT_OBJECT_H
#define ZL_KUBE_EVENT_OBJECT_H

#include "common/kube/events.h"

struct zl_event_job {
    char *api_version, *kind, *name;
    char *namespace_; /* "" for a cluster-scoped object */
    char *uid;        /* "" when unknown */
    char *message;    /* within the limit of the API */
    const char *reason;
    bool warning;
    int64_t wall_us; /* when it happened */
    struct zl_event_job *next;
};

/* What the Event says beyond its job. */
struct zl_event_facts {
    const char *name; /* of the Event, see zl_event_new_name */
    const char *component, *instance;
    int64_t first_us; /* when it happened for the first time */
    int64_t count;
};

struct zl_event_job *zl_event_job_new(const struct zl_event_object *object, bool warning,
                                      const char *reason, const char *message);
void zl_event_job_free(struct zl_event_job *job);
void zl_event_job_cleanup(struct zl_event_job **job);
#define ZL_AUTO_EVENT_JOB ZL_CLEANUP(zl_event_job_cleanup)

/* The object and the reason as text, the same for no other two. The caller frees. */
char *zl_event_reason_key(const struct zl_event_job *job);
/* The same for all jobs that make one Event. The caller frees. */
char *zl_event_series_key(const struct zl_event_job *job);

/* "<object>.<16 hex digits>", at most 253 bytes, never twice the same. The caller frees. */
char *zl_event_new_name(const struct zl_event_job *job);
/* Where the Event lives: with its object, or in "default". Borrowed. */
const char *zl_event_namespace(const struct zl_event_job *job);
struct cJSON *zl_event_new(const struct zl_event_job *job, const struct zl_event_facts *facts);
/* The merge patch that counts an Event up. */
struct cJSON *zl_event_count_patch(const struct zl_event_job *job, int64_t count);

#endif
