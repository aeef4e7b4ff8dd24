#!/usr/bin/env bash
# kinds.sh PROGRAM - the manifests and the pages know the Kinds that the programs know, and no others. PROGRAM: zl-kinds.
#
# Of each Kind that may join a pool: both programs may get, list and watch it, its owners may be woken by a patch, the
# webhook is asked about it in all of its versions, and the pages for users name it. What Kubernetes has besides in the
# same API groups is not in the manifests. Each complaint names file and line.
set -euo pipefail
cd "$(dirname "$0")/../.."
failures=0
refuse() {
    echo "kinds: $*" >&2
    failures=1
}

kinds=$("$1")
[ "$(wc -l <<<"$kinds")" -ge 4 ] || { echo "kinds: $1 names no Kinds" >&2; exit 1; }

# What belongs to no Kind: file, API group, resource.
others='rbac apps controllerrevisions'

# rules FILE SECTION - "line group resource what" for each resource of each rule below that name; WHAT: verbs or versions, with
# commas. The first line is "LINE - - -": where the rules begin. Our manifests write each list in one line.
rules() {
    awk -v section="$2" '
        function list(text) { sub(/^[^[]*\[/, "", text); sub(/\].*/, "", text); gsub(/[" ]/, "", text); return text }
        $1 == "name:" || $1 == "-" && $2 == "name:" { here = $NF == section }
        !here { next }
        $1 == "rules:" { print FNR, "-", "-", "-"; inside = 1; next }
        inside && /^ *- apiGroups:/ { group = list($0) }
        inside && $1 == "apiVersions:" { what = list($0) }
        inside && $1 == "resources:" { at = FNR; resources = list($0) }
        inside && ($1 == "verbs:" || $1 == "scope:") {
            if ($1 == "verbs:") what = list($0)
            count = split(resources, names, ",")
            for (i = 1; i <= count; i++) print at, group == "" ? "core" : group, names[i], what
        }
        inside && (/^---/ || /^    [a-z][A-Za-z]*:/ && $1 != "rules:" && $1 !~ /^(apiVersions|operations|resources|resourceNames|scope|verbs):/) { inside = 0 }
    ' "$1"
}

has() { # WANTED HELD, both with commas: is all of WANTED in HELD?
    local one
    for one in ${1//,/ }; do [[ ",$2," == *",$one,"* ]] || return 1; done
}

# check FILE SECTION WHAT: what each Kind needs there; by the names that zl-kinds prints.
check() {
    local file=$1 section=$2 what=$3 known line start name group plural versions part woken wanted held
    known=$(rules "$file" "$section")
    start=$(head -n 1 <<<"$known" | cut -d' ' -f1)
    [ "$(wc -l <<<"$known")" -gt 2 ] || { refuse "$file: no rules of $section found"; return; }
    while read -r name group plural versions part woken; do
        case $what in
            reviews)
                [ "$part" = member ] || continue
                wanted=$versions
                ;;
            controller) wanted=get,list,watch$([ "$woken" = - ] || echo ,patch) ;;
            webhook) wanted=get,list$([ "$part" = between ] || echo ,watch) ;;
        esac
        line=$start held=
        while read -r at its_group its_plural its_what; do
            [ "$its_group $its_plural" = "$group $plural" ] && line=$at held=$its_what
        done <<<"$known"
        has "$wanted" "$held" ||
            refuse "$file:$line: $section has [${held//,/, }] on $plural of $group, and a $name needs [${wanted//,/, }] (common/kinds)"
    done <<<"$kinds"
    while read -r at group plural _; do
        grep -q " $group " <<<"$kinds" || continue
        grep -qxF "$(basename "$file" .yaml) $group $plural" <<<"$others" && continue
        grep -q " $group $plural " <<<"$kinds" ||
            refuse "$file:$at: $section names $plural of $group, which is no Kind of common/kinds"
    done <<<"$known"
}

for folder in manifests/base manifests/chart/templates; do
    check "$folder/rbac.yaml" zen-lead-webhook webhook
    check "$folder/rbac.yaml" zen-lead-controller controller
    check "$folder/webhook-configuration.yaml" workloads.zen-lead.kube-zen.io reviews
done

# Where users read which Kinds there are: the row of zen-lead/pool, and the page that begins with them.
while read -r name _ _ _ part _; do
    [ "$part" = member ] || continue
    # shellcheck disable=SC2016 # the backquotes are Markdown's
    at=$(grep -n '^| `zen-lead/pool` |' docs/reference.md | head -n 1)
    grep -qw "$name" <<<"$at" || refuse "docs/reference.md:${at%%:*}: zen-lead/pool is also for a $name (common/kinds)"
    head -n 8 docs/concepts.md | grep -qw "$name" || refuse "docs/concepts.md:4: a $name may join a pool, too (common/kinds)"
done <<<"$kinds"
exit $failures
