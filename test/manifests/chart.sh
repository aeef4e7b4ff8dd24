#!/usr/bin/env bash
# chart.sh - is the Helm chart what the manifests for kustomize say, and does it render to the same objects?
#
# Linted and rendered by the official helm 3 and helm 4 (test/controlplane/helm.sh), or by the one that HELM names.
# shellcheck disable=SC2317 # the functions are called by check
set -euo pipefail
cd "$(dirname "$0")/../.."
chart=manifests/chart
# shellcheck source=test/check.bash
. test/check.bash

kubectl=${KUBECTL:-}
for found in "${KUBEBUILDER_ASSETS:-/nonexistent}"/kubectl "${XDG_CACHE_HOME:-$HOME/.cache}"/zen-lead/controlplane-*/kubectl \
    "$(type -P kubectl || true)"; do
    [ -n "$kubectl" ] || [ ! -x "$found" ] || kubectl=$found
done
[ -n "$kubectl" ] || { echo "chart.sh: no kubectl found: install one, or name it in KUBECTL" >&2 && exit 2; }

# render NAMESPACE [VALUES-FILE] - with $helm; crds/ is not among what it renders, nor what helm test makes.
render() { "$helm" template zen-lead "$chart" --namespace "$1" --skip-tests ${2:+--values "$2"}; }
# tested VALUES - what helm test makes.
tested() { "$helm" template zen-lead "$chart" --namespace shop --values <(echo "$1") -s templates/tests.yaml; }
# test_has VALUES LINE... - there is each of these lines (without what they begin with).
test_has() {
    local values=$1 line
    shift
    tested "$values" | sed 's/^ *\(- \)*//' >"$work/is" || return 1
    for line in "$@"; do
        grep -qxF -- "$line" "$work/is" || { echo "no line: $line" && return 1; }
    done
}
# test_rights VALUES KIND... - of which Kinds are the objects that give it rights? None writes anything but what its dry runs are of.
test_rights() {
    local values=$1
    shift
    diff <(printf '%s\n' "$@" | sort) <(tested "$values" | sed -n 's/^kind: \(.*Role\(Binding\)\?\)$/\1/p' | sort) || return 1
    ! tested "$values" | grep -E 'verbs: .*(update|patch|delete|\*)|secrets'
}

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

# adds VALUES LINE... - with VALUES there is each of these lines, as it is in the template (without what it begins with).
adds() {
    local values=$1 line
    shift
    render shop <(echo "$values") | sed 's/^ *\(- \)*//' >"$work/is" || return 1
    for line in "$@"; do
        grep -qxF -- "$line" "$work/is" || { echo "no line: $line" && return 1; }
    done
}
# lacks VALUES LINE... - with VALUES there is none of these lines.
lacks() {
    local values=$1 line
    shift
    render shop <(echo "$values") | sed 's/^ *\(- \)*//' >"$work/is" && [ "$(grep -c '^kind:' "$work/is")" -gt 4 ] || return 1
    for line in "$@"; do
        ! grep -xF -- "$line" "$work/is" || return 1
    done
}
# names - "Kind name" of each object but namespace and CRD.
names() {
    awk '/^kind: / { kind = $2 } /^metadata:/ { metadata = 1; next } /^[^ ]/ { metadata = 0 }
        metadata && /^  name: / && kind !~ /^(Namespace|CustomResourceDefinition)$/ { print kind, $2 }' | sort
}
objects() { render zen-lead-system <(echo "$1") | names; }
kustomized() {
    local folder
    for folder in "$@"; do "$kubectl" kustomize "manifests/$folder" 2>/dev/null; done | names
}
routing_only() {
    diff <({ kustomized overlays/routing-only; echo "PodDisruptionBudget zen-lead-controller"; } | sort) <(objects '{routingOnly: true}') &&
        adds '{routingOnly: true}' --routing-only
}
# The objects of overlays/namespaces, its emptied ClusterRoles left out, and manifests/namespaces in each of them.
in_namespaces() {
    local values='{watchNamespaces: [shop, billing]}'
    diff <({ kustomized overlays/namespaces self-signed | grep -Ev '^ClusterRole(Binding)? zen-lead-(webhook|controller)$'
        kustomized namespaces namespaces; } | sort) <(objects "$values") || return 1
    adds "$values" 'value: "shop,billing"' 'values: ["shop","billing"]' 'name: pods.zen-lead.kube-zen.io' 'path: /validate' || return 1
    [ "$(grep -c '^namespace: billing$' "$work/is")" = "$(kustomized namespaces | wc -l)" ]
}
# lists_values - README.md has a row for each leaf of values.yaml, with its default, and none besides.
# shellcheck disable=SC2016 # awk's
lists_values() {
    diff <(awk '
        /^ *#/ || /^$/ { next }
        {
            match($0, /^ */)
            depth = RLENGTH / 2
            path[depth] = substr($1, 1, length($1) - 1)
            default_value = $0
            sub(/^ *[^:]*: ?/, "", default_value)
            if (default_value == "") next
            name = path[0]
            for (i = 1; i <= depth; i++) name = name "." path[i]
            print "| `" name "` | `" default_value "` |"
        }' "$chart/values.yaml") <(grep -Eo '^\| `[^`]*` \| `[^`]*` \|' "$chart/README.md")
}
# notes VALUES TEXT - what is said after the installation. (helm 3 prints it only where there is a cluster.)
notes() {
    echo "$1" >"$work/values.yaml"
    rm -rf "$work/noted" && cp -R "$chart" "$work/noted"
    { echo '{{- define "notes" -}}' && cat "$chart/templates/NOTES.txt" && printf '{{- end -}}\nnotes: |\n{{ include "notes" . | indent 2 }}\n'; } \
        >"$work/noted/templates/notes.yaml"
    "$helm" template zen-lead "$work/noted" --namespace shop --values "$work/values.yaml" -s templates/notes.yaml >"$work/said" || return 1
    grep -qF -- "$2" "$work/said" || { cat "$work/said" && return 1; }
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
    check "$name: and the refusal names those that do" refuses_values '{webhook: {replica: 1}}' terminationGracePeriodSeconds
    check "$name: a word that is none of those allowed" refuses_values '{tolerations: [{effect: NoShedule}]}' PreferNoSchedule
    check "$name: what is set for all pods is in all three" changes \
        '{podLabels: {team: a, app.kubernetes.io/name: mine}, tolerations: [{key: dedicated, operator: Exists}], nodeSelector: {pool: system}, priorityClassName: urgent,
          podAnnotations: {inject: "false"}, extraEnv: [{name: A, value: b}], imagePullSecrets: [{name: one}], securityContext: {privileged: false}}' \
        'team: a' 'team: a' 'team: a' 'tolerations:' 'tolerations:' 'tolerations:' '- key: dedicated' '- key: dedicated' '- key: dedicated' \
        'operator: Exists' 'operator: Exists' 'operator: Exists' 'pool: system' 'pool: system' 'pool: system' \
        'priorityClassName: urgent' 'priorityClassName: urgent' 'priorityClassName: urgent' \
        'annotations:' 'annotations:' 'inject: "false"' 'inject: "false"' 'inject: "false"' \
        'env:' '- name: A' 'value: b' '- name: A' 'value: b' '- name: A' 'value: b' \
        'imagePullSecrets:' 'imagePullSecrets:' 'imagePullSecrets:' '- name: one' '- name: one' '- name: one' \
        'privileged: false' 'privileged: false' 'privileged: false'
    check "$name: with another class there is no PriorityClass" lacks '{priorityClassName: urgent}' 'kind: PriorityClass'
    check "$name: what is set for one program is in that alone" changes \
        '{webhook: {strategy: {type: Recreate}, topologySpreadConstraints: [{maxSkew: 2}], affinity: {podAffinity: {}}, terminationGracePeriodSeconds: 60,
          readinessProbe: {periodSeconds: 7}, livenessProbe: {failureThreshold: 9}, pdb: {minAvailable: 1}, resources: {limits: {cpu: 3}}}}' \
        'type: Recreate' '- maxSkew: 2' 'affinity:' 'podAffinity: {}' 'terminationGracePeriodSeconds: 60' 'periodSeconds: 7' 'failureThreshold: 9' \
        'minAvailable: 1' 'cpu: 3'
    check "$name: accounts carry annotations" changes '{serviceAccount: {annotations: {role: arn}}}' \
        'annotations:' 'role: arn' 'annotations:' 'role: arn' 'annotations:' 'role: arn'
    check "$name: no PodDisruptionBudget where none is wanted" lacks '{webhook: {pdb: {enabled: false}}, controller: {pdb: {enabled: false}}}' 'kind: PodDisruptionBudget'
    check "$name: PodMonitor, rules and dashboard are those of monitoring" same \
        '{metrics: {podMonitor: {enabled: true}, prometheusRule: {enabled: true}, dashboard: {enabled: true}}}' base self-signed monitoring
    check "$name: Services and ServiceMonitor are those of service-monitor" same '{metrics: {serviceMonitor: {enabled: true}}}' base self-signed service-monitor
    check "$name: a Prometheus that selects by a label finds them" adds \
        '{metrics: {podMonitor: {enabled: true, labels: {release: prom}, interval: 30s}}}' 'release: prom' 'interval: 30s'
    check "$name: helm test asks the doctor, as restricted as the programs" test_has '{}' doctor --namespace=shop --system-namespace=shop \
        'readOnlyRootFilesystem: true' 'drop: [ALL]' 'runAsNonRoot: true' 'helm.sh/hook: test'
    check "$name: and where the others are" test_has \
        '{tolerations: [{key: dedicated, operator: Exists}], nodeSelector: {pool: system}, podAnnotations: {inject: "false"}, podLabels: {team: a},
          imagePullSecrets: [{name: one}], extraEnv: [{name: A, value: b}], image: {repository: registry.example/zl, tag: v1}}' \
        'key: dedicated' 'pool: system' 'inject: "false"' 'team: a' 'name: one' 'value: b' 'image: "registry.example/zl:v1"'
    check "$name: with an account that looks, and writes nothing" test_rights '{}' Role RoleBinding ClusterRole ClusterRoleBinding
    check "$name: without rights in the cluster where the programs have none" test_rights '{watchNamespaces: [shop]}' Role RoleBinding
    check "$name: routing only" routing_only
    check "$name: without rights in the cluster" in_namespaces
    check "$name: values of another build are answered, all at once" refuses_values '{replicaCount: 2, resources: {limits: {memory: 1Gi}}}' 'replicaCount: set controller.replicas'
    check "$name: its image is not ours" refuses_values '{image: {repository: kubezen/zen-lead}}' 'image of another build'
    check "$name: what it has as we have it is taken" adds \
        '{nameOverride: "", image: {variant: ga-only}, imagePullSecrets: [{name: mine}], serviceAccount: {create: true, name: ""}, metrics: {enabled: true, port: 8080},
          controller: {qps: 50, burst: 100, enableLeaderPodCache: true}, pdb: {enabled: true, minAvailable: 1}, rbac: {clusterScoped: false}}' 'name: mine'
    check "$name: and said when it changes nothing" notes '{controller: {qps: 50}, rbac: {clusterScoped: false}}' 'controller.qps: something is written only when'
    check "$name: the notes say what to do next" notes '{}' 'kubectl label -n NAMESPACE deployment NAME zen-lead/pool=web'
    check "$name: and how the CRD is upgraded" notes '{}' 'helm show crds CHART | kubectl apply --server-side --force-conflicts -f -'
    check "$name: which prints the CRD" diff <("$helm" show crds "$chart" | sed '/^---$/d; /^$/d') <(sed '/^$/d' "$chart/crds/leaderpolicies.yaml")
}

check "the chart is what the manifests say" is_fresh
check "its README.md has each value, with its default" lists_values
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
