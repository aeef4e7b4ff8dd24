/* SPDX-License-Identifier: Apache-2.0 */
/*
 * job.h - Jobs and CronJobs (batch/v1), decoded to what a guarded pool needs.
 *
 * A Job's pool is the one that its own keys name, else its CronJob's (cache.h looks that up). Its scheduled
 * time, the tick, stands in an annotation since Kubernetes 1.27 (KEP-3939's scheduled-timestamp); before, the
 * CronJob controller puts it into the name: minutes since 1970 from 1.21 on, seconds before.
 *
 * Threads: pure; a decoded object is read-only.
 */
#ifndef ZL_OBJECTS_JOB_H
#define ZL_OBJECTS_JOB_H

#include "common/objects/names.h"
#include "common/objects/workload.h"

struct zl_job {
    struct zl_meta meta; /* meta.controller: the CronJob, if one made it */
    char *pool;          /* that its own keys name; NULL: none */
    bool opted_out;      /* zen-lead/join: "false": in no pool, whatever its CronJob says */
    bool finished;       /* Complete or Failed: no pod of it starts any more */
    bool failed;         /* with FINISHED: it failed */
    bool suspended;      /* spec.suspend */
    bool queued;         /* told that it waits (annotation), and suspended where the server can */
    bool
        elsewhere; /* spec.managedBy: its pods are made by another controller, or in another cluster */
    bool scheduled;      /* Kueue suspends and resumes it: we do neither */
    int64_t resumptions; /* by somebody else, while it waited */
    int64_t parallelism; /* 0: its user wants no pod now */
    int64_t failures;    /* pods of it that failed */
    int64_t tick_s;      /* scheduled time, seconds since 1970; 0: made by hand */
    char *
        own_selector; /* spec.selector as a query with manualSelector; NULL: its pods carry job-name */
};

extern const struct zl_json_shape ZL_JOB_SHAPE[];
enum zl_status zl_job_decode(const struct cJSON *object, struct zl_job **out,
                             struct zl_error *err) ZL_MUST_CHECK;
void zl_job_free(void *job); /* a struct zl_job; fits zl_ref_new */

/* Does its user want no pod of it now, or not here? (Suspended by somebody else than us, parallelism 0, managedBy.) */
static inline bool zl_job_is_paused(const struct zl_job *job)
{
    return (job->suspended && (!job->queued || job->scheduled)) || job->parallelism == 0 ||
           job->elsewhere;
}

/* May we suspend and resume it, or would somebody else undo that? */
static inline bool zl_job_is_ours_to_suspend(const struct zl_job *job)
{
    return !job->scheduled && job->resumptions < ZL_RESUMPTIONS_MAX;
}

struct zl_cronjob {
    struct zl_meta meta;
    char *pool; /* that it or its template names; NULL: none, or opted out */
    bool suspended;
    int64_t starting_deadline_s; /* -1: none */
};

extern const struct zl_json_shape ZL_CRONJOB_SHAPE[];
enum zl_status zl_cronjob_decode(const struct cJSON *object, struct zl_cronjob **out,
                                 struct zl_error *err) ZL_MUST_CHECK;
void zl_cronjob_free(void *cronjob); /* a struct zl_cronjob; fits zl_ref_new */

/* The pool that a CronJob's keys name: its own, its Jobs' or their pods'; borrowed, NULL: none. */
const char *zl_pool_of_cronjob(const struct cJSON *object);

#endif
