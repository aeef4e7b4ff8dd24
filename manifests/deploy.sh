#!/usr/bin/env bash
# deploy.sh OVERLAY [IMAGE] - what `make deploy` does: install the overlay of that name into the cluster of the current
# kubeconfig, with IMAGE in the place of the shipped one, and wait until the programs are ready.
#
# OVERLAY is a folder of manifests/overlays, or "base"; docs/install.md says which is for which cluster.
set -euo pipefail
cd "$(dirname "$0")/.."
overlay=$1 image=${2:-}
die() { echo "deploy: $*" >&2; exit 1; }

folder=manifests/overlays/$overlay
[ "$overlay" != base ] || folder=manifests/base
[ -f "$folder/kustomization.yaml" ] || die "no overlay \"$overlay\"; there are: base $(cd manifests/overlays && echo *)"
command -v kubectl >/dev/null || die "kubectl is not installed"
context=$(kubectl config current-context 2>/dev/null) || die "no current context: set KUBECONFIG, or kubectl config use-context NAME"
echo "deploy: $folder into context $context"

mkdir -p build
work=$(mktemp -d build/deploy.XXXXXX) # in this tree, because kustomize takes relative folders alone
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
{
    printf 'apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nbases:\n  - ../../%s\n' "$folder"
    if [ -n "$image" ]; then
        printf 'images:\n  - name: kube-zen/zen-lead\n'
        name=${image%@*} tail=${image##*/}
        case $image in
            *@*) printf '    newName: %s\n    digest: %s\n' "$name" "${image#*@}" ;;
            *) [[ $tail == *:* ]] || die "IMAGE=$image has no tag: which version?"
               printf '    newName: %s\n    newTag: "%s"\n' "${image%:*}" "${image##*:}" ;;
        esac
    fi
} >"$work/kustomization.yaml"
kubectl apply -k "$work"
for deployment in $(kubectl get deployments --namespace zen-lead-system -o name); do
    kubectl rollout status --namespace zen-lead-system --timeout 180s "$deployment" ||
        die "$deployment is not ready: kubectl describe pods --namespace zen-lead-system; docs/troubleshooting.md"
done
echo "deploy: installed. Next: kubectl apply -f manifests/examples/pool.yaml; kubectl get leaderpolicy,lease,pods"
