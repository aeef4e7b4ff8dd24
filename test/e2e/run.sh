#!/usr/bin/env bash
# run.sh [AREA] - the end-to-end tests against a real control plane, one area or all.
#
# An area is a file AREA.bats here. Installs what is missing, builds the control plane if need be, runs it on
# free ports in a temporary folder, and leaves neither process nor folder behind, however it ends.
#
#   ZL_BIN=FOLDER            the programs under test (build/bin); a sanitizer build works as well
#   KUBEBUILDER_ASSETS=DIR   the control plane to use, see test/controlplane/build.sh
#   FILTER=REGEX             only tests whose name matches
#   ZL_DOWN_SECONDS=N        how long the controller stays dead in the test for that (60)
#
# After a failure the logs of all programs are in build/e2e-logs.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
bash test/controlplane/packages.sh bats haproxy jq curl openssl
# shellcheck source=test/controlplane/programs.bash
. test/controlplane/programs.bash
check_programs

area=${1:-}
files=()
if [ -n "$area" ]; then
    files=("test/e2e/$area.bats")
    if [ ! -e "${files[0]}" ]; then
        echo "no area \"$area\"; there are: $(cd test/e2e && echo *.bats | sed 's/\.bats//g')" >&2
        exit 2
    fi
else
    files=(test/e2e/*.bats)
fi

ZL_RUN=$(mktemp -d "${TMPDIR:-/tmp}/zen-lead-e2e.XXXXXX")
mkdir "$ZL_RUN/pids" # down.sh removes only what looks like a run folder
export ZL_RUN ZL_BIN ZL_OWNER=$$
failed=1
finish() {
    local keep=""
    if [ "$failed" -ne 0 ]; then
        keep=$root/build/e2e-logs
        rm -rf "$keep"
    fi
    KEEP_LOGS=$keep bash test/controlplane/down.sh "$ZL_RUN"
    if [ -n "$keep" ]; then echo "the logs of all programs: $keep" >&2; fi
}
trap finish EXIT
trap 'exit 130' INT TERM

format=tap
[ ! -t 1 ] || format=pretty
options=(--timing --print-output-on-failure --formatter "$format")
[ -z "${FILTER:-}" ] || options+=(--filter "$FILTER")
bats "${options[@]}" "${files[@]}"

# What a sanitizer build has to say, it says at the end at the latest.
process_stop_all
if grep -E 'ThreadSanitizer|AddressSanitizer|LeakSanitizer|runtime error: ' "$ZL_RUN"/log/*.log >&2; then
    echo "a sanitizer found something" >&2
    exit 1
fi
failed=0
