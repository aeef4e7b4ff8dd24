#!/usr/bin/env bats
#
# fleet.bats - clusters take turns: one control plane is the hub and, namespace by namespace, several clusters.
#
# A controller that looks at one namespace alone plays a cluster: it has a name, a Lease and a turn of its own. No webhook with --fleet
# stands beside those, so they need spec.suspend; the last tests are of a whole installation.

# shellcheck disable=SC2030,SC2031 # each test has its own POOL
load lib

# shellcheck disable=SC2154 # of programs.bash
readonly MEMBER=$zl_root/manifests/fleet/member
readonly FLP=leaderpolicies.leadership.kube-zen.io
readonly SHORT='{zl-test/succeed-after-ms: "300"}'

setup_file() {
    {
        kubectl apply -k "$MEMBER"
        kubectl wait --for condition=established --timeout 30s "crd/$FLP"
    } >/dev/null
}
teardown_file() { kubectl delete --ignore-not-found -k "$MEMBER" >/dev/null; }

# needs_suspend - else a Job's pods are kept out by the webhook alone, which does not run with --fleet here.
needs_suspend() { [ "$(minor_version)" -ge 22 ] || skip "this API server knows no spec.suspend of Jobs"; }

setup() {
    restore_programs
    new_namespace
    POOL=pool-$NS HUB=$NS CLUSTERS=
    run_fleet_program arbiter --fleet-arbiter --fleet-namespace "$HUB" --namespaces "$NS"
}

teardown() {
    local cluster
    [ -n "${BATS_TEST_COMPLETED:-}" ] || explain
    for cluster in $CLUSTERS; do
        process_stop "fleet-$cluster" || true
        kubectl delete namespace "$NS-$cluster" --ignore-not-found --wait=false >/dev/null
    done
    process_stop fleet-arbiter || true
    uninstall_fleet
    drop_namespace
}

explain_area() {
    local cluster
    k get leases -o json | jq -c '.items[] | [.metadata.name, .metadata.annotations]'
    for cluster in $CLUSTERS; do
        in_cluster "$cluster" get "$FLP" -o json | jq -c '.items[].status'
        in_cluster "$cluster" get jobs -o json | jq -c '.items[] | [.metadata.name, .metadata.annotations, .spec.suspend, .status]'
        tail -n 12 "$ZL_RUN/log/fleet-$cluster.log"
    done
    tail -n 40 "$ZL_RUN/log/fleet-arbiter.log"
}

# run_fleet_program NAME [OPTION...] - a controller of its own: it serves no pools and is elected by nobody.
run_fleet_program() {
    local name=fleet-$1
    shift
    process_start "$name" "$ZL_BIN/zen-lead-controller" --kubeconfig "$KUBECONFIG" --listen-address 127.0.0.1 --metrics-port "$(port_of "$name-metrics")" \
        --routing-only --leader-elect=false "$@"
}

in_cluster() { kubectl --namespace "$NS-$1" "${@:2}"; }

# cluster NAME - it becomes a member of the fleets on the hub.
cluster() {
    CLUSTERS="$CLUSTERS $1"
    kubectl create namespace "$NS-$1" >/dev/null
    run_member "$1"
}
run_member() {
    run_fleet_program "$1" --fleet-hub-kubeconfig "$KUBECONFIG" --fleet-namespace "$HUB" --cluster-name "$1" --namespaces "$NS-$1"
}

# fleet_policy CLUSTER [SPEC] - the manifest that all clusters get; SPEC in flow style.
fleet_policy() {
    in_cluster "$1" apply -f - <<POLICY >/dev/null
apiVersion: leadership.kube-zen.io/v1alpha1
kind: LeaderPolicy
metadata:
  name: security-remediation-coordination
spec: {pool: $POOL, heartbeatSeconds: 5, ${2:-maxConcurrentLeaders: 1, leaseDuration: 2m}}
POLICY
}

# fleet_job CLUSTER NAME [POD-ANNOTATIONS [SPEC]] - a plain Job; its pod ends by itself.
fleet_job() {
    in_cluster "$1" create -f - <<JOB >/dev/null
apiVersion: batch/v1
kind: Job
metadata: {name: $2, labels: {zen-lead/fleet: $POOL}}
spec:
  suspend: false
  backoffLimit: 0
  ${4:-}
  template:
    metadata: {labels: {app: batch}, annotations: ${3:-$SHORT}}
    spec: {restartPolicy: Never, containers: [{name: main, image: none}]}
JOB
}

job_is() { [ "$(in_cluster "$1" get job "$2" -o "jsonpath={.status.conditions[?(@.type==\"$3\")].status}")" = True ]; }
said() { in_cluster "$1" get "$FLP" security-remediation-coordination -o "jsonpath={.status.$2}"; }
ledger() { k get lease "fleet.$POOL" -o 'jsonpath={.metadata.annotations.zen-lead\.io/fleet}' | jq -r "$1"; }

@test "the manifest as it is written: a plain Job is held until its cluster's turn, executes, and its end is the report" {
    needs_suspend
    cluster east
    POOL=security-remediation-pool
    in_cluster east apply -f - <<POLICY
apiVersion: leadership.kube-zen.io/v1alpha1
kind: LeaderPolicy
metadata:
  name: security-remediation-coordination
spec:
  pool: security-remediation-pool
  maxConcurrentLeaders: 5  # Only 5 clusters act simultaneously
  strategy: fairness         # Ensure all clusters get a turn
  leaseDuration: 30m         # Each cluster gets 30min to complete rotation
  observability:
    annotations:
      policy: "CVE-2015-12345-remediation"
      incident: "INC-98765"
POLICY
    wait_for 20 is Idle said east phase
    fleet_job east rotate '{}'
    wait_for 150 is Active said east phase # a new arbiter waits until all have beaten
    wait_for 10 is false in_cluster east get job rotate -o 'jsonpath={.spec.suspend}'
    expect "deadline" "$(in_cluster east get job rotate -o 'jsonpath={.spec.activeDeadlineSeconds}')" -gt 1700
    expect "deadline" "$(in_cluster east get job rotate -o 'jsonpath={.spec.activeDeadlineSeconds}')" -le 1790
    expect "N" "$(ledger .n)" -eq 5
    expect "round" "$(ledger .round)" = CVE-2015-12345-remediation
    in_cluster east annotate pods -l job-name=rotate --overwrite zl-test/succeed-after-ms=0 >/dev/null
    wait_for 20 job_is east rotate Complete
    wait_for 20 is Idle said east phase
    wait_for 20 is 1 ledger .counts.done
    expect "slots" "$(ledger '.active | length')" -eq 0
}

@test "one of three clusters acts at a time, each gets its turn, whoever is killed meanwhile" {
    needs_suspend
    local name spans
    for name in east west north; do cluster "$name"; done
    for name in east west north; do fleet_policy "$name"; done
    for name in east west north; do wait_for 30 is Idle said "$name" phase; done
    for name in east west north; do fleet_job "$name" rotate '{zl-test/succeed-after-ms: "1500"}'; done
    wait_for 120 is Active said east phase
    process_stop fleet-arbiter KILL
    process_stop fleet-east KILL
    run_fleet_program arbiter --fleet-arbiter --fleet-namespace "$HUB" --namespaces "$NS"
    run_member east
    for name in east west north; do wait_for 240 job_is "$name" rotate Complete; done
    spans=$(for name in east west north; do
        in_cluster "$name" get job rotate -o 'jsonpath={.status.startTime} {.status.completionTime}{"\n"}'
    done | sort)
    # The one that acts next started after the end of the one before.
    echo "$spans" | awk 'NR > 1 && $1 < last { exit 1 } { last = $2 }' || fail "turns overlap: $spans"
    wait_for 30 is 3 ledger .counts.done
    expect "failures" "$(ledger '.failed | length')" -eq 0
}

east_began() { is Active said east phase || job_is east rotate Failed; }

@test "the first failure pauses the fleet before anybody else gets a turn, and who resumes it goes on" {
    needs_suspend
    local name
    for name in east west; do cluster "$name"; done
    for name in east west; do fleet_policy "$name" "maxConcurrentLeaders: 1, leaseDuration: 2m, pauseOnError: true"; done
    fleet_job east rotate '{zl-test/fail-after-ms: "300"}'
    wait_for 120 east_began
    fleet_job west rotate
    wait_for 120 job_is east rotate Failed
    wait_for 30 is 1 ledger .paused.id
    expect "who" "$(ledger .paused.reason)" != ""
    stays 5 is 0 ledger '.active | length'
    expect "Job in the pause" "$(in_cluster west get job rotate -o 'jsonpath={.spec.suspend}')" = true
    k get lease "fleet.$POOL" -o json |
        jq '.metadata.annotations["zen-lead.io/fleet"] |= (fromjson | del(.paused) | .failed = [] | tojson)' | k replace -f - >/dev/null
    wait_for 60 job_is west rotate Complete
    wait_for 20 is 1 ledger .counts.done
}

asks() { "$ZL_BIN/zen-lead" fleet "$1" "$POOL" --namespace "$NS-east" "${@:2}"; }

@test "work that is no Job asks for its cluster's turn and reports, by command line and by annotation" {
    local token
    cluster east
    fleet_policy east
    wait_for 60 is Idle said east phase
    asks request
    wait_for 150 is Active said east phase
    token=$(said east turn.token)
    expect "token" "$token" -gt 0
    stays 3 is Active said east phase
    asks "done"
    wait_for 60 is 1 ledger .counts.done
    wait_for 60 is Idle said east phase
    expect "report" "$(in_cluster east get "$FLP" security-remediation-coordination -o 'jsonpath={.metadata.annotations.zen-lead\.io/fleet-report}')" = "$token done"
    run asks "done"
    expect "exit code of a report without a turn" "$status" -eq 1
    asks request
    wait_for 60 is Active said east phase
    token=$(said east turn.token)
    in_cluster east annotate "$FLP" security-remediation-coordination "zen-lead.io/fleet-report=$token failed no space" >/dev/null
    wait_for 60 is 1 ledger .counts.failed
    wait_for 60 is Idle said east phase
}

# --- as it is installed: controllers for the whole cluster, webhooks with --fleet

install_fleet() {
    local n
    as_installed=yes
    for n in 1 2; do stop_controller "$n"; done
    for n in 1 2 3; do stop_webhook "$n"; done
    for n in 1 2 3; do start_webhook "$n" --fleet; done
    for n in 1 2; do
        start_controller "$n" --fleet-hub-kubeconfig "$KUBECONFIG" --fleet-namespace "$HUB" --cluster-name home
    done
    restore_programs # waits for them
}
uninstall_fleet() {
    local n
    [ -n "${as_installed:-}" ] || return 0
    for n in 1 2; do stop_controller "$n"; done
    for n in 1 2 3; do stop_webhook "$n"; done
    restore_programs
}

# pod_of JOB - as the Job controller would send it
pod_of() {
    local uid
    uid=$(in_cluster home get job "$1" -o 'jsonpath={.metadata.uid}')
    cat <<POD
apiVersion: v1
kind: Pod
metadata:
  generateName: $1-
  labels: {app: batch, job-name: $1}
  ownerReferences: [{apiVersion: batch/v1, kind: Job, name: $1, uid: $uid, controller: true}]
spec: {restartPolicy: Never, containers: [{name: main, image: none}]}
POD
}
is_refused_for_the_turn() {
    local answer
    ! answer=$(pod_of "$1" | in_cluster home create --dry-run=server -f - 2>&1) || return 1
    [[ $answer == *"waits for its cluster's turn in fleet \"$POOL\""* ]]
}
pods_of() { in_cluster home get pods -l "job-name=$1" -o name | wc -l; }

# A Job that waits for the pause to end.
paused_fleet_with_a_job() {
    CLUSTERS=home
    kubectl create namespace "$NS-home" >/dev/null
    kubectl label namespace "$NS-home" --overwrite "kubernetes.io/metadata.name=$NS-home" >/dev/null
    install_fleet
    fleet_policy home
    wait_for 60 is Idle said home phase
    wait_for 60 is 1 ledger .n
    "$ZL_BIN/zen-lead" fleet pause "$POOL" --fleet-namespace "$HUB" --reason "a test"
    in_cluster home create -f - <<JOB >/dev/null
apiVersion: batch/v1
kind: Job
metadata: {name: rotate, labels: {zen-lead/fleet: $POOL$1}}
spec:
  backoffLimit: 0
  template:
    metadata: {labels: {app: batch}, annotations: {zl-test/succeed-after-ms: "300"}}
    spec: {restartPolicy: Never, containers: [{name: main, image: none}]}
JOB
    wait_for 60 is_refused_for_the_turn rotate
    wait_for 60 is Waiting said home phase
}
# told REASON - how many Events of this reason there are on the LeaderPolicy of home
told() {
    in_cluster home get events -o json |
        jq --arg reason "$1" '[.items[] | select(.reason == $reason and .involvedObject.kind == "LeaderPolicy")] | length'
}
# shown METRIC [LABEL...] - by both controllers together, of which one acts
shown() { echo $(($(metric controller-1 "$@") + $(metric controller-2 "$@"))); }

resume_fleet() { "$ZL_BIN/zen-lead" fleet resume "$POOL" --fleet-namespace "$HUB" --id "$(ledger .paused.id)"; }

@test "as installed: the webhook refuses the pods of a Job that waits, and lets them in when it is the cluster's turn" {
    local reason name
    paused_fleet_with_a_job ""
    stays 3 is 0 pods_of rotate
    wait_for 60 is 1 told FleetPaused
    wait_for 60 is 1 shown zen_lead_fleet_seen_paused "pool=\"$POOL\""
    note_metrics # some are there while it waits alone
    resume_fleet
    wait_for 150 job_is home rotate Complete
    wait_for 20 is 1 ledger .counts.done
    for reason in TurnOffered TurnBegan TurnDone FleetResumed; do wait_for 60 is 1 told "$reason"; done
    wait_for 60 is 1 shown zen_lead_fleet_phase "pool=\"$POOL\"" 'phase="Idle"'
    wait_for 60 is 1 shown zen_lead_fleet_hub_reached 'cluster="home"'
    note_metrics
    while read -r name; do
        grep -q "^${name}[{ ]" "$BATS_TEST_TMPDIR/metrics" || fail "alerts or dashboard ask for $name, and nobody had it"
    done < <(grep -oh 'zen_lead[_]fleet[_a-z]*' "$zl_root"/manifests/monitoring/{dashboard.json,alerts.yaml} | grep -v turn_remaining | sort -u) # that one is there for the turn's 300 ms
}
note_metrics() {
    local name
    for name in fleet-arbiter controller-1 controller-2; do
        curl -sf --noproxy '*' "http://127.0.0.1:$(port_of "$name-metrics")/metrics" >>"$BATS_TEST_TMPDIR/metrics"
    done
}

@test "with the label of a pool besides, a Job needs both turns" {
    local first
    needs_suspend # else the pool's turn is the older Job's, also while that waits for the fleet's
    CLUSTERS=home
    paused_fleet_with_a_job ", zen-lead/pool: batch"
    NS=$NS-home policy batch
    in_cluster home create -f - <<JOB >/dev/null
apiVersion: batch/v1
kind: Job
metadata: {name: first, labels: {zen-lead/pool: batch}}
spec:
  template:
    metadata: {labels: {app: batch}}
    spec: {restartPolicy: Never, containers: [{name: main, image: none}]}
JOB
    wait_for 60 is 1 pods_of first
    resume_fleet
    wait_for 150 is Active said home phase
    stays 3 is 0 pods_of rotate
    first=$(in_cluster home get pods -l job-name=first -o name)
    in_cluster home annotate "$first" zl-test/succeed-after-ms=0 >/dev/null
    wait_for 150 job_is home rotate Complete
    wait_for 20 is 1 ledger .counts.done
}
