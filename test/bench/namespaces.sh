#!/usr/bin/env bash
# namespaces.sh - a pool in each of many namespaces: streams, memory and time until ready of both programs, requests
# while nothing happens, and whether a failover among many is slower than among few.
#
#   NAMESPACES="100 400"  how many, one after the other (100 400); the last lines say what one more costs
#   DEPLOYMENTS=N         with the label of its pool, in each namespace (1)
#   PODS=N                pods of a stranger, in a namespace without pool (5000)
#   COUNT=N               failovers per measurement (50)
#   WATCH=MODE            --watch of both programs (namespaces)
#   QUIET=N               seconds for which requests are counted (30)
set -euo pipefail

# shellcheck source=test/bench/cluster.bash
. "$(dirname "$0")/cluster.bash"
read -ra numbers <<<"${NAMESPACES:-100 400}"
count=${COUNT:-50}
watch=${WATCH:-namespaces}
quiet=${QUIET:-30}
pods=${PODS:-5000}
each=${DEPLOYMENTS:-1}
# Kubernetes' own controllers share 20 requests a second by default, and a namespace costs them a dozen.
export ZL_CONTROLLER_MANAGER_OPTIONS="--kube-api-qps 500 --kube-api-burst 500"
# shellcheck disable=SC2119
start_cluster
export ZL_CLAIM_TIMEOUT=5
make_certificates
server=$(grep -o 'https://[^"]*' "$KUBECONFIG")

# add FROM TO - a policy and its workloads in each; without pods, which are other benchmarks' business
add() {
    local i j
    for i in $(seq "$1" "$2"); do
        echo ---
        echo "{apiVersion: v1, kind: Namespace, metadata: {name: team-$i, labels: {kubernetes.io/metadata.name: team-$i}}}"
        echo ---
        echo "{apiVersion: coordination.kube-zen.io/v1alpha1, kind: LeaderPolicy, metadata: {name: main, namespace: team-$i}, spec: {followerMode: standby}}"
        for j in $(seq "$each"); do
            echo ---
            echo "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web-$j, namespace: team-$i, labels: {zen-lead/pool: main}}, spec: {replicas: 0, selector: {matchLabels: {app: web-$j}}, template: {metadata: {labels: {app: web-$j}}, spec: {containers: [{name: main, image: none}]}}}}"
        done
    done >"$ZL_RUN/objects.yaml"
    # Whole namespaces, some 300 objects of two lines at a time.
    local lines=$(((2 + each) * 2))
    split -l $((lines * (lines < 600 ? 600 / lines : 1))) "$ZL_RUN/objects.yaml" "$ZL_RUN/objects.yaml-"
    printf '%s\n' "$ZL_RUN"/objects.yaml-* | xargs -P 2 -n 1 kubectl create -f >/dev/null
    rm "$ZL_RUN"/objects.yaml*
}

# They wait for their scheduler for ever: what counts is that they are there.
add_stranger() {
    make_namespace stranger
    curl -s --no-progress-meter --noproxy '*' -m 600 -o /dev/null --cacert "$ZL_RUN/ca.crt" -H "Authorization: Bearer $(cat "$ZL_RUN/admin.token")" -Z --parallel-max 8 \
        -H 'Content-Type: application/json' -d '{"apiVersion":"v1","kind":"Pod","metadata":{"generateName":"x-","labels":{"app":"x"}},"spec":{"schedulerName":"none","containers":[{"name":"main","image":"none"}]}}' \
        "$server/api/v1/namespaces/stranger/pods?n=[1-$pods]"
    wait_until 300 has_pods
    echo "# $pods pods of a stranger, $each labelled Deployments in each namespace"
}
has_pods() { [ "$(kubectl get --raw '/api/v1/namespaces/stranger/pods?limit=1' | jq '(.metadata.remainingItemCount // 0) + (.items | length)')" -ge "$pods" ]; }

is_routed() {
    [ "$(kubectl get endpointslices -n bench -l endpointslice.kubernetes.io/managed-by=zen-lead -o json |
        jq '[.items[] | select((.endpoints // []) | length == 1)] | length')" = 1 ]
}

memory() { awk '/^VmRSS|^VmHWM/ { printf "%s %.1f MiB  ", $1, $2 / 1024 }' "/proc/$(process_pid "$1")/status"; }
connections() { find "/proc/$(process_pid "$1")/fd" -lname 'socket:*' | wc -l; }
requests() { metric "$1" zen_lead_api_call_duration_seconds_count; }
# is_calm N - of N namespaces each is probed once a minute, and little else is asked.
is_calm() {
    local before
    before=$(requests controller-1)
    sleep 5
    [ $(($(requests controller-1) - before)) -le $((5 + $1 / 8)) ]
}

# note N PROGRAM KIB MICROSECONDS - of a start
note() { echo "$*" >>"$ZL_RUN/starts"; }

# slope - between the first number of namespaces and the last
slope() {
    awk '{ if (!($2 in first)) { first[$2] = $1; kib[$2] = $3; us[$2] = $4 } last[$2] = $1; kib2[$2] = $3; us2[$2] = $4 }
         END { for (p in first) if (last[p] > first[p])
             printf "one more namespace costs %s %.1f KiB and %.1f ms of its start\n", p, (kib2[p] - kib[p]) / (last[p] - first[p]), (us2[p] - us[p]) / 1000 / (last[p] - first[p]) }' \
        "$ZL_RUN/starts"
}

# measure N - with that many namespaces there
measure() {
    local program began took before
    # The controller first: it makes the secret path without which no webhook is ready.
    for program in controller-1 webhook-1; do
        began=${EPOCHREALTIME/./}
        "start_${program%-1}" 1 --watch "$watch"
        await_ready "$program" 300
        took=$((${EPOCHREALTIME/./} - began))
        [ "$program" = webhook-1 ] || arm_gatekeeper "$(port_of webhook-1)" >/dev/null
        awk -v n="$1" -v p="$program" -v us="$took" -v s="$(metric "$program" zen_lead_watch_streams)" \
            'BEGIN { printf "%d namespaces, %s: ready after %.1f s, %d streams, ", n, p, us / 1e6, s }'
        echo "$(connections "$program") sockets, $(memory "$program")"
        note "$1" "$program" "$(($(awk '/^VmHWM/ { print $2 }' "/proc/$(process_pid "$program")/status")))" "$took"
    done
    wait_until 300 is_routed
    wait_until 120 is_calm "$1" # what the start has left to do and to tell
    before="$(requests webhook-1) $(requests controller-1)"
    sleep "$quiet"
    echo "$1 namespaces, nothing happens: $(awk -v b="$before" -v w="$(requests webhook-1)" -v c="$(requests controller-1)" -v s="$quiet" \
        'BEGIN { split(b, was); printf "%.1f requests a second of the webhook, %.1f of the controller", (w - was[1]) / s, (c - was[2]) / s }')"
    printf '%-10s %-12s %5s %9s %9s %9s\n' among who n "p50 ms" "p99 ms" "max ms"
    "$ZL_BIN/zl-bench" --kubeconfig "$KUBECONFIG" --namespace bench --app s --leader-service s-leader \
        --limit=false --cause not-ready --count "$count" | sed "s/^not-ready /$(printf '%-10s' "$1")/"
    for program in webhook-1 controller-1; do
        echo "$1 namespaces, at the end: $program $(memory "$program")"
        process_stop "$program"
    done
    disarm_gatekeeper >/dev/null # more LeaderPolicies come, and there is nobody to ask
}

machine
[ "$pods" -eq 0 ] || add_stranger
add_bench
have=0
for number in "${numbers[@]}"; do
    add $((have + 1)) "$number"
    have=$number
    # Kubernetes' own controllers are limited to 20 requests a second: their part of the work has to be over.
    wait_until 900 eval "[ \"\$(kubectl get replicasets -A -o name | wc -l)\" -ge $((number * each)) ]"
    measure "$number"
done
slope
