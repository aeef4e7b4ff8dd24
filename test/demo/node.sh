#!/usr/bin/env bash
# node.sh DIR - the last part of the demo: zen-lead and its users as containers on a real node, and what a client sees. Run by demo.sh inside
# test/node/sandbox.sh; DIR is the node's run folder.
set -euo pipefail

# shellcheck source=test/controlplane/programs.bash
. test/controlplane/programs.bash
# shellcheck source=test/node/node.bash
. test/node/node.bash
# shellcheck source=test/demo/talk.bash
. test/demo/talk.bash

mkdir -p "$1/pids"
ZL_RUN=$(cd "$1" && pwd)
export ZL_RUN PATH=$ZL_RUN/bin:$PATH KUBECONFIG=$ZL_RUN/kubeconfig
trap 'bash test/controlplane/down.sh "$ZL_RUN"' EXIT
trap 'exit 130' INT TERM HUP

start_node() {
    local folder
    step "All of it again with real containers: containerd, kubelet, kube-proxy, in a network namespace of their own"
    begin "the node is Ready"
    bash test/node/up.sh "$ZL_RUN" $$ 2>"$ZL_RUN/up.log" || give_up "$(cat "$ZL_RUN/up.log")"
    done_in
    for folder in $(node_overlay); do run kubectl apply -k "manifests/$folder" | grep -vE 'created|configured'; done
    begin "zen-lead's four pods are Ready"
    node_await_zen_lead >"$ZL_RUN/install.log" 2>&1 || give_up "$(cat "$ZL_RUN/install.log")"
    done_in
    kubectl create namespace shop >/dev/null
    kubectl label namespace shop --overwrite kubernetes.io/metadata.name=shop >/dev/null
    kubectl config set-context --current --namespace shop >/dev/null
}

# pool NAME SPEC REPLICAS [ARGUMENTS] - a pool, its Deployment and a client of its leader.
pool() {
    kubectl apply -f - >/dev/null <<POLICY
apiVersion: coordination.kube-zen.io/v1alpha1
kind: LeaderPolicy
metadata: {name: $1}
spec: $2
POLICY
    await_armed shop "$1"
    app Deployment "$1" "$3" "$1" "${4:-}" | kubectl apply -f - >/dev/null
    wait_until 60 kubectl get service "$1-leader" || give_up "There is no leader Service."
    client_start "$1" shop "$1-leader" || give_up "The leader does not answer."
}

leader() { kubectl get lease "zen-lead-$1" -o 'jsonpath={.spec.holderIdentity}' | cut -d _ -f 1; }
led_by_other() { [ -n "$(leader "$1")" ] && [ "$(leader "$1")" != "$2" ] && [ "$(curl -sf --noproxy '*' -m 1 "http://$(service_address shop "$1-leader")/")" = "$(leader "$1")" ]; }

is_gone() { local left && left=$(kubectl get pod "$1" --ignore-not-found -o name) && [ -z "$left" ]; }

# tell_count POOL - what its client saw since the last count.
tell_count() {
    local line
    line=$(client_count "$1")
    good "$(client_field requests "$line") requests: longest gap $(client_field longest-gap-ms "$line") ms, errors: $(client_field errors "$line")."
}

show_standby() {
    local old
    step "A client asks the leader Service 250 times a second; the leader is deleted by force (standby: three run, one leads)"
    say "(Its pods serve on for two seconds after SIGTERM, as docs/clients.md asks of them: until kube-proxy has followed.)"
    pool web '{followerMode: standby}' 3 --drain-ms=2000
    wait_until 60 kubectl rollout status deployment/web --timeout 1s || give_up "The pods are not Ready."
    run kubectl get pods,service
    old=$(leader web)
    client_count web >/dev/null
    run kubectl delete pod "$old" --grace-period=0 --force
    wait_until 30 led_by_other web "$old" || give_up "No new leader within 30 s."
    tell_count web
}

show_handover() {
    local old
    step "A rolling update where only one pod may lead: the new one is Ready before the old one goes"
    pool checkout '{}' 3
    old=$(leader checkout)
    client_count checkout >/dev/null
    run kubectl set env deployment/checkout REVISION=2
    wait_until 60 led_by_other checkout "$old" || give_up "No new leader within 60 s."
    wait_until 30 is_gone "$old" || give_up "The old leader stays."
    tell_count checkout
    run kubectl get leaderpolicy
}

start_node
show_standby
show_handover
