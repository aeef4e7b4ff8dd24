#!/usr/bin/env bash
# run.sh - what `make node` does: a Kubernetes node on this machine, in namespaces of its own, with zen-lead installed by the README's line.
#
# It runs until Ctrl-C. KEEP=1: it goes on in the background, and what it says last is how to use and how to end it. Needs root;
# see sandbox.sh for what it keeps away from this machine.
#
#   ZL_BIN=FOLDER               the programs for the image (build/bin)
#   KUBEBUILDER_ASSETS, ZL_CONTAINERD   another Kubernetes, see ../controlplane/build.sh and containerd.sh
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
# shellcheck source=test/controlplane/programs.bash
. test/controlplane/programs.bash
# shellcheck source=test/node/node.bash
. test/node/node.bash

# --- inside the sandbox

if [ "${1:-}" = --inside ]; then
    ZL_RUN=$2
    export ZL_RUN PATH=$ZL_RUN/bin:$PATH KUBECONFIG=$ZL_RUN/kubeconfig
    trap 'bash test/controlplane/down.sh "$ZL_RUN"' EXIT
    trap 'exit 130' INT TERM HUP
    began=$SECONDS
    bash test/node/up.sh "$ZL_RUN" $$
    echo "node: Ready after $((SECONDS - began)) s; installing zen-lead: manifests/$(node_overlay | sed 's| | and manifests/|')" >&2
    node_install
    echo "node: zen-lead is Ready after $((SECONDS - began)) s" >&2
    touch "$ZL_RUN/installed"
    sleep infinity &
    wait $!
fi

# --- outside

prepare_node
# Into a file: whoever reads our output would wait for the node's end.
setsid bash test/node/sandbox.sh "$folder/sandbox" bash test/node/run.sh --inside "$folder/node" </dev/null >"$folder/run.log" 2>&1 &
sandbox=$!
tail -n +1 -f --pid=$$ "$folder/run.log" >&2 &
shown=$!
finish() {
    trap '' INT TERM HUP
    echo "node: stopping" >&2
    kill -s TERM "$sandbox" 2>/dev/null || true
    wait "$sandbox" 2>/dev/null || true
    bash test/controlplane/down.sh "$folder"
}
trap finish EXIT
trap 'exit 130' INT TERM HUP
installed_or_dead() { [ -e "$folder/node/installed" ] || ! kill -0 "$sandbox"; }
wait_until 600 installed_or_dead && [ -e "$folder/node/installed" ] || exit 1
kill "$shown"

read -r inner _ <"$folder/sandbox/sandbox"
cat >"$folder/shell" <<SHELL
#!/bin/sh
# A shell, or a command, on the node: its network, its processes, its kubectl.
[ \$# -gt 0 ] || set -- bash
exec nsenter --net --mount --pid --target $inner env PATH=$folder/node/bin:\$PATH KUBECONFIG=$folder/node/kubeconfig "\$@"
SHELL
printf '#!/bin/sh\nexec %s/shell kubectl "$@"\n' "$folder" >"$folder/kubectl"
chmod +x "$folder/shell" "$folder/kubectl"
"$folder/kubectl" get nodes,pods --all-namespaces -o wide
cat <<HELP

It runs. In any terminal, as root:

   $folder/kubectl apply -f manifests/examples/pool.yaml      # kubectl of this cluster
   $folder/shell                                              # a shell on the node: curl a ClusterIP, ctr, iptables
   bash $zl_root/test/controlplane/down.sh $folder            # end it

Images: localhost/zl-pod:1 is a small web server; others by: $folder/shell ctr images import ARCHIVE
HELP
if [ -n "${KEEP:-}" ]; then
    trap - EXIT
    disown "$sandbox"
    exit 0
fi
echo "Ctrl-C ends it."
wait "$sandbox"
