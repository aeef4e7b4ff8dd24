#!/usr/bin/env bats
#
# race.bats - everything at once, for a while: what a sanitizer build and the recorder have to say about it.
#
#   ZL_STORM_SECONDS   how long (20)
#   ZL_SEED            repeats a run's choices; each run prints its own

load lib

# one_blow POOLS ROUND - something bad happens to some pool, or to one of our programs. A pod that is gone by the
# time that kubectl comes to it is fine.
one_blow() {
    local n=$((RANDOM % $1 + 1)) replica
    case $(($2 % 8)) in
    0 | 2 | 4) k delete pod -l "app=storm-$n" --wait=false || true ;;
    1) k scale deployment "storm-$n" --replicas $((RANDOM % 5 + 2)) ;;
    3) k annotate pod -l "app=storm-$n" --overwrite zl-test/fail-after-ms=0 || true ;;
    5)
        replica=$((RANDOM % 3 + 1))
        process_stop "webhook-$replica" TERM 30 # terminationGracePeriodSeconds, which it does not need
        start_webhook "$replica"
        ;;
    6) k delete lease "zen-lead-pool-$n" --ignore-not-found ;;
    7)
        replica=$((RANDOM % 2 + 1))
        process_stop "controller-$replica" TERM 30
        start_controller "$replica"
        ;;
    esac
}

@test "a storm of deletions, failures, scaling and restarts: never two at once, and one each afterwards" {
    local pools=8 round=0 n end
    RANDOM=${ZL_SEED:-$$}
    echo "seed ${ZL_SEED:-$$}"
    for n in $(seq "$pools"); do policy "pool-$n"; done >/dev/null
    for n in $(seq "$pools"); do workload Deployment "storm-$n" 4 "pool-$n"; done | k apply -f -
    end=$(($(now_ms) + ${ZL_STORM_SECONDS:-20} * 1000))
    while [ "$(now_ms)" -lt "$end" ]; do
        one_blow "$pools" "$round"
        round=$((round + 1))
    done
    echo "$round blows"
    restore_programs
    for n in $(seq "$pools"); do wait_for 120 one_leader "storm-$n" "pool-$n"; done
    recorder_sync
    expect "pods of one Deployment at one instant" "$(most_at_once)" -eq 1
}
