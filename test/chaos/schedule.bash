# shellcheck shell=bash
#
# schedule.bash - which faults, when, to whom: a function of the seed and of the round's number, and of nothing else. To be
# sourced.

# Our own numbers: bash's RANDOM differs between versions, and starts anew in a subshell.
seed_with() { random=$((($1 * 2654435761 + $2 * 40503 + 12345) & 0x7fffffff)); }
# roll N - 0 .. N-1 into $rolled
roll() {
    random=$(((random * 1103515245 + 12345) & 0x7fffffff))
    rolled=$(((random >> 12) % $1))
}
# between LOW HIGH - in steps of 50, into $rolled
between() {
    roll $((($2 - $1) / 50 + 1))
    rolled=$(($1 + rolled * 50))
}
pick() {
    local words=("$@")
    roll $#
    picked=${words[$rolled]}
}

# WEIGHT KIND TARGETS; what each does stands in faults.bash
fault_kinds() {
    cat <<'KINDS'
4 webhook-kill webhook-1 webhook-2
3 webhook-freeze webhook-1 webhook-2
1 webhook-restart webhook-1 webhook-2
4 controller-kill controller-1 controller-2
4 controller-freeze controller-1 controller-2
1 controller-restart controller-1 controller-2
2 apiserver-kill kube-apiserver
2 apiserver-freeze kube-apiserver
2 etcd-kill etcd
2 etcd-freeze etcd
2 link-cut webhook-1 webhook-2 controller-1 controller-2 review all
2 link-cut-one webhook-1 webhook-2 controller-1 controller-2 review
2 link-refuse webhook-1 webhook-2 controller-1 controller-2 review all
3 link-stall webhook-1 webhook-2 controller-1 controller-2 review all
3 link-delay webhook-1 webhook-2 controller-1 controller-2 review all
6 pod-delete handover recreate replace stateful pair standby
5 pod-kill handover recreate replace stateful pair standby
4 pod-fail handover recreate replace stateful pair standby
3 scale handover recreate replace stateful pair-a standby
2 scale-down-up handover recreate replace stateful pair-b
2 label-off-on handover recreate replace stateful pair-a
3 lease-delete handover recreate replace stateful pair standby
1 gatekeeper-off all
KINDS
    [ -n "$rollouts" ] || return 0
    cat <<KINDS
6 rollout $rollouts
2 rollout-bad $rollouts
3 pod-unready handover recreate replace stateful pair standby
KINDS
}

# plan_fault MS - one fault at that time: prints its begin and its end, "MS KIND begin|end TARGET NUMBER"; $busy_until keeps
# a target from a second fault while the first one lasts
plan_fault() {
    local at=$1 lasts=0 number=0 target
    roll "$weights"
    local ticket=$rolled kind="" words
    while read -r -a words; do
        kind=${words[1]}
        ((ticket -= words[0])) || true
        [ "$ticket" -ge 0 ] || break
    done <<<"$kinds"
    pick "${words[@]:2}"
    target=$picked
    case $kind in
    webhook-kill | controller-kill | apiserver-kill | etcd-kill) between 50 3000 ;;
    webhook-freeze | apiserver-freeze) between 500 8000 ;;
    controller-freeze) between 4500 9000 ;; # longer than its Lease
    etcd-freeze) between 500 5000 ;;
    link-refuse | link-stall) between 1000 7000 ;;
    link-delay) between 2000 8000 ;;
    rollout-bad) between 2000 12000 ;;
    scale-down-up | label-off-on | gatekeeper-off) between 500 4000 ;;
    job-join) between 500 2500 ;;
    *) rolled=0 ;;
    esac
    lasts=$rolled
    roll 1000
    number=$rolled
    local key=${kind%%-*}/$target # so a workload whose rollout is bad gets no other one
    [ "$kind" != job-add ] || key=$kind
    [ "$target" != kube-apiserver ] && [ "$target" != etcd ] || key=platform
    [ "$at" -ge "${busy_until[$key]:-0}" ] || return 0
    busy_until[$key]=$((at + lasts + 200))
    # What it takes to start, and time to see something happen in between.
    [ "$key" != platform ] || busy_until[$key]=$((at + lasts + 6000))
    echo "$at $kind begin $target $number"
    [ "$kind" != gatekeeper-off ] || busy_until[$key]=$((at + lasts + 10000))
    [ "$lasts" -eq 0 ] || echo "$((at + lasts)) $kind end $target $number"
}

# What happens to Jobs; numbers of its own, so that a seed's other faults are what they would be without.
job_kinds() {
    cat <<'KINDS'
20 job-add jobs
2 job-join jobs
3 job-delete jobs
2 pod-delete jobs
2 pod-kill jobs
2 pod-fail jobs
1 lease-delete jobs
KINDS
}

# plan_round SEED ROUND MS - the faults of one round, by time; the last one begins before MS
plan_round() {
    { plan_kinds fault_kinds "$1" "$2" 150 1800 "$3" && plan_kinds job_kinds "$1" $(($2 + 100000)) 300 2000 "$3"; } |
        sort -s -n -k 1,1
}

# plan_kinds KINDS SEED ROUND LOW HIGH MS - faults of those kinds, one LOW to HIGH ms after the other
plan_kinds() {
    local at=0 kinds weights=0 weight random rolled picked
    local -A busy_until=()
    kinds=$("$1")
    while read -r weight _; do ((weights += weight)); done <<<"$kinds"
    seed_with "$2" "$3"
    roll 2
    while :; do
        between "$4" "$5"
        at=$((at + rolled))
        [ "$at" -lt "$6" ] || break
        plan_fault "$at"
    done
}
