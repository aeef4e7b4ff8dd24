#!/usr/bin/env bash
# bench.sh - what `make bench-node` does: what a client sees on a real node, COUNT (50) times each, and beside it an ordinary Service over
# the same pods, which Kubernetes' own EndpointSlice controller keeps.
#
# Two clients, one of the leader Service and one of the ordinary one, ask 250 times a second each; a gap is the longest time between two
# answers, an error a request that was not answered. Where one pod runs, the ordinary Service is led by the same pod, and what
# is compared is the route alone. Prints one line for each cause, as docs/status.md has them.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
# shellcheck source=test/controlplane/programs.bash
. test/controlplane/programs.bash
# shellcheck source=test/node/node.bash
. test/node/node.bash
COUNT=${COUNT:-50}
CAUSES=${CAUSES:-nothing standby handover deleted update}
for cause in $CAUSES; do
    [[ " nothing standby handover deleted update " == *" $cause "* ]] || { echo "no cause \"$cause\"; there are: nothing standby handover deleted update" >&2; exit 2; }
done
QUIET_SECONDS=4
# Users' clients have processors of their own.
export ZL_CLIENT_PRIORITY="nice -n -19"

if [ "${1:-}" != --inside ]; then
    export COUNT CAUSES
    run_on_a_node test/node/bench.sh
fi

ZL_RUN=$2
export ZL_RUN PATH=$ZL_RUN/bin:$PATH KUBECONFIG=$ZL_RUN/kubeconfig
trap 'bash test/controlplane/down.sh "$ZL_RUN"' EXIT
trap 'exit 130' INT TERM HUP
bash test/node/up.sh "$ZL_RUN" $$
node_install >/dev/null
quick_kubectl
NS=bench
kubectl create namespace $NS >/dev/null
kubectl label namespace $NS --overwrite kubernetes.io/metadata.name=$NS >/dev/null
kubectl apply --namespace $NS -f - >/dev/null <<'POLICIES'
apiVersion: coordination.kube-zen.io/v1alpha1
kind: LeaderPolicy
metadata: {name: standby}
spec: {followerMode: standby}
---
apiVersion: coordination.kube-zen.io/v1alpha1
kind: LeaderPolicy
metadata: {name: lone}
POLICIES
# Whoever is deleted by others than zen-lead serves on until every kube-proxy has followed, as docs/clients.md asks.
declare -A arguments=([standby]=--drain-ms=2000)
for pool in standby lone; do await_armed $NS $pool; done
for pool in standby lone; do
    { app Deployment $pool 3 $pool "${arguments[$pool]:-}" && ordinary_service $pool $pool; } | kubectl apply --namespace $NS -f - >/dev/null
done

k() { kubectl --namespace $NS "$@"; }
leader() { k get lease "zen-lead-$1" -o 'jsonpath={.spec.holderIdentity}' | cut -d _ -f 1; }
answer() { curl -sf --noproxy '*' -m 1 "http://$(service_address $NS "$1")/"; }
leads() { local who && who=$(leader "$1") && [ -n "$who" ] && [ "$(answer "$1-leader")" = "$who" ]; }
leads_other() { leads "$1" && [ "$(leader "$1")" != "$2" ]; }
ready_pods() {
    k get pods -l "app=$1" -o json | jq '[.items[] | select(.metadata.deletionTimestamp == null) |
        select(any(.status.conditions[]?; .type == "Ready" and .status == "True"))] | length'
}
# settled POOL PODS - somebody leads, all are Ready, none is on its way out.
settled() { leads "$1" && [ "$(ready_pods "$1")" -eq "$2" ] && [ "$(k get pods -l "app=$1" -o name | wc -l)" -eq "$2" ]; }

explain() {
    {
        echo "$1"
        k get leaderpolicies,deployments,replicasets,pods -o wide
        k get leases -o yaml | grep -v 'f:'
        k get events --sort-by .lastTimestamp | tail -n 15
        kubectl logs --namespace zen-lead-system -l app.kubernetes.io/component=controller --tail 20
    } >&2
}

# summary NAME FILE - of lines "gap errors"
summary() {
    sort -n "$2" | awk -v name="$1" '
        {gap[NR] = $1; errors += $2; bad += $2 > 0}
        END {
            if (NR == 0) exit 1
            printf "  %-34s p50 %5d  p99 %5d  max %5d ms   errors %d, in %d of %d\n", name, gap[int((NR + 1) / 2)], gap[int(NR * 0.99 + 0.5)], gap[NR], errors, bad, NR
        }'
}

# repeat TITLE POOL PODS ACTION [ROUNDS] - ACTION LEADER makes another pod lead.
repeat() {
    local title=$1 pool=$2 pods=$3 action=$4 rounds=${5:-$COUNT} n old name line
    printf '\n%s\n' "$title"
    rm -f "$ZL_RUN"/gaps-*
    for n in $(seq "$rounds"); do
        wait_until 60 settled "$pool" "$pods" || { explain "round $n: $pool did not settle" && return 1; }
        old=$(leader "$pool")
        begin_counts
        # Whoever deletes is elsewhere, and nobody looks while it happens: on two processors a look costs a client more than what is measured.
        nice -n 19 "$action" "$old" >/dev/null 2>&1
        sleep "$QUIET_SECONDS"
        if [ "$action" != true ]; then
            wait_until 60 leads_other "$pool" "$old" || { explain "round $n: nobody else led" && return 1; }
        fi
        for name in zen-lead ordinary; do
            line=$(client_count "$name")
            echo "$(client_field longest-gap-ms "$line") $(client_field errors "$line")" >>"$ZL_RUN/gaps-$name"
        done
        [ $((n % 10)) -ne 0 ] || echo "  ... $n of $rounds" >&2
    done
    summary "leader Service" "$ZL_RUN/gaps-zen-lead"
    summary "ordinary Service, the same pods" "$ZL_RUN/gaps-ordinary"
}

# begin_counts - both clients print what they saw and begin anew, at once: a signal needs no process.
begin_counts() { kill -s USR1 "${client_pids[@]}"; }

cat >"$ZL_RUN/bin/delete-by-force" <<DELETE
#!/bin/sh
exec kubectl --namespace $NS delete "pod/\$1" --grace-period=0 --force
DELETE
cat >"$ZL_RUN/bin/roll-out" <<ROLLOUT
#!/bin/sh
exec kubectl --namespace $NS patch deployment lone --type merge -p "{\"spec\": {\"template\": {\"metadata\": {\"annotations\": {\"revision\": \"\$(date +%s%N)\"}}}}}"
ROLLOUT
chmod +x "$ZL_RUN/bin/delete-by-force" "$ZL_RUN/bin/roll-out"

clients() { # POOL
    for name in zen-lead ordinary; do client_stop $name 2>/dev/null || true; done
    wait_until 60 settled "$1" "$2" || { echo "$1: does not settle" >&2 && return 1; }
    client_start zen-lead $NS "$1-leader"
    client_start ordinary $NS "$1"
    client_pids=("$(process_pid client-zen-lead)" "$(process_pid client-ordinary)")
}

# container_start - of such a pod alone, from its creation to Ready (probe each second).
container_start() {
    local n began
    printf '\nthe start of such a container alone, from its creation to Ready (probe each second)\n'
    rm -f "$ZL_RUN/gaps-start"
    for n in $(seq 10); do
        printf 'apiVersion: v1\nkind: Pod\nmetadata: {name: alone-%s, labels: {app: alone}}\nspec: {%s}\n' "$n" "$(pod_spec "")" | k apply -f - >/dev/null
        began=${EPOCHREALTIME/./}
        k wait --for=condition=Ready --timeout=60s "pod/alone-$n" >/dev/null
        echo "$(((${EPOCHREALTIME/./} - began) / 1000)) 0" >>"$ZL_RUN/gaps-start"
        k delete "pod/alone-$n" --grace-period=0 --force >/dev/null 2>&1
    done
    summary "without any zen-lead" "$ZL_RUN/gaps-start"
}

# own_updates - webhook and controller get new pods by rolling updates, one after the other, while pods are created that the gatekeeper is
# asked about. What is not created is a review that was refused or lost.
own_updates() {
    local n name line log=$ZL_RUN/log/creator.log
    printf "\nzen-lead's own rolling update, while pods are created all the time\n"
    rm -f "$ZL_RUN"/gaps-*
    process_start creator bash test/node/creator.sh "$ZL_RUN" $NS
    for n in $(seq "$COUNT"); do
        begin_counts
        kubectl --namespace zen-lead-system rollout restart deployment/zen-lead-webhook deployment/zen-lead-controller >/dev/null
        node_await_zen_lead >/dev/null
        for name in zen-lead ordinary; do
            line=$(client_count "$name")
            echo "$(client_field longest-gap-ms "$line") $(client_field errors "$line")" >>"$ZL_RUN/gaps-$name"
        done
        [ $((n % 10)) -ne 0 ] || echo "  ... $n of $COUNT" >&2
    done
    process_stop creator KILL
    summary "leader Service" "$ZL_RUN/gaps-zen-lead"
    summary "ordinary Service, the same pods" "$ZL_RUN/gaps-ordinary"
    printf '  %-34s %d created, %d not\n' "pods" "$(grep -c '^201' "$log")" "$(grep -vc '^201' "$log" || true)"
    grep -v '^201' "$log" | head -n 5 || true
}

printf 'Kubernetes %s, %s processors; %s times each\n' "$(kubectl version -o json | jq -r .serverVersion.gitVersion)" "$(nproc)" "$COUNT"
for cause in $CAUSES; do
    case $cause in
    nothing | standby | update) clients standby 3 ;;
    *) clients lone 1 ;;
    esac
    case $cause in
    nothing) repeat "nothing happens: what the machine itself does to a client" standby 3 true ;;
    standby) repeat "standby: the leader is deleted by force" standby 3 delete-by-force ;;
    handover) repeat "scaleDown: a rolling restart, with a handover" lone 1 roll-out $((COUNT < 20 ? COUNT : 20)) ;;
    deleted)
        repeat "scaleDown: the leader is deleted by force; a container has to start" lone 1 delete-by-force
        container_start
        ;;
    update) own_updates ;;
    esac
done
