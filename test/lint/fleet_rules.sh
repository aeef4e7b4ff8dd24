#!/usr/bin/env bash
# fleet_rules.sh - each test and each guard of the model that docs/model.md names for a rule of the fleet's protocol exists, and each
# rule has at least one; and each guard that test/model/run.sh takes out of the fleet's models is of a rule.
set -euo pipefail
cd "$(dirname "$0")/../.."
page=docs/model.md
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0
fail() {
    echo "$page: $*" >&2
    failures=1
}

awk '/^### Each rule of the fleet/ { here = 1; next } /^##/ { here = 0 } here && /^\| / && !/^\| rule / && !/^\|---/' $page >"$work/rules"
[ "$(wc -l <"$work/rules")" -gt 30 ] || fail "found no rules of the fleet"
grep -rhoE '\<test_[A-Za-z0-9_]+\(void \*\*state\)' test/unit | sed 's/(.*//' | sort -u >"$work/tests"
grep -oE '^fault\|(fleet|fleet_order): [A-Z_]+' test/model/run.sh | sed 's/.*: //' | sort -u >"$work/guards"
grep -oE '^@test "[^"]+"' -r test/e2e/fleet.bats | sed 's/^@test //; s/"//g' >"$work/e2e"

while IFS= read -r line; do
    rule=${line#| }
    # shellcheck disable=SC2016 # backticks of Markdown
    names=$(awk -F' [|] ' '{ print $2 }' <<<"$line" | grep -oE '`[^`]+`' | tr -d '`' || true)
    [ -n "$names" ] || fail "no test for: ${rule%% | *}"
    while IFS= read -r name; do
        case $name in
        test_*) grep -qx "$name" "$work/tests" || fail "no test $name" ;;
        *[a-z]*) [ -e "$name" ] || fail "no file $name" ;;
        ?*) grep -qx "$name" "$work/guards" || fail "the model removes no guard $name" ;;
        esac
    done <<<"$names"
done <"$work/rules"
while IFS= read -r guard; do
    grep -q "\`$guard\`" "$work/rules" || fail "the guard $guard is of no rule"
done <"$work/guards"
exit $failures
