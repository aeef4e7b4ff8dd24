#!/usr/bin/env bash
# run.sh [SECONDS] - random faults on a fleet for so long (120), and a checker that reads every revision of the hub's Leases.
#
# Rounds of a storm, in which faults overlap, and a calm, in which every cluster must end a turn as done within a bound. Every
# second storm ends in a restoration of the hub's etcd from a backup. docs/chaos.md says what is done and what is asserted.
#
#   SEED=N               the faults of an earlier run; each run prints its own
#   FAULTS=N             end also when so many were done
#   ZL_CHAOS_STORM=S     seconds of one storm (20)
#   ZL_CHAOS_BOUND=S     how long a calm may take (60)
#   ZL_CHAOS_RATE=N      how many times as fast the fleet's clocks go (10)
#   ZL_CHAOS_MEMBERS=N   clusters (12)
#   ZL_CHAOS_GAP=MS      the longest time between two faults (350)
#   ZL_CHAOS_ANSWERS=N   of 1000 requests, how many the hub's front answers with 429, 503, 409, and 500 when they are stored (10 each)
#   ZL_CHAOS_RESTORES=0  no restorations
#   ZL_CHAOS_KEEP=1      keep the record and the logs also after a success
#   ZL_CHAOS_PLAN=1      print the first round's plan and do nothing
set -euo pipefail

seconds=${1:-120}
seed=${SEED:-$SRANDOM}
rate=${ZL_CHAOS_RATE:-10}
limit_s=${ZL_CHAOS_LIMIT_S:-20}
storm_ms=$((${ZL_CHAOS_STORM:-20} * 1000))
bound_s=${ZL_CHAOS_BOUND:-60}
gap_ms=${ZL_CHAOS_GAP:-350}
declare -A down=() frozen=()

# shellcheck source=test/chaos/fleet/cluster.bash
. "$(dirname "$0")/cluster.bash"
# shellcheck source=test/chaos/schedule.bash
. test/chaos/schedule.bash
# shellcheck source=test/chaos/fleet/schedule.bash
. test/chaos/fleet/schedule.bash
# shellcheck source=test/chaos/fleet/faults.bash
. test/chaos/fleet/faults.bash

if [ -n "${ZL_CHAOS_PLAN:-}" ]; then
    plan_fleet "$seed" 1 "$storm_ms"
    exit
fi
bash test/controlplane/packages.sh haproxy jq curl openssl
check_programs

begin_run chaos-fleet

enough() { [ -n "${FAULTS:-}" ] && [ "$(wc -l <"$ZL_RUN/hits")" -ge "$FAULTS" ]; }

# storm ROUND MS - false on a violation
storm() {
    local began at kind phase target number
    began=$(now_ms)
    while read -r at kind phase target number; do
        while [ "$(now_ms)" -lt $((began + at)) ]; do
            supervise
            sleep 0.02
        done
        do_fault "$kind" "$phase" "$target" "$number"
    done < <(plan_fleet "$seed" "$1" "$2")
    ! violated
}

# calm N - every cluster ends a turn as done; false on a violation
calm() {
    heal
    wait_until 60 hub_is_ready || { echo "the hub does not come back" >&2; return 1; }
    tell calm
    settled() {
        supervise
        [ "$(grep -c -e '-- settled' "$ZL_RUN/log/checker.log")" -ge "$1" ] || violated || process_is_gone checker
    }
    wait_until "$bound_s" settled "$1" || { echo "calm $1 did not settle within $bound_s s" >&2; return 1; }
    ! violated
}

summary() { # SECONDS
    echo
    echo "seed $seed, $1 s at $rate times the speed, ${#members[@]} clusters, Kubernetes $(kubectl version -o json | jq -r .serverVersion.gitVersion), $(nproc) CPUs, load $(cut -d' ' -f1 /proc/loadavg)"
    grep -oE '^(429|503|409|500-stored) ' "$ZL_RUN/log/front.log" | sed 's/^/answer /; s/ $//' >>"$ZL_RUN/hits" || true
    echo "faults: $(grep -cv missed "$ZL_RUN/hits" || true)"
    sort "$ZL_RUN/hits" | uniq -c | awk '{n = $1; $1 = ""; printf "  %-28s %5d\n", substr($0, 2), n}'
    echo "programs that ended by themselves: $(grep -cv CRASHED "$ZL_RUN/ended" || true)"
    echo "calms: $(grep -c -e '-- settled' "$ZL_RUN/log/checker.log"), the slowest after $(sed -nE 's/.*-- settled after ([0-9]+) ms/\1/p' "$ZL_RUN/log/checker.log" | sort -n | tail -n 1) ms"
    cat "$ZL_RUN/summary"
}

echo "chaos of a fleet: seed $seed, $seconds s" >&2
touch "$ZL_RUN/hits" "$ZL_RUN/ended"
seed_with "$seed" 0
start_everything
keep_resuming &
began=$SECONDS
round=0
verdict=0
calm 1 || verdict=1
while [ "$verdict" -eq 0 ] && [ $((SECONDS - began)) -lt "$seconds" ] && ! enough; do
    round=$((round + 1))
    restores=$(((round + 1) % 2 * ${ZL_CHAOS_RESTORES:-1}))
    # Each living member has beaten since the backup: one that is younger has no witness.
    [ "$restores" -eq 0 ] || backup
    storm "$round" "$storm_ms" || verdict=1
    [ "$verdict" -ne 0 ] || [ "$restores" -eq 0 ] || restore "$((seed + round))"
    [ "$verdict" -ne 0 ] || calm $((round + 1)) || verdict=1
done
tell finish
wait_until 60 process_is_gone checker || verdict=1
[ -s "$ZL_RUN/summary" ] && summary $((SECONDS - began)) | tee "$ZL_RUN/log/summary.txt"
grep -e ' VIOLATION ' -m 20 "$ZL_RUN/log/checker.log" && verdict=1
grep -q '^violations: 0$' "$ZL_RUN/summary" && grep -q '^record: complete$' "$ZL_RUN/summary" || verdict=1
! grep -q CRASHED "$ZL_RUN/ended" || verdict=1
if grep -E 'ThreadSanitizer|AddressSanitizer|LeakSanitizer|runtime error: ' "$ZL_RUN"/log/*.log >&2; then verdict=1; fi
failed=$verdict
[ "$verdict" -eq 0 ]
