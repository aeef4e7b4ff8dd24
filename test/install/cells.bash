# shellcheck shell=bash
#
# cells.bash - one cell of the table in docs/install.md: what a client does with an overlay, on a control plane that has neither
# zen-lead nor machines. To be sourced after programs.bash, with KUBECONFIG of such a control plane.
#
#   cell CLIENT OVERLAY   install, again, upgrade, downgrade, uninstall; a line for each step, false at the first that fails
#
# The controller and zen-lead-certs run as processes, with the rights that were just installed; cert-manager's injector is a
# patch. Nobody asks the webhook: what is looked at is what the clients and the programs do to the configurations, by a watch.

# shellcheck disable=SC2154 # $zl_root, $ZL_RUN and $ZL_BIN are of programs.bash

# shellcheck disable=SC2034 # of matrix.sh
clients=(apply server-side replace helm-3 helm-4)

say_step() { printf '%-12s %-34s %-10s %s\n' "$client" "$overlay" "$1" "$2"; }

# --- the two versions of an overlay

# versions FOLDER... - $work/old and $work/new: these folders of manifests/ together, the new one of another image.
versions() {
    local version folder
    for version in old new; do
        mkdir -p "$work/$version"
        {
            printf 'apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nbases:\n'
            for folder in "$@"; do echo "  - ../../../manifests/$folder"; done
            [ "$version" = old ] || printf 'images:\n  - name: kube-zen/zen-lead\n    newTag: next\n'
        } >"$work/$version/kustomization.yaml"
    done
}

# --- what each client does

# run_client VERSION STEP
run_client() {
    local folder=$work/$1 values=()
    [[ $overlay != *cert-manager* ]] || values+=(--set certificates=cert-manager)
    [ "$1" = old ] || values+=(--set image.tag=next)
    case $client-$2 in
        apply-*) kubectl apply -k "$folder" ;;
        server-side-*) kubectl apply --server-side -k "$folder" ;;
        # As pipelines do that always replace: what there is not yet is created.
        replace-install) kubectl create -k "$folder" ;;
        replace-*) kubectl replace -k "$folder" ;;
        helm-*-install) "$helm" install zen-lead "$zl_root/manifests/chart" --namespace zen-lead-system --create-namespace "${values[@]}" ;;
        helm-*-downgrade) "$helm" rollback zen-lead 1 --namespace zen-lead-system ;;
        helm-*) "$helm" upgrade zen-lead "$zl_root/manifests/chart" --namespace zen-lead-system "${values[@]}" ;;
    esac
}

remove() {
    case $client in
        helm-*) "$helm" uninstall zen-lead --namespace zen-lead-system && kubectl delete namespace zen-lead-system &&
            kubectl delete -f "$zl_root/manifests/chart/crds" ;;
        *) kubectl delete -k "$work/old" ;;
    esac
}

# A LeaderPolicy from before: without machines nobody could apply one while the webhook is installed.
prepare() {
    if [[ $client = helm-* ]]; then
        helm=$(bash "$zl_root/test/controlplane/helm.sh" "${client#helm-}") || return 1
        kubectl apply -f "$zl_root/manifests/chart/crds"
    else
        kubectl kustomize "$work/old" 2>/dev/null | awk 'BEGIN { RS = "---\n" } /kind: CustomResourceDefinition\n/' >"$work/crd.yaml"
        kubectl apply -f "$work/crd.yaml"
        # Replace creates what there is not.
        [ "$client" != replace ] || kept_crd=$work/crd.yaml
    fi &&
        kubectl wait --for condition=Established --timeout 60s crd/leaderpolicies.coordination.kube-zen.io || return 1
    kubectl get namespace matrix >/dev/null 2>&1 || kubectl create namespace matrix
    kubectl label --overwrite namespace matrix kubernetes.io/metadata.name=matrix
    # shellcheck disable=SC2317 # called by wait_until
    policy_is_there() {
        kubectl apply -f - <<<'{"apiVersion": "coordination.kube-zen.io/v1alpha1", "kind": "LeaderPolicy", "metadata": {"name": "web", "namespace": "matrix"}}'
    }
    wait_until 30 policy_is_there
}

# --- what is there besides the clients

certify() {
    local arguments
    if [[ $overlay == *cert-manager* ]]; then
        [ -n "$(configuration zen-lead | jq -r '.metadata.annotations["cert-manager.io/inject-ca-from"] // empty')" ] || return 1
        kubectl patch validatingwebhookconfiguration zen-lead --type json -p "$(configuration zen-lead | jq -c '[.webhooks | to_entries[] |
            {op: "add", path: "/webhooks/\(.key)/clientConfig/caBundle", value: "'"$(base64 -w 0 "$ZL_RUN/ca.crt")"'"}]')"
        return
    fi
    mapfile -t arguments < <(kubectl get deployment --namespace zen-lead-system zen-lead-certs -o json |
        jq -r '.spec.template.spec.containers[0].args[] | select(startswith("--every") | not)')
    "$ZL_BIN/zen-lead-certs" --kubeconfig "$ZL_RUN/certs.kubeconfig" "${arguments[@]}"
}

# --- what is looked at

configuration() { kubectl get validatingwebhookconfiguration "$1" -o json; }
generations() { kubectl get validatingwebhookconfiguration zen-lead zen-lead-pods -o 'jsonpath={range .items[*]}{.metadata.generation} {end}'; }
# Is it filled for the namespace matrix, and is a caBundle in both?
is_armed() {
    configuration zen-lead-pods | jq -e "$armed" >/dev/null && configuration zen-lead | jq -e '.webhooks | length > 0 and all(.clientConfig.caBundle != null)' >/dev/null
}
armed='.webhooks // [] | any(.name == "pods.zen-lead.kube-zen.io" and (.clientConfig.caBundle != null) and .failurePolicy == "Fail"
    and (.clientConfig.service.path | test("^/validate/[0-9a-f]{64}$"))
    and (.namespaceSelector.matchExpressions | any(.key == "kubernetes.io/metadata.name" and .operator == "In" and (.values | index("matrix")))))'

# Every state of zen-lead-pods from now on, a line each: true or false.
watch_it() {
    kubectl get validatingwebhookconfiguration zen-lead-pods --watch -o json > >(jq --unbuffered -c "$armed" >"$work/states") &
    watcher=$!
    wait_until 20 test -s "$work/states"
}
end_watch() {
    kill "$watcher" 2>/dev/null
    wait "$watcher" 2>/dev/null
}

nothing_is_left() {
    local left
    left=$(kubectl get namespace,crd,clusterrole,clusterrolebinding,priorityclass,validatingwebhookconfiguration -o json |
        jq -r '.items[] | select(.metadata.labels["app.kubernetes.io/part-of"] == "zen-lead" or .metadata.name == "zen-lead-system") | "\(.kind)/\(.metadata.name)"')
    [ -z "$left" ]
}

# step NAME VERSION
step() {
    local before=$SECONDS generations_before=""
    [ "$1" != again ] || generations_before=$(generations)
    if ! run_client "$2" "$1" >"$work/out" 2>&1; then
        say_step "$1" FAILED
        tail -n 10 "$work/out"
        return 1
    fi
    if [ "$1" = install ]; then
        start_controller 1
        wait_until 30 certify >"$work/certs" 2>&1 || { say_step "$1" "no certificate"; tail -n 5 "$work/certs"; return 1; }
    fi
    wait_until 30 is_armed || { say_step "$1" "not armed"; configuration zen-lead-pods; log_tail controller-1; return 1; }
    [ "$1" != install ] || watch_it
    if [ "$1" = again ] && [ "$client" != replace ] && [ "$(generations)" != "$generations_before" ]; then
        say_step "$1" "another generation: $generations_before-> $(generations)"
        return 1
    fi
    say_step "$1" "ok, $((SECONDS - before)) s"
}

# Whoever replaces empties it; nobody else may, not for an instant.
was_always_armed() {
    local moments
    moments=$(grep -c false "$work/states")
    if [ "$client" = replace ]; then
        [ "$moments" -le 3 ] && say_step watched "emptied $moments times, filled again each time"
    else
        [ "$moments" -eq 0 ] && say_step watched "armed throughout, $(grep -c true "$work/states") states"
    fi || { say_step watched "$moments moments without the gatekeeper"; return 1; }
}

cell() {
    local client=$1 overlay=$2 helm="" kept_crd="" watcher="" work result=0
    mkdir -p "$zl_root/build"
    work=$(mktemp -d "$zl_root/build/install.XXXXXX") # in this tree, because kustomize takes relative folders alone
    # shellcheck disable=SC2086 # folders, split on purpose
    versions $overlay
    prepare >"$work/out" 2>&1 || { say_step prepare FAILED; tail -n 5 "$work/out"; result=1; }
    # What create -k does not take is that the CRD is there.
    if [ "$result" -eq 0 ] && [ -n "$kept_crd" ]; then
        kubectl() { if [ "$1 $2" = "create -k" ]; then command kubectl kustomize "$3" 2>/dev/null |
            awk 'BEGIN { RS = "---\n" } !/kind: CustomResourceDefinition\n/ { printf "---\n%s", $0 }' | command kubectl create -f -; else command kubectl "$@"; fi; }
    fi
    if [ "$result" -eq 0 ]; then
        { step install old && step again old && step upgrade new && step downgrade old && was_always_armed; } || result=1
    fi
    [ -z "$watcher" ] || end_watch
    process_stop controller-1 TERM >/dev/null 2>&1
    unset -f kubectl
    if [ "$result" -eq 0 ]; then
        if remove >"$work/out" 2>&1 && wait_until 90 nothing_is_left; then
            say_step uninstall ok
        else
            say_step uninstall "FAILED or left something"
            tail -n 5 "$work/out"
            result=1
        fi
    fi
    kubectl delete namespace matrix --ignore-not-found --wait --timeout 60s >/dev/null 2>&1 || true
    rm -rf "$work"
    return "$result"
}
