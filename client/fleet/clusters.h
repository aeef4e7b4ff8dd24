/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clusters.h - what a person does to one cluster of a fleet, on the hub: add it, take it away, take its turn away.
 *
 * Threads: main.
 */
#ifndef ZL_CLIENT_FLEET_CLUSTERS_H
#define ZL_CLIENT_FLEET_CLUSTERS_H

#include "common/kube/client.h"

#include <stdio.h>

/* The hub, and where its fleets' Leases are. */
struct zl_fleet_hub {
    struct zl_kube_client *client;
    const struct zl_kube_config *config; /* how it is reached */
    const char *namespace_;
};

/* CLUSTER's identity on the hub as manifests for kubectl: account, token, rights. ZL_E_INVALID: no name of a cluster. */
enum zl_status zl_fleet_add(const char *namespace_, const char *cluster, FILE *out,
                            struct zl_error *err) ZL_MUST_CHECK;
/* A kubeconfig with that identity, as JSON. ZL_E_NOT_FOUND: it has no token (yet). */
enum zl_status zl_fleet_credentials(const struct zl_fleet_hub *hub, const char *cluster, FILE *out,
                                    struct zl_error *err) ZL_MUST_CHECK;
/*
 * Delete CLUSTER's Leases.
 *
 * @return ZL_E_NOT_FOUND: it has a slot, which nothing but the clock frees; nothing of its turn is deleted
 */
enum zl_status zl_fleet_remove(const struct zl_fleet_hub *hub, const char *cluster, FILE *out,
                               struct zl_error *err) ZL_MUST_CHECK;
/*
 * End CLUSTER's turn in POOL although it may still act: more than N may act then.
 *
 * @param force  without it nothing is done, and ERR says what it would break
 */
enum zl_status zl_fleet_release(const struct zl_fleet_hub *hub, const char *pool,
                                const char *cluster, bool force, FILE *out,
                                struct zl_error *err) ZL_MUST_CHECK;

#endif
