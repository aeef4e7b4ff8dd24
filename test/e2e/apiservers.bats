#!/usr/bin/env bats
#
# apiservers.bats - two API servers on one etcd, behind a proxy that leaves standing connections where they are. One of them hangs while its
# kernel answers; the proxy swallows what standing connections carry. And one of the two shows a certificate when it asks for reviews.
#
#   kubectl, kube-controller-manager, stand-in for kubelets ----------------------------- kube-apiserver
#   webhook-N, controller-N --- link (swallows) --- proxy (new ones to "second" while it answers) --+
#                                                                                       second

load lib
# shellcheck source=test/controlplane/apiservers.bash
. "$BATS_TEST_DIRNAME/../controlplane/apiservers.bash"

# The shortest patience that there is: with the default the same takes 120 s. A watch without a word ends after 5 to 6.7 s, its
# next one is opened on another connection at once; a write on a connection that hangs takes 10 s, and the next one goes elsewhere.
silence_s=5
bound_ms=$((silence_s * 1333 + 10000))
slack_ms=20000 # two processors for everybody; without the mend it takes more than five minutes

# Users' times for the controllers' election: the point is that ten seconds are enough.
eval "quick_$(declare -f start_controller)"
start_controller() {
    quick_start_controller "$@" --kubeconfig "$(through_link controller api)" --watch-silence-seconds "$silence_s" \
        --leader-elect-lease-duration-seconds 15 --leader-elect-renew-deadline-seconds 10 --leader-elect-retry-period-seconds 2
}
eval "quick_$(declare -f start_webhook)"
start_webhook() {
    local options=()
    [ ! -e "$BATS_FILE_TMPDIR/reviewer" ] || options=(--client-ca-file "$keys/ca.crt" --client-name kube-apiserver)
    quick_start_webhook "$@" --kubeconfig "$(through_link webhook api)" --watch-silence-seconds "$silence_s" --deadline-ms 2500 "${options[@]}"
}
programs=(webhook-1 webhook-2 webhook-3 controller-1 controller-2)
keys=$ZL_RUN/reviewer

setup_file() {
    make_reviewers 2>"$BATS_FILE_TMPDIR/openssl" || { cat "$BATS_FILE_TMPDIR/openssl" >&2; return 1; }
    another_apiserver second --admission-control-config-file "$keys/admission.yaml"
    start_apiservers_proxy "$(port_of second)" "$(apiserver_port)"
    start_link api "$(port_of apiservers)"
    stop_ours
}

teardown_file() {
    stop_ours
    kill -s CONT "$(process_pid second)" || true
    for program in link-api apiservers-proxy second; do process_stop "$program" TERM 5 || true; done
    rm -rf "$keys" "$ZL_RUN/link-api"
}

setup() {
    if [[ $BATS_TEST_DESCRIPTION == *--client-ca-file* ]]; then
        touch "$BATS_FILE_TMPDIR/reviewer"
        stop_webhooks
    fi
    restore_programs
    new_namespace
}

teardown() {
    [ -n "${BATS_TEST_COMPLETED:-}" ] || explain
    kill -s CONT "$(process_pid second)" || true
    if [ -e "$BATS_FILE_TMPDIR/reviewer" ]; then
        rm "$BATS_FILE_TMPDIR/reviewer"
        stop_webhooks
    fi
    drop_namespace
}

stop_webhooks() {
    local n
    for n in 1 2 3; do stop_webhook "$n" || true; done
}

stop_ours() {
    local program
    for program in "${programs[@]}"; do process_stop "$program" || true; done
}

# --- who asks for reviews

# make_reviewers - kube-apiserver's certificate; one of the same CA for somebody else; one of another CA with the right name
make_reviewers() {
    mkdir -p "$keys"
    make_ca ca
    make_ca other-ca
    make_client reviewer ca kube-apiserver
    make_client kubelet ca system:node:node-1
    make_client forger other-ca kube-apiserver
    cat >"$keys/admission.yaml" <<CONFIGURATION
apiVersion: apiserver.config.k8s.io/v1
kind: AdmissionConfiguration
plugins:
  - name: ValidatingAdmissionWebhook
    configuration:
      apiVersion: apiserver.config.k8s.io/v1
      kind: WebhookAdmissionConfiguration
      kubeConfigFile: $keys/webhooks.kubeconfig
CONFIGURATION
    cat >"$keys/webhooks.kubeconfig" <<KUBECONFIG
apiVersion: v1
kind: Config
users:
  - name: 127.0.0.1:$(port_of proxy)
    user: {client-certificate: $keys/reviewer.crt, client-key: $keys/reviewer.key}
KUBECONFIG
}

# make_ca NAME
make_ca() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=$1" -keyout "$keys/$1.key" -out "$keys/$1.crt"
}

# make_client NAME CA COMMON-NAME
make_client() {
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$3" -keyout "$keys/$1.key" -out "$keys/$1.csr"
    openssl x509 -req -in "$keys/$1.csr" -CA "$keys/$2.crt" -CAkey "$keys/$2.key" -CAcreateserial -days 2 \
        -extfile <(echo extendedKeyUsage=clientAuth) -out "$keys/$1.crt"
}

# say_as WHO PATH FILE - status and body of what webhook-1 answers; WHO "" shows no certificate
say_as() {
    local certificate=()
    [ -z "$1" ] || certificate=(--cert "$keys/$1.crt" --key "$keys/$1.key")
    curl -s --noproxy '*' -m 20 --cacert "$ZL_RUN/tls/ca.crt" "${certificate[@]}" -w '\n%{http_code}' \
        -H 'Content-Type: application/json' --data-binary "@$3" "https://127.0.0.1:$(port_of webhook-1)$2"
}

# review GROUP RESOURCE OBJECT
review() {
    jq -cn --arg namespace "$NS" --arg group "$1" --arg resource "$2" --argjson object "$3" '{apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview",
        request: {uid: "x", operation: "CREATE", $namespace, resource: {group: $group, version: "v1", resource: $resource}, object: $object}}'
}

# pod_as_json REPLICASET - with the label without which it would let it go again
pod_as_json() {
    pod_of "$1" | k create --dry-run=client -o json -f - | jq --arg hash "${1##*-}" '.metadata.labels["pod-template-hash"] = $hash'
}

@test "with --client-ca-file: reviews of an API server that shows its certificate pass; a forged one is refused, writes nothing and learns nothing" {
    local replicaset who path answer
    # What the second API server is asked for. kube-controller-manager has the first, which shows no certificate.
    export KUBECONFIG=$ZL_RUN/second.kubeconfig
    policy web
    deployment web 3 web
    refused_without_certificate() { k get events -o json | jq -e '.items[] | select(.reason == "FailedCreate") | .message | contains("failed calling webhook \"pods.zen-lead.kube-zen.io\"")' >/dev/null; }
    wait_for 60 refused_without_certificate
    expect "pods" "$(pod_count web)" = 0
    replicaset=$(k get replicasets -l app=web -o 'jsonpath={.items[0].metadata.name}')

    # The seat is free. Path and uid are right, so that it is the certificate alone that is missing.
    review "" pods "$(pod_as_json "$replicaset" | jq --arg ns "$NS" '.metadata += {name: "ghost", namespace: $ns, uid: "ghost-uid"}')" \
        >"$BATS_TEST_TMPDIR/forged"
    for path in web none; do
        review apps deployments "$(workload Deployment probe 3 $path | kubectl create --dry-run=client -o json -f -)" >"$BATS_TEST_TMPDIR/of-$path"
    done
    for who in "" forger kubelet; do
        answer=$(say_as "$who" "$(review_path)" "$BATS_TEST_TMPDIR/forged")
        expect "status of a review forged by \"$who\"" "${answer##*$'\n'}" = 403
        for path in /warn-workload /validate/guess; do
            expect "what \"$who\" is told at $path of a pool that is there" "$(say_as "$who" $path "$BATS_TEST_TMPDIR/of-web")" = "$answer"
            expect "what \"$who\" is told at $path of one that is not" "$(say_as "$who" $path "$BATS_TEST_TMPDIR/of-none")" = "$answer"
        done
    done
    expect "holder" "$(holder web 2>/dev/null)" = ""

    pod_as_json "$replicaset" | k create -f -
    wait_for 60 one_leader web web
    run k create -f - <<<"$(pod_as_json "$replicaset")"
    [[ $output == *"denied the request: zen-lead: "* ]] || fail "the second pod: $output"
    # So it is not refused for what it says.
    answer=$(say_as reviewer "$(review_path)" "$BATS_TEST_TMPDIR/forged")
    expect "status of a review with the certificate" "${answer##*$'\n'}" = 200
}

# --- one of two hangs

make_pools() {
    bare_policy calm '{followerMode: standby}'
    bare_policy web
    await_armed "$NS" calm
    await_armed "$NS" web
    deployment calm 3 calm
    deployment web 3 web
    wait_for 60 one_leader web web
    wait_for 60 is 3 ready_pods calm
    wait_for 60 is_not "" holder calm
}

all_pids() { for program in "${programs[@]}"; do process_pid "$program"; done; }
leads_another() { is_not "" holder "$1" && is_not "$2" holder "$1"; }

# fail_over_while COMMAND... - the fault; then both pools' leaders fall, and the next ones lead within the bound.
fail_over_while() {
    local calm web controller pids started took
    make_pools
    wait_for 60 is_not "" acting
    calm=$(holder calm) web=$(holder web) controller=$(acting) pids=$(all_pids)
    mark_logs
    "$@"
    started=$(now_ms)
    k annotate pod "${calm%%_*}" zl-test/ready=false
    k delete pod "${web%%_*}" --wait=false
    wait_for 120 leads_another calm "$calm"
    echo "# standby: the next one leads $(($(now_ms) - started)) ms after the fault" >&3
    wait_for 120 one_leader web web
    leads_another web "$web" || fail "$web leads on, and is gone"
    took=$(($(now_ms) - started))
    echo "# scaleDown: $took ms" >&3
    expect "milliseconds until both pools are led again" "$took" -lt $((bound_ms + slack_ms))
    expect "pods at once" "$(most_at_once web)" = 1
    # It was the fault that kept them waiting.
    logged_since "$controller" | grep -q 'closed a connection on which nothing came.*WATCH pods' || fail "$controller lost no watch of pods"
    expect "who acts" "$(acting)" = "$controller"
    expect "processes" "$(all_pids)" = "$pids"
}

@test "an API server hangs, its kernel answers (SIGSTOP): failover goes on within the bound, and no controller gives up" {
    stop_second() { kill -s STOP "$(process_pid second)"; }
    fail_over_while stop_second
}

@test "a proxy swallows what standing connections carry: failover goes on within the bound, and no controller gives up" {
    fail_over_while link api swallow
}
