#!/usr/bin/env bash
# check.sh - does the newest Kubernetes that Debian has take the CRD, keep its rules, and ask the webhook?
#
# Its server of custom resources (see build.sh) runs beside a whole control plane of the tests, which tells it who asks and where
# the webhook is. That is as much of a current Kubernetes as can be had without its kube-apiserver; it stores nothing of the other's.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
bash test/controlplane/packages.sh jq curl haproxy
newest=$(bash test/newest/build.sh)
ZL_RUN=$(mktemp -d "${TMPDIR:-/tmp}/zen-lead-newest.XXXXXX")
export ZL_RUN ZL_CLAIM_TIMEOUT=2
mkdir "$ZL_RUN/pids" # by which down.sh knows it
# shellcheck source=test/controlplane/programs.bash
. test/controlplane/programs.bash
trap 'bash test/controlplane/down.sh "$ZL_RUN"' EXIT
trap 'exit 130' INT TERM
echo "# apiextensions-apiserver $(cat "$newest/version"), $("$newest/etcd" --version | head -n 1)"

passed=0 failed=0
# answers NAME TEXT: $answer has TEXT
answers() {
    if [[ $answer == *"$2"* ]]; then
        passed=$((passed + 1)) && echo "ok   - $1"
    else
        failed=$((failed + 1)) && printf 'FAIL - %s\n       wanted: %s\n       %s\n' "$1" "$2" "$(head -c 1000 <<<"$answer")"
    fi
}

bash test/e2e/cluster.sh $$ >"$ZL_RUN.log" 2>&1 || { cat "$ZL_RUN.log"; exit 1; }
rm -f "$ZL_RUN.log"
export PATH=$ZL_RUN/bin:$PATH KUBECONFIG=$ZL_RUN/kubeconfig
client=http://127.0.0.1:$(free_port) peer=http://127.0.0.1:$(free_port) port=$(free_port)
process_start newest-etcd "$newest/etcd" --data-dir "$ZL_RUN/newest-etcd" --listen-client-urls "$client" --advertise-client-urls "$client" \
    --listen-peer-urls "$peer" --initial-advertise-peer-urls "$peer" --initial-cluster "default=$peer"
# What it would have to read of the other server and an older one does not have, is switched off.
process_start newest-apiserver "$newest/apiextensions-apiserver" --etcd-servers "$client" --bind-address 127.0.0.1 --secure-port "$port" \
    --cert-dir "$ZL_RUN/newest-certs" --kubeconfig "$KUBECONFIG" --authentication-kubeconfig "$KUBECONFIG" \
    --authorization-kubeconfig "$KUBECONFIG" --authentication-skip-lookup --enable-priority-and-fairness=false \
    --disable-admission-plugins NamespaceLifecycle,MutatingAdmissionWebhook,MutatingAdmissionPolicy,ValidatingAdmissionPolicy

# ask METHOD PATH [CURL-OPTION...] - its certificate is its own; it is asked on loopback with a token of this run.
ask() {
    curl -sk -m 10 --noproxy '*' -X "$1" -H "Authorization: Bearer $(cat "$ZL_RUN/admin.token")" "https://127.0.0.1:$port$2" "${@:3}"
}
serves() { ask GET "$1" -f -o /dev/null; }
policies=/apis/coordination.kube-zen.io/v1alpha1/namespaces/default/leaderpolicies
# create NAME SPEC - sets $answer: the headers and the body in one line
create() {
    answer=$(jq -n --arg name "$1" --argjson spec "$2" \
        '{apiVersion: "coordination.kube-zen.io/v1alpha1", kind: "LeaderPolicy", metadata: {$name}, $spec}' |
        ask POST "$policies?fieldValidation=Strict" -H 'Content-Type: application/json' -D - -d @- | tr -d '\r\n')
}

wait_until 60 serves /apis/apiextensions.k8s.io/v1 || { log_tail newest-apiserver; exit 1; }
answer=$(kubectl create --dry-run=client --validate=false -o json -f manifests/base/crd.yaml |
    ask POST '/apis/apiextensions.k8s.io/v1/customresourcedefinitions?fieldValidation=Strict' -H 'Content-Type: application/json' -d @- |
    jq -r '"\(.kind): \(.message // .metadata.name)"')
answers "the CRD is taken" "CustomResourceDefinition: leaderpolicies"
wait_until 20 serves "$policies" || true
answer=$(ask GET /apis/apiextensions.k8s.io/v1/customresourcedefinitions/leaderpolicies.coordination.kube-zen.io |
    jq -r '.status | objects | .conditions[] | "\(.type)=\(.status)"' | tr '\n' ' ')
answers "and established, with a structural schema" "NamesAccepted=True Established=True "
[ "$failed" -eq 0 ] || { echo "# without the CRD there is nothing else to ask"; exit 1; }
create web '{}'
answer=$(ask GET "$policies/web" | jq -cS .spec)
answers "defaults are filled" '{"followerMode":"scaleDown","identityStrategy":"pod","leaseDurationSeconds":15,"podRoleLabel":false,"renewDeadlineSeconds":10,"retryPeriodSeconds":2,"rollout":"Handover"}'
create bad '{"retryPeriodSeconds": 10}'
answers "retry before renew" "lower retryPeriodSeconds or raise renewDeadlineSeconds"
create bad '{"leaseDurationSeconds": 10}'
answers "renew before lease" "lower renewDeadlineSeconds or raise leaseDurationSeconds"
create bad '{"followerMode": "parked"}'
answers "values that there are not" 'Unsupported value: \"parked\"'
create bad '{"unknown": 1}'
answers "fields that there are not" 'unknown field \"spec.unknown\"'
create calm '{"followerMode": "standby", "rollout": "Recreate"}'
answers "the webhook is asked, and its warning arrives" 'warning: 299 - "spec.rollout: has no effect with followerMode: standby'
answer=$(ask PATCH "$policies/web/status" -H 'Content-Type: application/merge-patch+json' \
    -d '{"status": {"phase": "Stable", "fencingToken": 7, "executing": {"name": "a", "uid": "u"}, "waiting": 3}}' | jq -cS .status)
answers "the status is written by itself" '{"executing":{"name":"a","uid":"u"},"fencingToken":7,"phase":"Stable","waiting":3}'

echo "# $passed passed, $failed failed"
[ "$failed" -eq 0 ]
