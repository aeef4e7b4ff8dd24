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
# shellcheck source=test/manifests/fleet.bash
. "$root/test/manifests/fleet.bash"

cleanup() {
    if [[ $created == yes ]]; then
        kubectl_ delete --ignore-not-found --wait=false -f "$manifests/self-signed/rbac.yaml" \
            -f "$manifests/overlays/routing-only/rbac.yaml" -f "$manifests/base/rbac.yaml" -f "$manifests/base/namespace.yaml" >/dev/null || true
        kubectl_ delete --ignore-not-found crd "$crd" >/dev/null || true
    fi
    fleet_cleanup
    [[ ! -e $work/stubs ]] || kubectl_ delete --ignore-not-found -f "$root/test/manifests/cert-manager-crds.yaml" >/dev/null || true
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

# The one that docs/install.md tells people to write; older kustomizes do not know all of it.
render_own() {
    local own=$work/$2/own
    mkdir -p "$own"
    cp -R "$manifests" "$own/../manifests"
    awk '/^## /{here = $0 == "## Put together your own"} /^```$/{code = 0} here && code; /^```yaml$/{code = 1}' \
        "$root/docs/install.md" >"$own/kustomization.yaml"
    if "$1" kustomize "$own" >"$own/out" 2>"$work/out" && [[ $(grep -c '^kind:' "$own/out") -gt 15 ]] &&
        [[ $(grep -cE 'image: registry.example/zen-lead:|--workers=8|inject-ca-from' "$own/out") -eq 4 ]]; then
        ok "the one of docs/install.md renders, and every part of it has an effect"
    else
        not_ok "the one of docs/install.md renders, and every part of it has an effect"
    fi
}

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
        out=$work/render-$kustomize-${name//\//-}.yaml
        if "$kubectl" kustomize "$directory" >"$out" 2>"$work/out"; then
            ok "$name renders: $(grep -c '^kind:' "$out") objects"
        else
            not_ok "$name renders"
        fi
    done < <(find "$manifests" -name kustomization.yaml | sort)
    [[ $kustomize == 2.* ]] || render_own "$kubectl" "$kustomize"
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

# The overlays as a user of this version of Kubernetes has them: on what the version needs instead of base.
overlays_for() {
    local minor=$1 instead=../../base
    ((minor >= 27)) || instead=../kubernetes-1.25
    ((minor >= 25)) || instead=../kubernetes-1.20
    cp -R "$manifests" "$work/manifests"
    find "$work/manifests/overlays" -name kustomization.yaml -not -path '*/kubernetes-1.*' \
        -exec sed -i "s#- \.\./\.\./base\$#- $instead#" {} +
    install=$(realpath "$work/manifests/overlays/ha/$instead")
}

# Every folder with a kustomization. Those for other versions of Kubernetes are not for this one.
check_folders() {
    local minor=$1 directory name
    while read -r directory; do
        name=${directory#"$work/manifests/"}
        [[ $name != base && $name != overlays/kubernetes-1.* || $directory == "$install" ]] || continue
        if kubectl_ apply --dry-run=server -k "$directory" >"$work/out" 2>&1; then
            ok "$name is accepted (server-side dry run)"
        elif grep -q 'no matches for kind' "$work/out"; then
            echo "skip - $name: the server lacks a CRD of somebody else: $(grep -om 1 'no matches for kind.*' "$work/out")"
            continue
        else
            not_ok "$name is accepted (server-side dry run)"
        fi
        kubectl_ create --dry-run=client -o json -k "$directory" >"$work/objects.json" 2>"$work/out" || not_ok "$name as JSON"
        jq -c 'if .kind == "List" then .items[] else . end' "$work/objects.json" >>"$work/all.jsonl"
    done < <(find "$work/manifests" -name kustomization.yaml -printf '%h\n' | sort)
}

check_objects() {
    local minor=$1 cert_manager=$root/test/manifests/cert-manager-crds.yaml
    overlays_for "$minor"
    echo "# server 1.$minor: install with ${install#"$work/"}"
    case $(kubectl_ get namespace "$namespace" -o 'jsonpath={.status.phase}' 2>/dev/null || true) in
    "") created=yes ;;
    Terminating)
        echo "check.sh: namespace $namespace is being deleted: wait, or run kube-controller-manager, which does it" >&2
        exit 2
        ;;
    esac
    accepts "namespace and roles are created" kubectl_ apply -f "$manifests/base/namespace.yaml" \
        -f "$manifests/base/rbac.yaml" -f "$manifests/self-signed/rbac.yaml"
    fleet_prepare
    if ! kubectl_ get crd certificates.cert-manager.io >/dev/null 2>&1; then
        touch "$work/stubs"
        accepts "CRDs in the place of cert-manager's are created" kubectl_ apply -f "$cert_manager"
        accepts "they are established" kubectl_ wait --for=condition=Established --timeout=20s -f "$cert_manager"
    fi
    check_folders "$minor"
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

# none NAME JQ-FILTER - no object of any folder is one for which the filter says something.
none() {
    if jq -r "\"\\(.kind) \\(.metadata.name)\" as \$who | $2 | \"\\(\$who): \\(.)\"" "$work/all.jsonl" >"$work/out" 2>&1 &&
        [[ ! -s $work/out ]]; then
        ok "$1"
    else
        not_ok "$1"
    fi
}

# rules_of KIND - the webhook's and the controller's rights, but those to what is in no namespace or in our own: a line for each.
rules_of() {
    jq -r --arg kind "$1" 'select(.kind == $kind and (.metadata.namespace // "default") == "default" and
            (.metadata.name | IN("zen-lead-webhook", "zen-lead-controller"))) | .metadata.name as $who | .rules[]? |
        select(.resourceNames == null) | .verbs[] as $verb | .resources[] as $resource | .apiGroups[] |
        select($resource != "nodes") |
        "\($who) \($verb) \($resource).\(.)"' "$work/all.jsonl" | sort -u
}
check_roles() {
    rules_of ClusterRole >"$work/cluster"
    rules_of Role >"$work/namespaced"
    accepts "the ClusterRoles have rules" grep -q 'patch leaderpolicies/status' "$work/cluster"
    accepts "the Roles of manifests/namespaces give the same rights as the ClusterRoles of base" diff "$work/cluster" "$work/namespaced"
}

# The profile "restricted" of Pod Security, and what we promise beyond it.
check_pods() {
    local pod='select(.kind | IN("Deployment", "Job", "CronJob")) | (.spec.jobTemplate // .).spec.template.spec'
    local container="$pod | .containers[], (.initContainers // [])[]"
    none "pods: not root, by name and number" \
        "$pod | .securityContext | select(.runAsNonRoot != true or .runAsUser != 65534 or .runAsGroup != 65534)"
    none "pods: the seccomp profile of the container runtime" \
        "$pod | .securityContext | select(.seccompProfile.type != \"RuntimeDefault\")"
    none "pods: nothing of the host" \
        "$pod | select(.hostNetwork or .hostPID or .hostIPC or any(.volumes[]?; has(\"hostPath\")))"
    none "containers: no more rights, no capability, nothing to write to" \
        "$container | .securityContext | select(.allowPrivilegeEscalation != false or .readOnlyRootFilesystem != true or .privileged
            or .capabilities.drop != [\"ALL\"] or .capabilities.add)"
    none "containers: requests, and a limit of memory" \
        "$container | .resources | select((.requests.cpu and .requests.memory and .limits.memory) | not)"
    # zen-lead-certs serves nobody, and nobody waits for it.
    none "Deployments that serve: both probes" \
        "select(.kind == \"Deployment\" and .metadata.name != \"zen-lead-certs\") | .spec.template.spec.containers[] | select((.readinessProbe and .livenessProbe) | not) | .name"
    none "Deployments: a PriorityClass that is in the same folder" \
        "select(.kind == \"Deployment\" and .metadata.name != \"zen-lead-certs\") | .spec.template.spec | select(.priorityClassName != \"zen-lead\")"
    none "the namespace enforces \"restricted\"" \
        "select(.kind == \"Namespace\") | .metadata.labels | select(.[\"pod-security.kubernetes.io/enforce\"] != \"restricted\")"
    none "roles: no wildcard, nothing that leads to more rights" \
        "select(.kind | IN(\"Role\", \"ClusterRole\")) | .rules[] | select(any(.verbs[], .resources[], .apiGroups[];
            IN(\"*\", \"escalate\", \"bind\", \"impersonate\", \"deletecollection\", \"serviceaccounts/token\", \"pods/exec\")))"
    none "everything is labelled as part of zen-lead" \
        "select(.metadata.labels[\"app.kubernetes.io/part-of\"] != \"zen-lead\") | .metadata"
}

# API servers since 1.25 hold the rules of a schema against its default as it is written, before the fields in it have
# theirs, and refuse a CRD whose rule reads a field that is not there. Prints such fields.
fields_without_default() {
    jq -r '.. | objects | select(has("default") and has("x-kubernetes-validations"))
        | .default as $default | .["x-kubernetes-validations"][].rule as $rule | $rule | scan("self\\.([A-Za-z]+)")[0]
        | select(. as $field | ($default | has($field) | not) and ($rule | contains("!has(self." + $field + ")") | not))' "$work/crd.json"
}
check_rules() {
    kubectl_ create --dry-run=client --validate=false -o json -f "$manifests/base/crd.yaml" >"$work/crd.json"
    accepts "the CRD has CEL rules" jq -e '[.. | .["x-kubernetes-validations"]?[]?] | length > 0' "$work/crd.json"
    if fields_without_default 2>&1 | tee "$work/out" | grep -q .; then
        not_ok "its CEL rules hold against the defaults as they are written"
    else
        ok "its CEL rules hold against the defaults as they are written"
    fi
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

# explain_as_before PATH - with group and version in one line, as kubectl before 1.27 has them.
explain_as_before() {
    kubectl_ explain "$1" | awk '/^GROUP:/ { group = $2 "/"; next } /^VERSION:/ { $2 = group $2 } { print }'
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
    # Since 1.27 kubectl names the group by itself.
    prints "kubectl explain knows the fields" "KIND: LeaderPolicy VERSION: coordination.kube-zen.io/v1alpha1 FIELD: followerMode" \
        explain_as_before lp.spec.followerMode
    accepts "it can be deleted" kubectl_ delete lp check-columns
}

# can yes|no ACCOUNT VERB RESOURCE[.GROUP][/NAME] [--subresource=SUB] [-n NAMESPACE] - the arguments of kubectl auth can-i.
# ACCOUNT is of zen-lead-system, or of the namespace in $at. Only noted: can_flush asks about all at once, because a kubectl for each would take minutes.
can() {
    local want=$1 account=$2 verb=$3 resource=$4 name="" sub="" space="" what="$2: ${*:3} = $1"
    shift 4
    while (($# > 0)); do
        case $1 in
        --subresource=*) sub=${1#*=} ;;
        --all-namespaces) space="" ;;
        -n) space=$2 && shift ;;
        esac
        shift
    done
    case $resource in */*) name=${resource#*/} resource=${resource%%/*} ;; esac
    jq -cn --arg account "$account" --arg verb "$verb" --arg resource "${resource%%.*}" --arg name "$name" --arg sub "$sub" \
        --arg group "$(sed -n 's/^[^.]*\.//p' <<<"$resource")" --arg in "$space" --arg at "${at:-$namespace}" --arg what "$what" --arg want "$want" \
        '{$what, $want, review: {apiVersion: "authorization.k8s.io/v1", kind: "SubjectAccessReview", spec: {
            user: "system:serviceaccount:\($at):\($account)",
            groups: ["system:serviceaccounts", "system:serviceaccounts:\($at)", "system:authenticated"],
            resourceAttributes: {$verb, $group, $resource, $name, subresource: $sub, namespace: $in}}}}' >>"$work/reviews.jsonl"
}

ask() {
    kubectl_ create -o json -f "$work/reviews.json" >"$work/answers.json" 2>"$work/out" &&
        jq -r 'if .kind == "List" then .items[] else . end | if .status.allowed then "yes" else "no" end' "$work/answers.json" >"$work/answers"
}

can_flush() {
    local want answer what n
    jq -s '{apiVersion: "v1", kind: "List", items: map(.review)}' "$work/reviews.jsonl" >"$work/reviews.json"
    jq -r .want "$work/reviews.jsonl" >"$work/wanted"
    # The API server decides by its cache of the roles, which is a moment late.
    for n in 1 2 3 4 5; do
        if ask && cmp -s "$work/wanted" "$work/answers"; then break; fi
        sleep "0.$n"
    done
    [[ $(wc -l <"$work/answers") == $(wc -l <"$work/wanted") ]] || not_ok "the API server answers every question"
    while IFS=$'\t' read -r want answer what; do
        echo "the API server says $answer" >"$work/out"
        if [[ $answer == "$want" ]]; then ok "$what"; else not_ok "$what"; fi
    done < <(paste "$work/wanted" "$work/answers" <(jq -r .what "$work/reviews.jsonl"))
    rm "$work/reviews.jsonl"
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
    can yes zen-lead-controller watch daemonsets.apps -n default
    can no zen-lead-controller patch daemonsets.apps -n default
    can yes zen-lead-webhook watch daemonsets.apps -n default
    can no zen-lead-controller update replicasets.apps -n default
    for verb in get create delete; do
        can yes zen-lead-controller $verb services -n default
        can yes zen-lead-controller $verb endpointslices.discovery.k8s.io -n default
        can no zen-lead-webhook $verb services -n default
    done
    can yes zen-lead-controller patch services -n default
    can yes zen-lead-controller update endpointslices.discovery.k8s.io -n default
    can no zen-lead-controller update nodes
    can no zen-lead-webhook patch replicasets.apps -n default
    can yes zen-lead-webhook get replicasets.apps -n default
    for verb in get create patch; do
        can yes zen-lead-controller $verb leases.coordination.k8s.io -n default
        can yes zen-lead-webhook $verb leases.coordination.k8s.io -n default
    done
    # Only for who gives a Lease its owner back, where OwnerReferencesPermissionEnforcement asks for that right.
    can yes zen-lead-controller delete leases.coordination.k8s.io -n default
    can no zen-lead-webhook delete leases.coordination.k8s.io -n default
    can yes zen-lead-controller patch leaderpolicies.coordination.kube-zen.io --subresource=status -n default
    can yes zen-lead-webhook patch leaderpolicies.coordination.kube-zen.io --subresource=status -n default
    can no zen-lead-controller patch leaderpolicies.coordination.kube-zen.io -n default
    can no zen-lead-controller delete leaderpolicies.coordination.kube-zen.io -n default
    # A CronJob's Job whose scheduled time another one took.
    can yes zen-lead-controller delete jobs.batch -n default
    can no zen-lead-webhook delete jobs.batch -n default
    # For dry runs; RBAC cannot tell them apart.
    can yes zen-lead-controller create leaderpolicies.coordination.kube-zen.io -n default
    for verb in get patch; do
        can yes zen-lead-controller $verb validatingwebhookconfigurations.admissionregistration.k8s.io/zen-lead
        can no zen-lead-controller $verb validatingwebhookconfigurations.admissionregistration.k8s.io/other
        can yes zen-lead-controller $verb validatingwebhookconfigurations.admissionregistration.k8s.io/zen-lead-pods
        can no zen-lead-webhook $verb validatingwebhookconfigurations.admissionregistration.k8s.io/zen-lead
        can no zen-lead-certs $verb validatingwebhookconfigurations.admissionregistration.k8s.io/zen-lead-pods
    done
    # It deletes neither, but OpenShift asks for the right of who sets an owner.
    can yes zen-lead-controller delete validatingwebhookconfigurations.admissionregistration.k8s.io/zen-lead
    can no zen-lead-controller delete validatingwebhookconfigurations.admissionregistration.k8s.io/other
    for verb in create update; do
        can no zen-lead-controller $verb validatingwebhookconfigurations.admissionregistration.k8s.io/zen-lead
        can no zen-lead-controller $verb validatingwebhookconfigurations.admissionregistration.k8s.io/zen-lead-pods
    done
    # The path of reviews: read by both, written by the controller alone.
    can yes zen-lead-webhook get secrets/zen-lead-review-path -n $namespace
    can yes zen-lead-controller patch secrets/zen-lead-review-path -n $namespace
    can yes zen-lead-controller create secrets -n $namespace
    can no zen-lead-webhook patch secrets/zen-lead-review-path -n $namespace
    can no zen-lead-webhook create secrets -n $namespace
    can no zen-lead-certs get secrets/zen-lead-review-path -n $namespace
    can no zen-lead-controller get secrets/zen-lead-review-path -n default
    can no zen-lead-webhook create events -n default
    check_never
    can yes zen-lead-certs patch secrets/zen-lead-webhook-tls -n $namespace
    can no zen-lead-certs get secrets/other -n $namespace
    can no zen-lead-certs get secrets/zen-lead-webhook-tls -n default
    can yes zen-lead-certs patch validatingwebhookconfigurations.admissionregistration.k8s.io/zen-lead
    can no zen-lead-certs patch validatingwebhookconfigurations.admissionregistration.k8s.io/other
    can_flush
    prints "kubectl auth can-i patch pods" no sh -c "'$server_kubectl' auth can-i patch pods -n default \
        --as=system:serviceaccount:$namespace:zen-lead-controller || true"
}

# What a stolen token of any of the programs must not be good for.
check_never() {
    local account
    for account in zen-lead-webhook zen-lead-controller zen-lead-certs; do
        can no $account list secrets --all-namespaces
        can no $account get secrets/other -n $namespace
        can no $account get configmaps -n default
        can no $account create pods -n $namespace
        can no $account create pods --subresource=exec -n default
        can no $account update pods --subresource=ephemeralcontainers -n default
        can no $account create deployments.apps -n default
        can no $account update deployments.apps -n default
        can no $account create jobs.batch -n default
        can no $account create serviceaccounts --subresource=token -n $namespace
        can no $account create clusterrolebindings.rbac.authorization.k8s.io
        can no $account patch clusterroles.rbac.authorization.k8s.io/$account
        can no $account impersonate users
        can no $account delete namespaces
        can no $account patch nodes
        can no $account create mutatingwebhookconfigurations.admissionregistration.k8s.io
        can no $account delete validatingwebhookconfigurations.admissionregistration.k8s.io/other
        can no $account patch customresourcedefinitions.apiextensions.k8s.io
    done
    can no zen-lead-controller get secrets/zen-lead-webhook-tls -n $namespace
    can no zen-lead-webhook get secrets/zen-lead-webhook-tls -n $namespace
}

# What pod-role-label adds, and no more.
check_role_label_rbac() {
    accepts "the role of pod-role-label is created" kubectl_ apply -f "$manifests/pod-role-label/rbac.yaml"
    can yes zen-lead-controller patch pods -n default
    can no zen-lead-controller update pods -n default
    can no zen-lead-controller patch pods --subresource=ephemeralcontainers -n default
    can no zen-lead-webhook patch pods -n default
    can_flush
    kubectl_ delete -f "$manifests/pod-role-label/rbac.yaml" >/dev/null
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
    done
    for verb in create delete; do
        can yes zen-lead-controller $verb services -n default
        can yes zen-lead-controller $verb endpointslices.discovery.k8s.io -n default
    done
    can yes zen-lead-controller watch pods --all-namespaces
    can yes zen-lead-controller create leases.coordination.k8s.io -n $namespace
    can yes zen-lead-controller patch $lease -n $namespace
    can no zen-lead-controller patch leases.coordination.k8s.io/other -n $namespace
    can no zen-lead-controller get validatingwebhookconfigurations.admissionregistration.k8s.io/zen-lead
    can no zen-lead-controller create leaderpolicies.coordination.kube-zen.io -n default
    can_flush
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
    check_roles
    check_pods
    check_rules
    check_schema "$minor"
    check_status
    check_rbac
    check_role_label_rbac
    check_routing_rbac
    check_fleet
else
    echo "skip - no KUBECONFIG: not shown to an API server"
fi
echo "# $passed passed, $failed failed"
((failed == 0))
