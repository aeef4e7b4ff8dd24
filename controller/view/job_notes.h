/* SPDX-License-Identifier: Apache-2.0 */
/*
 * job_notes.h - what the writes of Jobs taught us; noted by whoever writes (apply/job.c).
 *
 * Threads: any.
 */
#ifndef ZL_CONTROLLER_VIEW_JOB_NOTES_H
#define ZL_CONTROLLER_VIEW_JOB_NOTES_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct zl_job_write;

/* {0} is a valid start. */
struct zl_job_notes {
    atomic_bool
        cannot_suspend; /* the server dropped spec.suspend of a Job: it is older than 1.22 */
    pthread_mutex_t lock;
    struct zl_job_write *writes; /* the newest of each namespace that was not seen yet */
};

void zl_job_notes_clear(struct zl_job_notes *notes);
/* A Job of NAMESPACE_ was written, and has VERSION since. */
void zl_job_notes_wrote(struct zl_job_notes *notes, const char *namespace_, uint64_t version);
/* Was all that was written there seen by somebody who saw everything up to POSITION? */
bool zl_job_notes_are_seen(struct zl_job_notes *notes, const char *namespace_, uint64_t position);

#endif
