#!/usr/bin/env bash
# run.sh - a fleet of many clusters on one hub, with one arbiter: how long until all have their place in the queue, memory,
# processor and writes of the arbiter, the time from one turn's end to the next one's beginning, and how often a real member
# that waits among them asks the hub.
#
#   COUNTS="50 1000 10000"   clusters, one number after the other; all but MEMBERS of them are simulated (zl-crowd)
#   MEMBERS=5                real zen-lead-controllers among them, with the rights of a member each
#   SECONDS_EACH=180         for which is measured
#   WORK_MS=20000            what a turn takes; N is 5
set -euo pipefail

# shellcheck source=test/bench/cluster.bash
. "$(dirname "$0")/../cluster.bash"
# shellcheck source=test/controlplane/fleet.bash
. test/controlplane/fleet.bash
read -ra counts <<<"${COUNTS:-50 1000 10000}"
members=${MEMBERS:-5}
seconds=${SECONDS_EACH:-180}
work_ms=${WORK_MS:-20000}
readonly HUB=zen-fleet POOL=crowd FLP=leaderpolicies.leadership.kube-zen.io
# What members ask for, as the API server saw it.
export ZL_AUDIT=1

set_up() {
    # shellcheck disable=SC2119
    start_cluster
    {
        kubectl apply -k manifests/fleet/member
        kubectl apply -k manifests/fleet/hub
        kubectl wait --for condition=established --timeout 60s "crd/$FLP"
    } >"$ZL_RUN/log/install.log" 2>&1
    server=$(grep -o 'https://[^"]*' "$KUBECONFIG")
    for ((i = 1; i <= members; i++)); do make_member "real-$i"; done
}

make_member() {
    make_namespace "$1"
    sed "s/example-cluster/$1/g" manifests/fleet/hub-member/member.yaml | kubectl create -f - >/dev/null
    hub_kubeconfig "$HUB" "$1"
}

# It asks for a turn, and waits: work that is no Job.
start_member() {
    kubectl apply -f - >/dev/null <<POLICY
apiVersion: leadership.kube-zen.io/v1alpha1
kind: LeaderPolicy
metadata: {name: $POOL, namespace: $1, annotations: {zen-lead.io/fleet-want: "true"}}
spec: {pool: $POOL, maxConcurrentLeaders: 5, strategy: fairness, leaseDuration: 10m, pauseOnError: false,
       observability: {annotations: {policy: CVE-2015-12345-remediation}}}
POLICY
    fleet_program "$1" "$(port_of "$1-metrics")" "$HUB" --kubeconfig "$ZL_RUN/controller.kubeconfig" --namespaces "$1" --fleet-hub-kubeconfig "$ZL_RUN/hub-$1.kubeconfig" --cluster-name "$1"
}
waits() { [ "$(kubectl get "$FLP" -n "$1" "$POOL" -o 'jsonpath={.status.phase}')" = Waiting ]; }

processor_ms() { awk -v hz="$(getconf CLK_TCK)" '{ print ($14 + $15) * 1000 / hz }' "/proc/$(process_pid "$1")/stat"; }
requests_of() { grep -c "\"username\":\"system:serviceaccount:$HUB:member.$1\"" "$ZL_RUN/audit.log" || true; }

renewal() { kubectl get lease -n "$HUB" zen-fleet-arbiter -o 'jsonpath={.spec.renewTime}'; }
renewed() { [ "$(renewal)" != "$1" ]; }

# measure COUNT - on a hub that has nothing of a fleet yet
measure() {
    local count=$1 began_ms calls line was=() now i
    fleet_program arbiter "$(port_of arbiter-metrics)" "$HUB" --kubeconfig "$KUBECONFIG" --fleet-arbiter-only
    # It has renewed its election: so it watches, and has looked. One that has just begun would wait until all of them beat again.
    wait_until 60 renewed "$(wait_until 60 renewal && renewal)"
    rm -f "$ZL_RUN/log/crowd.log"
    process_start crowd "$ZL_BIN/zl-crowd" --kubeconfig "$KUBECONFIG" --pool "$POOL" --count $((count - members)) \
        --work-ms "$work_ms" --join-seconds $((count / 200 + 5)) --seconds "$seconds"
    wait_until 1200 grep -q ^queued "$ZL_RUN/log/crowd.log"
    # The real ones come last, so that they wait while it is measured.
    for ((i = 1; i <= members; i++)); do start_member "real-$i"; done
    for ((i = 1; i <= members; i++)); do wait_until 120 waits "real-$i"; done
    began_ms=$(processor_ms arbiter)
    calls=$(metric arbiter zen_lead_api_call_duration_seconds_count)
    for ((i = 1; i <= members; i++)); do was[i]=$(requests_of "real-$i"); done
    local from_us=${EPOCHREALTIME/./} took_us
    wait_until $((seconds + 120)) grep -q ^measured "$ZL_RUN/log/crowd.log"
    took_us=$((${EPOCHREALTIME/./} - from_us))
    line=$(grep -h '^queued\|^measured' "$ZL_RUN/log/crowd.log" | tr '\n' ' ')
    echo "$line" | tr ' ' '\n' | awk -F= -v count="$count" -v cpu="$(($(processor_ms arbiter) - began_ms))" -v took="$took_us" \
        -v calls="$(($(metric arbiter zen_lead_api_call_duration_seconds_count) - calls))" \
        -v rss="$(status_kib arbiter VmRSS)" -v hwm="$(status_kib arbiter VmHWM)" '
        $1 == "queued" || $1 == "measured" { part = $1; next }
        NF == 2 { v[part, $1] = $2 }
        END {
            printf "%6d clusters: all in the queue after %.0f s, five act after %.0f s; arbiter %.1f MiB (at most %.1f), %.1f %% of a processor, %.2f requests a second\n", count, v["queued", "seconds"], v["queued", "acting_s"],
                rss / 1024, hwm / 1024, cpu / (took / 1000) * 100, calls / (took / 1e6)
            printf "%6d clusters: %d turns, from one end to the next beginning p50 %.0f ms, p99 %.0f ms; the clusters write %.1f times a second\n", count, v["measured", "turns"],
                v["measured", "handover_p50_ms"], v["measured", "handover_p99_ms"], v["measured", "writes_per_s"]
        }'
    for ((i = 1; i <= members; i++)); do
        now=$(requests_of "real-$i")
        awk -v n="$((now - was[i]))" -v us="$took_us" 'BEGIN { printf "%.2f\n", n / (us / 60e6) }'
    done | sort -n | awk -v count="$count" '{ v[NR] = $1 } END { if (NR) printf "%6d clusters: a real member that waits makes %.2f requests a minute (%.2f to %.2f)\n", count, v[int((NR + 1) / 2)], v[1], v[NR] }'
    for ((i = 1; i <= members; i++)); do process_stop "real-$i"; kubectl delete "$FLP" -n "real-$i" "$POOL" --wait=false >/dev/null; done
    process_stop crowd || true
    process_stop arbiter
    # All in one request: kubectl would send one for each.
    curl -sf --noproxy '*' -m 300 -o /dev/null --cacert "$ZL_RUN/ca.crt" -H "Authorization: Bearer $(cat "$ZL_RUN/admin.token")" -X DELETE \
        "$server/apis/coordination.k8s.io/v1/namespaces/$HUB/leases"
}

set_up
machine
for count in "${counts[@]}"; do measure "$count"; done
