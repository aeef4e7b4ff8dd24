/* SPDX-License-Identifier: Apache-2.0 */
/*
 * live.h - objects as the API server has them now, for decisions that a cache may not make.
 *
 * Threads: any; blocks on the API server.
 */
#ifndef ZL_CACHE_LIVE_H
#define ZL_CACHE_LIVE_H

#include "common/kinds/kind.h"
#include "common/kube/client.h"
#include "common/objects/job.h"
#include "common/objects/node.h"
#include "common/objects/replicaset.h"

/*
 * What stands under NAME now.
 *
 * @param deadline_ms  as zl_kube_target.deadline_ms
 * @param out         the caller frees with zl_pod_free or zl_job_free; stays as it is when there is none
 * @return ZL_OK, also when there is none; or the failure of the read
 */
enum zl_status zl_pod_read(struct zl_kube_client *client, const char *namespace_, const char *name,
                           int64_t deadline_ms, struct zl_pod **out,
                           struct zl_error *err) ZL_MUST_CHECK;
enum zl_status zl_job_read(struct zl_kube_client *client, const char *namespace_, const char *name,
                           int64_t deadline_ms, struct zl_job **out,
                           struct zl_error *err) ZL_MUST_CHECK;

/* *READY: there is a node NAME, and its kubelet reports. Failures as above. */
enum zl_status zl_node_read_ready(struct zl_kube_client *client, const char *name,
                                  int64_t deadline_ms, bool *ready,
                                  struct zl_error *err) ZL_MUST_CHECK;

/* ReplicaSets as the API server has them now; {0} is a valid start. */
struct zl_replicasets {
    struct zl_replicaset **items;
    size_t count;
};

/*
 * Those that SELECTOR (of the Deployment) selects in NAMESPACE; whose they are, the caller asks.
 *
 * @param out  zeroed by the caller; zl_replicasets_clear, also after a failure
 */
enum zl_status zl_replicasets_read(struct zl_kube_client *client, const char *namespace_,
                                   const char *selector, int64_t deadline_ms,
                                   struct zl_replicasets *out, struct zl_error *err) ZL_MUST_CHECK;
void zl_replicasets_clear(struct zl_replicasets *replicasets);

#endif
