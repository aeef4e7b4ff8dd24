#!/usr/bin/env bash
# undeploy.sh OVERLAY [FOLDER...] - what `make undeploy` does: the lines of docs/upgrade.md ("Uninstall") for what was
# installed from that overlay, and from the FOLDERs of manifests/ beside it, in the cluster of the current kubeconfig.
set -euo pipefail
cd "$(dirname "$0")/.."
overlay=$1
shift
die() { echo "undeploy: $*" >&2; exit 1; }

installed=manifests/overlays/$overlay
[ "$overlay" != base ] || installed=manifests/base
[ -f "$installed/kustomization.yaml" ] || die "no overlay \"$overlay\"; there are: base $(cd manifests/overlays && echo *)"
for folder in "$@"; do
    [ -f "manifests/$folder/kustomization.yaml" ] || die "no folder manifests/$folder"
done
command -v kubectl >/dev/null || die "kubectl is not installed"
context=$(kubectl config current-context 2>/dev/null) || die "no current context: set KUBECONFIG, or kubectl config use-context NAME"
lines=$(awk '/^## /{here = $0 == "## Uninstall"} /^```$/{code = 0} here && code; /^```sh$/{code = 1}' docs/upgrade.md |
    sed "s#^installed=.*#installed=$installed#; s#^beside=.*#beside='${*/#/manifests/}'#")
[ "$(grep -c '^kubectl' <<<"$lines")" -ge 3 ] || die "docs/upgrade.md has no such block"
echo "undeploy: $installed ${*/#/and manifests/} from context $context"
bash -eu -c "$lines"
