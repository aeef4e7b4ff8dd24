#!/usr/bin/env bats
#
# validate.bats - what the API server and kubectl say of a LeaderPolicy, a workload and a Service that cannot work.

load lib

# A webhook that does not answer in time is not waited for, and says nothing: here it may take its time. Two seconds is what
# users install.
setup() {
    restore_programs
    new_namespace
    kubectl patch validatingwebhookconfiguration zen-lead --type json -p '[
        {"op": "test", "path": "/webhooks/1/name", "value": "workloads.zen-lead.kube-zen.io"},
        {"op": "replace", "path": "/webhooks/1/timeoutSeconds", "value": 10}]'
}

teardown_file() { arm_gatekeeper "$(port_of proxy)" >/dev/null; }

# kubectl's words of the last run.
says() { [[ $output == *"$1"* ]] || fail "not said: \"$1\" but: $output"; }
warns() { says "Warning: $1"; }
warnings() { echo "$output" | grep -c '^Warning: ' || true; }
succeeds() { expect "exit status ($output)" "$status" -eq 0; }
is_refused() { expect "exit status ($output)" "$status" -eq 1; }

# apply TEXT [OPTION...] - what comes of it is in $output and $status. Unknown fields get as far as the API server.
apply() {
    printf '%s\n' "$1" >"$BATS_TEST_TMPDIR/object.yaml"
    shift
    run k apply --validate=false -f "$BATS_TEST_TMPDIR/object.yaml" "$@"
}

# lp NAME SPEC
lp() {
    cat <<POLICY
---
apiVersion: coordination.kube-zen.io/v1alpha1
kind: LeaderPolicy
metadata: {name: $1}
spec: ${2:-{\}}
POLICY
}

# object KIND API-VERSION METADATA SPEC
object() { printf -- '---\napiVersion: %s\nkind: %s\nmetadata: %s\nspec: %s\n' "$2" "$1" "$3" "$4"; }

pods_spec='{replicas: 3, selector: {matchLabels: {app: web}}, strategy: {type: Recreate}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: main, image: none}]}}}'
service_spec='{selector: {app: web}, ports: [{port: 80}]}'

@test "times that contradict each other: refused with every field, its value and the cure" {
    apply "$(lp web '{renewDeadlineSeconds: 15, retryPeriodSeconds: 15}')"
    is_refused
    says 'The LeaderPolicy "web" is invalid'
    # A server of 1.25 or newer knows the rules itself, and is asked first.
    if [ "$(minor_version)" -lt 25 ]; then
        says 'spec.renewDeadlineSeconds: Invalid value: 15: must be less than spec.leaseDurationSeconds (15); e.g. 10'
        says 'spec.retryPeriodSeconds: Invalid value: 15: must be less than spec.renewDeadlineSeconds (15); e.g. 3'
    fi
    run k get leaderpolicy web
    is_refused

    policy web
    run k patch leaderpolicy web --type merge -p '{"spec": {"retryPeriodSeconds": 12}}'
    is_refused
    says retryPeriodSeconds
    expect "the stored value" "$(k get leaderpolicy web -o jsonpath='{.spec.retryPeriodSeconds}')" = 2
    k patch leaderpolicy web --type merge -p '{"spec": {"retryPeriodSeconds": 3}}'
}

@test "handoverGracePeriodSeconds: 2 if nothing is said, and 0 is a time like any other" {
    policy web
    expect "the default" "$(k get leaderpolicy web -o jsonpath='{.spec.handoverGracePeriodSeconds}')" = 2
    apply "$(lp web '{handoverGracePeriodSeconds: 0}')"
    succeeds
    expect "the stored value" "$(k get leaderpolicy web -o jsonpath='{.spec.handoverGracePeriodSeconds}')" = 0
    for value in -1 61; do
        apply "$(lp web "{handoverGracePeriodSeconds: $value}")"
        is_refused
        says handoverGracePeriodSeconds
    done
}

@test "the refusal is the API server's own kind: 422, Invalid, one cause for each field" {
    [ "$(minor_version)" -lt 25 ] || skip "the server's own rules come first"
    lp web '{renewDeadlineSeconds: 15, retryPeriodSeconds: 15}' >"$BATS_TEST_TMPDIR/lp.yaml"
    # At this level kubectl shows the answer as it came.
    run k create -v 9 --validate=false -f "$BATS_TEST_TMPDIR/lp.yaml"
    expect "exit status" "$status" -ne 0
    says '"code":422'
    says '"reason":"Invalid"'
    says '"details":{"name":"web","group":"coordination.kube-zen.io","kind":"LeaderPolicy","causes":[{"reason":"FieldValueInvalid"'
    says '"field":"spec.renewDeadlineSeconds"},'
    says '"field":"spec.retryPeriodSeconds"}]'
}

@test "an invalid LeaderPolicy that is there already: metadata, finalizers and deletion do not jam, its spec does" {
    [ "$(minor_version)" -lt 25 ] || skip "the server's own rules let none in"
    disarm_gatekeeper
    wait_for 20 bad_policy_gets_in
    arm_gatekeeper "$(port_of proxy)"
    wait_for 20 bad_policy_stays_out
    k label leaderpolicy web team=a
    k patch leaderpolicy web --type merge -p '{"metadata": {"finalizers": ["example.com/hold"]}}'
    run k patch leaderpolicy web --type merge -p '{"spec": {"retryPeriodSeconds": 13}}'
    is_refused
    says 'spec.retryPeriodSeconds: Invalid value: 13: must be less than spec.renewDeadlineSeconds (10); e.g. 2'
    # Its status is written, too.
    wait_for 10 is 1 policy_status web .observedGeneration
    k delete leaderpolicy web --wait=false
    k patch leaderpolicy web --type merge -p '{"spec": {"retryPeriodSeconds": 13}, "metadata": {"finalizers": null}}'
    run k get leaderpolicy web
    is_refused
}

bad_policy_gets_in() { bare_policy web '{retryPeriodSeconds: 12}'; }
# It never gets in: as long as nobody is asked, a change of the one above would.
bad_policy_stays_out() {
    [[ $(lp other '{retryPeriodSeconds: 13}' | k create --dry-run=server -f - 2>&1) == *'must be less than'* ]]
}

@test "a LeaderPolicy with what has no effect is stored, with a warning for each" {
    apply "$(lp my.pool '{followerMode: standby, rollout: Recreate, podRoleLabel: true, followMode: x}')"
    succeeds
    warns 'metadata.name: no Service can be named <pool>-director'
    warns 'spec.rollout: has no effect with followerMode: standby'
    warns 'spec.followMode: unknown field, ignored'
    expect "warnings" "$(warnings)" -eq 3
    expect "the stored mode" "$(k get leaderpolicy my.pool -o jsonpath='{.spec.followerMode}')" = standby
    lp web >"$BATS_TEST_TMPDIR/lp.yaml"
    run kubectl create --dry-run=server --namespace kube-system -f "$BATS_TEST_TMPDIR/lp.yaml"
    succeeds
    warns 'metadata.namespace: pods in kube-system are never gatekept'
}

@test "a Deployment in a scaleDown pool: RollingUpdate is warned of, Recreate and standby are not" {
    policy down
    policy warm '{followerMode: standby}'
    run deployment web 3 down
    succeeds
    warns 'spec.strategy.type: 1 of 3 replicas runs (followerMode: scaleDown), so it never reports all replicas available; followerMode: standby runs all, strategy: Recreate starts no pod beside the leader'
    expect "warnings" "$(warnings)" -eq 1
    run k patch deployment web -p '{"spec": {"strategy": {"type": "Recreate", "rollingUpdate": null}}}'
    succeeds
    expect "warnings with Recreate" "$(warnings)" -eq 0
    run k label --overwrite deployment web zen-lead/pool=warm
    expect "warnings with standby" "$(warnings)" -eq 0
    run k scale deployment web --replicas 5
    expect "warnings of scaling" "$(warnings)" -eq 0
    run k patch deployment web -p '{"spec": {"replicas": 1}}'
    warns 'spec.replicas: 1: high availability is skipped'
    run k annotate deployment web example.com/note=x
    expect "warnings when nothing of it changed" "$(warnings)" -eq 0
}

@test "LeaderPolicy and workload in one kubectl apply: no warning, though no cache knows the policy yet" {
    local n
    for n in 1 2 3 4 5; do
        apply "$(lp "p$n" '{followerMode: standby}'; object Deployment apps/v1 "{name: w$n, labels: {zen-lead/pool: p$n}}" "$pods_spec")"
        succeeds
        expect "warnings of $n" "$(warnings)" -eq 0
    done
    apply "$(object Deployment apps/v1 "{name: web, labels: {zen-lead/pool: none}}" "$pods_spec")"
    succeeds
    warns 'metadata.labels[zen-lead/pool]: LeaderPolicy "none" does not exist in this namespace, so the pool does nothing; create it'
}

@test "workloads: keys that are misspelt, misplaced or contradict each other are named, nothing is refused" {
    local cronjobs=batch/v1beta1
    policy web '{followerMode: standby}'
    apply "$(object Deployment apps/v1 '{name: a, labels: {zen-lead/poool: web}, annotations: {zen-lead/join: "no", zen-lead.io/enabled: "true"}}' "$pods_spec")"
    succeeds
    warns 'metadata.labels[zen-lead/poool]: is no key of zen-lead and has no effect; did you mean zen-lead/pool?'
    warns 'metadata.annotations[zen-lead/join]: "no" is neither "true" nor "false"'
    warns 'metadata.annotations[zen-lead.io/enabled]: has no effect here; make it an annotation of a Service'
    apply "$(object StatefulSet apps/v1 '{name: b, labels: {zen-lead/pool: web}, annotations: {zen-lead/pool: other}}' \
        '{replicas: 2, serviceName: b, selector: {matchLabels: {app: b}}, template: {metadata: {labels: {app: b, zen-lead/pool: web}}, spec: {containers: [{name: main, image: none}]}}}')"
    succeeds
    warns 'metadata.annotations[zen-lead/pool]: "other" is ignored: metadata.labels[zen-lead/pool] names "web"; keep one'
    warns 'spec.template.metadata.labels[zen-lead/pool]: has no effect here'
    local job='{template: {metadata: {annotations: {zen-lead/pool: web}}, spec: {restartPolicy: Never, containers: [{name: main, image: none}]}}}'
    apply "$(object Job batch/v1 '{name: c}' "$job")"
    succeeds
    warns 'spec.template.metadata.annotations[zen-lead/pool]: pool "web" has followerMode: standby, so its Jobs do not take turns'
    ! kubectl get --raw /apis/batch/v1 | grep -q cronjobs || cronjobs=batch/v1
    apply "$(object CronJob "$cronjobs" '{name: d, labels: {zen-lead/pool: web}}' "{schedule: '0 0 1 1 *', jobTemplate: {spec: $job}}")"
    succeeds
    warns 'metadata.labels[zen-lead/pool]: pool "web" has followerMode: standby, so its Jobs do not take turns'
}

@test "Services: what their annotations cannot mean is named; what zen-lead makes of them is not looked at" {
    apply "$(object Service v1 '{name: a, annotations: {zen-lead.io/enabled: "True", zen-lead.io/sticky: "no", zen-lead.io/min-ready-duration: "10"}}' "$service_spec")"
    succeeds
    warns 'metadata.annotations[zen-lead.io/enabled]: "True" is neither "true" nor "false"; it counts as "false"'
    warns 'metadata.annotations[zen-lead.io/sticky]: "no" is neither'
    warns 'metadata.annotations[zen-lead.io/min-ready-duration]: "10" is not a duration'
    apply "$(object Service v1 '{name: b, annotations: {zen-lead.io/enabled: "true", zen-lead.io/leader-service-name: b}}' "$service_spec")"
    warns 'metadata.annotations[zen-lead.io/leader-service-name]: names the Service itself'
    apply "$(object Service v1 '{name: c, annotations: {zen-lead.io/enabled: "true"}}' '{type: ExternalName, externalName: example.com}')"
    warns 'spec.type: a Service of type ExternalName has no pods'
    apply "$(object Service v1 '{name: d, annotations: {zen-lead.io/enabled: "true"}}' "$service_spec")"
    succeeds
    expect "warnings of a good one" "$(warnings)" -eq 0
    wait_for 10 k get service d-leader
    run k annotate service d-leader zen-lead.io/nonsense=x
    succeeds
    expect "warnings of a leader Service" "$(warnings)" -eq 0
}

@test "no webhook answers: workloads are applied without a word, a LeaderPolicy is not" {
    local n
    policy web '{followerMode: standby}'
    for n in 1 2 3; do stop_webhook "$n" KILL; done
    apply "$(object Deployment apps/v1 '{name: web, labels: {zen-lead/poool: web}}' "$pods_spec"; object Service v1 '{name: web, annotations: {zen-lead.io/enabled: "x"}}' "$service_spec")"
    succeeds
    expect "warnings" "$(warnings)" -eq 0
    apply "$(lp other)"
    is_refused
    says 'failed calling webhook "'
    k delete leaderpolicy web
    restore_programs
    wait_for 20 policy other
    apply "$(object Deployment apps/v1 '{name: two, labels: {zen-lead/poool: web}}' "$pods_spec")"
    warns 'metadata.labels[zen-lead/poool]'
}

@test "the webhook's metrics count what was reviewed, by result" {
    local before
    before=$(reviews 'resource="leaderpolicies"' 'result="clean"')
    policy web
    wait_for 10 at_least $((before + 1)) reviews 'resource="leaderpolicies"' 'result="clean"'
    before=$(reviews 'resource="deployments"' 'result="warned"')
    deployment web 3 none
    wait_for 10 at_least $((before + 1)) reviews 'resource="deployments"' 'result="warned"'
}

# reviews LABEL... - of all replicas together
reviews() {
    local n sum=0
    for n in 1 2 3; do sum=$((sum + $(metric "webhook-$n" zen_lead_validation_reviews_total "$@"))); done
    echo "$sum"
}
