/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node.h - the nodes that the stand-in plays: registered once, kept alive by their Lease.
 *
 * Without the heartbeat the node lifecycle controller would evict every pod after 40 s.
 *
 * Threads: any.
 */
#ifndef ZL_TEST_KUBELET_NODE_H
#define ZL_TEST_KUBELET_NODE_H

#include "common/kube/client.h"

#define ZL_KUBELET_HEARTBEAT_MS 10000

/* Node NAME, in zone zone-a, zone-b or zone-c by NUMBER, Ready. One that exists already is taken over. */
enum zl_status zl_kubelet_node_register(struct zl_kube_client *client, const char *name,
                                        unsigned number, struct zl_error *err) ZL_MUST_CHECK;
/* Renew (or create) the node's Lease in kube-node-lease. */
enum zl_status zl_kubelet_node_beat(struct zl_kube_client *client, const char *name,
                                    struct zl_error *err) ZL_MUST_CHECK;

#endif
