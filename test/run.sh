#!/usr/bin/env bash
# run.sh - what `make test` does: every check and every test.
#
# Ends with the line "N passed, N failed". A stage that is not a test suite counts as one test. All stages run even when
# one fails. The control plane is built in the background meanwhile, on the first run.
#
# The end-to-end tests mostly wait, so what mostly computes runs beside them, with the lowest priority; what it says comes in
# one piece for each stage, when the stage is over. Chaos, which asserts how long things take, runs alone.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
folder=build/stages
rm -rf "$folder"
mkdir -p "$folder"
export ZL_STORM_SECONDS=${ZL_STORM_SECONDS:-10} # it runs twice, once under ThreadSanitizer
export ZL_OUTPUT_LOCK=$PWD/$folder/output.lock
jobs=$(nproc)
make() { command make --no-print-directory "$@"; }

# stage NAME COUNTS COMMAND... : COUNTS is "own" when the command adds its own "passed failed" to $ZL_RESULTS. Leaves NAME in
# failed-stages when it failed.
stage() {
    local name=$1 counts=$2 started=$SECONDS status=0 verdict=ok
    shift 2
    export ZL_RESULTS=$PWD/$folder/${name//[^a-z0-9]/-}.results
    : >"$ZL_RESULTS"
    printf '\n== %s\n' "$name"
    "$@" || status=$?
    if [ "$status" -ne 0 ]; then
        verdict=FAILED
        echo "$name" >>"$folder/failed-stages"
    fi
    printf '== %s: %s, %d s\n' "$name" "$verdict" $((SECONDS - started))
    if [ "$counts" = one ]; then
        echo "$((status == 0)) $((status != 0))" >>"$ZL_RESULTS"
    elif [ "$status" -ne 0 ] && ! grep -qE ' [1-9][0-9]*$' "$ZL_RESULTS"; then
        echo "0 1" >>"$ZL_RESULTS" # it failed before it could count
    elif [ ! -s "$ZL_RESULTS" ]; then
        echo "0 1" >>"$ZL_RESULTS" # a suite that says nothing ran nothing
        echo "$name: no test ran" >>"$folder/failed-stages"
    fi
}

# quietly NAME COUNTS COMMAND... - a stage whose output comes when it is over.
quietly() {
    local output=$folder/${1//[^a-z0-9]/-}.log
    stage "$@" >"$output" 2>&1
    flock "$ZL_OUTPUT_LOCK" cat "$output"
}

bash test/controlplane/packages.sh git gcc make clang "$(bash test/controlplane/clang-runtime.sh)" clang-tidy clang-format \
    shellcheck valgrind libcmocka-dev bats haproxy jq curl openssl spin || exit 1
bash test/controlplane/build.sh >/dev/null 2>build/controlplane.log &
builder=$!
beside=
trap 'kill $builder 2>/dev/null; [ -z "$beside" ] || kill -- -$beside 2>/dev/null; wait' EXIT
trap 'exit 130' INT TERM HUP

# Whatever is quick to fail comes first; and what is built here is not built again by two at a time.
stage "build with gcc" one make -j"$jobs" all build/bin/zl-tls-load
stage "format" one make format-check
stage "layers" one make layers
stage "docs" one make docs-check
stage "unit" own make -j"$jobs" unit

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
    quietly "build with clang" one make -j"$jobs" CC=clang BUILD=build/clang all
    quietly "lint" one make -j"$jobs" lint
    quietly "unit, address and undefined-behaviour sanitizers" own make -j"$jobs" SANITIZE=address,undefined unit
    quietly "unit, thread sanitizer" own make -j"$jobs" SANITIZE=thread unit
    quietly "unit, valgrind" own make valgrind
    quietly "model" own make model
    quietly "fuzz" one make fuzz SECONDS=5
    quietly "image" one make image-check
    quietly "alerts" one make monitoring-check
    quietly "manifests" one make manifests-check
    quietly "end-to-end, thread sanitizer" own make e2e-tsan
) &
beside=$!
set +m
stage "end-to-end" own make e2e
kill -0 $beside 2>/dev/null && echo "waiting for what runs beside it"
wait $beside
beside=
# One seed: a failure here is the change's, not the dice's. And it kills neither kube-apiserver nor etcd: after that Kubernetes'
# own expectations can hold up a pool for five minutes. make chaos throws the dice.
stage "chaos, short" one make chaos SECONDS=25 SEED=117

printf '\n%d min %d s\n' $((SECONDS / 60)) $((SECONDS % 60))
[ ! -e "$folder/failed-stages" ] || sed 's/^/failed: /' "$folder/failed-stages"
cat "$folder"/*.results | awk '{passed += $1; failed += $2} END {printf "%d passed, %d failed\n", passed, failed}'
[ ! -e "$folder/failed-stages" ]
