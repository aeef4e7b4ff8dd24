#!/usr/bin/env bash
# run.sh [AREA] - the end-to-end tests against real control planes, one area or all.
#
# An area is a file AREA.bats here. Installs what is missing, builds the control plane if need be, and runs the areas
# in groups at the same time: each group has a control plane of its own, on free ports in a temporary folder, and takes
# the next area, largest first, until there is none. Leaves neither process nor folder behind, however it ends.
#
#   ZL_BIN=FOLDER            the programs under test (build/bin); a sanitizer build works as well
#   KUBEBUILDER_ASSETS=DIR   the control plane to use, see test/controlplane/build.sh
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
# shellcheck source=test/controlplane/programs.bash
. test/controlplane/programs.bash
check_programs

if [ -n "${1:-}" ] && [ ! -e "test/e2e/$1.bats" ]; then
    echo "no area \"$1\"; there are: $(cd test/e2e && echo *.bats | sed 's/\.bats//g')" >&2
    exit 2
fi

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
mkdir "$folder/queue" "$folder/results" "$folder/pids"
for area in ${1:-$(cd test/e2e && echo *.bats | sed 's/\.bats//g')}; do
    tests=$(bats --count --filter "${FILTER:-.}" "test/e2e/$area.bats")
    [ "$tests" -eq 0 ] || touch "$folder/queue/$(printf '%04d' $((9999 - tests)))-$area"
done
areas=$(find "$folder/queue" -type f | wc -l)
[ "$areas" -gt 0 ] || { echo "no test matches FILTER=$FILTER" >&2; exit 2; }
count=${ZL_GROUPS:-$(($(nproc) + 1))} # they wait more than they compute
[ "$count" -le "$areas" ] || count=$areas

KUBEBUILDER_ASSETS=$(bash test/controlplane/build.sh)
export KUBEBUILDER_ASSETS ZL_BIN ZL_E2E_LOGS=${ZL_E2E_LOGS:-build/e2e-logs}
rm -rf "$ZL_E2E_LOGS"
mkdir -p build
ZL_RUN=$folder process_start guard bash test/controlplane/guard.sh "$folder" $$
for n in $(seq "$count"); do
    # A group whose parent is gone must not go on by itself; guard.sh is there for violent ends.
    setpriv --pdeathsig TERM bash test/e2e/group.sh "$folder" "$n" "$count" &
    groups+=($!)
done
status=0
for pid in "${groups[@]}"; do wait "$pid" || status=1; done
groups=()

read -r passed failed skipped < <(cat "$folder"/results/* | awk '{p += $1; f += $2; s += $3} END {print p + 0, f + 0, s + 0}')
left=$(find "$folder/queue" -type f | wc -l)
[ "$left" -eq 0 ] || echo "areas that did not run: $(find "$folder/queue" -type f -printf '%f ')" >&2
if [ "$status" -ne 0 ] && [ $((failed + left)) -eq 0 ]; then failed=1; fi
failed=$((failed + left))
echo "$passed $failed" >>"${ZL_RESULTS:-build/results}"
[ ! -d "$ZL_E2E_LOGS" ] || echo "the logs of all programs: $root/$ZL_E2E_LOGS" >&2
echo "end-to-end: $passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
