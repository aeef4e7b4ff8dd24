#!/usr/bin/env bash
# install.sh - what `make install` puts there works for others: the programs and kubectl's plugin, the man page, and the
# library for C11 and C++17, shared and static, by pkg-config alone.
# shellcheck disable=SC2317 # the functions are called by check
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=test/check.bash
. test/check.bash
make --no-print-directory install PREFIX="$work/usr" >"$work/log" || { cat "$work/log" >&2; exit 1; }
export PATH=$work/usr/bin:$PATH PKG_CONFIG_PATH=$work/usr/lib/pkgconfig LD_LIBRARY_PATH=$work/usr/lib

prints() { [ "$("${@:2}")" = "$1" ] || { echo "not \"$1\" but:" && "${@:2}"; return 1; }; }
mentions() { "${@:2}" 2>&1 | grep -F -- "$1"; }
flags() { pkg-config "$@" libzenlead; }

# No pod's name and no API server: the worker may work.
unset POD_NAME POD_NAMESPACE KUBERNETES_SERVICE_HOST
export KUBECONFIG=$work/none

# least_start PROGRAM... - of 20 runs, in ms of processor time: what else the machine does must not count.
least_start() {
    local TIMEFORMAT='%3U %3S'
    for _ in {1..20}; do { time "$@" >/dev/null; } 2>&1; done | awk '{ ms = ($1 + $2) * 1000 } NR == 1 || ms < least { least = ms } END { print int(least) }'
}
# Nearly all of a start is loading libraries, and curl loads the same ones: what a machine makes of that varies by five times.
starts_like_curl() {
    local ours peer
    ours=$(least_start zen-lead --version) peer=$(least_start curl --version)
    echo "$ours ms, curl $peer ms"
    [ "$ours" -le $((peer * 3 / 2 + 4)) ]
}
check "a start takes no more processor time than curl's and half of it" starts_like_curl

check "the plugin is the program" prints "$(zen-lead --help)" kubectl-zen_lead --help
check "kubectl completes it" mentions "elect" kubectl_complete-zen_lead el
for shell in bash zsh fish; do check "a completion script for $shell" mentions "zen-lead __complete" zen-lead completion "$shell"; done
check "bash takes its script" bash -n <(zen-lead completion bash)
# shellcheck disable=SC2016 # for the other bash
check "bash completes verbs by it" prints "elect" bash -c '. <(zen-lead completion bash); COMP_WORDS=(zen-lead el); COMP_CWORD=1; _zen_lead; echo "${COMPREPLY[*]}"'
for verb in $(zen-lead __complete "" | sed -n 's/\t.*//p'); do
    check "$verb --help" mentions "Usage: zen-lead $verb" zen-lead "$verb" --help
    check "$verb is in the man page" grep -F ".SS zen\\-lead $verb" "$work/usr/share/man/man1/zen-lead.1"
done
# A page for each program, with each option of --help, and none that man would complain of.
page_of() {
    local option page=$work/usr/share/man/man8/$1.8
    grep -qF -- "${1//-/\\-} \\- " "$page" || { echo "$page has no NAME" && return 1; }
    for option in $("$1" --help | sed -n 's/^ *\(--[a-z0-9-]*\).*/\1/p' | grep -vxe --help -e --version); do
        grep -qF -- "${option//-/\\-}\\fR" "$page" || { echo "$page lacks $option" && return 1; }
    done
}
for program in zen-lead-webhook zen-lead-controller zen-lead-certs; do
    check "the man page of $program has all of its options" page_of "$program"
    check "$program says which commit it is of" grep -E "^$program [0-9.]+ \(commit ([0-9a-f]{12}(-dirty)?|unknown)\)$" <("$program" --version)
done
commit=$(git describe --always --dirty --abbrev=12 --exclude='*' 2>/dev/null || echo unknown)
check "and it is the one of this tree" mentions "(commit $commit)" zen-lead --version
# shellcheck disable=SC2046 # flags are words
{
    check "C11" gcc -std=c11 -Wall -Wextra -Wpedantic -Werror test/client/examples/worker.c $(flags --cflags --libs) -o "$work/worker"
    check "C++17" g++ -std=c++17 -Wall -Wextra -Wpedantic -Werror test/client/examples/locked.cc $(flags --cflags --libs) -o "$work/locked"
    check "statically" gcc -std=c11 test/client/examples/worker.c $(flags --cflags) "$work/usr/lib/libzenlead.a" \
        $(flags --libs --static | sed 's/-lzenlead//') -o "$work/worker-static"
}
check "structs are as they always were" gcc -std=c11 -I"$work/usr/include" -Werror -fsyntax-only test/client/abi.c
check "C11 runs" prints "leader" "$work/worker" web
check "statically linked it runs" prints "leader" "$work/worker-static" web
check "C++17 runs, and says what is wrong" mentions "not locked: " bash -c "$work/locked || true"
check "the library is known by its version" mentions "libzenlead.so.1" ldd "$work/worker"
check "nothing else is exported" prints "$(sed -n 's/^    \(zenlead_[a-z_]*\);/\1/p' client/lib/libzenlead.map)" \
    bash -c "nm -D --defined-only '$work/usr/lib/libzenlead.so' | sed -n 's/.* T \(.*\)@@ZENLEAD_1/\1/p' | sort"
check "the header and the map name the same functions" prints "$(sed -n 's/^    \(zenlead_[a-z_]*\);/\1/p' client/lib/libzenlead.map)" \
    bash -c "grep -o 'zenlead_[a-z_]*(' client/lib/zenlead.h | tr -d '(' | sort -u | grep -vE '_(init)$'"
exit $failures
