/* SPDX-License-Identifier: Apache-2.0 */
/*
 * live.h - what the API server says of a pod's owner, its pool and the seat: all of struct zl_seen, filled here alone, for
 * this request. Nothing is written.
 *
 * Memory names the owner, and no more: owner and policy are read first, so that a workload that moved to another pool
 * meanwhile is judged by that one's LeaderPolicy and Lease.
 *
 * Threads: any number of reviews at once; each blocks on the API server, within its review's deadline.
 */
#ifndef ZL_WEBHOOK_GATEKEEPER_LIVE_H
#define ZL_WEBHOOK_GATEKEEPER_LIVE_H

#include "webhook/gatekeeper/gatekeeper.h"

/* Live pods of a pool that its Lease does not name; {0} is a valid start, zl_living_pods_clear frees. */
struct zl_living_pods {
    struct zl_pod *first;   /* who leads if the seat is free; NULL: there is none */
    struct zl_ref *job_ref; /* the Job of FIRST (struct zl_job); NULL: it has none */
    char *other_uids;       /* the other pods', separated by commas; NULL: none */
};
void zl_living_pods_clear(struct zl_living_pods *living);

/* One look; {0} is a valid start, zl_look_clear frees. */
struct zl_look {
    struct zl_seen seen; /* borrows from the rest */
    struct zl_workload *workload;
    struct zl_job *job;
    char *job_pool;
    struct zl_policy *policy;
    struct zl_lease *lease;
    struct zl_pod
        *holder;        /* what stands under its holder's name; NULL: nothing, or not asked for */
    int64_t lost_token; /* of a lost Lease: what LeaderPolicy status says; else 0 */
    struct zl_living_pods living;
};
void zl_look_clear(struct zl_look *look);
#define ZL_AUTO_LOOK ZL_CLEANUP(zl_look_clear)

/*
 * Look at the owner that KNOWN names, then at its pool, then at the seat if that matters (zl_needs_seat).
 *
 * @param known  in a pool
 * @param look   {0}, or this review's look before, which is replaced: by one at the seat alone if that had only to be
 *               prepared, else by a whole one; to be cleared also after a failure
 */
enum zl_status zl_look(const struct zl_gatekeeper *gatekeeper, const struct zl_request *request,
                       const struct zl_known *known, struct zl_look *look,
                       struct zl_error *err) ZL_MUST_CHECK;

/* --- the parts of a look, each of which fills OUT; LOOK: what was seen before --------------------- */

/* revisions.c, for a workload's pod: LOOK has owner, policy, Lease, holder and seat. */
enum zl_status zl_look_at_revisions(const struct zl_gatekeeper *gatekeeper,
                                    const struct zl_request *request, const struct zl_look *look,
                                    struct zl_revision_seen *out,
                                    struct zl_error *err) ZL_MUST_CHECK;
/*
 * living_pods.c: the live pods of the pool's workloads and Jobs that the Lease does not name as leader. Terminating
 * ones count: one may be the leader on its way out. Pods that lost the seat do not, nor a successor that still waits to
 * be Ready while a proven revision wants pods.
 *
 * @param look  has all but these, the token and the queue
 * @param out   empty; to be cleared also after a failure
 */
enum zl_status zl_look_for_living_pods(const struct zl_gatekeeper *gatekeeper,
                                       const struct zl_request *request, const struct zl_look *look,
                                       struct zl_living_pods *out,
                                       struct zl_error *err) ZL_MUST_CHECK;
/* turn.c, for a Job's pod and a seat that is free: LOOK has all but this. */
enum zl_status zl_look_at_queue(const struct zl_gatekeeper *gatekeeper,
                                const struct zl_request *request, const struct zl_look *look,
                                struct zl_queue_seen *out, struct zl_error *err) ZL_MUST_CHECK;

#endif
