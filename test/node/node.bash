# shellcheck shell=bash
#
# node.bash - zen-lead and its users on the node of up.sh: for the areas node*.bats, bench.sh and the demo. To be sourced after
# programs.bash.

# shellcheck disable=SC2154 # $zl_root is of programs.bash

export node_name="node-1"

# --- for scripts that bring up a node of their own, from this project's folder

# prepare_node - what a node needs is there, and a new $folder for it; ends the script with a sentence where none can be.
prepare_node() {
    local reason
    check_programs
    reason=$(bash test/node/check.sh) || { echo "$reason" >&2 && exit 1; }
    ZL_CONTAINERD=$(bash test/node/containerd.sh)
    KUBEBUILDER_ASSETS=$(bash test/controlplane/build.sh)
    export ZL_CONTAINERD KUBEBUILDER_ASSETS
    folder=$(mktemp -d "${TMPDIR:-/tmp}/zen-lead-node.XXXXXX")
    mkdir "$folder/pids"
}

# run_on_a_node SCRIPT - run "SCRIPT --inside FOLDER" in a sandbox, and end this script as it ends.
run_on_a_node() {
    prepare_node
    trap 'trap "" INT TERM HUP; bash test/controlplane/down.sh "$folder"' EXIT
    trap 'exit 130' INT TERM HUP
    setpriv --pdeathsig TERM bash test/node/sandbox.sh "$folder/sandbox" bash "$1" --inside "$folder/node" &
    wait $!
    exit
}

# --- zen-lead

# node_overlay - the folders of manifests/ that docs/install.md names for this version of Kubernetes without cert-manager.
node_overlay() {
    local minor
    minor=$(minor_version)
    if [ "$minor" -ge 27 ]; then
        echo overlays/self-signed
    elif [ "$minor" -ge 25 ]; then
        echo overlays/kubernetes-1.25 self-signed
    else
        echo overlays/kubernetes-1.20 self-signed
    fi
}

# node_install - the README's line, until both programs are ready.
node_install() {
    local folder
    for folder in $(node_overlay); do kubectl apply -k "$zl_root/manifests/$folder" || return 1; done
    node_await_zen_lead
}

node_await_zen_lead() {
    local deployment
    for deployment in $(kubectl get deployments --namespace zen-lead-system -o name); do
        kubectl rollout status --namespace zen-lead-system --timeout 240s "$deployment" || return 1
    done
}

# --- workloads whose containers run

# app KIND NAME REPLICAS POOL [ARGUMENTS [SPEC [POD-SPEC]]] - to be applied; POOL "" for no label. ARGUMENTS of zl-pod, SPEC of the workload
# and POD-SPEC in flow style: "--ready-after-ms=500, --drain-ms=100", "minReadySeconds: 2,".
app() { workload "$1" "$2" "$3" "$4" "" "${6:-}" "$(pod_spec "${5:-}" "${7:-}")"; }

# pod_spec ARGUMENTS [MORE] - of a pod that the profile "restricted" takes.
pod_spec() {
    cat <<SPEC
${2:-} terminationGracePeriodSeconds: 30,
    securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}},
    containers: [{name: main, image: "localhost/zl-pod:1", args: [$1], ports: [{containerPort: 8080}],
      readinessProbe: {httpGet: {path: /ready, port: 8080}, periodSeconds: 1},
      resources: {limits: {memory: 64Mi}, requests: {cpu: 100m, memory: 16Mi}},
      ${ZL_APP_CONTAINER:-}
      securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}}]
SPEC
}

# ordinary_service NAME APP - over all pods of that app: what there is without zen-lead.
ordinary_service() {
    cat <<SERVICE
---
apiVersion: v1
kind: Service
metadata: {name: $1}
spec: {selector: {app: $2}, ports: [{port: 8080}]}
SERVICE
}

# service_address NAMESPACE NAME - ClusterIP:port
service_address() { kubectl get service --namespace "$1" "$2" -o 'jsonpath={.spec.clusterIP}:{.spec.ports[0].port}'; }

# tell NAMESPACE POD PATH - a request to one pod alone.
tell() { curl -s --noproxy '*' -m 5 -o /dev/null "http://$(kubectl get pod --namespace "$1" "$2" -o 'jsonpath={.status.podIP}'):8080$3"; }

# container_of NAMESPACE POD - the id of its container.
container_of() { kubectl get pod --namespace "$1" "$2" -o 'jsonpath={.status.containerStatuses[0].containerID}' | sed 's|.*//||'; }

# process_of NAMESPACE POD - the pid of its container's first process.
process_of() { ctr tasks ls | awk -v id="$(container_of "$1" "$2")" '$1 == id {print $2}'; }

# memory_cgroup PID - the folder of its cgroup, where its memory is limited: of version 1, or of version 2.
memory_cgroup() {
    local path
    if path=$(grep -oP '^\d+:memory:\K.*' "/proc/$1/cgroup"); then
        echo "/sys/fs/cgroup/memory$path"
    else
        echo "/sys/fs/cgroup$(grep -oP '^0::\K.*' "/proc/$1/cgroup")"
    fi
}

# kill_by_memory NAMESPACE POD - its limit is reached, by a process that joins it; the kernel chooses its own process, because the kubelet has
# put that forward for it (oom_score_adj), and then the one that joined.
kill_by_memory() {
    # shellcheck disable=SC2016 # the inner shell's
    bash -c 'echo "$BASHPID" >"$1/cgroup.procs" && head -c 1G /dev/zero | tail' joined "$(memory_cgroup "$(process_of "$1" "$2")")" >/dev/null 2>&1 || true
}

# kill_container NAMESPACE POD - with -9, as the kernel does it.
kill_container() { ctr tasks kill --signal KILL "$(container_of "$1" "$2")"; }

# evict NAMESPACE POD - as kubectl drain does it; false when a budget forbids it now.
evict() {
    local version=policy/v1
    [ "$(minor_version)" -ge 22 ] || version=policy/v1beta1
    kubectl create --raw "/api/v1/namespaces/$1/pods/$2/eviction" -f - <<EVICTION
{"apiVersion": "$version", "kind": "Eviction", "metadata": {"name": "$2", "namespace": "$1"}}
EVICTION
}

# --- a client through kube-proxy

# client_start NAME NAMESPACE SERVICE [INTERVAL-MS] - 250 requests a second to its ClusterIP (every 4 ms), from the first answer on.
client_start() {
    local address
    address=$(service_address "$2" "$3")
    # shellcheck disable=SC2317 # a condition
    client_answered() { curl -sf --noproxy '*' -m 1 -o /dev/null "http://$address/"; }
    wait_until 60 client_answered || { echo "$3 does not answer at $address" >&2 && return 1; }
    rm -f "$ZL_RUN/log/client-$1.log" # of one of that name before
    # shellcheck disable=SC2086 # a command and its options
    process_start "client-$1" ${ZL_CLIENT_PRIORITY:-} "$ZL_BIN/zl-client" --url "http://$address/" --timeout-ms 2000 --interval-ms "${4:-4}"
    # shellcheck disable=SC2317 # a condition
    client_runs() { client_count "$1" | awk '$2 > 0 && $4 == 0 {seen = 1} END {exit !seen}'; }
    wait_until 60 client_runs "$1"
}

# client_count NAME - its line since the last count, see test/node/client.c; a new count begins.
client_count() {
    local log=$ZL_RUN/log/client-$1.log before pid
    before=$(grep -c '^requests' "$log" || true)
    # shellcheck disable=SC2317 # conditions
    client_listens() { pid=$(process_pid "client-$1") && grep -q '^asks ' "$log"; }
    # shellcheck disable=SC2317
    client_counted() { [ "$(grep -c '^requests' "$log")" -gt "$before" ]; }
    # Before it listens to the signal it would die of it.
    wait_until 30 client_listens "$1" && kill -s USR1 "$pid" && wait_until 30 client_counted && grep '^requests' "$log" | tail -n 1 && return
    echo "client $1 does not count: pid ${pid:-none}" >&2
    log_tail "client-$1"
    return 1
}

# client_field FIELD LINE
client_field() { awk -v field="$1" '{for (i = 1; i < NF; i++) if ($i == field) print $(i + 1)}' <<<"$2"; }

client_stop() { process_stop "client-$1"; }
