#!/usr/bin/env bash
# chart.sh MAJOR - what the table in docs/install.md does not go through, by helm MAJOR on the API server of KUBECONFIG (1.27 or newer, without
# shellcheck disable=SC2016,SC2143,SC2317 # functions and words are called by check
# zen-lead): the CRD is brought up to date as manifests/chart/README.md says, and values of a hard cluster and of routing only are taken.
set -euo pipefail
cd "$(dirname "$0")/../.."
helm=$(bash test/controlplane/helm.sh "$1")
chart=manifests/chart
# shellcheck source=test/check.bash
. test/check.bash
release() { "$helm" "$1" zen-lead "$2" --namespace zen-lead-system "${@:3}"; }
has_field() { [ -n "$(kubectl get crd leaderpolicies.coordination.kube-zen.io -o "jsonpath={.spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.$1.type}")" ]; }
command_of_readme() { eval "$(sed -n 's/^\(helm show crds .*\)$/\1/p' "$chart/README.md" | sed "s#^helm#$helm#")"; }
objects_are_gone() { [ -z "$(kubectl get deployments,clusterroles,validatingwebhookconfigurations --all-namespaces -o name | grep zen-lead)" ]; }
removed() {
    "$helm" uninstall zen-lead --namespace zen-lead-system && objects_are_gone
}

# The chart as it was before the CRD had this field.
older() {
    cp -R "$chart" "$work/older"
    awk '/^ +handoverGracePeriodSeconds:/ { match($0, /^ */); skip = RLENGTH; next }
        skip { match($0, /^ */); if (RLENGTH > skip) next; skip = 0 }
        { print }' "$chart/crds/leaderpolicies.yaml" >"$work/older/crds/leaderpolicies.yaml"
    ! cmp -s "$chart/crds/leaderpolicies.yaml" "$work/older/crds/leaderpolicies.yaml"
}
check "helm $1: an older chart is installed" eval 'older && release install "$work/older" --create-namespace && ! has_field handoverGracePeriodSeconds'
kubectl wait --for condition=Established --timeout 60s crd/leaderpolicies.coordination.kube-zen.io >/dev/null
# Nobody is there who could review it.
kubectl delete validatingwebhookconfiguration zen-lead >/dev/null
check "helm $1: a LeaderPolicy of its users" kubectl create -f - <<<'{"apiVersion": "coordination.kube-zen.io/v1alpha1", "kind": "LeaderPolicy", "metadata": {"name": "web", "namespace": "default"}}'
check "helm $1: helm upgrade leaves the CRD as it was" eval 'release upgrade "$chart" && ! has_field handoverGracePeriodSeconds'
check "helm $1: the command of the chart's README brings it up to date" eval 'command_of_readme && has_field handoverGracePeriodSeconds'
check "helm $1: and once more" command_of_readme
check "helm $1: the LeaderPolicy is there" kubectl get leaderpolicy -n default web
check "helm $1: helm upgrade goes on" release upgrade "$chart"
check "helm $1: uninstalled" removed

# A values file of the Go build, as it is: all that is not so here is said at once. Then as the answers say.
theirs=test/install/other_build.yaml
answers_all() {
    local value
    ! release install "$chart" --values "$theirs" >"$work/said" 2>&1 || return 1
    for value in 'replicaCount: set controller.replicas' 'image.repository: kubezen/zen-lead is the image' 'livenessProbe: set controller.livenessProbe' \
        'readinessProbe: set controller.readinessProbe' 'resources: set controller.resources'; do
        grep -qF "$value" "$work/said" || { cat "$work/said" && return 1; }
    done
    [ "$(grep -cE '^ *[a-zA-Z.]+: ' "$work/said")" -le 6 ] # the five, and helm's own line
}
brought_over() {
    local ours='{replicas: 2, resources: {limits: {cpu: 500m, memory: 256Mi}, requests: {cpu: 100m, memory: 64Mi}},
        livenessProbe: {initialDelaySeconds: 30, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 3},
        readinessProbe: {initialDelaySeconds: 5, periodSeconds: 5, timeoutSeconds: 3, failureThreshold: 3}}'
    sed '/^# answered/,$d' "$theirs" >"$work/theirs.yaml"
    printf 'image: {repository: registry.example/zen-lead}\nwebhook: %s\ncontroller: %s\n' "$ours" "$ours" >"$work/ours.yaml"
    release install "$chart" --create-namespace --values "$work/theirs.yaml" --values "$work/ours.yaml" >"$work/said" || return 1
    grep -qF 'controller.qps: something is written only when something changed' "$work/said" || { cat "$work/said" && return 1; }
    [ "$(kubectl get deployment zen-lead-controller -n zen-lead-system \
        -o 'jsonpath={.spec.replicas} {.spec.template.spec.securityContext.fsGroup} {.spec.template.spec.containers[0].livenessProbe.initialDelaySeconds}')" = "2 65534 30" ]
}
check "helm $1: a values file of the Go build is answered, all of it at once" answers_all
check "helm $1: with what the answers say it is installed, and the notes name what changes nothing here" brought_over
check "helm $1: uninstalled" removed

cat >"$work/hard.yaml" <<'VALUES'
image: {repository: registry.example/zen-lead}
imagePullSecrets: [{name: registry}]
serviceAccount: {annotations: {role: platform}}
tolerations: [{key: dedicated, operator: Equal, value: platform, effect: NoSchedule}]
nodeSelector: {node-role.example/platform: "true"}
affinity: {nodeAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 1, preference: {matchExpressions: [{key: zone, operator: In, values: [a]}]}}]}}
podAnnotations: {sidecar.istio.io/inject: "false"}
podLabels: {team: platform}
priorityClassName: system-cluster-critical
extraEnv: [{name: HTTPS_PROXY, value: "http://proxy.example:3128"}, {name: NO_PROXY, value: 10.96.0.1}]
watchNamespaces: [shop, billing]
webhook: {strategy: {type: RollingUpdate, rollingUpdate: {maxUnavailable: 1}}, readinessProbe: {failureThreshold: 5}, pdb: {minAvailable: 1},
  topologySpreadConstraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule, labelSelector: {matchLabels: {app.kubernetes.io/component: webhook}}}]}
metrics: {service: {enabled: true}, dashboard: {enabled: true}}
networkPolicy: {enabled: true}
VALUES
for namespace in shop billing; do kubectl create namespace "$namespace" >/dev/null 2>&1 || true; done
kubectl label namespace zen-lead-system pod-security.kubernetes.io/enforce=restricted --overwrite >/dev/null
# The hooks of helm test, as the API server would take them: nobody runs pods here (test/e2e/node_zen_lead.bats does).
helm_test_is_taken() {
    "$helm" get hooks zen-lead -n zen-lead-system >"$work/hooks.yaml"
    kubectl create -n zen-lead-system -f "$work/hooks.yaml" >"$work/said" 2>&1 || { cat "$work/said" && return 1; }
    kubectl delete -n zen-lead-system --wait=false -f "$work/hooks.yaml" && grep -q '^pod/zen-lead-test created' "$work/said"
}
check "helm $1: values of a hard cluster" release install "$chart" --values "$work/hard.yaml"
may() { [ "$(kubectl auth can-i "${@:2}" --as=system:serviceaccount:zen-lead-system:zen-lead-controller || true)" = "$1" ]; }
check "helm $1: there the controller may list pods in a watched namespace" may yes list pods -n shop
check "helm $1: and not in the cluster" may no list pods --all-namespaces
# Pod Security restricted, as the API server judges pods: enforced where they are made, warned of for their Deployments.
is_restricted() {
    kubectl label namespace zen-lead-system pod-security.kubernetes.io/warn=restricted --overwrite
    "$helm" get manifest zen-lead -n zen-lead-system | sed 's/\(image: "[^"]*\)"/\1-again"/' >"$work/again.yaml" # so that they are judged anew
    kubectl apply --dry-run=server -f "$work/again.yaml" >"$work/said" 2>&1 || { grep -v 'last-applied-configuration' "$work/said"; return 1; }
    grep '^deployment.apps/zen-lead-webhook configured' "$work/said" && ! grep PodSecurity "$work/said"
}
check "helm $1: none of its pods is what restricted forbids" is_restricted
check "helm $1: what helm test makes is taken as well" helm_test_is_taken
check "helm $1: uninstalled" removed

check "helm $1: routing only" release install "$chart" --set routingOnly=true --skip-crds
check "helm $1: there the controller may not delete pods" may no delete pods -n shop
check "helm $1: uninstalled" removed
kubectl delete crd leaderpolicies.coordination.kube-zen.io >/dev/null
kubectl delete namespace zen-lead-system >/dev/null
exit $failures
