#!/usr/bin/env bats
#
# peer.bats - zen-lead elect and client-go's leader election on the same Lease.
#
#   ZL_PEER_HANDOVERS   how many hand-overs (10); 100 is the long run

load lib

setup_file() {
    local status=0
    # shellcheck disable=SC2154 # zl_root is of programs.bash
    ZL_PEER=$(nice -n 19 bash "$zl_root/test/peer/build.sh") || status=$?
    export ZL_PEER
    [ "$status" -eq 0 ] || [ "$status" -eq 77 ]
}

setup() {
    [ -n "$ZL_PEER" ] || skip "client-go cannot be had here"
    restore_programs
    new_namespace
    work=$BATS_TEST_TMPDIR/work
    mkdir "$work"
    # What zl-peer does while it leads.
    cat >"$work/command" <<'COMMAND'
#!/bin/bash
trap 'exit 0' TERM
exec 9>>lock
flock -n 9 || echo "$ZEN_LEAD_TOKEN" >>clashes
read -r up _ </proc/uptime
echo "$ZEN_LEAD_TOKEN $up" >>starts
while :; do
    read -r up _ </proc/uptime
    echo "$ZEN_LEAD_TOKEN $up"
    sleep 0.01
done >>beats
COMMAND
    chmod +x "$work/command"
}

teardown() {
    local side
    [ -n "${work:-}" ] || return 0 # it was skipped
    for side in ours theirs; do process_stop "$side" KILL || true; done
    [ -n "${BATS_TEST_COMPLETED:-}" ] || { tail -n 5 "$work"/starts "$ZL_RUN"/log/{ours,theirs}.log; k get lease -o yaml; }
    drop_namespace
}

# contend SIDE - a candidate of that side, with short times.
contend() {
    local times=(--lease-duration 3s --renew-deadline 2s --retry-period 300ms)
    rm -f "$ZL_RUN/log/$1.log"
    if [ "$1" = ours ]; then
        process_start ours env --chdir "$work" "$ZL_BIN/zen-lead" elect --namespace "$NS" --component mailer --pod ours \
            "${times[@]}" --grace 300ms -- ./command
    else
        process_start theirs env --chdir "$work" "$ZL_PEER" --namespace "$NS" --lease mailer-leader-election --identity theirs "${times[@]}"
    fi
}

# waits SIDE - its candidate has seen the Lease, or would see at once what becomes of it.
waits() {
    if [ "$1" = ours ]; then
        grep -qx lease-watch "/proc/$(process_pid ours)/task/"*/comm
    else
        grep -q 'leader: ours' "$ZL_RUN/log/theirs.log"
    fi
}

other() { if [ "$1" = ours ]; then echo theirs; else echo ours; fi; }
count() { if [ -e "$work/$1" ]; then wc -l <"$work/$1"; else echo 0; fi; }
transitions() { k get lease mailer-leader-election -o 'jsonpath={.spec.leaseTransitions}'; }

# client-go cancels the renewal that is under way when it is told to end, and releases against the version before: where the
# server had written that renewal, the release is a conflict, which it does not try again. The Lease runs out then.
lost_its_release() { [ "$1" = theirs ] && grep -q 'Failed to release lo' "$ZL_RUN/log/theirs.log"; }

# take_turns FIRST COUNT - each hand-over is a release, every fifth a crash. Leaves a line for each in $work/ends: "release theirs"; "lost ours"
# where client-go did not get its release through.
take_turns() {
    local side=$1 n how
    contend "$side"
    wait_for 30 at_least 1 count starts
    for n in $(seq "$2"); do
        how=release
        [ $((n % 5)) -ne 0 ] || how=crash
        contend "$(other "$side")"
        wait_for 30 waits "$(other "$side")"
        # The supervisor alone: its guard has to see to the command.
        if [ "$how" = crash ]; then kill -s KILL "$(process_pid "$side")"; else process_stop "$side" TERM; fi
        wait_for 30 at_least $((n + 1)) count starts
        wait_for 10 process_is_gone "$side"
        if [ "$how" = release ] && lost_its_release "$side"; then how=lost; fi
        echo "$how $(other "$side")" >>"$work/ends"
        side=$(other "$side")
    done
    expect "the transitions in the end" "$(transitions)" -eq "$(tail -n 1 "$work/starts" | cut -d' ' -f1)"
}

# What took over, how, and how long after the last sign of the one before, in ms: "release theirs 412".
takeovers() {
    awk 'FILENAME ~ /starts$/ { token[FNR] = $1; start[FNR] = $2 } FILENAME ~ /beats$/ { last[$1] = $2 }
        FILENAME ~ /ends$/ { printf "%s %d\n", $0, (start[FNR + 1] - last[token[FNR]]) * 1000 }' "$work"/{starts,beats,ends}
}

# figures HOW SIDE - on bats' own output, where a person looks.
figures() {
    takeovers | awk -v wanted="$1 $2" '$1 " " $2 == wanted { print $3 }' | sort -n | awk -v what="$2 after a $1" '
        { at[NR] = $1 }
        END { if (NR) printf "# taken over by %s: %d times, median %d ms, slowest %d ms\n", what, NR, at[int((NR + 1) / 2)], at[NR] }' >&3
}

# median HOW-AND-SIDE - of their ms.
median() { takeovers | grep "$1" | sort -nk3 | awk '{ at[NR] = $3 } END { print at[int((NR + 1) / 2)] }'; }

# judge_turns COUNT - the tokens of all that led, in order, are consecutive numbers, and nobody met another.
judge_turns() {
    expect "who led" "$(count starts)" -eq $(($1 + 1))
    expect "tokens that are not one more than the one before" \
        "$(awk 'NR > 1 && $1 != before + 1 { n++ } { before = $1 } END { print n + 0 }' "$work/starts")" -eq 0
    expect "who met another" "$(count clashes)" -eq 0
    expect "overlaps by the boot clock" "$(takeovers | awk '$3 < 0' | wc -l)" -eq 0
}

@test "zen-lead elect and client-go take turns on one Lease, after releases and crashes, and count the transitions alike" {
    local turns=${ZL_PEER_HANDOVERS:-10} how side
    take_turns theirs "$turns"
    judge_turns "$turns"
    for how in release crash lost; do for side in ours theirs; do figures "$how" "$side"; done; done
    # Without the watch, or with a release missed, it would be the lease of 3 s.
    expect "half of ours after a release, in ms" "$(median 'release ours')" -le 2000
    expect "the first token of a Lease that client-go made" "$(head -n 1 "$work/starts" | cut -d' ' -f1)" -eq 0
    # The aim is half a second more than the lease, on a machine that has the time: the figures above.
    expect "half of ours after a crash, in ms, of a lease of 3 s" "$(median 'crash ours')" -le 6000
}

@test "client-go takes a Lease that zen-lead elect made, and gives it back" {
    take_turns ours 2
    judge_turns 2
}
