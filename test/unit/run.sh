#!/usr/bin/env bash
# run.sh FOLDER [WRAPPER...] -- PROGRAM... - run these unit test programs, which are below FOLDER (under a wrapper such as valgrind).
#
# Eight for each processor at a time, since the longest of them wait for time limits. Under a wrapper, and with BUSY=1 (a sanitizer), they
# work more than they wait: as many as there are processors and one more.
#
# Shows one line per program, everything of a program that fails, and adds the counts to $ZL_RESULTS (build/results).
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
export TSAN_OPTIONS="suppressions=$PWD/test/tsan.supp${TSAN_OPTIONS:+:$TSAN_OPTIONS}"

if [ "${1:-}" = --one ]; then # --one LOGS FOLDER PROGRAM [WRAPPER...]: its line, and its counts in LOGS
    logs=$2 program=$4 name=${4#"$3"/}
    shift 4
    mkdir -p "$logs/$(dirname "$name")"
    started=$(date +%s%3N)
    "$@" "$program" >"$logs/$name" 2>&1
    status=$?
    ok=$(grep -c '^\[       OK \]' "$logs/$name")
    bad=$(grep -c '^\[  FAILED  \] test_' "$logs/$name")
    # A crash or a sanitizer's report ends the program without a FAILED line.
    if [ $status -ne 0 ] && [ "$bad" -eq 0 ]; then bad=1; fi
    if [ "$ok" -eq 0 ] && [ "$bad" -eq 0 ]; then bad=1; fi
    printf '  %-44s %3d passed, %d failed, %d ms\n' "$name" "$ok" "$bad" $(($(date +%s%3N) - started))
    echo "$ok $bad" >"$logs/$name.counts"
    if [ "$bad" -gt 0 ]; then
        printf '  --- exit status %d; output of %s:\n' "$status" "$program"
        cat "$logs/$name"
    fi
    exit 0
fi

folder=$1
shift
wrapper=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    wrapper+=("$1")
    shift
done
shift || { echo "run.sh: no -- PROGRAM..." >&2; exit 2; }
at_once=$(($(nproc) * 8))
[ "${#wrapper[@]}" -eq 0 ] && [ -z "${BUSY:-}" ] || at_once=$(($(nproc) + 1))
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
# From the end of the alphabet: those that wait longest, of the HTTP server, begin before those of the client, and end with them.
printf '%s\0' "$@" | sort -zr |
    xargs -0 -P "$at_once" -I PROGRAM bash test/unit/run.sh --one "$logs" "$folder" PROGRAM "${wrapper[@]}"
read -r passed failed < <(find "$logs" -name '*.counts' -exec cat {} + | awk '{p += $1; f += $2} END {print p + 0, f + 0}')
mkdir -p build
echo "$passed $failed" >>"${ZL_RESULTS:-build/results}"
echo "unit tests in $folder: $passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
