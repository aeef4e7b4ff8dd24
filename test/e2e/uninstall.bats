#!/usr/bin/env bats
#
# uninstall.bats - install, use, uninstall as the documents say: what is left in the cluster is what was there.
#
# On a control plane of its own, which nothing of zen-lead has touched.

load lib
# shellcheck disable=SC2154 # $zl_root is of programs.bash

setup() {
    group_run=$ZL_RUN
    group_path=$PATH
    ZL_RUN=$BATS_TEST_TMPDIR/run
    mkdir -p "$ZL_RUN/pids"
    bash "$zl_root/test/controlplane/up.sh" "$ZL_RUN" $$
    export ZL_RUN PATH=$ZL_RUN/bin:$PATH KUBECONFIG=$ZL_RUN/kubeconfig
    start_kubelet --nodes 3
    new_namespace
}

teardown() {
    if [ -z "${BATS_TEST_COMPLETED:-}" ]; then
        explain
        diff "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/now" | head -n 60
    fi
    bash "$zl_root/test/controlplane/down.sh" "$ZL_RUN"
    export ZL_RUN=$group_run PATH=$group_path KUBECONFIG=$group_run/kubeconfig
}

# Every object of every kind, one per line, without what Kubernetes itself counts with and without Events. Of pods, Nodes
# and addresses only what does not depend on the hour, nor on the node that a pod happens to be on: since 1.35 it has its zone.
objects() {
    local kinds
    kinds=$(kubectl api-resources --verbs=list -o name | grep -vE '^events(\.|$)|^componentstatuses$' | paste -sd,)
    kubectl get "$kinds" --all-namespaces -o json | jq -c '.items[]
        | del(.metadata.resourceVersion, .metadata.managedFields, .metadata.generation, .metadata.selfLink,
              .metadata.annotations["endpoints.kubernetes.io/last-change-trigger-time"])
        | if (.metadata.annotations // {}) == {} then del(.metadata.annotations) else . end
        | if .kind == "Pod" then {kind, phase: .status.phase, annotations: .metadata.annotations,
              labels: (.metadata.labels | del(.["topology.kubernetes.io/zone"], .["topology.kubernetes.io/region"])),
              namespace: .metadata.namespace, owner: .metadata.ownerReferences[0].name}
          elif .kind == "Node" then {kind, name: .metadata.name}
          else del(.status, .subsets, .endpoints, .spec.renewTime) end' | sort
}

look() { objects >"$BATS_TEST_TMPDIR/now"; }
as_before() { look && cmp -s "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/now"; }

# The API server and its controllers make things for a while after they started.
remember() {
    look
    cp "$BATS_TEST_TMPDIR/now" "$BATS_TEST_TMPDIR/before"
    remembered=$EPOCHSECONDS
}
# settled - for five seconds nothing has changed.
settled() {
    as_before || { remember && return 1; }
    [ $((EPOCHSECONDS - remembered)) -ge 5 ]
}

# The folder for this version of Kubernetes instead of base.
folder() {
    local minor
    minor=$(minor_version)
    if [ "$minor" -lt 25 ]; then
        echo manifests/overlays/kubernetes-1.20
    elif [ "$minor" -lt 27 ]; then
        echo manifests/overlays/kubernetes-1.25
    else
        echo manifests/base
    fi
}

# What a pod of self-signed/deployment.yaml would do, once, with its arguments and its rights. --ip: the tests reach the webhook by its address.
make_secret() {
    local arguments
    mapfile -t arguments < <(kubectl create --dry-run=client -o json -f "$zl_root/manifests/self-signed/deployment.yaml" |
        jq -r '.spec.template.spec.containers[0].args[] | select(startswith("--every") | not)')
    "$ZL_BIN/zen-lead-certs" --kubeconfig "$ZL_RUN/certs.kubeconfig" "${arguments[@]}" --ip 127.0.0.1
    mkdir -p "$ZL_RUN/tls"
    kubectl get secret --namespace zen-lead-system zen-lead-webhook-tls -o json >"$ZL_RUN/tls/secret.json"
    jq -r '.data["tls.crt"] | @base64d' "$ZL_RUN/tls/secret.json" >"$ZL_RUN/tls/tls.crt"
    jq -r '.data["tls.key"] | @base64d' "$ZL_RUN/tls/secret.json" >"$ZL_RUN/tls/tls.key"
    kubectl get validatingwebhookconfiguration zen-lead -o 'jsonpath={.webhooks[0].clientConfig.caBundle}' |
        base64 -d >"$ZL_RUN/tls/ca.crt"
}

beside=(self-signed network-policy pod-role-label)

install() {
    cd "$zl_root" || return 1
    kubectl apply -k "$(folder)"
    local one
    for one in "${beside[@]}"; do kubectl apply -k "manifests/$one"; done
    make_secret
    for n in 1 2; do
        start_webhook "$n"
        start_controller "$n"
    done
    start_proxy 2
    for n in 1 2; do
        await_ready "webhook-$n"
        await_ready "controller-$n"
    done
    wait_for 10 proxy_answers
    # No Service leads out of a cluster without machines: only the address differs.
    wait_for 20 point_at_proxy # again if the controller has written it meanwhile
}
point_at_proxy() {
    kubectl get validatingwebhookconfiguration zen-lead -o json |
        jq --arg url "https://127.0.0.1:$(port_of proxy)" \
            '.webhooks[].clientConfig |= if .service then {url: ($url + .service.path), caBundle} else . end' | put_configuration zen-lead &&
        wait_until 10 gatekeeper_is_filled "$(port_of proxy)"
}

# uninstall - make undeploy, which takes the lines of the document. The processes end when their Deployments are gone, as
# pods would.
uninstall() {
    local overlay
    overlay=$(folder)
    (
        wait_until 120 deployments_are_gone
        for n in 1 2; do
            stop_controller "$n"
            stop_webhook "$n"
        done
    ) &
    make --no-print-directory -C "$zl_root" undeploy OVERLAY="${overlay##*/}" BESIDE="${beside[*]}"
    wait
}
deployments_are_gone() { prints_nothing kubectl get deployments --namespace zen-lead-system -o name; }

service() {
    k apply -f - <<SERVICE
apiVersion: v1
kind: Service
metadata: {name: $1}
spec: {selector: {app: $1}, ports: [{port: 80, targetPort: 8080}]}
SERVICE
}

all_ready() { [ "$(ready_pods web)" = 3 ] && [ "$(ready_pods db)" = 2 ] && [ "$(ready_pods plain)" = 3 ]; }
all_labelled() { [ "$(k get pods -l zen-lead/role=leader -o name | wc -l)" = 1 ]; }
leads() { [ -n "$(k get endpointslices -l "kubernetes.io/service-name=$1" -o 'jsonpath={.items[*].endpoints[*].targetRef.name}')" ]; }

use() {
    local leader
    policy web '{podRoleLabel: true}'
    policy db '{rollout: Recreate}'
    k label deployment web zen-lead/pool=web
    k label statefulset db zen-lead/pool=db
    k annotate service plain zen-lead.io/enabled=true
    wait_for 60 one_leader web web
    wait_for 60 one_leader db db
    wait_for 60 all_labelled
    leader=$(pod_names web)
    # A ReplicaSet that is quick about its next pod needs no wake, and a wake leaves an annotation on it.
    freeze_owners
    k delete "$leader" --wait=false
    wait_for 40 is_not "" wakes
    thaw_owners
    wait_for 90 other_leads web web "$leader"
    for leader in web db plain; do wait_for 30 leads "$leader-leader"; done
}
other_leads() { one_leader "$1" "$2" && [ "$(pod_names "$1")" != "$3" ]; }

# What a user put on, and nobody else may take off.
stop_using() {
    k label deployment web zen-lead/pool-
    k label statefulset db zen-lead/pool-
    k annotate service plain zen-lead.io/enabled-
}

@test "install, use, uninstall by the lines of docs/upgrade.md: every object of the cluster is as it was" {
    deployment web 3 ""
    deployment plain 3 ""
    statefulset db 2 ""
    service plain
    wait_for 60 all_ready
    remember
    wait_for 90 settled

    install
    use
    ! as_before || fail "the comparison sees nothing"
    uninstall
    stop_using
    wait_for 120 as_before
}

configurations_are_gone() { prints_nothing kubectl get validatingwebhookconfigurations -o name; }

# What people do who do not read the document.
@test "the namespace zen-lead-system is deleted instead: the configurations go with it, and nobody is locked out" {
    deployment web 3 ""
    deployment plain 3 ""
    statefulset db 2 ""
    wait_for 60 all_ready
    install
    policy web
    k label deployment web zen-lead/pool=web
    wait_for 60 one_leader web web
    kubectl delete namespace zen-lead-system --wait=false
    for n in 1 2; do
        stop_controller "$n"
        stop_webhook "$n"
    done
    wait_for 60 configurations_are_gone
    k delete pods --all --wait=false
    wait_for 60 all_ready
}
