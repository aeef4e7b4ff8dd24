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

# rooms PARENT - of standard input, a line each: "room: the rooms it may include". A folder below PARENT without a line is a failure, and
# so is a line without a folder: nobody is forgotten.
rooms() {
    local parent=$1 room known all others words
    local -A knows=()
    while IFS=: read -r room known; do
        [ -z "$room" ] || knows[$room]=${known%%#*}
    done
    all=$(git ls-files --cached --others --exclude-standard -- "$parent/**/*.[ch]" | cut -d/ -f2 | sort -u)
    diff <(printf '%s\n' "${!knows[@]}" | sort) <(echo "$all") ||
        say_failure "the rooms of $parent/ are other ones (>) than those of this table (<)"
    for room in "${!knows[@]}"; do
        read -ra words <<<"${knows[$room]}"
        others=$({ grep -vxF -f <(printf '%s\n' "$room" "${words[@]}") <<<"$all" || [ $? -eq 1 ]; } | paste -sd'|')
        [ -z "$others" ] || refuse "$parent/$room knows of $parent/ these rooms alone: ${words[*]:-none}" "$include$parent/($others)/" "$parent/$room"
    done
}

refuse "common/ knows no program" "$include(webhook|controller|certs|client|test)/" common
rooms common <<'ROOMS'
base:
kube: base
http: base
objects: base
kinds: base objects kube # how a path names them: below
seat: base objects kinds kube # its stores alone: below
cache: base objects kinds seat kube
validation: base objects kinds
fleet: base kube objects # its store alone: below
ROOMS
refuse "common/kinds knows of kube/ how a path names an object" "${include}common/kube/[^r]" common/kinds
refuse "common/seat decides, and its stores alone write" "${include}common/kube/" common/seat ':!common/seat/*_store.[ch]'
refuse "common/fleet knows bytes and JSON alone" "$include(common/(kube|objects))/" common/fleet ':!common/fleet/*_store.[ch]'
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
    hits=$(grep -oP '^[^ ]+: |unreadable|(common/(kube/(?!reasons|resource|yaml)|cache/|http/)|/curl/|microhttpd)[^ ]*|[^ ]*/pthread\.h' <<<"$impure" |
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
pure controller/gate/arming.c controller/gate/webhook_entry.c 'controller/gate/token_plan.[ch]' 'controller/gate/dispute.[ch]' \
    'controller/gate/review_secret.[ch]'
pure 'controller/fleet/jobs.[ch]' 'controller/fleet/policy.[ch]' 'controller/fleet/news.[ch]' 'controller/fleet/outside.[ch]'
pure webhook/review
pure 'webhook/gatekeeper/decide*.c' common/validation

# The rooms of the programs. Of controller/: what is known, who decides, who writes, and the one table of strategies.
rooms controller <<'ROOMS'
view:
leader: view apply # the list of steps, apply/steps.h
state_guard: view apply leader
traffic_director: view apply leader
observe: view leader traffic_director reconcile # the gauge of strategies
apply: view traffic_director observe
gate:
reconcile: view leader state_guard traffic_director apply gate observe
fleet:
manager: view reconcile gate observe fleet
ROOMS
refuse "who decides knows steps, and nobody who carries them out" "${include}controller/apply/(s[^tu]|w[^h]|[^sw])" \
    controller/leader controller/state_guard controller/traffic_director
refuse "apply/ knows of traffic_director/ what a route must say" "${include}controller/traffic_director/[^r]" controller/apply
refuse "only reconcile/ names strategies, and observe/ its gauge of them" "${include}controller/reconcile/strategy\.h" \
    controller ':!controller/reconcile' ':!controller/observe/overview.c'
refuse "of manager/, keys.c alone knows what a view is of" "${include}controller/view/" controller/manager ':!controller/manager/keys.c'
rooms webhook <<'ROOMS'
review:
gatekeeper: review
validator: review gatekeeper # its cache and client
ROOMS
# Of client/: the library is no part of the program, and what both stand on knows neither.
rooms client <<'ROOMS'
election:
lib: election
cli:
status: cli election
explain: cli status
doctor: cli status
fleet: cli
handover: cli election
run: cli election
dashboard: cli status explain doctor
sidecar: cli lib # by its public header, as others do: below
ROOMS
refuse "of the program, the sidecar alone uses the library, as others do" "${include}client/lib/" client ':!client/lib' ':!client/sidecar'
refuse "the sidecar knows of the library what others know" "${include}client/lib/[^z]" client/sidecar
pure client/run/limit.c client/explain/judge.c client/explain/texts.c 'client/doctor/checks*.[ch]' 'client/handover/ask.[ch]' \
    'client/doctor/outcome.[ch]' 'client/fleet/edit.[ch]' client/lib/judge.c 'client/dashboard/board.[ch]' \
    'client/dashboard/rows*.[ch]' client/dashboard/timeline.c client/dashboard/news.c 'client/sidecar/answers.[ch]' 'client/election/names.[ch]'

# Writes to the API stand in few files.
refuse "only these write to the API: apply/, gate/, claim.c, the stores of common/seat, common/kube, certs/, handover.c; doctor's are dry runs" \
    'zl_(lease_swap|token_(reserve|record)|kube_(create|replace|patch|delete))[a-z_]*\(' common webhook controller certs client \
    ':!common/kube' ':!common/seat/*_store.[ch]' ':!controller/apply' ':!controller/gate' ':!webhook/gatekeeper/claim.c' ':!certs' \
    ':!client/doctor/gather*.c' ':!client/handover/handover.c' ':!common/fleet/*_store.[ch]' ':!controller/fleet/member_*.c'

refuse "of gate/ and certs/ these alone write: filler.c, probe.c; ca_bundle.c, store_secret.c" \
    'zl_kube_(create|replace|patch|delete)[a-z_]*\(' controller/gate certs ':!controller/gate/filler.c' ':!controller/gate/probe.c' \
    ':!certs/ca_bundle.c' ':!certs/store_secret.c'
refuse "on the hub write arbiter and member, and the fleet's verb" 'zl_hub_lease_put\(' controller webhook client certs \
    ':!controller/fleet' ':!client/fleet/fleet.c' ':!client/fleet/clusters.c'

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
