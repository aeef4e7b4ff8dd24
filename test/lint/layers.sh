#!/usr/bin/env bash
# layers.sh - the architecture as a check: who may include whom, and who alone may use which library.
set -euo pipefail
cd "$(dirname "$0")/../.."
failures=0

say_failure() {
    echo "layers: $*" >&2
    failures=1
}

# c_files PATHSPEC... - into the array FILES: the C files that git knows there, at any depth. None is a failure, since
# a check of nothing would pass.
c_files() {
    mapfile -t FILES < <(git ls-files --cached --others --exclude-standard -- "$@" | grep '\.[ch]$')
    [ ${#FILES[@]} -gt 0 ] || { echo "layers: no C file in $*" >&2; exit 1; }
}

# refuse WHY PATTERN PATHSPEC... - no line of these files may match the pattern.
refuse() {
    local why=$1 pattern=$2 hits
    shift 2
    c_files "$@"
    hits=$(grep -HnE "$pattern" "${FILES[@]}" || [ $? -eq 1 ]) || exit 1 # a file that cannot be read is no proof
    [ -z "$hits" ] && return
    echo "$hits"
    say_failure "$why"
}

include='^#include ["<]'
refuse "common/ knows no program" "$include(webhook|controller|certs|client|test)/" common
refuse "common/base knows nothing above it" "$include(common/(kube|http|objects|kinds|seat|cache|fleet))/" common/base
refuse "common/kube knows no pool and no HTTP server" "$include(common/(http|objects|kinds|seat|cache))/" common/kube
refuse "common/http knows no Kubernetes" "$include(common/(kube|objects|kinds|seat|cache))/" common/http
# Each of the four that know pools knows those before it: objects, kinds, seat, cache.
refuse "common/objects knows only what objects say" "$include(common/(kube|http|kinds|seat|cache))/" common/objects
refuse "common/kinds knows the objects alone, and how a path names them" "$include(common/(kube/[^r]|http|seat|cache))" common/kinds
refuse "common/seat knows no cache" "$include(common/(http|cache))/" common/seat
refuse "common/fleet knows bytes and JSON alone" "$include(common/(kube|http|objects|kinds|seat|cache))/" common/fleet ':!common/fleet/*_store.[ch]'
programs="webhook controller certs client"
for program in $programs; do
    others=$(echo "$programs test" | tr ' ' '\n' | grep -vx "$program" | paste -sd'|')
    refuse "$program/ knows no other program" "$include($others)/" "$program"
done
library() { # library HEADER PATHSPEC: only these files include it
    refuse "only $2 may use $1" "$include$1" . ':!test' ":!$2"
}
library 'cjson/' 'common/base/json.c'
library 'microhttpd' 'common/http'
library 'gnutls/' 'common/http'
library 'curl/' 'common/kube/client*'
library 'yaml\.h' 'common/kube/yaml*'
library 'uthash' 'common/base/hash.h'

# Whatever decides is a pure function over plain structs: neither it nor anything that it includes knows the API server,
# the cache, the HTTP server or threads. The compiler itself says what is included.
pure() {
    local impure hits
    c_files "$@"
    impure=$(for file in "${FILES[@]}"; do
        "${CC:-cc}" -std=c17 -D_GNU_SOURCE -I. -include common/base/ban.h -M -MT "$file" "$file" || echo "$file: unreadable"
    done | tr '\\\n' '  ' | sed -E 's#([^ ]+\.[ch]): #\n\1: #g')
    [ -n "$impure" ] || { echo "layers: the compiler says nothing about $*" >&2; exit 1; }
    hits=$(grep -oP '^[^ ]+: |unreadable|(common/(kube/(?!reasons|resource)|cache/|http/)|/curl/|microhttpd)[^ ]*|[^ ]*/pthread\.h' <<<"$impure" |
        awk '/: $/ { file = $0; next } { print file $0 }')
    [ -z "$hits" ] && return
    echo "$hits"
    say_failure "what decides is pure: no API client, cache, HTTP server or thread in $*"
}
pure common/objects common/kinds common/seat ':!common/seat/*_store.[ch]' ':!common/seat/claim_clock.[ch]'
pure common/fleet ':!common/fleet/*_store.[ch]'
pure controller/leader controller/state_guard controller/traffic_director 'controller/reconcile/strategy.[ch]'
pure 'controller/apply/steps.[ch]' 'controller/apply/why.[ch]' 'controller/apply/role_label.[ch]'
pure 'controller/view/view.[ch]' controller/view/traffic.h controller/view/looks.h
pure controller/gate/arming.c controller/gate/webhook_entry.c "controller/gate/token_plan.[ch]"
pure 'controller/fleet/jobs.[ch]' 'controller/fleet/policy.[ch]' 'controller/fleet/news.[ch]' 'controller/fleet/outside.[ch]'
pure 'webhook/gatekeeper/decide*.c' webhook/validator ':!webhook/validator/validator.[ch]' ':!webhook/validator/neighbours.[ch]'

# The rooms of controller/: what is known, who decides, the one table of strategies, and who writes.
room() { # room WHY ROOMS PATHSPEC...: these files include none of the rooms
    local why=$1 rooms=$2
    shift 2
    refuse "$why" "${include}controller/($rooms)" "$@"
}
room "view/ knows no strategy and no apply" '(leader|state_guard|reconcile|apply|gate|manager|observe)/' controller/view
room "leader/ knows steps, and no other strategy" '(state_guard|traffic_director|reconcile|gate|manager|observe)/' controller/leader
room "state_guard/ and traffic_director/ know leaders and steps" '(reconcile|gate|manager|observe)/' \
    controller/state_guard controller/traffic_director
room "apply/ knows steps, and no strategy" '(leader|state_guard|gate|manager)/|reconcile/(strategy|reconcile|context)' controller/apply
room "only reconcile/ names strategies, and observe/ its gauge of them" 'reconcile/strategy\.h' \
    controller ':!controller/reconcile' ':!controller/observe/overview.c'
room "fleet/ knows no other room" '(view|leader|state_guard|traffic_director|reconcile|apply|gate|manager|observe)/' controller/fleet
room "manager/ knows reconcile, gate and observe" '(view|apply|leader|state_guard|traffic_director)/' \
    controller/manager ':!controller/manager/keys.c'

# The rooms of client/: the library is no part of the program, and what both stand on knows neither.
refuse "client/lib knows election/ alone" "${include}client/(cli|run|status)/" client/lib client/election
refuse "of the program, the sidecar alone uses the library, as others do" "${include}client/lib/" client ':!client/lib' ':!client/sidecar'
refuse "the sidecar knows of the library what others know" "${include}client/lib/[^z]" client/sidecar
pure client/run/limit.c client/explain/judge.c client/explain/texts.c 'client/doctor/checks*.[ch]' 'client/handover/ask.[ch]'

# Writes to the API stand in few files.
refuse "only these write to the API: apply/, gate/, claim.c, the stores of common/seat, common/kube, certs/, handover.c; doctor's are dry runs" \
    'zl_(lease_swap|token_(reserve|record)|kube_(create|replace|patch|delete))[a-z_]*\(' common webhook controller certs client \
    ':!common/kube' ':!common/seat/*_store.[ch]' ':!controller/apply' ':!controller/gate' ':!webhook/gatekeeper/claim.c' ':!certs' \
    ':!client/doctor/gather.c' ':!client/handover/handover.c' ':!common/fleet/*_store.[ch]' ':!controller/fleet/member_*.c'

# Everything that a library of ours exports carries our prefix.
archive=${1:-build/libcommon.a}
if [ -e "$archive" ]; then
    leaks=$(nm --defined-only --extern-only "$archive" 2>/dev/null |
        awk 'NF == 3 && $3 !~ /^(zl_|ZL_|_?__|DW\.)/ {print $3}' | sort -u)
    if [ -n "$leaks" ]; then
        echo "$leaks"
        say_failure "exported symbols start with zl_ or ZL_"
    fi
fi
# And what the library for others exports begins with zenlead_, nothing else.
library=${archive%/*}/lib/libzenlead.so
if [ -e "$library" ]; then
    leaks=$(nm --dynamic --defined-only --extern-only "$library" | awk 'NF == 3 && $3 !~ /^(zenlead_[a-z_]+@@?)?ZENLEAD_1$/ {print $3}' | sort -u)
    if [ -n "$leaks" ]; then
        echo "$leaks"
        say_failure "libzenlead exports zenlead_* alone, each with the version ZENLEAD_1"
    fi
fi
exit $failures
