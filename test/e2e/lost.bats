#!/usr/bin/env bats
#
# lost.bats - leaders that are there and do not lead: not Ready, on a lost node, evicted, failed.

# Each test is a subshell of its own, and $OLD is for that test alone.
# shellcheck disable=SC2030,SC2031

load lib

setup() {
    restore_programs
    new_namespace
    policy web "$QUICK"
}

readonly QUICK='{leaseDurationSeconds: 5, renewDeadlineSeconds: 4, retryPeriodSeconds: 1}'
# Where something must be done before it is over, also on a busy machine.
readonly PATIENT='{leaseDurationSeconds: 9, renewDeadlineSeconds: 4, retryPeriodSeconds: 1}'

leads_other_than() { [ -n "$(holder web)" ] && [ "$(holder web)" != "$1" ]; }
# The Ready pods that are the leader: 1 while an old one is stuck beside it.
leader_is_ready() { [ -n "$(leader_pod web)" ] && [ "$(k get "pod/$(leader_pod web)" -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}')" = True ]; }

# start_leader [POD-ANNOTATIONS]
start_leader() {
    deployment web 3 web "$@"
    wait_for 30 one_leader web web
    # Only a leader that was seen Ready can stop being Ready.
    wait_for 10 is "$(pod_uid "$(pod_names web)")" lease web '{.metadata.annotations.zen-lead\.io/ready-holder}'
    OLD=$(leader_pod web) OLD_HOLDER=$(holder web) OLD_UID=$(pod_uid "pod/$OLD") OLD_TOKEN=$(token web)
    OLD_TRANSITIONS=$(transitions web)
}

# stop_working [ANNOTATION...] - not Ready, as the stand-in tells; of a pod that is being deleted it tells nothing.
stop_working() {
    k annotate "pod/$OLD" zl-test/ready=false "$@"
    wait_for 10 is 0 ready_pods web
}

@test "a leader that is not Ready beyond leaseDurationSeconds is replaced, with a higher token" {
    start_leader
    local started
    started=$(now_ms)
    k annotate "pod/$OLD" zl-test/ready=false
    wait_for 30 leads_other_than "$OLD_HOLDER"
    expect "milliseconds until then" $(($(now_ms) - started)) -ge 4900
    wait_for 30 one_leader web web
    # A claim that loses to another write skips a number.
    expect "fencing token" "$(token web)" -gt "$OLD_TOKEN"
    expect "leader changes" "$(transitions web)" -eq $((OLD_TRANSITIONS + 1))
    wait_for 20 is_gone "pod/$OLD"
    wait_for 15 has_event LeaderPolicy web LeaderNotReady
}

@test "a leader that is not Ready is replaced in time also when its Lease is deleted meanwhile" {
    start_leader
    k annotate "pod/$OLD" zl-test/ready=false
    k delete lease zen-lead-web
    # It is its old leader's again after a claim timeout at the latest; then the lease duration counts, no progress deadline.
    wait_for 30 leads_other_than "$OLD_HOLDER"
    wait_for 15 one_leader web web
}

@test "a leader that is not Ready for a moment stays" {
    policy web "$PATIENT"
    start_leader
    k annotate "pod/$OLD" zl-test/ready=false
    wait_for 10 is LeaderNotReady policy_status web '.conditions[?(@.type=="Ready")].reason'
    k annotate "pod/$OLD" zl-test/ready-
    stays 10 is "$OLD_HOLDER" holder web
    wait_for 10 one_leader web web
    expect "leader changes" "$(transitions web)" -eq "$OLD_TRANSITIONS"
}

@test "a leader that starts slowly is not taken for one that failed" {
    deployment web 3 web '{zl-test/ready-after-ms: "9000"}'
    wait_for 20 is 1 pod_count web
    local pod
    pod=$(pod_names web)
    wait_for 40 one_leader web web
    expect "the leader" "$(pod_names web)" = "$pod"
}

@test "a lost node: the leader is not Ready and stuck in termination; it is replaced and never regains the seat" {
    start_leader
    k annotate "pod/$OLD" zl-test/ready=false zl-test/stuck=true
    wait_for 30 leads_other_than "$OLD_HOLDER"
    wait_for 20 leader_is_ready
    expect "the old pod" "$(pod_uid "pod/$OLD")" = "$OLD_UID"
    lease web '{.metadata.annotations.zen-lead\.io/deposed}' | grep -q "$OLD_UID"
    # The new leader dies as well: the stuck pod is alive, and yet not the next one.
    local second
    second=$(leader_pod web)
    k delete pod "$second" --wait=false
    wait_for 20 is_gone "pod/$second"
    wait_for 20 leader_is_ready
    [ "$(leader_pod web)" != "$OLD" ]
    expect "fencing token" "$(token web)" -ge $((OLD_TOKEN + 2))
    # Nor is it when the node comes back for a moment and the pod is Ready again.
    k annotate "pod/$OLD" zl-test/ready-
    stays 2 leads_other_than "$OLD_HOLDER"
    k annotate "pod/$OLD" zl-test/stuck-
    wait_for 20 is_gone "pod/$OLD"
    wait_for 20 one_leader web web
}

@test "the controllers restart while a leader is not Ready: it is replaced all the same" {
    start_leader
    k annotate "pod/$OLD" zl-test/ready=false zl-test/stuck=true
    stop_controller 1 KILL
    stop_controller 2 KILL
    start_controller 1
    start_controller 2
    wait_for 50 leads_other_than "$OLD_HOLDER"
    wait_for 20 leader_is_ready
    k annotate "pod/$OLD" zl-test/stuck-
}

@test "a leader that was deleted and whose node is lost keeps the seat only until its grace is over" {
    policy web "$PATIENT"
    new_node "node-$NS"
    start_leader "{zl-test/node: node-$NS}"
    local started woken
    woken=$(wakes)
    stop_working zl-test/stuck=true
    lose_node "node-$NS"
    started=$(now_ms)
    k delete pod "$OLD" --wait=false --grace-period 3
    freeze_owners
    # It may still be working: grace first, then the lease duration.
    wait_for 40 has_changed "$OLD_HOLDER" holder web
    expect "milliseconds until then" $(($(now_ms) - started)) -ge 11900
    # Refused for all this time, its owner would be late by itself.
    wait_for 20 has_changed "$woken" wakes
    thaw_owners
    wait_for 30 leads_other_than "$OLD_HOLDER"
    wait_for 20 leader_is_ready
    k annotate "pod/$OLD" zl-test/stuck-
    kubectl delete node "node-$NS"
}

@test "a leader that does not get out of a Ready node keeps the seat beyond grace and lease duration, while its containers run" {
    start_leader
    stop_working zl-test/stuck=true
    k delete pod "$OLD" --wait=false --grace-period 1
    # Until its grace and the lease duration are over, nobody says so; and a lease duration more.
    stays 5 is "" event_message LeaderPolicy web PodStuckTerminating
    wait_for 20 has_event LeaderPolicy web PodStuckTerminating
    stays 6 is "$OLD_HOLDER" holder web
    expect "why it is not Ready" "$(policy_status web '.conditions[?(@.type=="Ready")].reason')" = LeaderStuckTerminating
    recorder_sync
    expect "pods at once" "$(most_at_once web)" -eq 1
    # Only its object is left: at once.
    k annotate "pod/$OLD" --overwrite zl-test/stuck=ended
    wait_for 20 leads_other_than "$OLD_HOLDER"
    wait_for 20 leader_is_ready
    expect "the old pod" "$(pod_uid "pod/$OLD")" = "$OLD_UID"
    k annotate "pod/$OLD" zl-test/stuck-
    wait_for 20 is_gone "pod/$OLD"
    wait_for 20 one_leader web web
}

@test "an evicted leader is replaced: by the eviction API, and by the kubelet, which marks it Failed" {
    start_leader
    local version=v1beta1
    ! kubectl get --raw /apis/policy/v1 >/dev/null 2>&1 || version=v1
    kubectl create --raw "/api/v1/namespaces/$NS/pods/$OLD/eviction" -f - <<EVICTION
{"apiVersion": "policy/$version", "kind": "Eviction", "metadata": {"name": "$OLD", "namespace": "$NS"}}
EVICTION
    wait_for 30 is_gone "pod/$OLD"
    wait_for 30 one_leader web web
    local second
    second=$(holder web)
    k annotate "pod/$(leader_pod web)" zl-test/fail-after-ms=0
    wait_for 30 leads_other_than "$second"
    wait_for 30 one_leader web web
    expect "fencing token" "$(token web)" -ge $((OLD_TOKEN + 2))
    expect "leader changes" "$(transitions web)" -eq $((OLD_TRANSITIONS + 2))
    recorder_sync
    expect "pods at once" "$(most_at_once web)" -eq 1
}

@test "a pool that wants one pod is nobody's to judge: that one stays, not Ready as it is" {
    start_leader
    k scale deployment/web --replicas 1
    wait_for 20 replicaset_wants web 1
    expect "the pods" "$(pod_names web)" = "pod/$OLD"
    k annotate "pod/$OLD" zl-test/ready=false
    stays 8 is "pod/$OLD" pod_names web
}
