# shellcheck shell=bash
# shellcheck disable=SC2154 # $root, $seed and $frozen: what run.sh and cluster.bash have
#
# programs.bash - programs that die and stand still, and are brought back. To be sourced, after programs.bash of the control plane.

# argv_of NAME - its command line into the array argv
argv_of() {
    local pid
    pid=$(process_pid "$1") && mapfile -d '' -t argv <"/proc/$pid/cmdline"
}

# remember NAME... - how each was started, so that it can be started again on the same ports and the same data
declare -A remembered=()
remember() {
    local name argv
    for name in "$@"; do
        argv_of "$name" || return 1
        remembered[$name]=$(printf '%q ' "${argv[@]}")
    done
}

start_again() {
    local argv
    eval "argv=(${remembered[$1]})"
    process_start "$1" "${argv[@]}"
}

# tell TEXT - a command for the checker; a pipe takes short lines whole
tell() { echo "$*" 1<>"$ZL_RUN/checker"; }

now_ms() { echo $((${EPOCHREALTIME/./} / 1000)); }
violated() { grep -q ' VIOLATION ' "$ZL_RUN/log/checker.log"; }

# begin_run TARGET - make the run folder, and see to its end. After a failure ($failed is not 0), or with ZL_CHAOS_KEEP, record and logs are kept
# in build/TARGET-logs. Who stands still, the names of $frozen, is let go: he cannot end.
begin_run() {
    run_target=$1
    ZL_RUN=$(mktemp -d "${TMPDIR:-/tmp}/zen-lead-chaos.XXXXXX")
    mkdir "$ZL_RUN/pids" # down.sh removes only what looks like a run folder
    export ZL_RUN
    failed=1
    trap end_run EXIT
    trap 'exit 130' INT TERM
}

end_run() {
    local keep="" name pid
    for pid in $(jobs -p); do kill "$pid" 2>/dev/null || true; done
    for name in "${!frozen[@]}"; do if pid=$(process_pid "$name"); then kill -s CONT "$pid"; fi; done
    if [ "$failed" -ne 0 ] || [ -n "${ZL_CHAOS_KEEP:-}" ]; then
        keep=$root/build/$run_target-logs
        rm -rf "$keep"
    fi
    KEEP_LOGS=$keep bash test/controlplane/down.sh "$ZL_RUN"
    if [ -n "$keep" ]; then echo "the record (checker.log) and all logs: $keep; again: make $run_target SEED=$seed" >&2; fi
}
