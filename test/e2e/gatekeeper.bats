#!/usr/bin/env bats
#
# gatekeeper.bats - one label, one leader: the promises of the gatekeeper on a real control plane.

load lib

setup_file() { mark_logs; } # when the start is over: a role is not known to the API server in the same moment as its subject

# tokens_agree POOL - of Lease and status; a number that was reserved for a claim that came to nothing is made up for later.
tokens_agree() {
    local given
    given=$(token "$1")
    [ -n "$given" ] && [ "$given" = "$(policy_status "$1" .fencingToken)" ]
}

# poked CONDITION... - for wait_for, where nobody wakes the ReplicaSet: what asked a replica of the webhook too early is in its
# back-off, which any change of its annotations ends.
poked() { "$@" || { k annotate replicaset --all --overwrite "test/poke=$RANDOM$RANDOM" && false; }; }

@test "three replicas and one label: one pod runs, two are refused with the reason" {
    policy web
    deployment web 3 web
    wait_for 15 one_leader web web
    wait_for 10 at_least 2 denials web
    wait_for 10 has_texts
    expect "distinct texts, so that Events aggregate" "$(texts | wc -l)" -eq 1
    wait_for 10 is Stable policy_status web .phase
    wait_for 10 is 1 policy_status web .candidates
    wait_for 10 is 2 policy_status web .blocked
    wait_for 10 tokens_agree web
    expect "workload" "$(policy_status web '.workloads[0].kind}/{.status.workloads[0].name')" = Deployment/web
    recorder_sync
    expect "pods ever admitted" "$(admitted web)" -eq 1
}

# What the refused are told while there is a leader.
texts() { event_message ReplicaSet web FailedCreate | grep 'has a leader' | sed 's/.*zen-lead: //' | sort -u; }
has_texts() { [ -n "$(texts)" ]; }

@test "a StatefulSet: one pod runs, the second is refused" {
    policy db
    statefulset db 3 db
    wait_for 15 one_leader db db
    wait_for 10 at_least 1 denials db
    expect "the leader" "$(pod_names db)" = pod/db-0
    recorder_sync
    expect "pods ever admitted" "$(admitted db)" -eq 1
}

@test "kubectl get leaderpolicy prints phase, leader, candidates, transitions and age" {
    policy web
    deployment web 2 web
    wait_for 15 one_leader web web
    wait_for 10 is Stable policy_status web .phase
    wait_for 10 is 1 policy_status web .candidates
    run k get lp web
    [[ ${lines[0]} =~ PHASE.*LEADER.*CANDIDATES.*TRANSITIONS.*AGE ]]
    [[ ${lines[1]} =~ web.*Stable.*web-.*1 ]]
}

@test "20 Deployments of 5 replicas at once, 3 webhook replicas: exactly 20 pods are ever admitted" {
    local n
    for n in $(seq 20); do policy "pool-$n"; done >/dev/null
    # All at once: the API server opens a second connection only when the first is in use.
    freeze_owners
    for n in $(seq 20); do workload Deployment "many-$n" 5 "pool-$n"; done | k apply -f - >/dev/null
    thaw_owners
    wait_for 60 is 20 all_ready
    # Every ReplicaSet has been refused at least four times: there was pressure on every seat.
    for n in $(seq 20); do wait_for 60 at_least 4 denials "many-$n-"; done
    recorder_sync
    expect "pods ever admitted" "$(admitted "")" -eq 20
    expect "at one instant per Deployment" "$(most_at_once)" -eq 1
    # The API server chooses its connections; with two replicas at work the claims really raced.
    wait_for 10 at_least 2 replicas_that_answered
}

replicas_that_answered() {
    for n in 1 2 3; do metric "webhook-$n" zen_lead_admission_decisions_total; done | awk '$1 > 0 { n++ } END { print n + 0 }'
}

all_ready() { k get pods -o json | jq '[.items[] | select(any(.status.conditions[]?; .type == "Ready" and .status == "True"))] | length'; }

@test "5 Deployments in one pool: one pod leads them all" {
    local n
    policy shared
    for n in 1 2 3 4 5; do workload Deployment "part-$n" 3 shared; done | k apply -f -
    for n in 1 2 3 4 5; do wait_for 30 at_least 2 denials "part-$n-"; done
    wait_for 10 is 1 all_ready
    recorder_sync
    expect "pods ever admitted" "$(admitted "")" -eq 1
    # A claim that knows all workloads asks for the pods of all at once. Each replica hears of them at its own time.
    wait_for 60 next_claim_lists_five
    wait_for 30 is 1 all_ready
}

# The leader goes, and so another is let in; was one of the lists for that as long as it can be?
next_claim_lists_five() { k delete pods --all && lists_five_at_once; }

# What the API server is asked for grows in length only.
lists_five_at_once() {
    jq -r --arg ns "$NS" 'select(.verb == "list" and .objectRef.namespace == $ns and .objectRef.resource == "pods") | .requestURI' \
        "$ZL_RUN/audit.log" | grep -qE 'labelSelector=app%20in%20%28(part-[1-5](%2C|%29)){5}'
}

@test "the leader is deleted: the next one is in at once, with a higher fencing token, never two" {
    local pod before changes
    policy web
    deployment web 3 web
    wait_for 15 one_leader web web
    # Deep in its back-off, which doubles each time: 5 s, 10 s, ...
    wait_for 60 at_least 11 denials web
    pod=$(pod_names web)
    before=$(token web)
    changes=$(transitions web)
    k delete "$pod" --wait
    # Not a figure (make demo shows that): only that nobody waited for that back-off, or for the Lease to expire (15 s). A
    # webhook that hears late of the deletion refuses what is woken at once, and after a second.
    wait_for 9 at_least 1 pod_count web
    wait_for 15 one_leader web web
    expect "the next pod" "$(pod_names web)" != "$pod"
    expect "fencing token" "$(token web)" -gt "$before"
    expect "changes of the Lease's holder" "$(transitions web)" -gt "${changes:-0}"
    wait_for 10 tokens_agree web
    wait_for 10 is "$(transitions web)" policy_status web .leaseTransitions
    recorder_sync
    expect "pods at one instant" "$(most_at_once web)" -eq 1
    expect "pods ever admitted" "$(admitted web)" -eq 2
}

@test "a terminating leader keeps the seat until its pod is gone" {
    local pod before
    policy web
    deployment web 3 web '{zl-test/stuck: "true"}'
    wait_for 15 one_leader web web
    pod=$(pod_names web)
    before=$(denials web)
    k delete "$pod" --wait=false
    # The ReplicaSet misses it at once.
    wait_for 20 at_least $((before + 1)) denials web
    stays 2 is "$pod" pod_names web
    k annotate "$pod" zl-test/stuck-
    wait_for 20 leads_another web "$pod"
    recorder_sync
    expect "pods at one instant" "$(most_at_once web)" -eq 1
}

@test "the leader fails: the next one is in, with a higher fencing token" {
    local pod before
    policy web
    deployment web 3 web
    wait_for 15 one_leader web web
    wait_for 60 at_least 8 denials web
    pod=$(pod_names web)
    before=$(token web)
    k annotate "$pod" zl-test/fail-after-ms=0
    # Heard of by stand-in, controller and webhook, each at its own time; without all this the Lease would expire after 15 s.
    wait_for 12 leads_another web "$pod"
    expect "fencing token" "$(token web)" -gt "$before"
    recorder_sync
    expect "pods at one instant" "$(most_at_once web)" -eq 1
}

# leads_another POOL POD - the Lease names a pod, and it is not this one.
leads_another() {
    local identity
    identity=$(holder "$1")
    [ -n "$identity" ] && [ "${identity%_*}" != "${2#pod/}" ] && is_confirmed "$1"
}

@test "the Lease is deleted by hand: no second leader, and the token does not fall" {
    local pod before
    policy web
    deployment web 3 web
    wait_for 15 one_leader web web
    wait_for 10 tokens_agree web
    pod=$(pod_names web)
    before=$(token web)
    k delete lease zen-lead-web
    # New creations at the worst moment.
    k scale deployment web --replicas 6
    wait_for 15 one_leader web web
    expect "the leader" "$(pod_names web)" = "$pod"
    expect "fencing token" "$(token web)" -ge "$before"
    recorder_sync
    expect "pods ever admitted" "$(admitted web)" -eq 1
}

@test "the Lease is deleted by hand while the controller is down: no second leader" {
    local pod
    policy web
    deployment web 3 web
    wait_for 15 one_leader web web
    pod=$(pod_names web)
    stop_controller 1 KILL
    stop_controller 2 KILL
    k delete lease zen-lead-web
    k scale deployment web --replicas 6
    # Made empty at first, then the pod is adopted.
    wait_for 20 poked is "${pod#pod/}_$(pod_uid "$pod")" holder web
    recorder_sync
    expect "pods ever admitted" "$(admitted web)" -eq 1
}

@test "the Lease is emptied by hand, also while the controller is down: the running pod gets it back" {
    local pod before
    policy web
    deployment web 3 web
    wait_for 15 one_leader web web
    pod=$(pod_names web)
    before=$(token web)
    k patch lease zen-lead-web --type merge -p '{"spec":{"holderIdentity":""}}'
    wait_for 20 one_leader web web
    expect "fencing token" "$(token web)" -ge "$before"

    stop_controller 1 KILL
    stop_controller 2 KILL
    k patch lease zen-lead-web --type merge -p '{"spec":{"holderIdentity":""}}'
    # The webhook alone: the ReplicaSet is made to ask it.
    wait_for 20 poked is "${pod#pod/}_$(pod_uid "$pod")" holder web
    expect "the leader" "$(pod_names web)" = "$pod"
    recorder_sync
    expect "pods ever admitted" "$(admitted web)" -eq 1
}

@test "our label is taken off the Lease: it is put back, the leader stays and the token does not fall" {
    local pod before
    policy web
    deployment web 3 web
    wait_for 15 one_leader web web
    wait_for 10 tokens_agree web
    pod=$(pod_names web)
    before=$(token web)
    k label lease zen-lead-web app.kubernetes.io/managed-by-
    wait_for 15 is zen-lead lease web '{.metadata.labels.app\.kubernetes\.io/managed-by}'
    k annotate lease zen-lead-web --overwrite zen-lead.io/fencing-token=0
    wait_for 15 is "$before" token web
    expect "the leader" "$(pod_names web)" = "$pod"
    wait_for 10 one_leader web web
    recorder_sync
    expect "pods ever admitted" "$(admitted web)" -eq 1
}

@test "the controller is dead for three lease durations: nothing changes" {
    local pod uid before renewed seconds=${ZL_DOWN_SECONDS:-18}
    policy web '{leaseDurationSeconds: 6, renewDeadlineSeconds: 4, retryPeriodSeconds: 1}'
    deployment web 3 web
    wait_for 15 one_leader web web
    wait_for 10 tokens_agree web
    pod=$(pod_names web)
    uid=$(pod_uid "$pod")
    before=$(token web)
    stop_controller 1 KILL
    stop_controller 2 KILL
    stays "$seconds" is "$uid" pod_uid "$pod"
    # An expired Lease is no proof of death.
    k scale deployment web --replicas 5
    stays 3 is 1 pod_count web
    renewed=$(lease web '{.spec.renewTime}')
    start_controller 1
    start_controller 2
    await_ready controller-1
    wait_for 30 is_not "$renewed" lease web '{.spec.renewTime}'
    wait_for 15 one_leader web web
    expect "the leader" "$(pod_names web)" = "$pod"
    expect "fencing token" "$(token web)" = "$before"
    recorder_sync
    expect "pods ever admitted" "$(admitted web)" -eq 1
}

renewed_since() {
    local now
    now=$(k get leases -o json | jq --arg since "$1" '[.items[] | select(.spec.renewTime > $since)] | length')
    [ "$now" -eq "$2" ]
}

@test "the acting controller is killed: the other one renews Leases before it acts, and none expires" {
    local n acts calls
    # The elections of these are as installed: nobody acts for 15 s.
    for n in 1 2; do
        stop_controller "$n"
        start_default_controller "$n"
        await_ready "controller-$n"
    done
    wait_for 30 is_not "" acting
    for n in 1 2 3 4 5 6 7 8; do
        policy "web-$n" '{followerMode: standby}'
        deployment "web-$n" 1 "web-$n"
    done
    for n in 1 2 3 4 5 6 7 8; do wait_for 30 is_not "" holder "web-$n"; done
    watch_renewals "$NS"
    # Each has a moment of its own, so that some of them are due while nobody acts.
    wait_for 40 renewed_since "$(date -u +%FT%T.%6NZ)" 8
    acts=$(acting)
    stop_controller "${acts#controller-}" KILL
    wait_for 40 is_not "" acting
    expect "who acts" "$(acting)" != "$acts"
    calls=$(metric "$(acting)" zen_lead_caretaker_renewals_total)
    expect "renewals before it acted" "$calls" -ge 5
    wait_for 30 renewed_since "$(date -u +%FT%T.%6NZ)" 8
    expect "the longest time from one renewal to the next" "$(renewal_gaps | jq 'max | floor')" -lt 15
    process_stop renewals || true
    for n in 1 2; do stop_controller "$n" || true; done
    restore_programs
}

@test "the leader is deleted while the controller is down: the webhook alone lets exactly one in" {
    local pod
    policy web
    deployment web 4 web
    wait_for 15 one_leader web web
    pod=$(pod_names web)
    stop_controller 1 KILL
    stop_controller 2 KILL
    k delete "$pod" --wait
    wait_for 20 poked is 1 ready_pods web
    # Reserved before the claim: were the Lease lost now, the number would not be given twice.
    expect "the token in LeaderPolicy status" "$(policy_status web .fencingToken)" -ge "$(token web)"
    recorder_sync
    expect "pods at one instant" "$(most_at_once web)" -eq 1
    expect "pods ever admitted" "$(admitted web)" -eq 2
    restore_programs
    wait_for 30 one_leader web web
}

@test "all webhook replicas are killed and started again: nothing is lost" {
    local n pod before
    policy web
    deployment web 3 web
    wait_for 15 one_leader web web
    wait_for 10 tokens_agree web
    pod=$(pod_names web)
    before=$(token web)
    for n in 1 2 3; do stop_webhook "$n" KILL; done
    k scale deployment web --replicas 5
    for n in 1 2 3; do start_webhook "$n"; done
    for n in 1 2 3; do await_ready "webhook-$n"; done
    wait_for 10 proxy_answers
    # Left alone, the ReplicaSet would be deep in its back-off.
    wait_for 20 poked denied_since 2
    expect "the leader" "$(pod_names web)" = "$pod"
    expect "fencing token" "$(token web)" = "$before"
    recorder_sync
    expect "pods ever admitted" "$(admitted web)" -eq 1
}

# denied_since COUNT - replicas that were started again have refused so many pods.
denied_since() { [ "$(webhook_decisions 'result="denied"')" -ge "$1" ]; }

@test "webhook replicas are killed one after the other while Deployments come: one pod each, none left out" {
    local n
    for n in 1 2 3 4 5 6; do policy "pool-$n"; done
    for n in 1 2 3 4 5 6; do
        workload Deployment "storm-$n" 4 "pool-$n" | k apply -f -
        stop_webhook $((n % 3 + 1)) KILL || true
        start_webhook $((n % 3 + 1))
    done
    for n in 1 2 3; do await_ready "webhook-$n"; done
    wait_for 60 is 6 all_ready
    recorder_sync
    expect "pods at one instant" "$(most_at_once)" -eq 1
    expect "pods ever admitted" "$(admitted "")" -eq 6
}

@test "everything of ours is killed and the leader deleted: still one pod, and all is well afterwards" {
    local n
    policy web
    deployment web 3 web
    wait_for 15 one_leader web web
    for n in 1 2 3; do stop_webhook "$n" KILL; done
    for n in 1 2; do stop_controller "$n" KILL; done
    k delete "$(pod_names web)" --wait
    stays 2 is 0 pod_count web
    restore_programs
    wait_for 60 one_leader web web
    recorder_sync
    expect "pods at one instant" "$(most_at_once web)" -eq 1
}

@test "SIGTERM: webhook and controller drain and exit with 0" {
    local name
    for name in webhook-1 controller-1 controller-2; do
        process_stop "$name" TERM 30
        # Started by this shell, so that it can ask for the exit code.
        ZL_KEEP_JOB=1 start_"${name%-*}" "${name#*-}"
        local pid=$!
        await_ready "$name"
        process_stop "$name" TERM 30 # terminationGracePeriodSeconds
        wait "$pid"
    done
}

# A Deployment and its ReplicaSet while nobody acts on them; prints the ReplicaSet's name.
frozen_replicaset() {
    deployment web 3 "$1" >/dev/null
    k create -f - >/dev/null <<REPLICASET
apiVersion: apps/v1
kind: ReplicaSet
metadata:
  name: web-5d8c9f7b6d
  labels: {app: web}
  ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: web, uid: $(k get deployment web -o 'jsonpath={.metadata.uid}'), controller: true}]
spec: {replicas: 3, selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: main, image: none}]}}}
REPLICASET
    echo web-5d8c9f7b6d
}

@test "a dry run decides and writes nothing" {
    local replicaset
    policy web
    freeze_owners
    replicaset=$(frozen_replicaset web)
    # An empty seat: the dry run would be let in, again and again, because nobody takes the seat.
    wait_for 10 dry_run_passes "$replicaset"
    dry_run_passes "$replicaset"
    ! has_lease web || fail "a dry run made a Lease"
    # A taken one: refused.
    pod_of "$replicaset" | k create -f -
    run dry_run_passes "$replicaset"
    expect "exit of a dry run against a taken seat" "$status" -ne 0
    [[ $output == *"zen-lead: pool"* ]] || fail "no reason in: $output"
    # Before the Deployment's own revision comes and takes over.
    recorder_sync
    expect "pods ever admitted" "$(admitted web)" -eq 1
    thaw_owners
}

# slow_admission - pods of this namespace take a second from our answer to the store: another webhook never answers.
slow_admission() {
    cat >"$ZL_RUN/tarpit.cfg" <<HAPROXY
listen tarpit
    mode tcp
    timeout client 20s
    bind 127.0.0.1:$(port_of tarpit)
    tcp-request inspect-delay 10s
    tcp-request content accept if WAIT_END
HAPROXY
    process_start tarpit haproxy -db -f "$ZL_RUN/tarpit.cfg"
    kubectl apply -f - <<WEBHOOK
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: slow-$NS}
webhooks:
- name: slow.example.com
  clientConfig: {url: "https://127.0.0.1:$(port_of tarpit)/"}
  rules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods]}]
  namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: $NS}}
  failurePolicy: Ignore
  timeoutSeconds: 1
  sideEffects: None
  admissionReviewVersions: [v1]
WEBHOOK
    wait_for 10 admission_is_slow
}
admission_is_slow() {
    local started
    started=$(now_ms)
    k run probe --image none --dry-run=server >/dev/null
    [ $(($(now_ms) - started)) -ge 1000 ]
}
usual_admission() {
    kubectl delete validatingwebhookconfiguration "slow-$NS"
    process_stop tarpit
}
is_claimed() { [ -n "$(holder "$1")" ]; }

@test "the Lease is deleted while the leader's pod is on its way into the store: nobody else is let in" {
    local replicaset first
    policy web
    freeze_owners
    replicaset=$(frozen_replicaset web)
    wait_for 10 dry_run_passes "$replicaset"
    pod_of "$replicaset" >"$BATS_TEST_TMPDIR/pod"
    slow_admission
    k create -f "$BATS_TEST_TMPDIR/pod" 3>&- &
    first=$!
    wait_for 10 is_claimed web
    k delete lease zen-lead-web
    run k create -f "$BATS_TEST_TMPDIR/pod"
    wait "$first"
    usual_admission
    expect "exit of the second creation" "$status" -ne 0
    # It gets the seat that it was let in for.
    wait_for 20 one_leader web web
    recorder_sync
    expect "pods ever admitted" "$(admitted web)" -eq 1
    thaw_owners
}

@test "a quota rejects the admitted pod: the claim is released and the next attempt wins" {
    policy web
    k create quota none --hard pods=0
    wait_for 20 quota_refuses
    deployment web 3 web
    # Claimed by a pod that never came: released after the claim timeout, and again after every new attempt.
    wait_for 30 has_event LeaderPolicy web ClaimReleased
    expect "pods" "$(pod_count web)" -eq 0
    k delete quota none
    # Woken again after 1, 2, 4, ... s: no later than as long again as all this took.
    wait_for 60 one_leader web web
    recorder_sync
    expect "pods ever admitted" "$(admitted web)" -eq 1
}

# kube-controller-manager has counted, and the API server's own cache has what it counted.
quota_refuses() { [[ $(k run probe --image none --dry-run=server 2>&1) == *'exceeded quota'* ]]; }

@test "replicas: 1 is left alone, also while it rolls out" {
    policy web
    deployment web 1 web
    wait_for 15 is 1 ready_pods web
    # One surge pod beside the old one, for longer than the controller needs to have an opinion about it.
    k patch deployment web -p '{"spec":{"template":{"metadata":{"annotations":{"zl-test/ready":"false"}}}}}'
    wait_for 10 is 2 pod_count web
    stays 3 is 2 pod_count web
    k annotate pods -l app=web zl-test/ready-
    k rollout status deployment/web --timeout 30s
    wait_for 10 is 1 pod_count web
    expect "denials" "$(denials web)" -eq 0
    ! has_lease web || fail "a Lease was made where there is nothing to elect"
    wait_for 10 is SingleReplica policy_status web '.conditions[?(@.type=="Ready")].reason'
    recorder_sync
    expect "pods ever admitted" "$(admitted web)" -eq 2
}

@test "scaled down to one, and its ReplicaSet has not heard of it: the leader stays alone, and is replaced when it goes" {
    local replicaset leader
    policy web
    freeze_owners
    replicaset=$(frozen_replicaset web)
    wait_for 10 dry_run_passes "$replicaset"
    leader=$(pod_of "$replicaset" | k create -f - -o name)
    wait_for 10 is_claimed web
    k scale deployment/web --replicas 1
    run dry_run_passes "$replicaset"
    expect "exit of a second pod" "$status" -ne 0
    [[ $output == *"zen-lead: pool"* ]] || fail "no reason in: $output"
    k delete "$leader" --grace-period 0 --force
    wait_for 10 dry_run_passes "$replicaset"
    thaw_owners
}

@test "a StatefulSet whose second pod leads, scaled down to one: it gets the first one, which it wants" {
    policy db
    freeze_owners
    workload StatefulSet db 3 db | k apply -f -
    wait_for 10 member db 1
    wait_for 10 is_claimed db
    k scale statefulset/db --replicas 1
    thaw_owners
    wait_for 60 is pod/db-0 pod_names db
    wait_for 30 is 1 ready_pods db
}

@test "scaled down to one and rolled out: the leader Service leads to the new pod while the old one is on its way out" {
    policy web
    deployment web 3 web
    wait_for 20 one_leader web web
    local old
    old=$(leader_pod web)
    k scale deployment/web --replicas 1
    wait_for 20 replicaset_wants web 1
    wait_for 20 is 0 policy_status web .blocked
    k annotate "pod/$old" zl-test/stuck=true
    k patch deployment web -p '{"spec":{"template":{"metadata":{"annotations":{"stamp":"new"}}}}}'
    wait_for 20 is 2 pod_count web
    wait_for 20 is_led_to_other_than "$old" web-leader
    wait_for 20 is_led_to_other_than "$old" web-director
    expect "the old pod" "$(k get "pod/$old" -o 'jsonpath={.metadata.deletionTimestamp}')" != ""
    k annotate "pod/$old" zl-test/stuck-
    wait_for 20 is 1 pod_count web
}
# is_led_to_other_than POD SERVICE - and to one that is Ready.
is_led_to_other_than() {
    local to
    to=$(k get endpointslices -l "kubernetes.io/service-name=$2" -o json |
        jq -r '.items[].endpoints[]? | select(.conditions.ready) | .targetRef.name')
    [ -n "$to" ] && [ "$to" != "$1" ]
}

@test "unlabelled workloads are left alone" {
    policy web
    deployment free 3 ""
    statefulset freeset 2 ""
    k run lonely --image none
    wait_for 15 is 3 ready_pods free
    wait_for 15 is 2 ready_pods freeset
    k get pod lonely
    expect "denials" "$(denials free)" -eq 0
}

@test "the pool as an annotation works, and zen-lead/join: \"false\" opts out" {
    policy web
    workload Deployment noted 3 "" | sed 's|labels: {}}|annotations: {zen-lead/pool: web}}|' | k apply -f -
    wait_for 15 one_leader noted web
    workload Deployment out 3 web | sed 's|, labels: {zen-lead/pool|, annotations: {zen-lead/join: "false"}&|' | k apply -f -
    wait_for 15 is 3 ready_pods out
    recorder_sync
    expect "pods ever admitted" "$(admitted noted)" -eq 1
}

@test "followerMode standby blocks nothing" {
    policy web '{followerMode: standby}'
    deployment web 3 web
    wait_for 15 is 3 ready_pods web
    expect "denials" "$(denials web)" -eq 0
}

@test "a missing LeaderPolicy: all pods run, with a warning and an Event that name it" {
    policy other # without any LeaderPolicy in the namespace the webhook would not be asked, and could not warn
    deployment web 3 nowhere
    wait_for 15 is 3 ready_pods web
    wait_for 15 has_missing_event
    local replicaset
    replicaset=$(k get replicaset -l app=web -o 'jsonpath={.items[0].metadata.name}')
    run dry_run_passes "$replicaset"
    expect "exit" "$status" -eq 0
    [[ $output == *Warning*nowhere* ]] || fail "no warning in: $output"
}

has_missing_event() { k get events -o json | jq -e '.items[] | select(.message | contains("nowhere")) | select(.involvedObject.kind == "Deployment")' >/dev/null; }

@test "the LeaderPolicy comes later: surplus pods are deleted, the oldest stays" {
    policy other # armed: until it is, the ReplicaSet may make new ones for those that are deleted
    deployment web 3 late
    wait_for 15 is 3 ready_pods web
    policy late
    wait_for 20 one_leader web late
    wait_for 10 is 1 pod_count web
    stays 2 one_leader web late
    recorder_sync
    expect "pods ever admitted" "$(admitted web)" -eq 3
}

@test "identityStrategy custom: the Lease names the pod's own identity" {
    policy web '{identityStrategy: custom}'
    deployment web 2 web '{zen-lead/identity: "alpha"}'
    wait_for 15 is alpha holder web
    wait_for 15 is 1 ready_pods web
    recorder_sync
    expect "pods ever admitted" "$(admitted web)" -eq 1
}

@test "scaled from one replica to three: the running pod leads" {
    local pod
    policy web
    deployment web 1 web
    wait_for 15 is 1 ready_pods web
    pod=$(pod_names web)
    k scale deployment web --replicas 3
    wait_for 20 one_leader web web
    expect "the leader" "$(pod_names web)" = "$pod"
    recorder_sync
    expect "pods ever admitted" "$(admitted web)" -eq 1
}

@test "without our webhook's answer nothing is admitted into a pool" {
    local n
    policy web
    for n in 1 2 3; do stop_webhook "$n" KILL; done
    deployment web 3 web
    stays 3 is 0 pod_count web
    restore_programs
    wait_for 60 one_leader web web
}

@test "the programs run with the RBAC of the manifests, which forbids patching pods" {
    local account=system:serviceaccount:zen-lead-system
    run k auth can-i patch pods --as "$account:zen-lead-webhook"
    expect "webhook" "${lines[0]}" = no
    run k auth can-i patch pods --as "$account:zen-lead-controller"
    expect "controller" "${lines[0]}" = no
    # In all that these tests made them do, and this.
    policy web
    deployment web 3 web
    wait_for 15 one_leader web web
    local name
    for name in webhook-1 webhook-2 webhook-3 controller-1 controller-2; do
        ! logged_since "$name" | grep 'is forbidden: User' || fail "$name was refused something by RBAC"
    done
}
