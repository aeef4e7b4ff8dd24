#!/usr/bin/env bats
#
# cases.bats - public reports of other projects' users, each as a test with its right value: what a backup brings back, clocks of
# nodes, budgets, roll-backs, tasks that are due at the same minute. The numbers are those of docs/security-controller.md.

load lib

explain_area() {
    k get services,endpointslices,pdb
    k get endpointslices -o json | jq -c '.items[] | {name: .metadata.name, owner: .metadata.ownerReferences, endpoints}'
    k get leaderpolicy -o json | jq -c '.items[].status.conditions'
}

slice_version() { if [ "$(minor_version)" -ge 21 ]; then echo v1; else echo v1beta1; fi; }
budget_version() { slice_version; }
addresses() {
    k get endpointslices -l "kubernetes.io/service-name=$1" -o json | jq -r '[.items[].endpoints[]?.addresses[]] | join(" ")'
}
ip() { k get "pod/${1#pod/}" -o 'jsonpath={.status.podIP}'; }
leads_to_leader() { [ -n "$(leader_pod web)" ] && is "$(ip "$(leader_pod web)")" addresses "$1"; }
owner() { k get "$1" -o 'jsonpath={.metadata.ownerReferences[0].kind}/{.metadata.ownerReferences[0].name}'; }
has_cluster_ip() { [ "$(k get service "$1" -o 'jsonpath={.spec.clusterIP}')" = "$2" ]; }
condition() { policy_status "$1" ".conditions[?(@.type==\"$2\")].reason"; }

# The definition of this release is back, whatever becomes of a test.
teardown() {
    [ -n "${BATS_TEST_COMPLETED:-}" ] || explain
    [ ! -e "$BATS_TEST_TMPDIR/field.json" ] || restore_field
    drop_namespace
}
# A field of the CRD goes, as one of another release would lack it. By patches: replace would write a resourceVersion into what
# kubectl apply takes for the last that was applied.
readonly FIELD=spec/versions/0/schema/openAPIV3Schema/properties/status/properties/workloads/items/properties/leadingRevision
patch_crd() { kubectl patch crd leaderpolicies.coordination.kube-zen.io --type json -p "[$1]"; }
drop_field() {
    kubectl get crd leaderpolicies.coordination.kube-zen.io -o json |
        jq -c --arg path "$FIELD" 'getpath($path | split("/") | map(tonumber? // .))' >"$BATS_TEST_TMPDIR/field.json"
    patch_crd "{\"op\": \"remove\", \"path\": \"/$FIELD\"}"
}
restore_field() {
    patch_crd "{\"op\": \"add\", \"path\": \"/$FIELD\", \"value\": $(cat "$BATS_TEST_TMPDIR/field.json")}"
    rm "$BATS_TEST_TMPDIR/field.json"
}

# ready_at POD SECONDS - its node says that it became Ready so long from now.
ready_at() {
    k get "pod/${1#pod/}" -o json |
        jq --arg time "$(date -u -d "$2 seconds" +%FT%TZ)" \
            '.status.conditions |= map(if .type == "Ready" then .lastTransitionTime = $time | .status = "True" else . end)' |
        k replace --raw "/api/v1/namespaces/$NS/pods/${1#pod/}/status" -f - >/dev/null
}

@test "10: one replica in each of two Deployments of a pool: together they are a pair, one pod runs, and the other one takes over" {
    local leads other
    total() { k get pods -l 'app in (zone-a, zone-b)' -o name | wc -l; }
    leads_to() { [ -n "$(leader_pod gateway)" ] && is "$(ip "$(leader_pod gateway)")" addresses gateway-director; }
    policy gateway
    {
        workload Deployment zone-a 1 gateway | sed 's/replicas: 1,/replicas: 1, strategy: {type: Recreate},/'
        workload Deployment zone-b 1 gateway | sed 's/replicas: 1,/replicas: 1, strategy: {type: Recreate},/'
    } | k apply -f -
    wait_for 30 leads_to
    wait_for 20 is 1 total
    stays 2 is 1 total
    expect "condition Ready" "$(condition gateway Ready)" = LeaderReady
    # The leader dies: one of the two takes over.
    k delete "pod/$(leader_pod gateway)" --wait=false
    wait_for 20 is 1 total
    wait_for 20 leads_to
    # Its zone is given up: the other one is alone now, was refused, and does not wait for its back-off.
    leads=$(leader_pod gateway) && leads=${leads%-*-*}
    other=zone-a
    [ "$leads" != zone-a ] || other=zone-b
    k delete deployment "$leads"
    wait_for 30 is 1 ready_pods "$other"
    recorder_sync
    expect "both at once" "$(together)" -eq 1
}

@test "11: objects that a backup brings back without owners are adopted: no second leader, no stale address, a higher token" {
    k create -f - <<RESTORED
apiVersion: coordination.k8s.io/v1
kind: Lease
metadata:
  name: zen-lead-web
  labels: {app.kubernetes.io/managed-by: zen-lead}
  annotations: {zen-lead.io/fencing-token: "7", zen-lead.io/holder-pod: web-old, zen-lead.io/holder-uid: 0c9f6a52-6a54-4b4e-9d0c-2f6a4f0f9f11}
spec: {holderIdentity: web-old_0c9f6a52-6a54-4b4e-9d0c-2f6a4f0f9f11, leaseDurationSeconds: 15, leaseTransitions: 6}
---
apiVersion: v1
kind: Service
metadata: {name: web-leader, labels: {app.kubernetes.io/managed-by: zen-lead, zen-lead/pool: web}}
spec: {ports: [{name: http, port: 8080, targetPort: 8080, protocol: TCP}]}
---
apiVersion: discovery.k8s.io/$(slice_version)
kind: EndpointSlice
metadata:
  name: web-leader
  labels: {app.kubernetes.io/managed-by: zen-lead, endpointslice.kubernetes.io/managed-by: zen-lead, kubernetes.io/service-name: web-leader, zen-lead/pool: web}
addressType: IPv4
endpoints: [{addresses: [10.9.9.9], conditions: {ready: true}}]
ports: [{name: http, port: 8080, protocol: TCP}]
RESTORED
    local address
    address=$(k get service web-leader -o 'jsonpath={.spec.clusterIP}')
    policy web
    deployment web 3 web
    wait_for 60 one_leader web web
    wait_for 20 leads_to_leader web-leader
    has_cluster_ip web-leader "$address"
    wait_for 20 is Deployment/web owner service/web-leader
    wait_for 20 is Service/web-leader owner endpointslice/web-leader
    wait_for 20 is LeaderPolicy/web owner lease/zen-lead-web
    [ "$(token web)" -ge 8 ] && wait_for 20 at_least 8 policy_status web .fencingToken
    ! has_event Deployment web NameConflict || fail "its own Service is taken for a stranger's"
    expect "pods at once" "$(most_at_once web)" = 1
}

@test "12: a node's clock that is ahead makes nobody wait for ever, one that is behind lets nobody in early" {
    local pod started
    deployment cache 2 ""
    k apply -f - <<SERVICE
apiVersion: v1
kind: Service
metadata: {name: cache}
spec: {selector: {app: cache}, ports: [{name: redis, port: 6379, targetPort: 8080}]}
SERVICE
    wait_for 30 is 2 ready_pods cache
    for pod in $(pod_names cache); do ready_at "$pod" 600; done
    started=$(now_ms)
    k annotate service cache zen-lead.io/enabled=true zen-lead.io/min-ready-duration=5s
    wait_for 20 is_not "" addresses cache-leader
    [ $(($(now_ms) - started)) -ge 4500 ] || fail "min-ready-duration was skipped"

    k annotate service cache zen-lead.io/enabled-
    wait_for 20 is_gone service/cache-leader
    k delete "$(pod_names cache | head -n 1)"
    wait_for 30 is 2 ready_pods cache
    for pod in $(pod_names cache); do ready_at "$pod" -600; done
    started=$(now_ms)
    k annotate service cache zen-lead.io/enabled=true
    wait_for 20 is_not "" addresses cache-leader
    [ $(($(now_ms) - started)) -ge 3000 ] || fail "a clock that is behind skips the duration"
}

@test "13: two tasks of one minute: a warning with ticks: Once, a turn for each with Each" {
    local version=v1 task
    [ "$(minor_version)" -ge 21 ] || version=v1beta1
    task_of() {
        cat <<CRONJOB
apiVersion: batch/$version
kind: CronJob
metadata: {name: $1, labels: {zen-lead/pool: db}}
spec:
  schedule: "0 0 1 1 *"
  suspend: true
  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: main, image: none, args: [$1]}]}}}}
CRONJOB
    }
    made_by() {
        cat <<JOB
apiVersion: batch/v1
kind: Job
metadata:
  name: $1-29000000
  ownerReferences: [{apiVersion: batch/$version, kind: CronJob, name: $1, uid: $(k get cronjob "$1" -o 'jsonpath={.metadata.uid}'), controller: true}]
spec: {template: {metadata: {labels: {app: batch}, annotations: {zl-test/succeed-after-ms: "500"}}, spec: {restartPolicy: Never, containers: [{name: main, image: none}]}}}
JOB
    }
    policy db
    task_of dump | k apply -f - 2>&1
    run k apply -f <(task_of vacuum)
    [[ $output == *"Warning: "*"ticks: Each"* ]] || fail "not warned: $output"
    k patch leaderpolicy db --type merge -p '{"spec": {"ticks": "Each"}}'
    for task in dump vacuum; do made_by "$task" | k create -f -; done
    await_complete 60 dump-29000000 vacuum-29000000
    expect "pods at once" "$(most_at_once batch)" = 1
}

@test "a definition of another release: what it drops is said, in the pool and in the log, until that of this one is there" {
    policy web
    deployment web 3 web
    wait_for 60 one_leader web web
    wait_for 20 is_not "" policy_status web '.workloads[0].leadingRevision'
    drop_field
    # The API server takes it up when it likes; the next status shows it, and a leader's change makes one.
    dropped() {
        k delete "pod/$(leader_pod web)" --wait=false >/dev/null
        wait_until 5 is OtherDefinition condition web Compatible
    }
    wait_for 60 dropped
    [[ $(policy_status web '.conditions[?(@.type=="Compatible")].message') == *"status.workloads[].leadingRevision"* ]]
    grep -h "what is written is not kept" "$ZL_RUN"/log/controller-*.log
    restore_field
    wait_for 60 is NothingInTheWay condition web Compatible
    wait_for 20 is_not "" policy_status web '.workloads[0].leadingRevision'
}

@test "14: a budget that never lets the leader go is said; one that does lets a drain work" {
    local before
    policy web
    deployment web 3 web
    wait_for 60 one_leader web web
    k apply -f - <<BUDGET
apiVersion: policy/$(budget_version)
kind: PodDisruptionBudget
metadata: {name: web}
spec: {maxUnavailable: 1, selector: {matchLabels: {app: web}}}
BUDGET
    wait_for 65 is BudgetForbidsEviction condition web Compatible
    wait_for 10 has_event LeaderPolicy web Incompatible
    run deployment web 4 web
    [[ $output == *"Warning: "*"never lets the leader go"* ]] || fail "not warned: $output"
    k patch pdb web --type merge -p '{"spec": {"maxUnavailable": "100%"}}'
    before=$(token web) LEADER=$(leader_pod web)
    evicted() {
        kubectl create --raw "/api/v1/namespaces/$NS/pods/$LEADER/eviction" -f - <<EVICTION
{"apiVersion": "policy/$(budget_version)", "kind": "Eviction", "metadata": {"name": "$LEADER", "namespace": "$NS"}}
EVICTION
    }
    wait_for 20 evicted
    wait_for 30 has_changed "$before" token web
    wait_for 30 one_leader web web
    [ "$(token web)" -gt "$before" ]
}

@test "17: rollout undo: no key of ours stays on a Deployment, and who left its pool by it is told" {
    policy a
    policy b
    deployment a 3 a
    deployment b 3 ""
    wait_for 60 one_leader a a
    freeze_owners
    k delete "$(pod_names a)" --wait=false
    wait_for 40 is_not "" wakes
    thaw_owners
    wait_for 60 one_leader a a
    wait_for 20 is "" wakes
    k annotate deployment b zen-lead/pool=b
    wait_for 60 one_leader b b
    # As kubectl rollout undo does it: the annotations are those of the ReplicaSet.
    k annotate deployment b zen-lead/pool-
    wait_for 20 has_event Deployment b LeftPool
    wait_for 30 is 3 ready_pods b
}

@test "20: a slice is its leader Service's, of each sort; deleted Services come back; all go with what they were made for" {
    local name
    policy mon
    deployment mon 2 mon
    deployment portal 2 ""
    k apply -f - <<SERVICE
apiVersion: v1
kind: Service
metadata: {name: portal, annotations: {zen-lead.io/enabled: "true"}}
spec: {selector: {app: portal}, ports: [{name: http, port: 80, targetPort: 8080}]}
SERVICE
    for name in portal-leader mon-leader mon-director; do
        wait_for 40 is_not "" addresses "$name"
        expect "owner of $name" "$(owner "endpointslice/$name")" = "Service/$name"
        expect "its uid" "$(k get endpointslice "$name" -o 'jsonpath={.metadata.ownerReferences[0].uid}')" = \
            "$(k get service "$name" -o 'jsonpath={.metadata.uid}')"
    done
    k delete service portal-leader mon-leader
    for name in portal-leader mon-leader mon-director; do wait_for 20 is_not "" addresses "$name"; done
    k delete service portal
    k delete deployment mon
    k delete leaderpolicy mon
    for name in portal-leader mon-leader mon-director; do
        wait_for 30 is_gone "service/$name"
        wait_for 30 is_gone "endpointslice/$name"
    done
}

@test "a Service keeps its address when its workload moves to another pool, and the director when it is made again" {
    local workload director
    policy a
    policy b
    deployment web 2 b
    wait_for 60 one_leader web b
    wait_for 20 is_not "" addresses web-leader
    k label deployment web zen-lead/pool=a --overwrite
    wait_for 60 one_leader web a
    wait_for 20 is a k get service web-leader -o 'jsonpath={.metadata.labels.zen-lead/pool}'
    workload=$(k get service web-leader -o 'jsonpath={.spec.clusterIP}')
    k label deployment web zen-lead/pool=b --overwrite
    wait_for 60 one_leader web b
    wait_for 20 is b k get service web-leader -o 'jsonpath={.metadata.labels.zen-lead/pool}'
    has_cluster_ip web-leader "$workload"
    director=$(k get service b-director -o 'jsonpath={.spec.clusterIP}')
    k delete deployment web
    wait_for 20 is "" addresses b-director
    wait_for 20 is "" addresses web-leader
    deployment web 2 b
    wait_for 60 one_leader web b
    wait_for 20 is_not "" addresses b-director
    wait_for 20 is_not "" addresses web-leader
    has_cluster_ip b-director "$director"
    has_cluster_ip web-leader "$workload"
    wait_for 20 is Deployment/web owner service/web-leader
}

@test "another address behind a leader Service is said: a mirrored Endpoints object, a foreign slice" {
    deployment web 2 web
    policy web '{followerMode: standby}'
    wait_for 60 is_not "" addresses web-leader
    k create -f - <<FOREIGN
apiVersion: discovery.k8s.io/$(slice_version)
kind: EndpointSlice
metadata: {name: foreign, labels: {kubernetes.io/service-name: web-leader, endpointslice.kubernetes.io/managed-by: somebody}}
addressType: IPv4
endpoints: [{addresses: [10.9.9.9], conditions: {ready: true}}]
ports: [{name: http, port: 8080, protocol: TCP}]
FOREIGN
    wait_for 65 is ForeignEndpoints condition web Compatible
    wait_for 10 has_event LeaderPolicy web Incompatible
    k delete endpointslice foreign
    wait_for 65 is NothingInTheWay condition web Compatible
}
