#!/usr/bin/env bash
# run.sh FOLDER [WRAPPER...] - run every unit test program in FOLDER (under a wrapper such as valgrind).
#
# Shows one line per program, everything of a program that fails, and adds the counts to build/results.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
folder=$1
shift
log=$(mktemp)
trap 'rm -f "$log"' EXIT
passed=0 failed=0
for program in "$folder"/test_*; do
    if [ ! -x "$program" ] || [ ! -f "$program" ]; then continue; fi
    started=$(date +%s%3N)
    "$@" "$program" >"$log" 2>&1
    status=$?
    ok=$(grep -c '^\[       OK \]' "$log")
    bad=$(grep -c '^\[  FAILED  \] test_' "$log")
    # A crash or a sanitizer's report ends the program without a FAILED line.
    if [ $status -ne 0 ] && [ "$bad" -eq 0 ]; then bad=1; fi
    if [ "$ok" -eq 0 ] && [ "$bad" -eq 0 ]; then bad=1; fi
    passed=$((passed + ok)) failed=$((failed + bad))
    printf '  %-24s %3d passed, %d failed, %d ms\n' "$(basename "$program")" "$ok" "$bad" \
        $(($(date +%s%3N) - started))
    if [ "$bad" -gt 0 ]; then
        echo "  --- exit status $status; output of $program:"
        cat "$log"
    fi
done
mkdir -p build
echo "$passed $failed" >>build/results
echo "unit tests in $folder: $passed passed, $failed failed"
[ $failed -eq 0 ] && [ $passed -gt 0 ]
