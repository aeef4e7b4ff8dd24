/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gather.h - fills a view: reads, decides nothing, writes nothing.
 *
 * In two parts, because the strategy says what must be looked at: zl_view_gather for what every
 * pool needs and the choice is made from, zl_view_look for the rest.
 *
 * Threads: a struct zl_gathered belongs to one reconcile; the cache behind it is shared.
 */
#ifndef ZL_CONTROLLER_VIEW_GATHER_H
#define ZL_CONTROLLER_VIEW_GATHER_H

#include "controller/view/looks.h"
#include "controller/view/sources.h"
#include "controller/view/view.h"
#include "controller/view/workload_of.h"

/* A view, and what it borrows from. */
struct zl_gathered {
    struct zl_view view;
    char *namespace_, *name;
    struct zl_ref *policy_ref, *lease_ref, *holder_ref, *successor_ref, *deployment_ref,
        *revision_ref;
    struct zl_refs workload_refs, pod_refs, replicaset_refs, job_refs, cronjob_refs;
    struct zl_refs
        retired; /* what was borrowed before it was looked up anew: a view may point to it */
    const struct zl_workload **workloads, **marked;
    const struct zl_cronjob **cronjobs;
    struct zl_member *members;
    bool with_jobs;                      /* pods of Jobs are members */
    struct zl_surroundings surroundings; /* owns what the view borrows */
    char *definition_complaint;          /* likewise */
    struct zl_policy_status looked_up;   /* owns the condition that view.armed borrows */
};

/*
 * What the cache shows of the pool NAME; its Lease live where the cache shows none.
 *
 * @param out  zeroed by this function; zl_gathered_clear, also after a failure
 */
enum zl_status zl_view_gather(const struct zl_sources *sources, const char *namespace_,
                              const char *name, struct zl_gathered *out,
                              struct zl_error *err) ZL_MUST_CHECK;
/* Its members, who holds the seat, whose turn it is, and what LOOKS (enum zl_looks) ask for. */
enum zl_status zl_view_look(const struct zl_sources *sources, struct zl_gathered *gathered,
                            unsigned looks, struct zl_error *err) ZL_MUST_CHECK;
void zl_gathered_clear(struct zl_gathered *gathered);
#define ZL_AUTO_GATHERED ZL_CLEANUP(zl_gathered_clear)

/*
 * Both without any API call, for who only measures: FACTS that only the API server knows stay 0,
 * and the holder is UNKNOWN when its pod is not cached. The second part is done by
 * zl_view_remember.
 */
void zl_view_gather_cached(struct zl_cache *cache, const char *namespace_, const char *name,
                           struct zl_gathered *out);
void zl_view_remember(struct zl_cache *cache, struct zl_gathered *gathered, unsigned looks);

/* --- the parts --- */

/* Make POD a member if it lives and its workload is in the pool, or its Job (with_jobs). */
void zl_view_add_member(struct zl_cache *cache, struct zl_gathered *gathered,
                        const struct zl_pod *pod);
/* The same of a pod that is known to be WORKLOAD's, one of the view's. */
void zl_view_add_member_of(struct zl_gathered *gathered, const struct zl_pod *pod,
                           const struct zl_workload *workload);
/* Its Jobs and CronJobs, and the pods of these (jobs.c). */
void zl_view_gather_jobs(struct zl_cache *cache, struct zl_gathered *gathered);
/*
 * The members as the API server has them now instead of the cached ones (live.c).
 */
enum zl_status zl_view_read_members(const struct zl_sources *sources, struct zl_gathered *gathered,
                                    struct zl_error *err) ZL_MUST_CHECK;
/*
 * The successor's pod (unless used already), the workload, its revisions, and whether they are newer than the
 * leader; from the cache, by the Lease and the holder as they are known now (revisions.c).
 */
void zl_view_gather_revisions(struct zl_cache *cache, struct zl_gathered *gathered);
/* Say that POD (taken) stands under the successor's name, according to the API server. */
void zl_view_use_successor(struct zl_gathered *gathered, struct zl_pod *pod);
/*
 * A holder that is no member: does it belong to the pool? Asks the API server, and makes it OUTSIDE
 * if its workload moved to another pool, left, or was never in one (membership.c).
 */
enum zl_status zl_view_expel_stranger(const struct zl_sources *sources,
                                      struct zl_gathered *gathered,
                                      struct zl_error *err) ZL_MUST_CHECK;
/*
 * The pool of JOB (as the API server has it), by its own keys or by its CronJob's, read live: the cache may not know that one's
 * label yet. NULL: none. The caller frees.
 */
enum zl_status zl_view_read_pool_of_job(const struct zl_sources *sources, const struct zl_job *job,
                                        char **pool, struct zl_error *err) ZL_MUST_CHECK;
/* Empty *SLOT, but keep what it holds until the view is cleared. */
void zl_view_retire(struct zl_gathered *gathered, struct zl_ref **slot);

#endif
