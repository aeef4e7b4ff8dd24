#!/usr/bin/env bash
# chart.sh - is the Helm chart what the manifests for kustomize say, and does it render to the same objects?
#
# Linted and rendered by the official helm 3 and helm 4 (test/controlplane/helm.sh), or by the one that HELM names.
# shellcheck disable=SC2317 # the functions are called by check
set -euo pipefail
cd "$(dirname "$0")/../.."
chart=manifests/chart
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
failures=0
check() { # NAME COMMAND...
    local name=$1
    shift
    if "$@" >"$work/out" 2>&1; then
        echo "ok   - $name"
    else
        echo "FAIL - $name"
        sed -n '1,30s/^/         /p' "$work/out"
        failures=1
    fi
}

kubectl=${KUBECTL:-}
for found in "${KUBEBUILDER_ASSETS:-/nonexistent}"/kubectl "${XDG_CACHE_HOME:-$HOME/.cache}"/zen-lead/controlplane-*/kubectl \
    "$(type -P kubectl || true)"; do
    [ -n "$kubectl" ] || [ ! -x "$found" ] || kubectl=$found
done
[ -n "$kubectl" ] || { echo "chart.sh: no kubectl found: install one, or name it in KUBECTL" >&2 && exit 2; }

# render NAMESPACE [VALUES-FILE] - with $helm; crds/ is not among what it renders.
render() { "$helm" template zen-lead "$chart" --namespace "$1" ${2:+--values "$2"}; }

is_fresh() {
    cp -R "$chart" "$work/fresh"
    bash manifests/chart.sh "$work/fresh"
    diff -r "$chart" "$work/fresh" || { echo "run: make chart" && return 1; }
    [ "$(sed -n 's/^version: //p' "$chart/Chart.yaml")" = "$(sed -n 's/^VERSION ?= //p' Makefile)" ] ||
        { echo "Chart.yaml has another version than the Makefile" && return 1; }
}

# one_form - kustomize brings any YAML into one order and layout. Without what only one of the two has.
one_form() {
    local folder=$work/form
    rm -rf "$folder" && mkdir "$folder"
    cat >"$folder/all.yaml"
    printf 'resources: [all.yaml]\n' >"$folder/kustomization.yaml"
    "$kubectl" kustomize "$folder" | awk 'BEGIN { RS = "---\n" } !/kind: (Namespace|CustomResourceDefinition)\n/ { printf "---\n%s", $0 }' |
        sed '/imagePullPolicy: IfNotPresent/d'
}

# same VALUES FOLDER... - with VALUES (a text) the chart renders to what these folders have.
same() {
    local values=$1 folder
    shift
    echo "$values" >"$work/values.yaml"
    render zen-lead-system "$work/values.yaml" | one_form >"$work/is"
    for folder in "$@"; do
        "$kubectl" kustomize "manifests/$folder" 2>/dev/null
        echo ---
    done | one_form >"$work/wanted"
    [ "$(grep -c '^kind:' "$work/is")" -gt 10 ] && diff "$work/wanted" "$work/is"
}

# changes VALUES LINE... - with VALUES these lines (without what they begin with) are new, and nothing else.
changes() {
    local values=$1
    shift
    echo "$values" >"$work/values.yaml"
    render zen-lead-system "$work/values.yaml" | one_form >"$work/is"
    echo '{}' >"$work/values.yaml"
    render zen-lead-system "$work/values.yaml" | one_form >"$work/default"
    diff <(printf '%s\n' "$@" | sort) <(diff "$work/default" "$work/is" | sed -n 's/^> *//p' | sort)
}

elsewhere() { [ "$(render shop | grep -c zen-lead-system)" = 0 ] && [ "$(render shop | grep -c 'namespace: shop')" -gt 10 ]; }
refuses_values() { ! render shop <(echo "$1") >"$work/said" 2>&1 && grep -q "$2" "$work/said"; }

check_with() {
    local name=$1
    check "$name: lint" "$helm" lint --strict "$chart"
    check "$name: the defaults are base and self-signed" same '{}' base self-signed
    check "$name: cert-manager" same '{certificates: cert-manager}' overlays/cert-manager
    check "$name: everything beside it" same '{networkPolicy: {enabled: true}, podRoleLabel: {enabled: true}}' base self-signed network-policy pod-role-label
    check "$name: replicas, options and resources of the webhook" changes \
        '{webhook: {replicas: 5, extraArgs: [--deadline-ms=500], resources: {limits: {memory: 1Gi}}}}' \
        'replicas: 5' '- --deadline-ms=500' 'memory: 1Gi'
    check "$name: replicas, options and resources of the controller" changes \
        '{controller: {replicas: 4, extraArgs: [--workers=8, "--log-level=debug"], resources: {requests: {cpu: 1}}}}' \
        'replicas: 4' '- --workers=8' '- --log-level=debug' 'cpu: 1'
    check "$name: another image, for all programs" changes '{image: {repository: registry.example/zl, tag: v1}}' \
        'image: registry.example/zl:v1' 'image: registry.example/zl:v1' 'image: registry.example/zl:v1'
    check "$name: Secrets to pull it with" changes '{image: {pullSecrets: [one]}}' \
        'imagePullSecrets:' '- name: one' 'imagePullSecrets:' '- name: one' 'imagePullSecrets:' '- name: one'
    check "$name: in another namespace nothing of it is left in zen-lead-system" elsewhere
    check "$name: a value that does not exist is refused" refuses_values '{controler: {}}' controler
}

check "the chart is what the manifests say" is_fresh
majors="3 4"
[ -z "${HELM:-}" ] || majors=3 # whatever it is
for major in $majors; do
    status=0
    helm=$(bash test/controlplane/helm.sh "$major") || status=$?
    if [ "$status" -eq 75 ]; then
        echo "skipped: helm $major cannot be had on this machine, so nobody looked at what it makes of the chart"
        continue
    fi
    [ "$status" -eq 0 ] || { failures=1 && continue; }
    check_with "helm $("$helm" version --template '{{.Version}}')"
done
exit $failures
