#!/usr/bin/env bash
# reference.sh - docs/reference.md and the CRDs name the same fields: of LeaderPolicy status (its spec: policy_fields.sh), and of spec
# and status of a fleet's.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

# crd FILE SECTION - each field directly under it, from the CRD's fixed indentation.
crd() {
    awk -v section="$2:" '
        /^            [a-zA-Z]+:$/ { here = $1 == section }
        here && /^                [a-zA-Z]+:$/ { sub(":", "", $1); print $1 }' "$1" | sort
}

# page HEAD - the same from the table whose head is "| HEAD |".
page() {
    awk -F'|' -v head="^ $1 " '
        /^\| / && !table { table = 1; here = $2 ~ head }
        !/^\|/ { table = 0; here = 0 }
        here && $2 ~ /`/ {
            count = split($2, names, "`")
            for (i = 2; i <= count; i += 2) { name = names[i]; sub(/\[\]$/, "", name); print name }
        }' docs/reference.md | sort
}

# same FILE SECTION HEAD
same() {
    crd "$1" "$2" >"$work/crd"
    page "$3" >"$work/page"
    [ "$(wc -l <"$work/crd")" -gt 5 ] || { echo "reference.sh: found no fields of $2 in $1" >&2; exit 1; }
    if ! diff "$work/crd" "$work/page" >"$work/diff"; then
        echo "docs/reference.md and $1 differ in $2 (< CRD, > page):" >&2
        grep '^[<>]' "$work/diff" >&2
        failures=1
    fi
}

# defaults FILE HEAD - of a fleet's spec: those of the CRD are those of the page.
defaults() {
    awk -v OFS='\t' '
        /^            [a-zA-Z]+:$/ { here = $1 == "spec:"; name = "" }
        here && /^                [a-zA-Z]+:$/ { name = $1; sub(":", "", name) }
        name != "" && /^                  default: / { print name, $2 }' "$1" | sort >"$work/crd"
    awk -F' *[|] *' -v OFS='\t' -v head="$2" '
        /^\| / && !table { table = 1; here = $2 == head }
        !/^\|/ { table = 0; here = 0 }
        here && $2 ~ /^`[a-zA-Z]+`$/ && $3 ~ /^(`[^`]+`|[0-9]+)$/ { gsub(/`/, ""); print $2, $3 }' docs/reference.md | sort >"$work/page"
    [ "$(wc -l <"$work/crd")" -gt 5 ] || { echo "reference.sh: found no defaults in $1" >&2; exit 1; }
    if ! diff "$work/crd" "$work/page" >"$work/diff"; then
        echo "docs/reference.md and $1 differ in defaults (< CRD, > page):" >&2
        grep '^[<>]' "$work/diff" >&2
        failures=1
    fi
}

same manifests/base/crd.yaml status status
same manifests/fleet/member/crd.yaml spec "fleet spec"
same manifests/fleet/member/crd.yaml status "fleet status"
defaults manifests/fleet/member/crd.yaml "fleet spec"
exit $failures
