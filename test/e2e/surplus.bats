#!/usr/bin/env bats
#
# surplus.bats - pods that nobody admitted, and pools that begin or cease to be gatekept while they live.

load lib

teardown() {
    [ -n "${BATS_TEST_COMPLETED:-}" ] || explain
    restore_programs
    kubectl get validatingwebhookconfiguration zen-lead >/dev/null 2>&1 || arm_gatekeeper "$(port_of proxy)"
    drop_namespace
}

oldest_ready() {
    k get pods -l "app=$1" -o json | jq -r '[.items[] | {name: .metadata.name, made: .metadata.creationTimestamp,
        since: (.status.conditions[]? | select(.type == "Ready") | .lastTransitionTime)}] | sort_by(.since, .made, .name) | .[0].name'
}
other_leads() {
    local now
    now=$(leader_pod web) && [ -n "$now" ] && [ "$now" != "$1" ]
}

# is_refused APP - it was, and so is in its back-off.
is_refused() { wait_for 30 at_least 5 denials "$1"; }

@test "pods that came while the gatekeeper was not armed: the leader stays, exactly the others go" {
    policy web
    deployment web 3 web
    wait_for 30 one_leader web web
    local leader token
    leader=$(holder web) token=$(token web)
    disarm_gatekeeper
    wait_for 20 dry_run_passes "$(replicaset_of "$(leader_pod web)")"
    # Its owner tries now, not at its back-off. However many slip in, the controllers take them away again.
    k scale deployment/web --replicas 4
    wait_for 30 has_event LeaderPolicy web SurplusPodDeleted
    arm_gatekeeper "$(port_of proxy)"
    await_armed "$NS" web
    wait_for 30 one_leader web web
    expect "the leader" "$(holder web)" = "$leader"
    expect "fencing token" "$(token web)" -eq "$token"
}

@test "a workload is labelled while three pods run: the oldest Ready one stays, the others go with an Event each" {
    deployment web 3 ""
    wait_for 30 is 3 ready_pods web
    local oldest
    oldest=$(oldest_ready web)
    policy web
    k label deployment/web zen-lead/pool=web
    wait_for 30 one_leader web web
    expect "the leader" "$(leader_pod web)" = "$oldest"
    # Not all webhooks hear of the label at the same time: a pod may slip in when the first two are gone. It goes like them.
    wait_for 20 all_but_one_told
}
all_but_one_told() {
    recorder_sync
    [ "$(admitted web)" -ge 3 ] && is "$(($(admitted web) - 1))" surplus_events
}
surplus_events() { event_message LeaderPolicy web SurplusPodDeleted | wc -l; }

@test "a standby pool loses no pod, however its leader changes" {
    policy web '{followerMode: standby}'
    deployment web 3 web
    wait_for 30 is 3 ready_pods web
    wait_for 20 is Stable policy_status web .phase
    local leader
    leader=$(leader_pod web)
    k annotate "pod/$leader" zl-test/ready=false
    wait_for 20 other_leads "$leader"
    stays 3 is 3 pod_count web
    expect "the not Ready one" "$(k get "pod/$leader" -o name)" = "pod/$leader"
    recorder_sync
    expect "pods that ever ran" "$(admitted web)" -eq 3
}

@test "standby becomes scaleDown: the leader stays, the followers go, traffic is not moved" {
    policy web '{followerMode: standby}'
    deployment web 3 web
    wait_for 30 is 3 ready_pods web
    wait_for 20 is Stable policy_status web .phase
    local leader token
    leader=$(holder web) token=$(token web)
    policy web '{followerMode: scaleDown}'
    wait_for 30 one_leader web web
    expect "the leader" "$(holder web)" = "$leader"
    expect "fencing token" "$(token web)" -eq "$token"
}

# By what is said: the mark itself may be gone again.
wakes_told() { grep -h '"owner woken"' "$ZL_RUN"/log/controller-[12].log | grep -c "\"$NS\"" || true; }

@test "scaleDown becomes standby: the refused pods come at once, not at their owner's back-off" {
    policy web
    deployment web 3 web
    wait_for 30 one_leader web web
    local leader woken
    leader=$(holder web)
    is_refused web
    freeze_owners # their own next attempt could come before
    woken=$(wakes_told)
    policy web '{followerMode: standby}'
    wait_for 20 has_changed "$woken" wakes_told
    thaw_owners
    wait_for 30 is 3 ready_pods web
    expect "the leader" "$(holder web)" = "$leader"
    # And back: the same one still leads.
    policy web '{followerMode: scaleDown}'
    wait_for 30 one_leader web web
    expect "the leader" "$(holder web)" = "$leader"
}

@test "scaleDown becomes standby while no controller runs: the next one wakes the owners" {
    policy web
    deployment web 3 web
    wait_for 30 one_leader web web
    is_refused web
    wait_for 20 is 2 policy_status web .blocked
    stop_controller 1
    stop_controller 2
    freeze_owners # their own next attempt could come before the controller's
    local woken
    woken=$(wakes_told)
    bare_policy web '{followerMode: standby}'
    start_controller 1
    start_controller 2
    wait_for 40 has_changed "$woken" wakes_told
    thaw_owners
    wait_for 30 is 3 ready_pods web
}

@test "the workload leaves its pool: the refused pods come at once" {
    policy web
    deployment web 3 web
    wait_for 30 one_leader web web
    is_refused web
    local woken
    woken=$(wakes)
    k label deployment/web zen-lead/pool-
    wait_for 20 has_changed "$woken" wakes
    wait_for 30 is 3 ready_pods web
}

@test "the LeaderPolicy is deleted: the refused pods come at once" {
    policy web
    statefulset db 2 web
    wait_for 30 one_leader db web
    wait_for 20 is 1 policy_status web .blocked
    is_refused db
    local woken
    woken=$(wakes)
    k delete leaderpolicy web
    wait_for 20 has_changed "$woken" wakes
    wait_for 30 is 2 ready_pods db
}
