#!/usr/bin/env bash
# reference.sh - docs/reference.md and the CRD name the same fields of LeaderPolicy, with the same defaults.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# crd spec|status - "field default" for each field directly under it, from the CRD's fixed indentation.
crd() {
    awk -v part="$1" '
        /^            [a-zA-Z]+:$/ { here = $1 == part ":" }
        !here { next }
        /^                [a-zA-Z]+:$/ { if (name) print name, value; name = $1; sub(":", "", name); value = "-" }
        /^                  default: / { value = $2 }
        END { if (name) print name, value }' manifests/base/crd.yaml | sort
}

# page spec|status - the same from the table whose head is "| spec |" or "| status |". Of `conditions` and the like only the name counts.
page() {
    awk -F'|' -v part="$1" '
        /^\| / && !table { table = 1; here = $2 ~ "^ " part " " }
        !/^\|/ { table = 0; here = 0 }
        here && $2 ~ /`/ {
            count = split($2, names, "`")
            value = "-"
            if (part == "spec") { value = $3; gsub(/[` ]/, "", value); if (value == "") value = "-" }
            for (i = 2; i <= count; i += 2) { name = names[i]; sub(/\[\]$/, "", name); print name, value }
        }' docs/reference.md | sort
}

status=0
for part in spec status; do
    crd "$part" >"$work/crd"
    page "$part" >"$work/page"
    [ "$(wc -l <"$work/crd")" -gt 5 ] || { echo "reference.sh: found no fields of $part in the CRD" >&2 && status=1; }
    if ! diff "$work/crd" "$work/page" >"$work/diff"; then
        echo "docs/reference.md and manifests/base/crd.yaml differ in $part (< CRD, > page; field and default):" >&2
        grep '^[<>]' "$work/diff" >&2
        status=1
    fi
done
exit $status
