/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manager.h - starts and stops the controller's parts in order: health, informers, election, workers.
 *
 * Every replica keeps its caches warm; only the elected one runs workers. A replica that loses its
 * Lease exits at once, because another one is about to act.
 *
 * What is watched depends on what the API server has: EndpointSlices in the version it knows, pools once
 * the CRD of LeaderPolicy is installed, which may be later.
 *
 * Threads: zl_manager_run from main; one informer thread per resource, one elector, one that asks what the
 * server has, N workers, two that probe the gatekeeper.
 */
#ifndef ZL_CONTROLLER_MANAGER_MANAGER_H
#define ZL_CONTROLLER_MANAGER_MANAGER_H

#include "common/kube/client.h"

struct zl_controller_config {
    const char *kubeconfig, *namespace_, *listen_address, *log_level;
    const char *watch, *namespaces; /* as struct zl_cache_options has them */
    int64_t watch_silence_s;
    int64_t metrics_port, workers, claim_timeout_s;
    bool leader_elect, routing_only;
    int64_t lease_duration_s, renew_deadline_s, retry_period_s;
    bool fleet_arbiter, fleet_arbiter_only;
    const char *fleet_hub_kubeconfig, *cluster_name, *cluster_labels, *fleet_namespace,
        *fleet_lock; /* fleet/fleet.h */
};

extern const struct zl_metric *const ZL_MANAGER_METRICS[];

/* Runs until SIGTERM or SIGINT, then drains. ZL_E_INVALID names what could not be started and the cure. */
enum zl_status zl_manager_run(const struct zl_controller_config *config,
                              struct zl_kube_client *client, const char *namespace_,
                              struct zl_error *err) ZL_MUST_CHECK;

#endif
