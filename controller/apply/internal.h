/* SPDX-License-Identifier: Apache-2.0 */
/*
 * internal.h - the kinds of steps, each carried out by a function of its own; apply.c knows their order.
 *
 * Threads: a struct zl_applying belongs to one zl_apply.
 */
#ifndef ZL_CONTROLLER_APPLY_INTERNAL_H
#define ZL_CONTROLLER_APPLY_INTERNAL_H

#include "common/base/metrics.h"
#include "controller/apply/apply.h"

#define ZL_STEP_BIT(kind) (1u << (unsigned)(kind))

struct zl_route_write; /* opaque; between a route's SLICES and its SERVICE (route.c) */

/* One run. */
struct zl_applying {
    const struct zl_writer *writer;
    struct zl_steps *steps;
    const struct zl_view *view; /* as it is once the Lease is written */
    unsigned failed; /* kinds of which a step failed, or was not carried out because of another */
    struct zl_lease *live; /* read for the steps of one kind in a row */
    enum zl_step_kind live_for;
    bool has_live;
    struct zl_route_write *writes; /* the last first */
};

/* One step each; what must be proven was. */
/* lease.c */
enum zl_status zl_apply_token(struct zl_applying *applying, const struct zl_step *step,
                              struct zl_error *err) ZL_MUST_CHECK;
enum zl_status zl_apply_lease(struct zl_applying *applying, const struct zl_step *step,
                              struct zl_error *err) ZL_MUST_CHECK;
/* route.c */
enum zl_status zl_apply_slices(struct zl_applying *applying, const struct zl_step *step,
                               struct zl_error *err) ZL_MUST_CHECK;
enum zl_status zl_apply_service(struct zl_applying *applying, const struct zl_step *step,
                                struct zl_error *err) ZL_MUST_CHECK;
/* clean.c */
enum zl_status zl_apply_clean(struct zl_applying *applying, const struct zl_step *step,
                              struct zl_error *err) ZL_MUST_CHECK;
/* wake.c */
enum zl_status zl_apply_wake(struct zl_applying *applying, const struct zl_step *step,
                             struct zl_error *err) ZL_MUST_CHECK;
enum zl_status zl_apply_unmark(struct zl_applying *applying, const struct zl_step *step,
                               struct zl_error *err) ZL_MUST_CHECK;
/* job.c */
enum zl_status zl_apply_resume(struct zl_applying *applying, const struct zl_step *step,
                               struct zl_error *err) ZL_MUST_CHECK;
enum zl_status zl_apply_wait(struct zl_applying *applying, const struct zl_step *step,
                             struct zl_error *err) ZL_MUST_CHECK;
enum zl_status zl_apply_delete_job(struct zl_applying *applying, const struct zl_step *step,
                                   struct zl_error *err) ZL_MUST_CHECK;
/* pod.c */
enum zl_status zl_apply_delete_pod(struct zl_applying *applying, const struct zl_step *step,
                                   struct zl_error *err) ZL_MUST_CHECK;
enum zl_status zl_apply_label(struct zl_applying *applying, const struct zl_step *step,
                              struct zl_error *err) ZL_MUST_CHECK;
/* status.c */
enum zl_status zl_apply_status(struct zl_applying *applying, const struct zl_step *step,
                               struct zl_error *err) ZL_MUST_CHECK;
/* events.c */
enum zl_status zl_apply_tell(struct zl_applying *applying, const struct zl_step *step,
                             struct zl_error *err) ZL_MUST_CHECK;

/* Did a route move in this run, or was it to and could not (route.c)? */
bool zl_route_writes_moved(const struct zl_applying *applying);
void zl_route_writes_free(struct zl_applying *applying);

/* All that STEP must have proven (proof.c); ZL_E_CONFLICT: it is not so any more. */
enum zl_status zl_prove(struct zl_applying *applying, const struct zl_step *step,
                        struct zl_error *err) ZL_MUST_CHECK;

/* What STEP's reason has to say by an Event, if anything (events.c). */
void zl_tell(const struct zl_writer *writer, const struct zl_step *step);
/* A Warning that is true at each look (zl_events_remind). */
void zl_remind_of(const struct zl_writer *writer, const struct zl_subject *subject,
                  const char *reason, const char *message);
void zl_tell_about(const struct zl_writer *writer, const struct zl_subject *subject, bool warning,
                   const char *reason, const char *message);

/* Delete the object META if it is still the one with that uid. *DELETED: it was there (apply.c). */
enum zl_status zl_delete_object(const struct zl_writer *writer,
                                const struct zl_kube_resource *resource, const struct zl_meta *meta,
                                bool *deleted, struct zl_error *err) ZL_MUST_CHECK;

/* The same for an object of a route that is not wanted; logged (clean.c). */
enum zl_status zl_delete_unwanted(const struct zl_writer *writer,
                                  const struct zl_kube_resource *resource,
                                  const struct zl_meta *meta, struct zl_error *err) ZL_MUST_CHECK;

/* Add the annotation to a merge PATCH whose change makes an owner's controller sync at once. */
void zl_annotate_wake(struct cJSON *patch);
/* OWNER was sent such a patch, and not for another reason as well: counts and logs it. */
void zl_count_wake(const struct zl_kube_resource *resource, const struct zl_meta *owner);
enum zl_status zl_wake_job(const struct zl_writer *writer, const struct zl_job *job,
                           struct zl_error *err) ZL_MUST_CHECK;

/* The Lease that was BEFORE has been swapped for AFTER: count the turn that ended with it, if one did. */
void zl_count_turn(const struct zl_jobs_view *jobs, const struct zl_lease *before,
                   const struct zl_lease *after);

extern const struct zl_metric ZL_WAKES, ZL_TRANSITIONS, ZL_CLAIMS_EXPIRED, ZL_SURPLUS_DELETED;

#endif
