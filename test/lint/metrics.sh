#!/usr/bin/env bash
# metrics.sh [--list] - every metric of the code is in docs/metrics.md as it is, and nobody names one that is not there.
#
# What is compared: name, type and labels with the first two columns of the tables; the names that the alert rules, the
# dashboard, the other documents and the tests use; the alerts with the table of alerts. --list prints what the code has.
set -euo pipefail
cd "$(dirname "$0")/../.."
failures=0
refuse() {
    echo "metrics: $*" >&2
    failures=1
}

# `name{labels}` | type, one a line.
in_code() {
    # shellcheck disable=SC2046 # our own file names, none with a space
    awk '
        /struct zl_metric [A-Z_]+ = \{/ { inside = 1; name = type = labels = "" }
        inside && match($0, /\.name = "[a-z0-9_]+"/) { name = substr($0, RSTART + 9, RLENGTH - 10) }
        inside && match($0, /ZL_METRIC_[A-Z]+/) { type = tolower(substr($0, RSTART + 10, RLENGTH - 10)) }
        inside { line = $0
                 while (match(line, /\.label[123] = "[a-z_]+"/)) {
                     labels = labels (labels == "" ? "" : ",") substr(line, RSTART + 11, RLENGTH - 12)
                     line = substr(line, RSTART + RLENGTH)
                 } }
        inside && /^\};/ || inside && /\};$/ {
            printf "`%s%s` | %s\n", name, labels == "" ? "" : "{" labels "}", type; inside = 0 }
    ' $(git ls-files --cached --others --exclude-standard common webhook controller | grep '\.c$') | sort
}

# shellcheck disable=SC2016  # the backquotes are Markdown's
in_docs() { sed -nE 's/^\| (`(zen_lead|process)_[a-z_]+[^|]*`) \| ([a-z]+) \|.*/\1 | \3/p' docs/metrics.md | sort; }

if [ "${1:-}" = --list ]; then
    in_code
    exit
fi

# Every family stands in the list of its file (ZL_...: in some list), and every list in that of a program: else a family
# is first seen with its first event. Prints what does not.
unlisted() {
    # shellcheck disable=SC2046 # as above
    awk '
        match($0, /^(static )?const struct zl_metric [A-Z_]+ = \{/) { name = $(/^static/ ? 5 : 4); family[FILENAME " " name] = name ~ /^ZL_/ }
        match($0, /^const struct zl_metric \*const ZL_[A-Z_]+_METRICS\[\] = /) { name = $5; sub(/\[.*/, "", name); list[name] }
        /METRICS\[\] = \{/ { inside = 1 }
        inside {
            text = $0
            while (match(text, /&?[A-Z_]+/)) {
                name = substr(text, RSTART, RLENGTH)
                text = substr(text, RSTART + RLENGTH)
                if (sub(/^&/, "", name)) { here[FILENAME " " name]; anywhere[name] } else if (FILENAME ~ /main\.c$/) shown[name]
            }
        }
        /\};/ { inside = 0 }
        END {
            for (name in family) { split(name, part, " "); if (!(name in here) && !(family[name] && part[2] in anywhere)) print part[2] " of " part[1] " is in no list" }
            for (name in list) if (!(name in shown)) print name " is in no list of a program"
        }' $(git ls-files --cached --others --exclude-standard common webhook controller | grep '\.c$') | sort
}
lists=$(unlisted)
[ -z "$lists" ] || refuse "$lists"

code=$(in_code)
[ -z "$(cut -d'`' -f2 <<<"$code" | sed 's/{.*//' | uniq -d)" ] || refuse "two metrics have the same name"
if ! diff <(echo "$code") <(in_docs) >&2; then
    refuse "docs/metrics.md (>) does not say what the code has (<)"
fi

# Names in use; a histogram's series have suffixes, and a group of names ends in *.
known=$(sed -E 's/^`([a-z0-9_]+).*\| ([a-z]+)$/\1 \2/' <<<"$code" |
    awk '{ print $1 } $2 == "histogram" { print $1 "_bucket"; print $1 "_sum"; print $1 "_count" }')
while IFS=: read -r file name; do
    grep -qxF "$name" <<<"$known" || refuse "$file names $name, which no program has"
done < <(git ls-files --cached --others --exclude-standard manifests docs test README.md | grep -v '^test/unit/' |
    xargs grep -oHE '\bzen_lead_[a-z0-9_]+\b\*?' | grep -v '_\*$' | sort -u)

# shellcheck disable=SC2016
listed=$(sed -nE 's/^\| `(ZenLead[A-Za-z]+)`.*/\1/p' docs/metrics.md | sort)
alerts=$(sed -nE 's/^ +- alert: (.*)/\1/p' manifests/monitoring/alerts.yaml | sort)
if ! diff <(echo "$alerts") <(echo "$listed") >&2; then
    refuse "docs/metrics.md (>) does not list the alerts of manifests/monitoring/alerts.yaml (<)"
fi
if ! bash test/lint/prometheusrule.sh | diff manifests/monitoring/prometheusrule.yaml - >&2; then
    refuse "manifests/monitoring/prometheusrule.yaml is not alerts.yaml; run: make docs"
fi
exit $failures
