#!/usr/bin/env bats
#
# armed.bats - the webhook is asked only where there are pools, and a LeaderPolicy says when it is.

load lib

setup() {
    restore_programs
    new_namespace
    others=()
}

# Both configurations, but for the names that are selected.
both_configurations() {
    kubectl get validatingwebhookconfiguration zen-lead zen-lead-pods -o json |
        jq -c '.items[] | [.metadata.labels, .webhooks // []] | del(.[1][].namespaceSelector.matchExpressions[0].values)'
}
setup_file() { both_configurations >"$BATS_FILE_TMPDIR/before"; }

teardown() {
    [ -n "${BATS_TEST_COMPLETED:-}" ] || explain_arming
    # Half of the tests leave them as they were.
    if [ "$(both_configurations 2>&1)" != "$(cat "$BATS_FILE_TMPDIR/before")" ]; then
        disarm_gatekeeper >/dev/null 2>&1 || true
        arm_gatekeeper "$(port_of proxy)" >/dev/null
        both_configurations >"$BATS_FILE_TMPDIR/before"
    fi
    restore_programs
    kubectl delete leaderpolicy --all --namespace kube-system >/dev/null
    kubectl delete leaderpolicy --all --namespace zen-lead-system >/dev/null
    for NS in "$NS" "${others[@]}"; do
        k delete leaderpolicy --all --wait=false >/dev/null # or its name leaves the selector in the middle of the next test
        drop_namespace
    done
}

explain_arming() {
    explain
    configuration | jq -c '.webhooks[] | del(.clientConfig.caBundle)'
    grep -hE 'gatekeeper of a namespace|namespaceSelector' "$ZL_RUN"/log/controller-?.log | tail -n 20
}

# another_namespace - makes one beside $NS, which NAMESPACE receives.
another_namespace() {
    local first=$NS
    new_namespace
    others+=("$NS")
    NAMESPACE=$NS
    NS=$first
}

configuration() { kubectl get validatingwebhookconfiguration zen-lead-pods -o json; }
shipped() { kubectl get validatingwebhookconfiguration zen-lead -o json; }
entry() { configuration | jq -c ".webhooks[] | select(.name == \"pods.zen-lead.kube-zen.io\") | $1"; }
selected() { entry '.namespaceSelector.matchExpressions[0].values'; }
selects() { selected | jq -e --arg name "${1:-$NS}" 'index($name) != null' >/dev/null; }
selects_not() { ! selects "$@"; }

# Everything but what the controller may write, and what the server counts with.
rest() {
    configuration | jq -c 'del(.metadata.resourceVersion, .metadata.generation, .metadata.managedFields,
        .webhooks[] .namespaceSelector)'
}

# change JQ-PROGRAM - by somebody else, whole, as an editor would; again if the controller was faster.
change() {
    local n
    for n in 1 2 3 4 5; do
        if configuration | jq "$1" | put_configuration zen-lead-pods; then return 0; fi
    done
    fail "could not change: $1"
}
entry_path='.webhooks |= map(if .name == "pods.zen-lead.kube-zen.io" then'
change_entry() { change "$entry_path $1 else . end)"; }

# condition FIELD [POOL] - of GatekeeperArmed
condition() { policy_status "${2:-web}" ".conditions[?(@.type==\"GatekeeperArmed\")].$1"; }

# start_pod NAMESPACE - a pod in no pool; our own namespace lets in only what asks for nothing (Pod Security, since 1.23)
start_pod() {
    kubectl create --namespace "$1" -f - <<POD
apiVersion: v1
kind: Pod
metadata: {name: p$RANDOM$RANDOM, labels: {app: none}}
spec:
  securityContext: {runAsNonRoot: true, runAsUser: 65534, seccompProfile: {type: RuntimeDefault}}
  containers:
    - name: main
      image: none
      securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
POD
}

stop_all_webhooks() {
    local n
    for n in 1 2 3; do stop_webhook "$n" KILL; done
}

@test "the first LeaderPolicy of a namespace adds it to the selector, the last one takes it away" {
    selects_not || fail "selected without a LeaderPolicy"
    policy web
    selects || fail "armed and not selected"
    expect "reason" "$(condition reason)" = Armed
    policy db
    k delete leaderpolicy web
    stays 1 selects
    k delete leaderpolicy db
    wait_for 10 selects_not
    expect "a list that selects nothing is still a list" "$(entry '.namespaceSelector.matchExpressions | length')" = 1
    # And again: nothing is left over from the first time.
    policy web
    selects || fail "armed and not selected"
}

@test "two namespaces: only names change, sorted, and the armed one is not disturbed" {
    local since
    policy web
    since=$(condition lastTransitionTime)
    another_namespace
    NS=$NAMESPACE policy web
    local names
    names=$(selected) # once: other namespaces may still be on their way out
    expect "sorted" "$names" = "$(jq -c sort <<<"$names")"
    selects "$NS" || fail "the first is gone"
    selects "$NAMESPACE" || fail "the second is missing"
    kubectl delete namespace "$NAMESPACE" --wait=false
    wait_for 90 selects_not "$NAMESPACE"
    expect "status" "$(condition status)" = True
    expect "since" "$(condition lastTransitionTime)" = "$since"
}

@test "an outage of the webhook stops pods only where there is a pool, and never in kube-system or our namespace" {
    local namespace
    another_namespace # without a pool
    policy web
    for namespace in kube-system zen-lead-system; do
        NS=$namespace bare_policy web
        NS=$namespace wait_for 20 is ExcludedNamespace condition reason
        selects_not "$namespace" || fail "$namespace is selected"
    done
    stop_all_webhooks
    run start_pod "$NS"
    expect "exit in the namespace with the pool" "$status" -ne 0
    [[ $output == *'failed calling webhook "pods.zen-lead.kube-zen.io"'* ]] || fail "refused by: $output"
    for namespace in "$NAMESPACE" default kube-system zen-lead-system; do
        start_pod "$namespace" || fail "no pod could start in $namespace"
        kubectl delete pod --namespace "$namespace" -l app=none --wait=false >/dev/null
    done
    restore_programs
    wait_for 10 start_pod "$NS"
}

@test "zen-lead-system is not selected even when a webhook elsewhere is named, nor is the webhook's namespace" {
    policy web
    another_namespace
    NS=$NAMESPACE policy web
    # As with a Service there; a configuration names either a Service or a URL.
    shipped | jq ".webhooks[0].clientConfig |= {caBundle, service: {namespace: \"$NAMESPACE\", name: \"zen-lead-webhook\", path: \"/validate-leaderpolicy\", port: 443}}" |
        put_configuration zen-lead
    wait_for 10 selects_not "$NAMESPACE"
    NS=$NAMESPACE wait_for 20 is ExcludedNamespace condition reason
    stays 1 selects "$NS"
}

generation() { configuration | jq .metadata.generation; }
is_alone() { is "[\"$NS\"]" selected; }

@test "what is shipped is applied again, by every client: nothing of what the controller wrote changes, and nothing of ours in what is shipped" {
    local before way
    manifests ValidatingWebhookConfiguration >"$BATS_TEST_TMPDIR/shipped.yaml"
    policy web
    wait_for 20 is_alone
    before=$(generation)
    for way in "apply" "apply --server-side" "apply --server-side" "apply"; do
        # shellcheck disable=SC2086 # options, split on purpose
        awk 'BEGIN { RS = "---\n" } /name: zen-lead-pods/' "$BATS_TEST_TMPDIR/shipped.yaml" | kubectl $way -f - ||
            fail "kubectl $way failed"
        expect "generation after $way" "$(generation)" = "$before"
        selects || fail "not selected after $way"
    done
    # Nor do they want to take each other's fields away.
    expect "managers of the entry" "$(kubectl get --raw /apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/zen-lead-pods |
        jq -r '.metadata.managedFields[]? | select(.fieldsV1["f:webhooks"]) | .manager')" = zen-lead
}

@test "replaced by what is shipped, which is empty: filled again, by the change itself" {
    policy web
    manifests ValidatingWebhookConfiguration | awk 'BEGIN { RS = "---\n" } /name: zen-lead-pods/' | kubectl replace -f -
    # Nothing else changes here, and the probe that looks as well comes once in a minute.
    wait_for 20 selects
    wait_for 10 is True condition status
}

@test "edits that widen the selector or take names out of it are repaired at once, whoever made them" {
    policy web
    change_entry '.namespaceSelector = {}'
    wait_for 15 selects
    change_entry '.namespaceSelector.matchExpressions[0].operator = "NotIn"'
    wait_for 15 is '"In"' entry '.namespaceSelector.matchExpressions[0].operator'
    change_entry '.namespaceSelector.matchExpressions[0].values += ["default"]'
    wait_for 15 selects_not default
    selects || fail "not selected any more"
    wait_for 40 is True condition status
}

# As AKS' admission enforcer and GKE Autopilot do.
@test "requirements that others add and that only narrow stay, and nobody fights" {
    local before
    policy web
    change_entry '.namespaceSelector.matchExpressions += [{key: "control-plane", operator: "DoesNotExist"}, {key: "kubernetes.io/metadata.name", operator: "NotIn", values: ["gke-managed"]}]'
    wait_for 20 is_alone
    before=$(generation)
    stays 2 is "$before" generation
    policy db
    another_namespace
    NS=$NAMESPACE policy web
    selects "$NAMESPACE" || fail "the second is missing"
    expect "what others require" "$(entry '[.namespaceSelector.matchExpressions[1:][].key]')" = '["control-plane","kubernetes.io/metadata.name"]'
    expect "status" "$(condition status)" = True
    change_entry '.namespaceSelector.matchLabels = {"zen-lead-test/none": "b"}'
    # It is looked at once, and for five seconds the API server might only be late: not at the next round, a minute later.
    wait_for 30 is NotIntercepted condition reason
    [[ $(condition message) == *zen-lead-test/none* ]] || fail "it does not say what is required: $(condition message)"
}

@test "somebody who changes it again and again: repairs wait longer, and the condition says who" {
    local n
    policy web
    touch "$BATS_TEST_TMPDIR/go"
    while [ -e "$BATS_TEST_TMPDIR/go" ]; do
        configuration | jq "$entry_path .namespaceSelector.matchExpressions[0].values = [\"no.one\"] else . end)" |
            put_configuration zen-lead-pods '?fieldManager=enforcer' 2>/dev/null || true
    done &
    wait_for 60 is Contested condition reason
    rm "$BATS_TEST_TMPDIR/go"
    wait
    wait_for 90 is True condition status
    selects || fail "not selected after the fight"
    # Who fought goes on waiting before each repair, for a minute of peace: not in the next test.
    for n in 1 2; do stop_controller "$n"; done
}

@test "a caBundle that somebody wipes, of either configuration or of both, comes back" {
    local wanted name
    policy web
    wanted=$(base64 -w 0 "$ZL_RUN/tls/ca.crt")
    for name in zen-lead zen-lead-pods "zen-lead zen-lead-pods"; do
        # shellcheck disable=SC2086 # names
        kubectl get validatingwebhookconfiguration $name -o json |
            jq '(.items // [.])[] | del(.webhooks[].clientConfig.caBundle, .metadata.resourceVersion, .metadata.managedFields)' | kubectl replace -f -
        wait_for 10 is "\"$wanted\"" entry .clientConfig.caBundle
        wait_for 10 is "[\"$wanted\"]" bundles_of_shipped
    done
    wait_for 40 is True condition status
}
bundles_of_shipped() { shipped | jq -c '[.webhooks[].clientConfig.caBundle] | unique'; }

@test "the path is a secret: a review at another one is not heard, and a renewal refuses nobody" {
    local path url n before
    policy web
    path=$(review_path)
    [[ $path =~ ^/validate/[0-9a-f]{64}$ ]] || fail "the path is $path"
    url=https://127.0.0.1:$(port_of webhook-1)
    code() { curl -s --noproxy '*' --cacert "$ZL_RUN/tls/ca.crt" -o /dev/null -w '%{http_code}' "$@"; }
    for n in /validate "/validate/$(printf '0%.0s' {1..64})" "$path/" "${path%?}" /validate/; do
        expect "POST $n" "$(code -X POST -H 'Content-Type: application/json' -d '{}' "$url$n")" = 404
        expect "GET $n" "$(code "$url$n")" = 404
    done
    expect "GET of the path itself" "$(code "$url$path")" = 405
    expect "what a 404 says" "$(curl -s --noproxy '*' --cacert "$ZL_RUN/tls/ca.crt" "$url/x" | grep -c 'validate/')" -eq 0

    kubectl annotate secret --namespace zen-lead-system zen-lead-review-path zen-lead.io/renew=now
    before=$(now_ms)
    # Not a single one is refused for the path meanwhile, and none slips past.
    while [ "$(review_path)" = "$path" ]; do
        [ "$(($(now_ms) - before))" -lt 30000 ] || fail "not renewed"
        run kubectl create --dry-run=server -f - <<<"$(as_probe one n0nce)"
        [[ $output == *'denied the request'*n0nce* ]] || fail "answered: $output"
    done
    for n in {1..20}; do
        run kubectl create --dry-run=server -f - <<<"$(as_probe one n0nce)"
        [[ $output == *'denied the request'*n0nce* ]] || fail "answered: $output"
    done
    expect "the one before, for a while" "$(code -X POST -H 'Content-Type: application/json' -d '{}' "$url$path")" = 400
    expect "annotation" "$(kubectl get secret -n zen-lead-system zen-lead-review-path -o json | jq '.metadata.annotations["zen-lead.io/renew"]')" = null
}

@test "the Secret of the path is deleted: the one in use comes back, and no review is refused" {
    local path n
    policy web
    path=$(review_path)
    kubectl delete secret --namespace zen-lead-system zen-lead-review-path
    for n in {1..10}; do
        run kubectl create --dry-run=server -f - <<<"$(as_probe one n0nce)"
        [[ $output == *'denied the request'*n0nce* ]] || fail "answered: $output"
    done
    wait_for 10 kubectl get secret --namespace zen-lead-system zen-lead-review-path
    expect "path" "$(review_path)" = "$path"
}

@test "both configurations go with the namespace zen-lead-system, and the Secret with them" {
    local uid name
    policy web
    uid=$(kubectl get namespace zen-lead-system -o 'jsonpath={.metadata.uid}')
    for name in zen-lead zen-lead-pods; do
        wait_for 10 is "Namespace $uid" owner_of "$name"
    done
    expect "owner of the Secret" "$(kubectl get secret -n zen-lead-system zen-lead-review-path -o 'jsonpath={.metadata.ownerReferences[*].name}')" = zen-lead-pods
}
owner_of() { kubectl get validatingwebhookconfiguration "$1" -o 'jsonpath={.metadata.ownerReferences[*].kind} {.metadata.ownerReferences[*].uid}'; }

# Releases before 0.4 kept the entry in zen-lead, with the path that everybody knew.
@test "from the layout before: the old entry is emptied when the new one is filled, and no moment is without either" {
    local entry_of_old
    policy web
    entry_of_old=$(entry '.clientConfig.url |= sub("/validate/.*"; "/validate")')
    for n in 1 2; do stop_controller "$n"; done
    shipped | jq --argjson entry "$entry_of_old" '.webhooks = [$entry] + .webhooks' | put_configuration zen-lead
    configuration | jq 'del(.webhooks)' | put_configuration zen-lead-pods
    kubectl delete secret --namespace zen-lead-system zen-lead-review-path
    for n in 1 2 3; do stop_webhook "$n"; done
    restore_programs
    while [ "$(shipped | jq -r '.webhooks[0].namespaceSelector.matchExpressions[0].values[0]')" != no.leaderpolicy ]; do
        run kubectl create --dry-run=server -f - <<<"$(as_probe one n0nce)"
        [[ $output == *'denied the request'*n0nce* ]] || fail "answered: $output"
    done
    run kubectl create --dry-run=server -f - <<<"$(as_probe one n0nce)"
    [[ $output == *'denied the request'*n0nce* ]] || fail "answered: $output"
    [[ $(review_path) =~ ^/validate/[0-9a-f]{64}$ ]] || fail "the path is $(review_path)"
    shipped | jq 'del(.webhooks[0])' | put_configuration zen-lead
}

@test "other fields, other entries, labels: whatever others write stays" {
    local before
    kubectl label validatingwebhookconfiguration zen-lead-pods team=platform
    kubectl annotate validatingwebhookconfiguration zen-lead-pods cert-manager.io/inject-ca-from=a/b
    # Before ours, so that its place in the list changes; it matches nothing.
    change '.webhooks = [.webhooks[0] | .name = "first.example.com" | .namespaceSelector = {matchLabels: {a: "b"}}] + .webhooks'
    change_entry '.timeoutSeconds = 7 | .failurePolicy = "Ignore" | .matchPolicy = "Exact" | .objectSelector = {matchExpressions: [{key: "x", operator: "DoesNotExist"}]}'
    change_entry '.rules[0].scope = "*"'
    before=$(rest)
    policy web
    selects || fail "armed and not selected"
    expect "the rest" "$(rest)" = "$before"
    expect "the other entry's selector" "$(configuration | jq -c '.webhooks[0].namespaceSelector')" = '{"matchLabels":{"a":"b"}}'
    k delete leaderpolicy web
    wait_for 10 selects_not
    expect "the rest" "$(rest)" = "$before"
}

# edit_all_the_time - what zen-lead-certs, cert-manager and people do, for as long as $BATS_TEST_TMPDIR/go is there.
edit_all_the_time() {
    local n=0
    while [ -e "$BATS_TEST_TMPDIR/go" ]; do
        n=$((n + 1))
        kubectl patch validatingwebhookconfiguration zen-lead-pods --type json -p "[
            {\"op\": \"replace\", \"path\": \"/webhooks/0/timeoutSeconds\", \"value\": $((n % 9 + 2))}]" >/dev/null || continue
        kubectl patch validatingwebhookconfiguration zen-lead --type json -p "[
            {\"op\": \"replace\", \"path\": \"/webhooks/0/clientConfig/caBundle\", \"value\": \"$(
                { cat "$ZL_RUN/tls/ca.crt"; echo "edit $n"; } | base64 -w 0)\"}]" >/dev/null || continue
        echo "$n" >"$BATS_TEST_TMPDIR/edits"
    done
    return 0 # whatever the last one came to
}

@test "namespaces come while caBundle is renewed again and again: no write of either side is lost" {
    local n namespaces=() editor wanted
    touch "$BATS_TEST_TMPDIR/go"
    edit_all_the_time &
    editor=$!
    for n in 1 2 3 4 5 6 7 8 9 10; do
        another_namespace
        namespaces+=("$NAMESPACE")
        NS=$NAMESPACE bare_policy web
    done >/dev/null
    for n in "${namespaces[@]}"; do await_armed "$n" web; done
    wait_for 60 at_least 5 cat "$BATS_TEST_TMPDIR/edits"
    rm "$BATS_TEST_TMPDIR/go"
    wait "$editor"
    n=$(cat "$BATS_TEST_TMPDIR/edits")
    wanted=$({ cat "$ZL_RUN/tls/ca.crt"; echo "edit $n"; } | base64 -w 0)
    wait_for 20 is "\"$wanted\"" entry .clientConfig.caBundle
    expect "timeoutSeconds" "$(entry .timeoutSeconds)" = $((n % 9 + 2))
    for n in "${namespaces[@]}"; do selects "$n" || fail "$n is not selected"; done
}

@test "no configuration: the condition and one Event say so, nothing else happens; back again: armed" {
    local name
    policy web
    mark_logs
    disarm_gatekeeper
    wait_for 20 is ConfigurationMissing condition reason
    expect "status" "$(condition status)" = False
    wait_for 10 has_event LeaderPolicy web GatekeeperNotArmed
    deployment web 1 web
    wait_for 15 is 1 ready_pods web
    stays 3 is ConfigurationMissing condition reason
    expect "Events" "$(event_message LeaderPolicy web GatekeeperNotArmed | wc -l)" -eq 1
    expect "its count" "$(k get events -o json | jq '[.items[] | select(.reason == "GatekeeperNotArmed") | .count] | add')" -eq 1
    for name in controller-1 controller-2; do
        ! logged_since "$name" | grep '"level":"\(warn\|error\)".*\(selector:\|validatingwebhook\)' || fail "it made a noise about it"
    done
    arm_gatekeeper "$(port_of proxy)"
    await_armed "$NS" web
    wait_for 10 has_event LeaderPolicy web GatekeeperArmed
}

stranger_selector() { configuration | jq -c '.webhooks[] | select(.name == "pods.example.com") | .namespaceSelector'; }

@test "an entry of another name is no gatekeeper: it stays as it is, and ours comes back beside it" {
    local before
    change_entry '.name = "pods.example.com" | .namespaceSelector = {matchLabels: {a: "b"}}'
    before=$(stranger_selector)
    policy web
    selects || fail "armed and not selected"
    expect "its selector" "$(stranger_selector)" = "$before"
}

@test "a namespace without its label (before 1.21): the condition names the cure, which helps" {
    kubectl label namespace "$NS" kubernetes.io/metadata.name- >/dev/null
    [ -z "$(kubectl get namespace "$NS" -o 'jsonpath={.metadata.labels.kubernetes\.io/metadata\.name}')" ] || skip "this API server sets the label itself"
    bare_policy web
    wait_for 10 is NamespaceNotLabelled condition reason
    expect "status" "$(condition status)" = False
    [[ $(condition message) == *"kubectl label namespace $NS kubernetes.io/metadata.name=$NS" ]]
    kubectl label namespace "$NS" "kubernetes.io/metadata.name=$NS"
    await_armed "$NS" web
}

@test "the webhook is unreachable: the condition says so, and when it is there again" {
    policy web
    stop_all_webhooks
    change_entry '.timeoutSeconds = 4' # any change of the entry makes it look at once; by itself it looks once a minute
    # Two probes, each of which may take the entry's timeout, and in line with those of other namespaces.
    wait_for 30 is WebhookUnreachable condition reason
    expect "status" "$(condition status)" = False
    restore_programs
    await_armed "$NS" web
}

@test "an entry that does not ask about all pods: the probe passes, the condition says NotIntercepted" {
    change_entry '.objectSelector = {matchLabels: {only: "these"}}'
    bare_policy web
    wait_for 40 is NotIntercepted condition reason
    expect "status" "$(condition status)" = False
    # Not at the first probe that passed: for five seconds the API server might only be late.
    wait_for 10 at_least 4 seconds_until_not_armed
    change_entry '.objectSelector = {}'
    await_armed "$NS" web
}

# From the LeaderPolicy to the Event, in a difference of whole seconds.
seconds_until_not_armed() {
    local made said
    made=$(k get leaderpolicy web -o 'jsonpath={.metadata.creationTimestamp}')
    said=$(k get events -o json | jq -r '[.items[] | select(.reason == "GatekeeperNotArmed") | .firstTimestamp] | min // empty')
    echo $(($(date -d "$said" +%s) - $(date -d "$made" +%s)))
}

# as_probe NAME NONCE - a LeaderPolicy with the probe's annotation
as_probe() {
    cat <<POLICY
apiVersion: coordination.kube-zen.io/v1alpha1
kind: LeaderPolicy
metadata: {name: $1, namespace: $NS, annotations: {zen-lead.io/gatekeeper-probe: "$2"}}
POLICY
}

@test "a probe is a dry run with a nonce: everybody else's LeaderPolicies are let through, and none is left behind" {
    policy web
    run kubectl create --dry-run=server -f - <<<"$(as_probe one n0nce)"
    expect "exit of the probe" "$status" -ne 0
    [[ $output == *'"pods.zen-lead.kube-zen.io" denied the request'*n0nce* ]] || fail "answered: $output"
    kubectl create -f - <<<"$(as_probe two n0nce)"
    kubectl create --dry-run=server -f - <<<"$(as_probe three 'Not a nonce')"
    bare_policy four
    expect "policies" "$(k get leaderpolicy -o name | xargs)" = "leaderpolicy.coordination.kube-zen.io/four leaderpolicy.coordination.kube-zen.io/two leaderpolicy.coordination.kube-zen.io/web"
}

# cert-manager/cert-manager#3598 and its kin: "every object needs a label" is the most common rule there is.
@test "a policy of somebody else that wants a label: the probe resembles the namespace's own LeaderPolicy and gets through" {
    kubectl api-resources --api-group admissionregistration.k8s.io -o name | grep -q '^validatingadmissionpolicies\.' ||
        skip "this API server has no ValidatingAdmissionPolicy (1.30)"
    kubectl apply -f - <<POLICY
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: $NS}
spec:
  matchConstraints:
    resourceRules: [{apiGroups: [coordination.kube-zen.io], apiVersions: ["*"], operations: [CREATE], resources: [leaderpolicies]}]
  validations: [{expression: "has(object.metadata.labels) && 'team' in object.metadata.labels", message: label team is required}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: $NS}
spec: {policyName: $NS, validationActions: [Deny], matchResources: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: $NS}}}}
POLICY
    unlabelled_is_refused() { ! k create --dry-run=server -f - <<<'{"apiVersion": "coordination.kube-zen.io/v1alpha1", "kind": "LeaderPolicy", "metadata": {"name": "x"}}' 2>/dev/null; }
    wait_for 20 unlabelled_is_refused
    k create -f - <<<'{"apiVersion": "coordination.kube-zen.io/v1alpha1", "kind": "LeaderPolicy", "metadata": {"name": "web", "labels": {"team": "shop"}}}'
    wait_for 30 is Armed condition reason
    # And where it cannot: the API server's own words are in the condition.
    k label leaderpolicy web team-
    stop_controller 1
    stop_controller 2
    restore_programs
    wait_for 60 is ProbeFailed condition reason
    [[ $(condition message) == *"label team is required"* ]] || fail "it says: $(condition message)"
    kubectl delete validatingadmissionpolicybinding,validatingadmissionpolicy "$NS"
}

@test "the acting controller is killed: the next one arms new namespaces and keeps the old" {
    local since
    policy web
    since=$(condition lastTransitionTime)
    stop_controller 1 KILL
    start_controller 1
    another_namespace
    NS=$NAMESPACE bare_policy web
    await_armed "$NAMESPACE" web
    stop_controller 2 KILL
    await_ready controller-1
    k delete leaderpolicy --all --namespace "$NAMESPACE"
    wait_for 40 selects_not "$NAMESPACE"
    start_controller 2
    expect "status" "$(condition status)" = True
    expect "since" "$(condition lastTransitionTime)" = "$since"
}

@test "standby pools: covered as well, so that a switch to scaleDown needs nothing more" {
    policy web '{followerMode: standby}'
    expect "reason" "$(condition reason)" = Armed
    deployment web 3 web
    wait_for 15 is 3 ready_pods web
    policy web '{followerMode: scaleDown}'
    wait_for 20 one_leader web web
}

@test "kubectl wait on the condition, then the workload: no pod ever slips past" {
    local n
    for n in 1 2 3; do
        another_namespace
        none_slips_past "$NAMESPACE"
    done
}

none_slips_past() {
    local NS=$1
    bare_policy web
    kubectl wait --namespace "$NS" --for condition=GatekeeperArmed --timeout 20s leaderpolicy/web
    deployment web 5 web
    wait_for 15 one_leader web web
    recorder_sync
    expect "pods ever admitted" "$(admitted web)" -eq 1
}

@test "metrics: how many namespaces are armed" {
    policy web
    wait_for 90 all_selected_are_armed # namespaces of other tests may be on their way out
    selects || fail "not selected any more"
    k delete leaderpolicy web
    wait_for 10 selects_not
    wait_for 90 all_selected_are_armed
}

# Only the acting controller counts.
all_selected_are_armed() {
    local n armed=0
    for n in 1 2; do armed=$((armed + $(metric "controller-$n" zen_lead_gatekeeper_namespaces 'state="armed"'))); done
    [ "$(selected | jq '. - ["no.leaderpolicy"] | length')" = "$armed" ]
}

@test "least privilege: the controller may patch these configurations and no other, and may create no pod" {
    local account=system:serviceaccount:zen-lead-system:zen-lead-controller
    may() { kubectl auth can-i "$@" --as "$account" 2>/dev/null || true; }
    expect "patch ours" "$(may patch validatingwebhookconfigurations/zen-lead)" = yes
    expect "patch another" "$(may patch validatingwebhookconfigurations/other)" = no
    expect "update ours" "$(may update validatingwebhookconfigurations/zen-lead)" = no
    expect "patch zen-lead-pods" "$(may patch validatingwebhookconfigurations/zen-lead-pods)" = yes
    expect "create one" "$(may create validatingwebhookconfigurations)" = no
    # Asked for where an owner is set, on OpenShift.
    expect "delete ours" "$(may delete validatingwebhookconfigurations/zen-lead-pods)" = yes
    expect "delete another" "$(may delete validatingwebhookconfigurations/other)" = no
    expect "read another Secret" "$(may get secrets/other -n zen-lead-system)" = no
    expect "read the path elsewhere" "$(may get secrets/zen-lead-review-path -n default)" = no
    expect "mutating" "$(may patch mutatingwebhookconfigurations/zen-lead)" = no
    expect "create pods" "$(may create pods -n "$NS")" = no
    expect "label namespaces" "$(may patch namespaces)" = no
    expect "delete policies" "$(may delete leaderpolicies.coordination.kube-zen.io -n "$NS")" = no
}
