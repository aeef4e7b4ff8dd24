#!/usr/bin/env bash
# chart.sh - is the Helm chart what the manifests for kustomize say, and does it render to the same objects?
#
# Rendered by test/manifests/render.go, and by helm as well where there is one.
# shellcheck disable=SC2317 # the functions are called by check
set -euo pipefail
cd "$(dirname "$0")/../.."
chart=manifests/chart
command -v go >/dev/null || [ -x /usr/lib/go-1.19/bin/go ] || bash test/controlplane/packages.sh golang-1.19-go
bash test/controlplane/packages.sh golang-gopkg-yaml.v3-dev
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

build_renderer() {
    mkdir -p "$work/go/src/render" && cp test/manifests/render.go "$work/go/src/render/"
    env -u GOFLAGS PATH="/usr/lib/go-1.19/bin:$PATH" GO111MODULE=off GOPATH="$work/go:/usr/share/gocode" GOCACHE="$work/cache" CGO_ENABLED=0 \
        go build -o "$work/render" render
}
render_here() { "$work/render" "$chart" "$@"; }
render_with_helm() { helm template zen-lead "$chart" --namespace "$1" ${2:+--values "$2"}; }

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
        sed '/imagePullPolicy: IfNotPresent/d; s/^  name: zen-lead-certs-1$/  name: zen-lead-certs/'
}

# same RENDERER VALUES FOLDER... - with VALUES (a text) the chart renders to what these folders have.
same() {
    local renderer=$1 values=$2 folder
    shift 2
    echo "$values" >"$work/values.yaml"
    "$renderer" zen-lead-system "$work/values.yaml" | one_form >"$work/is"
    for folder in "$@"; do
        "$kubectl" kustomize "manifests/$folder" 2>/dev/null
        echo ---
    done | one_form >"$work/wanted"
    [ "$(grep -c '^kind:' "$work/is")" -gt 10 ] && diff "$work/wanted" "$work/is"
}

# changes RENDERER VALUES LINE... - with VALUES these lines (without what they begin with) are new, and nothing else.
changes() {
    local renderer=$1 values=$2
    shift 2
    echo "$values" >"$work/values.yaml"
    "$renderer" zen-lead-system "$work/values.yaml" | one_form >"$work/is"
    echo '{}' >"$work/values.yaml"
    "$renderer" zen-lead-system "$work/values.yaml" | one_form >"$work/default"
    diff <(printf '%s\n' "$@" | sort) <(diff "$work/default" "$work/is" | sed -n 's/^> *//p' | sort)
}

elsewhere() { [ "$("$1" shop | grep -c zen-lead-system)" = 0 ] && [ "$("$1" shop | grep -c 'namespace: shop')" -gt 10 ]; }

check_with() {
    check "$1: the defaults are base and self-signed" same "$2" '{}' base self-signed
    check "$1: cert-manager" same "$2" '{certificates: cert-manager}' overlays/cert-manager
    check "$1: everything beside it" same "$2" '{networkPolicy: {enabled: true}, podRoleLabel: {enabled: true}}' base self-signed network-policy pod-role-label
    check "$1: replicas, options and resources of the webhook" changes "$2" \
        '{webhook: {replicas: 5, extraArgs: [--deadline-ms=500], resources: {limits: {memory: 1Gi}}}}' \
        'replicas: 5' '- --deadline-ms=500' 'memory: 1Gi'
    check "$1: replicas, options and resources of the controller" changes "$2" \
        '{controller: {replicas: 4, extraArgs: [--workers=8, "--log-level=debug"], resources: {requests: {cpu: 1}}}}' \
        'replicas: 4' '- --workers=8' '- --log-level=debug' 'cpu: 1'
    check "$1: another image, for all three programs" changes "$2" '{image: {repository: registry.example/zl, tag: v1}}' \
        'image: registry.example/zl:v1' 'image: registry.example/zl:v1' 'image: registry.example/zl:v1'
    check "$1: Secrets to pull it with" changes "$2" '{image: {pullSecrets: [one]}}' \
        'imagePullSecrets:' '- name: one' 'imagePullSecrets:' '- name: one' 'imagePullSecrets:' '- name: one'
    check "$1: in another namespace nothing of it is left in zen-lead-system" elsewhere "$2"
}

check "the chart is what the manifests say" is_fresh
check "the renderer builds" build_renderer
check_with text/template render_here
if command -v helm >/dev/null; then
    check "helm lint" helm lint --strict "$chart"
    check_with helm render_with_helm
else
    echo "skip - no helm: the schema of the values was not tried, and helm itself did not render"
fi
exit $failures
