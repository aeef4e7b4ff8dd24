# shellcheck shell=bash
# shellcheck disable=SC2154 # what run.sh and the others have
#
# schedule.bash - which faults, when, to whom: a function of the seed and of the round's number. To be sourced, after
# test/chaos/schedule.bash, whose numbers it takes.

# WEIGHT KIND LOW HIGH TARGETS: it lasts LOW to HIGH ms; what each does stands in faults.bash
fleet_kinds() {
    cat <<KINDS
12 member-kill 50 1500 ${members[*]}
10 member-freeze 200 3000 ${members[*]}
4 arbiter-kill 50 2000 ${arbiters[*]}
6 arbiter-freeze 500 5000 ${arbiters[*]}
8 link-cut 0 0 ${members[*]} ${arbiters[*]}
8 link-cut-one 0 0 ${members[*]} ${arbiters[*]}
5 link-refuse 300 2500 ${members[*]} ${arbiters[*]}
5 link-stall 300 2500 ${members[*]} ${arbiters[*]}
4 link-delay 500 3000 ${members[*]} ${arbiters[*]}
4 link-swallow 0 0 ${members[*]}
1 hub-kill 50 1500 hub
1 hub-freeze 300 2500 hub
1 hub-etcd-kill 50 1500 hub-etcd
1 hub-etcd-freeze 300 2000 hub-etcd
2 set-n 0 0 $POOL
1 pause 500 1500 $POOL
KINDS
}

# plan_fleet SEED ROUND MS - "MS KIND begin|end TARGET NUMBER", by time; nobody has two faults at a time
plan_fleet() {
    local at=0 kinds weights=0 weight words ticket key target
    local -A busy_until=()
    kinds=$(fleet_kinds)
    while read -r weight _; do ((weights += weight)); done <<<"$kinds"
    seed_with "$1" "$2"
    roll 2
    while :; do
        between 50 "$gap_ms"
        at=$((at + rolled))
        [ "$at" -lt "$3" ] || break
        roll "$weights"
        ticket=$rolled
        while read -r -a words; do
            ((ticket -= words[0])) || true
            [ "$ticket" -ge 0 ] || break
        done <<<"$kinds"
        pick "${words[@]:4}"
        target=$picked
        between "${words[2]}" "${words[3]}"
        local lasts=$rolled
        roll 1000
        key=${words[1]%%-*}/$target
        [[ $target != hub* ]] || key=hub
        [ "$at" -ge "${busy_until[$key]:-0}" ] || continue
        busy_until[$key]=$((at + lasts + 100))
        [ "$key" != hub ] || busy_until[$key]=$((at + lasts + 4000)) # it takes a while to be there again
        echo "$at ${words[1]} begin $target $rolled"
        [ "$lasts" -eq 0 ] || echo "$((at + lasts)) ${words[1]} end $target $rolled"
    done | sort -s -n -k 1,1
}
