#!/usr/bin/env bash
# scale.sh - many annotated Services with three pods each: how long until all are routed, what it costs, and whether a
# failover among them is slower than among few.
#
#   SERVICES=N   how many (1000), after FEW (10)
#   COUNT=N      failovers per measurement (50)
set -euo pipefail

# shellcheck source=test/bench/cluster.bash
. "$(dirname "$0")/cluster.bash"
services=${SERVICES:-1000}
few=${FEW:-10}
count=${COUNT:-50}
# shellcheck disable=SC2119
start_cluster

# add FROM TO - pods without owner, so that nothing but zen-lead and Kubernetes' own Endpoints are at work
add() {
    local i p
    for i in $(seq "$1" "$2"); do
        for p in a b c; do
            echo ---
            echo "{apiVersion: v1, kind: Pod, metadata: {name: s$i-$p, labels: {app: s$i}}, spec: {containers: [{name: main, image: none}]}}"
        done
        echo ---
        echo "{apiVersion: v1, kind: Service, metadata: {name: s$i, annotations: {zen-lead.io/enabled: \"true\"}}, spec: {selector: {app: s$i}, ports: [{port: 80, targetPort: 8080}]}}"
    done >"$ZL_RUN/objects.yaml"
    split -l 800 "$ZL_RUN/objects.yaml" "$ZL_RUN/objects.yaml-"
    printf '%s\n' "$ZL_RUN"/objects.yaml-* | xargs -P 4 -n 1 kubectl create -n bench -f >/dev/null
    rm "$ZL_RUN"/objects.yaml*
    wait_until 600 all_ready $((3 * $2))
}

all_ready() {
    [ "$(kubectl get pods -n bench -o json | jq '[.items[] | select(any(.status.conditions[]?; .type == "Ready" and .status == "True"))] | length')" = "$1" ]
}

is_routed() {
    [ "$(kubectl get endpointslices -n bench -l endpointslice.kubernetes.io/managed-by=zen-lead -o json |
        jq '[.items[] | select((.endpoints // []) | length == 1)] | length')" = "$1" ]
}

# start_and_route N - start the controller; seconds until N slices of ours have an endpoint
# (a look takes about as long as kubectl does)
start_and_route() {
    local began=${EPOCHREALTIME/./}
    start_controller 1
    wait_until 600 is_routed "$1"
    local now=${EPOCHREALTIME/./}
    await_ready controller-1 60
    awk -v n="$1" -v us=$((now - began)) \
        'BEGIN { printf "%d Services: all routed %.1f s after the controller was started; ", n, us / 1e6 }'
    memory
    echo
}

requests() { metric controller-1 zen_lead_api_call_duration_seconds_count; }

# failovers WHAT - among what there is now
failovers() {
    local before after began took cpu
    before=$(requests)
    cpu=$(threads_us controller-1)
    began=$SECONDS
    "$ZL_BIN/zl-bench" --kubeconfig "$KUBECONFIG" --namespace bench --app s5 --leader-service s5-leader \
        --limit=false --cause not-ready --count "$count" | sed "s/^not-ready /$(printf '%-10s' "$1")/"
    after=$(requests)
    took=$((SECONDS - began))
    cpu=$(($(threads_us controller-1) - cpu))
    # The elector renews once a second in the meantime, whatever happens.
    echo "$1: API requests per failover: $(awk -v n=$((after - before - took)) -v c="$count" 'BEGIN { printf "%.1f", n / c }')"
    # What our part costs, however busy the machine is; every pod, Service and slice event of the failover is in it.
    echo "$1: processor time of the controller per failover: $((cpu / count)) us"
}

memory() { awk '/^VmRSS|^VmHWM/ { printf "%s %.1f MiB  ", $1, $2 / 1024 }' "/proc/$(process_pid controller-1)/status"; }

kubectl create namespace bench >/dev/null
machine
add 1 "$few"
start_and_route "$few"
printf '%-10s %-12s %5s %9s %9s %9s\n' among who n "p50 ms" "p99 ms" "max ms"
failovers "$few"

process_stop controller-1
add $((few + 1)) "$services"
start_and_route "$services"
# Kubernetes' own controller is limited to 20 requests a second: its part of the work has to be over.
wait_until 600 eval "[ \"\$(kubectl get endpointslices -n bench -o name | wc -l)\" -ge $((2 * services)) ]"
sleep 10
failovers "$services"
echo "$services Services, at the end: $(memory)"
