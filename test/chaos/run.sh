#!/usr/bin/env bash
# run.sh [SECONDS] - random faults on a real control plane for so long (600), and a checker that knows nothing of them.
#
# Rounds of a storm (faults overlap) and a calm, in which every pool must settle within a bound. What a calm takes beyond it,
# because Kubernetes' own expectations hold a pool up, is added to SECONDS. Fails on the first violation. docs/chaos.md says
# what is done and what is asserted.
#
#   SEED=N             the faults of an earlier run; each run prints its own
#   ZL_CHAOS_STORM=S   seconds of one storm (30)
#   ZL_CHAOS_BOUND=S   how long settling may take (60)
#   ZL_CHAOS_ROLLOUTS='A B'  the workloads that are rolled out; empty: no rollouts and no leader that is not Ready
#   ZL_CHAOS_KEEP=1    keep the record and the logs also after a success
#   ZL_CHAOS_PLAN=1    print the first round's plan and do nothing
#   ZL_BIN=FOLDER      the programs under test (build/bin); a sanitizer build works as well
#
# After a failure everything is kept in build/chaos-logs: checker.log is the record of all changes and faults.
set -euo pipefail

# shellcheck source=test/chaos/cluster.bash
. "$(dirname "$0")/cluster.bash"
# shellcheck source=test/chaos/schedule.bash
. test/chaos/schedule.bash
# shellcheck source=test/chaos/faults.bash
. test/chaos/faults.bash

seconds=${1:-600}
seed=${SEED:-$SRANDOM}
storm_ms=$((${ZL_CHAOS_STORM:-30} * 1000))
bound_ms=$((${ZL_CHAOS_BOUND:-60} * 1000))
expectations_s=300 # what Kubernetes itself may take, see zl_history_expects
rollouts=${ZL_CHAOS_ROLLOUTS-handover recreate replace stateful pair-a standby}
declare -A down=() frozen=() restarting=()
jobs_begun=0

if [ -n "${ZL_CHAOS_PLAN:-}" ]; then
    plan_round "$seed" 1 "$storm_ms"
    exit
fi
bash test/controlplane/packages.sh haproxy jq curl openssl
check_programs

begin_run chaos

# storm ROUND MS - false on a violation
storm() {
    local began due at kind phase target number
    began=$(now_ms)
    while read -r at kind phase target number; do
        due=$((began + at))
        while [ "$(now_ms)" -lt "$due" ]; do
            supervise
            sleep 0.05
        done
        do_fault "$kind" "$phase" "$target" "$number"
        ! violated || return 1
    done < <(plan_round "$seed" "$1" "$2")
}

# end_of_calm N - what the checker says when calm N is over; that it holds somebody up it says before that
end_of_calm() { grep -E -e "-- calm $1: (not )?settled" "$ZL_RUN/log/checker.log"; }

# calm N - every pool settles within the bound; false on a violation
calm() {
    local began=$SECONDS
    heal
    tell calm "$bound_ms"
    works || return 1
    calm_is_over() {
        supervise
        end_of_calm "$1" || process_is_gone checker || violated
    }
    wait_until $((bound_ms / 1000 + expectations_s + 60)) calm_is_over "$1"
    tell storm
    # Who waits does not test.
    [ $((SECONDS - began)) -le $((bound_ms / 1000)) ] || seconds=$((seconds + SECONDS - began - bound_ms / 1000))
    ! violated && end_of_calm "$1"
}

# summary SECONDS - what was done, and what the checker says
summary() {
    echo
    echo "seed $seed, $1 s, Kubernetes $(kubectl version -o json | jq -r .serverVersion.gitVersion), $(nproc) CPUs, load $(cut -d' ' -f1 /proc/loadavg)"
    echo "faults: $(grep -cv missed "$ZL_RUN/hits" || true)"
    sort "$ZL_RUN/hits" | uniq -c | awk '{n = $1; $1 = ""; printf "  %-28s %5d\n", substr($0, 2), n}'
    echo "programs that ended by themselves: $(wc -l <"$ZL_RUN/ended")"
    cat "$ZL_RUN/summary"
}

echo "chaos: seed $seed, $seconds s" >&2
touch "$ZL_RUN/hits" "$ZL_RUN/ended"
start_everything
began=$SECONDS
round=0
verdict=0
calm 1 || verdict=1
while [ "$verdict" -eq 0 ] && [ $((SECONDS - began)) -lt "$seconds" ]; do
    round=$((round + 1))
    left_ms=$(((seconds - SECONDS + began) * 1000))
    storm "$round" $((left_ms < storm_ms ? left_ms : storm_ms)) && calm $((round + 1)) || verdict=1
done
tell finish
wait_until 60 process_is_gone checker || verdict=1
[ -s "$ZL_RUN/summary" ] && summary $((SECONDS - began)) | tee "$ZL_RUN/log/summary.txt"
grep -e ' VIOLATION ' -m 20 "$ZL_RUN/log/checker.log" && verdict=1
grep -q '^violations: 0$' "$ZL_RUN/summary" || verdict=1
! grep -q INCOMPLETE "$ZL_RUN/summary" || verdict=1
! grep -q CRASHED "$ZL_RUN/ended" || verdict=1
if grep -E 'ThreadSanitizer|AddressSanitizer|LeakSanitizer|runtime error: ' "$ZL_RUN"/log/*.log >&2; then verdict=1; fi
failed=$verdict
[ "$verdict" -eq 0 ]
