#!/usr/bin/env bash
# up.sh DIR [OWNER] - a whole Kubernetes node: the control plane of ../controlplane/up.sh with kube-scheduler, containerd, kubelet and
# kube-proxy, and the images of zen-lead and of zl-pod. Run inside sandbox.sh.
#
# DIR and OWNER are those of ../controlplane/up.sh. Besides its files there are
#   DIR/bin/ctr                 containerd's own client, for images and containers of the node
#   DIR/images/                 the image archives that were imported
#
#   ZL_BIN=FOLDER               the programs for the image (build/bin)
#   KUBEBUILDER_ASSETS, ZL_CONTAINERD   see ../controlplane/build.sh and containerd.sh
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
[ $# -ge 1 ] || { echo "usage: sandbox.sh DIR up.sh DIR [OWNER]" >&2; exit 2; }
[ -n "${ZL_SANDBOX:-}" ] || { echo "up.sh: run it inside sandbox.sh: a kubelet changes the machine that it runs on" >&2; exit 2; }
mkdir -p "$1"
ZL_RUN=$(cd "$1" && pwd)
# shellcheck source=test/controlplane/process.bash
. "$here/../controlplane/process.bash"
ZL_BIN=$(realpath "${ZL_BIN:-build/bin}")
KUBEBUILDER_ASSETS=$(bash "$here/../controlplane/build.sh")
export KUBEBUILDER_ASSETS
cri=$(bash "$here/containerd.sh")
node="node-1"

die() {
    echo "node: $*" >&2
    exit 1
}

for name in kube-scheduler kubelet kube-proxy; do
    [ -x "$KUBEBUILDER_ASSETS/$name" ] || die "$KUBEBUILDER_ASSETS has no executable $name"
done
trap '[ $? -eq 0 ] || process_stop_all' EXIT
trap 'exit 130' INT TERM
bash "$here/../controlplane/up.sh" "$@"

# --- containerd

# What the two major versions call by other names.
containerd_config() {
    local snapshotter=overlayfs
    # A container's own file system is an overlay where this machine is a container itself; an overlay upon one is not possible.
    [ "$(stat -f -c %T "$ZL_RUN")" != overlayfs ] || snapshotter=native
    case $("$cri/usr/bin/containerd" --version) in
    *" 1."*)
        local plugin='plugins."io.containerd.grpc.v1.cri"'
        printf 'version = 2\n[%s]\n  sandbox_image = "localhost/pause:1"\n  restrict_oom_score_adj = true\n' "$plugin"
        printf '[%s.cni]\n  bin_dir = "%s/usr/lib/cni"\n  conf_dir = "%s/cni"\n' "$plugin" "$cri" "$ZL_RUN"
        printf '[%s.containerd]\n  snapshotter = "%s"\n' "$plugin" "$snapshotter"
        ;;
    *)
        local plugin="plugins.'io.containerd.cri.v1.runtime'"
        printf "version = 3\n[plugins.'io.containerd.cri.v1.images']\n  snapshotter = \"%s\"\n" "$snapshotter"
        printf "[plugins.'io.containerd.cri.v1.images'.pinned_images]\n  sandbox = \"localhost/pause:1\"\n"
        # Without CAP_SYS_RESOURCE, as in some virtual machines, nobody may lower it.
        printf '[%s]\n  restrict_oom_score_adj = true\n' "$plugin"
        printf '[%s.cni]\n  bin_dirs = ["%s/usr/lib/cni"]\n  conf_dir = "%s/cni"\n' "$plugin" "$cri" "$ZL_RUN"
        ;;
    esac
    printf '[%s.containerd.runtimes.runc]\n  runtime_type = "io.containerd.runc.v2"\n' "$plugin"
    printf '  [%s.containerd.runtimes.runc.options]\n    SystemdCgroup = false\n' "$plugin"
}

start_containerd() {
    mkdir -p "$ZL_RUN/cni"
    cat >"$ZL_RUN/cni/10-pods.conflist" <<CNI
{"cniVersion": "0.4.0", "name": "pods", "plugins": [
  {"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": true, "hairpinMode": true,
   "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.244.0.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
CNI
    containerd_config >"$ZL_RUN/containerd.toml"
    # /run and /var/lib are the sandbox's own.
    process_start containerd env "PATH=$cri/usr/bin:$cri/usr/sbin:$PATH" "$cri/usr/bin/containerd" --config "$ZL_RUN/containerd.toml"
    printf '#!/bin/sh\nexec %s --namespace k8s.io "$@"\n' "$cri/usr/bin/ctr" >"$ZL_RUN/bin/ctr"
    chmod +x "$ZL_RUN/bin/ctr"
    wait_until 30 "$ZL_RUN/bin/ctr" version || { log_tail containerd && die "containerd does not answer"; }
}

# image NAME CONFIG ROOT
image() {
    bash "$here/archive.sh" "$ZL_RUN/images/${1//[\/:]/-}.tar" "$1" "$3" "$2"
    "$ZL_RUN/bin/ctr" images import "$ZL_RUN/images/${1//[\/:]/-}.tar" >/dev/null
}

import_images() {
    local roots=$ZL_RUN/images/roots
    mkdir -p "$roots/pause"
    gcc -static -O2 -o "$roots/pause/pause" "$here/pause.c"
    image localhost/pause:1 '{"Entrypoint": ["/pause"]}' "$roots/pause"
    bash "$here/../image/root.sh" "$ZL_BIN" "$roots/pod" zl-pod
    image localhost/zl-pod:1 '{"Entrypoint": ["/usr/bin/zl-pod"], "User": "65534:65534"}' "$roots/pod"
    bash "$here/../image/root.sh" "$ZL_BIN" "$roots/zen-lead"
    image "docker.io/kube-zen/zen-lead:$("$ZL_BIN/zen-lead-controller" --version | awk '{print $2}')" \
        '{"Cmd": ["zen-lead-controller"], "User": "65534:65534"}' "$roots/zen-lead"
    rm -rf "$roots"
}

# --- the node's own programs

start_kubelet() {
    local options=()
    cat >"$ZL_RUN/kubelet.yaml" <<CONFIG
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $ZL_NODE_ADDRESS
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $ZL_RUN/ca.crt}}
authorization: {mode: Webhook}
cgroupDriver: cgroupfs
cgroupRoot: /$ZL_CGROUP
clusterDNS: [10.96.0.10] # nobody is there; without an address each pod would get a warning
failSwapOn: false
nodeLeaseDurationSeconds: 8 # it is renewed four times as often: the loss of a node is noticed in seconds
nodeStatusUpdateFrequency: 2s
syncFrequency: 10s # a changed Secret is in the pods after that time, instead of a minute
evictionHard: {memory.available: 100Mi, nodefs.available: "1%", imagefs.available: "1%"}
resolvConf: ""
tlsCertFile: $ZL_RUN/kubelet-serving.crt
tlsPrivateKeyFile: $ZL_RUN/kubelet-serving.key
volumePluginDir: $ZL_RUN/volume-plugins
CONFIG
    if [ "$minor" -ge 27 ]; then
        echo "containerRuntimeEndpoint: unix:///run/containerd/containerd.sock" >>"$ZL_RUN/kubelet.yaml"
    else
        options=(--container-runtime=remote --container-runtime-endpoint=unix:///run/containerd/containerd.sock)
    fi
    # It refuses cgroups of version 1 since 1.35 unless it is told not to.
    [ "$minor" -lt 31 ] || echo "failCgroupV1: false" >>"$ZL_RUN/kubelet.yaml"
    process_start node-kubelet "$KUBEBUILDER_ASSETS/kubelet" --config "$ZL_RUN/kubelet.yaml" --kubeconfig "$ZL_RUN/node.kubeconfig" \
        --hostname-override "$node" --node-ip "$ZL_NODE_ADDRESS" "${options[@]}"
}

start_proxy() {
    cat >"$ZL_RUN/proxy.yaml" <<CONFIG
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: iptables
clusterCIDR: 10.244.0.0/16
clientConnection: {kubeconfig: $ZL_RUN/proxy.kubeconfig}
conntrack: {maxPerCore: 0}
CONFIG
    process_start kube-proxy "$KUBEBUILDER_ASSETS/kube-proxy" --config "$ZL_RUN/proxy.yaml" --hostname-override "$node"
}

start_scheduler() {
    process_start kube-scheduler "$KUBEBUILDER_ASSETS/kube-scheduler" --kubeconfig "$ZL_RUN/scheduler.kubeconfig" --leader-elect=false
}

node_is_ready() {
    [ "$("$ZL_RUN/bin/kubectl" get node "$node" -o jsonpath='{.status.conditions[?(@.type=="Ready")].status}')" = True ]
}

# The Service "kubernetes", which every program in a pod begins with.
proxy_works() { curl -sk --noproxy '*' -m 1 -o /dev/null https://10.96.0.1/; }

minor=$("$KUBEBUILDER_ASSETS/kubelet" --version | sed -E 's/.*v1\.([0-9]+).*/\1/')
mkdir -p "$ZL_RUN/images"
start_scheduler
start_containerd
import_images >"$ZL_RUN/log/images.log" 2>&1 || { log_tail images && die "the images could not be made"; }
start_kubelet
start_proxy
wait_until 120 node_is_ready || {
    for name in containerd node-kubelet kube-proxy; do log_tail "$name"; done
    die "the node did not become Ready"
}
# Whoever makes 250 connections a second and closes them in the ordinary way has each port again after a minute. The kernel remembers a
# translated connection for two, and of SYNs that look like a part of it some are lost: seen once in 10,000 to 20,000. (zl-client closes
# with a reset, which is remembered for ten seconds.)
shorten_memory() { echo 30 >/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_time_wait; }

wait_until 60 proxy_works || { log_tail kube-proxy && die "kube-proxy leads nowhere"; }
shorten_memory || die "the kernel's memory of connections cannot be shortened"
echo "node: $("$KUBEBUILDER_ASSETS/kubelet" --version), $("$cri/usr/bin/containerd" --version | cut -d ' ' -f 1,3): $node is Ready" >&2
