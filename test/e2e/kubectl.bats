#!/usr/bin/env bats
#
# kubectl.bats - the kubectl that tests use here, zl-kubectl, and the real one cannot be told apart; see test/kubectl/kubectl.h.
#
# Every command is given to both. Reads ask the same objects; writes have a namespace each, in which the same was done before.

load lib

setup() {
    [ -n "${ZL_KUBECTL:-}" ] || skip "the real kubectl was asked for"
    restore_programs
    new_namespace
    OURS=$NS-o REAL=$NS-r
    local one
    for one in "$OURS" "$REAL"; do NS=$one make_namespace; done
    export ZL_KUBECTL_LOG=$BATS_TEST_TMPDIR/log
}

teardown() {
    "$ZL_KUBECTL" delete namespace "$OURS" "$REAL" --wait=false >/dev/null
    drop_namespace
}

# run_both COMMAND... - with INPUT as standard input; "NS" stands for the namespace, of which each has its own when OURS differs
# from REAL. What they said, with names and times that each server's object has of its own replaced, is in ours and real.
run_both() {
    local input=${INPUT:-} status=0
    : >"$ZL_KUBECTL_LOG"
    status=0
    kubectl "${@//NS/$OURS}" <<<"${input//NS/$OURS}" >"$BATS_TEST_TMPDIR/ours.out" 2>"$BATS_TEST_TMPDIR/ours.err" || status=$?
    echo "$status" >"$BATS_TEST_TMPDIR/ours.status"
    status=0
    "$ZL_KUBECTL" "${@//NS/$REAL}" <<<"${input//NS/$REAL}" >"$BATS_TEST_TMPDIR/real.out" 2>"$BATS_TEST_TMPDIR/real.err" || status=$?
    echo "$status" >"$BATS_TEST_TMPDIR/real.status"
    [ "$OURS" = "$REAL" ] || sed -i "s/$OURS/NS/g" "$BATS_TEST_TMPDIR"/ours.*
    [ "$OURS" = "$REAL" ] || sed -i "s/$REAL/NS/g" "$BATS_TEST_TMPDIR"/real.*
}

# differences - between what both said.
differences() {
    local part
    for part in out err status; do
        diff "$BATS_TEST_TMPDIR/ours.$part" "$BATS_TEST_TMPDIR/real.$part" || echo "standard $part differs"
    done
}

same() {
    local found
    run_both "$@"
    found=$(differences)
    [ -z "$found" ] || fail "kubectl $*:"$'\n'"$found"
}

# served COMMAND..., deferred COMMAND... - the same, and who did it.
served() {
    same "$@" || return 1
    grep -q '^served ' "$ZL_KUBECTL_LOG" || fail "not served: kubectl $*: $(cat "$ZL_KUBECTL_LOG")"
}
# served_everywhere COMMAND... - of all namespaces: those of the areas before may go between the two reads, so one look of some is the same.
served_everywhere() {
    local _
    for _ in {1..10}; do
        if served "$@" >/dev/null 2>&1; then return 0; fi
    done
    served "$@"
}
deferred() {
    same "$@" || return 1
    grep -q '^deferred ' "$ZL_KUBECTL_LOG" || fail "not deferred: kubectl $*"
}

# reads - from here on both look at the same namespace.
reads() { OURS=$NS REAL=$NS; }

# same_object RESOURCE NAME - what both have made, with all that a server adds but for what it makes of time and chance.
same_object() {
    local one
    for one in ours real; do
        local namespace=$OURS
        [ "$one" = ours ] || namespace=$REAL
        "$ZL_KUBECTL" get --raw "${1//NS/$namespace}" | sed "s/$namespace/NS/g" | jq '
            del(.metadata.uid, .metadata.resourceVersion, .metadata.creationTimestamp, .metadata.deletionTimestamp, .metadata.managedFields[]?.time,
                .spec.clusterIP, .spec.clusterIPs, .status) |
            walk(if type == "object" then del(.["controller-uid"], .["batch.kubernetes.io/controller-uid"]) else . end) |
            # The controllers and the stand-in write as well, when they come to it.
            .metadata.managedFields |= (. // [] | map(select(.manager | startswith("kubectl"))))' >"$BATS_TEST_TMPDIR/object.$one"
    done
    diff "$BATS_TEST_TMPDIR/object.ours" "$BATS_TEST_TMPDIR/object.real" || fail "$1 is not the same"
}

# Objects that nobody changes, and text that printers stumble over.
still_life() {
    k create -f - >/dev/null <<'YAML'
apiVersion: v1
kind: ConfigMap
metadata:
  name: texts
  labels: {app: still, team: a}
  annotations: {example.com/dotted.key: "dots", html: "<b> & 'quoted' \"twice\"", lines: "one\ntwo\ttab", back: "a\\b", empty: "", unicode: "größer ≤ 𝄞"}
data: {json: "{\"a\": [1, 2.5, null]}", separator: "a\u2028b\u2029c"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: other, labels: {app: still}}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}, {name: more, port: 81}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: none}
spec: {replicas: 0, selector: {matchLabels: {app: none}}, template: {metadata: {labels: {app: none}}, spec: {containers: [{name: main, image: none}]}}}
YAML
    bare_policy still >/dev/null
    wait_for 30 conditions_are_there
    wait_for 30 prints k get deployment none -o 'jsonpath={.status.conditions[?(@.type=="Available")].status}'
}
conditions_are_there() { [ -n "$("$ZL_KUBECTL" get -n "$NS" leaderpolicy still -o 'jsonpath={.status.conditions}')" ]; }
prints() { [ -n "$("$@")" ]; }

@test "reads say the same" {
    still_life
    reads
    served get configmap texts -n "$NS" -o json
    served get -n "$NS" configmaps -o json
    served get -n "$NS" configmap,services,leaderpolicies -o json
    served get -n "$NS" -l app=still,team=a cm -o name
    served get -n "$NS" configmap/texts service/web lp/still -o name
    served --namespace "$NS" get --field-selector metadata.name=other configmaps -o 'jsonpath={.items[*].metadata.name}'
    served get -n "$NS" deployment.apps/none -o json
    served get -n "$NS" deployments,statefulsets,replicasets,jobs,cronjobs,leases,endpointslices,pods,quota,secrets -o name
    served get namespace "$NS" -o name
    served_everywhere get --all-namespaces leaderpolicies -o name
    served get -A configmaps --field-selector metadata.name=texts -o 'jsonpath={.items[*].metadata.namespace}'
    served get configmaps -n "$NS" -l app=nothing -o json
    served get configmaps -n "$NS" -l app=nothing -o name
    served get configmaps -n "$NS" -l app=nothing --ignore-not-found -o json
    served get validatingwebhookconfiguration zen-lead -o json
    served get --raw "/api/v1/namespaces/$NS/configmaps/texts"
    served get --raw /apis/coordination.kube-zen.io/v1alpha1
}

@test "jsonpath says the same, and what is missing is missing" {
    still_life
    reads
    local template
    for template in '{.metadata.name}' '{.metadata.labels}' '{.metadata.annotations.example\.com/dotted\.key}' '{.data.nothing}' '{.metadata.annotations.html}' \
        '{.metadata.annotations.lines}' '{.metadata.annotations.empty}' 'name: {.metadata.name}, {.metadata.namespace}.' '{.nothing.at.all}' '{.nothing[*].at}' '{.nothing[0]}'; do
        served get configmap texts -n "$NS" -o "jsonpath=$template"
    done
    for template in '{.items[*].metadata.name}' '{.items[0].metadata.name}' '{.items[*].metadata.labels.team}' '{.kind} {.apiVersion}'; do
        served get configmaps -n "$NS" -o "jsonpath=$template"
    done
    for template in '{.status.conditions[?(@.type=="Available")].status}' '{.status.conditions[?(@.type=="Nothing")].status}' '{.spec.template.spec.containers[0].name}' \
        '{.spec.replicas}' '{.status.conditions[*].type}' '{.spec.template.spec.containers}' '{.metadata.generation}/{.status.observedGeneration}'; do
        served get deployment none -n "$NS" -o "jsonpath=$template"
    done
    for template in '{.items[0].metadata.name}' '{.items[*].metadata.name}' '{range .items[*]}{.metadata.name}{"\n"}{end}' '{.items[-1].metadata.name}' '{..name}' \
        '{.metadata.name' '{.items[7].x}' '{.items[?(@.spec.replicas==0)].metadata.name}' 'plain'; do
        same get pods -n "$NS" -o "jsonpath=$template"
        same get configmaps -n "$NS" -o "jsonpath=$template"
    done
}

@test "what is not there, and what nobody knows" {
    still_life
    reads
    served get pod nothing -n "$NS" -o name
    served get leaderpolicy nothing -n "$NS" -o json
    served get pod nothing -n "$NS" --ignore-not-found -o name
    served get deployment/nothing -n "$NS" --ignore-not-found -o 'jsonpath={.metadata.name}'
    served delete pod nothing -n "$NS"
    served delete pod nothing -n "$NS" --ignore-not-found
    served delete pods -n "$NS" -l app=nothing
    served delete pod/nothing service/nothing -n "$NS"
    served delete service nothing -n "$NS" --wait=false
    served annotate pod nothing -n "$NS" a=b
    served label leaderpolicy nothing -n "$NS" a=b
    served patch lease nothing -n "$NS" --type merge -p '{"spec": {}}'
    served wait -n "$NS" --for condition=Ready --timeout 1s pod/nothing
    deferred get configmap texts nothing -n "$NS" -o name
    deferred get unknown -n "$NS" -o name
    deferred get pods -n "$NS" -o name --chunk-size 5
    deferred get configmaps -n "$NS" -o yaml
    deferred get configmap texts -n "$NS" -l app=x -o name
    deferred get pods,services a -n "$NS" -o name
    deferred frobnicate
    deferred annotate configmap texts -n "$NS" html=other
    deferred label configmap texts -n "$NS" 'app=not valid'
    deferred delete namespace nothing -n "$NS"
    deferred get
}

@test "writes do the same and say the same" {
    INPUT=$(workload Deployment web 1 web '{zl-test/ready-after-ms: "5"}') served apply -n NS -f -
    same_object /apis/apps/v1/namespaces/NS/deployments/web
    INPUT=$(workload StatefulSet db 0 "") served create -n NS -f -
    same_object /apis/apps/v1/namespaces/NS/statefulsets/db
    INPUT=$(job first "") served create -n NS -f - -o name
    same_object /apis/batch/v1/namespaces/NS/jobs/first
    INPUT=$'---\n{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {selector: {app: web}, ports: [{port: 80}]}}' served apply -n NS -f -
    same_object /api/v1/namespaces/NS/services/web
    INPUT=$'---\n{apiVersion: coordination.kube-zen.io/v1alpha1, kind: LeaderPolicy, metadata: {name: web}, spec: {}}' served apply -n NS -f -
    same_object /apis/coordination.kube-zen.io/v1alpha1/namespaces/NS/leaderpolicies/web
    INPUT=$'---\n{apiVersion: coordination.kube-zen.io/v1alpha1, kind: LeaderPolicy, metadata: {name: web}, spec: {followerMode: standby}}' same apply -n NS -f -
    served annotate service web -n NS example.com/a=1 example.com/b='x y <&>'
    served annotate service/web -n NS --overwrite example.com/a=2 example.com/b-
    served annotate service web -n NS example.com/none-
    same_object /api/v1/namespaces/NS/services/web
    served label leaderpolicy web -n NS team=a
    served label leaderpolicy web -n NS --overwrite team=b other=c
    served label leaderpolicy web -n NS team-
    same_object /apis/coordination.kube-zen.io/v1alpha1/namespaces/NS/leaderpolicies/web
    same label leaderpolicy web -n NS nothing-
    same label leaderpolicy web -n NS other=d
    served patch leaderpolicy web -n NS --type merge -p '{"spec": {"retryPeriodSeconds": 3}}'
    served patch leaderpolicy web -n NS --type merge -p '{"spec": {"retryPeriodSeconds": 3}}'
    served patch service web -n NS -p '{"spec": {"selector": {"role": "x"}}}'
    served patch service web -n NS --type json -p '[{"op": "replace", "path": "/spec/ports/0/port", "value": 81}]'
    same_object /api/v1/namespaces/NS/services/web
    served annotate services,jobs --all -n NS --overwrite test/poke=1
    served patch leaderpolicy web -n NS --type merge -p '{"spec": {"followerMode": "neither"}}'
    served patch service web -n NS --type json -p '[{"op": "test", "path": "/spec/ports/0/port", "value": 1}]'
    served delete service web -n NS
    served delete job/first statefulset/db -n NS --wait=false
    served delete deployments --all -n NS
    served delete leaderpolicy web -n NS --grace-period 5
}

@test "what the API server or a webhook refuses is said in the same words" {
    reads
    policy web
    deployment web 2 web
    wait_for 30 one_leader web web
    local replicaset
    replicaset=$(k get replicaset -l app=web -o 'jsonpath={.items[0].metadata.name}')
    INPUT=$(pod_of "$replicaset") served create -n "$NS" -f - --dry-run=server
    grep -q 'admission webhook' "$BATS_TEST_TMPDIR/ours.err" || fail "not refused"
    INPUT=$(workload Deployment web 2 web) served create -n "$NS" -f -
    grep -q AlreadyExists "$BATS_TEST_TMPDIR/ours.err" || fail "not there"
    INPUT=$'---\n{apiVersion: v1, kind: Pod, metadata: {name: new}, spec: {containers: [{name: main, image: none}]}}' served create -n "$NS" -f - --dry-run=server
    INPUT=$'---\n{apiVersion: v1, kind: Pod, metadata: {name: new}, spec: {containers: []}}' deferred create -n "$NS" -f - --dry-run=server
    INPUT=$'---\n{apiVersion: v1, kind: Pod, metadata: {name: new}, spec: {container: [{name: main}]}}' deferred create -n "$NS" -f - --dry-run=server
    INPUT=$'---\n{apiVersion: v1, kind: Pod, metadata: {name: new, labels: {a: yes}}, spec: {containers: [{name: main, image: none}]}}' deferred create -n "$NS" -f - --dry-run=server
    INPUT=$'---\n{apiVersion: v1, kind: Pod, metadata: {name: new}, spec: {containers: [{name: main, image: 5}]}}' deferred create -n "$NS" -f - --dry-run=server
    INPUT='{apiVersion: v1, kind: Pod, metadata: {name: new}, spec: {containers: [{name: main, image: none}]}}' deferred create -n "$NS" -f - --dry-run=server
    INPUT='{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "new"}, "spec": {"containers": [{"name": "main", "image": "none"}]}}' served create -n "$NS" -f - --dry-run=server
    INPUT='no: [yaml' deferred create -n "$NS" -f -
    INPUT='' deferred apply -n "$NS" -f -
    INPUT=$'---\n{apiVersion: v1, kind: Pod, metadata: {name: new}}' served create -n "$NS-x" -f -
}

@test "waiting ends when it is so, and when the time is over" {
    local one
    for one in "$OURS" "$REAL"; do
        NS=$one bare_policy web
        NS=$one job short "" "" '{zl-test/succeed-after-ms: "300"}' | "$ZL_KUBECTL" create -n "$one" -f -
    done
    served wait -n NS --for condition=Complete --timeout 30s job/short
    served wait -n NS --for condition=Complete --timeout 30s job short
    served wait -n NS --for condition=Failed --timeout 1s job/short
    served wait -n NS --for condition=GatekeeperArmed --timeout 60s leaderpolicy/web
    deferred wait -n NS --for=delete --timeout 1s job/nothing
    deferred wait -n NS --for condition=Complete --timeout 30s job --all
    for one in "$OURS" "$REAL"; do
        "$ZL_KUBECTL" patch -n "$one" leaderpolicy web --type merge -p '{"metadata": {"finalizers": ["example.com/hold"]}}' >/dev/null
        (sleep 1 && "$ZL_KUBECTL" patch -n "$one" leaderpolicy web --type merge -p '{"metadata": {"finalizers": null}}') >/dev/null 3>&- &
    done
    served delete leaderpolicy web -n NS
    wait
}

@test "a difference is found" {
    printf '#!/bin/sh\n"%s" "$@" | sed s/kube/cube/\nexit 3\n' "$ZL_KUBECTL" >"$BATS_TEST_TMPDIR/liar"
    chmod +x "$BATS_TEST_TMPDIR/liar"
    reads
    ZL_KUBECTL=$BATS_TEST_TMPDIR/liar run_both get configmaps -n default -o name
    [[ $(differences) == *"standard out differs"*"standard status differs"* ]]
}

# in_order COMMAND... - the same, with both streams in one: what comes first comes first.
in_order() {
    "${@//NS/$OURS}" <<<"${INPUT//NS/$OURS}" 2>&1 | sed "s/$OURS/NS/g" >"$BATS_TEST_TMPDIR/ours.both" || true
    shift
    "$ZL_KUBECTL" "${@//NS/$REAL}" <<<"${INPUT//NS/$REAL}" 2>&1 | sed "s/$REAL/NS/g" >"$BATS_TEST_TMPDIR/real.both" || true
    diff "$BATS_TEST_TMPDIR/ours.both" "$BATS_TEST_TMPDIR/real.both" || fail "another order: kubectl $*"
}

@test "a warning comes before what was done, an error after it" {
    INPUT=$(workload Deployment web 3 nowhere) in_order kubectl create -n NS -f -
    grep -q '^Warning: ' "$BATS_TEST_TMPDIR/real.both" || fail "there was no warning"
    INPUT="" in_order kubectl get -n NS deployment/web deployment/none -o name
    grep -q '^Error ' "$BATS_TEST_TMPDIR/real.both" || fail "there was no error"
}
