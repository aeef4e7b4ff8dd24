#!/usr/bin/env bash
# group.sh FOLDER NUMBER COUNT - one of COUNT groups of run.sh: starts a control plane and takes areas from FOLDER/queue.
# Groups whose number is "node-1" and so on run inside test/node/sandbox.sh, start a node as well, and take from FOLDER/queue-node.
#
# The output of an area comes in one piece when it is over, or at once when there is only one group. Leaves
# "passed failed skipped" of each area in FOLDER/results, and the logs in $ZL_E2E_LOGS/NUMBER after a failure.
set -euo pipefail

cd "$(dirname "$0")/../.."
folder=$1 number=$2 count=$3
ZL_RUN=$folder/$number
queue=$folder/queue cluster=test/e2e/cluster.sh
[[ $number != node-* ]] || queue=$folder/queue-node cluster=test/node/cluster.sh
mkdir "$ZL_RUN" "$ZL_RUN/pids" "$ZL_RUN/tmp" # down.sh removes only what looks like a run folder
export ZL_RUN ZL_CLAIM_TIMEOUT=2
# shellcheck source=test/controlplane/programs.bash
. test/controlplane/programs.bash
# shellcheck source=test/passed.bash
. test/passed.bash

failed=1
finish() {
    trap '' INT TERM HUP
    local keep=""
    [ "$failed" -eq 0 ] || keep=$ZL_E2E_LOGS/$number
    KEEP_LOGS=$keep bash test/controlplane/down.sh "$ZL_RUN"
}
trap finish EXIT
trap 'exit 130' INT TERM HUP

# supervised COMMAND... - in a session of its own, recorded as "tests": it starts and stops programs, so it ends
# first when all is taken down, with its children (see process_close). Awaited from the background, because bash obeys a
# signal only between two commands, or in wait.
supervised() {
    (
        process_record tests "$BASHPID"
        process_may_start || exit 1
        TMPDIR=$ZL_RUN/tmp exec setsid "$@"
    ) &
    wait $!
}

# next_area - moves an area out of the queue and sets $area; false when there is none.
next_area() {
    local file
    for file in "$queue"/*; do
        mv "$file" "$ZL_RUN/area" 2>/dev/null || continue
        area=${file##*/} area=${area#*-}
        return 0
    done
    return 1
}

# is_left_whole - what the next area in this cluster starts with is there.
is_left_whole() { [[ $number == node-* ]] || wait_until 10 kubectl get validatingwebhookconfigurations zen-lead zen-lead-pods >/dev/null 2>&1; }

# run_area - false when a test failed. bats' own exit status counts too: it may die before it says "not ok".
run_area() {
    local status=0 format=tap report=$ZL_RUN/tmp/report.tap started=$SECONDS passed bad skipped key
    [ ! -t 1 ] || [ "$count" -gt 1 ] || format=pretty
    key=$(passed_area_key "$area")
    local options=(--timing --print-output-on-failure --formatter "$format" --report-formatter tap --output "$ZL_RUN/tmp"
        --filter "${FILTER:-.}")
    rm -f "$report"
    if [ "$count" -eq 1 ]; then
        supervised bats "${options[@]}" "test/e2e/$area.bats" || status=1
    else
        supervised bats "${options[@]}" "test/e2e/$area.bats" >"$ZL_RUN/tmp/output" 2>&1 || status=1
    fi
    touch "$report"
    skipped=$(grep -cE '^ok .* # skip' "$report" || true)
    passed=$(($(grep -c '^ok ' "$report" || true) - skipped))
    bad=$(grep -c '^not ok ' "$report" || true)
    if [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then bad=1; fi
    if ! is_left_whole; then
        echo "not ok: area $area left no configurations of the gatekeeper; the areas after it would fail" >>"$ZL_RUN/tmp/output"
        [ "$count" -gt 1 ] || tail -n 1 "$ZL_RUN/tmp/output"
        bad=$((bad + 1))
    fi
    echo "$passed $bad $skipped" >"$folder/results/$area"
    if [ "$bad" -eq 0 ] && [ -z "${FILTER:-}" ] && [ "$key" = "$(passed_area_key "$area")" ]; then # nothing was edited meanwhile
        passed_now "e2e-$area" "$key" "$passed $bad $skipped"
    fi
    {
        flock 9 # whole pieces
        [ "$count" -eq 1 ] || { printf '\n-- %s\n' "$area" && cat "$ZL_RUN/tmp/output"; }
        echo "-- $area: $passed passed, $bad failed, $skipped skipped, $((SECONDS - started)) s"
    } 9>"${ZL_OUTPUT_LOCK:-$folder/output.lock}"
    [ "$bad" -eq 0 ]
}

if ! supervised bash "$cluster" $$ >"$ZL_RUN/tmp/up.log" 2>&1; then
    echo "group $number: the control plane did not come up:" >&2
    tail -n 40 "$ZL_RUN/tmp/up.log" >&2
    exit 1
fi
export PATH=$ZL_RUN/bin:$PATH KUBECONFIG=$ZL_RUN/kubeconfig
quick_jq
quick_kubectl
bad_areas=0
while [ ! -e "$ZL_RUN/closed" ] && next_area; do
    run_area || bad_areas=1
    # A kubelet that was killed in one area leaves pods behind that it never ends: the next area has a node of its own.
    [[ $number != node-* ]] || break
done

# What a sanitizer build has to say, it says at the end at the latest.
process_stop_all
if grep -E 'ThreadSanitizer|AddressSanitizer|LeakSanitizer|runtime error: ' "$ZL_RUN"/log/*.log >&2; then
    echo "a sanitizer found something" >&2
    echo "0 1 0" >"$folder/results/sanitizer-$number"
    exit 1
fi
failed=$bad_areas
[ "$failed" -eq 0 ]
