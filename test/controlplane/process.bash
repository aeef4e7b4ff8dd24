# shellcheck shell=bash
#
# process.bash - background programs of one run folder: start, stop, wait. To be sourced.
#
# The folder is $ZL_RUN. Program NAME has its pid and start time in $ZL_RUN/pids/NAME and its output in
# $ZL_RUN/log/NAME.log. The start time tells our process from a stranger that got the same pid later,
# so a stale folder can never make us signal somebody else's program.

# process_start NAME COMMAND... - start it detached from the terminal: Ctrl-C reaches only the script,
# which then stops its programs in order. With ZL_KEEP_JOB=1 the caller can wait for $! and its exit code.
process_start() {
    local name=$1
    shift
    mkdir -p "$ZL_RUN/pids" "$ZL_RUN/log"
    (
        # bats waits for everyone who holds its descriptors.
        exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
        exec setsid "$@"
    ) </dev/null >>"$ZL_RUN/log/$name.log" 2>&1 &
    local pid=$!
    # A shell that knows it as its job would announce its end in the middle of other output.
    [ -n "${ZL_KEEP_JOB:-}" ] || disown "$pid"
    echo "$pid $(process_birth "$pid")" >"$ZL_RUN/pids/$name"
}

# process_birth PID - its start time in clock ticks since boot; empty when it is gone or a zombie.
process_birth() {
    local stat fields
    { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 0
    read -r -a fields <<<"${stat##*) }"
    [ "${fields[0]}" = Z ] || echo "${fields[19]}"
}

# process_pid NAME - the pid while it runs; empty and false otherwise.
process_pid() {
    local pid birth
    [ -e "$ZL_RUN/pids/$1" ] || return 1
    read -r pid birth <"$ZL_RUN/pids/$1"
    [ -n "$birth" ] && [ "$(process_birth "$pid")" = "$birth" ] && echo "$pid"
}

process_is_running() { process_pid "$1" >/dev/null; }
process_is_gone() { ! process_is_running "$1"; }

# process_stop NAME [SIGNAL [SECONDS]] - signal it (TERM), wait, and KILL it after the deadline (10 s).
# False when it had to be killed, or did not exit cleanly enough to obey the signal.
process_stop() {
    local name=$1 signal=${2:-TERM} seconds=${3:-10} pid result=0
    if pid=$(process_pid "$name"); then
        kill -s "$signal" "$pid" 2>/dev/null || true
        if ! wait_until "$seconds" process_is_gone "$name"; then
            kill -s KILL "$pid" 2>/dev/null || true
            wait_until 10 process_is_gone "$name" || true
            result=1
        fi
    fi
    rm -f "$ZL_RUN/pids/$name"
    return "$result"
}

# process_stop_all - the youngest first, so that nobody loses the server that he needs to stop.
process_stop_all() {
    local name
    [ -d "$ZL_RUN/pids" ] || return 0
    find "$ZL_RUN/pids" -type f -printf '%T@ %f\n' | sort -rn | while read -r _ name; do
        process_stop "$name" TERM 5 || true
    done
}

# wait_until SECONDS COMMAND... - run it every 50 ms until it succeeds; false at the deadline.
wait_until() {
    local deadline=$((${EPOCHREALTIME/./} + $1 * 1000000))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "${EPOCHREALTIME/./}" -lt "$deadline" ] || return 1
        sleep 0.05
    done
}

# free_port - a loopback port on which nobody listens, given out once per run folder. Below the range
# from which the kernel takes ports for outgoing connections, so none of those can take it meanwhile.
free_port() {
    local port
    mkdir -p "$ZL_RUN/ports"
    while :; do
        port=$((20000 + SRANDOM % 12000))
        mkdir "$ZL_RUN/ports/$port" 2>/dev/null || continue
        (exec 9<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
    done
    echo "$port"
}

# log_tail NAME [LINES] - the end of its log, on standard error.
log_tail() {
    echo "--- end of $1.log" >&2
    tail -n "${2:-15}" "$ZL_RUN/log/$1.log" 2>/dev/null | cut -c 1-300 >&2 || true
}
