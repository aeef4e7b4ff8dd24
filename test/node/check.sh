#!/usr/bin/env bash
# check.sh - installs what a node needs of this machine, and says whether there can be one: exits 0, or 1 after one sentence on standard
# output that names what lacks.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
assets=${KUBEBUILDER_ASSETS:-$(bash "$here/../controlplane/build.sh")}
for name in kube-scheduler kubelet kube-proxy; do
    [ -x "$assets/$name" ] && continue
    echo "no node: $assets has no executable $name"
    exit 1
done
[ "$(id -u)" -eq 0 ] || { echo "no node: it needs root" && exit 1; }
bash "$here/../controlplane/packages.sh" iptables iproute2 util-linux procps jq openssl curl gcc >&2
exec bash "$here/sandbox.sh" --check
