#!/usr/bin/env bash
# jobs.sh - Jobs through one pool, one after the other: how many in a minute, beside what Kubernetes needs for the same Jobs when
# somebody creates each as the one before it is complete.
#
#   JOBS=N       how many (40)
#   WORK_MS=N    what each does (0): the pod stand-in ends it then
set -euo pipefail

# shellcheck source=test/bench/cluster.bash
. "$(dirname "$0")/cluster.bash"
jobs=${JOBS:-40}
work_ms=${WORK_MS:-0}
export ZL_CONTROLLER_MANAGER_OPTIONS="--kube-api-qps 500 --kube-api-burst 500"
# shellcheck disable=SC2119
start_cluster

# job NAME [LABELS]
job() {
    echo ---
    echo "{apiVersion: batch/v1, kind: Job, metadata: {name: $1, namespace: bench, labels: {${2:-}}}, spec: {backoffLimit: 0, template: {metadata: {annotations: {zl-test/succeed-after-ms: \"$work_ms\"}}, spec: {restartPolicy: Never, containers: [{name: main, image: none}]}}}}"
}

# ends PREFIX - prints each of these Jobs when it is seen to be complete, until all are
ends() {
    local name succeeded seen=0
    local -A is_over=()
    while read -r name succeeded && [ "$seen" -lt "$jobs" ]; do
        [[ $name = "$1"* && $succeeded = 1 && -z ${is_over[$name]:-} ]] || continue
        is_over[$name]=yes
        seen=$((seen + 1))
        echo "$name"
        [ "$seen" -lt "$jobs" ] || break
    done < <(exec kubectl get jobs -n bench --watch -o 'jsonpath={.metadata.name} {.status.succeeded}{"\n"}')
}

# say WHO MICROSECONDS
say() { awk -v who="$1" -v us="$2" -v n="$jobs" 'BEGIN { printf "%-12s %3d Jobs in %.1f s: %.1f a minute, %.0f ms each\n", who, n, us / 1e6, n / us * 60e6, us / n / 1000 }'; }

one_by_one() {
    local began i name
    mkfifo "$ZL_RUN/ends"
    ends alone- >"$ZL_RUN/ends" 2>/dev/null &
    exec 3<"$ZL_RUN/ends"
    server=$(grep -o 'https://[^"]*' "$KUBECONFIG")
    began=${EPOCHREALTIME/./}
    for i in $(seq "$jobs"); do
        # kubectl would take as long as the Job.
        job "alone-$i" | sed 1d | curl -sf --noproxy '*' -o /dev/null --cacert "$ZL_RUN/ca.crt" -H "Authorization: Bearer $(cat "$ZL_RUN/admin.token")" \
            -H 'Content-Type: application/yaml' --data-binary @- "$server/apis/batch/v1/namespaces/bench/jobs"
        read -r name <&3
        [ "$name" = "alone-$i" ] || { echo "jobs.sh: $name is complete, and alone-$i was made" >&2; exit 1; }
    done
    say Kubernetes $((${EPOCHREALTIME/./} - began))
    exec 3<&-
}

through_a_pool() {
    local began i creator
    kubectl create -f - >/dev/null <<<'{"apiVersion": "coordination.kube-zen.io/v1alpha1", "kind": "LeaderPolicy", "metadata": {"name": "jobs", "namespace": "bench"}}'
    kubectl wait -n bench --for condition=GatekeeperArmed --timeout 120s leaderpolicies.coordination.kube-zen.io/jobs >/dev/null
    for i in $(seq "$jobs"); do job "pool-$i" "zen-lead/pool: jobs"; done >"$ZL_RUN/objects.yaml"
    began=${EPOCHREALTIME/./}
    kubectl create -f "$ZL_RUN/objects.yaml" >/dev/null &
    creator=$!
    ends pool- >/dev/null 2>&1
    say zen-lead $((${EPOCHREALTIME/./} - began))
    wait "$creator"
}

{
    make_certificates
    start_default_controller 1
    start_webhook 1
    await_ready controller-1
    await_ready webhook-1
    arm_gatekeeper "$(port_of webhook-1)"
} >"$ZL_RUN/log/start.log" 2>&1
make_namespace bench
machine
one_by_one
through_a_pool
