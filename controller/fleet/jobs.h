/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jobs.h - Jobs that execute in their cluster's turn: what they say of it, and what is to be done to them.
 *
 * One Job executes in one turn. A Job with the fleet's label is held (suspended, and marked) until then; the oldest is
 * started with the rest of the turn as its deadline, which the Job controller keeps also while ours is down. How it ended is
 * the turn's report. A Job that its user suspended is left alone until its user resumes it.
 *
 * A Job's deadline counts from when the Job controller began with it, which may be later than we asked: so a Job that still
 * executes when the turn is over is given a deadline that has passed.
 *
 * Threads: pure.
 */
#ifndef ZL_CONTROLLER_FLEET_JOBS_H
#define ZL_CONTROLLER_FLEET_JOBS_H

#include "common/fleet/member.h"
#include "common/objects/meta.h"
#include "controller/fleet/outside.h"

struct zl_fleet_job {
    struct zl_meta meta;
    char *pool;
    bool finished, failed, suspended;
    bool held;
    bool
        cannot_suspend; /* the server is older than 1.22: webhooks alone keep the pods of a held Job out */
    int64_t started_us; /* wall clock; from when the server counts its deadline; 0: it does not */
    int64_t turn;       /* the token that it was started in; 0: it was not */
    int64_t deadline_s; /* spec.activeDeadlineSeconds; 0: none */
    bool own_deadline;  /* that is its user's, and smaller than the turn */
    char *why;          /* the message of its failure */
};

extern const struct zl_json_shape ZL_FLEET_JOB_SHAPE[];
/* *OUT stays NULL for a Job without the label. */
enum zl_status zl_fleet_job_decode(const struct cJSON *object, struct zl_fleet_job **out,
                                   struct zl_error *err) ZL_MUST_CHECK;
void zl_fleet_job_free(void *job); /* fits zl_ref_new */

struct zl_fleet_job_plan {
    struct zl_fleet_intent intent;
    const struct zl_fleet_job *start; /* in the turn TOKEN, with DEADLINE_S; or NULL */
    int64_t token, deadline_s;
    bool own_deadline;                  /* of START: DEADLINE_S is its user's */
    const struct zl_fleet_job *current; /* the one that executes in the turn; or NULL */
    const struct zl_fleet_job *stop;    /* its turn is over, and it is not; or NULL */
};

/* Must JOB be suspended and marked now? */
bool zl_fleet_job_must_be_held(const struct zl_fleet_job *job);

/*
 * @param jobs     of one pool, in any order
 * @param outside  work that is no Job
 * @param started  the last token that a Job was started in by this process: one that was deleted leaves no trace
 * @param settled  JOBS show what was written when it was started: one that is not there was deleted
 */
struct zl_fleet_job_plan zl_fleet_jobs_plan(const struct zl_fleet_job *const *jobs, size_t count,
                                            const struct zl_fleet_outside *outside,
                                            const struct zl_fleet_agent *agent, int64_t started,
                                            bool settled, int64_t boot_ms);

/* Merge patches, with the resourceVersion that was read; the caller frees. */
struct cJSON *zl_fleet_job_hold_patch(const struct zl_fleet_job *job, int64_t wall_us);
struct cJSON *zl_fleet_job_stop_patch(const struct zl_fleet_job *job);
/*
 * The deadline that JOB, which executes in AGENT's turn, is to have because that was extended; 0: the one that it has is right.
 */
int64_t zl_fleet_job_longer_s(const struct zl_fleet_job *job, const struct zl_fleet_agent *agent,
                              int64_t boot_ms, int64_t wall_us);
struct cJSON *zl_fleet_job_prolong_patch(const struct zl_fleet_job *job, int64_t deadline_s);
/* The server counts DEADLINE_S from now: what has gone by of a Job that was not suspended is added. */
struct cJSON *zl_fleet_job_start_patch(const struct zl_fleet_job *job, int64_t token,
                                       int64_t deadline_s, bool own_deadline, int64_t wall_us);

#endif
