#!/usr/bin/env bash
# health.sh - the health rule for Argo CD in docs/gitops.md, run in its own language over the statuses that a pool can have.
set -euo pipefail
cd "$(dirname "$0")/../.."
bash test/controlplane/packages.sh lua5.4

rule=$(awk '/local health = /, /return health/' docs/gitops.md)
[ -n "$rule" ] || { echo "docs/gitops.md has no health rule any more" >&2; exit 1; }
wrong=0
# health WANTED STATUS - of a LeaderPolicy of generation 3; STATUS in Lua.
health() {
    local got
    got=$(lua5.4 - <<LUA
local function health(obj)
$rule
end
local result = health({metadata = {generation = 3}, status = $2})
print(result.status)
assert(type(result.message) == "string" and result.message ~= "")
LUA
    ) || got="an error"
    [ "$got" = "$1" ] && return
    echo "health of $2: $got, wanted $1" >&2
    wrong=1
}
# condition TYPE STATUS REASON
condition() { echo "{type = \"$1\", status = \"$2\", reason = \"$3\", message = \"a sentence\"}"; }

ready=$(condition Ready True LeaderReady)
health Progressing nil
health Progressing "{observedGeneration = 2, conditions = {$ready}}"
health Progressing "{observedGeneration = 3}"
health Healthy "{observedGeneration = 3, conditions = {$ready}}"
health Progressing "{observedGeneration = 3, conditions = {$(condition Ready False NoLeader)}}"
health Healthy "{observedGeneration = 3, conditions = {$ready, $(condition RolledOut True NewestLeads)}}"
health Progressing "{observedGeneration = 3, conditions = {$(condition RolledOut False NewRevisionWaits), $ready}}"
health Progressing "{observedGeneration = 3, conditions = {$ready, $(condition RolledOut False NotObserved)}}"
health Degraded "{observedGeneration = 3, conditions = {$ready, $(condition RolledOut False HandoverFailed)}}"
[ "$wrong" -eq 0 ] && echo "the health rule of docs/gitops.md: as it should be"
