#!/usr/bin/env bats
#
# turns.bats - pods of Jobs take turns by the webhook alone: no controller of ours runs, and pods are sent by hand
# as the Job controller would send them, which is held still.

# Each test is a subshell of its own.
# shellcheck disable=SC2030,SC2031

load lib

setup() {
    restore_programs
    new_namespace
}

teardown() {
    [ -n "${BATS_TEST_COMPLETED:-}" ] || explain
    restore_programs
    kubectl get validatingwebhookconfiguration zen-lead >/dev/null 2>&1 || arm_gatekeeper "$(port_of proxy)"
    drop_namespace
}

# alone - from now on nobody does anything but the webhooks.
alone() {
    stop_controller 1 KILL
    stop_controller 2 KILL
    freeze_owners
}

# job NAME [METADATA] [SPEC] - in flow style; METADATA's default is to be in pool "batch".
job() {
    k apply -f - <<JOB
apiVersion: batch/v1
kind: Job
metadata: {name: $1, ${2:-labels: {zen-lead/pool: batch\}}}
spec: {${3:-backoffLimit: 6}, template: {spec: {restartPolicy: Never, containers: [{name: main, image: none}]}}}
JOB
}

cronjob() {
    local version=batch/v1beta1
    ! kubectl get --raw /apis/batch/v1 | grep -q cronjobs || version=batch/v1
    k apply -f - <<CRONJOB
apiVersion: $version
kind: CronJob
metadata: {name: $1, labels: {zen-lead/pool: batch}}
spec:
  schedule: "0 0 1 1 *"
  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: main, image: none}]}}}}
CRONJOB
}

# scheduled CRONJOB SECONDS - the Job that its controller would make for this time; its own keys name no pool.
scheduled() {
    job "$1-$2" "ownerReferences: [{apiVersion: batch/v1, kind: CronJob, name: $1, uid: $(pod_uid "cronjob/$1"), controller: true}]"
}

# job_pod JOB [UID] - to be created.
job_pod() {
    local uid=${2:-$(pod_uid "job/$1")}
    cat <<POD
apiVersion: v1
kind: Pod
metadata:
  generateName: $1-
  labels: {app: jobs, job-name: $1, controller-uid: $uid}
  annotations: {zl-test/terminate-after-ms: "100"}
  ownerReferences: [{apiVersion: batch/v1, kind: Job, name: $1, uid: $uid, controller: true}]
spec: {restartPolicy: Never, containers: [{name: main, image: none}]}
POD
}

# executes JOB [UID] - send a pod of it; prints the pod, or why it was refused.
executes() { job_pod "$@" | k create -f - -o name 2>&1; }

# is_refusal TEXT ANSWER
is_refusal() { [[ $2 == *"zen-lead: "*"$1"* ]] || fail "not \"$1\": $2"; }

# refused TEXT JOB [UID] - a pod of it is, with TEXT.
refused() {
    local answer
    for _ in {1..10}; do
        ! answer=$(executes "${@:2}") || fail "let in: $answer" || return 1
        ! is_decided "$answer" || break
    done
    is_refusal "$1" "$answer"
}

# would_be_refused TEXT JOB [UID] - the same, and changes nothing if not.
would_be_refused() {
    local answer
    ! answer=$(job_pod "${@:2}" | k create --dry-run=server -f - -o name 2>&1) || return 1
    is_refusal "$1" "$answer"
}

# all_refuse TEXT JOB [UID] - each webhook by itself would refuse a pod of it with TEXT. Which Jobs there are they know from memory,
# and each has its own: the next request may go to any of them.
all_refuse() {
    local n review
    review=$(job_pod "${@:2}" | k create --dry-run=client -o json -f - | jq --arg ns "$NS" '{apiVersion: "admission.k8s.io/v1",
        kind: "AdmissionReview", request: {uid: "a", operation: "CREATE", dryRun: true, namespace: $ns,
        kind: {group: "", version: "v1", kind: "Pod"}, resource: {group: "", version: "v1", resource: "pods"},
        object: (.metadata.name = "any" | .metadata.uid = "any")}}') || return 1
    for n in 1 2 3; do
        is_refusal "$1" "$(curl -sf --noproxy '*' -m 5 --cacert "$ZL_RUN/tls/ca.crt" -H 'Content-Type: application/json' \
            --data-binary @- "https://127.0.0.1:$(port_of "webhook-$n")$(review_path)" <<<"$review" |
            jq -r 'if .response.allowed then "let in" else .response.status.message end')" || return 1
    done
}

readonly TURN="it is not this pod's turn in pool \"batch\""

# let_in JOB - in $POD
let_in() { POD=$(executes "$1") || fail "a pod of $1: $POD"; }

# comes_in JOB - soon: memory may be a moment behind, and a claim counts for the claim timeout without its pod.
comes_in() { wait_for 10 let_in "$1"; }

# succeeds_now POD
succeeds_now() {
    k annotate "$1" zl-test/succeed-after-ms=1
    wait_for 10 is Succeeded k get "$1" -o 'jsonpath={.status.phase}'
}

# over JOB TYPE - as its controller would say: Complete or Failed. Newer servers take neither without the condition that comes before
# it, nor without its times.
over() {
    k get "job/$1" -o json | jq --arg type "$2" --arg now "$(date -u +%FT%TZ)" '.status.startTime //= $now |
        .status.conditions = [({Complete: "SuccessCriteriaMet", Failed: "FailureTarget"}[$type], $type) | {type: ., status: "True"}] |
        if $type == "Complete" then .status.completionTime = $now else . end' |
        kubectl replace --raw "/apis/batch/v1/namespaces/$NS/jobs/$1/status" -f - >/dev/null
}

turn() { lease batch '{.metadata.annotations.zen-lead\.io/turn}'; }
turn_of() { echo "$1_$(pod_uid "job/$1")"; }
executing() { holder batch | cut -d _ -f 1; }

@test "two Jobs: the older one first, one pod at a time, its retries within its turn, the other one after it" {
    policy batch
    alone
    job a
    job b
    local first second third
    wait_for 20 all_refuse "$TURN" b
    # Created in the same second, perhaps: then the name decides.
    refused "$TURN" b
    comes_in a
    first=$POD
    expect "the turn" "$(turn)" = "$(turn_of a)"
    expect "who executes" "pod/$(executing)" = "$first"
    refused "$TURN" b
    refused "$TURN" a
    succeeds_now "$first"
    # Between two pods of a turn the seat is not for others.
    refused "$TURN" b
    comes_in a
    second=$POD
    expect "the turn" "$(turn)" = "$(turn_of a)"
    over a Complete
    # Complete, and one pod still runs: it is waited for.
    refused "$TURN" b
    k delete "$second" --wait
    comes_in b
    third=$POD
    expect "the turn" "$(turn)" = "$(turn_of b)"
    expect "who executes" "pod/$(executing)" = "$third"
    # A try that fails half-way skips a number.
    expect "fencing token" "$(token batch)" -ge 3
    recorder_sync
    expect "pods at one instant" "$(most_at_once jobs)" -eq 1
}

@test "a Job that failed, was deleted or wants no pods now gives its turn away" {
    policy batch
    alone
    job a
    job b
    job c
    job d
    comes_in a
    k annotate "$POD" zl-test/fail-after-ms=1
    wait_for 10 is Failed k get "$POD" -o 'jsonpath={.status.phase}'
    refused "$TURN" b
    over a Failed
    comes_in b
    k delete "$POD" --wait
    k delete job b --wait
    comes_in c
    k delete "$POD" --wait
    refused "$TURN" d
    k patch job c --type merge -p '{"spec": {"parallelism": 0}}'
    comes_in d
    refused "$TURN" c
    expect "the turn" "$(turn)" = "$(turn_of d)"
    k delete "$POD" --wait
    over d Complete
    # The claim of d counts for the claim timeout, without its pod.
    wait_for 10 refused 'this pod'"'"'s Job in pool "batch" is over or suspended' c
    k patch job c --type merge -p '{"spec": {"parallelism": 1}}'
    comes_in c
    recorder_sync
    expect "pods at one instant" "$(most_at_once jobs)" -eq 1
}

@test "three CronJobs, one scheduled time: the first Job has it for good, the others are refused, also afterwards" {
    policy batch
    alone
    local n
    for n in a b c; do cronjob "$n"; done
    for n in a b c; do scheduled "$n" 1700000040; done
    wait_for 20 all_refuse 'another Job of pool "batch" has this scheduled time' b-1700000040
    # The first by creation and name has the time, whoever asks first.
    refused 'another Job of pool "batch" has this scheduled time' b-1700000040
    comes_in a-1700000040
    refused "$TURN" c-1700000040
    succeeds_now "$POD"
    over a-1700000040 Complete
    refused 'has this scheduled time' b-1700000040
    refused 'has this scheduled time' c-1700000040
    expect "the tick" "$(policy_status batch '.ticks[*].job')" = a-1700000040
    # Also when the one that ran is forgotten.
    k delete job a-1700000040 --wait
    refused 'has this scheduled time' b-1700000040
    for n in a b c; do scheduled "$n" 1700000100; done
    comes_in a-1700000100
    succeeds_now "$POD"
    over a-1700000100 Complete
    # By hand, from a CronJob: no scheduled time.
    job by-hand
    comes_in by-hand
    recorder_sync
    expect "pods ever admitted" "$(admitted jobs)" -eq 3
}

@test "16 pods of 4 Jobs at once, 3 webhook replicas: one is let in, and again after each turn" {
    policy batch
    alone
    local n round
    uids=()
    for n in 1 2 3 4; do job "j$n"; done
    for n in 1 2 3 4; do uids[n]=$(pod_uid "job/j$n"); done
    for round in 1 2; do
        wait_for 20 all_refuse "$TURN" "j$((round + 1))"
        wait_for 60 let_in_one
        expect "pods that live" "$(pod_count jobs)" -eq 1
        # FIFO: the next of those that have not run.
        expect "the turn" "$(turn)" = "$(turn_of "j$round")"
        succeeds_now "$(pod_names jobs)"
        over "j$round" Complete
    done
    recorder_sync
    expect "pods ever admitted" "$(admitted jobs)" -eq 2
    expect "pods at one instant" "$(most_at_once jobs)" -eq 1
}

# 16 at once: one of them is let in. None may be, when the processor has no time for them: then again.
let_in_one() {
    local n
    for n in 4 3 2 1 4 3 2 1 4 3 2 1 4 3 2 1; do executes "j$n" "${uids[n]}" >/dev/null & done
    wait
    is 1 pod_count jobs
}

@test "the Lease is deleted, or emptied by hand, while a pod executes: the same pod goes on, nobody beside it" {
    policy batch
    alone
    job a
    job b
    comes_in a
    k delete lease zen-lead-batch
    # Whose claim it carried nobody knows; then the one pod that lives has it.
    wait_for 20 refused_and_held b "${POD#pod/}"
    expect "the turn" "$(turn)" = "$(turn_of a)"
    k patch lease zen-lead-batch --type merge -p '{"spec": {"holderIdentity": ""}}'
    wait_for 20 refused_and_held b "${POD#pod/}"
    expect "the turn" "$(turn)" = "$(turn_of a)"
    succeeds_now "$POD"
    over a Complete
    comes_in b
    recorder_sync
    expect "pods at one instant" "$(most_at_once jobs)" -eq 1
}
refused_and_held() { refused "$TURN" "$1" && [ "$(executing)" = "$2" ]; }

@test "pods that came while the gatekeeper was not armed: one of them executes, and no other starts before all have ended" {
    policy batch
    stop_controller 1 KILL
    stop_controller 2 KILL
    freeze_owners
    job a
    job b
    wait_for 20 all_refuse "$TURN" b
    local kept one two three
    kept=$(kubectl get validatingwebhookconfiguration zen-lead-pods -o json | jq '{apiVersion, kind, metadata: {name: .metadata.name}, webhooks}')
    disarm_gatekeeper
    wait_for 20 would_be_let_in b
    one=$(executes b) two=$(executes b) three=$(executes a)
    wait_for 20 is "Running Running Running" k get pods -o 'jsonpath={.items[*].status.phase}'
    arm_gatekeeper "$(port_of proxy)"
    # No controller fills it.
    kubectl apply -f - <<<"$kept"
    # Before the API server heeds that, a real one would be let in.
    wait_for 20 would_be_refused "$TURN" a
    wait_for 20 refused_and_executing a
    expect "pods" "$(pod_count jobs)" -eq 3
    # Nor when their Job is gone: its pods outlive it for a moment, here for as long as nobody collects garbage.
    k delete job b --wait
    k delete "$three" --wait
    refused "$TURN" a
    k delete "$one" --wait
    refused "$TURN" a
    stays 2 refused "$TURN" a
    k delete "$two" --wait
    comes_in a
}
would_be_let_in() { job_pod "$1" | k create --dry-run=server -f -; }
# A pod that runs has the turn.
refused_and_executing() { refused "$TURN" "$1" && is Running k get "pod/$(executing)" -o 'jsonpath={.status.phase}'; }

@test "a pod whose Job is gone is refused; without a LeaderPolicy and with standby, Jobs are let in" {
    policy batch
    policy warm '{followerMode: standby}'
    alone
    job a
    job gone
    job c 'labels: {zen-lead/pool: warm}'
    job d 'labels: {zen-lead/pool: none}'
    job e 'labels: {app: other}'
    local uid
    uid=$(pod_uid job/gone)
    wait_for 20 all_refuse "$TURN" gone
    k delete job gone --wait
    wait_for 20 all_refuse "this pod's workload or Job does not exist any more" gone "$uid"
    refused "this pod's workload or Job does not exist any more" gone "$uid"
    comes_in a
    # Both run on: whoever took turns would never let the second one in.
    comes_in c
    comes_in c
    comes_in e
    wait_for 10 comes_in_with_warning d
}
comes_in_with_warning() { [[ $(executes "$1") == *'LeaderPolicy'*"pod/$1"* ]]; }

@test "a StatefulSet and Jobs in one pool: no Job's pod starts, but one that executes keeps the seat" {
    policy batch
    alone
    job a
    job b
    comes_in a
    statefulset db 3 batch
    # Memory knows of the StatefulSet within a moment.
    wait_for 20 all_refuse 'is led by a Deployment or another workload that stays, so its Jobs do not start' b
    refused 'is led by a Deployment or another workload that stays, so its Jobs do not start' b
    wait_for 10 member_waits db 0
    succeeds_now "$POD"
    refused 'its Jobs do not start' b
    refused 'its Jobs do not start' a
    wait_for 10 member db 0
    expect "the turn" "$(turn)" = ""
    expect "who leads" "$(executing)" = db-0
}

member_waits() {
    local answer
    ! answer=$(member "$@") || return 1
    is_refusal 'a Job still executes in pool "batch"' "$answer"
}
