# shellcheck shell=bash
#
# cluster.bash - what the faults are done to: a control plane, two webhooks behind haproxy, two controllers, each connection
# through a fault proxy; six pools and one in which Jobs take turns; and an API server of our own for checker and driver. To be sourced.
#
#   checker, driver --- observer (kube-apiserver without watch cache) ---+
#                                                                        etcd
#   stand-in, owners ------------------+                                 |
#   webhook-N, controller-N -- link-N --- kube-apiserver ----------------+
#                                              +-- link-review -- haproxy -- webhook-N
#
# The observer is never disturbed. Without a watch cache it serves a watch from any revision that etcd still has, so
# that not one change is lost while etcd and the other API server die; kube-apiserver itself answers 410 then, as it does
# everywhere, and zen-lead has to live with that.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root" || exit 1
# shellcheck source=test/controlplane/programs.bash
. test/controlplane/programs.bash
# shellcheck source=test/controlplane/apiservers.bash
. test/controlplane/apiservers.bash
# shellcheck source=test/chaos/programs.bash
. test/chaos/programs.bash

webhooks=(webhook-1 webhook-2)
controllers=(controller-1 controller-2)
# POOL KIND WORKLOAD POLICY STRATEGY
pools='handover Deployment  handover {}                     RollingUpdate
       recreate Deployment  recreate {rollout:Recreate}     RollingUpdate
       replace  Deployment  replace  {}                     Recreate
       stateful StatefulSet stateful {}                     RollingUpdate
       pair     Deployment  pair-a   {}                     Recreate
       pair     Deployment  pair-b   {}                     Recreate
       standby  Deployment  standby  {followerMode:standby} RollingUpdate
       jobs     Job         -        {}                     -'

make_markers() {
    kubectl apply -f - <<'MARKERS'
apiVersion: v1
kind: List
items:
- {apiVersion: coordination.kube-zen.io/v1alpha1, kind: LeaderPolicy, metadata: {name: zl-chaos-marker, namespace: kube-system}}
- {apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {name: zl-chaos-marker, namespace: kube-system}, spec: {holderIdentity: nobody}}
- {apiVersion: v1, kind: Pod, metadata: {name: zl-chaos-marker, namespace: kube-system}, spec: {containers: [{name: main, image: none}]}}
- apiVersion: apps/v1
  kind: ReplicaSet
  metadata: {name: zl-chaos-marker, namespace: kube-system}
  spec: &none {replicas: 0, selector: {matchLabels: {app: none}}, template: {metadata: {labels: {app: none}}, spec: {containers: [{name: main, image: none}]}}}
- {apiVersion: apps/v1, kind: Deployment, metadata: {name: zl-chaos-marker, namespace: kube-system}, spec: *none}
- {apiVersion: apps/v1, kind: StatefulSet, metadata: {name: zl-chaos-marker, namespace: kube-system}, spec: {serviceName: none, <<: *none}}
- apiVersion: batch/v1
  kind: Job
  metadata: {name: zl-chaos-marker, namespace: kube-system}
  spec: {parallelism: 0, template: {spec: {restartPolicy: Never, containers: [{name: main, image: none}]}}}
MARKERS
}

policies() {
    local pool policy
    while read -r pool _ _ policy _; do
        policy=${policy#\{} policy=${policy%\}}
        policy=${policy/:/: }
        cat <<POLICY
---
apiVersion: coordination.kube-zen.io/v1alpha1
kind: LeaderPolicy
metadata: {name: $pool}
spec: {leaseDurationSeconds: 5, renewDeadlineSeconds: 3, retryPeriodSeconds: 1${policy:+, $policy}}
POLICY
    done <<<"$pools"
}

workloads() {
    local pool kind name strategy spec
    while read -r pool kind name _ strategy; do
        [ "$kind" != Job ] || continue # they come and go: faults.bash
        spec="strategy: {type: $strategy}"
        spec+=$'\n  progressDeadlineSeconds: 10'
        [ "$kind" = Deployment ] || spec="serviceName: $name"
        cat <<WORKLOAD
---
apiVersion: apps/v1
kind: $kind
metadata: {name: $name, labels: {zen-lead/pool: $pool}}
spec:
  replicas: 3
  $spec
  selector: {matchLabels: {app: $name}}
  template:
    metadata: {labels: {app: $name}, annotations: {zl-test/ready-after-ms: "300"}}
    spec: {containers: [{name: main, image: none, ports: [{containerPort: 8080}]}]}
WORKLOAD
    done <<<"$pools"
}

start_links_and_programs() {
    local name
    for name in "${webhooks[@]}" "${controllers[@]}"; do
        start_link "$name" "$(apiserver_port)" || return 1
    done
    for name in "${webhooks[@]}"; do start_webhook "${name#*-}" --kubeconfig "$(through_link webhook "$name")"; done
    for name in "${controllers[@]}"; do start_controller "${name#*-}" --kubeconfig "$(through_link controller "$name")"; done
    start_proxy ${#webhooks[@]} 1s
    start_link review "$(port_of proxy)" || return 1
    for name in "${webhooks[@]}" "${controllers[@]}"; do await_ready "$name" 40 || return 1; done
    wait_until 20 proxy_answers
}

# start_everything - up to pools that all have a leader; with a kube-controller-manager that says whom it keeps waiting
start_everything() {
    ZL_CONTROLLER_MANAGER_OPTIONS=--vmodule=controller_utils=4 bash test/controlplane/up.sh "$ZL_RUN" $$ || return 1
    export PATH=$ZL_RUN/bin:$PATH KUBECONFIG=$ZL_RUN/kubeconfig
    another_apiserver observer --watch-cache=false || return 1
    install_manifests >/dev/null || return 1
    make_certificates || return 1
    start_kubelet --nodes 3
    make_markers >/dev/null || return 1
    start_links_and_programs || return 1
    remember etcd kube-apiserver "${webhooks[@]}" "${controllers[@]}"
    arm_gatekeeper "$(port_of link-review)" >/dev/null || return 1
    # From here on people come and go by the observer: it is there when kube-apiserver is not.
    export KUBECONFIG=$ZL_RUN/observer.kubeconfig
    kubectl create namespace chaos >/dev/null || return 1
    # The label is there by itself since 1.21.
    kubectl label --overwrite namespace chaos kubernetes.io/metadata.name=chaos >/dev/null
    process_start checker "$ZL_BIN/zl-chaos-checker" --kubeconfig "$KUBECONFIG" --namespace chaos \
        --control "$ZL_RUN/checker" --summary "$ZL_RUN/summary"
    wait_until 20 grep -q -e '-- watching' "$ZL_RUN/log/checker.log" || { log_tail checker; return 1; }
    process_start expectations bash test/chaos/expectations.sh "$ZL_RUN/log/kube-controller-manager.log" chaos "$ZL_RUN/checker"
    policies | kubectl apply -n chaos -f - >/dev/null || return 1
    kubectl wait -n chaos --for condition=GatekeeperArmed --timeout 60s leaderpolicy --all >/dev/null || return 1
    workloads | kubectl apply -n chaos -f - >/dev/null 2>>"$ZL_RUN/log/driver.log"
}
