#!/usr/bin/env bash
# cluster.sh OWNER - the control plane of one group of areas in $ZL_RUN: three webhook replicas behind a proxy, two
# controllers, and the pod stand-in. When process OWNER is gone, all of it is taken down; see up.sh.
set -euo pipefail

# shellcheck source=test/controlplane/programs.bash
. "$(dirname "${BASH_SOURCE[0]}")/../controlplane/programs.bash"

ZL_AUDIT=1 bash "$zl_root/test/controlplane/up.sh" "$ZL_RUN" "$1"
export PATH=$ZL_RUN/bin:$PATH KUBECONFIG=$ZL_RUN/kubeconfig
install_manifests
make_certificates
start_kubelet --nodes 3
for n in 1 2 3; do start_webhook "$n"; done
for n in 1 2; do start_controller "$n"; done
start_proxy 3
for n in 1 2 3; do await_ready "webhook-$n"; done
for n in 1 2; do await_ready "controller-$n"; done
wait_until 60 proxy_answers
arm_gatekeeper "$(port_of proxy)"
start_recorder
