#!/usr/bin/env bash
# health.sh - the health rules of docs/gitops.md, each run in its own language over the statuses that a pool can have: Argo CD's in Lua,
# Flux's in CEL.
set -euo pipefail
cd "$(dirname "$0")/../.."
bash test/controlplane/packages.sh lua5.4 jq

# What Argo CD is to say, what Flux is to say, and the status, of a LeaderPolicy of generation 3. True conditions have other reasons.
ready='{"type": "Ready", "status": "True", "reason": "LeaderReady", "message": "a sentence"}'
rolled_out() { echo "{\"type\": \"RolledOut\", \"status\": \"$1\", \"reason\": \"$2\", \"message\": \"a sentence\"}"; }
cases() {
    cat <<CASES
Progressing InProgress null
Progressing InProgress {}
Progressing InProgress {"observedGeneration": 2, "conditions": [$ready]}
Progressing InProgress {"observedGeneration": 3}
Progressing InProgress {"observedGeneration": 3, "conditions": []}
Healthy Current {"observedGeneration": 3, "conditions": [$ready]}
Progressing InProgress {"observedGeneration": 3, "conditions": [${ready/True/False}]}
Healthy Current {"observedGeneration": 3, "conditions": [$ready, $(rolled_out True NewestLeads)]}
Progressing InProgress {"observedGeneration": 3, "conditions": [$(rolled_out False NewRevisionWaits), $ready]}
Progressing InProgress {"observedGeneration": 3, "conditions": [$ready, $(rolled_out False NotObserved)]}
Degraded Failed {"observedGeneration": 3, "conditions": [$ready, $(rolled_out False HandoverFailed)]}
Progressing InProgress {"observedGeneration": 2, "conditions": [$ready, $(rolled_out False HandoverFailed)]}
CASES
}
objects() { cases | cut -d ' ' -f 3- | jq -c '{metadata: {generation: 3}} + if . == null then {} else {status: .} end'; }

# compare TOOL FIELD COMMAND... - its output, a word each line, is what field FIELD of the cases says.
compare() {
    local tool=$1 field=$2
    shift 2
    if diff <(cases | cut -d ' ' -f "$field" | cat -n) <("$@" | cat -n) >&2; then
        echo "health rule for $tool: $(cases | wc -l) statuses, as it should be"
    else
        echo "health rule for $tool: < wanted, > got, see the cases in $0" >&2
        exit 1
    fi
}

argo() {
    local rule object
    rule=$(awk '/local health = /, /return health/' docs/gitops.md)
    [ -n "$rule" ] || { echo "docs/gitops.md has no health rule for Argo CD any more" >&2; return; }
    objects | jq -r 'def lua: if type == "object" then "{" + (to_entries | map("[\(.key | @json)] = \(.value | lua)") | join(", ")) + "}"
        elif type == "array" then "{" + (map(lua) | join(", ")) + "}" else @json end; lua' | while IFS= read -r object; do
        lua5.4 - <<LUA || echo "an error"
local function health(obj)
$rule
end
local result = health($object)
assert(type(result.message) == "string" and result.message ~= "")
print(result.status)
LUA
    done
}

# expression NAME - of healthCheckExprs, on one line
expression() {
    awk -v name="$1:" '$1 == name {on = 1; $1 = ""; sub(/^ *>-/, "")} on && $1 ~ /^[a-z]+:$/ || /^```/ {on = 0} on' docs/gitops.md | tr '\n' ' '
}
flux() {
    local root=$PWD current failed
    current=$(expression current) failed=$(expression failed)
    objects | (cd "$cel" && node "$root/test/manifests/flux.mjs" "$current" "$failed")
}

compare "Argo CD" 1 argo
status=0
cel=$(bash test/controlplane/cel.sh) || status=$?
if [ "$status" -eq 75 ]; then
    echo "health rule for Flux: skipped: npm cannot fetch a CEL evaluator" >&2
    exit 0
fi
[ "$status" -eq 0 ] || exit "$status"
compare Flux 2 flux
