#!/usr/bin/env bash
# demo.sh - zen-lead in a minute, on a real control plane, in this terminal. Run by `make demo`.
#
# Installs what it needs, starts etcd, kube-apiserver, kube-controller-manager, the pod stand-in, webhook and
# controller on free ports in a temporary folder, and tells the story with the kubectl commands that you
# would type yourself. Ctrl-C cleans up.
#
#   KEEP=1          leave everything running and say how to look at it and how to stop it
#   NODE=0          without the last part, which runs containers on a real node (test/node) and needs root
#   PAUSE=SECONDS   between the steps; default 1 on a terminal, 0 elsewhere
#   NO_COLOR=1      no colours, which are used only on a terminal anyway
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
# shellcheck source=test/controlplane/programs.bash
. test/controlplane/programs.bash

# shellcheck source=test/demo/talk.bash
. test/demo/talk.bash

finish() {
    local status=$?
    trap '' INT
    if [ "$status" -ne 0 ]; then printf '\nStopping.\n' >&2; fi
    bash test/controlplane/down.sh "$ZL_RUN"
}

# Every change of every pod with the time at which it reached us: "ms TYPE name ready".
watch_pods() {
    kubectl get pods --watch --output-watch-events -o go-template='{{.type}} {{with .object}}{{.metadata.name}} {{range .status.conditions}}{{if eq .type "Ready"}}{{.status}}{{end}}{{end}}{{end}}{{"\n"}}' |
        while read -r line; do echo "$((${EPOCHREALTIME/./} / 1000)) $line"; done
}
export -f watch_pods

# first_ms PATTERN - when the first line that matches was seen
first_ms() { awk -v pattern="$1" '$0 ~ pattern { print $1; exit }' "$ZL_RUN/log/watch.log"; }

start_everything() {
    printf '%szen-lead: one label, one leader%s\n\n' "$bold" "$plain"
    begin "etcd, kube-apiserver, kube-controller-manager"
    if ! bash test/controlplane/up.sh "$ZL_RUN" $$ 2>"$ZL_RUN/up.log"; then
        cat "$ZL_RUN/up.log" >&2
        give_up "The control plane did not start."
    fi
    done_in
    begin "manifests/: the LeaderPolicy CRD, RBAC"
    install_manifests >"$ZL_RUN/install.log" 2>&1 || give_up "$(cat "$ZL_RUN/install.log")"
    done_in
    begin "certificates, webhook, controller, and pods' stand-in"
    make_certificates >"$ZL_RUN/certs.log" 2>&1 || give_up "$(cat "$ZL_RUN/certs.log")"
    start_kubelet --nodes 3
    start_webhook 1
    start_controller 1
    await_ready webhook-1
    await_ready controller-1
    arm_gatekeeper "$(port_of webhook-1)" >"$ZL_RUN/arm.log" 2>&1 || give_up "$(cat "$ZL_RUN/arm.log")"
    done_in
    kubectl create namespace shop >/dev/null
    kubectl label namespace shop --overwrite kubernetes.io/metadata.name=shop >/dev/null
    kubectl config set-context --current --namespace shop >/dev/null
    process_start watch bash -c watch_pods
}

leader() { kubectl get leaderpolicy checkout -o jsonpath='{.status.currentHolder.name}'; }
leads() { [ -n "$(leader)" ] && [ "$(leader)" != "${1:-}" ] && kubectl wait --for condition=Ready --timeout 1s "pod/$(leader)"; }
refused() { [ "$(kubectl get events --field-selector reason=FailedCreate -o name | wc -l)" -ge 1 ]; }
is_blocked() { [ "$(kubectl get leaderpolicy checkout -o jsonpath='{.status.blocked}')" = 2 ]; }

show_admission() {
    step "A pool is one small object"
    apply 'apiVersion: coordination.kube-zen.io/v1alpha1
kind: LeaderPolicy
metadata:
  name: checkout'
    run kubectl wait --for condition=GatekeeperArmed --timeout 20s leaderpolicy/checkout
    say "(From now on the webhook is asked about the pods of this namespace, and of no other.)"

    step "A Deployment with 3 replicas joins it with one label"
    apply 'apiVersion: apps/v1
kind: Deployment
metadata:
  name: checkout
  labels:
    zen-lead/pool: checkout
spec:
  replicas: 3
  selector: {matchLabels: {app: checkout}}
  template:
    metadata: {labels: {app: checkout}}
    spec: {containers: [{name: main, image: example/checkout}]}'
    wait_until 20 leads || give_up "No leader came up; logs are printed with KEEP=1."
    wait_until 10 refused || true

    step "One pod was admitted. The API server refused the others, and says why"
    run kubectl get replicaset,pods
    run kubectl get events --field-selector reason=FailedCreate -o custom-columns=TIMES:.count,OBJECT:.involvedObject.kind,MESSAGE:.message

    step "Who leads stands in the LeaderPolicy and in an ordinary Lease"
    wait_until 10 is_blocked || true
    run kubectl get leaderpolicy -o wide
    run kubectl get lease
}

show_failover() {
    local old new gone admitted ready before
    step "The leader dies"
    old=$(leader)
    before=$(kubectl get leaderpolicy checkout -o jsonpath='{.status.fencingToken}')
    run kubectl delete pod "$old" --grace-period=0 --force
    wait_until 20 leads "$old" || give_up "No new leader within 20 s."
    new=$(leader)
    wait_until 5 grep -q "ADDED $new" "$ZL_RUN/log/watch.log" || true
    wait_until 5 grep -q "MODIFIED $new True" "$ZL_RUN/log/watch.log" || true
    gone=$(first_ms "DELETED $old")
    admitted=$(first_ms "ADDED $new")
    ready=$(first_ms "MODIFIED $new True")
    echo
    good "$new was admitted $((admitted - gone)) ms after $old was gone, and Ready after $((ready - gone)) ms."
    say "(Pods of the stand-in start at once; in a cluster add your container's own start.)"

    step "Its fencing token is higher: storage that checks it is safe from a leader who does not know yet"
    wait_until 10 is_blocked || true
    run kubectl get leaderpolicy -o wide
    good "Fencing token $before -> $(kubectl get leaderpolicy checkout -o jsonpath='{.status.fencingToken}')."

    step "Somebody deletes the Lease by hand: still one leader, the same"
    run kubectl delete lease zen-lead-checkout
    wait_until 10 kubectl get lease zen-lead-checkout || true
    run kubectl get lease,pods
}

show_node() {
    local reason
    [ "${NODE:-1}" != 0 ] || return 0
    if ! reason=$(bash test/node/check.sh); then
        printf '\n   %sThe part with real containers is left out: %s.%s\n' "$dim" "$reason" "$plain"
        return
    fi
    ZL_CONTAINERD=$(bash test/node/containerd.sh)
    export ZL_CONTAINERD first_step=$step_number
    setpriv --pdeathsig TERM bash test/node/sandbox.sh "$ZL_RUN/sandbox" bash test/demo/node.sh "$ZL_RUN/node" &
    wait $! || give_up "The node failed; NODE=0 leaves this part out."
}

say_goodbye() {
    sleep "$pause"
    if [ -z "${KEEP:-}" ]; then
        printf '\n%sThat is all.%s Run it with KEEP=1 to look around yourself; it is being taken down now.\n' "$bold" "$plain"
        return
    fi
    process_stop watch || true
    process_stop guard || true
    trap - EXIT
    printf '\n%sIt keeps running. In any terminal:%s\n\n' "$bold" "$plain"
    [ -n "$has_kubectl" ] || printf '   export PATH=%s:%s\n' "$ZL_RUN/bin" "\$PATH"
    printf '   export KUBECONFIG=%s/kubeconfig\n' "$ZL_RUN"
    printf '   kubectl get leaderpolicy,lease,pods,events\n\n'
    printf 'Logs are in %s/log. To stop it and leave nothing behind:\n\n   bash %s/test/controlplane/down.sh %s\n' \
        "$ZL_RUN" "$root" "$ZL_RUN"
}

bash test/controlplane/packages.sh jq curl openssl
check_programs
bash test/controlplane/build.sh >/dev/null # the first time takes minutes, and says so

ZL_RUN=$(mktemp -d "${TMPDIR:-/tmp}/zen-lead-demo.XXXXXX")
mkdir "$ZL_RUN/pids"
export ZL_RUN
has_kubectl=$(command -v kubectl || true)
export PATH=$ZL_RUN/bin:$PATH KUBECONFIG=$ZL_RUN/kubeconfig
trap finish EXIT
trap 'exit 130' INT TERM
start_everything
show_admission
show_failover
show_node
say_goodbye
