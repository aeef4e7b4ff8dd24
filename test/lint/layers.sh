#!/usr/bin/env bash
# layers.sh - the architecture as a check: who may include whom, and who alone may use which library.
set -euo pipefail
cd "$(dirname "$0")/../.."
failures=0

# refuse WHY FILES... : no line of these files may match the pattern on standard input's first line.
refuse() {
    local why=$1 pattern=$2 hits
    shift 2
    hits=$(grep -nE "$pattern" "$@" 2>/dev/null || true)
    [ -z "$hits" ] && return
    echo "$hits"
    echo "layers: $why" >&2
    failures=1
}

include='^#include ["<]'
refuse "common/ knows no program" "$include(webhook|controller|certs|client|test)/" common/*/*.[ch]
refuse "common/base knows nothing above it" "$include(common/(kube|http|pool))/" common/base/*.[ch]
refuse "common/kube knows no pool and no HTTP server" "$include(common/(http|pool))/" common/kube/*.[ch]
refuse "common/http knows no Kubernetes" "$include(common/(kube|pool))/" common/http/*.[ch]
programs="webhook controller certs"
for program in $programs; do
    others=$(echo "$programs test" | tr ' ' '\n' | grep -vx "$program" | paste -sd'|')
    refuse "$program/ knows no other program" "$include($others)/" "$program"/*.[ch]
done
library() { # library HEADER ALLOWED-REGEX: only these files include it
    local files
    files=$(git ls-files --cached --others --exclude-standard '*.[ch]' | grep -vE "$2|^test/")
    # shellcheck disable=SC2086 # a list of our own file names, none with a space
    refuse "only $2 may use $1" "$include$1" $files
}
library 'cjson/' '^common/base/json\.c$'
library 'microhttpd' '^common/http/'
library 'gnutls/' '^common/http/'
library 'curl/' '^common/kube/client'
library 'yaml\.h' '^common/kube/yaml'
library 'uthash' '^common/base/hash\.h$'

# Everything that a library of ours exports carries our prefix.
archive=${1:-build/libcommon.a}
if [ -e "$archive" ]; then
    leaks=$(nm --defined-only --extern-only "$archive" 2>/dev/null |
        awk 'NF == 3 && $3 !~ /^(zl_|ZL_|_?__|DW\.)/ {print $3}' | sort -u)
    if [ -n "$leaks" ]; then
        echo "$leaks"
        echo "layers: exported symbols start with zl_ or ZL_" >&2
        failures=1
    fi
fi
exit $failures
