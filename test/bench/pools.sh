#!/usr/bin/env bash
# pools.sh - many pools that lead, in one namespace: what they cost while nothing happens, whether a failover among many is slower
# than among few, and what becomes of their Leases when the acting controller is killed.
#
# A pool is a LeaderPolicy (standby, all defaults) and a Deployment with one pod, which has no port: nothing is routed to it, and
# an Event says so. A failover is that of an annotated Service with three pods beside them, beside Kubernetes' own EndpointSlice controller and zl-limit (failover.sh).
#
#   POOLS="20 200 1000"  how many, one after the other (20 200 1000 3000)
#   COUNT=N              failovers per measurement (50)
#   QUIET=N              seconds for which requests are counted (26: each Lease is renewed twice)
set -euo pipefail

# shellcheck source=test/bench/cluster.bash
. "$(dirname "$0")/cluster.bash"
read -ra numbers <<<"${POOLS:-20 200 1000 3000}"
count=${COUNT:-50}
quiet=${QUIET:-26}
# Kubernetes' own controllers share 20 requests a second by default.
export ZL_CONTROLLER_MANAGER_OPTIONS="--kube-api-qps 500 --kube-api-burst 500"
# shellcheck disable=SC2119
start_cluster

# add FROM TO
add() {
    local i
    for i in $(seq "$1" "$2"); do
        echo ---
        echo "{apiVersion: coordination.kube-zen.io/v1alpha1, kind: LeaderPolicy, metadata: {name: p$i, namespace: pools}, spec: {followerMode: standby}}"
        echo ---
        echo "{apiVersion: apps/v1, kind: Deployment, metadata: {name: p$i, namespace: pools, labels: {zen-lead/pool: p$i}}, spec: {selector: {matchLabels: {app: p$i}}, template: {metadata: {labels: {app: p$i}}, spec: {containers: [{name: main, image: none}]}}}}"
    done >"$ZL_RUN/objects.yaml"
    split -l 400 "$ZL_RUN/objects.yaml" "$ZL_RUN/objects.yaml-"
    printf '%s\n' "$ZL_RUN"/objects.yaml-* | xargs -P 2 -n 1 kubectl create -f >/dev/null
    rm "$ZL_RUN"/objects.yaml*
}

leases() { kubectl get --raw "/apis/coordination.k8s.io/v1/namespaces/pools/leases" | jq "$1"; }
led() { leases '[.items[] | select((.spec.holderIdentity // "") != "")] | length'; }
# ready N - each pool's pod can lead
ready() { [ "$(kubectl get --raw /apis/apps/v1/namespaces/pools/deployments | jq '[.items[] | select(.status.readyReplicas == 1)] | length')" -ge "$1" ]; }
all_lead() { [ "$(led)" -ge "$1" ]; }
requests() { metric "$1" zen_lead_api_call_duration_seconds_count "${@:2}"; }
writes() { echo $(($(requests "$1" 'operation="create"') + $(requests "$1" 'operation="replace"') + $(requests "$1" 'operation="patch"') + $(requests "$1" 'operation="delete"'))); }
# start N - and how long until it is ready and each pool has a leader
start() {
    local began=${EPOCHREALTIME/./} now
    start_default_controller 1
    await_ready controller-1 300
    now=${EPOCHREALTIME/./}
    wait_until 600 all_lead "$1"
    awk -v n="$1" -v us="$((now - began))" -v all="$((${EPOCHREALTIME/./} - began))" -v rss="$(status_kib controller-1 VmRSS)" -v anon="$(status_kib controller-1 RssAnon)" \
        'BEGIN { printf "%d pools: ready after %.1f s, all lead after %.1f s, resident %.1f MiB, %.1f of them its own\n", n, us / 1e6, all / 1e6, rss / 1024, anon / 1024 }'
    echo "$1 $(status_kib controller-1 RssAnon)" >>"$ZL_RUN/memory"
}

# is_calm - what the start has left to tell is told: of fifty pools a second.
is_calm() {
    local before
    before=$(requests controller-1 'operation="create"')
    sleep 5
    [ "$(requests controller-1 'operation="create"')" -le $((before + 5)) ]
}

# How many a watch has shown so far, and what it began with.
renewals() { wc -l <"$ZL_RUN/log/renewals.log"; }

# quiet N - what the acting controller and the one beside it ask for and use while nothing happens. The renewals are watched from before
# that, while the start still tells its Events, until the takeover is over.
quiet() {
    local began cpu1 cpu2 before1 before2 written patches took
    watch_renewals pools
    wait_until 300 is_calm
    before1=$(requests controller-1) before2=$(requests controller-2) written=$(writes controller-1) patches=$(renewals)
    cpu1=$(threads_us controller-1) cpu2=$(threads_us controller-2)
    began=${EPOCHREALTIME/./}
    sleep "$quiet"
    took=$((${EPOCHREALTIME/./} - began))
    awk -v n="$1" -v us="$took" -v r1="$(($(requests controller-1) - before1))" -v r2="$(($(requests controller-2) - before2))" -v p="$(($(renewals) - patches))" -v w="$(($(writes controller-1) - written))" \
        -v c1="$(($(threads_us controller-1) - cpu1))" -v c2="$(($(threads_us controller-2) - cpu2))" \
        'BEGIN { printf "%d pools, nothing happens: %.1f writes a second, of them %.1f renewals of Leases, %.1f requests in all, and %.2f %% of a processor; of the controller that stands by %.1f requests and %.2f %%\n", n, w / us * 1e6, p / us * 1e6, r1 / us * 1e6, c1 / us * 100, r2 / us * 1e6, c2 / us * 100 }'
}

# The longest time between two renewals of one Lease, and how many were over meanwhile.
longest() {
    renewal_gaps | jq -r '"\(max * 100 | round / 100) s; \(map(select(. > 15)) | length) of \(length) came later than 15 s after the one before"'
}
acts() { [ "$(metric "$1" zen_lead_controller_is_leader)" = 1 ]; }

# takeover N - the acting controller is killed
takeover() {
    local began us
    began=${EPOCHREALTIME/./}
    process_stop controller-1 KILL || true
    wait_until 60 acts controller-2
    us=$((${EPOCHREALTIME/./} - began))
    "$ZL_BIN/zl-bench" --kubeconfig "$KUBECONFIG" --namespace bench --app s --leader-service s-leader --limit=false --kubernetes=false --cause not-ready --count 3 |
        awk -v n="$1" -v us="$us" '$2 == "zen-lead" { printf "%d pools, the acting controller is killed: another one acts after %.1f s, and its first three failovers take at most %s ms\n", n, us / 1e6, $6 }'
    sleep 15 # the last of them are renewed by who acts now
    echo "$1 pools, from one renewal of a Lease to the next, while the Events of the start are told and until the takeover is over: at most $(longest)"
    process_stop renewals || true
}

measure() {
    start "$1"
    start_default_controller 2
    await_ready controller-2 300
    sleep 15 # what the start has left to do, and each Lease is at its own moment
    quiet "$1"
    # Not before: it stops when its watch of a few quiet pods is silent for too long.
    process_start limit "$ZL_BIN/zl-limit" --kubeconfig "$KUBECONFIG" --namespace bench --app s
    printf '%-10s %-12s %5s %9s %9s %9s\n' among who n "p50 ms" "p99 ms" "max ms"
    "$ZL_BIN/zl-bench" --kubeconfig "$KUBECONFIG" --namespace bench --app s --leader-service s-leader --cause not-ready --count "$count" |
        sed "s/^not-ready /$(printf '%-10s' "$1")/"
    process_stop limit
    kubectl delete endpointslice bench-limit -n bench >/dev/null # it makes its own
    takeover "$1"
    process_stop controller-2
}

machine
kubectl create namespace pools >/dev/null
add_bench
have=0
for number in "${numbers[@]}"; do
    add $((have + 1)) "$number"
    have=$number
    wait_until 900 ready "$number"
    measure "$number"
done
awk 'NR == 1 { n = $1; kib = $2 } END { if ($1 > n) printf "one more pool, with its Deployment and pod, costs %.1f KiB\n", ($2 - kib) / ($1 - n) }' "$ZL_RUN/memory"
