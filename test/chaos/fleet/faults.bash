# shellcheck shell=bash
# shellcheck disable=SC2154 # what run.sh and the others have
#
# faults.bash - doing it: each fault of schedule.bash by its kind. To be sourced.

hit() { echo "$1" >>"$ZL_RUN/hits"; }

# person KIND COMMAND... - what somebody does on the hub; it may fail, the hub may be down
person() {
    local kind=$1
    shift
    { if "$@" >>"$ZL_RUN/log/driver.log" 2>&1; then hit "$kind"; else hit "$kind (missed)"; fi; } &
}
fleet() { timeout 10 "$ZL_BIN/zen-lead" fleet "$1" "$POOL" --kubeconfig "$ZL_RUN/hub.kubeconfig" --fleet-namespace "$FLEET" "${@:2}"; }

pause_id() {
    hub_kubectl get lease -n "$FLEET" "fleet.$POOL" -o json | jq -r '.metadata.annotations["zen-lead.io/fleet"] | fromjson | .paused.id // empty'
}
resume() {
    local id
    id=$(pause_id) && [ -n "$id" ] && fleet resume --id "$id"
}
# Failures pause the fleet, and somebody who has looked resumes it: every few seconds.
keep_resuming() {
    while [ -e "$ZL_RUN/pids" ]; do
        resume >>"$ZL_RUN/log/driver.log" 2>&1 || true
        sleep 1.5
    done
}

kill_program() { local pid; pid=$(process_pid "$1") && kill -s KILL "$pid" && down[$1]=1 && hit "$2"; }
freeze_program() { local pid; pid=$(process_pid "$1") && kill -s STOP "$pid" && frozen[$1]=1 && hit "$2"; }
thaw_program() {
    local pid
    unset "frozen[$1]"
    if pid=$(process_pid "$1"); then kill -s CONT "$pid"; fi
}

# bring_back NAME [NUMBER] - an arbiter's wall clock is then up to ten minutes wrong, another time in another way
bring_back() {
    unset "down[$1]"
    process_is_running "$1" && return
    case $1 in
    hub*) start_again "$1" ;;
    *) start_program "$1" $((${2:-500} * 6 / 5 - 600)) ;;
    esac
}

do_fault() { # KIND begin|end TARGET NUMBER
    case $1-$2 in
    *-kill-begin) kill_program "$3" "$1" || true ;;
    *-kill-end) bring_back "$3" "$4" ;;
    *-freeze-begin) freeze_program "$3" "$1" || true ;;
    *-freeze-end) thaw_program "$3" ;;
    link-delay-begin) link "$3" "delay $((50 + $4))" && hit "$1" ;;
    link-*-begin) link "$3" "${1#link-}" && hit "$1" ;;
    link-*-end) link "$3" heal ;;
    set-n-begin) person "$1" fleet set --n $((1 + $4 % 5)) ;;
    pause-begin) person "$1" fleet pause --reason chaos ;;
    pause-end) ;; # keep_resuming does it
    esac
}

# What ends by itself is started again; what crashed is a failure.
supervised_ms=0
supervise() {
    local name
    [ $(($(now_ms) - supervised_ms)) -ge 500 ] || return 0 # looking costs a process for each of them
    supervised_ms=$(now_ms)
    for name in "${arbiters[@]}" "${members[@]}" hub hub-etcd; do
        if [ -n "${down[$name]:-}" ] || process_is_running "$name"; then continue; fi
        echo "$name" >>"$ZL_RUN/ended"
        [[ $name = hub* ]] || tail -n 1 "$ZL_RUN/log/$name.log" | grep -q '"level":"error"' || echo "$name CRASHED" >>"$ZL_RUN/ended"
        bring_back "$name"
    done
}

heal() {
    local name
    for name in "${!frozen[@]}"; do thaw_program "$name"; done
    for name in "${!down[@]}"; do bring_back "$name"; done
    for name in "${members[@]}" "${arbiters[@]}"; do link "$name" heal; done
}

# --- backups ---

backup() {
    freeze_program hub-etcd backup || return 1
    rm -rf "$ZL_RUN/backup"
    cp -r "$ZL_RUN/hub-etcd" "$ZL_RUN/backup"
    thaw_program hub-etcd
}

# The checker has seen all that etcd had stored when it goes away. While it is away, those who keep nothing but their memory may die.
restore() { # NUMBER
    local name kept=()
    kill_program hub hub-kill || true
    sleep 0.3
    tell restoring
    kill_program hub-etcd hub-etcd-kill || true
    wait_until 5 process_is_gone hub-etcd
    case $(($1 % 4)) in
    0) kept=(arbiter-1) ;;
    1) kept=("${arbiters[@]}" "${members[$(($1 % ${#members[@]}))]}") ;;
    esac
    for name in "${kept[@]}"; do kill_program "$name" "restore, with dead" || true; done
    rm -rf "$ZL_RUN/hub-etcd"
    cp -r "$ZL_RUN/backup" "$ZL_RUN/hub-etcd"
    tell restored
    bring_back hub-etcd
    bring_back hub
    for name in "${kept[@]}"; do bring_back "$name" $(($1 % 1000)); done
    hit restore
}
