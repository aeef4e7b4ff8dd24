#!/usr/bin/env bats
#
# node_workloads.bats - workloads of a pool with real containers on a real node: what their clients see through the leader Service's
# ClusterIP when leaders end in every way that Kubernetes knows, and that nothing starts twice.
#
# Numbers over many repetitions are made by `make bench-node`; here is what must hold each time. Where a pod is deleted by others than
# zen-lead, it serves on for a while, as docs/clients.md asks of it: until every kube-proxy has followed, on a busy machine as well.

load lib
# shellcheck source=test/node/node.bash
. "$BATS_TEST_DIRNAME/../node/node.bash"
# shellcheck disable=SC2154 # $node_name is of node.bash

setup() { new_namespace; }

teardown() {
    local client
    for client in "$ZL_RUN"/pids/client-*; do [ ! -e "$client" ] || process_stop "$(basename "$client")" || true; done
    process_is_running node-kubelet || start_again node-kubelet
    [ -n "${BATS_TEST_COMPLETED:-}" ] || explain
    kubectl uncordon "$node_name" >/dev/null
    drop_namespace
}

explain_area() {
    kubectl get pods --all-namespaces -o wide
    kubectl logs --namespace zen-lead-system -l app.kubernetes.io/component=controller --tail 20
    for client in "$ZL_RUN"/log/client-*; do echo "--- $client" && tail -n 5 "$client"; done
}

# stop_for_good NAME, start_again NAME - a program of the node, with the command line that it had.
stop_for_good() {
    mapfile -d '' -t "command_line" <"/proc/$(process_pid "$1")/cmdline"
    printf '%q ' "${command_line[@]}" >"$ZL_RUN/command-$1"
    process_stop "$1" "${2:-TERM}"
}
start_again() {
    local words
    eval "words=($(cat "$ZL_RUN/command-$1"))"
    process_start "$1" "${words[@]}"
}

# standby APP [REPLICAS [ARGUMENTS]] - a pool in which all run; its leader leads and its client is answered.
standby() {
    policy "$1" '{followerMode: standby}'
    app Deployment "$1" "${2:-3}" "$1" "${3:-}" | k apply -f -
    wait_for 180 is "${2:-3}" ready_pods "$1"
    wait_for 180 leader_serves "$1"
    client_start "$1" "$NS" "$1-leader"
}

# scale_down APP [REPLICAS [ARGUMENTS [SPEC]]] - a pool in which one runs.
scale_down() {
    policy "$1" "${policy_spec:-}"
    app Deployment "$1" "${2:-3}" "$1" "${3:-}" "${4:-}" | k apply -f -
    wait_for 180 leader_serves "$1"
    client_start "$1" "$NS" "$1-leader"
}

# leader_serves POOL - somebody leads, and its Service leads to it.
leader_serves() {
    local leader
    leader=$(leader_pod "$1") && [ -n "$leader" ] &&
        [ "$(curl -sf --noproxy '*' -m 1 "http://$(service_address "$NS" "$1-leader")/")" = "$leader" ]
}
served_by_other_than() { leader_serves "$1" && [ "$(leader_pod "$1")" != "$2" ]; }

# seen FIELD - of the last count, which `count APP` takes.
count() {
    line=$(client_count "$1")
    echo "# $1: $line" >&3
}
seen() { client_field "$1" "$line"; }

@test "standby: a leader that is deleted by force costs its clients no error" {
    standby web 3 --drain-ms=4000
    leader=$(leader_pod web)
    k delete "pod/$leader" --grace-period=0 --force
    wait_for 180 served_by_other_than web "$leader"
    count web
    expect "errors" "$(seen errors)" -eq 0
    [[ $(seen answers) == "$leader",* ]]
}

@test "standby: a leader that is deleted with grace costs its clients no error" {
    standby web 3 --drain-ms=4000
    leader=$(leader_pod web)
    k delete "pod/$leader" --wait=false
    wait_for 180 served_by_other_than web "$leader"
    wait_for 180 is_gone "pod/$leader"
    count web
    expect "errors" "$(seen errors)" -eq 0
}

@test "standby: a leader whose container is killed with -9 is replaced by one that runs" {
    standby web
    leader=$(leader_pod web)
    kill_container "$NS" "$leader"
    wait_for 180 served_by_other_than web "$leader"
    count web
    wait_for 180 is 3 ready_pods web
    wait_for 180 leader_serves web
}

@test "standby: a leader that is not Ready any more hands the traffic on without an error" {
    standby web
    leader=$(leader_pod web)
    tell "$NS" "$leader" /be-unready
    wait_for 180 served_by_other_than web "$leader"
    count web
    expect "errors" "$(seen errors)" -eq 0
    wait_for 180 is 2 ready_pods web
    tell "$NS" "$leader" /be-ready
    wait_for 180 is 3 ready_pods web
}

@test "scaleDown: one container runs, whatever the replicas; its deletion starts the next, never two" {
    scale_down web
    expect "pods" "$(pod_count web)" -eq 1
    leader=$(leader_pod web)
    k delete "pod/$leader" --grace-period=0 --force
    wait_for 180 served_by_other_than web "$leader"
    count web
    recorder_sync
    expect "pods at once" "$(most_at_once web)" -eq 1
}

@test "scaleDown: a leader that the kernel kills for its memory comes back, or another in its place" {
    scale_down web
    leader=$(leader_pod web)
    tell "$NS" "$leader" "/eat?mib=200" || true
    oom_killed() { k get pods -l app=web -o json | jq -e 'any(.items[].status.containerStatuses[]; .lastState.terminated.reason == "OOMKilled")'; }
    wait_for 180 oom_killed
    # It may answer before it is known that it was gone, and is sent nothing once that is known, until it is Ready again.
    ready_again() { k get pods -l app=web -o json | jq -e 'any(.items[].status; .containerStatuses[0].state.running.startedAt as $started |
        $started != null and any(.conditions[]; .type == "Ready" and .status == "True" and .lastTransitionTime >= $started))'; }
    wait_for 180 ready_again
    wait_for 180 leader_serves web
    count web
    wait_for 10 stays 1 leader_serves web
    count web
    expect "errors once it is back" "$(seen errors)" -eq 0
    recorder_sync
    expect "pods at once" "$(most_at_once web)" -eq 1
}

@test "a leader that is evicted is replaced, in both modes" {
    standby web 3 --drain-ms=4000
    scale_down lone
    for app in web lone; do
        leader=$(leader_pod "$app")
        evict "$NS" "$leader"
        wait_for 180 served_by_other_than "$app" "$leader"
    done
    count web
    expect "errors of the standby pool" "$(seen errors)" -eq 0
    recorder_sync
    expect "pods at once" "$(most_at_once lone)" -eq 1
}

@test "a node is drained within the documented budget, and afterwards leads again" {
    local version=policy/v1
    [ "$(minor_version)" -ge 21 ] || version=policy/v1beta1
    scale_down drained # pods of the test before are still on their way out: eviction is refused in their namespace
    k apply -f - <<BUDGET
apiVersion: $version
kind: PodDisruptionBudget
metadata: {name: drained}
spec: {maxUnavailable: 100%, selector: {matchLabels: {app: drained}}}
BUDGET
    leader=$(leader_pod drained)
    allowed() { [ "$(k get pdb drained -o 'jsonpath={.status.disruptionsAllowed}')" -ge 1 ]; }
    wait_for 180 allowed
    kubectl drain "$node_name" --pod-selector app=drained --ignore-daemonsets --timeout 180s
    wait_for 180 is_gone "pod/$leader"
    kubectl uncordon "$node_name"
    wait_for 180 served_by_other_than drained "$leader"
    recorder_sync
    expect "pods at once" "$(most_at_once drained)" -eq 1
}

@test "a node that is lost and comes back: its leader is deposed meanwhile, and one leads afterwards" {
    policy_spec='{leaseDurationSeconds: 5, renewDeadlineSeconds: 3, retryPeriodSeconds: 1}' scale_down web
    leader=$(leader_pod web)
    uid=$(pod_uid "pod/$leader")
    stop_for_good node-kubelet KILL
    not_ready() { [ "$(kubectl get node "$node_name" -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}')" != True ]; }
    wait_for 180 not_ready
    deposed() { [[ $(holder web) != *"$uid" ]]; }
    wait_for 180 deposed
    start_again node-kubelet
    wait_for 180 served_by_other_than web "$leader"
    wait_for 180 is 1 pod_count web
    expect "the old leader" "$(k get pods -o name | grep -c "$leader" || true)" -eq 0
    count web
    wait_for 10 stays 1 leader_serves web
    count web
    expect "errors once it is back" "$(seen errors)" -eq 0
}

@test "a rolling update in a standby pool costs no error" {
    standby web 3 --drain-ms=4000
    old=$(leader_pod web)
    k patch deployment web --type merge -p '{"spec": {"template": {"metadata": {"annotations": {"revision": "2"}}}}}'
    k rollout status deployment/web --timeout 120s
    wait_for 180 served_by_other_than web "$old"
    count web
    expect "errors" "$(seen errors)" -eq 0
}

@test "a rolling update in a scaleDown pool hands over without an error" {
    scale_down web
    old=$(leader_pod web)
    k patch deployment web --type merge -p '{"spec": {"template": {"metadata": {"annotations": {"revision": "2"}}}}}'
    wait_for 180 served_by_other_than web "$old"
    wait_for 180 is_gone "pod/$old"
    count web
    expect "errors" "$(seen errors)" -eq 0
}

@test "a StatefulSet with a volume: one pod writes to it at a time, and finds what was written" {
    mkdir -p "$ZL_RUN/volume-$NS" && chmod 777 "$ZL_RUN/volume-$NS"
    k apply -f - <<VOLUME
apiVersion: v1
kind: PersistentVolume
metadata: {name: $NS}
spec: {capacity: {storage: 1Mi}, accessModes: [ReadWriteOnce], storageClassName: $NS, hostPath: {path: $ZL_RUN/volume-$NS}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], storageClassName: $NS, volumeName: $NS, resources: {requests: {storage: 1Mi}}}
VOLUME
    policy db
    ZL_APP_CONTAINER="volumeMounts: [{name: data, mountPath: /data}]," \
        app StatefulSet db 3 db "--append-to=/data/starts" "" "volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]," | k apply -f -
    wait_for 180 leader_serves db
    k delete pod db-0 --wait=false
    twice() { [ "$(curl -sf --noproxy '*' -m 1 "http://$(service_address "$NS" db-leader)/visits" | paste -sd ' ')" = "db-0 db-0" ]; }
    wait_for 180 twice
    recorder_sync
    expect "pods at once" "$(most_at_once db)" -eq 1
    kubectl delete pv "$NS" --wait=false
}

# A Job whose container really ends.
real_job() { # NAME POOL ARGUMENTS [SPEC]
    cat <<JOB
---
apiVersion: batch/v1
kind: Job
metadata: {name: $1, labels: {zen-lead/pool: $2}}
spec: {${4:-}
  template: {metadata: {labels: {app: batch}}, spec: {restartPolicy: Never, $(pod_spec "$3")}}}
JOB
}

@test "Jobs take turns by their containers' ends: one that fails and is tried again, one that is killed, one that succeeds" {
    policy batch
    real_job first batch "--exit-after-ms=500, --exit-code=3" "backoffLimit: 1," | k apply -f -
    wait_for 180 at_least 1 job_pods_in first Running
    wait_until 1 is_older first || true
    real_job second batch "--exit-after-ms=60000" "backoffLimit: 0," | k apply -f -
    real_job third batch "--exit-after-ms=300" | k apply -f -
    wait_for 180 is_failed first
    wait_for 180 is second executing batch
    wait_for 180 is 1 job_pods_in second Running
    kill_container "$NS" "$(k get pods -l job-name=second -o 'jsonpath={.items[0].metadata.name}')"
    wait_for 180 is_failed second
    await_complete 60 third
    recorder_sync
    expect "containers at once" "$(together)" -eq 1
    expect "order" "$(turns | paste -sd ' ')" = "first second third"
}

@test "two CronJobs of one pool: each scheduled time runs once" {
    local version=batch/v1
    [ "$(minor_version)" -ge 21 ] || version=batch/v1beta1
    policy report
    for name in a b; do
        k apply -f - <<CRON
apiVersion: $version
kind: CronJob
metadata: {name: report-$name, labels: {zen-lead/pool: report}}
spec:
  schedule: "* * * * *"
  jobTemplate: {spec: {template: {metadata: {labels: {app: report}}, spec: {restartPolicy: Never, $(pod_spec "--exit-after-ms=300")}}}}
CRON
    done
    completed() { k get jobs -o json | jq -e '[.items[] | select(.status.succeeded == 1)] | length >= 1'; }
    wait_for 180 completed
    k patch cronjob report-a --type merge -p '{"spec": {"suspend": true}}'
    k patch cronjob report-b --type merge -p '{"spec": {"suspend": true}}'
    nobody_waits() { k get leaderpolicy report -o json | jq -e '(.status.waiting // 0) == 0'; }
    wait_for 180 nobody_waits
    recorder_sync
    expect "pods at once" "$(together)" -eq 1
    # As many pods as there were times: the other CronJob's Job of the same time was removed.
    times=$(k get jobs -o json | jq '[.items[].metadata.name | sub(".*-"; "")] | unique | length')
    expect "pods" "$(admitted report)" -eq "$times"
}
