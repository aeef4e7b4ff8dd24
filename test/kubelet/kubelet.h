/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kubelet.h - the pod stand-in: plays scheduler and kubelet for every pod of a control plane that has
 * no machines. It binds pods to its nodes, lets them run, become ready, fail, and end with grace.
 *
 * Threads: start and stop from main; inside, one informer thread and a few workers that meet in the
 * work queue.
 */
#ifndef ZL_TEST_KUBELET_KUBELET_H
#define ZL_TEST_KUBELET_KUBELET_H

#include "common/kube/client.h"

struct zl_kubelet_options {
    int64_t nodes; /* how many to play */
    int64_t
        max_grace_ms; /* a pod that says nothing else ends so long after its deletion, at most */
};

struct zl_kubelet; /* opaque */

/* Registers the nodes and starts. CLIENT and OPTIONS are borrowed until stop. */
enum zl_status zl_kubelet_start(struct zl_kube_client *client,
                                const struct zl_kubelet_options *options, struct zl_kubelet **out,
                                struct zl_error *err) ZL_MUST_CHECK;
void zl_kubelet_stop(struct zl_kubelet *kubelet); /* joins its threads and frees it */

#endif
