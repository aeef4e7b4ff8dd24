/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/fleet/fleet.h"

#include "common/base/log.h"
#include "common/base/monitor.h"
#include "common/fleet/fleet.h"
#include "controller/fleet/arbiter.h"
#include "controller/fleet/fleet_lock.h"
#include "controller/fleet/member.h"

#include <string.h>

struct zl_fleet {
    struct zl_kube_client *own_hub; /* NULL: the hub is the cluster */
    struct zl_arbiter *arbiter;
    struct zl_fleet_lock *lock;  /* NULL: FleetLock is not served */
    struct zl_cluster_spec spec; /* of the member; NAME NULL: it is none */
    struct zl_monitor monitor;   /* guards the rest */
    struct zl_cluster_member *member;
    bool stopping;
};

static enum zl_status check(const struct zl_fleet_options *options, struct zl_error *err)
{
    if (options->nothing_else && options->cluster_name != NULL) {
        return zl_error_set(err, ZL_E_INVALID,
                            "--fleet-arbiter-only: a cluster that takes turns as --cluster-name is "
                            "looked at besides; say --fleet-arbiter");
    }
    if (options->lock_groups != NULL && !options->arbiter) {
        return zl_error_set(err, ZL_E_INVALID,
                            "--fleet-lock: is answered by arbiters; say --fleet-arbiter");
    }
    if (options->hub_kubeconfig != NULL && options->cluster_name == NULL && !options->arbiter) {
        return zl_error_set(err, ZL_E_INVALID,
                            "--fleet-hub-kubeconfig: say with --cluster-name what this cluster is "
                            "called in its fleets, or with --fleet-arbiter that it decides there");
    }
    if (options->cluster_name == NULL) {
        return options->cluster_labels == NULL
                   ? ZL_OK
                   : zl_error_set(err, ZL_E_INVALID,
                                  "--cluster-labels: say with --cluster-name what this cluster is "
                                  "called in its fleets");
    }
    if (options->hub_kubeconfig == NULL) {
        return zl_error_set(err, ZL_E_INVALID,
                            "--cluster-name: say with --fleet-hub-kubeconfig where the hub is");
    }
    if (!zl_fleet_name_is_valid(options->cluster_name)) {
        return zl_error_set(err, ZL_E_INVALID,
                            "--cluster-name %s: must be lower-case letters, digits, '-' and '.', "
                            "at most 63 of them",
                            options->cluster_name);
    }
    if (options->cluster_labels != NULL &&
        zl_fleet_labels_check(options->cluster_labels, ZL_FLEET_LABELS_MAX, err) != ZL_OK) {
        return zl_error_wrap(err, ZL_E_INVALID, "--cluster-labels");
    }
    if (options->namespaces != NULL && strchr(options->namespaces, ',') != NULL) {
        return zl_error_set(
            err, ZL_E_INVALID,
            "--namespaces %s: a cluster that takes part in a fleet looks for its "
            "LeaderPolicies and Jobs in one namespace, or without the option in all",
            options->namespaces);
    }
    return ZL_OK;
}

/* Credentials of the file are read again when the file that it names changes, as everywhere. */
static enum zl_status connect(const char *kubeconfig, struct zl_kube_client **out,
                              struct zl_error *err)
{
    struct zl_kube_config config = {0};
    enum zl_status status = zl_kube_config_load(kubeconfig, NULL, &config, err);
    if (status == ZL_OK) {
        status = zl_kube_client_new(&config, "zen-lead-controller-fleet/" ZL_VERSION, out, err);
    }
    if (status == ZL_OK) {
        ZL_LOG_INFO("using hub", ZL_STR("server", config.server), ZL_STR("source", config.source));
    } else {
        status = zl_error_wrap(err, status, "--fleet-hub-kubeconfig");
    }
    zl_kube_config_clear(&config);
    return status;
}

enum zl_status zl_fleet_start(const struct zl_fleet_options *options,
                              struct zl_kube_client *cluster, const char *identity,
                              struct zl_fleet **out, struct zl_error *err)
{
    struct zl_kube_client *hub = NULL;
    *out = NULL;
    enum zl_status status = check(options, err);
    if (status == ZL_OK && options->hub_kubeconfig != NULL) {
        status = connect(options->hub_kubeconfig, &hub, err);
    }
    if (status != ZL_OK || (!options->arbiter && options->cluster_name == NULL)) {
        return status;
    }
    struct zl_fleet_lock *lock = NULL;
    if (options->lock_groups != NULL) {
        status = zl_fleet_lock_new(hub != NULL ? hub : cluster, options->hub_namespace,
                                   options->lock_groups, &lock, err);
        if (status != ZL_OK) {
            zl_kube_client_free(hub);
            return zl_error_wrap(err, status, "--fleet-lock");
        }
    }
    struct zl_fleet *fleet = zl_alloc(sizeof *fleet);
    fleet->own_hub = hub;
    fleet->lock = lock;
    zl_monitor_init(&fleet->monitor);
    fleet->spec = (struct zl_cluster_spec){.hub = hub,
                                           .cluster = cluster,
                                           .name = options->cluster_name,
                                           .labels = options->cluster_labels,
                                           .hub_namespace = options->hub_namespace,
                                           .namespaces = options->namespaces,
                                           .events = options->events,
                                           .policies_changed = options->policies_changed,
                                           .ctx = options->ctx};
    if (options->arbiter) {
        fleet->arbiter =
            zl_arbiter_start(hub != NULL ? hub : cluster, options->hub_namespace, identity);
    }
    *out = fleet;
    return ZL_OK;
}

void zl_fleet_act(struct zl_fleet *fleet)
{
    if (fleet == NULL || fleet->spec.name == NULL) {
        return;
    }
    zl_monitor_lock(&fleet->monitor);
    if (!fleet->stopping && fleet->member == NULL) {
        fleet->member = zl_cluster_member_start(&fleet->spec);
    }
    zl_monitor_unlock(&fleet->monitor);
}

bool zl_fleet_namespaces(void *ctx, void (*add)(void *out, const char *namespace_), void *out)
{
    struct zl_fleet *fleet = ctx;
    if (fleet == NULL || fleet->spec.name == NULL) {
        return true;
    }
    zl_monitor_lock(&fleet->monitor);
    bool known = fleet->member != NULL && zl_cluster_member_namespaces(fleet->member, add, out);
    zl_monitor_unlock(&fleet->monitor);
    return known;
}

void zl_fleet_answer_lock(const struct zl_fleet *fleet, const struct zl_http_request *request,
                          struct zl_http_response *response)
{
    if (fleet == NULL || fleet->lock == NULL) { /* it begins, or ends */
        zl_http_respond_text(response, 503, "503: not yet, or not any more\n");
        return;
    }
    zl_fleet_lock_answer(fleet->lock, request, response);
}

char *zl_fleet_complaint(struct zl_fleet *fleet)
{
    char *complaint = NULL;
    if (fleet == NULL) {
        return NULL;
    }
    zl_monitor_lock(&fleet->monitor);
    if (fleet->arbiter != NULL) {
        complaint = zl_arbiter_complaint(fleet->arbiter);
    }
    zl_monitor_unlock(&fleet->monitor);
    return complaint;
}

void zl_fleet_stop(struct zl_fleet *fleet)
{
    if (fleet == NULL) {
        return;
    }
    zl_monitor_lock(&fleet->monitor);
    fleet->stopping = true;
    struct zl_arbiter *arbiter = fleet->arbiter; /* nobody asks it any more how it is */
    fleet->arbiter = NULL;
    zl_monitor_unlock(&fleet->monitor);
    zl_cluster_member_stop(fleet->member);
    fleet->member = NULL;
    zl_arbiter_stop(arbiter);
}

void zl_fleet_free(struct zl_fleet *fleet)
{
    if (fleet == NULL) {
        return;
    }
    zl_fleet_stop(fleet);
    zl_fleet_lock_free(fleet->lock);
    zl_kube_client_free(fleet->own_hub);
    zl_monitor_clear(&fleet->monitor);
    free(fleet);
}
