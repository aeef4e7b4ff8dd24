#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# check.sh - do the manifests render, and does an API server take them?
#
#   test/manifests/check.sh                     render with every kubectl at hand
#   KUBECONFIG=FILE test/manifests/check.sh     and show them to that server: a throw-away one, because the
#                                               CRD, the namespace and the roles are really created (and removed)
#
# KUBECTL names the kubectl to use; without it: those in KUBEBUILDER_ASSETS, in the build cache and in PATH.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
manifests=$root/manifests
namespace=zen-lead-system
crd=leaderpolicies.coordination.kube-zen.io
work=$(mktemp -d)
passed=0
failed=0
created=no

cleanup() {
    if [[ $created == yes ]]; then
        kubectl_ delete --ignore-not-found --wait=false -f "$manifests/self-signed/rbac.yaml" \
            -f "$manifests/overlays/routing-only/rbac.yaml" -f "$manifests/base/rbac.yaml" -f "$manifests/base/namespace.yaml" >/dev/null || true
        kubectl_ delete --ignore-not-found crd "$crd" >/dev/null || true
    fi
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

ok() {
    passed=$((passed + 1))
    echo "ok   - $1"
}

not_ok() {
    failed=$((failed + 1))
    echo "FAIL - $1"
    sed -n '1,20s/^/         /p' "$work/out" | awk 1
}

# accepts NAME COMMAND...: the command succeeds
accepts() {
    local name=$1
    shift
    if "$@" >"$work/out" 2>&1; then ok "$name"; else not_ok "$name"; fi
}

# refuses NAME TEXT COMMAND...: the command fails and says TEXT
refuses() {
    local name=$1 text=$2
    shift 2
    if ! "$@" >"$work/out" 2>&1 && grep -qF -- "$text" "$work/out"; then ok "$name"; else not_ok "$name"; fi
}

# prints NAME TEXT COMMAND...: the command succeeds and its output begins with TEXT, runs of spaces counting as one
prints() {
    local name=$1 text=$2
    shift 2
    if "$@" >"$work/out" 2>"$work/err" && [[ $(tr -s ' \n' ' ' <"$work/out") == "$text"* ]]; then
        ok "$name"
    else
        cat "$work/err" >>"$work/out"
        not_ok "$name"
    fi
}

# ---- rendering

# Old kubectls do not say which kustomize is in them: 1.14 to 1.20 have 2.0.3.
kustomize_version() {
    local version
    version=$("$1" version --client -o json 2>/dev/null | sed -n 's/.*"kustomizeVersion": *"v\{0,1\}\([^"]*\)".*/\1/p')
    echo "${version:-2.0.3}"
}

declare -A rendered=()

# Once per version of kustomize.
render_all() {
    local kubectl=$1 kustomize directory name out
    kustomize=$(kustomize_version "$kubectl")
    [[ -z ${rendered[$kustomize]:-} ]] || return 0
    rendered[$kustomize]=yes
    echo "# $kubectl: kustomize $kustomize"
    while read -r directory; do
        directory=$(dirname "$directory")
        name=${directory#"$manifests/"}
        if [[ $name == overlays/cert-manager && $kustomize == 2.* ]]; then
            echo "skip - $name needs kustomize 3.0 or newer"
            continue
        fi
        out=$work/render-$kustomize-${name//\//-}.yaml
        if "$kubectl" kustomize "$directory" >"$out" 2>"$work/out"; then
            ok "$name renders: $(grep -c '^kind:' "$out") objects"
        else
            not_ok "$name renders"
        fi
    done < <(find "$manifests" -name kustomization.yaml | sort)
}

kubectls() {
    if [[ -n ${KUBECTL:-} ]]; then
        echo "$KUBECTL"
        return
    fi
    local found
    for found in "${KUBEBUILDER_ASSETS:-/nonexistent}"/kubectl \
        "${XDG_CACHE_HOME:-$HOME/.cache}"/zen-lead/controlplane-*/kubectl "$(type -P kubectl || true)"; do
        [[ -x $found ]] && echo "$found"
    done
}

# ---- the server

kubectl_() { "$server_kubectl" --request-timeout=20s "$@"; }

policy() { # NAME SPEC: a LeaderPolicy as a file, its name is printed
    printf '{"apiVersion":"coordination.kube-zen.io/v1alpha1","kind":"LeaderPolicy","metadata":{"name":"%s","namespace":"default"}%s}\n' \
        "$1" "$2" >"$work/policy.json"
    echo "$work/policy.json"
}

server_minor() {
    kubectl_ get --raw /version | sed -n 's/.*"minor": *"\([0-9]*\).*/\1/p'
}

check_objects() {
    local minor=$1 install=$manifests/base
    ((minor >= 27)) || install=$manifests/overlays/kubernetes-1.25
    ((minor >= 25)) || install=$manifests/overlays/kubernetes-1.20
    echo "# server 1.$minor: install with ${install#"$root/"}"
    case $(kubectl_ get namespace "$namespace" -o 'jsonpath={.status.phase}' 2>/dev/null || true) in
    "") created=yes ;;
    Terminating)
        echo "check.sh: namespace $namespace is being deleted: wait, or run kube-controller-manager, which does it" >&2
        exit 2
        ;;
    esac
    accepts "namespace and roles are created" kubectl_ apply -f "$manifests/base/namespace.yaml" \
        -f "$manifests/base/rbac.yaml" -f "$manifests/self-signed/rbac.yaml"
    accepts "every object is accepted (server-side dry run)" kubectl_ apply --dry-run=server -k "$install"
    accepts "self-signed is accepted (server-side dry run)" kubectl_ apply --dry-run=server -k "$manifests/self-signed"
    local renewal=$manifests/self-signed-renewal
    ((minor >= 21)) || renewal=$manifests/self-signed-renewal-1.20
    accepts "${renewal#"$manifests/"} is accepted (server-side dry run)" kubectl_ apply --dry-run=server -k "$renewal"
    accepts "routing-only is accepted (server-side dry run)" kubectl_ apply --dry-run=server -k "$manifests/overlays/routing-only"
    if ((minor < 25)); then
        accepts "the CRD with CEL is accepted by the server when kubectl sends it" \
            kubectl_ apply --dry-run=server --validate=false -f "$manifests/base/crd.yaml"
    fi
    kubectl_ kustomize "$install" 2>/dev/null |
        awk 'BEGIN { RS = "---\n" } /kind: CustomResourceDefinition/' >"$work/crd.yaml"
    accepts "the CRD is created" kubectl_ apply -f "$work/crd.yaml"
    accepts "the CRD is established" kubectl_ wait --for=condition=Established --timeout=20s "crd/$crd"
    prints "no structural problem is reported" "" kubectl_ get crd "$crd" \
        -o 'jsonpath={.status.conditions[?(@.type=="NonStructuralSchema")].message}'
}

dry_create() { kubectl_ create --dry-run=server -o "${2:-name}" -f "$1"; }

refused_spec() { # TEXT SPEC
    refuses "refused: $2" "$1" dry_create "$(policy pool ",\"spec\":$2")"
}

check_schema() {
    local minor=$1 long
    prints "defaults are filled, without any spec" '15 10 2 pod scaleDown Handover false' dry_create "$(policy pool '')" \
        'jsonpath={.spec.leaseDurationSeconds} {.spec.renewDeadlineSeconds} {.spec.retryPeriodSeconds} {.spec.identityStrategy} {.spec.followerMode} {.spec.rollout} {.spec.podRoleLabel}'
    refused_spec 'spec.followerMode: Unsupported value' '{"followerMode":"parked"}'
    refused_spec 'spec.identityStrategy: Unsupported value' '{"identityStrategy":"Pod"}'
    refused_spec 'spec.rollout: Unsupported value' '{"rollout":"handover"}'
    refused_spec 'spec.leaseDurationSeconds' '{"leaseDurationSeconds":4}'
    refused_spec 'spec.leaseDurationSeconds' '{"leaseDurationSeconds":3601}'
    refused_spec 'spec.retryPeriodSeconds' '{"retryPeriodSeconds":0}'
    refused_spec 'spec.leaseDurationSeconds' '{"leaseDurationSeconds":"15"}'
    refused_spec 'spec.podRoleLabel' '{"podRoleLabel":"yes"}'
    long=$(printf 'a%.0s' {1..63})
    accepts "a pool name of 63 characters is accepted" dry_create "$(policy "$long" '')"
    refuses "a pool name of 64 characters is refused" 'metadata.name' dry_create "$(policy "a$long" '')"
    if ((minor >= 25)); then
        refused_spec 'lower retryPeriodSeconds or raise renewDeadlineSeconds' '{"retryPeriodSeconds":10}'
        refused_spec 'lower renewDeadlineSeconds or raise leaseDurationSeconds' '{"leaseDurationSeconds":10}'
    else
        echo "skip - the order retry < renew < lease is checked by CEL, which came with 1.25"
    fi
}

check_status() {
    local version path=/apis/coordination.kube-zen.io/v1alpha1/namespaces/default/leaderpolicies/check-columns
    kubectl_ delete --ignore-not-found lp check-columns >/dev/null
    accepts "a LeaderPolicy is created" kubectl_ create -f "$(policy check-columns '')"
    version=$(kubectl_ get lp check-columns -o 'jsonpath={.metadata.resourceVersion}')
    policy check-columns ',"status":{"phase":"Stable","currentHolder":{"name":"api-7d9-x","uid":"u1","namespace":"default",
        "startTime":"2026-01-02T03:04:05Z"},"candidates":1,"blocked":2,"fencingToken":9007199254740993,"leaseTransitions":4,
        "workloads":[{"kind":"Deployment","name":"api","strategy":"TrafficDirector"}],"lastTransitionTime":"2026-01-02T03:04:05Z",
        "observedGeneration":1,"conditions":[{"type":"Ready","status":"True","reason":"LeaderReady","message":"api-7d9-x leads.",
        "lastTransitionTime":"2026-01-02T03:04:05Z"}]}' >/dev/null
    sed -i "s/\"metadata\":{/&\"resourceVersion\":\"$version\",/" "$work/policy.json"
    accepts "its status is written through the subresource" kubectl_ replace --raw "$path/status" -f "$work/policy.json"
    prints "columns of kubectl get lp" "NAME PHASE LEADER CANDIDATES TRANSITIONS AGE check-columns Stable api-7d9-x 1 4 " \
        kubectl_ get lp check-columns
    prints "columns of kubectl get lp -o wide" "NAME PHASE LEADER CANDIDATES TRANSITIONS TOKEN MODE AGE check-columns Stable api-7d9-x 1 4 9007199254740993 scaleDown " \
        kubectl_ get lp check-columns -o wide
    prints "nothing of the status is pruned" "u1 2 LeaderReady Deployment 1" kubectl_ get lp check-columns \
        -o 'jsonpath={.status.currentHolder.uid} {.status.blocked} {.status.conditions[0].reason} {.status.workloads[0].kind} {.status.observedGeneration}'
    prints "kubectl explain knows the fields" "KIND: LeaderPolicy VERSION: coordination.kube-zen.io/v1alpha1 FIELD: followerMode" \
        kubectl_ explain lp.spec.followerMode
    accepts "it can be deleted" kubectl_ delete lp check-columns
}

can() { # yes|no ACCOUNT VERB RESOURCE [OPTION...]
    local want=$1 account=$2 answer
    shift 2
    answer=$(kubectl_ auth can-i "$@" --as="system:serviceaccount:$namespace:$account" 2>"$work/out" || true)
    if [[ $answer == "$want" ]]; then ok "$account: $* = $want"; else not_ok "$account: $* = $want, not '$answer'"; fi
}

check_rbac() {
    local verb
    for verb in patch update create; do
        can no zen-lead-controller $verb pods -n default
        can no zen-lead-webhook $verb pods -n default
    done
    can yes zen-lead-controller delete pods -n default
    can no zen-lead-webhook delete pods -n default
    can yes zen-lead-controller patch replicasets.apps -n default
    can yes zen-lead-controller patch statefulsets.apps -n default
    can no zen-lead-controller patch deployments.apps -n default
    can no zen-lead-controller update replicasets.apps -n default
    for verb in get create update delete; do
        can yes zen-lead-controller $verb services -n default
        can yes zen-lead-controller $verb endpointslices.discovery.k8s.io -n default
        can no zen-lead-webhook $verb services -n default
    done
    can no zen-lead-controller update nodes
    can no zen-lead-webhook patch replicasets.apps -n default
    can yes zen-lead-webhook get replicasets.apps -n default
    for verb in get create update; do
        can yes zen-lead-controller $verb leases.coordination.k8s.io -n default
        can yes zen-lead-webhook $verb leases.coordination.k8s.io -n default
    done
    can no zen-lead-webhook delete leases.coordination.k8s.io -n default
    can yes zen-lead-controller patch leaderpolicies.coordination.kube-zen.io --subresource=status -n default
    can yes zen-lead-webhook patch leaderpolicies.coordination.kube-zen.io --subresource=status -n default
    can no zen-lead-controller patch leaderpolicies.coordination.kube-zen.io -n default
    can no zen-lead-controller delete leaderpolicies.coordination.kube-zen.io -n default
    # For dry runs; RBAC cannot tell them apart.
    can yes zen-lead-controller create leaderpolicies.coordination.kube-zen.io -n default
    for verb in get patch; do
        can yes zen-lead-controller $verb validatingwebhookconfigurations.admissionregistration.k8s.io/zen-lead
        can no zen-lead-controller $verb validatingwebhookconfigurations.admissionregistration.k8s.io/other
        can no zen-lead-webhook $verb validatingwebhookconfigurations.admissionregistration.k8s.io/zen-lead
    done
    for verb in create update delete; do
        can no zen-lead-controller $verb validatingwebhookconfigurations.admissionregistration.k8s.io/zen-lead
    done
    can yes zen-lead-webhook create events -n default
    can no zen-lead-controller get secrets -n $namespace
    can no zen-lead-webhook get secrets -n $namespace
    can yes zen-lead-certs patch secrets/zen-lead-webhook-tls -n $namespace
    can no zen-lead-certs get secrets/other -n $namespace
    can no zen-lead-certs get secrets/zen-lead-webhook-tls -n default
    can yes zen-lead-certs patch validatingwebhookconfigurations.admissionregistration.k8s.io/zen-lead
    can no zen-lead-certs patch validatingwebhookconfigurations.admissionregistration.k8s.io/other
}

# What the controller may do with the roles of overlays/routing-only instead of those of base.
check_routing_rbac() {
    local verb lease=leases.coordination.k8s.io/zen-lead-controller-leader-election
    kubectl_ delete clusterrolebinding zen-lead-controller >/dev/null
    accepts "the roles of routing-only are created" kubectl_ apply -f "$manifests/overlays/routing-only/rbac.yaml"
    for verb in create update patch delete; do
        can no zen-lead-controller $verb pods -n default
        can no zen-lead-controller $verb leases.coordination.k8s.io -n default
        can no zen-lead-controller $verb replicasets.apps -n default
        can yes zen-lead-controller $verb services -n default
        can yes zen-lead-controller $verb endpointslices.discovery.k8s.io -n default
    done
    can yes zen-lead-controller watch pods --all-namespaces
    can yes zen-lead-controller create leases.coordination.k8s.io -n $namespace
    can yes zen-lead-controller update $lease -n $namespace
    can no zen-lead-controller update leases.coordination.k8s.io/other -n $namespace
    can no zen-lead-controller get validatingwebhookconfigurations.admissionregistration.k8s.io/zen-lead
    can no zen-lead-controller create leaderpolicies.coordination.kube-zen.io -n default
    kubectl_ delete clusterrolebinding zen-lead-routing >/dev/null
    kubectl_ apply -f "$manifests/base/rbac.yaml" >/dev/null
}

mapfile -t found < <(kubectls | awk '!seen[$0]++')
if ((${#found[@]} == 0)); then
    echo "check.sh: no kubectl found: install one, or name it in KUBECTL" >&2
    exit 2
fi
for one in "${found[@]}"; do render_all "$one"; done

if [[ -n ${KUBECONFIG:-} ]]; then
    server_kubectl=${found[0]}
    minor=$(server_minor)
    check_objects "$minor"
    check_schema "$minor"
    check_status
    check_rbac
    check_routing_rbac
else
    echo "skip - no KUBECONFIG: not shown to an API server"
fi
echo "# $passed passed, $failed failed"
((failed == 0))
