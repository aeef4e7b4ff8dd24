#!/usr/bin/env bash
# cluster.sh OWNER - the node of the areas node*.bats in $ZL_RUN, with zen-lead installed as docs/install.md says. When process OWNER is
# gone, all of it is taken down; see up.sh. Run inside sandbox.sh.
set -euo pipefail

# shellcheck source=test/controlplane/programs.bash
. "$(dirname "${BASH_SOURCE[0]}")/../controlplane/programs.bash"
# shellcheck source=test/node/node.bash
. "$(dirname "${BASH_SOURCE[0]}")/node.bash"

# A lost node is noticed in seconds instead of 40.
export ZL_CONTROLLER_MANAGER_OPTIONS="--node-monitor-grace-period=12s --node-monitor-period=1s"
bash "$zl_root/test/node/up.sh" "$ZL_RUN" "$1"
export PATH=$ZL_RUN/bin:$PATH KUBECONFIG=$ZL_RUN/kubeconfig
node_install
start_recorder
