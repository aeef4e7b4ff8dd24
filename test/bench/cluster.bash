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

# The namespace whose Service fails over, s, with three pods that nothing else is at work on.
add_bench() {
    local p
    make_namespace bench
    for p in a b c; do
        echo ---
        echo "{apiVersion: v1, kind: Pod, metadata: {name: s-$p, namespace: bench, labels: {app: s}}, spec: {containers: [{name: main, image: none}]}}"
    done >"$ZL_RUN/objects.yaml"
    echo --- >>"$ZL_RUN/objects.yaml"
    echo "{apiVersion: v1, kind: Service, metadata: {name: s, namespace: bench, annotations: {zen-lead.io/enabled: \"true\"}}, spec: {selector: {app: s}, ports: [{port: 80, targetPort: 8080}]}}" >>"$ZL_RUN/objects.yaml"
    kubectl create -f "$ZL_RUN/objects.yaml" >/dev/null
    rm "$ZL_RUN/objects.yaml"
}

# threads_us PROGRAM - microseconds of processor time that its threads have had so far, without those that have ended
threads_us() { cat "/proc/$(process_pid "$1")"/task/*/schedstat | awk '{ ns += $1 } END { printf "%d\n", ns / 1000 }'; }
# status_kib PROGRAM FIELD - of its memory: VmRSS, VmHWM, RssAnon
status_kib() { awk -v key="$2:" '$1 == key { print $2 }' "/proc/$(process_pid "$1")/status"; }

# machine - one line about where the numbers come from
machine() {
    echo "# $(nproc) CPUs, load $(cut -d' ' -f1 /proc/loadavg), Kubernetes $(kubectl version -o json | jq -r .serverVersion.gitVersion)"
}
