#!/usr/bin/env bats
#
# jobs.bats - Jobs take turns: one pod of a pool at a time, in the order of their creation, whatever happens meanwhile.
#
# Two things are looked at: the recorder's history of all pods (most_at_once, turns), and what a user sees.

load lib

explain_area() {
    k get jobs -o json | jq -c '.items[] | [.metadata.name, .metadata.annotations, .spec.suspend, .status]'
    k get leaderpolicy -o json | jq -c '.items[].status'
    echo "turns: $(turns | paste -sd ' ')"
}

readonly SHORT='{zl-test/succeed-after-ms: "100"}'
readonly QUICK='{leaseDurationSeconds: 5, renewDeadlineSeconds: 4, retryPeriodSeconds: 1}'
readonly PARALLEL='parallelism: 3, completions: 3,'

batch() { job "$@" | k apply -f -; }
# hanging JOB... - in pool batch; the first, which may be there already, has its turn, the others wait. Jobs of the same second
# are in the order of their names.
hanging() {
    local name
    ! is_gone "job/$1" || batch "$1" batch
    wait_for 15 runs "$1"
    wait_for 10 is "$1" executing batch
    [ $# -eq 1 ] || for name in "${@:2}"; do job "$name" batch; done | k create -f -
    for name in "${@:2}"; do wait_for 10 is_queued "$name"; done
}
no_pod_of() { prints_nothing job_pods "$1"; }
# known_before_they_try COUNT POOL - so many Jobs, from standard input. A webhook whose watch shows it a younger Job first lets that one
# go first; so nobody tries before all are known.
known_before_they_try() {
    freeze_owners
    k apply -f - >/dev/null
    wait_for 30 is "$1" policy_status "$2" .waiting
    thaw_owners
}
# Nobody who is not over. (A Job that ended while the controllers were down has the mark for good.)
nobody_is_queued() {
    is 0 eval "k get jobs -o json | jq '[.items[] | select(.metadata.annotations[\"zen-lead.io/queued\"] and .status.completionTime == null)] | length'"
}

one_at_a_time() {
    recorder_sync
    expect "pods at one instant" "$(most_at_once batch)" -eq 1
}
# in_order COUNT - job-1 to job-COUNT, each once.
in_order() { expect "turns" "$(turns | paste -sd ' ')" = "$(seq -f 'job-%g' "$1" | paste -sd ' ')"; }

thirty_jobs() {
    local n
    for n in $(seq 30); do job "job-$n" batch "$PARALLEL" "$SHORT"; done | known_before_they_try 30 batch
}
thirty_turns() {
    # The Job controller of newer versions looks at a Job a second after its pod's event: 90 pods are 90 s and more.
    await_complete 300 --all
    one_at_a_time
    in_order 30
    expect "pods that ever ran" "$(admitted batch)" -eq 90
    wait_for 10 is Idle policy_status batch '.conditions[?(@.type=="Ready")].reason'
    wait_for 5 is "" executing batch
    nobody_is_queued
}

@test "30 Jobs of parallelism 3 in one pool: never two pods, all complete, in the order of their creation" {
    policy batch
    thirty_jobs
    thirty_turns
}

@test "the same with controllers and webhooks killed in the middle, and every waiting Job trying again and again" {
    local n
    policy batch
    thirty_jobs
    for n in 3 6 9 12 15 18; do
        await_complete 60 "job-$n"
        case $n in
        3 | 12) stop_webhook $((n / 6 + 1)) KILL ;;
        6 | 15)
            # Without one, a turn passes on at Kubernetes' own back-off, which each refusal has doubled.
            stop_controller 1 KILL
            stop_controller 2 KILL
            restore_programs
            ;;
        9 | 18) restore_programs ;;
        esac
        poke
    done
    thirty_turns
}

@test "status and Events say who executes since when, and who waits in which place" {
    policy batch
    hanging first second third
    wait_for 10 is "second third" queue batch
    expect "waiting" "$(policy_status batch .waiting)" -eq 2
    expect "candidates" "$(policy_status batch .candidates)" -eq 3
    expect "blocked" "$(policy_status batch .blocked)" -eq 2
    expect "phase" "$(policy_status batch .phase)" = Stable
    expect "Ready" "$(policy_status batch '.conditions[?(@.type=="Ready")].reason')" = JobExecuting
    expect "uid" "$(policy_status batch .executing.uid)" = "$(pod_uid job/first)"
    expect "holder" "$(policy_status batch .currentHolder.name)" = "$(k get "$(job_pods first)" -o jsonpath='{.metadata.name}')"
    expect "turn" "$(lease batch '{.metadata.annotations.zen-lead\.io/turn}')" = "first_$(pod_uid job/first)"
    expect "waiting since" "$(policy_status batch '.queue[0].waitingSince')" = "$(k get job second -o jsonpath='{.metadata.creationTimestamp}')"
    local since
    since=$(policy_status batch .executing.startTime)
    expect "seconds since its turn began" $(($(date +%s) - $(date -d "$since" +%s))) -le 60
    expect "strategy" "$(policy_status batch '.workloads[?(@.name=="third")].strategy')" = StateGuard
    wait_for 10 has_event Job first TurnStarted
    wait_for 10 has_event Job second Queued
    wait_for 10 has_event Job third Queued
    event_message Job third Queued | grep -q first || fail "who executes is not said: $(event_message Job third Queued)"

    finish first
    wait_for 15 runs second
    wait_for 10 is second executing batch
    wait_for 5 is third queue batch
    finish second
    wait_for 15 runs third
    finish third
    await_complete 15 --all
    wait_for 10 is "" executing batch
    wait_for 5 is 0 policy_status batch .blocked
    wait_for 5 is Stable policy_status batch .phase
    one_at_a_time
    expect "turns" "$(turns | paste -sd ' ')" = "first second third"
    expect "Events about one turn" "$(event_message Job second TurnStarted | wc -l)" -eq 1
    expect "fencing token" "$(policy_status batch .fencingToken)" -ge 3
}

# --- what waiting costs ---------------------------------------------------------------------------

# concerning REGEX - lines of our_calls from line $from on.
concerning() { our_calls | tail -n "+$((from + 1))" | grep -cE "$1" || true; }
our_events_about() { k get events -o json | jq --arg name "$1" '[.items[] | select(.involvedObject.name == $name and (.source.component // .reportingComponent | startswith("zen-lead")))] | length'; }

@test "API calls and Events of a waiting Job do not grow with time, nor with the attempts of its controller" {
    local from=0 n round jobs=(w-1 w-2 w-3 w-4 w-5 w-6)
    policy batch
    hanging busy "${jobs[@]}"
    for n in "${jobs[@]}"; do wait_for 10 has_event Job "$n" Queued; done
    sleep 1 # what an Event's sender still holds back
    # The webhook reads a Job live while its answer may depend on it; it is written to once, and told once.
    for n in "${jobs[@]}"; do
        echo "# $n: $(concerning "^get jobs $n\$") reads, $(concerning "^patch jobs $n\$") writes, $(our_events_about "$n") Events" >&3
        expect "reads of $n" "$(concerning "^get jobs $n\$")" -le 3
        expect "writes to $n" "$(concerning "^[^g][a-z]* jobs(/[a-z]+)? $n\$")" -eq 1
        expect "Events about $n" "$(our_events_about "$n")" -eq 1
    done
    # Twenty attempts of each in as many seconds, besides Kubernetes' own ones.
    from=$(our_calls | wc -l)
    for round in $(seq 20); do
        poke
        sleep 1
    done
    echo "# the next 20 s, $round attempts of each of ${#jobs[@]} Jobs: $(our_calls | tail -n "+$((from + 1))" |
        awk '{ n[$1 " " $2]++ } END { for (i in n) printf "%d %s, ", n[i], i }')" >&3
    expect "calls about Jobs, pods and Events" "$(concerning ' (jobs|pods|events)(/| )')" -eq 0
    # The Lease is renewed every retryPeriodSeconds, 2, whoever waits; a minute has one probe.
    expect "calls about the Lease" "$(concerning ' leases ')" -le 25
    expect "calls" "$(concerning .)" -le 35
    for n in "${jobs[@]}"; do expect "Events about $n" "$(our_events_about "$n")" -eq 1; done
    one_at_a_time
}

# --- pools that are not there ----------------------------------------------------------------------

@test "a Job whose pool does not exist runs, and is told so: by kubectl and by an Event" {
    policy batch
    run batch lonely bacth "" "$SHORT"
    [[ $output == *"Warning: "*bacth* ]] || fail "no warning: $output"
    await_complete 15 lonely
    # While another one has the turn of the pool that exists.
    hanging busy
    batch lonely-2 bacth "" "$SHORT"
    await_complete 15 lonely-2
    wait_for 10 has_event Job lonely LeaderPolicyNotFound
}

@test "a Job whose pool's name is none, and one that opted out, run as if there were no pool" {
    policy batch
    hanging busy
    run batch misspelt Batch "" "$SHORT"
    [[ $output == *"Warning: "* ]] || fail "no warning: $output"
    batch outside batch "" '{zl-test/succeed-after-ms: "100", zen-lead/join: "false"}'
    batch none "" "" "$SHORT"
    # Nor does another pool's turn concern it.
    policy other
    batch elsewhere other "" "$SHORT"
    await_complete 20 misspelt outside none elsewhere
    expect "who executes" "$(executing batch)" = busy
}

# --- ends of turns ---------------------------------------------------------------------------------

@test "deleted while waiting: it loses its place; deleted while executing: the seat is kept until its pod is gone" {
    local name pod uid
    policy batch
    hanging first second third ultimate
    k delete job second --wait=false
    wait_for 10 is "third ultimate" queue batch
    # Made anew under the same name it is at the end.
    wait_for 10 is_gone job/second
    wait_for 3 is_older ultimate
    batch second batch
    wait_for 10 is "third ultimate second" queue batch
    pod=$(job_pods first)
    uid=$(pod_uid "$pod")
    k annotate "$pod" zl-test/stuck=true # it terminates as long as we look
    k delete job first --wait=false
    wait_for 60 is true eval "k get $pod -o jsonpath='{.metadata.deletionTimestamp}' | grep -q . && echo true"
    poke
    stays 2 is "$uid" pod_uid "$pod"
    for name in second third ultimate; do no_pod_of "$name"; done
    k annotate "$pod" zl-test/stuck-
    wait_for 20 runs third
    finish third
    wait_for 15 runs ultimate
    k delete job ultimate --wait=false
    wait_for 60 runs second # its pod's end is the garbage collector's
    one_at_a_time
    expect "turns" "$(turns | paste -sd ' ')" = "first third ultimate second"
}

@test "an executing Job is made anew under its name: the old one's pod keeps the seat, the new one is last" {
    policy batch
    job first batch "" '{zl-test/terminate-after-ms: "2000"}' | k apply -f -
    hanging first second
    k delete job first --wait=false
    wait_for 10 is_gone job/first
    wait_for 3 is_older second
    batch first batch "" "$SHORT"
    poke
    wait_for 60 runs second # when the garbage collector has taken the old one's pod
    finish second
    await_complete 15 --all
    one_at_a_time
    expect "turns" "$(turns | paste -sd ' ')" = "first second first"
}

@test "a Job is deleted without its pod: nobody else starts before that pod is over" {
    local pod
    policy batch
    hanging first second
    pod=$(job_pods first)
    k delete job first --cascade=orphan
    wait_for 10 is_gone job/first
    poke
    stays 3 no_pod_of second
    k annotate "$pod" zl-test/succeed-after-ms=0
    wait_for 15 runs second
    one_at_a_time
}

@test "a Job that hangs: status says who blocks since when; its own activeDeadlineSeconds ends its turn, never ours" {
    policy batch "$QUICK"
    # Not Ready either, for longer than leaseDurationSeconds: that means nothing for a Job.
    job first batch "activeDeadlineSeconds: 600," '{zl-test/ready: "false"}' | k apply -f -
    hanging first second
    wait_for 10 is second queue batch
    stays 6 is first executing batch
    policy_status batch .executing.startTime | grep -q T
    poke
    stays 1 runs first
    # The deadline comes when we have looked, however long that took.
    k patch job first --type merge -p '{"spec": {"activeDeadlineSeconds": 1}}'
    wait_for 20 is_failed first
    wait_for 15 runs second
    wait_for 5 is second executing batch
    one_at_a_time
}

@test "pods of a Job that fail or are killed are replaced within its turn" {
    local pod n
    policy batch
    job first batch "backoffLimit: 6," | k apply -f -
    hanging first second
    k annotate "$(job_pods first)" zl-test/fail-after-ms=0
    wait_for 10 is 1 job_pods_in first Failed
    poke
    stays 1 no_pod_of second
    wait_for 30 runs first
    # Since pods have the Job controller's finalizer (1.26) a deleted one counts as failed: 20 s after the second, 40 after the third.
    for n in 1 2; do
        pod=$(job_pods first)
        k delete "$pod" --force --grace-period 0
        poke
        wait_for 10 is_gone "$pod"
        wait_for 90 runs first
    done
    expect "who executes" "$(executing batch)" = first
    finish first
    wait_for 15 runs second
    one_at_a_time
    expect "turns" "$(turns | paste -sd ' ')" = "first second"
    expect "Events about one turn" "$(event_message Job first TurnStarted | wc -l)" -eq 1
}

@test "a Job whose backoffLimit is exceeded has had its turn" {
    policy batch
    batch first batch "backoffLimit: 0,"
    hanging first second
    k annotate "$(job_pods first)" zl-test/fail-after-ms=0
    wait_for 20 is_failed first
    wait_for 15 runs second
    one_at_a_time
    expect "turns" "$(turns | paste -sd ' ')" = "first second"
}

@test "a lost node: a terminating pod keeps the seat until its object is gone" {
    local pod
    policy batch "$QUICK"
    hanging first second
    pod=$(job_pods first)
    k annotate "$pod" zl-test/stuck=true zl-test/ready=false
    k delete "$pod" --wait=false --grace-period 1
    poke
    stays 7 is "$pod" eval "k get pods -l app=batch -o name"
    expect "who executes" "$(executing batch)" = first
    k annotate "$pod" zl-test/stuck-
    wait_for 10 is_gone "$pod"
    wait_for 30 runs first
    one_at_a_time
}

@test "ttlSecondsAfterFinished: the Job that had its turn is removed, the next one goes on" {
    policy batch
    batch first batch "ttlSecondsAfterFinished: 0,"
    hanging first second
    finish first
    wait_for 60 is_gone job/first # the garbage collector removes its pod first
    wait_for 15 runs second
    finish second
    await_complete 10 second
    one_at_a_time
}

@test "its user pauses a Job: the next one goes; when it goes on it waits in its place" {
    policy batch
    hanging first second third
    # spec.suspend is 1.22's; no server drops parallelism.
    k patch job second --type merge -p '{"spec": {"parallelism": 0}}'
    wait_for 10 is third queue batch
    finish first
    wait_for 15 runs third
    no_pod_of second
    k patch job second --type merge -p '{"spec": {"parallelism": 1}}'
    wait_for 10 is second queue batch
    finish third
    wait_for 15 runs second
    one_at_a_time
    expect "turns" "$(turns | paste -sd ' ')" = "first third second"
}

@test "its user pauses a Job in the middle of its turn: the turn is over when its pod is" {
    policy batch
    job first batch "" '{zl-test/terminate-after-ms: "2000"}' | k apply -f -
    hanging first second
    k patch job first --type merge -p '{"spec": {"parallelism": 0}}'
    wait_for 20 runs second
    finish second
    await_complete 15 second
    k patch job first --type merge -p '{"spec": {"parallelism": 1}}'
    wait_for 20 runs first
    one_at_a_time
}

@test "its user suspends a Job: that is not our suspension, and nobody resumes it" {
    [ "$(minor_version)" -ge 22 ] || skip "spec.suspend is dropped by servers before 1.22"
    policy batch
    hanging first second third
    k patch job second --type merge -p '{"metadata": {"annotations": {"zen-lead.io/queued": null}}, "spec": {"suspend": true}}'
    wait_for 10 is third queue batch
    finish first
    wait_for 15 runs third
    finish third
    wait_for 10 is "" executing batch
    no_pod_of second
    k patch job second --type merge -p '{"spec": {"suspend": false}}'
    wait_for 15 runs second
    one_at_a_time
}

@test "a waiting Job is suspended: it makes no attempts, and its activeDeadlineSeconds counts from its turn on" {
    [ "$(minor_version)" -ge 22 ] || skip "spec.suspend is dropped by servers before 1.22"
    local attempts
    policy batch
    hanging first
    batch second batch "activeDeadlineSeconds: 20,"
    wait_for 10 is True job_condition second Suspended
    is_queued second
    stays 4 goes_on_waiting second # what its controller's Events have to say of attempts before that comes late
    attempts=$(denials second)
    stays 18 goes_on_waiting second
    expect "attempts, all of them before it was suspended" "$(denials second)" -eq "$attempts"
    finish first
    wait_for 15 runs second
    stays 2 runs second
    finish second
    await_complete 10 second
    one_at_a_time
}
goes_on_waiting() { poke && ! is_failed "$1"; }

@test "the next Job cannot start: the others wait and status says for whom; when it is deleted they go" {
    policy batch
    hanging first
    # The API server refuses its pods before it asks us.
    job second batch | sed 's/restartPolicy:/priorityClassName: nowhere, restartPolicy:/' | k apply -f -
    wait_for 10 is_queued second
    job third batch | k apply -f -
    wait_for 10 is_queued third
    finish first
    wait_for 15 is TurnPending policy_status batch '.conditions[?(@.type=="Ready")].reason'
    wait_for 5 is "second third" queue batch
    expect "phase" "$(policy_status batch .phase)" = Electing
    poke
    stays 2 no_pod_of third
    k delete job second
    wait_for 15 runs third
    one_at_a_time
}

# --- letting go ------------------------------------------------------------------------------------

@test "the LeaderPolicy is deleted: every waiting Job goes on at once" {
    policy batch
    hanging first second third
    k delete leaderpolicy batch
    wait_for 10 runs second
    wait_for 10 runs third
    wait_for 10 nobody_is_queued
}

@test "the pool becomes standby while no controller runs: every waiting Job goes on as soon as one does" {
    policy batch
    hanging first second third
    stop_controller 1 KILL
    stop_controller 2 KILL
    bare_policy batch '{followerMode: standby}'
    start_controller 1
    start_controller 2
    wait_for 20 runs second
    wait_for 20 runs third
    wait_for 10 nobody_is_queued
    # And those that come later.
    run batch ultimate batch
    [[ $output == *"Warning: "*standby* ]] || fail "no warning: $output"
    wait_for 10 runs ultimate
}

@test "the label is taken off a waiting Job: it goes on, the others wait" {
    policy batch
    hanging first second third
    k label job second zen-lead/pool-
    wait_for 10 runs second
    is_queued third
    stays 2 no_pod_of third
    wait_for 5 is third queue batch
}

# --- who was not asked -----------------------------------------------------------------------------

@test "Jobs are labelled while they run: one goes on, the others' pods go, and they take turns" {
    local name
    policy batch
    for name in first second third; do job "$name" "" "backoffLimit: 6,"; done | k apply -f -
    for name in first second third; do wait_for 15 runs "$name"; done
    k label jobs --all zen-lead/pool=batch
    wait_for 20 is 1 pod_count batch
    # A Job that is suspended loses its pod by its own controller, which may be the first.
    [ "$(minor_version)" -ge 22 ] || wait_for 10 at_least 2 eval "event_message LeaderPolicy batch SurplusPodDeleted | wc -l"
    wait_for 15 is 2 policy_status batch .waiting
    for _ in 1 2 3; do
        wait_for 30 somebody_executes
        name=$(executing batch)
        finish "$name"
        await_complete 15 "$name"
        wait_for 10 is_not "$name" executing batch
    done
    await_complete 15 --all
}
somebody_executes() { runs "$(executing batch)"; }

@test "the Lease is deleted by hand in the middle of a turn, with and without a controller: no second pod" {
    policy batch
    # The one that executes is not the oldest: without the Lease it would not be the next one.
    batch first batch "parallelism: 0,"
    hanging second third
    k patch job first --type merge -p '{"spec": {"parallelism": 1}}'
    wait_for 10 is_queued first
    k delete lease zen-lead-batch
    poke
    wait_for 15 is second eval "lease batch '{.metadata.annotations.zen-lead\.io/turn}' | sed 's/_.*//'"
    stop_controller 1 KILL
    stop_controller 2 KILL
    k delete lease zen-lead-batch
    poke
    stays 4 no_pod_of first
    poke # beyond the claim timeout that a lost Lease waits for
    stays 1 no_pod_of first
    no_pod_of third
    restore_programs
    finish second
    wait_for 20 runs first
    one_at_a_time
    expect "turns" "$(turns | paste -sd ' ')" = "second first"
}

@test "no controller runs: the webhook alone lets one after the other in" {
    policy batch
    stop_controller 1 KILL
    stop_controller 2 KILL
    batch first batch "" "$SHORT"
    await_complete 15 first
    batch second batch
    batch third batch "" "$SHORT"
    wait_for 15 runs second
    poke
    stays 1 no_pod_of third
    finish second
    # Kubernetes' own back-off: 10 s at first, twice as long with each attempt.
    await_complete 120 second third
    one_at_a_time
    expect "turns" "$(turns | paste -sd ' ')" = "first second third"
}

@test "pods that no label ties to their Job (manualSelector) are guarded as well" {
    policy batch
    hanging first
    for name in second third; do
        job $name batch "manualSelector: true, selector: {matchLabels: {own: $name}}," "$SHORT" |
            sed "s/labels: {app: batch}/labels: {app: batch, own: $name}/"
    done | k apply -f -
    poke
    stays 2 is 1 pod_count batch
    finish first
    await_complete 40 --all
    one_at_a_time
    expect "turns" "$(turns | paste -sd ' ')" = "first second third"
}

# --- beside a Deployment ---------------------------------------------------------------------------

@test "a Deployment in the pool: Jobs are refused with the reason; when it goes they run" {
    policy web
    deployment web 3 web
    wait_for 15 one_leader web web
    run batch later web "" "$SHORT"
    [[ $output == *"Warning: "* ]] || fail "no warning: $output"
    wait_for 15 at_least 1 denials later
    poke
    expect "texts, so that Events aggregate" \
        "$(event_message Job later FailedCreate | sed 's/.*zen-lead: //' | sort -u | wc -l)" -eq 1
    event_message Job later FailedCreate | grep -q Deployment || fail "unclear: $(event_message Job later FailedCreate)"
    no_pod_of later
    one_leader web web
    k delete deployment web
    await_complete 60 later # its pod's end is the garbage collector's
    recorder_sync
    expect "pods of both at one instant" "$(together)" -eq 1
}

@test "a Deployment joins a pool in which a Job executes: it does not displace the Job's pod" {
    policy batch
    hanging first second
    k apply -f <(workload Deployment web 3 batch)
    wait_for 15 at_least 1 denials web
    stays 4 runs first
    expect "holder" "$(holder batch | sed 's/_.*//')" = "$(k get pods -l job-name=first -o 'jsonpath={.items[0].metadata.name}')"
    no_pod_of second
    finish first
    wait_for 30 is 1 ready_pods web
    stays 2 no_pod_of second
    recorder_sync
    expect "pods of both at one instant" "$(together)" -eq 1
}

@test "manifests/examples: two Jobs take turns" {
    # Nobody slips in before the gatekeeper is armed.
    policy bucket
    # shellcheck disable=SC2154 # of programs.bash
    known_before_they_try 2 bucket <"$zl_root/manifests/examples/job.yaml"
    wait_for 20 is import executing bucket
    wait_for 10 runs import
    no_pod_of publish
    finish import
    wait_for 20 runs publish
    finish publish
    await_complete 15 --all
    recorder_sync
    expect "pods at one instant" "$(most_at_once bucket)" -eq 1
}
