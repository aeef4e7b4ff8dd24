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
    run_fleet_program arbiter --fleet-arbiter-only --fleet-namespace "$HUB"
}

teardown() {
    local cluster
    [ -n "${BATS_TEST_COMPLETED:-}" ] || explain
    for cluster in $CLUSTERS; do
        process_stop "fleet-$cluster" || true
        kubectl delete namespace "$NS-$cluster" --ignore-not-found --wait=false >/dev/null
    done
    process_stop fleet-arbiter || true
    process_stop sidecar TERM || true
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

# cluster NAME [OPTION...] - it becomes a member of the fleets on the hub.
cluster() {
    CLUSTERS="$CLUSTERS $1"
    kubectl create namespace "$NS-$1" >/dev/null
    run_member "$@"
}
run_member() {
    run_fleet_program "$1" --fleet-hub-kubeconfig "$KUBECONFIG" --fleet-namespace "$HUB" --cluster-name "$1" --namespaces "$NS-$1" "${@:2}"
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
    run_fleet_program arbiter --fleet-arbiter-only --fleet-namespace "$HUB"
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

# turn PATH - what the sidecar says; wish VERB BODY - the code of its answer.
turn() { curl -s --noproxy '*' "$url$1"; }
wish() { curl -s -o "$BATS_TEST_TMPDIR/answer" -w '%{http_code}' --noproxy '*' -X POST -H 'zen-lead: true' -d "$2" "$url/$1"; }
code_of() { curl -s -I -o "$BATS_TEST_TMPDIR/head" -w '%{http_code}' --noproxy '*' "$url$1"; }
state_is() { is "$1" eval "turn '' | jq -r .state"; }

@test "the sidecar and wait tell of a cluster's turn; the sidecar asks for it, accepts and extends it, and its word ends it" {
    local url token
    cluster east
    fleet_policy east "maxConcurrentLeaders: 1, leaseDuration: 2m, acceptance: Manual, maxExtensions: 1"
    wait_for 60 is Idle said east phase
    start_anew sidecar "$ZL_BIN/zen-lead" sidecar "fleet/$POOL" --namespace "$NS-east" --port 0
    wait_for 10 grep -q http "$ZL_RUN/log/sidecar.log"
    url=$(grep -o 'http://[^ ]*' "$ZL_RUN/log/sidecar.log")/v1/fleet/$POOL
    wait_for 10 state_is idle
    expect "the code of a turn that is not" "$(code_of /active)" = 503
    expect "the code of an end of no turn" "$(wish "done" '{"token": 1}')" = 409
    expect "the code of a request" "$(wish request '')" = 200
    wait_for 150 says_why east "zen-lead fleet accept"
    expect "the code of its acceptance" "$(wish accept '')" = 200
    run "$ZL_BIN/zen-lead" wait "$POOL" --namespace "$NS-east" --for turn --timeout 150s
    expect "the code of wait" "$status" -eq 0
    token=$(said east turn.token)
    expect "what wait says" "${output% *}" = "east $token"
    wait_for 10 state_is active
    expect "the token" "$(turn /active | jq .token)" -eq "$token"
    expect "for how long, of two minutes" "$(turn '' | jq .validForMs)" -le 120000
    expect "the code of a turn that is" "$(code_of /active)" = 200
    expect "the code of one that shall be longer" "$(wish extend "{\"token\": $token}")" = 200
    wait_for 30 is 2 said east turn.generation
    expect "the token of the longer one" "$(said east turn.token)" -eq "$token"
    expect "the code of its end" "$(wish "done" "{\"token\": $token}")" = 200
    expect "the code of its end once more" "$(wish "done" "{\"token\": $token}")" = 200
    wait_for 60 is 1 ledger .counts.done
    wait_for 10 state_is idle
    expect "the code after it" "$(code_of /active)" = 503
    expect "the code of its end when it is over, by another word" "$(wish failed "{\"token\": $token}")" = 409
}

# in_its_cluster NAME VERB [OPTION...], on_hub VERB [OPTION...]
in_its_cluster() { "$ZL_BIN/zen-lead" fleet "$2" "$POOL" --namespace "$NS-$1" "${@:3}"; }
on_hub() { "$ZL_BIN/zen-lead" fleet "$1" "$POOL" --fleet-namespace "$HUB" "${@:2}"; }
says_why() { [[ "$(said "$1" why)" == *"$2"* ]]; }

@test "canaries go first, what failed goes again when somebody says so, and the next stage waits for approval" {
    local name
    cluster east --cluster-labels tier=canary
    cluster west --cluster-labels region=eu,tier=prod
    for name in east west; do
        fleet_policy "$name" "maxConcurrentLeaders: 2, leaseDuration: 2m, round: one,
            stages: [{match: {tier: canary}}, {match: {tier: prod, region: eu}, approval: true}]"
    done
    for name in east west; do wait_for 60 is Idle said "$name" phase; done
    in_its_cluster west request
    wait_for 120 says_why west "its stage is not open"
    in_its_cluster east request
    wait_for 150 is Active said east phase
    in_its_cluster east failed --reason "no space"
    wait_for 60 is 1 ledger .counts.failed
    run on_hub approve
    expect "exit code of an early approval" "$status" -ne 0
    [[ $output == *"stage 1 is not over"* ]] || fail "$output"
    in_cluster east annotate "$FLP" security-remediation-coordination zen-lead.io/fleet-want=true >/dev/null # it stands beside the report
    stays 3 is Idle said east phase
    on_hub retry
    wait_for 60 is Active said east phase
    stays 2 is 0 ledger '[.active[] | select(.cluster == "west")] | length'
    in_its_cluster east "done"
    wait_for 60 is 1 ledger .counts.done
    wait_for 60 says_why west "waits for approval"
    on_hub approve
    wait_for 60 is Active said west phase
    expect "spread and stage of its slot" "$(ledger .active[0].stage)" -eq 1
    in_its_cluster west "done"
    wait_for 60 is 2 ledger .counts.done
}

@test "a turn that somebody has to accept, and a cluster that declines, keep a place and no slot" {
    cluster east
    fleet_policy east "maxConcurrentLeaders: 1, leaseDuration: 2m, acceptance: Manual"
    wait_for 60 is Idle said east phase
    in_its_cluster east request
    wait_for 150 says_why east "zen-lead fleet accept"
    stays 3 is 0 ledger '.active | length'
    in_its_cluster east decline --reason "disk is full"
    wait_for 60 says_why east "disk is full"
    in_its_cluster east accept
    wait_for 150 is Active said east phase
    in_its_cluster east "done"
    wait_for 60 is Idle said east phase
    in_its_cluster east request
    wait_for 60 says_why east "zen-lead fleet accept" # the word was for one turn
}

@test "the label on a CronJob itself gates the Jobs that it makes" {
    needs_suspend
    cluster east
    fleet_policy east
    wait_for 60 is Idle said east phase
    in_cluster east create -f - <<CRONJOB >/dev/null
apiVersion: batch/v1
kind: CronJob
metadata: {name: rotate, labels: {zen-lead/fleet: $POOL}}
spec:
  schedule: "* * * * *"
  concurrencyPolicy: Forbid
  jobTemplate:
    spec:
      backoffLimit: 0
      template:
        metadata: {labels: {app: batch}, annotations: $SHORT}
        spec: {restartPolicy: Never, containers: [{name: main, image: none}]}
CRONJOB
    wait_for 240 is 1 ledger .counts.done
    expect "label and turn" "$(in_cluster east get jobs -l "zen-lead/fleet=$POOL" -o json | jq '[.items[] | select(.metadata.annotations["zen-lead.io/fleet-turn"])] | length')" -ge 1
}

# What an arbiter may do with Leases, and nothing else at all.
arbiter_kubeconfig() {
    local token
    k create serviceaccount arbiter >/dev/null
    k create role arbiter --verb get,list,watch,create,update,patch --resource leases >/dev/null
    k create rolebinding arbiter --role arbiter --serviceaccount "$NS:arbiter" >/dev/null
    k apply -f - <<SECRET >/dev/null
apiVersion: v1
kind: Secret
metadata: {name: arbiter, annotations: {kubernetes.io/service-account.name: arbiter}}
type: kubernetes.io/service-account-token
SECRET
    wait_for 30 has_token
    token=$(k get secret arbiter -o 'jsonpath={.data.token}' | base64 -d)
    kubectl config view --raw --minify -o json | jq --arg token "$token" '.users[0].user = {token: $token}' >"$1"
}
has_token() { [ -n "$(k get secret arbiter -o 'jsonpath={.data.token}')" ]; }
is_ready() { curl -sf --noproxy '*' "http://127.0.0.1:$(port_of fleet-arbiter-metrics)/readyz" >/dev/null; }

@test "an arbiter alone needs Leases of the hub and nothing else" {
    process_stop fleet-arbiter
    arbiter_kubeconfig "$BATS_TEST_TMPDIR/arbiter.kubeconfig"
    KUBECONFIG=$BATS_TEST_TMPDIR/arbiter.kubeconfig run_fleet_program arbiter --fleet-arbiter-only --fleet-namespace "$HUB"
    wait_for 30 is_ready
    cluster east
    fleet_policy east
    wait_for 60 is Idle said east phase
    in_its_cluster east request
    wait_for 150 is Active said east phase
    in_its_cluster east "done"
    wait_for 60 is 1 ledger .counts.done
    if grep -iE 'forbidden|cannot (get|list|watch)' "$ZL_RUN/log/fleet-arbiter.log"; then fail "it asked for more"; fi
}

# as_member METHOD LEASE [BODY] - the status that the API server answers to cluster "here". Without LEASE: of all of them.
as_member() {
    local body=${3-$(printf '{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"%s"},"spec":{}}' "$2")} type=application/json
    [ "$1" != PATCH ] || type=application/merge-patch+json
    curl -s --noproxy '*' -m 10 -o /dev/null -w '%{http_code}' --cacert "$ZL_RUN/ca.crt" -H "Authorization: Bearer $(cat "$ZL_RUN/admin.token")" \
        -H "Impersonate-User: system:serviceaccount:$HUB:member.here" -X "$1" -H "Content-Type: $type" -d "$body" \
        "$(grep -o 'https://[^"]*' "$KUBECONFIG")/apis/coordination.k8s.io/v1/namespaces/$HUB/leases${2:+/$2}"
}

@test "with a member's credentials only its own Lease can be written: twelve other writes are forbidden" {
    local lease
    sed "s/example-cluster/here/g; s/zen-fleet$/$HUB/" "$zl_root/manifests/fleet/hub-member/member.yaml" | k create -f - >/dev/null
    # Of somebody else's and of its own turn there is something to be written.
    for lease in "fleet.$POOL" turn.here turn.there member.there; do
        k create -f - >/dev/null <<<'{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"'"$lease"'"}}'
    done
    lease=$(k get lease turn.here -o 'jsonpath={.metadata.resourceVersion}')
    expect "its own Lease, made" "$(as_member PUT member.here)" = 201
    expect "its own Lease, changed" "$(as_member PATCH member.here '{"metadata":{"annotations":{"a":"b"}}}')" = 200
    expect "its turn, read" "$(as_member GET turn.here)" = 200
    expect "another's Lease, made" "$(as_member PUT member.elsewhere)" = 403
    expect "another's Lease, replaced" "$(as_member PUT member.there)" = 403
    expect "another's Lease, changed" "$(as_member PATCH member.there '{"metadata":{"annotations":{"a":"b"}}}')" = 403
    expect "another's Lease, deleted" "$(as_member DELETE member.there)" = 403
    expect "its own turn, replaced" "$(as_member PUT turn.here)" = 403
    expect "its own turn, changed" "$(as_member PATCH turn.here '{"metadata":{"annotations":{"a":"b"}}}')" = 403
    expect "its own turn, deleted" "$(as_member DELETE turn.here)" = 403
    expect "another's turn, changed" "$(as_member PATCH turn.there '{"metadata":{"annotations":{"a":"b"}}}')" = 403
    expect "the ledger, replaced" "$(as_member PUT "fleet.$POOL")" = 403
    expect "the ledger, changed" "$(as_member PATCH "fleet.$POOL" '{"metadata":{"annotations":{"a":"b"}}}')" = 403
    expect "the arbiters' Lease, changed" "$(as_member PATCH zen-fleet-arbiter '{"spec":{"holderIdentity":"me"}}')" = 403
    expect "a Lease of any name, by POST" "$(as_member POST "" '{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"generateName":"member."}}')" = 403
    expect "its turn" "$(k get lease turn.here -o 'jsonpath={.metadata.resourceVersion}')" = "$lease"
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

# node_asks PATH GROUP ID - the code of the answer.
node_asks() {
    curl -s --noproxy '*' -o "$BATS_TEST_TMPDIR/answer" -w '%{http_code}' -H 'fleet-lock-protocol: true' \
        -d "{\"client_params\": {\"group\": \"$2\", \"id\": \"$3\"}}" "http://127.0.0.1:$(port_of fleet-arbiter-metrics)/v1/$1"
}

@test "nodes ask before they reboot: as many as may, and a slot outlives the arbiter" {
    local n asked pids=()
    process_stop fleet-arbiter
    run_fleet_program arbiter --fleet-arbiter-only --fleet-namespace "$HUB" --fleet-lock one=1,workers=2
    wait_for 60 is_ready
    for n in {1..8}; do
        node_asks pre-reboot workers "node-$n" >"$BATS_TEST_TMPDIR/code-$n" &
        pids+=($!)
    done
    wait "${pids[@]}"
    asked=$(cat "$BATS_TEST_TMPDIR"/code-* | grep -o 200 | wc -l)
    expect "nodes that may reboot" "$asked" -eq 2
    expect "nodes with a slot" "$(k get lease reboots.workers -o 'jsonpath={.metadata.annotations.zen-lead\.io/reboots}' | jq '.nodes | length')" -eq 2
    n=$(grep -l 200 "$BATS_TEST_TMPDIR"/code-* | head -n 1 | sed 's/.*-//')
    process_stop fleet-arbiter KILL
    run_fleet_program arbiter --fleet-arbiter-only --fleet-namespace "$HUB" --fleet-lock one=1,workers=2
    wait_for 60 is_ready
    expect "the code of one more" "$(node_asks pre-reboot workers node-9)" = 409
    grep -q "node-$n since" "$BATS_TEST_TMPDIR/answer" || fail "$(cat "$BATS_TEST_TMPDIR/answer")"
    expect "the code of one that has a slot" "$(node_asks pre-reboot workers "node-$n")" = 200
    expect "the code of its return" "$(node_asks steady-state workers "node-$n")" = 200
    expect "the code of one more" "$(node_asks pre-reboot workers node-9)" = 200
    expect "the code of another group" "$(node_asks pre-reboot one node-8)" = 200
    expect "the code of a group that is none" "$(node_asks pre-reboot others node-8)" = 404
}
