/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zen-lead-controller - keeps Leases, LeaderPolicy status, owners, leader Services and their EndpointSlices
 * true; deletes surplus pods.
 */
#include "common/base/limits.h"
#include "common/base/options.h"
#include "common/base/process_metrics.h"
#include "common/cache/health.h"
#include "common/http/server.h"
#include "common/kube/daemon.h"
#include "common/kube/informer_health.h"
#include "common/kube/retries.h"
#include "controller/fleet/arbiter_metrics.h"
#include "controller/fleet/member_metrics.h"
#include "controller/gate/armer.h"
#include "controller/manager/dispatch.h"
#include "controller/manager/manager.h"
#include "controller/manager/server.h"
#include "controller/observe/failovers.h"
#include "controller/observe/overview.h"
#include "controller/reconcile/caretaker.h"
#include "controller/reconcile/reconcile.h"

#include <stddef.h>

#define FIELD(name) offsetof(struct zl_controller_config, name)

static const struct zl_option OPTIONS[] = {
    {.name = "kubeconfig",
     .type = ZL_OPTION_TEXT,
     .offset = FIELD(kubeconfig),
     .value_name = "FILE",
     .help =
         "How to reach the API server. Without it: $KUBECONFIG, then the pod's service account, "
         "then ~/.kube/config."},
    {.name = "namespace",
     .variable = "POD_NAMESPACE",
     .type = ZL_OPTION_TEXT,
     .offset = FIELD(namespace_),
     .value_name = "NAME",
     .help = "Namespace of the controller's own Lease. Without it: the one of the kubeconfig's "
             "context or of the service account."},
    {.name = "metrics-port",
     .type = ZL_OPTION_I64,
     .default_value = "8080",
     .min = 0,
     .max = 65535,
     .offset = FIELD(metrics_port),
     .value_name = "PORT",
     .help = "Plain HTTP port for /metrics, /healthz and /readyz; 0 takes a free one."},
    {.name = "listen-address",
     .type = ZL_OPTION_TEXT,
     .offset = FIELD(listen_address),
     .value_name = "ADDRESS",
     .help = "Numeric IPv4 or IPv6 address to listen on. Without it: all addresses."},
    {.name = "workers",
     .type = ZL_OPTION_I64,
     .default_value = "4",
     .min = 1,
     .max = 64,
     .offset = FIELD(workers),
     .value_name = "COUNT",
     .help = "Pools and Services that are reconciled at the same time."},
    {.name = "claim-timeout-seconds",
     .variable = "ZEN_LEAD_CLAIM_TIMEOUT_SECONDS",
     .type = ZL_OPTION_I64,
     .default_value = "41",
     .min = 1,
     .max = ZL_CLAIM_TIMEOUT_MAX_S,
     .offset = FIELD(claim_timeout_s),
     .value_name = "SECONDS",
     .help =
         "How long an admitted pod may take to appear before its claim is released. The default is "
         "what the API server and etcd may need to store a pod. Use the same value for the "
         "webhook."},
    {.name = "routing-only",
     .variable = "ZEN_LEAD_ROUTING_ONLY",
     .type = ZL_OPTION_BOOL,
     .default_value = "false",
     .offset = FIELD(routing_only),
     .help =
         "Serve annotated Services alone and never look for LeaderPolicies. Without it pools are "
         "served as soon as their CRD is installed."},
    {.name = "leader-elect",
     .variable = "ENABLE_LEADER_ELECTION",
     .type = ZL_OPTION_BOOL,
     .default_value = "true",
     .offset = FIELD(leader_elect),
     .help = "Elect one replica by a Lease; the others wait with warm caches."},
    {.name = "leader-elect-lease-duration-seconds",
     .type = ZL_OPTION_I64,
     .default_value = "15",
     .min = 1,
     .max = 3600,
     .offset = FIELD(lease_duration_s),
     .value_name = "SECONDS",
     .help = "How long the others wait for a leader that does not renew."},
    {.name = "leader-elect-renew-deadline-seconds",
     .type = ZL_OPTION_I64,
     .default_value = "10",
     .min = 1,
     .max = 3600,
     .offset = FIELD(renew_deadline_s),
     .value_name = "SECONDS",
     .help = "A leader that cannot renew for this long exits."},
    {.name = "leader-elect-retry-period-seconds",
     .type = ZL_OPTION_I64,
     .default_value = "2",
     .min = 1,
     .max = 3600,
     .offset = FIELD(retry_period_s),
     .value_name = "SECONDS",
     .help = "Time between two attempts to acquire or renew."},
    {.name = "watch",
     .variable = "ZEN_LEAD_WATCH",
     .type = ZL_OPTION_CHOICE,
     .default_value = "auto",
     .choices = "auto|namespaces|cluster",
     .offset = FIELD(watch),
     .help = "How pods, workloads, ReplicaSets and revisions are watched: in each namespace that "
             "uses zen-lead (namespaces), "
             "or all at once and filtered (cluster), for clusters in which nearly every namespace "
             "uses it. "
             "auto takes cluster when more than 500 namespaces do at the program's start."},
    {.name = "watch-silence-seconds",
     .variable = "ZEN_LEAD_WATCH_SILENCE_SECONDS",
     .type = ZL_OPTION_I64,
     .default_value = "90",
     .min = 5,
     .max = 3600,
     .offset = FIELD(watch_silence_s),
     .value_name = "SECONDS",
     .help =
         "A watch on which nothing came for so long, and up to a third more, is resumed on another "
         "connection: so late is what a hung API server, or a proxy that lost it, keeps from us. "
         "API servers send a bookmark each minute; less than that resumes quiet watches, too."},
    {.name = "namespaces",
     .variable = "WATCH_NAMESPACE",
     .type = ZL_OPTION_TEXT,
     .offset = FIELD(namespaces),
     .value_name = "NAME,...",
     .help =
         "Look at these namespaces alone, with rights in them and none in the cluster. Then "
         "the webhook configuration is somebody else's to keep, nodes have no zones, and a leader "
         "that does not get out within its grace period and a lease duration counts as lost, "
         "also on a Ready node."},
    {.name = "fleet-arbiter",
     .variable = "ZEN_LEAD_FLEET_ARBITER",
     .type = ZL_OPTION_BOOL,
     .default_value = "false",
     .offset = FIELD(fleet_arbiter),
     .help = "Decide which clusters of a fleet may act, on the hub: the API server of "
             "--fleet-hub-kubeconfig, without it the controller's own. Two replicas elect one."},
    {.name = "fleet-arbiter-only",
     .variable = "ZEN_LEAD_FLEET_ARBITER_ONLY",
     .type = ZL_OPTION_BOOL,
     .default_value = "false",
     .offset = FIELD(fleet_arbiter_only),
     .help = "The same, and nothing else: of any API server nothing is read but the Leases of "
             "--fleet-namespace, so that the hub may be one without pods."},
    {.name = "fleet-hub-kubeconfig",
     .variable = "ZEN_LEAD_FLEET_HUB_KUBECONFIG",
     .type = ZL_OPTION_TEXT,
     .offset = FIELD(fleet_hub_kubeconfig),
     .value_name = "FILE",
     .help = "How to reach the hub, the API server by which clusters take turns. Without it this "
             "cluster has no part in a fleet."},
    {.name = "cluster-name",
     .variable = "ZEN_LEAD_CLUSTER_NAME",
     .type = ZL_OPTION_TEXT,
     .offset = FIELD(cluster_name),
     .value_name = "NAME",
     .help = "What this cluster is called in its fleets; no other may have the name."},
    {.name = "cluster-labels",
     .variable = "ZEN_LEAD_CLUSTER_LABELS",
     .type = ZL_OPTION_TEXT,
     .offset = FIELD(cluster_labels),
     .value_name = "NAME=VALUE,...",
     .help = "What stages and spread of its fleets tell this cluster by: tier=canary,region=eu. "
             "Together at most 255 characters."},
    {.name = "fleet-namespace",
     .variable = "ZEN_LEAD_FLEET_NAMESPACE",
     .type = ZL_OPTION_TEXT,
     .default_value = "zen-fleet",
     .offset = FIELD(fleet_namespace),
     .value_name = "NAME",
     .help = "Namespace of the fleets' Leases on the hub."},
    {.name = "fleet-lock",
     .variable = "ZEN_LEAD_FLEET_LOCK",
     .type = ZL_OPTION_TEXT,
     .offset = FIELD(fleet_lock),
     .value_name = "GROUP=N,...",
     .help =
         "With an arbiter: answer FleetLock's requests on the port of metrics, by which nodes ask "
         "before they reboot, and let N of each group do it at once. The protocol knows no rights: "
         "let nobody but nodes reach the port."},
    {.name = "log-level",
     .variable = "ZEN_LEAD_LOG_LEVEL",
     .type = ZL_OPTION_CHOICE,
     .default_value = "info",
     .choices = "debug|info|warn|error",
     .offset = FIELD(log_level),
     .help = "Least severe log line that is written to standard error."},
    {.name = NULL},
};

static const struct zl_metric *const *const METRICS[] = {
    ZL_DAEMON_METRICS,   ZL_PROCESS_METRICS,   ZL_KUBE_CLIENT_METRICS,
    ZL_RETRY_METRICS,    ZL_CARETAKER_METRICS, ZL_INFORMER_METRICS,
    ZL_CACHE_METRICS,    ZL_MANAGER_METRICS,   ZL_DISPATCH_METRICS,
    ZL_QUEUE_METRICS,    ZL_POOL_METRICS,      ZL_JOB_METRICS,
    ZL_ROUTE_METRICS,    ZL_SERVICE_METRICS,   ZL_FAILOVER_METRICS,
    ZL_OVERVIEW_METRICS, ZL_ARMER_METRICS,     ZL_ARBITER_METRICS,
    ZL_MEMBER_METRICS,   ZL_HTTP_METRICS,      NULL};

static const struct zl_program PROGRAM = {
    .name = "zen-lead-controller",
    .summary =
        "Controller of zen-lead. Watches LeaderPolicies and the workloads that join them, "
        "keeps each pool's Lease and status true, wakes the owner when a seat becomes free, "
        "deletes pods that slipped past the gatekeeper, and leads traffic to the leader, of a pool "
        "or of an annotated Service, by a Service and EndpointSlice of its own. Run two or more "
        "replicas: one is "
        "elected, the others take over when it stops. While none runs, nothing that runs is "
        "disturbed.",
    .options = OPTIONS,
    .epilogue =
        "Signals: SIGTERM and SIGINT drain, give the Lease back and exit 0; a second one exits "
        "at once.\n"
        "Exit codes: 0 stopped as asked, 1 failed or lost its Lease (the last log line says "
        "which), 2 usage.\n",
};

static enum zl_status run(void *ctx, struct zl_kube_client *client,
                          const struct zl_kube_config *kube, struct zl_error *err)
{
    const struct zl_controller_config *config = ctx;
    const char *namespace_ = config->namespace_ != NULL ? config->namespace_ : kube->namespace_;
    return zl_manager_run(config, client, namespace_, err);
}

int main(int argc, char **argv)
{
    struct zl_controller_config config;
    zl_options_parse_or_exit(&PROGRAM, argc, argv, &config);
    const struct zl_daemon daemon = {.name = PROGRAM.name,
                                     .kubeconfig = config.kubeconfig,
                                     .log_level = config.log_level,
                                     .watch_silence_s = config.watch_silence_s,
                                     .metrics = METRICS,
                                     .run = run,
                                     .ctx = &config};
    return zl_daemon_main(&daemon);
}
