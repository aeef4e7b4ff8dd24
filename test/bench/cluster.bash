# shellcheck shell=bash
#
# cluster.bash - a control plane with the pod stand-in and one controller, for the benchmarks. To be sourced.
# Sets ZL_RUN, KUBECONFIG and PATH; everything is taken down when the script ends, however it does.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root" || exit 1
bash test/controlplane/packages.sh jq curl openssl
# shellcheck source=test/controlplane/programs.bash
. test/controlplane/programs.bash
check_programs

ZL_RUN=$(mktemp -d "${TMPDIR:-/tmp}/zen-lead-bench.XXXXXX")
mkdir "$ZL_RUN/pids" # down.sh removes only what looks like a run folder
export ZL_RUN
finish() {
    local status=$?
    if [ "$status" -ne 0 ]; then
        log_tail controller-1
        log_tail limit
    fi
    bash test/controlplane/down.sh "$ZL_RUN"
}
trap finish EXIT
trap 'exit 130' INT TERM

# start_cluster - up to the first program of ours
start_cluster() {
    bash test/controlplane/up.sh "$ZL_RUN" $$
    export PATH=$ZL_RUN/bin:$PATH KUBECONFIG=$ZL_RUN/kubeconfig
    install_manifests >/dev/null
    start_kubelet --nodes 3
}

# make_namespace NAME - the label, by which the gatekeeper is asked, is there by itself since 1.21.
make_namespace() {
    kubectl create -f - >/dev/null <<NAMESPACE
apiVersion: v1
kind: Namespace
metadata: {name: $1, labels: {kubernetes.io/metadata.name: $1}}
NAMESPACE
}

# machine - one line about where the numbers come from
machine() {
    echo "# $(nproc) CPUs, load $(cut -d' ' -f1 /proc/loadavg), Kubernetes $(kubectl version -o json | jq -r .serverVersion.gitVersion)"
}
