#!/usr/bin/env bash
# failover.sh - milliseconds from the event of a leader's pod to the new revision of the EndpointSlice.
#
# Three contenders react to the same pods, in the same run: zen-lead (an annotated Service), Kubernetes' own EndpointSlice
# controller (the ordinary Service), and zl-limit (one watch event, one PUT). An independent observer takes the times of
# arrival of both events on one clock; what the API server needs to tell it is on both sides.
#
#   COUNT=N   failovers per cause (50)
#   SAVE=FILE append every single one: cause, microseconds of zen-lead, Kubernetes, limit
set -euo pipefail

# shellcheck source=test/bench/cluster.bash
. "$(dirname "$0")/cluster.bash"
# shellcheck disable=SC2119
start_cluster
start_controller 1
await_ready controller-1

kubectl create namespace bench >/dev/null
kubectl apply -n bench -f - >/dev/null <<'OBJECTS'
apiVersion: apps/v1
kind: Deployment
metadata: {name: bench}
spec:
  replicas: 3
  selector: {matchLabels: {app: bench}}
  template:
    metadata: {labels: {app: bench}}
    spec: {containers: [{name: main, image: none, ports: [{containerPort: 8080}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: bench, annotations: {zen-lead.io/enabled: "true"}}
spec: {selector: {app: bench}, ports: [{port: 80, targetPort: 8080}]}
OBJECTS
kubectl rollout status -n bench deployment/bench --timeout 60s >/dev/null
process_start limit "$ZL_BIN/zl-limit" --kubeconfig "$KUBECONFIG" --namespace bench

machine
printf '%-10s %-12s %5s %9s %9s %9s\n' cause who n "p50 ms" "p99 ms" "max ms"
for cause in not-ready deleted failed node-gone; do
    "$ZL_BIN/zl-bench" --kubeconfig "$KUBECONFIG" --namespace bench --cause "$cause" --count "${COUNT:-50}" ${SAVE:+--save="$SAVE"}
done
