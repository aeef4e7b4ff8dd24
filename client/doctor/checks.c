/* SPDX-License-Identifier: Apache-2.0 */
#include "client/doctor/checks.h"

#include "common/base/clock.h"
#include "common/base/limits.h"

#include <stdarg.h>

/* More than these are counted. */
enum { SAID_MAX = 3 };

const struct zl_check ZL_CHECKS[] = {
    {"ZL0101", "API server", "the API server answers",
     "the message says why; kubectl version meets the same", zl_check_reachable},
    {"ZL0102", "API server", "it is Kubernetes 1.20 or newer", "upgrade the cluster",
     zl_check_version},
    {"ZL0103", "API server", "it serves the API groups that zen-lead uses",
     "enable them: --runtime-config of the API server", zl_check_groups},
    {"ZL0104", "API server", "its clock and this machine's differ by less than 5 s",
     "NTP on both; ages and validity that this program shows are wrong by as much", zl_check_clock},

    {"ZL0201", "installation", "LeaderPolicies are served",
     "kubectl apply -k manifests/overlays/...", zl_check_crd},
    {"ZL0202", "installation", "the CustomResourceDefinition has this version's fields",
     "kubectl apply -f manifests/base/crd.yaml of this version (helm upgrade leaves CRDs as they "
     "are)",
     zl_check_crd_fields},
    {"ZL0203", "installation", "controller and webhook have the rights that they need",
     "kubectl apply the ClusterRoles of manifests/base/rbac.yaml", zl_check_rights},
    {"ZL0204", "installation", "nobody of zen-lead may patch pods unless a pool labels them",
     "kubectl delete -k manifests/pod-role-label, if no pool has podRoleLabel: true",
     zl_check_no_pod_patch},

    {"ZL0301", "webhook", "the gatekeeper's webhook configuration is there",
     "apply the manifests again; the controller fills it", zl_check_configuration},
    {"ZL0302", "webhook", "its Service leads to a Ready pod",
     "kubectl get pods -n zen-lead-system; look at their readiness and the Service's selector",
     zl_check_endpoints},
    {"ZL0303", "webhook", "its replicas are Ready",
     "kubectl describe deployment zen-lead-webhook -n zen-lead-system", zl_check_webhook_ready},
    {"ZL0304", "webhook", "it answers a dry-run review, within a second",
     "ZL0302, ZL0305 and ZL0306 name the usual causes; else a NetworkPolicy or firewall between "
     "API server and webhook",
     zl_check_review},
    {"ZL0305", "webhook", "caBundle verifies the serving certificate",
     "kubectl create job --from=cronjob/zen-lead-certs-renewal, or zen-lead-certs, or "
     "cert-manager's "
     "ca-injector: docs/tls.md",
     zl_check_ca_bundle},
    {"ZL0306", "webhook", "its certificates are valid for a week and more",
     "whoever renews it should have done so: docs/tls.md", zl_check_expiry},
    {"ZL0307", "webhook", "failurePolicy and --on-api-error say the same",
     "Fail with deny, Ignore with allow", zl_check_failure_policy},
    {"ZL0308", "webhook", "it is asked about named namespaces alone, never kube-system or its own",
     "delete the namespaceSelector's additions, or restart the controller, which writes it",
     zl_check_blast_radius},
    {"ZL0309", "webhook", "the path of its reviews is a secret",
     "finish the upgrade, or take zen-lead.io/plain-path off Secret zen-lead-review-path: "
     "docs/upgrade.md",
     zl_check_secret_path},

    {"ZL0401", "controller", "a controller leads and renews its Lease",
     "kubectl logs -n zen-lead-system deployment/zen-lead-controller", zl_check_controller_lease},
    {"ZL0402", "controller", "its replicas are Ready",
     "kubectl describe deployment zen-lead-controller -n zen-lead-system",
     zl_check_controller_ready},
    {"ZL0403", "controller", "webhook and controller have the same claim timeout",
     "the same --claim-timeout-seconds for both", zl_check_claim_timeouts},
    {"ZL0404", "controller", "webhook, controller and this program are of one version",
     "finish the upgrade: docs/upgrade.md", zl_check_skew},

    {"ZL0501", "pools", "the gatekeeper is armed for each pool that it refuses pods of",
     "docs/troubleshooting.md#my-pool-is-not-gatekept", zl_check_armed},
    {"ZL0502", "pools", "each pool that a workload names has a LeaderPolicy",
     "create the LeaderPolicy, or remove the label zen-lead/pool", zl_check_policies_exist},
    {"ZL0503", "pools", "no rollout is stuck at a revision that failed",
     "kubectl logs of that revision's pod; fix the Deployment, or kubectl rollout restart",
     zl_check_rollouts},
    {"ZL0504", "pools", "no PodDisruptionBudget keeps a leader for ever",
     "maxUnavailable: 100%, or followerMode: standby: docs/clients.md#disruption-budgets",
     zl_check_budgets},
    {"ZL0505", "pools", "no leader Service leads elsewhere besides",
     "remove the EndpointSlice or Endpoints that the message names", zl_check_foreign_endpoints},
    {"ZL0506", "pools", "no Deployment with a claimed volume hands over",
     "rollout: Recreate in the LeaderPolicy, if the volume is ReadWriteOnce", zl_check_volumes},
    {"ZL0507", "pools", "each pool that ought to has a leader that is Ready",
     "zen-lead explain the workload; kubectl describe its ReplicaSet", zl_check_leaders},
    {"ZL0508", "pools", "no autoscaler scales what runs one pod",
     "remove the HorizontalPodAutoscaler, or followerMode: standby", zl_check_autoscalers},
    {"ZL0509", "pools", "nobody else resumes Jobs that wait",
     "let zen-lead, or the other one, decide", zl_check_jobs},
    {"ZL0510", "pools", "the controller has seen each LeaderPolicy as it is now",
     "ZL0401 and ZL0203: the controller is down, or may not write the status", zl_check_observed},

    {"ZL0601", "fleet", "the hub answers this cluster",
     "the message says why; kubectl with the kubeconfig of Secret zen-lead-fleet meets the same",
     zl_check_hub},
    {"ZL0602", "fleet", "this cluster may write its own Lease on the hub, and no other",
     "on the hub: zen-lead fleet add CLUSTER | kubectl apply -f -, and no other right for that "
     "account",
     zl_check_hub_rights},
    {"ZL0603", "fleet", "its credential for the hub is valid for a week and more",
     "zen-lead fleet credentials CLUSTER, and renew Secret zen-lead-fleet: docs/fleet.md",
     zl_check_hub_credential},
    {"ZL0604", "fleet", "no other cluster has this one's name",
     "give one of both another --cluster-name and an identity of its own: zen-lead fleet add",
     zl_check_fleet_name},
    {"ZL0605", "fleet", "the clusters' LeaderPolicies say the same",
     "apply the same one to all; until then the strictest counts, or what zen-lead fleet set says",
     zl_check_fleet_specs},
    {"ZL0606", "fleet", "an arbiter decides on the hub",
     "start one: docs/fleet.md#the-arbiters-are-away", zl_check_arbiter},
    {"ZL0607", "fleet", "no turn waits for a restored hub",
     "wait, or zen-lead fleet resume --after-restore: "
     "docs/fleet.md#the-hub-was-restored-from-a-backup",
     zl_check_hub_restored},
    {NULL, NULL, NULL, NULL, NULL},
};

enum zl_health zl_check_judge(const struct zl_check *check, const struct zl_doctor_facts *facts,
                              char **detail)
{
    struct zl_findings_of_check found = {0};
    zl_buf_init(&found.text, 4 * ZL_KIB);
    const enum zl_health health = check->judge(facts, &found);
    if (found.count > SAID_MAX) {
        (void)zl_buf_printf(&found.text, "; and %d more", found.count - SAID_MAX);
    }
    *detail = zl_buf_take(&found.text);
    return health;
}

void zl_check_say(struct zl_findings_of_check *out, const char *format, ...)
{
    char text[512];
    va_list args;
    if (out->count++ >= SAID_MAX) {
        return;
    }
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    (void)zl_buf_printf(&out->text, "%s%s", out->count > 1 ? "; " : "", text);
}

enum zl_health zl_check_unknown(const struct zl_told *answer, struct zl_findings_of_check *out)
{
    zl_check_say(out, "%s", answer->asked ? answer->message : "not asked in time");
    return ZL_HEALTH_UNKNOWN;
}

const char *zl_health_name(enum zl_health health)
{
    static const char *const names[ZL_HEALTH_COUNT] = {"ok", "none", "unknown", "warning",
                                                       "failed"};
    return names[health];
}

int64_t zl_doctor_skew_us(const struct zl_doctor_facts *facts)
{
    const struct zl_told *told = &facts->told[ZL_ASKED_TIME];
    int64_t server_us = 0;
    if (told->status != ZL_OK ||
        !zl_time_parse(zl_json_text(told->tree, "metadata", "creationTimestamp", NULL),
                       &server_us)) {
        return 0;
    }
    /* It is cut to whole seconds, and was written somewhere between question and answer. */
    const int64_t early_us = server_us - (facts->now_us + told->took_ms * 1000);
    const int64_t late_us = server_us + 1000000 - facts->now_us;
    return early_us > 0 ? early_us : late_us < 0 ? late_us : 0;
}
