#!/usr/bin/env bash
# policy_fields.sh PROGRAM [CRD PAGE] - the CRD and docs/reference.md say of each field of a LeaderPolicy's spec what
# common/objects/policy_fields.c says, as PROGRAM prints it: one "field TAB fact TAB value" a line.
set -euo pipefail
cd "$(dirname "$0")/../.."
program=$1 crd=${2:-manifests/base/crd.yaml} page=${3:-docs/reference.md}
table=common/objects/policy_fields.c
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The facts of the CRD, from its fixed indentation. A description may go on over lines that stand deeper.
crd_facts() {
    awk -v OFS='\t' '
        function say() { if (name && told != "") print name, "description", told; told = "" }
        /^            [a-zA-Z]+:$/ { say(); spec = $1 == "spec:"; name = "" }
        !spec { next }
        /^                [a-zA-Z]+:$/ { say(); name = $1; sub(":", "", name); next }
        /^              [a-zA-Z-]+:/ { say(); name = "" }
        /self\.[a-zA-Z]+ < self\.[a-zA-Z]+/ && match($0, /self\.[a-zA-Z]+ < self\.[a-zA-Z]+/) {
            split(substr($0, RSTART, RLENGTH), sides, / < /)
            sub(/^self\./, "", sides[1])
            sub(/^self\./, "", sides[2])
            print sides[1], "less than", sides[2]
        }
        name == "" { next }
        /^                  (type|default|minimum|maximum): / { fact = $1; sub(":", "", fact); print name, fact, $2; next }
        /^                  enum: \[.*\]$/ { gsub(/^ *enum: \[|\]$/, ""); print name, "enum", $0; next }
        /^                  description: / { told = $0; sub(/^ *description: (>-)?/, "", told); next }
        /^                    / { line = $0; sub(/^ +/, "", line); told = told (told == "" ? "" : " ") line }
        END { say() }' "$crd" | sort
}

# The same from the table whose head is "| spec |": default and values.
page_facts() {
    awk -F' *[|] *' -v OFS='\t' '
        /^\| / && !table { table = 1; here = $2 == "spec" }
        !/^\|/ { table = 0; here = 0 }
        here && $2 ~ /^`/ { gsub(/`/, ""); print $2, "default", $3; print $2, "values", $4 }' "$page" | sort
}

# compare FILE FACTS FOUND - what the table says of FACTS (a pattern) is what was FOUND in FILE; a sentence for each that is not.
compare() {
    grep -P "\t($2)\t" "$work/table" | sort >"$work/wanted"
    awk -F'\t' -v file="$1" -v table="$table" '
        NR == FNR { wanted[$1 "\t" $2] = $3; next }
        { found[$1 "\t" $2] = $3 }
        function text(value) { return value == "" ? "nothing" : "\"" value "\"" }
        function check(key, part) {
            if (wanted[key] == found[key]) return
            split(key, part, "\t")
            print "spec." part[1] ": " part[2] " is " text(wanted[key]) " in " table " and " text(found[key]) " in " file
        }
        END {
            for (key in wanted) check(key)
            for (key in found) if (!(key in wanted)) check(key)
        }' "$work/wanted" "$3" | sort
}

"$program" >"$work/table"
crd_facts >"$work/crd"
page_facts >"$work/page"
for facts in table crd page; do
    [ "$(cut -f1 "$work/$facts" | sort -u | wc -l)" -gt 5 ] || { echo "policy_fields.sh: found no fields in $facts" >&2; exit 1; }
done
{
    compare "$crd" 'type|default|minimum|maximum|enum|less than|description' "$work/crd"
    compare "$page" 'default|values' "$work/page"
} >"$work/differences"
cat "$work/differences" >&2
[ ! -s "$work/differences" ]
