#!/usr/bin/env bash
# fleet.sh - a fleet in three minutes, in this terminal: COUNT clusters, of which N act at once. Run by `make demo-fleet`.
#
# One real API server is the hub, and each of its namespaces c01, c02, ... a cluster: a zen-lead-controller of its own that sees
# this namespace alone, and has on the hub the rights of that one member. One arbiter decides. Each cluster is given the
# manifest of docs/fleet.md and one plain Job. Ctrl-C cleans up.
#
#   COUNT=50         clusters
#   N=5              of them at once
#   WORK=5           seconds that each Job takes
#   KILL=20          percent of the clusters' controllers that are killed and started again meanwhile, one after the other (0)
#   STEPS="2 8"      what N is set to on the way, when equal parts of the clusters are done: lower first, say, then higher
#   KEEP=1           leave everything running and say how to look at it and how to stop it
#   NO_COLOR=1       no colours; without a terminal there are none, and plain lines in the picture's place
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
# shellcheck source=test/controlplane/programs.bash
. test/controlplane/programs.bash
# shellcheck source=test/controlplane/fleet.bash
. test/controlplane/fleet.bash
# shellcheck source=test/demo/talk.bash
. test/demo/talk.bash

COUNT=${COUNT:-50} N=${N:-5} WORK=${WORK:-5} KILL=${KILL:-0}
read -ra STEPS <<<"${STEPS:-}"
readonly HUB=zen-fleet POOL=security-remediation-pool FLP=leaderpolicies.leadership.kube-zen.io
for value in COUNT:"$COUNT" N:"$N" WORK:"$WORK"; do
    [[ ${value#*:} =~ ^[1-9][0-9]?$ ]] || give_up "${value%%:*}=${value#*:}: must be a whole number from 1 to 99"
done
[[ $KILL =~ ^([0-9][0-9]?|100)$ ]] || give_up "KILL=$KILL: must be a percentage, a whole number from 0 to 100"
for value in "${STEPS[@]}"; do
    [[ $value =~ ^[1-9][0-9]?$ ]] || give_up "STEPS: $value must be a whole number from 1 to 99"
done
mapfile -t clusters < <(seq -f 'c%02g' "$COUNT")

finish() {
    local status=$? name
    trap '' INT
    if [ "$status" -ne 0 ]; then printf '\nStopping.\n' >&2; fi
    printf '%s' "$plain"
    # All of them at once: one after the other would take a minute.
    for name in "$ZL_RUN"/pids/c[0-9][0-9]; do
        [ ! -e "$name" ] || process_signal TERM "$(process_pid "$(basename "$name")" || echo 0)"
    done
    bash test/controlplane/down.sh "$ZL_RUN"
}

# --- the hub ---

start_hub() {
    begin "etcd, kube-apiserver, kube-controller-manager"
    if ! bash test/controlplane/up.sh "$ZL_RUN" $$ 2>"$ZL_RUN/up.log"; then
        cat "$ZL_RUN/up.log" >&2
        give_up "The control plane did not start."
    fi
    done_in
    begin "manifests/: the CRD and RBAC of members, and of the hub"
    {
        install_manifests
        kubectl apply -k manifests/fleet/member
        kubectl apply -k manifests/fleet/hub
        kubectl wait --for condition=established --timeout 60s "crd/$FLP"
    } >"$ZL_RUN/install.log" 2>&1 || give_up "$(cat "$ZL_RUN/install.log")"
    start_kubelet --nodes 3
    done_in
}

# What Kubernetes needs by itself for Jobs with as much work: as many at once as clusters act, without our label. Part of it is
# the Job controller's, which gathers a second of what pods do.
measure_alone() {
    local i began
    begin "$N Jobs of $WORK s that no fleet keeps waiting"
    for i in $(seq "$N"); do
        echo ---
        job | sed "s/name: rotate-nodes/name: alone-$i/; /labels:\$/d; /zen-lead\/fleet/d; s/app: rotate/app: alone/"
    done | kubectl create -n default -f - >"$ZL_RUN/alone.log" 2>&1 || give_up "$(cat "$ZL_RUN/alone.log")"
    began=${EPOCHREALTIME/./}
    kubectl wait -n default --for condition=complete --timeout 120s job --all >>"$ZL_RUN/alone.log" 2>&1 || give_up "$(cat "$ZL_RUN/alone.log")"
    alone_ms=$(((${EPOCHREALTIME/./} - began) / 1000))
    done_in
}

# It keeps the pods of a Job out that Kubernetes makes before its Job is suspended, or cannot suspend. It is asked about namespaces
# that have a pool, since a controller that sees one namespace alone does not see to that.
start_gatekeeper() {
    begin "the webhook"
    {
        make_certificates
        start_webhook 1 --fleet
        start_controller 1
        await_ready webhook-1
        await_ready controller-1
        arm_gatekeeper "$(port_of webhook-1)"
    } >"$ZL_RUN/webhook.log" 2>&1 || give_up "$(cat "$ZL_RUN/webhook.log")"
    done_in
}

# --- the clusters ---

# Namespaces, and on the hub one identity for each.
make_clusters() {
    local cluster
    for cluster in "${clusters[@]}"; do
        printf -- '---\napiVersion: v1\nkind: Namespace\nmetadata: {name: %s, labels: {kubernetes.io/metadata.name: %s}}\n---\n' "$cluster" "$cluster"
        sed "s/example-cluster/$cluster/g" manifests/fleet/hub-member/member.yaml
    done | kubectl create -f - || return 1
    for cluster in "${clusters[@]}"; do hub_kubeconfig "$HUB" "$cluster" || return 1; done
}

start_fleet() {
    local cluster
    begin "an arbiter"
    fleet_program arbiter 0 "$HUB" --kubeconfig "$ZL_RUN/kubeconfig" --fleet-arbiter-only
    wait_until 60 kubectl get lease -n "$HUB" zen-fleet-arbiter || give_up "The arbiter does not come up; see $ZL_RUN/log/arbiter.log"
    done_in
    begin "$COUNT clusters"
    make_clusters >"$ZL_RUN/clusters.log" 2>&1 || give_up "$(cat "$ZL_RUN/clusters.log")"
    for cluster in "${clusters[@]}"; do start_member "$cluster"; done
    done_in
}
start_member() {
    fleet_program "$1" 0 "$HUB" --kubeconfig "$ZL_RUN/controller.kubeconfig" --namespaces "$1" \
        --fleet-hub-kubeconfig "$ZL_RUN/hub-$1.kubeconfig" --cluster-name "$1"
}

# --- what may go wrong meanwhile ---

over() { jq -n '[inputs | .ledger.history // empty | length] | max // 0' "$ZL_RUN/log/leases.log"; }
over_are() { [ "$(over)" -ge "$1" ]; }

# As the OOM killer and a node that dies do it: each of another cluster, spread over the run.
kill_members() {
    local cluster kills=$((COUNT * KILL / 100)) killed=0
    for cluster in $(shuf -e "${clusters[@]}" -n "$kills"); do
        wait_until 280 over_are $((killed * COUNT / (kills + 1)))
        process_signal KILL "$(process_pid "$cluster")"
        wait_until 10 process_is_gone "$cluster"
        start_member "$cluster"
        killed=$((killed + 1))
        echo "$cluster" >>"$ZL_RUN/killed"
    done
}

set_steps() {
    local n part=0
    for n in "${STEPS[@]}"; do
        part=$((part + 1))
        wait_until 280 over_are $((part * COUNT / (${#STEPS[@]} + 1)))
        "$ZL_BIN/zen-lead" fleet set "$POOL" --n "$n" >>"$ZL_RUN/steps.log" 2>&1
    done
}

# The watch of the hub that the picture and the check are made of, from before the first decision on.
start_recorders() {
    process_start leases bash -c "kubectl get leases -n $HUB --watch --output-watch-events -o json |
        jq -c --unbuffered -L test/demo 'include \"fleet\"; record(\"$POOL\")'"
    start_recorder
}

# --- what a user does ---

policy() {
    awk '/^```yaml$/ { code = 1; text = ""; next } /^```$/ { if (code && text ~ /kind: LeaderPolicy/) { printf "%s", text; exit } code = 0 }
        code { text = text $0 "\n" }' docs/fleet.md | sed "s/maxConcurrentLeaders: 5/maxConcurrentLeaders: $N/"
}
job() {
    cat <<JOB
apiVersion: batch/v1
kind: Job
metadata:
  name: rotate-nodes
  labels:
    zen-lead/fleet: $POOL
spec:
  backoffLimit: 0
  template:
    metadata: {labels: {app: rotate}, annotations: {zl-test/succeed-after-ms: "${WORK}000"}}
    spec: {restartPolicy: Never, containers: [{name: rotate, image: example/node-rotation}]}
JOB
}

# everywhere FILE - applied in each cluster; kubectl is started once.
everywhere() {
    local cluster
    for cluster in "${clusters[@]}"; do
        echo ---
        sed "s/^metadata:\$/metadata:\n  namespace: $cluster/" "$1"
    done | kubectl create -f - >>"$ZL_RUN/apply.log" 2>&1 || give_up "$(tail -n 5 "$ZL_RUN/apply.log")"
}

arm_everywhere() {
    printf 'apiVersion: coordination.kube-zen.io/v1alpha1\nkind: LeaderPolicy\nmetadata:\n  name: arm\n' >"$ZL_RUN/pool.yaml"
    everywhere "$ZL_RUN/pool.yaml"
    kubectl wait --all-namespaces --for condition=GatekeeperArmed --timeout 120s leaderpolicies.coordination.kube-zen.io --all \
        >>"$ZL_RUN/apply.log" 2>&1 || give_up "The webhook is not asked about all namespaces; see $ZL_RUN/log/controller-1.log"
}
members_on_hub() { [ "$(kubectl get leases -n "$HUB" -o name | grep -c '/member\.')" -eq "$COUNT" ]; }

show_policy() {
    step "One manifest, applied to all $COUNT clusters"
    policy >"$ZL_RUN/policy.yaml"
    sed "s/^/   /; s|maxConcurrentLeaders.*|$bold$green&$plain|" "$ZL_RUN/policy.yaml"
    everywhere "$ZL_RUN/policy.yaml"
    arm_everywhere
    wait_until 120 members_on_hub || give_up "Not all clusters have come to the hub: $(kubectl get leases -n "$HUB" -o name | grep -c '/member\.') of $COUNT."
    good "All of them have come to the hub."
    step "And a plain Job in each, at the same moment: $WORK s of work"
    job >"$ZL_RUN/job.yaml"
    sed "s/^/   /; s|zen-lead/fleet.*|$bold$green&$plain|" "$ZL_RUN/job.yaml"
}

show_waves() {
    local tty=false colours
    [ ! -t 1 ] || tty=true
    colours=$(jq -n --arg dim "$dim" --arg green "$green" --arg cyan "$cyan" --arg plain "$plain" --arg red "${plain:+$'\e[31m'}" \
        '$ARGS.named')
    step "Who acts, as the hub's ledger says it: $N at a time, in the order in which they came"
    echo
    everywhere "$ZL_RUN/job.yaml"
    [ "$KILL" -eq 0 ] || kill_members &
    [ "${#STEPS[@]}" -eq 0 ] || set_steps &
    # shellcheck disable=SC2016 # jq's
    timeout --foreground 280 jq -nrj --unbuffered -L test/demo --argjson count "$COUNT" --argjson tty "$tty" --argjson colours "$colours" \
        'include "fleet"; picture($count; $tty; $colours)' < <(exec tail -n +1 -s 0.2 --pid=$$ -f "$ZL_RUN/log/leases.log") ||
        give_up "Not all had their turn within 280 s; the logs are in $ZL_RUN/log with KEEP=1."
}

# --- the summary ---

# most_pods - how many executed at the same time, by a watch of all pods: Running is after Pending and before an end.
most_pods() {
    awk '$3 != "rotate" { next }
        { is = $1 != "DELETED" && $6 == "Running"; now += is - runs[$5]; runs[$5] = is; if (now > most) most = now }
        END { print most + 0 }' "$ZL_RUN/log/recorder.log"
}

# verdict HOLDS TEXT
verdict() {
    if [ "$1" = true ]; then good "✓ $2"; else
        printf '   ✗ %s\n' "$2"
        failed=yes
    fi
}

# shellcheck disable=SC2016 # jq's
summarize() {
    local pods n most=$N
    for n in "${STEPS[@]}"; do most=$((n > most ? n : most)); done
    step "Was it right? Counted from every revision that a watch of the hub has shown"
    jq -n -L test/demo 'include "fleet"; check' "$ZL_RUN/log/leases.log" >"$ZL_RUN/check.json"
    pods=$(most_pods)
    echo
    says() { jq -r --argjson count "$COUNT" --argjson n "$most" --argjson pods "$pods" --argjson work "$((COUNT * WORK * 1000))" --argjson alone "$((COUNT * alone_ms))" "$1" "$ZL_RUN/check.json"; }
    verdict "$(says '.done == $count and .turns == $count')" "$(says '"\(.done) of \($count) clusters are done, in \(.turns) turns."')"
    verdict "$(says '.most <= $n and .above == 0')" "$(says '"Never more than \(.most) at once, in each of \(.revisions) revisions of the ledger."')"
    verdict "$([ "$pods" -ge 1 ] && [ "$pods" -le "$most" ] && echo true)" "Never more than $pods pods at once, by a watch of the pods."
    verdict "$(says '.passed == []')" "$(says 'if .passed == [] then "In the order in which they came: nobody was passed over in \(.offers) offers." else "Passed over: \(.passed)" end')"
    verdict "$(says '.repeated == []')" "Tokens grew with each turn."
    if [ "${#STEPS[@]}" -gt 0 ]; then
        verdict "$(says "(.ns | map(select(. > 0))) == [$(IFS=, && echo "$N,${STEPS[*]}")]")" "$(says '"N was \(.ns | map(tostring) | join(", then ")); whoever acted when it was lowered went on."')"
    fi
    [ "$KILL" -eq 0 ] || good "  $(grep -c . "$ZL_RUN/killed") clusters' controllers were killed and started again meanwhile."
    good "  $(says '"\(.took_ms / 100 | round / 10) s from the first offer to the last end. Of the slots that somebody waited for, \(.slot_ms / 100 | round / 10) s were there, the work alone is \($work / 1000) s, and as Jobs that nobody keeps waiting it is \($alone / 1000) s: \(.slot_ms / $work * 100 | round / 100) and \(.slot_ms / $alone * 100 | round / 100) of the ideal."')"
    [ -z "$failed" ] || give_up "It was not right."
}

say_goodbye() {
    if [ -z "${KEEP:-}" ]; then
        printf '\n%sThat is all.%s docs/fleet.md says how it is set up. It is being taken down now.\n' "$bold" "$plain"
        return
    fi
    process_stop guard || true
    trap - EXIT
    printf '\n%sIt keeps running. In any terminal:%s\n\n' "$bold" "$plain"
    [ -n "$has_kubectl" ] || printf '   export PATH=%s:%s\n' "$ZL_RUN/bin" "\$PATH"
    printf '   export KUBECONFIG=%s/kubeconfig\n   kubectl get flp -A -o wide\n   %s/zen-lead fleet history %s\n\n' "$ZL_RUN" "$ZL_BIN" "$POOL"
    printf 'To stop it and leave nothing behind:\n\n   bash %s/test/controlplane/down.sh %s\n' "$root" "$ZL_RUN"
}

bash test/controlplane/packages.sh jq curl openssl
check_programs
bash test/controlplane/build.sh >/dev/null # the first time takes minutes, and says so

ZL_RUN=$(mktemp -d "${TMPDIR:-/tmp}/zen-lead-demo.XXXXXX")
mkdir "$ZL_RUN/pids"
failed=""
export ZL_RUN
has_kubectl=$(command -v kubectl || true)
export PATH=$ZL_RUN/bin:$PATH KUBECONFIG=$ZL_RUN/kubeconfig
trap finish EXIT
trap 'exit 130' INT TERM
printf '%szen-lead: %d clusters, %d at a time%s\n\n' "$bold" "$COUNT" "$N" "$plain"
start_hub
measure_alone
start_gatekeeper
start_recorders
start_fleet
show_policy
show_waves
summarize
say_goodbye
