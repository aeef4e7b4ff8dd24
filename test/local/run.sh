#!/usr/bin/env bash
# run.sh BIN - what `make run` does: zen-lead-webhook and zen-lead-controller on this machine, against the cluster of the
# current kubeconfig, until Ctrl-C.
#
#   NAMESPACE=NAME      where the controller's Lease is (zen-lead-system if the cluster has it, else the context's namespace)
#   WEBHOOK_PORT=PORT   where reviews are answered (8443)
#   METRICS_PORT=PORT   the controller's metrics and health; the webhook's are one above (8080)
#   ARGS="..."          further options of the controller, WEBHOOK_ARGS="..." of the webhook
#
# The certificate is made once, in build/run. The webhook configuration of the cluster is not touched: an API server asks this
# webhook only if somebody points it here.
set -euo pipefail
cd "$(dirname "$0")/../.."
bin=$1 tls=build/run/tls
webhook_port=${WEBHOOK_PORT:-8443} metrics_port=${METRICS_PORT:-8080}
die() { echo "run: $*" >&2; exit 1; }

command -v kubectl >/dev/null || die "kubectl is not installed; it is asked for the current context"
context=$(kubectl config current-context 2>/dev/null) || die "no current context: set KUBECONFIG, or kubectl config use-context NAME"
kubectl version --request-timeout=5s >/dev/null 2>&1 || die "the API server of context \"$context\" does not answer"
namespace=${NAMESPACE:-}
if [ -z "$namespace" ]; then
    namespace=$(kubectl config view --minify -o 'jsonpath={..namespace}')
    ! kubectl get namespace zen-lead-system >/dev/null 2>&1 || namespace=zen-lead-system
fi
kubectl get crd leaderpolicies.coordination.kube-zen.io >/dev/null 2>&1 ||
    echo "run: the cluster has no LeaderPolicies: only annotated Services are served until you" \
        "kubectl apply -f manifests/base/crd.yaml (before Kubernetes 1.25: kubectl apply -k manifests/overlays/kubernetes-1.20)" >&2

mkdir -p "$tls"
"$bin/zen-lead-certs" --out-dir "$tls" --ip 127.0.0.1 --dns-name localhost
pids=()
finish() {
    trap '' INT TERM HUP
    kill "${pids[@]}" 2>/dev/null || true
    wait
}
trap finish EXIT
trap 'exit 130' INT TERM HUP
echo "run: context $context; Lease in namespace ${namespace:-default}; Ctrl-C stops both
run: reviews at https://127.0.0.1:$webhook_port, CA in $tls/ca.crt; health at http://127.0.0.1:$metrics_port/readyz and :$((metrics_port + 1))/readyz" >&2
# shellcheck disable=SC2086 # options, split on purpose
"$bin/zen-lead-webhook" --listen-address 127.0.0.1 --port "$webhook_port" --metrics-port $((metrics_port + 1)) \
    --cert-file "$tls/tls.crt" --key-file "$tls/tls.key" ${WEBHOOK_ARGS:-} &
pids+=($!)
# shellcheck disable=SC2086
"$bin/zen-lead-controller" --listen-address 127.0.0.1 --metrics-port "$metrics_port" --namespace "${namespace:-default}" ${ARGS:-} &
pids+=($!)
status=0
wait -n "${pids[@]}" || status=$?
echo "run: one of the two has ended, with status $status" >&2
(exit "$status")
