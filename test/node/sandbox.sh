#!/usr/bin/env bash
# sandbox.sh DIR COMMAND... - run COMMAND where a whole Kubernetes node may be started without this machine noticing it.
#
# COMMAND gets a network namespace (loopback, a bridge with $ZL_NODE_ADDRESS, a default route to nowhere), a mount namespace (its own
# /run, /var/lib and /var/log, below DIR) and a process namespace: when its first process ends, however that comes about, the kernel
# kills whatever is left in it, containers and all, and the mounts and rules are gone with it. kill -9 of this script ends it too.
# Cgroups are made below one folder, $ZL_CGROUP, which is removed afterwards. Needs root. Exits with COMMAND's status.
#
# sandbox.sh --check        can that be done here? Exits 0, or 1 after one sentence that says what lacks, on standard output.
# sandbox.sh --end DIR      end the sandbox of DIR from outside, if it still runs, and remove its cgroups.
#
# DIR/sandbox names the process that `nsenter --net --mount --pid --target` takes.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=test/controlplane/process.bash
. "$here/../controlplane/process.bash"
export ZL_NODE_ADDRESS=10.99.0.1

# The folder of every cgroup hierarchy: one for each controller in version 1, a single one in version 2.
hierarchies() { awk '$3 == "cgroup" || ($3 == "cgroup2" && $2 == "/sys/fs/cgroup") {print $2}' /proc/mounts; }

# make_cgroups NAME - false where the kernel, or whoever runs this machine, does not let us.
make_cgroups() {
    local folder
    if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
        # The kubelet hands on what its parent has.
        for controller in cpu cpuset memory pids; do
            grep -qw "$controller" /sys/fs/cgroup/cgroup.controllers || continue
            echo "+$controller" >/sys/fs/cgroup/cgroup.subtree_control || return 1
        done
    fi
    for folder in $(hierarchies); do
        mkdir -p "$folder/$1" || return 1
        # A new cpuset is empty, and holds nobody until it is told what it may use.
        [ ! -e "$folder/$1/cpuset.cpus" ] || [ -e /sys/fs/cgroup/cgroup.controllers ] || for file in cpuset.cpus cpuset.mems; do
            cat "$folder/$file" >"$folder/$1/$file"
        done
    done
}

# A cgroup is busy for a moment after its last process was killed.
remove_cgroups() {
    local folder
    for folder in $(hierarchies); do
        [ ! -d "$folder/$1" ] || find "$folder/$1" -depth -type d -exec rmdir {} + 2>/dev/null
    done
    for folder in $(hierarchies); do [ ! -d "$folder/$1" ] || return 1; done
}

# What a sandbox that was killed left behind.
sweep_cgroups() {
    local folder name
    for folder in $(hierarchies); do
        for name in "$folder"/zen-lead-node-*; do
            [ -d "$name" ] || continue
            name=${name##*/}
            [ -d "/proc/${name##*-}" ] || remove_cgroups "$name" || true
        done
    done
}

# lacks - prints what stands in the way of a node on this machine; nothing when all is well.
lacks() {
    [ "$(id -u)" -eq 0 ] || { echo "it needs root" && return; }
    [ "$(uname -m)" = x86_64 ] || [ -n "${ZL_CONTAINERD:-}" ] || { echo "its packages are fetched for x86_64 alone" && return; }
    for program in unshare nsenter setpriv ip iptables; do
        command -v "$program" >/dev/null || { echo "$program is not installed" && return; }
    done
    unshare --net --mount --pid --fork --mount-proc true 2>/dev/null ||
        { echo "the kernel, or what runs this machine, allows no new namespaces" && return; }
    unshare --net --mount bash -c 'ip link add node0 type bridge && ip link add port0 type veth peer name port1' 2>/dev/null ||
        { echo "the kernel has no bridges or no veth pairs" && return; }
    unshare --net iptables -t nat -A POSTROUTING -m comment --comment x -m mark --mark 1/1 -j MASQUERADE 2>/dev/null ||
        { echo "the kernel has no netfilter NAT for kube-proxy" && return; }
    unshare --net iptables -t nat -A OUTPUT -m statistic --mode random --probability 0.5 -j ACCEPT 2>/dev/null ||
        { echo "the kernel has no statistic match for kube-proxy" && return; }
    hierarchies | grep -q . || { echo "no cgroups are mounted" && return; }
    grep -qE '^memory[[:space:]]' /proc/cgroups || grep -qw memory /sys/fs/cgroup/cgroup.controllers 2>/dev/null ||
        { echo "the kernel limits no memory of cgroups" && return; }
    make_cgroups "zen-lead-node-$$" 2>/dev/null || echo "cgroups cannot be made"
    remove_cgroups "zen-lead-node-$$" || true
}

# --- inside

# hide FOLDER [KEPT...] - a folder of our own in its place, which holds what the old one has under these names.
hide() {
    local folder=$1 own=$dir/${1##*/} kept
    shift
    mkdir -p "$own"
    for kept in "$@"; do
        [ -d "$folder/$kept" ] || continue
        mkdir "$own/$kept"
        mount --bind "$folder/$kept" "$own/$kept"
        mount -o remount,bind,ro "$own/$kept" # whoever removes DIR from inside removes nothing of the machine's
    done
    mount --rbind "$own" "$folder"
}

# The kubelet sets these for the whole machine. Here it writes into files of ours.
shield_sysctls() {
    local name
    for name in vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops kernel/keys/root_maxkeys kernel/keys/root_maxbytes; do
        [ -e "/proc/sys/$name" ] || continue
        mkdir -p "$dir/sysctl/$(dirname "$name")"
        cat "/proc/sys/$name" >"$dir/sysctl/$name"
        mount --bind "$dir/sysctl/$name" "/proc/sys/$name"
    done
}

prepare() {
    hide /var/lib dpkg # packages.sh asks what is installed
    hide /var/log
    mount -t tmpfs -o mode=755 none /run
    shield_sysctls
    ip link set lo up
    ip link add node0 type bridge
    ip addr add "$ZL_NODE_ADDRESS/24" dev node0
    ip link set node0 up
    # A bridge without a port has no carrier.
    ip link add port0 type veth peer name port1
    ip link set port0 master node0
    ip link set port0 up
    ip link set port1 up
    # It leads nowhere: an address of a Service needs a route before it is translated.
    ip route add default via "${ZL_NODE_ADDRESS%.*}.254" dev node0
    echo 1 >/proc/sys/net/ipv4/ip_forward
}

# The first process of the namespace: it reaps whoever lost its parent, and hands on the signals. The loop is there because
# a signal ends "wait" before the command has ended.
first_process() {
    local command status=0
    prepare
    "$@" &
    command=$!
    # shellcheck disable=SC2064 # now
    trap "kill -s TERM $command 2>/dev/null || true" INT TERM HUP
    while :; do
        status=0
        wait "$command" || status=$?
        kill -0 "$command" 2>/dev/null || break
    done
    exit "$status"
}

# --- outside

# end_sandbox - orderly first, and then for certain.
end_sandbox() {
    local pid birth
    [ -e "$dir/sandbox" ] || return 0
    read -r pid birth <"$dir/sandbox"
    # shellcheck disable=SC2317 # conditions, here and below
    alive() { [ -n "$birth" ] && [ "$(process_birth "$pid")" = "$birth" ]; }
    # shellcheck disable=SC2317
    dead() { ! alive; }
    if alive; then
        kill -s TERM "$pid" 2>/dev/null || true
        wait_until "${1:-20}" dead || kill -s KILL "$pid" 2>/dev/null || true
        wait_until 20 dead || true
    fi
    wait_until 10 remove_cgroups "$(cat "$dir/cgroup")" || echo "sandbox: cgroups $(cat "$dir/cgroup") could not be removed" >&2
    rm -f "$dir/sandbox"
}

case ${1:-} in
--check)
    sweep_cgroups
    reason=$(lacks)
    [ -z "$reason" ] && exit 0
    echo "no node on this machine: $reason"
    exit 1
    ;;
--end)
    dir=$(cd "$2" && pwd)
    end_sandbox 5
    exit 0
    ;;
--inside)
    dir=$2
    shift 2
    first_process "$@"
    ;;
"" | -*)
    echo "usage: sandbox.sh DIR COMMAND..., sandbox.sh --check, sandbox.sh --end DIR" >&2
    exit 2
    ;;
esac

mkdir -p "$1"
dir=$(cd "$1" && pwd)
shift
export ZL_CGROUP=zen-lead-node-$$ ZL_SANDBOX=$dir
sweep_cgroups
make_cgroups "$ZL_CGROUP"
echo "$ZL_CGROUP" >"$dir/cgroup"
# Whoever dies first takes the other along: this script by its child's end, the child by setpriv and --kill-child.
setpriv --pdeathsig KILL unshare --net --mount --pid --fork --kill-child=KILL --mount-proc bash "$here/sandbox.sh" --inside "$dir" "$@" &
unshared=$!
# shellcheck disable=SC2317
inner() { inner_pid=$(pgrep -P "$unshared") && [ -n "$inner_pid" ]; }
wait_until 10 inner || { echo "sandbox: no namespace was made" >&2; exit 1; }
echo "$inner_pid $(process_birth "$inner_pid")" >"$dir/sandbox"
trap 'kill -s TERM $inner_pid 2>/dev/null || true' INT TERM HUP
status=0
while :; do
    wait "$unshared" && status=0 || status=$?
    kill -0 "$unshared" 2>/dev/null || break
done
end_sandbox
exit "$status"
