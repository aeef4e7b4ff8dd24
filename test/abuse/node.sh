#!/usr/bin/env bash
# node.sh - the attacks of attacks.bash on a real node: zen-lead as it is installed, in pods whose memory the kernel limits and whose
# probes the kubelet asks, while two pools of other people fail over: a standby pool and a scaleDown pool.
#
# Exit code 1 for a broken promise alone: a container of zen-lead that was restarted or OOMKilled, a review refused for no reason, a
# failover that did not come within a minute. For each attack it prints the most memory of a pod, as its process had it and as its
# cgroup counted it.
#
#   COUNT=N            failovers of each pool in each attack (5)
#   ATTACKS="a b"      only these (all of attacks.bash)
set -euo pipefail

cd "$(dirname "$0")/../.."
# shellcheck source=test/controlplane/programs.bash
. test/controlplane/programs.bash
# shellcheck source=test/node/node.bash
. test/node/node.bash
# shellcheck source=test/abuse/attacks.bash
. test/abuse/attacks.bash
# shellcheck source=test/abuse/witness.bash
. test/abuse/witness.bash
export COUNT=${COUNT:-5} ATTACKS=${ATTACKS:-${all_attacks[*]}}
read -ra attacks <<<"$ATTACKS"
for attack in "${attacks[@]}"; do
    [ -n "${attack_is[$attack]:-}" ] || { echo "no attack \"$attack\"; there are: ${all_attacks[*]}" >&2; exit 2; }
done

[ "${1:-}" = --inside ] || run_on_a_node test/abuse/node.sh

# --- inside the sandbox

ZL_RUN=$2
# Strangers have addresses of their own, as pods would; they are this node's, so answers find the way back.
export ZL_RUN PATH=$ZL_RUN/bin:$PATH KUBECONFIG=$ZL_RUN/kubeconfig ZL_ATTACK_FROM=10.250.0.0
trap 'bash test/controlplane/down.sh "$ZL_RUN"' EXIT
trap 'exit 130' INT TERM HUP

z() { kubectl --namespace zen-lead-system "$@"; }
own_pods() {
    z get pods -l "app.kubernetes.io/component=$1" -o json |
        jq -r '.items[] | select(.metadata.deletionTimestamp == null) | "\(.metadata.name) \(.status.podIP)"'
}

set_up() {
    local namespace n
    # Kubernetes' own controllers share 20 requests a second by default, see run.sh.
    export ZL_CONTROLLER_MANAGER_OPTIONS="--kube-api-qps 500 --kube-api-burst 500"
    bash test/node/up.sh "$ZL_RUN" $$
    node_install >/dev/null
    for n in $(seq 60); do ip address add "10.250.0.$n/32" dev lo; done
    for namespace in standby single tenant; do
        kubectl create namespace $namespace >/dev/null
        kubectl label namespace $namespace --overwrite kubernetes.io/metadata.name=$namespace >/dev/null
    done
    kubectl create rolebinding tenant --namespace tenant --clusterrole edit --user tenant >/dev/null
    wait_until 60 apply_policies
    for namespace in standby single; do
        await_armed $namespace main
        app Deployment web 3 main "" | kubectl apply --namespace $namespace -f - >/dev/null
        wait_until 120 leads $namespace || { kubectl get leaderpolicies,leases,pods,services --namespace $namespace >&2 && return 1; }
    done
    make_tenant
}
apply_policies() {
    kubectl apply -f - >/dev/null <<'POLICIES'
apiVersion: coordination.kube-zen.io/v1alpha1
kind: LeaderPolicy
metadata: {name: main, namespace: standby}
spec: {followerMode: standby}
---
apiVersion: coordination.kube-zen.io/v1alpha1
kind: LeaderPolicy
metadata: {name: main, namespace: single}
POLICIES
}

# leads NAMESPACE [BUT] - a Ready pod does, and not that one
leads() {
    local who
    who=$(kubectl get lease --namespace "$1" zen-lead-main -o 'jsonpath={.spec.holderIdentity}') && who=${who%_*}
    [ -n "$who" ] && [ "$who" != "${2:-}" ] &&
        [ "$(kubectl get endpointslices --namespace "$1" -l kubernetes.io/service-name=web-leader -o 'jsonpath={.items[*].endpoints[*].targetRef.name}')" = "$who" ]
}
leader() { kubectl get lease --namespace "$1" zen-lead-main -o 'jsonpath={.spec.holderIdentity}' | sed 's/_[^_]*$//'; }

# fail_over NAMESPACE FOLDER - COUNT times; a line of milliseconds for each
fail_over() {
    local old began
    for _ in $(seq "$COUNT"); do
        wait_until 60 leads "$1" || { explain "$1" && return; }
        old=$(leader "$1")
        began=${EPOCHREALTIME/./}
        kubectl delete pod --namespace "$1" "$old" --grace-period=0 --force >/dev/null 2>&1
        wait_until 60 leads "$1" "$old" || { explain "$1" && return; }
        echo $(((${EPOCHREALTIME/./} - began) / 1000)) >>"$2/$1"
        sleep 2
    done
}

explain() {
    {
        kubectl get leaderpolicies,leases,replicasets,pods,endpointslices --namespace "$1"
        kubectl get events --namespace "$1" --sort-by .lastTimestamp | tail -n 10
        z get pods
        z logs -l app.kubernetes.io/component=controller --tail 10
    } >&2
}

# write_addresses - of the pods that are there now
write_addresses() {
    local program n name address port
    for program in webhook controller; do
        n=0
        while read -r name address; do
            n=$((n + 1))
            port=$(z get pod "$name" -o json | jq '[.spec.containers[0].ports[] | select(.name == "metrics") | .containerPort][0] // 8080')
            echo "$program-$n-metrics $address:$port"
            [ "$program" != webhook ] || echo "$program-$n $address:8443"
        done < <(own_pods "$program")
    done >"$ZL_RUN/addresses"
}

# restart_when_asked FOLDER - a pod of each program is replaced: its successor has everything to read.
restart_when_asked() {
    local program name
    while [ ! -e "$1/over" ]; do
        if [ -e "$ZL_RUN/restart" ]; then
            rm "$ZL_RUN/restart"
            for program in webhook controller; do
                read -r name _ < <(own_pods "$program")
                z delete pod "$name" --wait=false >/dev/null
            done
            node_await_zen_lead >/dev/null || echo "zen-lead" >>"$1/not-ready"
        fi
        sleep 0.5
    done
}

# note_memory FOLDER - "program VmHWM cgroup's most", in KiB, of each pod, again and again: a pod may be replaced.
note_memory() {
    local program name pid most file
    while [ ! -e "$1/over" ]; do
        for program in webhook controller; do
            while read -r name _; do
                pid=$(process_of zen-lead-system "$name")
                [ -n "$pid" ] || continue
                most=0
                for file in "$(memory_cgroup "$pid")"/memory.{max_usage_in_bytes,peak}; do [ ! -e "$file" ] || most=$(<"$file"); done
                awk -v program="$program" -v most="$most" '/^VmHWM:/ {print program, $2, int(most / 1024)}' "/proc/$pid/status" >>"$1/memory" 2>/dev/null || true # it is gone
            done < <(own_pods "$program")
        done
        sleep 1
    done
}
forget_memory() {
    local program name pid
    for program in webhook controller; do
        while read -r name _; do
            pid=$(process_of zen-lead-system "$name")
            echo 5 >"/proc/$pid/clear_refs"
            for file in memory.max_usage_in_bytes memory.peak; do
                # Only newer kernels take the second.
                { [ ! -e "$(memory_cgroup "$pid")/$file" ] || echo 0 >"$(memory_cgroup "$pid")/$file"; } 2>/dev/null || true
            done
        done < <(own_pods "$program")
    done
}
most_of() { awk -v p="$2" -v c="$3" '$1 == p && $c > most {most = $c} END {printf "%d", most / 1024}' "$1/memory"; }
# restarts - containers of zen-lead that ended and were started again, with the reason
restarts() {
    z get pods -o json | jq -r '.items[] | .metadata.name as $name | .status.containerStatuses[]? | select(.restartCount > 0) |
        "\($name): \(.restartCount) restarts, \(.lastState.terminated.reason // "?")"'
}

measure() {
    local folder=$ZL_RUN/times-$1 watchers=() pools=() pid
    mkdir "$folder"
    touch "$folder"/{asked,refused,memory,not-ready,standby,single}
    write_addresses
    forget_memory
    begin_attack "$1"
    ask_for_pods "$folder" & watchers+=($!)
    restart_when_asked "$folder" & watchers+=($!)
    note_memory "$folder" & watchers+=($!)
    fail_over standby "$folder" & pools+=($!)
    fail_over single "$folder" & pools+=($!)
    for pid in "${pools[@]}"; do wait "$pid" || true; done
    touch "$folder/over"
    wait "${watchers[@]}" || true
    end_attack "$1"
    judge "$1" "$folder"
}

judge() {
    local pool did
    [ -z "$(restarts)" ] || promise_broken "$1: $(restarts)"
    [ ! -s "$2/refused" ] || promise_broken "$1: refused for no reason: $(head -c 300 "$2/refused")"
    [ ! -s "$2/not-ready" ] || promise_broken "$1: not Ready again"
    [ -s "$2/asked" ] || promise_broken "$1: nobody asked for a pod"
    for pool in standby single; do
        [ "$(wc -l <"$2/$pool")" -eq "$COUNT" ] || promise_broken "$1: $pool failed over $(wc -l <"$2/$pool") times, not $COUNT"
    done
    printf '%-16s %9s %9s %11s %11s %9s   %s\n' "$1" "$(most_of "$2" webhook 2)" "$(most_of "$2" webhook 3)" "$(most_of "$2" controller 2)" "$(most_of "$2" controller 3)" \
        "$(wc -l <"$2/refused")/$(wc -l <"$2/asked")" "$(sort -n "$2/standby" | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}')/$(sort -n "$2/single" | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}')"
    [ -n "${attack_is[$1]:-}" ] || return 0
    did=$(sort "$ZL_RUN/statuses" | uniq -c | sort -rn | head -n 4 | awk '{n = $1; $1 = ""; printf "%s%s x%s", (NR > 1 ? ", " : ""), n, $0}')
    [ -n "$did" ] || promise_broken "$1: the attack did nothing"
    echo "    ${attack_is[$1]}: $did"
}

set_up
echo "# $(nproc) CPUs, load $(cut -d' ' -f1 /proc/loadavg), Kubernetes $(kubectl version -o json | jq -r .serverVersion.gitVersion); memory limit of each container: 256 MiB"
printf '%-16s %9s %9s %11s %11s %9s   %s\n' attack "webhook:" "cgroup" "controller:" "cgroup" refused "failover p50 in ms, standby/scaleDown, kubectl's start included"
measure nobody
for attack in "${attacks[@]}"; do
    measure "$attack"
    clear_tenant
done
measure nobody-again
if [ "$broken" -gt 0 ]; then
    echo "abuse on a node: $broken promises broken"
    exit 1
fi
echo "abuse on a node: ${#attacks[@]} attacks, nothing was restarted, refused for no reason, or kept from failing over"
