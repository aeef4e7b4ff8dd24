#!/usr/bin/env bash
# run.sh - the alert rules against made-up histories (promtool), each with a case in which it fires and one in which it
# does not; and the dashboard: valid JSON, no panel without a query, no two with the same place.
set -euo pipefail
cd "$(dirname "$0")/../.."
bash test/controlplane/packages.sh jq
tools=$(bash test/controlplane/prometheus.sh)
rules=manifests/monitoring/alerts.yaml tests=test/monitoring/alerts_test.yaml board=manifests/monitoring/dashboard.json

"$tools/promtool" check rules --lint-fatal "$rules"
"$tools/promtool" test rules "$tests"

# Lines of the tests: "ALERT fires" or "ALERT silent".
cases=$(awk '
    function flush() { if (name != "") print name, fires ? "fires" : "silent"; name = ""; fires = 0 }
    /eval_time:/ { flush() }
    match($0, /alertname: *[A-Za-z]+/) { name = substr($0, RSTART, RLENGTH); sub(/.*: */, "", name) }
    /exp_alerts:/ { fires = 1 }
    END { flush() }' "$tests")
while read -r alert; do
    for how in fires silent; do
        grep -qx "$alert $how" <<<"$cases" && continue
        echo "$tests: no case in which $alert ${how/silent/is silent}" >&2
        exit 1
    done
done < <(sed -nE 's/^ +- alert: (.*)/\1/p' "$rules")

jq -e '
    [.panels[] | select(.type != "row")] as $panels
    | ($panels | length > 0)
      and ($panels | all(.targets | length > 0 and all(.expr | length > 0)))
      and (.panels | map(.id) | length == (unique | length))
      and (.panels | map(.gridPos | [.x, .y]) | length == (unique | length))' "$board" >/dev/null || {
    echo "$board: a panel without a query, or two of them in one place" >&2
    exit 1
}
echo "alerts: $(wc -l <<<"$cases") cases; dashboard: $(jq '[.panels[] | select(.type != "row")] | length' "$board") panels"
