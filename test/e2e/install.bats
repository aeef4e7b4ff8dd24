#!/usr/bin/env bats
#
# install.bats - what users install is accepted by the API server, and zen-lead-certs does what cert-manager would.

load lib

teardown() {
    [ -n "${BATS_TEST_COMPLETED:-}" ] || explain
    kubectl delete validatingwebhookconfiguration "$NS" --ignore-not-found >/dev/null
    kubectl delete clusterrole,clusterrolebinding "certs-$NS" --ignore-not-found >/dev/null
    drop_namespace
}

@test "the API server accepts every object of manifests/, fills defaults and refuses bad policies" {
    # It writes a status of its own, which a controller would set right at once.
    stop_controller 1
    stop_controller 2
    # Rendering with other kubectls is make manifests-check's business.
    # shellcheck disable=SC2154 # of programs.bash
    run env KUBECTL="$ZL_RUN/bin/kubectl" bash "$zl_root/test/manifests/check.sh"
    echo "$output" | grep -vE '^ok ' || true
    expect "exit status" "$status" -eq 0
    [[ $output == *", 0 failed"* ]]
    expect "checks that ran" "$(echo "$output" | grep -cE '^ok ')" -ge 150
    restore_programs
}

# The rights of manifests/self-signed, for this namespace's Secret "tls" and configuration $NS: the real one is in use.
allow_certs() {
    kubectl create --dry-run=client -o json -f "$zl_root/manifests/self-signed/rbac.yaml" |
        jq --arg ns "$NS" 'select(.kind != "ServiceAccount") | .metadata.name = "certs-\($ns)"
            | if .metadata.namespace then .metadata.namespace = $ns else . end
            | if .roleRef then .roleRef.name = "certs-\($ns)" else . end
            | (.rules[]?.resourceNames | select(.) | .[]) |= {"zen-lead-webhook-tls": "tls", "zen-lead": $ns}[.]' |
        kubectl apply -f -
}

certs() {
    "$ZL_BIN/zen-lead-certs" --kubeconfig "$ZL_RUN/certs.kubeconfig" --namespace "$NS" --service zen-lead-webhook \
        --secret tls --webhook-configuration "$NS" "$@"
}

# The CA of each entry, a line for each.
bundles() { field '{range .webhooks[*]}{.clientConfig.caBundle}{"\n"}{end}'; }

all_but_bundles() { kubectl get validatingwebhookconfiguration "$NS" -o json | jq '.webhooks | map(del(.clientConfig.caBundle))'; }

field() { kubectl get validatingwebhookconfiguration "$NS" -o "jsonpath=$1"; }

@test "zen-lead-certs: Secret and caBundle are made once, kept after that, and renewed on demand" {
    local version rest
    allow_certs
    # Nobody answers behind it: it must concern this namespace alone.
    manifests ValidatingWebhookConfiguration | kubectl create --dry-run=client -o json -f - |
        jq --arg ns "$NS" 'select(.webhooks) | .metadata.name = $ns | .webhooks[].namespaceSelector =
            {matchExpressions: [{key: "kubernetes.io/metadata.name", operator: "In", values: [$ns]}]}' | kubectl apply -f -
    rest=$(all_but_bundles)
    certs
    k get secret tls -o json | jq -r '.data["tls.crt"] | @base64d' >"$BATS_TEST_TMPDIR/tls.crt"
    field '{.webhooks[0].clientConfig.caBundle}' | base64 -d >"$BATS_TEST_TMPDIR/ca.crt"
    openssl verify -CAfile "$BATS_TEST_TMPDIR/ca.crt" -verify_hostname "zen-lead-webhook.$NS.svc" "$BATS_TEST_TMPDIR/tls.crt"
    expect "entries" "$(bundles | wc -l)" -eq 2
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

# argo-workflows#960 and its kin: Kubernetes' own roles know nothing of a custom resource by themselves.
@test "admin and edit of a namespace make its pools, view reads them, and nobody of them elsewhere or their status" {
    local role verb
    for role in admin edit view; do k create rolebinding "$role" --clusterrole "$role" --user "$role-$NS"; done
    can() { kubectl auth can-i "$1" leaderpolicies.coordination.kube-zen.io --as "$2-$NS" "${@:3}" 2>/dev/null || true; }
    wait_for 20 is yes can create admin -n "$NS" # roles are put together by the controller manager
    for verb in get list create update patch delete; do
        for role in admin edit; do expect "$role $verb" "$(can "$verb" "$role" -n "$NS")" = yes; done
    done
    expect "view get" "$(can get view -n "$NS")" = yes
    expect "view create" "$(can create view -n "$NS")" = no
    expect "edit status" "$(can patch edit -n "$NS" --subresource status)" = no
    expect "admin elsewhere" "$(can create admin -n default)" = no
}

# --- beside other tools

tool_labels=(argocd.argoproj.io/instance=shop app.kubernetes.io/instance=shop kustomize.toolkit.fluxcd.io/name=shop
    kustomize.toolkit.fluxcd.io/namespace=flux-system helm.toolkit.fluxcd.io/name=shop)
tool_annotations=(argocd.argoproj.io/tracking-id=shop:any/thing argocd.argoproj.io/sync-wave=1 meta.helm.sh/release-name=shop
    meta.helm.sh/release-namespace=flux-system kustomize.toolkit.fluxcd.io/checksum=abc)

# Everything that zen-lead made in this namespace.
ours() {
    k get services,endpointslices,leases -o json | jq '.items[] | select(.metadata.labels |
        (.["app.kubernetes.io/managed-by"] == "zen-lead") or (.["endpointslice.kubernetes.io/managed-by"] == "zen-lead"))'
}
leads() { [ -n "$(k get endpointslices -l "kubernetes.io/service-name=$1" -o 'jsonpath={.items[*].endpoints[*].targetRef.name}')" ]; }

@test "GitOps: what zen-lead makes carries no label or annotation by which a tool knows its own, and objects in a repository are not written" {
    local object
    k apply -f - <<SERVICE
apiVersion: v1
kind: Service
metadata: {name: shop}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
SERVICE
    policy web '{followerMode: standby}'
    deployment web 2 web
    for object in service/shop deployment/web leaderpolicy/web; do
        k label "$object" "${tool_labels[@]}"
        k annotate "$object" "${tool_annotations[@]}"
    done
    k annotate service shop zen-lead.io/enabled=true
    for object in shop-leader web-leader web-director; do wait_for 30 leads "$object"; done

    [ "$(ours | jq -s length)" -ge 7 ] || fail "not all is there: $(ours | jq -c '[.kind, .metadata.name]')"
    expect "keys of tools on it" "$(ours | jq -r '(.metadata.labels // {}) + (.metadata.annotations // {}) | keys[] |
        select(test("argoproj|fluxcd|helm|app.kubernetes.io/instance|kubectl"))')" = ""
    expect "without an owner" "$(ours | jq -r 'select(.metadata.ownerReferences | length == 0) | .metadata.name')" = ""
    for object in api/v1:services/shop apis/apps/v1:deployments/web; do
        expect "what zen-lead wrote of $object" "$(fields_of "$object")" = ""
    done
    # Nor is anything but the status of a LeaderPolicy.
    expect "what zen-lead wrote of the LeaderPolicy" \
        "$(fields_of apis/coordination.kube-zen.io/v1alpha1:leaderpolicies/web)" = f:status
}

# fields_of GROUP/VERSION:RESOURCE/NAME - the fields of it that zen-lead wrote. kubectl hides them from 1.21 on, but for --raw.
fields_of() {
    k get --raw "/${1%%:*}/namespaces/$NS/${1#*:}" | jq -r 'if .metadata.managedFields == null then "nobody knows" else
        .metadata.managedFields[] | select(.manager | test("zen-lead")) | .fieldsV1 | keys[] end' | sort -u
}

@test "the commands of docs/troubleshooting.md that others' documents have too answer" {
    local object line count=0
    k apply -f - <<SERVICE
apiVersion: v1
kind: Service
metadata: {name: web, annotations: {zen-lead.io/enabled: "true", zen-lead.io/leader-service-name: web-main}}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
SERVICE
    policy web '{followerMode: standby}'
    deployment web 2 web
    for object in web-main web-leader; do wait_for 30 leads "$object"; done
    wait_for 20 has_event Service web LeaderServiceCreated
    # Last of all.
    wait_for 20 is_not "" policy_status web .currentHolder.name
    for object in web-main web-leader; do wait_for 20 is_not "" leader_annotation "$object" leader-last-switch-time; done

    # In each, NAMESPACE etc. stand for what this test has.
    while IFS= read -r line; do
        # The cluster is the next area's, too.
        [[ $line =~ ^kubectl\ (get|describe|auth)\  ]] || fail "it does more than read: $line"
        line=${line//<namespace>/$NS} line=${line//<pool>/web} line=${line//<service>/web} line=${line//<leader service>/web-main}
        line=${line//<leader pod>/$(policy_status web .currentHolder.name)}
        expect "answer of: $line" "$(eval "$line" 2>&1 | head -c 4000 | grep -cvE '^(No resources found|error|Error)')" -ge 1
        count=$((count + 1))
    done < <(awk '/^## /{here = $0 == "## Commands"} /^```$/{code = 0} here && code && /^kubectl/; /^```sh$/{code = 1}' \
        "$zl_root/docs/troubleshooting.md" | sed 's/ *#.*//')
    expect "commands" "$count" -ge 10
}
