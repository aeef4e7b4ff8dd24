# shellcheck shell=bash
#
# lib.bash - what the tests are written with: `load lib` at the top of an area.
#
# Each test has its own namespace, $NS, and finds all programs running. Conditions are awaited, never slept for; every
# wait has a deadline. An area with more to do defines setup or teardown anew, and explain_area for what its
# failures need.

# shellcheck source=test/controlplane/programs.bash
. "$BATS_TEST_DIRNAME/../controlplane/programs.bash"
export ZL_CLAIM_TIMEOUT=2

setup() {
    restore_programs
    new_namespace
}

teardown() {
    [ -n "${BATS_TEST_COMPLETED:-}" ] || explain
    drop_namespace
}

k() { kubectl --namespace "$NS" "$@"; }

# The text of this file would be lost in a failing assertion of bats: say what was expected.
fail() {
    echo "FAILED: $*" >&2
    return 1
}

# wait_for SECONDS COMMAND... - or fail with the command.
wait_for() {
    local seconds=$1
    shift
    wait_until "$seconds" "$@" || fail "not within $seconds s: $*"
}

# stays SECONDS COMMAND... - it succeeds now and at every look during this time.
stays() {
    local deadline=$((${EPOCHREALTIME/./} + $1 * 1000000))
    shift
    while [ "${EPOCHREALTIME/./}" -lt "$deadline" ]; do
        "$@" || fail "did not stay true: $*" || return 1
        sleep 0.25
    done
}

# expect WHAT ACTUAL OPERATOR WANTED - with an operator of [ ].
expect() {
    test "$2" "$3" "$4" || fail "$1: is \"$2\", expected $3 \"$4\""
}

# is WANTED COMMAND... - its output is WANTED; for wait_for and stays.
is() {
    local wanted=$1
    shift
    [ "$("$@")" = "$wanted" ]
}

is_not() { ! is "$@"; }

# prints_nothing COMMAND..., has_changed FROM COMMAND... - where an API server that does not answer must not count as an answer.
prints_nothing() {
    local value
    value=$("$@") && [ -z "$value" ]
}
has_changed() {
    local from=$1 value
    shift
    value=$("$@") && [ "$value" != "$from" ]
}

# is_gone RESOURCE/NAME, or RESOURCE NAME
is_gone() { prints_nothing k get "$@" --ignore-not-found -o name; }

# at_least WANTED COMMAND...
at_least() {
    local wanted=$1 value
    shift
    value=$("$@") && [ -n "$value" ] && [ "$value" -ge "$wanted" ]
}

# start_anew NAME COMMAND... - process_start with an empty log: what an earlier area's process of that name said would be taken for its word.
start_anew() {
    rm -f "$ZL_RUN/log/$1.log"
    process_start "$@"
}

# --- setting up -----------------------------------------------------------------------------------

new_namespace() {
    NS=t$BATS_TEST_NUMBER-$(printf '%04x' $((RANDOM * 2)))
    make_namespace
}

make_namespace() {
    # The label is there by itself since 1.21.
    kubectl apply -f - <<NAMESPACE
apiVersion: v1
kind: Namespace
metadata: {name: $NS, labels: {kubernetes.io/metadata.name: $NS}}
NAMESPACE
}

drop_namespace() {
    # Stuck pods would keep it for ever.
    k annotate pods --all --overwrite zl-test/stuck- >/dev/null 2>&1 || true
    kubectl delete namespace "$NS" --ignore-not-found --wait=false >/dev/null
}

# explain - what a person would look at first; printed by bats when the test failed.
explain() {
    echo "--- $NS"
    k get leaderpolicy,deployment,statefulset,replicaset,pods -o wide
    kubectl get validatingwebhookconfigurations -o json | jq -c '.items[].metadata | {name, uid, owner: .ownerReferences, deletionTimestamp}'
    kubectl get validatingwebhookconfigurations -o json | jq -c '.items[] | [.metadata.name, (.webhooks[]? | .name, .namespaceSelector, (.clientConfig.caBundle | length))]'
    k get lease -o yaml | grep -vE 'managedFields|f:|selfLink' | head -n 60
    k get events --sort-by .lastTimestamp | tail -n 15
    echo "--- recorded"
    grep " $NS " "$ZL_RUN/log/recorder.log" | tail -n 40
    for name in webhook-1 webhook-2 webhook-3 controller-1 controller-2; do
        [ -e "$ZL_RUN/log/$name.log" ] || continue # on a node they are pods
        echo "--- $name"
        grep -F "\"$NS\"" "$ZL_RUN/log/$name.log" | tail -n 8
    done
    explain_area
}
explain_area() { :; }

# new_node NAME - a Ready node that is nobody's: what is bound to it (zl-test/node) the stand-in lets run all the same.
new_node() {
    kubectl create -f - <<NODE
apiVersion: v1
kind: Node
metadata: {name: $1}
status: {conditions: [{type: Ready, status: "True", reason: Test}]}
NODE
}

# lose_node NAME - its kubelet is not heard of any more. Nobody's node has none that says otherwise.
lose_node() {
    kubectl get --raw "/api/v1/nodes/$1" |
        jq 'del(.metadata.resourceVersion) | (.status.conditions[] | select(.type == "Ready")).status = "Unknown"' |
        kubectl replace --raw "/api/v1/nodes/$1/status" -f - >/dev/null
}

# put_configuration NAME [QUERY] - the whole of it, as it is read, from standard input. `kubectl replace` would note it as what was applied,
# with its resourceVersion, and no later `kubectl apply` would be taken.
put_configuration() { kubectl replace --raw "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/$1${2:-}" -f - >/dev/null; }

# policy NAME [SPEC] - SPEC in YAML's flow style: {followerMode: standby}. Waits until the gatekeeper is armed.
policy() {
    bare_policy "$@"
    await_armed "$NS" "$1"
}

# The same without waiting.
bare_policy() {
    k apply -f - <<POLICY
apiVersion: coordination.kube-zen.io/v1alpha1
kind: LeaderPolicy
metadata: {name: $1}
spec: ${2:-{\}}
POLICY
}

deployment() { workload Deployment "$@" | k apply -f -; }
statefulset() { workload StatefulSet "$@" | k apply -f -; }

# job NAME POOL [SPEC [POD-ANNOTATIONS [APP]]] - to be applied; POOL "" for no label, SPEC in flow style without braces and
# with a comma at its end. Its pods run until finish says otherwise, or an annotation.
job() {
    local labels="{}"
    [ -z "$2" ] || labels="{zen-lead/pool: $2}"
    cat <<JOB
---
apiVersion: batch/v1
kind: Job
metadata: {name: $1, labels: $labels}
spec: {
  ${3:-}
  template: {
    metadata: {labels: {app: ${5:-batch}}, annotations: ${4:-{\}}},
    spec: {restartPolicy: Never, containers: [{name: main, image: none}]}}}
JOB
}

# owned_pod KIND OWNER APP NAME-FIELD - a pod as the controller of that ReplicaSet or StatefulSet would send it.
owned_pod() {
    cat <<POD
apiVersion: v1
kind: Pod
metadata:
  $4
  labels: {app: $3}
  ownerReferences: [{apiVersion: apps/v1, kind: $1, name: $2, uid: $(pod_uid "$1/$2"), controller: true}]
spec: {containers: [{name: main, image: none}]}
POD
}
# pod_of REPLICASET [APP] - one of its pods
pod_of() { owned_pod ReplicaSet "$1" "${2:-web}" "generateName: ${2:-web}-"; }
# member STATEFULSET ORDINAL - send that pod of it
member() { owned_pod StatefulSet "$1" "$1" "name: $1-$2" | k create -f - -o name 2>&1; }

# dry_run_passes REPLICASET - would a pod of it be let in? Changes nothing, so it may be asked often.
dry_run_passes() { pod_of "$1" | k create --dry-run=server -f -; }

# replicaset_of POD
replicaset_of() { k get "pod/$1" -o 'jsonpath={.metadata.ownerReferences[0].name}'; }

# --- looking --------------------------------------------------------------------------------------

# The pods that are not over: a ReplicaSet leaves Failed ones lying about.
pod_names() { k get pods -l "app=$1" --field-selector status.phase!=Failed,status.phase!=Succeeded -o name; }
pod_count() {
    local names
    names=$(pod_names "$1") && wc -w <<<"$names"
}

ready_pods() {
    k get pods -l "app=$1" -o json |
        jq '[.items[] | select(.metadata.deletionTimestamp | not) |
             select(any(.status.conditions[]?; .type == "Ready" and .status == "True"))] | length'
}

pod_uid() { k get "$1" -o jsonpath='{.metadata.uid}'; }

# one_leader APP POOL - there is one pod, Ready, and policy and Lease name it. One look, because this is what tests wait for most.
one_leader() {
    k get pods,leaderpolicies,leases -o json | jq -e --arg app "$1" --arg pool "$2" '
        def named($kind; $name): .items[] | select(.kind == $kind and .metadata.name == $name);
        named("LeaderPolicy"; $pool) as $policy | named("Lease"; "zen-lead-" + $pool) as $lease |
        [.items[] | select(.kind == "Pod" and .metadata.labels.app == $app) |
            select(.status.phase != "Failed" and .status.phase != "Succeeded")] |
        length == 1 and (.[0] |
            .metadata.deletionTimestamp == null and any(.status.conditions[]?; .type == "Ready" and .status == "True") and
            $policy.status.currentHolder.name == .metadata.name and
            $lease.spec.holderIdentity == .metadata.name + "_" + .metadata.uid and
            $lease.metadata.annotations["zen-lead.io/claim"] == null)' >/dev/null
}

# replicaset_wants APP COUNT - its one ReplicaSet was told, and has acted on it: status.replicas alone may be an accident.
replicaset_wants() {
    k get replicasets -l "app=$1" -o json | jq -e --argjson count "$2" \
        '.items | length == 1 and all(.spec.replicas == $count and .status.observedGeneration == .metadata.generation)' >/dev/null
}

# policy_status POOL PATH - "" when absent
policy_status() { k get leaderpolicy "$1" -o "jsonpath={.status$2}"; }

lease() { k get lease "zen-lead-$1" -o "jsonpath=$2"; }
holder() { lease "$1" '{.spec.holderIdentity}'; }
token() { lease "$1" '{.metadata.annotations.zen-lead\.io/fencing-token}'; }
transitions() { lease "$1" '{.spec.leaseTransitions}'; }
is_confirmed() { [ -z "$(lease "$1" '{.metadata.annotations.zen-lead\.io/claim}')" ]; }
leader_pod() { holder "$1" | cut -d _ -f 1; }
has_lease() { lease "$1" '{.metadata.name}' >/dev/null 2>&1; }

# leader_annotation SERVICE NAME - of a leader Service: written after the slices, when traffic flows already.
leader_annotation() { k get service "$1" -o "jsonpath={.metadata.annotations.zen-lead\.io/$2}"; }

# is_decided ANSWER - kubectl's, by zen-lead: on a busy machine no webhook may answer in time, or one may ask to be asked again.
is_decided() { [[ $1 == *"zen-lead: "* && $1 != *"refused to be safe, try again"* ]]; }

# denials APP - creations that its ReplicaSet or StatefulSet reports as refused by zen-lead.
denials() {
    k get events -o json | jq --arg app "$1" \
        '[.items[] | select(.reason == "FailedCreate") | select(.involvedObject.name | startswith($app)) |
          select(.message | contains("zen-lead: ")) | .count // .series.count // 1] | add // 0'
}

# wakes - when the ReplicaSets and StatefulSets of this namespace were last woken. What that spares them, their
# back-off, a test would have to let grow before it could tell.
wakes() { k get replicaset,statefulset -o 'jsonpath={.items[*].metadata.annotations.zen-lead\.io/wake}'; }

# --- Jobs

# The pods of a Job that are not over; a terminating one counts.
job_pods() { k get pods -l "job-name=$1" --field-selector status.phase!=Failed,status.phase!=Succeeded -o name; }
# runs JOB - it has one pod, and that is Running.
runs() { is 1 job_pods_in "$1" Running; }
job_pods_in() { k get pods -l "job-name=$1" --field-selector "status.phase=$2" -o name | wc -l; }
# finish JOB - its pod succeeds now.
finish() { k annotate pods -l "job-name=$1" --overwrite zl-test/succeed-after-ms=0; }
job_condition() { k get job "$1" -o "jsonpath={.status.conditions[?(@.type==\"$2\")].status}"; }
is_complete() { is True job_condition "$1" Complete; }
is_failed() { is True job_condition "$1" Failed; }
is_queued() { [ -n "$(k get job "$1" -o 'jsonpath={.metadata.annotations.zen-lead\.io/queued}')" ]; }
# await_complete SECONDS JOB... - or --all
await_complete() {
    local seconds=$1
    shift
    # kubectl's own deadline is each object's.
    timeout "$seconds" kubectl --namespace "$NS" wait --for condition=Complete --timeout "${seconds}s" job "$@" >/dev/null ||
        fail "not complete within $seconds s: $*"
}
# poke - every waiting Job's controller is made to try again now.
poke() { k annotate jobs --all --overwrite "test/poke=$RANDOM$RANDOM" >/dev/null; }
executing() { policy_status "$1" .executing.name; }
queue() { policy_status "$1" '.queue[*].name'; }

# event_message KIND NAME-PREFIX REASON
event_message() {
    k get events -o json | jq -r --arg kind "$1" --arg name "$2" --arg reason "$3" \
        '.items[] | select(.involvedObject.kind == $kind and .reason == $reason) |
         select(.involvedObject.name | startswith($name)) | .message'
}

has_event() { [ -n "$(event_message "$@")" ]; }

now_ms() { echo $((${EPOCHREALTIME/./} / 1000)); }

# mark_logs, logged_since PROGRAM - what it has logged since the mark: the logs are as old as the control plane, and what
# other tests or its start made a program say is not this test's affair.
mark_logs() {
    local log
    for log in "$ZL_RUN"/log/*.log; do stat -c %s "$log" >"$ZL_RUN/tmp/mark-${log##*/}"; done
}
logged_since() { tail -c "+$(($(cat "$ZL_RUN/tmp/mark-$1.log") + 1))" "$ZL_RUN/log/$1.log"; }

# --- the recorder: every pod that ever was -----------------------------------------------------------

# Wait until the recorder has seen everything up to now: the watch is in order, so a marker is enough.
recorder_sync() {
    local marker=marker-$RANDOM$RANDOM
    kubectl create --namespace "$NS" -f - >/dev/null <<MARKER
apiVersion: v1
kind: Pod
metadata: {name: $marker, annotations: {zl-test/ready: "false"}}
spec: {containers: [{name: main, image: none}]}
MARKER
    # A watch that the API server ended is not begun again by kubectl, and what nobody records looks like nothing.
    process_pid recorder >/dev/null || fail "the recorder has ended: $(tail -n 1 "$ZL_RUN/log/recorder.log")"
    wait_for 60 grep -q " $NS - $marker " "$ZL_RUN/log/recorder.log"
}

# admitted APP - how many pods of it were ever stored in this namespace; APP "" for all but markers.
admitted() {
    awk -v ns="$NS" -v app="$1" \
        '$1 == "ADDED" && $2 == ns && $3 != "-" && (app == "" || $3 == app) { uids[$5] }
         END { print length(uids) }' "$ZL_RUN/log/recorder.log"
}

# most_at_once [APP] - the largest number of pods of one app that were alive (stored, not Failed or Succeeded) at the
# same instant, over the whole history of this namespace.
most_at_once() {
    awk -v ns="$NS" -v app="${1:-}" \
        '$2 != ns || $3 == "-" || (app != "" && $3 != app) { next }
         { alive = $1 != "DELETED" && $6 != "Failed" && $6 != "Succeeded"
           count[$3] += alive - was[$5]; was[$5] = alive
           if (count[$3] > most) most = count[$3] }
         END { print most + 0 }' "$ZL_RUN/log/recorder.log"
}

# together - the same over all apps together.
together() {
    awk -v ns="$NS" '$2 != ns || $3 == "-" { next }
        { alive = $1 != "DELETED" && $6 != "Failed" && $6 != "Succeeded"
          count += alive - was[$5]; was[$5] = alive; if (count > most) most = count }
        END { print most + 0 }' "$ZL_RUN/log/recorder.log"
}

# turns [APP] - the Jobs whose pods were stored, in that order. One that comes twice was interrupted by another.
turns() {
    awk -v ns="$NS" -v app="${1:-batch}" \
        '$1 == "ADDED" && $2 == ns && $3 == app && !seen[$5]++ { sub(/-[^-]*$/, "", $4); if ($4 != last) print $4; last = $4 }' \
        "$ZL_RUN/log/recorder.log"
}

# is_older JOB - than one that is created from now on: Jobs of the same second are in the order of their names.
is_older() { [ "$(date +%s)" -gt "$(date -d "$(k get job "$1" -o 'jsonpath={.metadata.creationTimestamp}')" +%s)" ]; }

# our_calls - what webhook and controller have asked the API server for in this namespace, one line each:
# verb resource[/subresource] name
our_calls() {
    jq -r --arg ns "$NS" 'select(.objectRef.namespace == $ns) |
        "\(.verb) \(.objectRef.resource)\(if .objectRef.subresource then "/" + .objectRef.subresource else "" end) \(.objectRef.name // "-")"' \
        "$ZL_RUN/audit.log"
}

# --- breaking things ------------------------------------------------------------------------------

stop_webhook() { process_stop "webhook-$1" "${2:-TERM}"; }
stop_controller() { process_stop "controller-$1" "${2:-TERM}"; }
# The replica of the controller that acts.
acting() {
    local n
    for n in 1 2; do [ "$(metric "controller-$n" zen_lead_controller_is_leader)" = 0 ] || echo "controller-$n"; done
}

# Bring back whatever a test stopped; also when it failed half-way.
restore_programs() {
    local n pid
    if pid=$(process_pid kube-controller-manager); then kill -s CONT "$pid"; fi
    for n in 1 2 3; do process_is_running "webhook-$n" || start_webhook "$n"; done
    for n in 1 2; do process_is_running "controller-$n" || start_controller "$n"; done
    for n in 1 2 3; do await_ready "webhook-$n"; done
    for n in 1 2; do await_ready "controller-$n"; done
    wait_for 60 proxy_answers
}

# freeze_owners / thaw_owners - hold the ReplicaSet and StatefulSet controllers still.
freeze_owners() { kill -s STOP "$(process_pid kube-controller-manager)"; }
thaw_owners() { kill -s CONT "$(process_pid kube-controller-manager)"; }

# restart_controller_manager [OPTION...] - with these besides those that it had: of an option that comes twice the last counts.
# Waits until it works, whoever comes next.
restart_controller_manager() {
    local command
    mapfile -d '' command <"/proc/$(process_pid kube-controller-manager)/cmdline"
    process_stop kube-controller-manager
    # Published again by one of the last controllers that start.
    kubectl delete configmap --namespace default kube-root-ca.crt --ignore-not-found >/dev/null
    process_start kube-controller-manager "${command[@]}" "$@"
    wait_for 120 kubectl get configmap --namespace default kube-root-ca.crt
}
