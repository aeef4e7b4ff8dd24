#!/usr/bin/env bats
#
# install.bats - what users install is accepted by the API server, and zen-lead-certs does what cert-manager would.

load lib

teardown() {
    [ -n "${BATS_TEST_COMPLETED:-}" ] || explain
    kubectl delete validatingwebhookconfiguration "$NS" --ignore-not-found >/dev/null
    drop_namespace
}

@test "the API server accepts every object of manifests/, fills defaults and refuses bad policies" {
    # It writes a status of its own, which a controller would set right at once.
    stop_controller 1
    stop_controller 2
    # shellcheck disable=SC2154 # of programs.bash
    run bash "$zl_root/test/manifests/check.sh"
    echo "$output" | grep -vE '^ok ' || true
    expect "exit status" "$status" -eq 0
    [[ $output == *", 0 failed"* ]]
    expect "checks that ran" "$(echo "$output" | grep -cE '^ok ')" -ge 40
    restore_programs
}

certs() {
    "$ZL_BIN/zen-lead-certs" --kubeconfig "$ZL_RUN/kubeconfig" --namespace "$NS" --service zen-lead-webhook \
        --secret tls --webhook-configuration "$NS" "$@"
}

# The CA of each entry, a line for each.
bundles() { field '{range .webhooks[*]}{.clientConfig.caBundle}{"\n"}{end}'; }

all_but_bundles() { kubectl get validatingwebhookconfiguration "$NS" -o json | jq -S '.webhooks | map(del(.clientConfig.caBundle))'; }

field() { kubectl get validatingwebhookconfiguration "$NS" -o "jsonpath=$1"; }

@test "zen-lead-certs: Secret and caBundle are made once, kept after that, and renewed on demand" {
    local version rest
    # Nobody answers behind it: it must concern this namespace alone.
    manifests ValidatingWebhookConfiguration | kubectl create --dry-run=client -o json -f - |
        jq --arg ns "$NS" '.metadata.name = $ns | .webhooks[].namespaceSelector =
            {matchExpressions: [{key: "kubernetes.io/metadata.name", operator: "In", values: [$ns]}]}' | kubectl apply -f -
    rest=$(all_but_bundles)
    certs
    k get secret tls -o json | jq -r '.data["tls.crt"] | @base64d' >"$BATS_TEST_TMPDIR/tls.crt"
    field '{.webhooks[0].clientConfig.caBundle}' | base64 -d >"$BATS_TEST_TMPDIR/ca.crt"
    openssl verify -CAfile "$BATS_TEST_TMPDIR/ca.crt" -verify_hostname "zen-lead-webhook.$NS.svc" "$BATS_TEST_TMPDIR/tls.crt"
    expect "entries" "$(bundles | wc -l)" -eq 3
    expect "CAs of the entries" "$(bundles | sort -u)" = "$(base64 -w 0 "$BATS_TEST_TMPDIR/ca.crt")"

    version=$(k get secret tls -o jsonpath='{.metadata.resourceVersion}')/$(field '{.metadata.resourceVersion}')
    certs
    expect "resourceVersions after a second run" \
        "$(k get secret tls -o jsonpath='{.metadata.resourceVersion}')/$(field '{.metadata.resourceVersion}')" = "$version"

    certs --force
    k get secret tls -o json | jq -r '.data["tls.crt"] | @base64d' >"$BATS_TEST_TMPDIR/new.crt"
    field '{.webhooks[0].clientConfig.caBundle}' | base64 -d >"$BATS_TEST_TMPDIR/ca.crt"
    ! cmp -s "$BATS_TEST_TMPDIR/tls.crt" "$BATS_TEST_TMPDIR/new.crt" || fail "--force changed nothing"
    openssl verify -CAfile "$BATS_TEST_TMPDIR/ca.crt" "$BATS_TEST_TMPDIR/new.crt"
    expect "CAs of the entries after --force" "$(bundles | sort -u)" = "$(base64 -w 0 "$BATS_TEST_TMPDIR/ca.crt")"
    expect "everything but caBundle" "$(all_but_bundles)" = "$rest"
}
