/* SPDX-License-Identifier: Apache-2.0 */
/*
 * owners.h - whose pod is it? From a pod's controller to the workload or Job that joins a pool.
 *
 * An informer lags a little behind the API server. That is harmless for a denial (it only delays) but
 * not for "this owner joins no pool": a Deployment and its first pods are milliseconds apart. So an
 * owner that was never seen before is read live, once per uid; from then on memory answers, and the
 * informer's position says when its view is newer than that reading. Which Deployment a ReplicaSet belongs to is
 * believed until a pooled one could have adopted it: then that is read again.
 *
 * Threads: any.
 */
#ifndef ZL_WEBHOOK_GATEKEEPER_OWNERS_H
#define ZL_WEBHOOK_GATEKEEPER_OWNERS_H

#include "common/cache/cache.h"

/* A watch that was cut is open again within a second. One that is not leaves memory behind. */
enum { ZL_BLIND_MS = 1000 };

struct zl_owners; /* opaque */

/* CLIENT and CACHE are borrowed. */
struct zl_owners *zl_owners_new(struct zl_kube_client *client, struct zl_cache *cache);
void zl_owners_free(struct zl_owners *owners);

/*
 * The workload that a pod belongs to, if it joins a pool.
 *
 * @param owner        the pod's controller; fields may be NULL
 * @param labels       the pod's, as in labels.h; NULL: none
 * @param deadline_ms  zl_clock_ms by which live reads must be done
 * @param out          NULL: in no pool; else the caller drops the reference (struct zl_workload)
 * @return ZL_OK; ZL_E_NOT_FOUND: the pod's owner or that one's Deployment does not exist any more, so that
 *         garbage collection will take the pod; or the failure of a live read
 */
enum zl_status zl_owners_workload_of(struct zl_owners *owners, const char *namespace_,
                                     const struct zl_controller_ref *owner, const char *labels,
                                     int64_t deadline_ms, struct zl_ref **out,
                                     struct zl_error *err) ZL_MUST_CHECK;

/* Is OWNER, a pod's controller, a Job? */
bool zl_controller_ref_is_job(const struct zl_controller_ref *owner);

/*
 * The Job that a pod belongs to, if it joins a pool, by its own keys or its CronJob's.
 *
 * @param owner  the pod's controller: zl_controller_ref_is_job
 * @param out    NULL: in no pool; else the caller drops the reference (struct zl_job)
 * @param pool   that pool; the caller frees, also after a failure
 * @return ZL_OK; ZL_E_NOT_FOUND: there is no such Job any more (POOL: where it was, if that was noted); or the
 *         failure of a live read
 */
enum zl_status zl_owners_job_of(struct zl_owners *owners, const char *namespace_,
                                const struct zl_controller_ref *owner, int64_t deadline_ms,
                                struct zl_ref **out, char **pool,
                                struct zl_error *err) ZL_MUST_CHECK;
/*
 * Memory has lost OBJECT, of KIND. If it was deleted and did not just leave its pool, its pods may live on for a
 * while, and more may be made.
 */
void zl_owners_note_lost(struct zl_owners *owners, const struct zl_kind *kind, const void *object);
/* The pool that JOB joins; NULL: none. The caller frees, also after a failure. */
enum zl_status zl_owners_pool_of_job(struct zl_owners *owners, const struct zl_job *job,
                                     int64_t deadline_ms, char **out,
                                     struct zl_error *err) ZL_MUST_CHECK;

#endif
