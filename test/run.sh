#!/usr/bin/env bash
# run.sh - what `make test` does: every check and every test, one stage after the other.
#
# Ends with the line "N passed, N failed". A stage that is not a test suite counts as one test. All stages
# run even when one fails. The control plane is built in the background meanwhile, on the first run.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
mkdir -p build
rm -f build/results
export ZL_STORM_SECONDS=${ZL_STORM_SECONDS:-10} # it runs twice, once under ThreadSanitizer
jobs=$(nproc)
failed_stages=()

# stage NAME COUNTS COMMAND... : COUNTS is "own" when the command adds its own line to build/results.
stage() {
    local name=$1 counts=$2 started status
    shift 2
    started=$(date +%s)
    printf '\n== %s\n' "$name"
    "$@"
    status=$?
    local verdict=ok
    if [ $status -ne 0 ]; then
        verdict=FAILED
        failed_stages+=("$name")
    fi
    printf '== %s: %s, %d s\n' "$name" "$verdict" $(($(date +%s) - started))
    if [ "$counts" = one ]; then
        echo "$((status == 0)) $((status != 0))" >>build/results
    elif [ $status -ne 0 ] && ! tail -n 1 build/results 2>/dev/null | grep -qE ' [1-9][0-9]*$'; then
        echo "0 1" >>build/results # it failed before it could count
    fi
}

make() { command make --no-print-directory "$@"; }

bash test/controlplane/packages.sh git gcc make clang "$(bash test/controlplane/clang-runtime.sh)" clang-tidy clang-format \
    shellcheck valgrind libcmocka-dev bats haproxy jq curl openssl spin || exit 1
bash test/controlplane/build.sh >/dev/null 2>build/controlplane.log &
builder=$!
trap 'kill $builder 2>/dev/null' EXIT
trap 'exit 130' INT TERM

stage "build with gcc" one make -j"$jobs" all
stage "build with clang" one make -j"$jobs" CC=clang BUILD=build/clang all
stage "format" one make format-check
stage "layers" one make layers
stage "docs" one make docs-check
stage "alerts" one make monitoring-check
stage "lint" one make -j"$jobs" lint
stage "unit" own make -j"$jobs" unit
stage "unit, address and undefined-behaviour sanitizers" own make -j"$jobs" SANITIZE=address,undefined unit
stage "unit, thread sanitizer" own make -j"$jobs" SANITIZE=thread unit
stage "unit, valgrind" own make valgrind
stage "image" one make image-check
stage "fuzz" one make fuzz SECONDS=5
stage "model" own make model

if kill -0 $builder 2>/dev/null; then
    echo "waiting for the control plane to be built:"
    tail -n 1 -f build/controlplane.log --pid=$builder
fi
if ! wait $builder; then
    cat build/controlplane.log
    failed_stages+=("control plane")
    echo "0 1" >>build/results
fi
stage "manifests" one make manifests-check
stage "end-to-end" own make e2e
stage "end-to-end, thread sanitizer" own make e2e-tsan
# One seed: a failure here is the change's, not the dice's. And it kills neither kube-apiserver nor etcd: after that Kubernetes'
# own expectations can hold up a pool for five minutes. make chaos throws the dice.
stage "chaos, short" one make chaos SECONDS=25 SEED=117

printf '\n'
if [ ${#failed_stages[@]} -gt 0 ]; then printf 'failed: %s\n' "${failed_stages[@]}"; fi
awk '{passed += $1; failed += $2} END {printf "%d passed, %d failed\n", passed, failed}' build/results
[ ${#failed_stages[@]} -eq 0 ]
