#!/usr/bin/env bash
# matrix.sh [CLIENT...] - the table in docs/install.md, each cell run on a control plane of its own: every client with every overlay.
# `make install-matrix` runs it; KUBEBUILDER_ASSETS names another version of Kubernetes.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=test/controlplane/programs.bash
. test/controlplane/programs.bash
# shellcheck source=test/install/cells.bash
. test/install/cells.bash
check_programs
bash test/controlplane/packages.sh jq curl openssl
ZL_RUN=$(mktemp -d "${TMPDIR:-/tmp}/zen-lead-install.XXXXXX")
export ZL_RUN
trap 'bash test/controlplane/down.sh "$ZL_RUN"' EXIT
trap 'exit 130' INT TERM HUP
bash test/controlplane/up.sh "$ZL_RUN" $$
export PATH=$ZL_RUN/bin:$PATH KUBECONFIG=$ZL_RUN/kubeconfig
minor=$(minor_version)
# cert-manager and the Prometheus Operator are CRDs here, and nobody behind them.
kubectl apply -f test/manifests/cert-manager-crds.yaml >/dev/null
if [ "$minor" -ge 27 ]; then
    overlays=(overlays/self-signed overlays/cert-manager "overlays/ha self-signed" "overlays/pod-role-label self-signed network-policy")
elif [ "$minor" -ge 25 ]; then
    overlays=("overlays/kubernetes-1.25 self-signed")
else
    overlays=("overlays/kubernetes-1.20 self-signed")
fi
[ $# -eq 0 ] || clients=("$@")
failures=0
for client in "${clients[@]}"; do
    for overlay in "${overlays[@]}"; do
        # The chart is for 1.27 and newer, and its values are two of these.
        [[ $client != helm-* ]] || { [ "$minor" -ge 27 ] && [[ $overlay == overlays/self-signed || $overlay == overlays/cert-manager ]]; } || continue
        cell "$client" "$overlay" || failures=$((failures + 1))
    done
done
# What is the chart's alone.
for major in 3 4; do
    [[ $minor -lt 27 || " ${clients[*]} " != *" helm-$major "* ]] || bash test/install/chart.sh "$major" || failures=$((failures + 1))
done
echo "install matrix on Kubernetes 1.$minor: $failures cells failed"
[ "$failures" -eq 0 ]
