#!/usr/bin/env bats
#
# daemonset.bats - a DaemonSet in a pool: a pod on each of the three nodes, of which one leads and none is refused.

load lib

explain_area() {
    k get daemonsets,endpointslices -o wide
}

# daemonset NAME POOL - to be applied
daemonset() {
    cat <<SET
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: $1, labels: {zen-lead/pool: $2}}
spec:
  selector: {matchLabels: {app: $1}}
  template:
    metadata: {labels: {app: $1}}
    spec: {containers: [{name: main, image: none, ports: [{containerPort: 8080, name: http}]}]}
SET
}

# says WORDS COMMAND... - it succeeds, and kubectl shows a warning with these words
says() {
    local words=$1 output
    shift
    output=$("$@" 2>&1) || fail "$output"
    [[ $output == *"Warning: "*"$words"* ]] || fail "not warned of \"$words\": $output"
}
apply_daemonset() { daemonset "$@" | k apply -f -; }

# endpoint SERVICE - the pod that gets its traffic
endpoint() {
    k get endpointslices -l "kubernetes.io/service-name=$1" -o json |
        jq -r '[.items[].endpoints[]? | select(.conditions.ready != false) | .targetRef.name] | join(" ")'
}
# follows SERVICE POOL - it leads to whoever holds the Lease, and that is somebody
follows() {
    local pod
    pod=$(endpoint "$1")
    [ -n "$pod" ] && [ "$pod" = "$(leader_pod "$2")" ]
}
follows_another() { follows "$1" "$2" && [ "$(leader_pod "$2")" != "$3" ]; }
nodes() { k get pods -l "app=$1" -o 'jsonpath={range .items[*]}{.spec.nodeName}{"\n"}{end}' | sort -u | wc -l; }

@test "standby: a pod runs on each node, one of them leads, and the next takes over" {
    policy agents '{followerMode: standby}'
    output=$(apply_daemonset agent agents 2>&1)
    expect "warnings: $output" "$(grep -c Warning <<<"$output")" -eq 0
    wait_for 30 is 3 ready_pods agent
    expect "nodes" "$(nodes agent)" -eq 3
    wait_for 20 is Stable policy_status agents .phase
    expect "in status" "$(policy_status agents '.workloads[*].kind') $(policy_status agents '.workloads[*].strategy')" = "DaemonSet TrafficDirector"
    wait_for 20 follows agent-leader agents
    wait_for 20 follows agents-director agents
    local leader uid token
    leader=$(leader_pod agents) uid=$(k get daemonset agent -o 'jsonpath={.metadata.uid}') token=$(token agents)
    expect "the Service's owner" "$(k get service agent-leader -o 'jsonpath={.metadata.ownerReferences[0].kind} {.metadata.ownerReferences[0].uid}')" = "DaemonSet $uid"
    expect "candidates" "$(policy_status agents .candidates)" -eq 3
    k delete "pod/$leader"
    wait_for 20 follows_another agent-leader agents "$leader"
    expect "fencing token" "$(token agents)" -gt "$token"
    # Sticky: the one that comes for it does not take the seat back.
    leader=$(leader_pod agents)
    wait_for 30 is 3 ready_pods agent
    stays 3 is "$leader" leader_pod agents
}

@test "no followerMode: it stands by all the same, nothing is refused, and both objects are warned of" {
    policy agents
    says 'refuses no pod of a DaemonSet' apply_daemonset agent agents
    wait_for 30 is 3 ready_pods agent
    wait_for 20 follows agent-leader agents
    wait_for 20 is Stable policy_status agents .phase
    local leader
    leader=$(leader_pod agents)
    says 'refuses no pod of the DaemonSet' bare_policy agents '{rollout: Recreate}'
    says 'refuses no pod of the DaemonSet' bare_policy agents '{followerMode: scaleDown}'
    # The cure moves nothing.
    bare_policy agents '{followerMode: standby}'
    stays 3 is "$leader" leader_pod agents
    k annotate "pod/$leader" zl-test/ready=false
    wait_for 20 follows_another agent-leader agents "$leader"
    bare_policy agents '{followerMode: scaleDown}'
    k label daemonset agent touched=yes
    stays 3 is 3 pod_count agent
    recorder_sync
    expect "pods that ever ran" "$(admitted agent)" -eq 3
    expect "surplus" "$(event_message LeaderPolicy agents SurplusPodDeleted | wc -l)" -eq 0
}

@test "beside a Deployment of a scaleDown pool: that one is gatekept and leads, the DaemonSet's pods are left alone" {
    policy mixed
    deployment web 3 mixed
    wait_for 30 one_leader web mixed
    apply_daemonset agent mixed
    wait_for 30 is 3 ready_pods agent
    local leader
    leader=$(leader_pod mixed)
    k delete "pod/$leader"
    wait_for 30 one_leader web mixed
    wait_for 20 follows web-leader mixed
    wait_for 20 follows mixed-director mixed
    stays 3 is 3 pod_count agent
    # Its own Service leads to one of its own.
    [[ $(endpoint agent-leader) == agent-* ]] || fail "agent-leader leads to \"$(endpoint agent-leader)\""
    # Alone again, it has the seat.
    k label deployment web zen-lead/pool-
    wait_for 30 is "DaemonSet" policy_status mixed '.workloads[*].kind'
    k delete deployment web
    wait_for 30 follows agent-leader mixed
    recorder_sync
    expect "pods of the DaemonSet that ever ran" "$(admitted agent)" -eq 3
}

@test "it leaves the pool: Services and Lease let go, its pods stay" {
    policy agents '{followerMode: standby}'
    apply_daemonset agent agents
    wait_for 30 follows agent-leader agents
    k label daemonset agent zen-lead/pool-
    wait_for 20 is_gone service/agent-leader
    wait_for 20 is_gone service/agents-director
    stays 2 is 3 pod_count agent
}
