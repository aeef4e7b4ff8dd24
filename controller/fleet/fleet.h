/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fleet.h - the controller's part in fleets: an arbiter, a member, both or none, by its options.
 *
 * Without --fleet-arbiter and --fleet-hub-kubeconfig nothing of it exists.
 *
 * Threads: the functions from the manager's; zl_fleet_act from the elector's.
 */
#ifndef ZL_CONTROLLER_FLEET_FLEET_H
#define ZL_CONTROLLER_FLEET_FLEET_H

#include "common/http/server.h"
#include "common/kube/events.h"

struct zl_fleet_options {
    bool arbiter, nothing_else; /* it decides; and has no part in a fleet besides */
    const char *
        hub_kubeconfig; /* NULL: no hub, and for an arbiter the API server that the controller uses */
    const char *cluster_name;   /* with HUB_KUBECONFIG: this cluster is a member */
    const char *cluster_labels; /* "tier=canary,region=eu"; NULL: none */
    const char *hub_namespace;
    const char *lock_groups;             /* FleetLock's, "default=1"; NULL: it is not served */
    const char *namespaces;              /* of the controller */
    struct zl_events *events;            /* must outlive it */
    void (*policies_changed)(void *ctx); /* must not block */
    void *ctx;
};

struct zl_fleet; /* opaque */

/*
 * Starts the arbiter, if there is one. *OUT stays NULL without options.
 *
 * @param cluster  the API server that the controller uses; must outlive it
 * @return ZL_E_INVALID names the option and the cure
 */
enum zl_status zl_fleet_start(const struct zl_fleet_options *options,
                              struct zl_kube_client *cluster, const char *identity,
                              struct zl_fleet **out, struct zl_error *err) ZL_MUST_CHECK;
/* This replica acts for its cluster: the member begins. NULL is fine; once. */
void zl_fleet_act(struct zl_fleet *fleet);
/*
 * Tell ADD the namespaces whose Jobs may wait for a turn; FLEET: a struct zl_fleet, or NULL.
 *
 * @return false: they are not known yet
 */
bool zl_fleet_namespaces(void *fleet, void (*add)(void *out, const char *namespace_), void *out);
/* One of FleetLock's requests. Blocks on the hub; until zl_fleet_free. NULL is fine. */
void zl_fleet_answer_lock(const struct zl_fleet *fleet, const struct zl_http_request *request,
                          struct zl_http_response *response);
/* What keeps it from deciding, for a person; NULL: nothing, or that is not its part. The caller frees. NULL is fine. */
char *zl_fleet_complaint(struct zl_fleet *fleet);
void zl_fleet_stop(struct zl_fleet *fleet); /* nothing of it is on its way any more; NULL is fine */
void zl_fleet_free(
    struct zl_fleet *fleet); /* stops first; when nobody can call zl_fleet_act any more */

#endif
