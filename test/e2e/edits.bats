#!/usr/bin/env bats
#
# edits.bats - odd but possible: what people and their tools do to Leases, labels and owners.

load lib

@test "identityStrategy custom with an empty identity: the seat is taken all the same" {
    policy web '{identityStrategy: custom}'
    deployment web 4 web '{zen-lead/identity: ""}'
    wait_for 15 one_leader web web
    recorder_sync
    expect "pods at one instant" "$(most_at_once web)" -eq 1
    expect "pods ever admitted" "$(admitted web)" -eq 1
}

@test "a fencing token edited up past 32 bits: the next leader gets in, and its token is higher" {
    local pod
    policy web
    deployment web 3 web
    wait_for 15 one_leader web web
    k annotate lease zen-lead-web --overwrite zen-lead.io/fencing-token=3000000000
    wait_for 20 is 3000000000 policy_status web .fencingToken
    pod=$(pod_names web)
    k delete "$pod" --wait
    wait_for 15 one_leader web web
    expect "fencing token" "$(token web)" -gt 3000000000
}

@test "the leader's workload moves to another pool: the pool that it left elects anew" {
    local pod
    policy red
    policy blue
    deployment one 3 red
    wait_for 15 one_leader one red
    deployment two 3 red
    wait_for 10 at_least 1 denials two-
    pod=$(pod_names one)
    k label deployment one --overwrite zen-lead/pool=blue
    wait_for 20 one_leader two red
    wait_for 20 one_leader one blue
    expect "the pod that moved" "$(pod_names one)" = "$pod"
}

@test "the leader's workload leaves its pool: the others elect anew" {
    policy red
    deployment one 2 red
    wait_for 15 one_leader one red
    deployment two 3 red
    wait_for 10 at_least 1 denials two-
    k label deployment one zen-lead/pool-
    wait_for 20 one_leader two red
}

@test "a Lease that names no possible pod by hand: the running leader gets it back" {
    local pod identity
    policy web
    deployment web 3 web
    wait_for 15 one_leader web web
    pod=$(pod_names web)
    for identity in _x '..' 'no such/pod' web-nothere; do
        k patch lease zen-lead-web --type merge -p "{\"metadata\":{\"annotations\":{\"zen-lead.io/holder-pod\":null,\"zen-lead.io/holder-uid\":null}},\"spec\":{\"holderIdentity\":\"$identity\"}}"
        wait_for 15 one_leader web web
        expect "the leader after $identity" "$(pod_names web)" = "$pod"
    done
    recorder_sync
    expect "pods ever admitted" "$(admitted web)" -eq 1
}

@test "a Lease that names its leader by hand without a uid: the leader stays, the uid is put back" {
    local pod
    policy web
    deployment web 3 web
    wait_for 15 one_leader web web
    pod=$(pod_names web)
    k patch lease zen-lead-web --type merge -p "{\"metadata\":{\"annotations\":{\"zen-lead.io/holder-pod\":null,\"zen-lead.io/holder-uid\":null}},\"spec\":{\"holderIdentity\":\"${pod#pod/}\"}}"
    wait_for 15 one_leader web web
    expect "the leader" "$(pod_names web)" = "$pod"
    k patch lease zen-lead-web --type merge -p '{"spec":{"holderIdentity":"somebody"}}'
    wait_for 15 one_leader web web
    expect "the leader" "$(pod_names web)" = "$pod"
    recorder_sync
    expect "pods ever admitted" "$(admitted web)" -eq 1
}

@test "a Deployment is deleted without its ReplicaSet and made again: still gatekept" {
    policy web
    deployment web 3 web
    wait_for 15 one_leader web web
    wait_for 20 at_least 4 denials web
    k delete deployment web --cascade=orphan --wait
    deployment web 3 web
    wait_for 20 adopted
    k delete pods -l app=web --wait
    wait_for 20 one_leader web web
    k scale deployment web --replicas 5
    stays 5 one_leader web web
}

@test "a Deployment is deleted: what its ReplicaSet still sends is refused, and is let in when it was orphaned" {
    local replicaset
    policy web
    deployment web 3 web
    wait_for 15 one_leader web web
    replicaset=$(replicaset_of "$(pod_names web | sed 's|.*/||')")
    pod_of "$replicaset" >"$BATS_TEST_TMPDIR/pod.yaml"
    freeze_owners # so that nobody collects it
    k delete deployment web --wait=false
    wait_for 10 is 1 eval 'k get deployment web >/dev/null 2>&1; echo $?'
    # By each replica, and by what it learnt from the first time. One that has not heard of the deletion gives another reason.
    for _ in 1 2 3 4 5 6; do wait_for 10 refused_as_gone "$BATS_TEST_TMPDIR/pod.yaml"; done
    recorder_sync
    expect "pods ever admitted" "$(admitted web)" -eq 1
    # As `--cascade=orphan` does, only later.
    k patch replicaset "$replicaset" --type json -p '[{"op": "remove", "path": "/metadata/ownerReferences"}]'
    k create -f "$BATS_TEST_TMPDIR/pod.yaml"
    thaw_owners
}

refused_as_gone() {
    local answer
    answer=$(k create -f "$1" 2>&1) && return 1
    [[ $answer == *"workload or Job does not exist any more"* ]]
}

# Its ReplicaSet has the Deployment that there is now as its owner.
adopted() {
    local owner
    owner=$(k get replicaset -l app=web -o 'jsonpath={.items[0].metadata.ownerReferences[0].uid}')
    [ -n "$owner" ] && [ "$owner" = "$(k get deployment web -o 'jsonpath={.metadata.uid}')" ]
}
