#!/usr/bin/env bats
#
# standin.bats - the pod stand-in does what the other tests rely on.

load lib

# pod NAME ANNOTATIONS
pod() {
    k create -f - <<POD
apiVersion: v1
kind: Pod
metadata: {name: $1, labels: {app: $1}, annotations: $2}
spec: {containers: [{name: main, image: none}]}
POD
}

phase() { k get pod "$1" -o 'jsonpath={.status.phase}'; }

@test "a pod is bound to a node, runs, is Ready and has an address of its own" {
    pod one '{}'
    pod two '{}'
    wait_for 15 is 1 ready_pods one
    wait_for 15 is 1 ready_pods two
    expect "phase" "$(phase one)" = Running
    expect "addresses" "$(k get pods -o 'jsonpath={.items[*].status.podIP}' | tr ' ' '\n' | sort -u | wc -l)" -eq 2
    expect "nodes" "$(k get pods -o 'jsonpath={.items[*].spec.nodeName}')" != ""
}

@test "ready-after-ms delays, ready: \"false\" takes it away and gives it back" {
    local started
    pod later '{zl-test/ready-after-ms: "3600000"}'
    wait_for 15 is Running phase later
    expect "ready" "$(ready_pods later)" -eq 0
    started=$(now_ms)
    pod slow '{zl-test/ready-after-ms: "1500"}'
    wait_for 15 is 1 ready_pods slow
    expect "milliseconds until it was Ready" $(($(now_ms) - started)) -ge 1500
    k annotate pod slow zl-test/ready=false
    wait_for 15 is 0 ready_pods slow
    k annotate pod slow zl-test/ready-
    wait_for 15 is 1 ready_pods slow
}

@test "fail-after-ms and succeed-after-ms end a pod; a Job completes" {
    pod failing '{zl-test/fail-after-ms: "100"}'
    wait_for 15 is Failed phase failing
    k apply -f - <<JOB
apiVersion: batch/v1
kind: Job
metadata: {name: job}
spec: {template: {metadata: {annotations: {zl-test/succeed-after-ms: "100"}}, spec: {restartPolicy: Never, containers: [{name: main, image: none}]}}}
JOB
    k wait --for condition=Complete --timeout 30s job/job
}

@test "a deleted pod lives for terminate-after-ms, at most its grace period; a stuck one until it is not" {
    local started pod
    pod lingering '{zl-test/terminate-after-ms: "1000"}'
    pod hasty '{zl-test/terminate-after-ms: "60000"}'
    pod stuck '{zl-test/stuck: "true"}'
    pod staying '{zl-test/stuck: ended}'
    # One that is not on a node yet is deleted at once.
    for pod in lingering hasty stuck staying; do wait_for 15 is 1 ready_pods "$pod"; done
    started=$(now_ms)
    k delete pod lingering --wait
    expect "life after deletion in ms" $(($(now_ms) - started)) -ge 1000
    k delete pod hasty --grace-period 1 --wait --timeout 30s
    k delete pod stuck --grace-period 1 --wait=false
    k delete pod staying --grace-period 1 --wait=false
    wait_for 15 is Completed k get pod staying -o 'jsonpath={.status.containerStatuses[*].state.terminated.reason}'
    stays 2 phase stuck
    expect "the stuck one's state" "$(k get pod stuck -o 'jsonpath={.status.containerStatuses[*].state.terminated}')" = ""
    expect "the ended one's phase" "$(phase staying)" = Running
    k annotate pod stuck staying zl-test/stuck-
    wait_for 15 is_gone pod stuck
    wait_for 15 is_gone pod staying
}

@test "a Deployment rolls out with it" {
    deployment web 3 ""
    k rollout status deployment/web --timeout 60s
    k patch deployment web -p '{"spec":{"template":{"metadata":{"annotations":{"version":"2"}}}}}'
    k rollout status deployment/web --timeout 60s
}
