/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memory.h - what the webhook knows of a pod and its pool without asking: all of struct zl_known, filled here alone.
 *
 * Threads: any number of reviews at once.
 */
#ifndef ZL_WEBHOOK_GATEKEEPER_MEMORY_H
#define ZL_WEBHOOK_GATEKEEPER_MEMORY_H

#include "webhook/gatekeeper/gatekeeper.h"

/* {0} is a valid start, zl_memory_clear frees. */
struct zl_memory {
    struct zl_known known; /* borrows from the rest */
    struct zl_ref *owner_ref, *policy_ref;
    char *job_pool;
};
void zl_memory_clear(struct zl_memory *memory);
#define ZL_AUTO_MEMORY ZL_CLEANUP(zl_memory_clear)

/*
 * Recall what is known for REQUEST. An owner that was never seen before is read, once (owners.h).
 *
 * @param out  zeroed by the caller; to be cleared also after a failure
 * @return ZL_OK, or the failure of such a read
 */
enum zl_status zl_memory_recall(const struct zl_gatekeeper *gatekeeper,
                                const struct zl_request *request, struct zl_memory *out,
                                struct zl_error *err) ZL_MUST_CHECK;

/*
 * How POOL is led under POLICY (NULL: none), for a pod of a Job, or else of a workload. Whether a Job's pool has a
 * Deployment or StatefulSet, too, is known from memory alone: membership may stand in an annotation, for which no
 * selector can ask.
 */
enum zl_strategy_kind zl_memory_strategy(const struct zl_gatekeeper *gatekeeper,
                                         const char *namespace_, const char *pool,
                                         const struct zl_policy *policy, bool of_job);

/*
 * How many pods the pool's other workloads want beside WORKLOAD. 0 where that wants several itself: nothing depends on it then, and a pool
 * may have thousands.
 */
int64_t zl_memory_others(const struct zl_gatekeeper *gatekeeper, const char *namespace_,
                         const struct zl_workload *workload);

#endif
