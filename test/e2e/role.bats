#!/usr/bin/env bats
#
# role.bats - the label zen-lead/role: only where a LeaderPolicy asks for it and an administrator gave the right to patch pods.

load lib

# Until the API server goes by it: a controller that asks too early asks again after half a minute.
# shellcheck disable=SC2154 # of programs.bash
allow() {
    kubectl apply -f "$zl_root/manifests/pod-role-label/rbac.yaml" >/dev/null
    wait_for 30 is yes may_patch_pods
}
forbid() {
    kubectl delete --ignore-not-found -f "$zl_root/manifests/pod-role-label/rbac.yaml" >/dev/null
    wait_for 30 is no may_patch_pods
}

teardown() {
    [ -n "${BATS_TEST_COMPLETED:-}" ] || explain
    forbid
    restore_programs
    drop_namespace
}

may_patch_pods() {
    kubectl auth can-i patch pods --namespace "$NS" --as system:serviceaccount:zen-lead-system:zen-lead-controller || true
}

# with_role ROLE - pods that carry it
with_role() { k get pods -l "zen-lead/role=$1" -o name; }
count_with_role() { with_role "$1" | wc -l; }

# labelled LEADERS FOLLOWERS
labelled() { [ "$(count_with_role leader)" = "$1" ] && [ "$(count_with_role follower)" = "$2" ]; }

leader_is_labelled() {
    local pod
    pod=$(with_role leader)
    [ -n "$pod" ] && [ "${pod#pod/}" = "$(policy_status web .currentHolder.name)" ]
}

other_leader_is_labelled() { leader_is_labelled && [ "$(with_role leader)" != "$1" ]; }

condition() { policy_status web ".conditions[?(@.type==\"PodRoleLabels\")].$1"; }

@test "without the right nothing is labelled, LeaderPolicy and Event say so, and the pool fails over all the same" {
    local leader
    expect "may patch pods" "$(may_patch_pods)" = no
    policy web '{followerMode: standby, podRoleLabel: true}'
    deployment web 3 web
    wait_for 30 is Forbidden condition reason
    wait_for 30 has_event LeaderPolicy web PodRoleLabelForbidden
    [[ $(condition message) == *manifests/pod-role-label* ]] || fail "$(condition message)"
    wait_for 30 is_not "" policy_status web .currentHolder.name
    leader=$(policy_status web .currentHolder.name)
    k delete pod "$leader" --wait=false
    wait_for 30 is_not "$leader" policy_status web .currentHolder.name
    labelled 0 0 || fail "labelled without the right"

    # The right comes later, and no event tells of it.
    allow
    wait_for 90 labelled 1 2 # it tries every 30 s
    wait_for 30 is Labelled condition reason
    leader_is_labelled || fail "another pod than the leader: $(with_role leader)"
}

@test "standby: one pod is labelled leader and the others follower, the label moves with the Lease and a Service may select it" {
    local leader others
    allow
    policy web '{followerMode: standby, podRoleLabel: true}'
    deployment web 3 web
    k create service clusterip by-role --tcp 80:8080
    k patch service by-role --patch '{"spec": {"selector": {"app": "web", "zen-lead/role": "leader"}}}'
    wait_for 30 labelled 1 2
    wait_for 30 leader_is_labelled
    wait_for 30 is True condition status # written after the labels
    leader=$(with_role leader)
    wait_for 30 is "${leader#pod/}" k get endpoints by-role -o 'jsonpath={.subsets[*].addresses[*].targetRef.name}'

    k annotate "$leader" zl-test/ready=false
    wait_for 30 other_leader_is_labelled "$leader"
    wait_for 30 labelled 1 2

    # Edited and taken off by others: put right.
    others=$(with_role follower | head -n 1)
    k label "$others" --overwrite zen-lead/role=leader
    wait_for 30 labelled 1 2
    wait_for 30 leader_is_labelled
    k label "$(with_role leader)" zen-lead/role-
    wait_for 30 leader_is_labelled
}

@test "podRoleLabel: false again takes the labels off; labels of a pool that never asked are nobody's business" {
    allow
    policy web '{podRoleLabel: true}'
    deployment web 3 web
    wait_for 30 labelled 1 0
    wait_for 30 leader_is_labelled
    k patch leaderpolicy web --type merge --patch '{"spec": {"podRoleLabel": false}}'
    wait_for 30 labelled 0 0
    wait_for 30 is "" condition status
    # The controller has seen that itself when it answers to a later change.
    k patch leaderpolicy web --type merge --patch '{"spec": {"retryPeriodSeconds": 3}}'
    wait_for 30 is "$(k get leaderpolicy web -o 'jsonpath={.metadata.generation}')" policy_status web .observedGeneration

    k label "$(pod_names web)" zen-lead/role=leader
    stays 2 labelled 1 0
}
