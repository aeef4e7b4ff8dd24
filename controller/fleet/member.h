/* SPDX-License-Identifier: Apache-2.0 */
/*
 * member.h - a cluster's part in its fleets: it asks on the hub for turns, holds and starts Jobs, and says how it stands.
 *
 * It writes one Lease on the hub, its own, and reads one, its turn; the ledgers it reads as often as it beats. While the hub
 * is away, what has begun goes on until its time is over, and reports wait.
 *
 * Threads: one of its own and three informers'. Only the replica of the controller that acts may start it.
 */
#ifndef ZL_CONTROLLER_FLEET_MEMBER_H
#define ZL_CONTROLLER_FLEET_MEMBER_H

#include "common/kube/events.h"

struct zl_cluster_spec {
    struct zl_kube_client *hub, *cluster; /* must outlive it */
    const char *name;                     /* of the cluster in its fleets */
    const char *labels;                   /* of the cluster: zl_fleet_labels_check; NULL: none */
    const char *hub_namespace;
    const char *namespaces;   /* one local namespace to look at; NULL: all */
    struct zl_events *events; /* about LeaderPolicies; must outlive it */
    void (*policies_changed)(
        void *ctx); /* a LeaderPolicy came or went; may be NULL, must not block */
    void *ctx;
};

struct zl_cluster_member; /* opaque */
struct zl_cluster_member *zl_cluster_member_start(const struct zl_cluster_spec *spec);
/*
 * Tell ADD the namespaces that have a LeaderPolicy of a fleet.
 *
 * @return false: they are not known yet
 */
bool zl_cluster_member_namespaces(struct zl_cluster_member *member,
                                  void (*add)(void *out, const char *namespace_), void *out);
void zl_cluster_member_stop(struct zl_cluster_member *member); /* frees; NULL is fine */

#endif
