#!/usr/bin/env bash
# run.sh - what `make test` does: every check and every test.
#
# Ends with the line "N passed, N failed". A stage that is not a test suite counts as one test. All stages run even when
# one fails. The control plane is built in the background meanwhile, on the first run.
#
# The end-to-end tests mostly wait, so what mostly computes runs beside them, with the lowest priority; what it says comes in
# one piece for each stage, when the stage is over. The unit tests under sanitizers and valgrind, where a process must be gone
# before a Lease ends, the node, whose clients count every error, and chaos, which asserts how long things take, have the machine
# for themselves. At the end comes once more what every test said that failed.
#
# What passed is not run again while its inputs are the same (passed.bash): FRESH=1 runs all of it, and a clean clone does.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=test/passed.bash
. test/passed.bash
folder=build/stages
rm -rf "$folder"
mkdir -p "$folder"
export ZL_STORM_SECONDS=${ZL_STORM_SECONDS:-10} # it runs twice, once under ThreadSanitizer
export ZL_OUTPUT_LOCK=$PWD/$folder/output.lock
jobs=$(nproc)
[ "${FRESH:-0}" != 0 ] || export ZL_PASSED=$PWD/build/passed
make() { command make --no-print-directory "$@"; }

# stage NAME COUNTS INPUTS COMMAND... - COUNTS is "own" when the command adds its own "passed failed" to $ZL_RESULTS. It does not run
# when it passed with the same INPUTS, files and folders, before; "": it always runs, because it is quick, or looks for itself what
# there is to do. Leaves NAME in failed-stages when it failed.
stage() {
    local name=$1 counts=$2 inputs=$3 file=${1//[^a-z0-9]/-} started=$SECONDS key='' status verdict=ok took
    shift 3
    export ZL_RESULTS=$PWD/$folder/$file.results
    printf '\n== %s\n' "$name"
    if [ -n "$inputs" ]; then
        # shellcheck disable=SC2086 # words
        key=$(passed_key $inputs test/run.sh)
        if passed_before "$file" "$key" >"$ZL_RESULTS"; then
            printf '== %s: passed before with the same inputs: %s\n' "$name" "$inputs"
            return
        fi
    fi
    : >"$ZL_RESULTS"
    "$@" 2>&1 | tee "$folder/$file.output"
    status=${PIPESTATUS[0]}
    if [ "$status" -ne 0 ]; then
        verdict=FAILED
        echo "$name" >>"$folder/failed-stages"
    fi
    took=$((SECONDS - started))
    printf '== %s: %s, %d s%s\n' "$name" "$verdict" "$took" "$(slower "$file" "$took")"
    if [ "$counts" = one ]; then
        echo "$((status == 0)) $((status != 0))" >>"$ZL_RESULTS"
    elif [ "$status" -ne 0 ] && ! grep -qE ' [1-9][0-9]*$' "$ZL_RESULTS"; then
        echo "0 1" >>"$ZL_RESULTS" # it failed before it could count
    elif [ ! -s "$ZL_RESULTS" ]; then
        echo "0 1" >>"$ZL_RESULTS" # a suite that says nothing ran nothing
        echo "$name: no test ran" >>"$folder/failed-stages"
        return
    fi
    # shellcheck disable=SC2086 # words
    if [ "$status" -eq 0 ] && [ -n "$key" ] && [ "$key" = "$(passed_key $inputs test/run.sh)" ]; then # nothing was edited meanwhile
        passed_now "$file" "$key" "$(awk '{p += $1; f += $2} END {print p, f}' "$ZL_RESULTS")"
    fi
}

# slower FILE SECONDS - a stage that grew by half and more says so: nobody watches all of them. The last duration is this tree's.
slower() {
    local last
    mkdir -p build/durations
    last=$(cat "build/durations/$1" 2>/dev/null || echo "$2")
    echo "$2" >"build/durations/$1"
    [ "$2" -le 30 ] || [ $(($2 * 2)) -le $((last * 3)) ] || echo ", $last s the last time"
}

# failures - what the tests said that failed, a few lines of each: bats, cmocka, our checks, and the last lines of what is none of these.
failures() {
    local name output
    while read -r name; do
        output=$folder/${name//[^a-z0-9]/-}.output
        printf '\n== failed: %s\n' "$name"
        [ -e "$output" ] || continue
        if grep -qE '^(not ok|\[  FAILED  \] test_)' "$output"; then
            awk '/^not ok/ {left = 14; failed = 1} /^\[  ERROR   \]/ {left = 2} /^(ok|--|\[       OK)/ {left = failed = 0}
                left-- > 0 || (failed && /^# FAILED: /)' "$output"
        elif grep -q '^FAIL ' "$output"; then
            awk '/^FAIL / {left = 8} /^ok / {left = 0} left-- > 0' "$output"
        else
            tail -n 12 "$output"
        fi
    done <"$folder/failed-stages"
}

# quietly NAME COUNTS COMMAND... - a stage whose output comes when it is over.
quietly() {
    local output=$folder/${1//[^a-z0-9]/-}.log
    stage "$@" >"$output" 2>&1
    flock "$ZL_OUTPUT_LOCK" cat "$output"
}

bash test/controlplane/packages.sh git gcc make clang "$(bash test/controlplane/clang-runtime.sh)" clang-tidy clang-format \
    shellcheck valgrind libcmocka-dev bats haproxy jq curl openssl spin || exit 1
# The area peer builds its candidate itself, where it is missing: here, so that nothing that takes times has to wait beside it.
{ bash test/controlplane/build.sh && { bash test/peer/build.sh || true; }; } >/dev/null 2>build/controlplane.log &
builder=$!
beside=
trap 'kill $builder 2>/dev/null; [ -z "$beside" ] || kill -- -$beside 2>/dev/null; wait' EXIT
trap 'exit 130' INT TERM HUP

sources="common webhook controller certs client Makefile"
unit="test/unit test/tsan.supp test/data test/chaos docs"
image="Dockerfile manifests test/image test/check.bash test/controlplane"
cluster="manifests test/kubelet test/kubectl test/controlplane"

# Whatever is quick to fail comes first; and what is built here is not built again by two at a time.
stage "build with gcc" one "" make -j"$jobs" all build/bin/zl-tls-load
stage "format" one "" make format-check
stage "layers" one "" make layers
stage "docs" one "" make docs-check
stage "install" one "" make install-check
stage "unit" own "$sources $unit" make -j"$jobs" unit

if kill -0 $builder 2>/dev/null; then
    echo "waiting for the control plane to be built:"
    tail -n 1 -f build/controlplane.log --pid=$builder
fi
if ! wait $builder; then
    cat build/controlplane.log
    echo "control plane" >>"$folder/failed-stages"
    echo "0 1" >"$folder/controlplane.results"
fi

set -m # a process group of its own, which ends as one
(
    renice -n 19 $BASHPID >/dev/null
    quietly "build with clang" one "" make -j"$jobs" CC=clang BUILD=build/clang all
    quietly "lint" one "" make -j"$jobs" lint
    quietly "model" own "test/model" make model
    quietly "fuzz" one "$sources test/fuzz test/data" make fuzz SECONDS=5
    quietly "image" one "$sources $image" make image-check
    quietly "release" one "$sources manifests CHANGELOG.md test/release test/image test/check.bash" make release-check
    quietly "alerts" one "manifests test/monitoring test/controlplane" make monitoring-check
    quietly "manifests" one "$sources manifests test/manifests test/check.bash test/controlplane docs" make manifests-check
    quietly "end-to-end, thread sanitizer" own "$sources $cluster test/e2e" make e2e-tsan
) &
beside=$!
set +m
stage "end-to-end" own "" env ZL_NODE=0 make --no-print-directory e2e
kill -0 $beside 2>/dev/null && echo "waiting for what runs beside it"
wait $beside
beside=
stage "unit, address and undefined-behaviour sanitizers" own "$sources $unit" make -j"$jobs" SANITIZE=address,undefined unit
stage "unit, thread sanitizer" own "$sources $unit" make -j"$jobs" SANITIZE=thread unit
stage "unit, valgrind" own "$sources $unit" make valgrind
stage "end-to-end, node" own "" env ZL_E2E_LOGS=build/e2e-logs-node make --no-print-directory e2e AREA=node
# One seed: a failure here is the change's, not the dice's. And it kills neither kube-apiserver nor etcd: after that Kubernetes'
# own expectations can hold up a pool for five minutes. make chaos throws the dice.
stage "chaos, short" one "$sources $cluster test/chaos" make chaos SECONDS=25 SEED=117

[ ! -e "$folder/failed-stages" ] || failures
printf '\n%d min %d s\n' $((SECONDS / 60)) $((SECONDS % 60))
cat "$folder"/*.results | awk '{passed += $1; failed += $2} END {printf "%d passed, %d failed\n", passed, failed}'
[ ! -e "$folder/failed-stages" ]
