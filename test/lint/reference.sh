#!/usr/bin/env bash
# reference.sh - docs/reference.md and the CRD name the same fields of LeaderPolicy status. Those of the spec: policy_fields.sh.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Each field directly under status, from the CRD's fixed indentation.
crd() {
    awk '
        /^            [a-zA-Z]+:$/ { here = $1 == "status:" }
        here && /^                [a-zA-Z]+:$/ { sub(":", "", $1); print $1 }' manifests/base/crd.yaml | sort
}

# The same from the table whose head is "| status |".
page() {
    awk -F'|' '
        /^\| / && !table { table = 1; here = $2 ~ "^ status " }
        !/^\|/ { table = 0; here = 0 }
        here && $2 ~ /`/ {
            count = split($2, names, "`")
            for (i = 2; i <= count; i += 2) { name = names[i]; sub(/\[\]$/, "", name); print name }
        }' docs/reference.md | sort
}

crd >"$work/crd"
page >"$work/page"
[ "$(wc -l <"$work/crd")" -gt 5 ] || { echo "reference.sh: found no fields of status in the CRD" >&2; exit 1; }
if ! diff "$work/crd" "$work/page" >"$work/diff"; then
    echo "docs/reference.md and manifests/base/crd.yaml differ in status (< CRD, > page):" >&2
    grep '^[<>]' "$work/diff" >&2
    exit 1
fi
