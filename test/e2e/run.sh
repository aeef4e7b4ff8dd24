#!/usr/bin/env bash
# run.sh [AREA] - the end-to-end tests against real control planes, one area or all.
#
# An area is a file AREA.bats here. Installs what is missing, builds the control plane if need be, and runs the areas
# in groups at the same time: each group has a control plane of its own, on free ports in a temporary folder, and takes
# the next area, largest first, until there is none. Leaves neither process nor folder behind, however it ends.
#
# The areas node*.bats need a real node (test/node), a new one each, as many at a time as there are pairs of processors. Where there can be
# none, they are skipped, and the reason is said.
#
#   ZL_BIN=FOLDER            the programs under test (build/bin); a sanitizer build works as well
#   KUBEBUILDER_ASSETS=DIR   the control plane to use, see test/controlplane/build.sh
#   ZL_CONTAINERD=DIR        the container runtime of the node, see test/node/containerd.sh
#   ZL_NODE=0                all areas but those that need a node
#   ZL_EARLIER=DIR           the version that an update comes from, see test/node/earlier.sh
#   FILTER=REGEX             only tests whose name matches
#   ZL_GROUPS=N              how many areas run at the same time (one more than there are processors: tests wait a lot)
#   ZL_REAL_KUBECTL=1        kubectl is the real one for every command, see test/kubectl/kubectl.h
#   ZL_DOWN_SECONDS=N        how long the controller stays dead in the test for that (18)
#
# Adds "passed failed" to $ZL_RESULTS (build/results). After a failure the logs of all programs are in $ZL_E2E_LOGS/GROUP
# (build/e2e-logs/GROUP).
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
bash test/controlplane/packages.sh bats haproxy jq curl openssl util-linux
! apt-cache show gojq >/dev/null 2>&1 || bash test/controlplane/packages.sh gojq # not every Ubuntu has it; see quick_jq
# shellcheck source=test/controlplane/programs.bash
. test/controlplane/programs.bash
# shellcheck source=test/passed.bash
. test/passed.bash
check_programs

# "node" is both of its areas.
mapfile -t wanted < <(find test/e2e -name "${1:-*}.bats" -o -name "${1:-*}_*.bats" | sed 's|.*/||; s|\.bats$||' | sort -u)
if [ ${#wanted[@]} -eq 0 ]; then
    echo "no area \"$1\"; there are: $(cd test/e2e && echo *.bats | sed 's/\.bats//g')" >&2
    exit 2
fi

KUBEBUILDER_ASSETS=$(bash test/controlplane/build.sh)
export KUBEBUILDER_ASSETS

folder=$(mktemp -d "${TMPDIR:-/tmp}/zen-lead-e2e.XXXXXX")
groups=()
finish() {
    trap '' INT TERM HUP
    kill "${groups[@]}" 2>/dev/null || true
    wait
    bash test/controlplane/down.sh "$folder"
}
trap finish EXIT
trap 'exit 130' INT TERM HUP

# The queue: a file for each area, whose name sorts by the number of tests. Who moves it away has it.
mkdir "$folder/queue" "$folder/queue-node" "$folder/results" "$folder/pids"
before=0
for area in "${wanted[@]}"; do
    [[ $area != node* ]] || [ "${ZL_NODE:-1}" != 0 ] || continue
    if [ -z "${FILTER:-}" ] && passed_before "e2e-$area" "$(passed_area_key "$area")" >"$folder/results/$area"; then
        echo "-- $area: passed before with the same inputs"
        before=$((before + 1))
        continue
    fi
    rm -f "$folder/results/$area"
    tests=$(bats --count --filter "${FILTER:-.}" "test/e2e/$area.bats")
    queue=queue
    [[ $area != node* ]] || queue="queue-node"
    [ "$tests" -eq 0 ] || touch "$folder/$queue/$(printf '%04d' $((9999 - tests)))-$area"
done
areas=$(find "$folder/queue" -type f | wc -l)
node_areas=$(find "$folder/queue-node" -type f | wc -l)
[ $((areas + node_areas + before)) -gt 0 ] || { echo "no test matches FILTER=$FILTER" >&2; exit 2; }
count=${ZL_GROUPS:-$(($(nproc) + 1))} # they wait more than they compute
[ "$count" -le "$areas" ] || count=$areas

# skip_node REASON - every test of the node's areas counts as skipped.
skip_node() {
    local file area
    echo "areas node*: skipped: $1" >&2
    for file in "$folder"/queue-node/*; do
        area=${file##*/} area=${area#*-}
        echo "0 0 $(bats --count --filter "${FILTER:-.}" "test/e2e/$area.bats")" >"$folder/results/$area"
        rm "$file"
    done
}

export ZL_BIN ZL_E2E_LOGS=${ZL_E2E_LOGS:-build/e2e-logs}
rm -rf "$ZL_E2E_LOGS"
mkdir -p build
ZL_RUN=$folder process_start guard bash test/controlplane/guard.sh "$folder" $$
if [ "$node_areas" -gt 0 ]; then
    if reason=$(bash test/node/check.sh); then
        ZL_CONTAINERD=$(bash test/node/containerd.sh)
        export ZL_CONTAINERD
        ZL_EARLIER=$(bash test/node/earlier.sh) || [ $? -eq 77 ] # its test says that it is skipped
        export ZL_EARLIER
        # Two processors for each: a kubelet that gets none takes minutes to end a pod, and clients see it.
        at_once=$((($(nproc) + 1) / 2))
        [ "$at_once" -le "$node_areas" ] || at_once=$node_areas
        for first in $(seq "$at_once"); do
            (
                bad=0
                for n in $(seq "$first" "$at_once" "$node_areas"); do
                    setpriv --pdeathsig TERM bash test/node/sandbox.sh "$folder/sandbox-$n" \
                        bash test/e2e/group.sh "$folder" "node-$n" "$((areas + node_areas))" || bad=1
                done
                exit "$bad"
            ) &
            groups+=($!)
        done
    else
        skip_node "$reason"
    fi
fi
for n in $(seq "$count"); do
    # A group whose parent is gone must not go on by itself; guard.sh is there for violent ends.
    setpriv --pdeathsig TERM bash test/e2e/group.sh "$folder" "$n" "$count" &
    groups+=($!)
done
status=0
for pid in "${groups[@]}"; do wait "$pid" || status=1; done
groups=()

read -r passed failed skipped < <(cat "$folder"/results/* | awk '{p += $1; f += $2; s += $3} END {print p + 0, f + 0, s + 0}')
left=$(find "$folder/queue" "$folder/queue-node" -type f | wc -l)
[ "$left" -eq 0 ] || echo "areas that did not run: $(find "$folder/queue" "$folder/queue-node" -type f -printf '%f ')" >&2
if [ "$status" -ne 0 ] && [ $((failed + left)) -eq 0 ]; then failed=1; fi
failed=$((failed + left))
echo "$passed $failed" >>"${ZL_RESULTS:-build/results}"
[ ! -d "$ZL_E2E_LOGS" ] || echo "the logs of all programs: $root/$ZL_E2E_LOGS" >&2
echo "end-to-end: $passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ $((passed + skipped)) -gt 0 ]
