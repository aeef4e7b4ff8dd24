# shellcheck shell=bash
#
# process.bash - background programs of one run folder: start, stop, wait. To be sourced.
#
# The folder is $ZL_RUN. Program NAME has its pid and start time in $ZL_RUN/pids/NAME and its output in
# $ZL_RUN/log/NAME.log. The start time tells our process from a stranger that got the same pid later,
# so a stale folder can never make us signal somebody else's program.

# process_start NAME COMMAND... - start it detached from the terminal: Ctrl-C reaches only the script,
# which then stops its programs in order. With ZL_KEEP_JOB=1 the caller can wait for $! and its exit code.
#
# Nobody is started in a folder that is being taken down (see process_close), and nobody is there unrecorded: a
# program writes itself down before it looks whether the folder is closed, and the one who closes it reads
# the list afterwards. So one of the two sees the other, also when the script that starts it is killed meanwhile.
process_start() {
    local name=$1
    shift
    process_may_start || return 1
    mkdir -p "$ZL_RUN/pids" "$ZL_RUN/log"
    (
        # bats waits for everyone who holds its descriptors.
        exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
        process_record "$name" "$BASHPID"
        process_may_start || exit 1
        exec setsid "$@"
    ) </dev/null >>"$ZL_RUN/log/$name.log" 2>&1 &
    local pid=$!
    # A shell that knows it as its job would announce its end in the middle of other output.
    [ -n "${ZL_KEEP_JOB:-}" ] || disown "$pid"
    process_record "$name" "$pid"
}

process_may_start() { [ -d "$ZL_RUN" ] && [ ! -e "$ZL_RUN/closed" ]; }

# process_close - from now on no program can be started in this folder; the tests that might try are ended.
process_close() {
    touch "$ZL_RUN/closed"
    process_stop tests KILL || true
}

# process_record NAME PID
process_record() {
    echo "$2 $(process_birth "$2")" >"$ZL_RUN/pids/.$1.$BASHPID" && mv "$ZL_RUN/pids/.$1.$BASHPID" "$ZL_RUN/pids/$1"
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

# process_stop NAME [SIGNAL [SECONDS]] - signal it (TERM), wait, and KILL it after the deadline (20 s).
# Its children get the signal as well: each is the leader of a process group. False when it had to be killed.
process_stop() {
    local name=$1 signal=${2:-TERM} seconds=${3:-20} pid result=0
    if pid=$(process_pid "$name"); then
        process_signal "$signal" "$pid"
        if ! wait_until "$seconds" process_is_gone "$name"; then
            process_signal KILL "$pid"
            wait_until 10 process_is_gone "$name" || true
            result=1
        fi
    fi
    rm -f "$ZL_RUN/pids/$name"
    return "$result"
}

# A moment after its start it is not the leader of its group yet.
process_signal() { kill -s "$1" -- "-$2" 2>/dev/null || kill -s "$1" "$2" 2>/dev/null || true; }

# process_stop_all - the youngest first, so that nobody loses the server that he needs to stop.
process_stop_all() {
    local name
    [ -d "$ZL_RUN/pids" ] || return 0
    find "$ZL_RUN/pids" -type f ! -name '.*' -printf '%T@ %f\n' | sort -rn | while read -r _ name; do
        process_stop "$name" TERM 5 || true
    done
}

# wait_until SECONDS COMMAND... - run it until it succeeds, every 50 ms at first, then less often; false at the deadline.
wait_until() {
    local started=${EPOCHREALTIME/./} limit=$(($1 * 1000000)) waited pause
    shift
    until "$@" >/dev/null 2>&1; do
        waited=$((${EPOCHREALTIME/./} - started))
        [ "$waited" -lt "$limit" ] || return 1
        # A tenth of what has passed: a kubectl that looks without a pause takes the processor from what it waits for.
        pause=$((waited / 10000 + 50))
        sleep "0.$(printf '%03d' $((pause < 500 ? pause : 500)))"
    done
}

# free_port - a loopback port on which nobody listens, given to one run folder of this machine as long as that folder
# exists: what one run has stopped and will start again, another must not take meanwhile. Below the range
# from which the kernel takes ports for outgoing connections, so none of those can take it either.
free_port() {
    local port lock folder=/tmp/zen-lead-ports.$UID
    mkdir -p "$folder"
    exec {lock}>"$folder/lock"
    flock "$lock"
    while :; do
        port=$((20000 + SRANDOM % 12000))
        [ ! -e "$folder/$port" ] || continue # a link to a folder that is gone does not "exist"
        (exec 9<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
    done
    ln -sfn "$ZL_RUN" "$folder/$port"
    exec {lock}>&-
    echo "$port"
}

# log_tail NAME [LINES] - the end of its log, on standard error.
log_tail() {
    echo "--- end of $1.log" >&2
    tail -n "${2:-15}" "$ZL_RUN/log/$1.log" 2>/dev/null | cut -c 1-300 >&2 || true
}
