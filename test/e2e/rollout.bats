#!/usr/bin/env bats
#
# rollout.bats - a gatekept workload gets a new revision: one leader throughout, and a bad revision never leads.

# Each test is a subshell of its own, and $STAMP is for that test alone.
# shellcheck disable=SC2030,SC2031

load lib

teardown() {
    [ -n "${BATS_TEST_COMPLETED:-}" ] || explain
    stop_route_recorder
    restore_programs
    drop_namespace
}

# roll KIND/NAME [POD-ANNOTATIONS] - a new revision, known by $STAMP. Annotations as JSON; null removes one.
roll() {
    STAMP=$RANDOM$RANDOM
    k patch "$1" --type merge -p "$(jq -n --arg stamp "$STAMP" --argjson extra "${2:-{\}}" \
        '{spec: {template: {metadata: {annotations: ({stamp: $stamp} + $extra)}}}}')"
}
# Renewed every 2 s: settle waits for that.
readonly QUICK='{leaseDurationSeconds: 6, renewDeadlineSeconds: 4, retryPeriodSeconds: 1, handoverGracePeriodSeconds: 0}'
readonly BAD='{"zl-test/ready": "false"}' GOOD='{"zl-test/ready": null}'

leader_stamp() { k get "pod/$(leader_pod "$1")" -o 'jsonpath={.metadata.annotations.stamp}'; }
leads_at_stamp() { one_leader "$1" "$1" && [ "$(leader_stamp "$1")" = "$2" ]; }
one_ready_leader() { [ "$(ready_pods "$1")" = 1 ] && [ -n "$(holder "$1")" ] && is_confirmed "$1"; }
successor() { lease "$1" '{.metadata.annotations.zen-lead\.io/successor}'; }
successor_pod() { successor "$1" | cut -d _ -f 1; }
has_no_successor() { has_lease "$1" && [ -z "$(successor "$1")" ]; }
# The successor's pod is stored, and its revision is STAMP's. To be seen it must last: one of a BAD revision does, and
# is Ready when its annotation goes.
successor_is_at() { [ "$(k get "pod/$(successor_pod "$1")" -o 'jsonpath={.metadata.annotations.stamp}')" = "$2" ]; }
# settle POOL - give the programs a turn after which a wrong step would show: they renew in this time.
settle() {
    local before
    before=$(lease "$1" '{.spec.renewTime}')
    wait_for 30 has_changed "$before" lease "$1" '{.spec.renewTime}'
}
failed_pods() { k get pods -l "app=$1" --field-selector status.phase=Failed -o name | wc -l; }
# is_refused REPLICASET MESSAGE - a pod of it, at this moment.
is_refused() {
    for _ in {1..10}; do
        run dry_run_passes "$1"
        if [ "$status" -eq 0 ] || is_decided "$output"; then break; fi
    done
    expect "exit of a dry run of a pod of $1" "$status" -ne 0
    [[ $output == *"$2"* ]] || fail "no \"$2\" in: $output"
}

# start_route_recorder SERVICE - when its EndpointSlice names a Ready endpoint, and when not, in milliseconds.
start_route_recorder() {
    kubectl get endpointslices --namespace "$NS" -l "kubernetes.io/service-name=$1" --watch --output-watch-events \
        -o go-template='{{.type}} {{range .object.endpoints}}{{.targetRef.name}}={{.conditions.ready}} {{end}}{{"\n"}}' |
        while read -r line; do echo "$(now_ms) $line"; done >"$BATS_TEST_TMPDIR/routes" 3>&- &
    ROUTE_RECORDER=$!
    wait_for 10 test -s "$BATS_TEST_TMPDIR/routes"
}
stop_route_recorder() {
    [ -z "${ROUTE_RECORDER:-}" ] || pkill -P "$ROUTE_RECORDER" || true
    [ -z "${ROUTE_RECORDER:-}" ] || kill "$ROUTE_RECORDER" 2>/dev/null || true
    ROUTE_RECORDER=""
}
# How long in all the route led to no Ready endpoint, since it led to one.
route_gap_ms() {
    awk '{ ready = / [^ ]+=true/; if (led && !was) gap += $1 - at; led = led || ready; was = ready; at = $1 } END { print gap + 0 }' \
        "$BATS_TEST_TMPDIR/routes"
}
route_saw() { grep -q "$1=true" "$BATS_TEST_TMPDIR/routes"; }
# routed_ms POD - when the route led to it first.
routed_ms() { awk -v pod="$1=true" 'index($0, " " pod) { print $1; exit }' "$BATS_TEST_TMPDIR/routes"; }

# logged_ms MESSAGE POD - when a controller said so of the pod, by its own clock: what a test sees comes late.
logged_ms() {
    local at
    at=$(grep -hF "\"$NS\"" "$ZL_RUN"/log/controller-[12].log | jq -r --arg message "$1" --arg pod "$2" \
        'select(.msg == $message and .pod == $pod) | .ts' | head -n 1)
    [ -n "$at" ] && date -d "$at" +%s%3N
}
# ms_to_deletion OLD NEW - from the handover to the deletion of the old leader, which is over.
ms_to_deletion() {
    wait_for 10 logged_ms "former leader deleted" "$1" >/dev/null
    echo $(($(logged_ms "former leader deleted" "$1") - $(logged_ms "leader elected" "$2")))
}

@test "kubectl rollout restart: the new revision takes over when it is Ready; the service has a leader throughout" {
    policy web
    deployment web 3 web
    wait_for 30 one_leader web web
    local old before changes revision
    old=$(leader_pod web) before=$(token web) changes=$(transitions web)
    revision=$(replicaset_of "$old")
    start_route_recorder web-leader
    wait_for 20 route_saw "$old"
    k rollout restart deployment/web
    wait_for 40 is_gone "pod/$old"
    wait_for 20 one_leader web web
    wait_for 20 route_saw "$(leader_pod web)"
    # A swap that loses to another write skips a number.
    expect "fencing token" "$(token web)" -gt "$before"
    expect "leader changes" "$(transitions web)" -eq $((changes + 1))
    wait_for 20 is Stable policy_status web .phase
    wait_for 20 has_event LeaderPolicy web HandedOver
    has_no_successor web
    recorder_sync
    expect "pods at once" "$(most_at_once web)" -le 2
    expect "pods that ever ran" "$(admitted web)" -eq 2
    # Traffic moves first, and the old leader runs on for as long as proxies may need to follow.
    expect "milliseconds to the old leader's deletion" "$(ms_to_deletion "$old" "$(leader_pod web)")" -ge 2000
    expect "the new route, in ms" "$(routed_ms "$(leader_pod web)")" -lt "$(logged_ms "former leader deleted" "$old")"
    echo "# rollout restart of a gatekept Deployment: $(route_gap_ms) ms without a Ready leader in the EndpointSlice" >&3
    expect "milliseconds without a leader" "$(route_gap_ms)" -eq 0
    # The old leader is out for good, and the old revision does not come back: no successor is let in from it.
    is_refused "$revision" "has a leader"
}

@test "handoverGracePeriodSeconds: 0: the old leader is deleted at once" {
    policy web '{handoverGracePeriodSeconds: 0}'
    deployment web 3 web
    wait_for 30 one_leader web web
    local old
    old=$(leader_pod web)
    roll deployment/web
    wait_for 40 leads_at_stamp web "$STAMP"
    # By default it is not before 2,000 ms.
    expect "milliseconds to its deletion" "$(ms_to_deletion "$old" "$(leader_pod web)")" -lt 2000
}

@test "the controllers restart while the old leader of a handover runs on: it is deleted all the same, and not before its time" {
    policy web '{handoverGracePeriodSeconds: 10}'
    deployment web 3 web
    wait_for 30 one_leader web web
    local old new
    old=$(leader_pod web)
    roll deployment/web
    wait_for 40 has_event LeaderPolicy web HandedOver
    new=$(leader_pod web)
    wait_for 10 is "$new" policy_status web .currentHolder.name
    expect "Ready pods" "$(ready_pods web)" -eq 2
    stop_controller 1
    stop_controller 2
    start_controller 1
    start_controller 2
    wait_for 60 leads_at_stamp web "$STAMP"
    expect "the leader" "$(leader_pod web)" = "$new"
    expect "milliseconds to its deletion" "$(ms_to_deletion "$old" "$new")" -ge 10000
    # It was no surplus pod, whoever looks at it.
    run has_event LeaderPolicy web SurplusPodDeleted
    expect "a SurplusPodDeleted" "$status" -ne 0
}

# gate_is STATUS REASON - of condition RolledOut.
gate_is() { [ "$(policy_status web '.conditions[?(@.type=="RolledOut")].status') $(policy_status web '.conditions[?(@.type=="RolledOut")].reason')" = "$1 $2" ]; }
generation() { k get deployment/web -o 'jsonpath={.metadata.generation}'; }
seen_generation() { policy_status web '.workloads[?(@.name=="web")].observedGeneration'; }

@test "the gate of a pipeline is closed while a newer revision waits, fails with it, and opens when the newest leads" {
    policy web "$QUICK"
    deployment web 3 web
    k patch deployment web --type merge -p '{"spec": {"progressDeadlineSeconds": 5}}'
    wait_for 30 one_leader web web
    wait_for 20 gate_is True NewestLeads
    local old
    old=$(replicaset_of "$(leader_pod web)")
    roll deployment/web "$BAD"
    # Whoever has seen this generation in it is not told of an older one.
    wait_for 20 is "$(generation)" seen_generation
    ! gate_is True NewestLeads || fail "the gate is open for a revision that does not lead"
    wait_for 30 gate_is False HandoverFailed
    expect "leads" "$(policy_status web '.workloads[0].leadingRevision')" = "$old"
    expect "waits" "$(policy_status web '.workloads[0].waitingRevision')" != ""
    roll deployment/web "$GOOD"
    wait_for 20 is "$(generation)" seen_generation
    wait_for 40 gate_is True NewestLeads
    expect "stamp" "$(leader_stamp web)" = "$STAMP"
}

@test "status shows the successor while a handover is under way" {
    policy web
    deployment web 3 web
    wait_for 30 one_leader web web
    roll deployment/web "$BAD"
    wait_for 20 successor_is_at web "$STAMP"
    local pod
    pod=$(successor_pod web)
    wait_for 10 is "$pod" policy_status web .successor.name
    k annotate "pod/$pod" zl-test/ready-
    wait_for 30 leads_at_stamp web "$STAMP"
    wait_for 10 is "" policy_status web .successor.name
}

@test "a bad image never leads: it is taken back after the progress deadline, and rolling back works" {
    policy web "$QUICK"
    workload Deployment web 3 web | sed 's/replicas: 3,/replicas: 3, progressDeadlineSeconds: 4,/' | k apply -f -
    wait_for 30 one_leader web web
    local leader
    leader=$(holder web)
    roll deployment/web "$BAD"
    # That it was the successor is over after the progress deadline, and its Event is there for as long as the test.
    wait_for 40 has_event LeaderPolicy web HandoverFailed
    expect "the leader" "$(holder web)" = "$leader"
    wait_for 20 is 1 pod_count web
    wait_for 20 has_no_successor web
    # The revision that failed gets no other try, however often its ReplicaSet asks.
    settle web
    settle web
    has_no_successor web
    expect "the leader" "$(holder web)" = "$leader"
    k rollout undo deployment/web
    settle web
    expect "the leader" "$(holder web)" = "$leader"
    roll deployment/web "$GOOD"
    wait_for 40 leads_at_stamp web "$STAMP"
    recorder_sync
    expect "pods that ever ran" "$(admitted web)" -eq 3
}

@test "the leader dies while a bad image waits: the proven revision leads again, not the bad one" {
    policy web
    deployment web 3 web
    wait_for 30 one_leader web web
    roll deployment/web '{"stamp": "good"}'
    wait_for 40 leads_at_stamp web good
    wait_for 20 is 1 pod_count web # the revision before it runs on for its grace, and would count for the next one
    local old before
    old=$(leader_pod web) before=$(token web)
    roll deployment/web "$BAD"
    wait_for 20 successor_is_at web "$STAMP"
    k delete pod "$old" --wait=false
    wait_for 30 is_gone "pod/$old"
    wait_for 30 is good leader_stamp web
    expect "fencing token" "$(token web)" -gt "$before"
    successor_is_at web "$STAMP"
}

@test "a vacant seat that a bad image waits for: a pod of the proven revision is let in, one of the bad one is not" {
    policy web
    deployment web 3 web
    wait_for 30 one_leader web web
    local old proven bad
    old=$(leader_pod web)
    proven=$(replicaset_of "$old")
    wait_for 10 is "$(pod_uid "pod/$old")" lease web '{.metadata.annotations.zen-lead\.io/ready-holder}'
    roll deployment/web "$BAD"
    wait_for 20 successor_is_at web "$STAMP"
    bad=$(replicaset_of "$(successor_pod web)")
    freeze_owners
    k delete pod "$old" --wait=false
    wait_for 30 prints_nothing holder web
    wait_for 20 dry_run_passes "$proven"
    is_refused "$bad" "another revision"
    thaw_owners
    wait_for 30 one_ready_leader web
    expect "the new leader's revision" "$(replicaset_of "$(leader_pod web)")" = "$proven"
}

@test "the leader dies while a good successor starts: it takes over as soon as it is Ready" {
    policy web
    workload Deployment web 2 web | sed 's/replicas: 2,/replicas: 2, minReadySeconds: 300,/' | k apply -f -
    wait_for 30 one_leader web web
    local old
    old=$(leader_pod web)
    roll deployment/web
    wait_for 20 successor_is_at web "$STAMP"
    wait_for 20 is 2 ready_pods web
    k annotate "pod/$old" zl-test/stuck=true
    k delete pod "$old" --wait=false
    # At once, while the old leader is still on its way out; and it never comes back to the seat.
    wait_for 30 is "$STAMP" leader_stamp web
    k annotate "pod/$old" zl-test/stuck-
    wait_for 30 is_gone "pod/$old"
    wait_for 30 leads_at_stamp web "$STAMP"
}

@test "the revision that ought to lead sends no pod for a lease duration: an older one may lead" {
    policy web "$QUICK"
    deployment web 3 web
    wait_for 30 one_leader web web
    local old started
    old=$(replicaset_of "$(leader_pod web)")
    roll deployment/web
    wait_for 40 leads_at_stamp web "$STAMP"
    freeze_owners
    k delete "pod/$(leader_pod web)" --grace-period=0 --force
    wait_for 20 prints_nothing holder web
    started=$(now_ms)
    is_refused "$old" "waits for a pod of another revision"
    # Each webhook waits for a lease duration of its own, from when it was first asked.
    wait_for 60 creates_pod_of "$old"
    expect "milliseconds until then" $(($(now_ms) - started)) -ge 5000
    thaw_owners
}
creates_pod_of() { pod_of "$1" | k create -f -; }

@test "minReadySeconds is waited for" {
    policy web
    workload Deployment web 3 web | sed 's/replicas: 3,/replicas: 3, minReadySeconds: 4,/' | k apply -f -
    wait_for 30 one_leader web web
    roll deployment/web
    wait_for 30 leads_at_stamp web "$STAMP"
    local ready taken
    ready=$(k get "pod/$(leader_pod web)" -o 'jsonpath={.status.conditions[?(@.type=="Ready")].lastTransitionTime}')
    taken=$(lease web '{.spec.acquireTime}')
    expect "seconds from Ready to leader" $(($(date -d "$taken" +%s) - $(date -d "$ready" +%s))) -ge 4
}

@test "rollback half-way: the leader stays, the successor goes" {
    policy web "$QUICK"
    deployment web 3 web
    wait_for 30 one_leader web web
    local leader
    leader=$(holder web)
    roll deployment/web "$BAD"
    wait_for 20 successor_is_at web "$STAMP"
    k rollout undo deployment/web
    wait_for 20 has_no_successor web
    wait_for 30 one_leader web web
    expect "the leader" "$(holder web)" = "$leader"
    settle web
    expect "the leader" "$(holder web)" = "$leader"
    wait_for 20 one_leader web web
}

@test "three revisions in quick succession: the last one leads, and there is never a second successor" {
    policy web
    deployment web 3 web
    wait_for 30 one_leader web web
    for _ in 1 2; do
        roll deployment/web "$BAD"
        wait_for 30 successor_is_at web "$STAMP"
    done
    roll deployment/web "$GOOD"
    wait_for 30 leads_at_stamp web "$STAMP"
    recorder_sync
    expect "pods at once" "$(most_at_once web)" -le 2
}

@test "a new revision that wants all its pods at once gets one, with three webhook replicas" {
    policy web
    workload Deployment web 5 web '{zl-test/ready-after-ms: "2000"}' |
        sed 's/replicas: 5,/replicas: 5, strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: "100%", maxUnavailable: 0}},/' |
        k apply -f -
    wait_for 30 one_leader web web
    roll deployment/web
    wait_for 40 leads_at_stamp web "$STAMP"
    recorder_sync
    expect "pods at once" "$(most_at_once web)" -eq 2
    expect "pods that ever ran" "$(admitted web)" -eq 2
}

@test "maxUnavailable without surge: the rollout gets through" {
    policy web
    workload Deployment web 3 web |
        sed 's/replicas: 3,/replicas: 3, strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 0, maxUnavailable: 1}},/' |
        k apply -f -
    wait_for 30 one_leader web web
    roll deployment/web
    wait_for 40 leads_at_stamp web "$STAMP"
}

@test "a paused Deployment hands nothing over until it goes on" {
    policy web "$QUICK"
    deployment web 3 web
    wait_for 30 one_leader web web
    local leader
    leader=$(holder web)
    roll deployment/web "$BAD"
    wait_for 20 successor_is_at web "$STAMP"
    # As rollout pause does; and with it more replicas, so that LeaderPolicy status tells when our controller knows.
    k patch deployment/web --type merge -p '{"spec": {"paused": true, "replicas": 5}}'
    wait_for 20 is 3 policy_status web .blocked
    k annotate "pod/$(successor_pod web)" zl-test/ready-
    wait_for 20 is 2 ready_pods web
    settle web
    expect "the leader" "$(holder web)" = "$leader"
    k rollout resume deployment/web
    wait_for 30 leads_at_stamp web "$STAMP"
}

@test "scaled up and down in the middle of a rollout: one leader, at the new revision" {
    policy web
    deployment web 3 web
    wait_for 30 one_leader web web
    roll deployment/web "$BAD"
    wait_for 20 successor_is_at web "$STAMP"
    k scale deployment/web --replicas 6
    k scale deployment/web --replicas 2
    k annotate "pod/$(successor_pod web)" zl-test/ready-
    wait_for 40 leads_at_stamp web "$STAMP"
    recorder_sync
    expect "pods at once" "$(most_at_once web)" -le 2
}

@test "deleted in the middle of a rollout: nothing stays, and the next Deployment starts" {
    policy web
    deployment web 3 web
    wait_for 30 one_leader web web
    local before
    before=$(token web)
    roll deployment/web "$BAD"
    wait_for 20 successor_is_at web "$STAMP"
    k delete deployment/web
    wait_for 60 is 0 pod_count web
    deployment web 3 web
    wait_for 40 one_leader web web
    expect "fencing token" "$(token web)" -gt "$before"
}

@test "rollout: Recreate: the old leader goes first, and there is strictly one pod" {
    policy web '{rollout: Recreate}'
    deployment web 3 web
    wait_for 30 one_leader web web
    roll deployment/web
    wait_for 40 leads_at_stamp web "$STAMP"
    recorder_sync
    expect "pods at once" "$(most_at_once web)" -eq 1
    expect "pods that ever ran" "$(admitted web)" -eq 2
    wait_for 20 has_event LeaderPolicy web LeaderReplaced
}

@test "a Deployment with strategy Recreate: strictly one pod" {
    policy web
    workload Deployment web 3 web | sed 's/replicas: 3,/replicas: 3, strategy: {type: Recreate},/' | k apply -f -
    wait_for 30 one_leader web web
    roll deployment/web
    wait_for 40 leads_at_stamp web "$STAMP"
    recorder_sync
    expect "pods at once" "$(most_at_once web)" -eq 1
}

@test "a Deployment with strategy Recreate and a Failed pod lying about: its next revision is made all the same" {
    policy web "$QUICK"
    workload Deployment web 3 web | sed 's/replicas: 3,/replicas: 3, strategy: {type: Recreate},/' | k apply -f -
    wait_for 30 one_leader web web
    # Kubernetes counts it when it looks whether the last old pod is gone, and waits for ever.
    k annotate "pod/$(leader_pod web)" zl-test/fail-after-ms=0
    wait_for 20 is 1 failed_pods web
    wait_for 20 one_leader web web
    roll deployment/web
    wait_for 40 leads_at_stamp web "$STAMP"
    expect "Failed pods" "$(failed_pods web)" -eq 1
}

@test "a StatefulSet, OrderedReady: its leader is replaced in place, and a bad image can be rolled back" {
    policy db
    statefulset db 3 db
    wait_for 30 one_leader db db
    roll statefulset/db
    wait_for 40 leads_at_stamp db "$STAMP"
    expect "the leader" "$(leader_pod db)" = db-0
    roll statefulset/db "$BAD"
    wait_for 40 is "$STAMP" leader_stamp db
    roll statefulset/db "$GOOD"
    wait_for 40 leads_at_stamp db "$STAMP"
    recorder_sync
    expect "pods at once" "$(most_at_once db)" -eq 1
}

@test "a StatefulSet, Parallel: its leader is replaced, strictly one pod" {
    policy db
    workload StatefulSet db 3 db | sed 's/replicas: 3,/replicas: 3, podManagementPolicy: Parallel,/' | k apply -f -
    wait_for 30 one_leader db db
    roll statefulset/db
    wait_for 40 leads_at_stamp db "$STAMP"
    recorder_sync
    expect "pods at once" "$(most_at_once db)" -eq 1
}

@test "a StatefulSet that updates OnDelete, or below its partition, keeps its leader" {
    policy db "$QUICK"
    # Where Kubernetes knows ordinals (1.26 and later) the leader is db-5, and the partition counts from there.
    workload StatefulSet db 3 db | sed 's/replicas: 3,/replicas: 3, ordinals: {start: 5}, updateStrategy: {type: OnDelete},/' |
        k apply --validate=false -f -
    wait_for 30 one_leader db db
    local leader
    leader=$(holder db)
    roll statefulset/db
    settle db
    settle db
    expect "the leader" "$(holder db)" = "$leader"
    k patch statefulset/db --type merge -p '{"spec": {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}}}'
    settle db
    settle db
    expect "the leader" "$(holder db)" = "$leader"
    k patch statefulset/db --type merge -p '{"spec": {"updateStrategy": {"rollingUpdate": {"partition": 0}}}}'
    wait_for 40 leads_at_stamp db "$STAMP"
}
